"""Strategies for frames of every dtype."""

import datetime as dt
from uuid import UUID

import numpy as np
import pandas as pd
from hypothesis import strategies as st

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
    return st.lists(cells, min_size=1, max_size=40).map(lambda own: as_dtype(own, dtype))


def as_dtype(cells, dtype):
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return pd.Series(array, dtype=object).astype(dtype)


def zoned(cells, unit, zone):
    column = as_dtype(cells, f"datetime64[{unit}]")
    return column.dt.tz_localize("UTC").dt.tz_convert(zone)


def category(cells, unused, ordered):
    levels = list(dict.fromkeys([cell for cell in cells if cell is not None] + unused))
    return pd.Series(pd.Categorical(cells, categories=levels, ordered=ordered))


def sparse(numbers, fill):
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
    st.builds(zoned, st.lists(st.one_of(IN_NANOSECONDS, st.none()), min_size=1, max_size=40), UNITS, ZONES),
    st.lists(st.integers(-2000, 2000), min_size=1, max_size=40).map(
        lambda months: pd.Series(pd.PeriodIndex.from_ordinals(months, freq="M"))
    ),
    *(st.builds(category, _columns(own), st.lists(own, max_size=3), st.booleans()) for own in LEVELS),
    st.builds(sparse, st.lists(st.sampled_from([0.0, 1.5, -2.0]), min_size=1, max_size=40), st.just(0.0)),
    st.lists(floats(32), min_size=2, max_size=40).map(lambda own: pd.Series(pd.cut(pd.Series(own), 3))),
)
FRAMES = st.lists(COLUMNS, min_size=1, max_size=4).map(
    lambda columns: pd.DataFrame(
        {f"column {i}": column[: min(map(len, columns))] for i, column in enumerate(columns)}
    )
)


def check_sentence(error, names=()):
    """Check that an error is one sentence that names one of some columns, if there are such."""
    assert "\n" not in str(error).strip()
    assert not len(names) or any(repr(name) in str(error) for name in names)
