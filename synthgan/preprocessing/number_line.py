"""What all encoders of ordered quantities share: an axis, and integers on a grid.

A subclass turns cells into an array of integers or floats and back; from there to codes the way is `Grid`
(integers only) and `Axis`.
"""

import math
from abc import abstractmethod
from collections.abc import Hashable
from dataclasses import replace
from fractions import Fraction
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.layout import FloatArray, IntArray, Span
from synthgan.preprocessing.axis import Axis
from synthgan.preprocessing.base import BoolArray, Bound, CodingOptions, ColumnEncoder, Test
from synthgan.preprocessing.grid import Grid, whole_numbers

#: Points with more than this share of the cells are named in the schema, so many at most.
_FREQUENT, _MAX_FREQUENT = 0.05, 3
#: Points of a piece of which the mean is taken.
_N_POINTS = 16
#: How long a stretch a single number is of a line on which it has no length, in pieces.
_POINT = 1e-9
#: No stretches, and a test that no cell passes.
_NOTHING: tuple[FloatArray, Test] = np.empty((0, 2)), lambda column: np.zeros(len(column), dtype=bool)


class NumberLineEncoder(ColumnEncoder):
    """Encode a column whose cells lie on a line.

    Attributes
    ----------
    axis_
        The pieces of the line.
    grid_
        Where integers lie; None for floats.
    mean_, spread_
        The mean and the standard deviation of the cells, as steps of the grid, if there is one.
    amounts_
        The mean of the cells of each piece, in standard deviations above the mean; shape ``(n_pieces,)``.
    """

    axis_: Axis
    grid_: "Grid | None"
    mean_: float
    spread_: float
    amounts_: FloatArray

    @abstractmethod
    def _to_array(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        """Return cells as integers (see `whole_numbers`) where they are whole by dtype, else as float64."""

    @abstractmethod
    def _from_array(self, numbers: npt.NDArray[Any]) -> Any:
        """Return an array of the cells that integers or floats stand for."""

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        cells = self._to_array(present)
        self.grid_ = Grid.fit(cells) if len(cells) and cells.dtype.kind in "iuO" else None
        numbers = self._to_numbers(cells)
        self.axis_ = Axis.fit(numbers, options)
        if self.grid_ is not None:
            self.grid_.pin(cells, self.axis_.knots)
        self._fit_amounts(numbers)

    def _fit_amounts(self, numbers: FloatArray) -> None:
        self.mean_, self.spread_, self.amounts_ = 0.0, 1.0, np.empty(0)
        if not len(numbers):
            return
        unit = np.abs(numbers).max() or 1.0  # keeps sums and squares within float64
        self.mean_ = float((numbers / unit).mean() * unit)
        self.spread_ = float((numbers / unit).std() * unit) or 1.0
        pieces, points = np.indices((len(self.axis_), _N_POINTS))
        steps = self.axis_.decode(pieces.ravel(), (points.ravel() + 0.5) / _N_POINTS)
        self.amounts_ = self._as_amounts(steps).reshape(pieces.shape).mean(1)

    def _as_amounts(self, numbers: FloatArray) -> FloatArray:
        return (numbers / 2 - self.mean_ / 2) / (self.spread_ / 2)  # halves do not overflow

    def _amounts(self, present: "pd.Series[Any]") -> FloatArray:
        if not len(present):
            return np.empty(0)
        return self._as_amounts(self._within(self._to_numbers(self._to_array(present))))

    def _within(self, numbers: FloatArray) -> FloatArray:
        """Return numbers, those beyond the ends of the line as these."""
        return np.clip(numbers, self.axis_.knots[0], self.axis_.knots[-1])

    def _to_numbers(self, cells: npt.NDArray[Any]) -> FloatArray:
        return np.asarray(cells, dtype=np.float64) if self.grid_ is None else self.grid_.to_steps(cells)

    def _to_cells(self, numbers: FloatArray) -> Any:
        return self._from_array(numbers if self.grid_ is None else self.grid_.from_steps(numbers))

    def _encode(self, present: "pd.Series[Any]") -> tuple[IntArray, FloatArray]:
        if not len(present):
            return np.empty(0, dtype=np.int64), np.empty(0)
        return self.axis_.encode(self._to_numbers(self._to_array(present)))

    def _decode(self, codes: IntArray, values: FloatArray) -> Any:
        if not len(codes):
            return pd.Series([], dtype=self.dtype).array
        return self._to_cells(self.axis_.decode(codes, values))

    def _span(self) -> Span:
        stretches = tuple(int(code) for code in np.flatnonzero(self.axis_.stretches))
        if self.axis_.is_standardised:
            return Span(self.name, len(self.axis_), value_codes=stretches)
        positions, amounts = (tuple(map(float, numbers)) for numbers in (self.axis_.positions, self.amounts_))
        span = Span(self.name, len(self.axis_), positions, amounts=amounts)
        if not stretches or self.axis_.n_places == 1:
            return span
        return replace(span, place_codes=stretches, n_places=self.axis_.n_places)

    def exact(self, present: "pd.Series[Any]") -> npt.NDArray[Any]:
        if not len(present):
            return np.empty(0)
        cells = self._to_array(present)
        return cells if self.grid_ is None else self.grid_.exact_steps(cells)

    def from_exact(self, numbers: npt.NDArray[Any]) -> Any:
        if not len(numbers):
            return pd.Series([], dtype=self.dtype).array
        return self._from_array(numbers if self.grid_ is None else self.grid_.integers(numbers))

    @property
    def unit(self) -> str:
        """What the numbers of the column count; only cells of one unit can be equal."""
        return f"{self.kind} {self.dtype}"

    def numbers(self, column: "pd.Series[Any]") -> FloatArray:
        """Return the cells of a column of this kind as numbers, NaN where they are missing."""
        missing = column.isna().to_numpy()
        numbers = np.full(len(column), np.nan)
        numbers[~missing] = self._to_array(column[~missing])
        return numbers

    def like(self, cells: "pd.Series[Any]") -> Any:
        """Return an array of the cells of this column that are nearest to cells of another of its unit."""
        return self.nearest(self._to_array(cells))

    def nearest(self, numbers: npt.NDArray[Any]) -> Any:
        """Return an array of the cells of this column that are nearest to numbers."""
        return self._restore(self._to_cells(self._within(self._to_numbers(numbers)))).array

    def stand(self, numbers: FloatArray) -> FloatArray:
        """Return where numbers stand on the axis, piece plus place; NaN for points and beyond its ends."""
        steps = numbers if self.grid_ is None else self.grid_.to_steps(np.nan_to_num(numbers))
        codes, shares = self.axis_.encode(np.nan_to_num(steps))
        low, high = self.numbers(pd.Series(list(self.ends()), dtype=self.dtype))
        has_place = (numbers >= low) & (numbers <= high) & self.axis_.stretches[codes]
        return np.where(has_place, codes + shares, np.nan)

    def middles(self) -> FloatArray:
        """Return the number in the middle of each place, NaN for points; shape ``(n_codes, n_places)``."""
        pieces, places = np.indices((len(self.axis_), self.axis_.n_places))
        steps = self.axis_.decode(pieces.ravel(), (places.ravel() + 0.5) / self.axis_.n_places)
        numbers = steps if self.grid_ is None else self.grid_.low + self.grid_.step * steps
        middles = np.full((self.span.n_codes, self.axis_.n_places), np.nan)
        middles[: len(self.axis_)] = numbers.reshape(pieces.shape)
        middles[: len(self.axis_)][~self.axis_.stretches] = np.nan
        return middles

    def ends(self) -> tuple[Any, Any]:
        """Return the lowest and the highest cell."""
        knots, grid = self.axis_.knots[[0, -1]], self.grid_
        cells = (
            self._to_cells(knots) if grid is None else self._from_array(whole_numbers([grid.low, grid.high]))
        )
        ends = self._restore(cells)
        return ends.iloc[0], ends.iloc[1]

    def classes(self) -> tuple[list[Any], IntArray, FloatArray] | None:
        if self.axis_.stretches.any() or not len(self.axis_):
            return None
        codes = np.arange(len(self.axis_))
        return self._restore(self._decode(codes, np.zeros(len(codes)))).tolist(), codes, np.ones(len(codes))

    def expected(self, told: FloatArray) -> Any:
        if not len(self.axis_):
            return None
        return self._restore(self._to_cells(self._within(told * self.spread_ + self.mean_))).array

    def stretch(self, cell: "pd.Series[Any]") -> tuple[float, float]:
        if cell.isna().iloc[0]:
            return super().stretch(cell)
        end = (self.bound(cell.iloc[0]), False)
        stretches, _ = self.between(end, end)
        low, high = stretches[0] if len(stretches) else (0.0, 0.0)
        if high - low < _POINT:
            codes, shares = self.transform(cell)
            low = codes[0] + min(float(shares[0]), 1 - _POINT)
        return float(low), float(max(high, low + _POINT))

    @property
    def has_order(self) -> bool:
        return True

    def bound(self, value: Any) -> Fraction:
        cell = self.cast(value)
        if cell.isna().iloc[0]:
            raise ValueError("a missing cell is no end")
        return self._fraction(self._to_array(cell)[0])

    @staticmethod
    def _fraction(number: Any) -> Fraction:
        """Return a number exactly, a float as it is written."""
        return Fraction(repr(float(number))) if isinstance(number, float) else Fraction(int(number))

    @property
    def _step(self) -> tuple[Fraction, Fraction] | None:
        """The number of some cell, and how far apart cells are at least; None if that is nothing."""
        return None if self.grid_ is None else (Fraction(self.grid_.low), Fraction(self.grid_.step))

    def between(self, low: Bound | None, high: Bound | None) -> tuple[FloatArray, Test]:
        if not len(self.axis_):
            return _NOTHING
        lowest, highest = (
            self._fraction(number)
            for number in self._to_array(pd.Series(list(self.ends()), dtype=self.dtype))
        )
        first = lowest if low is None else max(lowest, self._whole(*low, is_low=True))
        last = highest if high is None else min(highest, self._whole(*high, is_low=False))
        if first > last:
            return _NOTHING
        room = 0 if self._step is None else self._step[1] / 2
        ends = self._comparable(first), self._comparable(last)

        def test(column: "pd.Series[Any]") -> Any:
            missing = column.isna().to_numpy()
            cells = self._to_array(column[~missing])
            is_inside = np.zeros(len(column), dtype=bool)
            is_inside[~missing] = (cells >= ends[0]) & (cells <= ends[1])
            return is_inside

        shown = self._on_axis(first - room), self._on_axis(last + room)
        return self.axis_.between(float(shown[0]), float(shown[1])), test

    def _whole(self, end: Fraction, is_left_out: bool, *, is_low: bool) -> Fraction:
        """Return the number of the first cell that is at least, or at most, at the end of a range."""
        if self._step is None:
            return end
        start, step = self._step
        steps = (end - start) / step
        whole = math.ceil(steps) if is_low else math.floor(steps)
        if is_left_out and whole == steps:
            whole += 1 if is_low else -1
        return Fraction(start + whole * step)

    def _comparable(self, end: Fraction) -> Any:
        """Return the end of a range as a number that is compared with those of cells."""
        return float(end) if self.grid_ is None else int(end)

    def _on_axis(self, number: Fraction) -> Fraction:
        """Return a number as the axis counts it: in steps of the grid, if there is one."""
        return number if self.grid_ is None else (number - self.grid_.low) / self.grid_.step

    def understands(self, column: "pd.Series[Any]") -> BoolArray:
        """All that is finite: what lies beyond the line counts as its end."""
        missing = column.isna().to_numpy()
        is_finite = np.abs(self.numbers(column)) < np.inf
        return np.where(missing, self.has_missing_, is_finite & (len(self.axis_) > 0))

    def supports(self, column: "pd.Series[Any]") -> BoolArray:
        _, is_inside = self.between(None, None)
        return np.asarray(is_inside(column) | (column.isna().to_numpy() & self.has_missing_))

    def _contains(self, value: Any) -> bool:
        if not len(self.axis_):
            return False
        low, high = self.ends()
        return bool(low <= value <= high)

    def shape(self) -> str:
        if not len(self.axis_):
            return "no cell is present"
        is_point = ~self.axis_.stretches
        if is_point.all():
            return f"{len(is_point)} values, drawn as they are" if len(is_point) > 1 else "one value"
        words = [f"{share:.0%} {cell}" for share, cell in self._frequent()]
        words.append("a line between" if words else "a line")
        # From the outer hundredth to the end it is further than from the one hundredth to the other.
        ends = np.interp([0.0, 0.01, 0.99, 1.0], *self.axis_.quantiles)
        with np.errstate(over="ignore", invalid="ignore"):
            if max(ends[1] - ends[0], ends[3] - ends[2]) > ends[2] - ends[1]:
                words.append("a long tail")
        return ", ".join(words)

    def _frequent(self) -> list[tuple[float, str]]:
        """Return the shares of the most frequent points, and these as text."""
        shares, starts = self.axis_.shares, self.axis_.starts[:-1]
        is_frequent = ~self.axis_.stretches & (shares > _FREQUENT)
        codes = [code for code in np.argsort(-shares).tolist() if is_frequent[code]][:_MAX_FREQUENT]
        cells = self._restore(self._to_cells(self.axis_.knots[starts[codes]]))
        return [(float(shares[code]), str(cell)) for code, cell in zip(codes, cells, strict=True)]

    def support(self) -> str:
        if not len(self.axis_):
            return "only missing cells"
        low, high = self.ends()
        return f"values from {low} to {high}"

    def state(self) -> dict[str, Any]:
        grid = None if self.grid_ is None else vars(self.grid_)
        return {**super().state(), "axis_": vars(self.axis_), "grid_": grid}

    @classmethod
    def from_state(cls, name: Hashable, dtype: Any, state: dict[str, Any]) -> Self:
        grid = None if state["grid_"] is None else Grid(**state["grid_"])
        return super().from_state(name, dtype, {**state, "axis_": Axis(**state["axis_"]), "grid_": grid})


class InstantEncoder(NumberLineEncoder):
    """Encode a column whose cells stand in a calendar."""

    @abstractmethod
    def local(self, column: "pd.Series[Any]") -> pd.DatetimeIndex:
        """Return what clocks and calendars show, without a time zone."""

    @abstractmethod
    def of_local(self, when: pd.DatetimeIndex) -> "pd.Series[Any]":
        """Return the column that `local` gave, missing where it can have no such cell."""

    def _of_ticks(self, ticks: IntArray, present: BoolArray) -> "pd.Series[Any]":
        """Return cells of ticks in range and on the grid, all others missing."""
        if self.grid_ is None:
            return self.place(self._decode(ticks[:0], np.empty(0)), np.ones(len(ticks), dtype=bool))
        present = present & self.grid_.holds(ticks)
        return self.place(self._from_array(ticks[present]), ~present)
