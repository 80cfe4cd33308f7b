"""Keys: text of one form that is different in every row, such as a customer number.

A key carries nothing to learn; drawn rows get new keys of the same form, none of which the table has.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_object_dtype, is_string_dtype

from synthgan.layout import FloatArray, IntArray, Span
from synthgan.preprocessing.base import CodingOptions, ColumnEncoder

_MIN_ROWS = 100
_MAX_LENGTH = 40
#: Digits alone, or letters and digits with dashes between: no dates, prices, names or words.
_FORM = r"(?:[0-9]+|(?=.*[A-Za-z])(?=.*[0-9])[A-Za-z0-9_\-]+)"
_DIGITS, _LOWER, _UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: Rounds of drawing after which keys grow by one more digit, because their form has run out.
_ROUNDS_PER_LENGTH = 4


class KeyEncoder(ColumnEncoder):
    """Replace a column of keys by new ones of the same form.

    Attributes
    ----------
    pools_
        The characters that each position may have: a single one, or all of its sort.
    lengths_
        The lengths seen.
    digests_
        64-bit hashes of the keys seen, increasing, by which they are avoided. Who can guess a key can test
        it against them.
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
        if len(column) < _MIN_ROWS or column.isna().any() or not column.is_unique:
            return None
        has_form = column.str.fullmatch(_FORM) & column.str.len().le(_MAX_LENGTH)
        return "letters and digits, different in every row" if has_form.all() else None

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        keys = present.astype(object).tolist()
        self.lengths_ = sorted({len(key) for key in keys})
        longest = self.lengths_[-1]
        self.pools_ = [_pool({key[i] for key in keys if len(key) > i}) for i in range(longest)]
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
        """Return as many new keys as there are codes; see `ColumnEncoder.inverse_transform`."""
        keys = np.empty(0, dtype=object)
        n_rounds = 0
        while len(keys) < len(codes):
            extra_digits = n_rounds // _ROUNDS_PER_LENGTH
            fresh = self._random_keys(2 * (len(codes) - len(keys)) + 16, extra_digits, rng)
            keys = pd.unique(np.concatenate([keys, fresh]))[: len(codes)]
            n_rounds += 1
        column = self._restore(keys)
        column.name = self.name
        return column

    def _random_keys(self, n: int, extra_digits: int, rng: np.random.Generator) -> npt.NDArray[Any]:
        pools = [*self.pools_, *[_DIGITS] * extra_digits]
        letters = np.stack([rng.choice(list(pool), size=n) for pool in pools], axis=1)
        lengths = rng.choice(self.lengths_, size=n) + extra_digits
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


def _pool(seen: set[str]) -> str:
    """Return the characters of a position: the one that all keys have there, or all of the sorts seen."""
    if len(seen) == 1:
        return seen.pop()
    sorts = [sort for sort in (_DIGITS, _LOWER, _UPPER) if seen & set(sort)]
    return "".join(sorted(seen.union(*sorts)))


def _digest(keys: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    return pd.util.hash_array(keys, categorize=False)
