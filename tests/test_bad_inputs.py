"""Every sort of odd table, from names to time zones: it is learned and drawn, or one sentence says why not.

What is only about cells is law for all encoders in tests/preprocessing; here whole models are fitted.
"""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from quick_models import quick

from synthgan.augmentation.amounts import check_target
from synthgan.exceptions import DataError
from synthgan.source import ParquetSource

N_ROWS = 240
RNG = np.random.default_rng(0)


def drawn_from(table, n=300, **parameters):
    """Return rows of a model of the table."""
    return quick(redraw=True, **parameters).fit(table).sample(n)


def one_column(cells, **options):
    return pd.DataFrame({"x": pd.Series(cells, **options), "n": RNG.normal(size=len(cells))})


def objects(cells):
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return pd.Series(array, dtype=object)


NAMES = ["", "a\x00b", "a\nb", "😀", "x" * 10_000, " leading", "index", "__synthetic__", "level_0", 7, -1]


def test_names_of_any_sort_come_back_as_they_are():
    frame = pd.DataFrame({name: RNG.integers(3, size=N_ROWS) for name in NAMES})
    assert list(drawn_from(frame)) == NAMES


def test_kinds_of_cells_that_files_have_come_back():
    frame = pd.DataFrame(
        {
            "price": objects([Decimal("1.50"), Decimal("2.25"), None] * 80),
            "day": objects([dt.date(2020, 1, 1), None, dt.date(2021, 1, 1)] * 80),
            "clock": objects([dt.time(1), dt.time(2, 30), None] * 80),
            "span": pd.to_timedelta(RNG.integers(9, size=N_ROWS), unit="h"),
            "month": pd.period_range("2020-01", periods=N_ROWS, freq="M"),
            "cut": pd.arrays.IntervalArray(pd.cut(RNG.normal(size=N_ROWS), 3)),
        }
    )
    drawn = drawn_from(frame)
    pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)
    for name in ("price", "day", "clock"):
        assert set(drawn[name]) <= set(frame[name])


def test_numbers_that_are_written_as_text_stay_text_and_the_schema_says_so():
    gan = quick().fit(one_column(["1", "2", "10"] * 80))
    assert set(gan.sample(300)["x"]) <= {"1", "2", "10"}
    assert "numbers written as text" in gan.schema_["x"].reason


MISSING = {"None": None, "nan": np.nan, "NA": pd.NA, "NaT": pd.NaT}


def test_missing_objects_come_back_in_kind():
    moments = [dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1)]
    drawn = drawn_from(pd.DataFrame({name: objects([*moments, cell] * 80) for name, cell in MISSING.items()}))
    for name, missing in MISSING.items():
        gaps = [cell for cell in drawn[name] if pd.isna(cell)]
        assert gaps, name
        assert all(cell is missing or (cell != cell and missing != missing) for cell in gaps), name


NUMBERS = {
    "huge": pd.Series([1e300, -1e300, 5e-324, 0.0] * 60),
    "beyond 2**53": pd.Series(2**53 + 1 + 2 * RNG.integers(10**6, size=N_ROWS)),
    "uint64": pd.Series([0, 2**64 - 1, 2**63 + 1] * 80, dtype="uint64"),
    "-0.0": pd.Series([-0.0, 0.0, 1.5] * 80),
    "boolean": pd.Series([True, False, None] * 80, dtype="boolean"),
    "truth": pd.Series([True, False, None] * 80, dtype=object),
    "missing": pd.Series([None] * N_ROWS, dtype="Int64"),
    "one": pd.Series([7] * N_ROWS),
    "all but one": pd.Series([7] * (N_ROWS - 1) + [8]),
    "tails": pd.Series(RNG.standard_cauchy(N_ROWS) ** 3),
    "0": pd.Series(np.where(RNG.random(N_ROWS) < 0.6, 0.0, RNG.lognormal(8, 2, N_ROWS))),
}


@pytest.fixture(scope="module")
def drawn_numbers():
    return drawn_from(pd.DataFrame(NUMBERS))


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_any_size_and_spread(drawn_numbers, name):
    drawn, cells = drawn_numbers[name], NUMBERS[name]
    assert drawn.dtype == cells.dtype
    if cells.notna().any() and cells.dtype != object:
        assert drawn.min() >= cells.min()
        assert drawn.max() <= cells.max()
    if cells.dtype.kind == "f":
        assert not np.signbit(drawn[drawn == 0]).any()
    if name == "beyond 2**53":
        assert (drawn % 2 == 1).all()


def test_targets_that_cannot_be_are_refused_with_the_nearest():
    frame = pd.DataFrame({"age": [1, 2] * 50, "income": ["a"] * 99 + ["b"], "none": [None] * 100})
    with pytest.raises(DataError, match=r"'incme' is not a column; .* Did you mean 'income'"):
        drawn_from(frame, target="incme")
    with pytest.raises(DataError, match="'none' has no value"):
        drawn_from(frame, target="none")
    with pytest.raises(DataError, match="has the value 'a' only"):
        check_target(frame.iloc[:99], "income")
    assert "class 'b' of 'income' has 1 row" in check_target(frame, "income")[0]


def test_many_levels_identifiers_and_text_are_never_one_hot():
    n_rows = 3000
    frame = pd.DataFrame(
        {
            "level": [f"level {i}" for i in RNG.integers(1500, size=n_rows)],
            "id": [f"A{i:05d}" for i in range(n_rows)],
            "n": RNG.normal(size=n_rows),
        }
    )
    gan = quick(hidden_dims=(16,), redraw=True, correct=True).fit(frame)
    assert gan.encoder_.layout_.n_codes < 400
    drawn = gan.sample(1000)
    assert set(drawn["level"]) <= set(frame["level"])
    assert drawn["id"].is_unique
    assert not drawn["id"].isin(frame["id"]).any()
    with pytest.raises(DataError, match=r"'text' .*free text"):
        drawn_from(frame.assign(text=[f"note {i} by hand" for i in range(n_rows)]))


