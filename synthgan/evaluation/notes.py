"""What a reader of a comparison should know: rows, scores and folds come in, and sentences go out."""

import numpy as np
import pandas as pd

from synthgan.evaluation.arms import NONE
from synthgan.evaluation.folds import FoldResult
from synthgan.evaluation.scores import Score
from synthgan.evaluation.splits import Plan, Split, copies_of
from synthgan.evaluation.tables import holds_times

#: Tested rows of a fold below which a score says little.
_FEW_TESTED = 30


def on_splits(frame: pd.DataFrame, plan: Plan) -> list[str]:
    """Return what makes scores too good that a random split gives."""
    if plan.time is not None:
        return []
    told = []
    n_copies = len(frame) - len(np.unique(copies_of(frame)))
    if n_copies:
        kept = (
            "are kept on one side of every split"
            if plan.groups is None
            else "may be on both sides of a split"
        )
        are = "row is a copy of another" if n_copies == 1 else "rows are copies of others"
        told.append(f"{n_copies} {are}; copies {kept}.")
    moments = [name for name in frame if holds_times(frame[name])]
    if moments:
        told.append(
            f"Column {moments[0]!r} holds times, and rows were split at random: if the model is to predict "
            f"later rows, compare with time={moments[0]!r}."
        )
    return told


def on_scores(records: pd.DataFrame, score: Score, splits: list[Split]) -> list[str]:
    """Return what is to be said of folds that are too small or lack what a score is of."""
    told = []
    fewest = min(len(split.test) for split in splits)
    if fewest < _FEW_TESTED:
        told.append(
            f"Folds test as few as {fewest} rows: scores of so few say little, and intervals may be short."
        )
    made = records[(records["failure"] == "") & (records["arm"] == NONE)]
    lacking = made[made[score.name].isna()] if score.name in made else made[:0]
    folds = lacking["fold"].unique()
    if len(folds):
        told.append(
            f"{score.label} is not defined in {len(folds)} of {len(splits)} folds, whose tested rows lack a "
            "class or do not differ in the target: nothing is judged by it. Take fewer folds, or another "
            "metric."
        )
    return told


def on_added(records: pd.DataFrame, samplers: list[str]) -> list[str]:
    """Return which samplers added no rows, in how many folds and with how many learners."""
    told = []
    for name in samplers:
        own = records[(records["arm"] == name) & (records["failure"] == "")]
        n_none = int((own["n_added"] == 0).sum())
        if n_none:
            told.append(
                f"{name} added no rows in {n_none} of {len(own)} fits, whose scores are those of none."
            )
    return told


def on_folds(results: list[FoldResult]) -> list[str]:
    """Return the warnings of all folds, each with the number of folds that gave it."""
    counts: dict[str, int] = {}
    for result in results:
        for note in result.notes:
            counts[note] = counts.get(note, 0) + 1
    return [f"In {n} of {len(results)} folds: {note}" for note, n in counts.items()]
