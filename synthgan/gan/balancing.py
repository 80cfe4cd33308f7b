"""Choosing among drawn rows so that together they lie where real rows lie: points in, indices out.

Rows that are drawn one by one fall in clumps, here two where one was due and there none, and most so where
the generator remembers single rows. A forest of random trees holds which share of the real rows lies in each
of its leaves; of a few candidates for a row the one is kept whose leaves are the furthest behind. This is
kernel herding [1]_ with the kernel of a random forest [2]_, over candidates that a generator has drawn.

References
----------
.. [1] Chen, Welling, Smola (2010). Super-Samples from Kernel Herding. UAI.
.. [2] Scornet (2016). Random Forests and Kernel Methods. IEEE Transactions on Information Theory 62.
"""

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthgan.layout import EncodedTable, IntArray, Layout

#: Candidates for each row that is kept.
N_CANDIDATES = 3
_N_TREES = 200
#: A leaf holds about so many real rows or up to twice as many, enough for their share not to be chance.
_ROWS_PER_LEAF = 64
#: More rows than these hardly change the trees, and more than these hardly the shares.
_MAX_GROWN_FROM, _MAX_ROWS = 20_000, 50_000
#: A node is split at about the middle of a random column; where one side would get fewer rows than these, of
#: another, so often.
_MIN_ROWS, _N_TRIES = 32, 10

Points = npt.NDArray[np.float32]


def points_of(table: EncodedTable, layout: Layout) -> Points:
    """Return where cells stand, ``(n_rows, n_coded)``: their code plus the share of it before them."""
    points = table.codes[:, layout.coded].astype(np.float32)
    for index, column in enumerate(layout.placed):
        shares = table.places[:, index] / np.float32(layout.spans[column].n_places)
        points[:, np.searchsorted(layout.coded, column)] += shares
    return points


