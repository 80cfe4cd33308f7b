"""What the columns of an encoded table mean: the one fact that preprocessing and gan share.

A table column comes in as a *code* (which level, or which piece of the number line) and, where a code
stands for a whole piece, a *value* (where in the piece). A `Span` says how many codes a column has and how
they are ordered; a `Layout` lines the spans up.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Span:
    """The place of one table column in the encoded table.

    Parameters
    ----------
    name
        The column's name in the table.
    n_codes
        Number of codes.
    positions
        For ordered codes, the position of each code in [-1, 1]; None for a code without a place in the
        order (missing). Empty when the codes have no order.
    value_codes
        The codes for which the generator has to give a value as well.
    """

    name: Hashable
    n_codes: int
    positions: tuple[float | None, ...] = ()
    value_codes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The spans of an encoded table, in the order of its columns.

    A *row vector* is what networks see: the one-hot codes of the spans with two codes or more, then the
    values of the spans that have one. A span with one code and no value leaves no trace in it.
    """

    spans: tuple[Span, ...]

    def __len__(self) -> int:
        return len(self.spans)

    @cached_property
    def sizes(self) -> IntArray:
        """Number of codes of each span in a row vector, shape ``(n_columns,)``."""
        return np.array([span.n_codes if span.n_codes > 1 else 0 for span in self.spans], dtype=np.int64)

    @cached_property
    def offsets(self) -> IntArray:
        """First place of each span among the codes of a row vector, shape ``(n_columns,)``."""
        return (np.cumsum(self.sizes) - self.sizes).astype(np.int64)

    @cached_property
    def coded(self) -> IntArray:
        """Indices of the spans whose codes are in a row vector."""
        return np.flatnonzero(self.sizes)

    @cached_property
    def valued(self) -> IntArray:
        """Indices of the spans that have a value, in the order of the values in a row vector."""
        return np.flatnonzero([bool(span.value_codes) for span in self.spans])

    @cached_property
    def value_places(self) -> dict[int, int]:
        """The place of each valued span among the values in a row vector."""
        return {int(index): place for place, index in enumerate(self.valued)}

    @property
    def n_codes(self) -> int:
        """Number of codes in a row vector."""
        return int(self.sizes.sum())

    @property
    def width(self) -> int:
        """Length of a row vector."""
        return self.n_codes + len(self.valued)

    def slice_of(self, index: int) -> slice:
        """Return the place of span `index` among the codes of a row vector."""
        start = int(self.offsets[index])
        return slice(start, start + int(self.sizes[index]))

    def select(self, indices: Iterable[int]) -> "Layout":
        """Return the layout of some of the spans."""
        return Layout(tuple(self.spans[i] for i in indices))


@dataclass(frozen=True)
class EncodedTable:
    """A table as numbers.

    Parameters
    ----------
    codes
        Unsigned integers, shape ``(n_rows, n_columns)``.
    values
        float32, shape ``(n_rows, n_valued)``: the values of the spans that have one, 0 where the code of
        the cell does not take one.
    """

    codes: npt.NDArray[Any]
    values: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: npt.NDArray[Any]) -> "EncodedTable":
        """Return some of the rows, by index or by a boolean mask."""
        return EncodedTable(self.codes[rows], self.values[rows])

    @classmethod
    def join(cls, tables: Sequence["EncodedTable"], layout: Layout) -> "EncodedTable":
        """Return the rows of several tables one after another; of a layout, if there is none."""
        codes = [table.codes for table in tables] or [np.empty((0, len(layout)), dtype=np.int64)]
        values = [table.values for table in tables] or [np.empty((0, len(layout.valued)), dtype=np.float32)]
        return cls(np.concatenate(codes), np.concatenate(values))


@dataclass(frozen=True)
class Known:
    """The cells that every drawn row starts from.

    Parameters
    ----------
    columns
        Indices of the known columns, shape ``(n_known,)``.
    codes, values
        Their codes and values, shape ``(n_known,)``.
    """

    columns: npt.NDArray[Any]
    codes: npt.NDArray[Any]
    values: npt.NDArray[Any]

    @classmethod
    def nothing(cls) -> "Known":
        """Return the empty condition."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
