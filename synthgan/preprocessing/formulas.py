"""Columns that follow from another by a straight line: found in a table, and computed in drawn rows.

A price in cents beside one in euros, a rounded copy, an age beside a year of birth, a date a week after
another: such a column is right for cells that no row has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from synthgan.layout import FloatArray
from synthgan.preprocessing.base import BoolArray, ColumnEncoder
from synthgan.preprocessing.grid import EXACT_IN_FLOAT64
from synthgan.preprocessing.key import KeyEncoder
from synthgan.preprocessing.number_line import InstantEncoder, NumberLineEncoder
from synthgan.preprocessing.numerical import NumericalEncoder
from synthgan.schema import join_columns, overwritten, replaced

#: Distinct cells that a column has at least, to follow from another by more than chance.
_MIN_CELLS = 5
#: Rows that have both, at least, where some have only one.
_MIN_ROWS_BETWEEN_HOLES = 20
#: Rows that are looked at first, and what a line may leave over of their deviation by the rounding of floats.
_FEW_ROWS, _STRAIGHT = 200, 1e-4
_TINY = np.finfo(np.float64).tiny
#: Digits that slopes and offsets have at most, those of units and prices.
_MAX_DIGITS = 7
#: How far a float may be from what it is computed as, relative to it.
_TOLERANCE = 1e-12
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_ROUNDINGS = {"below": np.floor, "above": np.ceil}


@dataclass(frozen=True)
class Formula:
    """A column that is ``slope * source + offset``, brought to what the column can hold.

    Parameters
    ----------
    column, source
        Their indices.
    slope, offset
        Of the line; between points in time the slope is 1 and the offset counts nanoseconds, and a column
        that is equal to its source has 1 and 0.
    rounding
        How numbers are brought to the decimals of the column: to the "nearest", to what is "below" or
        "above"; "" where they are as they come.
    has_holes
        Whether cells of the one are missing where those of the other are not. A hole stays, and beside one
        in the source stands anything.
    """

    column: int
    source: int
    slope: float
    offset: float
    rounding: str = ""
    has_holes: bool = False

    def is_open(self, source: "pd.Series[Any]", column: "pd.Series[Any]") -> BoolArray:
        """Return in which rows nothing follows, of cells of both columns."""
        if not self.has_holes:
            return np.zeros(len(source), dtype=bool)
        return (source.isna() | column.isna()).to_numpy()

    def broken(self, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> BoolArray:
        """Return which rows of a plain frame have another cell than follows from their source."""
        own, other = encoders[self.column], encoders[self.source]
        column, source = frame.iloc[:, self.column], frame.iloc[:, self.source]
        is_broken = ~self.is_open(source, column)
        column, source = (cells[is_broken].reset_index(drop=True) for cells in (column, source))
        is_broken[is_broken] = ~_equal(column, computed(self, source, other, own))
        return is_broken


def find_formulas(
    frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], settled: Sequence[int] = ()
) -> tuple[Formula, ...]:
    """Return the columns of a plain table that follow from others; those that are settled are left alone.

    None that follows from another is a source itself. Of two that follow from each other after rounding, the
    one is the source of which every cell has another of its own.
    """
    found: dict[int, Formula] = {}
    sources: set[int] = set()

    def is_open(source: int, column: int) -> bool:
        return column not in found and source not in found and column not in sources

    coarse = []
    few = frame.iloc[:: 1 + len(frame) // _FEW_ROWS]
    for source, column in _pairs(few, encoders):
        if column in settled or not is_open(source, column):
            continue
        formula = _formula(frame, encoders, source, column)
        if formula and _is_coarse(formula, encoders):
            coarse.append(formula)
        elif formula:
            found[column] = formula
            sources.add(source)
    for formula in coarse:
        if is_open(formula.source, formula.column):
            found[formula.column] = formula
            sources.add(formula.source)
    return tuple(found.values())


def _pairs(few: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> Iterator[tuple[int, int]]:
    """Yield columns of which, as some rows have it, the second may follow from the first.

    Columns with gaps in other rows need some that have both.
    """
    for kind in (KeyEncoder, InstantEncoder):
        yield from permutations([i for i, encoder in enumerate(encoders) if isinstance(encoder, kind)], 2)
    numbers = {i: e.numbers(few[e.name]) for i, e in enumerate(encoders) if isinstance(e, NumericalEncoder)}
    if len(numbers) < 2:
        return
    squares, deviations, n_both = _correlations(np.stack(list(numbers.values())))
    n_present = np.diag(n_both)
    can_be_told = (n_both >= _MIN_CELLS) | ((n_both == n_present) & (n_both == n_present[:, None]))
    steps: FloatArray = np.array([_step(encoders[i]) for i in numbers], dtype=np.float64)
    # What a line leaves over is no more than rounding makes of it.
    is_straight = np.sqrt(1 - squares) * deviations <= steps / 2 + _STRAIGHT * deviations
    indices = list(numbers)
    pairs = np.argwhere(is_straight & can_be_told).tolist()
    yield from ((indices[i], indices[j]) for i, j in pairs if i != j)


def _correlations(numbers: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return squared correlations of columns, the deviation of the second, and how many rows have both.

    Numbers have shape ``(n_columns, n_rows)``, NaN where they are missing, and only the rows that have both
    are looked at. What does not vary correlates with nothing.
    """
    is_present = ~np.isnan(numbers)
    present = is_present.astype(np.float64)
    cells = np.where(is_present, numbers, 0.0)
    scale = np.maximum(np.abs(cells).max(axis=1, keepdims=True, initial=0.0), _TINY)  # however large they are
    cells /= scale
    cells -= present * (cells.sum(1) / np.maximum(present.sum(1), 1))[:, None]
    n_both = present @ present.T
    n_rows = np.maximum(n_both, 1)
    means = present @ cells.T / n_rows
    variances = np.maximum(present @ (cells**2).T / n_rows - means**2, 0.0)
    covariances = cells @ cells.T / n_rows - means * means.T
    product = variances * variances.T
    squares = np.divide(covariances**2, product, out=np.zeros_like(product), where=product > _TINY)
    return np.clip(squares, 0.0, 1.0), np.sqrt(variances) * scale.T, n_both


