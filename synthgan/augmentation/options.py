"""What an Augmenter's parameters ask for: they come in, and candidates in the order of their trial go out."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names

from synthgan.augmentation.decision import Candidate
from synthgan.augmentation.problem import Problem
from synthgan.augmentation.supply import LABELS
from synthgan.augmentation.ways import METHODS
from synthgan.exceptions import ParameterError, did_you_mean, listing

#: What "auto" tries.
AUTO_RATIOS = (5.0, 2.0, 1.0, 0.5, 0.25)
AUTO_METHODS = tuple(METHODS)
AUTO_LABELS = ("soft", "own")
AUTO_SHARES = (0.1, 0.5)
#: Share of the weight that real rows keep where ways are compared, by whose labels drawn rows have: chances
#: that a teacher gives are good enough to lean on.
_FIRST_SHARE = {"soft": 0.1, "teacher": 0.5, "own": 0.5, "condition": 0.5}


def values(value: Any, auto: Sequence[Any]) -> list[Any]:
    """Return the values of a parameter that may have one or several, or "auto"."""
    if _is_auto(value):
        return list(auto)
    return list(value) if _is_several(value) else [value]


def check_options(options: Mapping[str, Any]) -> None:
    """Raise ParameterError for the first parameter of an Augmenter that is out of its range."""
    for name, allowed in (("method", tuple(METHODS)), ("labels", LABELS)):
        if options[name] is not None or name != "labels":
            _check_names(name, options[name], allowed)
    for name, auto, below, words in (
        ("ratio", AUTO_RATIOS, math.inf, "a number of at least 0"),
        ("real_share", AUTO_SHARES, 1.0, "a number from 0 to below 1"),
    ):
        some = values(options[name], auto)
        may_lack = not _is_several(options[name])
        fits = [(one is None and may_lack) or (_is_number(one) and 0 <= one < below) for one in some]
        if not some or not all(fits):
            raise ParameterError(f"{name} must be {words}, several, 'auto' or None; got {options[name]!r}.")
    is_default = isinstance(options["sampling_strategy"], str) and options["sampling_strategy"] == "auto"
    if options["ratio"] is not None and not is_default:
        raise ParameterError("Give either ratio or sampling_strategy: both say how many rows are added.")
    for name, least in (("bins", 2), ("cv", 2), ("n_repeats", 1)):
        value = options[name]
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise ParameterError(f"{name} must be a whole number of at least {least}; got {value!r}.")
    if not _is_number(options["level"]) or not 0 < options["level"] <= 1:
        raise ParameterError(f"level must be a number above 0, at most 1; got {options['level']!r}.")
    _check_synthesizer(options["synthesizer"])
    _check_scoring(options["scoring"])


def _check_synthesizer(synthesizer: Any) -> None:
    if isinstance(synthesizer, type):
        raise ParameterError(
            f"synthesizer must be an object, not its class; give {synthesizer.__name__}(...)."
        )
    if synthesizer is not None and not all(hasattr(synthesizer, name) for name in ("fit", "sample")):
        raise ParameterError(
            f"synthesizer must be an object with fit(table) and sample(n); got {synthesizer!r}."
        )


def _check_scoring(scoring: Any) -> None:
    if scoring is None or callable(scoring):
        return
    known = get_scorer_names()
    if not isinstance(scoring, str) or scoring not in known:
        raise ParameterError(
            f"scoring must be None, a scorer, or a name of sklearn.metrics.get_scorer_names(); got "
            f"{scoring!r}.{did_you_mean(scoring, known)}"
        )


def _check_names(name: str, value: Any, allowed: Sequence[str]) -> None:
    some = values(value, allowed)
    odd = [one for one in some if one not in allowed]
    if odd or not some:
        hint = did_you_mean(odd[0], allowed) if odd else ""
        raise ParameterError(
            f"{name} must be one of {listing(allowed)}, several of them, or 'auto'; got {value!r}.{hint}"
        )


def labels_of(options: Mapping[str, Any]) -> Any:
    """Return whose labels are asked for: None follows the method."""
    if options["labels"] is not None:
        return options["labels"]
    return "auto" if _is_auto(options["method"]) else "own"


def has_choice(options: Mapping[str, Any]) -> bool:
    """Whether some parameter has several values, or is "auto", so that it is to be chosen."""
    names = ("ratio", "method", "labels", "real_share")
    return any(_is_several(options[name]) or _is_auto(options[name]) for name in names)


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _is_several(value: Any) -> bool:
    return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)


def candidates_of(options: Mapping[str, Any], problem: Problem, *, weighs: bool = True) -> list[Candidate]:
    """Return all that the parameters of an Augmenter allow, the largest amounts first.

    Without weights all rows weigh the same.
    """
    ratios = sorted(values(options["ratio"], AUTO_RATIOS), key=lambda one: -(one or 0))
    methods = values(options["method"], AUTO_METHODS)
    shares = options["real_share"]
    if shares is None and _is_auto(options["ratio"]):
        shares = "auto"
    if _is_auto(options["method"]):
        if not problem.predicts_classes:
            methods.remove("neighbours")
        if options["synthesizer"] is not None and not hasattr(options["synthesizer"], "rows_like"):
            methods.remove("redrawn")
    return [
        Candidate(method, labels, ratio, share)
        for ratio in ratios
        for share in (values(shares, AUTO_SHARES) if weighs else [None])
        for method in methods
        for labels in values(labels_of(options), AUTO_LABELS)
    ]


def stages_of(candidates: Sequence[Candidate]) -> list[Callable[[Candidate | None], list[Candidate]]]:
    """Return in which order candidates are tried: all ways, then all amounts of the best, then all weights.

    Ways are compared on the most rows and, of the weights, that which suits whose labels they have.
    """
    most = candidates[0].ratio

    def ways(_: Candidate | None) -> list[Candidate]:
        nearest: dict[tuple[str, str], Candidate] = {}
        for one in candidates:
            key = (one.method, one.labels)
            if one.ratio == most and (key not in nearest or _unease(one) < _unease(nearest[key])):
                nearest[key] = one
        return list(nearest.values())

    def others(best: Candidate | None, but: str) -> list[Candidate]:
        same = [name for name in ("method", "labels", "ratio", "real_share") if name != but]
        return [one for one in candidates if best and all(getattr(one, n) == getattr(best, n) for n in same)]

    return [ways, partial(others, but="ratio"), partial(others, but="real_share")]


def _unease(candidate: Candidate) -> float:
    """Return how far the share of real rows is from what suits the labels."""
    share = 0.5 if candidate.real_share is None else candidate.real_share
    return abs(share - _FIRST_SHARE[candidate.labels])


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
