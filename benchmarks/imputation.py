"""How near do filled cells come to those that were removed, and are they spread as these were?

A fifth of the cells of a real table is removed at random. Each method sees the table with its holes, whole,
and fills them. Printed for each method: the root mean squared error over number columns, in standard
deviations of the column (`rmse`); the share of categories that are right (`accuracy`); how far the filled
cells are distributed from the removed ones, which is the Kolmogorov-Smirnov distance for numbers and total
variation for categories, in the mean (`spread`); and the AUC of XGBoost between filled rows of one half of
the table and real rows of the other (`auc`, .5: nobody can tell).

    python benchmarks/imputation.py adult shoppers california-housing --data path/to/tables --seeds 0 1 2

Rivals are scikit-learn's IterativeImputer (Bayesian ridge regression) and KNNImputer, both over scaled
numbers and one-hot categories, and chained random forests as missForest [1]_ has them.

References
----------
.. [1] Stekhoven, Buehlmann (2012). MissForest: non-parametric missing value imputation for mixed-type data.
       Bioinformatics 28.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fidelity import LEFT_OUT, detection, in_words
from scipy.stats import ks_2samp
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

from synthgan import SynthGAN

#: Share of the cells that is removed, and rows of a table that are looked at.
REMOVED, MAX_ROWS = 0.2, 10_000
#: Rounds of the chained forests at most, as their authors have it.
MAX_ROUNDS = 10
FIGURES = ("rmse", "accuracy", "spread", "auc", "seconds")

Filler = Callable[[pd.DataFrame, int], pd.DataFrame]


def main() -> None:
    arguments = _arguments()
    lines = [f"| table | method | seeds | {' | '.join(FIGURES)} |", f"|---|---|---|{'---|' * len(FIGURES)}"]
    for name in arguments.tables:
        results: dict[str, list[dict[str, float]]] = {}
        for seed in arguments.seeds:
            for method, figures in run(name, seed, arguments).items():
                results.setdefault(method, []).append(figures)
                print(json.dumps({"table": name, "seed": seed, "method": method, **figures}), flush=True)
        for method, figures in results.items():
            cells = [in_words([one[figure] for one in figures]) for figure in FIGURES]
            lines.append(f"| {name} | {method} | {len(figures)} | {' | '.join(cells)} |")
    print("\n".join(lines))


def run(name: str, seed: int, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return the figures of each method on one table with holes."""
    table = load(name, Path(arguments.data)).sample(frac=1, random_state=seed).head(arguments.rows)
    table = table.reset_index(drop=True)
    holes = np.random.default_rng(seed).random(table.shape) < REMOVED
    given = table.mask(holes)
    methods: dict[str, Filler] = {
        "synthgan, expected": lambda given, seed: fitted(given, seed, arguments).impute(
            given, method="expected", random_state=seed
        ),
        "synthgan, drawn": lambda given, seed: fitted(given, seed, arguments).impute(
            given, random_state=seed
        ),
        "IterativeImputer": lambda given, seed: over_numbers(
            given, IterativeImputer(random_state=seed, max_iter=10)
        ),
        "KNNImputer": lambda given, _: over_numbers(given, KNNImputer(n_neighbors=5)),
        "chained forests": chained_forests,
    }
    wanted = arguments.methods or list(methods)
    results = {}
    for method in wanted:
        started = time.perf_counter()
        filled = methods[method](given, seed)
        seconds = time.perf_counter() - started
        results[method] = {**judge(table, filled, holes & table.notna().to_numpy()), "seconds": seconds}
    return results


def load(name: str, folder: Path) -> pd.DataFrame:
    """Return a table whose categories are text and whose numbers are floats or integers."""
    path = folder / f"{name}-train.parquet" if name == "adult" else folder / f"{name}.parquet"
    table = pd.read_parquet(path).drop(columns=LEFT_OUT.get(name, []))
    for column in table:
        if pd.api.types.is_bool_dtype(table[column].dtype):
            table[column] = table[column].map({True: "yes", False: "no"})
    return table


_FITTED: dict[tuple[int, int], SynthGAN] = {}


def fitted(given: pd.DataFrame, seed: int, arguments: argparse.Namespace) -> SynthGAN:
    """Return a model of the table with holes; one for both ways to fill them."""
    key = (id(given), seed)
    if key not in _FITTED:
        _FITTED.clear()
        _FITTED[key] = SynthGAN(random_state=seed, imputation=True, verbose=0, **arguments.parameters).fit(
            given
        )
    return _FITTED[key]


