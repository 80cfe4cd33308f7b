"""Which rows are learned and which are judged: a table in, splits out that let nothing pass between them."""

import warnings
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from synthgan.evaluation.estimates import FloatArray
from synthgan.evaluation.learners import Task
from synthgan.evaluation.tables import Coding, check_column, numbers_of
from synthgan.exceptions import DataError, ParameterError

IntArray = npt.NDArray[np.int64]
#: Rows that are learned in a fold in order of time, at least.
_MIN_LEARNED = 2


@dataclass(frozen=True)
class Split:
    """Rows of one fold by number: to learn from, to tune thresholds on, and to judge by.

    Attributes
    ----------
    learned, validation, test
        Row numbers; no row is in two of them, and no copy or fellow of a group either.
    seed
        Of all that is random in the fold.
    """

    learned: IntArray
    validation: IntArray
    test: IntArray
    seed: int

    @property
    def test_over_train(self) -> float:
        """Rows that are judged over rows that are not."""
        return len(self.test) / (len(self.learned) + len(self.validation))


@dataclass(frozen=True)
class Plan:
    """How rows are to be split.

    Attributes
    ----------
    n_splits, n_repeats
        Folds, and how often the rows are cut into them anew.
    groups
        Column whose equal cells stay on one side, or None.
    time
        Column by which later rows are judged by what was learned of earlier ones, or None.
    validation_size
        Share of the rows of a fold that are not judged which thresholds are tuned on, as one part of a whole
        number.
    """

    n_splits: int
    n_repeats: int
    groups: Hashable | None = None
    time: Hashable | None = None
    validation_size: float = 0.2

    def __post_init__(self) -> None:
        for name, least in (("n_splits", 2), ("n_repeats", 1)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
                raise ParameterError(f"{name} must be a whole number of at least {least}; got {value!r}.")
        size = self.validation_size
        if not isinstance(size, int | float) or isinstance(size, bool) or not 0 <= size <= 0.5:
            raise ParameterError(f"validation_size must be a number from 0 to 0.5; got {size!r}.")
        if self.groups is not None and self.time is not None:
            raise ParameterError("Give either groups or time; rows cannot be split by both.")


def splits_of(frame: pd.DataFrame, task: Task, plan: Plan, rng: np.random.Generator) -> list[Split]:
    """Return the splits of a table.

    Parameters
    ----------
    frame
        The table, target included.
    task
        What is predicted: classes are as frequent on every side, where order and groups allow it.
    plan
        How to split.
    rng
        Source of all randomness.

    Raises
    ------
    DataError
        If there are too few rows, groups, or rows of a class for so many folds.
    """
    for name in (plan.groups, plan.time):
        if name is not None:
            check_column(frame, name, called="")
    labels = task.labels(frame)
    if plan.time is not None:
        return list(_in_order(frame[plan.time], plan, rng))
    units = _units(frame, plan)
    _check_enough(units, labels, task, plan)
    return [split for _ in range(plan.n_repeats) for split in _at_random(units, labels, task, plan, rng)]


def copies_of(frame: pd.DataFrame) -> IntArray:
    """Return for each row a number that equal rows share, shape ``(n_rows,)``."""
    cells = pd.DataFrame(Coding.of(frame, with_keys=True).numbers(frame))
    hashes = pd.util.hash_pandas_object(cells, index=False).to_numpy()
    return np.unique(hashes, return_inverse=True)[1]


def _units(frame: pd.DataFrame, plan: Plan) -> IntArray:
    """Return what stays on one side: the group of each row, or the number that its copies share."""
    if plan.groups is None:
        return copies_of(frame)
    codes: IntArray = pd.factorize(frame[plan.groups], use_na_sentinel=False)[0].astype(np.int64)
    return codes


def _check_enough(units: IntArray, labels: npt.NDArray[Any], task: Task, plan: Plan) -> None:
    what = "different rows" if plan.groups is None else f"groups in {plan.groups!r}"
    n_units = len(np.unique(units))
    if n_units < 2 * plan.n_splits:
        raise DataError(
            f"{plan.n_splits} folds need {2 * plan.n_splits} {what} or more; the table has {n_units}."
            f"{_fewer(plan)}"
        )
    if task.kind == "regression" or plan.groups is not None:
        return
    counts = np.array([len(np.unique(units[labels == code])) for code in range(len(task.classes))])
    n_needed = plan.n_splits + 1 + (plan.validation_size > 0)
    if counts.min() < n_needed:
        raise DataError(
            f"Class {task.classes[counts.argmin()]!r} of {task.target!r} has {counts.min()} different rows, "
            f"and {plan.n_splits} folds need {n_needed}: one to test in each, and some to learn from."
            f"{_fewer(plan)} Or leave the class out."
        )


def _at_random(
    units: IntArray, labels: npt.NDArray[Any], task: Task, plan: Plan, rng: np.random.Generator
) -> Iterator[Split]:
    """Yield the folds of one repeat."""
    is_grouped = plan.groups is not None
    for others, test in _folds(np.arange(len(units)), units, labels, task, plan.n_splits, rng, is_grouped):
        learned, validation = others, others[:0]
        if plan.validation_size > 0:
            n_parts = max(2, round(1 / plan.validation_size))
            learned, validation = next(_folds(others, units, labels, task, n_parts, rng, is_grouped))
        yield Split(learned, validation, test, int(rng.integers(2**31)))


def _folds(
    rows: IntArray,
    units: IntArray,
    labels: npt.NDArray[Any],
    task: Task,
    n_parts: int,
    rng: np.random.Generator,
    is_grouped: bool,
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield rows that are not in a part, and those that are."""
    seed = int(rng.integers(2**31))
    is_classes = task.kind == "classification"
    if is_grouped:
        n_groups = len(np.unique(units[rows]))
        if n_groups < 2:
            raise DataError(
                "A fold has one group to learn from and none to tune thresholds on; set validation_size=0."
            )
        n_parts = min(n_parts, n_groups)
        folds = (StratifiedGroupKFold if is_classes else GroupKFold)(n_parts, shuffle=True, random_state=seed)
        with warnings.catch_warnings():  # a class that some part lacks is told of where a score is undefined
            warnings.simplefilter("ignore", UserWarning)
            parts = list(folds.split(rows, labels[rows] if is_classes else None, units[rows]))
        yield from ((rows[others], rows[own]) for others, own in parts)
        return
    # Copies have one target: it is enough to split the different rows, and their copies go with them.
    kinds, first, unit = np.unique(units[rows], return_index=True, return_inverse=True)
    n_parts = min(n_parts, len(kinds))
    strata = labels[rows][first]
    is_stratified = is_classes and np.bincount(strata).max() >= n_parts
    folds = (StratifiedKFold if is_stratified else KFold)(n_parts, shuffle=True, random_state=seed)
    for _, own in folds.split(kinds, strata if is_stratified else None):
        is_own = np.isin(unit, own)
        yield rows[~is_own], rows[is_own]


def _in_order(time: "pd.Series[Any]", plan: Plan, rng: np.random.Generator) -> Iterator[Split]:
    """Yield folds of which each is later than all that is learned; the latest of these tune thresholds."""
    moments = numbers_of(time)
    if moments is None or np.isnan(moments).any():
        raise DataError(f"time={time.name!r} must be a column of times or numbers without missing cells.")
    order = np.argsort(moments, kind="stable")
    if len(order) < 4 * (plan.n_splits + 1):
        raise DataError(
            f"{plan.n_splits} folds in order of time need {4 * (plan.n_splits + 1)} rows or more; got "
            f"{len(order)}.{_fewer(plan)}"
        )
    cuts = _cuts(moments[order], plan.n_splits + 1)
    if len(cuts) < plan.n_splits:
        raise DataError(
            f"time={time.name!r} has {len(np.unique(moments))} different moments, and {plan.n_splits} folds "
            f"in order of time need {plan.n_splits + 1} parts of it.{_fewer(plan)}"
        )
    for first, last in zip(cuts, [*cuts[1:], len(order)], strict=True):
        others, test = np.arange(first), np.arange(first, last)
        n_validation = round(plan.validation_size * len(others))
        learned, validation = np.split(order[others], [len(others) - n_validation])
        if n_validation:  # rows of one moment stay on one side
            learned = learned[moments[learned] < moments[validation[0]]]
        if len(learned) < _MIN_LEARNED:
            raise DataError(
                f"time={time.name!r} leaves {len(learned)} rows to learn from before the first test rows; it "
                f"has {len(np.unique(moments))} different moments.{_fewer(plan)}"
            )
        yield Split(learned, validation, order[test], int(rng.integers(2**31)))


def _cuts(moments: FloatArray, n_parts: int) -> list[int]:
    """Return the inner ends of parts about as large, into which moments in order are cut."""
    between = np.flatnonzero(moments[1:] > moments[:-1]) + 1
    wanted = len(moments) * np.arange(1, n_parts) / n_parts
    return (
        sorted({int(between[np.abs(between - place).argmin()]) for place in wanted}) if len(between) else []
    )


def _fewer(plan: Plan) -> str:
    """Return what is to be done about folds that are too many."""
    return " Take fewer folds (n_splits)." if plan.n_splits > 2 else ""
