"""Rows to add and their labels: a problem comes in, rows that a way has drawn and someone labelled go out.

Labels are the way's own, or those of a teacher: one class that is drawn by its chances ("teacher"), or the
chances themselves ("soft"), of which learners see a row of each class with a weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.augmentation.problem import Part, Problem
from synthgan.augmentation.teachers import Teacher, drawn_classes
from synthgan.augmentation.ways import Ways
from synthgan.layout import FloatArray, IntArray

#: Whose labels drawn rows may have, and of these a teacher's.
LABELS = ("own", "condition", "teacher", "soft")
OF_TEACHER = ("teacher", "soft")
#: Rows that are drawn for each that is kept, where a teacher picks among them.
_POOL = 4


@dataclass(frozen=True)
class Addition:
    """Rows to add.

    Attributes
    ----------
    features
        The rows without target, with the columns and dtypes of the real ones.
    labels
        Classes as codes, or numbers; shape ``(n_rows,)``.
    chances
        Of each class, shape ``(n_rows, n_classes)``; None where a row is of one class for certain.
    smooth
        Whether chances, or labels that are numbers, are what a teacher expects, without the noise that real
        labels have.
    """

    features: pd.DataFrame
    labels: npt.NDArray[Any]
    chances: FloatArray | None = None
    smooth: bool = False

    def __len__(self) -> int:
        return len(self.features)

    def first(self, n: int) -> "Addition":
        """Return the first of the rows."""
        chances = None if self.chances is None else self.chances[:n]
        return Addition(self.features.iloc[:n], self.labels[:n], chances, self.smooth)


def nothing_of(problem: Problem) -> Addition:
    """Return no rows."""
    return Addition(problem.features.iloc[:0], problem.labels[:0])


@dataclass(frozen=True)
class Supply:
    """What rows are drawn from and who labels them; each is learned when first asked for.

    Attributes
    ----------
    ways
        The real rows, and all ways of drawing more.
    teacher
        The user's, or None for the default one.
    seed
        Of all randomness here.
    """

    ways: Ways
    teacher: Any
    seed: int
    _known: dict[tuple[str, str], Addition] = field(default_factory=dict, init=False, repr=False)

    @property
    def problem(self) -> Problem:
        """The real rows."""
        return self.ways.problem

    @cached_property
    def fitted_teacher(self) -> Teacher:
        """The teacher, which has learned the real rows."""
        return Teacher.of(self.problem, self.teacher, self.seed)

    def rows(self, method: str, labels: str, n: int) -> Addition:
        """Return rows of any class, drawn by one of `ways.METHODS` and with labels of one of `LABELS`.

        They are the first of those of a larger draw, if there was one, so that amounts are compared on the
        same rows.
        """
        if n == 0:
            return nothing_of(self.problem)
        known = self._known.get((method, labels))
        if known is None or len(known) < n:
            rng = np.random.default_rng(self.seed)
            if labels == "condition" and self.problem.predicts_classes:
                rows = self._conditioned(method, n, rng)
            else:
                rows = self.ways.drawn(method, n, rng)
            known = self._known[method, labels] = self._labelled(rows, labels)
        return known.first(n)

    def rows_of(self, method: str, labels: str, wanted: Sequence[tuple[Part, int]]) -> Addition:
        """Return so many rows of each class or range of targets, one after another.

        Each is drawn as a row of its part and has the label that it was drawn with. With a teacher of classes
        more are drawn, and kept by the chance that it gives to the class.
        """
        rng = np.random.default_rng(self.seed)
        has_teacher = labels in OF_TEACHER
        parts = []
        for part, n in wanted:
            rows = self.ways.drawn(method, _POOL * n if has_teacher else n, rng, part)
            features = rows.drop(columns=self.problem.target)
            if has_teacher:
                kept = _chosen(self.fitted_teacher.says(features)[:, int(part.low)], n, rng)
                rows, features = rows.iloc[kept], features.iloc[kept]
            parts.append(Addition(features, self.problem.task.labels(rows)))
        features = pd.concat([part.features for part in parts] or [self.problem.features.iloc[:0]])
        labels_of = np.concatenate([part.labels for part in parts] or [self.problem.labels[:0]])
        return Addition(features.reset_index(drop=True), labels_of)

    def _conditioned(self, method: str, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Return rows that are drawn given their class, of classes as often as real rows have them."""
        counts = np.bincount(self.problem.labels, minlength=len(self.problem.classes))
        if method == "neighbours":  # a class of one row has none
            counts = np.where(counts > 1, counts, 0)
        shares = counts / max(counts.sum(), 1)
        codes = drawn_classes(np.tile(shares, (n, 1)), rng)
        parts = [
            self.ways.drawn(method, int(count), rng, self.problem.of_class(code))
            for code, count in enumerate(np.bincount(codes, minlength=len(shares)))
            if count
        ]
        rows = pd.concat(parts, ignore_index=True)
        return rows.iloc[np.argsort(np.argsort(codes, kind="stable"), kind="stable")]

    def _labelled(self, rows: pd.DataFrame, labels: str) -> Addition:
        """Return rows with the labels that they are to have."""
        rows = rows.reset_index(drop=True)
        features = rows.drop(columns=self.problem.target)
        if labels in ("own", "condition"):
            return Addition(features, self.problem.task.labels(rows))
        said = self.fitted_teacher.says(features)
        rng = np.random.default_rng([self.seed, 1])
        is_soft = labels == "soft"
        if self.problem.predicts_classes:
            return Addition(features, drawn_classes(said, rng), said if is_soft else None, is_soft)
        own = said if is_soft else said + rng.choice(self.fitted_teacher.residuals, len(said))
        return Addition(features, own, smooth=is_soft)


def _chosen(weights: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """Return n rows that are chosen by their weights, each once, in random order.

    The n largest of the logarithms of the weights with Gumbel noise are a draw without replacement [1]_.

    References
    ----------
    .. [1] Vieira (2014). Gumbel-max trick and weighted reservoir sampling.
    """
    if n == len(weights):
        return np.arange(n)
    keys = np.log(np.maximum(weights, 1e-300)) + rng.gumbel(size=len(weights))
    return rng.permutation(np.argsort(-keys, kind="stable")[:n])
