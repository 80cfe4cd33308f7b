"""AugmentedClassifier and AugmentedRegressor: a learner that is fitted on augmented rows."""

from typing import Any, Self

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    clone,
    is_classifier,
    is_clusterer,
    is_outlier_detector,
    is_regressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import Tags, column_or_1d, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from synthgan.augmentation.augmenter import Augmenter, with_estimator
from synthgan.augmentation.choosing import Use, seeded
from synthgan.augmentation.given import Given, check_no_gaps, read_table
from synthgan.augmentation.lesson import check_takes_weights, taught
from synthgan.augmentation.room import last_step
from synthgan.exceptions import DataError, ParameterError
from synthgan.parameters import seed_from


def default_augmenter() -> Augmenter:
    """Return what meta-estimators use: rows that a teacher labels, as many as help by an inner comparison."""
    return Augmenter(ratio="auto", method=("mixed", "jitter"), labels="soft", real_share="auto")


def _has(name: str) -> Any:
    def check(self: Any) -> bool:
        getattr(getattr(self, "estimator_", None) or self._learner(), name)
        return True

    return check


class _Augmented(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """What both meta-estimators share."""

    _task: str

    def __init__(
        self,
        estimator: Any = None,
        augmenter: Augmenter | None = None,
        *,
        adapt: bool = True,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.augmenter = augmenter
        self.adapt = adapt
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, X_unlabelled: Any = None) -> Self:
        """Add rows to X and y, and fit a copy of the estimator on all of them.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            What the estimator takes, as a DataFrame, an ndarray, or another table.
        y : array-like of shape (n_rows,)
            What is predicted.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the given rows, for the estimator, here and where it is tried; what draws and labels
            rows does not know them.
        X_unlabelled : table of shape (n_more_rows, n_columns), default=None
            Rows without a target; see `Augmenter.fit_resample`.

        Raises
        ------
        DataError, ParameterError
            As `Augmenter.fit_resample`.
        """
        if not isinstance(self.augmenter, Augmenter | None):
            raise ParameterError(f"augmenter must be an Augmenter or None; got {self.augmenter!r}.")
        if not isinstance(self.adapt, bool | np.bool_):
            raise ParameterError(f"adapt must be True or False; got {self.adapt!r}.")
        seed = seed_from(self.random_state)
        self._check_learner(self._learner())
        learner = self._learner() if self.random_state is None else seeded(self._learner(), seed)
        own = default_augmenter() if self.augmenter is None else self.augmenter
        augmenter = with_estimator(own, learner, self._task)
        if augmenter.random_state is None and self.random_state is not None:
            augmenter.set_params(random_state=seed)
        if self._task == "classification" and y is not None:
            check_no_gaps(y)
            check_classification_targets(y)
            if str(type_of_target(y)).startswith("multilabel"):
                raise DataError("Multilabel and multioutput targets are not supported.")
        if len(getattr(y, "shape", ())) == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self.__dict__.pop("search_", None)  # of an earlier fit
        given, task = augmenter._read(X, y)
        problem = given.problem(task)
        validate_data(self, X=X if isinstance(X, np.ndarray | list) else given.frame, skip_check_array=True)
        if isinstance(last_step(learner)[0], BaseSearchCV):
            learner = self._searched(learner, given)
            augmenter = with_estimator(augmenter.set_params(estimator=own.estimator), learner, self._task)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, given.frame)
            check_takes_weights(learner)
        use = Use(adapts=self.adapt, sample_weight=sample_weight)
        addition = augmenter._addition(given, problem, use, X_unlabelled)
        chosen = augmenter.decision_.choice
        self.estimator_ = taught(
            learner,
            given,
            problem,
            addition,
            real_share=None if chosen is None else chosen.real_share,
            adapt=self.adapt,
            sample_weight=sample_weight,
        )
        self.augmenter_, self.decision_ = augmenter, augmenter.decision_
        return self

    def _check_learner(self, learner: Any) -> None:
        """Raise ParameterError if a learner is none, or for another task."""
        is_other = is_regressor if self._task == "classification" else is_classifier
        others = (is_other, is_clusterer, is_outlier_detector)
        last = learner if isinstance(learner, type) else last_step(learner)[0]
        is_object = not isinstance(last, type) and hasattr(last, "get_params") and hasattr(last, "fit")
        if not is_object or any(is_that(learner) for is_that in others):
            raise ParameterError(
                f"{type(self).__name__} needs an estimator for {self._task}, an object with fit and predict; "
                f"got {self.estimator!r}."
            )

    def _searched(self, learner: Any, given: Given) -> Any:
        """Return a learner with what its search finds best on the given rows in place of the search."""
        _, prefix = last_step(learner)
        self.search_ = last_step(clone(learner).fit(given.X, given.y))[0]
        if not hasattr(self.search_, "best_estimator_"):
            raise ParameterError(f"A search needs refit=True, or it has no best learner; got {learner!r}.")
        best = clone(self.search_.best_estimator_)
        return clone(learner).set_params(**{prefix.removesuffix("__"): best}) if prefix else best

    def _learner(self) -> Any:
        """Return the estimator, or the default one for None."""
        if self.estimator is not None:
            return self.estimator
        return LogisticRegression() if self._task == "classification" else Ridge()

    @property
    def n_added_(self) -> int:
        """Number of drawn rows."""
        check_is_fitted(self, "estimator_")
        return self.augmenter_.n_added_

    def predict(self, X: Any) -> Any:
        """Return what the fitted estimator predicts, shape ``(n_rows,)``."""
        return self._fitted(X).predict(X)

    def _fitted(self, X: Any) -> Any:
        check_is_fitted(self, "estimator_")
        read_table(X)
        validate_data(self, X=X, reset=False, skip_check_array=True)
        return self.estimator_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        own = get_tags(self._learner())
        tags.input_tags.allow_nan = own.input_tags.allow_nan
        tags.input_tags.sparse = False
        return tags


