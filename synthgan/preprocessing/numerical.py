"""Numbers: integers and floats of any width, nullable or not, with point masses and long tails; decimals.

Integers come back as integers on the grid that was seen, floats with the number of decimals that was seen,
all inside the range that was seen. Decimals are objects of Python's `decimal.Decimal`, as they arrive from
parquet files: integers of their last place, of any length.
"""

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
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
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
#: Digits before or after the point beyond which no decimal is learned; those of Arrow have 76 at most.
_MAX_DIGITS = 1_000


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


class DecimalEncoder(NumberLineEncoder):
    """Encode decimals.

    Attributes
    ----------
    n_places_
        Digits behind the point.
    """

    kind = "decimal"

    n_places_: int

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        if column.dtype != object or infer_dtype(column, skipna=True) != "decimal":
            return None
        finite = [cell for cell in column.dropna() if cell.is_finite()]
        is_wide = any(abs(cell.adjusted()) > _MAX_DIGITS for cell in finite)
        fits = not is_wide and fit_on_grid(_scaled(finite, _n_places(finite)))
        return "objects that are all decimals" if fits else None

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        if not all(cell.is_finite() for cell in present):
            raise DataError(f"Column {self.name!r} has infinite decimals; replace them by missing cells.")
        self.n_places_ = _n_places(present.tolist())
        super()._fit_present(present, options)

    @property
    def unit(self) -> str:
        """One for each number of places."""
        return f"{self.kind} {self.n_places_}"

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return a number, or the text of one, as a Series of length one."""
        if pd.isna(value):
            return super().cast(value)
        given = value if isinstance(value, Decimal) else Decimal(str(value))
        own = self._from_array(np.array(_scaled([given], self.n_places_), dtype=object))[0]
        if own != given:
            raise ValueError(f"{value!r} has more than {self.n_places_} places")
        return super().cast(own)

    def bound(self, value: Any) -> Fraction:
        """Return a number, or the text of one, in units of the last place."""
        return Fraction(Fraction(Decimal(str(value))) * 10**self.n_places_)

    def _to_array(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        return whole_numbers(_scaled(present.tolist(), self.n_places_))

    def _from_array(self, numbers: npt.NDArray[Any]) -> Any:
        cells = np.empty(len(numbers), dtype=object)
        cells[:] = [Decimal(number).scaleb(-self.n_places_, _EXACT) for number in numbers.tolist()]
        return cells


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


def _n_places(decimals: list[Decimal]) -> int:
    """Return the digits behind the point of the decimal that has most of them."""
    return max([0, *(-int(cell.as_tuple().exponent) for cell in decimals)])


def _scaled(decimals: list[Decimal], n_places: int) -> list[int]:
    """Return decimals as integers of the last of `n_places` places, rounded where they have more."""
    return [round(cell.scaleb(n_places, _EXACT)) for cell in decimals]
