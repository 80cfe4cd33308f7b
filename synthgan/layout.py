"""What the columns of an encoded table mean: the one fact that preprocessing and gan share.

A table column comes in as a *code* (which level, or which piece of the number line). Where a code stands for
a whole stretch of the line, a finer code, the *place*, says where in it; in the textbook's coding a number
does instead, the *value*. A `Span` says how many codes a column has and how they are ordered; a `Relation`
says which other column it often equals; a `Layout` lines them up.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    place_codes
        The codes that stand for a stretch in which a cell has a place.
    n_places
        How many places such a stretch has.
    has_missing
        Whether the last code is that of missing cells.
    amounts
        For cells that lie on a line, the mean of those of each code but the missing one, in standard
        deviations above the mean of the column; else empty.
    """

    name: Hashable
    n_codes: int
    positions: tuple[float | None, ...] = ()
    value_codes: tuple[int, ...] = ()
    place_codes: tuple[int, ...] = ()
    n_places: int = 1
    has_missing: bool = False
    amounts: tuple[float, ...] = ()

    @property
    def is_ordered(self) -> bool:
        """Whether the codes have an order."""
        return bool(self.positions)

    def places(self, shares: npt.NDArray[Any]) -> IntArray:
        """Return the places of cells, given which share of its stretch lies before each."""
        places = np.minimum(shares * self.n_places, self.n_places - 1)
        return np.asarray(places, dtype=np.int64)


@dataclass(frozen=True)
class Relation:
    """Two columns that are often equal, such as a bill and its payment.

    Parameters
    ----------
    column, partner
        Their indices.
    follow
        Where the cells of the partner stand on the number line of the column: code plus place, NaN where
        they have none; shape ``(n_codes, n_places)`` of the partner.
    """

    column: int
    partner: int
    follow: FloatArray = field(compare=False)


@dataclass(frozen=True)
class Layout:
    """The spans of an encoded table, in the order of its columns.

    A *row vector* is what networks see: the one-hot codes of the spans with two codes or more, then the
    values of the spans that have one, the places of the spans that have them, and for each relation 1 where
    it holds. A span with one code and no value leaves no trace in it.
    """

    spans: tuple[Span, ...]
    relations: tuple[Relation, ...] = ()

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
    def placed(self) -> IntArray:
        """Indices of the spans that have places, in the order of the places in a row vector."""
        return np.flatnonzero([span.n_places > 1 and span.n_codes > 1 for span in self.spans])

    @cached_property
    def place_index(self) -> dict[int, int]:
        """The index among the places in a row vector of each span that has places."""
        return {int(index): place for place, index in enumerate(self.placed)}

    def relations_of(self, column: int) -> list[int]:
        """Return the indices of the relations of a column."""
        return [m for m, relation in enumerate(self.relations) if relation.column == column]

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
        return self.n_codes + len(self.valued) + len(self.placed) + len(self.relations)

    def places(self, shares: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Return the places of all columns that have them, shape ``(n_rows, n_placed)``.

        `shares` says which share of its stretch lies before each cell, shape ``(n_rows, n_columns)``.
        """
        places = np.zeros((len(shares), len(self.placed)), dtype=np.uint8)
        for place, i in enumerate(self.placed):
            places[:, place] = self.spans[i].places(shares[:, i])
        return places

    def slice_of(self, index: int) -> slice:
        """Return the place of span `index` among the codes of a row vector."""
        start = int(self.offsets[index])
        return slice(start, start + int(self.sizes[index]))

    def select(self, indices: Iterable[int]) -> "Layout":
        """Return the layout of some of the spans, without relations."""
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
    places
        uint8, shape ``(n_rows, n_placed)``: the places of the spans that have them, 0 where the code of the
        cell has none.
    relations
        Truth values, shape ``(n_rows, n_relations)``: whether the two columns of each relation are equal.
    """

    codes: npt.NDArray[Any]
    values: npt.NDArray[np.float32]
    places: npt.NDArray[np.uint8]
    relations: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: npt.NDArray[Any]) -> "EncodedTable":
        """Return some of the rows, by index or by a boolean mask."""
        return EncodedTable(self.codes[rows], self.values[rows], self.places[rows], self.relations[rows])

    @classmethod
    def empty(cls, layout: Layout) -> "EncodedTable":
        """Return a table of no rows."""
        return cls(
            np.empty((0, len(layout)), dtype=np.int64),
            np.empty((0, len(layout.valued)), dtype=np.float32),
            np.empty((0, len(layout.placed)), dtype=np.uint8),
            np.empty((0, len(layout.relations)), dtype=bool),
        )

    @classmethod
    def join(cls, tables: Sequence["EncodedTable"], layout: Layout) -> "EncodedTable":
        """Return the rows of several tables one after another; of a layout, if there is none."""
        arrays = [vars(table).values() for table in tables or [cls.empty(layout)]]
        return cls(*map(np.concatenate, zip(*arrays, strict=True)))


