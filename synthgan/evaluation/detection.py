"""What trees make of drawn rows: whether they can tell them from real ones, and what they learn from them.

Tables come in, and one figure goes out, of rows that the trees or the line have not seen.
"""

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthgan.evaluation.estimates import FloatArray
from synthgan.evaluation.learners import L2, on_one_thread
from synthgan.evaluation.similarity import comparable
from synthgan.evaluation.tables import Coding, class_names, task_of
from synthgan.exceptions import DataError, ParameterError, did_you_mean

#: Parts of the rows, each of which is told apart by what has learned from the others.
N_FOLDS = 3
#: Steps of the line; on standardised columns it takes far fewer.
_MAX_ITER = 2_000
_SEEDS = 2**31 - 1


def detection(real: Any, drawn: Any, *, by: str = "trees", rng: np.random.Generator) -> float:
    """Return how well drawn rows can be told from real ones: an AUC, 0.5 where they cannot, 1 where all can.

    Parameters
    ----------
    real, drawn
        Tables of the same columns, of any form. Of the longer one as many rows are taken as the other has.
    by
        "trees", gradient boosting with the defaults of scikit-learn, or "line", a logistic regression.
    rng
        Source of the folds, and of what rows are taken.

    Returns
    -------
    float
        Mean over three folds of the area under the ROC curve on the rows left out, the classifier two-sample
        test of [1]_. Clearly below 0.5, drawn rows are nearer to the real ones than those are to each other:
        near-copies.

    Raises
    ------
    DataError
        If the tables do not have the same columns, or fewer than three rows.
    ParameterError
        If it is neither by trees nor by a line.

    Notes
    -----
    Only the trees prove anything. A line sees each column by itself, in its mean: columns that are each drawn
    on their own, with nothing of how they hang together, score 0.5 by the line and near 1 by the trees. It is
    here since published figures use it. Which way a test errs also depends on the number of rows: more rows
    tell more, so figures are compared at the same size.

    References
    ----------
    .. [1] Lopez-Paz, Oquab (2017). Revisiting Classifier Two-Sample Tests. ICLR.
    """
    if by not in ("trees", "line"):
        raise ParameterError(f"by must be 'trees' or 'line'; got {by!r}.")
    real, drawn = comparable(real, drawn)
    n_rows = min(len(real), len(drawn))
    if n_rows < N_FOLDS:
        raise DataError(f"Detection needs at least {N_FOLDS} rows of each table; one has {n_rows}.")
    parts = [part.iloc[rng.permutation(len(part))[:n_rows]] for part in (real, drawn)]
    # Levels are coded by both tables in random order: codes of the real rows alone would single out a rare
    # level that only the other half has, which is as true of real rows.
    order = rng.permutation(2 * n_rows)
    rows = pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)
    is_drawn = order >= n_rows
    coding = Coding.of(rows)
    cells = coding.numbers(rows) if by == "trees" else coding.points(rows)
    return _out_of_fold(cells, is_drawn, by, int(rng.integers(_SEEDS)))


@on_one_thread
def _out_of_fold(cells: FloatArray, is_drawn: npt.NDArray[np.bool_], by: str, seed: int) -> float:
    """Return the mean over folds of the AUC on the rows left out."""
    areas = []
    for learned, asked in StratifiedKFold(N_FOLDS).split(is_drawn, is_drawn):
        # Trees cannot be grown on a column that is missing in all of the rows that they learn.
        is_known = ~np.isnan(cells[learned]).all(axis=0)
        if not is_known.any():
            areas.append(0.5)
            continue
        model: Any = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
        if by == "line":
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_MAX_ITER))
        model.fit(cells[learned][:, is_known], is_drawn[learned])
        chances = model.predict_proba(cells[asked][:, is_known])[:, 1]
        areas.append(roc_auc_score(is_drawn[asked], chances))
    return float(np.mean(areas))


@on_one_thread
def train_on(
    rows: Any, test: Any, target: Hashable, *, rng: np.random.Generator, task: str = "auto"
) -> float:
    """Return how well trees that have learned a column from some rows predict it in real ones.

    With drawn rows to learn from and real ones to test on this is the "train on synthetic, test on real" of
    [1]_; it is to be held against what as many real rows teach.

    Parameters
    ----------
    rows
        The table to learn from: drawn rows, or real ones.
    test
        Real rows that neither the trees nor the sampler have seen.
    target
        The column to predict. Rows in which it is missing are left out.
    rng
        Source of the seed of the trees.
    task
        "classification", "regression" or "auto", by the target of the test rows.

    Returns
    -------
    float
        Of two classes the AUC, of more the mean over the classes of the test rows of the AUC of each against
        the rest, of numbers R2; NaN where the test rows have one class or one number only. A class that the
        trees have not met has chance 0.

    Raises
    ------
    DataError
        If the tables do not have the same columns, the target is not among them, or all of it is missing.

    References
    ----------
    .. [1] Esteban, Hyland, Rätsch (2017). Real-valued (Medical) Time Series Generation with Recurrent
       Conditional GANs. arXiv:1706.02633.
    """
    test, rows = comparable(test, rows, called="training")
    if target not in test.columns:
        hint = did_you_mean(target, test.columns)
        raise DataError(f"The target {target!r} is not a column of the tables.{hint}")
    if test.shape[1] < 2:
        raise DataError(f"The target {target!r} is the only column; there is nothing to predict it from.")
    test, rows = (part[part[target].notna()].reset_index(drop=True) for part in (test, rows))
    if not len(test) or not len(rows):
        raise DataError(f"The target {target!r} is missing in every row of one table.")
    options = {"early_stopping": False, "l2_regularization": L2, "random_state": int(rng.integers(_SEEDS))}
    if task_of(test[target], task) == "regression":
        return _r2(rows, test, target, HistGradientBoostingRegressor(**options))
    return _auc(rows, test, target, HistGradientBoostingClassifier(**options))


def _cells(rows: pd.DataFrame, test: pd.DataFrame, target: Hashable) -> tuple[FloatArray, FloatArray]:
    """Return the columns beside the target as numbers."""
    coding = Coding.of(rows.drop(columns=target))
    cells, asked = (coding.numbers(part.drop(columns=target)) for part in (rows, test))
    # Columns that are missing in all rows teach nothing, and trees cannot be grown on them.
    is_empty = np.isnan(cells).all(axis=0)
    cells[:, is_empty] = asked[:, is_empty] = 0.0
    return cells, asked


def _r2(rows: pd.DataFrame, test: pd.DataFrame, target: Hashable, trees: Any) -> float:
    truth = test[target].to_numpy(dtype=float)
    if len(truth) < 2 or not np.ptp(truth):
        return float("nan")
    cells, asked = _cells(rows, test, target)
    return float(r2_score(truth, trees.fit(cells, rows[target].to_numpy(dtype=float)).predict(asked)))


def _auc(rows: pd.DataFrame, test: pd.DataFrame, target: Hashable, trees: Any) -> float:
    """Return the mean over the classes of the test rows of the AUC of each against the rest."""
    learned, classes = (class_names(part[target]).to_numpy(dtype=object).astype(str) for part in (rows, test))
    names, labels = np.unique(learned, return_inverse=True)
    present = np.unique(classes)
    if len(present) < 2:
        return float("nan")
    if len(names) < 2:  # whoever knows one class only says the same of every row
        return 0.5
    cells, asked = _cells(rows, test, target)
    chances = dict(zip(names, trees.fit(cells, labels).predict_proba(asked).T, strict=True))
    nothing = np.zeros(len(classes))
    return float(np.mean([roc_auc_score(classes == name, chances.get(name, nothing)) for name in present]))
