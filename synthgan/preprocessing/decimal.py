"""Decimals: objects of Python's `decimal.Decimal`, which is how decimals of a parquet file arrive.

They are integers of their last place, of any length, and come back with the number of places that was seen.
"""

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype

from synthgan.exceptions import DataError
from synthgan.preprocessing.base import CodingOptions
from synthgan.preprocessing.grid import fit_on_grid, whole_numbers
from synthgan.preprocessing.number_line import NumberLineEncoder

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
#: Digits before or after the point beyond which no decimal is learned; those of Arrow have 76 at most.
_MAX_DIGITS = 1_000


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


def _n_places(decimals: list[Decimal]) -> int:
    """Return the digits behind the point of the decimal that has most of them."""
    return max([0, *(-int(cell.as_tuple().exponent) for cell in decimals)])


def _scaled(decimals: list[Decimal], n_places: int) -> list[int]:
    """Return decimals as integers of the last of `n_places` places, rounded where they have more."""
    return [round(cell.scaleb(n_places, _EXACT)) for cell in decimals]
