"""Categories: strings, truth values and pandas categories with any number of levels.

Frequent levels have a code each. When there are too many levels, the rare ones, sorted so that alike ones
stand together, share codes, and the value says which level of a shared code is meant.
"""

import math
import re
from collections.abc import Hashable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_object_dtype, is_string_dtype

from synthgan.exceptions import DataError, did_you_mean, listing
from synthgan.layout import FloatArray, IntArray, Span
from synthgan.preprocessing.axis import evenly_spread
from synthgan.preprocessing.base import BoolArray, Bound, CodingOptions, ColumnEncoder, Test
from synthgan.schema import can_be_stored

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
WORD_WITH_LETTER = r"(?:^|\s)\S*[^\W\d_]"
#: Text is free of which more than this share of the cells are different, if they have so many words in the
#: mean; in fewer rows all levels may be different by chance.
_SHARE_OF_NAMES, _WORDS_OF_NAME, _SHARE_OF_SENTENCES, _WORDS_OF_SENTENCE, _MIN_TEXTS = 0.9, 2, 0.5, 4, 100
#: Rows of a shared code for each further place; with fewer, a place would point at single rows.
_ROWS_PER_PLACE = 64
#: Of the codes of a column with too many levels, this share goes to the rare levels together.
_SHARED_CODES = 0.25


