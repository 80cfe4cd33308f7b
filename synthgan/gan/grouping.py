"""Which columns are filled in together: codes of a table in, how much columns say of each other, a plan out.

Columns of one group are drawn in one round, independently given the columns of earlier rounds, so a group
loses what its columns say of each other. Groups are made of columns that have little to say. In the first
round latent classes draft some columns together, and what they do not explain is lost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import attrgetter
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthgan.layout import EncodedTable, FloatArray, IntArray, Layout

#: In how many rounds a row is drawn: so many, as few as lose little, or (None) one for each column.
Rounds = int | Literal["auto"] | None

#: Rows that are looked at, fewer where there are many pairs of columns.
_MAX_ROWS, _MAX_CELLS_OF_PAIRS = 20_000, 200_000_000
#: Rows that each code has in the mean, at least, of a column that is taken to determine another.
_MIN_ROWS_OF_CODE = 2
#: Information, in nats a row, that "auto" may lose.
_MAX_LOST = 0.15
#: What is taken for the information of a relation beyond codes: enough never to draw its columns together.
_OF_RELATION = 1.0


def counts_of_pairs(table: EncodedTable, layout: Layout, n_rows: int) -> Iterator[tuple[int, int, IntArray]]:
    """Yield each two columns of codes, and how often their codes stand together in about so many rows.

    The shape of the counts is ``(n_codes of the first, n_codes of the second)``.
    """
    codes = table.codes[:: max(1, len(table) // n_rows)].astype(np.int64)
    for first, second in combinations(layout.coded.tolist(), 2):
        shape = layout.sizes[[first, second]]
        pairs = codes[:, first] * shape[1] + codes[:, second]
        yield first, second, np.bincount(pairs, minlength=shape.prod()).reshape(shape)


@dataclass(frozen=True)
class Dependence:
    """What pairs of columns say of each other, in nats, and how much of it latent classes leave unsaid.

    Parameters
    ----------
    information, unexplained
        Shape ``(n_columns, n_columns)``.
    bound
        Columns that are a function of another one, or another one of them.
    """

    information: npt.NDArray[np.float32]
    unexplained: npt.NDArray[np.float32]
    bound: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls, table: EncodedTable, layout: Layout, shares: FloatArray, code_shares: FloatArray
    ) -> "Dependence":
        """Return the dependence of the columns of a table.

        Mutual information and divergence are from the shares of pairs of codes, less the excess that
        independent columns would show by chance [1]_. What a relation says is beyond codes.

        Parameters
        ----------
        table, layout
            Rows, and what they mean.
        shares, code_shares
            See `synthgan.gan.latent_classes.LatentClasses`.

        References
        ----------
        .. [1] Miller (1955). Note on the bias of information estimates. Information Theory in Psychology.
        """
        n_columns = len(layout)
        n_rows = min(len(table), _MAX_ROWS, max(200, _MAX_CELLS_OF_PAIRS // n_columns**2))
        matrices, bound = np.zeros((2, n_columns, n_columns), dtype=np.float32), set[int]()
        for first, second, counts in counts_of_pairs(table, layout, n_rows):
            weighted = (code_shares[:, layout.slice_of(first)] * shares[:, None]).T
            matrices[:, first, second] = _nats(counts, weighted @ code_shares[:, layout.slice_of(second)])
            if _is_function(counts):
                bound |= {first, second}
        for relation in layout.relations:
            first, second = sorted((relation.column, relation.partner))
            matrices[:, first, second] += _OF_RELATION
        information, unexplained = (matrix + matrix.T for matrix in matrices)
        return cls(information, unexplained, frozenset(bound))


def _is_function(counts: IntArray) -> bool:
    """Return whether one of two columns says all of the other, given how often pairs of codes are seen.

    Codes that hardly come twice would seem to say all of any column.
    """
    n_first, n_second = (np.count_nonzero(counts.any(axis)) for axis in (1, 0))
    n_most = max(n_first, n_second)
    is_told = np.count_nonzero(counts) == n_most and counts.sum() >= _MIN_ROWS_OF_CODE * n_most
    return bool(is_told and min(n_first, n_second) > 1)


def _nats(counts: IntArray, explained: FloatArray) -> tuple[float, float]:
    """Return what rows and columns of counts say of each other, and how much of it is not explained."""
    total = counts.sum()
    joint = counts / total
    seen = counts > 0
    apart = np.outer(joint.sum(1), joint.sum(0))
    n_rows, n_columns = np.count_nonzero(counts.any(1)), np.count_nonzero(counts.any(0))
    by_chance = (n_rows - 1) * (n_columns - 1) / (2 * total)
    shares = joint[seen]
    information, unexplained = (
        float((shares * np.log(shares / other[seen])).sum() - by_chance) for other in (apart, explained)
    )
    return max(0.0, information), max(0.0, unexplained)


@dataclass(frozen=True)
class Plan:
    """In which order the columns of a row are filled in.

    Parameters
    ----------
    drafted
        Columns that come from the latent classes, all at once.
    groups
        Columns that the generator draws, a group in each further round.
    lost
        What columns of one group, or drafted ones, say of each other that is not heeded, in nats.
    """

    drafted: list[int]
    groups: list[list[int]]
    lost: float


def plan(columns: Sequence[int], dependence: Dependence, n_rounds: int, given: Sequence[int] = ()) -> Plan:
    """Return the better of two plans: to draft half of the columns, or no more than are drawn in a round.

    The order of the columns counts: another order gives other groups.

    Parameters
    ----------
    columns
        What is to be filled in.
    dependence
        See `Dependence`.
    n_rounds
        In how many rounds, the draft among them.
    given
        Columns that are known: the generator heeds them, the draft only as far as classes explain them.
    """
    even, half = -(-len(columns) // n_rounds), -(-len(columns) // 2)
    n_drafted = {even, half} if n_rounds > 1 else {even}
    plans = (_with_draft_of(n, columns, dependence, n_rounds, given) for n in sorted(n_drafted))
    return min(plans, key=attrgetter("lost"))


def _with_draft_of(
    n_drafted: int, columns: Sequence[int], dependence: Dependence, n_rounds: int, given: Sequence[int]
) -> Plan:
    """Return groups of about equal size, each column where it costs least beside those before it."""
    drawn = -(-(len(columns) - n_drafted) // max(n_rounds - 1, 1))
    sizes = np.array([n_drafted] + [drawn] * (n_rounds - 1))
    groups: list[list[int]] = [[] for _ in sizes]
    counts = np.zeros(len(sizes), dtype=np.int64)
    # What each column and the members of each group say of each other.
    told = np.zeros((len(sizes), len(dependence.information)))
    told[0] = dependence.unexplained[list(given)].sum(0)
    lost = 0.0
    for column in columns:
        costs = np.where(counts < sizes, told[:, column], np.inf)
        cost = float(costs.min())
        index = int(np.where(costs == cost, counts / np.maximum(sizes, 1), np.inf).argmin())
        groups[index].append(column)
        counts[index] += 1
        told[index] += (dependence.information if index else dependence.unexplained)[column]
        lost += cost
    return Plan(groups[0], [members for members in groups[1:] if members], lost)


def enough_rounds(columns: Sequence[int], dependence: Dependence, given: Sequence[int] = ()) -> int:
    """Return in how few rounds little is lost; as many as columns where that takes one for each."""
    weights = dependence.information[:, columns].sum(1)
    by_weight = sorted(columns, key=lambda column: (-weights[column], column))
    too_few, enough = 0, 1
    # Less is lost in more rounds, all but: doubling and halving finds where it becomes little.
    while enough < len(columns) and plan(by_weight, dependence, enough, given).lost > _MAX_LOST:
        too_few, enough = enough, 2 * enough
    enough = min(enough, max(len(columns), 1))
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        is_enough = plan(by_weight, dependence, middle, given).lost <= _MAX_LOST
        too_few, enough = (too_few, middle) if is_enough else (middle, enough)
    return enough
