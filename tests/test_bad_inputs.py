"""Every sort of odd table, from names to time zones: it is learned and drawn, or one sentence says why not.

What is only about cells is law for all encoders in tests/preprocessing; here whole models are fitted.
"""

import datetime as dt
import json
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from any_frames import FRAMES, as_dtype, check_sentence
from hypothesis import HealthCheck, given, settings
from quick_models import quick

from synthgan.augmentation.amounts import check_target
from synthgan.exceptions import DataError
from synthgan.schema import Schema
from synthgan.source import ParquetSource

N_ROWS = 240
RNG = np.random.default_rng(0)


# Each example is a fit.
@settings(max_examples=settings.default.max_examples // 4, suppress_health_check=list(HealthCheck))
@given(frame=FRAMES)
def test_frames_of_any_dtype_are_fitted_and_drawn(frame):
    repeated = pd.concat([frame] * 3, ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            gan = quick(redraw=True, correct=True).fit(repeated)
        except DataError as error:
            check_sentence(error, list(frame))
            return
        drawn = gan.sample(30)
    assert len(drawn) == 30
    pd.testing.assert_series_equal(drawn.dtypes, repeated.dtypes)
    for name in frame:
        cells = repeated[name]
        assert cells.isna().any() or not drawn[name].isna().any()
        assert not cells.isna().all() or drawn[name].isna().all()
        if cells.dtype.kind in "iuf" and cells.notna().any():
            assert drawn[name].dropna().between(cells.min(), cells.max()).all()


def drawn_from(table, n=300, **parameters):
    """Return rows of a model of the table."""
    return quick(redraw=True, **parameters).fit(table).sample(n)


NAMES = ["", "a\x00b", "a\nb", "😀", "x" * 10_000, " leading", "index", "__synthetic__", "level_0", 7, -1]


def test_names_of_any_sort_come_back_as_they_are():
    gan = quick(redraw=True).fit(pd.DataFrame({name: RNG.integers(3, size=N_ROWS) for name in NAMES}))
    again = Schema.from_dict(json.loads(json.dumps(gan.schema_.to_dict())))
    assert list(gan.sample(300)) == again.names == list(again.empty_frame()) == NAMES


YEARS = np.array(["0001-01-01", "9999-12-31T23:59:59", "2020-02-29"] * 80, dtype="datetime64[s]")


def test_cells_of_any_kind_come_back_in_their_dtypes_and_as_they_were_seen():
    sizes = pd.CategoricalDtype(["S", "M", "L"], ordered=True)
    seen = {
        "price": as_dtype([Decimal("1.50"), Decimal("2.25"), None] * 80, object),
        "day": as_dtype([dt.date(2020, 1, 1), None, dt.date(2021, 1, 1)] * 80, object),
        "clock": as_dtype([dt.time(1), dt.time(2, 30), None] * 80, object),
        **{unit: YEARS.astype(f"datetime64[{unit}]") for unit in ("s", "ms", "us")},
        "code": RNG.choice([1, 7, 40], size=N_ROWS),
        "size": pd.Categorical(RNG.choice(["S", "L"], size=N_ROWS), dtype=sizes),
        "number": pd.Categorical(RNG.choice([3, 1], size=N_ROWS)),
        "truth": pd.Categorical(RNG.choice([True, False], size=N_ROWS)),
        "level": pd.Categorical(pd.Series(pd.date_range("2020", periods=2)).sample(N_ROWS, replace=True)),
    }
    others = {
        "span": pd.to_timedelta(RNG.integers(9, size=N_ROWS), unit="h"),
        "month": pd.period_range("2020-01", periods=N_ROWS, freq="M"),
        "cut": pd.arrays.IntervalArray(pd.cut(RNG.normal(size=N_ROWS), 3)),
    }
    frame = pd.DataFrame(seen | others)
    drawn = drawn_from(frame)
    pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)
    for name in seen:
        assert set(drawn[name]) <= set(frame[name]), name


def test_numbers_that_are_written_as_text_stay_text_and_the_schema_says_so():
    gan = quick().fit(pd.DataFrame({"x": ["1", "2", "10"] * 80, "n": RNG.normal(size=N_ROWS)}))
    assert set(gan.sample(300)["x"]) <= {"1", "2", "10"}
    assert "numbers written as text" in gan.schema_["x"].reason


MISSING = {"None": None, "nan": np.nan, "NA": pd.NA, "NaT": pd.NaT}


def test_missing_objects_come_back_in_kind():
    moments = [dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1)]
    columns = {name: as_dtype([*moments, cell] * 80, object) for name, cell in MISSING.items()}
    drawn = drawn_from(pd.DataFrame(columns))
    for name, missing in MISSING.items():
        gaps = [cell for cell in drawn[name] if pd.isna(cell)]
        assert gaps, name
        assert all(cell is missing or (cell != cell and missing != missing) for cell in gaps), name


def test_numbers_of_any_size_and_spread():
    frame = pd.DataFrame(
        {
            "huge": [1e300, -1e300, 5e-324, 0.0] * 60,
            "beyond 2**53": 2**53 + 1 + 2 * RNG.integers(10**6, size=N_ROWS),
            "uint64": np.array([0, 2**64 - 1, 2**63 + 1] * 80, dtype="uint64"),
            "-0.0": [-0.0, 0.0, 1.5] * 80,
            "boolean": pd.Series([True, False, None] * 80, dtype="boolean"),
            "truth": as_dtype([True, False, None] * 80, object),
            "missing": pd.Series([None] * N_ROWS, dtype="Int64"),
            "one": 7,
            "all but one": [7] * (N_ROWS - 1) + [8],
            "tails": RNG.standard_cauchy(N_ROWS) ** 3,
            "0": np.where(RNG.random(N_ROWS) < 0.6, 0.0, RNG.lognormal(8, 2, N_ROWS)),
        }
    )
    drawn = drawn_from(frame)
    pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)
    numbers = [name for name in frame if name not in ("truth", "missing")]
    assert (drawn[numbers].min() >= frame[numbers].min()).all()
    assert (drawn[numbers].max() <= frame[numbers].max()).all()
    floats = drawn.select_dtypes("float").to_numpy()
    assert not np.signbit(floats[floats == 0]).any()
    assert (drawn["beyond 2**53"] % 2 == 1).all()


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


def test_a_class_of_one_row_in_thousands_is_drawn_as_often_as_asked():
    frame = pd.DataFrame({"y": ["no"] * 4999 + ["yes"], "x": RNG.normal(size=5000)})
    gan = quick(redraw=True, correct=True).fit(frame)
    assert set(gan.sample(500)["y"]) <= {"no", "yes"}
    assert gan.sample(1_000, conditions={"y": "yes"})["y"].tolist() == ["yes"] * 1_000


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


def test_columns_and_rows_that_come_twice():
    half = pd.DataFrame({"a": RNG.normal(size=N_ROWS), "b": RNG.integers(5, size=N_ROWS)})
    frame = pd.concat([half, half], ignore_index=True)
    frame["c"], frame["d"] = frame["b"], 2 * frame["b"] + 1
    drawn = drawn_from(frame)
    assert (drawn["c"] == drawn["b"]).all()
    assert (drawn["d"] == 2 * drawn["b"] + 1).all()


def test_tables_of_any_make_are_learned_and_left_alone():
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
    when = pd.date_range("2020", periods=N_ROWS, unit="us")
    frame = pd.DataFrame({"a": RNG.normal(size=N_ROWS), "when": when})
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
