"""Is one way better than another? Paired differences come in, intervals and probabilities go out.

Scores of cross-validation share rows, so they vary less from fold to fold than from table to table, and the
ordinary t interval is too short. The tests here are corrected for that.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from synthgan.evaluation.estimates import LEVEL, Estimate, FloatArray
from synthgan.exceptions import DataError

#: Scores that differ by less are the same but for rounding.
_ROUNDING = 1e-12
#: Repeats of a cross-validation that are counted as news: more test the same rows once more.
_MOST_REPEATS = 4


@dataclass(frozen=True)
class PairedTest:
    """A mean difference, its interval, and how likely one as large is by chance.

    Attributes
    ----------
    difference
        The mean and its interval.
    p_value
        Two-sided; of the hypothesis that the true difference is 0.
    """

    difference: Estimate
    p_value: float


def corrected_t(differences: npt.ArrayLike, *, test_over_train: float, level: float = LEVEL) -> PairedTest:
    """Return the corrected resampled t interval and test of Nadeau and Bengio [1]_.

    The variance of the mean of J differences is taken to be ``(1 / J + n_test / n_train) * s ** 2``, where s
    is their standard deviation: training sets overlap, and the second term stands for that. The quantiles are
    those of Student's t with J - 1 degrees of freedom, as in [2]_.

    Parameters
    ----------
    differences
        Score of one way less that of the other, fold by fold; shape ``(n_folds,)``.
    test_over_train
        Test rows over training rows of a fold, such as 1/9 with ten folds.
    level
        Of the interval.

    Raises
    ------
    DataError
        If there are fewer than two folds, or a difference is not finite.

    References
    ----------
    .. [1] Nadeau, Bengio (2003). Inference for the Generalization Error. Machine Learning 52.
    .. [2] Bouckaert, Frank (2004). Evaluating the Replicability of Significance Tests for Comparing Learning
       Algorithms. PAKDD.

    Examples
    --------
    >>> test = corrected_t([0.01, 0.02, 0.03, 0.02, 0.02], test_over_train=1 / 4)
    >>> f"{test.difference:.4f}, p = {test.p_value:.3f}"
    '0.0200 (0.0068, 0.0332), p = 0.014'
    """
    cells = _checked(differences)
    scale = _corrected_scale(cells, test_over_train)
    return _student(float(cells.mean()), scale, len(cells) - 1, level)


def repeated_t(differences: npt.ArrayLike) -> PairedTest:
    """Return an interval and test of a mean over repeated cross-validation, by variance components.

    Folds of one repeat test different rows; if that is all that makes differences vary, the mean of K folds
    has the variance ``s ** 2 / K``, which is right for large tables if learners are stable [1]_. Repeats test
    the same rows again, so that only what varies between the means of R repeats, ``b ** 2``, is averaged out:

        ``s ** 2 / K - (1 - 1 / R) * b ** 2``, and no less than ``t ** 2 / (K * min(R, 4))``,

    where ``s ** 2`` is the mean variance within repeats and ``t ** 2`` the variance of all differences. Since
    repeats test the same rows, their variances tell less than independent ones would: of the
    ``min(R, 4) * (K - 1)`` degrees of freedom half are counted, and no fewer than those of one repeat.

    That training rows overlap, which is what `corrected_t` allows for with a second term, is left out: no
    estimate of it is unbiased [2]_, and where one arm adds drawn rows to the other's it is small. The
    intervals of ``benchmarks/calibration.py`` hold what they should about as often as they say.

    Parameters
    ----------
    differences
        Shape ``(n_repeats, n_folds)``.

    Raises
    ------
    DataError
        If there are fewer than two folds, or a difference is not finite.

    References
    ----------
    .. [1] Bayle, Bayle, Janson, Mackey (2020). Cross-Validation Confidence Intervals for Test Error. NeurIPS.
    .. [2] Bengio, Grandvalet (2004). No Unbiased Estimator of the Variance of K-Fold Cross-Validation.
       JMLR 5.

    Examples
    --------
    >>> f"{repeated_t([[0.01, 0.03, 0.02], [0.02, 0.02, 0.05]]).difference:.3f}"
    '0.025 (-0.003, 0.053)'
    """
    cells = np.atleast_2d(np.asarray(differences, dtype=float))
    n_repeats, n_folds = cells.shape
    for repeat in cells:
        _checked(repeat)
    between = float(cells.mean(axis=1).var(ddof=1)) if n_repeats > 1 else 0.0
    within = float(cells.var(axis=1, ddof=1).mean())
    variance = within / n_folds - (1 - 1 / n_repeats) * between
    n_counted = min(n_repeats, _MOST_REPEATS)
    variance = max(variance, float(cells.var(ddof=1)) / (n_folds * n_counted))
    n_free = max(n_folds - 1, n_counted * (n_folds - 1) / 2)
    return _student(float(cells.mean()), float(np.sqrt(variance)), n_free, LEVEL)


def _student(mean: float, scale: float, n_free: float, level: float) -> PairedTest:
    """Return the interval and test of a mean with so many degrees of freedom."""
    mean = 0.0 if abs(mean) <= _ROUNDING else mean
    if scale <= _ROUNDING * (1 + abs(mean)):
        return PairedTest(Estimate(mean, mean, mean, level), 1.0 if mean == 0 else 0.0)
    low, high = stats.t.interval(level, n_free, mean, scale)
    p_value = 2 * stats.t.sf(abs(mean) / scale, n_free)
    return PairedTest(Estimate(mean, float(low), float(high), level), float(p_value))


@dataclass(frozen=True)
class Posterior:
    """How likely it is that a difference is below, in or above a region of practical equivalence.

    Attributes
    ----------
    worse, same, better
        Probabilities; their sum is 1.
    """

    worse: float
    same: float
    better: float


def correlated_t(differences: npt.ArrayLike, *, rope: float, test_over_train: float) -> Posterior:
    """Return the Bayesian correlated t-test of Corani and Benavoli [1]_, [2]_.

    With the usual flat prior the true difference has a Student distribution with J - 1 degrees of freedom,
    about the mean and with the variance of `corrected_t`: a correlation of ``n_test / n_rows`` between folds
    comes to the same.

    Parameters
    ----------
    differences
        Fold by fold, shape ``(n_folds,)``.
    rope
        Differences up to this, either way, are none in practice.
    test_over_train
        Test rows over training rows of a fold.

    References
    ----------
    .. [1] Corani, Benavoli (2015). A Bayesian Approach for Comparing Cross-Validated Algorithms on Multiple
       Data Sets. Machine Learning 100.
    .. [2] Benavoli, Corani, Demšar, Zaffalon (2017). Time for a Change: a Tutorial for Comparing Multiple
       Classifiers Through Bayesian Analysis. JMLR 18.
    """
    cells = _checked(differences)
    mean, scale = float(cells.mean()), _corrected_scale(cells, test_over_train)
    if scale == 0:
        return Posterior(float(mean < -rope), float(abs(mean) <= rope), float(mean > rope))
    law = stats.t(len(cells) - 1, mean, scale)
    worse, better = float(law.cdf(-rope)), float(law.sf(rope))
    return Posterior(worse, max(0.0, 1 - worse - better), better)


def _checked(differences: npt.ArrayLike) -> FloatArray:
    cells = np.asarray(differences, dtype=float)
    if cells.ndim != 1 or len(cells) < 2:
        raise DataError(f"A paired test needs differences of two folds or more; got shape {cells.shape}.")
    if not np.isfinite(cells).all():
        raise DataError(
            f"A paired test needs a score in every fold; {np.count_nonzero(~np.isfinite(cells))} of "
            f"{len(cells)} differences are missing. Leave the figure out, or use fewer folds."
        )
    return cells


def _corrected_scale(cells: FloatArray, test_over_train: float) -> float:
    spread = float(np.std(cells, ddof=1))
    spread = 0.0 if spread <= _ROUNDING * (1 + abs(float(cells.mean()))) else spread
    return float(np.sqrt(1 / len(cells) + test_over_train)) * spread


def holm(p_values: Mapping[Hashable, float]) -> dict[Hashable, float]:
    """Return p-values adjusted for their number, by Holm's step-down rule [1]_.

    References
    ----------
    .. [1] Holm (1979). A Simple Sequentially Rejective Multiple Test Procedure. Scandinavian Journal of
       Statistics 6.

    Examples
    --------
    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    adjusted, largest = {}, 0.0
    for place, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_value))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}
