import numpy as np
import pandas as pd
import pytest
from small_comparisons import LINE, QUICK, TREE, Failing, Remembering, Resampling, small_table

from synthgan.evaluation import compare_augmentation
from synthgan.evaluation.folds import FoldResult
from synthgan.evaluation.verdict import HELPS, HURTS, UNCLEAR, UNKNOWN
from synthgan.exceptions import DataError, OutputRefusedError, ParameterError


class Teaching:
    """Draws from the law of the table."""

    def fit(self, table):
        self.fold = int(pd.util.hash_pandas_object(table).sum() % 2**32)
        return self

    def sample(self, n):
        return hard_table(n, self.fold)


class Lying(Resampling):
    """Draws learned rows with the opposite target."""

    def sample(self, n):
        rows = super().sample(n)
        return rows.assign(y=np.where(rows["y"] == "yes", "no", "yes"))


class Unchanging:
    def fit_resample(self, X, y):
        return X, y


def hard_table(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 40))
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(40)])
    return frame.assign(y=np.where(X.sum(axis=1) + rng.normal(size=n) > 0, "yes", "no"))


def test_a_planted_gain_is_found_and_a_lie_hurts():
    result = compare_augmentation(
        hard_table(300, 0),
        "y",
        {"teaching": Teaching(), "lying": Lying()},
        **QUICK | {"ratio": 5.0, "n_repeats": 4},
    )
    assert [verdict.word for verdict in result.verdicts] == [HELPS, HURTS]
    assert result.verdicts[0].gain.low > 0 > result.verdicts[1].gain.high
    assert "teaching helps: AUC +" in result.to_markdown()


def test_a_sampler_that_adds_nothing_makes_no_difference():
    (verdict,) = compare_augmentation(small_table(), "y", {"nothing": Unchanging()}, **QUICK).verdicts
    assert verdict.word == UNCLEAR
    assert (verdict.gain.low, verdict.gain.value, verdict.gain.high) == (0, 0, 0)
    assert verdict.posterior.same == 1


def test_no_sampler_ever_sees_a_row_that_is_tested():
    frame = small_table().assign(number=np.arange(160.0))
    Remembering.seen.clear()
    result = compare_augmentation(frame, "y", {"remembering": Remembering()}, **QUICK)
    assert len(Remembering.seen) == result.n_folds == 5
    seen = [set(table["number"]) for table in Remembering.seen]
    # 160 rows, a fifth tested, and of the others a fifth for thresholds.
    assert all(len(rows) == pytest.approx(160 * 0.8 * 0.8, abs=2) for rows in seen)
    assert set().union(*seen) == set(range(160))


def test_a_canary_in_the_tested_rows_is_never_drawn():
    # Rows carry the mark of their group; of ten groups a fold tests two, and tunes thresholds on one or two.
    frame = small_table().assign(group=np.arange(160) % 10)
    Remembering.seen.clear()
    compare_augmentation(frame, "y", {"remembering": Remembering()}, groups="group", **QUICK)
    assert all(table["group"].nunique() in (6, 7) for table in Remembering.seen)


def test_the_same_seed_gives_the_same_records_in_one_process_or_two():
    frame = small_table()
    scores = [
        compare_augmentation(
            frame, "y", {"mine": Resampling()}, **QUICK | {"n_jobs": jobs, "random_state": seed}
        ).records[["arm", "auc", "log_loss"]]
        for jobs, seed in ((1, 3), (2, 3), (1, 4))
    ]
    pd.testing.assert_frame_equal(scores[0], scores[1])
    assert not scores[0].equals(scores[2])


def test_arms_of_one_fold_are_compared_on_the_same_rows_with_the_same_seeds():
    options = QUICK | {"estimators": {"tree": TREE}}
    result = compare_augmentation(small_table(), "y", {"nothing": Unchanging()}, **options)
    pd.testing.assert_frame_equal(result.scores_of("nothing"), result.scores_of("none"))


def test_a_sampler_that_fails_is_named_and_not_judged():
    result = compare_augmentation(small_table(), "y", {"short": Failing(), "mine": Resampling()}, **QUICK)
    short, mine = result.verdicts
    assert short.word == UNKNOWN
    assert mine.word != UNKNOWN
    (failure,) = result.failures.to_dict("records")
    assert failure["folds"] == 5
    assert "was asked for" in failure["failure"]
    assert "could not be judged" in result.to_markdown()


