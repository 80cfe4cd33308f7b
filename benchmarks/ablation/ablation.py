"""What is each part of the generator worth? Every part on and off, on held-out rows.

    python benchmarks/ablation/ablation.py --data path/to/tables

Each run is a line of `results.jsonl` beside this file and is not repeated while the line is there. The table
that is printed has a row for each part that is off (or on, where it is off by default): the AUC of boosted
trees between held-out and drawn rows of each table; by how much AUC, utility and share of copies differ from
those of the first row, in the mean over tables and seeds, with its standard error; and mean speeds. Every
variant learns the same rows of each part of a table (`--rows`), within the same seconds (`--max-time`); what
differs in drawing alone is drawn from one model. See `benchmarks/fidelity.py` for how tables are split and
figures computed.
"""

import argparse
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

import fidelity
import numpy as np
import pandas as pd

import synthgan
from synthgan import SynthGAN
from synthgan.gan.drawing import _shuffled
from synthgan.gan.grouping import Dependence, Plan, plan
from synthgan.preprocessing import CodingOptions

TABLES = ["adult", "default-credit", "shoppers", "beijing-pm25", "california-housing"]
RESULTS = Path(__file__).with_name("results.jsonl")
COMPARED = ("auc", "utility", "dcr_share")
FIGURES = ("fit_seconds", "rows_per_second")
#: What is changed: parameters of SynthGAN, and names in the package with what stands in for them.
Change = tuple[dict[str, Any], dict[str, Any]]


def _random_groups(
    columns: Sequence[int], dependence: Dependence, n_rounds: int, given: Sequence[int]
) -> Plan:
    """Return the plan of who does not know what columns say of each other."""
    nothing = np.zeros_like(dependence.information)
    return plan(columns, Dependence(nothing, nothing), n_rounds, given)


#: What each variant changes in fitting, and those that are drawn from the first one's model.
FITTED: dict[str, Change] = {
    "as it is": ({}, {}),
    "no masked reconstruction (one-shot game)": ({"loss": "relativistic"}, {}),
    "discriminator in training": ({"adversarial_weight": 0.1}, {}),
    "no ordinal basis": ({}, {"synthgan.gan.networks.MIN_ORDERED_CODES": 10**9}),
    "no places": ({}, {"synthgan.synthesizer.CodingOptions": partial(CodingOptions, max_places=1)}),
    "no relations": ({}, {"synthgan.preprocessing.table.find_relations": lambda frame, encoders: ()}),
    "trees of random questions": ({}, {"synthgan.gan.balancing._N_QUESTIONS": 1}),
    "leaves of 6 rows for all columns": ({}, {"synthgan.gan.fitting.fitting_leaves": lambda *_, **__: None}),
    "numbers that stay in their leaves": (
        {},
        {"synthgan.gan.redrawing._rooms": lambda stands, may_move, first: np.zeros(len(stands))},
    ),
    "trees for all columns": ({}, {"synthgan.gan.training.leave_to_generator": lambda *_, **__: None}),
    "no bfloat16": ({}, {"synthgan.gan.computing.computes_bfloat16": lambda device: False}),
}
DRAWN: dict[str, Change] = {
    "no redrawing": ({"redraw": False}, {}),
    "no redrawing, independent rows": ({"redraw": False, "correct": False}, {}),
    "target redrawn only in its turn": (
        {},
        {
            "synthgan.gan.drawing._order_of_redrawing": lambda model, columns, rng: _shuffled(
                sorted(columns), rng
            )
        },
    ),
    "independent rows": ({"correct": False}, {}),
    "discriminator instead of balance": ({}, {"synthgan.gan.drawing._FEW": 10**9}),
    "one column a round": ({"rounds": None}, {}),
    "one column a round, independent": ({"rounds": None, "correct": False}, {}),
    "rounds of random groups, independent": (
        {"correct": False},
        {"synthgan.gan.drawing.plan": _random_groups},
    ),
    "one round, independent": ({"rounds": 1, "correct": False}, {}),
    "one round, no redrawing, independent": ({"rounds": 1, "redraw": False, "correct": False}, {}),
}
VARIANTS = [*FITTED, *DRAWN]


