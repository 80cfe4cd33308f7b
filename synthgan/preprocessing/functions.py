"""Columns that others determine: found in a table, and kept in drawn rows.

A code and its name, a subgrade and its grade: where every row with the same cell in one column, the source,
has the same cell in another, drawn rows get a pair that the table has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.layout import FloatArray, IntArray
from synthgan.preprocessing.base import ColumnEncoder
from synthgan.preprocessing.number_line import NumberLineEncoder
from synthgan.schema import join_columns, overwritten

#: Rows that are looked at first, and of these.
_MAX_ROWS, _FEW_ROWS = 20_000, 500
#: Rows that cells of a source have in the mean, at least; of cells that hardly come twice all would be told.
_MIN_ROWS_OF_KEY = 2
#: How unlikely it must be, as a natural logarithm, that rows which share a key agree by chance.
_MAX_LOG_CHANCE = -25.0
#: Comparisons of rows and keys that are made at a time.
_MAX_COMPARED = 4_000_000
_MISSING, _UNKNOWN = -1, -2


@dataclass(frozen=True)
class Function:
    """A column and those that it determines.

    Parameters
    ----------
    source, columns
        Their indices.
    codes, keys
        The code and the exact number of each cell of the source, one code after another and there in order;
        shape ``(n_keys,)``. See `ColumnEncoder.exact`.
    counts
        The rows of each.
    images
        Which of `cells` each column has beside each of the source's, -1 if it is missing; shape
        ``(n_columns, n_keys)``.
    cells
        The exact numbers of the cells of each column, increasing.
    """

    source: int
    columns: list[int]
    codes: IntArray
    keys: npt.NDArray[Any]
    counts: IntArray
    images: IntArray
    cells: list[npt.NDArray[Any]]


def find_functions(
    frame: pd.DataFrame,
    encoders: Sequence[ColumnEncoder],
    parts: Mapping[int, Sequence[int]] | None = None,
) -> tuple[Function, ...]:
    """Return the sources of a plain table and what they determine, those that determine most first.

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
    functions = [
        _function(frame, encoders, source, np.flatnonzero(told[source]).tolist())
        for source in _sources(told, encoders)
    ]
    return tuple(sorted(functions, key=lambda function: -len(function.columns)))


def _contradict(
    told: npt.NDArray[np.bool_], frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], *, is_all: bool
) -> None:
    """Take from what columns may determine what rows contradict, or what they are too few for to tell.

    Parameters
    ----------
    told
        For each column which others it may determine, shape ``(n_columns, n_columns)``; is changed.
    frame, encoders
        Rows, and the encoders of their columns.
    is_all
        Whether there are no other rows. Of some rows too few cells come twice to tell anything by that.
    """
    found: dict[int, IntArray | None] = {}

    def ids(index: int) -> IntArray | None:
        if index not in found:
            found[index] = _ids(frame[encoders[index].name], encoders[index])
        return found[index]

    for source in np.flatnonzero(told.any(1)).tolist():
        own = ids(source)
        if own is None or (is_all and not _has_rows_for_each(own)):
            told[source] = False
            found.pop(source)
            continue
        n_keys = int(own.max()) + 1
        first = np.zeros(n_keys, dtype=np.int64)
        first[own[::-1]] = np.arange(len(own))[::-1]
        for column in np.flatnonzero(told[source]).tolist():
            other = ids(column)
            if other is None or not _agrees(own, other, first):
                told[source, column] = False
            elif is_all:
                log_chance = (len(own) - n_keys) * _log_chance_to_agree(other)
                told[source, column] = log_chance < _MAX_LOG_CHANCE


def _agrees(own: IntArray, other: IntArray, first: IntArray) -> bool:
    """Return whether rows with the same cell in one column have the same in another that is no constant.

    `first` is a row of each cell of the former. Most columns do not agree on the first rows already.
    """
    if not 0 < other.max() < len(first):
        return False
    beside = other[first]
    return all(
        bool((beside[own[part]] == other[part]).all()) for part in (slice(_FEW_ROWS), slice(_FEW_ROWS, None))
    )


def _ids(column: "pd.Series[Any]", encoder: ColumnEncoder) -> IntArray | None:
    """Return which of its distinct cells each cell of a column is; None where cells mean nothing."""
    if not encoder.is_exact:
        return None
    missing = column.isna().to_numpy()
    ids = np.full(len(column), _MISSING, dtype=np.int64)
    ids[~missing] = pd.factorize(encoder.exact(column[~missing]))[0]
    return ids + 1 if missing.any() else ids


def _has_rows_for_each(ids: IntArray) -> bool:
    """Return whether there are several cells, and rows enough of each but the most frequent."""
    counts = np.bincount(ids)
    return len(counts) > 1 and len(ids) - counts.max() >= _MIN_ROWS_OF_KEY * (len(counts) - 1)


def _log_chance_to_agree(ids: IntArray) -> float:
    """Return the logarithm of the chance that two random rows have the same cell."""
    shares = np.bincount(ids) / len(ids)
    return float(np.log((shares**2).sum()))