def _is_coarse(formula: Formula, encoders: Sequence[ColumnEncoder]) -> bool:
    """Return whether neighbours in a source may have the same cell in the column that follows from it."""
    own, other = encoders[formula.column], encoders[formula.source]
    if not isinstance(own, NumericalEncoder) or not isinstance(other, NumericalEncoder):
        return False
    return abs(formula.slope) * _step(other) < (1 - _TOLERANCE) * _step(own)


def keep_formulas(
    frame: pd.DataFrame,
    formulas: Sequence[Formula],
    encoders: Sequence[ColumnEncoder],
    fixed: BoolArray,
) -> pd.DataFrame:
    """Return a plain frame of drawn rows in which columns follow from their sources.

    Where a column must stay as it is, the source follows from it instead, as far as it may.
    """
    if not formulas or not len(frame):
        return frame
    series = [frame.iloc[:, i] for i in range(frame.shape[1])]
    for formula in formulas:
        own, other = encoders[formula.column], encoders[formula.source]
        is_given, is_bound = fixed[:, formula.column], fixed[:, formula.source]
        # Of a coarse column many sources are possible: those that were drawn stay, or the row is drawn anew.
        if (is_given & ~is_bound).any() and not _is_coarse(formula, encoders):
            back = _inverse(formula, series[formula.column], own, other)
            may_be = back.isna().to_numpy() == series[formula.column].isna().to_numpy()
            may_be &= ~formula.is_open(series[formula.source], series[formula.column])
            series[formula.source] = overwritten(series[formula.source], back, is_given & ~is_bound & may_be)
        rows = ~is_given & ~formula.is_open(series[formula.source], series[formula.column])
        right = computed(formula, series[formula.source][rows].reset_index(drop=True), other, own)
        series[formula.column] = replaced(series[formula.column], right, rows)
    return join_columns(series, list(frame.columns))


