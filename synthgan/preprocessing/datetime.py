"""Points in time and spans of time, in any unit, with or without a time zone.

They are integers in their own unit, counted in UTC, on the grid that was seen: whole days come back as
whole days.
"""

from datetime import date, datetime
from typing import Any

import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_timedelta64_dtype

from synthgan.preprocessing.number_line import NumberLineEncoder


class DatetimeEncoder(NumberLineEncoder):
    """Encode datetimes and timedeltas."""

    kind = "datetime"

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        dtype = column.dtype
        if isinstance(dtype, pd.ArrowDtype):
            return None
        if is_datetime64_any_dtype(dtype) or is_timedelta64_dtype(dtype):
            return f"dtype {dtype}"
        return None

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return a point in time, a day, or the text of one, as a Series of length one."""
        is_day = isinstance(value, date) and not isinstance(value, datetime)
        return super().cast(pd.Timestamp(value) if is_day else value)

    def _to_array(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        return present.astype(self.dtype).astype("int64").to_numpy()

    def _from_array(self, numbers: npt.NDArray[Any]) -> Any:
        return pd.Series(numbers).astype(self.dtype).array  # ticks are UTC, whatever the time zone