def _sources(told: npt.NDArray[np.bool_], encoders: Sequence[ColumnEncoder]) -> list[int]:
    """Return the columns that determine others and that no other determines.

    Of columns that determine each other, that with most codes stands for all.
    """
    n_codes = np.array([encoder.span.n_codes for encoder in encoders])
    rank = np.lexsort([np.arange(len(told)), -n_codes])
    place = np.empty(len(told), dtype=np.int64)
    place[rank] = np.arange(len(told))
    mutual = told & told.T
    is_told = (told & ~mutual).any(0) | (mutual & (place[:, None] < place[None, :])).any(0)
    return np.flatnonzero(told.any(1) & ~is_told).tolist()


def _function(
    frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], source: int, columns: list[int]
) -> Function:
    """Return what a source determines, cell by cell."""
    codes, keys = _exact(frame[encoders[source].name], encoders[source])
    order = np.lexsort([keys, codes])
    codes, keys = codes[order], keys[order]
    is_new = (np.diff(codes, prepend=-1) > 0) | (np.diff(keys, prepend=keys[:1]) > 0)
    first, counts = order[is_new], np.diff(np.flatnonzero(is_new), append=len(order))
    cells, images = [], []
    for index in columns:
        encoder = encoders[index]
        whole = frame[encoder.name]
        cells.append(np.unique(encoder.exact(whole.dropna())))
        images.append(places_of(whole.iloc[first], encoder, cells[-1]))
    return Function(source, columns, codes[is_new], keys[is_new], counts, np.stack(images), cells)


def _exact(column: "pd.Series[Any]", encoder: ColumnEncoder) -> tuple[IntArray, npt.NDArray[Any]]:
    """Return the codes and the exact numbers of cells, 0 for missing ones."""
    present = column.notna().to_numpy()
    own = encoder.exact(column[present])
    exact = np.zeros(len(column), dtype=own.dtype)
    exact[present] = own
    return encoder.transform(column)[0], exact


def places_of(column: "pd.Series[Any]", encoder: ColumnEncoder, cells: npt.NDArray[Any]) -> IntArray:
    """Return which of some exact cells each cell of a column is: -1 if it is missing, -2 if it is none."""
    places = np.full(len(column), _MISSING, dtype=np.int64)
    present = column.notna().to_numpy()
    exact = encoder.exact(column[present])
    found = np.minimum(np.searchsorted(cells, exact), max(len(cells) - 1, 0))
    is_found = cells[found] == exact if len(cells) else np.zeros(len(exact), dtype=bool)
    places[present] = np.where(is_found, found, _UNKNOWN)
    return places


def cells_of(encoder: ColumnEncoder, cells: npt.NDArray[Any], places: IntArray) -> "pd.Series[Any]":
    """Return the column that has those of some exact cells which `places_of` found."""
    missing = places == _MISSING
    return encoder.place(encoder.from_exact(cells[places[~missing]]), missing)