@dataclass(frozen=True)
class Known:
    """What is known of rows before they are drawn.

    Rows of which the same is known share a *pattern*.

    Parameters
    ----------
    patterns
        The cells that are known of each pattern; all others mean nothing.
    is_known
        Which are known, shape ``(n_patterns, n_columns)``.
    pattern_of
        The pattern of each row, shape ``(n_rows,)``; None where all rows have the first.
    allowed
        For columns by index, of which something is known that is no cell: which share of each place of each
        code is possible, shape ``(n_codes, n_places)``.
    silent
        Those of them of which that says nothing about the other columns: a cell that was lost is to be filled
        in with one that is present, whatever it would say if it were truly missing.
    """

    patterns: EncodedTable
    is_known: npt.NDArray[np.bool_]
    pattern_of: IntArray | None = None
    allowed: Mapping[int, FloatArray] = field(default_factory=dict)
    silent: frozenset[int] = frozenset()

    @classmethod
    def nothing(cls, layout: Layout) -> "Known":
        """Return what is known where nothing is."""
        empty = EncodedTable.empty(layout)
        rows = (np.zeros((1, array.shape[1]), dtype=array.dtype) for array in vars(empty).values())
        return cls(EncodedTable(*rows), np.zeros((1, len(layout)), dtype=bool))

    @classmethod
    def join(cls, parts: Sequence[tuple["Known", int]]) -> "Known":
        """Return what is known of several groups of rows one after another, each with how many they are."""
        starts = np.cumsum([0, *(len(known.is_known) for known, _ in parts)])
        numbers = [known.patterns_of(n) + start for (known, n), start in zip(parts, starts[:-1], strict=True)]
        arrays = [vars(known.patterns).values() for known, _ in parts]
        table = EncodedTable(*map(np.concatenate, zip(*arrays, strict=True)))
        is_known = np.concatenate([known.is_known for known, _ in parts])
        return cls(table, is_known, np.concatenate(numbers))

    @classmethod
    def of_rows(cls, table: EncodedTable, is_known: npt.NDArray[np.bool_], layout: Layout) -> "Known":
        """Return what is known of rows some of whose cells are, and whose others are to be present.

        `is_known` says which of the cells of the table are known, shape ``(n_rows, n_columns)``.
        """
        allowed = {}
        for i, span in enumerate(layout.spans):
            if span.has_missing and span.n_codes > 1 and not is_known[:, i].all():
                allowed[i] = np.ones((span.n_codes, span.n_places))
                allowed[i][-1] = 0.0
        return cls(table, is_known, np.arange(len(table)), allowed, frozenset(allowed))

    @property
    def says_nothing(self) -> bool:
        """Whether nothing is known of any row."""
        return not self.is_known.any() and not self.allowed

    @property
    def always(self) -> IntArray:
        """Indices of the columns that are known in every pattern."""
        return np.flatnonzero(self.is_known.all(0))

    def patterns_of(self, n_rows: int) -> IntArray:
        """Return the pattern of each of `n_rows` rows."""
        return np.zeros(n_rows, dtype=np.int64) if self.pattern_of is None else self.pattern_of
