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

from synthgan.augmentation.decision import Candidate, Decision, Measure, Outcome
from synthgan.augmentation.given import Given
from synthgan.augmentation.lesson import taught
from synthgan.augmentation.losses import losses_of, said_of, truth_of
from synthgan.augmentation.problem import Problem
from synthgan.augmentation.room import last_step
from synthgan.augmentation.supply import OF_TEACHER, Addition, Supply, nothing_of
from synthgan.evaluation.statistics import repeated_t
from synthgan.exceptions import ParameterError
from synthgan.layout import FloatArray
from synthgan.progress import Report

#: Standard errors by which a teacher is clearly worse than the learner that it would teach.
_CLEARLY = 2.0
#: Why there are no figures.
_UNDEFINED = "the score is defined in no two folds"
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
        Up to which chance of a gain that is none a gain counts as real. Where a teacher has a say, there must
        be one by labels alone as well: a teacher that is less sure than it might be would have a learner be
        as unsure.
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
    use: Use
    row_weights: FloatArray | None = None
    must_add: bool = False

    def decided(
        self,
        given: Given,
        problem: Problem,
        supply_of: Callable[[Problem, int], Supply],
        draw: Callable[[Supply, Candidate], Addition],
        stages: Sequence[Callable[[Candidate | None], list[Candidate]]],
        report: Report,
    ) -> Decision:
        """Return the best candidate if it is better than none.

        The rows of a fold and a seed give a supply, of which the rows of a candidate are drawn. Each stage
        returns candidates, given the best of the stage before.
        """
        self._check_scoring()
        first = stages[0](None)
        unless_compared = first[0] if self.must_add else None
        folds = [_Fold(self, given, problem, supply_of, draw, *split) for split in self._splits(problem)]
        if not folds:
            why = f"{len(problem)} rows are too few to compare that with anything"
            return Decision.untried(unless_compared, why)
        results: dict[Candidate, FloatArray | str] = {}
        # Threads, since what a fold has learned is wanted again in the next stage.
        threads = Parallel(n_jobs=self.n_jobs, require="sharedmem", return_as="generator")
        with warnings.catch_warnings(), threads as parallel:
            warnings.simplefilter("ignore")  # what is warned of is warned of again in the fit that counts
            bench = _Bench(self, folds, parallel, report, (len(stages) + 2) * len(folds))
            trusts = bench.trusts_teacher(first)
            nones = bench.of_none(trusts)
            if isinstance(nones, str):
                why = f"the learner cannot be trained on parts of the rows: {nones}"
                return Decision.untried(unless_compared, why)
            best = None
            for stage in stages:
                fresh = [one for one in stage(best) if one not in results]
                results |= zip(fresh, bench.figures(fresh, trusts), strict=True)
                gains = {one: (nones - it)[0] for one, it in results.items() if not isinstance(it, str)}
                best = _best(gains) if gains else None
        report(1.0, {})
        return Decision.of(
            {one: self._outcome(nones, it) for one, it in results.items()},
            best,
            level=self.level,
            must_add=self.must_add,
            measure=self._measure(problem),
        )

    def _check_scoring(self) -> None:
        """Raise ParameterError if what is to be better is no scorer."""
        try:
            check_scoring(self.estimator, self.scoring)
        except (ValueError, TypeError) as error:
            if self.scoring is not None:
                raise ParameterError(f"scoring must be a scorer, its name, or None: {error}") from error

    def _outcome(self, nones: FloatArray, figures: FloatArray | str) -> Outcome:
        if isinstance(figures, str):
            return Outcome(failed=figures)
        gains, by_labels = (nones - figures)[0], np.nan
        if len(nones) > 1:
            by_labels = float((nones - figures)[1].mean())
        return Outcome(float(np.nanmean(gains)), self._p_value(gains), by_labels)

    def _measure(self, problem: Problem) -> Measure:
        """Return what a gain is a gain in."""
        whose = f"{type(last_step(self.estimator)[0]).__name__}'s"
        if self.scoring is not None:
            return Measure(f"{whose} score on held-out rows", is_loss=False)
        loss = "log-loss" if problem.predicts_classes else "squared error, over the target's variance,"
        return Measure(f"{whose} {loss} on held-out rows", is_loss=True)

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


