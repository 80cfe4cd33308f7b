"""Keys: cells of one form that are different in every row, such as a customer number.

A key carries nothing to learn but what many keys share; drawn rows get new keys of the same form, none of
which the table has.
"""

import re
from collections.abc import Hashable
from copy import copy
from typing import Any, Self
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_object_dtype, is_string_dtype

from synthgan.exceptions import DataError
from synthgan.layout import FloatArray, IntArray, Span
from synthgan.preprocessing.base import CodingOptions, ColumnEncoder
from synthgan.preprocessing.categorical import WORD_WITH_LETTER
from synthgan.preprocessing.key_form import KeyForm, Turn

_MIN_ROWS = 100
#: Texts of which this share are different are keys, and some of them occur twice.
_SHARE_DIFFERENT = 0.98
_MAX_LENGTH = 200
#: Where nearly all cells have a digit or a mark of addresses, and few are words with no more than spaces.
_SHARE_OF_FORM = 0.95
_MARKED = r"[0-9@:/\\|#=_]"
_MAX_WORDS = 1.5
#: Texts that say something: days and times, and numbers with decimals, signs, currencies or units.
_MONTH = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_SAYING = (
    r"\d{4}([\-/. ])(0?[1-9]|1[0-2])\1(0?[1-9]|[12]\d|3[01])([ T].*)?",
    r"(1[5-9]|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{4}|\d{6})?",
    r"\d{1,2}([\-/. ])\d{1,2}[\-/. ](\d{4}|\d{2})([ T].*)?",
    rf"\d{{1,2}}[\-/. ]*{_MONTH}[\-/., ]*\d{{2,4}}([ T].*)?|{_MONTH}[\-/. ]*\d{{1,4}}(,? \d{{4}})?([ T].*)?",
    r"\d{4}[\-/. ]?[QWM]\d{1,2}",
    r"\d{1,3}:\d{2}(:\d{2})?([.]\d+)?( ?[AaPp][Mm])?",
    r"[^\w\s]? ?[\-+]?\d{1,3}(,\d{3})+([.]\d+)? ?\D{0,4}",
    r"[^\w\s]? ?[\-+]?\d*[.,]\d+([eE][\-+]?\d+)? ?\D{0,12}",
    r"\D{0,4}[\-+]?\d{1,3}([.]\d{3})*,\d+ ?\D{0,12}|[A-Z]{3} ?[\-+]?\d+([.,]\d+)+",
    r"[\-+]?\d+[.]\d+[,; ] ?[\-+]?\d+[.]\d+",
    r"[\-+$]\d{1,9}|[\-+$]?\d{1,9} ?([%°]|km|m|cm|mm|kg|g|mg|lb|lbs|s|ms|h|min|K|C|F|V|W|A|Hz|USD|EUR)",
)
#: Columns of whole numbers that differ and are called so are keys.
_NAMED_KEY = r"(?i:(^|.*[\W_])(id|ids|key|pk|uuid|guid)$)|.*[a-z](Id|ID)$"
#: Those that count rows are, whatever they go together with, where they are called so too.
_NAMED_COUNT = (
    rf"{_NAMED_KEY}|(?i:no|nr|number|index|idx|unnamed.*|(.*[\W_])?rows?([\W_]?(no|nr|number|names?))?)"
)
#: Years count in order, and are none.
_YEARS = range(1000, 2200)
#: Rows that are looked at for a form and for ranks, and how far these go together with those of another
#: column in what says something.
_MAX_TEXTS, _MAX_ROWS, _MIN_CORRELATION = 20_000, 5_000, 0.5
#: Of keys drawn at a time so few are new that the next are longer.
_MIN_NEW = 0.1


