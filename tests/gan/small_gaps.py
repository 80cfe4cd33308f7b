"""A table of two lines and a class that follow from each other, with and without gaps."""

import numpy as np

from synthgan.gan.completing import CompletingRound, Gaps
from synthgan.layout import Layout, Span

#: `x` and `y` lie on a line and follow each other, but for noise; `side` says on which side of 0 they lie.
LINED = Layout(
    (
        Span("x", 5, positions=(-0.8, -0.4, 0.0, 0.4, 0.8), amounts=(-1.4, -0.5, 0.0, 0.5, 1.4)),
        Span("constant", 1),
        Span("side", 3, has_missing=True),
        Span("y", 4, positions=(-0.7, 0.0, 0.7, None), has_missing=True, amounts=(-1.1, 0.0, 1.1)),
    )
)
#: Their places among the coded columns.
X, SIDE, Y = 0, 1, 2
NOISE, SHARE_OPEN = 0.2, 0.25


def lined_points(n_rows, seed=0):
    """Where cells stand, those of the constant column left out, shape ``(n_rows, n_coded)``."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_rows)
    y = np.sqrt(1 - NOISE**2) * x + NOISE * rng.normal(size=n_rows)
    return np.column_stack([x, (x + y > 0).astype(float), y])


def lined_gaps(n_rows, seed=0, told=None):
    """Rows with gaps, of which the generator knows nothing unless it is told, and what they are truly."""
    points = lined_points(n_rows, seed)
    is_open = np.random.default_rng(seed + 1).random(points.shape) < SHARE_OPEN
    is_open[is_open.all(1)] = False
    nothing = {
        X: np.zeros(np.count_nonzero(is_open[:, X])),
        SIDE: np.full((np.count_nonzero(is_open[:, SIDE]), 2), 0.5),
        Y: np.zeros(np.count_nonzero(is_open[:, Y])),
    }
    return Gaps.of(points, is_open, nothing if told is None else told(points, is_open)), points


def new_round():
    return CompletingRound(LINED)
