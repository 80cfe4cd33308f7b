"""Laws of dtypes that no encoder knows: they come back as they were, cell types included."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rows_of_encoders import check_stored, decoded

from synthgan.preprocessing import TableEncoder
from synthgan.preprocessing.plain import plain, plain_frame, restore

MOMENTS = [dt.datetime(2020, 1, 1), dt.datetime(9999, 12, 31), dt.datetime(1, 1, 1)]
DAYS = [moment.date() for moment in MOMENTS]
CLOCKS = [dt.time(1, 2, 3), dt.time(23, 59, 59)]
SPANS = [dt.timedelta(1), dt.timedelta(-3)]
ARROW = {
    pa.timestamp("s"): MOMENTS,
    pa.timestamp("us"): MOMENTS,
    pa.timestamp("ns"): MOMENTS[:1],
    pa.timestamp("us", tz="Europe/Berlin"): [dt.datetime(2023, 10, 29, hour, 30) for hour in (0, 1)],
    pa.timestamp("ms", tz="+05:30"): MOMENTS[:1],
    pa.duration("s"): SPANS,
    pa.duration("ns"): SPANS,
    pa.date32(): DAYS,
    pa.date64(): DAYS,
    pa.time32("s"): CLOCKS,
    pa.time32("ms"): CLOCKS,
    pa.time64("us"): CLOCKS,
    pa.time64("ns"): CLOCKS,
    pa.decimal128(5, 2): [Decimal("1.50"), Decimal("-2.00")],
    pa.decimal256(60, 1): [Decimal(f"{10**40}.5"), Decimal(f"{10**40}.0")],
    pa.null(): [None],
    pa.string(): ["a", ""],
    pa.large_string(): ["a", ""],
    pa.string_view(): ["a", ""],
    pa.dictionary(pa.int8(), pa.string()): ["b", "a"],
    pa.dictionary(pa.int32(), pa.int64()): [2, 1],
    pa.bool_(): [True, False],
    pa.float16(): [np.float16(1.5), np.float16(2)],
    pa.float32(): [1.5, 2.0],
    pa.uint64(): [2**64 - 1, 3],
    pa.int8(): [1, -128],
}


def _of_arrow(held, cells, n=120):
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array((cells * n)[:n], type=held)))


COLUMNS = {str(held): _of_arrow(held, cells) for held, cells in ARROW.items()}
COLUMNS |= {f"{held} with gaps": _of_arrow(held, [*cells, None]) for held, cells in ARROW.items()}
_RNG = np.random.default_rng(0)
_FLOATS = np.where(_RNG.random(200) < 0.7, 0.0, np.round(_RNG.normal(size=200)))
_CUT = pd.cut(_RNG.normal(size=200), 5)
COLUMNS |= {
    "sparse floats": pd.Series(pd.arrays.SparseArray(_FLOATS, fill_value=0.0)),
    "sparse gaps": pd.Series(pd.arrays.SparseArray(np.where(_FLOATS == 0, np.nan, _FLOATS))),
    "sparse integers": pd.Series(pd.arrays.SparseArray((_FLOATS > 0).astype("int64"))),
    "sparse truth": pd.Series(pd.arrays.SparseArray(_FLOATS > 0)),
    "intervals": pd.Series(pd.arrays.IntervalArray(_CUT)),
    "intervals with gaps": pd.Series(pd.arrays.IntervalArray(_CUT)).mask(_FLOATS > 0),
}


@pytest.fixture(params=COLUMNS)
def column(request):
    return COLUMNS[request.param].rename("x")


def cells_of(column):
    """Return the cells with their types; Arrow's view of text is not one that pandas can list."""
    is_arrow = isinstance(column.dtype, pd.ArrowDtype)
    cells = pa.array(column).to_pylist() if is_arrow else column.astype(object).tolist()
    return [(type(cell), None if pd.isna(cell) else cell) for cell in cells]


def test_plain_and_back_is_the_same_column(column):
    back = restore(plain(column), column.dtype)
    assert back.dtype == column.dtype
    assert cells_of(back) == cells_of(column)
    assert plain(column).name == "x"


def test_index_and_length_stay(column):
    moved = column.set_axis(range(7, 7 + len(column)))
    assert plain(moved).index.equals(moved.index)
    assert restore(plain(moved), moved.dtype).index.equals(moved.index)
    assert restore(plain(column)[:0], column.dtype).dtype == column.dtype


def test_a_stored_encoder_draws_cells_that_were_seen_in_their_own_dtype(column, tmp_path):
    frame = pd.DataFrame({"x": column, "n": range(len(column))})
    stored = check_stored(TableEncoder().fit(frame), frame, tmp_path)
    back = decoded(stored, stored.transform(frame))
    assert back["x"].dtype == column.dtype
    assert cells_of(back["x"]) == cells_of(column)


def test_seen_cells_can_be_conditions(column):
    frame = pd.DataFrame({"x": column})
    encoder = TableEncoder().fit(frame)
    for _, cell in dict.fromkeys(cells_of(column)):
        drawn = decoded(encoder, encoder.transform(frame).take(np.arange(3)), {"x": cell})
        assert drawn["x"].dtype == column.dtype
        assert [own for _, own in cells_of(drawn["x"])] == [cell] * 3


def test_what_encoders_know_is_left_alone():
    frame = pd.DataFrame({"a": [1, 2], 7: ["x", None]})
    assert plain_frame(frame) is frame
    mixed = frame.assign(day=pd.Series(DAYS[:2], dtype=pd.ArrowDtype(pa.date32())))
    assert list(plain_frame(mixed)) == ["a", 7, "day"]
    assert plain_frame(mixed)["day"].tolist() == DAYS[:2]
