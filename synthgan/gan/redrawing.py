"""Redrawing cells: every cell is drawn once more given all others of its row, from trees over real rows.

What one column says of another sharply, trees learn better than a network that learns all columns at once,
and in seconds. For each column a few trees predict it from all the others; a cell is redrawn by asking one of
them at random and taking the cell of a random real row in the same leaf, which draws from the forest's
distribution [1]_. A sweep over the columns is one of a Gibbs sampler whose conditionals are trees [2]_, begun
where the generator has left the row.

References
----------
.. [1] Meinshausen (2006). Quantile Regression Forests. JMLR 7.
.. [2] Reiter (2005). Using CART to Generate Partially Synthetic Public Use Microdata. Journal of Official
       Statistics 21.
"""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor, nn

from synthgan.gan.balancing import Points, goal_of, points_of
from synthgan.gan.cells import Cells
from synthgan.gan.rows import RowSpace
from synthgan.layout import EncodedTable, IntArray, Layout

#: Trees of a column, and of all columns where these are many; but at least so many of each.
_N_TREES, _MAX_TREES, _MIN_TREES = 6, 300, 2
#: Share of the rows that a tree is grown from, and how many of them are in a leaf at least. All rows are then
#: put into the leaves: with half of the cells from rows that the tree has not seen, less is copied.
_SHARE_GROWN_FROM, _MIN_ROWS = 0.5, 6
#: Columns that a question is chosen from, at most.
_MAX_ASKED = 32
#: More rows than these hardly change the trees.
_MAX_ROWS = 20_000
#: Of smaller tables trees know less than the generator.
_MIN_TABLE = 100
#: Pairs of cells that are looked at for columns that determine another.
_MAX_CELLS_OF_PAIRS = 200_000_000
#: What a tree is made of, and how it is stored; see `CellTrees`.
_OF_NODES = {
    "child": np.int32,
    "asked": np.int16,
    "thresholds": np.float32,
    "first": np.int32,
    "counts": np.int32,
}
_OF_CELLS = {"codes": np.int32, "places": np.uint8, "told_by": np.int16}
Tree = dict[str, npt.NDArray[Any]]


class Redrawn(NamedTuple):
    """What cells of a column are to be.

    Attributes
    ----------
    codes, places
        Of the cells, shape ``(batch,)``; places are 0 where a code has none.
    told_by
        Which code of the column's relations tells the cell instead, -1 for none; shape ``(batch,)``.
    """

    codes: Tensor
    places: Tensor
    told_by: Tensor


