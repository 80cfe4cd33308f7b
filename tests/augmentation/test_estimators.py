"""Learners that are fitted on augmented rows."""

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from small_problems import QUICK, amounts, classes, numbers

from synthgan import (
    AugmentedClassifier,
    AugmentedRegressor,
    Augmenter,
    DataError,
    ParameterError,
    ResourceError,
)
from synthgan.evaluation import compare_augmentation

SOFT = Augmenter(ratio=2, method="jitter", labels="soft", real_share=0.1)
NOTHING = clone(SOFT).set_params(ratio=0)


def of_tables(learner):
    levels = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = make_column_transformer(
        (SimpleImputer(), ["size", "count", "gap"]), (levels, ["kind", "town"]), remainder="drop"
    )
    return make_pipeline(columns, learner)


@pytest.mark.parametrize(
    "learner", [LogisticRegression(), DecisionTreeClassifier(), KNeighborsClassifier()], ids=str
)
@pytest.mark.parametrize("labels", ["own", "soft"])
def test_pipelines_of_tables_learn_and_predict(learner, labels):
    X, y = classes()
    X["town"] = X["town"].astype(object).where(X["town"].notna(), np.nan)
    augmenter = Augmenter(QUICK, ratio=1, method="mixed", labels=labels)
    model = AugmentedClassifier(of_tables(learner), augmenter, random_state=0).fit(X, y)
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.predict_proba(X).shape == (60, 2)
    assert model.score(X, y) > 0.7
    assert model.n_features_in_ == 7
    assert model.feature_names_in_.tolist() == list(X)


def test_what_the_learner_cannot_do_the_meta_estimator_cannot():
    naive = AugmentedClassifier(GaussianNB(), SOFT)
    assert hasattr(naive, "predict_proba")
    assert not hasattr(naive, "decision_function")
    assert hasattr(AugmentedClassifier(LogisticRegression()), "decision_function")


def test_weights_of_real_rows_count():
    X, y = numbers(100)
    weights = np.where(np.arange(100) < 50, 1.0, 0.0)
    augmenter = Augmenter(ratio=1, method="jitter", real_share=0.9)
    model = AugmentedClassifier(LogisticRegression(), augmenter, random_state=0)
    of_half = model.fit(X, y, sample_weight=weights).predict_proba(X)
    of_all = clone(model).fit(X, y).predict_proba(X)
    alone = LogisticRegression().fit(X[:50], y[:50]).predict_proba(X)
    assert np.abs(of_half - alone).mean() < np.abs(of_all - alone).mean()
    neighbours = AugmentedClassifier(KNeighborsClassifier(), augmenter, random_state=0)
    with pytest.raises(ParameterError, match="KNeighborsClassifier takes no sample_weight"):
        neighbours.fit(X, y, sample_weight=weights)


def test_grids_reach_the_learner_and_the_synthesizer():
    X, y = numbers()
    model = AugmentedClassifier(LogisticRegression(), Augmenter(QUICK, ratio=1), random_state=0)
    grid = {"estimator__C": [0.1, 1.0], "augmenter__ratio": [0, 1], "augmenter__synthesizer__epochs": [1]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert set(search.best_params_) == set(grid)


def test_folds_of_scikit_learn_fit_it():
    X, y = classes()
    model = AugmentedClassifier(of_tables(DecisionTreeClassifier(min_samples_leaf=3)), SOFT, random_state=0)
    scores = cross_val_score(model, X.drop(columns="town").assign(town="Oslo"), y, cv=3, error_score="raise")
    assert scores.mean() > 0.6


def test_nothing_that_was_given_is_changed():
    X, y = classes()
    X["town"] = "Oslo"
    before, augmenter, learner = X.copy(), clone(SOFT), of_tables(LogisticRegression())
    AugmentedClassifier(learner, augmenter, random_state=0).fit(X, y)
    pd.testing.assert_frame_equal(X, before)
    assert augmenter.estimator is None
    assert augmenter.task == "auto"
    assert not hasattr(learner[-1], "coef_")


@pytest.mark.parametrize("labels", ["own", "teacher", "soft"])
def test_numbers_are_predicted(labels):
    X, y = amounts(120)
    augmenter = Augmenter(ratio=2, method="jitter", labels=labels)
    model = AugmentedRegressor(Ridge(), augmenter, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.3


OF_NUMBERS = "AugmentedRegressor needs an estimator for regression"
OF_CLASSES = "AugmentedClassifier needs an estimator for classification"
OF_TASK = "task must be 'auto' or 'classification'"


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (AugmentedClassifier(None, LogisticRegression()), "augmenter must be an Augmenter or None"),
        (AugmentedClassifier(None, SOFT, adapt="no"), "adapt must be True or False; got 'no'"),
        (AugmentedClassifier(None, clone(SOFT).set_params(task="regression")), OF_TASK),
        (AugmentedClassifier(None, clone(SOFT).set_params(task="clf")), OF_TASK),
        (AugmentedRegressor(LogisticRegression(), SOFT), OF_NUMBERS),
        (AugmentedClassifier(Ridge(), SOFT), OF_CLASSES),
        (AugmentedClassifier(KMeans(3), SOFT), OF_CLASSES),
        (AugmentedClassifier(IsolationForest(), SOFT), OF_CLASSES),
        (AugmentedClassifier(DecisionTreeClassifier, SOFT), OF_CLASSES),
        (AugmentedClassifier("tree", SOFT), OF_CLASSES),
    ],
)
def test_what_suits_no_meta_estimator_is_refused(model, says):
    with pytest.raises(ParameterError, match=says):
        model.fit(*numbers())


