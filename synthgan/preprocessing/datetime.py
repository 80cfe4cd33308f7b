"""Points in time and spans of time, in any unit, with or without a time zone.

They are integers in their own unit, counted in UTC, on the grid that was seen: whole days come back as
whole days.
"""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_timedelta64_dtype

from synthgan.layout import FloatArray
from synthgan.preprocessing.number_line import Grid, NumberLineEncoder


class DatetimeEncoder(NumberLineEncoder):
    """Encode datetimes and timedeltas."""

    kind = "datetime"

    grid_: list[int] | None = None

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        dtype = column.dtype
        if isinstance(dtype, pd.ArrowDtype):
            return None
        if is_datetime64_any_dtype(dtype) or is_timedelta64_dtype(dtype):
            return f"dtype {dtype}"
        return None

    def _learn_line(self, present: "pd.Series[Any]") -> None:
        grid = Grid.fit(self._ticks(present))
        self.grid_ = [grid.low, grid.high, grid.step]

    def _to_numbers(self, present: "pd.Series[Any]") -> FloatArray:
        assert self.grid_ is not None, "a column without cells has no numbers"
        return Grid(*self.grid_).to_steps(self._ticks(present))

    def _from_numbers(self, numbers: FloatArray) -> Any:
        assert self.grid_ is not None, "a column without cells has no numbers"
        ticks = Grid(*self.grid_).from_steps(numbers, np.int64)
        zone = getattr(self.dtype, "tz", None)
        if zone is None:
            return pd.Series(ticks.view(self.dtype)).array
        naive = pd.DatetimeIndex(ticks.view(f"datetime64[{self.dtype.unit}]"))
        return naive.tz_localize("UTC").tz_convert(zone).array

    def _ticks(self, present: "pd.Series[Any]") -> Any:
        return present.astype(self.dtype).astype("int64").to_numpy()
