"""A user's X and y come in, a `Problem` goes out, and rows and targets go back in the form that these had."""

import warnings
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from imblearn.utils import check_target_type
from sklearn.utils import _safe_indexing, column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length

from synthgan.augmentation.problem import Problem
from synthgan.evaluation.tables import check_finite
from synthgan.exceptions import DataError, ParameterError, listing
from synthgan.forms import Form, unwrap
from synthgan.layout import IntArray
from synthgan.preprocessing.plain import plain_frame, restore
from synthgan.schema import check_names, join_columns

TASKS = ("auto", "classification", "regression")
#: More different whole numbers than this, and than this share of the rows, are hardly classes.
_MANY_CLASSES, _SHARE_DIFFERENT = 20, 0.1


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
    n_columns_of_y
        How many columns y has if it has one for each class; otherwise 0.
    """

    X: Any
    y: Any
    frame: pd.DataFrame
    form: Form
    target: npt.NDArray[Any]
    n_columns_of_y: int

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
        frame, form = read_table(X)
        check_finite(frame, "given")
        if form.library == "numpy":
            X = np.asarray(X)
        check_no_gaps(y)
        if isinstance(y, pd.api.extensions.ExtensionArray | pd.Index | pa.Array | pa.ChunkedArray):
            y = _as_array(y)
        if isinstance(y, pd.DataFrame) and not y.columns.is_unique:
            raise DataError(f"y should be a 1d array; got columns of the same name: {listing(y.columns)}.")
        with warnings.catch_warnings():  # of many classes, of which there is a word of our own
            warnings.simplefilter("ignore", UserWarning)
            kind = type_of_target(y, input_name="y")
        if task == "auto":
            task = "regression" if kind == "continuous" else "classification"
            _warn_of_numbers(y, kind)
        n_columns_of_y = 0
        if task == "classification":
            if kind == "continuous":
                raise DataError(
                    "Unknown label type: y holds fractions, which are no classes. Predict numbers "
                    "(task='regression', AugmentedRegressor)."
                )
            checked, is_one_of_all = check_target_type(np.asarray(y), indicate_one_vs_all=True)
            target = np.asarray(checked) if is_one_of_all else _column(y)
            n_columns_of_y = np.shape(y)[1] if is_one_of_all else 0
        else:
            target = _numbers(y)
        check_consistent_length(frame, target)
        return cls(X, y, frame, form, target, n_columns_of_y), task

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

    def targets(self, added: npt.NDArray[Any], *, rounded: bool = True) -> Any:
        """Return the user's targets, unchanged, and others after them.

        Parameters
        ----------
        added
            Classes as the user has them, or numbers.
        rounded
            Whether numbers are to be whole where the user's are; a learner may see them as they are.
        """
        y = self.y
        if self.n_columns_of_y:
            added = np.eye(self.n_columns_of_y, dtype=np.int64)[added]
        elif added.dtype.kind == "f" and not self._are_fractions():
            if not rounded:
                return np.concatenate([self.target, added])
            added = np.rint(added).clip(*self._ends()).astype(np.int64)
        if isinstance(y, list):
            return [*y, *added.tolist()]
        if isinstance(y, pd.DataFrame):
            more = pd.DataFrame(added.reshape(len(added), -1), columns=y.columns).astype(y.dtypes)
            return pd.concat([y, more]).set_axis(_extended(y.index, len(added)))
        if isinstance(y, pd.Series):
            more_cells = pd.Series(added).astype(y.dtype)
            more_cells.name = y.name
            return pd.concat([y, more_cells]).set_axis(_extended(y.index, len(added)))
        own = np.asarray(y)
        own = own if self.n_columns_of_y or own.ndim == 1 else own.ravel()
        return np.concatenate([own, added.astype(own.dtype, copy=False)])

    @property
    def _dtype_of_y(self) -> Any:
        y = self.y.iloc[:, 0] if isinstance(self.y, pd.DataFrame) else self.y
        return y.dtype if isinstance(y, pd.Series) else np.asarray(y).dtype

    def _are_fractions(self) -> bool:
        """Whether the user's targets are fractions, or of a type that holds them."""
        holds = pd.api.types.is_float_dtype(self._dtype_of_y)
        return bool(holds) or bool((self.target != np.rint(self.target)).any())

    def _ends(self) -> tuple[int, int]:
        """Return the least and largest whole number that the user's targets can be."""
        dtype = getattr(self._dtype_of_y, "numpy_dtype", self._dtype_of_y)
        ends = np.iinfo(dtype if getattr(dtype, "kind", "O") in "iu" else np.int64)
        widest = 2**53  # up to which every number is one that a float can be
        return max(int(ends.min), -widest), min(int(ends.max), widest)


