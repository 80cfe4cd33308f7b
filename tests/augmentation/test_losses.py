"""What candidates are judged by: losses of held-out rows, or scores of folds."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from small_problems import FOREST, JITTER, QUICK_JITTER, TWO_WAYS, chosen, classes, numbers, problem_of

from synthgan import Augmenter, ParameterError
from synthgan.augmentation.losses import losses_of, said_of, truth_of


def test_scores_that_cannot_be_are_told_before_anything_is_learned():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ParameterError, match=r"scoring='roc_auc' gives no score on these rows.*multi_class"):
        chosen(Augmenter(ratio=(1, 2), scoring="roc_auc", **QUICK_JITTER), LogisticRegression(), X, y)
    with pytest.raises(ParameterError, match="scoring must be a scorer, its name, or None"):
        chosen(Augmenter(ratio=(1, 2), scoring=accuracy_score, **QUICK_JITTER), LogisticRegression(), X, y)
    with pytest.raises(ParameterError, match="SVC has none of the following attributes: predict_proba"):
        chosen(Augmenter(ratio=(1, 2), scoring="neg_log_loss", **QUICK_JITTER), SVC(), X, y)


def test_a_score_is_to_rise():
    X, y = numbers(100)
    tree = DecisionTreeClassifier(random_state=0)
    for scoring in ("neg_log_loss", make_scorer(log_loss, response_method="predict_proba")):
        augmenter = Augmenter(ratio=5, scoring=scoring, **JITTER | TWO_WAYS, teacher=FOREST)
        table = chosen(augmenter, tree, X, y).table
        assert (table["gain"] > 0).all() == (scoring == "neg_log_loss")


@pytest.mark.parametrize("scoring", ["roc_auc", "neg_brier_score", lambda model, X, y: model.score(X, y)])
def test_a_scorer_may_judge(scoring):
    X, y = numbers(100)
    augmenter = Augmenter(ratio=(1, 5), scoring=scoring, **QUICK_JITTER)
    decision = chosen(augmenter, DecisionTreeClassifier(), X, y)
    assert len(decision.table) == 2
    assert decision.table["p_value"].between(0, 1).all()


def test_learners_without_chances_are_judged_by_their_errors():
    X, y = numbers(100)
    decision = chosen(Augmenter(ratio=1, **TWO_WAYS), RidgeClassifier(), X, y)
    assert decision.table["gain"].abs().max() <= 1


def test_losses_of_classes_follow_the_learners_own_order():
    X, y = classes()
    problem = problem_of(X, y)

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
    X, y = numbers(400)
    # Both label at random, and neither has a say in how far off the learner is without drawn rows.
    for teacher in (DummyClassifier(), DummyClassifier(strategy="uniform")):
        augmenter = Augmenter(teacher=teacher, ratio=1, labels="teacher", **TWO_WAYS)
        assert (chosen(augmenter, LogisticRegression(), X, y).table["gain"] < 0).all()


@pytest.mark.parametrize("scoring", ["roc_auc", "neg_log_loss"])
def test_scores_that_some_folds_do_not_define_are_left_out(scoring):
    X, _ = numbers(60)
    y = (np.arange(60) < 3).astype(int)
    decision = chosen(Augmenter(ratio=(1, 2), scoring=scoring, **QUICK_JITTER), LogisticRegression(), X, y)
    assert 0 <= decision.p_value <= 1
