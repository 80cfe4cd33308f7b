"""Truth values, nullable or not: a category with the levels False and True."""

from typing import Any

import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_object_dtype

from synthgan.preprocessing.categorical import CategoricalEncoder


class BooleanEncoder(CategoricalEncoder):
    """Encode a column of truth values."""

    kind = "boolean"
    priority = 1

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        dtype = column.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            return None
        if is_bool_dtype(dtype):
            return f"dtype {dtype}"
        if is_object_dtype(dtype) and infer_dtype(column, skipna=True) == "boolean":
            return "objects that are all True or False"
        return None

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return a truth value, or the text of one, as a Series of length one."""
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if not pd.isna(value) and value not in (True, False):
            raise ValueError(f"{value!r} is neither True nor False")
        return super().cast(value if pd.isna(value) else bool(value))

    def shape(self) -> str:
        return ""
