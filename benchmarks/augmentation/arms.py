"""The arms of the study: a learner and rows to learn come in, a fitted model comes out."""

import hashlib
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline as ResamplingPipeline
from learners import LEARNERS, piped
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.utils.class_weight import compute_sample_weight

from synthgan import AugmentedClassifier, Augmenter
from synthgan.augmentation.estimators import default_augmenter
from synthgan.augmentation.problem import Problem
from synthgan.augmentation.room import takes_weights
from synthgan.augmentation.supply import Supply
from synthgan.augmentation.teachers import default_teacher
from synthgan.evaluation.learners import Task
from synthgan.evaluation.neighbours import between_neighbours

#: Rows that are drawn for each real one, and the share of the weight that real ones keep: `methods` that the
#: project knows from before have them so, and so have all arms that it does not choose for.
RATIO, SHARE = 5, 0.5
_N_FOLDS = 5
Arm = Callable[[str, pd.DataFrame, "pd.Series[Any]", int], Any]

_fitted: dict[Any, Any] = {}


def forget() -> None:
    """Forget all models that arms and learners of one split share."""
    _fitted.clear()


def _key(table: Any, *others: Any) -> Any:
    cells = pd.util.hash_pandas_object(pd.DataFrame(table), index=False).to_numpy()
    return (hashlib.sha1(cells.tobytes()).hexdigest(), *others)


class RememberingAugmenter(Augmenter):
    """An Augmenter that learns and draws rows once for all learners of a split: it saves time alone."""

    def _supply(self, problem: Problem, seed: int, **what: Any) -> Supply:
        key = _key(problem.frame, "supply", seed, type(self.synthesizer).__name__)
        if key not in _fitted:
            _fitted[key] = super()._supply(problem, seed, **what)
        return _fitted[key]


class Independent:
    """Columns that are drawn one by one: all that is known of how they hang together is left out."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, table: pd.DataFrame) -> Self:
        """Keep the columns."""
        self.table = table
        return self

    def sample(self, n: int) -> pd.DataFrame:
        """Return rows of cells that need not be of one row."""
        rng = np.random.default_rng(self.seed)
        columns = {
            name: self.table[name].iloc[rng.integers(len(self.table), size=n)].reset_index(drop=True)
            for name in self.table
        }
        return pd.DataFrame(columns)


class Ctgan:
    """Rows of CTGAN with its defaults, which runs in an environment of its own."""

    process: subprocess.Popen[str] | None = None
    python: str = ""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, table: pd.DataFrame) -> Self:
        """Have the table learned, and rows drawn."""
        key = _key(table, "ctgan", self.seed)
        if key not in _fitted:
            with tempfile.TemporaryDirectory() as folder:
                learned, drawn = Path(folder) / "learned.parquet", Path(folder) / "drawn.parquet"
                table.to_parquet(learned)
                _fitted[key] = self._asked(learned, drawn, RATIO * len(table))
        self.rows = _fitted[key]
        return self

    def _asked(self, learned: Path, drawn: Path, n: int) -> pd.DataFrame:
        if Ctgan.process is None:
            script = str(Path(__file__).with_name("ctgan_rows.py"))
            Ctgan.process = subprocess.Popen(
                [Ctgan.python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        asked, told = Ctgan.process.stdin, Ctgan.process.stdout
        assert asked is not None
        assert told is not None
        print(learned, drawn, n, self.seed, sep="\t", file=asked, flush=True)
        if told.readline().strip() != "drawn":
            raise RuntimeError("CTGAN drew no rows.")
        return pd.read_parquet(drawn)

    def sample(self, n: int) -> pd.DataFrame:
        """Return the first of the rows."""
        return self.rows.head(n)


def learner_of(name: str, seed: int) -> Any:
    """Return a learner of tables with a seed."""
    learner = clone(LEARNERS[name][0])
    return piped(learner.set_params(random_state=seed) if "random_state" in learner.get_params() else learner)


def none(name: str, X: pd.DataFrame, y: "pd.Series[Any]", seed: int) -> Any:
    """Return the learner as it is, of the real rows alone."""
    return learner_of(name, seed).fit(X, y)


def tuned(name: str, X: pd.DataFrame, y: "pd.Series[Any]", seed: int) -> Any:
    """Return the learner with the settings whose AUC is best by cross-validation on the real rows."""
    grid = {
        f"learner__{parameter}": [one for one in values if parameter != "n_neighbors" or one < 0.7 * len(y)]
        for parameter, values in LEARNERS[name][1].items()
    }
    folds = StratifiedKFold(_N_FOLDS, shuffle=True, random_state=seed)
    return GridSearchCV(
        learner_of(name, seed), grid, scoring="roc_auc" if y.nunique() == 2 else "roc_auc_ovr", cv=folds
    ).fit(X, y)


def teacher(name: str, X: pd.DataFrame, y: "pd.Series[Any]", seed: int) -> Any:
    """Return the teacher itself, whatever the learner."""
    key = _key(X, "alone", seed)
    if key not in _fitted:
        ensemble = default_teacher("classification")
        names = [name for name in ensemble.get_params() if name.endswith("random_state")]
        _fitted[key] = piped(ensemble.set_params(**dict.fromkeys(names, seed))).fit(X, y)
    return _fitted[key]


def class_weights(name: str, X: pd.DataFrame, y: "pd.Series[Any]", seed: int) -> Any:
    """Return the learner with classes that weigh the same, by repetition where it takes no weights."""
    learner = learner_of(name, seed)
    if takes_weights(learner):
        return learner.fit(X, y, learner__sample_weight=compute_sample_weight("balanced", y))
    counts = y.value_counts()
    again = np.concatenate(
        [np.repeat(np.flatnonzero(y == c), round(counts.max() / n)) for c, n in counts.items()]
    )
    return learner.fit(X.iloc[again], y.iloc[again])


def oversampling(name: str, X: pd.DataFrame, y: "pd.Series[Any]", seed: int) -> Any:
    """Return the learner of rows of which rarer classes' are repeated at random."""
    learner = learner_of(name, seed)
    steps = [("resample", RandomOverSampler(random_state=seed)), *learner.steps]
    return ResamplingPipeline(steps).fit(X, y)


