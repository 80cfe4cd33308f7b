"""Groups that several columns name only together, as year, month and day name a day: rows in, means out.

Trees that ask about one column after another do not find one such group among thousands. What a column is in
the mean of a row's group says in one number what the group says of it [1]_; where trees are grown, the row
itself is left out of that.

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
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import entropy, rankdata
from torch import Tensor, nn

from synthgan.layout import FloatArray, IntArray, Layout

#: Columns that may name groups, and how many do so together at most. What names things has its codes about
#: equally often, so that those are looked at of which that is the truest; and more than two of them.
_MAX_NAMING, _MAX_TOGETHER, _MIN_CODES = 8, 4, 3
#: Groups at least, fewer of which trees find by themselves, and rows of each in the mean, at least.
_MIN_GROUPS, _MIN_ROWS_OF_GROUP = 100, 3
#: Of smaller tables chance makes groups look as if they said something. No more rows than these are looked
#: at, though groups are smaller where only some rows are.
_MIN_ROWS, _MAX_ROWS = 1_000, 500_000
#: Share of a column's variance that a group has to explain beyond what fewer columns do: of one column at
#: least, and of all columns that are drawn from it.
_MIN_GAIN, _MIN_GAIN_OF_TOLD = 0.2, 0.02

#: What groups are made of, and how it is stored; see `GroupMeans`.
_OF_GROUPS = {
    "naming": torch.int64,
    "sizes": torch.int64,
    "told": torch.int64,
    "numbers": torch.int64,
    "means": torch.float32,
}

Points = npt.NDArray[np.float32]


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
    points: Points, layout: Layout, *, excluded: Collection[int] = (), max_time: float | None = None
) -> Grouping:
    """Return the columns that together explain most of others beyond what fewer of them do.

    Explained is what the mean of all other rows of a group says of a row, on the scale of ranks.

    Parameters
    ----------
    points
        See `synthgan.gan.balancing.points_of`.
    layout
        The columns.
    excluded
        Indices of columns that take no part.
    max_time
        Seconds after which no further columns are looked at.
    """
    deadline = time.monotonic() + (math.inf if max_time is None else max_time)
    free = [(place, int(column)) for place, column in enumerate(layout.coded) if column not in excluded]
    evenness = {
        place: _evenness(points[:, place]) for place, column in free if column not in layout.place_index
    }
    named_by = sorted(evenness, key=lambda place: -evenness[place])[:_MAX_NAMING]
    numbers = [place for place, column in free if layout.spans[column].is_ordered]
    if len(points) < _MIN_ROWS or len(named_by) < 2 or not numbers:
        return NO_GROUPS
    points = points[:_MAX_ROWS]
    ranks = _ranks(points[:, numbers])
    # What each set of columns explains, and the most that any smaller one in it does.
    explained: dict[tuple[int, ...], FloatArray] = {}
    best, most = NO_GROUPS, 0.0
    for naming, smaller in _sets(sorted(named_by), explained):
        if time.monotonic() > deadline:
            break
        _, groups = np.unique(_numbers_of(points, naming, _sizes_of(naming, layout)), return_inverse=True)
        n_groups = int(groups.max()) + 1
        if n_groups * _MIN_ROWS_OF_GROUP > len(groups):
            continue
        share, known = _explained(groups, ranks), np.max([np.zeros(len(numbers)), *smaller], axis=0)
        explained[naming] = np.maximum(share, known)
        is_other = ~np.isin(numbers, naming)
        gain, in_all = (share - known) * is_other, explained[naming][is_other].sum()
        if len(naming) > 1 and n_groups >= _MIN_GROUPS and gain.max() >= _MIN_GAIN and in_all > most:
            told = np.array(numbers)[gain >= _MIN_GAIN_OF_TOLD]
            best, most = Grouping(naming, tuple(told.tolist())), float(in_all)
    return best


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
    counts = np.unique_counts(codes.astype(np.int64)).counts
    return float(entropy(counts) / np.log(len(counts))) if len(counts) >= _MIN_CODES else 0.0


def _sizes_of(places: Sequence[int], layout: Layout) -> list[int]:
    """Return how many codes some coded columns have."""
    sizes: list[int] = layout.sizes[layout.coded[list(places)]].tolist()
    return sizes


def _numbers_of(points: Points, naming: Sequence[int], sizes: Sequence[int]) -> IntArray:
    """Return a number for each row, the same for rows of one group."""
    numbers = np.zeros(len(points), dtype=np.int64)
    for place, size in zip(naming, sizes, strict=True):
        numbers = numbers * size + points[:, place].astype(np.int64).clip(0, size - 1)
    return numbers


def _ranks(points: Points) -> FloatArray:
    """Return where cells stand among those of their column, from -1/2 to 1/2 and 0 in the mean."""
    ranks: FloatArray = (rankdata(points, axis=0) - (len(points) + 1) / 2) / len(points)
    return ranks


def _sums(groups: IntArray, numbers: FloatArray) -> FloatArray:
    """Return the sum over each group of each column, shape ``(n_groups, n_columns)``."""
    return np.column_stack([np.bincount(groups, column) for column in numbers.T])


def _explained(groups: IntArray, ranks: FloatArray) -> FloatArray:
    """Return the share of each column's variance that the means of a row's group without the row explain."""
    sums, squares = _sums(groups, ranks), _sums(groups, np.square(ranks))
    share = 1 / np.bincount(groups)[:, None]
    # To this add up the squares of what `_means_of_others` leaves.
    left = ((1 + share) ** 2 * squares - (share + 2 * share**2) * np.square(sums)).sum(0)
    explained: FloatArray = 1 - left / np.maximum(squares.sum(0), 1e-12)
    return explained


def _means_of_others(sums: FloatArray, counts: IntArray, ranks: FloatArray) -> FloatArray:
    """Return the mean rank in each row's group without the row, and with one row more of the mean rank, 0."""
    means: FloatArray = (sums - ranks) / counts[:, None]
    return means