def computed(
    formula: Formula, source: "pd.Series[Any]", of: ColumnEncoder, to: ColumnEncoder
) -> "pd.Series[Any]":
    """Return what follows from a source, given its encoder and that of the column."""
    missing = source.isna().to_numpy()
    if isinstance(of, InstantEncoder) and isinstance(to, InstantEncoder):
        return to.of_local(_later(of.local(source), int(formula.offset)))
    if not isinstance(of, NumericalEncoder) or not isinstance(to, NumericalEncoder):
        return to.place(source[~missing].astype(object).to_numpy(), missing)
    numbers, per = of.numbers(source), 1 / formula.slope
    # A thousandth is no float, a thousand is one.
    line = (numbers / per if per.is_integer() else numbers * formula.slope) + formula.offset
    if formula.rounding == "nearest":
        line = np.round(line, to.decimals_ or 0)
    elif formula.rounding:
        step = _step(to)
        line = _ROUNDINGS[formula.rounding](line / step) * step
    return to.of_numbers(line)


def _later(when: pd.DatetimeIndex, nanoseconds: int) -> pd.DatetimeIndex:
    """Return points in time so many nanoseconds later, in their own unit where that counts them."""
    if nanoseconds % _NANOSECONDS[when.unit]:
        when = when.as_unit("ns")
    span = np.timedelta64(nanoseconds // _NANOSECONDS[when.unit], when.unit)
    return pd.DatetimeIndex(when.to_numpy() + span)


def _inverse(
    formula: Formula, column: "pd.Series[Any]", of: ColumnEncoder, to: ColumnEncoder
) -> "pd.Series[Any]":
    """Return sources from which a column follows, missing where there are none in the range that was seen."""
    slope, offset, rounding = 1.0, -formula.offset, ""
    if isinstance(to, NumericalEncoder):
        slope, offset = 1 / formula.slope, -formula.offset / formula.slope
        rounding = "nearest" if _step(to) else ""
    back = Formula(formula.source, formula.column, slope, offset, rounding)
    source = computed(back, column, of, to)
    fits = _equal(computed(formula, source, to, of), column)
    if isinstance(to, NumberLineEncoder):
        low, high = to.ends()
        fits &= source.between(low, high).fillna(False).to_numpy(dtype=bool)
    return source.mask(~fits & source.notna().to_numpy())


def _formula(
    frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], source: int, column: int
) -> Formula | None:
    """Return the formula by which a column follows from a source, if there is one."""
    own, other = encoders[column], encoders[source]
    cells, of = frame[own.name], frame[other.name]
    has_holes = not (cells.isna() == of.isna()).all()
    if has_holes:
        has_both = cells.notna() & of.notna()
        cells, of = cells[has_both].reset_index(drop=True), of[has_both].reset_index(drop=True)
        if len(cells) < _MIN_ROWS_BETWEEN_HOLES:
            return None
    few = slice(None, None, 1 + len(cells) // _FEW_ROWS)
    try:
        for candidate in _candidates(cells.iloc[few].dropna(), own, of.iloc[few].dropna(), other):
            formula = Formula(column, source, *candidate, has_holes)
            parts = ((cells.iloc[rows], of.iloc[rows]) for rows in (few, slice(None)))
            if all(_equal(part, computed(formula, part_of, other, own)).all() for part, part_of in parts):
                return formula
    except (ValueError, TypeError, ArithmeticError):
        return None  # one cannot hold what would follow from the other
    return None


def _candidates(
    few: "pd.Series[Any]", own: ColumnEncoder, from_few: "pd.Series[Any]", other: ColumnEncoder
) -> Iterator[tuple[float, float, str]]:
    """Yield slopes, offsets and roundings by which present cells may follow from a source's."""
    if few.nunique() < _MIN_CELLS:
        return
    if isinstance(own, KeyEncoder) and isinstance(other, KeyEncoder):
        if few.tolist() == from_few.tolist():
            yield 1.0, 0.0, ""
    elif isinstance(own, InstantEncoder) and isinstance(other, InstantEncoder):
        apart = own.local(few).to_numpy()[:1] - other.local(from_few).to_numpy()[:1]
        unit, _ = np.datetime_data(apart.dtype)
        yield 1.0, float(int(apart.astype(np.int64)[0]) * _NANOSECONDS[unit]), ""
    elif isinstance(own, NumericalEncoder) and isinstance(other, NumericalEncoder):
        y, x = own.numbers(few), other.numbers(from_few)
        if max(np.abs(x).max(), np.abs(y).max()) < EXACT_IN_FLOAT64 and len(np.unique(x)) >= _MIN_CELLS:
            yield from _lines(x, y, _step(own), _tolerance(own.dtype))


def _lines(x: FloatArray, y: FloatArray, step: float, tolerance: float) -> Iterator[tuple[float, float, str]]:
    """Yield lines through points that are rounded to steps, 0 for as they come; simple ones first."""
    low, high = x.argmin(), x.argmax()
    slope, slack = (y[high] - y[low]) / (x[high] - x[low]), step / (x[high] - x[low])
    if not slope or slack > abs(slope) / 2:
        return
    for candidate in dict.fromkeys(_short(slope, max(slack, abs(slope) * tolerance))):
        rest = y - candidate * x
        if np.ptp(rest) > step * (1 + 1e-6) + np.abs(y).max() * tolerance:
            continue
        if not step:
            yield candidate, next(_short(float(np.median(rest)), np.abs(y).max() * tolerance), 0.0), ""
            continue
        room = max(step - np.ptp(rest), 0.0) / 2 + step * 1e-6
        middle = (rest.max() + rest.min()) / 2
        shifts = {"nearest": 0.0, "below": step / 2, "above": -step / 2}
        offsets = {rounding: next(_short(middle + shift, room)) for rounding, shift in shifts.items()}
        for rounding in sorted(offsets, key=lambda rounding: len(f"{abs(offsets[rounding]):g}")):
            yield candidate, offsets[rounding], rounding


def _short(number: float, room: float) -> Iterator[float]:
    """Yield numbers of few digits, and what one is divided by such a number, that are within some room."""
    if abs(number) <= room:
        yield 0.0
    for digits in range(1, _MAX_DIGITS + 1):
        for short in (
            float(f"{number:.{digits}g}"),
            1 / float(f"{1 / number:.{digits}g}") if number else 0.0,
        ):
            if abs(short - number) <= room:
                yield short
    yield number


def _step(encoder: Any) -> float:
    """Return the step that a column's decimals have; 0 where they have no end."""
    if encoder.grid_ is not None:
        return 1.0
    step = 0.0 if encoder.decimals_ is None else 10.0**-encoder.decimals_
    largest = np.abs(encoder.axis_.knots).max(initial=0.0)
    return step if step > _tolerance(encoder.dtype) * largest else 0.0


def _tolerance(dtype: Any) -> float:
    """Return how far a cell of a dtype may be from what it is computed as, relative to it."""
    precision = np.finfo(f"f{getattr(dtype, 'itemsize', 8)}" if dtype.kind == "f" else "f8")
    return max(_TOLERANCE, 2 * float(precision.eps))


def _equal(column: "pd.Series[Any]", other: "pd.Series[Any]") -> BoolArray:
    """Return which cells of two columns of one dtype are equal or both missing."""
    both = column.isna().to_numpy() & other.isna().to_numpy()
    if column.dtype.kind == "f":
        x, y = (cells.to_numpy(dtype=np.float64, na_value=np.nan) for cells in (column, other))
        return np.asarray(both | np.isclose(x, y, rtol=_tolerance(column.dtype), atol=0.0))
    equal = pd.Series(column.array == other.array)
    return np.asarray(both | equal.fillna(False).to_numpy(dtype=bool))
