import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from small_comparisons import FAILING, LINE, TREE, Remembering, Resampling, compared, small_table

from synthgan.evaluation.verdict import HELPS, HURTS, UNCLEAR, UNKNOWN
from synthgan.exceptions import DataError, OutputRefusedError, ParameterError


class Teaching:
    """Draws from the law of the table."""

    def fit(self, table):
        self.fold = int(pd.util.hash_pandas_object(table).sum() % 2**32)
        return self

    def sample(self, n):
        return hard_table(n, self.fold)


class Ordering:
    """Adds nothing, and returns the rows as they are or in another order."""

    def __init__(self, step=1):
        self.step = step

    def fit_resample(self, X, y):
        return X.iloc[:: self.step], y.iloc[:: self.step]


def hard_table(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 40))
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(40)])
    return frame.assign(y=np.where(X.sum(axis=1) + rng.normal(size=n) > 0, "yes", "no"))


def test_a_planted_gain_is_found_and_a_lie_hurts():
    lying = Resampling(lambda rows: rows.assign(y=rows["y"].map({"yes": "no", "no": "yes"})))
    samplers = {"teaching": Teaching(), "lying": lying}
    result = compared(hard_table(300, 0), samplers, ratio=5.0, n_repeats=4)
    assert [verdict.word for verdict in result.verdicts] == [HELPS, HURTS]
    assert result.verdicts[0].gain.low > 0 > result.verdicts[1].gain.high
    assert "teaching helps: AUC +" in result.to_markdown()


@pytest.mark.parametrize(
    ("sampler", "target", "options"),
    [
        (Ordering(), "y", {}),
        (Ordering(-1), "count", {"estimators": Ridge(), "metric": "r2"}),
        (Ordering(-1), "y", {"estimators": GaussianNB(), "metric": "log_loss"}),
    ],
)
def test_nothing_is_no_difference_and_neither_is_rounding(sampler, target, options):
    (verdict,) = compared(None, {"nothing": sampler}, target, **options).verdicts
    assert verdict.word == UNCLEAR
    assert (verdict.gain.low, verdict.gain.value, verdict.gain.high) == (0, 0, 0)
    assert verdict.posterior.same == 1


def test_no_sampler_ever_sees_a_row_that_is_tested():
    frame = small_table().assign(number=np.arange(160.0))
    Remembering.seen.clear()
    result = compared(frame, {"remembering": Remembering()})
    assert len(Remembering.seen) == result.n_folds == 5
    seen = [set(table["number"]) for table in Remembering.seen]
    # 160 rows, a fifth tested, and of the others a fifth for thresholds.
    assert all(len(rows) == pytest.approx(160 * 0.8 * 0.8, abs=2) for rows in seen)
    assert set().union(*seen) == set(range(160))


def test_a_canary_in_the_tested_rows_is_never_drawn():
    # Rows carry the mark of their group; of ten groups a fold tests two, and tunes thresholds on one or two.
    frame = small_table().assign(group=np.arange(160) % 10)
    Remembering.seen.clear()
    compared(frame, {"remembering": Remembering()}, groups="group")
    assert all(table["group"].nunique() in (6, 7) for table in Remembering.seen)


def test_the_same_seed_gives_the_same_records_in_one_process_or_two():
    scores = [
        compared(n_jobs=jobs, random_state=seed).records[["arm", "auc", "log_loss"]]
        for jobs, seed in ((1, 3), (2, 3), (1, 4))
    ]
    pd.testing.assert_frame_equal(scores[0], scores[1])
    assert not scores[0].equals(scores[2])


def test_arms_of_one_fold_are_compared_on_the_same_rows_with_the_same_seeds():
    result = compared(samplers={"nothing": Ordering()}, estimators={"tree": TREE})
    pd.testing.assert_frame_equal(result.scores_of("nothing"), result.scores_of("none"))


def raising(rows):
    raise RuntimeError("no memory left on the device")


@pytest.mark.parametrize(
    ("sampler", "told"), [(FAILING, "was asked for"), (Resampling(raising), "no memory left")]
)
def test_a_sampler_that_fails_is_named_and_costs_nobody_the_results(sampler, told):
    result = compared(samplers={"bad": sampler, "mine": Resampling()}, examine=True)
    assert [verdict.word == UNKNOWN for verdict in result.verdicts] == [True, False]
    assert "could not be judged" in result.to_markdown()
    (failure,) = result.failures.to_dict("records")
    assert failure["folds"] == 5
    assert told in failure["failure"]
    assert list(result.evaluations) == ["mine"]
    assert any(told in note for note in result.notes)


