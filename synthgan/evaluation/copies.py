"""Whether drawn rows are copies of learned ones: rows of three tables come in, three estimates go out.

Nothing here compares with a number that is right for all tables. Learned and held-out rows are of one kind;
which of them the sampler was given is the only difference. So whatever the sampler draws, if it copies nobody
each figure would be as likely with the two names exchanged. Its mean over such exchanges is known: 0 for a
difference, 1/2 for a share. A figure above it comes from learned rows being among the drawn ones.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from synthgan.evaluation.distances import IntArray, Neighbours, Rows, neighbours
from synthgan.evaluation.estimates import LEVEL, Estimate, FloatArray

BoolArray = npt.NDArray[np.bool_]
#: A row is a near copy of the nearest real one if the next real one is more than so many times as far.
_TIMES_NEARER = 4.0
#: Nearest real rows of a drawn one that are looked at. Where none of them is held out, what lies further
#: hardly matters if one real row in ten is held out, and is accounted for by symmetry in any case.
_N_NEIGHBOURS = 32
#: How often the names of learned and held-out rows are exchanged.
_N_EXCHANGES = 1000


class Copies(NamedTuple):
    """What of drawn rows lies closer to learned rows than chance does.

    Attributes
    ----------
    exact
        Share of the drawn rows that equal a learned row, less what held-out rows say that chance gives.
    near
        Share of the drawn rows that are near copies of a learned row, less what chance gives.
    closer
        Share of the drawn rows that are closer to a learned row than to as many held-out ones.
    """

    exact: Estimate
    near: Estimate
    closer: Estimate


class Pool:
    """Learned and held-out rows in one, and the neighbours there of drawn rows.

    They are in random order, which chooses among rows that are equally near.
    """

    def __init__(self, learned: Rows, held_out: Rows, rng: np.random.Generator) -> None:
        self.order: IntArray = rng.permutation(len(learned) + len(held_out))
        self.rows = learned.then(held_out).take(self.order)
        self.is_held_out = self.order >= len(learned)

    def neighbours(self, drawn: Rows) -> Neighbours:
        """Return the real rows that are nearest to drawn rows."""
        return neighbours(drawn.points, self.rows.points, _N_NEIGHBOURS)


def copies(pool: Pool, drawn: Rows, found: Neighbours, rng: np.random.Generator) -> Copies:
    """Return how many drawn rows are copies of learned ones beyond chance, given their neighbours."""
    is_held_out, n_drawn = pool.is_held_out, len(drawn)
    return Copies(
        excess(exact_copies(pool.rows.keys, drawn.keys), is_held_out, n_drawn),
        excess(near_copies(found, len(pool.rows)), is_held_out, n_drawn),
        share_closer(found, is_held_out, rng),
    )


def exact_copies(keys: IntArray, drawn_keys: IntArray) -> FloatArray:
    """Return how many drawn rows equal each real row, shape ``(n_real,)``.

    A drawn row that equals several real ones counts as a part of a copy of each.
    """
    n_keys = int(max(keys.max(), drawn_keys.max())) + 1
    n_real, n_drawn = (np.bincount(part, minlength=n_keys) for part in (keys, drawn_keys))
    return np.asarray(n_drawn[keys] / n_real[keys], dtype=float)


def near_copies(found: Neighbours, n_real: int) -> FloatArray:
    """Return how many drawn rows are near copies of each real row, shape ``(n_real,)``.

    A near copy lies much nearer to one real row than to all others [1]_. A row of which there are several, or
    that lies in a crowd, cannot have any.

    References
    ----------
    .. [1] Lowe (2004). Distinctive Image Features from Scale-Invariant Keypoints. IJCV 60, section 7.1: the
       ratio of the distances to the nearest and the next neighbour.
    """
    nearest, next_one = found.distances[:, 0], found.distances[:, 1]
    is_copy = _TIMES_NEARER * nearest < next_one
    return np.bincount(found.indices[is_copy, 0], minlength=n_real).astype(float)


def excess(n_copies: FloatArray, is_held_out: BoolArray, n_drawn: int) -> Estimate:
    """Return the share of drawn rows that are copies of learned rows, less what chance gives.

    If nothing is copied, a held-out row has as many copies as a learned one on average. So the copies of
    held-out rows, times the learned rows for each of them, is what chance gives. The interval is that of the
    difference of two counts [1]_ whose own intervals are those of Poisson's law [2]_, stretched where copies
    heap on few rows as much as variance exceeds mean.

    Parameters
    ----------
    n_copies
        How many copies each real row has, shape ``(n_real,)``.
    is_held_out
        Which real rows are held out, shape ``(n_real,)``.
    n_drawn
        How many rows were drawn.

    Returns
    -------
    Estimate
        Its interval holds 0 as often as `LEVEL` if nothing is copied; where copies are rare, more often.

    References
    ----------
    .. [1] Zou, Donner (2008). Construction of Confidence Limits about Effect Measures. Statistics in
       Medicine 27: the method of variance estimates recovery.
    .. [2] Garwood (1936). Fiducial Limits for the Poisson Distribution. Biometrika 28.
    """
    times = np.count_nonzero(~is_held_out) / np.count_nonzero(is_held_out)
    learned, held_out = float(n_copies[~is_held_out].sum()), float(n_copies[is_held_out].sum())
    stretch = float(n_copies.var() / n_copies.mean()) if n_copies.any() else 1.0
    low, high = _count_between(learned, stretch)
    other_low, other_high = _count_between(held_out, stretch)
    value = learned - times * held_out
    below = np.hypot(learned - low, times * (other_high - held_out))
    above = np.hypot(high - learned, times * (held_out - other_low))
    return Estimate(value / n_drawn, float(value - below) / n_drawn, float(value + above) / n_drawn, LEVEL)


def _count_between(count: float, stretch: float) -> tuple[float, float]:
    """Return the interval of the mean of a count whose variance is so many times its mean."""
    if stretch <= 0:
        return count, count
    low = stats.chi2.ppf((1 - LEVEL) / 2, 2 * count / stretch) if count else 0.0
    high = stats.chi2.ppf((1 + LEVEL) / 2, 2 * count / stretch + 2)
    return float(stretch * low / 2), float(stretch * high / 2)


def share_closer(found: Neighbours, is_held_out: BoolArray, rng: np.random.Generator) -> Estimate:
    """Return the share of drawn rows that are closer to a learned row than to a held-out one.

    If the learned rows are more, then this is the mean over all choices of as many as are held out. The
    interval is as wide as the share varies when the names of learned and held-out rows are exchanged.

    Parameters
    ----------
    found
        Neighbours of drawn rows among real ones; those that are equally near in an order that says nothing.
    is_held_out
        Which real rows are held out, shape ``(n_real,)``; not more than are learned.
    rng
        Source of the exchanges.

    Returns
    -------
    Estimate
        Its interval holds 1/2 as often as `LEVEL` if nothing is copied.
    """
    shares = _closer_by_rank(is_held_out, found.indices.shape[1])
    value = _closer(found.indices, is_held_out, shares)
    exchanged = [_closer(found.indices, rng.permutation(is_held_out), shares) for _ in range(_N_EXCHANGES)]
    low, high = np.quantile(exchanged, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - 0.5
    return Estimate(value, max(0.0, value - float(high)), min(1.0, value - float(low)), LEVEL)


def _closer_by_rank(is_held_out: BoolArray, n_neighbours: int) -> FloatArray:
    """Return how likely one of some learned rows is closer than all held-out ones, as many as these are.

    It is known by how many learned rows are closer at all, from 0 to `n_neighbours`: the chance that one of
    them is chosen. With none held out among all neighbours it is that of a chosen one among them, and beyond
    them as likely as not.
    """
    n_held_out = np.count_nonzero(is_held_out)
    n_learned = len(is_held_out) - n_held_out
    left = np.maximum(n_learned - np.arange(n_neighbours), 1)
    none = np.cumprod(np.maximum(left - n_held_out, 0) / left)
    shares = 1 - np.concatenate([[1.0], none])
    shares[-1] = (1 + shares[-1]) / 2
    return np.asarray(shares)


def _closer(indices: IntArray, is_held_out: BoolArray, shares: FloatArray) -> float:
    """Return the mean share of drawn rows, by the first of their neighbours that is held out."""
    is_other = is_held_out[indices]
    first = np.where(is_other.any(1), is_other.argmax(1), indices.shape[1])
    return float(shares[first].mean())
