"""Whether trees and lines tell rows apart where they should, and what trees learn from rows."""

import numpy as np
import pandas as pd
import pytest

from synthgan.evaluation.detection import detection, train_on
from synthgan.exceptions import DataError, ParameterError

N_ROWS = 600
#: Of an AUC of two samples of n rows that cannot be told apart; five of these hardly ever happen by chance.
MARGIN = 5 * np.sqrt(1 / (6 * N_ROWS))
BOTH = pytest.mark.parametrize("by", ["trees", "line"])


def rng(seed=0):
    return np.random.default_rng(seed)


def frame_of(seed, n_rows=N_ROWS):
    """A number that follows another, and levels."""
    source = rng(seed)
    x = source.normal(size=n_rows)
    level = source.choice(list("abc"), n_rows)
    return pd.DataFrame({"x": x, "y": x + 0.1 * source.normal(size=n_rows), "level": level})


def permuted(frame, seed=9):
    source = rng(seed)
    return pd.DataFrame({name: frame[name].to_numpy()[source.permutation(len(frame))] for name in frame})


@BOTH
def test_rows_of_one_law_cannot_be_told_apart(by):
    assert detection(frame_of(0), frame_of(1), by=by, rng=rng()) == pytest.approx(0.5, abs=MARGIN)


@BOTH
def test_keys_do_not_tell_real_rows_from_others(by):
    # Each key is in one of the tables alone; a coding by one of them would tell all rows apart.
    real, drawn = (pd.DataFrame({"key": [f"{side}{i}" for i in range(N_ROWS)]}) for side in "ab")
    assert detection(real, drawn, by=by, rng=rng()) == pytest.approx(0.5, abs=MARGIN)


def test_only_trees_see_that_columns_are_independent():
    real, drawn = frame_of(0), permuted(frame_of(1))
    assert detection(real, drawn, by="line", rng=rng()) == pytest.approx(0.5, abs=MARGIN)
    assert detection(real, drawn, by="trees", rng=rng()) > 0.9


@BOTH
@pytest.mark.parametrize("change", [{"x": 100.0}, {"level": "new"}, {"level": None}])
def test_what_differs_in_every_row_is_seen(by, change):
    assert detection(frame_of(0), frame_of(1).assign(**change), by=by, rng=rng()) > 0.99


def test_trees_see_which_cells_are_missing():
    real = frame_of(0)
    real["x"] = real["x"].where(rng().random(N_ROWS) < 0.5)
    assert 0.7 < detection(real, frame_of(1), by="trees", rng=rng()) < 0.8  # half of the rows


def test_copies_are_harder_to_tell_than_real_rows():
    assert detection(frame_of(0), frame_of(0), by="trees", rng=rng()) < 0.5 - MARGIN


@BOTH
def test_every_kind_of_column_can_be_told_by(column, by):
    if by == "trees" and len(column) > 100:
        column = column.iloc[:100]
    frame = pd.DataFrame({"x": column})
    if len(frame) < 3:
        with pytest.raises(DataError, match="at least 3 rows"):
            detection(frame, frame, by=by, rng=rng())
    else:
        assert 0 <= detection(frame, frame, by=by, rng=rng()) <= 1


def test_errors_name_the_rule(table):
    with pytest.raises(ParameterError, match="'trees' or 'line'; got 'forest'"):
        detection(table, table, by="forest", rng=rng())
    with pytest.raises(DataError, match="lacks 'age'"):
        detection(table, table.drop(columns="age"), rng=rng())


# --- what rows teach --------------------------------------------------------------------------------


def three_clusters(n_each=100):
    return pd.DataFrame({"x": np.repeat([0.0, 10.0, 20.0], n_each), "y": np.repeat(list("abc"), n_each)})


def test_what_is_in_the_rows_is_learned():
    rows = three_clusters()
    assert train_on(rows, rows, "y", rng=rng()) == 1
    assert train_on(rows[:200], rows[:200], "y", rng=rng()) == 1
    numbers = pd.DataFrame({"x": rng().random(500)}).assign(y=lambda frame: 3 * frame["x"])
    assert train_on(numbers, numbers[:100], "y", rng=rng()) > 0.99


def test_what_the_rows_have_wrong_is_learned_as_well():
    rows = three_clusters()[:200]
    wrong = rows.assign(y=rows["y"].map({"a": "b", "b": "a"}))
    assert train_on(wrong, rows, "y", rng=rng()) == 0


def test_rows_without_what_matters_teach_nothing():
    real, drawn = frame_of(0), permuted(frame_of(1))
    assert (
        abs(train_on(drawn, real, "y", rng=rng())) < 0.5 < 0.9 < train_on(frame_of(1), real, "y", rng=rng())
    )


def test_a_class_that_was_never_drawn_has_no_chance():
    # c has x nearest to b: its rows have the chances of b's, so b against the rest is right with a alone.
    expected = (1 + (1 + 0.5) / 2 + 0.5) / 3
    assert train_on(three_clusters()[:200], three_clusters(), "y", rng=rng()) == pytest.approx(expected)
    # A class that the test rows lack is no class of theirs.
    assert train_on(three_clusters(), three_clusters()[:200], "y", rng=rng()) == 1


def test_rows_of_one_class_teach_nothing():
    rows = three_clusters()
    assert train_on(rows[:100], rows, "y", rng=rng()) == 0.5
    assert np.isnan(train_on(rows, rows[:100], "y", rng=rng()))
    assert np.isnan(train_on(rows[:100], rows[:100], "y", rng=rng()))
    same = pd.DataFrame({"x": [1.0, 2.0, 3.0] * 10, "y": 0.5})
    assert np.isnan(train_on(same, same, "y", rng=rng()))


def test_classes_are_the_same_whatever_their_dtype():
    rows = three_clusters()
    whole = rows.assign(y=rows["y"].map({"a": 1, "b": 2, "c": 3}))
    for dtype in ("float64", "Int64", object):
        assert train_on(whole.astype({"y": dtype}), whole, "y", rng=rng()) == 1


def test_rows_without_a_target_are_left_out():
    rows = three_clusters()
    gappy = rows.assign(y=rows["y"].where(np.arange(300) % 3 > 0, None))
    assert train_on(gappy, gappy, "y", rng=rng()) == 1
    with pytest.raises(DataError, match="missing in every row"):
        train_on(rows, rows.assign(y=None), "y", rng=rng())


def test_errors_about_the_target():
    rows = three_clusters()
    with pytest.raises(DataError, match="'z' is not a column"):
        train_on(rows, rows, "z", rng=rng())
    with pytest.raises(DataError, match="the only column"):
        train_on(rows[["y"]], rows[["y"]], "y", rng=rng())
