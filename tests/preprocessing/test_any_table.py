"""Tables of any dtype come back in their dtypes, or one sentence says which column cannot be learned."""

import datetime as dt
import warnings
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from synthgan.exceptions import DataError
from synthgan.forms import unwrap
from synthgan.preprocessing import TableEncoder

arrow_strategies = pytest.importorskip("pyarrow.tests.strategies")
# What these cannot draw they would skip the whole test for.
arrow_strategies.pytest = SimpleNamespace(skip=lambda *_: reject())

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
INSTANTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))
SPANS = st.timedeltas(dt.timedelta(-(10**5)), dt.timedelta(10**5))
UNITS = st.sampled_from(["s", "ms", "us", "ns"])
IN_NANOSECONDS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "+05:30"])


def integers(dtype):
    bounds = np.iinfo(dtype)
    return st.integers(int(bounds.min), int(bounds.max))


def floats(width):
    return st.floats(width=width, allow_nan=False, allow_infinity=False)


def _series(dtype, cells, gaps=True):
    """Columns of a pandas dtype with such cells, some of them missing."""
    cells = st.one_of(cells, st.none()) if gaps else cells
    return st.lists(cells, min_size=1, max_size=40).map(lambda own: _as_dtype(own, dtype))


def _as_dtype(cells, dtype):
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return pd.Series(array, dtype=object).astype(dtype)


def _zoned(cells, unit, zone):
    column = _as_dtype(cells, f"datetime64[{unit}]")
    return column.dt.tz_localize("UTC").dt.tz_convert(zone)


def _category(cells, unused, ordered):
    levels = list(dict.fromkeys([cell for cell in cells if cell is not None] + unused))
    return pd.Series(pd.Categorical(cells, categories=levels, ordered=ordered))


def _sparse(numbers, fill):
    return pd.Series(pd.arrays.SparseArray(np.array(numbers), fill_value=fill))


def _columns(levels):
    return st.lists(st.one_of(levels, st.none()), min_size=1, max_size=40)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
LEVELS = [TEXT, st.integers(-(2**63), 2**63 - 1), st.booleans(), floats(64), IN_NANOSECONDS.map(pd.Timestamp)]
COLUMNS = st.one_of(
    *(_series(dtype, integers(dtype), gaps=False) for dtype in INTEGERS),
    *(_series(dtype.replace("i", "I").replace("u", "U"), integers(dtype)) for dtype in INTEGERS),
    *(_series(f"float{bits}", floats(bits)) for bits in (16, 32, 64)),
    *(_series(f"Float{bits}", floats(bits)) for bits in (32, 64)),
    _series("bool", st.booleans(), gaps=False),
    _series("boolean", st.booleans()),
    *(_series(dtype, TEXT) for dtype in ("str", "string", object)),
    *(
        _series(object, cells)
        for cells in (st.booleans(), st.integers(), st.dates(), st.times(), SPANS, INSTANTS)
    ),
    _series(object, st.decimals(allow_nan=False, allow_infinity=False)),
    _series(object, st.decimals(-(10**6), 10**6, places=2)),
    _series(object, st.integers(0, 2**128 - 1).map(lambda n: UUID(int=n))),
    _series(object, st.one_of(st.integers(), TEXT, st.binary(), st.tuples(st.integers()))),
    *(_series(f"datetime64[{unit}]", IN_NANOSECONDS) for unit in ("s", "ms", "us", "ns")),
    *(_series(f"timedelta64[{unit}]", SPANS) for unit in ("s", "ms", "us", "ns")),
    st.builds(_zoned, st.lists(st.one_of(IN_NANOSECONDS, st.none()), min_size=1, max_size=40), UNITS, ZONES),
    st.lists(st.integers(-2000, 2000), min_size=1, max_size=40).map(
        lambda months: pd.Series(pd.PeriodIndex.from_ordinals(months, freq="M"))
    ),
    *(st.builds(_category, _columns(own), st.lists(own, max_size=3), st.booleans()) for own in LEVELS),
    st.builds(_sparse, st.lists(st.sampled_from([0.0, 1.5, -2.0]), min_size=1, max_size=40), st.just(0.0)),
    st.lists(floats(32), min_size=2, max_size=40).map(lambda own: pd.Series(pd.cut(pd.Series(own), 3))),
)
FRAMES = st.lists(COLUMNS, min_size=1, max_size=4).map(
    lambda columns: pd.DataFrame(
        {f"column {i}": column[: min(map(len, columns))] for i, column in enumerate(columns)}
    )
)
quietly = settings(max_examples=300, suppress_health_check=list(HealthCheck))


def there_and_back(frame):
    """Return what a frame comes back as, or None if it is refused by the name of a column."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            encoder = TableEncoder().fit(frame)
            table = encoder.transform(frame)
        except DataError as error:
            check_sentence(error, frame)
            return None
        return encoder.inverse_transform(table, rng=np.random.default_rng(0))


def check_sentence(error, names=()):
    assert "\n" not in str(error).strip()
    assert not len(names) or any(repr(name) in str(error) for name in names)


def missing(frame):
    return frame.isna().to_numpy().tolist()


@quietly
@given(frame=FRAMES)
def test_pandas_frames_of_any_dtype(frame):
    before = frame.copy(deep=True)
    back = there_and_back(frame)
    pd.testing.assert_frame_equal(frame, before)
    if back is None:
        return
    pd.testing.assert_series_equal(back.dtypes, frame.dtypes)
    assert missing(back) == missing(frame)
    for name in frame:
        if frame[name].dtype == object:
            assert {type(cell) for cell in back[name]} <= {type(cell) for cell in frame[name]}
        if frame[name].dtype.kind in "iuf" and frame[name].notna().any():
            assert back[name].min() >= frame[name].min()
            assert back[name].max() <= frame[name].max()


@quietly
@given(
    table=st.one_of(
        arrow_strategies.tables(arrow_strategies.pandas_compatible_types),
        arrow_strategies.tables(arrow_strategies.primitive_types),
    )
)
def test_arrow_tables_of_any_type(table):
    try:
        frame, form = unwrap(table)
    except DataError as error:
        check_sentence(error)
        return
    if frame.shape[1] == 0 or len(frame) == 0 or frame.columns.has_duplicates:
        with pytest.raises(DataError):
            TableEncoder().fit(frame)
        return
    back = there_and_back(frame)
    if back is not None:
        assert form.wrap(back).schema.equals(table.schema, check_metadata=True)


def test_what_hypothesis_must_not_refuse():
    """The strategies above say little if all is refused."""
    moments = [dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1)]
    frame = pd.DataFrame(
        {
            "decimal": pd.Series([Decimal("1.5"), None], dtype=object),
            "moment": pd.Series(moments, dtype=object),
            "zoned": _zoned(moments, "ms", "Europe/Berlin"),
            "level": _category([1, 2], [3], True),
            "sparse": _sparse([0.0, 1.0], 0.0),
            "arrow": pd.Series([1, None], dtype=pd.ArrowDtype(pa.int8())),
        }
    )
    pd.testing.assert_frame_equal(there_and_back(frame), frame)
