"""Days: objects of Python's `datetime.date`, which is how dates of a parquet file arrive."""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_object_dtype

from synthgan.preprocessing.number_line import NumberLineEncoder


class DateEncoder(NumberLineEncoder):
    """Encode days."""

    kind = "date"

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        is_date = is_object_dtype(column.dtype) and infer_dtype(column, skipna=True) == "date"
        return "objects that are all dates" if is_date else None

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return a day, or the text YYYY-MM-DD of one, as a Series of length one."""
        return super().cast(date.fromisoformat(value) if isinstance(value, str) else value)

    def _to_array(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        return np.array(present.tolist(), dtype="datetime64[D]").astype(np.int64)

    def _from_array(self, numbers: npt.NDArray[Any]) -> Any:
        return np.asarray(numbers.astype("datetime64[D]").astype(object), dtype=object)