def test_one_fold_that_fails_is_enough_not_to_be_judged():
    result = compared()
    records = result.records.copy()
    records.loc[records["arm"].eq("mine") & records["fold"].eq(2), "auc"] = np.nan
    holed = type(result)(records, result.task, result.samplers, result.ratio, result.judge)
    assert holed.verdicts[0].word == UNKNOWN


def test_regression_has_the_baselines_that_need_no_classes():
    result = compared(target="x", estimators=None)
    assert result.arms == ["none", "duplicates", "mine"]
    assert {"r2", "rmse", "mae"} <= set(result.records)
    assert "rows without a target were left out" in result.notes[0]


def test_an_interrupted_comparison_goes_on_where_it_was(tmp_path, monkeypatch):
    options = {"resume": tmp_path / "folds", "estimators": {"hasty line": LogisticRegression(max_iter=1)}}
    whole = compared(**options)
    files = sorted((tmp_path / "folds").iterdir())
    assert len(files) == 5
    files[0].unlink()
    files[1].write_text("{half a fi")
    done = []
    monkeypatch.setattr(
        "synthgan.evaluation.comparison._fold",
        lambda place, trial, frame, split: done.append(place) or (place, trial.run(frame, split)),
    )
    again = compared(**options)
    assert len(done) == 2
    columns = [name for name in whole.records if "seconds" not in name]
    pd.testing.assert_frame_equal(whole.records[columns], again.records[columns])
    is_kept = ~whole.records["fold"].isin(done)
    pd.testing.assert_frame_equal(whole.records[is_kept], again.records[is_kept])
    assert "ConvergenceWarning" in whole.notes[-1]
    assert again.notes == whole.notes
    compared(**options, random_state=1)
    assert len(done) == 7


def test_notes_tell_what_makes_scores_too_good():
    frame = pd.concat([small_table(), small_table().iloc[:20]], ignore_index=True)
    notes = " ".join(compared(frame, {}).notes)
    assert "20 rows are copies of others; copies are kept on one side" in notes
    for times in (pd.date_range("2024", periods=180), pd.date_range("2024", periods=180).date):
        notes = " ".join(compared(frame.assign(when=times), {}).notes)
        assert "compare with time='when'" in notes


class Overwriting(Resampling):
    """Changes what it is given."""

    def fit(self, table):
        table["y"] = "no"
        table["x"] = 0.0
        return super().fit(table)


def test_what_a_sampler_does_to_its_rows_is_its_own_affair():
    frame = small_table()
    alone, after = compared(frame), compared(frame, {"bad": Overwriting(), "mine": Resampling()})
    pd.testing.assert_frame_equal(alone.scores_of("mine"), after.scores_of("mine"))
    pd.testing.assert_frame_equal(frame, small_table())


def test_baselines_are_compared_over_the_learners_that_both_have():
    result = compared(estimators={"line": LINE, "neighbours": KNeighborsClassifier(5)}, n_repeats=2)
    (verdict,) = result.verdicts
    own, theirs = result.scores_of("mine"), result.scores_of(verdict.best_baseline)
    gains = {
        arm: (own - result.scores_of(arm)).dropna(axis=1).mean(axis=1).mean()
        for arm in result.arms
        if arm not in ("none", "mine")
    }
    assert verdict.over_baseline.value == pytest.approx((own - theirs).dropna(axis=1).mean(axis=1).mean())
    assert verdict.over_baseline.value == pytest.approx(min(gains.values()))
    frame = result.to_frame().query("score == 'auc' and learner == 'all learners'").set_index("arm")
    assert frame.loc[["class weights", "mine"], "learners"].tolist() == [1, 2]


def test_undefined_scores_are_told():
    frame = small_table(60).assign(who=[0] * 50 + list(range(1, 11)))
    frame.loc[50:, "y"] = "no"
    result = compared(frame, groups="who")
    assert result.verdicts[0].word == UNKNOWN
    assert any("AUC is not defined in" in note for note in result.notes)


def test_polars_frames_and_arrays_are_compared():
    assert compared(pl.from_pandas(small_table())).verdicts[0].word != UNKNOWN
    array = small_table()[["count", "member"]].to_numpy(dtype=float)
    assert sorted(compared(array, target="x1").task.classes) == ["0", "1"]


