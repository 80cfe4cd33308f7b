"""What the augmenter returns, to whom, and what it never sees."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from small_problems import FOREST, QUICK, Copying, amounts, classes, numbers, problem_of, quick

from synthgan import Augmenter, DataError, ParameterError, ResourceError, SynthGAN
from synthgan.augmentation.options import candidates_of, stages_of
from synthgan.augmentation.supply import LABELS
from synthgan.augmentation.ways import METHODS

STRATEGIES = ["auto", "minority", "not minority", "not majority", "all", 0.9, {"yes": 50}]


@pytest.mark.parametrize("strategy", [*STRATEGIES, pytest.param(lambda y: {"no": 70}, id="call")], ids=str)
def test_a_strategy_means_what_it_means_to_imbalanced_learn(strategy):
    X, y = classes()
    _, ours = quick(sampling_strategy=strategy, method="jitter").fit_resample(X, y)
    _, theirs = RandomOverSampler(sampling_strategy=strategy).fit_resample(X, y)
    pd.testing.assert_series_equal(ours.value_counts().sort_index(), theirs.value_counts().sort_index())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("ratio", [None, 0.5])
def test_real_rows_come_first_and_unchanged_and_drawn_ones_have_their_form(method, labels, ratio):
    X, y = classes()
    before = X.copy(), y.copy()
    augmenter = quick(method=method, labels=labels, ratio=ratio)
    more, targets = augmenter.fit_resample(X, y)
    pd.testing.assert_frame_equal(X, before[0])
    pd.testing.assert_series_equal(y, before[1])
    pd.testing.assert_frame_equal(more.iloc[: len(X)], X)
    pd.testing.assert_series_equal(targets.iloc[: len(y)], y)
    assert (more.dtypes == X.dtypes).all()
    assert more.index.equals(pd.RangeIndex(len(more)))
    assert targets.index.equals(more.index)
    assert targets.name == "answer"
    assert len(more) == len(X) + augmenter.n_added_
    if ratio is None:
        assert targets.value_counts().nunique() == 1
    else:
        assert augmenter.n_added_ == 30
        assert set(targets) == {"yes", "no"}


def test_the_same_seed_gives_the_same_rows():
    X, y = classes()
    first, second = (quick(method="mixed", labels="teacher").fit_resample(X, y) for _ in range(2))
    pd.testing.assert_frame_equal(first[0], second[0])
    other, _ = quick(method="mixed", labels="teacher", random_state=1).fit_resample(X, y)
    assert not first[0].equals(other)


def test_bins_of_numbers_are_balanced():
    X, y = amounts(200)
    augmenter = quick(task="regression", bins=4, teacher=None)
    _, targets = augmenter.fit_resample(X, y)
    edges = np.linspace(y.min(), y.max(), 5)
    counts = np.bincount(np.searchsorted(edges[1:-1], targets, side="right"), minlength=4)
    before = np.bincount(np.searchsorted(edges[1:-1], y, side="right"), minlength=4)
    assert (counts[before > 0] == before.max()).all()
    assert targets.between(y.min(), y.max()).all()
    assert augmenter.sampling_strategy_ == {
        b: before.max() - n for b, n in enumerate(before) if 0 < n < before.max()
    }


def test_labels_of_numbers_are_the_teachers_mean_or_that_with_a_residual():
    X, y = amounts(100)
    teacher = RandomForestRegressor(20, random_state=0)
    how = {"ratio": 2, "method": "jitter", "teacher": teacher}
    (Xs, soft), (Xt, hard) = (quick(labels=one, **how).fit_resample(X, y) for one in ("soft", "teacher"))
    pd.testing.assert_frame_equal(Xs, Xt)
    off = (hard - soft).iloc[100:]
    assert soft.iloc[100:].between(y.min(), y.max()).all()
    assert off.std() > 0
    assert abs(off.mean()) < 0.2 * y.std()


def test_rows_without_labels_are_learned_too():
    X, y = classes(20)
    more, _ = classes(80, seed=1)
    Copying.seen.clear()
    augmenter = quick(synthesizer=Copying(), ratio=4, labels="soft")
    added, _ = augmenter.fit_resample(X, y, X_unlabelled=more)
    (learned,) = Copying.seen
    pd.testing.assert_frame_equal(learned, pd.concat([X, more], ignore_index=True))
    assert set(added["size"].iloc[20:]) > set(X["size"])
    with pytest.raises(ParameterError, match="X_unlabelled needs a ratio, and labels='soft' or 'teacher'"):
        quick(ratio=1).fit_resample(X, y, X_unlabelled=more)
    with pytest.raises(DataError, match="lacks columns of X: 'size'"):
        quick(ratio=1, labels="soft").fit_resample(X, y, X_unlabelled=more.drop(columns="size"))


@pytest.mark.parametrize("n", [20, 25])
@pytest.mark.parametrize("method", METHODS)
def test_twenty_rows_are_enough(n, method):
    X, y = classes(n)
    more, _ = Augmenter(SynthGAN(verbose=0), method=method, ratio=2, random_state=0).fit_resample(X, y)
    assert len(more) == 3 * n


def test_it_resamples_in_a_pipeline_when_fitted_alone():
    X, y = numbers(80)
    model = make_pipeline(quick(), LogisticRegression()).fit(X, y)
    assert model.predict(X).shape == (80,)
    assert len(quick().fit_resample(X, y)[0]) > 80
    search = GridSearchCV(
        make_pipeline(quick(method="jitter"), LogisticRegression()),
        {"augmenter__synthesizer__epochs": [1, 2], "augmenter__ratio": [None, 1]},
        cv=2,
    ).fit(X, y)
    assert set(search.best_params_) == {"augmenter__synthesizer__epochs", "augmenter__ratio"}


def test_nothing_of_a_test_fold_reaches_the_generator():
    # Each row carries a number of its own: the folds' training rows are all that is ever learned.
    X, y = numbers(80)
    X = np.column_stack([X, np.arange(80)])
    Copying.seen.clear()
    folds = [(np.arange(0, 40), np.arange(40, 80)), (np.arange(40, 80), np.arange(0, 40))]
    augmenter = quick(synthesizer=Copying(), ratio="auto", labels="soft", cv=3, n_repeats=1)
    cross_val_score(make_pipeline(augmenter, LogisticRegression()), X, y, cv=folds, error_score="raise")
    learned = [set(table["x3"]) for table in Copying.seen]
    assert len(learned) >= 6
    assert all(any(rows <= set(train) for train, _ in folds) for rows in learned)


class Seeing(LogisticRegression):
    """A learner that remembers the largest number of all that it learned."""

    largest: ClassVar[list] = []

    def fit(self, X, y, sample_weight=None):
        Seeing.largest.append(np.abs(X).max())
        return super().fit(X, y, sample_weight)


def test_a_canary_in_the_test_rows_is_never_drawn():
    X, y = numbers(60)
    X[59] = 1e6
    Seeing.largest.clear()
    augmenter = quick(method=("mixed", "jitter", "neighbours"), ratio=2, labels="soft", cv=3, n_repeats=1)
    model = make_pipeline(augmenter.set_params(estimator=Seeing()), Seeing())
    for learned, tested in KFold(3).split(X):
        model.fit(X[learned], y[learned]).predict(X[tested])
    folds = np.array(Seeing.largest).reshape(3, -1)
    assert (folds[2] < 100).all()  # of the split that tests the last row, inner folds included
    assert (folds[:2, -1] > 1e5).all()  # rows that are learned are seen


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "jiter"}, "Did you mean 'jitter'"),
        ({"labels": ("own", "mine")}, "labels must be one of 'own'"),
        ({"ratio": -1}, "ratio must be a number of at least 0"),
        ({"ratio": "all"}, "ratio must be a number"),
        ({"ratio": 1, "sampling_strategy": "all"}, "either ratio or sampling_strategy"),
        ({"real_share": 1.0}, "real_share must be a number from 0 to below 1"),
        ({"bins": 1}, "bins must be a whole number of at least 2"),
        ({"bins": "density"}, "bins must be a whole number of at least 2"),
        ({"task": "ranking"}, "task must be one of"),
        ({"cv": 1}, "cv must be a whole number of at least 2"),
        ({"level": 0}, "level must be a number above 0"),
        ({"synthesizer": object()}, "fit\\(table\\) and sample\\(n\\)"),
        ({"synthesizer": SynthGAN}, "not its class; give SynthGAN"),
        ({"scoring": "roc-auc"}, "Did you mean 'roc_auc'"),
        ({"teacher": LogisticRegression, "labels": "soft"}, "teacher must be a scikit-learn estimator"),
        ({"teacher": FOREST.fit, "ratio": (1, 2)}, "teacher must be a scikit-learn estimator"),
    ],
    ids=lambda one: str(one)[:20],
)
def test_a_parameter_out_of_its_range_is_named(options, says):
    X, y = classes()
    with pytest.raises(ParameterError, match=says):
        quick(**options).fit_resample(X, y)


def test_rows_that_are_wanted_of_a_class_have_to_fit_into_memory():
    X, y = numbers()
    with pytest.raises(ResourceError, match="would take about"):
        quick(sampling_strategy={1: 10**10}, method="jitter").fit_resample(X, y)


def test_of_rows_of_a_class_a_teacher_keeps_those_that_look_like_it():
    X, y = numbers(120)
    line = LogisticRegression().fit(X, y)
    chances = []
    for labels in ("own", "teacher"):
        more, targets = quick(method="jitter", labels=labels, teacher=LogisticRegression()).fit_resample(X, y)
        assert np.bincount(targets).tolist() == [np.bincount(y).max()] * 2
        chances.append(line.predict_proba(more[120:])[:, 1].mean())
    assert chances[1] > chances[0] + 0.05


def test_gaps_of_levels_stay_gaps_between_neighbours():
    X = pd.DataFrame({"level": ["", None, "a"] * 20, "number": np.arange(60.0)})
    drawn = quick(ratio=2, method="neighbours").fit_resample(X, np.arange(60) % 2)[0].iloc[60:]
    assert drawn["level"].isna().any()
    assert (drawn["level"] == "").any()


def test_all_ways_are_tried_with_and_without_a_teacher_and_all_weights():
    options = Augmenter(ratio="auto", method="auto").get_params(deep=False)
    X, y = numbers()
    found = candidates_of(options, problem_of(X, y))
    assert {one.labels for one in found} == {"soft", "own"}
    assert {one.real_share for one in found} == {0.1, 0.5}
    ways, amounts_of, shares = stages_of(found)
    best = ways(None)[0]
    assert {(one.labels, one.real_share) for one in ways(None)} == {("soft", 0.1), ("own", 0.5)}
    assert {one.ratio for one in amounts_of(best)} == {5, 2, 1, 0.5, 0.25}
    assert {one.real_share for one in shares(best)} == {0.1, 0.5}


def test_what_a_generator_must_not_draw_is_named():
    X, y = numbers(60)

    nothing, strange = Copying(lambda rows: None), Copying(lambda rows: rows.assign(target=7))
    with pytest.raises(DataError, match=r"Copying\.sample must return rows as a table; got NoneType"):
        quick(synthesizer=nothing, ratio=1).fit_resample(X, y)
    with pytest.raises(DataError, match=r"with a target that y has, and others such as .*7"):
        quick(synthesizer=strange, ratio=1).fit_resample(X, y)
    with pytest.raises(DataError, match="columns of the same name"):
        quick().fit_resample(X, pd.DataFrame(np.c_[y, y], columns=["a", "a"]))
    with pytest.raises(DataError, match="drops columns that drawn rows must have: 'x0'"):
        quick(synthesizer=SynthGAN(kinds={"x0": "drop"}), ratio=1).fit_resample(X, y)


def test_generators_without_conditions_are_asked_until_there_are_enough():
    X, y = classes()
    _, targets = Augmenter(Copying(), random_state=0).fit_resample(X, y)
    assert targets.value_counts().nunique() == 1


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("ratio", [0, 0.001])
def test_no_rows_are_no_fault(labels, ratio):
    X, y = classes()
    more, targets = quick(ratio=ratio, labels=labels, method="jitter").fit_resample(X, y)
    pd.testing.assert_frame_equal(more, X)
    pd.testing.assert_series_equal(targets, y)


def test_a_generator_may_write_into_what_it_learns():
    class Writing(Copying):
        def fit(self, table):
            super().fit(table.copy())
            table["size"] = 999.0
            return self

    X, y = classes()
    more, _ = Augmenter(Writing(), method="mixed", ratio=1, random_state=0).fit_resample(X, y)
    assert more["size"].max() < 100


def test_rows_without_labels_have_the_dtypes_of_those_with():
    X, y = classes(40)
    more = classes(20, seed=1)[0].astype({"count": float})
    more.loc[0, "count"] = np.nan
    how = {"ratio": 1, "labels": "soft", "method": "jitter"}
    with pytest.raises(DataError, match="Column 'count' of X_unlabelled is float64"):
        quick(**how).fit_resample(X, y, X_unlabelled=more)
    whole = more.fillna({"count": 1.0})
    added, _ = quick(**how, random_state=1).fit_resample(X, y, X_unlabelled=whole)
    assert added["count"].dtype == np.int32


def test_a_target_of_the_synthesizer_is_no_hindrance_to_rows_without_labels():
    X, y = classes(40)
    gan = clone(QUICK).set_params(target="answer")
    rows, _ = quick(synthesizer=gan, ratio=1, labels="soft").fit_resample(X, y, X_unlabelled=X)
    assert len(rows) == 80
