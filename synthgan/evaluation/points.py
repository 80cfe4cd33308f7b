"""TablePoints: what a line or neighbours need before them to take any table: rows in, points out."""

from typing import Any, Self

from sklearn.base import BaseEstimator, TransformerMixin

from synthgan.evaluation.estimates import FloatArray
from synthgan.evaluation.tables import Coding, frame_of


class TablePoints(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Code the columns of any table as `Coding.points` has it: numbers scaled, each frequent level by itself.

    Attributes
    ----------
    coding_ : Coding
        Levels, centres and scales of the fitted table.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn levels, centres and scales."""
        self.coding_ = Coding.of(frame_of(X))
        return self

    def transform(self, X: Any) -> FloatArray:
        """Return points, shape ``(n_rows, width)``."""
        return self.coding_.points(frame_of(X))
