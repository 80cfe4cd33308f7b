import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthgan.exceptions import ConditionError, DataError
from synthgan.persistence import read_model, write_model
from synthgan.preprocessing import CodingOptions, TableEncoder, infer_schema
from synthgan.preprocessing.table import UnsupportedColumnsError

RNG = np.random.default_rng(0)


def round_trip(frame, numbers="quantile"):
    encoder = TableEncoder(CodingOptions(numbers=numbers)).fit(frame)
    return encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))


@pytest.mark.parametrize("numbers", ["quantile", "standard"])
def test_real_tables_come_back_with_their_form_levels_and_missing_cells(real_table, numbers):
    encoder = TableEncoder(CodingOptions(numbers=numbers)).fit(real_table)
    table = encoder.transform(real_table)
    assert (table.codes < [span.n_codes for span in encoder.layout_.spans]).all()
    assert np.isfinite(table.values).all()
    back = encoder.inverse_transform(table, rng=np.random.default_rng(0))
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


def test_columns_may_come_in_any_order_and_among_others(table):
    encoder = TableEncoder().fit(table)
    mixed = table[list(table)[::-1]].assign(other=1)
    np.testing.assert_array_equal(encoder.transform(mixed).codes, encoder.transform(table).codes)


def test_a_lacking_column_is_named(table):
    with pytest.raises(DataError, match="lacks the columns 'age'"):
        TableEncoder().fit(table).transform(table.drop(columns="age"))


@pytest.mark.parametrize(
    ("name", "cells"), [("age", "x"), ("since", "soon"), ("score", "high"), ("age", [[1]])]
)
def test_a_column_of_another_type_is_named_with_both_types(table, name, cells):
    encoder = TableEncoder().fit(table)
    changed = table.assign(**{name: pd.Series([cells] * len(table), dtype=object)})
    with pytest.raises(DataError, match=rf"Column '{name}' was \S* when it was fitted, and is object"):
        encoder.transform(changed)


@pytest.mark.parametrize("dtype", ["int8", "float64", "Int64", "int64[pyarrow]", object])
def test_the_same_numbers_in_another_dtype_have_the_same_codes(table, dtype):
    encoder = TableEncoder().fit(table)
    changed = table.assign(age=table["age"].astype(dtype), since=table["since"].astype("datetime64[s]"))
    np.testing.assert_array_equal(encoder.transform(changed).codes, encoder.transform(table).codes)


def test_an_unseen_level_is_named_with_the_nearest(table):
    encoder = TableEncoder().fit(table)
    with pytest.raises(DataError, match=r"'city' has levels .*: 'Bärn'.* Did you mean 'Bern'"):
        encoder.transform(table.assign(city="Bärn"))


def test_index_is_of_no_matter_and_input_is_left_alone(table):
    shuffled = table.set_index(pd.Index([7] * len(table)))
    before = shuffled.copy(deep=True)
    assert round_trip(shuffled).equals(round_trip(table))
    pd.testing.assert_frame_equal(shuffled, before)


def test_a_stored_table_encoder_codes_and_draws_as_before(table, tmp_path):
    encoder = TableEncoder().fit(table)
    write_model(tmp_path / "encoder", encoder.state())
    stored = TableEncoder.from_state(read_model(tmp_path / "encoder"))
    assert stored.schema_ == encoder.schema_
    assert stored.layout_ == encoder.layout_
    coded = encoder.transform(table)
    np.testing.assert_array_equal(stored.transform(table).codes, coded.codes)
    drawn, again = (e.inverse_transform(coded, rng=np.random.default_rng(5)) for e in (encoder, stored))
    pd.testing.assert_frame_equal(again, drawn)


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


@pytest.mark.parametrize("held", [pa.list_(pa.int64()), pa.binary(), pa.struct([("a", pa.int64())])], ids=str)
def test_arrow_columns_that_cannot_be_learned_are_refused(held):
    frame = pd.DataFrame({"x": pd.Series([None] * 120, dtype=pd.ArrowDtype(held))})
    with pytest.raises(UnsupportedColumnsError, match="'x'"):
        infer_schema(frame)


@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", object])
@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinite_numbers_are_refused_with_what_to_do(dtype, infinite):
    with pytest.raises(DataError, match=r"'x' has infinite values; replace them.*df\.replace"):
        TableEncoder().fit(pd.DataFrame({"x": pd.Series([1.0, infinite], dtype=dtype)}))