class CellTrees(nn.Module):
    """Trees that predict each column from all others, and the cells of real rows in their leaves.

    Parameters
    ----------
    n_coded
        How many columns have codes.

    Attributes
    ----------
    roots
        The first node of each tree of each coded column, -1 for columns that have none; shape
        ``(n_coded, n_trees)``.
    child
        Where rows go on to that stand below a node's threshold, those beyond go to the next; 0 at a leaf.
        This and the following have shape ``(n_nodes,)``.
    asked, thresholds
        The coded column that a node asks about, and the threshold.
    first, counts
        The first cell in a leaf, and how many are in it.
    codes, places, told_by
        The cells, leaf by leaf, shape ``(n_cells,)``; see `Redrawn`.
    """

    roots: Tensor
    child: Tensor
    asked: Tensor
    thresholds: Tensor
    first: Tensor
    counts: Tensor
    codes: Tensor
    places: Tensor
    told_by: Tensor

    def __init__(self, n_coded: int) -> None:
        super().__init__()
        self._keep([[] for _ in range(n_coded)])

    @property
    def columns(self) -> list[int]:
        """The places of the columns that have trees among the coded ones."""
        places: list[int] = (self.roots[:, 0] >= 0).nonzero().squeeze(1).tolist()
        return places

    def grow(
        self,
        table: EncodedTable,
        space: RowSpace,
        rng: np.random.Generator,
        *,
        max_time: float | None = None,
    ) -> None:
        """Learn from real rows; tables of fewer than a hundred teach nothing.

        Parameters
        ----------
        table
            The rows.
        space
            What they mean.
        rng
            Source of all randomness.
        max_time
            Seconds after which no tree is begun.
        """
        deadline = time.monotonic() + (math.inf if max_time is None else max_time)
        layout = space.layout
        table = table.take(rng.permutation(len(table))[:_MAX_ROWS])
        wanted = _free_columns(table, layout) if len(table) >= _MIN_TABLE else []
        n_trees = max(_MIN_TREES, min(_N_TREES, _MAX_TREES // max(len(wanted), 1)))
        points = points_of(table, layout)
        told_by = space.told_by(Cells.of(table, space.offsets.device)).cpu().numpy()

        def grown(place: int, own: np.random.Generator) -> Tree | None:
            if time.monotonic() > deadline:
                return None
            column = int(layout.coded[place])
            tree, order = _tree(points, place, bool(layout.spans[column].positions), own)
            index = layout.place_index.get(column)
            places = table.places[:, index] if index is not None else np.zeros(len(table))
            held = (table.codes[:, column], places, told_by[:, place])
            return tree | {name: of_rows[order] for name, of_rows in zip(_OF_CELLS, held, strict=True)}

        tasks = wanted * n_trees
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            trees = list(pool.map(grown, tasks, rng.spawn(len(tasks))))
        self._keep(
            [
                [tree for place, tree in zip(tasks, trees, strict=True) if place == own and tree is not None]
                for own in range(len(layout.coded))
            ]
        )

    def _keep(self, trees: list[list[Tree]]) -> None:
        """Keep the trees of each coded column in place of those that there are."""
        n_nodes = n_cells = 0
        roots = np.full((len(trees), max(map(len, trees), default=0) or 1), -1)
        parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _OF_NODES | _OF_CELLS}
        for place, own in enumerate(trees):
            for index, tree in enumerate(own):
                roots[place, index] = n_nodes
                tree = tree | {
                    "child": np.where(tree["child"] > 0, tree["child"] + n_nodes, 0),
                    "first": tree["first"] + n_cells,
                }
                for name, arrays in parts.items():
                    arrays.append(tree[name])
                n_nodes, n_cells = n_nodes + len(tree["child"]), n_cells + len(tree["codes"])
            if own:  # those that time has left out are repeated
                roots[place] = np.resize(roots[place, : len(own)], roots.shape[1])
        device = self.roots.device if hasattr(self, "roots") else None
        self.register_buffer("roots", torch.from_numpy(roots).to(device))
        for name, dtype in (_OF_NODES | _OF_CELLS).items():
            whole = np.concatenate(parts[name]) if parts[name] else np.empty(0)
            self.register_buffer(name, torch.from_numpy(whole.astype(dtype)).to(device))

    def redraw(self, place: int, points: Tensor, rng: torch.Generator) -> Redrawn:
        """Draw the cells of a column given where all others stand.

        Parameters
        ----------
        place
            The column's among the coded ones; one of `columns`.
        points
            See `synthgan.gan.balancing.points_of`; the column's own are not looked at.
        rng
            Source of all randomness.
        """
        chances = torch.rand(2, len(points), generator=rng, device=points.device)
        roots = self.roots[place]
        node = roots[(chances[0] * len(roots)).long().clamp(max=len(roots) - 1)]
        flat, starts = points.flatten(), torch.arange(len(points), device=points.device) * points.shape[1]
        while True:
            child = self.child[node]
            is_inner = child > 0
            if not is_inner.any():
                break
            is_beyond = flat[starts + self.asked[node]] > self.thresholds[node]
            node = torch.where(is_inner, child + is_beyond, node)
        counts = self.counts[node]
        cell = self.first[node] + (chances[1] * counts).long().clamp(max=counts - 1)
        return Redrawn(self.codes[cell].long(), self.places[cell].long(), self.told_by[cell].long())

    def drop(self, place: int) -> None:
        """Ask the trees of a column no more, which is then left as it was drawn."""
        self.roots[place] = -1

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *arguments: Any) -> None:
        """Make room for as many trees as there are, and load them."""
        for name in ("roots", *_OF_NODES, *_OF_CELLS):
            if prefix + name in state:
                self.register_buffer(name, torch.empty_like(state[prefix + name], device=self.roots.device))
        super()._load_from_state_dict(state, prefix, *arguments)