def is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def judge(table: pd.DataFrame, filled: pd.DataFrame, removed: np.ndarray) -> dict[str, float]:
    """Return how near filled cells are to the removed ones, and how these are spread."""
    errors, right, spread = [], [], []
    for place, name in enumerate(table):
        rows = removed[:, place]
        real, own = table[name][rows], filled[name][rows]
        if is_number(table[name]):
            real, own = (cells.astype("Float64").to_numpy(float) for cells in (real, own))
            scale = float(np.std(table[name].dropna().to_numpy(float))) or 1.0
            errors.append(float(np.sqrt(np.mean((real - own) ** 2))) / scale)
            spread.append(float(ks_2samp(real, own).statistic))
        else:
            right.append(float((real == own).mean()))
            shares = [cells.value_counts(normalize=True) for cells in (real, own)]
            spread.append(float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2))
    half = len(table) // 2
    return {
        "rmse": float(np.mean(errors)),
        "accuracy": float(np.mean(right)) if right else float("nan"),
        "spread": float(np.mean(spread)),
        "auc": detection(table.iloc[:half], filled.iloc[half:]),
    }


def over_numbers(given: pd.DataFrame, imputer: Any) -> pd.DataFrame:
    """Fill with an imputer of numbers: they are scaled, and a category is as many as it has levels."""
    parts, levels = [], {}
    for name in given:
        column = given[name]
        if is_number(column):
            numbers = column.astype("Float64").to_numpy(float, na_value=np.nan)
            parts.append(((numbers - np.nanmean(numbers)) / (np.nanstd(numbers) or 1.0))[:, None])
        else:
            levels[name] = sorted(column.dropna().unique())
            one_hot = np.array([column == level for level in levels[name]], dtype=float).T
            one_hot[column.isna()] = np.nan
            parts.append(one_hot)
    whole, place, filled = imputer.fit_transform(np.concatenate(parts, axis=1)), 0, {}
    for name, part in zip(given, parts, strict=True):
        own = whole[:, place : place + part.shape[1]]
        place += part.shape[1]
        if name in levels:
            cells = pd.Series(np.array(levels[name], dtype=object)[own.argmax(1)])
        else:
            numbers = given[name].astype("Float64").to_numpy(float, na_value=np.nan)
            cells = pd.Series(own[:, 0] * (np.nanstd(numbers) or 1.0) + np.nanmean(numbers))
        filled[name] = given[name].astype(cells.dtype).where(given[name].notna(), cells)
    return pd.DataFrame(filled)


def chained_forests(given: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Fill with random forests in rounds, one column after another, until the change grows again."""
    coded, levels = {}, {}
    for name in given:
        if is_number(given[name]):
            coded[name] = given[name].astype("Float64").to_numpy(float, na_value=np.nan)
        else:
            levels[name] = sorted(given[name].dropna().unique())
            codes = pd.Categorical(given[name], categories=levels[name]).codes.astype(float)
            coded[name] = np.where(codes < 0, np.nan, codes)
    whole = pd.DataFrame(coded)
    missing = whole.isna()
    for name in whole:
        start = whole[name].mode()[0] if name in levels else whole[name].mean()
        whole[name] = whole[name].fillna(start)
    order = missing.sum().sort_values().index
    before, best = np.inf, whole
    for _ in range(MAX_ROUNDS):
        last = whole.copy()
        for name in order:
            rows = missing[name]
            if rows.any():
                kind = RandomForestClassifier if name in levels else RandomForestRegressor
                forest = kind(100, max_features="sqrt", random_state=seed, n_jobs=-1)
                others = whole.drop(columns=name)
                whole.loc[rows, name] = forest.fit(others[~rows], whole.loc[~rows, name]).predict(
                    others[rows]
                )
        change = _change(last, whole, missing, levels)
        if change >= before:
            break
        before, best = change, whole.copy()
    filled = {
        name: pd.Series(np.array(levels[name], dtype=object)[best[name].astype(int)])
        if name in levels
        else best[name]
        for name in best
    }
    return pd.DataFrame(filled)


def _change(last: pd.DataFrame, now: pd.DataFrame, missing: pd.DataFrame, levels: dict[str, Any]) -> float:
    """Return how much filled cells have changed: of numbers their squares, of categories their share."""
    numbers = [name for name in now if name not in levels]
    squares = sum(float(((now[n] - last[n]) ** 2).sum()) for n in numbers)
    total = sum(float((now[n] ** 2).sum()) for n in numbers) or 1.0
    differ = sum(int((now[n] != last[n]).sum()) for n in levels)
    return squares / total + differ / max(1, int(missing[list(levels)].to_numpy().sum()) if levels else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--data", default="../shared/data", help="folder of the parquet files")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--rows", type=int, default=MAX_ROWS, help="rows of each table at most")
    parser.add_argument("--methods", nargs="+", help="by name; all without it")
    parser.add_argument("--parameters", type=json.loads, default={}, help="of SynthGAN, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
