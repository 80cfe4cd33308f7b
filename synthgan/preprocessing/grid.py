"""Integers of any width as float64 steps on a grid, and back, without losing digits."""

from collections.abc import Sequence
from math import gcd
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from synthgan.layout import FloatArray, IntArray

#: Up to here float64 holds every integer.
EXACT_IN_FLOAT64 = 2**53
_INT64 = np.iinfo(np.int64)
_UINT64_ALL = 2**64


def whole_numbers(integers: Sequence[int]) -> npt.NDArray[Any]:
    """Return Python integers as int64, uint64 or, if neither is wide enough, as objects."""
    low, high = min(integers, default=0), max(integers, default=0)
    if low >= _INT64.min and high <= _INT64.max:
        return np.array(integers, dtype=np.int64)
    return np.array(integers, dtype=np.uint64 if low >= 0 and high < _UINT64_ALL else object)


def fit_on_grid(integers: Sequence[int]) -> bool:
    """Whether 64 bits can count the steps of the grid that reaches all of some Python integers."""
    low, high = min(integers, default=0), max(integers, default=0)
    if high - low < _UINT64_ALL:
        return True
    return (high - low) // gcd(*(integer - low for integer in integers)) < _UINT64_ALL


class Grid:
    """Integers ``low + k * step`` as float64 steps ``k``.

    Differences of 64-bit integers are taken in unsigned arithmetic, which wraps around, so that no two are
    too far apart and none beyond 2**53 loses digits on a coarse grid. Wider integers are Python's.

    Parameters
    ----------
    low, high, step
        The lowest and the highest integer, and the greatest step that reaches all of them.
    pins
        See `pin`.
    """

    def __init__(self, low: int, high: int, step: int, pins: npt.NDArray[np.uint64] | None = None) -> None:
        self.low, self.high, self.step, self.pins = low, high, step, pins

    @classmethod
    def fit(cls, integers: npt.NDArray[Any]) -> Self:
        """Learn range and step of at least one integer."""
        low, high = int(integers.min()), int(integers.max())
        if integers.dtype == object:
            step = gcd(*(integer - low for integer in integers))
        else:
            step = int(np.gcd.reduce(np.unique(_unsigned(integers) - _unsigned(low))))
        return cls(low, high, max(step, 1))

    def holds(self, integers: IntArray) -> npt.NDArray[np.bool_]:
        """Return which 64-bit integers are in range and on the grid."""
        is_inside = (integers >= self.low) & (integers <= self.high)
        return np.asarray(is_inside & (self.integers(self.exact_steps(integers)) == integers))

    @property
    def n_steps(self) -> int:
        """How many steps the highest integer is above the lowest."""
        return (self.high - self.low) // self.step

    @property
    def _is_64_bit(self) -> bool:
        """Whether 64 bits, with or without a sign, hold every integer of the range."""
        return self.low >= _INT64.min and self.high < (2**63 if self.low < 0 else _UINT64_ALL)

    def pin(self, integers: npt.NDArray[Any], steps: FloatArray) -> None:
        """Keep exactly which of `integers` stand at `steps`, if there are more steps than float64 can count.

        What was frequent then comes back as it was: identifiers with 64 random bits are never made up.
        """
        if self.n_steps > EXACT_IN_FLOAT64:
            exact = np.unique(self.exact_steps(integers))
            self.pins = exact[np.searchsorted(exact.astype(np.float64), steps)]

    def to_steps(self, numbers: npt.NDArray[Any]) -> FloatArray:
        """Return how many steps above the lowest each number is, within the range."""
        if numbers.dtype.kind == "f":
            return np.clip((numbers - float(self.low)) / self.step, 0.0, float(self.n_steps))
        return np.asarray(self.exact_steps(numbers), dtype=np.float64)

    def exact_steps(self, integers: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
        """Return how many steps above the lowest each integer is, within the range."""
        if integers.dtype == object or not self._is_64_bit:
            inside = (min(max(integer, self.low), self.high) for integer in integers.tolist())
            return np.array([(integer - self.low) // self.step for integer in inside], dtype=np.uint64)
        above = np.where(integers < self.low, np.uint64(0), _unsigned(integers) - _unsigned(self.low))
        above = np.where(integers > self.high, _unsigned(self.high - self.low), above)
        return np.asarray(above // np.uint64(self.step), dtype=np.uint64)

    def from_steps(self, steps: FloatArray) -> npt.NDArray[Any]:
        """Return the integers, as `whole_numbers` does, for numbers of steps, rounded and in range."""
        largest_below_overflow = 2.0**64 - 2048
        whole = np.clip(np.rint(steps), 0, largest_below_overflow).astype(np.uint64)
        whole = np.minimum(whole, _unsigned(self.n_steps))
        if self.pins is not None:
            pinned = self.pins.astype(np.float64)
            place = np.minimum(np.searchsorted(pinned, steps), len(pinned) - 1)
            whole = np.where(pinned[place] == steps, self.pins[place], whole)
        return self.integers(whole)

    def integers(self, whole: npt.NDArray[np.uint64]) -> npt.NDArray[Any]:
        """Return the integers, as `whole_numbers` does, for exact steps."""
        if not self._is_64_bit:
            return np.array([self.low + step * self.step for step in whole.tolist()], dtype=object)
        integers = whole * np.uint64(self.step) + _unsigned(self.low)
        return np.asarray(integers.astype(np.int64 if self.high <= _INT64.max else np.uint64))


def _unsigned(integers: Any) -> Any:
    if isinstance(integers, int):
        return np.uint64(integers % _UINT64_ALL)
    return integers.astype(np.uint64)
