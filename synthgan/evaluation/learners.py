"""The models that a user would train: rows in, predictions out, each the same way whatever its rows are."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import ThreadpoolController

from synthgan.evaluation.estimates import FloatArray
from synthgan.evaluation.tables import Coding, class_names, frame_of, numbers_of
from synthgan.exceptions import DataError, ParameterError, did_you_mean, listing

#: Of boosted trees: without any, leaves run away where a class has few rows.
L2 = 1.0


Function = TypeVar("Function", bound=Callable[..., Any])


def on_one_thread(function: Function) -> Function:
    """Return a function in which OpenMP and BLAS compute on one thread, for one that fits or asks a learner.

    Threads that share small loops wait for each other far longer than they compute wherever other processes
    want the cores.
    """

    @wraps(function)
    def computed(*arguments: Any, **options: Any) -> Any:
        with _libraries().limit(limits=1):
            return function(*arguments, **options)

    return cast("Function", computed)


#: The libraries with threads of their own: to find them takes longer than a small learner does.
_libraries = cache(ThreadpoolController)


class UnsuitedError(Exception):
    """What is asked of a learner that it cannot do, such as weights of a learner that takes none."""


def default_estimators(task: str) -> dict[str, Any]:
    """Return four families of learners: a line, neighbours, averaged trees and boosted trees."""
    if task == "classification":
        return {
            "logistic regression": LogisticRegression(max_iter=2_000),
            "nearest neighbours": KNeighborsClassifier(n_neighbors=15),
            "random forest": RandomForestClassifier(n_estimators=100, min_samples_leaf=2),
            "gradient boosting": HistGradientBoostingClassifier(early_stopping=False, l2_regularization=L2),
        }
    return {
        "ridge regression": Ridge(),
        "nearest neighbours": KNeighborsRegressor(n_neighbors=15),
        "random forest": RandomForestRegressor(n_estimators=100, min_samples_leaf=2),
        "gradient boosting": HistGradientBoostingRegressor(early_stopping=False, l2_regularization=L2),
    }


def named_estimators(estimators: Any, task: str) -> dict[str, Any]:
    """Return learners by name, given one, several, a mapping, or None for the default ones.

    Raises
    ------
    ParameterError
        If one is neither the name of a default one nor a scikit-learn estimator for the task, or gives no
        probabilities of classes.
    """
    if estimators is None:
        return default_estimators(task)
    if not isinstance(estimators, Mapping):
        some = list(estimators) if isinstance(estimators, list | tuple) else [estimators]
        estimators = dict(_named(one, task) for one in some)
        if len(estimators) < len(some):
            raise ParameterError("Two estimators have one name; give them others: {'small tree': ..., ...}.")
    if not estimators:
        raise ParameterError("estimators is empty; leave it out for the default ones.")
    for name, estimator in estimators.items():
        _check_estimator(name, estimator, task)
    return dict(estimators)


def _named(estimator: Any, task: str) -> tuple[str, Any]:
    """Return an estimator, or the default one of that name, and what it is called."""
    if not isinstance(estimator, str):
        return type(estimator).__name__, estimator
    known = default_estimators(task)
    if estimator not in known:
        near = did_you_mean(estimator, known)
        raise ParameterError(f"A learner of {task} must be one of {listing(known)}; got {estimator!r}.{near}")
    return estimator, known[estimator]


def _check_estimator(name: Hashable, estimator: Any, task: str) -> None:
    suits = is_classifier if task == "classification" else is_regressor
    if isinstance(estimator, type):
        raise ParameterError(f"Estimators are objects, not classes; give {estimator.__name__}(...).")
    if not hasattr(estimator, "get_params") or not suits(estimator):
        raise ParameterError(
            f"Estimator {name!r} must be a scikit-learn estimator for {task}; got {estimator!r}. "
            f"Say which task it is with task=, or take another."
        )
    if task == "classification" and not hasattr(estimator, "predict_proba"):
        raise ParameterError(
            f"Estimator {name!r} gives no probabilities (predict_proba), which AUC and log-loss are of; "
            "wrap it in sklearn.calibration.CalibratedClassifierCV."
        )


@dataclass(frozen=True)
class Examples:
    """Rows without their target, as frame and as points, and the target as classes or numbers.

    Attributes
    ----------
    frame
        The columns as they are, for pipelines that encode themselves.
    points
        Shape ``(n_rows, width)``; see `Coding.points`.
    labels
        Classes as whole numbers from 0 on, or the numbers to predict; shape ``(n_rows,)``.
    """

    frame: pd.DataFrame
    points: FloatArray
    labels: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Task:
    """The task of a learner: a column to predict, by "classification" or "regression".

    Classes are text; the last of two is the one to find.
    """

    target: Hashable
    kind: str
    classes: tuple[str, ...] = ()

    def labels(self, rows: pd.DataFrame) -> npt.NDArray[Any]:
        """Return the target of rows as classes from 0 on, or as numbers.

        Raises
        ------
        DataError
            If a target is missing or of a class that the real rows do not have.
        """
        column = rows[self.target]
        if self.kind == "regression":
            numbers = numbers_of(column)
            if numbers is None or np.isnan(numbers).any():
                raise DataError(f"The target {self.target!r} must be a number in every row.")
            return numbers
        codes = pd.Index(self.classes).get_indexer(pd.Index(class_names(column)))
        if (codes < 0).any():
            odd = column[codes < 0].iloc[0]
            raise DataError(
                f"The target {self.target!r} is {odd!r} in some row; the real rows have "
                f"{listing(self.classes)}."
            )
        return codes.astype(np.int64)

    def examples(self, rows: pd.DataFrame, coding: Coding) -> Examples:
        """Return rows as examples, coded as real rows have it."""
        frame = rows.drop(columns=self.target)
        return Examples(frame, coding.points(frame), self.labels(rows))


@on_one_thread
def fitted(estimator: Any, examples: Examples, *, seed: int, balanced: bool = False) -> Any:
    """Return a copy of an estimator that has learned examples.

    Parameters
    ----------
    estimator
        A pipeline, or what holds one or a column transformer, is given the columns as they are, any other
        estimator the points. Classes are whole numbers from 0 on.
    examples
        What it learns.
    seed
        Of its randomness, the same for rows of every kind.
    balanced
        Whether classes are to weigh the same.

    Raises
    ------
    UnsuitedError
        If classes are to weigh the same, and the estimator knows no weights.
    """
    copy = clone(estimator)
    copy.set_params(**{name: seed for name in copy.get_params() if name.split("__")[-1] == "random_state"})
    rows = _rows_for(copy, examples)
    if not balanced:
        return copy.fit(rows, examples.labels)
    last = copy.steps[-1][1] if isinstance(copy, Pipeline) else copy
    if "class_weight" in last.get_params(deep=False):
        last.set_params(class_weight="balanced")
        return copy.fit(rows, examples.labels)
    if has_fit_parameter(last, "sample_weight"):
        prefix = f"{copy.steps[-1][0]}__" if isinstance(copy, Pipeline) else ""
        weights = compute_sample_weight("balanced", examples.labels)
        return copy.fit(rows, examples.labels, **{f"{prefix}sample_weight": weights})
    raise UnsuitedError(f"{type(last).__name__} takes no weights")


class TablePoints(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Code the columns of any table as `Coding.points` has it: numbers scaled, each frequent level by itself.

    Attributes
    ----------
    coding_ : Coding
        Levels, centres and scales of the fitted table.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn levels, centres and scales."""
        self.coding_ = Coding.of(frame_of(X))
        return self

    def transform(self, X: Any) -> FloatArray:
        """Return points, shape ``(n_rows, width)``."""
        return self.coding_.points(frame_of(X))


def put_in(around: Any, estimator: Any) -> Any:
    """Return a meta-estimator with a learner in it, which sees a table whatever learner that is."""
    learner = clone(estimator) if _encodes(estimator) else make_pipeline(TablePoints(), clone(estimator))
    return clone(around).set_params(estimator=learner)


def _encodes(estimator: Any) -> bool:
    """Whether a part of an estimator takes columns as they are."""
    parts = (estimator, *estimator.get_params().values())
    return any(isinstance(part, Pipeline | ColumnTransformer) for part in parts)


def _rows_for(estimator: Any, examples: Examples) -> Any:
    """Return a copy of what an estimator is given: the columns as they are, if a part of it encodes them."""
    return (examples.frame if _encodes(estimator) else examples.points).copy()


@on_one_thread
def predicted(model: Any, examples: Examples, task: Task) -> FloatArray:
    """Return probabilities, shape ``(n_rows, n_classes)``, or predicted numbers, shape ``(n_rows,)``."""
    rows = _rows_for(model, examples)
    if task.kind == "regression":
        numbers: FloatArray = np.asarray(model.predict(rows), dtype=float)
        return numbers
    chances = np.zeros((len(examples), len(task.classes)))
    chances[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(rows)
    return chances
