import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from small_comparisons import YES_NO, small_table

from synthgan.evaluation.learners import Task, UnsuitedError, fitted, named_estimators, predicted
from synthgan.evaluation.tables import Coding
from synthgan.exceptions import DataError, ParameterError


def examples(task=YES_NO, frame=None):
    frame = small_table() if frame is None else frame
    return task.examples(frame, Coding.of(frame.drop(columns=task.target)))


@pytest.mark.parametrize("task", [YES_NO, Task("count", "regression")])
def test_default_learners_are_four_families_that_predict(task):
    rows = examples(task)
    learners = named_estimators(None, task.kind)
    assert len(learners) == 4
    for learner in learners.values():
        predictions = predicted(fitted(learner, rows, seed=0), rows, task)
        assert predictions.shape == ((len(rows), 2) if task.kind == "classification" else (len(rows),))
        assert np.isfinite(predictions).all()


def test_the_same_seed_gives_the_same_forest():
    rows, forest = examples(), RandomForestClassifier(5)
    first, again, other = (predicted(fitted(forest, rows, seed=s), rows, YES_NO) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert forest.random_state is None


def test_a_pipeline_is_given_the_columns_as_they_are():
    seen = []
    look = FunctionTransformer(lambda X: seen.append(list(X.columns)) or X[["count"]])
    fitted(make_pipeline(look, LogisticRegression()), examples(), seed=0)
    assert seen[0] == ["x", "count", "city", "member"]


@pytest.mark.parametrize(
    "learner",
    [
        LogisticRegression(),
        HistGradientBoostingClassifier(max_iter=20),
        GaussianNB(),
        make_pipeline(FunctionTransformer(lambda X: X[["count"]]), GaussianNB()),
    ],
)
def test_balanced_classes_are_as_if_each_had_as_many_rows(learner):
    rows = examples(frame=small_table(400))
    plain, balanced = (
        predicted(fitted(learner, rows, seed=0, balanced=b), rows, YES_NO)[:, 1].mean() for b in (False, True)
    )
    assert plain == pytest.approx(rows.labels.mean(), abs=0.05)
    assert abs(balanced - 0.5) < abs(plain - 0.5) / 2


def test_what_holds_a_pipeline_is_given_the_columns_too():
    encode = ColumnTransformer([("keep", "passthrough", ["count"])])
    search = GridSearchCV(
        make_pipeline(encode, LogisticRegression()), {"logisticregression__C": [0.1, 1]}, cv=2
    )
    rows = examples()
    assert predicted(fitted(search, rows, seed=0), rows, YES_NO).shape == (len(rows), 2)


def test_learners_do_not_share_what_they_overwrite():
    rows = examples(Task("count", "regression"))
    before = rows.points.copy()
    fitted(Ridge(copy_X=False), rows, seed=0)
    assert np.array_equal(rows.points, before)


def test_a_learner_without_weights_says_so():
    with pytest.raises(UnsuitedError, match="KNeighborsClassifier takes no weights"):
        fitted(KNeighborsClassifier(), examples(), seed=0, balanced=True)


def test_chances_of_classes_that_were_not_learned_are_naught():
    task = Task("y", "classification", ("maybe", "no", "yes"))
    rows = examples(task)
    chances = predicted(fitted(LogisticRegression(), rows, seed=0), rows, task)
    assert (chances[:, 0] == 0).all()
    assert chances.sum(axis=1) == pytest.approx(np.ones(len(rows)))


def test_targets_that_cannot_be_are_one_sentence():
    with pytest.raises(DataError, match="'y' is 'perhaps' in some row; the real rows have 'no', 'yes'"):
        YES_NO.labels(pd.DataFrame({"y": ["no", "perhaps"]}))
    with pytest.raises(DataError, match="must be a number in every row"):
        Task("y", "regression").labels(pd.DataFrame({"y": [1.0, np.nan]}))


def test_learners_are_named_by_the_user_or_by_their_class():
    for estimators, names in (
        (GaussianNB(), ["GaussianNB"]),
        ([GaussianNB(), LogisticRegression()], ["GaussianNB", "LogisticRegression"]),
        ({"mine": GaussianNB()}, ["mine"]),
        (["random forest", GaussianNB()], ["random forest", "GaussianNB"]),
    ):
        assert list(named_estimators(estimators, "classification")) == names


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_default_learners_can_be_named_one_by_one(task):
    for name, default in named_estimators(None, task).items():
        ((named, learner),) = named_estimators(name, task).items()
        assert named == name
        assert repr(learner) == repr(default)


@pytest.mark.parametrize(
    ("estimators", "told"),
    [
        ({}, "empty"),
        ([GaussianNB(), GaussianNB()], "Two estimators have one name"),
        (["random forest", "random forest"], "Two estimators have one name"),
        ("ridge regression", "one of 'logistic regression', .*; got 'ridge regression'"),
        (["random forrest"], "Did you mean 'random forest'"),
        (LogisticRegression, "are objects, not classes; give"),
        (Ridge(), "must be a scikit-learn estimator for classification"),
        ({"a class": GaussianNB}, "are objects, not classes; give"),
        ({"a scaler": StandardScaler()}, "must be a scikit-learn estimator"),
        (LinearSVC(), "gives no probabilities"),
    ],
)
def test_learners_that_cannot_be_are_refused(estimators, told):
    with pytest.raises(ParameterError, match=told):
        named_estimators(estimators, "classification")
