"""Whether trees and lines tell rows apart where they should, and what trees learn from rows."""

import numpy as np
import pandas as pd
import pytest
from small_comparisons import linked_table, permuted

from synthgan.evaluation.detection import detection, train_on
from synthgan.exceptions import DataError, ParameterError

N_ROWS = 600
#: Of an AUC of two samples of n rows that cannot be told apart; five of these hardly ever happen by chance.
MARGIN = 5 * np.sqrt(1 / (6 * N_ROWS))
#: Tables of one law.
REAL, OTHERS = linked_table(N_ROWS, 0), linked_table(N_ROWS, 1)
BOTH = pytest.mark.parametrize("by", ["trees", "line"])


def rng(seed=0):
    return np.random.default_rng(seed)


@BOTH
def test_keys_do_not_tell_real_rows_from_others(by):
    # Each key is in one of the tables alone; a coding by one of them would tell all rows apart.
    real, drawn = (pd.DataFrame({"key": [f"{side}{i}" for i in range(N_ROWS)]}) for side in "ab")
    assert detection(real, drawn, by=by, rng=rng()) == pytest.approx(0.5, abs=MARGIN)


@BOTH
@pytest.mark.parametrize("change", [{"x": 100.0}, {"size": "new"}, {"size": None}])
def test_what_differs_in_every_row_is_seen(by, change):
    assert detection(REAL, OTHERS.assign(**change), by=by, rng=rng()) > 0.99


def test_trees_see_which_cells_are_missing():
    real = REAL.assign(x=REAL["x"].where(rng().random(N_ROWS) < 0.5))
    assert 0.7 < detection(real, OTHERS, by="trees", rng=rng()) < 0.8  # half of the rows


def test_copies_are_harder_to_tell_than_real_rows():
    assert detection(REAL, REAL, by="trees", rng=rng()) < 0.5 - MARGIN


@BOTH
def test_every_kind_of_column_can_be_told_by(column, by):
    frame = pd.DataFrame({"x": column.iloc[:100] if by == "trees" else column})
    if len(frame) < 3:
        with pytest.raises(DataError, match="at least 3 rows"):
            detection(frame, frame, by=by, rng=rng())
    else:
        assert 0 <= detection(frame, frame, by=by, rng=rng()) <= 1


# --- what rows teach --------------------------------------------------------------------------------


def three_clusters(n_each=100):
    return pd.DataFrame({"x": np.repeat([0.0, 10.0, 20.0], n_each), "y": np.repeat(list("abc"), n_each)})


def test_what_is_in_the_rows_is_learned():
    rows = three_clusters()
    numbers = pd.DataFrame({"x": rng().random(500)}).assign(y=lambda frame: 3 * frame["x"])
    assert train_on(numbers, numbers[:100], "y", rng=rng()) > 0.99
    wrong = rows.assign(y=rows["y"].map({"a": "b", "b": "a"}))[:200]
    assert train_on(wrong, rows[:200], "y", rng=rng()) == 0
    # Classes are the same whatever their dtype.
    whole = rows.assign(y=rows["y"].map({"a": 1, "b": 2, "c": 3}))
    for own, asked in (
        (rows, rows),
        (rows[:200], rows[:200]),
        *((whole.astype({"y": dtype}), whole) for dtype in ("float64", "Int64", object)),
    ):
        assert train_on(own, asked, "y", rng=rng()) == 1


def test_rows_without_what_matters_teach_nothing():
    assert abs(train_on(permuted(OTHERS), REAL, "y", rng=rng())) < 0.5
    assert train_on(OTHERS, REAL, "y", rng=rng()) > 0.9


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


def test_rows_without_a_target_are_left_out():
    rows = three_clusters()
    gappy = rows.assign(y=rows["y"].where(np.arange(300) % 3 > 0, None))
    assert train_on(gappy, gappy, "y", rng=rng()) == 1
    with pytest.raises(DataError, match="missing in every row"):
        train_on(rows, rows.assign(y=None), "y", rng=rng())


def test_errors_name_the_rule(table):
    with pytest.raises(ParameterError, match="'trees' or 'line'; got 'forest'"):
        detection(table, table, by="forest", rng=rng())
    with pytest.raises(DataError, match="lacks 'age'"):
        detection(table, table.drop(columns="age"), rng=rng())
    with pytest.raises(DataError, match="'z' is not a column"):
        train_on(table, table, "z", rng=rng())
    with pytest.raises(DataError, match="the only column"):
        train_on(table[["age"]], table[["age"]], "age", rng=rng())