POSSIBLE = [
    ("age", 40, 40),
    ("age", 41, 41),  # not seen, but in the range
    ("age", 40.0, 40),
    ("age", "40", 40),
    ("age", np.int8(40), 40),
    ("score", 0.3, 0.3),
    ("score", "1.25", 1.25),
    ("score", 2, 2.0),
    ("score", None, None),
    ("score", np.nan, None),
    ("score", pd.NA, None),
    ("city", "Bern", "Bern"),
    ("city", None, None),
    ("size", "M", "M"),
    ("size", pd.NA, None),
    ("member", True, True),
    ("member", "true", True),
    ("member", "False", False),
    ("member", 0, False),
    ("since", pd.Timestamp("2020-03-04"), pd.Timestamp("2020-03-04")),
    ("since", "2020-03-04", pd.Timestamp("2020-03-04")),
    ("since", datetime.datetime(2020, 3, 4), pd.Timestamp("2020-03-04")),
    ("since", pd.NaT, None),
]


@pytest.mark.parametrize(("name", "value", "cell"), POSSIBLE)
def test_a_condition_holds_exactly_and_keeps_the_dtypes(table, name, value, cell):
    encoder = TableEncoder().fit(table)
    wanted = encoder.encode_conditions({name: value})
    written = wanted.write_into(table)
    pd.testing.assert_series_equal(written.dtypes, table.dtypes)
    assert written[name].isna().all() if cell is None else (written[name] == cell).all()
    pd.testing.assert_frame_equal(written.drop(columns=name), table.drop(columns=name))
    (index,) = wanted.known.columns
    assert 0 <= wanted.known.codes[0] < encoder.layout_.spans[index].n_codes


IMPOSSIBLE = [
    ("aeg", 40, r"names column 'aeg', .* it has 'age', .* Did you mean 'age'\?"),
    ("age", 29, "'age' cannot be 29: it holds values from 30 to 62"),
    ("age", 63, "'age' cannot be 63"),
    ("age", 10**30, "'age' cannot be"),
    ("age", 40.5, "'age' cannot be 40.5"),
    ("age", "40.5", "'age' cannot be '40.5'"),
    ("age", "forty", "'age' cannot be 'forty'"),
    ("age", None, "'age' cannot be None"),
    ("age", pd.NaT, "'age' cannot be NaT"),
    ("age", [40], "'age' cannot be"),
    ("age", pd.Timestamp("2020"), "'age' cannot be"),
    ("score", 2.5, "'score' cannot be 2.5: it holds values from 0.25 to 2.0"),
    ("score", float("inf"), "'score' cannot be inf"),
    ("score", "nan", "'score' cannot be 'nan'"),
    ("city", "Bärn", r"'city' cannot be 'Bärn': it holds the levels 'Basel', .* Did you mean 'Bern'\?"),
    ("city", 3, "'city' cannot be 3"),
    ("size", "m", r"'size' cannot be 'm'.* Did you mean 'M'\?"),
    ("size", "XL", "'size' cannot be 'XL': it holds the levels 'S', 'M', 'L'"),
    ("member", "yes", "'member' cannot be 'yes'"),
    ("member", 2, "'member' cannot be 2"),
    ("member", None, "'member' cannot be None"),
    ("since", "2019-12-31", "'since' cannot be '2019-12-31': it holds values from 2020-01-01"),
    ("since", "soon", "'since' cannot be 'soon'"),
    ("since", pd.Timestamp("2020-03-04", tz="UTC"), "'since' cannot be"),
]


@pytest.mark.parametrize(("name", "value", "message"), IMPOSSIBLE)
def test_a_condition_that_no_row_can_meet_is_refused(table, name, value, message):
    with pytest.raises(ConditionError, match=message):
        TableEncoder().fit(table).encode_conditions({name: value})


def test_a_declared_but_unseen_level_and_a_key_are_no_conditions():
    sizes = pd.CategoricalDtype(["S", "M", "never"])
    frame = pd.DataFrame(
        {"size": pd.Series(["S", "M"] * 60, dtype=sizes), "id": [f"K{i:04d}" for i in range(120)]}
    )
    encoder = TableEncoder().fit(frame)
    for conditions in ({"size": "never"}, {"id": "K0000"}):
        with pytest.raises(ConditionError):
            encoder.encode_conditions(conditions)


def test_text_names_the_levels_of_any_category():
    days = pd.date_range("2020-01-01", periods=3)
    frame = pd.DataFrame(
        {"n": pd.Categorical([1, 2, 3]), "day": pd.Categorical(days), "cut": pd.cut([1, 3, 5], 2)}
    )
    wanted = (
        TableEncoder()
        .fit(frame)
        .encode_conditions({"n": "2", "day": str(days[1]), "cut": str(frame["cut"][0])})
    )
    written = wanted.write_into(frame)
    assert written.iloc[0].tolist() == [2, days[1], frame["cut"][0]]
    pd.testing.assert_series_equal(written.dtypes, frame.dtypes)


