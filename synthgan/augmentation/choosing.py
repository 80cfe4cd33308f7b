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
from joblib import Parallel, delayed
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import KFold, StratifiedKFold

from synthgan.augmentation.decision import Candidate, Decision, Outcome
from synthgan.augmentation.given import Given
from synthgan.augmentation.lesson import taught
from synthgan.augmentation.losses import losses_of, said_of, truth_of
from synthgan.augmentation.problem import Problem
from synthgan.augmentation.supply import OF_TEACHER, Addition, Supply, nothing_of
from synthgan.evaluation.statistics import repeated_t
from synthgan.exceptions import DataError
from synthgan.layout import FloatArray

#: Standard errors by which a teacher is clearly worse than the learner that it would teach.
_CLEARLY = 2.0
#: Rows that an inner fold learns, and figures that a test is of, at least.
_MIN_ROWS, _MIN_FIGURES = 4, 2


@dataclass(frozen=True)
class Use:
    """What becomes of drawn rows.

    Attributes
    ----------
    weighs
        Whether they are learned with weights.
    adapts
        Whether the learner makes room for them; see `room`.
    sample_weight
        Of the real rows, shape ``(n_rows,)``, or None.
    """

    weighs: bool = True
    adapts: bool = True
    sample_weight: FloatArray | None = None


