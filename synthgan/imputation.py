"""Rows of which some cells are there and the others are filled in: missing cells, or cells to draw anew.

A user's rows come in; their own cells stay as they are, whatever the model can make of them.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_numeric_dtype

from synthgan.layout import IntArray
from synthgan.preprocessing import Conditions
from synthgan.preprocessing.plain import plain, plain_frame, restore
from synthgan.sampling import Sampler
from synthgan.schema import join_columns, overwritten

#: Rows of which it is found at a time what is expected.
_CHUNK = 16_384


@dataclass(frozen=True)
class Completion:
    """Rows that are to be filled in.

    Parameters
    ----------
    sampler, frame
        What draws cells, and the rows as the user gave them.
    names, is_kept
        The columns that the model knows, and which of their cells stay, shape ``(n_rows, n_known_columns)``.
    rows, asked
        The rows in which some do not, and what the model is told of these.
    """

    sampler: Sampler
    frame: pd.DataFrame
    names: list[Hashable]
    is_kept: npt.NDArray[np.bool_]
    rows: IntArray
    asked: Conditions

    @classmethod
    def of(
        cls,
        sampler: Sampler,
        frame: pd.DataFrame,
        is_kept: npt.NDArray[np.bool_],
        names: list[Hashable],
        *,
        is_present: bool,
    ) -> Self:
        """Return rows that are to be filled in: with present cells if `is_present`, else with any."""
        encoders = {encoder.name: encoder for encoder in sampler.encoder.encoders_}
        is_empty = np.array([encoders[name].missing_code == 0 for name in names])
        is_kept = is_kept | is_empty if is_present else is_kept
        rows = np.flatnonzero(~is_kept.all(1))
        facts = plain_frame(frame[names]).iloc[rows]
        asked = sampler.encoder.facts(facts, is_kept[rows], is_present=is_present)
        return cls(sampler, frame, names, is_kept, rows, asked)

    def drawn(self) -> pd.DataFrame:
        """Return the rows with cells as they are drawn."""
        if not len(self.rows):
            return self.frame.copy()
        return self._filled(self.sampler.fulfilled([self.asked], strict=False))

    def expected(self) -> pd.DataFrame:
        """Return the rows with what is expected of their cells, or where that breaks a rule, as drawn."""
        if not len(self.rows):
            return self.frame.copy()
        starts = range(0, len(self.rows), _CHUNK)
        chunks = [np.arange(start, min(start + _CHUNK, len(self.rows))) for start in starts]
        parts = [self.sampler.expected(self.asked.take(rows)) for rows in chunks]
        return self._filled(pd.concat(parts, ignore_index=True))

    def _filled(self, drawn: pd.DataFrame) -> pd.DataFrame:
        """Return the user's rows with drawn cells in place of those that do not stay."""
        filled: dict[Hashable, pd.Series[Any]] = {name: self.frame[name] for name in self.frame.columns}
        for place, name in enumerate(self.names):
            is_open = ~self.is_kept[self.rows, place]
            if is_open.any():
                cells = plain(drawn[name]).take(np.flatnonzero(is_open))
                filled[name] = _with_cells(self.frame[name], self.rows[is_open], cells)
        whole = join_columns(list(filled.values()), list(self.frame.columns))
        whole.attrs = dict(self.frame.attrs)
        return whole


def _with_cells(column: "pd.Series[Any]", rows: IntArray, cells: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a user's column with other, plain cells in some rows, in its dtype where that holds them."""
    dtype, column = column.dtype, plain(column)
    where = np.zeros(len(column), dtype=bool)
    where[rows] = True
    place = np.zeros(len(column), dtype=np.int64)
    place[rows] = np.arange(len(rows))
    own = cells.take(place).set_axis(column.index)
    if column.isna().all():  # of an empty column the dtype says little
        is_like = all(map(is_numeric_dtype, (own.dtype, column.dtype))) and column.dtype.kind != "b"
        own = own.astype(column.dtype) if is_like and own.dtype.kind != "b" else own
        return own if where.all() else own.where(where)
    if isinstance(column.dtype, pd.CategoricalDtype):
        others = [level for level in cells.dropna().unique() if level not in column.dtype.categories]
        column = column.cat.add_categories(others) if others else column
    own = own if own.dtype == column.dtype else own.astype(column.dtype)
    return restore(overwritten(column, own, where), dtype)
