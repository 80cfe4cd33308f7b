"""What is compared: learned rows in, rows to train on out, by each baseline and each of the user's samplers.

An arm sees the learned rows of a fold alone. Baselines ask whether drawn rows are worth more than what costs
nothing: weights of classes, rows taken twice, and rows between neighbours.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from imblearn.over_sampling import RandomOverSampler
from sklearn.base import clone

from synthgan.evaluation.learners import Task, UnsuitedError
from synthgan.evaluation.neighbours import between_neighbours
from synthgan.evaluation.tables import alike, numbers_of
from synthgan.exceptions import DataError, ParameterError, listing
from synthgan.forms import unwrap

NONE = "none"


@dataclass(frozen=True)
class Training:
    """Rows to train on.

    Attributes
    ----------
    frame
        Real rows, and drawn ones after them.
    ratio
        Drawn rows for each real one, where that was asked for, or None.
    balanced
        Whether the learner is to weigh classes alike.
    around
        A meta-estimator that the learner is to be in, or None.
    """

    frame: pd.DataFrame
    ratio: float | None = None
    balanced: bool = False
    around: Any = None


#: The trainings of an arm, one for each ratio or one in all.
Trainings = Iterator[Training]


class Arm(Protocol):
    """A way of making rows to train on."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    def trainings(self, learned: pd.DataFrame, task: Task, ratios: list[float], seed: int) -> Trainings:
        """Yield what to train on, one for each ratio where the arm can add any number of rows."""


@dataclass(frozen=True)
class Unchanged:
    """The learned rows as they are."""

    name: str = NONE
    balanced: bool = False

    def trainings(self, learned: pd.DataFrame, task: Task, ratios: list[float], seed: int) -> Trainings:
        """Yield the rows, to be learned with all rows or all classes weighing the same."""
        yield Training(learned, balanced=self.balanced)


@dataclass(frozen=True)
class Duplicates:
    """Learned rows once more, each as often as the others but for one."""

    name: str = "duplicates"

    def trainings(self, learned: pd.DataFrame, task: Task, ratios: list[float], seed: int) -> Trainings:
        """Yield as many for each ratio."""
        order = np.random.default_rng(seed).permutation(len(learned))
        for ratio in ratios:
            again = np.resize(order, round(ratio * len(learned)))
            yield Training(_joined(learned, learned.iloc[again]), ratio)


@dataclass(frozen=True)
class Oversampling:
    """Rows of rarer classes once more, until all are as frequent."""

    name: str = "random oversampling"

    def trainings(self, learned: pd.DataFrame, task: Task, ratios: list[float], seed: int) -> Trainings:
        """Yield them once, since the classes decide how many rows there are."""
        rows = np.arange(len(learned))[:, None]
        chosen, _ = RandomOverSampler(random_state=seed).fit_resample(rows, task.labels(learned))
        yield Training(learned.iloc[chosen[:, 0]].reset_index(drop=True))


@dataclass(frozen=True)
class Smote:
    """Rows between neighbours of rarer classes, see `between_neighbours`."""

    name: str = "SMOTE"

    def trainings(self, learned: pd.DataFrame, task: Task, ratios: list[float], seed: int) -> Trainings:
        """Yield them once, since the classes decide how many rows there are."""
        frame, labels = learned.drop(columns=task.target), task.labels(learned)
        counts = np.bincount(labels)
        if counts[counts > 0].min() < 2:
            raise UnsuitedError("a class has one row, which has no neighbours")
        wanted = {code: int(counts.max() - n) for code, n in enumerate(counts) if n}
        drawn, drawn_labels = between_neighbours(frame, labels, wanted, seed)
        originals = pd.Series(learned[task.target].to_numpy(), index=labels).groupby(level=0).first()
        drawn[task.target] = originals.loc[drawn_labels].reset_index(drop=True)
        yield Training(_joined(learned, drawn[list(learned.columns)].astype(learned.dtypes)))


@dataclass(frozen=True)
class Sampler:
    """A sampler of the user's: an object with `fit` and `sample`, or with `fit_resample`.

    Of the first kind a copy is fitted on the learned rows, target included, and asked for rows. Of the
    second, which imbalanced-learn's samplers are, a copy decides how many rows there are.
    """

    name: str
    sampler: Any

    def trainings(self, learned: pd.DataFrame, task: Task, ratios: list[float], seed: int) -> Trainings:
        """Yield as many drawn rows as each ratio asks for, of one draw; or what `fit_resample` gives."""
        if not hasattr(self.sampler, "sample"):
            sampler, features = own_copy(self.sampler, seed), learned.drop(columns=task.target)
            X, y = sampler.fit_resample(features, learned[task.target])
            frame = pd.DataFrame(X, columns=features.columns).reset_index(drop=True)
            frame[task.target] = pd.Series(y).reset_index(drop=True)
            yield Training(alike(learned, frame, called="resampled")[1])
            return
        n_rows = [round(ratio * len(learned)) for ratio in ratios]
        drawn = self.drawn(self.fitted(learned, seed), learned, max(n_rows))
        # Many samplers draw class after class: the first rows of a draw are to be like all of it.
        drawn = drawn.take(np.random.default_rng(seed).permutation(len(drawn)))
        for ratio, n in zip(ratios, n_rows, strict=True):
            yield Training(_joined(learned, drawn.iloc[:n]), ratio)

    def fitted(self, learned: pd.DataFrame, seed: int) -> Any:
        """Return a copy of the sampler that has learned rows."""
        sampler = own_copy(self.sampler, seed)
        returned = sampler.fit(learned.copy())
        return returned if hasattr(returned, "sample") and not isinstance(returned, pd.DataFrame) else sampler

    def drawn(self, fitted: Any, learned: pd.DataFrame, n_rows: int) -> pd.DataFrame:
        """Return so many rows of a fitted sampler, with the columns of the learned ones."""
        rows = fitted.sample(n_rows)
        if isinstance(rows, np.ndarray):
            rows = pd.DataFrame(rows, columns=learned.columns)
        if isinstance(rows, tuple):
            raise DataError(
                f"Sampler {self.name!r} returned a tuple from sample(); it must return the rows as one table "
                "with the columns that it was fitted on, target included."
            )
        rows = alike(learned, as_levels(learned, unwrap(rows)[0]), called=f"drawn ({self.name})")[1]
        if len(rows) < n_rows:
            raise DataError(f"Sampler {self.name!r} was asked for {n_rows} rows and drew {len(rows)}.")
        return rows.iloc[:n_rows]


