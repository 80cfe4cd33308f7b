"""In what form X and y come, and that drawn rows and targets come back in it."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import Ridge
from small_problems import amounts, classes, numbers, quick

from synthgan import DataError


@pytest.mark.parametrize(
    "index",
    [pd.RangeIndex(10, 70), pd.Index(np.arange(60) * 3, name="id"), pd.Index([f"r{i}" for i in range(60)])],
    ids=["range", "numbers", "names"],
)
def test_numbered_rows_go_on_being_numbered(index):
    X, y = classes()
    X, y = X.set_axis(index), y.set_axis(index)
    more, targets = quick(method="jitter").fit_resample(X, y)
    assert more.index.equals(targets.index)
    assert more.index.is_unique
    assert more.index.name == index.name
    if pd.api.types.is_integer_dtype(index):
        assert more.index[:60].equals(index)
        assert type(more.index) is type(index)


@pytest.mark.parametrize("form", [pl.from_pandas, pa.Table.from_pandas], ids=["polars", "arrow"])
def test_other_tables_come_back_as_they_came(form):
    X, y = classes()
    table = form(X)
    more, _ = quick(method="mixed").fit_resample(table, y)
    assert type(more) is type(table)
    assert more.schema == table.schema
    assert more[: len(X)].equals(table)


def test_arrays_and_lists_come_back_as_they_came():
    X, y = numbers()
    X = X.astype(np.float32)
    more, targets = quick().fit_resample(X, y)
    assert more.dtype == np.float32
    assert targets.dtype == y.dtype
    np.testing.assert_array_equal(more[:60], X)
    listed, list_targets = quick().fit_resample(X.tolist(), y.tolist())
    assert isinstance(listed, list)
    assert isinstance(list_targets, list)
    np.testing.assert_allclose(listed, more, rtol=1e-6)


@pytest.mark.parametrize(
    "y",
    [
        np.array([True, False] * 30),
        pd.Series(pd.Categorical(["b", "a", "c"] * 20, categories=["c", "b", "a"])),
        np.array([1.0, 2.0] * 30),
        np.array([-5, 7, 7, 7] * 15, dtype=np.int8),
        np.array(["x", "y", "y"] * 20),
        np.array([2**60, 2**60 + 1] * 30),
    ],
    ids=["truth", "levels", "whole floats", "small", "text", "huge"],
)
@pytest.mark.parametrize("labels", ["own", "teacher"])
def test_classes_of_any_type_stay_what_they_are(y, labels):
    X, _ = classes()
    _, targets = quick(ratio=1, labels=labels).fit_resample(X, y)
    assert targets.dtype == y.dtype
    assert set(targets) == set(y)
    assert len(targets) == 120


#: Numbers are predicted, of which no forest of classes is the teacher.
AMOUNTS = {"method": "jitter", "task": "regression", "teacher": Ridge()}


@pytest.mark.parametrize("form", [pl.Series, lambda y: pd.Series(y, dtype=object)], ids=["polars", "object"])
def test_fractions_stay_such_whatever_holds_them(form):
    X, y = amounts()
    _, targets = quick(ratio=1, **AMOUNTS).fit_resample(X, form(y.tolist()))
    assert np.mean(np.asarray(targets, dtype=float)[60:] % 1 > 0) > 0.9


@pytest.mark.parametrize("dtype", ["uint8", "int8", "UInt8"])
def test_targets_stay_within_what_their_dtype_holds(dtype):
    X, _ = amounts()
    y = pd.Series(np.arange(60) % 7, dtype=dtype)
    _, targets = quick(ratio=5, labels="teacher", **AMOUNTS | {"teacher": None}).fit_resample(X, y)
    assert targets.dtype == y.dtype
    assert targets.astype(int).between(0 if dtype[0] in "uU" else -60, 60).all()


def test_whole_numbers_that_are_hardly_classes_are_warned_of():
    X, _ = numbers(60)
    y = np.arange(60) // 2
    with pytest.warns(UserWarning, match="30 different whole numbers in 60 rows.*task='regression'"):
        quick(method="jitter").fit_resample(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(**AMOUNTS).fit_resample(X, y)


def test_missing_targets_and_single_classes_are_told():
    X, y = classes()
    with pytest.raises(DataError, match="2 targets are missing"):
        quick().fit_resample(X, y.mask(np.arange(60) < 2))
    with pytest.raises(DataError, match="the class 'no' only"):
        quick().fit_resample(X, y.where(y == "no", "no"))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        quick().fit_resample(X, y.iloc[:-1])


@pytest.mark.parametrize("dtype", ["int64", "int16", "Int64", "float32"])
@pytest.mark.parametrize("form", [pd.Series, pd.Series.to_frame, pd.Series.to_numpy, list])
def test_numbers_to_predict_keep_their_dtype_and_are_rounded(dtype, form):
    X, y = amounts()
    y = form((3 * y).round().astype("int64").astype(dtype))
    targets = quick(ratio=1, labels="soft", **AMOUNTS).fit_resample(X, y)[1]
    assert type(targets) is type(y)
    cells, own = (pd.DataFrame(one).iloc[:, 0] for one in (targets, y))
    assert cells.dtype == own.dtype
    assert cells.iloc[:60].tolist() == own.tolist()
    assert dtype == "float32" or (cells.astype(float) % 1 == 0).all()


@pytest.mark.parametrize(
    "form", [np.asarray, pd.DataFrame, lambda y: y.tolist()], ids=["array", "frame", "list"]
)
@pytest.mark.parametrize("n_columns", [2, 3, 4])
def test_a_column_for_each_class_comes_back_as_such(form, n_columns):
    X, y = numbers()
    one_of_all = np.eye(n_columns, dtype=int)[y]
    targets = np.asarray(quick(ratio=1, method="jitter").fit_resample(X, form(one_of_all))[1])
    assert targets.shape == (120, n_columns)
    assert (targets.sum(1) == 1).all()


def test_infinite_numbers_and_levels_of_names_are_refused():
    X, y = classes()
    with pytest.raises(DataError, match="'size' of the given rows holds infinite numbers"):
        quick(method="jitter").fit_resample(X.assign(size=np.inf), y)
    nested = X.set_axis(pd.MultiIndex.from_product([["a"], list(X)]), axis=1)
    with pytest.raises(DataError, match="several levels"):
        quick(method="jitter").fit_resample(nested, y)


def test_huge_numbers_stay_finite():
    X, y = numbers()
    rows, _ = quick(method="jitter", ratio=1).fit_resample(X * 1e307, y)
    assert np.isfinite(rows).all()
