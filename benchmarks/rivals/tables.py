"""Tables, and how they are split: files come in, rows to learn and rows to judge by go out.

The split "published" is that of TabSyn [1]_, which later papers have taken over: of adult the official one;
of other tables nine tenths of the rows, shuffled with the seed 1234 or, until every level is among the rows
to learn, the seeds after it. The rows are the same as theirs. "half" cuts all rows in two at random, which
makes distances to either half comparable.

References
----------
.. [1] Zhang et al. (2024). Mixed-Type Tabular Data Synthesis with Score-based Diffusion in Latent Space.
   ICLR.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

#: The seed that published splits begin with, and the share of the rows that is learned.
_PUBLISHED_SEED, _PUBLISHED_SHARE = 1234, 0.9
SPLITS = ("published", "half")
#: Of the halves. No other use is made of it: rows that are cut and dealt by one seed are told apart by that.
_HALF_SEED = 20_260


@dataclass(frozen=True)
class Table:
    """A table of the benchmark.

    Attributes
    ----------
    files
        Of all rows; a second one holds those to judge by.
    target
        The column that a model predicts.
    levels
        Columns whose numbers are names of levels.
    dropped
        Columns that say nothing: row numbers, and what other columns say.
    complete
        Whether rows with gaps are left out, as papers do.
    n_skipped
        First rows that are left out: TabSyn took them for the names of the columns.
    """

    files: tuple[str, ...]
    target: str
    levels: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    complete: bool = False
    n_skipped: int = 0


TABLES = {
    "adult": Table(("adult-train", "adult-test"), "income"),
    "default-credit": Table(
        ("default-credit",),
        "default payment next month",
        ("SEX", "EDUCATION", "MARRIAGE", "PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"),
        ("ID",),
    ),
    "shoppers": Table(
        ("shoppers",), "Revenue", ("OperatingSystems", "Browser", "Region", "TrafficType", "Weekend")
    ),
    "beijing-pm25": Table(
        ("beijing-pm25",), "pm2.5", ("year", "month", "day", "hour"), ("No", "timestamp"), complete=True
    ),
    "magic": Table(("magic",), "class", n_skipped=1),
    "bank-marketing": Table(("bank-marketing",), "y"),
    "california-housing": Table(("california-housing",), "median_house_value"),
    "mammography": Table(("mammography",), "class"),
    "lending-club-loans": Table(("lending-club-loans",), "interest_rate", dropped=("emp_title",)),
}
#: Those on which others have published figures of the same protocol.
PUBLISHED = ("adult", "default-credit", "shoppers", "beijing-pm25", "magic")


@dataclass(frozen=True)
class Rows:
    """The rows of a table, split.

    Attributes
    ----------
    learned, test
        Rows to learn, and rows to judge by.
    target
        The column that a model predicts.
    levels
        Columns of levels, whatever their type; the target among them, if it holds classes.
    """

    learned: pd.DataFrame
    test: pd.DataFrame
    target: str
    levels: tuple[str, ...]


def rows_of(name: str, split: str, folder: Path) -> Rows:
    """Return the rows of a table, from a folder of parquet files."""
    table = TABLES[name]
    parts = [pd.read_parquet(folder / f"{file}.parquet") for file in table.files]
    parts = [part.drop(columns=list(table.dropped)) for part in parts]
    if table.complete:
        parts = [part.dropna().reset_index(drop=True) for part in parts]
    whole = pd.concat(parts, ignore_index=True).iloc[table.n_skipped :].dropna(subset=[table.target])
    levels = _levels(whole, table)
    if split == "half":
        learned = whole.sample(frac=0.5, random_state=_HALF_SEED)
        test = whole.drop(index=learned.index)
    elif len(parts) == 2:
        learned, test = parts
    else:
        learned, test = _published(whole.reset_index(drop=True), [x for x in levels if x != table.target])
    return Rows(learned.reset_index(drop=True), test.reset_index(drop=True), table.target, levels)


def _levels(whole: pd.DataFrame, table: Table) -> tuple[str, ...]:
    is_number = {name: pd.api.types.is_numeric_dtype(whole[name].dtype) for name in whole}
    is_truth = {name: pd.api.types.is_bool_dtype(whole[name].dtype) for name in whole}
    few = whole[table.target].nunique() <= 10
    return tuple(
        name
        for name in whole
        if name in table.levels
        or is_truth[name]
        or not (is_number[name] or pd.api.types.is_datetime64_any_dtype(whole[name].dtype))
        or (name == table.target and few)
    )


def _published(whole: pd.DataFrame, levels: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows as TabSyn splits them."""
    order, n_learned = np.arange(len(whole)), int(len(whole) * _PUBLISHED_SHARE)
    n_levels, seed = whole[list(levels)].nunique(), _PUBLISHED_SEED
    while True:
        np.random.RandomState(seed).shuffle(order)  # from which the published rows come
        learned, test = whole.loc[order[:n_learned]], whole.loc[order[n_learned:]]
        if learned[list(levels)].nunique().equals(n_levels):
            return learned, test
        seed += 1