def main() -> None:
    arguments = _arguments()
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    done = _read(arguments)
    for table in arguments.tables:
        for seed in arguments.seeds:
            for name in FITTED:
                wanted = [name, *DRAWN] if name == "as it is" else [name]
                missing = [variant for variant in wanted if (table, seed, variant) not in done]
                for result in run(table, seed, name, missing, arguments) if missing else ():
                    done[table, seed, result["variant"]] = result
                    with arguments.results.open("a") as file:
                        file.write(json.dumps(result) + "\n")
    print(table_of({key: done[key] for key in product(arguments.tables, arguments.seeds, VARIANTS)}))


def run(
    table: str, seed: int, fitted: str, drawn: list[str], arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Fit one variant, draw some from its model, and yield the figures of each."""
    parts = fidelity.load(table, Path(arguments.data))
    train, test = (_some(part, arguments.rows) for part in parts)
    target = fidelity.TARGETS[table]
    parameters, replaced = FITTED[fitted]
    gan = SynthGAN(target=target, random_state=seed, verbose=0, max_time=arguments.max_time, **parameters)
    as_fitted = gan.get_params()
    with _replacing(replaced):
        started = time.perf_counter()
        gan.fit(train)
        fit_seconds = time.perf_counter() - started
        for name in drawn:
            parameters, replaced_too = DRAWN.get(name, ({}, {}))
            with _replacing(replaced_too):
                gan.set_params(**{**as_fitted, **parameters})
                started = time.perf_counter()
                rows = gan.sample(len(train))
                rows_per_second = len(rows) / (time.perf_counter() - started)
            result = {"table": table, "seed": seed, "variant": name, **_settings(arguments)}
            result["fit_seconds"] = fit_seconds
            result |= fidelity.judge(rows, train, test, target) | {"rows_per_second": rows_per_second}
            print(json.dumps(result), flush=True)
            yield result


def _some(part: pd.DataFrame, n_rows: int) -> pd.DataFrame:
    return part.sample(min(n_rows, len(part)), random_state=0).reset_index(drop=True)


@contextlib.contextmanager
def _replacing(replaced: dict[str, Any]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for target, stand_in in replaced.items():
            stack.enter_context(mock.patch(target, stand_in))
        yield


def table_of(results: dict[tuple[str, int, str], dict[str, Any]]) -> str:
    """Return a markdown table: a row for each variant, the AUC of each table, differences, and means."""
    tables = list(dict.fromkeys(table for table, _, _ in results))
    heads = ["variant", *(f"auc {table}" for table in tables), *COMPARED, *FIGURES]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for variant in VARIANTS:
        own = {key: result for key, result in results.items() if key[2] == variant}
        cells = [fidelity.in_words([own[key]["auc"] for key in own if key[0] == table]) for table in tables]
        for figure in COMPARED:
            differences = [
                result[figure] - results[table, seed, VARIANTS[0]][figure]
                for (table, seed, _), result in own.items()
            ]
            cells.append(_difference(differences) if any(differences) else "")
        cells += [f"{statistics.mean(result[figure] for result in own.values()):,.0f}" for figure in FIGURES]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _difference(differences: list[float]) -> str:
    error = statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0
    return f"{statistics.mean(differences):+.3f} ± {error:.3f}"


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what results have to share to stand in one table."""
    return {"rows": arguments.rows, "max_time": arguments.max_time, "version": synthgan.__version__}


def _read(arguments: argparse.Namespace) -> dict[tuple[str, int, str], dict[str, Any]]:
    """Return the results that there are of these settings."""
    lines = arguments.results.read_text().splitlines() if arguments.results.exists() else []
    results = [json.loads(line) for line in lines]
    results = [result for result in results if _settings(arguments).items() <= result.items()]
    return {(result["table"], result["seed"], result["variant"]): result for result in results}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="../shared/data", help="folder of the parquet files")
    parser.add_argument("--tables", nargs="+", default=TABLES, choices=sorted(fidelity.TARGETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=3_000, help="that are learned, and as many to judge by")
    parser.add_argument("--max-time", type=float, default=60, help="seconds a fit may take")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
