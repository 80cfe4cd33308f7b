"""Who labels drawn rows: a problem comes in, and what an ensemble of unlike models says of rows goes out.

A generator draws the label of a row with noise, and that noise is what most often spoils augmentation. A
teacher that has learned the real rows knows them better than the student that is to learn from both, and
drawn rows are a way to hand on what it knows [1]_.

References
----------
.. [1] Hinton, Vinyals, Dean (2015). Distilling the Knowledge in a Neural Network. arXiv:1503.02531. See
   Breiman, Shang (1996), Born Again Trees, for drawn rows as the means.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import is_classifier, is_regressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold

from synthgan.augmentation.problem import Problem
from synthgan.evaluation.learners import Examples, Task, fitted, predicted
from synthgan.evaluation.tables import Coding
from synthgan.exceptions import DataError, ParameterError
from synthgan.layout import FloatArray

_N_TREES = 100
_MIN_LEAF = 2
#: Shallow and few: boosting is there for what it sees of interactions, the forests for the rest.
_BOOSTING = {"n_estimators": 60, "max_depth": 2, "subsample": 0.6}
#: Parts of the rows that are left out in turn to see by how much a teacher of numbers is off.
_N_PARTS = 5
#: Rows that such a teacher needs.
_MIN_ROWS = 4


def default_teacher(kind: str) -> Any:
    """Return an ensemble of models that err in different ways: two forests, a line, and boosted trees."""
    forests = {"n_estimators": _N_TREES, "min_samples_leaf": _MIN_LEAF}
    if kind == "classification":
        return VotingClassifier(
            [
                ("forest", RandomForestClassifier(**forests)),
                ("random trees", ExtraTreesClassifier(**forests)),
                ("line", LogisticRegression(C=0.1, max_iter=2_000)),
                ("boosting", GradientBoostingClassifier(**_BOOSTING)),
            ],
            voting="soft",
        )
    return VotingRegressor(
        [
            ("forest", RandomForestRegressor(**forests)),
            ("random trees", ExtraTreesRegressor(**forests)),
            ("line", Ridge(alpha=10.0)),
            ("boosting", GradientBoostingRegressor(**_BOOSTING)),
        ]
    )


def checked_teacher(teacher: Any, kind: str) -> Any:
    """Return a user's teacher, or the default one for None.

    Raises
    ------
    ParameterError
        If it cannot teach: no estimator for the task, or one without probabilities of classes.
    """
    if teacher is None:
        return default_teacher(kind)
    suits = is_classifier if kind == "classification" else is_regressor
    if not hasattr(teacher, "get_params") or isinstance(teacher, type) or not suits(teacher):
        raise ParameterError(f"teacher must be a scikit-learn estimator for {kind}; got {teacher!r}.")
    if kind == "classification" and not hasattr(teacher, "predict_proba"):
        raise ParameterError(
            f"teacher must give probabilities (predict_proba); got {teacher!r}. Wrap it in "
            "sklearn.calibration.CalibratedClassifierCV."
        )
    return teacher


@dataclass(frozen=True)
class Teacher:
    """A model that has learned real rows.

    Attributes
    ----------
    model
        The fitted estimator.
    task, coding
        What it predicts, and how it sees rows.
    residuals
        By how much predicted numbers were off on rows that had been left out; empty for classes.
    """

    model: Any
    task: Task
    coding: Coding
    residuals: FloatArray

    @classmethod
    def of(cls, problem: Problem, teacher: Any, seed: int) -> Self:
        """Return a copy of an estimator that has learned a problem; see `checked_teacher`."""
        coding, task = problem.coding, problem.task
        estimator = checked_teacher(teacher, task.kind)
        residuals = np.empty(0) if problem.predicts_classes else _residuals(estimator, problem, seed)
        examples = task.examples(problem.frame, coding)
        return cls(fitted(estimator, examples, seed=seed), task, coding, residuals)

    def says(self, features: pd.DataFrame) -> FloatArray:
        """Return chances of classes, shape ``(n_rows, n_classes)``, or numbers, shape ``(n_rows,)``."""
        points = self.coding.points(features)
        return predicted(self.model, Examples(features, points, np.zeros(len(features))), self.task)


def _residuals(estimator: Any, problem: Problem, seed: int) -> FloatArray:
    """Return true less predicted numbers, each predicted from rows that do not hold it."""
    if len(problem) < _MIN_ROWS:
        raise DataError(f"A teacher of numbers needs at least {_MIN_ROWS} rows; got {len(problem)}.")
    residuals = np.zeros(len(problem))
    parts = KFold(min(_N_PARTS, len(problem)), shuffle=True, random_state=seed)
    for others, own in parts.split(np.arange(len(problem))):
        learned = problem.take(others)
        coding, task = learned.coding, problem.task
        model = fitted(estimator, task.examples(learned.frame, coding), seed=seed)
        asked = task.examples(problem.take(own).frame, coding)
        residuals[own] = asked.labels - predicted(model, asked, task)
    return residuals


def drawn_classes(chances: FloatArray, rng: np.random.Generator, n_each: int = 1) -> npt.NDArray[np.int64]:
    """Return classes of each row, drawn by its chances so that all rows together come close to these.

    The uniform numbers that decide are evenly spaced, in random order, and those of one row are as far apart
    as can be: the share of a class among all rows, and among the draws of one, has far less noise than
    independent draws would give it. That is systematic sampling [1]_.

    Parameters
    ----------
    chances
        Shape ``(n_rows, n_classes)``.
    rng
        Source of randomness.
    n_each
        Classes of each row.

    Returns
    -------
    ndarray of shape (n_each * n_rows,)
        A class of each row, then another of each, and so on.

    References
    ----------
    .. [1] Madow, Madow (1944). On the Theory of Systematic Sampling. Annals of Mathematical Statistics 15.

    Examples
    --------
    >>> labels = drawn_classes(np.tile([0.25, 0.75], (100, 1)), np.random.default_rng(0), n_each=4)
    >>> labels.reshape(4, 100).sum(axis=0).tolist() == [3] * 100
    True
    """
    n_rows = len(chances)
    first = (rng.permutation(n_rows) + rng.random()) / max(n_rows, 1)
    uniform = (first + np.arange(n_each)[:, None] / n_each) % 1
    classes = (uniform[:, :, None] >= chances.cumsum(1)).sum(2).ravel()
    return np.asarray(np.minimum(classes, chances.shape[1] - 1), dtype=np.int64)