def _warn_of_numbers(y: Any, kind: str) -> None:
    """Warn of whole numbers that are taken for classes and may be meant to be predicted as numbers."""
    cells = np.asarray(y)
    if kind != "multiclass" or cells.dtype.kind not in "iuf":
        return
    n_different = len(np.unique(cells))
    if n_different > max(_MANY_CLASSES, _SHARE_DIFFERENT * len(cells)):
        warnings.warn(
            f"y holds {n_different:,} different whole numbers in {len(cells):,} rows, which are taken for "
            "classes; with task='regression' they are numbers to predict.",
            UserWarning,
            stacklevel=2,
        )


def check_no_gaps(y: Any) -> None:
    """Raise DataError if some target is missing."""
    cells = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    n_missing = int(np.count_nonzero(pd.isna(cells)))
    if n_missing:
        raise DataError(
            f"Input y contains NaN: {n_missing:,} targets are missing. Leave these rows out, or give them as "
            "X_unlabelled."
        )


def _as_array(y: Any) -> npt.NDArray[Any]:
    """Return targets in an array of pandas or Arrow as one of NumPy, which can be taken apart by rows."""
    cells = pd.Series(y.to_numpy(zero_copy_only=False) if isinstance(y, pa.Array) else y.to_numpy())
    return cells.infer_objects().to_numpy()


def _numbers(y: Any) -> npt.NDArray[np.float64]:
    """Return targets as numbers."""
    cells = np.asarray(y)
    try:
        return np.asarray(column_or_1d(cells, dtype=np.float64))
    except ValueError as error:
        if cells.dtype.kind in "OUS" and cells.ndim == 1:
            raise DataError(
                f"y holds text such as {cells[0]!r}, which is no number to predict. For classes take "
                "AugmentedClassifier, or task='classification'."
            ) from error
        raise


def read_table(X: Any) -> tuple[pd.DataFrame, Form]:
    """Return a table of any form as a frame in dtypes that encoders know, and its form."""
    frame, form = unwrap(X)
    check_names(frame)
    return plain_frame(frame), form


def like_dtypes(frame: pd.DataFrame, like: pd.DataFrame, *, called: str) -> pd.DataFrame:
    """Return rows with the columns of others, in their dtypes.

    Raises
    ------
    DataError
        If a column has cells that its dtype cannot hold.
    """
    columns = []
    for name in like.columns:
        own, wanted = frame[name], like[name].dtype
        try:
            cells = own.astype(wanted)
            is_kept = bool((cells.isna() == own.isna()).all())
            if is_kept and wanted.kind in "iu":
                is_kept = bool((cells.astype(float) == own.astype(float))[own.notna()].all())
        except (TypeError, ValueError, ArithmeticError):
            is_kept = False
        if not is_kept:
            raise DataError(
                f"Column {name!r} of {called} is {own.dtype} and has cells that {wanted} of X cannot hold, "
                "such as gaps, fractions or other levels. Bring both to one dtype."
            )
        columns.append(cells)
    return join_columns(columns, list(like.columns))


def _column(y: Any) -> npt.NDArray[Any]:
    """Return classes as an array, with the values that the user knows."""
    if isinstance(y, pd.DataFrame):
        y = y.iloc[:, 0]
    return y.to_numpy() if isinstance(y, pd.Series) else np.asarray(y).ravel()


def _extended(index: pd.Index, n: int) -> pd.Index:
    """Return an index with n more labels: numbers go on; of any other kind rows are numbered anew."""
    if isinstance(index, pd.RangeIndex):
        stop = index.start + index.step * (len(index) + n)
        return pd.RangeIndex(index.start, stop, index.step, name=index.name)
    if pd.api.types.is_integer_dtype(index.dtype) and len(index):
        last = int(index.max())
        if last + n <= np.iinfo(np.int64).max:
            return index.append(pd.Index(last + 1 + np.arange(n))).rename(index.name)
    return pd.RangeIndex(len(index) + n, name=index.name)
