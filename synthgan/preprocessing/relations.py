"""Columns that tend to be equal or nearly so: found, encoded cell by cell, and made equal again.

A payment is often last month's bill to the cent. Two columns coded each on its own number line would hardly
ever meet there, so for such a pair a code of its own says whether the cells are equal, how far apart they
are on the line of the first, or that they have nothing to do with each other.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.layout import RELATION_EDGES, FloatArray, IntArray, Layout, Relation
from synthgan.preprocessing.base import ColumnEncoder
from synthgan.preprocessing.number_line import NumberLineEncoder
from synthgan.schema import join_columns

#: Rows that are looked at.
_MAX_ROWS = 5_000
#: A relation has at least this share of equal cells, or this share of near ones.
_EQUAL_SHARE, _NEAR_SHARE = 0.01, 0.05
#: Of the near ones more than this share are as good as equal; spread evenly, a sixteenth of them would be.
_CENTRE, _CENTRAL_SHARE = 0.1, 0.2
_MIN_ROWS = 30
#: Each column has at most so many partners, and a table so many relations.
_MAX_PARTNERS, _MAX_RELATIONS = 4, 64
#: Pairs whose ranks go together less than this are not looked at, unless cells are equal.
_MIN_CORRELATION = 0.5


def find_relations(frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> tuple[Relation, ...]:
    """Return the relations of a table, the closest of each column, for fitted encoders of its columns."""
    some = frame.sample(_MAX_ROWS, random_state=0) if len(frame) > _MAX_ROWS else frame
    lines = _lines(some, encoders)
    found: list[tuple[float, Relation]] = []
    for column, partner in _candidates(lines):
        own, other = lines[column].encoder, lines[partner].encoder
        follow = own.stand(other.middles().ravel()).reshape(-1, other.axis_.n_places)
        relation = Relation(column, partner, follow)
        if closeness := _closeness(_relation_codes(relation, lines)):
            found.append((closeness, relation))
    kept: list[Relation] = []
    for _, relation in sorted(found, key=lambda item: (-item[0], item[1].column, item[1].partner)):
        n_partners = sum(relation.column == other.column for other in kept)
        if n_partners < _MAX_PARTNERS and len(kept) < _MAX_RELATIONS:
            kept.append(relation)
    return tuple(kept)


def encode_relations(
    frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], layout: Layout
) -> npt.NDArray[np.uint8]:
    """Return the codes of the relations of a layout in each row, shape ``(n_rows, n_relations)``."""
    lines = _lines(frame, encoders, {i for other in layout.relations for i in (other.column, other.partner)})
    codes = np.zeros((len(frame), len(layout.relations)), dtype=np.uint8)
    for place, relation in enumerate(layout.relations):
        codes[:, place] = _relation_codes(relation, lines)
    return codes


def copy_equal(
    frame: pd.DataFrame,
    relations: npt.NDArray[np.uint8],
    layout: Layout,
    encoders: Sequence[ColumnEncoder],
    fixed: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Return the frame with cells equal that a relation says are equal, unless one of them is missing.

    A cell is copied from its partner once that is settled. Where cells wait for each other, the first is
    settled as it is. A partner takes back what the cell can hold of it: a price in cents, a number in range.

    Parameters
    ----------
    frame
        Drawn rows.
    relations
        The codes of the relations, shape ``(n_rows, n_relations)``.
    layout, encoders
        Of the table.
    fixed
        Truth values, shape ``(n_rows, n_columns)``: the cells that must stay as they are.
    """
    missing = frame.isna().to_numpy()
    is_equal = relations == 1
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

    @property
    def stands(self) -> FloatArray:
        """Where the middles of the cells' places stand on the line, NaN for points and missing cells."""
        stands = self.codes + (self.places + 0.5) / self.encoder.axis_.n_places
        has_place = np.isin(self.codes, np.flatnonzero(self.encoder.axis_.stretches))
        return np.where(has_place, stands, np.nan)


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


def _candidates(lines: dict[int, _Line]) -> Iterator[tuple[int, int]]:
    """Yield pairs of columns of one unit that have equal cells or whose ranks go together."""
    indices = np.array(sorted(lines), dtype=np.int64)
    if len(indices) < 2:
        return
    numbers = np.stack([lines[i].numbers for i in indices])
    units = np.array([lines[i].encoder.unit for i in indices])
    ranks = pd.DataFrame(numbers.T).rank().fillna(0.0).to_numpy().T
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(ranks, axis=1, keepdims=True)
    ranks /= np.where(norms > 0, norms, 1.0)
    correlation = ranks @ ranks.T
    for row, column in enumerate(indices):
        equal = (numbers == numbers[row]).mean(axis=1)
        wanted = (equal >= _EQUAL_SHARE) | (correlation[row] >= _MIN_CORRELATION)
        wanted &= (units == units[row]) & (indices != column)
        yield from ((int(column), int(partner)) for partner in indices[wanted])


def _relation_codes(relation: Relation, lines: dict[int, _Line]) -> npt.NDArray[np.uint8]:
    """Return the code of a relation in each row; see `synthgan.layout.RELATION_EDGES`."""
    column, partner = lines[relation.column], lines[relation.partner]
    distance = column.stands - relation.follow[partner.codes, partner.places]
    codes = np.searchsorted(RELATION_EDGES, distance, side="right") + 1
    codes = np.where(np.abs(distance) < RELATION_EDGES[-1], codes, 0)
    is_equal = (column.numbers == partner.numbers) & ~np.isnan(distance)
    return np.where(is_equal, 1, codes).astype(np.uint8)


def _closeness(codes: npt.NDArray[np.uint8]) -> float:
    """Return the share of rows in which cells are as good as equal, or 0 where that means nothing."""
    edges = np.array(RELATION_EDGES)
    middles = (edges[:-1] + edges[1:]) / 2
    is_central = np.concatenate([[False, True], np.abs(middles) < _CENTRE])
    n_near, n_central, n_equal = (codes > 0).sum(), is_central[codes].sum(), (codes == 1).sum()
    is_peaked = n_near > _NEAR_SHARE * len(codes) and n_central > _CENTRAL_SHARE * n_near
    is_relation = n_near >= _MIN_ROWS and (is_peaked or n_equal > _EQUAL_SHARE * len(codes))
    return float(n_central / len(codes)) if is_relation else 0.0
