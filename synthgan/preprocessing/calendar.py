"""Columns that are parts of a point in time, such as its year: found in a table, kept in drawn rows.

Unlike a function that is known cell by cell, a part is known of days that no row has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.layout import FloatArray
from synthgan.preprocessing.base import BoolArray, ColumnEncoder
from synthgan.preprocessing.calendar_parts import DAY, READINGS, Part, Reading
from synthgan.preprocessing.number_line import InstantEncoder
from synthgan.schema import join_columns, overwritten, replaced

#: Days that are looked through for one that has the parts of a condition.
_MAX_DAYS = 100_000
#: How far a point in time goes, in turn, to have a part that it must have.
_DETOURS = [
    ("s", 0),
    ("s", DAY),
    ("s", -DAY),
    *(("M", months) for months in (1, -1, 2, -2, 12, -12, 24, -24, 48, -48)),
]
#: Of how many points in time at least each part must be right, to be more than chance.
_MIN_ROWS = 20
#: Rows that are looked at first.
_FEW_ROWS = 200


@dataclass(frozen=True)
class Calendar:
    """A column of points in time, and those that are parts of it.

    Parameters
    ----------
    source, columns
        Their indices.
    parts
        Which part of the source each column is.
    has_holes
        Of each column, whether its cells are missing where those of the source are not, or the other way
        round. A hole stays, and beside one in the source stands any part.
    """

    source: int
    columns: list[int]
    parts: list[str]
    has_holes: list[bool]

    def readings(self) -> list[tuple[int, Reading, bool]]:
        """Return for each column its index, how it holds its part, and whether it has holes."""
        return [
            (index, READINGS[name], has_holes)
            for index, name, has_holes in zip(self.columns, self.parts, self.has_holes, strict=True)
        ]

    def contradicted(
        self, cells: Mapping[int, "pd.Series[Any]"], encoders: Sequence[ColumnEncoder]
    ) -> list[int]:
        """Return the columns of which single cells are given that no row can have together, if any."""
        given = [index for index in self.columns if index in cells]
        encoder: Any = encoders[self.source]
        if self.source not in cells:
            return [] if self._is_some_day(cells, encoders) else given
        when = encoder.local(cells[self.source])
        for index, reading, has_holes in self.readings():
            if index in cells and not (has_holes and (when.isna() | cells[index].isna()).all()):
                part, own = reading.part.numbers(when), reading.read(encoders[index], cells[index])
                if not np.array_equal(part, own, equal_nan=True):
                    return [self.source, index]
        return []

    def _is_some_day(self, cells: Mapping[int, "pd.Series[Any]"], encoders: Sequence[ColumnEncoder]) -> bool:
        """Return whether a day between the first and the last that was seen has all parts that are given."""
        encoder: Any = encoders[self.source]
        given = {index: cells[index] for index in self.columns if index in cells}
        missing = {index for index, column in given.items() if column.isna().all()}
        holes = {index for index, _, has_holes in self.readings() if has_holes}
        beside_missing = holes | missing  # what may stand beside a missing point in time
        if encoder.has_missing_ and given.keys() <= beside_missing:
            return True
        if missing - holes:
            return False
        ends = encoder.local(pd.Series(list(encoder.ends()), dtype=encoder.dtype))
        first, last = ends.to_numpy().astype("datetime64[D]").astype(np.int64).tolist()
        numbers = np.arange(first, min(last, first + _MAX_DAYS) + 1)
        days = pd.DatetimeIndex(numbers.astype("datetime64[D]").astype("datetime64[s]"))
        fits = np.ones(len(days), dtype=bool)
        for index, reading, _ in self.readings():
            if index not in given or index in missing:
                continue
            if reading.part.unit == "M" or reading.part.per >= DAY:
                fits &= reading.part.numbers(days) == reading.read(encoders[index], cells[index])
        return bool(fits.any()) or last > first + _MAX_DAYS

    def broken(self, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> BoolArray:
        """Return which rows of a plain frame have a part that is not one of their point in time."""
        encoder: Any = encoders[self.source]
        when = encoder.local(frame.iloc[:, self.source])
        is_broken = np.zeros(len(frame), dtype=bool)
        for index, reading, has_holes in self.readings():
            own, part = reading.read(encoders[index], frame.iloc[:, index]), reading.part.numbers(when)
            is_missing = when.isna() | frame.iloc[:, index].isna().to_numpy()
            is_broken |= (own != part) & ~(np.isnan(own) & np.isnan(part)) & ~(has_holes & is_missing)
        return is_broken


def find_calendars(frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> tuple[Calendar, ...]:
    """Return the columns of a plain table that have parts in others; each is part of one column at most.

    Points in time are looked for parts from those with most clock times, and what is a part has none.
    """
    free = {i for i, encoder in enumerate(encoders) if encoder.span.n_codes > 1}
    instants: dict[int, pd.DatetimeIndex] = {}
    for index, encoder in enumerate(encoders):
        if isinstance(encoder, InstantEncoder):
            when = encoder.local(frame[encoder.name])
            if when.nunique() >= _MIN_ROWS:
                instants[index] = when
    calendars = []
    for source in sorted(instants, key=lambda index: -instants[index].nunique()):
        if source not in free:
            continue
        found = {}
        for index in sorted(free - {source}):
            if name := _part(instants[source], frame[encoders[index].name], encoders[index]):
                found[index] = name
        if found:
            order = sorted(found, key=lambda index: list(READINGS).index(found[index]))
            is_missing = instants[source].isna()
            has_holes = [bool((frame[encoders[i].name].isna() != is_missing).any()) for i in order]
            calendars.append(Calendar(source, order, [found[index] for index in order], has_holes))
            free -= {source, *found}
    return tuple(sorted(calendars, key=lambda calendar: calendar.source))


def _part(when: pd.DatetimeIndex, column: "pd.Series[Any]", encoder: ColumnEncoder) -> str | None:
    """Return which part of points in time a column is, wherever there are both; most are none."""
    suited = [name for name, reading in READINGS.items() if reading.suits(encoder)]
    if not suited:
        return None
    is_missing = column.isna().to_numpy()
    has_holes = bool((is_missing != when.isna()).any())
    if has_holes:
        has_both = when.notna() & ~is_missing
        when, column = when[has_both], column[has_both]
    found = next((name for name in suited if _is_part(name, when, column, encoder)), None)
    return found if not has_holes or when.nunique() >= _MIN_ROWS else None


def _is_part(name: str, when: pd.DatetimeIndex, column: "pd.Series[Any]", encoder: ColumnEncoder) -> bool:
    """Return whether a column is a part of points in time; most are not of the first rows already."""
    reading = READINGS[name]
    for rows in (slice(_FEW_ROWS), slice(None)):
        own = reading.read(encoder, column.iloc[rows])
        if not np.array_equal(reading.part.numbers(when[rows]), own, equal_nan=True):
            return False
    return reading.write(encoder, when).equals(column.reset_index(drop=True))


def keep_calendars(
    frame: pd.DataFrame,
    calendars: Sequence[Calendar],
    encoders: Sequence[ColumnEncoder],
    fixed: BoolArray,
) -> pd.DataFrame:
    """Return a plain frame of drawn rows in which parts of points in time are parts of them.

    A point in time takes over the parts that were drawn beside it, one after another, where it then still
    has the code that was drawn; what it does not take over is put right. What else comes in is that of
    `Ties.keep`.
    """
    if not calendars or not len(frame):
        return frame
    series = [frame.iloc[:, i] for i in range(frame.shape[1])]
    for calendar in calendars:
        source = _settled(calendar, series, encoders, fixed)
        encoder: Any = encoders[calendar.source]
        series[calendar.source], when = source, encoder.local(source)
        for index, reading, has_holes in calendar.readings():
            is_hole = has_holes & (when.isna() | series[index].isna().to_numpy())
            rows = ~(fixed[:, index] | is_hole)
            right = reading.write(encoders[index], when[rows])
            can_be = right.notna().to_numpy() | when[rows].isna()
            rows[rows] = can_be
            series[index] = replaced(series[index], right[can_be], rows)
    return join_columns(series, list(frame.columns))


def _settled(
    calendar: Calendar,
    series: Sequence["pd.Series[Any]"],
    encoders: Sequence[ColumnEncoder],
    fixed: BoolArray,
) -> "pd.Series[Any]":
    """Return points in time that have taken over what was drawn beside them; see `keep_calendars`."""
    encoder: Any = encoders[calendar.source]
    source, is_free = series[calendar.source], ~fixed[:, calendar.source]
    when = encoder.local(source)
    is_open = when.notna() & ~fixed[:, calendar.columns].any(1)
    parts, drawn, owed = [], [], []
    for index, reading, has_holes in calendar.readings():
        parts.append(reading.part)
        drawn.append(reading.read(encoders[index], series[index]))
        # A text that the column does not have cannot follow from a point in time, which then follows from it.
        lacks = reading.write(encoders[index], when).isna().to_numpy() & is_open
        owed.append((fixed[:, index] | lacks) & ~(has_holes & series[index].isna().to_numpy()))
    source = _taking_over(source, encoder, parts, drawn, np.stack(owed), is_free)
    # What no point in time has stands beside a missing one, if anything does.
    when, misses = encoder.local(source), np.zeros(len(source), dtype=bool)
    for (index, reading, has_holes), own, is_owed in zip(calendar.readings(), drawn, owed, strict=True):
        can_miss = has_holes | series[index].isna().to_numpy()
        misses |= fixed[:, index] & is_owed & can_miss & (reading.part.numbers(when) != own)
    nothing = encoder.place(encoder.from_exact(encoder.exact(source.iloc[:0])), np.ones_like(misses))
    return overwritten(source, nothing, misses & is_free & encoder.has_missing_)


def _taking_over(
    source: "pd.Series[Any]",
    encoder: InstantEncoder,
    parts: Sequence[Part],
    drawn: Sequence[FloatArray],
    fixed: BoolArray,
    is_free: BoolArray,
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
                is_taken &= ~fixed[other] | (parts[other].numbers(when) == drawn[other])
            source = overwritten(source, moved, is_taken)
            is_owed &= ~is_taken
            if not is_owed.any():
                break
    return source


def _moved(when: pd.DatetimeIndex, part: Part, wanted: FloatArray) -> pd.DatetimeIndex:
    """Return the nearest points in time of which a part is as wanted; missing where there is none near."""
    own = part.numbers(when)
    has_both = ~(np.isnan(own) | np.isnan(wanted))
    steps = np.where(has_both, wanted - own, 0).astype(np.int64) * part.per
    found = _stepped(pd.DatetimeIndex(when.where(has_both)), part.unit, steps)
    return pd.DatetimeIndex(found.where(part.numbers(found) == wanted))


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
