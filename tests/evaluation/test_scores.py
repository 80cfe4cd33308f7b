import numpy as np
import pytest
from sklearn import metrics

from synthgan.evaluation.scores import (
    BY_TASK,
    Thresholds,
    calibration_error,
    classification_scores,
    regression_scores,
    score_named,
)
from synthgan.exceptions import ParameterError


def predictions(n_classes, seed=0, n=200):
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n)
    odds = rng.normal(size=(n, n_classes)) + 1.5 * np.eye(n_classes)[labels]
    chances = np.exp(odds)
    return labels, chances / chances.sum(axis=1, keepdims=True)


def test_scores_of_two_classes_are_those_of_scikit_learn():
    labels, chances = predictions(2)
    scores = classification_scores(labels, chances)
    called = chances[:, 1] > 0.5
    assert scores == pytest.approx(
        {
            "auc": metrics.roc_auc_score(labels, chances[:, 1]),
            "average_precision": metrics.average_precision_score(labels, chances[:, 1]),
            "log_loss": metrics.log_loss(labels, chances),
            "brier": metrics.brier_score_loss(labels, chances[:, 1]),
            "calibration_error": scores["calibration_error"],
            "balanced_accuracy": metrics.balanced_accuracy_score(labels, called),
            "f1": metrics.f1_score(labels, called),
        }
    )


def test_scores_of_more_classes_are_means_over_them():
    labels, chances = predictions(4)
    scores = classification_scores(labels, chances)
    assert scores["auc"] == pytest.approx(metrics.roc_auc_score(labels, chances, multi_class="ovr"))
    assert scores["f1"] == pytest.approx(metrics.f1_score(labels, chances.argmax(1), average="macro"))
    each = [metrics.average_precision_score(labels == code, chances[:, code]) for code in range(4)]
    assert scores["average_precision"] == pytest.approx(np.mean(each))
    assert scores["brier"] == pytest.approx(np.mean(((chances - np.eye(4)[labels]) ** 2).sum(axis=1)))


def test_what_a_missing_class_leaves_undefined_is_nan():
    labels, chances = predictions(3)
    kept = labels < 2
    scores = classification_scores(labels[kept], chances[kept])
    undefined = [name for name, score in scores.items() if np.isnan(score)]
    assert undefined == ["auc", "average_precision", "balanced_accuracy", "f1"]


def test_thresholds_are_the_best_of_all():
    labels, chances = predictions(2, n=60)
    tuned = Thresholds.tuned(labels, chances[:, 1])
    cuts = np.concatenate([[-1], np.sort(chances[:, 1])])
    for score, own in (
        (metrics.balanced_accuracy_score, tuned.balanced_accuracy),
        (lambda truth, called: metrics.f1_score(truth, called, zero_division=0.0), tuned.f1),
    ):
        best = max(score(labels, chances[:, 1] > cut) for cut in cuts)
        assert score(labels, chances[:, 1] > own) == pytest.approx(best)


def test_a_threshold_below_all_chances_calls_them_all():
    labels, chances = np.array([1, 0, 1, 1, 0]), np.array([0.0, 0.0, 0.0, 0.3, 0.9])
    assert metrics.f1_score(labels, chances > Thresholds.tuned(labels, chances).f1) == 0.75


@pytest.mark.parametrize("label", [0, 1])
def test_thresholds_of_one_class_are_a_half(label):
    assert Thresholds.tuned(np.full(5, label), np.linspace(0, 1, 5)) == Thresholds()


def test_calibration_error_by_hand():
    # Ten rows at .25, four of which are so, and ten at .85, all of which are: |.25 - .4| and |.85 - 1|.
    is_so = np.repeat([True, False, True], [4, 6, 10])
    chances = np.repeat([0.25, 0.85], 10)
    assert calibration_error(is_so, chances) == pytest.approx(0.15)


@pytest.mark.parametrize(("truth", "r2"), [([1.0, 2.0, 3.0], 1 - 9 / 2), ([1.0, 1.0, 1.0], np.nan)])
def test_regression_scores_by_hand(truth, r2):
    scores = regression_scores(np.array(truth), np.add(truth, [0.0, 0.0, 3.0]))
    assert scores == pytest.approx({"r2": r2, "rmse": np.sqrt(3), "mae": 1.0}, nan_ok=True)


@pytest.mark.parametrize("task", BY_TASK)
def test_every_score_has_a_name_that_finds_it(task):
    assert score_named(task, None) is BY_TASK[task][0]
    assert all(score_named(task, score.name) is score for score in BY_TASK[task])
    with pytest.raises(ParameterError, match="metric must be one of"):
        score_named(task, "accuracy")
