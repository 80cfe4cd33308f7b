"""Columns that are often equal: found, marked row by row, and made equal again.

A payment is often last month's bill to the cent. Two columns coded each on its own number line would hardly
ever meet there, so for such a pair a truth value says in which rows the cells are equal.
"""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.layout import FloatArray, IntArray, Layout, Relation
from synthgan.preprocessing.base import BoolArray, ColumnEncoder
from synthgan.preprocessing.number_line import NumberLineEncoder
from synthgan.schema import join_columns

#: Number of rows that are compared.
_MAX_ROWS = 5_000
#: Least proportion and least number of rows in which the columns of a relation are equal.
_EQUAL_SHARE, _MIN_ROWS = 0.01, 30
#: Greatest number of partners of a column, and of relations of a table.
_MAX_PARTNERS, _MAX_RELATIONS = 4, 64


def find_relations(frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> tuple[Relation, ...]:
    """Return the relations of a table, the most often equal of each column, for fitted encoders."""
    some = frame.sample(_MAX_ROWS, random_state=0) if len(frame) > _MAX_ROWS else frame
    lines, n_least = _lines(some, encoders), max(_MIN_ROWS, _EQUAL_SHARE * len(some))
    found: list[tuple[int, Relation]] = []
    for column, partner in _candidates(lines, n_least):
        own, other = lines[column].encoder, lines[partner].encoder
        follow = own.stand(other.middles().ravel()).reshape(-1, other.axis_.n_places)
        relation = Relation(column, partner, follow)
        if (n_equal := int(_is_equal(relation, lines).sum())) >= n_least:
            found.append((n_equal, relation))
    kept: list[Relation] = []
    for _, relation in sorted(found, key=lambda item: (-item[0], item[1].column, item[1].partner)):
        n_partners = sum(relation.column == other.column for other in kept)
        if n_partners < _MAX_PARTNERS and len(kept) < _MAX_RELATIONS:
            kept.append(relation)
    return tuple(kept)


def encode_relations(frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], layout: Layout) -> BoolArray:
    """Return in which rows the relations of a layout hold, shape ``(n_rows, n_relations)``."""
    lines = _lines(frame, encoders, {i for other in layout.relations for i in (other.column, other.partner)})
    is_equal = np.zeros((len(frame), len(layout.relations)), dtype=bool)
    for place, relation in enumerate(layout.relations):
        is_equal[:, place] = _is_equal(relation, lines)
    return is_equal


def copy_equal(
    frame: pd.DataFrame,
    relations: BoolArray,
    layout: Layout,
    encoders: Sequence[ColumnEncoder],
    fixed: BoolArray,
) -> pd.DataFrame:
    """Return the frame with cells equal that a relation says are equal, unless one of them is missing.

    A cell is copied from its partner once that is settled. Where cells wait for each other, the first is
    settled as it is. A partner takes back what the cell can hold of it: a price in cents, a number in range.
    Which relations hold in each drawn row has shape ``(n_rows, n_relations)``, and which cells are fixed and
    stay as they are, ``(n_rows, n_columns)``.
    """
    missing = frame.isna().to_numpy()
    is_equal = relations.copy()
    for place, relation in enumerate(layout.relations):
        is_equal[:, place] &= ~(missing[:, relation.column] | missing[:, relation.partner])
    waiting = np.zeros(frame.shape, dtype=bool)
    for place, relation in enumerate(layout.relations):
        waiting[:, relation.column] |= is_equal[:, place]
    waiting &= ~fixed
    columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
    lines: dict[int, Any] = dict(enumerate(encoders))
    while waiting.any():
        n_waiting = waiting.sum()
        for place, relation in enumerate(layout.relations):
            column, partner = relation.column, relation.partner
            ready = is_equal[:, place] & waiting[:, column] & ~waiting[:, partner]
            if ready.any():
                columns[column], columns[partner] = columns[column].copy(), columns[partner].copy()
                columns[column].array[ready] = lines[column].like(columns[partner][ready])
                free = ready & ~fixed[:, partner]
                columns[partner].array[free] = lines[partner].like(columns[column][free])
                waiting[ready, column] = False
        if waiting.sum() == n_waiting:
            stuck = np.flatnonzero(waiting.any(axis=1))
            waiting[stuck, waiting[stuck].argmax(axis=1)] = False
    return join_columns(columns, list(frame.columns))


@dataclass(frozen=True)
class _Line:
    """A column that has places: its cells as numbers, as codes, and as the places that they have."""

    encoder: NumberLineEncoder
    numbers: FloatArray
    codes: IntArray
    places: IntArray


def _lines(
    frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], used: Collection[int] | None = None
) -> dict[int, _Line]:
    """Return those of the columns, or of some of them, that have places."""
    lines = {}
    for i, encoder in enumerate(encoders):
        is_wanted = used is None or i in used
        if is_wanted and isinstance(encoder, NumberLineEncoder) and _can_be_compared(encoder):
            column = frame[encoder.name]
            codes, shares = encoder.transform(column)
            lines[i] = _Line(encoder, encoder.numbers(column), codes, encoder.span.places(shares))
    return lines


def _can_be_compared(encoder: NumberLineEncoder) -> bool:
    """Return whether a column has places, and floats that tell its cells apart."""
    grid = encoder.grid_
    is_exact = grid is None or np.spacing(float(max(abs(grid.low), abs(grid.high)))) <= grid.step
    return encoder.span.n_places > 1 and is_exact


def _candidates(lines: dict[int, _Line], n_least: float) -> Iterator[tuple[int, int]]:
    """Yield the pairs of columns of one unit that are equal in at least so many rows, both ways."""
    for (i, first), (j, second) in itertools.combinations(lines.items(), 2):
        is_one_unit = first.encoder.unit == second.encoder.unit
        if is_one_unit and np.count_nonzero(first.numbers == second.numbers) >= n_least:
            yield from ((i, j), (j, i))


def _is_equal(relation: Relation, lines: dict[int, _Line]) -> BoolArray:
    """Return in which rows the cells of a relation are equal and have a place on the line of its column."""
    column, partner = lines[relation.column], lines[relation.partner]
    has_place = np.isin(column.codes, np.flatnonzero(column.encoder.axis_.stretches))
    can_follow = ~np.isnan(relation.follow[partner.codes, partner.places])
    return np.asarray((column.numbers == partner.numbers) & has_place & can_follow)
