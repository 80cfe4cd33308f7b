"""Whether drawn rows tell who was learned: rows of three tables come in, what attacks on them reach goes out.

An attacker who has the drawn rows and a record asks whether the sampler has learned this record. Each attack
gives records a score, the higher the likelier. Records that were learned are the members, held-out ones the
others.
If nothing can be told, the scores of both have the same distribution.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier

from synthgan.evaluation.distances import Rows, neighbours
from synthgan.evaluation.estimates import LEVEL, Estimate, FloatArray, bootstrap
from synthgan.evaluation.learners import on_one_thread

#: The share of false alarms at which an attacker is caught who cries "member" too often.
FALSE_ALARMS = 0.01
#: Records of each kind that are attacked, and drawn rows that the attacker learns from with trees.
_MAX_RECORDS, _MAX_LEARNED_FROM = 5_000, 10_000
#: How often records are redrawn.
_N_DRAWS = 1000


class Attack(NamedTuple):
    """What an attack reaches.

    Attributes
    ----------
    name
        Of the attack.
    auc
        Chance that a member has a higher score than another record, 0.5 if nothing can be told.
    caught
        Share of the members that are recognised while `FALSE_ALARMS` of the others are taken for members.
    expected
        That share if nothing can be told: `FALSE_ALARMS` or about that, more if the others are few.
    null
        The AUC with one half of the other records in the place of the members, of whom nothing can be told.
    """

    name: str
    auc: Estimate
    caught: Estimate
    expected: float
    null: Estimate


def attacks(
    learned: Rows, held_out: Rows, drawn: Rows, rng: np.random.Generator, level: float = LEVEL
) -> list[Attack]:
    """Return what three attacks reach: by the nearest drawn row, by density [1]_ and by trees [2]_.

    The attacker is given one half of the held-out rows to know what rows look like that were not learned. The
    other half is attacked.

    Parameters
    ----------
    learned, held_out, drawn
        Rows in random order. Of learned and held-out ones the first 5,000 are attacked.
    rng
        Source of redrawn records and of trees.
    level
        How often each interval is to hold what chance gives if nothing can be told.

    References
    ----------
    .. [1] van Breugel, Sun, Qian, van der Schaar (2023). Membership Inference Attacks against Synthetic Data
       through Overfitting Detection. AISTATS.
    .. [2] Hayes, Melis, Danezis, De Cristofaro (2019). LOGAN: Membership Inference Attacks against Generative
       Models. PoPETs.
    """
    half = len(held_out) // 2
    known, others = held_out.take(slice(half)), held_out.take(slice(half, half + _MAX_RECORDS))
    members = learned.take(slice(_MAX_RECORDS))
    records = members.then(others)
    near = nearness(records, drawn)
    scores = {
        "nearest row": near,
        "density": density_ratio(near, nearness(records, known)),
        "trees": looks_drawn(records, drawn, known, rng),
    }
    n = len(members)
    return [judged(name, own[:n], own[n:], rng, level) for name, own in scores.items()]


def nearness(records: Rows, rows: Rows) -> FloatArray:
    """Return less the distance of each record to the nearest of some rows."""
    return -neighbours(records.points, rows.points).distances[:, 0]


def density_ratio(near_drawn: FloatArray, near_known: FloatArray) -> FloatArray:
    """Return how much denser drawn rows lie about records than rows that were not learned, from 0 to 1.

    The density at a record is taken from the distance to the nearest row [1]_, which falls with it. Thus the
    ratio of densities rises with that of distances, here as a part of their sum. See `nearness`.

    References
    ----------
    .. [1] Loftsgaarden, Quesenberry (1965). A Nonparametric Estimate of a Multivariate Density Function.
       Annals of Mathematical Statistics 36.
    """
    total = near_drawn + near_known
    is_far = total != 0
    ratio = np.full(len(total), 0.5)
    ratio[is_far] = near_known[is_far] / total[is_far]
    return ratio


@on_one_thread
def looks_drawn(records: Rows, drawn: Rows, known: Rows, rng: np.random.Generator) -> FloatArray:
    """Return how likely records are drawn rather than known, as trees say that were grown from such rows."""
    some = drawn.take(slice(_MAX_LEARNED_FROM))
    is_drawn = np.repeat([True, False], [len(some), len(known)])
    trees = HistGradientBoostingClassifier(
        early_stopping=False, class_weight="balanced", random_state=int(rng.integers(2**31))
    )
    numbers = some.then(known).numbers
    is_empty = np.isnan(numbers).all(0)  # trees of scikit-learn do not take a column without numbers
    trees.fit(np.where(is_empty, 0.0, numbers), is_drawn)
    return np.asarray(trees.predict_proba(np.where(is_empty, 0.0, records.numbers))[:, 1], dtype=float)


def judged(
    name: str, members: FloatArray, others: FloatArray, rng: np.random.Generator, level: float = LEVEL
) -> Attack:
    """Return what an attack reaches that gave members and others these scores."""
    half, rank = len(others) // 2, _rank(len(others))

    def redrawn(figure: Callable[..., float], *samples: FloatArray) -> Estimate:
        return bootstrap(figure, *samples, rng=rng, n_draws=_N_DRAWS, level=level)

    caught = redrawn(share_caught, members, others)
    return Attack(
        name,
        redrawn(auc, members, others),
        _widened(caught, len(members), len(others), rank),
        (rank + 1) / (len(others) + 1),
        redrawn(auc, others[:half], others[half:]),
    )


def auc(members: FloatArray, others: FloatArray) -> float:
    """Return how often a member has a higher score than another record; ties count half."""
    in_order = np.sort(others)
    below = np.searchsorted(in_order, members, "left") + np.searchsorted(in_order, members, "right")
    return float(below.mean() / (2 * len(others)))


def share_caught(members: FloatArray, others: FloatArray) -> float:
    """Return the share of members with a higher score than all others but as few as may be false alarms."""
    place = len(others) - 1 - _rank(len(others))
    return float((members > np.partition(others, place)[place]).mean())


def _rank(n_others: int) -> int:
    """Return how many others lie above the limit for members, so that `FALSE_ALARMS` of all do on average."""
    return max(0, int(FALSE_ALARMS * (n_others + 1) + 1e-9) - 1)


def _widened(caught: Estimate, n_members: int, n_others: int, rank: int) -> Estimate:
    """Return the estimate with an interval at least as wide as the share varies if nothing can be told.

    The bootstrap knows little of the tail that the limit lies in. How many members exceed one of the highest
    scores of others has the same distribution for all scores [1]_ that come from one distribution.

    References
    ----------
    .. [1] Gumbel, von Schelling (1950). The Distribution of the Number of Exceedances. Annals of Mathematical
       Statistics 21.
    """
    exceed = stats.betabinom(n_members, rank + 1, n_others - rank)
    low, high = exceed.ppf([(1 - caught.level) / 2, (1 + caught.level) / 2]) / n_members
    expected = (rank + 1) / (n_others + 1)
    return Estimate(
        caught.value,
        max(0.0, min(caught.low, caught.value + expected - float(high))),
        min(1.0, max(caught.high, caught.value + expected - float(low))),
        caught.level,
    )
