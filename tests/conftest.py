"""What several tests share: the columns that every law is checked on, and the real tables."""

import datetime as dt
import resource
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import settings
from quick_models import PENGUINS, quick

from synthgan import SynthGAN

# The same examples every time, on machines of any speed, and no files beside the code.
for name, n_examples in {"quick": 25, "exhaustive": 200}.items():
    settings.register_profile(name, max_examples=n_examples, derandomize=True, deadline=None, database=None)
settings.load_profile("quick")

DATA = Path(__file__).parents[2] / "shared" / "data"


def _spread(levels, n=400, seed=0, **options):
    """Return a column of levels, the first ones most frequent."""
    shares = 1 / np.arange(1, len(levels) + 1)
    places = np.random.default_rng(seed).choice(len(levels), size=n, p=shares / shares.sum())
    return pd.Series(pd.Series(levels, **options).array.take(places))


def _gappy(column):
    """Return the column with every seventh cell missing."""
    return column.mask(np.arange(len(column)) % 7 == 3)


def _numbers():
    rng = np.random.default_rng(0)
    whole = rng.geometric(0.02, 500)
    for dtype in ("int8", "int16", "int32", "int64", "uint8", "uint64"):
        yield dtype, pd.Series(whole % 100, dtype=dtype)
    yield "uint64 beyond 2**53", pd.Series(rng.integers(2**63, 2**63 + 10**6, 500, dtype=np.uint64))
    yield "int64 identifiers", _spread([-(2**63), 2**62 + 1, 5, 2**53 + 1, 2**63 - 1], dtype="int64")
    yield "Int64", _gappy(pd.Series(whole, dtype="Int64"))
    yield "Int64 beyond 2**53", _gappy(pd.Series(2**60 + whole, dtype="Int64"))
    yield "UInt64 beyond 2**63", _gappy(pd.Series(rng.integers(2**63, 2**64, 99, np.uint64), dtype="UInt64"))
    yield "steps of 50", pd.Series(50 * whole - 300)
    yield "float64", _gappy(pd.Series(rng.normal(size=500)))
    yield "Float64", _gappy(pd.Series(rng.normal(size=500), dtype="Float64"))
    yield "float32", _gappy(pd.Series(rng.normal(size=500), dtype="float32"))
    yield "float16", pd.Series(rng.normal(size=500), dtype="float16")
    yield "point masses", pd.Series(np.where(rng.random(900) < 0.6, 0.0, rng.lognormal(8, 2, 900)))
    yield "long tails", pd.Series(rng.standard_cauchy(800) ** 3)
    yield "prices", pd.Series(np.round(rng.lognormal(2, 1, 500), 2))
    yield "prices, float32", pd.Series(np.round(rng.lognormal(2, 1, 500), 2), dtype="float32")
    yield "around zero", pd.Series(np.round(rng.normal(0, 0.05, 500), 3))
    yield "huge", pd.Series([1e300, -1e300, 1e-300, 0.0, 3e299] * 9 + list(rng.normal(size=50) * 1e300))
    yield "denormal", pd.Series([5e-324, 0.0, 1e-310, 2e-320] * 3)
    yield "object integers", pd.Series([3, None, 2**60 + 1, 7] * 30, dtype=object)
    yield "object integers beyond int64", pd.Series([3, 2**63 + 1, 7] * 30, dtype=object)
    yield "object floats", pd.Series([0.5, None, 2.25, -1.0] * 30, dtype=object)
    yield "arrow integers", _gappy(pd.Series(whole, dtype="int64[pyarrow]"))


def _levels():
    for dtype in ("bool", "boolean", "bool[pyarrow]", object):
        yield f"truth, {dtype}", _spread([True, False], dtype=dtype)
    yield "boolean with NA", _gappy(_spread([True, False], dtype="boolean"))
    yield "object truth with None", pd.Series([True, None, False, True] * 9, dtype=object)
    words = ["red", "green", "blue", "", " x", "naïve", "a\x00b", "😀"]
    for dtype in ("str", "string", "string[python]", pd.ArrowDtype(pa.string()), object):
        yield f"text, {dtype}", _spread(words, dtype=dtype)
        yield f"text with gaps, {dtype}", _gappy(_spread(words, dtype=dtype))
    yield "object text with None", pd.Series(["a", None, "b"] * 20, dtype=object)
    yield "5000 levels", _spread([f"level {i}" for i in range(5000)], n=20_000)
    yield "keys", pd.Series([f"K{i:04d}" for i in range(0, 6000, 7)])
    yield "category", _spread(["lo", "mid", "hi"]).astype("category")
    sizes = pd.CategoricalDtype(["S", "M", "L", "XL", "never"], ordered=True)
    yield "ordered category with unused level", _spread(["M", "L", "S", "XL"]).astype(sizes)
    yield "category with gaps", _gappy(_spread(["lo", "mid", "hi"]).astype("category"))
    yield "category of integers", _gappy(_spread([5, 1, 2**60 + 1]).astype("category"))
    yield "category of floats", _spread([0.5, -1.0]).astype("category")
    yield "category of truth", _spread([True, False]).astype("category")
    yield "category of days", _spread(pd.date_range("2020", periods=4)).astype("category")
    zoned = pd.date_range("2020", periods=4, tz="Europe/Berlin")
    yield "category of zoned days", _spread(zoned).astype("category")
    yield "category of months", _spread(pd.period_range("2020-01", periods=4, freq="M")).astype("category")
    yield "category of intervals", pd.cut(_spread(range(9)), [-1, 2, 4, 10])
    yield "ordered, many levels", _spread(range(3000), 9000).astype(pd.CategoricalDtype(range(3000), True))


