"""What a cell may be where it is no one cell: a range, some levels, anything but one.

Whatever is asked comes down to stretches of an axis on which code ``c`` of a column reaches from ``c`` to
``c + 1``: how much of each code and place is meant, and which cell a drawn code and place then stand for.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.layout import FloatArray, IntArray, Span
from synthgan.preprocessing.base import BoolArray, Test


@dataclass(frozen=True)
class Choice:
    """What the cells of a column may be.

    Parameters
    ----------
    text
        How it was asked for.
    stretches
        From where to where on the axis of codes, growing; shape ``(n_stretches, 2)``.
    test
        Which cells are so.
    cells
        The one cell that each stretch stands for; None where there are several.
    is_silent
        Whether that says nothing about other columns; see `synthgan.layout.Known`.
    """

    text: str
    stretches: FloatArray
    test: Test
    cells: "pd.Series[Any] | None" = None
    is_silent: bool = False

    def shares(self, span: Span) -> FloatArray:
        """Return which share of each place of each code is meant, shape ``(n_codes, n_places)``."""
        edges = np.arange(span.n_codes * span.n_places + 1) / span.n_places
        lengths = np.maximum(np.diff(self._before(edges)), 0.0)
        return lengths.reshape(span.n_codes, span.n_places) * span.n_places

    def within(
        self, codes: IntArray, places: IntArray, n_places: int, rng: np.random.Generator
    ) -> tuple[FloatArray, IntArray]:
        """Return where in their codes cells are, and in which stretches, given their codes and places.

        Both have shape ``(n_rows,)``; every point that is meant is equally likely.
        """
        low = codes + places / n_places
        start, end = self._before(low), self._before(low + 1 / n_places)
        drawn = start + rng.random(len(codes)) * (end - start)
        above = self._above
        index = np.searchsorted(above, drawn, side="right").clip(max=len(above) - 1)
        stand = self.stretches[index, 1] - (above[index] - drawn)
        return np.clip(stand - codes, 0.0, 1.0), index

    @property
    def _above(self) -> FloatArray:
        """The length of all stretches up to the end of each."""
        return np.asarray(np.cumsum(self.stretches[:, 1] - self.stretches[:, 0]))

    def _before(self, stands: FloatArray) -> FloatArray:
        """Return the length of all stretches before some points of the axis."""
        ends = self._above
        starts = ends - (self.stretches[:, 1] - self.stretches[:, 0])
        points = np.column_stack([starts, ends]).ravel()
        before: FloatArray = np.interp(stands, self.stretches.ravel(), points)
        return before


def united(choices: list[Choice], text: str) -> Choice:
    """Return the choice of what any of several choices mean, each of which has one stretch or more."""
    owner = np.repeat(np.arange(len(choices)), [len(choice.stretches) for choice in choices])
    whole = np.concatenate([choice.stretches for choice in choices])
    order = np.argsort(whole[:, 0], kind="stable")
    cells = [choice.cells for choice in choices]
    of_stretches = None
    if all(cell is not None for cell in cells):
        of_stretches = pd.concat(cells, ignore_index=True).take(owner[order]).reset_index(drop=True)

    def test(column: "pd.Series[Any]") -> BoolArray:
        return np.asarray(np.any([choice.test(column) for choice in choices], axis=0))

    return Choice(text, _disjoint(whole[order]), test, of_stretches)


def _disjoint(stretches: FloatArray) -> FloatArray:
    """Return stretches in the order of their starts that do not overlap: each begins where others end."""
    ends = np.maximum.accumulate(stretches[:, 1])
    starts = np.maximum(stretches[:, 0], np.concatenate([[-np.inf], ends[:-1]]))
    return np.column_stack([starts, np.maximum(starts, stretches[:, 1])])


def shared(choices: list[Choice], text: str) -> Choice:
    """Return the choice of what all of several choices mean."""
    stretches = choices[0].stretches
    for choice in choices[1:]:
        low = np.maximum(stretches[:, None, 0], choice.stretches[None, :, 0]).ravel()
        high = np.minimum(stretches[:, None, 1], choice.stretches[None, :, 1]).ravel()
        order = np.argsort(low[high > low], kind="stable")
        stretches = np.column_stack([low, high])[high > low][order]

    def test(column: "pd.Series[Any]") -> BoolArray:
        return np.asarray(np.all([choice.test(column) for choice in choices], axis=0))

    return Choice(text, stretches, test)


def complement(choice: Choice, n_codes: int, text: str) -> Choice:
    """Return the choice of all present cells but some, where `n_codes` codes are of present cells."""
    ends = np.concatenate([[0.0], choice.stretches.ravel(), [float(n_codes)]]).reshape(-1, 2)
    stretches = ends[ends[:, 1] > ends[:, 0]]
    return Choice(text, stretches, lambda column: column.notna().to_numpy() & ~choice.test(column))
