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
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor, nn

from synthgan.gan.balancing import Points, goal_of, points_of
from synthgan.gan.groups import NO_GROUPS, Grouping, GroupMeans, Halves, rows_of_groups
from synthgan.gan.rows import Cells, RowSpace
from synthgan.gan.trees import Tree, Trees, nodes_of
from synthgan.layout import EncodedTable, FloatArray, IntArray, Layout

#: Trees of a column, and of all columns where these are many; but at least so many of each.
_N_TREES, _MAX_TREES, _MIN_TREES = 8, 300, 2
#: Share of the rows that a tree is grown from. All rows are then put into the leaves: with half of the cells
#: from rows that the tree has not seen, less is copied.
_SHARE_GROWN_FROM = 0.5
#: How many of the rows that a tree is grown from a leaf has at least.
_LEAF_ROWS = 8
#: Columns that a question is chosen from, at most.
_MAX_ASKED = 32
#: More rows than these hardly change the trees; and cells in the leaves of all trees, where columns are many.
_MAX_ROWS, _MAX_CELLS = 20_000, 20_000_000
#: Of smaller tables trees know less than the generator.
_MIN_TABLE = 100


class Redrawn(NamedTuple):
    """What cells of a column are to be.

    Attributes
    ----------
    codes, places
        Of the cells, shape ``(batch,)``; places are 0 where a code has none.
    told_by
        Which of the column's relations tells the cell instead, by equality; -1 for none. Shape ``(batch,)``.
    shifts
        How far the cell is to be moved along its number line, in pieces; shape ``(batch,)``.
    """

    codes: Tensor
    places: Tensor
    told_by: Tensor
    shifts: Tensor


