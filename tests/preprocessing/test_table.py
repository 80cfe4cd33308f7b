import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rows_of_encoders import check_stored, decoded, round_trip

from synthgan.exceptions import DataError
from synthgan.preprocessing import CodingOptions, TableEncoder
from synthgan.preprocessing.inference import UnsupportedColumnsError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("numbers", ["quantile", "standard"])
def test_real_tables_come_back_with_their_form_levels_and_missing_cells(real_table, numbers):
    encoder = TableEncoder(CodingOptions(numbers=numbers)).fit(real_table)
    table = encoder.transform(real_table)
    assert (table.codes < [span.n_codes for span in encoder.layout_.spans]).all()
    assert np.isfinite(table.values).all()
    back = decoded(encoder, table)
    pd.testing.assert_series_equal(back.dtypes, real_table.dtypes)
    pd.testing.assert_frame_equal(back.isna(), real_table.isna())
    for column in encoder.schema_:
        if column.kind == "key":
            assert not back[column.name].isin(real_table[column.name]).any()
        elif column.kind != "categorical":
            assert back[column.name].min() >= real_table[column.name].min()
            assert back[column.name].max() <= real_table[column.name].max()
        elif real_table[column.name].nunique() <= 250:
            pd.testing.assert_series_equal(back[column.name], real_table[column.name])


@pytest.mark.parametrize(
    ("name", "cells"), [("age", "x"), ("since", "soon"), ("score", "high"), ("age", [[1]])]
)
def test_a_column_of_another_type_is_named_with_both_types(table, name, cells):
    encoder = TableEncoder().fit(table)
    changed = table.assign(**{name: pd.Series([cells] * len(table), dtype=object)})
    with pytest.raises(DataError, match=rf"Column '{name}' was \S* when it was fitted, and is object"):
        encoder.transform(changed)


@pytest.mark.parametrize("dtype", ["int8", "float64", "Int64", "int64[pyarrow]", object])
def test_columns_in_another_dtype_and_order_and_among_others_have_the_same_codes(table, dtype):
    encoder = TableEncoder().fit(table)
    changed = table.assign(age=table["age"].astype(dtype), since=table["since"].astype("datetime64[s]"))
    for same in (changed, changed[list(table)[::-1]].assign(other=1)):
        np.testing.assert_array_equal(encoder.transform(same).codes, encoder.transform(table).codes)


def test_a_lacking_column_and_an_unseen_level_are_named(table):
    encoder = TableEncoder().fit(table)
    with pytest.raises(DataError, match="lacks the columns 'age'"):
        encoder.transform(table.drop(columns="age"))
    with pytest.raises(DataError, match=r"'city' has levels .*: 'Bärn'.* Did you mean 'Bern'"):
        encoder.transform(table.assign(city="Bärn"))


def test_index_is_of_no_matter_and_input_is_left_alone(table):
    shuffled = table.set_index(pd.Index([7] * len(table)))
    before = shuffled.copy(deep=True)
    assert round_trip(shuffled).equals(round_trip(table))
    pd.testing.assert_frame_equal(shuffled, before)


def test_a_stored_table_encoder_codes_and_draws_as_before(table, tmp_path):
    check_stored(TableEncoder().fit(table), table, tmp_path)


UNSUPPORTED = {
    "list": [[1, 2], [3]],
    "dict": [{"a": 1}, None],
    "set": [{1}, {2}],
    "bytes": [b"a", b"b"],
    "complex": [1 + 2j, 3j],
    "mixed": [1, "x"],
    "decimals far apart": [Decimal("1e40"), Decimal("0.01"), Decimal(3)],
    "endless decimals": [Decimal("1e999999999"), Decimal(3)],
    "integers far apart": [2**70, 1, 2],
    "two time zones": [pd.Timestamp("2020", tz="UTC"), pd.Timestamp("2020", tz="Asia/Tokyo")],
    "with and without zone": [pd.Timestamp("2020", tz="UTC"), pd.Timestamp("2020")],
    "times of a zone": [datetime.time(1, tzinfo=datetime.UTC), datetime.time(2, tzinfo=datetime.UTC)],
    "objects of periods": pd.Series(pd.period_range("2020", periods=2, freq="M"), dtype=object),
    "category of tuples": pd.Categorical.from_codes([0, 1], pd.Index([(1,), (2,)], tupleize_cols=False)),
    "category of dates": pd.Categorical([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)]),
} | {
    str(held): pd.Series([None] * 120, dtype=pd.ArrowDtype(held))
    for held in (pa.list_(pa.int64()), pa.binary(), pa.struct([("a", pa.int64())]))
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_cells_that_cannot_be_learned_are_refused_by_column(name):
    cells = pd.Series(UNSUPPORTED[name])
    frame = pd.DataFrame({"fine": range(len(cells)), name: cells})
    with pytest.raises(UnsupportedColumnsError, match="--drop-unsupported") as error:
        TableEncoder().fit(frame)
    assert repr(name) in str(error.value)
    assert error.value.columns == [name]
    assert TableEncoder().fit(frame.drop(columns=error.value.columns)).schema_.names == ["fine"]


@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", object])
@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinite_numbers_are_refused_with_what_to_do(dtype, infinite):
    with pytest.raises(DataError, match=r"'x' has infinite values; replace them.*df\.replace"):
        TableEncoder().fit(pd.DataFrame({"x": pd.Series([1.0, infinite], dtype=dtype)}))


def test_decoded_cells_stand_in_the_places_that_they_were_decoded_from():
    frame = pd.DataFrame({"a": np.random.default_rng(0).lognormal(size=2000)})
    encoder = TableEncoder().fit(frame)
    coded = encoder.transform(frame)
    again = encoder.transform(decoded(encoder, coded, seed=1))
    np.testing.assert_array_equal(again.codes, coded.codes)
    np.testing.assert_array_equal(again.places, coded.places)
    assert np.bincount(coded.places[:, 0]) == pytest.approx(np.full(3, 2000 / 3), abs=44)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"])
@pytest.mark.parametrize("dtype", [None, object])
def test_days_of_a_time_zone_come_back_as_days(zone, dtype):
    days = pd.DatetimeIndex(pd.date_range("1990-01-01", periods=10_000)).tz_localize(
        zone, nonexistent="shift_forward", ambiguous=np.ones(10_000, dtype=bool)
    )
    days = days[days.tz_localize(None) == days.tz_localize(None).normalize()]
    frame = pd.DataFrame({"day": pd.Series(days[RNG.integers(len(days), size=2000)], dtype=dtype)})
    frame["year"] = pd.DatetimeIndex(frame["day"]).year
    back = round_trip(frame)
    assert back["day"].dtype == frame["day"].dtype
    shown = pd.DatetimeIndex(back["day"])
    assert (shown.hour <= 1).all()  # where clocks skip midnight, a day begins at one
    assert (shown.hour == 0).mean() > 0.99
    assert (shown.year == back["year"]).all()
