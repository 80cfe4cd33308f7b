"""Numbers: integers and floats of any width, nullable or not, with point masses and long tails.

Integers come back as integers on the grid that was seen, floats with the number of decimals that was seen,
all inside the range that was seen.
"""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype

from synthgan.exceptions import DataError
from synthgan.layout import FloatArray
from synthgan.preprocessing.number_line import Grid, NumberLineEncoder

_MAX_DECIMALS = 12
_OBJECT_NUMBERS = {"integer", "floating", "mixed-integer-float"}


class NumericalEncoder(NumberLineEncoder):
    """Encode integers and floats."""

    kind = "numerical"

    grid_: list[int] | None = None
    decimals_: int | None = None

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        dtype = column.dtype
        if is_numeric_dtype(dtype) and not is_bool_dtype(dtype) and getattr(dtype, "kind", "f") != "c":
            return f"dtype {dtype}"
        if dtype == object and infer_dtype(column, skipna=True) in _OBJECT_NUMBERS:
            return "objects that are all numbers"
        return None

    def _learn_line(self, present: "pd.Series[Any]") -> None:
        cells = _as_numpy(present)
        self.grid_, self.decimals_ = None, None
        if cells.dtype.kind in "iu":
            grid = Grid.fit(cells)
            self.grid_ = [grid.low, grid.high, grid.step]
        else:
            if not np.isfinite(cells).all():
                raise DataError(
                    f"Column {self.name!r} has infinite values; replace them, for instance by a missing value: "
                    "df.replace([float('inf'), float('-inf')], float('nan'))."
                )
            self.decimals_ = _decimals(cells)

    def _to_numbers(self, present: "pd.Series[Any]") -> FloatArray:
        cells = _as_numpy(present)
        if self.grid_ is None:
            return np.asarray(cells, dtype=np.float64)
        if cells.dtype.kind == "f":
            cells = np.clip(cells, self.grid_[0], self.grid_[1]).astype(np.int64)
        return Grid(*self.grid_).to_steps(cells)

    def _from_numbers(self, numbers: FloatArray) -> Any:
        if self.grid_ is not None:
            beyond_int64 = self.grid_[1] > np.iinfo(np.int64).max
            return Grid(*self.grid_).from_steps(numbers, np.uint64 if beyond_int64 else np.int64)
        if self.decimals_ is not None:
            numbers = np.round(numbers, self.decimals_)
        return numbers + 0.0  # turns -0.0 into 0.0


def _as_numpy(present: "pd.Series[Any]") -> Any:
    """Return cells as an array of 64-bit integers where all are whole by dtype, else of float64."""
    if present.dtype == object:
        return np.array(present.tolist())
    kind = present.dtype.kind
    return present.to_numpy(dtype={"i": np.int64, "u": np.uint64}.get(kind, np.float64))


def _decimals(numbers: FloatArray) -> int | None:
    """Return the fewest decimals that write all numbers exactly, or None when 12 are not enough."""
    for decimals in range(_MAX_DECIMALS + 1):
        if np.array_equal(np.round(numbers, decimals), numbers):
            return decimals
    return None
