"""Which columns of a table decide which others, and what they say of them.

A column decides another if rows with the same cell in it have the same in the other, and so many of them that
chance does not make them agree. A missing cell may be as good as any other, as where only the married have a
date of marriage. Where it is not, it is a hole: it hides a cell, and rows with one contradict nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthgan.layout import IntArray
from synthgan.preprocessing.base import BoolArray, ColumnEncoder
from synthgan.preprocessing.functions import HIDDEN, MISSING, Function, all_places, exact_cells

#: Rows that are looked at first, and of these.
_MAX_ROWS, _FEW_ROWS = 20_000, 500
#: Rows that cells of a source have in the mean, at least; of cells that hardly come twice all would be told.
_MIN_ROWS_OF_KEY = 2
#: How unlikely it must be, as a natural logarithm, that rows which share a key agree by chance.
_MAX_LOG_CHANCE = -25.0
#: How unlikely, that all cells beside a key are holes, and that those beside missing cells agree.
_MAX_LOG_CHANCE_TO_MISS = _MAX_LOG_CHANCE_TO_AGREE = -5.0


def find_functions(
    frame: pd.DataFrame,
    encoders: Sequence[ColumnEncoder],
    parts: Mapping[int, Sequence[int]] | None = None,
) -> tuple[Function, ...]:
    """Return the sources of a plain table and what they determine.

    What another determines comes after that, and else those first that determine most.

    Parts of points in time, given by their source, are determined by rule; they only go with what these
    determine beside.
    """
    parts = parts or {}
    told = np.ones((len(encoders), len(encoders)), dtype=bool)
    np.fill_diagonal(told, False)
    if len(frame) > _MAX_ROWS:
        _contradict(told, frame.sample(_MAX_ROWS, random_state=0), encoders, is_all=False)
    _contradict(told, frame, encoders, is_all=True)
    settled = [index for columns in parts.values() for index in columns]
    for source in range(len(told)):
        own = set(parts.get(source, ()))
        told[source, [index for index in settled if index not in own]] = False
        if set(np.flatnonzero(told[source]).tolist()) <= own:
            told[source] = False
    n_tellers = _tellers(told).sum(0)
    functions = _functions(frame, encoders, told, n_tellers)
    return tuple(sorted(functions, key=lambda other: (n_tellers[other.source], -len(other.columns))))


def _contradict(
    told: BoolArray, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], *, is_all: bool
) -> None:
    """Take from what columns may determine what rows contradict, or what they are too few for to tell.

    What each column may determine, shape ``(n_columns, n_columns)``, is changed. Where these are not all
    rows, too few cells come twice to tell anything by that.
    """
    found: dict[int, _Cells | None] = {}

    def cells(index: int) -> _Cells | None:
        if index not in found:
            found[index] = _cells(frame[encoders[index].name], encoders[index])
        return found[index]

    for source in np.flatnonzero(told.any(1)).tolist():
        own = cells(source)
        if own is None or (is_all and not _has_rows_for_each(own.ids)):
            told[source] = False
            found.pop(source)
            continue
        for column in np.flatnonzero(told[source]).tolist():
            other = cells(column)
            told[source, column] = other is not None and _decides(own, other, is_all=is_all)


class _Cells(NamedTuple):
    """The cells of a column: which of `n` distinct ones each is, from 1 on as they come; 0 for missing."""

    ids: IntArray
    n: int
    has_missing: bool


def _cells(column: "pd.Series[Any]", encoder: ColumnEncoder) -> _Cells | None:
    """Return the cells of a column; None where they mean nothing."""
    if not encoder.is_exact:
        return None
    present = column.notna().to_numpy()
    ids = np.zeros(len(column), dtype=np.int64)
    ids[present] = pd.factorize(encoder.exact(column[present]))[0] + 1
    return _Cells(ids, int(ids.max()), not present.all())


def _has_rows_for_each(ids: IntArray) -> bool:
    """Return whether there are several cells, and rows enough of each but the most frequent."""
    counts = np.bincount(ids)
    n_others = int(np.count_nonzero(counts)) - 1
    return n_others > 0 and len(ids) - int(counts.max()) >= _MIN_ROWS_OF_KEY * n_others


def _decides(own: _Cells, other: _Cells, *, is_all: bool) -> bool:
    """Return whether a column decides another, if missing cells are cells or if they are holes."""
    if other.n > own.n and not own.has_missing:
        return False
    for are_holes in (False, True) if own.has_missing or other.has_missing else (False,):
        if _agrees(own.ids, other.ids, are_holes=are_holes):
            left, right = _without_holes(own.ids, other.ids) if are_holes else (own.ids, other.ids)
            if not is_all or _log_chance_to_agree(left, right) < _MAX_LOG_CHANCE:
                return True
    return False


def _agrees(own: IntArray, other: IntArray, *, are_holes: bool) -> bool:
    """Return whether rows with the same cell in one column have the same in another.

    Most columns do not agree on the first rows already.
    """
    for rows in (slice(_FEW_ROWS), slice(None)):
        left, right = own[rows], other[rows]
        if are_holes:
            left, right = _without_holes(left, right)
        beside = np.zeros(left.max(initial=0) + 1, dtype=np.int64)
        beside[left] = right
        if not (beside[left] == right).all():
            return False
    return True


def _without_holes(own: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
    """Return the cells of two columns in rows that have both."""
    has_both = (own > 0) & (other > 0)
    return own[has_both], other[has_both]


def _log_chance_to_agree(own: IntArray, other: IntArray) -> float:
    """Return the logarithm of the chance that rows which share a cell of one column agree on another."""
    if not len(own):
        return 0.0
    return (len(own) - np.count_nonzero(np.bincount(own))) * _log_chance(other)


def _log_chance(ids: IntArray) -> float:
    """Return the logarithm of the chance that two random rows have the same cell."""
    shares = np.bincount(ids) / len(ids)
    return float(np.log((shares**2).sum()))


def _tellers(told: BoolArray) -> BoolArray:
    """Return for each column which others it determines through others too, and they not it."""
    through, some = told.copy(), np.flatnonzero(told.any(0) | told.any(1))
    reach = told[np.ix_(some, some)].astype(np.float32)
    while (more := np.minimum(reach + reach @ reach, 1)).sum() > reach.sum():
        reach = more
    through[np.ix_(some, some)] = reach > 0
    return through & ~through.T


def _functions(
    frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], told: BoolArray, n_tellers: IntArray
) -> list[Function]:
    """Return functions by which all columns go together of which one determines the other.

    What two columns have of the same source goes together, unless it is hidden beside some of its cells. Of
    columns that determine each other, that with most codes stands for all.
    """
    n_codes = np.array([encoder.span.n_codes for encoder in encoders])
    go_together = np.zeros_like(told)
    functions = []
    for source in np.lexsort([np.arange(len(told)), -n_codes, n_tellers]).tolist():
        columns = np.flatnonzero(told[source] & ~go_together[source])
        if not len(columns):
            continue
        functions.append(_function(frame, encoders, source, columns.tolist()))
        go_together[source, columns] = go_together[columns, source] = True
        whole = columns[(functions[-1].images != HIDDEN).all(1)]
        go_together[np.ix_(whole, whole)] = True
    return functions


def _function(
    frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], source: int, columns: list[int]
) -> Function:
    """Return what a source determines, cell by cell."""
    encoder = encoders[source]
    codes, keys = exact_cells(frame[encoder.name], encoder)
    order = np.lexsort([keys, codes])
    codes, keys = codes[order], keys[order]
    first = np.flatnonzero((np.diff(codes, prepend=-1) > 0) | (np.diff(keys, prepend=keys[:1]) > 0))
    counts = np.diff(first, append=len(order))
    cells = [np.unique(encoders[i].exact(frame.iloc[:, i].dropna())) for i in columns]
    places = all_places(frame, encoders, columns, cells)[:, order]
    least, images = (reduce.reduceat(places, first, axis=1) for reduce in (np.minimum, np.maximum))
    n_present = int(np.searchsorted(codes[first], encoder.missing_code))
    has_holes = ((least == MISSING) & (images >= 0))[:, :n_present].any(1)
    share_missing = np.maximum((places == MISSING).mean(axis=1, keepdims=True), np.finfo(float).tiny)
    may_be_hidden = has_holes[:, None] & (counts * np.log(share_missing) > _MAX_LOG_CHANCE_TO_MISS)
    images = np.where((images == MISSING) & may_be_hidden, HIDDEN, images)
    if n_present < len(first):
        images[:, -1] = _beside_missing(places, first[-1], has_holes)
    return Function(source, columns, codes[first], keys[first], counts, images, cells, has_holes)


def _beside_missing(places: IntArray, first: int, has_holes: BoolArray) -> IntArray:
    """Return what stands beside a missing cell of a source in each column, hidden unless that is no chance.

    Rows with such a cell come last, from the first on; places have shape ``(n_columns, n_rows)``.
    """
    images = np.full(len(places), HIDDEN)
    for column, (own, may_miss) in enumerate(zip(places, has_holes, strict=True)):
        beside = own[first:]
        if may_miss and beside.max() > MISSING:
            beside = beside[beside > MISSING]
        chance = (len(beside) - 1) * _log_chance(own - MISSING)
        if (beside == beside[0]).all() and chance < _MAX_LOG_CHANCE_TO_AGREE:
            images[column] = beside[0]
    return images