def keep_functions(
    frame: pd.DataFrame,
    functions: Sequence[Function],
    encoders: Sequence[ColumnEncoder],
    fixed: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return a plain frame of drawn rows in which all columns go together that determine each other.

    A source gets that of its cells, among those of the drawn code, beside which most columns stand as they
    were drawn; of several the nearest, or one by their frequency. The columns get what stands beside it. A
    number stays as it was drawn where the same stands beside both of its neighbours in the table.

    Parameters
    ----------
    frame
        Drawn rows.
    functions, encoders
        Of the table.
    fixed
        Truth values, shape ``(n_rows, n_columns)``: the cells that must stay as they are.
    rng
        Source of what is left open.
    """
    if not functions or not len(frame):
        return frame
    series = [frame.iloc[:, i] for i in range(frame.shape[1])]
    fixed = fixed.copy()
    for function in functions:
        encoder, source = encoders[function.source], series[function.source]
        together = zip(function.columns, function.cells, strict=True)
        drawn = np.stack([places_of(series[i], encoders[i], cells) for i, cells in together])
        codes, exact = _exact(source, encoder)
        is_line = isinstance(encoder, NumberLineEncoder)
        choice = _Choice(function, encoder.missing_code if is_line else 0, fixed[:, function.source], rng)
        chosen = choice.keys(codes, exact, drawn, fixed[:, function.columns].T)
        missing = function.codes[chosen] == encoder.missing_code
        cells = encoder.from_exact(function.keys[chosen][~missing])
        may_stay = choice.is_fixed | choice.between_alike(codes, exact, chosen)
        series[function.source] = overwritten(source, encoder.place(cells, missing), ~may_stay)
        for index, images, own in zip(function.columns, function.images, function.cells, strict=True):
            beside = cells_of(encoders[index], own, images[chosen])
            series[index] = overwritten(series[index], beside, ~fixed[:, index])
            fixed[:, index] = True
    return join_columns(series, list(frame.columns))


def broken(
    function: Function, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]
) -> npt.NDArray[np.bool_]:
    """Return which rows of a plain frame have a cell of the source beside another than the table has."""
    codes, exact = _exact(frame.iloc[:, function.source], encoders[function.source])
    known = pd.MultiIndex.from_arrays([function.codes, function.keys])
    key = known.get_indexer(pd.MultiIndex.from_arrays([codes, exact]))
    pairs = zip(function.columns, function.cells, strict=True)
    places = np.stack([places_of(frame.iloc[:, i], encoders[i], cells) for i, cells in pairs])
    return np.asarray((key >= 0) & (function.images[:, key] != places).any(0))


def contradicted(
    function: Function, cells: Mapping[int, "pd.Series[Any]"], encoders: Sequence[ColumnEncoder]
) -> list[int]:
    """Return the columns of which single cells are given that no row can have together; empty if one can."""
    given = [index for index in (function.source, *function.columns) if index in cells]
    fits = np.ones(len(function.keys), dtype=bool)
    if function.source in cells:
        code, exact = _exact(cells[function.source], encoders[function.source])
        is_key = (function.codes == code) & (function.keys == exact)
        fits = is_key if is_key.any() else fits  # a number that no row has may stand beside anything
    for index, images, own in zip(function.columns, function.images, function.cells, strict=True):
        if index in cells:
            fits &= images == places_of(cells[index], encoders[index], own)
    return [] if len(given) < 2 or fits.any() else given


@dataclass(frozen=True)
class _Choice:
    """How a cell of a source is chosen for each drawn row.

    Parameters
    ----------
    function
        What the source determines.
    line_end
        The first code beyond the number line that its cells lie on; 0 if there is none.
    is_fixed
        Whether the source of a row must stay, shape ``(n_rows,)``.
    rng
        Source of what is left open.
    """

    function: Function
    line_end: int
    is_fixed: npt.NDArray[np.bool_]
    rng: np.random.Generator

    def keys(
        self, codes: IntArray, exact: npt.NDArray[Any], drawn: IntArray, fixed: npt.NDArray[np.bool_]
    ) -> IntArray:
        """Return the indices of the chosen cells of the source.

        Parameters
        ----------
        codes, exact
            Of the source's cells as they were drawn, shape ``(n_rows,)``.
        drawn
            Which of its cells each column has, shape ``(n_columns, n_rows)``.
        fixed
            Whether it must stay so, of that shape.
        """
        weights = np.where(fixed, len(drawn) + 1, 1)
        chosen = np.full(len(codes), -1, dtype=np.int64)
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            first, last = np.searchsorted(self.function.codes, [code, code + 1])
            chosen[rows] = self._best(range(first, last), rows, exact, drawn, weights)
        is_lost = (fixed & (self.function.images[:, chosen] != drawn)).any(0) & ~self.is_fixed
        rows = np.flatnonzero(is_lost | (chosen < 0))
        chosen[rows] = self._best(range(len(self.function.keys)), rows, exact, drawn, weights)
        return chosen

    def _best(
        self, keys: range, rows: IntArray, exact: npt.NDArray[Any], drawn: IntArray, weights: IntArray
    ) -> IntArray:
        """Return for each of some rows the best of some keys, -1 if there are none."""
        if not len(keys):
            return np.full(len(rows), -1, dtype=np.int64)
        own = slice(keys.start, keys.stop)
        best = np.empty(len(rows), dtype=np.int64)
        size = max(1, _MAX_COMPARED // len(keys))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            differs = self.function.images[:, None, own] != drawn[:, part, None]
            faults = (differs * weights[:, part, None]).sum(0)
            faults[self.is_fixed[part]] = 0
            distance = self._distance(own, exact[part])
            distance[faults > faults.min(1, keepdims=True)] = np.inf
            best[start : start + size] = keys.start + distance.argmin(1)
        return best

    def _distance(self, keys: slice, exact: npt.NDArray[Any]) -> FloatArray:
        """Return how far keys are from drawn cells; where they have no order, less for frequent ones."""
        own = self.function.keys[keys]
        if self.line_end:
            return np.abs(own.astype(np.float64) - exact[:, None].astype(np.float64))
        frequent = np.log(self.function.counts[keys]) + self.rng.gumbel(size=(len(exact), len(own)))
        return np.where(own == exact[:, None], -np.inf, -frequent)

    def between_alike(self, codes: IntArray, exact: npt.NDArray[Any], chosen: IntArray) -> Any:
        """Return which numbers lie between two keys that have the images of the chosen one."""
        keys, images = self.function.keys, self.function.images
        is_present = self.function.codes < self.line_end
        if not is_present.any():
            return np.zeros(len(chosen), dtype=bool)
        keys = keys[is_present]
        below = np.searchsorted(keys, exact, side="right") - 1
        above = np.searchsorted(keys, exact, side="left")
        is_between = (below >= 0) & (above < len(keys)) & (codes < self.line_end)
        below, above = np.maximum(below, 0), np.minimum(above, len(keys) - 1)
        wanted = images[:, chosen]
        return is_between & ((images[:, below] == wanted) & (images[:, above] == wanted)).all(0)
