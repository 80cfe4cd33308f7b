"""The tasks of the study: a table and a size come in, rows to learn, to validate and to judge by go out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

#: Target of each table, and columns that are left out: row numbers, and what is known only after the target.
TABLES: dict[str, tuple[str, list[str]]] = {
    "german-credit": ("class", []),
    "telco-churn": ("Churn", ["customerID"]),
    "shoppers": ("Revenue", []),
    "bank-marketing": ("y", ["duration"]),
    "adult-train": ("income", []),
    "default-credit": ("default payment next month", ["ID"]),
    "mammography": ("class", []),
    "student-dropout": ("Target", []),
}
#: Rows that are learned; the first is of each class, the others of all.
SIZES = ("20 a class", 50, 100, 200, 500)
#: Rows of each class that are learned at least: with fewer no fold of an inner comparison has any.
LEAST_OF_CLASS = 5
MOST_JUDGED, MOST_VALIDATED, SHARE_VALIDATED = 2_500, 500, 0.3


@dataclass(frozen=True)
class Split:
    """Rows of one split, with classes as whole numbers from 0 on; of two, 1 is the rarer one."""

    learned: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    target: str
    n_classes: int


def split_of(name: str, size: Any, seed: int, data: Path) -> Split:
    """Return one split of a table."""
    target, left_out = TABLES[name]
    table = pd.read_parquet(data / f"{name}.parquet").drop(columns=left_out)
    counts = table[target].value_counts()
    codes = {value: len(counts) - 1 - place for place, value in enumerate(counts.index[::-1])}
    table[target] = table[target].map(codes).astype(int)
    rng = np.random.default_rng([seed, len(table), hash_of(size)])
    wanted = _wanted(table[target].value_counts(normalize=True).sort_index(), size)
    order = rng.permutation(len(table))
    labels = table[target].to_numpy()[order]
    learned = np.concatenate([order[labels == code][:n] for code, n in enumerate(wanted)])
    others = table.drop(index=table.index[learned])
    n_validation = min(MOST_VALIDATED, round(SHARE_VALIDATED * len(others)))
    validation, rest = train_test_split(
        others, train_size=n_validation, stratify=others[target], random_state=seed
    )
    test = rest if len(rest) <= MOST_JUDGED else rest.sample(MOST_JUDGED, random_state=seed)
    parts = (table.iloc[rng.permutation(learned)], validation, test)
    return Split(*(part.reset_index(drop=True) for part in parts), target, len(codes))


def _wanted(shares: "pd.Series[float]", size: Any) -> list[int]:
    """Return how many rows of each class are learned."""
    if isinstance(size, str):
        return [int(size.split()[0])] * len(shares)
    wanted = np.maximum(np.round(shares.to_numpy() * size).astype(int), LEAST_OF_CLASS)
    wanted[wanted.argmax()] -= wanted.sum() - size
    return wanted.tolist()


def hash_of(size: Any) -> int:
    """Return a number for a size."""
    return 0 if isinstance(size, str) else int(size)
