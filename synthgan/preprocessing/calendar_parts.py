"""What a point in time has: its year, its day, the name of its weekday; and how columns write it.

A part is a number. A column may hold it as a number, a date, a time of day, a truth value or text; a
`Reading` brings its cells to the number and back.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from synthgan.layout import FloatArray
from synthgan.preprocessing.base import ColumnEncoder
from synthgan.preprocessing.categorical import BooleanEncoder, CategoricalEncoder
from synthgan.preprocessing.date import TimeEncoder
from synthgan.preprocessing.number_line import InstantEncoder
from synthgan.preprocessing.numerical import NumericalEncoder

DAY = 86_400
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_FIRST_LETTERS = 3


class Part(NamedTuple):
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

    def numbers(self, when: pd.DatetimeIndex) -> FloatArray:
        """Return the part as floats, NaN where there is no point in time."""
        return pd.Series(self.of(when)).to_numpy(dtype=np.float64, na_value=np.nan)


class Reading(NamedTuple):
    """How a column holds a part.

    Attributes
    ----------
    part
        The part.
    suits
        Whether the encoder of a column is one that can hold it so.
    read
        From an encoder and its column to the numbers, NaN where it has none.
    write
        From an encoder and points in time to the column, missing where it cannot hold what it would be.
    """

    part: Part
    suits: Callable[[ColumnEncoder], bool]
    read: Callable[[Any, "pd.Series[Any]"], FloatArray]
    write: Callable[[Any, pd.DatetimeIndex], "pd.Series[Any]"]


def _since_midnight(when: pd.DatetimeIndex) -> Any:
    """Return seconds."""
    return (when - when.normalize()) / pd.Timedelta(seconds=1)


def _days(when: pd.DatetimeIndex) -> Any:
    """Return days since 1970, and which share of the day has gone."""
    return _counted(when, "D") + _since_midnight(when) / DAY


def _counted(when: pd.DatetimeIndex, unit: str) -> FloatArray:
    """Return how many days or seconds since 1970 have gone, NaN where there is no point in time."""
    ticks = when.to_numpy().astype(f"datetime64[{unit}]")
    return np.where(np.isnat(ticks), np.nan, ticks.astype(np.int64))


#: Parts from the finest, in which order points in time take them over.
_NUMBERS = {
    "second": Part(lambda when: when.second, "s", 1),
    "minute": Part(lambda when: when.minute, "s", 60),
    "hour": Part(lambda when: when.hour, "s", 3600),
    "weekday from 0": Part(lambda when: when.day_of_week, "s", DAY),
    "weekday from 1": Part(lambda when: when.day_of_week + 1, "s", DAY),
    "day": Part(lambda when: when.day, "s", DAY),
    "day of the year": Part(lambda when: when.day_of_year, "s", DAY),
    "week": Part(lambda when: when.isocalendar().week, "s", 7 * DAY),
    "month": Part(lambda when: when.month, "M", 1),
    "quarter": Part(lambda when: when.quarter, "M", 3),
    "year": Part(lambda when: when.year, "M", 12),
    "seconds since 1970": Part(lambda when: _counted(when, "s"), "s", 1),
}
_WEEKDAY, _MONTH = _NUMBERS["weekday from 0"], _NUMBERS["month"]
_DATE = Part(lambda when: _days(when.normalize()), "s", DAY)
_CLOCK = Part(_since_midnight, "s", 1)
_MINUTES = Part(lambda when: 60 * when.hour + when.minute, "s", 60)
_MONTHS_SINCE = Part(lambda when: 12 * when.year + when.month, "M", 1)
#: Two days on, Thursday and Friday are at the weekend, and it is at them two days back.
_WEEKEND = Part(lambda when: when.day_of_week >= _WEEKDAYS.index("Saturday"), "s", 2 * DAY)
#: As text, by the pattern of strftime.
_WRITTEN = {
    "%H:%M": _MINUTES,
    "%H:%M:%S": _CLOCK,
    **dict.fromkeys(("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"), _DATE),
    **dict.fromkeys(("%Y-%m", "%Y/%m", "%Y%m", "%m/%Y"), _MONTHS_SINCE),
    "%m": _MONTH,
    "%Y": _NUMBERS["year"],
}
#: As names, of which each is one further than the one before.
_NAMED = {
    "name of the weekday": (_WEEKDAY, _WEEKDAYS),
    "short name of the weekday": (_WEEKDAY, tuple(name[:_FIRST_LETTERS] for name in _WEEKDAYS)),
    "name of the month": (_MONTH, ("", *_MONTHS)),
    "short name of the month": (_MONTH, ("", *(name[:_FIRST_LETTERS] for name in _MONTHS))),
}


def _is(kind: Any) -> Callable[[ColumnEncoder], bool]:
    return lambda encoder: isinstance(encoder, kind)


def _is_text(encoder: ColumnEncoder) -> bool:
    """Return whether a column has levels that are text."""
    return isinstance(encoder, CategoricalEncoder) and all(isinstance(cell, str) for cell in encoder.levels_)


def _placed(encoder: ColumnEncoder, cells: Any, present: Any) -> "pd.Series[Any]":
    return encoder.place(np.asarray(cells, dtype=object)[present], ~np.asarray(present, dtype=bool))


def _number(part: Part) -> Reading:
    return Reading(
        part,
        _is(NumericalEncoder),
        lambda encoder, column: encoder.numbers(column),
        lambda encoder, when: encoder.of_numbers(part.numbers(when)),
    )


def _named(part: Part, names: tuple[str, ...]) -> Reading:
    numbers = {name: float(number) for number, name in enumerate(names)}

    def write(encoder: CategoricalEncoder, when: pd.DatetimeIndex) -> "pd.Series[Any]":
        own = [names[int(number)] for number in np.nan_to_num(part.numbers(when), nan=1)]
        return _placed(encoder, own, when.notna() & np.isin(own, encoder.levels_))

    return Reading(part, _is_text, lambda _, column: _mapped(column, numbers), write)


def _written(part: Part, pattern: str) -> Reading:
    def read(encoder: CategoricalEncoder, column: "pd.Series[Any]") -> FloatArray:
        levels = pd.to_datetime(pd.Series(encoder.levels_, dtype=object), format=pattern, errors="coerce")
        numbers = part.numbers(pd.DatetimeIndex(levels))
        return _mapped(column, dict(zip(encoder.levels_, numbers.tolist(), strict=True)))

    def write(encoder: CategoricalEncoder, when: pd.DatetimeIndex) -> "pd.Series[Any]":
        own = when.strftime(pattern)
        return _placed(encoder, own, own.isin(encoder.levels_))

    return Reading(part, _is_text, read, write)


def _mapped(column: "pd.Series[Any]", numbers: dict[str, float]) -> FloatArray:
    mapped = column.astype(object).map(numbers)
    return np.asarray(mapped.to_numpy(dtype=np.float64, na_value=np.nan))


#: By name, from the finest parts to the coarsest as far as they are numbers.
READINGS: dict[str, Reading] = {
    **{name: _number(part) for name, part in _NUMBERS.items()},
    "time of day": Reading(
        _CLOCK,
        _is(TimeEncoder),
        lambda encoder, column: encoder.numbers(column) / 1e6,
        lambda encoder, when: _placed(encoder, when.time, when.notna()),
    ),
    **{name: _named(*named) for name, named in _NAMED.items()},
    "weekend": Reading(
        _WEEKEND,
        _is(BooleanEncoder),
        lambda _, column: column.to_numpy(dtype=np.float64, na_value=np.nan),
        lambda encoder, when: _placed(encoder, _WEEKEND.of(when), when.notna()),
    ),
    **{pattern: _written(part, pattern) for pattern, part in _WRITTEN.items()},
    "date": Reading(
        _DATE,
        _is(InstantEncoder),
        lambda encoder, column: Part(_days, "s", DAY).numbers(encoder.local(column)),
        lambda encoder, when: encoder.of_local(when.normalize()),
    ),
}
