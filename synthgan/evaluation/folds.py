"""Folds of a comparison: a split of a table in, scores of every arm and learner on its test rows out.

All that is learned in a fold, the sampler, the coding of columns, the learners and their thresholds, is
learned from rows that are not tested. Folds that are done may be kept in a folder, so that an interrupted
comparison goes on where it was.
"""

import hashlib
import json
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from synthgan.evaluation.arms import Arm, Training
from synthgan.evaluation.learners import Examples, Task, UnsuitedError, fitted, predicted, put_in
from synthgan.evaluation.scores import Thresholds, classification_scores, regression_scores
from synthgan.evaluation.splits import Split
from synthgan.evaluation.tables import Coding
from synthgan.exceptions import OutputRefusedError
from synthgan.io import replacing

#: To be raised when a fold of the same description gives other scores than before.
_FORMAT = 1


@dataclass(frozen=True)
class Outcome:
    """The scores of one arm and learner in one fold.

    Attributes
    ----------
    arm, ratio, learner
        Whose they are; the ratio is None where the arm decides how many rows there are.
    scores
        By name; empty where `failure` says why there are none.
    n_added
        Rows that the arm added.
    seconds
        That the learner took to learn and to predict.
    failure
        Why there are no scores.
    unsuited
        Whether that is in the nature of the learner or arm, and no fault.
    """

    arm: str
    ratio: float | None
    learner: str
    scores: dict[str, float] = field(default_factory=dict)
    n_added: int = 0
    seconds: float = 0.0
    failure: str = ""
    unsuited: bool = False


@dataclass(frozen=True)
class FoldResult:
    """The outcomes of one fold, for each arm, ratio and learner.

    Beside that stand the seconds that each arm took to make its rows, and the warnings of samplers and
    learners, each once.
    """

    outcomes: list[Outcome]
    seconds: dict[str, float]
    notes: list[str]


@dataclass(frozen=True)
class Trial:
    """The trial of every fold: arms at ratios of synthetic to training rows, judged by learners of a task."""

    task: Task
    arms: list[Arm]
    estimators: dict[str, Any]
    ratios: list[float]

    def run(self, frame: pd.DataFrame, split: Split) -> FoldResult:
        """Return what comes of one split of a table."""
        learned, validation, test = (
            frame.iloc[rows].reset_index(drop=True) for rows in (split.learned, split.validation, split.test)
        )
        coding = Coding.of(learned.drop(columns=self.task.target))
        sides = [self.task.examples(rows, coding) for rows in (validation, test)]
        outcomes: list[Outcome] = []
        seconds: dict[str, float] = {}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for arm in self.arms:
                started = time.monotonic()
                made = list(self._made(arm, learned, split.seed))
                seconds[arm.name] = time.monotonic() - started
                for training in made:
                    outcomes += self._judged(arm, training, coding, sides, len(learned), split.seed)
        notes = dict.fromkeys(f"{warning.category.__name__}: {warning.message}" for warning in caught)
        return FoldResult(outcomes, seconds, list(notes))

    def _made(self, arm: Arm, learned: pd.DataFrame, seed: int) -> Iterator[Training | Outcome]:
        """Yield the rows that an arm makes, or one outcome that says why it makes none."""
        try:
            yield from arm.trainings(learned.copy(), self.task, self.ratios, seed)
        except Exception as error:  # whatever a stranger's sampler raises is told, and the others go on
            yield Outcome(arm.name, None, "", failure=_told(error), unsuited=isinstance(error, UnsuitedError))

    def _judged(
        self,
        arm: Arm,
        training: Training | Outcome,
        coding: Coding,
        sides: list[Examples],
        n_learned: int,
        seed: int,
    ) -> Iterator[Outcome]:
        """Yield the scores of every learner that is trained on what an arm made."""
        if isinstance(training, Outcome):
            yield training
            return
        try:
            examples = self.task.examples(training.frame, coding)
        except Exception as error:
            yield Outcome(arm.name, training.ratio, "", failure=_told(error))
            return
        for name, estimator in self.estimators.items():
            started = time.monotonic()
            scores, failure, unsuited = {}, "", False
            n_added = len(examples) - n_learned
            try:
                learner = estimator if training.around is None else put_in(training.around, estimator)
                model = fitted(learner, examples, seed=seed, balanced=training.balanced)
                scores = self._scores(model, sides)
                n_added += getattr(model, "n_added_", 0)
            except Exception as error:
                failure, unsuited = _told(error), isinstance(error, UnsuitedError)
            seconds = time.monotonic() - started
            yield Outcome(arm.name, training.ratio, name, scores, n_added, seconds, failure, unsuited)

    def _scores(self, model: Any, sides: list[Examples]) -> dict[str, float]:
        """Return the scores on test rows, with thresholds that are the best on validation rows."""
        validation, test = sides
        predictions = predicted(model, test, self.task)
        if self.task.kind == "regression":
            return regression_scores(test.labels, predictions)
        thresholds = Thresholds()
        if len(self.task.classes) == 2 and len(validation):
            thresholds = Thresholds.tuned(validation.labels, predicted(model, validation, self.task)[:, 1])
        return classification_scores(test.labels, predictions, thresholds)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]


