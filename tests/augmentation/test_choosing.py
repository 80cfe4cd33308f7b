"""What an inner comparison chooses, and that nothing it judges by was seen before."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from small_problems import Copying, amounts, classes, numbers

from synthgan import AugmentedClassifier, AugmentedRegressor, Augmenter, DataError
from synthgan.augmentation.choosing import Candidate, _best
from synthgan.augmentation.losses import losses_of, said_of, truth_of
from synthgan.augmentation.options import AUTO_RATIOS
from synthgan.augmentation.problem import Given

JITTER = {"method": "jitter", "labels": "soft", "real_share": 0.1, "random_state": 0}
FOREST = RandomForestClassifier(50, min_samples_leaf=2, random_state=0)


def chosen(augmenter, estimator, X, y):
    return AugmentedClassifier(estimator, augmenter, random_state=0).fit(X, y).decision_


def test_a_gain_is_found_and_told():
    X, y = make_classification(300, 10, n_informative=6, flip_y=0.1, random_state=0)
    learned, held_out, known, asked = train_test_split(X, y, train_size=100, random_state=0)
    tree = DecisionTreeClassifier(min_samples_leaf=2, random_state=0)
    model = AugmentedClassifier(tree, Augmenter(ratio="auto", **JITTER), random_state=0).fit(learned, known)
    decision = model.decision_
    assert decision.choice.method == "jitter"
    assert decision.p_value <= decision.level
    assert str(decision).startswith("Adds rows: of 5 candidates the best was")
    assert sorted(decision.table["ratio"]) == sorted(AUTO_RATIOS)
    assert model.score(held_out, asked) > tree.fit(learned, known).score(held_out, asked)


def test_what_cannot_help_is_left_out():
    # A learner that looks at no column learns nothing from drawn rows, whatever these are.
    X, y = classes()
    decision = chosen(Augmenter(ratio="auto", **{**JITTER, "labels": "own"}), DummyClassifier(), X, y)
    assert decision.choice is None
    assert str(decision).startswith("Adds nothing: ")


def test_rows_that_harm_are_left_out():
    X, y = numbers(100)

    class Wrong(Copying):
        def sample(self, n):
            rows = super().sample(n)
            return rows.assign(target=1 - rows["target"])

    decision = chosen(Augmenter(Wrong(), ratio="auto", random_state=0), LogisticRegression(), X, y)
    assert decision.choice is None
    assert (decision.table["gain"] < 0).all()


def test_too_few_rows_add_nothing_and_say_so():
    X, y = numbers(60)
    rows = [0, 1, 3, 4]
    decision = chosen(Augmenter(ratio="auto", **JITTER), LogisticRegression(), X[rows], y[rows])
    assert decision.choice is None
    assert "4 rows are too few" in decision.reason


def test_a_candidate_that_fails_is_told_and_the_others_compete():
    X, y = numbers(60)
    y[:] = 0
    y[:2] = 1  # in each fold the rare class has a row without neighbours
    augmenter = Augmenter(ratio=1, method=("neighbours", "jitter"), labels="own", cv=2, random_state=0)
    table = chosen(augmenter, DecisionTreeClassifier(), X, y).table.set_index("method")
    assert table.loc["jitter", "failed"] == ""
    assert np.isfinite(table.loc["jitter", "gain"])


def test_a_learner_that_fails_without_any_rows_is_no_candidates_fault():
    X, y = classes()
    with pytest.raises(DataError, match="cannot be trained on the real rows alone"):
        chosen(Augmenter(ratio="auto", **JITTER), LogisticRegression(), X, y)


@pytest.mark.parametrize("scoring", ["roc_auc", "neg_brier_score", lambda model, X, y: model.score(X, y)])
def test_a_scorer_may_judge(scoring):
    X, y = numbers(100)
    decision = chosen(Augmenter(ratio=(1, 5), scoring=scoring, **JITTER), DecisionTreeClassifier(), X, y)
    assert len(decision.table) == 2
    assert decision.table["p_value"].between(0, 1).all()


def test_learners_without_chances_are_judged_by_their_errors():
    X, y = numbers(100)
    decision = chosen(
        Augmenter(ratio=1, method=("jitter", "neighbours"), random_state=0), RidgeClassifier(), X, y
    )
    assert decision.table["gain"].abs().max() <= 1


def test_numbers_are_chosen_for_as_well():
    X, y = amounts(100)
    y += np.random.default_rng(1).normal(size=100)
    augmenter = Augmenter(ratio="auto", **JITTER)
    model = AugmentedRegressor(DecisionTreeRegressor(random_state=0), augmenter, random_state=0).fit(X, y)
    assert model.decision_.choice is not None
    assert model.predict(X).shape == (100,)


def test_the_first_is_best_unless_another_is_clearly_better():
    first, second = (Candidate("jitter", "soft", ratio, 0.1) for ratio in (5, 1))
    noise = np.random.default_rng(0).normal(size=100)
    assert _best({first: noise, second: noise + 0.01 * np.random.default_rng(1).normal(1, 20, 100)}) == first
    assert _best({first: noise, second: noise + 0.5}) == second


def test_folds_learn_from_their_own_rows_alone():
    X, y = numbers(60)
    X = np.column_stack([X, np.arange(60)])
    judged = []

    def scoring(model, rows, labels):
        judged.append(set(rows[:, 3]))
        return model.score(rows, labels)

    Copying.seen.clear()
    augmenter = Augmenter(
        Copying(),
        ratio=1,
        method=("generator", "jittered generator"),
        scoring=scoring,
        cv=3,
        n_repeats=1,
        random_state=0,
    )
    AugmentedClassifier(DecisionTreeClassifier(), augmenter, random_state=0).fit(X, y)
    learned = [set(table["x3"]) for table in Copying.seen if len(table) < 60]
    held_out = {frozenset(set(range(60)) - rows) for rows in learned}
    assert len(learned) == 3
    assert {frozenset(rows) for rows in judged} == held_out


def test_losses_of_classes_follow_the_learners_own_order():
    X, y = classes()
    given, task = Given.of(X, y)
    problem = given.problem(task)

    class Sure:
        classes_ = np.array(["yes", "no"])

        def predict_proba(self, X):
            return np.tile([0.8, 0.2], (len(X), 1))

    said = said_of(Sure(), X, problem)
    losses = losses_of(said, truth_of(problem.labels, None, problem), problem)
    np.testing.assert_allclose(losses, -np.log(np.where(y == "yes", 0.8, 0.2)))
    # Half of the truth is a teacher's, who is as sure: the loss is nearer to the mean of both classes'.
    mixed = losses_of(said, truth_of(problem.labels, said, problem), problem)
    expected = 0.5 * losses - 0.5 * (0.8 * np.log(0.8) + 0.2 * np.log(0.2))
    np.testing.assert_allclose(mixed, expected)


def test_a_teacher_that_is_worse_than_the_learner_has_no_say():
    X, y = numbers(100)
    how = {"ratio": 1, "method": ("jitter", "neighbours"), "labels": "teacher", "random_state": 0}
    tables = [
        chosen(Augmenter(teacher=teacher, **how), LogisticRegression(), X, y).table
        for teacher in (DummyClassifier(), DummyClassifier(strategy="uniform"))
    ]
    # Both label at random, and neither has a say in how far off the learner is without drawn rows.
    assert (tables[0]["gain"] < 0).all()
    assert (tables[1]["gain"] < 0).all()


def test_choosing_is_repeatable():
    X, y = numbers(60)
    tables = [
        chosen(Augmenter(ratio="auto", **JITTER), DecisionTreeClassifier(), X, y).table for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*tables)
