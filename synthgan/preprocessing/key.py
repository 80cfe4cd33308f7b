"""Keys: cells of one form that are different in every row, such as a customer number.

A key carries nothing to learn; drawn rows get new keys of the same form, none of which the table has.
"""

from collections.abc import Hashable
from typing import Any, Self
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_object_dtype, is_string_dtype

from synthgan.exceptions import DataError
from synthgan.layout import FloatArray, IntArray, Span
from synthgan.preprocessing.base import CodingOptions, ColumnEncoder
from synthgan.preprocessing.key_form import KeyForm

_MIN_ROWS = 100
_MAX_LENGTH = 200
#: How texts that are keys are written; the rest of a column may be written otherwise.
_FORMS = {
    "digits": r"[0-9]+",
    "letters and digits": r"[0-9]+|(?=.*[A-Za-z])(?=.*[0-9])[A-Za-z0-9_\-./#]+",
    "mail addresses": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "web addresses": r"(?:[a-z][a-z0-9+.\-]*://|www\.)\S+",
    "network addresses": r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?=(?:.*:){5})[0-9A-Fa-f:]+",
    "telephone numbers": r"[+(][0-9 ()./\-]{7,}|[0-9]{2,5}(?:[ \-/.][0-9]{2,5}){2,}",
}
_SHARE_OF_FORM = 0.95
#: Days say something, and so do numbers with decimals.
_DAY = (
    r"(?:[0-9]{4}([\-/.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([\-/.])[0-9]{1,2}\2(?:[0-9]{2}){1,2})"
    r"(?:[ T].*)?"
)
_DECIMAL = r"[0-9]+[.][0-9]+[A-Za-z/]*"
#: Rounds of drawing after which keys grow by one more step, because their form has run out.
_ROUNDS_PER_STEP = 4


class KeyEncoder(ColumnEncoder):
    """Replace a column of keys by new ones of the same form.

    Attributes
    ----------
    form_
        How keys that are text are written.
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

    form_: KeyForm
    digests_: npt.NDArray[np.uint64]
    last_: int | None
    uuid_version_: int | None

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        if column.count() < max(_MIN_ROWS, len(column) / 2) or not cls.suits(column):
            return None
        if column.dtype.kind in "iu":
            return "the numbers of the rows" if _are_numbers_of_rows(column) else None
        if infer_dtype(column, skipna=True) != "string":
            return "objects of UUID, different in every row"
        form = _form_of(column.dropna())
        return f"{form}, different in every row" if form else None

    @classmethod
    def suits(cls, column: "pd.Series[Any]") -> bool:
        """Return whether cells are different: text, UUIDs, or whole numbers none of which is missing."""
        dtype, present = column.dtype, column.dropna()
        if isinstance(dtype, pd.CategoricalDtype) or not len(present):
            return False
        if dtype.kind in "iu":
            return len(present) == len(column) and bool(column.is_unique)
        is_text = is_string_dtype(dtype) and infer_dtype(present) == "string"
        is_uuid = is_object_dtype(dtype) and all(isinstance(cell, UUID) for cell in present)
        return (is_text or is_uuid) and bool(present.is_unique)

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        self.last_ = int(present.max()) if present.dtype.kind in "iu" else None
        cells = [] if self.last_ is not None else present.astype(object).tolist()
        self.uuid_version_ = (cells[0].version or 0) if cells and isinstance(cells[0], UUID) else None
        keys = [str(cell) for cell in cells] or ["0"]
        self.form_ = KeyForm.learn(keys)
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
        codes = np.asarray(codes, dtype=np.int64)
        missing = codes == self.missing_code if self.has_missing_ else np.zeros(len(codes), dtype=bool)
        return self.place(self.fresh(int((~missing).sum()), rng), missing)

    def fresh(self, n: int, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Return `n` new keys, all different."""
        keys = np.empty(n, dtype=object)
        if self.last_ is not None:
            keys[:] = range(self.last_ + 1, self.last_ + 1 + n)
            self._check_width(n)
        elif self.uuid_version_ is not None:
            keys[:] = [UUID(bytes=rng.bytes(16), version=self.uuid_version_ or None) for _ in range(n)]
        else:
            keys, n_rounds = keys[:0], 0
            while len(keys) < n:
                more = self.form_.draw(2 * (n - len(keys)) + 16, n_rounds // _ROUNDS_PER_STEP, rng)
                more = more[~np.isin(_digest(more), self.digests_)]
                keys = pd.unique(np.concatenate([keys, more]))[:n]
                n_rounds += 1
        return keys

    def _check_width(self, n: int) -> None:
        """Raise DataError when so many numbers do not fit the column's type."""
        assert self.last_ is not None
        try:
            self._restore(np.array([self.last_ + n], dtype=object))
        except (OverflowError, ValueError) as error:
            raise DataError(
                f"Column {self.name!r} is numbered up to {self.last_}, and {n:,} numbers more do not fit "
                f"{self.dtype}; give it a wider type, or another kind."
            ) from error

    def _decode(self, codes: IntArray, values: FloatArray) -> Any:
        raise AssertionError("keys are drawn, not decoded")

    def _span(self) -> Span:
        return Span(self.name, 1)

    def _contains(self, value: Any) -> bool:
        return False

    def state(self) -> dict[str, Any]:
        return {**super().state(), "form_": self.form_.state()}

    @classmethod
    def from_state(cls, name: Hashable, dtype: Any, state: dict[str, Any]) -> Self:
        return super().from_state(name, dtype, {**state, "form_": KeyForm.from_state(state["form_"])})

    def support(self) -> str:
        return "new keys only, so it cannot be a condition"


def _are_numbers_of_rows(column: "pd.Series[Any]") -> bool:
    """Return whether whole numbers count the rows in order, in a type that has room for as many again."""
    first, last = int(column.iloc[0]), int(column.iloc[-1])
    is_counted = first in (0, 1) and last - first == len(column) - 1 and column.is_monotonic_increasing
    bits = 8 * getattr(column.dtype, "itemsize", 8) - (column.dtype.kind == "i")
    return bool(is_counted) and 2 * last < 2**bits


def _form_of(present: "pd.Series[Any]") -> str | None:
    """Return how nearly all of some different texts are written, None where they may say something."""
    says_something = present.str.fullmatch(_DAY) | present.str.fullmatch(_DECIMAL)
    if says_something.mean() > 1 - _SHARE_OF_FORM:
        return None
    is_short = present.str.len() <= _MAX_LENGTH
    shares = {name: (present.str.fullmatch(form) & is_short).mean() for name, form in _FORMS.items()}
    return next((name for name, share in shares.items() if share >= _SHARE_OF_FORM), None)


def _digest(keys: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    return pd.util.hash_array(keys, categorize=False)
