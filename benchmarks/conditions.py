"""Do conditions hold, how fast are rows under them drawn, and are they as hard to tell from real rows?

For each table the generator is fitted and random conditions on one to five columns are asked for, each made
from a random real row so that a row has it: cells, missing cells, ranges, comparisons and lists. Printed are
the share of drawn rows that are as asked, the speed as a share of that without conditions, and how long it
took to refuse what cannot be. With `--fidelity`, half of the rows are learned, and for conditions that 500 or
more held-out rows meet, the AUC of XGBoost between these and as many drawn rows is printed beside that
without a condition. Each is the mean of several draws, since one AUC of n real and n drawn rows that are
alike has a standard error of about 1 / sqrt(6 n) by chance alone (that of the Mann-Whitney statistic).

    python benchmarks/conditions.py adult shoppers --data path/to/tables --seeds 0 1
    python benchmarks/conditions.py adult shoppers --data path/to/tables --fidelity
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fidelity import TARGETS, detection, load

from synthgan import ConditionError, SynthGAN

#: Rows drawn under each condition, and how many times without one for a measure of speed.
N_ROWS, N_PLAIN = 2_000, 3
#: Share of the rows that lie in a range at least, and held-out rows that meet a condition that is judged.
MIN_SUPPORT, MIN_JUDGED = 0.001, 500
#: Draws that an AUC is the mean of.
N_DRAWS = 3


def main() -> None:
    arguments = _arguments()
    results = []
    for name in arguments.tables:
        for seed in arguments.seeds:
            judge = fidelity if arguments.fidelity else holding
            results.append({"table": name, "seed": seed, **judge(name, seed, arguments)})
            print(json.dumps(results[-1]), flush=True)
    shown = ["table", "seed", *(key for key in results[0] if key not in ("table", "seed", "each"))]
    print(f"| {' | '.join(shown)} |\n|{'---|' * len(shown)}")
    for result in results:
        cells = [
            f"{result[key]:.3f}" if isinstance(result[key], float) else str(result[key]) for key in shown
        ]
        print(f"| {' | '.join(cells)} |")


def holding(name: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return whether conditions hold, and how fast; errors are counted as rows that do not."""
    table = pd.read_parquet(Path(arguments.data) / f"{name}.parquet")
    gan = SynthGAN(random_state=seed, verbose=0, **arguments.parameters).fit(table)
    rng = np.random.default_rng(seed)
    columns = [column.name for column in gan.schema_ if column.kind != "key"]
    gan.sample(N_ROWS)
    plain = statistics.median(timed(gan, {})[1] for _ in range(N_PLAIN))
    held, speeds, errors = [], [], 0
    for _ in range(arguments.conditions):
        asked = random_condition(table, columns, rng)
        try:
            drawn, seconds = timed(gan, asked)
        except ConditionError as error:
            print(f"refused: {asked}: {error}", flush=True)
            errors += 1
            continue
        held.append(len(drawn) == N_ROWS and bool(are_met(drawn, asked).all()))
        speeds.append(plain / seconds)
    frame = table[columns].sample(N_ROWS, replace=True, random_state=seed).reset_index(drop=True)
    frame = frame.mask(rng.random(frame.shape) < 0.5)
    drawn, seconds = timed(gan, frame)
    is_same = all((drawn[column].eq(frame[column]) | frame[column].isna()).all() for column in columns)
    return {
        "conditions": len(held),
        "refused": errors,
        "held": float(np.mean(held)),
        "least speed": min(speeds),
        "median speed": statistics.median(speeds),
        "frame held": is_same,
        "frame speed": plain / seconds,
        "slowest refusal, s": slowest_refusal(gan, table, columns, rng),
        "rows/s without": round(N_ROWS / plain),
    }


def timed(gan: SynthGAN, asked: Any) -> tuple[pd.DataFrame, float]:
    """Return rows drawn under a condition, and the seconds that it took."""
    started = time.perf_counter()
    drawn = gan.sample(N_ROWS, conditions=asked)
    return drawn, time.perf_counter() - started


def random_condition(table: pd.DataFrame, columns: list[Any], rng: np.random.Generator) -> dict[Any, Any]:
    """Return a condition on one to five columns that a random row meets."""
    row = table.iloc[rng.integers(len(table))]
    chosen = rng.choice(len(columns), size=min(len(columns), rng.integers(1, 6)), replace=False)
    return {name: wish(table[name], row[name], rng) for name in (columns[i] for i in chosen)}


