"""Folds that are done, kept in a folder: an interrupted comparison goes on where it was."""

import hashlib
import json
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from synthgan.evaluation.folds import FoldResult, Trial
from synthgan.evaluation.splits import Split
from synthgan.evaluation.tables import Coding
from synthgan.exceptions import OutputRefusedError
from synthgan.io import replacing

#: To be raised when a fold of the same description gives other scores than before.
_FORMAT = 1


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
        What each fold does.

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
            return FoldResult.from_dict(json.loads(path.read_text(encoding="utf-8")))
        return None

    def put(self, split: Split, result: FoldResult) -> None:
        """Keep what came of a fold."""
        path = self.path(split)
        has_failed = any(outcome.failure and not outcome.unsuited for outcome in result.outcomes)
        if path is not None and not has_failed:
            with replacing(path) as beside:
                beside.write_text(json.dumps(result.to_dict()), encoding="utf-8")


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
