"""Keys: cells of one form that are different in every row, such as a customer number.

A key carries nothing to learn; drawn rows get new keys of the same form, none of which the table has.
"""

import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_object_dtype, is_string_dtype

from synthgan.exceptions import DataError
from synthgan.layout import FloatArray, IntArray, Span
from synthgan.preprocessing.base import CodingOptions, ColumnEncoder

_MIN_ROWS = 100
_MAX_LENGTH = 40
#: Whole numbers are keys if it is less likely than this, as a natural logarithm, that as many random numbers
#: of their range would all be different.
_MAX_LOG_CHANCE = -20.0
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
    last_
        The largest of keys that are whole numbers, from which drawn ones go on; None for text.
    uuid_version_
        That of keys that are objects of Python's `uuid.UUID`, 0 if they have none; None for others.
    """

    kind = "key"
    priority = 2

    pools_: list[str]
    lengths_: list[int]
    digests_: npt.NDArray[np.uint64]
    last_: int | None
    uuid_version_: int | None

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        if len(column) < _MIN_ROWS or column.isna().any() or not cls.suits(column):
            return None
        if column.dtype.kind in "iu":
            return "whole numbers, different in every row" if _are_numbers_of_rows(column) else None
        if infer_dtype(column, skipna=True) != "string":
            return "objects of UUID, different in every row"
        has_form = column.str.fullmatch(_FORM) & column.str.len().le(_MAX_LENGTH)
        return "letters and digits, different in every row" if has_form.all() else None

    @classmethod
    def suits(cls, column: "pd.Series[Any]") -> bool:
        """Return whether cells are all there and different, be they text, whole numbers or UUIDs."""
        dtype = column.dtype
        if isinstance(dtype, pd.CategoricalDtype) or not len(column) or column.isna().any():
            return False
        is_text = is_string_dtype(dtype) and infer_dtype(column, skipna=True) == "string"
        is_uuid = is_object_dtype(dtype) and all(isinstance(cell, UUID) for cell in column)
        return (is_text or is_uuid or dtype.kind in "iu") and bool(column.is_unique)

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        self.last_ = int(present.max()) if present.dtype.kind in "iu" else None
        cells = [] if self.last_ is not None else present.astype(object).tolist()
        self.uuid_version_ = (cells[0].version or 0) if cells and isinstance(cells[0], UUID) else None
        keys = [str(cell) for cell in cells] or ["0"]
        self.lengths_ = sorted({len(key) for key in keys})
        longest = self.lengths_[-1]
        sorts = [_DIGITS, *(_letters(set().union(*keys), sort) for sort in (_LOWER, _UPPER))]
        self.pools_ = [_pool({key[i] for key in keys if len(key) > i}, sorts) for i in range(longest)]
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
        if self.last_ is not None:
            return self._numbered(len(codes))
        if self.uuid_version_ is not None:
            return self._uuids(len(codes), rng)
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

    def _numbered(self, n: int) -> "pd.Series[Any]":
        """Return whole numbers that go on from the largest."""
        assert self.last_ is not None
        numbers = pd.Series([self.last_ + 1 + i for i in range(n)], dtype=object)
        try:
            column = self._restore(numbers)
        except (OverflowError, ValueError) as error:
            raise DataError(
                f"Column {self.name!r} is numbered up to {self.last_}, and {n:,} numbers more do not fit "
                f"{self.dtype}; give it a wider type, or another kind."
            ) from error
        column.name = self.name
        return column

    def _uuids(self, n: int, rng: np.random.Generator) -> "pd.Series[Any]":
        """Return random UUIDs: so many that none comes twice or was there before."""
        cells = np.empty(n, dtype=object)
        cells[:] = [UUID(bytes=rng.bytes(16), version=self.uuid_version_ or None) for _ in range(n)]
        column = self._restore(cells)
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


def _are_numbers_of_rows(column: "pd.Series[Any]") -> bool:
    """Return whether whole numbers, all different, are so many of their range that this is no chance.

    Of n random numbers of R all are different with a chance of about exp(-n^2 / 2R).
    """
    numbers = column.astype(object)
    low = int(numbers.min())
    steps = math.gcd(*(int(number) - low for number in numbers))
    span = int(numbers.max()) - low + 1
    return steps == 1 and -(len(numbers) ** 2) / (2 * span) < _MAX_LOG_CHANCE


def _letters(seen: set[str], alphabet: str) -> str:
    """Return the letters that keys have: those of hexadecimal numbers, where there are no others."""
    own = seen & set(alphabet)
    return alphabet[:6] if len(own) > 3 and own <= set(alphabet[:6]) else alphabet


def _pool(seen: set[str], sorts: Sequence[str]) -> str:
    """Return the characters of a position: the one that all keys have there, or all of the sorts seen."""
    if len(seen) == 1:
        return seen.pop()
    return "".join(sorted(seen.union(*(sort for sort in sorts if seen & set(sort)))))


def _digest(keys: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    return pd.util.hash_array(keys, categorize=False)