def test_an_object_column_of_large_integers_takes_a_small_condition():
    frame = pd.DataFrame({"x": pd.Series([1, 5, 2**63 + 1] * 20, dtype=object)})
    wanted = TableEncoder().fit(frame).encode_conditions({"x": 5})
    assert wanted.write_into(frame)["x"].tolist() == [5] * 60


def test_several_conditions_are_sorted_by_column_and_no_condition_changes_nothing(table):
    encoder = TableEncoder().fit(table)
    wanted = encoder.encode_conditions({"member": True, "age": 51})
    assert wanted.known.columns.tolist() == [0, 4]
    written = wanted.write_into(table.iloc[:0])
    assert len(written) == 0
    pd.testing.assert_series_equal(written.dtypes, table.dtypes)
    nothing = encoder.encode_conditions({})
    assert nothing.cells == []
    assert nothing.write_into(table) is table


@pytest.mark.parametrize("numbers", ["quantile", "standard"])
def test_the_code_of_a_condition_is_that_of_the_cell(table, numbers):
    """What is written as a condition is what a row with that cell is coded as."""
    encoder = TableEncoder(CodingOptions(numbers=numbers)).fit(table)
    coded = encoder.transform(table)
    wanted = encoder.encode_conditions(table.iloc[0].to_dict())
    assert wanted.known.codes.tolist() == coded.codes[0].tolist()
    valued = [list(wanted.known.columns).index(i) for i in encoder.layout_.valued]
    np.testing.assert_array_equal(wanted.known.values[valued], coded.values[0])


def test_the_place_of_a_condition_is_that_of_the_cell():
    frame = pd.DataFrame(np.random.default_rng(0).lognormal(size=(2000, 2)), columns=["a", "b"])
    encoder = TableEncoder().fit(frame)
    coded = encoder.transform(frame)
    assert [span.n_places for span in encoder.layout_.spans] == [3, 3]
    for row in range(20):
        wanted = encoder.encode_conditions(frame.iloc[row].to_dict()).known
        assert wanted.codes.tolist() == coded.codes[row].tolist()
        assert wanted.places.tolist() == coded.places[row].tolist()


def test_decoded_cells_stand_in_the_places_that_they_were_decoded_from():
    frame = pd.DataFrame({"a": np.random.default_rng(0).lognormal(size=2000)})
    encoder = TableEncoder().fit(frame)
    coded = encoder.transform(frame)
    again = encoder.transform(encoder.inverse_transform(coded, rng=np.random.default_rng(1)))
    np.testing.assert_array_equal(again.codes, coded.codes)
    np.testing.assert_array_equal(again.places, coded.places)
    assert np.bincount(coded.places[:, 0]) == pytest.approx(np.full(3, 2000 / 3), abs=44)


class TestReadConditions:
    encoder = TableEncoder().fit(
        pd.DataFrame({"a": [1, 2], "a=b": [3, 4], "t": ["", "x"], "u": ["y", None], 7: [1.5, 2.5]})
    )

    @pytest.mark.parametrize(
        ("texts", "conditions"),
        [
            (["a=1"], {"a": "1"}),
            (["a=b=3"], {"a=b": "3"}),
            (["t="], {"t": ""}),
            (["u="], {"u": None}),
            (["7=2.5"], {7: "2.5"}),
            (["nowhere=1=2"], {"nowhere": "1=2"}),
            ([], {}),
        ],
    )
    def test_text_is_split_where_a_column_ends(self, texts, conditions):
        assert self.encoder.read_conditions(texts) == conditions

    @pytest.mark.parametrize(
        ("texts", "message"), [(["a"], "COLUMN=VALUE"), (["a=1", "a=2"], "two conditions")]
    )
    def test_what_cannot_be_read_is_refused(self, texts, message):
        with pytest.raises(ConditionError, match=message):
            self.encoder.read_conditions(texts)


@pytest.mark.parametrize("conditions", ["a=1", [("a", 1)], pd.Series({"a": 1})])
def test_conditions_that_are_no_mapping_are_refused(conditions):
    with pytest.raises(ConditionError, match="mapping"):
        TableEncoder().fit(pd.DataFrame({"a": [1, 2]})).encode_conditions(conditions)


