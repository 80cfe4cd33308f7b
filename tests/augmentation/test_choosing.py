"""What an inner comparison chooses, and that nothing it judges by was seen before."""

import warnings
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from small_problems import JITTER, QUICK_JITTER, TWO_WAYS, Copying, amounts, chosen, classes, numbers

from synthgan import AugmentedClassifier, AugmentedRegressor, Augmenter, DataError
from synthgan.augmentation import strategy as strategies
from synthgan.augmentation.choosing import _best
from synthgan.augmentation.decision import Candidate, Outcome
from synthgan.augmentation.options import AUTO_RATIOS


def test_a_gain_is_found_and_told():
    X, y = make_classification(300, 10, n_informative=6, flip_y=0.1, random_state=0)
    learned, held_out, known, asked = train_test_split(X, y, train_size=100, random_state=0)
    tree = DecisionTreeClassifier(min_samples_leaf=2, random_state=0)
    model = AugmentedClassifier(tree, Augmenter(ratio="auto", **JITTER), random_state=0).fit(learned, known)
    decision = model.decision_
    assert decision.choice.method == "jitter"
    assert decision.p_value <= 0.2
    told = f"Adds {decision.choice}: DecisionTreeClassifier's log-loss on held-out rows falls by "
    assert str(decision).startswith(told)
    assert "half by the teacher (by labels alone it falls by " in decision.reason
    assert "Of 5 candidates no other is better by a standard error." in decision.reason
    assert "table" not in repr(decision)
    assert sorted(decision.table["ratio"]) == sorted(AUTO_RATIOS)
    assert model.score(held_out, asked) > tree.fit(learned, known).score(held_out, asked)


def test_what_cannot_help_is_left_out():
    # A learner that looks at no column learns nothing from drawn rows, whatever these are.
    X, y = classes()
    decision = chosen(Augmenter(ratio="auto", **{**JITTER, "labels": "own"}), DummyClassifier(), X, y)
    assert decision.choice is None
    assert str(decision).startswith("Adds nothing: with 5 rows for each given one (method 'jitter'")
    assert "teacher" not in decision.reason


def test_rows_that_harm_are_left_out():
    X, y = numbers(100)
    wrong = Copying(lambda rows: rows.assign(target=1 - rows["target"]))
    for scoring in (None, "roc_auc"):
        augmenter = Augmenter(wrong, ratio="auto", scoring=scoring, random_state=0)
        decision = chosen(augmenter, LogisticRegression(), X, y)
        assert decision.choice is None
        assert (decision.table["gain"] < 0).all()
        assert decision.table["p_value"].between(0.5, 1).all()


@pytest.mark.parametrize(
    ("p_value", "by_labels", "is_real"),
    [
        (0.1, np.nan, True),
        (0.3, np.nan, False),
        (0.1, 0.2, True),
        (0.1, -0.1, False),
        (np.nan, np.nan, False),
    ],
)
def test_a_gain_is_real_that_is_no_chance_and_that_labels_bear_out(p_value, by_labels, is_real):
    assert Outcome(1.0, p_value, by_labels).is_real(0.2) == is_real


def test_progress_is_told_if_asked_for(capsys):
    X, y = numbers(60)
    chosen(Augmenter(ratio=(1, 2), verbose=1, **QUICK_JITTER), LogisticRegression(), X, y)
    told = capsys.readouterr().err
    assert "Comparing ways to augment: 100%" in told


def test_ways_that_fail_are_counted_and_the_others_tried():
    X, y = classes(120)  # in a fold of fewer rows these texts are levels
    X = X.assign(note=[f"said {i} things about the {i * 7 % 13} bills and left at {i}" for i in range(120)])
    columns = make_column_transformer((SimpleImputer(), make_column_selector(dtype_include="number")))
    augmenter = Augmenter(ratio=1, method=("generator", "jitter"), labels="soft", random_state=0)
    augmenter.set_params(teacher=KNeighborsClassifier(5))
    learner = make_pipeline(columns, DecisionTreeClassifier(min_samples_leaf=2))
    decision = chosen(augmenter, learner, X, y)
    assert "cannot learn some columns: 'note' (free text)" in decision.table["failed"].iloc[0]
    assert decision.table["failed"].iloc[1] == ""
    assert "1 failed; decision_.table says why." in decision.reason
    with pytest.raises(DataError, match="Take them out of X, or draw rows by method='jitter'"):
        augmenter.set_params(method="generator").fit_resample(X, y)