@dataclass
class _Bench:
    """The folds of a trial, side by side."""

    trial: Trial
    folds: "list[_Fold]"
    parallel: Parallel
    report: Report
    n_expected: int
    n_done: int = 0

    def trusts_teacher(self, candidates: Sequence[Candidate]) -> bool:
        """Whether held-out rows are judged by a teacher as well: it is not clearly worse than the learner."""
        if self.trial.scoring is not None or not {one.labels for one in candidates} & set(OF_TEACHER):
            return False
        alone = self.figures([None], False)[0]
        taught = self._by_row(self._on_all(lambda fold: _tried(fold.teacher_losses)))
        if isinstance(alone, str) or isinstance(taught, str):
            return False
        worse = (taught - alone)[0]
        return bool(worse.mean() <= _CLEARLY * worse.std() / np.sqrt(len(worse)))

    def of_none(self, trusts: bool) -> FloatArray | str:
        """Return the figures of the learner without drawn rows; see `figures`.

        Raises
        ------
        ParameterError
            If the score that is asked for is not defined.
        """
        nones = self.figures([None], trusts)[0]
        if not isinstance(nones, str) or nones != _UNDEFINED:
            return nones
        why = next((why for fold in self.folds if (why := fold.score(None)[1])), "two folds have to have one")
        raise ParameterError(
            f"scoring={self.trial.scoring!r} gives no score on these rows: {why} Take another, such as "
            "'roc_auc_ovr' or 'f1_macro' for several classes, or None for the log-loss."
        )

    def figures(self, candidates: Sequence[Candidate | None], trusts: bool) -> list[FloatArray | str]:
        """Return for each candidate losses by row, or scores by fold with their sign turned, or a failure.

        Their shape is ``(1, n)``, or ``(2, n)`` if a teacher is trusted: as it has a say, and by labels.
        """
        found = self._on_all(lambda fold: [_tried(fold.losses, one, trusts) for one in candidates])
        return [self._by_row([results[place] for results in found]) for place in range(len(candidates))]

    def _on_all(self, work: Callable[["_Fold"], Any]) -> list[Any]:
        """Return what comes of a piece of work in each fold."""
        results = []
        for result in self.parallel(delayed(work)(fold) for fold in self.folds):
            results.append(result)
            self.n_done += 1
            self.report(min(0.99, self.n_done / self.n_expected), {})
        return results

    def _by_row(self, parts: "list[FloatArray | str]") -> FloatArray | str:
        """Return the figures of all folds together: of each row the mean of its losses in all repeats."""
        together = [part for part in parts if not isinstance(part, str)]
        if len(together) < len(parts):
            return next(part for part in parts if isinstance(part, str))
        if self.trial.scoring is not None:
            scores = np.concatenate(together, axis=1)
            return scores if np.isfinite(scores).sum() > 1 else _UNDEFINED
        n_rows = len(self.folds[0].problem)
        sums, counts = np.zeros((len(together[0]), n_rows)), np.zeros(n_rows)
        for fold, part in zip(self.folds, together, strict=True):
            sums[:, fold.held_out] += part
            counts[fold.held_out] += 1
        weights = np.ones(n_rows) if self.trial.row_weights is None else self.trial.row_weights
        return np.asarray((weights * sums)[:, counts > 0] / counts[counts > 0])


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
        """Return the loss of each held-out row, or one score with its sign turned; see `_Bench.figures`."""
        if self.trial.scoring is not None:
            return -np.array([[self.score(candidate)[0]]])
        said = said_of(self.model(candidate), self.asked.X, self.problem)
        judges = [self.taught, None] if trusts else [None]
        return np.stack([self._losses_of(said, judge) for judge in judges])

    def model(self, candidate: Candidate | None) -> Any:
        """Return the learner, which has learned the rows of the fold and those that a candidate adds."""
        use = self.trial.use
        return taught(
            seeded(self.trial.estimator, self.seed),
            self.given.take(self.learned),
            self.supply.problem,
            nothing_of(self.supply.problem) if candidate is None else self.draw(self.supply, candidate),
            real_share=None if candidate is None else candidate.real_share,
            adapt=use.adapts,
            sample_weight=None if use.sample_weight is None else use.sample_weight[self.learned],
        )

    def score(self, candidate: Candidate | None) -> tuple[float, str]:
        """Return a score, NaN where it is not defined, as an AUC of one class, and then why it is not."""
        model = self.model(candidate)
        try:
            return float(check_scoring(model, self.trial.scoring)(model, self.asked.X, self.asked.y)), ""
        except (ValueError, AttributeError) as error:
            return np.nan, f"{str(error).rstrip('.')}."

    def teacher_losses(self) -> FloatArray:
        """Return the loss of each held-out row if the teacher itself predicts it, shape ``(1, n)``."""
        return self._losses_of(self.taught, None)[None]

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