def test_one_fold_that_fails_is_enough_not_to_be_judged():
    frame = small_table()
    result = compare_augmentation(frame, "y", {"mine": Resampling()}, **QUICK)
    records = result.records.copy()
    records.loc[records["arm"].eq("mine") & records["fold"].eq(2), "auc"] = np.nan
    holed = type(result)(records, result.task, result.samplers, result.ratio, result.judge)
    assert holed.verdicts[0].word == UNKNOWN


def test_regression_has_the_baselines_that_need_no_classes():
    result = compare_augmentation(
        small_table(), "x", {"mine": Resampling()}, n_repeats=1, ratios=(), examine=False, verbose=0
    )
    assert result.arms == ["none", "duplicates", "mine"]
    assert {"r2", "rmse", "mae"} <= set(result.records)
    assert "rows without a target were left out" in result.notes[0]


def test_an_interrupted_comparison_goes_on_where_it_was(tmp_path, monkeypatch):
    frame, options = small_table(), QUICK | {"resume": tmp_path / "folds"}
    whole = compare_augmentation(frame, "y", {"mine": Resampling()}, **options)
    files = sorted((tmp_path / "folds").iterdir())
    assert len(files) == 5
    files[0].unlink()
    files[1].write_text("{half a fi")
    done = []
    monkeypatch.setattr(
        "synthgan.evaluation.comparison._fold",
        lambda place, trial, frame, split: done.append(place) or (place, trial.run(frame, split)),
    )
    again = compare_augmentation(frame, "y", {"mine": Resampling()}, **options)
    assert len(done) == 2
    columns = [name for name in whole.records if "seconds" not in name]
    pd.testing.assert_frame_equal(whole.records[columns], again.records[columns])
    compare_augmentation(frame, "y", {"mine": Resampling()}, **options | {"random_state": 1})
    assert len(done) == 7


def test_what_a_fold_gave_survives_a_file():
    result = compare_augmentation(small_table(), "y", **QUICK)
    assert result.records["failure"].eq("").all()
    state = FoldResult([], {"none": 0.1}, ["a note"])
    assert FoldResult.from_dict(state.to_dict()) == state


def test_notes_tell_what_makes_scores_too_good():
    frame = pd.concat([small_table(), small_table(20)], ignore_index=True)
    frame["when"] = pd.date_range("2024", periods=len(frame))
    frame.loc[160:, "when"] = frame.loc[:19, "when"].to_numpy()
    notes = " ".join(compare_augmentation(frame, "y", **QUICK).notes)
    assert "are copies of others; copies are kept on one side" in notes or frame.duplicated().sum() == 0
    assert "compare with time='when'" in notes


@pytest.mark.parametrize(
    ("frame", "options", "error", "told"),
    [
        (small_table(), {"target": "Y"}, DataError, "Did you mean 'y'"),
        (small_table().assign(y="no"), {}, DataError, "has the value 'no' only"),
        (small_table().assign(y=None), {}, DataError, "0 rows|no value"),
        (small_table()[["y"]], {}, DataError, "no column beside the target"),
        (small_table(), {"metric": "accuracy"}, ParameterError, "metric must be one of"),
        (small_table(), {"task": "ranking"}, ParameterError, "task must be"),
        (small_table(), {"positive": "maybe"}, ParameterError, "is no class of 'y'"),
        (small_table(), {"ratio": 0}, ParameterError, "numbers above 0"),
        (small_table(), {"resume": __file__}, OutputRefusedError, "cannot be made"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(frame, options, error, told):
    with pytest.raises(error, match=told):
        compare_augmentation(frame, **QUICK | {"target": "y"} | options)


def test_several_learners_are_judged_together_and_shown_apart():
    options = QUICK | {"estimators": {"line": LINE, "tree": TREE}}
    result = compare_augmentation(small_table(), "y", {"mine": Resampling()}, **options)
    frame = result.to_frame().query("score == 'auc' and arm == 'mine'").set_index("learner")
    assert frame.loc["all learners", "gain"] == pytest.approx(frame.loc[["line", "tree"], "gain"].mean())
    assert result.verdicts[0].gain.value == pytest.approx(frame.loc["all learners", "gain"])