def _tree(points: Points, place: int, is_ordered: bool, rng: np.random.Generator) -> tuple[Tree, IntArray]:
    """Return the nodes of a new tree, and the rows leaf by leaf."""
    others = np.delete(points, place, axis=1)
    sample = rng.permutation(len(points))[: round(_SHARE_GROWN_FROM * len(points))]
    n_asked = min(_MAX_ASKED, others.shape[1])
    regressor = DecisionTreeRegressor(
        min_samples_leaf=_MIN_ROWS, max_features=n_asked, random_state=int(rng.integers(2**31))
    )
    regressor.fit(others[sample], goal_of(points[:, place], is_ordered, rng)[sample])
    tree = regressor.tree_
    is_inner = tree.children_left >= 0
    # Nodes in a new order, in which those that a question leads to stand beside each other.
    number = np.zeros(tree.node_count, dtype=np.int64)
    number[tree.children_left[is_inner]] = 1 + 2 * np.arange(np.count_nonzero(is_inner))
    number[tree.children_right[is_inner]] = 2 + 2 * np.arange(np.count_nonzero(is_inner))
    old = np.argsort(number)
    inner = is_inner[old]
    leaf = number[tree.apply(others)]
    counts = np.bincount(leaf, minlength=len(old))
    nodes = {
        "child": np.where(inner, number[tree.children_left[old]], 0),
        "asked": np.where(inner, tree.feature[old] + (tree.feature[old] >= place), 0),
        "thresholds": np.where(inner, _rounded_down(tree.threshold[old]), 0),
        "first": np.cumsum(counts) - counts,
        "counts": counts,
    }
    return nodes, np.argsort(leaf, kind="stable")


def _rounded_down(numbers: npt.NDArray[np.float64]) -> Points:
    """Return the largest float32 that is not above each number: what lies beyond stays beyond."""
    rounded = numbers.astype(np.float32)
    return np.where(rounded > numbers, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _free_columns(table: EncodedTable, layout: Layout) -> list[int]:
    """Return the places of the coded columns that neither follow from another nor does another from them.

    Where one column is a function of another, redrawing either alone would part them. Columns that have a
    value beside their codes are left out as well, and a column that has no others.
    """
    n_columns = len(layout.coded)
    n_rows = max(200, _MAX_CELLS_OF_PAIRS // max(n_columns, 1) ** 2)
    codes = table.codes[:n_rows].astype(np.int64)
    n_seen = {int(i): len(np.unique(codes[:, i])) for i in layout.coded}
    bound = {int(i) for i in layout.valued}
    for place, first in enumerate(layout.coded.tolist()):
        for second in layout.coded[place + 1 :].tolist():
            n_pairs = _n_distinct(codes[:, first] * int(layout.sizes[second]) + codes[:, second])
            if n_pairs == max(n_seen[first], n_seen[second]) and min(n_seen[first], n_seen[second]) > 1:
                bound |= {first, second}
    if n_columns < 2:
        return []
    return [place for place, column in enumerate(layout.coded.tolist()) if column not in bound]


def _n_distinct(numbers: IntArray) -> int:
    """Return how many different numbers there are, by counting where that takes little memory."""
    if numbers.max(initial=0) < 8 * len(numbers):
        return int(np.count_nonzero(np.bincount(numbers)))
    return len(np.unique(numbers))
