"""Redrawing cells: every cell is drawn once more given all others of its row, from trees over real rows.

What one column says of another sharply, trees learn better than a network that learns all columns at once,
and in seconds. For each column a few trees predict it from all the others; a cell is redrawn by asking one of
them at random and taking the cell of a random real row in the same leaf, which draws from the forest's
distribution [1]_. A number then moves by chance towards a neighbour in its leaf. A sweep over the columns is
one of a Gibbs sampler whose conditionals are trees [2]_, begun where the generator has left the row.

References
----------
.. [1] Meinshausen (2006). Quantile Regression Forests. JMLR 7.
.. [2] Reiter (2005). Using CART to Generate Partially Synthetic Public Use Microdata. Journal of Official
       Statistics 21.
"""

import math
import time
from collections.abc import Collection
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
from synthgan.layout import EncodedTable, FloatArray, IntArray, Layout

#: Trees of a column, and of all columns where these are many; but at least so many of each.
_N_TREES, _MAX_TREES, _MIN_TREES = 8, 300, 2
#: Share of the rows that a tree is grown from. All rows are then put into the leaves: with half of the cells
#: from rows that the tree has not seen, less is copied.
_SHARE_GROWN_FROM = 0.5
#: How many of the rows that a tree is grown from a leaf has at least, as is best for one column or another.
LEAF_ROWS = (6, 12)
#: Columns that a question is chosen from, at most.
_MAX_ASKED = 32
#: More rows than these hardly change the trees; and cells in the leaves of all trees, where columns are many.
_MAX_ROWS, _MAX_CELLS = 20_000, 20_000_000
#: Of smaller tables trees know less than the generator.
_MIN_TABLE = 100
#: What a tree is made of, and how it is stored; see `CellTrees`.
_OF_NODES = {
    "child": np.int32,
    "asked": np.int16,
    "thresholds": np.float32,
    "first": np.int32,
    "counts": np.int32,
}
_OF_CELLS = {"codes": np.int32, "places": np.uint8, "told_by": np.int16, "rooms": np.float16}
Tree = dict[str, npt.NDArray[Any]]