class AugmentedClassifier(ClassifierMixin, _Augmented):  # type: ignore[misc]
    """A classifier that is fitted on augmented rows; it predicts without any.

    Drawn rows count in its fit with weights, labelled softly where the augmenter says so, and the learner's
    regularisation makes room for them: without that, added rows of any kind weaken it, and even copies
    hurt. See ``synthgan.augmentation.room`` for what becomes of which parameter.

    Parameters
    ----------
    estimator : classifier, default=None
        The learner, or a pipeline that ends with one; None for logistic regression. If it takes no
        ``sample_weight``, rows are repeated instead. A search such as ``GridSearchCV`` is done on the given
        rows alone, and what it finds best learns the drawn ones: in its folds they would be near copies.
    augmenter : Augmenter, default=None
        What adds rows. None tries 5, 2, 1, 0.5 and 0.25 rows for each, drawn by the generator and by
        jitter or by jitter alone, labelled by a teacher, and keeps the best if an inner cross-validation
        shows that it helps this learner.
    adapt : bool, default=True
        Whether the learner's regularisation makes room for drawn rows.
    random_state : int, numpy Generator or RandomState, default=None
        Of the augmenter and the learner, where these have none.

    Attributes
    ----------
    estimator_ : classifier
        The fitted learner.
    search_ : object
        Where `estimator` is a search, that search, fitted on the given rows.
    augmenter_ : Augmenter
        What added rows.
    decision_ : Decision
        What was chosen and why.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they are all strings.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from synthgan import AugmentedClassifier, Augmenter
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> augmenter = Augmenter(ratio=2, method="jitter", labels="soft", real_share=0.1)
    >>> tree = AugmentedClassifier(DecisionTreeClassifier(min_samples_leaf=5), augmenter, random_state=0)
    >>> tree.fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.75
    True
    """

    _task = "classification"

    @property
    def classes_(self) -> Any:
        """The classes, as the fitted learner has them."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.classes_

    @available_if(_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """Return chances of classes, shape ``(n_rows, n_classes)``."""
        return self._fitted(X).predict_proba(X)

    @available_if(_has("predict_log_proba"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Any:
        """Return logarithms of chances of classes, shape ``(n_rows, n_classes)``."""
        return self._fitted(X).predict_log_proba(X)

    @available_if(_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """Return the learner's own scores of classes."""
        return self._fitted(X).decision_function(X)


class AugmentedRegressor(RegressorMixin, _Augmented):  # type: ignore[misc]
    """A regressor that is fitted on augmented rows; it predicts without any.

    See `AugmentedClassifier`, which does the same for classes.

    Parameters
    ----------
    estimator : regressor, default=None
        The learner, or a pipeline that ends with one; None for ridge regression. If it takes no
        ``sample_weight``, rows are repeated instead.
    augmenter : Augmenter, default=None
        What adds rows; None for the same as in `AugmentedClassifier`.
    adapt : bool, default=True
        Whether the learner's regularisation makes room for drawn rows.
    random_state : int, numpy Generator or RandomState, default=None
        Of the augmenter and the learner, where these have none.

    Attributes
    ----------
    estimator_ : regressor
        The fitted learner.
    search_ : object
        Where `estimator` is a search, that search, fitted on the given rows.
    augmenter_ : Augmenter
        What added rows.
    decision_ : Decision
        What was chosen and why.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they are all strings.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from synthgan import AugmentedRegressor, Augmenter
    >>> X, y = load_diabetes(return_X_y=True)
    >>> augmenter = Augmenter(ratio=2, method="jitter", labels="soft", real_share=0.1)
    >>> tree = AugmentedRegressor(DecisionTreeRegressor(min_samples_leaf=5), augmenter, random_state=0)
    >>> tree.fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.2
    True
    """

    _task = "regression"
