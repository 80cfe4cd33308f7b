"""compare_augmentation: does adding drawn rows help a model? A table and samplers in, a `Comparison` out."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from pandas.api.types import is_datetime64_any_dtype

from synthgan.evaluation.arms import Sampler, baselines, named_samplers, own_copy
from synthgan.evaluation.folds import FoldResult, Trial
from synthgan.evaluation.judgement import Evaluation, evaluate
from synthgan.evaluation.learners import Task, named_estimators
from synthgan.evaluation.results import Comparison, records_of
from synthgan.evaluation.scores import score_named
from synthgan.evaluation.splits import Plan, Split, copies_of, splits_of
from synthgan.evaluation.store import FoldStore
from synthgan.evaluation.tables import class_names, numbers_of, task_of
from synthgan.evaluation.verdict import Judge
from synthgan.exceptions import DataError, ParameterError, did_you_mean, listing
from synthgan.forms import unwrap
from synthgan.progress import reporting
from synthgan.schema import check_frame


def compare_augmentation(
    table: Any,
    target: Hashable,
    samplers: Mapping[str, Any] | None = None,
    estimators: Any = None,
    *,
    metric: str | None = None,
    ratio: float = 1.0,
    ratios: Sequence[float] = (0.5, 2.0),
    n_splits: int = 5,
    n_repeats: int = 4,
    groups: Hashable | None = None,
    time: Hashable | None = None,
    validation_size: float = 0.2,
    task: str = "auto",
    positive: Any = None,
    rope: float | None = None,
    examine: bool = True,
    resume: Any = None,
    n_jobs: int | None = None,
    verbose: int = 1,
    random_state: Any = 0,
) -> Comparison:
    """Compare a model that is trained on real rows with the same model trained on real and drawn rows.

    In every fold of a repeated cross-validation each sampler learns the training rows alone, and so does
    everything else; scores are of real rows that nothing has seen. Beside the samplers stand baselines: no
    augmentation, weights of classes, random oversampling, SMOTE, and as many duplicated rows. Whether a
    sampler helps is judged by the mean gain of all learners in one score, at one ratio, both chosen before.

    Parameters
    ----------
    table : DataFrame, polars frame, Arrow table or array
        Real rows, one a case, shape ``(n_rows, n_columns)``; rows without a target are left out.
    target : hashable
        The column to predict.
    samplers : mapping of str to object, default=None
        Samplers by name: objects with ``fit(table)`` and ``sample(n)``, which learn and draw rows with the
        target among the columns, or with ``fit_resample(X, y)``. None compares the baselines alone.
    estimators : estimator, sequence or mapping, default=None
        What is trained: estimators of scikit-learn. A pipeline is given the columns as they are, others the
        columns as numbers. None takes a line, neighbours, a random forest and boosted trees.
    metric : str, default=None
        The score that the verdict is about: "auc" or "r2" by default. All others are computed as well.
    ratio : float, default=1.0
        Drawn rows for each row that is learned, for the verdict.
    ratios : sequence of float, default=(0.5, 2.0)
        More ratios, for the dose curve.
    n_splits, n_repeats : int, default=5 and 4
        Folds, and how often the rows are cut into them.
    groups : hashable, default=None
        Column whose equal cells are never on two sides, such as a customer.
    time : hashable, default=None
        Column of times: each fold is tested on later rows than it has learned, and there are no repeats.
    validation_size : float, default=0.2
        Share of the training rows on which thresholds of two classes are tuned, and which are not learned.
    task : {"auto", "classification", "regression"}, default="auto"
        What predicting the target is.
    positive : object, default=None
        Of two classes the one to find; None is the rarer one.
    rope : float, default=None
        Differences up to this are none in practice; None is 0.01.
    examine : bool, default=True
        Whether rows of each sampler, drawn in the first fold, are compared with real ones as `evaluate` does.
    resume : path, default=None
        Folder in which finished folds are kept; an interrupted comparison goes on from there.
    n_jobs : int, default=None
        Folds at a time, -1 for as many as there are processors.
    verbose : int, default=1
        0 for silence; otherwise progress goes to stderr.
    random_state : int, numpy Generator or RandomState, default=0
        Of the splits, samplers and learners; an int makes the comparison repeatable.

    Returns
    -------
    Comparison
        Verdicts first; `Comparison.to_html` writes a report.

    Raises
    ------
    DataError
        If the table has too few rows, classes or groups, or no such column.
    ParameterError
        If an argument is out of its range, or a sampler or estimator cannot be one.

    Notes
    -----
    Intervals are those of `repeated_t`, and beside them the wider ones of `corrected_t`; p-values are
    adjusted for the number of samplers by `holm`. A sampler or learner that fails in a fold is left out of
    the verdict and named in `Comparison.failures`: nothing is averaged over the folds that happened to work.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from synthgan.evaluation import compare_augmentation
    >>> table = load_iris(as_frame=True).frame
    >>> result = compare_augmentation(table, "target", estimators=DecisionTreeClassifier(), verbose=0)
    >>> sorted(result.arms)
    ['SMOTE', 'class weights', 'duplicates', 'none', 'random oversampling']
    """
    frame, told = _prepared(table, target)
    what = _task(frame, target, task, positive)
    score = score_named(what.kind, metric)
    plan = Plan(n_splits, 1 if time is not None else n_repeats, groups, time, validation_size)
    wanted = _ratios(ratio, ratios)
    users = named_samplers(samplers, what)
    trial = Trial(what, [*baselines(what), *users], named_estimators(estimators, what.kind), wanted)
    rng = np.random.default_rng(_seed_of(random_state))
    if what.kind == "regression":
        plan = Plan(plan.n_splits, plan.n_repeats, groups, time, 0.0)  # there is no threshold to tune
    splits = splits_of(frame, what, plan, rng)
    told += _warnings(frame, plan)
    results = _run(frame, trial, splits, resume=resume, n_jobs=n_jobs, verbose=verbose)
    correction = float(np.mean([split.test_over_train for split in splits]))
    examined = _examined(frame, users, splits[0], what) if examine else {}
    return Comparison(
        records=records_of(results, n_splits),
        task=what,
        samplers=[arm.name for arm in users],
        ratio=float(ratio),
        judge=Judge(score, score.rope if rope is None else rope, correction, plan.n_repeats),
        evaluations=examined,
        n_rows=len(frame),
        notes=[*told, *_notes(results)],
    )


def _prepared(table: Any, target: Hashable) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows that have a target, and what is to be said of those that have none."""
    frame = unwrap(table)[0]
    check_frame(frame)
    if target not in frame.columns:
        raise DataError(
            f"The target {target!r} is not a column; the table has {listing(frame.columns)}."
            f"{did_you_mean(target, frame.columns)}"
        )
    if frame.shape[1] < 2:
        raise DataError("The table has no column beside the target; there is nothing to predict it from.")
    is_known = frame[target].notna()
    told = [] if is_known.all() else [f"{(~is_known).sum()} rows without a target were left out."]
    return frame[is_known].reset_index(drop=True), told