class KeyEncoder(ColumnEncoder):
    """Replace a column of keys by new ones of the same form.

    The code of a key says of which sort it is, such as its country, where the form tells some.

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
    turn
        Which keys are drawn, where others draw too.
    """

    kind = "key"
    priority = 2

    form_: KeyForm
    digests_: npt.NDArray[np.uint64]
    last_: int | None
    uuid_version_: int | None
    turn = Turn()

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        if column.count() < max(_MIN_ROWS, len(column) / 2) or not cls.suits(column):
            return None
        if column.dtype.kind in "iu":
            return _reason_for_numbers(column)
        if infer_dtype(column, skipna=True) != "string":
            return "objects of UUID, different in every row"
        present = column.dropna()
        some = present.iloc[:: 1 + len(present) // _MAX_TEXTS].astype(object)
        is_key = _has_form(some) and KeyForm.learn(some.tolist()).is_free
        different = "different in every row" if present.is_unique else "different in nearly every row"
        return f"text of a form, {different}" if is_key else None

    @classmethod
    def suits(cls, column: "pd.Series[Any]") -> bool:
        """Return whether nearly all cells are different: text, UUIDs, or whole numbers, none missing."""
        dtype, present = column.dtype, column.dropna()
        if isinstance(dtype, pd.CategoricalDtype) or not len(present):
            return False
        if dtype.kind in "iu":
            return len(present) == len(column) and bool(column.is_unique)
        is_text = is_string_dtype(dtype) and infer_dtype(present) == "string"
        is_uuid = is_object_dtype(dtype) and all(isinstance(cell, UUID) for cell in present)
        return (is_text or is_uuid) and present.nunique() >= _SHARE_DIFFERENT * len(present)

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        self.last_ = int(present.max()) if present.dtype.kind in "iu" else None
        cells = [] if self.last_ is not None else present.astype(object).tolist()
        self.uuid_version_ = (cells[0].version or 0) if cells and isinstance(cells[0], UUID) else None
        keys = [str(cell) for cell in cells]
        self.form_ = KeyForm.learn(keys if keys and self.uuid_version_ is None else ["0"])
        self.digests_ = np.sort(_digest(np.array(keys, dtype=object)))

    def _encode(self, present: "pd.Series[Any]") -> tuple[IntArray, FloatArray]:
        keys = [] if len(self.form_.sorts) == 1 else present.astype(object).tolist()
        sorts = self.form_.sort_of(keys) if keys else np.zeros(len(present), dtype=np.int64)
        return sorts, np.zeros(len(present))

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
        return self.place(self._fresh(codes[~missing], rng), missing)

    def for_turn(self, turn: Turn) -> Self:
        """Return the encoder of one of several drawers."""
        own = copy(self)
        own.turn = turn
        return own

    def _fresh(self, sorts: IntArray, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Return new keys of some sorts, all different."""
        n = len(sorts)
        keys = np.empty(n, dtype=object)
        if self.last_ is not None:
            first = self.last_ + 1 + self.turn.first_row
            keys[:] = range(first, first + n)
            self._check_width(self.turn.first_row + n)
        elif self.uuid_version_ is not None:
            keys[:] = [UUID(bytes=rng.bytes(16), version=self.uuid_version_ or None) for _ in range(n)]
        else:
            lacking, taken, growth = np.arange(n), self.digests_, 0
            while len(lacking):
                drawn = self.form_.draw(sorts[lacking], growth, rng, self.turn)
                digests = _digest(drawn)
                is_taken = taken[np.searchsorted(taken, digests).clip(max=len(taken) - 1)] == digests
                is_new = ~is_taken & ~pd.Series(digests).duplicated().to_numpy()
                keys[lacking[is_new]] = drawn[is_new]
                taken, lacking = np.sort(np.concatenate([taken, digests[is_new]])), lacking[~is_new]
                growth += int(is_new.mean() < _MIN_NEW)
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
        return Span(self.name, len(self.form_.sorts))

    def _contains(self, value: Any) -> bool:
        return False

    def state(self) -> dict[str, Any]:
        return {**super().state(), "form_": self.form_.state()}

    @classmethod
    def from_state(cls, name: Hashable, dtype: Any, state: dict[str, Any]) -> Self:
        return super().from_state(name, dtype, {**state, "form_": KeyForm.from_state(state["form_"])})

    def support(self) -> str:
        return "new keys only, so it cannot be a condition"


def says_something(column: "pd.Series[Any]", others: pd.DataFrame) -> bool:
    """Return whether what may be keys goes together with other columns, as numbers do that mean something.

    Only whole numbers, or text of these, have an order to tell it by. Numbers in the order of the rows are
    keys all the same where their column is called so.
    """
    is_text = column.dtype.kind not in "iu"
    if (is_text and not column.dropna().astype(str).str.fullmatch(r"[0-9]{1,15}").all()) or (
        not is_text and _is_named(column.name, _NAMED_COUNT)
    ):
        return False
    some = others.select_dtypes(["number", "datetime", "timedelta"]).iloc[:_MAX_ROWS]
    numbers = pd.to_numeric(column.iloc[: len(some)]).astype("float64")
    if is_text and numbers.is_monotonic_increasing:
        return False
    own = _ranks(numbers)
    return any(_correlation(own, _ranks(some.iloc[:, i])) >= _MIN_CORRELATION for i in range(some.shape[1]))


def _ranks(column: "pd.Series[Any]") -> FloatArray:
    is_number = column.dtype.kind in "iuf"
    numbers = pd.Series(column.to_numpy(np.float64, na_value=np.nan)) if is_number else column
    ranks: FloatArray = np.asarray(numbers.rank(), dtype=np.float64)
    return ranks


def _correlation(x: FloatArray, y: FloatArray) -> float:
    """Return how far two columns of ranks go together; not at all if they are few or all alike."""
    is_both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[is_both], y[is_both]
    if len(x) < _MIN_ROWS // 2 or not x.std() or not y.std():
        return 0.0
    return float(abs(np.corrcoef(x, y)[0, 1]))


def _reason_for_numbers(column: "pd.Series[Any]") -> str | None:
    """Return why whole numbers are keys: they count rows in order, or are called so; None if they are not.

    Their type must have room for as many again.
    """
    first, last, highest = int(column.iloc[0]), int(column.iloc[-1]), int(column.max())
    bits = 8 * getattr(column.dtype, "itemsize", 8) - (column.dtype.kind == "i")
    if int(column.min()) < 0 or 2 * max(highest, len(column)) >= 2**bits:
        return None
    if _is_named(column.name, _NAMED_KEY):
        return "whole numbers called a key, different in every row"
    is_counted = last - first == len(column) - 1 and bool(column.is_monotonic_increasing)
    are_years = first in _YEARS and last in _YEARS
    return "the numbers of the rows" if is_counted and not are_years else None


def _is_named(name: Hashable, pattern: str) -> bool:
    return re.fullmatch(pattern, str(name)) is not None


def _has_form(present: "pd.Series[Any]") -> bool:
    """Return whether nearly all of some texts have a form, and are neither words nor say something."""
    fits = present.str.contains(_MARKED) & (present.str.len() <= _MAX_LENGTH)
    if fits.mean() < _SHARE_OF_FORM or present.str.count(WORD_WITH_LETTER).mean() > _MAX_WORDS:
        return False
    return all(present.str.fullmatch(form).mean() < _SHARE_OF_FORM for form in _SAYING)


def _digest(keys: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    return pd.util.hash_array(keys, categorize=False)