def test_what_was_asked_for_is_added_without_a_comparison_and_said_to_be():
    X, y = numbers()
    decision = AugmentedClassifier(LogisticRegression(), SOFT).fit(X, y).decision_
    assert str(decision).endswith(": as asked for, not compared with adding nothing.")
    assert decision.choice.method == SOFT.method
    assert decision.p_value is None


def test_drawn_rows_of_times_are_for_selectors_of_dtypes_as_well():
    X, y = classes()
    columns = make_column_transformer((SimpleImputer(), make_column_selector(dtype_include="number")))
    model = make_pipeline(columns, LogisticRegression())
    assert AugmentedClassifier(model, SOFT, random_state=0).fit(X, y).predict(X).shape == (60,)


def test_a_search_is_done_on_real_rows_and_kept_and_its_best_learns_drawn_rows():
    X, y = numbers(120)
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 8]}, cv=5)
    depth = clone(search).fit(X, y).best_params_["max_depth"]
    model = AugmentedClassifier(search, SOFT, random_state=0).fit(X, y)
    assert isinstance(model.estimator_, DecisionTreeClassifier)
    assert model.estimator_.max_depth == model.search_.best_params_["max_depth"] == depth
    assert model.n_added_ == SOFT.ratio * len(y)
    assert not hasattr(model.set_params(estimator=DecisionTreeClassifier()).fit(X, y), "search_")
    piped = AugmentedClassifier(make_pipeline(StandardScaler(), search), SOFT, random_state=0).fit(X, y)
    assert piped.estimator_[-1].max_depth == piped.search_.best_params_["max_depth"]
    with pytest.raises(ParameterError, match="refit=True"):
        AugmentedClassifier(clone(search).set_params(refit=False), SOFT).fit(X, y)


def test_a_pipeline_that_adds_rows_itself_is_taught_without_weights():
    X, y = numbers()
    learner = make_resampling_pipeline(
        RandomOverSampler(random_state=0), DecisionTreeClassifier(random_state=0)
    )
    assert AugmentedClassifier(learner, SOFT, random_state=0).fit(X, y).score(X, y) > 0.5


def test_a_comparison_puts_each_learner_into_it():
    X, y = classes(120)
    tree = DecisionTreeClassifier(min_samples_leaf=3)
    result = compare_augmentation(
        X.assign(answer=y),
        "answer",
        {"augmented": AugmentedClassifier(augmenter=SOFT), "nothing": AugmentedClassifier(augmenter=NOTHING)},
        {"tree": tree, "pipeline": of_tables(tree)},
        n_splits=3,
        n_repeats=1,
        ratios=(),
        verbose=0,
    )
    own = result.records[result.records["arm"] == "augmented"]
    assert (own["failure"] == "").all()
    assert (own["n_added"] == SOFT.ratio * 64).all()  # of 80 rows a fifth tunes the threshold
    gains = result.records.pivot_table(index=["fold", "learner"], columns="arm", values="auc")
    pd.testing.assert_series_equal(gains["nothing"], gains["none"], check_names=False)
    assert (gains["augmented"] != gains["none"]).any()
    assert any(note.startswith("nothing added no rows in 6 of 6 fits") for note in result.notes)


def test_text_is_no_number_to_predict():
    X, y = classes()
    with pytest.raises(DataError, match="y holds text such as 'yes'"):
        AugmentedRegressor(augmenter=SOFT).fit(X, y)


def test_more_rows_than_memory_holds_are_refused():
    X, y = numbers()
    with pytest.raises(ResourceError, match="rows of 4 columns would take about"):
        AugmentedClassifier(DecisionTreeClassifier(), clone(SOFT).set_params(ratio=1e9)).fit(X, y)