class Forest(nn.Module):
    """Random trees of one depth over points, and the share of the real rows in each leaf.

    Parameters
    ----------
    depth
        Questions between the root and a leaf; with 0 the forest says nothing.

    Attributes
    ----------
    columns, thresholds
        What each inner node asks: points with more than the threshold in this column go right. Shape
        ``(n_trees, 2 ** depth - 1)``, level by level.
    shares
        Of the real rows, in each leaf; shape ``(n_trees, 2 ** depth)``.
    """

    columns: Tensor
    thresholds: Tensor
    shares: Tensor

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.register_buffer("columns", torch.zeros(_N_TREES, 2**depth - 1, dtype=torch.int32))
        self.register_buffer("thresholds", torch.zeros(_N_TREES, 2**depth - 1))
        self.register_buffer("shares", torch.zeros(_N_TREES, 2**depth))

    @staticmethod
    def depth_for(n_rows: int) -> int:
        """Return the depth of trees for a table of `n_rows` rows."""
        return int(np.log2(max(1, min(n_rows, _MAX_ROWS) // _ROWS_PER_LEAF)))

    def grow(self, points: Points, rng: np.random.Generator, max_time: float | None = None) -> None:
        """Learn from real rows, shape ``(n_rows, n_columns)``; after so many seconds trees are repeated."""
        deadline = time.monotonic() + (math.inf if max_time is None else max_time)
        counted = points[rng.permutation(len(points))[:_MAX_ROWS]]
        some = counted[:_MAX_GROWN_FROM]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            grown = list(pool.map(lambda own: self._tree(some, own, deadline), rng.spawn(_N_TREES)))
        whole = [tree for tree in grown if tree is not None] or [self._unasked()]
        trees = [whole[index % len(whole)] for index in range(_N_TREES)]
        self.columns.copy_(torch.from_numpy(np.stack([asked for asked, _ in trees])))
        self.thresholds.copy_(torch.from_numpy(np.stack([limits for _, limits in trees])))
        counts = np.bincount(self.leaves(counted).ravel(), minlength=self.shares.numel())
        self.shares.copy_(torch.from_numpy(counts / len(counted)).view_as(self.shares))

    def _unasked(self) -> tuple[IntArray, Points]:
        """Return a tree that asks nothing."""
        n_inner = 2**self.depth - 1
        return np.zeros(n_inner, dtype=np.int64), np.full(n_inner, np.inf, dtype=np.float32)

    def _tree(
        self, points: Points, rng: np.random.Generator, deadline: float
    ) -> tuple[IntArray, Points] | None:
        """Return what the inner nodes of a new tree ask, shape ``(2 ** depth - 1,)``; None if it is late."""
        if time.monotonic() > deadline or not points.shape[1]:
            return None
        asked, limits = self._unasked()
        rows, node = np.arange(len(points)), np.zeros(len(points), dtype=np.int64)
        for level in self._levels():
            asked[level], limits[level] = _split(points, node, level.stop - level.start, rng)
            node = 2 * node + (points[rows, asked[level][node]] > limits[level][node])
        return asked, limits

    def leaves(self, points: Points) -> npt.NDArray[np.int32]:
        """Return the leaf of each row in each tree among all leaves, shape ``(n_rows, n_trees)``."""
        columns, thresholds = self.columns.cpu().numpy(), self.thresholds.cpu().numpy()
        leaves = np.empty((len(points), _N_TREES), dtype=np.int32)
        rows = np.arange(len(points))
        for tree in range(_N_TREES):
            node = np.zeros(len(points), dtype=np.int64)
            for level in self._levels() if points.shape[1] else ():
                column, limit = columns[tree, level][node], thresholds[tree, level][node]
                node = 2 * node + (points[rows, column] > limit)
            leaves[:, tree] = node + tree * 2**self.depth
        return leaves

    def _levels(self) -> Iterator[slice]:
        """Yield where the inner nodes of each level are."""
        return (slice(2**level - 1, 2 ** (level + 1) - 1) for level in range(self.depth))

    def keep(self, leaves: npt.NDArray[np.int32], rng: np.random.Generator) -> IntArray:
        """Return the indices of the rows to keep, one of each `N_CANDIDATES` that follow one another.

        Parameters
        ----------
        leaves
            Those of the candidates; see `leaves`.
        rng
            Source of the counts that leaves start from. From naught the first rows would be the likeliest.
        """
        groups = leaves.reshape(-1, N_CANDIDATES, _N_TREES)
        shares = self.shares.cpu().numpy().ravel()
        counts = rng.random(shares.size)
        kept = np.arange(len(groups)) * N_CANDIDATES
        for row, candidates in enumerate(groups):
            behind = row * shares[candidates] - counts[candidates]
            choice = int(behind.sum(1).argmax())
            kept[row] += choice
            counts[candidates[choice]] += 1
        return kept


def _split(points: Points, node: IntArray, n_nodes: int, rng: np.random.Generator) -> tuple[IntArray, Points]:
    """Return a column and a threshold for each node to ask, infinite where nothing parts its points."""
    columns = np.zeros(n_nodes, dtype=np.int64)
    thresholds = np.full(n_nodes, np.inf, dtype=np.float32)
    rows = np.arange(len(points))
    for _ in range(_N_TRIES):
        of_node = node[rows]
        asked = rng.integers(points.shape[1], size=n_nodes)
        cells = points[rows, asked[of_node]]
        value = np.median([_of_some_row(cells, of_node, n_nodes, rng) for _ in range(3)], axis=0)
        counts = np.bincount(of_node, minlength=n_nodes)
        most = np.full(n_nodes, _MIN_ROWS)
        # A value of many rows goes to the side where it makes the split more even.
        for limit in (value, np.nextafter(value, np.float32(-np.inf))):
            left = np.bincount(of_node, weights=cells <= limit[of_node], minlength=n_nodes)
            fewest = np.minimum(left, counts - left)
            columns = np.where(fewest >= most, asked, columns)
            thresholds = np.where(fewest >= most, limit, thresholds)
            most = np.maximum(most, fewest)
        rows = rows[np.isinf(thresholds)[of_node]]
        if not len(rows):
            break
    return columns, thresholds


def _of_some_row(cells: Points, of_node: IntArray, n_nodes: int, rng: np.random.Generator) -> Points:
    """Return the cell of a random row of each node."""
    order = rng.permutation(len(cells))
    chosen = np.zeros(n_nodes, dtype=np.float32)
    chosen[of_node[order]] = cells[order]  # the last one stays
    return chosen
