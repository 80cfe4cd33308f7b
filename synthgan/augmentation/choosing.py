"""Which rows to add, how many, and whether any: a problem and candidates come in, a `Decision` comes out.

An inner cross-validation on the training rows compares the learner with and without each candidate. Adding
nothing is the first candidate and stays the choice unless another is better by a paired test.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import KFold, StratifiedKFold

from synthgan.augmentation.lesson import taught
from synthgan.augmentation.problem import Given, Problem
from synthgan.augmentation.supply import Addition, Supply
from synthgan.evaluation.statistics import repeated_t
from synthgan.evaluation.tables import class_names
from synthgan.exceptions import DataError
from synthgan.layout import FloatArray

#: A chance of a class that a learner gives counts as this at least: one sure error is not to decide alone.
_LEAST_CHANCE = 1e-3
#: Rows that an inner fold learns, at least.
_MIN_ROWS = 4


@dataclass(frozen=True)
class Candidate:
    """A way of augmenting.

    Attributes
    ----------
    method
        How rows are drawn; one of `ways.METHODS`.
    labels
        Whose labels they get; one of `supply.LABELS`.
    ratio
        Drawn rows for each real one; None where a sampling strategy decides.
    real_share
        Share of the weight that real rows keep, or None: every row weighs the same.
    """

    method: str
    labels: str
    ratio: float | None
    real_share: float | None

    def __str__(self) -> str:
        share = "" if self.real_share is None else f", real rows keep {self.real_share:.0%} of the weight"
        amount = "rows by sampling strategy" if self.ratio is None else f"{self.ratio:g} rows for each"
        return f"{amount} by {self.method!r}, labels {self.labels!r}{share}"


@dataclass(frozen=True)
class Decision:
    """What was chosen, and why.

    Attributes
    ----------
    choice
        The candidate, or None: nothing is added.
    reason
        In a sentence.
    p_value
        One-sided, of the best candidate: how likely so large a gain is where there is none.
    level
        Up to which it counts as real.
    table
        One row a candidate: what it is, its mean ``gain`` on rows that were held out (fall of the loss, or
        rise of the score), its ``p_value``, and why it ``failed``, if it did.
    """

    choice: Candidate | None
    reason: str
    p_value: float
    level: float
    table: pd.DataFrame

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Trial:
    """How candidates are compared.

    Attributes
    ----------
    estimator
        The learner, or a pipeline.
    scoring
        A scorer of scikit-learn, its name, or None for the loss of each row: log-loss of classes, squared
        error of numbers.
    n_splits, n_repeats
        Folds, and how often rows are cut into them anew.
    level
        Up to which chance of a gain that is none a gain counts as real.
    adapt
        Whether the learner makes room for drawn rows; see `room`.
    n_jobs
        Folds at a time.
    seed
        Of all randomness.
    """

    estimator: Any
    scoring: Any
    n_splits: int
    n_repeats: int
    level: float
    adapt: bool
    n_jobs: int | None
    seed: int

    def decided(
        self,
        given: Given,
        problem: Problem,
        supply_of: Callable[[Problem, int], Supply],
        draw: Callable[[Supply, Candidate | None], Addition],
        stages: Sequence[Callable[[Candidate | None], list[Candidate]]],
    ) -> Decision:
        """Return the best candidate if it is better than none.

        Parameters
        ----------
        given, problem
            The training rows, as the user has them and as they are read.
        supply_of
            Returns what draws and labels rows, given those of a fold and a seed.
        draw
            Returns the rows that a candidate adds.
        stages
            Each returns candidates, given the best of the stage before.
        """
        folds = [_Fold(self, given, problem, supply_of, draw, *split) for split in self._splits(problem)]
        if not folds:
            return _nothing(f"{len(problem)} rows are too few to find out whether others help", self.level)
        results: dict[Candidate, FloatArray | str] = {}
        # Threads, since what a fold has learned is wanted again in the next stage.
        with Parallel(n_jobs=self.n_jobs, require="sharedmem") as parallel:
            nones = self._figures(parallel, folds, problem, [None])[0]
            if isinstance(nones, str):
                raise DataError(f"The learner cannot be trained on the real rows alone: {nones}")
            best = None
            for stage in stages:
                fresh = [one for one in stage(best) if one not in results]
                results |= zip(fresh, self._figures(parallel, folds, problem, fresh), strict=True)
                gains = {one: nones - it for one, it in results.items() if not isinstance(it, str)}
                best = _best(gains) if gains else None
        return self._decision(results, nones, best)

    def _decision(
        self,
        results: dict[Candidate, FloatArray | str],
        nones: FloatArray,
        best: Candidate | None,
    ) -> Decision:
        rows = []
        for one, figures in results.items():
            row: dict[str, Any] = {
                "method": one.method,
                "labels": one.labels,
                "ratio": one.ratio,
                "real_share": one.real_share,
            }
            if isinstance(figures, str):
                rows.append(row | {"gain": np.nan, "p_value": np.nan, "failed": figures})
                continue
            row |= {"gain": float((nones - figures).mean()), "p_value": self._p_value(nones - figures)}
            rows.append(row | {"failed": ""})
        table = pd.DataFrame(rows)
        if best is None:
            why = table["failed"].iloc[0] if len(table) else "there were no candidates"
            return _nothing(f"no candidate could be tried: {why}", self.level, table)
        place = list(results).index(best)
        gain, p_value = float(table["gain"].iloc[place]), float(table["p_value"].iloc[place])
        measured = "the loss of held-out rows fell by" if self.scoring is None else "the score rose by"
        found = f"of {len(rows)} candidates the best was {best}: {measured} {gain:.4g} (p = {p_value:.2g}"
        if p_value <= self.level:
            return Decision(best, f"Adds rows: {found}).", p_value, self.level, table)
        return Decision(None, f"Adds nothing: {found}, above {self.level:g}).", p_value, self.level, table)

    def _splits(self, problem: Problem) -> Iterator[tuple[Any, Any, int]]:
        """Yield rows that are learned and rows that are held out, repeat after repeat, and a seed."""
        rng = np.random.default_rng(self.seed)
        n_splits, folds = self.n_splits, KFold
        if problem.predicts_classes:
            counts = np.bincount(problem.labels)
            n_splits, folds = min(n_splits, max(2, int(counts.max()))), StratifiedKFold
        if len(problem) * (n_splits - 1) // n_splits < _MIN_ROWS:
            return
        for _ in range(self.n_repeats):
            cut = folds(n_splits, shuffle=True, random_state=int(rng.integers(2**31)))
            labels = problem.labels if problem.predicts_classes else None
            for learned, held_out in cut.split(np.arange(len(problem)), labels):
                if not problem.predicts_classes or len(np.unique(problem.labels[learned])) > 1:
                    yield learned, held_out, int(rng.integers(2**31))

    def _figures(
        self,
        parallel: Parallel,
        folds: "list[_Fold]",
        problem: Problem,
        candidates: Sequence[Candidate | None],
    ) -> list[FloatArray | str]:
        """Return for each candidate losses by row, or scores by fold with their sign turned, or a failure."""
        if not candidates:
            return []
        found = parallel(delayed(_run)(fold, candidates) for fold in folds)
        together: list[FloatArray | str] = []
        for place in range(len(candidates)):
            parts = [results[place] for results in found]
            failed = [part for part in parts if isinstance(part, str)]
            if failed:
                together.append(failed[0])
                continue
            if self.scoring is not None:
                together.append(np.concatenate(parts))
                continue
            sums, counts = np.zeros(len(problem)), np.zeros(len(problem))
            for fold, part in zip(folds, parts, strict=True):
                sums[fold.held_out] += part
                counts[fold.held_out] += 1
            together.append(sums[counts > 0] / counts[counts > 0])
        return together

    def _p_value(self, gains: FloatArray) -> float:
        """Return how likely so large a mean gain is by chance, one-sided."""
        if np.ptp(gains) == 0:
            return 0.0 if gains[0] > 0 else 1.0
        if self.scoring is None:
            return float(stats.ttest_1samp(gains, 0.0, alternative="greater").pvalue)
        test = repeated_t(gains.reshape(self.n_repeats, -1) if len(gains) % self.n_repeats == 0 else gains)
        return test.p_value / 2 if test.difference.value > 0 else 1 - test.p_value / 2


@dataclass(frozen=True)
class _Fold:
    """Rows to learn from and rows to judge by; nothing of the latter is seen before that."""

    trial: Trial
    given: Given
    problem: Problem
    supply_of: Callable[[Problem, int], Supply]
    draw: Callable[[Supply, Candidate | None], Addition]
    learned: Any
    held_out: Any
    seed: int

    @cached_property
    def supply(self) -> Supply:
        """What draws rows like the learned ones."""
        return self.supply_of(self.problem.take(self.learned), self.seed)

    def losses(self, candidate: Candidate | None) -> FloatArray:
        """Return the loss of each held-out row, or one score with its sign turned."""
        given, problem = self.given.take(self.learned), self.supply.problem
        addition = self.draw(self.supply, candidate)
        model = taught(
            seeded(self.trial.estimator, self.seed),
            given,
            problem,
            addition,
            real_share=None if candidate is None else candidate.real_share,
            adapt=self.trial.adapt,
        )
        asked, labels = self.given.take(self.held_out), self.problem.labels[self.held_out]
        if self.trial.scoring is not None:
            return -np.array([check_scoring(model, self.trial.scoring)(model, asked.X, asked.y)])
        return row_losses(model, asked.X, labels, self.problem)


def _run(fold: _Fold, candidates: Sequence[Candidate | None]) -> list[FloatArray | str]:
    results: list[FloatArray | str] = []
    with warnings.catch_warnings():  # what is warned of here is warned of again in the fit that counts
        warnings.simplefilter("ignore")
        for candidate in candidates:
            try:
                results.append(fold.losses(candidate))
            except Exception as error:  # whatever a stranger's learner, teacher or generator raises
                results.append(f"{type(error).__name__}: {error}")
    return results


def _best(gains: dict[Candidate, FloatArray]) -> Candidate:
    """Return the first candidate than which no other gains more by a standard error of the difference."""
    most = max(gains, key=lambda one: gains[one].mean())
    for one, gain in gains.items():
        less = gains[most] - gain
        if less.mean() <= less.std() / np.sqrt(len(less)):
            return one
    return most


def seeded(estimator: Any, seed: int) -> Any:
    """Return a copy of an estimator in which all that is left to chance has a seed."""
    copy = clone(estimator)
    unset = [
        name for name, value in copy.get_params().items() if name.endswith("random_state") and value is None
    ]
    return copy.set_params(**dict.fromkeys(unset, seed)) if unset else copy


def row_losses(model: Any, X: Any, labels: Any, problem: Problem) -> FloatArray:
    """Return log-losses of classes, or squared errors in units of the target's variance, shape ``(n_rows,)``.

    A classifier without probabilities has a loss of 1 where it errs.
    """
    if not problem.predicts_classes:
        variance = float(np.var(problem.labels)) or 1.0
        return np.asarray((np.asarray(model.predict(X), dtype=float) - labels) ** 2 / variance)
    known = pd.Index(problem.task.classes)
    if not hasattr(model, "predict_proba"):
        predicted = known.get_indexer(pd.Index(class_names(pd.Series(np.asarray(model.predict(X))))))
        errs: FloatArray = (predicted != labels).astype(float)
        return errs
    columns = known.get_indexer(pd.Index(class_names(pd.Series(np.asarray(model.classes_)))))
    chances = np.zeros((len(labels), len(known)))
    chances[:, columns] = model.predict_proba(X)
    found = np.maximum(chances[np.arange(len(labels)), labels], _LEAST_CHANCE)
    return np.asarray(-np.log(found))


def _nothing(reason: str, level: float, table: pd.DataFrame | None = None) -> Decision:
    return Decision(None, f"Adds nothing: {reason}.", 1.0, level, pd.DataFrame() if table is None else table)