class Redrawn(NamedTuple):
    """What cells of a column are to be.

    Attributes
    ----------
    codes, places
        Of the cells, shape ``(batch,)``; places are 0 where a code has none.
    told_by
        Which code of the column's relations tells the cell instead, -1 for none; shape ``(batch,)``.
    shifts
        How far the cell is to be moved along its number line, in pieces; shape ``(batch,)``.
    """

    codes: Tensor
    places: Tensor
    told_by: Tensor
    shifts: Tensor


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
        The cells, leaf by leaf and there in their order, shape ``(n_cells,)``; see `Redrawn`.
    rooms
        How far from each cell the next one in its leaf is, in pieces of the number line; 0 where there is
        none, or one of the two has no place or is told by a relation. Shape ``(n_cells,)``.
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
    rooms: Tensor

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
        leaf_rows: IntArray | None = None,
        n_trees: int = _N_TREES,
        bound: Collection[int] = (),
        max_time: float | None = None,
    ) -> None:
        """Learn from real rows; tables of fewer than a hundred teach nothing.

        Columns that have a value beside their codes get no trees, nor does one that has no others.

        Parameters
        ----------
        table
            The rows.
        space
            What they mean.
        rng
            Source of all randomness.
        leaf_rows
            Rows in a leaf of each coded column's trees, at least; None for the first of `LEAF_ROWS`.
        n_trees
            Of a column, where columns are not many.
        bound
            Columns that get no trees. Where one is a function of another, redrawing either would part them.
        max_time
            Seconds after which no tree is begun.
        """
        deadline = time.monotonic() + (math.inf if max_time is None else max_time)
        layout = space.layout
        left_out = {*bound, *layout.valued.tolist()}
        wanted = [place for place, column in enumerate(layout.coded.tolist()) if column not in left_out]
        if len(table) < _MIN_TABLE or len(layout.coded) < 2:
            wanted = []
        leaf_rows = np.full(len(layout.coded), LEAF_ROWS[0]) if leaf_rows is None else leaf_rows
        n_trees = max(_MIN_TREES, min(n_trees, _MAX_TREES // max(len(wanted), 1)))
        n_rows = max(_MIN_TABLE, min(_MAX_ROWS, _MAX_CELLS // max(n_trees * len(wanted), 1)))
        table = table.take(rng.permutation(len(table))[:n_rows])
        points = points_of(table, layout)
        told_by = space.told_by(Cells.of(table, space.offsets.device)).cpu().numpy()

        def grown(place: int, own: np.random.Generator) -> Tree | None:
            if time.monotonic() > deadline:
                return None
            span = layout.spans[layout.coded[place]]
            tree, order = _tree(points, place, span.is_ordered, int(leaf_rows[place]), own)
            rows, told = table.take(order), told_by[order, place]
            return tree | _cells_in_leaves(rows, layout, place, told, tree["first"])

        tasks = wanted * n_trees
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            trees = list(pool.map(grown, tasks, rng.spawn(len(tasks))))
        of_columns: list[list[Tree]] = [[] for _ in layout.coded]
        for place, tree in zip(tasks, trees, strict=True):
            of_columns[place] += [] if tree is None else [tree]
        self._keep(of_columns)

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

    def redraw(
        self, place: int, points: Tensor, rng: torch.Generator, allowed: Tensor | None = None
    ) -> Redrawn:
        """Draw the cells of a column given where all others stand.

        Parameters
        ----------
        place
            The column's among the coded ones; one of `columns`.
        points
            See `synthgan.gan.balancing.points_of`; the column's own are not looked at.
        rng
            Source of all randomness.
        allowed
            See `synthgan.layout.Known`; of a leaf that has no such cell any is taken. None for all cells.
        """
        chances = torch.rand(3, len(points), generator=rng, device=points.device)
        roots = self.roots[place]
        leaf = self._leaves(roots[(chances[0] * len(roots)).long().clamp(max=len(roots) - 1)], points)
        cell = self._some_cell(leaf, chances[1])
        if allowed is not None:
            cell = self._some_allowed_cell(place, leaf, chances[1], allowed, cell)
        # Towards the next cell of the leaf or back towards the one before, as far as chance has it.
        further, how_far = self.rooms[cell].float(), 2 * chances[2] - 1
        back = self.rooms[cell - 1].float()  # none, if that is the last of another leaf
        shifts = torch.where(how_far > 0, further, back) * how_far
        return Redrawn(self.codes[cell].long(), self.places[cell].long(), self.told_by[cell].long(), shifts)

    def _some_cell(self, leaf: Tensor, chance: Tensor) -> Tensor:
        """Return the index of a cell in each leaf."""
        counts = self.counts[leaf]
        cells: Tensor = self.first[leaf] + (chance * counts).long().clamp(max=counts - 1)
        return cells

    def _some_allowed_cell(
        self, place: int, leaf: Tensor, chance: Tensor, allowed: Tensor, otherwise: Tensor
    ) -> Tensor:
        """Return the index of a cell in each leaf among those that are allowed, if there are any."""
        cells = self._cells_of(place)
        is_allowed = allowed[self.codes[cells].long(), self.places[cells].long()] > 0
        above = nn.functional.pad(is_allowed.cumsum(0), (1, 0))
        start = self.first[leaf].long() - cells.start
        before, up_to = above[start], above[start + self.counts[leaf]]
        wanted = before + (chance * (up_to - before)).long() + 1
        chosen = torch.searchsorted(above, wanted.clamp(max=int(above[-1]))) - 1 + cells.start
        return torch.where(up_to > before, chosen, otherwise)

    def _cells_of(self, place: int) -> slice:
        """Return where the cells of a coded column lie: they are between those of the first and last tree."""
        starts, roots = torch.unique(self.roots[self.roots >= 0]), self.roots[place]
        after = starts[starts > roots.max()]
        end = int(self.first[after[0]]) if len(after) else len(self.codes)
        return slice(int(self.first[roots.min()]), end)

    def expected(self, place: int, points: Tensor, n_codes: int) -> Tensor:
        """Return with which share a column is redrawn as each code, shape ``(batch, n_codes)``.

        Parameters
        ----------
        place, points
            See `redraw`.
        n_codes
            Of the column.
        """
        shares = torch.zeros(len(points), n_codes, device=points.device)
        for root in self.roots[place]:
            reached = self._leaves(root.repeat(len(points)), points)
            leaves, own = torch.unique(reached, return_inverse=True)
            counts = self.counts[leaves].long()
            leaf = torch.arange(len(leaves), device=points.device).repeat_interleave(counts)
            within = torch.arange(len(leaf), device=points.device) - (counts.cumsum(0) - counts)[leaf]
            codes = self.codes[self.first[leaves][leaf] + within]
            seen = (leaf * n_codes + codes).bincount(minlength=len(leaves) * n_codes).view(-1, n_codes)
            shares += (seen / counts.unsqueeze(1))[own]
        return shares / len(self.roots[place])

    def _leaves(self, node: Tensor, points: Tensor) -> Tensor:
        """Return the leaves that rows come to from some nodes, both of shape ``(batch,)``."""
        flat, starts = points.flatten(), torch.arange(len(points), device=points.device) * points.shape[1]
        while True:
            child = self.child[node]
            is_inner = child > 0
            if not is_inner.any():
                return node
            is_beyond = flat[starts + self.asked[node]] > self.thresholds[node]
            node = torch.where(is_inner, child + is_beyond, node)

    def drop(self, places: Collection[int]) -> None:
        """Forget the trees of some columns, which are then left as they were drawn."""
        buffers = {name: buffer.cpu().numpy() for name, buffer in self.named_buffers()}
        roots = buffers.pop("roots")
        starts = np.unique(roots[roots >= 0])
        cuts = {True: starts[1:], False: buffers["first"][starts[1:]]}
        parts = {name: np.split(whole, cuts[name in _OF_NODES]) for name, whole in buffers.items()}
        trees: list[list[Tree]] = [[] for _ in roots]
        for place in set(self.columns).difference(places):
            for index in np.searchsorted(starts, np.unique(roots[place])):
                tree = {name: own[index] for name, own in parts.items()}
                child = np.where(tree["child"] > 0, tree["child"] - starts[index], 0)
                trees[place].append(tree | {"child": child, "first": tree["first"] - tree["first"][0]})
        self._keep(trees)

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *arguments: Any) -> None:
        """Make room for as many trees as there are, and load them."""
        for name in ("roots", *_OF_NODES, *_OF_CELLS):
            if prefix + name in state:
                self.register_buffer(name, getattr(self, name).new_empty(state[prefix + name].shape))
        super()._load_from_state_dict(state, prefix, *arguments)
        if not self._is_sound():
            *_, errors = arguments
            errors.append("The trees do not lead to cells.")

    def _is_sound(self) -> bool:
        """Whether every way through the nodes ends, and at cells."""
        numbers = torch.arange(len(self.child), device=self.child.device)
        is_inner = self.child > 0
        ends = torch.where(is_inner, self.child + 1, numbers)
        return bool(
            ((self.roots >= -1) & (self.roots < len(numbers))).all()
            and (self.child[is_inner] > numbers[is_inner]).all()
            and (ends < len(numbers)).all()
            and (self.asked >= 0).all()
            and (self.asked < len(self.roots)).all()
            and (self.first >= 0).all()
            and (self.counts[~is_inner] > 0).all()
            and (self.first.long() + self.counts <= len(self.codes)).all()
            and len(self.codes) == len(self.places) == len(self.told_by) == len(self.rooms)
            and self.rooms.isfinite().all()
        )


def _tree(
    points: Points, place: int, is_ordered: bool, min_rows: int, rng: np.random.Generator
) -> tuple[Tree, IntArray]:
    """Return the nodes of a new tree, and the rows leaf by leaf, there in the order of what is predicted."""
    others = np.delete(points, place, axis=1)
    sample = rng.permutation(len(points))[: round(_SHARE_GROWN_FROM * len(points))]
    n_asked = min(_MAX_ASKED, others.shape[1])
    regressor = DecisionTreeRegressor(
        min_samples_leaf=min_rows, max_features=n_asked, random_state=int(rng.integers(2**31))
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
    return nodes, np.lexsort((points[:, place], leaf))


def _cells_in_leaves(
    table: EncodedTable, layout: Layout, place: int, told_by: IntArray, first: IntArray
) -> Tree:
    """Return what is kept of the cells of a coded column, given the rows leaf by leaf; see `CellTrees`."""
    column = int(layout.coded[place])
    codes, index, span = table.codes[:, column], layout.place_index.get(column), layout.spans[column]
    places = table.places[:, index] if index is not None else np.zeros(len(table))
    may_move = np.isin(codes, span.place_codes) & (told_by < 0) & span.is_ordered
    rooms = _rooms(codes + places / span.n_places, may_move, first)
    cells = {"codes": codes, "places": places, "told_by": told_by, "rooms": rooms}
    return {name: cells[name].astype(dtype) for name, dtype in _OF_CELLS.items()}


def _rooms(stands: FloatArray, may_move: npt.NDArray[np.bool_], first: IntArray) -> FloatArray:
    """Return how far from each cell the next one in its leaf is, given where they stand, leaf by leaf."""
    rooms = np.diff(stands, append=stands[-1:])
    rooms[~(may_move & np.roll(may_move, -1))] = 0.0
    rooms[first - 1] = 0.0  # the last of each leaf stands before the first of another
    return rooms


def _rounded_down(numbers: npt.NDArray[np.float64]) -> Points:
    """Return the largest float32 that is not above each number: what lies beyond stays beyond."""
    rounded = numbers.astype(np.float32)
    return np.where(rounded > numbers, np.nextafter(rounded, np.float32(-np.inf)), rounded)
