import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
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
    frame = pd.concat([small_table(), small_table().iloc[:20]], ignore_index=True)
    notes = " ".join(compare_augmentation(frame, "y", **QUICK).notes)
    assert "20 rows are copies of others; copies are kept on one side" in notes
    for times in (pd.date_range("2024", periods=180), pd.date_range("2024", periods=180).date):
        notes = " ".join(compare_augmentation(frame.assign(when=times), "y", **QUICK).notes)
        assert "compare with time='when'" in notes


class Reversing:
    """Adds nothing, and returns the rows in another order."""

    def fit_resample(self, X, y):
        return X.iloc[::-1], y.iloc[::-1]


@pytest.mark.parametrize(("target", "metric"), [("count", "r2"), ("y", "log_loss")])
def test_rounding_is_no_difference(target, metric):
    learner = Ridge() if target == "count" else GaussianNB()
    options = QUICK | {"estimators": learner, "metric": metric}
    (verdict,) = compare_augmentation(small_table(), target, {"nothing": Reversing()}, **options).verdicts
    assert verdict.word == UNCLEAR
    assert 0 in verdict.gain


class Overwriting(Resampling):
    """Changes what it is given."""

    def fit(self, table):
        table["y"] = "no"
        table["x"] = 0.0
        return super().fit(table)


def test_what_a_sampler_does_to_its_rows_is_its_own_affair():
    frame = small_table()
    alone = compare_augmentation(frame, "y", {"mine": Resampling()}, **QUICK)
    after = compare_augmentation(frame, "y", {"bad": Overwriting(), "mine": Resampling()}, **QUICK)
    pd.testing.assert_frame_equal(alone.scores_of("mine"), after.scores_of("mine"))
    pd.testing.assert_frame_equal(frame, small_table())


class Raising(Resampling):
    def sample(self, n):
        raise RuntimeError("no memory left on the device")


def test_a_sampler_that_raises_costs_nobody_the_results():
    options = QUICK | {"examine": True}
    result = compare_augmentation(small_table(), "y", {"raising": Raising(), "mine": Resampling()}, **options)
    assert [verdict.word == UNKNOWN for verdict in result.verdicts] == [True, False]
    assert list(result.evaluations) == ["mine"]
    assert any("no memory left" in note for note in result.notes)


def test_baselines_are_compared_over_the_learners_that_both_have():
    options = QUICK | {"estimators": {"line": LINE, "neighbours": KNeighborsClassifier(5)}, "n_repeats": 2}
    result = compare_augmentation(small_table(), "y", {"mine": Resampling()}, **options)
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
    result = compare_augmentation(frame, "y", {"mine": Resampling()}, groups="who", **QUICK)
    assert result.verdicts[0].word == UNKNOWN
    assert any("AUC is not defined in" in note for note in result.notes)


def test_polars_frames_and_arrays_are_compared():
    frame = small_table()
    result = compare_augmentation(pl.from_pandas(frame), "y", {"mine": Resampling()}, **QUICK)
    assert result.verdicts[0].word != UNKNOWN
    array = frame[["count", "member"]].to_numpy(dtype=float)
    assert sorted(compare_augmentation(array, "x1", {"mine": Resampling()}, **QUICK).task.classes) == [
        "0",
        "1",
    ]


def test_the_class_to_find_is_the_rarer_one_or_the_one_that_is_named():
    frame = small_table(gaps=False)
    assert compare_augmentation(frame, "y", **QUICK).task.classes == ("no", "yes")
    assert compare_augmentation(frame, "y", **QUICK | {"positive": "no"}).task.classes == ("yes", "no")
    for even in (np.tile([True, False], 80), np.tile([False, True], 80)):
        frame = small_table().assign(y=even)
        assert compare_augmentation(frame, "y", **QUICK).task.classes == ("False", "True")
        assert (
            compare_augmentation(frame.assign(y=1.0 * even), "y", **QUICK | {"positive": 1}).task.classes[1]
            == "1"
        )


def test_a_rope_of_errors_is_a_share_of_them():
    options = QUICK | {"estimators": Ridge(), "metric": "rmse"}
    result = compare_augmentation(
        small_table().assign(count=lambda f: 1_000.0 * f["count"]), "count", **options
    )
    assert result.judge.rope == pytest.approx(0.01 * result.scores_of("none").to_numpy().mean())


def test_folds_that_failed_are_tried_again(tmp_path):
    options = QUICK | {"resume": tmp_path}
    compare_augmentation(small_table(), "y", {"mine": Failing()}, **options)
    assert list(tmp_path.iterdir()) == []
    compare_augmentation(small_table(), "y", {"mine": Resampling()}, **options)
    assert len(list(tmp_path.iterdir())) == 5


class Misspelt(LogisticRegression):
    """Asks for a column that there is not."""

    def fit(self, X, y):
        raise KeyError("no column 'agee'")


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
        (small_table(), {"ratios": None}, ParameterError, "numbers above 0"),
        (small_table(), {"rope": -1}, ParameterError, "rope must be"),
        (small_table(), {"random_state": -1}, ParameterError, "random_state must be"),
        (small_table(), {"validation_size": 0.9}, ParameterError, "from 0 to 0.5"),
        (small_table(), {"estimators": "LR"}, ParameterError, "A learner of classification must be one of"),
        (small_table(), {"target": ["y"]}, ParameterError, "must be the name of a column"),
        (small_table().assign(x=np.inf), {}, DataError, "'x' of the real rows holds infinite numbers"),
        (small_table().assign(when=1), {"time": "when"}, DataError, "1 different moments"),
        (
            small_table(),
            {"groups": np.arange(160) // 10},
            ParameterError,
            "groups must be the name of a column",
        ),
        (
            small_table(),
            {"estimators": Misspelt()},
            DataError,
            "No learner could be trained on the real rows alone: KeyError",
        ),
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


def test_rows_of_other_groups_are_no_yardstick_for_copies():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"who": np.repeat(np.arange(10), 40), "x": rng.normal(size=400)})
    frame["far"] = 100.0 * frame["who"] + rng.normal(size=400)
    frame["y"] = np.where(rng.random(400) < 0.5, "yes", "no")
    options = QUICK | {"examine": True, "groups": "who"}
    result = compare_augmentation(frame, "y", {"smooth": Jittering()}, **options)
    privacy = result.evaluations["smooth"].privacy
    closer = privacy.figures.set_index("figure").loc["closer to learned rows"]
    assert closer["value"] < 0.6


class Jittering(Resampling):
    """Draws learned rows with other numbers."""

    def sample(self, n):
        rows = super().sample(n)
        rng = np.random.default_rng(0)
        return rows.assign(**{name: rows[name] + rng.normal(size=n) for name in ("x", "far")})


def test_scores_are_kept_where_rows_cannot_be_split_at_random():
    frame = small_table(120, gaps=False).assign(who=np.arange(120) % 40)
    rare = frame.index[:4]
    frame["y"] = np.where(frame.index.isin(rare), "yes", "no")
    options = QUICK | {"examine": True, "groups": "who", "n_splits": 4, "metric": "log_loss"}
    result = compare_augmentation(frame, "y", {"mine": Resampling()}, **options)
    assert result.evaluations == {}
    assert any("not compared with real ones: Class 'yes'" in note for note in result.notes)