def wish(column: pd.Series, cell: Any, rng: np.random.Generator) -> Any:
    """Return what is asked of a column so that a cell has it."""
    if pd.isna(cell):
        return None
    is_line = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    form = rng.choice(["cell", "cell", "range", "above", "list"] if is_line else ["cell", "cell", "list"])
    if form == "range":
        return range_around(column, cell, rng)
    if form == "above":
        return f">= {min(cell, column.quantile(rng.uniform(0, 1 - MIN_SUPPORT)))}"
    if form == "list":
        return [cell, *column.dropna().sample(2, random_state=int(rng.integers(2**31)))]
    return cell


def are_met(frame: pd.DataFrame, asked: dict[Any, Any]) -> np.ndarray:
    """Return which rows are as `random_condition` asks, without asking the package."""
    return np.all([cells_met(frame[name], wanted) for name, wanted in asked.items()], axis=0)


def range_around(column: pd.Series, cell: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a range with a cell in it that has at least the least support."""
    present = np.sort(column.dropna().to_numpy(dtype=float))
    width = int(np.ceil(len(column) * np.exp(rng.uniform(np.log(MIN_SUPPORT), np.log(0.5)))))
    place = int(np.searchsorted(present, float(cell)))
    first = max(0, place - int(rng.integers(0, width)))
    return present[first], present[min(len(present) - 1, first + width)]


def slowest_refusal(
    gan: SynthGAN, table: pd.DataFrame, columns: list[Any], rng: np.random.Generator
) -> float:
    """Return how long it took at most to refuse what cannot be, or to draw what no row has together."""
    asked: list[dict[Any, Any]] = [{columns[0]: object()}, {"no such column": 1}]
    for name in columns:
        column = table[name]
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            asked += [{name: f"> {column.max()}"}, {name: float(column.max()) * 2 + 1e6}]
        else:
            asked.append({name: "no such level"})
    for _ in range(20):  # cells of several rows, which may or may not go together
        some = rng.choice(len(columns), size=min(5, len(columns)), replace=False)
        asked.append({columns[i]: table[columns[i]].iloc[rng.integers(len(table))] for i in some})
    longest = 0.0
    for conditions in asked:
        started = time.perf_counter()
        try:
            gan.sample(100, conditions=conditions)
        except ConditionError:
            longest = max(longest, time.perf_counter() - started)
    return longest


def fidelity(name: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return AUCs under conditions that enough held-out rows meet, and without one."""
    train, test = load(name, Path(arguments.data))
    gan = SynthGAN(target=TARGETS[name], random_state=seed, verbose=0, **arguments.parameters).fit(train)
    rng = np.random.default_rng(seed)
    without, each = mean_detection(gan, test, len(train), {}), []
    while len(each) < arguments.conditions:
        asked = random_condition(test, list(test.columns), rng)
        real = test[are_met(test, asked)]
        if not MIN_JUDGED <= len(real) < 0.9 * len(test):
            continue
        some = test.sample(len(real), random_state=seed)
        auc = mean_detection(gan, real, len(real), asked)
        as_few = mean_detection(gan, some, len(real), {})
        each.append({"asked": str(asked), "rows": len(real), "auc": auc, "as many without": as_few})
        print(json.dumps(each[-1]), flush=True)
    over = [one["auc"] - without for one in each]
    return {
        "conditions": len(each),
        "auc without": without,
        "median auc": statistics.median(one["auc"] for one in each),
        "most above": max(over),
        "mean above": statistics.mean(over),
        "mean above as many": statistics.mean(one["auc"] - one["as many without"] for one in each),
        "share within .05": float(np.mean(np.array(over) <= 0.05)),
        "each": each,
    }


def mean_detection(gan: SynthGAN, real: pd.DataFrame, n_rows: int, asked: dict[Any, Any]) -> float:
    """Return the mean AUC between real and drawn rows over several draws."""
    return statistics.mean(detection(real, gan.sample(n_rows, conditions=asked)) for _ in range(N_DRAWS))


def cells_met(column: pd.Series, wanted: Any) -> np.ndarray:
    """Return which cells are as `wish` asks."""
    if isinstance(wanted, tuple):
        return column.between(*wanted).fillna(False).to_numpy(dtype=bool)
    if isinstance(wanted, list):
        return column.isin(wanted).to_numpy()
    if isinstance(wanted, str) and wanted.startswith(">= "):
        return (column >= float(wanted[3:])).fillna(False).to_numpy(dtype=bool)
    return (column.isna() if pd.isna(wanted) else column == wanted).fillna(False).to_numpy(dtype=bool)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--data", default="../shared/data", help="folder of the parquet files")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--conditions", type=int, default=40, help="how many for each table and seed")
    parser.add_argument("--fidelity", action="store_true", help="judge rows instead of counting them")
    parser.add_argument("--parameters", type=json.loads, default={}, help="of SynthGAN, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
