"""Columns whose cells stand together only as they do in the table: learned from it, kept in drawn rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.layout import FloatArray, IntArray
from synthgan.preprocessing.base import BoolArray, ColumnEncoder
from synthgan.preprocessing.functions import all_places, cells_of
from synthgan.preprocessing.number_line import NumberLineEncoder
from synthgan.schema import join_columns, overwritten

#: Comparisons of rows and combinations that are made at a time.
_MAX_COMPARED = 2_000_000


@dataclass(frozen=True)
class Combination:
    """The combinations of some columns.

    Parameters
    ----------
    columns
        Their indices.
    cells
        The exact numbers of the cells of each column, increasing; see `ColumnEncoder.exact`.
    images
        Which of them each combination has, -1 for a missing one; shape ``(n_columns, n_combinations)``.
    counts
        The rows of each combination.
    """

    columns: list[int]
    cells: list[npt.NDArray[Any]]
    images: IntArray
    counts: IntArray

    @classmethod
    def learn(cls, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], columns: list[int]) -> Self:
        """Return the combinations of some columns of a plain table."""
        cells = [np.unique(encoders[i].exact(frame.iloc[:, i].dropna())) for i in columns]
        places = all_places(frame, encoders, columns, cells)
        images, counts = np.unique(places, axis=1, return_counts=True)
        return cls(columns, cells, images, counts)

    def keep(
        self,
        frame: pd.DataFrame,
        encoders: Sequence[ColumnEncoder],
        fixed: BoolArray,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Return a plain frame of drawn rows with the combinations that come nearest to what was drawn.

        Of those that come as near one is chosen by their frequency; for what comes in see `Ties.keep`.
        """
        series = [frame.iloc[:, i] for i in range(frame.shape[1])]
        drawn = all_places(frame, encoders, self.columns, self.cells)
        rows = np.flatnonzero(self._number(drawn) < 0)
        if not len(rows):
            return frame
        wanted = self._positions(series, encoders, rows)
        weights = np.where(fixed[rows][:, self.columns].T, 1 + len(self.columns), 1)
        chosen = np.empty(len(rows), dtype=np.int64)
        size = max(1, _MAX_COMPARED // self.images.shape[1])
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            distance = self._distance(drawn[:, rows[part]], wanted[:, part], weights[:, part], encoders)
            noise = rng.gumbel(size=distance.shape) + np.log(self.counts)
            chosen[part] = (distance - 1e-6 * noise).argmin(1)
        where = np.zeros(len(frame), dtype=bool)
        where[rows] = True
        for index, exact, images in zip(self.columns, self.cells, self.images, strict=True):
            places = np.zeros(len(frame), dtype=np.int64)
            places[rows] = images[chosen]
            beside = cells_of(encoders[index], exact, places)
            series[index] = overwritten(series[index], beside, where & ~fixed[:, index])
        return join_columns(series, list(frame.columns))

    def broken(self, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> BoolArray:
        """Return which rows of a plain frame have a combination that the table has not."""
        return self._number(all_places(frame, encoders, self.columns, self.cells)) < 0

    def _number(self, places: IntArray) -> IntArray:
        """Return which combination each row has, -1 for none."""
        known, asked = (pd.MultiIndex.from_arrays(list(part + 2)) for part in (self.images, places))
        return np.asarray(known.get_indexer(asked), dtype=np.int64)

    def _positions(
        self, series: Sequence["pd.Series[Any]"], encoders: Sequence[ColumnEncoder], rows: IntArray
    ) -> FloatArray:
        """Return where drawn cells stand among those of the table, from 0 to 1; NaN for missing ones."""
        positions = np.full((len(self.columns), len(rows)), np.nan)
        for place, (index, exact) in enumerate(zip(self.columns, self.cells, strict=True)):
            column = series[index].iloc[rows]
            present = column.notna().to_numpy()
            own = np.searchsorted(exact, encoders[index].exact(column[present]))
            positions[place, present] = own / max(len(exact), 1)
        return positions

    def _distance(
        self, drawn: IntArray, wanted: FloatArray, weights: IntArray, encoders: Sequence[ColumnEncoder]
    ) -> FloatArray:
        """Return how far combinations are from drawn cells: 1 for a level, less for a number near by."""
        total = np.zeros((drawn.shape[1], self.images.shape[1]))
        for place, index in enumerate(self.columns):
            differs = (drawn[place][:, None] != self.images[place]).astype(np.float64)
            if isinstance(encoders[index], NumberLineEncoder):
                stands = self.images[place] / max(len(self.cells[place]), 1)
                away = np.abs(wanted[place][:, None] - np.where(self.images[place] < 0, np.nan, stands))
                differs *= np.nan_to_num(away, nan=1.0) * 0.5 + 0.5
            total += weights[place][:, None] * differs
        return total
