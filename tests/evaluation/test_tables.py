import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from synthgan.evaluation.tables import Coding, alike, class_names, numbers_of, task_of
from synthgan.exceptions import DataError


def test_every_column_becomes_finite_points_and_one_number_each(column):
    frame = column.to_frame()
    coding = Coding.of(frame)
    assert np.isfinite(coding.points(frame)).all()
    numbers = coding.numbers(frame)
    assert numbers.shape == (len(frame), 1)
    assert np.array_equal(np.isnan(numbers[:, 0]), column.isna())


def test_equal_cells_and_no_others_have_equal_numbers(column):
    frame = column.to_frame()
    numbers = Coding.of(frame).numbers(frame)[:, 0]
    present = column[column.notna()].reset_index(drop=True)
    codes = pd.factorize(present.astype(object))[0]
    own = pd.factorize(numbers[~np.isnan(numbers)])[0]
    # Beyond 2 ** 53 numbers that are near are one float.
    assert len(np.unique(own)) <= len(np.unique(codes))
    assert all(len(np.unique(own[codes == code])) == 1 for code in np.unique(codes)[:50])


def test_points_of_real_rows_are_centred_and_scaled():
    real = pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan], "c": ["a", "a", "b", None]})
    points = Coding.of(real).points(real)
    scale = np.std([1, 2, 3])
    expected = [[-1 / scale, 0, 1, 0], [0, 0, 1, 0], [1 / scale, 0, 0, 1], [0, 1, 0, 0]]
    assert points == pytest.approx(np.array(expected))


def test_levels_that_real_rows_lack_are_far_from_all_of_theirs():
    real, other = pd.DataFrame({"c": ["a", "b"]}), pd.DataFrame({"c": ["z", "a"]})
    coding = Coding.of(real)
    assert coding.points(other).tolist() == [[0, 0], [1, 0]]
    assert coding.numbers(other)[:, 0].tolist() == [2, 0]


def test_columns_come_in_the_order_of_the_real_rows_whatever_the_form():
    real = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    _, other = alike(real, pl.DataFrame({"b": ["y"], "a": [3]}), called="drawn")
    assert list(other.columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"a": [1]}, "lacks 'b'"),
        ({"a": [1], "b": ["x"], "c": [0]}, "has 'c' besides"),
        ({"a": [1], "B": ["x"]}, "Did you mean 'B'"),
        ({"a": ["one"], "b": ["x"]}, "Column 'a' holds numbers in one table and none in the other"),
        ({"a": [], "b": []}, "0 rows"),
    ],
)
def test_tables_that_cannot_be_compared_are_one_sentence(other, told):
    with pytest.raises(DataError, match=told):
        alike(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), pd.DataFrame(other), called="drawn")


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([1, 2, 2], "classification"),
        (list(range(11)), "regression"),
        ([0.5, 1.5], "regression"),
    ],
)
def test_what_a_target_asks_for(cells, task):
    assert task_of(pd.Series(cells)) == task
    assert task_of(pd.Series(cells), "regression") == "regression"


def test_classes_have_one_name_whatever_their_dtype():
    named = [class_names(pd.Series([1, 2], dtype=dtype)).tolist() for dtype in ("int8", "Int64", "float64")]
    assert named == [["1", "2"]] * 3


def test_times_are_seconds_whatever_holds_them():
    days = pd.Series(pd.date_range("2024-01-31 12:30", periods=3))
    expected = days.astype("datetime64[s]").astype("int64").to_numpy(dtype=float)
    forms = [days.astype(f"datetime64[{unit}]") for unit in ("s", "ms", "us", "ns")]
    forms += [days.dt.tz_localize("UTC"), days.dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata")]
    forms += [days.astype(object), days.astype("timestamp[us][pyarrow]")]
    for form in forms:
        assert numbers_of(form) == pytest.approx(expected)
    midnights = pd.Series([dt.date(2024, 1, 31), dt.date(2024, 2, 1)], dtype=object)
    assert numbers_of(midnights) == pytest.approx(expected[:2] - 12.5 * 3600)


def test_keys_say_nothing_unless_rows_are_to_be_told_apart():
    frame = pd.DataFrame({"key": [f"K{i:03d}" for i in range(100)], "x": 1.0})
    assert len(np.unique(Coding.of(frame).numbers(frame), axis=0)) == 1
    assert Coding.of(frame).points(frame).shape == (100, 1)
    assert len(np.unique(Coding.of(frame, with_keys=True).numbers(frame), axis=0)) == 100
