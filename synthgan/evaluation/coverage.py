"""Where drawn rows lie among real ones: two tables in, alpha-precision and beta-recall out."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from synthgan.evaluation.estimates import FloatArray
from synthgan.evaluation.similarity import comparable
from synthgan.evaluation.tables import Coding
from synthgan.exceptions import DataError

#: Rows of each table that are looked at; the work grows with their square.
MAX_ROWS = 5_000
#: Shares at which the curves are taken.
_N_STEPS = 30
#: Squared distances that differ by no more are equal; they are computed with an error below that.
_TIE = 1e-10


class Coverage(NamedTuple):
    """Where drawn rows lie among real ones.

    Attributes
    ----------
    alpha_precision
        1 where drawn rows lie as far from the centre of the real ones as these do themselves.
    beta_recall
        About 0.5 for other real rows, 0 where no real row has a drawn one near, and 1 for copies.
    """

    alpha_precision: float
    beta_recall: float


def coverage(real: Any, drawn: Any, *, rng: np.random.Generator, max_rows: int = MAX_ROWS) -> Coverage:
    """Return alpha-precision and beta-recall [1]_ in the space of the cells, without a learned embedding.

    Parameters
    ----------
    real, drawn
        Tables of the same columns, of any form. Equally many rows of both are looked at.
    rng
        Source of what rows are taken where there are more.
    max_rows
        How many, at most.

    Returns
    -------
    Coverage
        Both figures.

    Raises
    ------
    DataError
        If the tables do not have the same columns, or fewer than two rows.

    Notes
    -----
    Numbers run from 0 to 1 between the ends of the real rows, levels are one-hot, and distances are
    Euclidean; a missing number lies at the median, and whether it is missing is a coordinate. With ``a_k`` in
    30 steps from 0 to 1 and ``r_k`` the quantile ``a_k`` of the distances of real rows from their centre,
    alpha-precision is ``1 - sum_k |a_k - P(drawn within r_k)| / sum_k a_k``. For beta-recall the probability
    is that of real rows whose nearest drawn row is no farther than the nearest other real row, and lies
    within the quantile ``a_k`` of the distances of all such nearest rows from the centre of the drawn ones.

    Other real rows are as often nearer as farther than the rest of the real ones, so that **the best
    beta-recall is 0.5**, or a little more where rows are alike; clearly above that drawn rows are copies.

    References
    ----------
    .. [1] Alaa, van Breugel, Saveliev, van der Schaar (2022). How Faithful is your Synthetic Data? ICML.
    """
    real, drawn = comparable(real, drawn)
    n_rows = min(len(real), len(drawn), max_rows)
    if n_rows < 2:
        raise DataError(
            "Alpha-precision and beta-recall need at least two rows of each table; one has fewer."
        )
    real, drawn = (part.iloc[np.sort(rng.permutation(len(part))[:n_rows])] for part in (real, drawn))
    inner, others = _points(real, drawn)
    return Coverage(_alpha_precision(inner, others), _beta_recall(inner, others))


def _points(real: pd.DataFrame, drawn: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Return rows as points, in which the real ones lie between 0 and 1."""
    coding = Coding.of(real)
    # A table of levels that are all missing has no coordinates; its rows lie in one place.
    inner, others = (np.pad(coding.points(part), ((0, 0), (0, 1))) for part in (real, drawn))
    low, width = inner.min(axis=0), np.ptp(inner, axis=0)
    width[width == 0] = 1.0
    return (inner - low) / width, (others - low) / width


def _alpha_precision(real: FloatArray, drawn: FloatArray) -> float:
    centre, steps = real.mean(axis=0), np.linspace(0, 1, _N_STEPS)
    inner, outer = (np.linalg.norm(points - centre, axis=1) for points in (real, drawn))
    within = outer[:, None] <= np.quantile(inner, steps)
    return _area(steps, within.mean(axis=0))


def _beta_recall(real: FloatArray, drawn: FloatArray) -> float:
    steps = np.linspace(0, 1, _N_STEPS)
    # Brute force is done in blocks, and asking for no rows leaves each row out of its own neighbours.
    to_real = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(real).kneighbors()[0][:, 0]
    to_drawn, nearest = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(drawn).kneighbors(real)
    is_near = to_drawn[:, 0] ** 2 <= to_real**2 + _TIE
    depths = np.linalg.norm(drawn - drawn.mean(axis=0), axis=1)[nearest[:, 0]]
    covered = is_near[:, None] & (depths[:, None] <= np.quantile(depths, steps))
    return _area(steps, covered.mean(axis=0))


def _area(steps: FloatArray, shares: FloatArray) -> float:
    """Return 1 where each share is what it should be, less as they are off."""
    return float(1 - np.abs(steps - shares).sum() / steps.sum())