@dataclass(frozen=True)
class Around:
    """A meta-estimator of the user's around each learner, which adds rows in its own fit."""

    name: str
    around: Any

    def trainings(self, learned: pd.DataFrame, task: Task, ratios: list[float], seed: int) -> Trainings:
        """Yield the learned rows once, since the meta-estimator decides how many it adds."""
        yield Training(learned, around=own_copy(self.around, seed))


def as_levels(learned: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in which levels that were drawn as numbers, such as 1.0 for True, are levels again."""
    rows = rows.copy()
    for name in learned.columns.intersection(rows.columns):
        if numbers_of(learned[name]) is None and numbers_of(rows[name]) is not None:
            known = {_as_number(level): level for level in learned[name].dropna().unique()}
            known.pop(None, None)
            cells = pd.Series(numbers_of(rows[name])).map(known)
            if cells.notna().sum() == rows[name].notna().sum():
                rows[name] = cells.astype(object).to_numpy()
                with suppress(TypeError, ValueError):  # a gap in a dtype that knows none
                    rows[name] = rows[name].astype(learned[name].dtype)
    return rows


def _as_number(level: Any) -> float | None:
    try:
        return float(level)
    except (TypeError, ValueError):
        return None


def own_copy(sampler: Any, seed: int) -> Any:
    """Return a copy of a sampler, silent and with a seed of its own where it takes these.

    Of estimators in scikit-learn's sense the copy is unfitted, of other objects it is as the original.
    """
    if not hasattr(sampler, "get_params"):
        return copy.deepcopy(sampler)
    own = clone(sampler)
    parameters = own.get_params()
    told = {}
    if parameters.get("random_state", 0) is None:
        told["random_state"] = seed
    if parameters.get("verbose"):
        told["verbose"] = 0
    return own.set_params(**told) if told else own


def baselines(task: Task) -> list[Arm]:
    """Return the arms that are always there; those about classes for classification alone."""
    if task.kind == "regression":
        return [Unchanged(), Duplicates()]
    return [Unchanged(), Unchanged("class weights", balanced=True), Oversampling(), Smote(), Duplicates()]


def named_samplers(samplers: Mapping[str, Any] | None, task: Task) -> list[Arm]:
    """Return the arms of the user's samplers.

    Raises
    ------
    ParameterError
        If one has neither `fit` and `sample` nor `fit_resample` and is no meta-estimator, or has the name of
        a baseline.
    """
    if isinstance(samplers, list | tuple):
        raise ParameterError(
            f"samplers must be named: {{'mine': {type(samplers[0]).__name__}(...)}}."
            if samplers
            else "samplers must be a mapping from name to sampler."
        )
    if samplers is not None and not isinstance(samplers, Mapping):
        samplers = {type(samplers).__name__: samplers}
    taken = {arm.name for arm in baselines(task)}
    arms: list[Arm] = []
    for name, sampler in (samplers or {}).items():
        if name in taken:
            raise ParameterError(
                f"Sampler {name!r} has the name of a baseline ({listing(taken)}); give it another: "
                f"{{'my {name}': ...}}."
            )
        draws = hasattr(sampler, "fit") and hasattr(sampler, "sample")
        if not isinstance(sampler, type) and (draws or hasattr(sampler, "fit_resample")):
            arms.append(Sampler(str(name), sampler))
        elif not isinstance(sampler, type) and _is_around(sampler):
            arms.append(Around(str(name), sampler))
        else:
            raise ParameterError(
                f"Sampler {name!r} must be an object with fit(table) and sample(n), or with "
                "fit_resample(X, y), or a meta-estimator with a parameter `estimator`, such as "
                f"AugmentedClassifier(); got {sampler!r}."
            )
    return arms


def _is_around(sampler: Any) -> bool:
    """Whether learners can be put in an object: it is an estimator with a parameter for one."""
    return hasattr(sampler, "predict") and "estimator" in getattr(sampler, "get_params", dict)()


def _joined(learned: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return rows with others after them; no column changes its meaning, whatever dtypes are joined."""
    return pd.concat([learned, others[list(learned.columns)]], ignore_index=True)