def test_too_few_rows_to_compare_get_none_and_are_balanced_all_the_same():
    X, y = numbers(60)
    rows = [0, 3, 4, 5]
    decision = chosen(Augmenter(ratio="auto", **JITTER), LogisticRegression(), X[rows], y[rows])
    assert decision.choice is None
    assert "4 rows are too few" in decision.reason
    augmenter = Augmenter(**TWO_WAYS)
    assert np.bincount(augmenter.fit_resample(X[rows], y[rows])[1]).tolist() == [3, 3]
    assert augmenter.decision_.choice.method == "jitter"


def test_bins_are_balanced_in_the_way_that_is_best():
    X, y = amounts(100)
    how = {"method": ("jitter", "mixed"), "bins": 3, "task": "regression"}
    augmenter = Augmenter(Copying(), **how, random_state=0)
    augmenter.fit_resample(X, y)
    assert augmenter.n_added_ == sum(augmenter.sampling_strategy_.values()) > 0


class Broken(Copying):
    def fit(self, table):
        raise RuntimeError("out of order")


def test_a_candidate_that_fails_is_told_and_where_rows_must_be_added_one_has_to_work():
    X, y = numbers(60)
    augmenter = Augmenter(Broken(), ratio=1, method=("generator", "jitter"), cv=2, random_state=0)
    table = chosen(augmenter, DecisionTreeClassifier(), X, y).table.set_index("method")
    assert "out of order" in table.loc["generator", "failed"]
    assert table.loc["jitter", "failed"] == ""
    assert np.isfinite(table.loc["jitter", "gain"])
    augmenter.set_params(ratio=None, method=("generator", "mixed"))
    with pytest.raises(DataError, match=r"Rows were to be added, and no candidate could.*out of order"):
        augmenter.fit_resample(X, y)


class Knowing(KNeighborsClassifier):
    """A teacher that remembers how often it was asked about rows that it has learned."""

    asked: ClassVar[list] = []

    def predict_proba(self, X):
        known = {tuple(row) for row in self._fit_X.round(6).tolist()}
        Knowing.asked.append(sum(tuple(row) in known for row in np.asarray(X).round(6).tolist()))
        return super().predict_proba(X)


def test_no_teacher_has_learned_the_rows_that_it_judges():
    X, y = numbers(60)
    Knowing.asked.clear()
    augmenter = Augmenter(ratio=(1, 5), teacher=Knowing(3), **JITTER)
    chosen(augmenter, DecisionTreeClassifier(), X, y)
    assert len(Knowing.asked) > 10
    assert not any(Knowing.asked)


def test_rows_that_a_fold_has_none_of_are_not_drawn_in_it():
    X, _ = numbers(60)
    y = np.repeat([0, 1, 2], [40, 19, 1])
    Recording.lessons.clear()
    Augmenter(estimator=Recording(), cv=3, n_repeats=1, **TWO_WAYS).fit_resample(X, y)
    # Of the fold without the third class 27 rows of the first and as many of the second are learned.
    assert {n for n, _, _ in Recording.lessons} == {40, 54, 80}


@pytest.mark.parametrize(
    "as_y",
    [lambda y: y, lambda y: pd.Series(y, dtype="boolean"), pd.array],
    ids=["array", "nullable", "array of pandas"],
)
def test_figures_are_the_same_whatever_holds_the_classes(as_y):
    X, y = numbers(80)
    augmenter = Augmenter(ratio=(1, 2), **QUICK_JITTER)
    expected = chosen(augmenter, RidgeClassifier(), X, y == 1).table["gain"]
    found = chosen(augmenter, RidgeClassifier(), X, as_y(y == 1)).table["gain"]
    np.testing.assert_allclose(found, expected)


def test_a_learner_that_needs_more_rows_than_a_fold_has_gets_none():
    X, y = numbers(20)
    decision = chosen(Augmenter(ratio=(1, 2), **QUICK_JITTER), KNeighborsClassifier(17), X, y)
    assert decision.choice is None
    assert "cannot be trained on parts of the rows" in decision.reason


def test_a_learner_that_fails_without_any_rows_is_no_candidates_fault():
    X, y = classes()
    with pytest.raises(ValueError, match=r"could not convert string|Cannot cast"):
        chosen(Augmenter(ratio="auto", **QUICK_JITTER), LogisticRegression(), X, y)


