"""From what a user asks of a column to cells and choices: values, ranges, lists, shares and texts come in.

::

    40, "F"                 this cell
    None                    a missing cell; so does the text "missing"
    "not missing"           any that is present
    ">= 40", "!= F"         a comparison, several joined by "and"
    (40, 60)                from 40 to 60, both included; None for no end
    ["a", "b"]              any of these, as often as the model finds it
    {"a": 0.3, "b": 0.7}    each of these in this share of the rows
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import ConditionError, did_you_mean, listing
from synthgan.layout import FloatArray, IntArray
from synthgan.preprocessing.base import UNFIT, Bound, ColumnEncoder
from synthgan.preprocessing.choices import Choice, complement, shared, united

_COMPARISON = re.compile(r"\s*(>=|<=|=>|=<|!=|==|>|<|=)\s*(.*?)\s*", re.DOTALL)
_AND = re.compile(r"\s*(?:\band\b|&)\s*(?=[<>=!])")
_MISSING, _PRESENT = "missing", "not missing"
#: What to write instead of what is not understood.
_FORMS = "A range is a pair (low, high) or text such as '>= 1 and < 5', and a list is any of its values."
#: By how much shares may differ from 1 together.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Wish:
    """What is asked of a column.

    Parameters
    ----------
    options
        What a row may be asked to have: a cell, as a column of length one, or a choice.
    shares
        In which share of the rows each is asked for, shape ``(n_options,)``.
    """

    options: list[Any]
    shares: FloatArray

    def assigned(self, n_rows: int, rng: np.random.Generator) -> IntArray:
        """Return which option each of some rows is asked to have, as near to the shares as can be."""
        exact = self.shares * n_rows
        counts = np.floor(exact + 1e-9).astype(np.int64)
        lacking = n_rows - counts.sum()
        counts[np.argsort(-(exact - counts), kind="stable")[:lacking]] += 1
        options = np.repeat(np.arange(len(counts)), counts)
        return options if len(self.options) == 1 else rng.permutation(options)


def read_wish(encoder: ColumnEncoder, asked: Any) -> Wish:
    """Return what is asked of a column.

    Raises
    ------
    ConditionError
        If it is of no known form, or no row has it.
    """
    if not isinstance(asked, Mapping):
        return Wish([_option(encoder, asked)], np.ones(1))
    if not asked:
        raise ConditionError(f"Column {encoder.name!r} is asked to have shares of nothing; name some values.")
    shares = np.array([_share(encoder, value, share) for value, share in asked.items()])
    if abs(shares.sum() - 1) > _ROUNDING:
        raise ConditionError(
            f"The shares of {encoder.name!r} add up to {shares.sum():g}, not to 1; divide each by that."
        )
    return Wish([_option(encoder, value) for value in asked], shares)


def _share(encoder: ColumnEncoder, value: Any, share: Any) -> float:
    try:
        number = float(share)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 <= number <= 1 + _ROUNDING:
        raise ConditionError(
            f"The share of {value!r} in {encoder.name!r} must be a number from 0 to 1; got {share!r}. A "
            "mapping gives each value its share of the rows; a range is a pair (low, high)."
        )
    return number


def _option(encoder: ColumnEncoder, asked: Any) -> Any:
    """Return a cell, as a column of length one, or what it may be."""
    if isinstance(asked, tuple):
        return _range(encoder, asked)
    if isinstance(asked, list | set | frozenset | np.ndarray | pd.Series | pd.Index | range):
        return _any_of(encoder, list(asked))
    try:
        return cell_of(encoder, asked)
    except ConditionError as error:
        option = _told(encoder, asked) if isinstance(asked, str) else None
        if option is not None:
            return option
        if encoder.has_order and not _is_missing(asked) and not _is_end(encoder, asked):
            raise ConditionError(f"{error} {_FORMS}") from error
        raise


def _is_missing(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _is_end(encoder: ColumnEncoder, value: Any) -> bool:
    """Whether a value can be compared with the cells of a column, be it one of them or not."""
    try:
        encoder.bound(value)
    except UNFIT:
        return False
    return True


def cell_of(encoder: ColumnEncoder, value: Any) -> "pd.Series[Any]":
    """Return `value` as one cell of the encoder's column.

    Raises
    ------
    ConditionError
        If the column cannot have it.
    """
    try:
        cell = encoder.cast(value)
        supported = encoder.contains(cell.iloc[0])
    except UNFIT:
        supported = False
    if not supported:
        if _is_missing(value):
            raise ConditionError(f"Column {encoder.name!r} cannot be missing: no cell of it was.")
        near = did_you_mean(value, getattr(encoder, "levels_", []))
        shown = value.item() if isinstance(value, np.generic) else value
        raise ConditionError(
            f"Column {encoder.name!r} cannot be {shown!r}: it holds {encoder.support()}.{near}"
        )
    return cell


def _any_of(encoder: ColumnEncoder, values: Sequence[Any]) -> Any:
    if not values:
        raise ConditionError(f"Column {encoder.name!r} is asked to be one of no values; name some.")
    options = [_option(encoder, value) for value in values]
    if len(options) == 1:
        return options[0]
    choices = [option if isinstance(option, Choice) else single(encoder, option) for option in options]
    return united(choices, f"one of {listing(values)}")


def single(encoder: ColumnEncoder, cell: "pd.Series[Any]") -> Choice:
    """Return the choice of one cell."""
    value, is_missing = cell.iloc[0], cell.isna().iloc[0]

    def test(column: "pd.Series[Any]") -> Any:
        missing = column.isna().to_numpy()
        return missing if is_missing else ~missing & (column == value).fillna(False).to_numpy(dtype=bool)

    stretch = np.array([encoder.stretch(cell)], dtype=np.float64)
    return Choice("missing" if is_missing else f"= {value}", stretch, test, cell)


def _told(encoder: ColumnEncoder, text: str) -> Any:
    """Return what a text says that is no cell, or None if it says nothing."""
    if text.strip().lower() == _MISSING:
        return cell_of(encoder, None)
    if text.strip().lower() == _PRESENT:
        return present(encoder)
    whole = _COMPARISON.fullmatch(text.strip())
    if whole and whole[1] in ("=", "==", "!=") and _is_cell(encoder, whole[2]):
        cell = cell_of(encoder, whole[2])
        return _excluding(encoder, cell, text) if whole[1] == "!=" else cell
    parts = [_COMPARISON.fullmatch(part) for part in _AND.split(text.strip())]
    if not all(parts):
        return None
    choices = [_compared(encoder, part[1], part[2]) for part in parts if part]
    return choices[0] if len(choices) == 1 else _supported(shared(choices, text), encoder)


def _compared(encoder: ColumnEncoder, sign: str, value: str) -> Choice:
    """Return the choice of the cells that a comparison is true of."""
    sign = {"=>": ">=", "=<": "<="}.get(sign, sign)
    text = f"{sign} {value}"
    if sign in ("=", "=="):
        return single(encoder, cell_of(encoder, value))
    if sign == "!=":
        return _excluding(encoder, cell_of(encoder, value), text)
    end = (value, len(sign) == 1)
    return _between(encoder, text, *((end, None) if sign[0] == ">" else (None, end)))


def _excluding(encoder: ColumnEncoder, cell: "pd.Series[Any]", text: str) -> Choice:
    """Return the choice of all present cells but one."""
    return _supported(complement(single(encoder, cell), encoder.missing_code, text), encoder)


def _is_cell(encoder: ColumnEncoder, value: str) -> bool:
    """Whether a text is one cell of a column."""
    try:
        cell_of(encoder, value)
    except ConditionError:
        return False
    return True


def present(encoder: ColumnEncoder) -> Choice:
    """Return the choice of all cells that are not missing."""
    stretches = np.array([[0.0, float(encoder.missing_code)]])
    choice = Choice(_PRESENT, stretches, lambda column: column.notna().to_numpy())
    return _supported(choice, encoder)


def _range(encoder: ColumnEncoder, asked: tuple[Any, ...]) -> Any:
    if len(asked) != 2:
        raise ConditionError(
            f"A range of {encoder.name!r} is a pair (low, high); got {asked!r}. For some values give a list."
        )
    if asked[0] is not None and asked[0] == asked[1]:
        return cell_of(encoder, asked[0])
    ends = (None if asked[0] == -np.inf else asked[0], None if asked[1] == np.inf else asked[1])
    low, high = (None if end is None else (end, False) for end in ends)
    return _between(encoder, f"from {asked[0]} to {asked[1]}", low, high)


def _between(encoder: ColumnEncoder, text: str, low: Bound | None, high: Bound | None) -> Choice:
    """Return the choice of all cells between two ends, each with whether it is left out itself."""
    if not encoder.has_order:
        raise ConditionError(
            f"Column {encoder.name!r} cannot be {text!r}: its cells have no order; it holds "
            f"{encoder.support()}. Name values, or several of them in a list."
        )
    try:
        bounds = [None if end is None else (encoder.bound(end[0]), end[1]) for end in (low, high)]
    except UNFIT as error:
        raise ConditionError(
            f"Column {encoder.name!r} cannot be {text!r}: what it is compared with is no such cell; it holds "
            f"{encoder.support()}. {_FORMS}"
        ) from error
    stretches, test = encoder.between(*bounds)
    return _supported(Choice(text, stretches, test), encoder)


def _supported(choice: Choice, encoder: ColumnEncoder) -> Choice:
    """Return the choice if it means anything, else raise ConditionError."""
    if not len(choice.stretches) or not (choice.stretches[:, 1] > choice.stretches[:, 0]).any():
        raise ConditionError(
            f"Column {encoder.name!r} cannot be {choice.text!r}: it holds {encoder.support()}, and none of "
            "that lies there."
        )
    return choice
