"""How many rows of which class: a sampling strategy comes in, and numbers of rows to add go out.

For classes the meanings are imbalanced-learn's own. Numbers to predict are cut into bins of equal width, and
these are then classes like any others.
"""

from typing import Any

import numpy as np
from imblearn.utils import check_sampling_strategy

from synthgan.augmentation.problem import Problem
from synthgan.exceptions import ParameterError
from synthgan.layout import FloatArray


def wanted_of_classes(problem: Problem, strategy: Any) -> tuple[dict[int, int], dict[Any, int]]:
    """Return how many rows to add by code of class, and the same by class as imbalanced-learn has it.

    Raises
    ------
    ParameterError, ValueError
        If the strategy is none, or asks for fewer rows of a class than there are.
    """
    targets = problem.targets(problem.labels)
    found = check_sampling_strategy(strategy, targets, "over-sampling").items()
    by_class = {value.item() if isinstance(value, np.generic) else value: int(n) for value, n in found}
    code_of = {value: code for code, value in enumerate(problem.classes.tolist())}
    return {code_of[value]: n for value, n in by_class.items() if n}, by_class


def weights_of(problem: Problem, by_class: dict[Any, int]) -> FloatArray | None:
    """Return what rows weigh if their classes weigh as they do with the added rows; None for numbers."""
    if not problem.predicts_classes:
        return None
    counts = np.bincount(problem.labels, minlength=len(problem.classes)).astype(float)
    added = np.array([by_class.get(value, 0) for value in problem.classes.tolist()])
    weights = ((counts + added) / np.maximum(counts, 1))[problem.labels]
    return np.asarray(weights / weights.mean())


def wanted_of_bins(targets: FloatArray, bins: int, strategy: Any) -> tuple[dict[int, int], FloatArray]:
    """Return how many rows to add by bin, of bins of equal width, and the edges of these.

    Raises
    ------
    ParameterError, ValueError
        If all targets are in one bin, or for the strategy what `wanted_of_classes` raises.
    """
    edges = np.linspace(targets.min(), targets.max(), bins + 1)
    codes = np.searchsorted(edges[1:-1], targets, side="right")
    if len(np.unique(codes)) < 2:
        raise ParameterError(f"All targets are in one of {bins} bins: there is no class or range to balance.")
    by_bin = check_sampling_strategy(strategy, codes, "over-sampling")
    return {int(code): int(n) for code, n in by_bin.items() if n}, edges
