"""Trees as tensors: what scikit-learn has grown comes in, and the leaves that rows come to go out.

All trees of all columns lie one after another in a few arrays, so that they are stored as they are and many
rows walk many of them at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthgan.gan.computing import Learned
from synthgan.layout import FloatArray, IntArray

#: What a tree is made of, and how it is stored; see `Trees`.
OF_NODES = {
    "child": np.int32,
    "asked": np.int16,
    "thresholds": np.float32,
    "first": np.int32,
    "counts": np.int32,
}
#: Rows times trees that are walked at a time, where one tree is not more.
_WALKED_AT_A_TIME = 16_384
#: The arrays of one tree, by name: those of its nodes and those of its cells.
Tree = dict[str, npt.NDArray[Any]]


class Trees(Learned):
    """Trees of columns, and the cells in their leaves.

    Subclasses say in `of_cells` what a cell is made of, and how that is stored.

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
        What a node asks about, and the threshold.
    first, counts
        The first cell in a leaf, and how many are in it.
    """

    of_cells: ClassVar[Mapping[str, type]]
    misfit = "The trees do not lead to cells."

    roots: Tensor
    child: Tensor
    asked: Tensor
    thresholds: Tensor
    first: Tensor
    counts: Tensor

    def __init__(self, n_coded: int) -> None:
        super().__init__()
        self.keep([[] for _ in range(n_coded)])

    @property
    def columns(self) -> list[int]:
        """The places of the columns that have trees among the coded ones."""
        places: list[int] = (self.roots[:, 0] >= 0).nonzero().squeeze(1).tolist()
        return places

    @property
    def n_asked(self) -> int:
        """Of how many things nodes may ask."""
        return len(self.roots)

    def keep(self, trees: list[list[Tree]]) -> None:
        """Keep the trees of each coded column in place of those that there are."""
        n_nodes = n_cells = 0
        roots = np.full((len(trees), max(map(len, trees), default=0) or 1), -1)
        parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in (*OF_NODES, *self.of_cells)}
        for place, own in enumerate(trees):
            for index, tree in enumerate(own):
                roots[place, index] = n_nodes
                tree = tree | {
                    "child": np.where(tree["child"] > 0, tree["child"] + n_nodes, 0),
                    "first": tree["first"] + n_cells,
                }
                for name, arrays in parts.items():
                    arrays.append(tree[name])
                n_nodes += len(tree["child"])
                n_cells += len(tree[next(iter(self.of_cells))])
            if own:  # those that time has left out are repeated
                roots[place] = np.resize(roots[place, : len(own)], roots.shape[1])
        whole = {name: np.concatenate(own or [np.empty(0)]) for name, own in parts.items()}
        dtypes = {**OF_NODES, **self.of_cells}
        self.hold(roots=roots, **{name: own.astype(dtypes[name]) for name, own in whole.items()})

    def walk(self, place: int, points: Tensor) -> Iterator[Tensor]:
        """Yield the leaves that rows come to in the trees of a column, some of these at a time.

        Parameters
        ----------
        place
            The column's among the coded ones; one of `columns`.
        points
            See `leaves`.

        Yields
        ------
        Tensor
            Shape ``(n_trees, batch)``; where rows are few, all trees are walked at once.
        """
        n_trees = max(1, _WALKED_AT_A_TIME // max(1, len(points)))
        for roots in torch.split(self.roots[place], n_trees):
            yield self.leaves(roots.unsqueeze(1).expand(-1, len(points)), points)

    def leaves(self, node: Tensor, points: Tensor) -> Tensor:
        """Return the leaves that rows come to from some nodes, of the shape of these.

        Parameters
        ----------
        node
            Where each row begins, shape ``(..., batch)``.
        points
            What nodes ask about, shape ``(batch, n_asked)``.
        """
        flat, starts = points.flatten(), torch.arange(len(points), device=points.device) * points.shape[1]
        while True:
            child = self.child[node]
            is_inner = child > 0
            if not is_inner.any():
                return node
            is_beyond = flat[starts + self.asked[node]] > self.thresholds[node]
            node = torch.where(is_inner, child + is_beyond, node)

    def cells_in(self, leaves: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cells in some leaves, one leaf after another, and which of the leaves each is in."""
        counts = self.counts[leaves].long()
        leaf = torch.arange(len(leaves), device=leaves.device).repeat_interleave(counts)
        within = torch.arange(len(leaf), device=leaves.device) - (counts.cumsum(0) - counts)[leaf]
        return self.first[leaves][leaf] + within, leaf

    def is_sound(self) -> bool:
        """Whether every way through the nodes ends, and at cells."""
        numbers = torch.arange(len(self.child), device=self.child.device)
        is_inner = self.child > 0
        ends = torch.where(is_inner, self.child + 1, numbers)
        cells = [getattr(self, name) for name in self.of_cells]
        return bool(
            ((self.roots >= -1) & (self.roots < len(numbers))).all()
            and (self.child[is_inner] > numbers[is_inner]).all()
            and (ends < len(numbers)).all()
            and (self.asked >= 0).all()
            and (self.asked < self.n_asked).all()
            and (self.first >= 0).all()
            and (self.counts[~is_inner] > 0).all()
            and (self.first.long() + self.counts <= len(cells[0])).all()
            and len({len(own) for own in cells}) == 1
            and all(own.isfinite().all() for own in cells)
        )


def nodes_of(tree: Any) -> tuple[Tree, IntArray]:
    """Return the nodes of a tree of scikit-learn, and the number of each of its own nodes among them.

    They come in a new order, in which those that a question leads to stand beside each other.
    """
    is_inner = tree.children_left >= 0
    number = np.zeros(tree.node_count, dtype=np.int64)
    number[tree.children_left[is_inner]] = 1 + 2 * np.arange(np.count_nonzero(is_inner))
    number[tree.children_right[is_inner]] = 2 + 2 * np.arange(np.count_nonzero(is_inner))
    old = np.argsort(number)
    inner = is_inner[old]
    nodes = {
        "child": np.where(inner, number[tree.children_left[old]], 0),
        "asked": np.where(inner, tree.feature[old], 0),
        "thresholds": np.where(inner, rounded_down(tree.threshold[old]), 0),
    }
    return nodes, number


def rounded_down(numbers: FloatArray) -> npt.NDArray[np.float32]:
    """Return the largest float32 that is not above each number: what lies beyond stays beyond."""
    rounded = numbers.astype(np.float32)
    return np.where(rounded > numbers, np.nextafter(rounded, np.float32(-np.inf)), rounded)
