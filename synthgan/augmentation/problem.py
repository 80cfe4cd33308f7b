"""Rows and what is predicted of them: a frame and targets come in, one table that all rooms here know out."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.evaluation.learners import Task
from synthgan.evaluation.tables import Coding, class_names
from synthgan.exceptions import DataError
from synthgan.layout import IntArray


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
        """Return rows with their targets, which get a name that no column of the rows has.

        Raises
        ------
        DataError
            If all targets are the same class.
        """
        column = pd.Series(y, index=pd.RangeIndex(len(y)))
        frame = frame.reset_index(drop=True)
        target = "target" if name is None else name
        while target in set(frame.columns):
            target = f"{target}_"
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
        """Return what says of rows that they are of a class."""
        return Part(self.classes[code], float(code), float(code))

    def take(self, rows: IntArray) -> "Problem":
        """Return some of the rows; the classes stay those of all."""
        return replace(self, frame=self.frame.iloc[rows].reset_index(drop=True))

    def targets(self, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what the user's targets are for labels."""
        return self.classes[labels] if self.predicts_classes else labels


@dataclass(frozen=True)
class Part:
    """One class, or a range of numbers to predict.

    Attributes
    ----------
    condition
        What `SynthGAN.sample` is told of the target.
    low, high
        Labels that are in it, both ends included.
    """

    condition: Any
    low: float
    high: float

    def holds(self, labels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return which labels are in it."""
        return np.asarray((labels >= self.low) & (labels <= self.high))
