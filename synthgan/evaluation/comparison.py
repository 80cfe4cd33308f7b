"""compare_augmentation: does adding drawn rows help a model? A table and samplers in, a `Comparison` out."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from synthgan.evaluation.arms import NONE, Arm, Sampler, baselines, named_samplers
from synthgan.evaluation.folds import FoldResult, FoldStore, Trial
from synthgan.evaluation.judgement import Evaluation, evaluate
from synthgan.evaluation.learners import Task, named_estimators
from synthgan.evaluation.preparation import (
    check_names_of_columns,
    check_none,
    checked_ratios,
    checked_rope,
    prepared,
    seed_of,
    task_on,
)
from synthgan.evaluation.results import Comparison, records_of
from synthgan.evaluation.scores import Score, score_named
from synthgan.evaluation.splits import Plan, Split, copies_of, splits_of
from synthgan.evaluation.tables import holds_times
from synthgan.evaluation.verdict import Judge
from synthgan.exceptions import DataError
from synthgan.progress import announce, reporting

#: Tested rows of a fold below which a score says little.
_FEW_TESTED = 30


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
        target among the columns, or with ``fit_resample(X, y)``; or meta-estimators that add rows in their
        own fit, such as ``AugmentedClassifier()``, in which each learner is put. Each fold fits a copy: give
        samplers that are not fitted. None compares the baselines alone.
    estimators : estimator, str, sequence of these or mapping, default=None
        What is trained: estimators of scikit-learn. A pipeline is given the columns as they are, others the
        columns as numbers. None takes a line, neighbours, a random forest and boosted trees: "logistic
        regression" or "ridge regression", "nearest neighbours", "random forest" and "gradient boosting".
    metric : str, default=None
        The score that the verdict is about: "auc" or "r2" by default. All others are computed as well.
    ratio : float, default=1.0
        Drawn rows for each row that is learned, for the verdict.
    ratios : sequence of float, default=(0.5, 2.0)
        More ratios, for the dose curve.
    n_splits, n_repeats : int, default=5 and 4
        Folds, and how often the rows are cut into them.
    groups : hashable, default=None
        Column whose equal cells are never on two sides, such as a customer. It stays a column to learn from.
    time : hashable, default=None
        Column of times: each fold is tested on later rows than it has learned, and there are no repeats.
    validation_size : float, default=0.2
        Share of the training rows on which thresholds of two classes are tuned, and which are not learned; 0
        for thresholds of 0.5. One part of a whole number, at most 0.5.
    task : {"auto", "classification", "regression"}, default="auto"
        What predicting the target is.
    positive : object, default=None
        Of two classes the one to find; None is the rarer one, or of two that are as frequent the last by
        name.
    rope : float, default=None
        Differences up to this are none in practice; None is 0.01, or of RMSE and MAE 1 % of them.
    examine : bool, default=True
        Whether rows of each sampler, fitted once more on rows that are chosen at random, are compared with
        real ones as `evaluate` does.
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
    check_names_of_columns(target=target, groups=groups, time=time)
    frame, told = prepared(table, target)
    what = task_on(frame, target, task, positive)
    score = score_named(what.kind, metric)
    # Of what is no choice between two there is no threshold to tune.
    size = validation_size if len(what.classes) == 2 else 0.0
    plan = Plan(n_splits, 1 if time is not None else n_repeats, groups, time, size)
    users = named_samplers(samplers, what)
    wanted = checked_ratios(ratio, ratios)
    trial = Trial(what, [*baselines(what), *users], named_estimators(estimators, what.kind), wanted)
    rng = np.random.default_rng(seed_of(random_state))
    splits = splits_of(frame, what, plan, rng)
    results = _run(frame, trial, splits, resume=resume, n_jobs=n_jobs, verbose=verbose)
    records = records_of(results, n_splits)
    check_none(records)
    examined, failed = _examined(frame, users if examine else [], what, plan, rng, verbose)
    correction = float(np.mean([split.test_over_train for split in splits]))
    return Comparison(
        records=records,
        task=what,
        samplers=[arm.name for arm in users],
        ratio=float(ratio),
        judge=Judge(score, checked_rope(rope, score, records), correction, plan.n_repeats),
        evaluations=examined,
        n_rows=len(frame),
        notes=[
            *told,
            *_on_splits(frame, plan),
            *_on_scores(records, score, splits),
            *_on_added(records, [arm.name for arm in users]),
            *failed,
            *_on_folds(results),
        ],
    )


def _run(
    frame: pd.DataFrame, trial: Trial, splits: list[Split], *, resume: Any, n_jobs: int | None, verbose: int
) -> list[FoldResult]:
    """Return what comes of each split, of those that are known from the folder as well."""
    store = FoldStore(resume, frame, trial)
    results = {place: known for place, split in enumerate(splits) if (known := store.get(split)) is not None}
    waiting = [place for place in range(len(splits)) if place not in results]
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    with reporting(f"Comparing in {len(splits)} folds", verbose=verbose) as report:
        for place, result in parallel(
            delayed(_fold)(place, trial, frame, splits[place]) for place in waiting
        ):
            store.put(splits[place], result)
            results[place] = result
            report(1 - (len(splits) - len(results)) / max(1, len(waiting)), {})
    return [results[place] for place in range(len(splits))]


def _fold(place: int, trial: Trial, frame: pd.DataFrame, split: Split) -> tuple[int, FoldResult]:
    return place, trial.run(frame, split)


def _examined(
    frame: pd.DataFrame, arms: list[Arm], task: Task, plan: Plan, rng: np.random.Generator, verbose: int
) -> tuple[dict[str, Evaluation], list[str]]:
    """Return each sampler's rows beside real ones, and why there are none of some.

    They are held out at random: rows of another group or a later time differ from the learned ones, whatever
    was copied of these.
    """
    evaluations: dict[str, Evaluation] = {}
    told: list[str] = []
    drawing = [arm for arm in arms if isinstance(arm, Sampler) and hasattr(arm.sampler, "sample")]
    if not drawing:
        return evaluations, told
    announce("Comparing drawn rows with real ones", verbose=verbose)
    at_random = replace(plan, n_repeats=1, groups=None, time=None, validation_size=0.0)
    try:
        split = splits_of(frame, task, at_random, rng)[0]
    except DataError as error:  # too few rows of a class, which groups or times did not ask for
        return evaluations, [f"Drawn rows were not compared with real ones: {error}"]
    learned, held_out = (frame.iloc[rows].reset_index(drop=True) for rows in (split.learned, split.test))
    for arm in drawing:
        try:
            drawn = arm.drawn(arm.fitted(learned, split.seed), learned, len(learned))
            evaluations[arm.name] = evaluate(learned, drawn, target=task.target, held_out=held_out)
        except Exception as error:  # a stranger's sampler may raise anything, and the scores are there
            told.append(f"The rows of {arm.name} were not compared with real ones: {error}")
    return evaluations, told


def _on_splits(frame: pd.DataFrame, plan: Plan) -> list[str]:
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


def _on_scores(records: pd.DataFrame, score: Score, splits: list[Split]) -> list[str]:
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


def _on_added(records: pd.DataFrame, samplers: list[str]) -> list[str]:
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


def _on_folds(results: list[FoldResult]) -> list[str]:
    """Return the warnings of all folds, each with the number of folds that gave it."""
    counts: dict[str, int] = {}
    for result in results:
        for note in result.notes:
            counts[note] = counts.get(note, 0) + 1
    return [f"In {n} of {len(results)} folds: {note}" for note, n in counts.items()]
