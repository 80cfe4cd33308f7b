"""The forms in which tables come and go: pandas, NumPy, Arrow, polars.

A table of any form comes in and a frame goes out to learn from; drawn rows come in as a frame and go out in
the form that the table had, with its metadata.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Hashable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy import sparse
from sklearn.utils.validation import check_array

from synthgan.exceptions import DataError, listing

_MAX_SHOWN = 300
_UNREADABLE = (pa.ArrowException, TypeError, ValueError, NotImplementedError)


@dataclass(frozen=True)
class Form:
    """The form of a table, and what it carries beside its cells.

    Parameters
    ----------
    library
        "pandas", "numpy", "pyarrow" or "polars".
    attrs, columns_name
        Those of a pandas frame.
    dtype
        That of an array.
    schema
        That of an Arrow table, metadata included.
    """

    library: str = "pandas"
    attrs: dict[Hashable, Any] = field(default_factory=dict)
    columns_name: Hashable = None
    dtype: npt.DTypeLike | None = None
    schema: pa.Schema | None = None

    def wrap(self, frame: pd.DataFrame) -> Any:
        """Return a frame with the columns of the table in the form of the table."""
        if self.library == "pandas":
            frame.attrs, frame.columns.name = deepcopy(self.attrs), self.columns_name
            return frame
        if self.library == "numpy":
            return frame.to_numpy().astype(self.dtype, copy=False)
        table = pa.Table.from_pandas(frame, schema=self._schema_of(frame), preserve_index=False)
        table = table.replace_schema_metadata(self.schema and self.schema.metadata)
        return import_module("polars").from_arrow(table) if self.library == "polars" else table

    def _schema_of(self, frame: pd.DataFrame) -> pa.Schema | None:
        """Return the schema of the table, in which columns without a type get that of the frame's cells."""
        if self.schema is None:
            return None
        schema = self.schema
        for place, held in enumerate(self.schema):
            if pa.types.is_null(held.type) and frame[held.name].notna().any():
                own = pa.Array.from_pandas(frame[held.name]).type
                schema = schema.set(place, held.with_type(own))
        return schema

    def of_columns(self, names: list[Any]) -> Self:
        """Return the form of a table of some of the columns."""
        if self.schema is None:
            return self
        fields = [self.schema.field(name) for name in names]
        return replace(self, schema=pa.schema(fields, metadata=self.schema.metadata))

    @property
    def has_names(self) -> bool:
        """Whether the columns have names of their own."""
        return self.library != "numpy"

    def to_dict(self) -> dict[str, Any]:
        """Return the form as values that JSON can hold; attributes that it cannot hold are left out."""
        attrs = {}
        for name, value in self.attrs.items():
            with suppress(TypeError, ValueError):
                json.dumps({name: value}, allow_nan=False)
                attrs[name] = value
        return {
            "library": self.library,
            "attrs": [[name, value] for name, value in attrs.items()],
            "columns_name": self.columns_name if isinstance(self.columns_name, str | int) else None,
            "dtype": None if self.dtype is None else str(self.dtype),
            "schema": self.schema and b64encode(self.schema.serialize()).decode(),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Self:
        """Return the form that `to_dict` wrote."""
        dtype, schema = state["dtype"], state["schema"]
        return cls(
            state["library"],
            dict(state["attrs"]),
            state["columns_name"],
            dtype and np.dtype(dtype),
            schema and pa.ipc.read_schema(pa.py_buffer(b64decode(schema))),
        )


def unwrap(X: Any) -> tuple[pd.DataFrame, Form]:
    """Return a table as a frame, and the form that it had; the columns of an array are called x0, x1, ...

    Raises
    ------
    DataError
        If it is no table, or one that has to be computed first.
    """
    if isinstance(X, pd.DataFrame):
        return X, Form("pandas", deepcopy(X.attrs), X.columns.name)
    if hasattr(X, "__arrow_c_stream__") and not isinstance(X, pd.Series):
        return _unwrap_arrow(X)
    if isinstance(X, np.ma.MaskedArray):
        raise DataError("A masked array hides cells; give np.ma.filled(X, np.nan), or a DataFrame.")
    if sparse.issparse(X):
        raise DataError(
            "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert to dense."
        )
    if hasattr(X, "__array__") and not hasattr(X, "columns") and not isinstance(X, np.ndarray | pd.Series):
        X = np.asarray(X)
    if isinstance(X, np.ndarray | list):
        return _unwrap_array(X)
    if hasattr(X, "collect"):
        raise DataError(f"{type(X).__name__} is not computed yet; give what its collect() returns.")
    raise DataError(
        "SynthGAN learns a table: a DataFrame of pandas or polars, a pyarrow Table, whatever else has "
        f"__arrow_c_stream__, or a two-dimensional array; got {type(X).__name__}."
    )


def _unwrap_array(X: "npt.NDArray[Any] | list[Any]") -> tuple[pd.DataFrame, Form]:
    try:
        array = check_array(X, dtype=None, ensure_all_finite=False, ensure_min_samples=1)
    except (TypeError, ValueError) as error:
        # What scikit-learn says, without the cells that it shows.
        words = [line for line in str(error).splitlines() if not line.lstrip().startswith(("array=", "["))]
        raise DataError(" ".join(words)[:_MAX_SHOWN]) from error
    # Rows of a list may hold cells of several types, of which an array would make text.
    frame = pd.DataFrame(array if isinstance(X, np.ndarray) else [list(row) for row in X])
    frame.columns = pd.Index([f"x{i}" for i in range(frame.shape[1])])
    return frame, Form("numpy", dtype=X.dtype) if isinstance(X, np.ndarray) else Form()


def _unwrap_arrow(X: Any) -> tuple[pd.DataFrame, Form]:
    try:
        table, frame = _read_arrow(X)
    except _UNREADABLE as error:
        raise DataError(
            f"This {type(X).__name__} cannot be read as an Arrow table{_where(X)}: {error}."
        ) from error
    for held, column in zip(table.schema, table.columns, strict=True):
        if not held.nullable and column.null_count:
            raise DataError(
                f"Column {held.name!r} is declared to have no nulls and has {column.null_count:,}; "
                "fill them, or declare it nullable."
            )
    is_polars = type(X).__module__.partition(".")[0] == "polars"
    return frame, Form("polars" if is_polars else "pyarrow", schema=table.schema)


def _read_arrow(X: Any) -> tuple[pa.Table, pd.DataFrame]:
    """Return a table as Arrow's and as a frame."""
    table = pa.table(X)
    # Arrow types as they are: whole numbers with missing cells would come as floats and lose digits.
    return table, table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)


def _where(X: Any) -> str:
    """Return in words which columns hinder that a table is read, where its library can select them."""
    names = []
    for name in getattr(X, "column_names", None) or getattr(X, "columns", None) or ():
        try:
            _read_arrow(X.select([name]))
        except _UNREADABLE:
            names.append(name)
        except (AttributeError, KeyError):  # no columns to select, or two of one name
            return ""
    return f" because of {listing(names)}" if names else ""
