"""What a comparison is asked: a user's arguments come in, and what they mean goes out."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthgan.evaluation.arms import NONE
from synthgan.evaluation.learners import Task
from synthgan.evaluation.scores import Score
from synthgan.evaluation.tables import check_column, check_finite, class_names, frame_of, numbers_of, task_of
from synthgan.exceptions import DataError, ParameterError, listing
from synthgan.schema import check_frame


def prepared(table: Any, target: Hashable) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows that have a target, and what is to be said of those that have none."""
    frame = frame_of(table)
    check_frame(frame)
    check_finite(frame, "real")
    check_column(frame, target)
    if frame.shape[1] < 2:
        raise DataError("The table has no column beside the target; there is nothing to predict it from.")
    is_known = frame[target].notna()
    told = [] if is_known.all() else [f"{(~is_known).sum()} rows without a target were left out."]
    return frame[is_known].reset_index(drop=True), told


def check_names_of_columns(**names: Any) -> None:
    """Raise ParameterError if what is to name a column is no name, such as an array."""
    for what, name in names.items():
        if not isinstance(name, str) and (not isinstance(name, Hashable) or hasattr(name, "__len__")):
            raise ParameterError(
                f"{what} must be the name of a column of the table; got a {type(name).__name__}. Make it a "
                "column first."
            )


def task_on(frame: pd.DataFrame, target: Hashable, kind: str, positive: Any) -> Task:
    """Return what predicting a target is; of two classes the last one is to be found."""
    if kind not in ("auto", "classification", "regression"):
        raise ParameterError(f"task must be 'auto', 'classification' or 'regression'; got {kind!r}.")
    kind = task_of(frame[target], kind)
    if kind == "regression":
        if numbers_of(frame[target]) is None:
            raise DataError(f"The target {target!r} of a regression must be numbers.")
        return Task(target, kind)
    counts = class_names(frame[target]).value_counts()
    if len(counts) < 2:
        held = f"the value {counts.index[0]!r} only" if len(counts) else "no value in any row"
        raise DataError(f"The target {target!r} has {held}; a model has nothing to learn from it.")
    classes = sorted(counts.index)
    asked = None if positive is None else class_names(pd.Series([positive])).iloc[0]
    if asked is not None and asked not in classes:
        raise ParameterError(
            f"positive={positive!r} is no class of {target!r}, which has {listing(classes)}."
        )
    if len(classes) == 2:
        last = asked if asked is not None else min(reversed(classes), key=lambda name: counts[name])
        classes = sorted(classes, key=lambda name: name == last)
    return Task(target, kind, tuple(classes))


def checked_ratios(ratio: float, ratios: Sequence[float]) -> list[float]:
    """Return all ratios in order."""
    try:
        wanted = sorted({float(one) for one in (ratio, *ratios)})
    except (TypeError, ValueError):
        wanted = [0.0]
    if not all(0 < one < np.inf for one in wanted):
        raise ParameterError(f"ratio and ratios must be numbers above 0; got {ratio!r} and {ratios!r}.")
    return wanted


def seed_of(random_state: Any) -> int | None:
    """Return a seed, of a generator its next number."""
    if random_state is None:
        return None
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, int | np.integer) and random_state >= 0:
        return int(random_state)
    raise ParameterError(
        f"random_state must be a whole number of at least 0, a generator or None; got {random_state!r}."
    )


def checked_rope(rope: float | None, score: Score, records: pd.DataFrame) -> float:
    """Return up to which difference there is none in practice."""
    if rope is not None:
        if not isinstance(rope, int | float) or not 0 <= rope < np.inf:
            raise ParameterError(f"rope must be a number of at least 0; got {rope!r}.")
        return float(rope)
    if not score.is_relative or score.name not in records:
        return score.rope
    return score.rope * float(records.loc[records["arm"] == NONE, score.name].mean())


def check_none(records: pd.DataFrame) -> None:
    """Raise DataError if no learner could be trained on the real rows alone, which is no sampler's fault."""
    own = records[records["arm"] == NONE]
    if (own["failure"] != "").all():
        raise DataError(
            f"No learner could be trained on the real rows alone: {own['failure'].iloc[0]}. Check the "
            "estimators."
        )
