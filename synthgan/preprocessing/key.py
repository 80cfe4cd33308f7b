"""Keys: text that is different in every row, such as a customer number.

A key carries nothing to learn; drawn rows get new keys of the same form, none of which the table has.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_object_dtype, is_string_dtype

from synthgan.exceptions import DataError
from synthgan.layout import FloatArray, IntArray, Span
from synthgan.preprocessing.base import CodingOptions, ColumnEncoder

_MIN_ROWS = 100
_MAX_LENGTH = 40
_MAX_ROUNDS = 100


class KeyEncoder(ColumnEncoder):
    """Replace a column of keys by new ones of the same form.

    Attributes
    ----------
    pools_
        The characters seen at each position.
    lengths_
        The lengths seen.
    digests_
        64-bit hashes of the keys seen, increasing: enough to avoid them, too little to read them.
    """

    kind = "key"
    priority = 2

    pools_: list[str]
    lengths_: list[int]
    digests_: npt.NDArray[np.uint64]

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        if isinstance(column.dtype, pd.CategoricalDtype) or not is_string_dtype(column.dtype):
            return None
        if is_object_dtype(column.dtype) and infer_dtype(column, skipna=True) != "string":
            return None
        if len(column) < _MIN_ROWS or not column.is_unique or column.isna().any():
            return None
        is_word = column.str.len().le(_MAX_LENGTH) & ~column.str.contains(r"\s", regex=True)
        return "text without blanks, different in every row" if is_word.all() else None

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        keys = present.astype(object).tolist()
        self.lengths_ = sorted({len(key) for key in keys})
        longest = self.lengths_[-1]
        self.pools_ = ["".join(sorted({key[i] for key in keys if len(key) > i})) for i in range(longest)]
        self.digests_ = np.sort(_digest(np.array(keys, dtype=object)))

    def _encode(self, present: "pd.Series[Any]") -> tuple[IntArray, FloatArray]:
        return np.zeros(len(present), dtype=np.int64), np.zeros(len(present))

    def inverse_transform(
        self,
        codes: npt.NDArray[Any],
        values: npt.NDArray[np.float32] | None = None,
        *,
        rng: np.random.Generator,
    ) -> "pd.Series[Any]":
        """Return as many new keys as there are codes; see `ColumnEncoder.inverse_transform`.

        Raises
        ------
        DataError
            If the form of the keys leaves too few that the table does not have.
        """
        keys = np.empty(0, dtype=object)
        for _ in range(_MAX_ROUNDS):
            if len(keys) == len(codes):
                column = self._restore(pd.Series(keys, dtype=object))
                column.name = self.name
                return column
            fresh = self._random_keys(2 * (len(codes) - len(keys)) + 16, rng)
            keys = pd.unique(np.concatenate([keys, fresh]))[: len(codes)]
        raise DataError(
            f"Column {self.name!r} holds keys whose form leaves no {len(codes)} new ones; "
            "draw fewer rows or drop the column before fitting."
        )

    def _random_keys(self, n: int, rng: np.random.Generator) -> npt.NDArray[Any]:
        letters = np.stack([rng.choice(list(pool), size=n) for pool in self.pools_], axis=1)
        lengths = rng.choice(self.lengths_, size=n)
        keys = np.array(["".join(row[:k]) for row, k in zip(letters, lengths, strict=True)], dtype=object)
        return keys[~np.isin(_digest(keys), self.digests_)]

    def _decode(self, codes: IntArray, values: FloatArray) -> Any:
        raise AssertionError("keys are drawn, not decoded")

    def _span(self) -> Span:
        return Span(self.name, 1)

    def _contains(self, value: Any) -> bool:
        return False

    def support(self) -> str:
        return "new keys only, so it cannot be a condition"


def _digest(keys: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    return pd.util.hash_array(keys, categorize=False)