def test_codes_are_drawn_as_they_were_seen_and_no_level_that_was_not():
    frame = pd.DataFrame(
        {
            "code": RNG.choice([1, 7, 40], size=N_ROWS),
            "size": pd.Categorical(
                RNG.choice(["S", "L"], size=N_ROWS), categories=["S", "M", "L"], ordered=True
            ),
            "number": pd.Categorical(RNG.choice([3, 1], size=N_ROWS)),
            "truth": pd.Categorical(RNG.choice([True, False], size=N_ROWS)),
            "day": pd.Categorical(pd.Series(pd.date_range("2020", periods=2)).sample(N_ROWS, replace=True)),
        }
    )
    drawn = drawn_from(frame)
    pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)
    assert set(drawn["code"]) <= {1, 7, 40}
    assert "M" not in set(drawn["size"])


def test_a_class_of_one_row_in_thousands_can_be_drawn():
    frame = pd.DataFrame({"y": ["no"] * 4999 + ["yes"], "x": RNG.normal(size=5000)})
    gan = quick().fit(frame)
    assert set(gan.sample(500)["y"]) <= {"no", "yes"}
    assert (gan.sample(5, conditions={"y": "yes"})["y"] == "yes").all()


def test_no_local_time_is_drawn_that_clocks_never_show():
    hours = pd.date_range("2023-01-01", "2023-12-31", freq="30min", tz="UTC")
    frame = pd.DataFrame()
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"):
        frame[zone] = hours[RNG.integers(len(hours), size=2000)].tz_convert(zone)
        frame[f"hour in {zone}"] = frame[zone].dt.hour
    drawn = drawn_from(frame, 3000)
    pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)
    for zone in frame.columns[::2]:
        again = drawn[zone].dt.tz_localize(None).dt.tz_localize(zone, ambiguous="NaT")
        assert (again.isna() | (again == drawn[zone])).all()
        assert (drawn[zone].dt.hour == drawn[f"hour in {zone}"]).all()


def test_years_from_1_to_9999_in_any_unit():
    cells = np.array(["0001-01-01", "9999-12-31T23:59:59", "2020-02-29"] * 80, dtype="datetime64[s]")
    frame = pd.DataFrame({unit: cells.astype(f"datetime64[{unit}]") for unit in ("s", "ms", "us")})
    drawn = drawn_from(frame)
    pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)
    for unit in frame:
        assert set(drawn[unit]) <= set(frame[unit])


def test_columns_and_rows_that_come_twice():
    half = pd.DataFrame({"a": RNG.normal(size=N_ROWS), "b": RNG.integers(5, size=N_ROWS)})
    frame = pd.concat([half, half], ignore_index=True)
    frame["c"], frame["d"] = frame["b"], 2 * frame["b"] + 1
    drawn = drawn_from(frame)
    assert (drawn["c"] == drawn["b"]).all()
    assert (drawn["d"] == 2 * drawn["b"] + 1).all()


def test_tables_of_any_make_are_learned_and_left_alone():
    numbers = np.asfortranarray(RNG.normal(size=(N_ROWS, 4)))[:, ::2]
    numbers.flags.writeable = False
    assert drawn_from(numbers).shape == (300, 2)
    frame = pd.DataFrame(
        {
            "sparse": pd.arrays.SparseArray(RNG.integers(2, size=N_ROWS)),
            "arrow": pd.Series(RNG.integers(9, size=N_ROWS), dtype=pd.ArrowDtype(pa.int16())),
        },
        index=np.repeat([3, 4], N_ROWS // 2),
    )
    before = frame.copy(deep=True)
    pd.testing.assert_series_equal(drawn_from(frame).dtypes, frame.dtypes)
    pd.testing.assert_frame_equal(frame, before)


def test_a_table_that_has_changed_is_taken_in_any_order_or_named():
    frame = pd.DataFrame(
        {"a": RNG.normal(size=N_ROWS), "when": pd.date_range("2020", periods=N_ROWS, unit="us")}
    )
    gan = quick(loss="relativistic").fit(frame)
    same = gan.discriminate(frame)
    other = frame[["when", "a"]].assign(extra=1, when=frame["when"].astype("datetime64[s]"))
    np.testing.assert_allclose(gan.discriminate(other), same)
    with pytest.raises(DataError, match="lacks the columns 'a'"):
        gan.discriminate(frame[["when"]])
    with pytest.raises(DataError, match="'a' was float64 when it was fitted, and is"):
        gan.discriminate(frame.assign(a="much"))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (pd.DataFrame({"b": ["x"]}), "a.parquet' has 'a' as int64, and .*b.parquet' as no column"),
        (pd.DataFrame({"a": ["x"]}), "has 'a' as int64, and .*b.parquet' as (large_)?string"),
        (pd.DataFrame({"c": [1], "a": [2]}), "as no column, and .*b.parquet' as int64"),
    ],
    ids=["other columns", "other types", "more columns"],
)
def test_files_of_a_folder_that_clash_are_named(tmp_path, other, said):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "year=2020").mkdir()
    other.to_parquet(tmp_path / "year=2020" / "b.parquet")
    with pytest.raises(DataError, match=said):
        ParquetSource.of(tmp_path)