class CategoricalEncoder(ColumnEncoder):
    """Encode a column of levels.

    Attributes
    ----------
    levels_
        The levels, those of one code side by side.
    starts_
        Index of the first level of each code, and at the end the number of levels.
    counts_
        Rows of each level in the fitted column.
    n_places_
        In how many places a shared code is divided.
    """

    kind = "categorical"

    levels_: list[Any]
    starts_: IntArray
    counts_: IntArray
    ordered_: bool
    n_places_: int

    @classmethod
    def accepts(cls, column: "pd.Series[Any]") -> str | None:
        dtype = column.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            return "dtype category" if can_be_stored(dtype.categories) else None
        if is_object_dtype(dtype):
            content = infer_dtype(column, skipna=True)
            reason = {"string": "objects that are all text", "empty": "no cell is present"}.get(content)
        else:
            reason = f"dtype {dtype}" if is_string_dtype(dtype) else None
        return None if reason and is_free_text(column) else reason

    @classmethod
    def suits(cls, column: "pd.Series[Any]") -> bool:
        """Return whether cells can be levels: whole numbers and free text can, where a user says so."""
        if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind in "iub":
            return cls.accepts(column) is not None or column.dtype.kind in "iub"
        return infer_dtype(column, skipna=True) in ("string", "integer", "boolean", "empty")

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        self.ordered_ = bool(getattr(self.dtype, "ordered", False))
        counts = present.value_counts(sort=False)
        counts = counts[counts > 0]
        levels = pd.Series(counts.index.astype(object), dtype=object)
        rank = counts.index.codes if isinstance(counts.index, pd.CategoricalIndex) else levels.astype(str)
        order = np.argsort(np.asarray(rank), kind="stable")
        self.levels_ = levels.iloc[order].tolist()
        self.counts_ = np.asarray(counts, dtype=np.int64)[order]
        self.n_places_ = 1
        self._give_codes(options)

    def _give_codes(self, options: CodingOptions) -> None:
        """Give codes to the levels in their order, in which those of one code are brought together."""
        code_of = _share_codes(self.counts_, options.max_levels)
        order = np.argsort(code_of, kind="stable")
        self.levels_ = [self.levels_[i] for i in order]
        self.counts_ = self.counts_[order]
        sizes = np.bincount(code_of) if len(code_of) else np.empty(0, dtype=np.int64)
        self.starts_ = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @property
    def shares_codes(self) -> bool:
        """Whether several levels have one code."""
        return len(self.levels_) >= len(self.starts_)

    def arrange(self, profiles: FloatArray, options: CodingOptions) -> None:
        """Put levels that share codes in the order of their profiles, shape ``(n_levels, n_numbers)``.

        Codes and places then stand for levels that are alike, and are worth telling.
        """
        is_rare = np.repeat(np.diff(self.starts_) > 1, np.diff(self.starts_))
        rare = np.flatnonzero(is_rare)
        n_codes, n_rows = int((np.diff(self.starts_) > 1).sum()), int(self.counts_[rare].sum())
        depth = math.ceil(math.log2(n_codes * options.max_places))
        place = bisected(profiles[rare], self.counts_[rare], depth)
        order = np.concatenate([np.flatnonzero(~is_rare), rare[np.argsort(place)]])
        self.levels_ = [self.levels_[i] for i in order]
        self.counts_ = self.counts_[order]
        self._give_codes(options)
        if options.numbers == "quantile":
            self.n_places_ = min(1 + n_rows // n_codes // _ROWS_PER_PLACE, options.max_places)

    def exact(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        cells = pd.Index(present.astype(object), dtype=object)
        return np.asarray(pd.Index(self.levels_, dtype=object).get_indexer(cells), dtype=np.int64)

    def from_exact(self, numbers: npt.NDArray[Any]) -> Any:
        levels = pd.Series(pd.Series(self.levels_, dtype=object).astype(self.dtype))
        return levels.array.take(numbers)

    def _encode(self, present: "pd.Series[Any]") -> tuple[IntArray, FloatArray]:
        index = self.exact(present)
        if (index < 0).any():
            unseen = present[index < 0].unique()
            raise DataError(
                f"Column {self.name!r} has levels that it had not when it was fitted: {listing(unseen)}."
                f"{did_you_mean(unseen[0], self.levels_)}"
            )
        codes = np.searchsorted(self.starts_, index, side="right") - 1
        before = np.concatenate([[0], np.cumsum(self.counts_)])
        # A level that has several places is in each of them in as many rows as that is worth.
        within = evenly_spread(index) if self.n_places_ > 1 else 0.5
        stand = before[index] + within * self.counts_[index]
        mass = before[self.starts_[codes + 1]] - before[self.starts_[codes]]
        return codes, (stand - before[self.starts_[codes]]) / mass

    def _decode(self, codes: IntArray, values: FloatArray) -> Any:
        before = np.concatenate([[0], np.cumsum(self.counts_)])
        low, high = before[self.starts_[codes]], before[self.starts_[codes + 1]]
        index = np.searchsorted(before, low + values * (high - low), side="right") - 1
        index = np.clip(index, self.starts_[codes], self.starts_[codes + 1] - 1)
        return self.from_exact(index)

    def _span(self) -> Span:
        n_codes = len(self.starts_) - 1
        if self.n_places_ > 1:
            shared = tuple(np.flatnonzero(np.diff(self.starts_) > 1).tolist())
            return Span(self.name, n_codes, place_codes=shared, n_places=self.n_places_)
        if not self.ordered_ or n_codes != len(self.levels_):
            return Span(self.name, n_codes)
        mass = self.counts_ / self.counts_.sum()
        positions = 2 * (np.cumsum(mass) - mass / 2) - 1
        return Span(self.name, n_codes, tuple(float(position) for position in positions))

    def classes(self) -> tuple[list[Any], IntArray, FloatArray]:
        codes = np.repeat(np.arange(len(self.starts_) - 1), np.diff(self.starts_))
        return self.levels_, codes, self.counts_ / np.bincount(codes, weights=self.counts_)[codes]

    def stretch(self, cell: "pd.Series[Any]") -> tuple[float, float]:
        if cell.isna().iloc[0]:
            return super().stretch(cell)
        index = int(self.exact(cell)[0])
        code = int(np.searchsorted(self.starts_, index, side="right")) - 1
        before = np.concatenate([[0], np.cumsum(self.counts_)])
        low, high = before[self.starts_[[code, code + 1]]]
        ends = code + (before[[index, index + 1]] - low) / (high - low)
        return float(ends[0]), float(ends[1])

    @property
    def has_order(self) -> bool:
        return self.ordered_

    def bound(self, value: Any) -> Any:
        """Return the rank of a level that the dtype has."""
        cell = self.cast(value)
        if cell.isna().iloc[0]:
            raise ValueError("a missing cell is no end")
        return self.dtype.categories.get_loc(cell.iloc[0])

    def between(self, low: Bound | None, high: Bound | None) -> tuple[FloatArray, Test]:
        ranks = self.dtype.categories.get_indexer(pd.Index(self.levels_, dtype=object))
        first = 0 if low is None else low[0] + low[1]
        last = len(self.dtype.categories) - 1 if high is None else high[0] - high[1]
        levels = self.from_exact(np.flatnonzero((ranks >= first) & (ranks <= last)))
        stretches = [self.stretch(pd.Series(levels[[i]])) for i in range(len(levels))]

        def test(column: "pd.Series[Any]") -> Any:
            codes = column.cat.codes.to_numpy()
            return (codes >= max(first, 0)) & (codes <= last)

        return np.array(sorted(stretches), dtype=np.float64).reshape(-1, 2), test

    def cast(self, value: Any) -> "pd.Series[Any]":
        """Return `value`, or the level of a category that is written so, as a Series of length one."""
        if isinstance(self.dtype, pd.CategoricalDtype) and not pd.isna(value):
            by_text = {str(level): level for level in self.dtype.categories}
            value = by_text.get(value, value) if isinstance(value, str) else value
            if value not in by_text.values():
                raise ValueError(f"{value!r} is not a level")
        return super().cast(value)

    def supports(self, column: "pd.Series[Any]") -> BoolArray:
        missing = column.isna().to_numpy()
        return np.where(missing, self.has_missing_, self.exact(column) >= 0)

    def _contains(self, value: Any) -> bool:
        return value in self.levels_

    def shape(self) -> str:
        n_shared = int((np.diff(self.starts_) > 1).sum())
        own = f", {len(self.starts_) - 1 - n_shared} with codes of their own" if n_shared else ""
        words = f"{len(self.levels_):,} levels{own}" if len(self.levels_) > 1 else "one level"
        are_numbers = all(isinstance(level, str) and _NUMBER.fullmatch(level) for level in self.levels_)
        return f"{words}, numbers written as text" if are_numbers and self.levels_ else words

    def support(self) -> str:
        return f"the levels {listing(self.levels_)}" if self.levels_ else "only missing cells"

    def state(self) -> dict[str, Any]:
        if not isinstance(self.dtype, pd.CategoricalDtype):
            return super().state()
        # The levels of a category may be days or intervals, which JSON has not: its dtype keeps them.
        return {
            **super().state(),
            "levels_": self.dtype.categories.get_indexer(pd.Index(self.levels_, dtype=object)),
        }

    @classmethod
    def from_state(cls, name: Hashable, dtype: Any, state: dict[str, Any]) -> Self:
        if isinstance(dtype, pd.CategoricalDtype):
            levels = dtype.categories.take(state["levels_"]).astype(object).tolist()
            state = {**state, "levels_": levels}
        return super().from_state(name, dtype, state)


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


def is_free_text(column: "pd.Series[Any]") -> bool:
    """Return whether text is written for its reader: sentences or names, hardly any of which comes twice."""
    present = column.dropna()
    if len(present) < _MIN_TEXTS or infer_dtype(present) != "string":
        return False
    share = present.nunique() / len(present)
    if share <= _SHARE_OF_SENTENCES:
        return False
    n_words = present.astype(object).str.count(WORD_WITH_LETTER).mean()
    return bool(n_words >= _WORDS_OF_NAME if share > _SHARE_OF_NAMES else n_words >= _WORDS_OF_SENTENCE)


def _share_codes(counts: IntArray, max_levels: int) -> npt.NDArray[Any]:
    """Return the code of each level: its own, or for rare levels one shared with its neighbours."""
    n_levels = len(counts)
    if n_levels <= max_levels:
        return np.arange(n_levels)
    n_shared = round(_SHARED_CODES * max_levels)
    frequent = np.zeros(n_levels, dtype=bool)
    frequent[np.argsort(-counts, kind="stable")[: max_levels - n_shared]] = True
    rare = np.where(frequent, 0, counts)
    share = (np.cumsum(rare) - rare / 2) / rare.sum()
    codes = max_levels - n_shared + np.minimum((share * n_shared).astype(np.int64), n_shared - 1)
    codes[frequent] = np.arange(frequent.sum())
    return np.unique(codes, return_inverse=True)[1]


def bisected(profiles: FloatArray, weights: IntArray, depth: int) -> IntArray:
    """Return the place of each profile in an order in which like ones stand together.

    All of them, shape ``(n_profiles, n_numbers)``, are parted in two halves of equal weight along what most
    tells them apart, each half again, and so on to a depth.
    """
    order = np.arange(len(profiles))
    parts = [order]
    for _ in range(depth):
        parts = [half for part in parts for half in _halves(part, profiles, weights)]
    order = np.concatenate(parts) if parts else order
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place


def _halves(part: IntArray, profiles: FloatArray, weights: IntArray) -> list[IntArray]:
    if len(part) < 2:
        return [part]
    own, mass = profiles[part], weights[part].astype(np.float64)
    centred = own - (mass @ own) / mass.sum()
    _, directions = np.linalg.eigh((centred * mass[:, None]).T @ centred)
    order = np.argsort(centred @ directions[:, -1], kind="stable")
    above = np.cumsum(mass[order])
    half = int(np.clip(np.searchsorted(above, above[-1] / 2, side="right"), 1, len(part) - 1))
    return [part[order[:half]], part[order[half:]]]
