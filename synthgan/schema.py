"""What a table looks like from outside: the names, dtypes and kinds of its columns.

A frame comes in and a `Schema` goes out, which can be written as JSON, give back an empty frame of the same
dtypes, and say in one sentence how another frame differs.
"""

import math
from base64 import b64decode, b64encode
from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timezone, tzinfo
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pandas.api.types import pandas_dtype

from synthgan.exceptions import DataError, did_you_mean, listing


@dataclass(frozen=True)
class Column:
    """Name, pandas dtype and kind of one column, and why it was taken to be of that kind."""

    name: Hashable
    dtype: Any
    kind: str
    reason: str = ""


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import SynthGAN
    >>> table = pd.DataFrame({"age": [31, 45, None] * 20, "sex": ["F", "M", "F"] * 20})
    >>> schema = SynthGAN(epochs=1, verbose=0).fit(table).schema_
    >>> [(column.name, column.kind) for column in schema]
    [('age', 'numerical'), ('sex', 'categorical')]
    >>> len(schema.empty_frame())
    0
    """

    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __getitem__(self, name: Hashable) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(
            f"Column {name!r} is missing from the table; it has {listing(self.names)}."
            f"{did_you_mean(name, self.names)}"
        )

    @property
    def names(self) -> list[Hashable]:
        """Column names in order."""
        return [column.name for column in self.columns]

    def with_reasons(self, reasons: Mapping[int, str]) -> "Schema":
        """Return the schema with more reasons for some columns, by index."""
        columns = list(self.columns)
        for index, reason in reasons.items():
            both = "; ".join(filter(None, [columns[index].reason, reason]))
            columns[index] = replace(columns[index], reason=both)
        return Schema(tuple(columns))

    def empty_frame(self) -> pd.DataFrame:
        """Return a frame without rows that has these columns and dtypes."""
        series = [pd.Series([], dtype=column.dtype) for column in self.columns]
        return join_columns(series, self.names)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a column, with its dtype, kind and the reason for the kind."""
        rows = [(c.name, str(c.dtype), c.kind, c.reason) for c in self.columns]
        return pd.DataFrame(rows, columns=["column", "dtype", "kind", "reason"])

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as values that JSON can hold."""
        return {"columns": [{**vars(c), "dtype": dtype_to_json(c.dtype)} for c in self.columns]}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Schema":
        """Return the schema that `to_dict` wrote."""
        columns = ({**column, "dtype": dtype_from_json(column["dtype"])} for column in state["columns"])
        return cls(tuple(Column(**column) for column in columns))


def join_columns(series: list["pd.Series[Any]"], names: list[Hashable]) -> pd.DataFrame:
    """Return a frame of the given columns, which share one index, under the given names."""
    frame = pd.DataFrame(dict(enumerate(series)))
    frame.columns = pd.Index(names, dtype=object if not names else None)
    return frame


def overwritten(
    column: "pd.Series[Any]", other: "pd.Series[Any]", where: npt.NDArray[np.bool_]
) -> "pd.Series[Any]":
    """Return a column with the cells of another, of the same dtype and length, in some places."""
    return other if where.all() else replaced(column, other[where], where)


def replaced(
    column: "pd.Series[Any]", cells: "pd.Series[Any]", where: npt.NDArray[np.bool_]
) -> "pd.Series[Any]":
    """Return a column with some cells, of the same dtype, in as many places."""
    changed = column.array.copy()
    changed[where] = cells.array
    return pd.Series(changed, index=column.index, name=column.name, dtype=column.dtype)


def check_frame(frame: pd.DataFrame) -> None:
    """Raise DataError when a frame has no rows, no columns, or names that cannot be told apart."""
    check_names(frame)
    if len(frame) == 0:
        raise DataError("The table has 0 rows; there is nothing to learn from.")


def check_names(frame: pd.DataFrame) -> None:
    """Raise DataError when a frame has no columns, or names that cannot be told apart."""
    if frame.shape[1] == 0:
        raise DataError("The table has no columns; give one with at least one column.")
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError(
            "The table's columns have several levels; join them first, for instance with "
            "df.columns = ['_'.join(map(str, c)) for c in df.columns]."
        )
    repeated = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
    if repeated:
        raise DataError(f"Column names must be unique; {listing(repeated)} appear more than once.")
    odd = [name for name in frame.columns if not isinstance(name, str | int)]
    if odd:
        raise DataError(f"Column names must be strings or integers; got {listing(odd)}.")


def can_be_stored(categories: "pd.Index[Any]") -> bool:
    """Whether a model file can hold the levels of a category: each has a dtype, or is a plain object."""
    return categories.dtype != object or all(map(_is_plain, categories))


def _is_plain(level: object) -> bool:
    return isinstance(level, str | int) or (isinstance(level, float) and math.isfinite(level))


def can_be_named(dtype: Any) -> bool:
    """Whether a dtype of points or spans of time can be found by its name; some time zones have none."""
    with suppress(TypeError, ValueError, LookupError):
        return bool(dtype_from_json(dtype_to_json(dtype)).kind == dtype.kind)
    return False


def zone_name(zone: tzinfo) -> str:
    """Return the name by which pandas finds a time zone."""
    own = getattr(zone, "key", None) or getattr(zone, "zone", None)  # of zoneinfo, of pytz
    offset = zone.utcoffset(None)
    return str(own or (timezone(offset) if offset is not None else zone))


def dtype_to_json(dtype: Any) -> Any:
    """Return a pandas dtype as values that JSON can hold."""
    if isinstance(dtype, pd.CategoricalDtype):
        return {"categories": _index_to_json(dtype.categories), "ordered": bool(dtype.ordered)}
    if isinstance(dtype, pd.ArrowDtype):
        held = pa.schema([pa.field("", dtype.pyarrow_dtype)]).serialize()
        return {"arrow": b64encode(held).decode()}
    if isinstance(dtype, pd.SparseDtype):
        return {"sparse": dtype_to_json(dtype.subtype), "fill": str(dtype.fill_value)}
    if isinstance(dtype, pd.DatetimeTZDtype):
        return f"datetime64[{dtype.unit}, {zone_name(dtype.tz)}]"
    if isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA:
        return f"string[{dtype.storage}]"  # its name alone, "string", leaves the storage open
    return str(dtype)


def dtype_from_json(state: Any) -> Any:
    """Return the dtype that `dtype_to_json` wrote."""
    if isinstance(state, str):
        return pandas_dtype(state)
    if "sparse" in state:
        subtype: Any = pandas_dtype(state["sparse"])
        fill = state["fill"] == "True" if subtype.kind == "b" else subtype.type(state["fill"])
        return pd.SparseDtype(subtype, fill)
    if "arrow" in state:
        held = pa.ipc.read_schema(pa.py_buffer(b64decode(state["arrow"])))
        return pd.ArrowDtype(held.field(0).type)
    return pd.CategoricalDtype(_index_from_json(state["categories"]), ordered=state["ordered"])


def _index_to_json(index: Any) -> dict[str, Any]:
    """Return the levels of a category: times as ticks, floats as text (JSON has no infinity)."""
    if isinstance(index, pd.IntervalIndex):
        ends = {"left": _index_to_json(index.left), "right": _index_to_json(index.right)}
        return {**ends, "closed": index.closed}
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex | pd.PeriodIndex):
        values: list[Any] = index.asi8.tolist()
    elif index.dtype.kind == "f":
        values = [repr(level) for level in index.astype(object).tolist()]
    else:
        values = index.astype(object).tolist()
    return {"of": dtype_to_json(index.dtype), "values": values}


def _index_from_json(state: dict[str, Any]) -> Any:
    if "closed" in state:
        left, right = _index_from_json(state["left"]), _index_from_json(state["right"])
        return pd.IntervalIndex.from_arrays(left, right, closed=state["closed"])
    dtype, values = dtype_from_json(state["of"]), state["values"]
    if isinstance(dtype, pd.PeriodDtype):
        return pd.PeriodIndex(pd.arrays.PeriodArray(np.array(values, dtype=np.int64), dtype=dtype))
    if dtype.kind in "mM":
        return pd.Index(values, dtype="int64").astype(dtype)  # ticks are UTC, whatever the time zone
    if dtype.kind == "f":
        values = [float(value) for value in values]
    return pd.Index(values, dtype=dtype)
