"""Who labels drawn rows."""

import numpy as np
import pytest
from hypothesis import given, strategies
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from small_problems import amounts, classes, problem_of

from synthgan import ParameterError
from synthgan.augmentation.teachers import Teacher, checked_teacher, default_teacher, drawn_classes


def test_a_teacher_gives_chances_of_all_classes():
    X, y = classes()
    problem = problem_of(X, y)
    said = Teacher.of(problem, RandomForestClassifier(20), 0).says(X)
    assert said.shape == (60, 2)
    np.testing.assert_allclose(said.sum(1), 1)
    hits = said.argmax(1) == problem.labels
    assert hits.mean() > 0.9


def test_a_class_that_some_rows_lack_has_no_chance():
    X, y = classes()
    problem = problem_of(X, y.where(y.index % 10 > 0, "rarely"))
    some = problem.take(np.flatnonzero(y.index % 10 > 0))
    said = Teacher.of(some, None, 0).says(X)
    assert said.shape == (60, 3)
    assert (said[:, list(problem.classes).index("rarely")] == 0).all()


def test_residuals_are_of_rows_that_were_left_out():
    X, y = amounts(80)
    teacher = Teacher.of(problem_of(X, y), None, 0)
    in_sample = np.std(y - teacher.says(X))
    assert np.std(teacher.residuals) > 1.3 * in_sample


@given(
    chances=strategies.lists(strategies.floats(0.01, 1), min_size=2, max_size=5),
    seed=strategies.integers(0, 2**32 - 1),
)
def test_drawn_classes_are_as_frequent_as_they_are_likely(chances, seed):
    shares = np.array(chances) / sum(chances)
    drawn = drawn_classes(np.tile(shares, (500, 1)), np.random.default_rng(seed), 4)
    # Evenly spaced numbers leave a class no more than two rows off, where chance would leave it twenty.
    np.testing.assert_allclose(np.bincount(drawn, minlength=len(shares)), 2_000 * shares, atol=4.1)
    of_row = np.eye(len(shares))[drawn.reshape(4, 500)].sum(0)
    assert (np.abs(of_row - 4 * shares) < 1.01).all()


def test_the_default_teacher_is_of_unlike_models():
    for kind in ("classification", "regression"):
        assert len(default_teacher(kind).estimators) >= 4
    assert checked_teacher(None, "regression").estimators[0][0] == "forest"


@pytest.mark.parametrize("teacher", [SVC(), LogisticRegression, "forest"])
def test_what_cannot_teach_is_refused(teacher):
    with pytest.raises(ParameterError, match="teacher must"):
        checked_teacher(teacher, "classification")
