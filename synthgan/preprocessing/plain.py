"""Columns of Arrow, sparse and interval dtypes as columns that encoders know, and back.

A Series comes in and the same cells go out in another dtype: an encoder of days sees days, whatever holds
them. Dtypes that an encoder knows stay as they are.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.types as arrow

#: Arrow types of which pandas has its own form: a dtype, or objects of Python.
_HELD_BY_PANDAS = (
    arrow.is_timestamp,
    arrow.is_duration,
    arrow.is_date,
    arrow.is_time32,
    arrow.is_time64,
    arrow.is_decimal,
    arrow.is_null,
    arrow.is_string_view,
)
#: Arrow types that can be the levels of a category.
_LEVELS = (arrow.is_string, arrow.is_large_string, arrow.is_string_view, arrow.is_integer)


def plain(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the cells of a column in a dtype that encoders know; the column itself where it has one."""
    form = _form_of(column.dtype)
    return column if form is None else form.plain(column)


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with every column as `plain` gives it; its columns have different names."""
    if not any(map(_form_of, frame.dtypes)):
        return frame
    series = {i: plain(frame.iloc[:, i]) for i in range(frame.shape[1])}
    return pd.DataFrame(series).set_axis(frame.columns, axis=1)


def restore(column: "pd.Series[Any]", dtype: Any) -> "pd.Series[Any]":
    """Return a column that `plain` gave in the dtype that it had before."""
    form = _form_of(dtype)
    return column if form is None else form.restored(column, dtype)


class _Form(NamedTuple):
    """A group of dtypes that no encoder knows: which these are, and how a column gets to one and back."""

    fits: Callable[[Any], bool]
    plain: Callable[["pd.Series[Any]"], "pd.Series[Any]"]
    restored: Callable[["pd.Series[Any]", Any], "pd.Series[Any]"]


def _form_of(dtype: Any) -> _Form | None:
    return next((form for form in _FORMS if form.fits(dtype)), None)


def _is_held_by_pandas(dtype: Any) -> bool:
    if not isinstance(dtype, pd.ArrowDtype):
        return False
    held = dtype.pyarrow_dtype
    if arrow.is_dictionary(held):
        return any(is_level(held.value_type) for is_level in _LEVELS)
    return any(is_held(held) for is_held in _HELD_BY_PANDAS)


def _from_arrow(column: "pd.Series[Any]") -> "pd.Series[Any]":
    try:
        return _with_cells(column, _arrow_cells(column).to_pandas())
    except ValueError:  # a dictionary that has null among its values: no encoder takes it
        return column


def _is_arrow_float(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and arrow.is_floating(dtype.pyarrow_dtype)


def _nan_as_null(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return Arrow's floats with null where they are not a number, which pandas takes for present."""
    cells = _arrow_cells(column)
    wide = cells.cast(pa.float32()) if arrow.is_float16(cells.type) else cells
    is_nan = compute.fill_null(compute.is_nan(wide), False)
    if not compute.any(is_nan).as_py():
        return column
    nulls = compute.if_else(is_nan, pa.scalar(None, wide.type), wide).cast(cells.type)
    return _with_cells(column, pd.arrays.ArrowExtensionArray(nulls))


def _to_arrow(column: "pd.Series[Any]", dtype: Any) -> "pd.Series[Any]":
    cells = pa.array(column, type=dtype.pyarrow_dtype, from_pandas=True)
    return _with_cells(column, pd.arrays.ArrowExtensionArray(cells))


def _is_nanosecond_time(dtype: Any) -> bool:
    """Whether cells are times of day with more digits than Python's `datetime.time` has."""
    return isinstance(dtype, pd.ArrowDtype) and dtype.pyarrow_dtype == pa.time64("ns")


def _to_timedelta(column: "pd.Series[Any]") -> "pd.Series[Any]":
    ticks = _arrow_cells(column).cast(pa.int64()).cast(pa.duration("ns"))
    return _with_cells(column, ticks.to_pandas())


def _from_timedelta(column: "pd.Series[Any]", dtype: Any) -> "pd.Series[Any]":
    ticks = pa.array(column, type=pa.duration("ns"), from_pandas=True).cast(pa.int64())
    return _with_cells(column, pd.arrays.ArrowExtensionArray(ticks.cast(dtype.pyarrow_dtype)))


def _arrow_cells(column: "pd.Series[Any]") -> pa.ChunkedArray:
    cells = pa.array(column)
    return pa.chunked_array([cells]) if isinstance(cells, pa.Array) else cells


def _with_cells(column: "pd.Series[Any]", cells: Any) -> "pd.Series[Any]":
    """Return other cells in the place of those of a column."""
    series: pd.Series[Any] = pd.Series(cells, dtype=cells.dtype).set_axis(column.index)
    series.name = column.name
    return series


def _from_sparse(column: Any) -> "pd.Series[Any]":
    return _with_cells(column, column.sparse.to_dense())


_FORMS = (
    _Form(_is_nanosecond_time, _to_timedelta, _from_timedelta),
    _Form(_is_held_by_pandas, _from_arrow, _to_arrow),
    _Form(_is_arrow_float, _nan_as_null, pd.Series.astype),
    _Form(lambda dtype: isinstance(dtype, pd.SparseDtype), _from_sparse, pd.Series.astype),
    _Form(
        lambda dtype: isinstance(dtype, pd.IntervalDtype),
        lambda column: column.astype("category"),
        pd.Series.astype,
    ),
)
