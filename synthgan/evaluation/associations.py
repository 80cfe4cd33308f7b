"""How strongly columns hang together: two frames in, two matrices out, over the same bins."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.evaluation.estimates import FloatArray
from synthgan.evaluation.tables import Coding

Codes = npt.NDArray[np.int64]
#: Bins of a number, about as many rows in each, and levels of a column that are told apart.
_N_BINS = 8


def associations(real: pd.DataFrame, drawn: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Return Cramér's V of each pair of columns, in real and in drawn rows.

    It is 0 for columns that say nothing of each other and 1 where one says all of the other; corrected for
    what chance gives in few rows [1]_. Numbers are cut where real rows fall into equal parts. A missing
    cell is a value of its own.

    Returns
    -------
    tuple of arrays
        Each of shape ``(n_columns, n_columns)``, with 1 on the diagonal.

    References
    ----------
    .. [1] Bergsma (2013). A Bias-Correction for Cramér's V and Tschuprow's T. Journal of the Korean
       Statistical Society 42.
    """
    coding = Coding.of(real)
    here, there = coding.numbers(real), coding.numbers(drawn)
    codes = [
        _binned(here[:, place], there[:, place], levels)
        for place, levels in enumerate(coding.levels.values())
    ]
    return tuple(_matrix([part[side] for part in codes]) for side in (0, 1))  # type: ignore[return-value]


def _binned(here: FloatArray, there: FloatArray, levels: list[str] | None) -> tuple[Codes, Codes]:
    """Return the bins of a column's cells in both tables; the last bin is for missing cells."""
    if levels is None:
        present = here[~np.isnan(here)]
        edges = np.unique(np.quantile(present, np.arange(1, _N_BINS) / _N_BINS)) if len(present) else here[:0]
        bins = [np.searchsorted(edges, cells, side="right") for cells in (here, there)]
    else:
        bins = [np.minimum(np.nan_to_num(cells), _N_BINS - 1).astype(np.int64) for cells in (here, there)]
    both = [np.where(np.isnan(cells), _N_BINS, own) for cells, own in zip((here, there), bins, strict=True)]
    return both[0], both[1]


def _matrix(codes: list[Codes]) -> FloatArray:
    matrix = np.eye(len(codes))
    for i in range(len(codes)):
        for j in range(i):
            matrix[i, j] = matrix[j, i] = _cramers_v(codes[i], codes[j])
    return matrix


def _cramers_v(first: Codes, second: Codes) -> float:
    width = _N_BINS + 1
    counts = np.bincount(first * width + second, minlength=width * width).reshape(width, width).astype(float)
    counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    n_rows = counts.sum()
    if min(counts.shape) < 2 or n_rows < 2:
        return 0.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / n_rows
    phi2 = float(((counts - expected) ** 2 / expected).sum() / n_rows)
    rows, columns = counts.shape
    phi2 = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n_rows - 1))
    rows_left = rows - (rows - 1) ** 2 / (n_rows - 1)
    columns_left = columns - (columns - 1) ** 2 / (n_rows - 1)
    least = min(rows_left, columns_left) - 1
    return float(np.sqrt(min(1.0, phi2 / least))) if least > 0 else 0.0