def _task(frame: pd.DataFrame, target: Hashable, kind: str, positive: Any) -> Task:
    if kind not in ("auto", "classification", "regression"):
        raise ParameterError(f"task must be 'auto', 'classification' or 'regression'; got {kind!r}.")
    kind = task_of(frame[target], kind)
    if kind == "regression":
        numbers = numbers_of(frame[target])
        if numbers is None or not np.isfinite(numbers).all():
            raise DataError(f"The target {target!r} of a regression must be finite numbers.")
        return Task(target, kind)
    counts = class_names(frame[target]).value_counts()
    if len(counts) < 2:
        held = f"the value {counts.index[0]!r} only" if len(counts) else "no value in any row"
        raise DataError(f"The target {target!r} has {held}; a model has nothing to learn from it.")
    classes = sorted(counts.index)
    if positive is not None and str(positive) not in classes:
        raise ParameterError(
            f"positive={positive!r} is no class of {target!r}, which has {listing(classes)}."
        )
    if len(classes) == 2:
        last = str(positive) if positive is not None else counts.index[-1]
        classes = sorted(classes, key=lambda name: name == last)
    return Task(target, kind, tuple(classes))


def _ratios(ratio: float, ratios: Sequence[float]) -> list[float]:
    wanted = sorted({float(one) for one in (ratio, *ratios)})
    if not all(0 < one < np.inf for one in wanted):
        raise ParameterError(f"ratio and ratios must be numbers above 0; got {ratio!r} and {ratios!r}.")
    return wanted


