import json

import pandas as pd
import pytest

from synthgan.exceptions import DataError
from synthgan.preprocessing import infer_schema
from synthgan.schema import Column, Schema, check_frame


def test_a_schema_comes_back_from_json(column):
    schema = infer_schema(column.to_frame())
    again = Schema.from_dict(json.loads(json.dumps(schema.to_dict(), allow_nan=False)))
    assert again == schema
    assert str(again["x"].dtype) == str(column.dtype)
    if isinstance(column.dtype, pd.CategoricalDtype):
        pd.testing.assert_index_equal(again["x"].dtype.categories, column.dtype.categories, exact="equiv")


def test_an_empty_frame_has_names_and_dtypes_but_no_rows(column):
    frame = pd.DataFrame({"x": column, 7: column})
    empty = infer_schema(frame).empty_frame()
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, frame.dtypes)


def test_no_columns_make_an_empty_frame():
    assert Schema(()).empty_frame().shape == (0, 0)


def test_intervals_with_infinite_ends_come_back_from_json():
    cut = pd.cut(pd.Series([1.0, 2.0]), [-float("inf"), 1.5, float("inf")], right=False)
    schema = Schema((Column("x", cut.dtype, "categorical"),))
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict(), allow_nan=False))) == schema


def test_a_missing_column_is_named_with_the_nearest_one(table):
    with pytest.raises(DataError, match=r"'aeg' is missing from the table; it has .* Did you mean 'age'\?"):
        infer_schema(table)["aeg"]


def test_to_frame_has_one_row_a_column_and_a_reason_for_each(table):
    shown = infer_schema(table).to_frame()
    assert shown["column"].tolist() == list(table)
    assert shown["reason"].str.len().gt(0).all()
    assert shown["kind"].tolist() == ["numerical"] * 2 + ["categorical"] * 2 + ["boolean", "datetime"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame(index=range(3)), "no columns"),
        (pd.DataFrame({"a": []}), "0 rows"),
        (pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]), "must be unique; 'a' appear"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "several levels; join them"),
        (pd.DataFrame([[1]], columns=[1.5]), "strings or integers; got 1.5"),
        (pd.DataFrame([[1]], columns=pd.Index([("a", 1)], tupleize_cols=False)), "strings or integers"),
    ],
)
def test_a_frame_that_cannot_be_learned_is_refused(frame, message):
    with pytest.raises(DataError, match=message):
        check_frame(frame)
