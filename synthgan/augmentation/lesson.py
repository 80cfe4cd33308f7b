"""What a learner is taught: real rows and rows to add come in, rows with weights or a fitted copy go out."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone

from synthgan.augmentation.given import Given
from synthgan.augmentation.problem import Problem
from synthgan.augmentation.room import last_step, takes_weights, with_room
from synthgan.augmentation.supply import Addition
from synthgan.augmentation.teachers import drawn_classes
from synthgan.exceptions import ParameterError
from synthgan.layout import FloatArray

#: A class of so small a chance is left out of the classes that a row is shown with.
_LEAST_CHANCE = 1e-3
#: Times that a learner without weights is shown a drawn row with chances of classes, and any row at most.
_N_SHOWN, _MAX_SHOWN = 4, 20


@dataclass(frozen=True)
class Lesson:
    """Rows to learn.

    Attributes
    ----------
    added
        The drawn rows; with chances of classes each as often as it has likely classes.
    labels
        Of the drawn rows: classes as codes, or numbers.
    real_weights, added_weights
        Of the real and of the drawn rows; their sum is the number of real rows, or that of their own weights.
    real_share
        Which share of it the real rows have.
    """

    added: pd.DataFrame
    labels: npt.NDArray[Any]
    real_weights: FloatArray
    added_weights: FloatArray
    real_share: float

    @classmethod
    def of(
        cls,
        problem: Problem,
        addition: Addition,
        real_share: float | None,
        sample_weight: FloatArray | None = None,
    ) -> Self:
        """Return real rows and those to add with weights, of which real rows keep a share.

        None lets every row weigh the same; real rows may have weights of their own.
        """
        n_real, n_added = len(problem), len(addition)
        own = np.ones(n_real) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        share = n_real / (n_real + n_added) if real_share is None else real_share
        if not n_added:
            share = 1.0
        each = (1 - share) * own.sum() / max(n_added, 1)
        rows, labels, weights = np.arange(n_added), addition.labels, np.full(n_added, each)
        if addition.chances is not None and n_added:
            rows, labels = np.nonzero(addition.chances >= _LEAST_CHANCE)
            weights = each * addition.chances[rows, labels]
        features = addition.features.iloc[rows].reset_index(drop=True)
        return cls(features, labels, share * own, weights, share)


def check_takes_weights(estimator: Any) -> None:
    """Raise ParameterError if a learner takes no weights of rows."""
    if not takes_weights(estimator):
        raise ParameterError(
            f"{type(last_step(estimator)[0]).__name__} takes no sample_weight; leave it out."
        )


def taught(
    estimator: Any,
    given: Given,
    problem: Problem,
    addition: Addition,
    *,
    real_share: float | None,
    adapt: bool,
    sample_weight: FloatArray | None = None,
) -> Any:
    """Return a copy of a learner, or a pipeline that ends with one, that has learned real and drawn rows.

    For weights see `Lesson.of`, and for what it means to adapt to drawn rows `room`.

    Raises
    ------
    ParameterError
        If the real rows have weights and the learner takes none.
    """
    has_weights = takes_weights(estimator)
    if sample_weight is not None:
        check_takes_weights(estimator)
    if not len(addition):
        how = {} if sample_weight is None else {f"{last_step(estimator)[1]}sample_weight": sample_weight}
        return clone(estimator).fit(given.X, given.y, **how)
    if not has_weights:
        return _by_repetition(estimator, given, problem, addition, real_share, adapt)
    lesson = Lesson.of(problem, addition, real_share, sample_weight)
    weights = np.concatenate([lesson.real_weights, lesson.added_weights])
    X = given.rows(lesson.added)
    y = given.targets(problem.targets(lesson.labels), rounded=False)
    if adapt:
        copy = with_room(estimator, len(problem), len(weights), weighted=True, smooth=addition.smooth)
    else:
        copy = clone(estimator)
        weights = weights / (lesson.real_share or 1.0)  # real rows weigh what they weigh alone
    return copy.fit(X, y, **{f"{last_step(copy)[1]}sample_weight": weights})


def _by_repetition(
    estimator: Any, given: Given, problem: Problem, addition: Addition, real_share: float | None, adapt: bool
) -> Any:
    """Return a learner without weights that has seen rows as often as they weigh, as whole numbers can.

    Where classes of drawn rows have chances each is shown several times, of a class as often as it is likely.
    """
    n_real, n_added = len(problem), len(addition)
    real_share = n_real / (n_real + n_added) if real_share is None else real_share
    n_each_added = _N_SHOWN if addition.chances is not None else 1
    wanted = real_share / max(1 - real_share, 1e-12) * n_added / n_real  # weight of a real row over a drawn
    if 0 < wanted < 1:
        n_each_added = int(np.clip(round(1 / wanted), n_each_added, _MAX_SHOWN))
    n_each = int(np.clip(round(n_each_added * wanted), 1, _MAX_SHOWN))
    again, more = np.tile(np.arange(n_real), n_each - 1), np.tile(np.arange(n_added), n_each_added)
    labels = addition.labels[more]
    if addition.chances is not None:
        labels = drawn_classes(addition.chances, np.random.default_rng(0), n_each_added)
    features = pd.concat([problem.features.iloc[again], addition.features.iloc[more]], ignore_index=True)
    labels = np.concatenate([problem.labels[again], labels])
    X, y = given.rows(features), given.targets(problem.targets(labels), rounded=False)
    n_rows = n_real + len(features)
    copy = clone(estimator)
    if adapt:
        copy = with_room(estimator, n_real, n_rows, weighted=False, smooth=addition.smooth)
    return copy.fit(X, y)
