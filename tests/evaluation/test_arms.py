import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from small_comparisons import FAILING, YES_NO, Resampling, small_table

from synthgan.evaluation.arms import Duplicates, Sampler, Smote, baselines, named_samplers, own_copy
from synthgan.evaluation.learners import Task, UnsuitedError
from synthgan.exceptions import DataError, ParameterError

COUNT = Task("count", "regression")


def trainings(arm, frame, task=YES_NO, ratios=(1.0,), seed=0):
    return list(arm.trainings(frame, task, list(ratios), seed))


@pytest.mark.parametrize("task", [YES_NO, COUNT])
def test_every_baseline_puts_the_real_rows_first_and_unchanged(task):
    frame = small_table()
    before = frame.copy()
    for arm in baselines(task):
        for training in trainings(arm, frame, task, (0.5, 2.0)):
            assert (training.frame.dtypes == frame.dtypes).all()
            pd.testing.assert_frame_equal(training.frame.iloc[: len(frame)], frame)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("place", [2, 3])
def test_oversampling_makes_classes_as_frequent(place):
    (training,) = trainings(baselines(YES_NO)[place], small_table())
    assert training.frame["y"].value_counts().nunique() == 1


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
def test_duplicates_are_spread_evenly(ratio):
    frame = small_table(gaps=False).assign(number=range(160))
    (training,) = trainings(Duplicates(), frame, ratios=(ratio,))
    added = training.frame["number"].iloc[160:].value_counts().reindex(range(160), fill_value=0)
    assert len(training.frame) == 160 + round(160 * ratio)
    assert added.max() - added.min() <= 1


def test_smote_of_numbers_is_that_of_imbalanced_learn():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(90, 3)), columns=["a", "b", "c"])
    frame["y"] = np.where(np.arange(90) < 20, "yes", "no")
    (training,) = trainings(Smote(), frame, seed=7)
    drawn, _ = SMOTE(random_state=7).fit_resample(frame[["a", "b", "c"]], frame["y"])
    assert training.frame[["a", "b", "c"]].to_numpy() == pytest.approx(drawn.to_numpy(), abs=1e-12)
    assert (training.frame["y"].iloc[90:] == "yes").all()


def test_smote_of_a_lone_row_is_unsuited():
    frame = small_table(30).assign(y=["yes"] + ["no"] * 29)
    with pytest.raises(UnsuitedError, match="no neighbours"):
        trainings(Smote(), frame)


def test_drawn_rows_are_those_of_one_draw_at_every_ratio():
    small, large = trainings(Sampler("mine", Resampling()), small_table(), ratios=(0.5, 1.0))
    pd.testing.assert_frame_equal(large.frame.iloc[: len(small.frame)], small.frame)
    assert [len(small.frame), len(large.frame)] == [240, 320]


@pytest.mark.parametrize("sampler", [RandomOverSampler(), RandomUnderSampler()])
def test_samplers_of_imbalanced_learn_decide_themselves(sampler):
    (training,) = trainings(Sampler("theirs", sampler), small_table())
    assert training.ratio is None
    assert training.frame["y"].value_counts().nunique() == 1
    assert list(training.frame.columns) == list(small_table().columns)


def test_a_sampler_of_arrays_is_as_good_as_ours():
    frame = small_table(gaps=False)[["x", "count"]].astype(float)
    (training,) = trainings(Sampler("density", KernelDensity()), frame, COUNT)
    assert len(training.frame) == 320


@pytest.mark.parametrize(
    ("sampler", "told"),
    [(FAILING, "asked for 160 rows and drew 80"), (GaussianMixture(), "returned a tuple")],
)
def test_samplers_that_break_their_word_are_one_sentence(sampler, told):
    with pytest.raises(DataError, match=told):
        trainings(Sampler("mine", sampler), small_table(gaps=False)[["x", "count"]], COUNT)


def test_copies_are_unfitted_silent_and_seeded_only_where_nobody_said_otherwise():
    assert own_copy(RandomOverSampler(), 7).random_state == 7
    assert own_copy(RandomOverSampler(random_state=3), 7).random_state == 3
    assert own_copy(GaussianMixture(verbose=2), 7).verbose == 0
    fitted = Resampling().fit(small_table())
    assert own_copy(fitted, 7) is not fitted


@pytest.mark.parametrize(
    ("samplers", "told"),
    [
        ({"none": Resampling()}, "has the name of a baseline"),
        ({"mine": object()}, "must be an object with fit"),
        ({"mine": Resampling}, "must be an object with fit"),
    ],
)
def test_what_is_no_sampler_is_refused(samplers, told):
    with pytest.raises(ParameterError, match=told):
        named_samplers(samplers, YES_NO)


def test_levels_that_are_drawn_as_numbers_are_levels_again():
    frame = small_table().assign(grade=pd.Categorical(np.tile([1, 2], 80)))
    sampler = Resampling(lambda rows: rows.astype({"member": float, "grade": float}))
    (training,) = trainings(Sampler("mine", sampler), frame)
    drawn = training.frame.iloc[160:]
    assert set(drawn["member"].map(type)) == {bool}
    assert set(drawn["grade"]) == {1, 2}


def test_a_part_of_a_draw_is_like_the_whole():
    sorting = Resampling(lambda rows: rows.sort_values("y"))
    half, whole = trainings(Sampler("mine", sorting), small_table(), ratios=(0.5, 1.0))
    shares = [(training.frame["y"].iloc[160:] == "yes").mean() for training in (half, whole)]
    # The share of 80 of 160 rows, drawn without replacement, within three standard errors.
    assert abs(shares[0] - shares[1]) < 3 * np.sqrt(shares[1] * (1 - shares[1]) / 80 / 2)


class Returning(Resampling):
    """Returns its losses from fit, as some do."""

    def fit(self, table):
        super().fit(table)
        return {"loss": [0.1]}


def test_what_fit_returns_does_not_matter():
    assert len(trainings(Sampler("mine", Returning()), small_table())[0].frame) == 320
