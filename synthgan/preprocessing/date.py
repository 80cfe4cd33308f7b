"""Days and times of day: objects of Python's `datetime.date` and `datetime.time`, as parquet files give."""

from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype

from synthgan.preprocessing.number_line import InstantEncoder, NumberLineEncoder


class DateEncoder(InstantEncoder):
    """Encode days."""

    kind = "date"

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        is_date = column.dtype == object and infer_dtype(column, skipna=True) == "date"
        return "objects that are all dates" if is_date else None

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return a day, or the text YYYY-MM-DD of one, as a Series of length one."""
        return super().cast(date.fromisoformat(value) if isinstance(value, str) else value)

    def _to_array(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        return np.array(present.tolist(), dtype="datetime64[D]").astype(np.int64)

    def _from_array(self, numbers: npt.NDArray[Any]) -> Any:
        return np.asarray(numbers.astype("datetime64[D]").astype(object), dtype=object)

    def local(self, column: "pd.Series[Any]") -> pd.DatetimeIndex:
        days = column.where(column.notna(), None).to_numpy(dtype="datetime64[D]")
        return pd.DatetimeIndex(days.astype("datetime64[s]"))

    def of_local(self, when: pd.DatetimeIndex) -> "pd.Series[Any]":
        days = when.to_numpy().astype("datetime64[D]")
        return self._of_ticks(days.astype(np.int64), ~np.isnat(days))


class TimeEncoder(NumberLineEncoder):
    """Encode times of day, without a time zone, in microseconds since midnight."""

    kind = "time"

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        is_time = column.dtype == object and infer_dtype(column, skipna=True) == "time"
        is_plain = is_time and all(cell.tzinfo is None for cell in column.dropna())
        return "objects that are all times of day" if is_plain else None

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return a time of day, or the text HH:MM:SS of one, as a Series of length one."""
        return super().cast(time.fromisoformat(value) if isinstance(value, str) else value)

    def _to_array(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        midnight, tick = datetime.min, timedelta(microseconds=1)
        since = [(datetime.combine(midnight, cell) - midnight) // tick for cell in present]
        return np.array(since, dtype=np.int64)

    def _from_array(self, numbers: npt.NDArray[Any]) -> Any:
        cells = np.empty(len(numbers), dtype=object)
        cells[:] = [(datetime.min + timedelta(microseconds=ticks)).time() for ticks in numbers.tolist()]
        return cells
