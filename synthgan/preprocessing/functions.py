"""Columns that others determine, kept in drawn rows.

A code and its name, a subgrade and its grade: where every row with the same cell in one column, the source,
has the same cell in another, drawn rows get a pair that the table has. `function_search` finds them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.layout import FloatArray, IntArray
from synthgan.preprocessing.base import BoolArray, ColumnEncoder
from synthgan.preprocessing.number_line import NumberLineEncoder
from synthgan.schema import join_columns, overwritten, replaced

#: What stands for a cell that is missing, that is none of those known, and that no row shows.
MISSING, UNKNOWN, HIDDEN = -1, -2, -3
#: Comparisons of rows and keys that are made at a time.
_MAX_COMPARED = 4_000_000


@dataclass(frozen=True)
class Function:
    """A column and those that it determines.

    Parameters
    ----------
    source, columns
        Their indices.
    codes, keys
        The code and the exact number of each cell of the source, one code after another and there in order;
        shape ``(n_keys,)``. See `ColumnEncoder.exact`. Missing cells come last.
    counts
        The rows of each.
    images
        Which of `cells` each column has beside each of the source's, `MISSING` if none; `HIDDEN` if no row
        says which. Shape ``(n_columns, n_keys)``.
    cells
        The exact numbers of the cells of each column, increasing.
    has_holes
        Whether cells of a column are missing whatever the source says, shape ``(n_columns,)``.
    """

    source: int
    columns: list[int]
    codes: IntArray
    keys: npt.NDArray[Any]
    counts: IntArray
    images: IntArray
    cells: list[npt.NDArray[Any]]
    has_holes: BoolArray

    def are_open(self, images: IntArray, places: IntArray) -> BoolArray:
        """Return where keys say nothing of cells of the columns: where no row shows what, and at holes.

        Both have shape ``(n_columns, ...)``: the images of the keys, and cells as `places_of` finds them.
        """
        may_miss = self.has_holes.reshape(-1, *[1] * (places.ndim - 1))
        return np.asarray((images == HIDDEN) | (may_miss & (places == MISSING)))

    def differ(self, images: IntArray, places: IntArray) -> BoolArray:
        """Return where cells of the columns are others than those that keys say; see `are_open`."""
        return np.asarray((images != places) & ~self.are_open(images, places))

    def broken(self, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> BoolArray:
        """Return which rows of a plain frame have a cell of the source beside another than the table has."""
        codes, exact = exact_cells(frame.iloc[:, self.source], encoders[self.source])
        known = pd.MultiIndex.from_arrays([self.codes, self.keys])
        key = known.get_indexer(pd.MultiIndex.from_arrays([codes, exact]))
        places = all_places(frame, encoders, self.columns, self.cells)
        return np.asarray((key >= 0) & self.differ(self.images[:, key], places).any(0))

    def contradicted(
        self, cells: Mapping[int, "pd.Series[Any]"], encoders: Sequence[ColumnEncoder]
    ) -> list[int]:
        """Return the columns of which single cells are given that no row can have together, if any."""
        given = [index for index in (self.source, *self.columns) if index in cells]
        fits = np.ones(len(self.keys), dtype=bool)
        if self.source in cells:
            code, exact = exact_cells(cells[self.source], encoders[self.source])
            is_key = (self.codes == code) & (self.keys == exact)
            fits = is_key if is_key.any() else fits  # a number that no row has may stand beside anything
        beside = zip(self.columns, self.cells, strict=True)
        places = [
            places_of(cells[index], encoders[index], own) if index in cells else np.array([MISSING])
            for index, own in beside
        ]
        is_given = np.isin(self.columns, list(cells))
        fits &= ~self.differ(self.images, np.stack(places))[is_given].any(0)
        return [] if len(given) < 2 or fits.any() else given


def exact_cells(column: "pd.Series[Any]", encoder: ColumnEncoder) -> tuple[IntArray, npt.NDArray[Any]]:
    """Return the codes and the exact numbers of cells, 0 for missing ones."""
    present = column.notna().to_numpy()
    own = encoder.exact(column[present])
    exact = np.zeros(len(column), dtype=own.dtype)
    exact[present] = own
    return encoder.transform(column)[0], exact


def places_of(column: "pd.Series[Any]", encoder: ColumnEncoder, cells: npt.NDArray[Any]) -> IntArray:
    """Return which of some exact cells each cell of a column is: -1 if it is missing, -2 if it is none."""
    places = np.full(len(column), MISSING, dtype=np.int64)
    present = column.notna().to_numpy()
    exact = encoder.exact(column[present])
    found = np.minimum(np.searchsorted(cells, exact), max(len(cells) - 1, 0))
    is_found = cells[found] == exact if len(cells) else np.zeros(len(exact), dtype=bool)
    places[present] = np.where(is_found, found, UNKNOWN)
    return places


def all_places(
    frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], columns: Sequence[int], cells: Sequence[Any]
) -> IntArray:
    """Return `places_of` some columns of a frame, shape ``(n_columns, n_rows)``."""
    pairs = zip(columns, cells, strict=True)
    return np.stack([places_of(frame.iloc[:, i], encoders[i], own) for i, own in pairs])


def cells_of(encoder: ColumnEncoder, cells: npt.NDArray[Any], places: IntArray) -> "pd.Series[Any]":
    """Return the column that has those of some exact cells which `places_of` found."""
    missing = places == MISSING
    return encoder.place(encoder.from_exact(cells[places[~missing]]), missing)


def keep_functions(
    frame: pd.DataFrame,
    functions: Sequence[Function],
    encoders: Sequence[ColumnEncoder],
    fixed: BoolArray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return a plain frame of drawn rows in which all columns go together that determine each other.

    A source gets that of its cells, among those of the drawn code, beside which most columns stand as they
    were drawn; of several the nearest, or one by their frequency. The columns get what stands beside it. A
    number stays as it was drawn where the same stands beside both of its neighbours in the table. What else
    comes in is that of `Ties.keep`.
    """
    if not functions or not len(frame):
        return frame
    series = [frame.iloc[:, i] for i in range(frame.shape[1])]
    fixed = fixed.copy()
    for function in functions:
        encoder, source = encoders[function.source], series[function.source]
        together = zip(function.columns, function.cells, strict=True)
        drawn = np.stack([places_of(series[i], encoders[i], cells) for i, cells in together])
        codes, exact = exact_cells(source, encoder)
        is_fixed, must_stay = fixed[:, function.source], fixed[:, function.columns].T
        choice = _Choice(function, encoder, codes, exact, drawn, is_fixed, must_stay, rng)
        chosen = choice.keys()
        missing = function.codes[chosen] == encoder.missing_code
        cells = encoder.from_exact(function.keys[chosen][~missing])
        may_stay = choice.is_fixed | choice.between_alike(chosen)
        series[function.source] = overwritten(source, encoder.place(cells, missing), ~may_stay)
        images = function.images[:, chosen]
        changes = ~function.are_open(images, drawn) & ~must_stay
        for index, own, places, new in zip(function.columns, function.cells, images, changes, strict=True):
            series[index] = replaced(series[index], cells_of(encoders[index], own, places[new]), new)
            fixed[:, index] |= places != HIDDEN
    return join_columns(series, list(frame.columns))