class FoldStore:
    """A folder with one file for each fold.

    The name of a file says of which table, split, arms and learners the fold is, and of which versions. Of an
    object that cannot be pickled only its class is known, and code is not looked at: clear the folder when
    what a sampler does has changed. Folds in which something failed are not kept.

    Parameters
    ----------
    folder
        Made where it does not exist; None to keep nothing.
    frame
        The table.
    trial
        The trial of each fold.

    Raises
    ------
    OutputRefusedError
        If there is a file in the folder's place.
    """

    def __init__(self, folder: Any, frame: pd.DataFrame, trial: Trial) -> None:
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputRefusedError(
                    f"The folder {str(folder)!r} for finished folds cannot be made: {error.strerror}."
                ) from error
        cells = np.ascontiguousarray(Coding.of(frame, with_keys=True).numbers(frame)).tobytes()
        names = [str(name) for name in frame.columns]
        self.about = hashlib.sha256(json.dumps([_FORMAT, names, _described(trial)]).encode() + cells)

    def path(self, split: Split) -> Path | None:
        """Return the file of a fold."""
        if self.folder is None:
            return None
        own = self.about.copy()
        for rows in (split.learned, split.validation, split.test, np.array([split.seed])):
            own.update(np.ascontiguousarray(rows, dtype=np.int64).tobytes())
        return self.folder / f"fold-{own.hexdigest()[:24]}.json"

    def get(self, split: Split) -> FoldResult | None:
        """Return what came of a fold, None if that is not known or the file is not whole."""
        path = self.path(split)
        if path is None or not path.is_file():
            return None
        with suppress(ValueError, KeyError, TypeError, OSError):
            state = json.loads(path.read_text(encoding="utf-8"))
            return FoldResult([Outcome(**one) for one in state["outcomes"]], state["seconds"], state["notes"])
        return None

    def put(self, split: Split, result: FoldResult) -> None:
        """Keep what came of a fold."""
        path = self.path(split)
        has_failed = any(outcome.failure and not outcome.unsuited for outcome in result.outcomes)
        if path is not None and not has_failed:
            with replacing(path) as beside:
                beside.write_text(json.dumps(asdict(result)), encoding="utf-8")


def _described(trial: Trial) -> list[Any]:
    arms = [[arm.name, _names_of(getattr(arm, "sampler", arm))] for arm in trial.arms]
    estimators = [[name, _names_of(estimator)] for name, estimator in trial.estimators.items()]
    versions = [version(name) for name in ("synthgan", "scikit-learn", "imbalanced-learn")]
    return [str(trial.task), arms, estimators, trial.ratios, versions]


def _names_of(thing: Any) -> str:
    """Return what tells one object from another: its class, and a hash of all that it holds."""
    kind = f"{type(thing).__module__}.{type(thing).__qualname__}"
    try:
        return f"{kind}:{joblib.hash(thing)}"
    except Exception:  # whatever a stranger's object raises that cannot be pickled
        return kind
