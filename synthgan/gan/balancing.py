"""Choosing among drawn rows so that together they lie where real rows lie: points in, indices out.

Rows that are drawn one by one fall in clumps, here two where one was due and there none, and most so where
the generator remembers single rows. A forest holds which share of the real rows lies in each leaf of its
trees; of many candidates those rows are kept, one after another, whose leaves are the furthest behind. This
is kernel herding [1]_ with the kernel of a random forest [2]_, over candidates that a generator has drawn.
Each tree is grown to predict one of the columns, so that its leaves part rows where columns hang together.

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
from scipy.stats import rankdata
from torch import Tensor, nn

from synthgan.layout import EncodedTable, FloatArray, IntArray, Layout

#: Candidates of rows that are balanced together, where these are few, and how many at most for each row.
#: Where only some rows are meant, drawn ones are further from them, and more candidates bring them nearer.
_N_CANDIDATES, _MOST_CANDIDATES, _MOST_CANDIDATES_OF_SOME = 49_152, 8, 16
#: Rows for which candidates wait at a time, those that are not yet kept.
_N_WAITED_FOR = 16
#: Trees of a forest.
N_TREES = 200
#: Share of the trees that predict the target.
_SHARE_FOR_TARGET = 0.5
#: A leaf holds about so many real rows or up to twice as many, enough for their share not to be chance.
_ROWS_PER_LEAF = 64
#: More rows than these hardly change the trees, and more than these hardly the shares.
_MAX_GROWN_FROM, _MAX_ROWS = 20_000, 50_000
#: A node asks the best of so many random questions that leave so many rows on either side.
_N_QUESTIONS, _MIN_ROWS = 10, 16

#: Drawn rows that are meant in each node that is told from others, where only some of the rows are meant.
_MEANT_PER_LEAF = 4

Points = npt.NDArray[np.float32]
#: The leaf of each row in each tree among all leaves, shape ``(n_rows, n_trees)``.
Leaves = npt.NDArray[np.int32]


def n_candidates(n_rows: int, *, of_all: bool = True) -> int:
    """Return how many candidates to draw for each of so many rows that are balanced together.

    Parameters
    ----------
    n_rows
        How many.
    of_all
        Whether they are to lie where all real rows do, or only where some do that are meant.
    """
    most = _MOST_CANDIDATES if of_all else _MOST_CANDIDATES_OF_SOME
    return min(most, max(3, _N_CANDIDATES // max(n_rows, 1)))


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
        self.register_buffer("columns", torch.zeros(N_TREES, 2**depth - 1, dtype=torch.int32))
        self.register_buffer("thresholds", torch.zeros(N_TREES, 2**depth - 1))
        self.register_buffer("shares", torch.zeros(N_TREES, 2**depth))

    @staticmethod
    def depth_for(n_rows: int) -> int:
        """Return the depth of trees for a table of `n_rows` rows."""
        return int(np.log2(max(1, min(n_rows, _MAX_ROWS) // _ROWS_PER_LEAF)))

    def grow(
        self,
        points: Points,
        rng: np.random.Generator,
        *,
        ordered: npt.NDArray[np.bool_] | None = None,
        target: int | None = None,
        max_time: float | None = None,
    ) -> None:
        """Learn from real rows.

        Parameters
        ----------
        points
            Where they stand, shape ``(n_rows, n_columns)``.
        rng
            Source of all randomness.
        ordered
            Which columns have an order, shape ``(n_columns,)``; None for all.
        target
            The column that half of the trees predict, or None.
        max_time
            Seconds after which those trees that are grown are repeated.
        """
        deadline = time.monotonic() + (math.inf if max_time is None else max_time)
        counted = points[rng.permutation(len(points))[:_MAX_ROWS]]
        some = counted[:_MAX_GROWN_FROM]

        def grown(own: np.random.Generator) -> tuple[IntArray, Points] | None:
            if time.monotonic() > deadline or not points.shape[1]:
                return None
            column = int(own.integers(points.shape[1]))
            if target is not None and own.random() < _SHARE_FOR_TARGET:
                column = target
            return self._tree(some, column, ordered is None or bool(ordered[column]), own)

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            trees = [tree for tree in pool.map(grown, rng.spawn(N_TREES)) if tree is not None]
        trees = trees or [self._unasked()]
        for index in range(N_TREES):
            asked, limits = trees[index % len(trees)]
            self.columns[index], self.thresholds[index] = torch.from_numpy(asked), torch.from_numpy(limits)
        counts = np.bincount(self.leaves(counted).ravel(), minlength=self.shares.numel())
        self.shares.copy_(torch.from_numpy(counts / len(counted)).view_as(self.shares))

    def _unasked(self) -> tuple[IntArray, Points]:
        """Return a tree that asks nothing."""
        n_inner = 2**self.depth - 1
        return np.zeros(n_inner, dtype=np.int64), np.full(n_inner, np.inf, dtype=np.float32)

    def _tree(
        self, points: Points, predicted: int, is_ordered: bool, rng: np.random.Generator
    ) -> tuple[IntArray, Points]:
        """Return what the inner nodes of a new tree ask, shape ``(2 ** depth - 1,)``.

        Other columns part rows that differ in the predicted one, and the last question is about that.
        """
        asked, limits = self._unasked()
        n_columns, rows, node = points.shape[1], np.arange(len(points)), np.zeros(len(points), dtype=np.int64)
        goal = goal_of(points[:, predicted], is_ordered, rng)
        for level in self._levels():
            n_nodes, is_last = level.stop - level.start, level.stop == len(asked)
            others = predicted + rng.integers(1, max(2, n_columns), (_N_QUESTIONS, n_nodes))
            asked[level], limits[level] = _best_split(points, goal, node, others % n_columns, rng)
            if is_last:
                _, own_limits = _best_split(points, goal, node, np.full_like(others, predicted), rng)
                parts = np.isfinite(own_limits)
                asked[level][parts], limits[level][parts] = predicted, own_limits[parts]
            node = 2 * node + (points[rows, asked[level][node]] > limits[level][node])
        return asked, limits

    def leaves(self, points: Points) -> Leaves:
        """Return the leaf of each row in each tree among all leaves, shape ``(n_rows, n_trees)``."""
        columns, thresholds = self.columns.cpu().numpy(), self.thresholds.cpu().numpy()
        leaves = np.empty((len(points), N_TREES), dtype=np.int32)
        rows = np.arange(len(points))
        for tree in range(N_TREES):
            node = np.zeros(len(points), dtype=np.int64)
            for level in self._levels() if points.shape[1] else ():
                column, limit = columns[tree, level][node], thresholds[tree, level][node]
                node = 2 * node + (points[rows, column] > limit)
            leaves[:, tree] = node + tree * 2**self.depth
        return leaves

    def _levels(self) -> Iterator[slice]:
        """Yield where the inner nodes of each level are."""
        return (slice(2**level - 1, 2 ** (level + 1) - 1) for level in range(self.depth))

    def among(self, leaves: Leaves, is_meant: npt.NDArray[np.bool_]) -> "Forest | None":
        """Return the forest of those of the real rows that are as some of the drawn ones.

        Of the real rows in a node as many are taken to be meant as of the drawn ones there. Trees are cut
        where too few of these would be left in a node to tell.

        Parameters
        ----------
        leaves
            Those of drawn rows of all sorts; see `leaves`.
        is_meant
            Which of them are meant, shape ``(n_rows,)``.

        Returns
        -------
        Forest or None
            None, if they are too few to tell anything.
        """
        n_meant = int(np.count_nonzero(is_meant))
        depth = min(self.depth, int(np.log2(max(n_meant, 1) / _MEANT_PER_LEAF)) if n_meant else 0)
        if depth < 1:
            return None
        cut = self.cut(depth)
        leaves = self.leaves_of(leaves, depth)
        n_leaves = cut.shares.numel()
        counts, meant = (np.bincount(part.ravel(), minlength=n_leaves) for part in (leaves, leaves[is_meant]))
        shares = cut.shares.cpu().numpy().ravel() * meant / np.maximum(counts, 1)
        shares = shares.reshape(cut.shares.shape)
        shares = shares / np.maximum(shares.sum(1, keepdims=True), 1e-12)
        cut.shares.copy_(torch.from_numpy(shares))
        return cut

    def cut(self, depth: int) -> "Forest":
        """Return the forest with trees of a smaller depth."""
        cut = Forest(depth)
        n_inner = 2**depth - 1
        cut.columns.copy_(self.columns[:, :n_inner])
        cut.thresholds.copy_(self.thresholds[:, :n_inner])
        cut.shares.copy_(self.shares.view(N_TREES, 2**depth, -1).sum(2))
        return cut

    def leaves_of(self, leaves: Leaves, depth: int) -> Leaves:
        """Return the leaves in trees that are cut at a smaller depth, given those in the whole trees."""
        return leaves >> (self.depth - depth)

    def keep(self, leaves: Leaves, n_kept: int, rng: np.random.Generator) -> IntArray:
        """Return the indices of candidates to keep, all different, shape ``(n_kept,)``.

        Parameters
        ----------
        leaves
            Those of the candidates, as many for each row that is kept; see `leaves`.
        n_kept
            How many.
        rng
            Source of the counts that leaves start from. From naught the first rows would be the likeliest.
        """
        n_each = len(leaves) // max(n_kept, 1)
        shares = self.shares.cpu().numpy().ravel()
        due = np.array([shares[own].sum() for own in leaves])
        counts = rng.random(shares.size)
        is_free = np.ones(len(leaves), dtype=bool)
        kept = np.empty(n_kept, dtype=np.int64)
        for row in range(n_kept):
            first = n_each * max(0, min(row, n_kept - _N_WAITED_FOR))
            waiting = first + np.flatnonzero(is_free[first : first + n_each * _N_WAITED_FOR])
            behind = row * due[waiting] - counts[leaves[waiting]].sum(1)
            kept[row] = waiting[behind.argmax()]
            is_free[kept[row]] = False
            counts[leaves[kept[row]]] += 1
        return kept


def goal_of(cells: Points, is_ordered: bool, rng: np.random.Generator) -> FloatArray:
    """Return what tells cells apart: their ranks, or a random number for each code without order."""
    if is_ordered:
        ranks: FloatArray = rankdata(cells) / len(cells) - 0.5
        return ranks
    codes = cells.astype(np.int64)
    numbers: FloatArray = rng.standard_normal(codes.max() + 1)[codes]
    return numbers


def _best_split(
    points: Points, goal: FloatArray, node: IntArray, columns: IntArray, rng: np.random.Generator
) -> tuple[IntArray, Points]:
    """Return a column and a threshold for each node to ask, infinite where nothing parts its points.

    The random threshold is taken which leaves the least variance of the goal on its two sides. It is the
    value of a random row; a value of many rows may go to either side. `columns` are those that may be
    asked about, shape ``(n_questions, n_nodes)``.
    """
    best = np.zeros(columns.shape[1], dtype=np.int64)
    thresholds = np.full(columns.shape[1], np.inf, dtype=np.float32)
    counts = np.bincount(node)
    nodes = np.flatnonzero(counts)
    counts = counts[nodes]
    order, starts = np.argsort(node.astype(np.uint16), kind="stable"), np.cumsum(counts) - counts
    cells_in_order, goal_in_order = points[order].ravel(), goal[order]
    first_cells, sums = np.arange(len(node)) * points.shape[1], np.add.reduceat(goal_in_order, starts)
    most = np.full(len(nodes), -np.inf)
    for asked in columns[:, nodes]:
        cells = cells_in_order[first_cells + np.repeat(asked, counts)]
        limits = cells[starts + (rng.random(len(nodes)) * counts).astype(np.int64)]
        limits = np.where(rng.random(len(nodes)) < 0.5, limits, np.nextafter(limits, np.float32(-np.inf)))
        is_right = cells > np.repeat(limits, counts)
        n_right = np.add.reduceat(is_right, starts, dtype=np.int64)
        sum_right = np.add.reduceat(goal_in_order * is_right, starts)
        n_left, sum_left = counts - n_right, sums - sum_right
        # Up to a constant, how much less the squares are about the means of the sides than about the whole's.
        gain = sum_left**2 / np.maximum(n_left, 1) + sum_right**2 / np.maximum(n_right, 1)
        is_best = (np.minimum(n_left, n_right) >= _MIN_ROWS) & (gain > most)
        best[nodes[is_best]], thresholds[nodes[is_best]] = asked[is_best], limits[is_best]
        most[is_best] = gain[is_best]
    return best, thresholds