@dataclass(frozen=True)
class Trial:
    """How candidates are compared.

    Attributes
    ----------
    estimator
        The learner, or a pipeline.
    scoring
        A scorer of scikit-learn, its name, or None for the loss of each row: log-loss of classes, squared
        error of numbers. Where a teacher labels drawn rows, half of what is true of a held-out row is then
        what the teacher says, who has not learned it; see `losses`.
    n_splits, n_repeats
        Folds, and how often rows are cut into them anew.
    level
        Up to which chance of a gain that is none a gain counts as real.
    n_jobs
        Folds at a time.
    seed
        Of all randomness.
    use
        What becomes of the rows.
    row_weights
        Of the losses of rows, shape ``(n_rows,)``, or None: all weigh the same.
    must_add
        Whether rows are added in any case, so that only the way is chosen.
    """

    estimator: Any
    scoring: Any
    n_splits: int
    n_repeats: int
    level: float
    n_jobs: int | None
    seed: int
    use: "Use"
    row_weights: FloatArray | None = None
    must_add: bool = False

    def decided(
        self,
        given: Given,
        problem: Problem,
        supply_of: Callable[[Problem, int], Supply],
        draw: Callable[[Supply, Candidate], Addition],
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
            choice = stages[0](None)[0] if self.must_add else None
            return Decision.untried(
                choice, f"{len(problem)} rows are too few to find out whether others help"
            )
        results: dict[Candidate, FloatArray | str] = {}
        # Threads, since what a fold has learned is wanted again in the next stage.
        with warnings.catch_warnings(), Parallel(n_jobs=self.n_jobs, require="sharedmem") as parallel:
            warnings.simplefilter("ignore")  # what is warned of is warned of again in the fit that counts
            trusts = self._trusts_teacher(parallel, folds, stages[0](None))
            nones = self._figures(parallel, folds, [None], trusts)[0]
            if isinstance(nones, str):
                raise DataError(f"The learner cannot be trained on the real rows alone: {nones}")
            best = None
            for stage in stages:
                fresh = [one for one in stage(best) if one not in results]
                results |= zip(fresh, self._figures(parallel, folds, fresh, trusts), strict=True)
                gains = {one: nones - it for one, it in results.items() if not isinstance(it, str)}
                best = _best(gains) if gains else None
        return Decision.of(
            {one: self._outcome(nones, it) for one, it in results.items()},
            best,
            level=self.level,
            must_add=self.must_add,
            measured=self._measured(problem, trusts),
        )

    def _outcome(self, nones: FloatArray, figures: FloatArray | str) -> Outcome:
        if isinstance(figures, str):
            return Outcome(failed=figures)
        return Outcome(float(np.nanmean(nones - figures)), self._p_value(nones - figures))

    def _measured(self, problem: Problem, trusts: bool) -> str:
        """Return what a gain is a gain in."""
        if self.scoring is not None:
            return "the score"
        loss = "log-loss" if problem.predicts_classes else "squared error over the target's variance"
        half = " (half by their labels, half by the teacher)" if trusts else ""
        return f"{loss} of held-out rows{half}"

    def _trusts_teacher(
        self, parallel: Parallel, folds: "list[_Fold]", candidates: Sequence[Candidate]
    ) -> bool:
        """Whether held-out rows are judged by a teacher as well: it is not clearly worse than the learner."""
        if self.scoring is not None or not {one.labels for one in candidates} & set(OF_TEACHER):
            return False
        alone = self._figures(parallel, folds, [None], False)[0]
        taught = self._by_row(folds, parallel(delayed(_tried)(fold.teacher_losses) for fold in folds))
        if isinstance(alone, str) or isinstance(taught, str):
            return False
        worse = taught - alone
        return bool(worse.mean() <= _CLEARLY * worse.std() / np.sqrt(len(worse)))

    def _splits(self, problem: Problem) -> Iterator[tuple[Any, Any, int]]:
        """Yield rows that are learned and rows that are held out, repeat after repeat, and a seed."""
        rng = np.random.default_rng(self.seed)
        n_splits, folds = min(self.n_splits, len(problem)), KFold
        if problem.predicts_classes:
            counts = np.bincount(problem.labels)
            n_splits, folds = min(n_splits, max(2, int(counts.max()))), StratifiedKFold
        if len(problem) * (n_splits - 1) // n_splits < _MIN_ROWS:
            return
        for _ in range(self.n_repeats):
            cut = folds(n_splits, shuffle=True, random_state=int(rng.integers(2**31)))
            labels = problem.labels if problem.predicts_classes else None
            with warnings.catch_warnings():  # a class that some folds lack
                warnings.simplefilter("ignore", UserWarning)
                parts = list(cut.split(np.arange(len(problem)), labels))
            for learned, held_out in parts:
                if not problem.predicts_classes or len(np.unique(problem.labels[learned])) > 1:
                    yield learned, held_out, int(rng.integers(2**31))

    def _figures(
        self,
        parallel: Parallel,
        folds: "list[_Fold]",
        candidates: Sequence[Candidate | None],
        trusts: bool,
    ) -> list[FloatArray | str]:
        """Return for each candidate losses by row, or scores by fold with their sign turned, or a failure."""
        found = parallel(
            delayed(lambda fold: [_tried(fold.losses, one, trusts) for one in candidates])(fold)
            for fold in folds
        )
        by_candidate = [[results[place] for results in found] for place in range(len(candidates))]
        return [self._by_row(folds, parts) for parts in by_candidate]

    def _by_row(self, folds: "list[_Fold]", parts: "list[FloatArray | str]") -> FloatArray | str:
        """Return the figures of all folds together: of each row the mean of its losses in all repeats."""
        together = [part for part in parts if not isinstance(part, str)]
        if len(together) < len(parts):
            return next(part for part in parts if isinstance(part, str))
        if self.scoring is not None:
            scores = np.concatenate(together)
            return scores if np.isfinite(scores).sum() > 1 else "the score is defined in no two folds"
        n_rows = len(folds[0].problem)
        sums, counts = np.zeros(n_rows), np.zeros(n_rows)
        for fold, part in zip(folds, together, strict=True):
            sums[fold.held_out] += part
            counts[fold.held_out] += 1
        weights = np.ones(n_rows) if self.row_weights is None else self.row_weights
        return np.asarray((weights * sums)[counts > 0] / counts[counts > 0])

    def _p_value(self, gains: FloatArray) -> float:
        """Return how likely so large a mean gain is by chance, one-sided."""
        is_whole = bool(np.isfinite(gains).all()) and len(gains) % self.n_repeats == 0
        gains = gains[np.isfinite(gains)]
        if len(gains) < _MIN_FIGURES:
            return 1.0
        if np.ptp(gains) == 0:
            return 0.0 if gains[0] > 0 else 1.0
        if self.scoring is None:
            return float(stats.ttest_1samp(gains, 0.0, alternative="greater").pvalue)
        test = repeated_t(gains.reshape(self.n_repeats, -1) if is_whole else gains)
        return test.p_value / 2 if test.difference.value > 0 else 1 - test.p_value / 2


@dataclass(frozen=True)
class _Fold:
    """Rows to learn from and rows to judge by; nothing of the latter is seen before that."""

    trial: Trial
    given: Given
    problem: Problem
    supply_of: Callable[[Problem, int], Supply]
    draw: Callable[[Supply, Candidate], Addition]
    learned: Any
    held_out: Any
    seed: int

    @cached_property
    def supply(self) -> Supply:
        """What draws rows like the learned ones."""
        return self.supply_of(self.problem.take(self.learned), self.seed)

    @cached_property
    def asked(self) -> Given:
        """The rows that are held out."""
        return self.given.take(self.held_out)

    @cached_property
    def taught(self) -> FloatArray:
        """What the teacher says of rows that are held out, and that it has not learned."""
        return self.supply.fitted_teacher.says(self.problem.features.iloc[self.held_out])

    def losses(self, candidate: Candidate | None, trusts: bool) -> FloatArray:
        """Return the loss of each held-out row, or one score with its sign turned."""
        use = self.trial.use
        model = taught(
            seeded(self.trial.estimator, self.seed),
            self.given.take(self.learned),
            self.supply.problem,
            nothing_of(self.supply.problem) if candidate is None else self.draw(self.supply, candidate),
            real_share=None if candidate is None else candidate.real_share,
            adapt=use.adapts,
            sample_weight=None if use.sample_weight is None else use.sample_weight[self.learned],
        )
        if self.trial.scoring is not None:
            return -np.array([self._score(model)])
        return self._losses_of(said_of(model, self.asked.X, self.problem), self.taught if trusts else None)

    def _score(self, model: Any) -> float:
        """Return a score; NaN where it is not defined, as an AUC of one class."""
        scorer = check_scoring(model, self.trial.scoring)
        try:
            return float(scorer(model, self.asked.X, self.asked.y))
        except ValueError:
            return np.nan

    def teacher_losses(self) -> FloatArray:
        """Return the loss of each held-out row if the teacher itself predicts it."""
        return self._losses_of(self.taught, None)

    def _losses_of(self, said: FloatArray, by_teacher: FloatArray | None) -> FloatArray:
        truth = truth_of(self.problem.labels[self.held_out], by_teacher, self.problem)
        return losses_of(said, truth, self.problem)


def _tried(losses: Callable[..., FloatArray], *arguments: Any) -> FloatArray | str:
    """Return losses, or why there are none."""
    try:
        return losses(*arguments)
    except Exception as error:  # whatever a stranger's learner, teacher or generator raises
        return f"{type(error).__name__}: {error}"


def _best(gains: dict[Candidate, FloatArray]) -> Candidate:
    """Return the first candidate than which no other gains more by a standard error of the difference."""
    most = max(gains, key=lambda one: np.nanmean(gains[one]))
    for one, gain in gains.items():
        less = gains[most] - gain
        less = less[np.isfinite(less)]
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
