"""Whether drawn rows are copies of learned ones: three encoded tables in, a share out.

A generator that has learned the table and not its rows draws rows that are no nearer to the learned ones than
rows are that it has never seen.
"""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from synthgan.exceptions import CopyingWarning
from synthgan.gan.balancing import points_of
from synthgan.layout import EncodedTable, Layout

#: Drawn rows, and held-out ones, that are looked at.
_MAX_ROWS = 300
#: Differences of cells that are looked at, at most. Where they do not reach all learned rows, copies of the
#: others are missed; a table of so many is seldom copied.
_MAX_DIFFERENCES = 600_000_000
#: Distances that are kept at a time.
_MAX_DISTANCES = 2**22
#: Further apart than any two cells of a number line.
_FAR = 10.0
#: Share of drawn rows that may come nearer to learned rows than held-out ones do, beside chance.
_MOST_COPIED = 0.6
#: What chance may account for, in standard errors.
_STANDARD_ERRORS = 3.0


class Nearness(NamedTuple):
    """How often drawn rows come nearer to learned rows than held-out rows do.

    Attributes
    ----------
    share
        0.5 where nothing is copied, 1 where everything is.
    margin
        By how much it may be off by chance.
    """

    share: float
    margin: float

    @property
    def at_least(self) -> float:
        """The share without what chance may account for."""
        return self.share - self.margin

    @property
    def is_copying(self) -> bool:
        """Whether more is copied than can be excused."""
        return self.at_least > _MOST_COPIED

    def warn(self, n_rows: int) -> None:
        """Warn whoever fits a model of so many rows that it copies them."""
        warnings.warn(
            f"A drawn row comes nearer to a learned row than a held-out row does in {self.share:.0%} of "
            f"cases, where 50% would be no copying: {n_rows} rows are too few to learn without. Do not give "
            "rows of this model away as if they were nobody's; more rows or fewer columns help.",
            CopyingWarning,
            stacklevel=5,  # from here to whoever calls fit
        )

    def as_losses(self) -> dict[str, float]:
        """Return what a history keeps of it."""
        return {"copied": self.share, "copied_at_least": self.at_least}


def nearness(drawn: EncodedTable, learned: EncodedTable, held_out: EncodedTable, layout: Layout) -> Nearness:
    """Return how near drawn rows come to learned rows, beside held-out ones.

    The distance of two rows is the sum over columns of the difference in rank, from 0 to 1, on a number line,
    and of 1 where levels differ or one cell is missing. The share is the Mann-Whitney statistic [1]_ of the
    distances to the nearest learned row; ties count half.

    References
    ----------
    .. [1] Mann, Whitney (1947). On a Test of Whether one of Two Random Variables is Stochastically Larger
       than the Other. Annals of Mathematical Statistics 18.
    """
    drawn, held_out = (rows.take(np.arange(min(len(rows), _MAX_ROWS))) for rows in (drawn, held_out))
    n_learned = _MAX_DIFFERENCES // ((len(drawn) + len(held_out)) * max(len(layout.coded), 1))
    some = learned.take(np.arange(min(len(learned), n_learned)))
    own, other = (_nearest(rows, some, layout) for rows in (drawn, held_out))
    nearer = (own[:, None] < other).double() + (own[:, None] == other).double() / 2
    error = ((1 / len(drawn) + 1 / len(held_out)) / 12) ** 0.5
    return Nearness(nearer.mean().item(), _STANDARD_ERRORS * error)


def _nearest(rows: EncodedTable, others: EncodedTable, layout: Layout) -> Tensor:
    """Return the distance of each row to the nearest of others, shape ``(n_rows,)``."""
    here, nearest = _ranks(rows, layout), torch.full((len(rows),), torch.inf)
    for there in torch.split(_ranks(others, layout), max(1, _MAX_DISTANCES // len(here))):
        distances = torch.zeros(len(here), len(there))
        for column in range(here.shape[1]):
            apart = here[:, column, None] - there[None, :, column]
            distances += apart.abs_().clamp_(max=1.0)
        nearest = torch.minimum(nearest, distances.amin(1))
    return nearest


def _ranks(table: EncodedTable, layout: Layout) -> Tensor:
    """Return where cells stand: from 0 to 1 on a number line, other codes far from each other."""
    points = points_of(table, layout)
    for index, column in enumerate(layout.coded):
        span, codes = layout.spans[column], table.codes[:, column]
        middles = _FAR * (1.0 + np.arange(span.n_codes))
        ordered = [code for code, position in enumerate(span.positions) if position is not None]
        middles[ordered] = [(position + 1) / 2 for position in span.positions if position is not None]
        ends = np.concatenate([middles[ordered[:1]], middles[ordered], middles[ordered[-1:]]])
        low, high = middles.copy(), middles.copy()
        if span.n_places > 1:
            low[ordered], high[ordered] = (ends[:-2] + ends[1:-1]) / 2, (ends[1:-1] + ends[2:]) / 2
        inside = points[:, index] - codes
        has_place = np.isin(codes, span.place_codes)
        points[:, index] = np.where(has_place, low[codes] + inside * (high - low)[codes], middles[codes])
    return torch.from_numpy(points)