def _seed_of(random_state: Any) -> int | None:
    if random_state is None or isinstance(random_state, int | np.integer):
        return None if random_state is None else int(random_state)
    draw = random_state.integers if isinstance(random_state, np.random.Generator) else random_state.randint
    return int(draw(2**31))


def _warnings(frame: pd.DataFrame, plan: Plan) -> list[str]:
    """Return what makes scores too good that a random split gives."""
    told = []
    n_copies = len(frame) - len(np.unique(copies_of(frame)))
    if n_copies and plan.time is None:
        kept = (
            "are kept on one side of every split"
            if plan.groups is None
            else "may be on both sides of a split"
        )
        told.append(f"{n_copies} rows are copies of others; copies {kept}.")
    moments = [name for name in frame if is_datetime64_any_dtype(frame[name].dtype)]
    if moments and plan.time is None:
        told.append(
            f"Column {moments[0]!r} holds times, and rows were split at random: if the model is to predict "
            f"later rows, compare with time={moments[0]!r}."
        )
    return told


def _run(
    frame: pd.DataFrame, trial: Trial, splits: list[Split], *, resume: Any, n_jobs: int | None, verbose: int
) -> list[FoldResult]:
    """Return what comes of each split, of those that are known from the folder as well."""
    store = FoldStore(resume, frame, trial)
    results = {place: known for place, split in enumerate(splits) if (known := store.get(split)) is not None}
    waiting = [place for place in range(len(splits)) if place not in results]
    with reporting(f"Comparing in {len(splits)} folds", verbose=verbose) as report:
        for place, result in _in_parallel(frame, trial, splits, waiting, n_jobs):
            store.put(splits[place], result)
            results[place] = result
            report(1 - (len(splits) - len(results)) / max(1, len(waiting)), {})
    return [results[place] for place in range(len(splits))]


def _in_parallel(
    frame: pd.DataFrame, trial: Trial, splits: list[Split], places: list[int], n_jobs: int | None
) -> Iterator[tuple[int, FoldResult]]:
    """Yield the results of some splits as they come."""
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    yield from parallel(delayed(_fold)(place, trial, frame, splits[place]) for place in places)


def _fold(place: int, trial: Trial, frame: pd.DataFrame, split: Split) -> tuple[int, FoldResult]:
    return place, trial.run(frame, split)


def _examined(frame: pd.DataFrame, arms: list[Any], split: Split, task: Task) -> dict[str, Evaluation]:
    """Return each sampler's rows beside the real ones of the first fold, where it can draw any."""
    learned, held_out = (frame.iloc[rows].reset_index(drop=True) for rows in (split.learned, split.test))
    evaluations = {}
    for arm in arms:
        if not isinstance(arm, Sampler) or not hasattr(arm.sampler, "sample"):
            continue
        try:
            sampler = own_copy(arm.sampler, split.seed)
            drawn = arm.drawn(sampler.fit(learned) or sampler, learned, len(learned))
            evaluations[arm.name] = evaluate(learned, drawn, target=task.target, held_out=held_out)
        except DataError:  # the folds tell of it
            continue
    return evaluations


def _notes(results: list[FoldResult]) -> list[str]:
    """Return the warnings of all folds, each with the number of folds that gave it."""
    counts: dict[str, int] = {}
    for result in results:
        for note in result.notes:
            counts[note] = counts.get(note, 0) + 1
    return [f"In {n} of {len(results)} folds: {note}" for note, n in counts.items()]
