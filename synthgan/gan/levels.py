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

from synthgan.gan.balancing import N_TREES, Forest, Leaves
from synthgan.layout import IntArray, Layout

#: Columns with more levels are left out, but for the target; and of all so many numbers are kept, at most.
_MAX_LEVELS, _MAX_LEVELS_OF_TARGET, _MAX_NUMBERS = 16, 64, 4_000_000
#: Rows of a level in a leaf, on average. Fewer would be remembered rather than described.
_ROWS_PER_LEAF = 8


def described_columns(layout: Layout, target: int | None, depth: int) -> tuple[int, ...]:
    """Return the columns of levels of which each is described, the target before the others."""
    if not depth:
        return ()
    columns, room = [], _MAX_NUMBERS // (N_TREES * 2**depth)
    for column in sorted(layout.coded.tolist(), key=lambda column: (column != target, column)):
        span = layout.spans[column]
        most = _MAX_LEVELS_OF_TARGET if column == target else _MAX_LEVELS
        if not span.value_codes and span.n_places == 1 and span.n_codes <= min(most, room):
            columns.append(column)
            room -= span.n_codes
    return tuple(columns)


class LevelForests(nn.Module):
    """The share of each level's rows in each leaf of a forest.

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
        Shape ``(n_levels, n_trees, 2 ** depth)``.
    """

    counts: Tensor
    shares: Tensor

    def __init__(self, layout: Layout, columns: Sequence[int], depth: int) -> None:
        super().__init__()
        sizes = [layout.spans[column].n_codes for column in columns]
        starts = np.cumsum([0, *sizes])
        self.first = dict(zip(columns, starts[:-1].tolist(), strict=True))
        self.register_buffer("counts", torch.zeros(int(starts[-1])))
        self.register_buffer("shares", torch.zeros(int(starts[-1]), N_TREES, 2**depth))

    def learn(self, leaves: Leaves, codes: IntArray) -> None:
        """Count the rows of each level in each leaf.

        Parameters
        ----------
        leaves
            Those of the real rows, shape ``(n_rows, n_trees)``.
        codes
            Of all columns, shape ``(n_rows, n_columns)``.
        """
        for column, first in self.first.items():
            for code in np.unique(codes[:, column]).tolist():
                own = leaves[codes[:, column] == code]
                counts = np.bincount(own.ravel(), minlength=self.shares[0].numel())
                self.counts[first + code] = len(own)
                self.shares[first + code] = torch.from_numpy(counts / len(own)).view_as(self.shares[0])

    def rows_of(self, column: int, code: int) -> float:
        """Return how many real rows have a level; none of a column that is not described."""
        return float(self.counts[self.first[column] + code]) if column in self.first else 0.0

    def of(self, forest: Forest, column: int, code: int) -> Forest | None:
        """Return the forest of the rows of a level, None if they are too few to say where they lie."""
        depth = min(forest.depth, int(math.log2(max(1.0, self.rows_of(column, code) / _ROWS_PER_LEAF))))
        if depth < 1:
            return None
        own = forest.cut(depth)
        own.shares.copy_(self.shares[self.first[column] + code].view(N_TREES, 2**depth, -1).sum(2))
        return own
