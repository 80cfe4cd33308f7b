"""Where real rows of single levels lie: leaves of the forest and codes come in, a level's forest goes out.

A generator that has seen a level in few rows draws what goes with it from what goes with others: rows of a
rare class are half those of the frequent one. How many of a level's rows lie in each part of the table is
learned beside the network, so that of rows that are drawn under it those are kept that lie there.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.gan.balancing import N_TREES, Forest, Points
from synthgan.layout import IntArray, Layout

#: Columns with more levels are left out, and the target with more, and columns beyond so many levels of all.
_MAX_LEVELS, _MAX_LEVELS_OF_TARGET, _MAX_LEVELS_OF_ALL = 16, 64, 256
#: Rows of a level in a leaf, on average: a quarter of them, but no fewer and no more. Fewer would be
#: remembered rather than described.
_FEWEST_PER_LEAF, _MOST_PER_LEAF, _SHARE_PER_LEAF = 8, 32, 0.25
#: Questions that are asked of a level's rows, at most; and rows that are looked at, of all levels alike.
_MAX_DEPTH, _MAX_ROWS = 6, 100_000


def described_columns(layout: Layout, target: int | None) -> tuple[int, ...]:
    """Return the columns of levels of which each is described, the target first."""
    columns, room = [], _MAX_LEVELS_OF_ALL
    for column in sorted(layout.coded.tolist(), key=lambda column: column != target):
        span, most = layout.spans[column], _MAX_LEVELS_OF_TARGET if column == target else _MAX_LEVELS
        is_of_levels = column == target or not span.is_ordered
        if is_of_levels and not span.value_codes and span.n_places == 1 and span.n_codes <= min(most, room):
            columns.append(column)
            room -= span.n_codes
    return tuple(columns)


class LevelForests(nn.Module):
    """The share of each level's rows in each leaf of a forest, whose trees are cut where these rows are few.

    Parameters
    ----------
    layout
        All columns.
    columns
        Those that are described.
    depth
        Of the forest.

    Attributes
    ----------
    counts
        Real rows of each level, shape ``(n_levels,)``.
    shares
        Shape ``(n_levels, n_trees, n_leaves)``; the leaves of cut trees come first. Of levels in too few rows
        nothing is kept: they are 0.
    """

    counts: Tensor
    shares: Tensor

    def __init__(self, layout: Layout, columns: Sequence[int], depth: int) -> None:
        super().__init__()
        sizes = [layout.spans[column].n_codes for column in columns]
        starts = np.cumsum([0, *sizes])
        self.first = dict(zip(columns, starts[:-1].tolist(), strict=True))
        self.depth = min(depth, _MAX_DEPTH)
        self.register_buffer("counts", torch.zeros(int(starts[-1]), dtype=torch.int64))
        self.register_buffer("shares", torch.zeros(int(starts[-1]), N_TREES, 2**self.depth))

    def learn(self, forest: Forest, points: Points, codes: IntArray, rng: np.random.Generator) -> None:
        """Count the rows of each level in each leaf.

        Parameters
        ----------
        forest
            The forest, grown.
        points, codes
            Where the real rows stand, shape ``(n_rows, n_coded)``, and their codes, ``(n_rows, n_columns)``.
        rng
            Chooses among the rows of a level, if they are very many.
        """
        most, rows_of = _MAX_ROWS // max(1, len(self.counts)), {}
        for column, first in self.first.items():
            counts = np.bincount(codes[:, column], minlength=1)
            self.counts[first : first + len(counts)] = torch.from_numpy(counts)
            for code in np.flatnonzero(counts).tolist():
                if self.depth_of(column, code):
                    rows_of[column, code] = rng.permutation(np.flatnonzero(codes[:, column] == code))[:most]
        looked_at = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *rows_of.values()]))
        leaves = forest.leaves(points[looked_at])
        for (column, code), rows in rows_of.items():
            depth = self.depth_of(column, code)
            own = forest.leaves_of(leaves[np.searchsorted(looked_at, rows)], depth)
            in_leaves = np.bincount(own.ravel(), minlength=N_TREES * 2**depth) / len(rows)
            shares = torch.from_numpy(in_leaves).view(N_TREES, 2**depth)
            self.shares[self.first[column] + code, :, : 2**depth] = shares

    def depth_of(self, column: int, code: int) -> int:
        """Return how many questions are asked of the rows of a level; 0 if it is not described."""
        n_rows = int(self.counts[self.first[column] + code]) if column in self.first else 0
        per_leaf = min(max(_FEWEST_PER_LEAF, _SHARE_PER_LEAF * n_rows), _MOST_PER_LEAF)
        return min(self.depth, int(math.log2(max(1.0, n_rows / per_leaf))))

    def of(self, forest: Forest, column: int, code: int) -> Forest:
        """Return the forest of the rows of a level; one that says nothing if they are too few."""
        depth = self.depth_of(column, code)
        own = forest.cut(depth)
        if depth:
            own.shares.copy_(self.shares[self.first[column] + code, :, : 2**depth])
        return own
