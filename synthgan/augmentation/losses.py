"""How far off predictions are: what a model says of rows and what is true of them come in, losses go out."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.augmentation.problem import Problem
from synthgan.evaluation.tables import class_names
from synthgan.exceptions import DataError
from synthgan.layout import FloatArray

#: A chance of a class that a learner gives counts as this at least: one sure error is not to decide alone.
_LEAST_CHANCE = 1e-3
#: How much of a held-out row's truth is what a teacher says, who has not seen it; the rest is its label.
TRUST = 0.5


def said_of(model: Any, X: Any, problem: Problem) -> FloatArray:
    """Return chances of classes in the order of their codes, shape ``(n_rows, n_classes)``, or numbers.

    A classifier without chances is sure of what it predicts.
    """
    if not problem.predicts_classes:
        return np.asarray(model.predict(X), dtype=float)
    if not hasattr(model, "predict_proba"):
        return np.eye(len(problem.classes))[_codes_of(np.asarray(model.predict(X)), model, problem)]
    said = model.predict_proba(X)
    chances = np.zeros((len(said), len(problem.classes)))
    chances[:, _codes_of(np.asarray(model.classes_), model, problem)] = said
    return chances


def _codes_of(classes: npt.NDArray[Any], model: Any, problem: Problem) -> npt.NDArray[np.int64]:
    """Return the codes of classes as a learner has them, which may have other types than the user's.

    Raises
    ------
    DataError
        If one is none of the problem's.
    """
    known = pd.Index(problem.task.classes)
    codes = known.get_indexer(pd.Index(class_names(pd.Series(classes))))
    own = np.asarray(getattr(model, "classes_", ()))
    if (codes < 0).any() and len(own) == len(known):  # such as 0.0 for False: both are in order
        codes = pd.Index(own).get_indexer(pd.Index(classes))
    if (codes < 0).any():
        raise DataError(f"The learner knows the class {classes[codes < 0][0]!r}, which y does not have.")
    return np.asarray(codes)


def truth_of(labels: npt.NDArray[Any], taught: FloatArray | None, problem: Problem) -> FloatArray:
    """Return what is true of rows with labels, as `said_of` has it.

    Half of it may be what a teacher says that has not learned them. A label is one draw of what may have
    been, and a good teacher's chances are nearer to that; half of each has the noise of neither.
    """
    own = np.eye(len(problem.classes))[labels] if problem.predicts_classes else labels.astype(float)
    return own if taught is None else (1 - TRUST) * own + TRUST * taught


def losses_of(said: FloatArray, truth: FloatArray, problem: Problem) -> FloatArray:
    """Return log-losses, or squared errors in units of the target's variance; shape ``(n_rows,)``."""
    if not problem.predicts_classes:
        return np.asarray((said - truth) ** 2 / (float(np.var(problem.labels)) or 1.0))
    return np.asarray(-(truth * np.log(np.maximum(said, _LEAST_CHANCE))).sum(1))
