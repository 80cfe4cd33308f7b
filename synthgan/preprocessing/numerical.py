"""Numbers: integers and floats of any width, nullable or not, with point masses and long tails.

Integers come back as integers on the grid that was seen, floats with the number of decimals that was seen,
all inside the range that was seen.
"""

from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_object_dtype

from synthgan.exceptions import DataError
from synthgan.layout import FloatArray
from synthgan.preprocessing.base import CodingOptions
from synthgan.preprocessing.grid import fit_on_grid, whole_numbers
from synthgan.preprocessing.number_line import NumberLineEncoder

_MAX_DECIMALS = 12
_OBJECT_NUMBERS = {"integer", "floating", "mixed-integer-float"}


class NumericalEncoder(NumberLineEncoder):
    """Encode integers and floats.

    Attributes
    ----------
    decimals_
        The fewest decimals that write all numbers exactly; None for integers, and where 12 are too few.
    """

    kind = "numerical"

    decimals_: int | None

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        dtype = column.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            return None
        if is_object_dtype(dtype):
            content = infer_dtype(column, skipna=True)
            if content == "integer" and not fit_on_grid(column.dropna().tolist()):
                return None
            return "objects that are all numbers" if content in _OBJECT_NUMBERS else None
        return f"dtype {dtype}" if dtype.kind in "iuf" else None

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        cells = self._to_array(present)
        self.decimals_ = None
        if cells.dtype.kind == "f":
            if not np.isfinite(cells).all():
                raise DataError(
                    f"Column {self.name!r} has infinite values; replace them, for instance by a missing "
                    "value: df.replace([float('inf'), float('-inf')], float('nan'))."
                )
            self.decimals_ = fewest_decimals(cells, getattr(self.dtype, "itemsize", 8))
        super()._fit_present(present, options)

    def bound(self, value: Any) -> Fraction:
        """Return a number, or the text of one, which need not be one that the column can hold."""
        if isinstance(value, bool):
            raise TypeError("a truth value is no number")
        if isinstance(value, Integral):
            return Fraction(int(value))
        written = str(value).strip() if isinstance(value, str | Decimal) else repr(float(value))
        number = Fraction(written)
        return number if self.grid_ is not None else Fraction(str(self._own(float(number))))

    @property
    def _step(self) -> tuple[Fraction, Fraction] | None:
        if self.decimals_ is None:
            return super()._step
        return Fraction(0), Fraction(1, 10**self.decimals_)

    def _comparable(self, end: Fraction) -> Any:
        if self.grid_ is not None:
            return super()._comparable(end)
        return float(self._own(float(end)))

    def _own(self, number: float) -> Any:
        """Return a number in the precision of the column."""
        return np.dtype(f"f{getattr(self.dtype, 'itemsize', 8)}").type(number)

    def _whole(self, end: Fraction, is_left_out: bool, *, is_low: bool) -> Fraction:
        whole = super()._whole(end, is_left_out, is_low=is_low)
        if self.grid_ is not None or not is_left_out:
            return whole
        own = self._own(float(end))
        if self._own(float(whole)) != own:
            return whole
        return Fraction(str(np.nextafter(own, own.dtype.type(np.inf if is_low else -np.inf))))

    @property
    def unit(self) -> str:
        """One for all dtypes of numbers."""
        return self.kind

    def of_numbers(self, numbers: FloatArray) -> "pd.Series[Any]":
        """Return a column of numbers that it can hold, missing where they are NaN."""
        missing = np.isnan(numbers)
        present = numbers[~missing]
        return self.place(
            self._from_array(present if self.grid_ is None else present.astype(np.int64)), missing
        )

    def _to_array(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        if is_object_dtype(present.dtype):
            cells = present.tolist()
            is_whole = infer_dtype(present) == "integer"
            return whole_numbers(cells) if is_whole else np.array(cells, dtype=np.float64)
        return present.to_numpy(dtype={"i": np.int64, "u": np.uint64}.get(present.dtype.kind, np.float64))

    def _from_array(self, numbers: npt.NDArray[Any]) -> Any:
        if self.grid_ is not None:
            return numbers
        if self.decimals_ is not None:
            numbers = np.round(numbers, self.decimals_)
        return numbers + 0.0  # turns -0.0 into 0.0


def fewest_decimals(numbers: FloatArray, itemsize: int = 8) -> int | None:
    """Return the fewest decimals that write all numbers exactly, or None when 12 are not enough.

    Exactly means: as floats of `itemsize` bytes, of which float64 shows digits that nobody wrote.
    """
    precision = np.dtype(f"f{itemsize}")
    own = numbers.astype(precision)
    with np.errstate(over="ignore"):  # a number too large to have decimals
        for decimals in range(_MAX_DECIMALS + 1):
            if np.array_equal(np.round(numbers, decimals).astype(precision), own):
                return decimals
    return None
