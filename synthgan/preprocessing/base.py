"""The contract of a column encoder: one Series in, codes and values out, and back.

A new kind of column is one new file in this folder with a subclass of `ColumnEncoder`: it says which
columns it accepts and how the cells that are present become codes. Missing cells, dtypes and registration
are handled here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.exceptions import DataError
from synthgan.layout import FloatArray, IntArray, Span

#: How a number becomes codes: pieces of the number line with equal shares of the rows, or one standardised
#: value (what the textbook games generate).
NumberCoding = Literal["quantile", "standard"]
#: The end of a range, and whether it is left out itself.
Bound = tuple[Any, bool]
BoolArray = npt.NDArray[np.bool_]
#: Which cells of a column are as they are asked to be.
Test = Callable[["pd.Series[Any]"], BoolArray]


@dataclass(frozen=True)
class CodingOptions:
    """How finely columns are coded.

    Parameters
    ----------
    numbers
        See `NumberCoding`.
    max_pieces
        About how many pieces a number line is cut into.
    max_places
        Into how many places a piece is divided at most.
    max_levels
        Up to how many levels of a category have a code of their own.
    """

    numbers: NumberCoding = "quantile"
    max_pieces: int = 50
    max_places: int = 32
    max_levels: int = 250


#: What an encoder raises, or pandas for it, where a value or a column cannot be of its dtype; pandas knows
#: nothing of some of Arrow's types.
UNFIT = (ValueError, TypeError, ArithmeticError, NotImplementedError)

#: What stands for a missing cell among objects, by the name under which a model file keeps it.
_MISSING: dict[str, Any] = {"None": None, "NA": pd.NA, "NaT": pd.NaT}


class ColumnEncoder(ABC):
    """Encode one column as codes and values, and undo it.

    Subclasses set `kind` and `priority` (the encoder with the highest priority among those that accept a
    column gets it) and keep what they learn in attributes that end in ``_`` and hold JSON values or arrays:
    these are what a model file stores. Where objects of several sorts stand for missing cells, the most
    frequent sort comes back.

    Codes ``0 .. k-1`` stand for what was present, code ``k`` for a missing cell if there was one.
    """

    kind: ClassVar[str]
    priority: ClassVar[int] = 0
    registry: ClassVar[dict[str, type["ColumnEncoder"]]] = {}

    name: Hashable
    dtype: Any
    has_missing_: bool
    missing_as_: str | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in vars(cls):
            ColumnEncoder.registry[cls.kind] = cls

    @classmethod
    @abstractmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        """Return the reason why this encoder can take `column`, or None when it cannot."""

    @classmethod
    def suits(cls, column: "pd.Series[Any]") -> bool:
        """Return whether this encoder can take `column` where a user asks for it."""
        return cls.accepts(column) is not None

    @abstractmethod
    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        """Learn from the cells that are not missing; there may be none."""

    @abstractmethod
    def _encode(self, present: "pd.Series[Any]") -> tuple[IntArray, FloatArray]:
        """Return codes and values of cells that are not missing."""

    @abstractmethod
    def _decode(self, codes: IntArray, values: FloatArray) -> Any:
        """Return the cells, as an array, that codes of present cells stand for."""

    @abstractmethod
    def _span(self) -> Span:
        """Return the span of the present cells."""

    def exact(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        """Return numbers that tell all cells apart which are not missing, 64 bits each; by default none."""
        raise NotImplementedError(f"cells of kind {self.kind!r} have no exact numbers")

    def from_exact(self, numbers: npt.NDArray[Any]) -> Any:
        """Return an array of the cells that `exact` gave numbers for."""
        raise NotImplementedError(f"cells of kind {self.kind!r} have no exact numbers")

    @property
    def is_exact(self) -> bool:
        """Whether cells have exact numbers."""
        return type(self).exact is not ColumnEncoder.exact

    def contains(self, value: Any) -> bool:
        """Whether a drawn cell can be `value` (missing included)."""
        if pd.isna(value):
            return self.has_missing_
        return self._contains(value)

    def supports(self, column: "pd.Series[Any]") -> BoolArray:
        """Return which cells of a column of the fitted dtype can be drawn."""
        return np.array([self.contains(cell) for cell in column], dtype=bool)

    def understands(self, column: "pd.Series[Any]") -> BoolArray:
        """Return which cells of a column of the fitted dtype say anything, drawn or not."""
        return self.supports(column)

    @abstractmethod
    def _contains(self, value: Any) -> bool:
        """Whether `value`, which is not missing, has support in what was learned."""

    @abstractmethod
    def support(self) -> str:
        """Return in words which values a drawn cell can have, for error messages."""

    def classes(self) -> tuple[list[Any], IntArray, FloatArray] | None:
        """Return the cells, the code of each and its share of the rows of that code; None for no classes."""
        return None

    def amounts(self, column: "pd.Series[Any]") -> FloatArray:
        """Return where the cells of a column stand, NaN where they are missing, shape ``(n_rows,)``.

        That is their code or, for what lies on a line, how many standard deviations above the mean.
        """
        amounts, missing = np.full(len(column), np.nan), column.isna().to_numpy()
        amounts[~missing] = self._amounts(column[~missing])
        return amounts

    def _amounts(self, present: "pd.Series[Any]") -> FloatArray:
        return self._encode(present)[0].astype(np.float64)

    def expected(self, told: FloatArray) -> Any:
        """Return an array of the cells that are expected, or None where nothing can be.

        Parameters
        ----------
        told
            The chances of the codes of present cells, ``(n_rows, n_codes)``, of which the likeliest cell is
            taken; or of what lies on a line, amounts, ``(n_rows,)``; see `amounts`.
        """
        found = self.classes()
        if found is None or not found[0]:
            return None
        cells, codes, shares = found
        likeliest = (told[:, codes] * shares).argmax(1)
        return self._restore([cells[i] for i in likeliest]).array

    def stretch(self, cell: "pd.Series[Any]") -> tuple[float, float]:
        """Return from where to where on the axis of codes one cell reaches; see `choices`."""
        codes, _ = self.transform(cell)
        return float(codes[0]), float(codes[0]) + 1

    @property
    def has_order(self) -> bool:
        """Whether a cell can lie between two others."""
        return False

    def bound(self, value: Any) -> Any:
        """Return an end of a range as `between` takes it, which need be no cell of the column.

        Raises
        ------
        ValueError, TypeError, ArithmeticError
            If it cannot be compared with the cells.
        """
        raise TypeError(f"cells of kind {self.kind!r} have no order")

    def between(self, low: "Bound | None", high: "Bound | None") -> tuple[FloatArray, Test]:
        """Return the stretches of the axis of codes between two ends, and which cells lie there.

        Each end comes with whether it is left out itself; None for no end.
        """
        raise TypeError(f"cells of kind {self.kind!r} have no order")

    def shape(self) -> str:
        """Return in a few words how the cells are spread, for the schema; empty where that says nothing."""
        return ""

    def fit(self, column: "pd.Series[Any]", options: CodingOptions) -> Self:
        """Learn a column and return self."""
        self.name, self.dtype = column.name, column.dtype
        missing = column.isna().to_numpy()
        self.has_missing_ = bool(missing.any())
        self.missing_as_ = _missing_object(column[missing]) if column.dtype == object else None
        self._fit_present(column[~missing], options)
        return self

    @property
    def span(self) -> Span:
        """The place of this column in the layout, code for missing cells included."""
        span = self._span()
        if not self.has_missing_:
            return span
        positions = (*span.positions, None) if span.positions else ()
        return replace(span, n_codes=span.n_codes + 1, positions=positions, has_missing=True)

    @property
    def missing_code(self) -> int:
        """The code of missing cells, whether there are any or not."""
        return self._span().n_codes

    @property
    def _missing(self) -> Any:
        """What stands for a missing cell among objects."""
        return _MISSING.get(self.missing_as_ or "", np.nan)

    def transform(self, column: "pd.Series[Any]") -> tuple[IntArray, npt.NDArray[np.float32]]:
        """Return the codes and values of a column, each of shape ``(n_rows,)``.

        Raises
        ------
        DataError
            If a cell is missing and no cell of the fitted column was.
        """
        missing = column.isna().to_numpy()
        if missing.any() and not self.has_missing_:
            raise DataError(
                f"Column {self.name!r} has missing cells, but had none when it was fitted; fill or drop them."
            )
        codes = np.full(len(column), self.missing_code, dtype=np.int64)
        values = np.zeros(len(column), dtype=np.float32)
        codes[~missing], values[~missing] = self._encode(column[~missing])
        return codes, values

    def inverse_transform(
        self,
        codes: npt.NDArray[Any],
        values: npt.NDArray[Any] | None = None,
        *,
        rng: np.random.Generator,
    ) -> "pd.Series[Any]":
        """Return the column of the original dtype that codes and values stand for.

        Parameters
        ----------
        codes
            Shape ``(n_rows,)``.
        values
            Shape ``(n_rows,)``; None to draw for each code a value from its own distribution, where the span
            has no `value_codes`.
        rng
            Source of those draws.
        """
        codes = np.asarray(codes, dtype=np.int64)
        missing = codes == self.missing_code if self.has_missing_ else np.zeros(len(codes), dtype=bool)
        shares = rng.random(len(codes)) if values is None else np.asarray(values, dtype=np.float64)
        return self.place(self._decode(codes[~missing], shares[~missing]), missing)

    def place(self, cells: Any, missing: BoolArray) -> "pd.Series[Any]":
        """Return a column of the original dtype from an array of its present cells, and where others miss."""
        # In the column's dtype first: integers that made room for missing cells would pass through float64.
        column = self._restore(cells)
        if missing.any() or not len(missing):
            place = np.full(len(missing), -1, dtype=np.int64)
            place[~missing] = np.arange(len(column))
            column = column.reindex(place).reset_index(drop=True)  # -1 is no label: it gives a missing cell
            if column.dtype == object:
                cells = column.to_numpy(copy=True)
                cells[missing] = self._missing
                column = pd.Series(cells, dtype=object)
        column.name = self.name
        return column

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return `value` as a Series of length one in the column's dtype; text is read as a cell.

        Raises
        ------
        ValueError, TypeError
            If the column's dtype cannot hold it unchanged.
        """
        is_missing = bool(pd.isna(value))
        if is_missing and self.dtype == object:
            return pd.Series([self._missing], dtype=object)
        cell = pd.Series([None if is_missing else value], dtype=object).astype(self.dtype)
        # bool makes False of None, and float64 makes a missing cell of the text "nan".
        is_held = is_missing or isinstance(value, str) or cell.iloc[0] == value
        if cell.isna().iloc[0] != is_missing or not is_held:
            raise ValueError(f"{self.dtype} cannot hold {value!r}")
        return cell

    def _restore(self, cells: Any) -> "pd.Series[Any]":
        """Return an array of decoded cells as a column of the fitted dtype."""
        # Objects as objects: pandas would take datetimes, and in a list even numbers, for something better.
        column = pd.Series(cells, dtype=object if self.dtype == object else None)
        return column if column.dtype == self.dtype else column.astype(self.dtype)

    def state(self) -> dict[str, Any]:
        """Return what was learned: JSON values and arrays by attribute name."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    @classmethod
    def from_state(cls, name: Hashable, dtype: Any, state: dict[str, Any]) -> Self:
        """Return a fitted encoder from what `state` returned."""
        encoder = cls()
        encoder.name, encoder.dtype = name, dtype
        for attribute, value in state.items():
            setattr(encoder, attribute, value)
        return encoder


def _missing_object(missing: "pd.Series[Any]") -> str | None:
    """Return the name of the most frequent of the objects that are missing cells; None where it is NaN."""
    counts = {name: sum(cell is value for cell in missing) for name, value in _MISSING.items()}
    name = max(counts, key=lambda name: counts[name])
    n_nan = len(missing) - sum(counts.values())
    return name if counts[name] > n_nan else None
