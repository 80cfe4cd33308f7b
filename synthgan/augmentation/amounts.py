"""How many rows of what to add to a table: a table and a wish in, a plan for `sample_parts` out."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synthgan.exceptions import DataError, ParameterError, did_you_mean, listing

#: A target with more distinct values than this is a number to predict, not a class.
_MAX_CLASSES = 100
_FEW_ROWS = 10


@dataclass(frozen=True)
class Amount:
    """How many rows to add; one of the three, and as many again as there are when none is given.

    Parameters
    ----------
    rows
        That many.
    ratio
        That many times the rows there are.
    balance
        As many of each class of the target as bring it up to the most frequent class.
    """

    rows: int | None = None
    ratio: float | None = None
    balance: bool = False

    def __post_init__(self) -> None:
        given = [name for name in ("rows", "ratio", "balance") if getattr(self, name) not in (None, False)]
        if len(given) > 1:
            raise ParameterError(f"Give one of rows, ratio and balance; got {listing(given)}.")
        if self.rows is not None and self.rows < 0:
            raise ParameterError(f"rows must be at least 0; got {self.rows}.")
        if self.ratio is not None and not 0 <= self.ratio < float("inf"):
            raise ParameterError(f"ratio must be a number of at least 0; got {self.ratio}.")

    def total(self, n_rows: int) -> int:
        """Return how many rows to add to `n_rows` rows, whatever their class."""
        if self.rows is not None:
            return self.rows
        return round((1.0 if self.ratio is None else self.ratio) * n_rows)


def check_target(frame: pd.DataFrame, target: Hashable) -> list[str]:
    """Check that a target can be learned; return warnings about classes with few rows.

    Raises
    ------
    DataError
        If the target is missing, has no values, or has one value only.
    """
    if target not in frame.columns:
        raise DataError(
            f"The target {target!r} is not a column; the table has {listing(frame.columns)}."
            f"{did_you_mean(target, frame.columns)}"
        )
    counts = frame[target].value_counts()
    counts = counts[counts > 0]
    if len(counts) < 2:
        held = f"the value {counts.index.tolist()[0]!r} only" if len(counts) else "no value in any row"
        raise DataError(f"The target {target!r} has {held}; a model has nothing to learn from it.")
    if len(counts) > _MAX_CLASSES:
        return []
    few = counts[counts < _FEW_ROWS]
    return [
        f"class {value!r} of {target!r} has {count} row{'s' if count > 1 else ''}; "
        "what is drawn of it will be little more than a guess"
        for value, count in few.items()
    ]


def plan_rows(
    frame: pd.DataFrame,
    amount: Amount,
    *,
    target: Hashable | None = None,
    conditions: Mapping[Any, Any] | pd.DataFrame | None = None,
    n_rows: int | None = None,
    counts: pd.Series | None = None,
) -> list[tuple[int, Any]]:
    """Return the groups of rows to add to a table, for `SynthGAN.sample_parts`.

    Parameters
    ----------
    frame
        The table.
    amount
        How many rows.
    target
        The column whose classes are balanced.
    conditions
        What every drawn row has, or a frame of what is known of each; see `SynthGAN.sample`.
    n_rows, counts
        Of the table of which the frame is a part: its rows, and how many there are of each class. None if the
        frame is the whole.

    Raises
    ------
    ParameterError, DataError
        If the amount and the rest do not fit together.
    """
    if isinstance(conditions, pd.DataFrame):
        if amount != Amount():
            raise ParameterError(
                "A table of conditions says how many rows: leave out rows, ratio and balance."
            )
        return [(len(conditions), conditions)]
    conditions = dict(conditions or {})
    if not amount.balance:
        return [(amount.total(len(frame) if n_rows is None else n_rows), conditions)]
    if target is None:
        raise ParameterError("Balancing needs a target; name the column whose classes are to be balanced.")
    if target in conditions:
        raise ParameterError(f"Balancing decides the target, so {target!r} cannot be a condition as well.")
    counts = frame[target].value_counts() if counts is None else counts
    counts = counts[counts > 0]
    if len(counts) > _MAX_CLASSES:
        raise DataError(
            f"The target {target!r} has {len(counts)} distinct values; balancing needs classes, "
            f"{_MAX_CLASSES} at most. Use rows or ratio."
        )
    lacking = counts.max() - counts
    return [(int(n), {**conditions, target: value}) for value, n in lacking.items() if n > 0]
