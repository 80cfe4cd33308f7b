"""Room for drawn rows: copies of real rows are to change nothing."""

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from small_problems import numbers

from synthgan.augmentation.given import Given
from synthgan.augmentation.lesson import Lesson, taught
from synthgan.augmentation.room import with_room
from synthgan.augmentation.supply import Addition

LEARNERS = [
    LogisticRegression(C=0.3, tol=1e-8),
    make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8)),
    # Not deep: where splits are as good as each other, rounding decides which is taken.
    DecisionTreeClassifier(min_samples_leaf=15, random_state=0),
    DecisionTreeClassifier(max_depth=2, random_state=0),
    GradientBoostingClassifier(n_estimators=10, min_samples_leaf=4, random_state=0),
    KNeighborsClassifier(5),
    SVC(C=2.0, tol=1e-8),
]


def copies(n, times):
    """Return rows, as they are given and as they are read, and copies of them to add."""
    given, task = Given.of(*numbers(n))
    problem, again = given.problem(task), np.tile(np.arange(n), times)
    features = problem.features.iloc[again].reset_index(drop=True)
    return given, problem, Addition(features, problem.labels[again])


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda one: str(one)[:40])
@pytest.mark.parametrize("share", [None, 0.5, 0.2])
def test_copies_change_nothing(learner, share):
    given, problem, addition = copies(90, 4)
    alone = learner.fit(given.X, given.y)
    grid = np.random.default_rng(1).normal(size=(200, 3))
    judge = "predict_proba" if hasattr(learner, "predict_proba") else "decision_function"
    expected = getattr(alone, judge)(grid)
    model = taught(learner, given, problem, addition, real_share=share, adapt=True)
    np.testing.assert_allclose(getattr(model, judge)(grid), expected, atol=2e-3)


def test_without_room_copies_weaken_what_is_counted_in_rows():
    given, problem, addition = copies(90, 4)
    tree = DecisionTreeClassifier(min_samples_leaf=7, random_state=0)
    model = taught(tree, given, problem, addition, real_share=None, adapt=False)
    assert model.get_n_leaves() > tree.fit(given.X, given.y).get_n_leaves()


WEIGHTED, REPEATED = {"weighted": True}, {"weighted": False}
#: Leaves grow less where labels have no noise, but hold a real row.
SMOOTH = {"weighted": True, "smooth": True}


@pytest.mark.parametrize(
    ("learner", "how", "expected"),
    [
        (HistGradientBoostingClassifier(min_samples_leaf=20), WEIGHTED, {"min_samples_leaf": 80}),
        (DecisionTreeClassifier(min_samples_split=10), WEIGHTED, {"min_samples_split": 40}),
        (DecisionTreeRegressor(min_samples_leaf=0.1), WEIGHTED, {"min_samples_leaf": 0.1}),
        (KNeighborsClassifier(5), REPEATED, {"n_neighbors": 20}),
        (LogisticRegression(C=3.0), WEIGHTED, {"C": 3.0}),
        (SVC(C=4.0), REPEATED, {"C": 1.0}),
        (Ridge(alpha=2.0), REPEATED, {"alpha": 8.0}),
        (SGDClassifier(alpha=0.4), WEIGHTED, {"alpha": 0.1}),
        (RandomForestClassifier(), WEIGHTED, {"max_samples": 100}),
        (RandomForestClassifier(max_samples=30), WEIGHTED, {"max_samples": 30}),
        (RandomForestClassifier(max_samples=0.6), WEIGHTED, {"max_samples": 0.15}),
        (ExtraTreesClassifier(), WEIGHTED, {"max_samples": None}),
        (BaggingClassifier(max_samples=30), WEIGHTED, {"max_samples": 30}),
        (HistGradientBoostingClassifier(min_samples_leaf=20), SMOOTH, {"min_samples_leaf": 40}),
        (HistGradientBoostingClassifier(min_samples_leaf=1), SMOOTH, {"min_samples_leaf": 4}),
        (DecisionTreeClassifier(min_samples_split=10), SMOOTH, {"min_samples_split": 20}),
        (DecisionTreeClassifier(min_samples_leaf=10), SMOOTH, {"min_weight_fraction_leaf": 0.05}),
        (DecisionTreeClassifier(), SMOOTH, {"min_weight_fraction_leaf": 0.01}),
        (KNeighborsClassifier(5), SMOOTH, {"n_neighbors": 20}),
        (RandomForestClassifier(), SMOOTH, {"max_samples": None}),
        (RandomForestClassifier(max_samples=30), SMOOTH, {"max_samples": 120}),
    ],
    ids=lambda one: str(one)[:40],
)
def test_what_becomes_of_parameters(learner, how, expected):
    copy = with_room(make_pipeline(StandardScaler(), learner), 100, 400, **how)
    assert {name: copy[-1].get_params()[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("share", [None, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("soft", [False, True])
def test_weights_add_up_and_real_rows_keep_their_share(share, soft):
    _, problem, addition = copies(50, 3)
    if soft:
        chances = np.random.default_rng(0).dirichlet([1, 1], len(addition))
        addition = Addition(addition.features, addition.labels, chances)
    own = np.random.default_rng(1).random(50)
    for sample_weight in (None, own):
        lesson = Lesson.of(problem, addition, share, sample_weight)
        total = 50 if sample_weight is None else own.sum()
        expected = 0.25 if share is None else share
        assert lesson.real_weights.sum() + lesson.added_weights.sum() == pytest.approx(total, rel=2e-3)
        assert lesson.real_weights.sum() == pytest.approx(expected * total, rel=1e-9)
        assert len(lesson.added) == len(lesson.labels) == len(lesson.added_weights)


@pytest.mark.parametrize(("share", "expected"), [(None, 1 / 6), (0.5, 0.5), (0.1, 0.1)])
def test_rows_are_repeated_as_often_as_they_weigh(share, expected):
    given, problem, addition = copies(50, 5)
    moved = Addition(addition.features + 100, addition.labels)
    model = taught(KNeighborsClassifier(3), given, problem, moved, real_share=share, adapt=True)
    assert np.mean(model._fit_X[:, 0] < 50) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("share", [None, 0.5, 0.0])
def test_without_room_real_rows_weigh_what_they_weigh_alone(share):
    given, problem, addition = copies(50, 2)
    seen = []

    class Weighed(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen.append(sample_weight)
            return super().fit(X, y, sample_weight)

    own = np.full(50, 100.0)
    taught(Weighed(), given, problem, addition, real_share=share, adapt=False, sample_weight=own)
    (weights,) = seen
    assert np.isfinite(weights).all()
    assert weights[0] == pytest.approx(0 if share == 0 else 100)
