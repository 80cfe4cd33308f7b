"""Groups that several columns name only together, as year, month and day name a day: rows in, means out.

Trees that ask about one column after another do not find one such group among thousands. What a column is in
the mean of a row's group says in one number what the group says of it [1]_; where trees are grown, it is the
mean of rows that the tree does not see.

References
----------
.. [1] Micci-Barreca (2001). A Preprocessing Scheme for High-Cardinality Categorical Attributes in
       Classification and Prediction Problems. SIGKDD Explorations 3.
"""

import math
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from scipy.stats import entropy, rankdata
from torch import Tensor

from synthgan.gan.balancing import Points, points_of
from synthgan.gan.computing import Learned
from synthgan.layout import EncodedTable, FloatArray, IntArray, Layout

#: Columns that may name groups, and how many do so together at most. What names things has its codes about
#: equally often, so that those are looked at of which that is the truest; and more than two of them.
_MAX_NAMING, _MAX_TOGETHER, _MIN_CODES = 8, 4, 3
#: Groups at least, fewer of which trees find by themselves, and rows of each in the mean, at least.
_MIN_GROUPS, _MIN_ROWS_OF_GROUP = 100, 3
#: Of smaller tables chance makes groups look as if they said something. No more rows and cells than these are
#: looked at, though groups are smaller where only some rows are, nor more numbers in the search.
_MIN_ROWS, _MAX_ROWS, _MAX_CELLS, _MAX_NUMBERS = 1_000, 100_000, 20_000_000, 32
#: Rows of which codes are counted.
_N_COUNTED = 10_000
#: Share of a column's variance that a group has to explain beyond what fewer columns do: of one column at
#: least, and there beyond what they do one by one as well, and of all columns that are drawn from it.
_MIN_GAIN, _MIN_GAIN_OF_TOLD = 0.2, 0.02


@dataclass(frozen=True)
class Grouping:
    """Which columns name groups together, and of which columns these say much.

    Parameters
    ----------
    naming, told
        Places among the coded columns, in order; both empty where there are no such groups.
    """

    naming: tuple[int, ...] = ()
    told: tuple[int, ...] = ()


NO_GROUPS = Grouping()