class CellTrees(Trees):
    """Trees that predict each column from all others, and the cells of real rows in their leaves.

    Attributes
    ----------
    groups
        Where several columns name groups together: what these say, about which trees ask as well.
    codes, places, told_by
        The cells, leaf by leaf and there in their order, shape ``(n_cells,)``; see `Redrawn`.
    rooms
        How far from each cell the next one in its leaf is, in pieces of the number line; 0 where there is
        none, or one of the two has no place or is told by a relation. Shape ``(n_cells,)``.
    """

    of_cells: ClassVar[Mapping[str, type]] = {
        "codes": np.int32,
        "places": np.uint8,
        "told_by": np.int8,
        "rooms": np.float16,
    }

    codes: Tensor
    places: Tensor
    told_by: Tensor
    rooms: Tensor

    def __init__(self, n_coded: int) -> None:
        super().__init__(n_coded)
        self.groups = GroupMeans(n_coded)

    @property
    def n_asked(self) -> int:
        """Of how many things nodes may ask: the columns, and what groups say."""
        return len(self.roots) + len(self.groups.told)

    def grow(
        self,
        table: EncodedTable,
        space: RowSpace,
        rng: np.random.Generator,
        *,
        n_trees: int = _N_TREES,
        bound: Collection[int] = (),
        grouping: Grouping = NO_GROUPS,
        in_order: Sequence[int] | None = None,
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
        n_trees
            Of a column, where columns are not many.
        bound
            Columns that get no trees. Where one is a function of another, redrawing either would part them.
        grouping
            Which columns name groups together. Their own trees do not ask what these say.
        in_order
            Places of the only columns that get trees, to be drawn one after another: each asks neither about
            itself nor about those after it. None for trees of all columns that ask about all others.
        max_time
            Seconds after which no tree is begun.
        """
        deadline = time.monotonic() + (math.inf if max_time is None else max_time)
        layout = space.layout
        left_out = {*bound, *layout.valued.tolist()}
        wanted = [place for place, column in enumerate(layout.coded.tolist()) if column not in left_out]
        if in_order is not None:
            wanted = [place for place in in_order if place in wanted]
        if len(table) < _MIN_TABLE or len(layout.coded) < 2:
            wanted = []
        n_trees = max(_MIN_TREES, min(n_trees, _MAX_TREES // max(len(wanted), 1)))
        n_rows = max(_MIN_TABLE, min(_MAX_ROWS, _MAX_CELLS // max(n_trees * len(wanted), 1)))
        known = rows_of_groups(table, layout) if grouping.told else table
        order, halves = rng.permutation(len(known))[:n_rows], None
        if grouping.told:
            halves = self.groups.learn(grouping, points_of(known, layout), layout, order)
        table = known.take(order)
        points = points_of(table, layout)
        told_by = space.told_by(Cells.of(table, space.offsets.device)).cpu().numpy()

        def grown(place: int, own: np.random.Generator) -> Tree | None:
            if time.monotonic() > deadline:
                return None
            hidden = [place] if in_order is None else in_order[in_order.index(place) :]
            is_ordered = layout.spans[layout.coded[place]].is_ordered
            means = None if place in grouping.naming else halves
            tree, order = _tree(points, place, hidden, is_ordered, own, means)
            rows, told = table.take(order), told_by[order, place]
            return tree | _cells_in_leaves(rows, layout, place, told, tree["first"])

        tasks = wanted * n_trees
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            trees = list(pool.map(grown, tasks, rng.spawn(len(tasks))))
        of_columns: list[list[Tree]] = [[] for _ in layout.coded]
        for place, tree in zip(tasks, trees, strict=True):
            of_columns[place] += [] if tree is None else [tree]
        self.keep(of_columns)

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
        points = self._with_means(points)
        chances = torch.rand(3, len(points), generator=rng, device=points.device)
        roots = self.roots[place]
        leaf = self.leaves(roots[(chances[0] * len(roots)).long().clamp(max=len(roots) - 1)], points)
        cell = self._some_cell(leaf, chances[1])
        if allowed is not None:
            cell = self._some_allowed_cell(place, leaf, chances[1], allowed, cell)
        # Towards the next cell of the leaf or back towards the one before, as far as chance has it.
        further, how_far = self.rooms[cell].float(), 2 * chances[2] - 1
        back = self.rooms[cell - 1].float()  # none, if that is the last of another leaf
        shifts = torch.where(how_far > 0, further, back) * how_far
        return Redrawn(self.codes[cell].long(), self.places[cell].long(), self.told_by[cell].long(), shifts)

    def _with_means(self, points: Tensor) -> Tensor:
        """Return what nodes may ask about: where rows stand, and what their groups say."""
        return torch.cat([points, self.groups.of(points)], dim=1) if len(self.groups.told) else points

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
        points = self._with_means(points)
        shares = torch.zeros(len(points), n_codes, device=points.device)
        for reached in self.walk(place, points):
            leaves, own = torch.unique(reached, return_inverse=True)
            cells, leaf = self.cells_in(leaves)
            pairs = leaf * n_codes + self.codes[cells]
            seen = pairs.bincount(minlength=len(leaves) * n_codes).view(-1, n_codes)
            chances = seen / self.counts[leaves].unsqueeze(1)
            for of_tree in own:
                shares += chances[of_tree]
        return shares / len(self.roots[place])

    def make_room(self, state: Mapping[str, Tensor], prefix: str) -> None:
        """Make room for the groups as well, about which nodes may ask."""
        self.groups.make_room(state, prefix + "groups.")
        super().make_room(state, prefix)


def _tree(
    points: Points,
    place: int,
    hidden: Collection[int],
    is_ordered: bool,
    rng: np.random.Generator,
    halves: Halves | None = None,
) -> tuple[Tree, IntArray]:
    """Return the nodes of a new tree, and the rows leaf by leaf, there in the order of what is predicted.

    It asks about columns that are not hidden and, if they are given, about the means of groups.
    """
    seen = np.setdiff1d(np.arange(points.shape[1]), list(hidden))
    sample = rng.permutation(len(points))[: round(_SHARE_GROWN_FROM * len(points))]
    others = points[:, seen]
    if halves is not None:
        means = halves.means(sample)
        others = np.column_stack([others, means])
        seen = np.append(seen, points.shape[1] + np.arange(means.shape[1]))
    n_asked = min(_MAX_ASKED, len(seen))
    regressor = DecisionTreeRegressor(
        min_samples_leaf=_LEAF_ROWS, max_features=n_asked, random_state=int(rng.integers(2**31))
    )
    regressor.fit(others[sample], goal_of(points[:, place], is_ordered, rng)[sample])
    tree = regressor.tree_
    nodes, number = nodes_of(tree)
    leaf = number[tree.apply(others)]
    counts = np.bincount(leaf, minlength=len(number))
    nodes["asked"] = np.where(nodes["child"] > 0, seen[nodes["asked"]], 0)
    nodes |= {"first": np.cumsum(counts) - counts, "counts": counts}
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
    return {name: cells[name].astype(dtype) for name, dtype in CellTrees.of_cells.items()}


def _rooms(stands: FloatArray, may_move: npt.NDArray[np.bool_], first: IntArray) -> FloatArray:
    """Return how far from each cell the next one in its leaf is, given where they stand, leaf by leaf."""
    rooms = np.diff(stands, append=stands[-1:])
    rooms[~(may_move & np.roll(may_move, -1))] = 0.0
    rooms[first - 1] = 0.0  # the last of each leaf stands before the first of another
    return rooms