def test_the_class_to_find_is_the_rarer_one_or_the_one_that_is_named():
    frame = small_table(gaps=False)
    assert compared(frame, {}).task.classes == ("no", "yes")
    assert compared(frame, {}, positive="no").task.classes == ("yes", "no")
    for even in (np.tile([True, False], 80), np.tile([False, True], 80)):
        assert compared(frame.assign(y=even), {}).task.classes == ("False", "True")
        assert compared(frame.assign(y=1.0 * even), {}, positive=1).task.classes[1] == "1"


def test_a_rope_of_errors_is_a_share_of_them():
    frame = small_table()
    frame["count"] *= 1_000.0
    result = compared(frame, {}, "count", estimators=Ridge(), metric="rmse")
    assert result.judge.rope == pytest.approx(0.01 * result.scores_of("none").to_numpy().mean())


def test_folds_that_failed_are_tried_again(tmp_path):
    for sampler, n_kept in ((FAILING, 0), (Resampling(), 5)):
        compared(samplers={"mine": sampler}, resume=tmp_path)
        assert len(list(tmp_path.iterdir())) == n_kept


class Misspelt(LogisticRegression):
    """Asks for a column that there is not."""

    def fit(self, X, y):
        raise KeyError("no column 'agee'")


@pytest.mark.parametrize(
    ("cells", "options", "error", "told"),
    [
        ({}, {"target": "Y"}, DataError, "Did you mean 'y'"),
        ({"y": "no"}, {}, DataError, "has the value 'no' only"),
        ({"y": None}, {}, DataError, "0 rows|no value"),
        ({}, {"metric": "accuracy"}, ParameterError, "metric must be one of"),
        ({}, {"task": "ranking"}, ParameterError, "task must be"),
        ({}, {"positive": "maybe"}, ParameterError, "is no class of 'y'"),
        ({}, {"ratio": 0}, ParameterError, "numbers above 0"),
        ({}, {"ratios": None}, ParameterError, "numbers above 0"),
        ({}, {"rope": -1}, ParameterError, "rope must be"),
        ({}, {"random_state": -1}, ParameterError, "random_state must be"),
        ({}, {"validation_size": 0.9}, ParameterError, "from 0 to 0.5"),
        ({}, {"estimators": "LR"}, ParameterError, "A learner of classification must be one of"),
        ({}, {"target": ["y"]}, ParameterError, "must be the name of a column"),
        ({"x": np.inf}, {}, DataError, "'x' of the real rows holds infinite numbers"),
        ({"when": 1}, {"time": "when"}, DataError, "1 different moments"),
        ({}, {"groups": np.arange(160)}, ParameterError, "groups must be the name of a column"),
        ({}, {"estimators": Misspelt()}, DataError, "on the real rows alone: KeyError"),
        ({}, {"resume": __file__}, OutputRefusedError, "cannot be made"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(cells, options, error, told):
    with pytest.raises(error, match=told):
        compared(small_table().assign(**cells), **options)


def test_a_table_of_the_target_alone_cannot_be_compared():
    with pytest.raises(DataError, match="no column beside the target"):
        compared(small_table()[["y"]])


def test_several_learners_are_judged_together_and_shown_apart():
    result = compared(estimators={"line": LINE, "tree": TREE})
    frame = result.to_frame().query("score == 'auc' and arm == 'mine'").set_index("learner")
    assert frame.loc["all learners", "gain"] == pytest.approx(frame.loc[["line", "tree"], "gain"].mean())
    assert result.verdicts[0].gain.value == pytest.approx(frame.loc["all learners", "gain"])


def test_rows_of_other_groups_are_no_yardstick_for_copies():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"who": np.repeat(np.arange(10), 40), "x": rng.normal(size=400)})
    frame["far"] = 100.0 * frame["who"] + rng.normal(size=400)
    frame["y"] = np.where(rng.random(400) < 0.5, "yes", "no")
    smooth = Resampling(
        lambda rows: rows.assign(**{name: rows[name] + rng.normal(size=len(rows)) for name in ("x", "far")})
    )
    result = compared(frame, {"smooth": smooth}, examine=True, groups="who")
    figures = result.evaluations["smooth"].privacy.figures.set_index("figure")
    assert figures.loc["closer to learned rows", "value"] < 0.6


def test_scores_are_kept_where_rows_cannot_be_split_at_random():
    frame = small_table(120, gaps=False).assign(who=np.arange(120) % 40)
    frame["y"] = np.where(frame.index < 4, "yes", "no")
    result = compared(frame, examine=True, groups="who", n_splits=4, metric="log_loss")
    assert result.evaluations == {}
    assert any("not compared with real ones: Class 'yes'" in note for note in result.notes)
