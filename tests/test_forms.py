"""Laws of the forms of tables: what goes in comes out, with its metadata."""

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from quick_models import quick

from synthgan import SynthGAN
from synthgan.exceptions import DataError
from synthgan.forms import Form, unwrap


def drawn_like(X, tmp_path):
    """Return rows drawn from a model of a table, after it was saved and loaded."""
    gan = quick().fit(X)
    gan.save(tmp_path / "model")
    before, after = gan.sample(50), SynthGAN.load(tmp_path / "model").sample(50)
    assert type(before) is type(after) is type(X)
    assert hasattr(gan, "feature_names_in_") != isinstance(X, np.ndarray)
    return after


def arrow_table():
    rows = {
        "n": pa.array([1, None, 2**60 + 1] * 40),
        "small": pa.array([1, 2, 3] * 40, pa.uint8()),
        "word": pa.array(["a", "b", None] * 40, pa.large_string()),
        "level": pa.array(["x", "y", "x"] * 40).dictionary_encode(),
        "day": pa.array([dt.date(2020, 1, 1), None, dt.date(2021, 1, 1)] * 40),
        "when": pa.array(
            [dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1), None] * 40, pa.timestamp("ms", "UTC")
        ),
        "price": pa.array([Decimal("1.50"), Decimal("2.25"), Decimal("0.10")] * 40),
        "none": pa.nulls(120),
    }
    table = pa.table(rows)
    fields = [field.with_metadata({"unit": "m"}) for field in table.schema]
    return table.cast(pa.schema(fields, metadata={"made": "by hand"}))


def test_an_arrow_table_comes_back_with_schema_and_metadata(tmp_path):
    table = arrow_table()
    drawn = drawn_like(table, tmp_path)
    assert drawn.schema.equals(table.schema, check_metadata=True)
    assert set(drawn["n"].to_pylist()) <= {1, None, 2**60 + 1}
    assert set(drawn["price"].to_pylist()) <= {Decimal("1.50"), Decimal("2.25"), Decimal("0.10")}


def test_batches_are_read_once_and_come_back_as_a_table():
    table = arrow_table()
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
    frame, form = unwrap(reader)
    assert len(frame) == 120
    assert form.wrap(frame).equals(table)


def test_text_that_pandas_wrote_about_an_index_is_no_matter():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=[7, 9])
    table = pa.Table.from_pandas(frame)
    again, form = unwrap(table)
    assert list(again) == ["a", "b", "__index_level_0__"]
    assert form.wrap(again).equals(table)


def test_a_polars_frame_comes_back_with_its_schema(tmp_path):
    table = pl.from_arrow(arrow_table()).with_columns(
        size=pl.Series(["S", "L", None] * 40, dtype=pl.Enum(["S", "M", "L", "never"])),
        clock=pl.Series([dt.time(1), None, dt.time(2)] * 40),
        span=pl.Series([dt.timedelta(1), None, dt.timedelta(2)] * 40),
        when=pl.Series([dt.datetime(2020, 1, 1)] * 120).dt.replace_time_zone("Europe/Berlin"),
        price=pl.Series([Decimal("1.50"), Decimal("2.25"), None] * 40, dtype=pl.Decimal(10, 2)),
        truth=pl.Series([True, None, False] * 40),
    )
    drawn = drawn_like(table, tmp_path)
    assert drawn.schema == table.schema
    for name in table.columns:
        assert set(drawn[name].to_list()) <= set(table[name].to_list())


@pytest.mark.parametrize(
    "array",
    [
        np.arange(240, dtype=np.int16).reshape(120, 2) % 7,
        np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32),
        np.array([["a", "bcd"], ["b", "e"]] * 60),
        np.array([["a", 1], ["b", None]] * 60, dtype=object),
        np.array([["2020-01-01"], ["2021-01-01"]] * 60, dtype="datetime64[D]"),
        np.array([[True], [False]] * 60),
        np.asfortranarray(np.random.default_rng(0).normal(size=(120, 3)))[::2],
    ],
    ids=lambda array: str(array.dtype),
)
def test_an_array_comes_back_as_an_array_of_its_dtype(array, tmp_path):
    array.flags.writeable = False
    drawn = drawn_like(array, tmp_path)
    assert (drawn.dtype, drawn.shape) == (array.dtype, (50, array.shape[1]))


def test_a_frame_keeps_its_attributes_and_the_name_of_its_columns(tmp_path):
    frame = pd.DataFrame({"a": [1, 2] * 60}, index=range(5, 125))
    frame.attrs = {"source": "by hand", "shape": [1, 2]}
    frame.columns.name = "things"
    drawn = drawn_like(frame, tmp_path)
    assert drawn.attrs == frame.attrs
    assert drawn.columns.name == "things"
    assert drawn.index.equals(pd.RangeIndex(50))


def test_attributes_that_json_cannot_hold_are_kept_in_memory_and_left_out_of_a_file():
    form = Form(attrs={"own": object, "ratio": float("nan"), "fine": 1, 3: "three"}, columns_name=("a",))
    again = Form.from_dict(json.loads(json.dumps(form.to_dict(), allow_nan=False)))
    assert (again.attrs, again.columns_name) == ({"fine": 1, 3: "three"}, None)
    assert form.wrap(pd.DataFrame({"a": [1]})).attrs == form.attrs


@pytest.mark.parametrize("of", [pl.DataFrame, pa.table])
def test_columns_that_are_dropped_are_not_missed(of):
    table = of({"a": [1, 2] * 60, "b": [0.5, 1.5] * 60})
    gan = quick(kinds={"b": "drop"}).fit(table)
    assert gan.sample(3).shape == (3, 1)


def test_floats_that_are_no_numbers_are_missing_ones():
    table = pa.table({"a": [1.5, float("nan"), None, 2.5] * 40})
    drawn = quick().fit(table).sample(200)
    assert set(drawn["a"].to_pylist()) == {1.5, 2.5, None}


def test_rows_of_a_list_come_back_as_a_frame_and_keep_the_types_of_their_cells():
    drawn = quick().fit([[1, 2.5, "a"], [3, 4.5, "b"]] * 50).sample(5)
    assert isinstance(drawn, pd.DataFrame)
    assert [dtype.kind for dtype in drawn.dtypes[:2]] == ["i", "f"]
    assert list(drawn) == ["x0", "x1", "x2"]


@pytest.mark.parametrize(
    ("X", "said"),
    [
        *((X, f"learns a table: .* got {type(X).__name__}") for X in ("a.parquet", 3, {"a": [1]}, None)),
        (np.ones(5), "Expected 2D array"),
        (np.ones((2, 2, 2)), "dim 3"),
        (np.ones((20, 2)) * 1j, "Complex data"),
        (np.ma.array([[1.0, 2.0]], mask=[[True, False]]), "masked array hides cells"),
        (pl.LazyFrame({"a": [1]}), r"LazyFrame is not computed yet; give what its collect\(\) returns"),
        (
            pl.DataFrame({"a": [1, 2], "b": pl.Series([1, 2], dtype=pl.Int128)}),
            "This DataFrame cannot be read as an Arrow table because of 'b'",
        ),
        (
            pa.table({"a": [1, None]}, pa.schema([pa.field("a", pa.int8(), nullable=False)])),
            "'a' is declared to have no nulls and has 1",
        ),
    ],
)
def test_what_cannot_be_learned_is_refused_in_one_sentence_without_showing_it(X, said):
    with pytest.raises(DataError, match=said) as refusal:
        SynthGAN().fit(X)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300