class GroupMeans(nn.Module):
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

    naming: Tensor
    sizes: Tensor
    told: Tensor
    numbers: Tensor
    means: Tensor

    def __init__(self, n_coded: int) -> None:
        super().__init__()
        self.n_coded = n_coded
        for name, dtype in _OF_GROUPS.items():
            self.register_buffer(name, torch.zeros((0, 0) if name == "means" else 0, dtype=dtype))

    @property
    def n_told(self) -> int:
        """Of how many columns the means are known."""
        return len(self.told)

    def learn(self, grouping: Grouping, points: Points, layout: Layout) -> FloatArray:
        """Learn the means of the groups of some rows, and return those of the other rows of each row's group.

        Parameters
        ----------
        grouping
            See there.
        points
            The rows, shape ``(n_rows, n_coded)``.
        layout
            The columns.

        Returns
        -------
        means
            Shape ``(n_rows, n_told)``.
        """
        sizes = _sizes_of(grouping.naming, layout)
        ranks = _ranks(points[:, list(grouping.told)])
        numbers, groups = np.unique(_numbers_of(points, grouping.naming, sizes), return_inverse=True)
        counts = np.bincount(groups)
        sums = _sums(groups, ranks)
        known = (grouping.naming, sizes, grouping.told, numbers, sums / (counts[:, None] + 1))
        for (name, dtype), own in zip(_OF_GROUPS.items(), known, strict=True):
            self.register_buffer(name, torch.as_tensor(np.asarray(own), dtype=dtype).to(self.means.device))
        return _means_of_others(sums[groups], counts[groups], ranks)

    def of(self, points: Tensor) -> Tensor:
        """Return the means of the groups of rows, 0 for unknown ones; shape ``(n_rows, n_told)``."""
        if not self.n_told:
            return points[:, :0]
        number = torch.zeros(len(points), dtype=torch.long, device=points.device)
        for place, size in zip(self.naming.tolist(), self.sizes.tolist(), strict=True):
            number = number * size + points[:, place].long().clamp(0, size - 1)
        index = torch.searchsorted(self.numbers, number).clamp(max=len(self.numbers) - 1)
        return self.means[index] * (self.numbers[index] == number).unsqueeze(1)

    def make_room(self, state: dict[str, Tensor], prefix: str) -> None:
        """Make room for as many groups as a state has."""
        for name in _OF_GROUPS:
            if prefix + name in state:
                self.register_buffer(name, getattr(self, name).new_empty(state[prefix + name].shape))

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *arguments: Any) -> None:
        """Load as many groups as there are."""
        self.make_room(state, prefix)
        super()._load_from_state_dict(state, prefix, *arguments)
        if not self._is_sound():
            *_, errors = arguments
            errors.append("The groups do not fit the columns.")

    def _is_sound(self) -> bool:
        """Whether rows can be looked up in the groups."""
        places = torch.cat([self.naming, self.told])
        return bool(
            self.naming.shape == self.sizes.shape
            and self.means.shape == (len(self.numbers), len(self.told))
            and (len(self.numbers) > 0) == (len(self.told) > 0)
            and ((places >= 0) & (places < self.n_coded)).all()
            and (self.sizes > 0).all()
            and (self.numbers.diff() > 0).all()
            and self.means.isfinite().all()
        )