@dataclass(frozen=True)
class _Choice:
    """How a cell of a source is chosen for each drawn row.

    Of the source come its encoder, the codes and exact numbers of the drawn cells, shape ``(n_rows,)``, and
    which of them must stay; of the columns which of its cells each has, shape ``(n_columns, n_rows)``, and
    which must stay.
    """

    function: Function
    encoder: ColumnEncoder
    codes: IntArray
    exact: npt.NDArray[Any]
    drawn: IntArray
    is_fixed: BoolArray
    fixed: BoolArray
    rng: np.random.Generator

    def keys(self) -> IntArray:
        """Return the indices of the chosen cells of the source, shape ``(n_rows,)``."""
        chosen = np.full(len(self.codes), -1, dtype=np.int64)
        for code in np.unique(self.codes):
            rows = np.flatnonzero(self.codes == code)
            first, last = np.searchsorted(self.function.codes, [code, code + 1])
            chosen[rows] = self._best(range(first, last), rows)
        # What is hidden beside a missing cell fits all: only what nothing else fits is taken for that.
        n_keys = len(self.function.keys)
        hides = self._is_missing[-1] and (self.function.images[:, -1] == HIDDEN).any()
        others = range(n_keys - int(hides and n_keys > 1))
        rows = np.flatnonzero(self._is_lost(chosen) | (chosen < 0))
        chosen[rows] = self._best(others, rows)
        if hides:
            chosen[self._is_lost(chosen)] = n_keys - 1
        return chosen

    @property
    def _is_missing(self) -> BoolArray:
        """Whether a key is a missing cell."""
        return np.asarray(self.function.codes == self.encoder.missing_code)

    def _is_lost(self, chosen: IntArray) -> BoolArray:
        """Return in which rows another key may be chosen, and the chosen one has not what must stay."""
        differs = self.function.differ(self.function.images[:, chosen], self.drawn)
        return np.asarray((self.fixed & differs).any(0) & ~self.is_fixed)

    def _best(self, keys: range, rows: IntArray) -> IntArray:
        """Return for each of some rows the best of some keys, -1 if there are none."""
        if not len(keys):
            return np.full(len(rows), -1, dtype=np.int64)
        own = slice(keys.start, keys.stop)
        best = np.empty(len(rows), dtype=np.int64)
        size = max(1, _MAX_COMPARED // (len(keys) * len(self.drawn)))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            weights = np.where(self.fixed[:, part, None], len(self.drawn) + 1, 1)
            differs = self.function.differ(self.function.images[:, None, own], self.drawn[:, part, None])
            faults = (differs * weights).sum(0)
            faults[self.is_fixed[part]] = 0
            distance = self._distance(own, part)
            distance[faults > faults.min(1, keepdims=True)] = np.inf
            best[start : start + size] = keys.start + distance.argmin(1)
        return best

    def _distance(self, keys: slice, rows: IntArray) -> FloatArray:
        """Return how far keys are from drawn cells; where they have no order, less for frequent ones.

        A missing cell is farther from numbers than any other.
        """
        own, exact = self.function.keys[keys], self.exact[rows][:, None]
        rarity = self.rng.gumbel(size=(len(rows), len(own))) - np.log(self.function.counts[keys])
        is_present = self.codes[rows][:, None] != self.encoder.missing_code
        if not isinstance(self.encoder, NumberLineEncoder):
            is_same = is_present & ~self._is_missing[keys] & (own == exact)
            return np.where(is_same, -np.inf, rarity)
        distance = np.abs(own.astype(np.float64) - exact.astype(np.float64))
        distance = np.where(self._is_missing[keys], np.finfo(np.float64).max, distance)
        return np.where(is_present, distance, rarity)

    def between_alike(self, chosen: IntArray) -> BoolArray:
        """Return which numbers lie between two keys that have the images of the chosen one."""
        keys, images = self.function.keys[~self._is_missing], self.function.images
        if not isinstance(self.encoder, NumberLineEncoder) or not len(keys):
            return np.zeros(len(chosen), dtype=bool)
        below = np.searchsorted(keys, self.exact, side="right") - 1
        above = np.searchsorted(keys, self.exact, side="left")
        is_between = (below >= 0) & (above < len(keys)) & (self.codes != self.encoder.missing_code)
        below, above = np.maximum(below, 0), np.minimum(above, len(keys) - 1)
        wanted = images[:, chosen]
        return np.asarray(is_between & ((images[:, below] == wanted) & (images[:, above] == wanted)).all(0))
