"""Columns that are parts of a point in time, such as its year: found in a table, kept in drawn rows.

Unlike a function that is known cell by cell, a part is known of days that no row has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.layout import FloatArray
from synthgan.preprocessing.base import ColumnEncoder
from synthgan.preprocessing.number_line import InstantEncoder
from synthgan.preprocessing.numerical import NumericalEncoder
from synthgan.schema import join_columns, overwritten


class _Part(NamedTuple):
    """A number that a point in time has.

    Attributes
    ----------
    of
        From points in time to the number.
    unit, per
        How far a point in time moves when the number grows by one: so many seconds ("s") or months ("M").
    """

    of: Callable[[pd.DatetimeIndex], Any]
    unit: Literal["s", "M"]
    per: int


_DAY = 86_400
#: Days that are looked through for one that has the parts of a condition.
_MAX_DAYS = 100_000
#: Parts from the finest, in which order points in time take them over.
_PARTS = {
    "second": _Part(lambda when: when.second, "s", 1),
    "minute": _Part(lambda when: when.minute, "s", 60),
    "hour": _Part(lambda when: when.hour, "s", 3600),
    "weekday from 0": _Part(lambda when: when.day_of_week, "s", _DAY),
    "weekday from 1": _Part(lambda when: when.day_of_week + 1, "s", _DAY),
    "day": _Part(lambda when: when.day, "s", _DAY),
    "day of the year": _Part(lambda when: when.day_of_year, "s", _DAY),
    "week": _Part(lambda when: when.isocalendar().week, "s", 7 * _DAY),
    "month": _Part(lambda when: when.month, "M", 1),
    "quarter": _Part(lambda when: when.quarter, "M", 3),
    "year": _Part(lambda when: when.year, "M", 12),
}
#: How far a point in time goes, in turn, to have a part that it must have.
_DETOURS = [
    ("s", 0),
    ("s", _DAY),
    ("s", -_DAY),
    *(("M", months) for months in (1, -1, 2, -2, 12, -12, 24, -24, 48, -48)),
]
#: Of how many points in time at least each part must be right, to be more than chance.
_MIN_ROWS = 20


@dataclass(frozen=True)
class Calendar:
    """A column of points in time, and those that are parts of it.

    Parameters
    ----------
    source, columns
        Their indices.
    parts
        Which part of the source each column is.
    """

    source: int
    columns: list[int]
    parts: list[str]


def find_calendars(frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> tuple[Calendar, ...]:
    """Return the columns of a plain table that have parts in others; each is part of one column at most."""
    numbers = {i: encoder for i, encoder in enumerate(encoders) if isinstance(encoder, NumericalEncoder)}
    calendars = []
    for source, encoder in enumerate(encoders):
        if not numbers or not isinstance(encoder, InstantEncoder):
            continue
        when = encoder.local(frame[encoder.name])
        if when.nunique() < _MIN_ROWS:
            continue
        parts = {name: _numbers(part.of(when)) for name, part in _PARTS.items()}
        found: dict[int, str] = {}
        for index, number in numbers.items():
            cells = number.numbers(frame[number.name])
            names = (name for name, part in parts.items() if np.array_equal(part, cells, equal_nan=True))
            if (name := next(names, None)) and len(number.axis_) > 1:
                found[index] = name
        if found:
            order = sorted(found, key=lambda index: list(_PARTS).index(found[index]))
            calendars.append(Calendar(source, order, [found[index] for index in order]))
            numbers = {index: number for index, number in numbers.items() if index not in found}
    return tuple(calendars)


def keep_calendars(
    frame: pd.DataFrame,
    calendars: Sequence[Calendar],
    encoders: Sequence[ColumnEncoder],
    fixed: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Return a plain frame of drawn rows in which parts of points in time are parts of them.

    A point in time takes over the parts that were drawn beside it, one after another, where it then still
    has the code that was drawn; what it does not take over is put right.

    Parameters
    ----------
    frame
        Drawn rows.
    calendars, encoders
        Of the table.
    fixed
        Truth values, shape ``(n_rows, n_columns)``: the cells that must stay as they are.
    """
    if not calendars or not len(frame):
        return frame
    series = [frame.iloc[:, i] for i in range(frame.shape[1])]
    for calendar in calendars:
        encoder: Any = encoders[calendar.source]
        numbers: list[Any] = [encoders[index] for index in calendar.columns]
        pairs = zip(numbers, calendar.columns, strict=True)
        drawn = [number.numbers(series[index]) for number, index in pairs]
        parts = [_PARTS[name] for name in calendar.parts]
        is_free = ~fixed[:, calendar.source]
        source = _taking_over(
            series[calendar.source], encoder, parts, drawn, fixed[:, calendar.columns].T, is_free
        )
        series[calendar.source] = source
        when = encoder.local(source)
        for index, number, part in zip(calendar.columns, numbers, parts, strict=True):
            right = number.of_numbers(_numbers(part.of(when)))
            series[index] = overwritten(series[index], right, ~fixed[:, index])
    return join_columns(series, list(frame.columns))