def test_numbers_are_chosen_for_as_well():
    X, y = amounts(150)
    y += 2 * np.random.default_rng(1).normal(size=150)
    augmenter = Augmenter(ratio=(1, 5), n_repeats=1, **JITTER, teacher=RandomForestRegressor(20))
    model = AugmentedRegressor(DecisionTreeRegressor(random_state=0), augmenter, random_state=0).fit(X, y)
    assert model.decision_.choice is not None
    assert model.predict(X).shape == (150,)


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
    how = {"ratio": 1, "method": ("generator", "mixed"), "cv": 3, "n_repeats": 1}
    augmenter = Augmenter(Copying(), **how, scoring=scoring, random_state=0)
    AugmentedClassifier(DecisionTreeClassifier(), augmenter, random_state=0).fit(X, y)
    learned = [set(table["x3"]) for table in Copying.seen if len(table) < 60]
    held_out = {frozenset(set(range(60)) - rows) for rows in learned}
    assert len(learned) == 3
    assert {frozenset(rows) for rows in judged} == held_out


def test_choosing_is_repeatable():
    X, y = numbers(60)
    augmenter = Augmenter(ratio="auto", n_repeats=1, **JITTER, teacher=RandomForestClassifier(20))
    tables = [chosen(augmenter, DecisionTreeClassifier(), X, y).table for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)


class Recording(ClassifierMixin, BaseEstimator):
    """A learner that remembers how it was taught."""

    lessons: ClassVar[list] = []

    def __init__(self, min_samples_leaf=5):
        self.min_samples_leaf = min_samples_leaf

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        Recording.lessons.append((len(y), sample_weight, self.min_samples_leaf))
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_what_a_pipeline_gets_is_what_is_tried():
    X, y = numbers(60)
    Recording.lessons.clear()
    augmenter = Augmenter(ratio=(1, 5), estimator=Recording(), **QUICK_JITTER)
    augmenter.fit_resample(X, y)
    assert {n for n, _, _ in Recording.lessons} == {48, 96, 288}
    assert {leaf for _, _, leaf in Recording.lessons} == {5}
    assert all(weights is None or (weights == 1).all() for _, weights, _ in Recording.lessons)
    AugmentedClassifier(Recording(), augmenter, random_state=0).fit(X, y)
    assert any(weights is not None and weights[0] == 0.1 for _, weights, _ in Recording.lessons)


def test_losses_of_rows_weigh_as_the_strategy_has_their_classes(monkeypatch):
    X, y = numbers(80)
    augmenter = Augmenter(**TWO_WAYS)
    augmenter.fit_resample(X, y)
    assert (augmenter.decision_.table["gain"] != 0).all()
    monkeypatch.setattr(strategies, "weights_of", lambda problem, by_class: np.zeros(len(problem)))
    augmenter.fit_resample(X, y)
    assert (augmenter.decision_.table["gain"] == 0).all()


@pytest.mark.parametrize("strategy", ["auto", 0.9, {1: 60}, {1: 61, 0: 90}], ids=str)
def test_strategies_are_tried_on_parts_of_the_rows_and_done_in_the_way_that_is_best(strategy):
    X, y = numbers(100)
    augmenter = Augmenter(sampling_strategy=strategy, **TWO_WAYS)
    _, targets = augmenter.fit_resample(X, y)
    _, expected = RandomOverSampler(sampling_strategy=strategy).fit_resample(X, y)
    assert np.bincount(targets).tolist() == np.bincount(expected).tolist()
    assert augmenter.decision_.table["failed"].tolist() == ["", ""]


def test_more_folds_than_rows_are_as_many_as_rows():
    X, y = amounts(8)
    augmenter = Augmenter(ratio=(1, 2), method="jitter", cv=10, random_state=0)
    assert len(AugmentedRegressor(augmenter=augmenter).fit(X, y).decision_.table) == 2


def test_threads_leave_the_filters_of_warnings_as_they_are():
    X, y = numbers(60)
    before = list(warnings.filters)
    augmenter = Augmenter(ratio=(1, 2), n_jobs=2, **QUICK_JITTER)
    for _ in range(3):
        AugmentedClassifier(DecisionTreeClassifier(), augmenter).fit(X, y)
    assert list(warnings.filters) == before


def test_weights_of_real_rows_count_where_candidates_are_tried():
    X, y = numbers(60)
    Recording.lessons.clear()
    weights = np.where(np.arange(60) < 30, 2.0, 1.0)
    augmenter = Augmenter(ratio=(1, 2), **QUICK_JITTER)
    AugmentedClassifier(Recording(), augmenter).fit(X, y, sample_weight=weights)
    assert all(len(np.unique(own.round(6))) > 1 for _, own, _ in Recording.lessons)