def test_days_come_back_as_days_and_can_be_a_condition():
    days = pd.Series([datetime.date(2020, 2, 28), datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)])
    frame = pd.DataFrame({"day": days.repeat(30).reset_index(drop=True)})
    encoder = TableEncoder().fit(frame)
    assert encoder.schema_["day"].kind == "date"
    drawn = encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))
    pd.testing.assert_frame_equal(drawn, frame)
    for value in ("2020-02-28", datetime.date(2020, 2, 28)):
        (cell,) = encoder.encode_conditions({"day": value}).cells
        assert cell.tolist() == [datetime.date(2020, 2, 28)]
    when = TableEncoder().fit(pd.DataFrame({"when": pd.date_range("2020-01-01", periods=9)}))
    (cell,) = when.encode_conditions({"when": datetime.date(2020, 1, 5)}).cells
    assert cell.tolist() == [pd.Timestamp("2020-01-05")]


TIMES = {
    "when": (
        [pd.Timestamp("2020-01-01"), pd.Timestamp("2021-01-01")],
        "2020-05-05",
        pd.Timestamp("2020-05-05"),
    ),
    "moment": (
        [datetime.datetime(2020, 1, 1), datetime.datetime(2021, 1, 1)],
        datetime.date(2020, 5, 5),
        datetime.datetime(2020, 5, 5),
    ),
    "span": ([pd.Timedelta(0), pd.Timedelta("9h")], "3h", pd.Timedelta("3h")),
    "clock": ([pd.Timedelta(0), pd.Timedelta("9h")], datetime.time(3), pd.Timedelta("3h")),
    "time": ([datetime.time(0), datetime.time(9)], "03:00", datetime.time(3)),
    "price": ([Decimal("0.00"), Decimal("9.99")], "1.5", Decimal("1.50")),
    "number": ([Decimal("0.00"), Decimal("9.99")], 1.5, Decimal("1.50")),
}


@pytest.mark.parametrize("name", TIMES)
def test_objects_are_conditions_in_their_own_form_and_as_text(name):
    cells, value, wanted = TIMES[name]
    frame = pd.DataFrame({"x": pd.Series(cells * 30, dtype=object)})
    (cell,) = TableEncoder().fit(frame).encode_conditions({"x": value}).cells
    assert cell.tolist() == [wanted]
    assert type(cell[0]) is type(wanted)
    assert str(cell[0]) == str(wanted)


@pytest.mark.parametrize("value", [5, "soon", pd.Timestamp("2020-05-05", tz="UTC"), datetime.time(3), [1]])
def test_what_is_no_moment_is_no_condition(value):
    frame = pd.DataFrame({"x": pd.Series([pd.Timestamp(0), pd.Timestamp("2021")] * 30, dtype=object)})
    with pytest.raises(ConditionError, match="'x' cannot be"):
        TableEncoder().fit(frame).encode_conditions({"x": value})


@pytest.mark.parametrize("value", ["1.505", "soon", 1.505, True, [1]])
def test_a_decimal_of_more_places_or_none_is_no_condition(value):
    frame = pd.DataFrame({"x": pd.Series([Decimal("0.00"), Decimal("9.99")] * 30, dtype=object)})
    with pytest.raises(ConditionError, match="'x' cannot be"):
        TableEncoder().fit(frame).encode_conditions({"x": value})


def test_truth_value_of_an_object_column_stays_one():
    encoder = TableEncoder().fit(pd.DataFrame({"b": pd.Series([True, False, None], dtype=object)}))
    (cell,) = encoder.encode_conditions({"b": 1}).cells
    assert cell.tolist() == [True]
    assert isinstance(cell.iloc[0], bool)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"])
@pytest.mark.parametrize("dtype", [None, object])
def test_days_of_a_time_zone_come_back_as_days(zone, dtype):
    days = pd.DatetimeIndex(pd.date_range("1990-01-01", periods=10_000)).tz_localize(
        zone, nonexistent="shift_forward", ambiguous=np.ones(10_000, dtype=bool)
    )
    days = days[days.tz_localize(None) == days.tz_localize(None).normalize()]
    frame = pd.DataFrame({"day": pd.Series(days[RNG.integers(len(days), size=2000)], dtype=dtype)})
    frame["year"] = pd.DatetimeIndex(frame["day"]).year
    encoder = TableEncoder().fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))
    assert back["day"].dtype == frame["day"].dtype
    shown = pd.DatetimeIndex(back["day"])
    assert (shown.hour <= 1).all()  # where clocks skip midnight, a day begins at one
    assert (shown.hour == 0).mean() > 0.99
    assert (shown.year == back["year"]).all()
