"""What all encoders of ordered quantities share: an axis, and integers on a grid.

A subclass turns cells into float64 numbers and back; from numbers to codes the way is `Axis`.
"""

from abc import abstractmethod
from collections.abc import Hashable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.layout import FloatArray, IntArray, Span
from synthgan.preprocessing.axis import Axis
from synthgan.preprocessing.base import CodingOptions, ColumnEncoder


class NumberLineEncoder(ColumnEncoder):
    """Encode a column whose cells lie on a line."""

    axis_: Axis

    @abstractmethod
    def _learn_line(self, present: "pd.Series[Any]") -> None:
        """Learn how cells become numbers, from at least one cell."""

    @abstractmethod
    def _to_numbers(self, present: "pd.Series[Any]") -> FloatArray:
        """Return the number of each cell."""

    @abstractmethod
    def _from_numbers(self, numbers: FloatArray) -> Any:
        """Return an array of the cells that numbers stand for."""

    def _fit_present(self, present: "pd.Series[Any]", options: CodingOptions) -> None:
        if len(present):
            self._learn_line(present)
        numbers = self._to_numbers(present) if len(present) else np.empty(0)
        self.axis_ = Axis.fit(numbers, options)

    def _encode(self, present: "pd.Series[Any]") -> tuple[IntArray, FloatArray]:
        if not len(present):
            return np.empty(0, dtype=np.int64), np.empty(0)
        return self.axis_.encode(self._to_numbers(present))

    def _decode(self, codes: IntArray, values: FloatArray) -> Any:
        if not len(codes):
            return pd.Series([], dtype=self.dtype).array
        return self._from_numbers(self.axis_.decode(codes, values))

    def _span(self) -> Span:
        if self.axis_.is_standardised:
            stretches = np.flatnonzero(np.diff(self.axis_.starts) > 1)
            return Span(self.name, len(self.axis_), value_codes=tuple(int(code) for code in stretches))
        return Span(self.name, len(self.axis_), tuple(float(position) for position in self.axis_.positions))

    def _contains(self, value: Any) -> bool:
        if not len(self.axis_):
            return False
        number = self._to_numbers(pd.Series([value]))[0]
        return bool(self.axis_.knots[0] <= number <= self.axis_.knots[-1])

    def support(self) -> str:
        if not len(self.axis_):
            return "only missing cells"
        ends = self._from_numbers(self.axis_.knots[[0, -1]])
        return f"values from {ends[0]} to {ends[1]}"

    def state(self) -> dict[str, Any]:
        return {**super().state(), "axis_": self.axis_.state()}

    @classmethod
    def from_state(cls, name: Hashable, dtype: Any, state: dict[str, Any]) -> Self:
        return super().from_state(name, dtype, {**state, "axis_": Axis(**state["axis_"])})


class Grid:
    """64-bit integers ``low + k * step`` as float64 steps ``k``, without passing through float64 themselves.

    Differences are taken in unsigned arithmetic, which wraps around, so that no two integers are too far
    apart and none beyond 2**53 loses digits on a coarse grid.
    """

    def __init__(self, low: int, high: int, step: int) -> None:
        self.low, self.high, self.step = low, high, step

    @classmethod
    def fit(cls, integers: npt.NDArray[Any]) -> Self:
        """Learn range and step of at least one integer."""
        low, high = int(integers.min()), int(integers.max())
        step = int(np.gcd.reduce(np.unique(_unsigned(integers) - _unsigned(low))))
        return cls(low, high, max(step, 1))

    def to_steps(self, integers: npt.NDArray[Any]) -> FloatArray:
        """Return how many steps above the lowest each integer is; below it counts as the lowest."""
        within = np.clip(integers, self.low, self.high)
        steps: FloatArray = ((_unsigned(within) - _unsigned(self.low)) // np.uint64(self.step)).astype(
            np.float64
        )
        return steps

    def from_steps(self, steps: FloatArray, dtype: Any) -> npt.NDArray[Any]:
        """Return integers of `dtype` (int64 or uint64) for numbers of steps, rounded and within range."""
        top = (self.high - self.low) // self.step
        below_overflow = np.clip(np.rint(steps), 0, min(float(top), 2.0**64 - 2048)).astype(np.uint64)
        whole = np.minimum(below_overflow, np.uint64(top))
        integers: npt.NDArray[Any] = (whole * np.uint64(self.step) + _unsigned(self.low)).astype(dtype)
        return integers


def _unsigned(integers: Any) -> Any:
    if isinstance(integers, int):
        return np.uint64(integers % 2**64)
    return integers.astype(np.uint64)
