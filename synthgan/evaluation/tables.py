"""What evaluators see of a table: frames come in, and arrays of numbers go out, the same for every frame.

A `Coding` is made from real rows and codes any others of the same columns: as numbers with one column each,
which trees ask about, or as points whose distances mean something, which lines and neighbours need.
"""

import datetime as dt
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as arrow
from pandas.api.types import is_bool_dtype, is_integer_dtype, is_numeric_dtype, is_object_dtype

from synthgan.evaluation.estimates import FloatArray
from synthgan.exceptions import DataError, did_you_mean, listing
from synthgan.forms import unwrap
from synthgan.schema import check_frame

#: Levels of a column that points tell apart, the most frequent ones; all others are one more.
MAX_LEVELS = 50
#: Levels for each row beyond which they are keys.
_SHARE_OF_KEYS = 0.8
#: Seconds of a tick of a time.
_TICKS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
#: Distinct whole numbers that are still classes when a task is guessed from its target.
MAX_CLASSES = 10


def alike(real: Any, other: Any, *, called: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables of any form as frames with the same columns in the order of the first.

    Parameters
    ----------
    real, other
        Tables: frames of pandas or polars, Arrow tables, arrays.
    called
        What the other one is in an error.

    Raises
    ------
    DataError
        If a column is missing or one too many, holds numbers in one and text in the other, times with a zone
        in one and without in the other, or infinite numbers, or a table has no rows.
    """
    frame, other_frame = frame_of(real), frame_of(other)
    check_frame(frame)
    check_frame(other_frame)
    missing = [name for name in frame.columns if name not in other_frame.columns]
    surplus = [name for name in other_frame.columns if name not in frame.columns]
    if missing or surplus:
        parts = [
            f"lacks {listing(missing)}" if missing else "",
            f"has {listing(surplus)} besides" if surplus else "",
        ]
        hint = did_you_mean(missing[0], surplus) if missing and surplus else ""
        raise DataError(
            f"The {called} rows must have the columns of the real ones; the table "
            f"{' and '.join(filter(None, parts))}.{hint}"
        )
    other_frame = other_frame[list(frame.columns)]
    check_finite(frame, "real")
    check_finite(other_frame, called)
    for name in frame:
        kinds = [numbers_of(part[name]) is not None for part in (frame, other_frame)]
        if kinds[0] != kinds[1] and all(part[name].notna().any() for part in (frame, other_frame)):
            raise DataError(
                f"Column {name!r} holds numbers in one table and none in the other "
                f"({frame[name].dtype} in the real rows, {other_frame[name].dtype} in the {called} ones)."
            )
        if {_has_zone(part[name]) for part in (frame, other_frame)} == {True, False}:
            raise DataError(f"Column {name!r} holds times with a zone in one table and none in the other.")
    return frame.reset_index(drop=True), other_frame.reset_index(drop=True)


def check_column(frame: pd.DataFrame, name: Hashable, called: str = "The target ") -> None:
    """Raise DataError if a table has no column of that name."""
    if name not in frame.columns:
        raise DataError(
            f"{called}{name!r} is not a column; the table has {listing(frame.columns)}."
            f"{did_you_mean(name, frame.columns)}"
        )


def frame_of(table: Any) -> pd.DataFrame:
    """Return a table of any form as a frame; pandas can take no rows of some of Arrow's types of text."""
    frame = unwrap(table)[0]
    for name, dtype in frame.dtypes.items() if frame.columns.is_unique else ():
        if isinstance(dtype, pd.ArrowDtype) and arrow.is_string_view(dtype.pyarrow_dtype):
            cells = pa.chunked_array(pa.array(frame[name])).cast(pa.large_string())
            frame = frame.copy(deep=False)
            frame[name] = pd.Series(cells, dtype=pd.ArrowDtype(pa.large_string()), index=frame.index)
    return frame


def _has_zone(column: "pd.Series[Any]") -> bool | None:
    """Whether a column of points in time has a zone; None for any other column."""
    held: Any = getattr(column.dtype, "pyarrow_dtype", column.dtype)
    if isinstance(held, pa.DataType):
        return held.tz is not None if arrow.is_timestamp(held) else None
    return getattr(held, "tz", None) is not None if held.kind == "M" else None


def check_finite(frame: pd.DataFrame, called: str) -> None:
    """Raise DataError if rows hold an infinite number."""
    for name in frame:
        numbers = numbers_of(frame[name])
        if numbers is not None and np.isinf(numbers).any():
            raise DataError(
                f"Column {name!r} of the {called} rows holds infinite numbers, which nothing can be compared "
                "with; replace them, for instance by missing cells."
            )


def numbers_of(column: "pd.Series[Any]") -> FloatArray | None:
    """Return the cells of a column as numbers, NaN where one is missing, or None if they are levels.

    Points and spans of time are seconds. Truth values are levels.
    """
    if isinstance(column.dtype, pd.ArrowDtype):
        column = _without_arrow(column)
    dtype = column.dtype
    if is_bool_dtype(dtype):
        return None
    if is_numeric_dtype(dtype):
        return column.to_numpy(dtype=float, na_value=np.nan)
    if getattr(dtype, "kind", "O") in "mM" or isinstance(dtype, pd.PeriodDtype):
        ticks = pd.Index(column).asi8.astype(float) * _TICKS.get(getattr(column.array, "unit", ""), 1.0)
        return np.where(column.isna(), np.nan, ticks)
    return _numbers_of_objects(column) if is_object_dtype(dtype) else None


def _without_arrow(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return an Arrow column in a dtype of pandas' own, which knows nothing of some of Arrow's types."""
    held: Any = column.dtype
    held = held.pyarrow_dtype
    if arrow.is_integer(held) or arrow.is_floating(held):
        return pd.Series(column.to_numpy(dtype=float, na_value=np.nan), index=column.index)
    if arrow.is_timestamp(held) or arrow.is_duration(held):
        kind: Any = f"{'datetime' if arrow.is_timestamp(held) else 'timedelta'}64[{held.unit}]"
        return column.dt.tz_localize(None).astype(kind) if getattr(held, "tz", None) else column.astype(kind)
    return pd.Series(pa.array(column).to_pylist(), index=column.index, dtype=object)


def _numbers_of_objects(column: "pd.Series[Any]") -> FloatArray | None:
    """Return the numbers or days that objects are; None where one is something else."""
    present = column.dropna()
    numbers = np.full(len(column), np.nan)
    if not len(present) or any(isinstance(cell, bool | np.bool_ | str) for cell in present):
        return None
    if all(isinstance(cell, Real | Decimal) for cell in present):
        numbers[column.notna()] = [float(cell) for cell in present]
        return numbers
    if all(isinstance(cell, dt.date | dt.timedelta) for cell in present):
        numbers[column.notna()] = [_seconds(cell) for cell in present]
        return numbers
    return None


def _seconds(cell: Any) -> float:
    """Return a span of time in seconds, or a point of time or day in seconds from 1970 on."""
    if isinstance(cell, dt.timedelta):
        return cell.total_seconds()
    if not isinstance(cell, dt.datetime):
        cell = dt.datetime.combine(cell, dt.time())
    offset = cell.utcoffset() or dt.timedelta()
    return float((cell.replace(tzinfo=None) - dt.datetime(1970, 1, 1) - offset).total_seconds())


def levels_of(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the cells of a column as text that is the same whatever the dtype, missing where one is."""
    if isinstance(column.dtype, pd.ArrowDtype):
        column = _without_arrow(column)
    return column.astype(object).map(str, na_action="ignore")


def cells_like(column: "pd.Series[Any]", cells: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return numbers, or levels as text, as cells of a column's dtype."""
    numbers = numbers_of(column)
    if numbers is None:
        known = dict(zip(levels_of(column), column, strict=True))
        return pd.Series([known.get(cell) for cell in cells], dtype=object).astype(column.dtype)
    present = ~np.isnan(numbers)
    values = cells.to_numpy(dtype=float)
    if column.dtype.kind == "f":
        return pd.Series(values).astype(column.dtype)
    # Of integers, times and objects the real cell that is nearest, which is of their dtype for certain.
    if not present.any():
        return pd.Series([None] * len(values), dtype=object).astype(column.dtype)
    order = np.argsort(numbers[present], kind="stable")
    known_numbers, places = numbers[present][order], np.flatnonzero(present)[order]
    after = np.clip(np.searchsorted(known_numbers, values), 1, max(1, len(places) - 1))
    after = np.minimum(after, len(places) - 1)
    before = np.maximum(after - 1, 0)
    is_before = values - known_numbers[before] < known_numbers[after] - values
    return column.iloc[places[np.where(is_before, before, after)]].reset_index(drop=True)


def class_names(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the cells of a target as text, whole numbers without a point whatever their dtype."""
    if is_integer_dtype(column.dtype):  # as floats numbers above 2**53 would be taken for each other
        return column.map({number: str(number) for number in column.dropna().unique()})
    numbers = numbers_of(column)
    if numbers is None:
        return levels_of(column)
    distinct = np.unique(numbers[~np.isnan(numbers)])
    names = {number: np.format_float_positional(number, trim="-") for number in distinct}
    return pd.Series(numbers, index=column.index).map(names)


def holds_times(column: "pd.Series[Any]") -> bool:
    """Whether the cells of a column are points in time."""
    held: Any = getattr(column.dtype, "pyarrow_dtype", column.dtype)
    if isinstance(held, pa.DataType):
        return bool(arrow.is_timestamp(held) or arrow.is_date(held))
    if is_object_dtype(held):
        present = column.dropna()
        return len(present) > 0 and all(isinstance(cell, dt.date) for cell in present)
    return getattr(held, "kind", "O") == "M" or isinstance(held, pd.PeriodDtype)


def task_of(target: "pd.Series[Any]", task: str = "auto") -> str:
    """Return "classification" or "regression": what predicting a column is.

    A target of levels is to be classified, and one of at most `MAX_CLASSES` different whole numbers.
    """
    if task != "auto":
        return task
    numbers = numbers_of(target)
    if numbers is None:
        return "classification"
    distinct = np.unique(numbers[~np.isnan(numbers)])
    is_whole = bool((distinct == np.floor(distinct)).all())
    return "classification" if is_whole and len(distinct) <= MAX_CLASSES else "regression"


@dataclass(frozen=True)
class Coding:
    """How the columns of a table become numbers.

    Attributes
    ----------
    levels
        Of each column, its levels in the real rows, the most frequent first, none of keys; None for a number.
    centres, scales
        Of each column of numbers, median and standard deviation.
    gaps
        Which columns have missing cells in the real rows.
    """

    levels: dict[Hashable, list[str] | None]
    centres: dict[Hashable, float]
    scales: dict[Hashable, float]
    gaps: frozenset[Hashable]

    @classmethod
    def of(cls, real: pd.DataFrame, *, with_keys: bool = False) -> Self:
        """Return the coding that real rows give.

        Levels of which nearly every row has another, such as customer numbers, say nothing of other rows: all
        of them are alike, unless keys are asked for.
        """
        levels: dict[Hashable, list[str] | None] = {}
        centres, scales = {}, {}
        for name in real:
            numbers = numbers_of(real[name])
            if numbers is None:
                counts = levels_of(real[name]).value_counts()
                is_key = len(counts) > max(MAX_LEVELS, _SHARE_OF_KEYS * len(real)) and not with_keys
                levels[name] = [] if is_key else counts.index.tolist()
                continue
            levels[name] = None
            present = numbers[~np.isnan(numbers)]
            centres[name] = float(np.median(present)) if len(present) else 0.0
            scales[name] = spread_of(present)
        return cls(levels, centres, scales, frozenset(name for name in real if real[name].isna().any()))

    def numbers(self, frame: pd.DataFrame) -> FloatArray:
        """Return rows with one number a column, NaN where one is missing; shape ``(n_rows, n_columns)``.

        A level is its place among those of the real rows, and one that these lack comes after all.
        """
        columns = []
        for name, levels in self.levels.items():
            numbers = self._own_numbers(frame[name]) if levels is None else None
            columns.append(_codes(frame[name], levels or []) if numbers is None else numbers)
        return np.column_stack(columns) if columns else np.empty((len(frame), 0))

    def points(self, frame: pd.DataFrame) -> FloatArray:
        """Return rows as points, shape ``(n_rows, width)``.

        Numbers are centred and scaled, those that are missing lie in the centre, and whether they are missing
        is a coordinate of its own where the real rows have gaps. Each frequent level is a coordinate.
        """
        parts = []
        for name, levels in self.levels.items():
            if levels == []:
                continue
            if levels is None:
                numbers = (self._own_numbers(frame[name]) - self.centres[name]) / self.scales[name]
                is_missing = np.isnan(numbers)
                parts.append(np.where(is_missing, 0.0, numbers)[:, None])
                if name in self.gaps:
                    parts.append(is_missing[:, None].astype(float))
                continue
            codes = _codes(frame[name], levels[:MAX_LEVELS])
            codes = np.where(np.isnan(codes), -1, codes).astype(int)
            n_coordinates = min(len(levels), MAX_LEVELS) + (len(levels) > MAX_LEVELS)
            parts.append((codes[:, None] == np.arange(n_coordinates)).astype(float))
        return np.hstack(parts) if parts else np.empty((len(frame), 0))

    @staticmethod
    def _own_numbers(column: "pd.Series[Any]") -> FloatArray:
        """Return the numbers of a column; without any it may be of any dtype."""
        numbers = numbers_of(column)
        return np.full(len(column), np.nan) if numbers is None else numbers


def spread_of(numbers: FloatArray) -> float:
    """Return the standard deviation of those of some numbers that are there; 1 where they do not differ."""
    numbers = numbers[~np.isnan(numbers)]
    numbers = numbers - float(np.median(numbers)) if len(numbers) else numbers
    largest = float(np.abs(numbers).max(initial=0.0)) or 1.0
    return largest * float(np.std(numbers / largest)) or 1.0 if len(numbers) else 1.0


def _codes(column: "pd.Series[Any]", levels: list[str]) -> FloatArray:
    """Return the place of each cell among levels, after all where it is none of them; NaN where missing."""
    codes = pd.Index(levels, dtype=object).get_indexer(pd.Index(levels_of(column), dtype=object))
    codes = np.where(codes < 0, len(levels), codes).astype(float)
    return np.where(column.isna(), np.nan, codes)
