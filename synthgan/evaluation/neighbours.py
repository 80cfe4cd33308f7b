"""Rows between neighbours of a class: rows and classes in, rows that lie between them out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

from synthgan.evaluation.tables import cells_like, levels_of, numbers_of

#: Neighbours that SMOTE draws between, where there are so many.
_N_NEIGHBORS = 5
#: What stands for a missing level, and is none.
_GAP = "\0missing"


def between_neighbours(
    frame: pd.DataFrame, labels: npt.NDArray[Any], wanted: Mapping[int, int], seed: int
) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
    """Return rows that lie between rows of a class and their neighbours, and the class of each.

    By SMOTE [1]_, SMOTENC or SMOTEN of imbalanced-learn, as columns are numbers, levels or both. Missing
    numbers are filled with the median and missing levels are one more level, since these know none.

    The target is no column of the frame; each class of which rows are wanted has two rows or more.

    References
    ----------
    .. [1] Chawla, Bowyer, Hall, Kegelmeyer (2002). SMOTE: Synthetic Minority Over-sampling Technique.
       JAIR 16.
    """
    cells, is_levels = _filled(frame)
    counts = {int(label): int((labels == label).sum()) for label in np.unique(labels)}
    n_neighbors = min(_N_NEIGHBORS, min(counts[label] for label in wanted) - 1)
    strategy = {label: counts[label] + n for label, n in wanted.items()}
    drawn, drawn_labels = _smote(is_levels, n_neighbors, strategy, seed).fit_resample(cells, labels)
    columns = {}
    for place, name in enumerate(frame.columns):
        cells = pd.Series(np.asarray(drawn[:, place])[len(frame) :])
        columns[name] = cells_like(frame[name], cells.mask(cells == _GAP) if is_levels[place] else cells)
    return pd.DataFrame(columns), drawn_labels[len(frame) :]


def _filled(frame: pd.DataFrame) -> tuple[Any, list[bool]]:
    """Return cells without gaps, levels as text where there are any, and which columns are levels."""
    columns, is_levels = [], []
    for name in frame:
        numbers = numbers_of(frame[name])
        is_levels.append(numbers is None)
        if numbers is None:
            columns.append(levels_of(frame[name]).astype(object).fillna(_GAP).to_numpy(dtype=object))
            continue
        has_any = not np.isnan(numbers).all()
        columns.append(np.where(np.isnan(numbers), np.nanmedian(numbers) if has_any else 0.0, numbers))
    if any(is_levels):
        columns = [column.astype(object) for column in columns]
    return np.column_stack(columns), is_levels


def _smote(is_levels: list[bool], n_neighbors: int, strategy: dict[int, int], seed: int) -> Any:
    how: dict[str, Any] = {"k_neighbors": n_neighbors, "random_state": seed, "sampling_strategy": strategy}
    if all(is_levels):
        return SMOTEN(**how)
    if not any(is_levels):
        return SMOTE(**how)
    return SMOTENC(np.flatnonzero(is_levels).tolist(), **how)
