"""Points in time and spans of time, in any unit, with or without a time zone, and periods.

They are integers in their own unit, counted in UTC, on the grid that was seen: whole days come back as
whole days.
"""

from abc import abstractmethod
from datetime import date, datetime, time
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_object_dtype, pandas_dtype

from synthgan.preprocessing.base import CodingOptions
from synthgan.preprocessing.number_line import InstantEncoder, NumberLineEncoder
from synthgan.schema import can_be_named, zone_name


class TickEncoder(NumberLineEncoder):
    """Encode cells that pandas counts in ticks: in a dtype of its own, or objects that have such a dtype.

    Attributes
    ----------
    ticks_
        The dtype in which objects are counted, as text; None where the column has such a dtype.
    are_of_pandas_
        Whether objects are pandas' and not Python's.
    """

    of_pandas: ClassVar[type]

    ticks_: str | None
    are_of_pandas_: bool

    @staticmethod
    @abstractmethod
    def _ticks_of(objects: "pd.Series[Any]") -> str:
        """Return the dtype that counts objects; ValueError or TypeError where there is none."""

    @staticmethod
    @abstractmethod
    def _to_python(cells: "pd.Series[Any]") -> npt.NDArray[Any]:
        """Return cells of the dtype that counts them as objects of Python."""

    @classmethod
    def _reason(cls, column: "pd.Series[Any]", content: str) -> str | None:
        """Return why a column is taken whose dtype, or whose objects, may be of this kind."""
        if not is_object_dtype(column.dtype):
            return f"dtype {column.dtype}" if can_be_named(column.dtype) else None
        if infer_dtype(column, skipna=True) != content:
            return None
        present = column.dropna()
        try:
            present.astype(pandas_dtype(cls._ticks_of(present)))
        except (ValueError, TypeError):
            return None
        return f"objects that are all {content}s"

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        is_object = is_object_dtype(self.dtype)
        self.ticks_ = self._ticks_of(present) if is_object else None
        self.are_of_pandas_ = is_object and all(isinstance(cell, self.of_pandas) for cell in present)
        self._look(present)
        super()._fit_present(present, options)

    def _look(self, present: "pd.Series[Any]") -> None:
        """Learn what else is to be known before cells are counted."""

    @property
    def unit(self) -> str:
        """One for all cells that are counted alike, objects or not."""
        return f"{self.kind} {self._ticks}"

    @property
    def _ticks(self) -> Any:
        """The dtype in which the cells are counted."""
        return self.dtype if self.ticks_ is None else pandas_dtype(self.ticks_)

    def _to_array(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        return present.astype(self._ticks).astype("int64").to_numpy()

    def _from_array(self, numbers: npt.NDArray[Any]) -> Any:
        cells = pd.Series(numbers).astype(self._ticks)  # ticks are UTC, whatever the time zone
        if not is_object_dtype(self.dtype):
            return cells.array
        return cells.astype(object).to_numpy() if self.are_of_pandas_ else self._to_python(cells)

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return a cell, or the text of one, as a Series of length one."""
        if not is_object_dtype(self.dtype) or pd.isna(value):
            return super().cast(value)
        numbers = self._to_array(pd.Series([value], dtype=object))
        own = self._restore(self._from_array(numbers)).iloc[0]
        if not isinstance(value, str) and own != value:  # a number that pandas takes for ticks
            raise ValueError(f"{value!r} is no {self.kind}")
        return super().cast(own)


class DatetimeEncoder(TickEncoder, InstantEncoder):
    """Encode points in time; objects are of one time zone.

    Attributes
    ----------
    are_days_
        Whether clocks of a time zone show midnight at all of them: then they are counted as clocks show
        them, since between two days may be 23 hours.
    """

    kind = "datetime"
    of_pandas = pd.Timestamp

    are_days_: bool

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        dtype = column.dtype
        is_instant = dtype.kind == "M" or isinstance(dtype, pd.PeriodDtype)
        return cls._reason(column, "datetime") if is_instant or is_object_dtype(dtype) else None

    @staticmethod
    def _ticks_of(objects: "pd.Series[Any]") -> str:
        zones = {zone_name(cell.tzinfo) if cell.tzinfo else "" for cell in objects}
        if len(zones) > 1:
            raise ValueError("several time zones")
        unit = "ns" if any(getattr(cell, "nanosecond", 0) for cell in objects) else "us"
        return f"datetime64[{', '.join(filter(None, [unit, *zones]))}]"

    @staticmethod
    def _to_python(cells: "pd.Series[Any]") -> npt.NDArray[Any]:
        return np.asarray(pd.DatetimeIndex(cells).to_pydatetime(), dtype=object)

    def _look(self, present: "pd.Series[Any]") -> None:
        zone = getattr(self._ticks, "tz", None)
        shown = None if zone is None else self.local(present)
        self.are_days_ = shown is not None and bool((shown == shown.normalize()).all())

    @property
    def unit(self) -> str:
        return f"{super().unit}{' days' if self.are_days_ else ''}"

    def _to_array(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        return self.local(present).asi8 if self.are_days_ else super()._to_array(present)

    def local(self, column: "pd.Series[Any]") -> pd.DatetimeIndex:
        if isinstance(self.dtype, pd.PeriodDtype):
            return pd.PeriodIndex(column).to_timestamp()
        return pd.DatetimeIndex(column.astype(self._ticks)).tz_localize(None)

    def of_local(self, when: pd.DatetimeIndex) -> "pd.Series[Any]":
        there: Any = when
        if self.are_days_:
            there = when.as_unit(self._ticks.unit)
        elif isinstance(self.dtype, pd.PeriodDtype):
            there = when.to_period(cast(Any, self.dtype.freq))
        else:
            # An hour that clocks show twice, or never, is none that was drawn.
            there = when.tz_localize(getattr(self._ticks, "tz", None), ambiguous="NaT", nonexistent="NaT")
            there = there.as_unit(pd.Series([], dtype=self._ticks).dt.unit)
        return self._of_ticks(there.asi8, ~there.isna())

    def _from_array(self, numbers: npt.NDArray[Any]) -> Any:
        if isinstance(self.dtype, pd.PeriodDtype):
            return pd.arrays.PeriodArray(numbers.astype(np.int64), dtype=self.dtype)
        if not self.are_days_:
            return super()._from_array(numbers)
        days = pd.Series(numbers).astype(pandas_dtype(f"datetime64[{self._ticks.unit}]")).dt
        is_first = np.ones(len(numbers), dtype=bool)
        there = days.tz_localize(self._ticks.tz, ambiguous=is_first, nonexistent="shift_forward")
        return super()._from_array(there.astype("int64").to_numpy())

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return a point in time, a day, or the text of one, as a Series of length one."""
        if isinstance(value, datetime) and value.tzinfo and not pd.isna(value):
            value = pd.Timestamp(value).tz_convert("UTC")  # hours that clocks show twice are equal to none
        elif isinstance(value, date):
            value = pd.Timestamp(value)
        return super().cast(value)


class TimedeltaEncoder(TickEncoder):
    """Encode spans of time."""

    kind = "timedelta"
    of_pandas = pd.Timedelta

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        is_span = column.dtype.kind == "m" or is_object_dtype(column.dtype)
        return cls._reason(column, "timedelta") if is_span else None

    @staticmethod
    def _ticks_of(objects: "pd.Series[Any]") -> str:
        return f"timedelta64[{'ns' if any(getattr(cell, 'nanoseconds', 0) for cell in objects) else 'us'}]"

    @staticmethod
    def _to_python(cells: "pd.Series[Any]") -> npt.NDArray[Any]:
        return np.asarray(pd.TimedeltaIndex(cells).to_pytimedelta(), dtype=object)

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return a span of time, a time of day, or the text of one, as a Series of length one."""
        if isinstance(value, time):
            value = datetime.combine(datetime.min, value) - datetime.min
        return super().cast(value)