def _times():
    rng = np.random.default_rng(0)
    seconds = pd.Series(pd.to_datetime(1.6e9 + rng.integers(0, 10**8, 400), unit="s"))
    for unit in ("s", "ms", "us", "ns"):
        yield f"datetime64[{unit}]", _gappy(seconds.astype(f"datetime64[{unit}]"))
    yield "days", pd.Series(pd.date_range("1900-01-01", periods=300, freq="7D"))
    yield "years 1 and 9999", pd.Series(np.array(["0001-01-01", "9999-12-31"] * 30, dtype="datetime64[us]"))
    fold = pd.date_range("2023-10-28 22:00", periods=20, freq="30min", tz="UTC").tz_convert("Europe/Berlin")
    yield "around a DST fold", _gappy(pd.Series(fold))
    days = pd.date_range("2023-01-01", periods=365, tz="America/New_York")
    yield "days of a time zone", _gappy(pd.Series(days[rng.integers(365, size=400)]))
    yield "fixed offset", pd.Series(fold.tz_convert("UTC+05:30"))
    yield "timedelta", _gappy(pd.Series(pd.to_timedelta(rng.integers(-50, 500, 300), unit="min")))


def _objects():
    rng = np.random.default_rng(0)
    noon = dt.datetime(2020, 2, 28, 12)
    moments = [noon + dt.timedelta(hours=int(hours)) for hours in rng.integers(0, 9000, 300)]
    yield "object datetimes", _gappy(_as_objects(moments))
    yield "object years 1 and 9999", _as_objects([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)] * 30)
    berlin = [pd.Timestamp(moment, tz="Europe/Berlin") for moment in moments]
    yield "object Timestamps", _gappy(_as_objects(berlin))
    yield "object nanoseconds", _as_objects([pd.Timestamp(5), pd.Timestamp(99), pd.NaT] * 30)
    hour = dt.timezone(dt.timedelta(hours=5, minutes=30))
    yield "object datetimes of an offset", _as_objects([moment.replace(tzinfo=hour) for moment in moments])
    yield "object timedeltas", _as_objects([None, *(moment - noon for moment in moments)])
    yield "object Timedeltas", _as_objects([pd.Timedelta(moment - noon) for moment in moments])
    yield "object dates", _as_objects([None, *(moment.date() for moment in moments)])
    yield "object times", _as_objects([None, *(moment.time() for moment in moments), dt.time(23, 59, 59, 7)])
    cents = [Decimal(int(n)).scaleb(-2) for n in rng.geometric(0.001, 500)]
    yield "decimals", _as_objects([None, Decimal("-0.00"), *cents])
    yield "decimals beyond 64 bits", _as_objects([cent + 10**20 for cent in cents])
    yield "integers beyond 64 bits", _as_objects([2**70 + 3 * int(n) for n in rng.geometric(0.01, 300)])
    yield "identifiers beyond 64 bits", _as_objects([2**70, 2**70 + 2**63, 2**70 + 2**63 + 1] * 30)
    yield "object text with NA", _as_objects(["a", pd.NA, "b"] * 20)
    yield "all NaT", _as_objects([pd.NaT] * 30)
    yield "months", _gappy(pd.Series(pd.period_range("1999-01", periods=300, freq="M")))


def _as_objects(cells):
    """Return a column of the cells as they are."""
    objects = np.empty(len(cells), dtype=object)
    objects[:] = cells
    return pd.Series(objects, dtype=object)


def _small():
    yield "constant", pd.Series([7] * 50)
    yield "constant text", pd.Series(["same"] * 50)
    yield "constant but one", pd.Series([0.0] * 99 + [1.0])
    yield "missing but one", pd.Series([np.nan] * 99 + [1.5])
    for dtype in ("float64", "Int64", "boolean", "str", "string", "category", "datetime64[us]", object):
        yield f"all missing, {dtype}", pd.Series([None] * 30, dtype=object).astype(dtype)
    for n in (1, 2):
        yield f"{n} integers", pd.Series([4, 9][:n])
        yield f"{n} floats", pd.Series([0.1, 0.7][:n])
        yield f"{n} texts", pd.Series(["a", "b"][:n])
        yield f"{n} times", pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"][:n]))


