"""Room for drawn rows: a learner comes in, and goes out with its regularisation as strong as is needed.

What a learner counts in rows grows weaker with each row that is added: leaves of five rows are a twentieth of
a hundred rows, and a hundredth of five hundred. Even copies then hurt. Weights whose sum is the number of
real rows keep all that is measured in weight as it was (C, alpha, lambda, Hessians); what is counted in rows
is scaled here, by parameter, so that learners of other packages with the same names are served as well:

===========================  ====================================  =========================================
parameter                    learners                              becomes, with f times as many rows
===========================  ====================================  =========================================
``min_samples_leaf``         trees, forests, boosting              g times, as a share of the weight in
                                                                   ``min_weight_fraction_leaf`` where a
                                                                   learner has that; no less than what one
                                                                   real row weighed
``min_samples_split``        trees, forests, boosting              g times, if above 2
``min_child_samples``        LightGBM                              g times
``n_neighbors``              neighbours                            f times
``max_samples``              forests, bagging                      as many draws as before, or f times where
                                                                   g is not f
``alpha`` of SGD             lines by stochastic descent           divided by f, with weights: their loss is a
                                                                   mean of rows, whatever these weigh
===========================  ====================================  =========================================

g is f where labels of drawn rows are as noisy as those of real ones. Where they are what a teacher expects it
is the square root of f: leaves and bootstraps average noise away, and of that there is less; see
``benchmarks/augmentation/room.py`` for what each costs.

Parameters are those of the learner itself, the last step of a pipeline: what a bagging or voting ensemble
holds is as it was. A learner that takes no weights sees rows repeatedly, and then what is summed over rows
grows too: ``C`` becomes C / f, and ``alpha`` of a ridge f times.
"""

import math
from numbers import Integral
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

#: What is counted in rows and noise is averaged over, beside ``min_samples_leaf``.
_LEAVES = ("min_samples_split", "min_child_samples")
#: A leaf of exactly that weight is allowed, whatever rounding adds to it.
_ROUNDING = 1 - 1e-9


def last_step(estimator: Any) -> tuple[Any, str]:
    """Return the learner of a pipeline and the prefix of its parameters; of any other estimator itself."""
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return estimator, prefix


def takes_weights(estimator: Any) -> bool:
    """Whether a learner takes weights of rows."""
    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else []
    if any(hasattr(step, "fit_resample") for step in steps):  # rows that it adds would have none
        return False
    return bool(has_fit_parameter(last_step(estimator)[0], "sample_weight"))


def with_room(estimator: Any, n_real: int, n_rows: int, *, weighted: bool, smooth: bool = False) -> Any:
    """Return a copy of a learner, or a pipeline, that treats so many rows as it would treat the real ones.

    It will see weights whose sum is `n_real`, or rows that all weigh the same. Labels of drawn rows may be
    smooth, which is without noise.
    """
    copy = clone(estimator)
    learner, _ = last_step(copy)
    known = learner.get_params(deep=False)
    factor = n_rows / n_real
    growth = math.sqrt(factor) if smooth else factor
    told: dict[str, Any] = {}
    for name in _LEAVES:
        least = 2 if name == "min_samples_split" else 0
        if _is_count(known.get(name)) and known[name] > least:
            told[name] = max(least, round(growth * known[name]))
    if _is_count(known.get("n_neighbors")):
        told["n_neighbors"] = round(factor * known["n_neighbors"])
    if "max_samples" in known:
        told |= _of_draws(known, n_real, factor, smooth=smooth)
    if weighted and type(learner).__name__.startswith("SGD"):
        told["alpha"] = known["alpha"] / factor
    if _is_count(known.get("min_samples_leaf")):
        n_in_leaf = max(growth * known["min_samples_leaf"], factor)
        told |= _of_leaves(known, n_in_leaf, n_rows, weighted=weighted)
    if not weighted:
        told |= _of_sums(learner, known, factor)
    learner.set_params(**told)
    return copy


def _of_leaves(known: dict[str, Any], n_in_leaf: float, n_rows: int, *, weighted: bool) -> dict[str, Any]:
    """Return what leaves are to hold."""
    if weighted and "min_weight_fraction_leaf" in known:
        share = min(0.5, _ROUNDING * n_in_leaf / n_rows)
        share = max(share, known["min_weight_fraction_leaf"])
        return {"min_samples_leaf": 1, "min_weight_fraction_leaf": share}
    return {"min_samples_leaf": max(1, round(n_in_leaf))}


def _of_draws(known: dict[str, Any], n_real: int, factor: float, *, smooth: bool) -> dict[str, Any]:
    """Return how many rows are drawn for a member of an ensemble.

    That is a number, a share of the rows, or None for as many as there are, if any are drawn.
    """
    draws = known["max_samples"]
    if _is_count(draws):
        return {"max_samples": round(draws * factor) if smooth else draws}
    if smooth or not known.get("bootstrap", True):
        return {}
    return {"max_samples": n_real if draws is None else draws / factor}


def _of_sums(learner: Any, known: dict[str, Any], factor: float) -> dict[str, Any]:
    """Return the strength of what stands beside a sum over rows."""
    told = {}
    if isinstance(known.get("C"), float | int):
        told["C"] = known["C"] / factor
    if "Ridge" in type(learner).__name__ and isinstance(known.get("alpha"), float | int):
        told["alpha"] = known["alpha"] * factor
    return told


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