def find_grouping(
    table: EncodedTable,
    layout: Layout,
    *,
    target: int | None = None,
    untold: Collection[int] = (),
    max_time: float | None = None,
) -> Grouping:
    """Return the columns that together explain most of others beyond what fewer of them do.

    Explained is what the mean of all other rows of a group says of a row, on the scale of ranks.

    Parameters
    ----------
    table, layout
        Rows in random order, and the columns.
    target
        Index of the target, which names nothing: it is to follow from the others.
    untold
        Indices of columns that are not to be told by groups.
    max_time
        Seconds after which no further columns are looked at.
    """
    deadline = time.monotonic() + (math.inf if max_time is None else max_time)
    places = [(place, int(column)) for place, column in enumerate(layout.coded)]
    numbers = [place for place, column in places if layout.spans[column].is_ordered and column not in untold]
    may_name = [place for place, column in places if column not in layout.place_index and column != target]
    if len(table) < _MIN_ROWS or len(may_name) < 2 or not numbers:
        return NO_GROUPS
    points = points_of(rows_of_groups(table, layout), layout)
    evenness = {place: _evenness(points[:_N_COUNTED, place]) for place in may_name}
    named_by = sorted(sorted(may_name, key=lambda place: -evenness[place])[:_MAX_NAMING])
    naming = _search(points, layout, named_by, numbers[:: -(-len(numbers) // _MAX_NUMBERS)], deadline)
    return Grouping(naming, _told(points, naming, numbers, layout)) if naming else NO_GROUPS


def _search(
    points: Points, layout: Layout, named_by: list[int], searched: list[int], deadline: float
) -> tuple[int, ...]:
    """Return which of some columns together explain most of the numbers that are searched; () if none do."""
    ranks = [_ranks(points[:, place]) for place in searched]
    # What each set of columns explains, and the most that any smaller one in it does.
    explained: dict[tuple[int, ...], FloatArray] = {}
    best: tuple[int, ...] = ()
    most = 0.0
    for naming, smaller in _sets(named_by, explained):
        if time.monotonic() > deadline:
            break
        numbers, groups = _groups(points, naming, layout)
        if len(numbers) * _MIN_ROWS_OF_GROUP > len(groups):
            continue
        share = np.array([_explained(groups, own) for own in ranks])
        known = np.max([np.zeros(len(ranks)), *smaller], axis=0)
        explained[naming] = np.maximum(share, known)
        is_other = ~np.isin(searched, naming)
        gain, in_all = (share - known) * is_other, explained[naming][is_other].sum()
        if len(naming) > 1 and len(numbers) >= _MIN_GROUPS and gain.max() >= _MIN_GAIN and in_all > most:
            # Trees that ask about one column after another find what columns say each by itself, added up.
            of_each = [_groups(points, (place,), layout)[1] for place in naming]
            added = [_explained_by_sum(of_each, own) for own in ranks]
            if ((share - added) * is_other).max() >= _MIN_GAIN:
                best, most = naming, float(in_all)
    return best


def rows_of_groups(table: EncodedTable, layout: Layout) -> EncodedTable:
    """Return the rows in which groups are looked for and learned: all, but of long or wide tables."""
    n_rows = min(_MAX_ROWS, max(_MIN_ROWS, _MAX_CELLS // max(len(layout.coded), 1)))
    return table.take(np.arange(n_rows)) if n_rows < len(table) else table


def _told(points: Points, naming: tuple[int, ...], numbers: Sequence[int], layout: Layout) -> tuple[int, ...]:
    """Return of which numbers groups explain more than what fewer of the columns name that name them."""
    sizes = range(1, len(naming) + 1)
    of_sets = [_groups(points, part, layout)[1] for size in sizes for part in combinations(naming, size)]
    told = []
    for place in numbers:
        ranks = _ranks(points[:, place])
        *fewer, share = (_explained(groups, ranks) for groups in of_sets)
        if place not in naming and share - max(0.0, *fewer) >= _MIN_GAIN_OF_TOLD:
            told.append(place)
    return tuple(told)


def _sets(
    places: list[int], explained: dict[tuple[int, ...], FloatArray]
) -> Iterator[tuple[tuple[int, ...], list[FloatArray]]]:
    """Yield sets of columns, small ones first, with what smaller ones explain, where all that is known."""
    for size in range(1, _MAX_TOGETHER + 1):
        for naming in combinations(places, size):
            smaller = list(combinations(naming, size - 1)) if size > 1 else []
            if all(each in explained for each in smaller):
                yield naming, [explained[each] for each in smaller]


def _evenness(codes: Points) -> float:
    """Return the entropy of codes over the most that so many can have, 0 where these are few."""
    _, counts = np.unique(codes.astype(np.int64), return_counts=True)
    return float(entropy(counts) / np.log(len(counts))) if len(counts) >= _MIN_CODES else 0.0


def _numbers_of(points: Tensor, naming: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Return a number for each row, the same for rows of one group."""
    numbers = torch.zeros(len(points), dtype=torch.long, device=points.device)
    for place, size in zip(naming, sizes, strict=True):
        numbers = numbers * size + points[:, place].long().clamp(0, size - 1)
    return numbers


def _groups(points: Points, naming: Sequence[int], layout: Layout) -> tuple[IntArray, IntArray]:
    """Return the numbers of groups, rising, and which of these each row is in."""
    sizes = layout.sizes[layout.coded[list(naming)]].tolist()
    numbers = _numbers_of(torch.from_numpy(points), naming, sizes).numpy()
    return np.unique(numbers, return_inverse=True)


def _ranks(cells: Points) -> FloatArray:
    """Return where cells of a column stand among all of it, from -1/2 to 1/2 and 0 in the mean."""
    ranks: FloatArray = (rankdata(cells) - (len(cells) + 1) / 2) / len(cells)
    return ranks


def _explained(groups: IntArray, ranks: FloatArray) -> float:
    """Return the share of a column's variance that the mean of the others of each row's group explains.

    One row more of the mean rank, 0, is counted to each group, so that few rows say little.
    """
    sums, squares = np.bincount(groups, ranks), np.bincount(groups, np.square(ranks))
    share = 1 / np.bincount(groups)
    # To this add up the squares of ``ranks - (sums - ranks) / counts``.
    left = (1 + share) ** 2 * squares - (share + 2 * share**2) * np.square(sums)
    return float(1 - left.sum() / max(squares.sum(), 1e-12))


def _explained_by_sum(of_each: Sequence[IntArray], ranks: FloatArray) -> float:
    """Return the share of a column's variance that means of groups explain, of several kinds and added up."""
    means = np.column_stack([(np.bincount(own, ranks) / np.bincount(own))[own] for own in of_each])
    weights = np.linalg.lstsq(means, ranks)[0]
    return float(1 - np.square(ranks - means @ weights).sum() / max(np.square(ranks).sum(), 1e-12))


@dataclass(frozen=True)
class Halves:
    """What trees are told of groups while they grow: each half of the rows by the means of all but itself.

    By the mean of all others of its group a row would be told its own rank in disguise. Of one half, all rows
    of a group are told the same.

    Parameters
    ----------
    groups, ranks
        Of the rows, shapes ``(n_rows,)`` and ``(n_rows, n_told)``.
    counts, sums
        Of all rows that are known, shapes ``(n_groups,)`` and ``(n_groups, n_told)``.
    """

    groups: IntArray
    ranks: FloatArray
    counts: IntArray
    sums: FloatArray

    def means(self, first: IntArray) -> Points:
        """Return what rows are told, shape ``(n_rows, n_told)``, given the indices of one half."""
        is_first, n_groups = np.zeros(len(self.groups), dtype=bool), len(self.counts)
        is_first[first] = True
        told = np.empty(self.ranks.shape, dtype=np.float32)
        for half in (is_first, ~is_first):
            groups = self.groups[half]
            left = 1 + self.counts - np.bincount(groups, minlength=n_groups)
            for column, ranks in enumerate(self.ranks[half].T):
                sums = self.sums[:, column] - np.bincount(groups, ranks, n_groups)
                told[half, column] = (sums / left)[groups]
        return told


class GroupMeans(Learned):
    """What groups say: the mean rank of columns in each of them.

    Parameters
    ----------
    n_coded
        How many columns have codes.

    Attributes
    ----------
    naming, sizes
        Places of the columns that name a group, and how many codes these have; shape ``(n_naming,)``.
    told
        Places of the columns whose means are known, shape ``(n_told,)``.
    numbers
        Those of the groups, rising, shape ``(n_groups,)``.
    means
        Shape ``(n_groups, n_told)``.
    """

    misfit = "The groups do not fit the columns."

    naming: Tensor
    sizes: Tensor
    told: Tensor
    numbers: Tensor
    means: Tensor

    def __init__(self, n_coded: int) -> None:
        super().__init__()
        self.n_coded = n_coded
        none = np.empty(0, dtype=np.int64)
        self.hold(naming=none, sizes=none, told=none, numbers=none, means=np.empty((0, 0), np.float32))

    def learn(self, grouping: Grouping, points: Points, layout: Layout, rows: IntArray) -> Halves:
        """Learn the means of groups, and return what trees are told that grow from some rows.

        Parameters
        ----------
        grouping
            See there.
        points
            All rows that are known, shape ``(n_known, n_coded)``.
        layout
            The columns.
        rows
            Indices of those that trees grow from, shape ``(n_rows,)``.
        """
        naming, told = np.array(grouping.naming), np.array(grouping.told)
        numbers, groups = _groups(points, grouping.naming, layout)
        ranks = np.column_stack([_ranks(points[:, place]) for place in grouping.told])
        counts = np.bincount(groups)
        sums: FloatArray = np.column_stack([np.bincount(groups, column) for column in ranks.T])
        is_known = counts >= _MIN_ROWS_OF_GROUP
        means = (sums[is_known] / (1 + counts[is_known, None])).astype(np.float32)
        self.hold(naming=naming, sizes=layout.sizes[layout.coded[naming]], told=told)
        self.hold(numbers=numbers[is_known], means=means)
        return Halves(groups[rows], ranks[rows], counts, sums)

    def of(self, points: Tensor) -> Tensor:
        """Return the means of the groups of rows, 0 for unknown ones; shape ``(n_rows, n_told)``."""
        if not len(self.numbers):
            return points.new_zeros(len(points), len(self.told))
        number = _numbers_of(points, self.naming.tolist(), self.sizes.tolist())
        index = torch.searchsorted(self.numbers, number).clamp(max=len(self.numbers) - 1)
        return self.means[index] * (self.numbers[index] == number).unsqueeze(1)

    def is_sound(self) -> bool:
        """Whether rows can be looked up in the groups."""
        places = torch.cat([self.naming, self.told])
        return bool(
            self.naming.shape == self.sizes.shape
            and self.means.shape == (len(self.numbers), len(self.told))
            and ((places >= 0) & (places < self.n_coded)).all()
            and (self.sizes > 0).all()
            and (self.numbers.diff() > 0).all()
            and self.means.isfinite().all()
        )
