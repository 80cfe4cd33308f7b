"""Rows of which some cells are there and the others are filled in: missing cells, or cells to draw anew.

A user's rows come in; their own cells stay as they are, whatever the model can make of them.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import mode

from synthgan.layout import IntArray
from synthgan.preprocessing import Conditions
from synthgan.preprocessing.base import ColumnEncoder
from synthgan.preprocessing.number_line import NumberLineEncoder
from synthgan.preprocessing.plain import plain, plain_frame, restore
from synthgan.sampling import Sampler
from synthgan.schema import join_columns, overwritten

#: Draws of which the mean, or the most frequent, is taken for what is expected.
_N_AVERAGED = 32


@dataclass(frozen=True)
class Completion:
    """Rows that are to be filled in.

    Parameters
    ----------
    sampler
        What draws cells.
    frame
        The rows as the user gave them.
    names
        The columns that the model knows.
    is_kept
        Which cells of these stay, shape ``(n_rows, n_known_columns)``.
    rows
        The rows in which some do not.
    asked
        What the model is told of these.
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
        """Return rows that are to be filled in.

        Parameters
        ----------
        sampler, frame, is_kept, names
            See `Completion`.
        is_present
            Whether cells that are filled in are to be present; they may else be missing as any drawn cell.
        """
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
        """Return the rows with the means, or the most frequent, of many draws."""
        if not len(self.rows):
            return self.frame.copy()
        draws = [self.sampler.drawn([self.asked]) for _ in range(_N_AVERAGED)]
        encoders = self.sampler.encoder.encoders_
        middle = [_middle([draw.iloc[:, i] for draw in draws], encoder) for i, encoder in enumerate(encoders)]
        frame = join_columns(middle, self.sampler.encoder.schema_.names)
        tied = self.sampler.encoder.tied(frame, [self.asked], self.sampler.numpy_rng)
        return self._filled(self.sampler.encoder.restored(tied))

    def _filled(self, drawn: pd.DataFrame) -> pd.DataFrame:
        """Return the user's rows with drawn cells in place of those that do not stay."""
        filled: dict[Hashable, pd.Series[Any]] = {name: self.frame[name] for name in self.frame.columns}
        for place, name in enumerate(self.names):
            is_open = ~self.is_kept[self.rows, place]
            if is_open.any():
                filled[name] = _with_cells(self.frame[name], self.rows[is_open], drawn[name][is_open])
        whole = join_columns(list(filled.values()), list(self.frame.columns))
        whole.attrs = dict(self.frame.attrs)
        return whole


def _middle(draws: "Sequence[pd.Series[Any]]", encoder: ColumnEncoder) -> "pd.Series[Any]":
    """Return for each row the mean of its draws, or the most frequent where they lie on no line."""
    if isinstance(encoder, NumberLineEncoder) and len(encoder.axis_):
        numbers = np.stack([encoder.numbers(draw) for draw in draws])
        is_missing = np.asarray(np.isnan(numbers).any(0))
        means = np.nan_to_num(numbers).mean(0)
        return encoder.place(encoder.nearest(means[~is_missing]), is_missing)
    whole = pd.concat(draws, ignore_index=True)
    codes = pd.factorize(whole, use_na_sentinel=False)[0]
    most = mode(codes.reshape(len(draws), -1), axis=0).mode
    _, first = np.unique(codes, return_index=True)
    return whole.take(first[most]).reset_index(drop=True)


def _with_cells(column: "pd.Series[Any]", rows: IntArray, cells: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a user's column with other cells in some rows, in its own dtype where that holds them."""
    dtype, column, cells = column.dtype, plain(column), plain(cells)
    if isinstance(column.dtype, pd.CategoricalDtype):
        others = [level for level in cells.dropna().unique() if level not in column.dtype.categories]
        column = column.cat.add_categories(others) if others else column
    elif column.isna().all():  # an empty column may be of any dtype
        column = column.astype(cells.dtype)
    own = cells if cells.dtype == column.dtype else cells.astype(column.dtype)
    where = np.zeros(len(column), dtype=bool)
    where[rows] = True
    place = np.zeros(len(column), dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return restore(overwritten(column, own.take(place).set_axis(column.index), where), dtype)
