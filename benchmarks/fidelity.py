"""How hard is it to tell drawn rows from real ones, and how much do they teach?

For each table the generator is fitted on the training part, and as many rows are drawn as that has. Three
figures: the AUC of XGBoost with its defaults, 3-fold, between equally many held-out and drawn rows (0.5:
nobody can tell); the score on the held-out part of XGBoost trained on the training part and on drawn rows
(AUC, or R2 for a number); and the share of drawn rows that are nearer to a training row than to any of as
many held-out rows (0.5: nothing is copied).

    python benchmarks/fidelity.py adult --data path/to/tables --seeds 0 1 2

`adult` uses the official split (adult-train, adult-test); other tables are cut in half at random, or with
`--learned 0.9` as most papers do, which judge drawn rows against the learned ones (`auc_train`).
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from xgboost import XGBClassifier, XGBRegressor

import synthgan
from synthgan import SynthGAN

FIGURES = ("auc", "auc_train", "utility", "utility_real", "dcr_share", "fit_seconds", "rows_per_second")
#: Drawn rows whose nearest rows are looked for, at most.
N_NEAREST = 20_000
TARGETS = {
    "adult": "income",
    "default-credit": "default payment next month",
    "shoppers": "Revenue",
    "bank-marketing": "y",
    "beijing-pm25": "pm2.5",
    "california-housing": "median_house_value",
    "abalone": "Rings",
    "telco-churn": "Churn",
    "german-credit": "class",
    "insurance": "charges",
    "mammography": "class",
    "employee-salaries": "current_annual_salary",
    "lending-club-loans": "interest_rate",
}
#: Row numbers say nothing, and rows without the target cannot be scored.
LEFT_OUT = {"default-credit": ["ID"], "beijing-pm25": ["No", "timestamp"], "telco-churn": ["customerID"]}


def main() -> None:
    arguments = _arguments()
    lines = [f"| table | seeds | {' | '.join(FIGURES)} |", f"|---|---|{'---|' * len(FIGURES)}"]
    for name in arguments.tables:
        results = [run(name, seed, arguments) for seed in arguments.seeds]
        cells = [in_words([result[figure] for result in results]) for figure in FIGURES]
        lines.append(f"| {name} | {len(results)} | {' | '.join(cells)} |")
    print("\n".join(lines))


def in_words(values: list[float]) -> str:
    """Return the mean and the standard deviation over seeds, to three significant digits or decimals."""
    mean, spread = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{mean:.3f} ± {spread:.3f}" if mean < 1.5 else f"{mean:,.0f} ± {spread:,.0f}"


def run(name: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit, draw and judge once; print and return the figures."""
    train, test = load(name, Path(arguments.data), arguments.learned)
    started = time.perf_counter()
    gan = SynthGAN(target=TARGETS[name], random_state=seed, verbose=0, **arguments.parameters).fit(train)
    fitted = time.perf_counter()
    drawn = gan.sample(len(train))
    seconds = time.perf_counter() - fitted
    result = {
        "table": name,
        "seed": seed,
        "parameters": arguments.parameters,
        **judge(drawn, train, test, TARGETS[name]),
        "utility_real": utility(train, test, TARGETS[name]),
        "fit_seconds": fitted - started,
        "rows_per_second": len(drawn) / seconds,
        "steps": int(gan.history_["step"].max()),
        "versions": {"synthgan": synthgan.__version__, "torch": torch.__version__, "pandas": pd.__version__},
        "machine": {"processor": platform.machine(), "threads": torch.get_num_threads()},
    }
    print(json.dumps(result), flush=True)
    return result


def judge(drawn: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, target: str) -> dict[str, float]:
    """Return the figures of drawn rows."""
    return {
        "auc": detection(test, drawn),
        "auc_train": detection(train, drawn),
        "utility": utility(drawn, test, target),
        "dcr_share": dcr_share(train, test, drawn),
    }


