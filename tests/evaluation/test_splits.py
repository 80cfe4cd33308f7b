import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_comparisons import YES_NO

from synthgan.evaluation.learners import Task
from synthgan.evaluation.splits import Plan, copies_of, splits_of
from synthgan.exceptions import DataError, ParameterError


def table(n=120, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n).round(1),
            "who": rng.integers(15, size=n),
            "when": pd.date_range("2024", periods=n, freq="h")[rng.permutation(n)],
            "y": np.where(rng.random(n) < 0.3, "yes", "no"),
        }
    )


def splits(frame, task=YES_NO, seed=0, **options):
    plan = Plan(**({"n_splits": 4, "n_repeats": 2} | options))
    return splits_of(frame, task, plan, np.random.default_rng(seed))


@given(
    seed=st.integers(0, 50),
    options=st.sampled_from([{}, {"groups": "who"}, {"time": "when"}, {"validation_size": 0}]),
    task=st.sampled_from([YES_NO, Task("x", "regression")]),
)
def test_no_row_is_on_two_sides_and_none_is_tested_twice_in_a_repeat(seed, options, task):
    frame = table(seed=seed)
    for split in splits(frame, task, seed, **options):
        sides = [set(rows.tolist()) for rows in (split.learned, split.validation, split.test)]
        assert sum(map(len, sides)) == len(set().union(*sides)) <= len(frame)
        assert sides[0]
        assert sides[2]
        assert bool(sides[1]) == (options.get("validation_size") != 0)
    if "time" not in options:
        tested = np.concatenate([split.test for split in splits(frame, task, seed, **options)[:4]])
        assert sorted(tested) == list(range(len(frame)))


@pytest.mark.parametrize("groups", [None, "who"])
def test_copies_and_groups_stay_on_one_side(groups):
    frame = pd.concat([table(60)] * 3, ignore_index=True).drop(columns="when")
    kept = copies_of(frame) if groups is None else frame[groups].to_numpy()
    for split in splits(frame, groups=groups):
        sides = [set(kept[rows]) for rows in (split.learned, split.validation, split.test)]
        assert not (sides[0] | sides[1]) & sides[2]
        assert not sides[0] & sides[1]


def test_rows_are_copies_when_all_their_cells_are_equal():
    frame = pd.DataFrame({"a": [1.0, 1.0, np.nan, np.nan, 1.0], "b": ["x", "x", None, None, "y"]})
    same = copies_of(frame)
    assert same[0] == same[1] != same[4]
    assert same[2] == same[3]


def test_later_rows_are_tested_by_what_earlier_ones_teach():
    frame = table()
    found = splits(frame, time="when", n_repeats=1)
    assert len(found) == 4
    for split in found:
        when = [frame["when"].iloc[rows] for rows in (split.learned, split.validation, split.test)]
        assert when[0].max() <= when[1].min()
        assert when[1].max() < when[2].min()


def test_classes_are_as_frequent_on_every_side():
    frame = table(400)
    share = (frame["y"] == "yes").mean()
    for split in splits(frame):
        for rows in (split.learned, split.validation, split.test):
            assert abs((frame["y"].iloc[rows] == "yes").sum() - share * len(rows)) <= 2


def test_the_same_seed_gives_the_same_splits_and_another_gives_others():
    first, again, other = (splits(table(), seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.test, b.test) and a.seed == b.seed for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a.test, b.test) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("frame", "options", "told"),
    [
        (table(), {"groups": "whom"}, "Did you mean 'who'"),
        (table().assign(who=1), {"groups": "who"}, "need 8 groups in 'who' or more; the table has 1"),
        (table(6), {}, "need 8 different rows or more; the table has 6"),
        (
            table().assign(y=["yes"] * 3 + ["no"] * 117),
            {},
            "'yes' of 'y' has 3 different rows, and 4 folds need 6",
        ),
        (table(18), {"time": "when"}, "in order of time need 20 rows or more; got 18"),
        (table().assign(when="noon"), {"time": "when"}, "must be a column of times or numbers"),
    ],
)
def test_what_cannot_be_split_is_one_sentence(frame, options, told):
    with pytest.raises(DataError, match=told):
        splits(frame, **options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"n_splits": 1}, "at least 2; got 1"),
        ({"n_repeats": 0}, "at least 1; got 0"),
        ({"validation_size": 0.6}, "from 0 to 0.5; got 0.6"),
        ({"validation_size": "a"}, "from 0 to 0.5; got 'a'"),
        ({"groups": "who", "time": "when"}, "either groups or time"),
    ],
)
def test_a_plan_that_is_none_is_refused(options, told):
    with pytest.raises(ParameterError, match=told):
        splits(table(), **options)


def test_few_moments_are_cut_between_them():
    frame = table(300).assign(when=np.sort(np.arange(300) % 3))
    first, second = splits(frame, time="when", n_splits=2, validation_size=0)
    assert set(frame["when"].iloc[first.test]) == {1}
    assert set(frame["when"].iloc[second.test]) == {2}
    assert set(frame["when"].iloc[second.learned]) == {0, 1}