def smote(name: str, X: pd.DataFrame, y: "pd.Series[Any]", seed: int) -> Any:
    """Return the learner of rows to which SMOTE, SMOTENC or SMOTEN has added some of rarer classes."""
    labels = Task("y", "classification", tuple(map(str, range(y.max() + 1)))).labels(y.to_frame("y"))
    counts = np.bincount(labels)
    wanted = {code: int(counts.max() - n) for code, n in enumerate(counts)}
    rows, codes = between_neighbours(X, labels, wanted, seed)
    frame = pd.concat([X, rows.astype(X.dtypes)], ignore_index=True)
    return learner_of(name, seed).fit(frame, np.concatenate([y, codes]))


def augmented(augmenter: Augmenter, synthesizer: Any = None) -> Arm:
    """Return the arm that an augmenter is."""

    def arm(name: str, X: pd.DataFrame, y: "pd.Series[Any]", seed: int) -> Any:
        own = RememberingAugmenter(**augmenter.get_params(deep=False))
        own.set_params(synthesizer=synthesizer and synthesizer(seed))
        return AugmentedClassifier(learner_of(name, seed), own, random_state=seed).fit(X, y)

    return arm


def always(method: str, labels: str, share: float = SHARE, synthesizer: Any = None) -> Arm:
    """Return the arm that adds the same number of rows whatever comes of it."""
    augmenter = Augmenter(ratio=RATIO, method=method, labels=labels, real_share=share)
    return augmented(augmenter, synthesizer)


#: Share of real rows beside chances of classes, which is that of `default_augmenter`.
_SOFT = 0.1
ARMS: dict[str, Arm] = {
    "none": none,
    "none, tuned": tuned,
    "teacher": teacher,
    "class weights": class_weights,
    "random oversampling": oversampling,
    "SMOTE": smote,
    "jitter": always("jitter", "own"),
    "jitter, teacher": always("jitter", "teacher"),
    "independent, teacher": always("generator", "teacher", synthesizer=Independent),
    "CTGAN": always("generator", "own", synthesizer=Ctgan),
    "synthgan": always("generator", "own"),
    "synthgan, teacher": always("generator", "teacher"),
    "synthgan, soft": always("generator", "soft", _SOFT),
    "jitter, soft": always("jitter", "soft", _SOFT),
    "ratio='auto'": augmented(default_augmenter()),
}