def load(name: str, folder: Path, learned: float = 0.5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the part to learn from, that share of the rows, and the part to judge by."""
    if name == "adult":
        return pd.read_parquet(folder / "adult-train.parquet"), pd.read_parquet(folder / "adult-test.parquet")
    table = pd.read_parquet(folder / f"{name}.parquet").drop(columns=LEFT_OUT.get(name, []))
    table = table.dropna(subset=[TARGETS[name]])
    train, test = train_test_split(table, train_size=learned, random_state=0)
    return train.reset_index(drop=True), test.reset_index(drop=True)


def detection(real: pd.DataFrame, drawn: pd.DataFrame) -> float:
    """Return the AUC of XGBoost, 3-fold, between equally many real and drawn rows."""
    real = real.sample(len(drawn), random_state=0) if len(real) > len(drawn) else real
    drawn = drawn.iloc[: len(real)]
    table = as_numbers(pd.concat([real, drawn], ignore_index=True))
    is_real = np.repeat([1, 0], [len(real), len(drawn)])
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    chances = cross_val_predict(XGBClassifier(), table, is_real, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(is_real, chances))


def utility(source: pd.DataFrame, test: pd.DataFrame, target: str) -> float:
    """Return the score on real rows of XGBoost trained on `source`: AUC for two classes, else R2."""
    table = as_numbers(pd.concat([source, test], ignore_index=True))
    y = table.pop(target)
    X_train, X_test = table.iloc[: len(source)], table.iloc[len(source) :]
    y_train, y_test = y.iloc[: len(source)], y.iloc[len(source) :]
    if y.nunique() == 2:
        labels = y.eq(y.max()).astype(int)
        model = XGBClassifier().fit(X_train, labels.iloc[: len(source)])
        return float(roc_auc_score(labels.iloc[len(source) :], model.predict_proba(X_test)[:, 1]))
    return float(r2_score(y_test, XGBRegressor().fit(X_train, y_train).predict(X_test)))


def dcr_share(train: pd.DataFrame, test: pd.DataFrame, drawn: pd.DataFrame) -> float:
    """Return how often a drawn row's nearest row is a training row rather than one of as many held-out rows.

    Distances are those of `nearest_shares`. A tie counts half.
    """
    closer, ties = nearest_shares(train, test, drawn)
    return closer + ties / 2


def nearest_shares(train: pd.DataFrame, test: pd.DataFrame, drawn: pd.DataFrame) -> tuple[float, float]:
    """Return how often a drawn row is nearer to a training row than to any held-out row, and as near to both.

    Of both parts as many rows are looked at. Distances are sums over columns: of the difference over the
    range of the training part for numbers, of 1 for different levels.
    """
    n_rows = min(len(train), len(test))
    parts = [
        train.sample(n_rows, random_state=0),
        test.sample(n_rows, random_state=0),
        drawn.iloc[:N_NEAREST],
    ]
    near_train, near_test, own = (torch.from_numpy(part) for part in as_points(parts))
    nearer, as_near = [], []
    for rows in own.split(256):
        to_train, to_test = (torch.cdist(rows, near, p=1).amin(1) for near in (near_train, near_test))
        nearer.append(to_train < to_test)
        as_near.append(to_train == to_test)
    return tuple(float(torch.cat(shares).float().mean()) for shares in (nearer, as_near))


def as_points(parts: list[pd.DataFrame]) -> list[np.ndarray]:
    """Return the parts as points, of which the first sets the ranges: shape ``(n_rows, n_dimensions)``."""
    columns = []
    for name in parts[0]:
        whole = pd.concat([part[name] for part in parts], ignore_index=True)
        if pd.api.types.is_numeric_dtype(whole.dtype) and not pd.api.types.is_bool_dtype(whole.dtype):
            numbers = whole.astype("Float64").to_numpy(float, na_value=np.nan)
            first = numbers[: len(parts[0])]
            low, high = np.nanmin(first), np.nanmax(first)
            scaled = (np.nan_to_num(numbers, nan=low) - low) / ((high - low) or 1.0)
            columns += [scaled[:, None], np.isnan(numbers)[:, None]]
        else:
            codes = whole.astype(object).where(whole.notna(), "").map(str)
            columns.append(pd.get_dummies(codes).to_numpy(float) / 2)
    points = np.concatenate(columns, axis=1).astype(np.float32)
    return np.split(points, np.cumsum([len(part) for part in parts])[:-1])


def as_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame as floats: categories as codes in alphabetical order, missing cells as NaN."""
    columns = {}
    for name in frame:
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            columns[name] = column.astype("int64").astype(float)
        elif pd.api.types.is_numeric_dtype(column.dtype):
            columns[name] = column.astype("Float64").to_numpy(float, na_value=np.nan)
        else:
            codes = pd.Categorical(column, categories=sorted(column.dropna().unique())).codes
            columns[name] = np.where(codes < 0, np.nan, codes)
    return pd.DataFrame(columns, index=frame.index)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", choices=sorted(TARGETS))
    parser.add_argument("--data", default="../shared/data", help="folder of the parquet files")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--learned", type=float, default=0.5, help="share of the rows that is learned")
    parser.add_argument("--parameters", type=json.loads, default={}, help="of SynthGAN, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
