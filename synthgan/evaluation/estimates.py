"""Estimate: one figure with the interval that it is known to lie in; samples of a figure go in."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
#: How often intervals are to hold what they are about.
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure and its interval.

    Parameters
    ----------
    value
        The figure.
    low, high
        Ends of the interval; NaN where nothing can be said.
    level
        How often such intervals hold the true figure.

    Examples
    --------
    >>> gain = Estimate(0.002, -0.004, 0.008)
    >>> str(gain)
    '0.002 (-0.004, 0.008)'
    >>> 0 in gain
    True
    """

    value: float
    low: float
    high: float
    level: float = LEVEL

    def __contains__(self, figure: float) -> bool:
        return bool(self.low <= figure <= self.high)

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}, {self.high:.3f})"

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        return f"{self.value:{spec}} ({self.low:{spec}}, {self.high:{spec}})"

    def to_dict(self) -> dict[str, Any]:
        """Return the four numbers by name."""
        return asdict(self)


def bootstrap(
    figure: Callable[..., float],
    *samples: npt.NDArray[Any],
    rng: np.random.Generator,
    n_draws: int = 500,
    level: float = LEVEL,
) -> Estimate:
    """Return a figure of samples with the percentile interval of the bootstrap [1]_.

    Parameters
    ----------
    figure
        From arrays, one for each sample, to a number.
    samples
        Arrays whose first axis runs over independent cases; each is redrawn on its own.
    rng
        Source of the redrawn cases.
    n_draws
        How often they are redrawn.
    level
        Share of the redrawn figures that the interval holds.

    References
    ----------
    .. [1] Efron, Tibshirani (1993). An Introduction to the Bootstrap. Chapman & Hall, chapter 13.
    """
    drawn = [
        figure(*(sample[rng.integers(len(sample), size=len(sample))] for sample in samples))
        for _ in range(n_draws)
    ]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(figure(*samples)), float(low), float(high), level)
