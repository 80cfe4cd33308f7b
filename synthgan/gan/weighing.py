"""Weighing what completes rows: hidden cells come in, what generator, line and trees count for goes out."""

from dataclasses import dataclass

import numpy as np
import torch

from synthgan.gan.completing import CompletingRound, Flags, Gaps, Prediction
from synthgan.layout import FloatArray, IntArray

#: Weights of what the generator says, and of what trees add, where held-out rows do not tell, and how far off
#: these may well be: the mean and the standard deviation of a normal prior.
_PRIOR, _PRIOR_SPREAD = (0.2, 0.8), 0.25
#: The same weight of the generator for codes, and what a nat is worth beside it.
_PRIOR_OF_CODES, _PRIOR_NATS = 0.4, 10.0
#: Errors that are larger than so many times their root mean square count less, as is found in so many steps.
_TOLERANCE, _N_FITS = 2.0, 10
#: Share of chances that is spread over all codes before their logarithm is taken.
_SPREAD = 0.02


@dataclass(frozen=True)
class Hidden:
    """Rows some of whose cells were hidden, and what these are.

    Parameters
    ----------
    gaps
        The rows.
    truth
        Where all their cells stand, shape ``(n_rows, n_coded)``.
    is_hidden
        Which of them were hidden.
    """

    gaps: Gaps
    truth: FloatArray
    is_hidden: Flags


@torch.no_grad()
def weigh(each: CompletingRound, hidden: Hidden) -> None:
    """Find what generator, line and trees of each column are worth, by how near they come to hidden cells."""
    for place in each.trees.columns:
        rows = np.flatnonzero(hidden.gaps.is_open[:, place])
        is_own = hidden.is_hidden[rows, place]
        of_told, of_change = _PRIOR if each.is_on_line(place) else (_PRIOR_OF_CODES, 0.0)
        if is_own.any():
            found = each.predict(hidden.gaps, place)
            own = Prediction(found.base[is_own], found.change[is_own])
            told, truth = hidden.gaps.told[place][is_own], hidden.truth[rows[is_own], place]
            if each.is_on_line(place):
                of_told, of_change = line_weights(own, told, truth)
            else:
                of_told = code_weight(own, told, truth.astype(np.int64))
        each.weights[place] = torch.tensor([of_told, of_change])


def line_weights(own: Prediction, told: FloatArray, truth: FloatArray) -> tuple[float, float]:
    """Return the weights of cells on a line that come nearest to the truth; see `Prediction`.

    They are the likeliest given a normal prior, and errors that are normal but for large ones, which count
    less [1]_: a few cells far out would decide alone.

    References
    ----------
    .. [1] Huber (1964). Robust Estimation of a Location Parameter. Annals of Mathematical Statistics 35.
    """
    parts, goal = np.column_stack([told - own.base, own.change]), truth - own.base
    prior = np.array(_PRIOR)
    weights = prior
    for _ in range(_N_FITS):
        errors = np.abs(goal - parts @ weights)
        scale = _TOLERANCE * np.sqrt(np.square(errors).mean())
        counts = np.minimum(1.0, scale / np.maximum(errors, 1e-9))
        ridge = (counts * np.square(errors)).mean() / _PRIOR_SPREAD**2 + 1e-9
        weighted = parts * counts[:, None]
        moments = weighted.T @ parts + ridge * np.eye(2)
        weights = np.clip(np.linalg.solve(moments, weighted.T @ goal + ridge * prior), 0.0, 1.0)
    return float(weights[0]), float(weights[1])


def code_weight(own: Prediction, told: FloatArray, truth: IntArray) -> float:
    """Return the weight of what the generator says of codes under which the truth is the likeliest."""
    weights = np.linspace(0.0, 1.0, 11)
    nats = []
    for weight in weights:
        chances = own.blend(told, (float(weight), 0.0))
        of_truth = (1 - _SPREAD) * chances[np.arange(len(truth)), truth] + _SPREAD / chances.shape[1]
        nats.append(-np.log(of_truth).sum() + _PRIOR_NATS * (weight - _PRIOR_OF_CODES) ** 2)
    return float(weights[int(np.argmin(nats))])
