"""How far rows are from each other: three tables come in, and their rows as points and neighbours go out.

The distance of two rows is that of their points, of Euclid, as `Coding.points` makes them of numbers and
levels. Two numbers of a column differ by 2 on average, squared and in standard deviations; so do two levels,
each of which is a coordinate. Thus every column counts alike, whatever it holds.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.evaluation.estimates import FloatArray
from synthgan.evaluation.tables import Coding, levels_of, numbers_of

IntArray = npt.NDArray[np.int64]
#: Distances that are kept at a time, 64 MB.
_MAX_DISTANCES = 2**23
#: No real number lies so many standard deviations out in a table that fits into memory; drawn ones may.
_FURTHEST = 1e5


class Rows(NamedTuple):
    """Rows of one table, as all that is asked here sees them.

    Attributes
    ----------
    points
        Where they lie, shape ``(n_rows, width)``.
    numbers
        One number a column, for trees, shape ``(n_rows, n_columns)``.
    keys
        The same number for rows that are the same in every cell, in whichever table; shape ``(n_rows,)``.
    """

    points: FloatArray
    numbers: FloatArray
    keys: IntArray

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: Any) -> "Rows":
        """Return some of the rows, by their indices or a slice."""
        return Rows(self.points[rows], self.numbers[rows], self.keys[rows])

    def then(self, others: "Rows") -> "Rows":
        """Return these rows and others after them."""
        pairs = zip(self, others, strict=True)
        return Rows(*(np.concatenate(pair) for pair in pairs))


def rows_of(learned: pd.DataFrame, held_out: pd.DataFrame, drawn: pd.DataFrame) -> tuple[Rows, Rows, Rows]:
    """Return the rows of three tables with the same columns.

    Learned and held-out rows are coded by what both of them hold together, so that neither is favoured.
    """
    coding = Coding.of(pd.DataFrame({name: _joined([learned[name], held_out[name]]) for name in learned}))
    tables = (learned, held_out, drawn)
    keys = np.split(_keys(tables), np.cumsum([len(table) for table in tables])[:-1])
    learned_rows, held_out_rows, drawn_rows = (
        Rows(np.clip(coding.points(table), -_FURTHEST, _FURTHEST), coding.numbers(table), own)
        for table, own in zip(tables, keys, strict=True)
    )
    return learned_rows, held_out_rows, drawn_rows


def _joined(parts: "list[pd.Series[Any]]") -> "pd.Series[Any]":
    """Return the cells of one column in several tables as numbers, or else as text."""
    numbers = [numbers_of(part) for part in parts]
    if all(own is None for part, own in zip(parts, numbers, strict=True) if part.notna().any()):
        return pd.concat([levels_of(part).astype(object) for part in parts], ignore_index=True)
    cells = (np.full(len(p), np.nan) if own is None else own for p, own in zip(parts, numbers, strict=True))
    return pd.Series(np.concatenate(list(cells)))


def _keys(tables: tuple[pd.DataFrame, ...]) -> IntArray:
    """Return a number for each row of several tables, the same for the same cells; missing ones are alike."""
    keys = np.zeros(sum(map(len, tables)), dtype=np.int64)
    for name in tables[0]:
        codes, levels = pd.factorize(_joined([table[name] for table in tables]))
        keys = pd.factorize(keys * (len(levels) + 1) + codes + 1)[0].astype(np.int64)
    return keys


class Neighbours(NamedTuple):
    """The nearest of other rows.

    Attributes
    ----------
    indices, distances
        Of each row, which of the others are the nearest and how far, the nearest first; shape
        ``(n_rows, n_neighbours)``.
    """

    indices: IntArray
    distances: FloatArray


def neighbours(points: FloatArray, others: FloatArray, n_neighbours: int = 1) -> Neighbours:
    """Return the nearest of other points for each point.

    They are found by products of matrices, which round, and measured again without: the distance to a point
    itself is 0. Of points that are equally near, it is the order of the others that chooses.

    Parameters
    ----------
    points, others
        Shapes ``(n_points, width)`` and ``(n_others, width)``.
    n_neighbours
        How many of the others, or all of them if they are fewer.
    """
    n_neighbours = min(n_neighbours, len(others))
    squares = (others**2).sum(1) / 2
    blocks = np.array_split(np.arange(len(points)), -(-len(points) * len(others) // _MAX_DISTANCES) or 1)
    found = [_nearest(points[block], others, squares, n_neighbours) for block in blocks]
    return Neighbours(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _nearest(points: FloatArray, others: FloatArray, squares: FloatArray, n_neighbours: int) -> Neighbours:
    """Return the nearest of others, given half of the squared length of each of them."""
    apart = squares - points @ others.T
    if n_neighbours == 1:
        indices = apart.argmin(1)[:, None]
    else:
        indices = np.argpartition(apart, n_neighbours - 1, axis=1)[:, :n_neighbours]
    distances = np.empty(indices.shape)
    for column, nearest in enumerate(indices.T):
        distances[:, column] = np.sqrt(((points - others[nearest]) ** 2).sum(1))
    order = np.argsort(distances, axis=1, kind="stable")
    return Neighbours(*(np.take_along_axis(part, order, 1) for part in (indices, distances)))