COLUMNS = {name: column for part in (_numbers, _levels, _times, _objects, _small) for name, column in part()}


#: Columns that stand for all others where the tests are not exhaustive: every kind, and every hard case.
TYPICAL = [
    "Int64 beyond 2**53",
    "float64",
    "point masses",
    "prices",
    "boolean with NA",
    "text with gaps, str",
    "keys",
    "ordered category with unused level",
    "category of zoned days",
    "days of a time zone",
    "timedelta",
    "object dates",
    "object times",
    "decimals",
    "integers beyond 64 bits",
    "all missing, float64",
    "1 integers",
]

#: Tables that stand for all others likewise: dates and text, times of day, and numbers beside levels.
TYPICAL_TABLES = {"employee-salaries", "flights", "german-credit", "penguins"}


@pytest.fixture(scope="module")
def column(column_name):
    """A column called "x", which no test changes."""
    return COLUMNS[column_name].copy().rename("x")


@pytest.fixture(scope="session")
def typical_columns():
    """The columns that stand for all others, by name."""
    return {name: COLUMNS[name].rename("x") for name in TYPICAL}


@pytest.fixture(scope="session")
def quick_model():
    """A quick model of the penguins, of which tests that change it take a copy."""
    return quick().fit(PENGUINS)


@pytest.fixture(scope="session")
def whole_model():
    """A quick model of the penguins with all that is done to rows after the networks."""
    return quick(redraw=True, correct=True, imputation=True).fit(PENGUINS)


@pytest.fixture(scope="session")
def good_model():
    """A model that has learned the penguins."""
    return SynthGAN(epochs=150, imputation=True, random_state=0, verbose=0).fit(PENGUINS)


@pytest.fixture
def quick_defaults(monkeypatch):
    """Let commands in this process learn and draw in as little time as can be."""
    how = {**SynthGAN.__init__.__kwdefaults__, "hidden_dims": (8,), "redraw": False, "correct": False}
    monkeypatch.setattr(SynthGAN.__init__, "__kwdefaults__", how)


@pytest.fixture
def table():
    """A small table with a column of each kind."""
    return pd.DataFrame(
        {
            "age": pd.Series([30, 40, 51, 62] * 30),
            "score": pd.Series([0.25, np.nan, 1.5, 2.0] * 30),
            "city": pd.Series(["Bern", "Basel", None, "Chur"] * 30),
            "size": pd.Categorical(["S", "M", "L", None] * 30, categories=["S", "M", "L"], ordered=True),
            "member": pd.Series([True, False, True, True] * 30),
            "since": pd.Series(pd.to_datetime(["2020-01-01", "2020-02-01", None, "2021-01-01"] * 30)),
        }
    )


@pytest.fixture
def file_size_limit():
    """A context in which the kernel refuses to write files beyond some bytes, as it does for a quota."""

    @contextmanager
    def limit(n_bytes):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


def pytest_addoption(parser):
    """Have an option for all that the tests know, in place of a selection."""
    parser.addoption("--exhaustive", action="store_true", help="every column, combination and example")


def pytest_configure(config):
    """Take more examples where the tests are exhaustive."""
    if config.getoption("exhaustive"):
        settings.load_profile("exhaustive")


def pytest_collection_modifyitems(config, items):
    """Leave out the combinations that are marked as exhaustive, unless these are requested."""
    if not config.getoption("exhaustive"):
        left_out = [item for item in items if item.get_closest_marker("exhaustive")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]


def pytest_generate_tests(metafunc):
    """Give a test that requests `column` or `real_table` each of them; skip it where there are no tables."""
    is_exhaustive = metafunc.config.getoption("exhaustive")
    if "column_name" in metafunc.fixturenames:
        metafunc.parametrize("column_name", COLUMNS if is_exhaustive else TYPICAL, scope="module")
    if "table_name" in metafunc.fixturenames:
        names = [path.stem for path in sorted(DATA.glob("*.parquet"))]
        absent = pytest.param(None, marks=pytest.mark.skip(reason=f"{DATA} does not exist"))
        chosen = names if is_exhaustive else [name for name in names if name in TYPICAL_TABLES]
        metafunc.parametrize("table_name", chosen or [absent])


@pytest.fixture
def real_table(table_name, request):
    """A shared data set, or some thousands of its rows."""
    frame = pd.read_parquet(DATA / f"{table_name}.parquet")
    n_rows = 30_000 if request.config.getoption("exhaustive") else 3_000
    return frame.sample(min(len(frame), n_rows), random_state=0).reset_index(drop=True)
