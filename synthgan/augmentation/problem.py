"""A user's X and y come in, one table and what is predicted of it go out, and rows go back in their form."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from imblearn.utils import check_target_type
from sklearn.preprocessing import label_binarize
from sklearn.utils import _safe_indexing, column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length

from synthgan.evaluation.learners import Task
from synthgan.evaluation.tables import Coding, class_names
from synthgan.exceptions import DataError, ParameterError
from synthgan.forms import Form, unwrap
from synthgan.layout import IntArray
from synthgan.preprocessing.plain import plain_frame, restore
from synthgan.schema import join_columns

TASKS = ("auto", "classification", "regression")


@dataclass(frozen=True)
class Problem:
    """Rows, and what is predicted of them.

    Attributes
    ----------
    frame
        The columns and, after them, the target; rows are numbered from 0 on.
    task
        Name of the target, and whether classes or numbers are predicted.
    classes
        The target of each class, as the user has it, in the order of their codes; empty for numbers.
    """

    frame: pd.DataFrame
    task: Task
    classes: npt.NDArray[Any]

    @classmethod
    def of(cls, frame: pd.DataFrame, y: npt.NDArray[Any], name: Hashable, task: str) -> Self:
        """Return rows with their targets.

        Parameters
        ----------
        frame
            Rows without targets.
        y
            Their targets, shape ``(n_rows,)``.
        name
            Of the targets, if that is no column of the rows.
        task
            "classification" or "regression".

        Raises
        ------
        DataError
            If a target is missing, or all are the same class.
        """
        column = pd.Series(y, index=pd.RangeIndex(len(y)))
        if column.isna().any():
            raise DataError(
                f"y has {int(column.isna().sum()):,} missing values; leave these rows out, or give them as "
                "X_unlabelled."
            )
        frame = frame.reset_index(drop=True)
        target = _free_name(name, frame)
        column.name = target
        whole = pd.concat([frame, column], axis=1)
        if task == "regression":
            return cls(whole, Task(target, task), np.empty(0))
        names = class_names(column)
        firsts = names.drop_duplicates()
        if len(firsts) < 2:
            raise DataError(
                f"y holds the class {column.iloc[0]!r} only; there is nothing to tell apart with one class."
            )
        classes = column.loc[firsts.index].to_numpy()
        order = np.argsort(classes.astype(str) if classes.dtype == object else classes, kind="stable")
        return cls(whole, Task(target, task, tuple(firsts.iloc[order])), classes[order])

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def target(self) -> Hashable:
        """The name of the target's column."""
        return self.task.target

    @property
    def predicts_classes(self) -> bool:
        """Whether classes are predicted, not numbers."""
        return self.task.kind == "classification"

    @property
    def features(self) -> pd.DataFrame:
        """The rows without their target."""
        return self.frame.drop(columns=self.target)

    @property
    def labels(self) -> npt.NDArray[Any]:
        """Classes as codes from 0 on, or numbers; shape ``(n_rows,)``."""
        return self.task.labels(self.frame)

    @property
    def coding(self) -> Coding:
        """How the columns become numbers for learners."""
        return Coding.of(self.features)

    def of_class(self, code: int) -> "Part":
        """Return the rows of a class."""
        return Part(np.flatnonzero(self.labels == code), self.classes[code], float(code), float(code))

    def of_range(self, low: float, high: float) -> "Part":
        """Return the rows whose numbers to predict lie in a range, both ends included."""
        labels = self.labels
        return Part(np.flatnonzero((labels >= low) & (labels <= high)), (low, high), low, high)

    def take(self, rows: IntArray) -> "Problem":
        """Return some of the rows; the classes stay those of all."""
        return replace(self, frame=self.frame.iloc[rows].reset_index(drop=True))

    def targets(self, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what the user's targets are for labels."""
        return self.classes[labels] if self.predicts_classes else labels


@dataclass(frozen=True)
class Part:
    """Rows of one class, or whose numbers to predict lie in a range.

    Attributes
    ----------
    rows
        The real ones among them.
    condition
        What `SynthGAN.sample` is told of the target.
    low, high
        Labels that are in it, both ends included.
    """

    rows: IntArray
    condition: Any
    low: float
    high: float

    def holds(self, labels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return which labels are in it."""
        return np.asarray((labels >= self.low) & (labels <= self.high))


def _free_name(name: Hashable, frame: pd.DataFrame) -> Hashable:
    """Return a name of the target, which no other column has."""
    taken = set(frame.columns)
    tried = "target" if name is None else name
    while tried in taken:
        tried = f"{tried}_"
    return tried


@dataclass(frozen=True)
class Given:
    """What a user gave, in whose form rows go back.

    Attributes
    ----------
    X, y
        As they came.
    frame, form
        The rows of X in dtypes that encoders know, and their form.
    target
        The targets, shape ``(n_rows,)``.
    is_one_of_all
        Whether y had a column for each class.
    """

    X: Any
    y: Any
    frame: pd.DataFrame
    form: Form
    target: npt.NDArray[Any]
    is_one_of_all: bool

    @classmethod
    def of(cls, X: Any, y: Any, task: str = "auto") -> tuple[Self, str]:
        """Return what was given, and whether classes or numbers are predicted.

        Raises
        ------
        DataError, ParameterError, ValueError
            If X is no table, y is not one target a row, or the task does not fit y.
        """
        if task not in TASKS:
            raise ParameterError(f"task must be one of {', '.join(map(repr, TASKS))}; got {task!r}.")
        if y is None:
            raise DataError("This estimator requires y to be passed, but the target y is None.")
        if hasattr(X, "__array__") and not hasattr(X, "columns") and not isinstance(X, pd.Series):
            X = np.asarray(X)
        frame, form = read_table(X)
        kind = type_of_target(y, input_name="y")
        if task == "auto":
            task = "regression" if kind == "continuous" else "classification"
        is_one_of_all = False
        if task == "classification":
            if kind == "continuous":
                raise DataError(
                    "Unknown label type: y holds fractions, which are no classes. Predict numbers "
                    "(task='regression', AugmentedRegressor)."
                )
            checked, is_one_of_all = check_target_type(y, indicate_one_vs_all=True)
            target = np.asarray(checked) if is_one_of_all else _column(y)
        else:
            target = column_or_1d(np.asarray(y), dtype=np.float64)
        check_consistent_length(frame, target)
        return cls(X, y, frame, form, target, is_one_of_all), task

    def problem(self, task: str) -> Problem:
        """Return the rows and what is predicted of them."""
        name = getattr(self.y, "name", None)
        if isinstance(self.y, pd.DataFrame):
            name = self.y.columns[0] if self.y.shape[1] == 1 else None
        return Problem.of(self.frame, self.target, name, task)

    def take(self, rows: IntArray) -> "Given":
        """Return some of what was given."""
        return replace(
            self,
            X=_safe_indexing(self.X, rows),
            y=_safe_indexing(self.y, rows),
            frame=self.frame.iloc[rows],
            target=self.target[rows],
        )

    def rows(self, added: pd.DataFrame) -> Any:
        """Return the user's rows, unchanged, and others after them."""
        if isinstance(self.X, list):
            return [*self.X, *added.to_numpy(dtype=object).tolist()]
        if isinstance(self.X, np.ndarray):
            return np.concatenate([self.X, added.to_numpy().astype(self.X.dtype, copy=False)])
        own = self.X if isinstance(self.X, pd.DataFrame) else unwrap(self.X)[0]
        columns = [restore(added[n].astype(self.frame[n].dtype), own[n].dtype) for n in self.frame]
        added = join_columns(columns, list(own.columns))
        whole = pd.concat([own, added], ignore_index=True)
        if isinstance(self.X, pd.DataFrame):
            whole = whole.set_axis(_extended(own.index, len(added)))
        return self.form.wrap(whole)

    def targets(self, added: npt.NDArray[Any], classes: npt.NDArray[Any]) -> Any:
        """Return the user's targets, unchanged, and others after them."""
        y = self.y
        if self.is_one_of_all:
            return np.concatenate([y, label_binarize(added, classes=classes).astype(np.asarray(y).dtype)])
        if isinstance(y, list):
            return [*y, *added.tolist()]
        if isinstance(y, pd.DataFrame):
            column = y.iloc[:, 0]
            more = pd.Series(added).astype(column.dtype)
            index = _extended(y.index, len(added))
            return pd.concat([column, more]).set_axis(index).to_frame(y.columns[0])
        if isinstance(y, pd.Series):
            more = pd.Series(added).astype(y.dtype)
            more.name = y.name
            return pd.concat([y, more]).set_axis(_extended(y.index, len(added)))
        return np.concatenate([self.target, added.astype(self.target.dtype, copy=False)])


def read_table(X: Any) -> tuple[pd.DataFrame, Form]:
    """Return a table of any form as a frame in dtypes that encoders know, and its form."""
    frame, form = unwrap(X)
    return plain_frame(frame), form


def _column(y: Any) -> npt.NDArray[Any]:
    """Return classes as an array, with the values that the user knows."""
    if isinstance(y, pd.DataFrame):
        y = y.iloc[:, 0]
    if isinstance(y, pd.Series):
        return y.to_numpy()
    array = np.asarray(y)
    return column_or_1d(array, warn=array.ndim > 1) if array.ndim == 1 else array.ravel()


def _extended(index: pd.Index, n: int) -> pd.Index:
    """Return an index with n more labels: numbers go on; of any other kind rows are numbered anew."""
    if isinstance(index, pd.RangeIndex):
        stop = index.start + index.step * (len(index) + n)
        return pd.RangeIndex(index.start, stop, index.step, name=index.name)
    if pd.api.types.is_integer_dtype(index.dtype) and len(index):
        first = int(index.max()) + 1
        return index.append(pd.Index(np.arange(first, first + n), dtype=index.dtype)).rename(index.name)
    return pd.RangeIndex(len(index) + n, name=index.name)