def contradicted(
    calendar: Calendar, cells: Mapping[int, "pd.Series[Any]"], encoders: Sequence[ColumnEncoder]
) -> list[int]:
    """Return the columns of which single cells are given that no row can have together; empty if one can."""
    given = [index for index in calendar.columns if index in cells]
    encoder: Any = encoders[calendar.source]
    if calendar.source not in cells:
        return [] if _is_some_day(calendar, cells, encoders) else given
    when = encoder.local(cells[calendar.source])
    for index, name in zip(calendar.columns, calendar.parts, strict=True):
        number: Any = encoders[index]
        if index in cells and _numbers(_PARTS[name].of(when)) != number.numbers(cells[index]):
            return [calendar.source, index]
    return []


def _is_some_day(
    calendar: Calendar, cells: Mapping[int, "pd.Series[Any]"], encoders: Sequence[ColumnEncoder]
) -> bool:
    """Return whether a day between the first and the last that was seen has all parts that are given."""
    encoder: Any = encoders[calendar.source]
    ends = encoder.local(pd.Series(list(encoder.ends()), dtype=encoder.dtype))
    first, last = ends.to_numpy().astype("datetime64[D]").astype(np.int64).tolist()
    numbers = np.arange(first, min(last, first + _MAX_DAYS) + 1)
    days = pd.DatetimeIndex(numbers.astype("datetime64[D]").astype("datetime64[s]"))
    fits = np.ones(len(days), dtype=bool)
    for index, name in zip(calendar.columns, calendar.parts, strict=True):
        if index in cells and name not in ("second", "minute", "hour"):
            number: Any = encoders[index]
            fits &= _numbers(_PARTS[name].of(days)) == number.numbers(cells[index])
    return bool(fits.any()) or last > first + _MAX_DAYS


def broken(
    calendar: Calendar, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]
) -> npt.NDArray[np.bool_]:
    """Return which rows of a plain frame have a part that is not one of their point in time."""
    encoder: Any = encoders[calendar.source]
    when = encoder.local(frame.iloc[:, calendar.source])
    is_broken = np.zeros(len(frame), dtype=bool)
    for index, name in zip(calendar.columns, calendar.parts, strict=True):
        number: Any = encoders[index]
        own, part = number.numbers(frame.iloc[:, index]), _numbers(_PARTS[name].of(when))
        is_broken |= (own != part) & ~(np.isnan(own) & np.isnan(part))
    return is_broken


def _taking_over(
    source: "pd.Series[Any]",
    encoder: InstantEncoder,
    parts: Sequence[_Part],
    drawn: Sequence[FloatArray],
    fixed: npt.NDArray[np.bool_],
    is_free: npt.NDArray[np.bool_],
) -> "pd.Series[Any]":
    """Return points in time that have taken over parts: those that they may, and those that are fixed.

    For a fixed part a point in time may go further, but not out of the range that was seen.
    """
    codes = encoder.transform(source)[0]
    for place, part in enumerate(parts):
        is_owed = fixed[place] & is_free
        for unit, steps in _DETOURS:
            moved = encoder.of_local(_moved(_stepped(encoder.local(source), unit, steps), part, drawn[place]))
            is_taken = moved.notna().to_numpy() & is_free
            if steps:
                is_taken &= is_owed
            else:
                is_taken &= is_owed | (encoder.transform(moved.where(is_taken, source))[0] == codes)
            when = encoder.local(moved)
            for other in range(place):
                is_taken &= ~fixed[other] | (_numbers(parts[other].of(when)) == drawn[other])
            source = overwritten(source, moved, is_taken)
            is_owed &= ~is_taken
            if not is_owed.any():
                break
    return source


def _numbers(part: Any) -> FloatArray:
    """Return a part as floats, NaN where there is none."""
    return pd.Series(part).to_numpy(dtype=np.float64, na_value=np.nan)


def _moved(when: pd.DatetimeIndex, part: _Part, wanted: FloatArray) -> pd.DatetimeIndex:
    """Return the nearest points in time of which a part is as wanted; missing where there is none near."""
    own = _numbers(part.of(when))
    has_both = ~(np.isnan(own) | np.isnan(wanted))
    steps = np.where(has_both, wanted - own, 0).astype(np.int64) * part.per
    found = _stepped(pd.DatetimeIndex(when.where(has_both)), part.unit, steps)
    return pd.DatetimeIndex(found.where(_numbers(part.of(found)) == wanted))


def _stepped(when: pd.DatetimeIndex, unit: str, steps: Any) -> pd.DatetimeIndex:
    """Return points in time some seconds or months later; the last days of a month stay within it."""
    instants = when.to_numpy()
    span = np.asarray(steps).astype(f"timedelta64[{unit}]")
    if unit == "s":
        return pd.DatetimeIndex(instants + span.astype(f"timedelta64[{when.unit}]"))
    months, days = instants.astype("datetime64[M]"), instants.astype("datetime64[D]")
    into, clock = days - months.astype(days.dtype), instants - days.astype(instants.dtype)
    last = (months + span + 1).astype(days.dtype) - (months + span).astype(days.dtype) - 1
    return pd.DatetimeIndex(
        ((months + span).astype(days.dtype) + np.minimum(into, last)).astype(instants.dtype) + clock
    )
