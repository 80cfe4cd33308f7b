"""Tables of any dtype come back in their dtypes, or one sentence says which column cannot be learned."""

import datetime as dt
import warnings
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from any_frames import FRAMES, category, check_sentence, sparse, zoned
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from synthgan.exceptions import DataError
from synthgan.forms import unwrap
from synthgan.preprocessing import TableEncoder

arrow_strategies = pytest.importorskip("pyarrow.tests.strategies")
# What these cannot draw they would skip the whole test for.
arrow_strategies.pytest = SimpleNamespace(skip=lambda *_: reject())


@st.composite
def arrow_tables(draw, types):
    """Draw a table of these types; some that its strategy thinks up, Arrow itself cannot build."""
    try:
        return draw(arrow_strategies.tables(types))
    except pa.ArrowInvalid:
        reject()


# Frames of any dtype are many: three times the examples of other laws.
quietly = settings(max_examples=3 * settings.default.max_examples, suppress_health_check=list(HealthCheck))


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


@quietly
@given(frame=FRAMES)
def test_pandas_frames_of_any_dtype(frame):
    before = frame.copy(deep=True)
    back = there_and_back(frame)
    pd.testing.assert_frame_equal(frame, before)
    if back is None:
        return
    pd.testing.assert_series_equal(back.dtypes, frame.dtypes)
    assert np.array_equal(back.isna(), frame.isna())
    for name in frame:
        if frame[name].dtype == object:
            assert {type(cell) for cell in back[name]} <= {type(cell) for cell in frame[name]}
        if frame[name].dtype.kind in "iuf" and frame[name].notna().any():
            assert back[name].min() >= frame[name].min()
            assert back[name].max() <= frame[name].max()


@quietly
@given(
    table=st.one_of(
        arrow_tables(arrow_strategies.pandas_compatible_types),
        arrow_tables(arrow_strategies.primitive_types),
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
            "zoned": zoned(moments, "ms", "Europe/Berlin"),
            "level": category([1, 2], [3], True),
            "sparse": sparse([0.0, 1.0], 0.0),
            "arrow": pd.Series([1, None], dtype=pd.ArrowDtype(pa.int8())),
        }
    )
    pd.testing.assert_frame_equal(there_and_back(frame), frame)
