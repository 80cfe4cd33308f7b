"""Tables of any size whose columns hang together, made of a few hidden normal variables."""

import numpy as np
import pandas as pd

#: Hidden variables, and how much of a column is its own.
_N_HIDDEN, _NOISE = 4, 0.5
#: Share of cells that are missing, in every fifth column, and of zeros, in every fourth number.
_GAPS, _ZEROS = 0.05, 0.3
_N_LEVELS = 8


def simulated(n_rows: int, n_columns: int, *, n_most_levels: int = 8, seed: int = 0) -> pd.DataFrame:
    """Return a table of numbers and levels, in turn.

    Parameters
    ----------
    n_rows, n_columns
        Its shape.
    n_most_levels
        Levels of the first column of levels; others have eight. The first levels are far more frequent than
        the last ones, and each occurs if there are rows for all.
    seed
        Of the rows. What the law is depends on the number of columns and levels alone.
    """
    law, rng = np.random.default_rng(n_columns), np.random.default_rng(seed)
    hidden = rng.standard_normal((n_rows, _N_HIDDEN)).astype(np.float32)
    columns = {}
    for place in range(n_columns):
        weights = law.standard_normal(_N_HIDDEN).astype(np.float32)
        own = hidden @ (weights / np.linalg.norm(weights))
        own += _NOISE * rng.standard_normal(n_rows).astype(np.float32)
        is_number = place % 2 == 0
        cells = _number(own, place) if is_number else _level(own, n_most_levels if place == 1 else _N_LEVELS)
        if place % 5 == 4:
            cells = cells.mask(rng.random(n_rows) < _GAPS)
        columns[f"{'number' if is_number else 'level'}{place}"] = cells
    return pd.DataFrame(columns)


def _number(own: np.ndarray, place: int) -> "pd.Series[float]":
    """Return a number: normal, whole, with many zeros, or with a long tail."""
    kind = place // 2 % 4
    if kind == 1:
        own = np.round(10 * own)
    elif kind == 2:
        own = np.maximum(own - np.quantile(own[:10_000], _ZEROS), 0)
    elif kind == 3:
        own = np.exp(own)
    return pd.Series(own.astype(float))


def _level(own: np.ndarray, n_levels: int) -> "pd.Series[str]":
    """Return a level for each rank, of shares that fall as 1 over their place."""
    shares = 1 / np.arange(1, n_levels + 1)
    n_rows = len(own)
    # One row for each level, and the others by share.
    counts = np.ones(n_levels, dtype=int) if n_rows >= n_levels else np.zeros(n_levels, dtype=int)
    left = n_rows - counts.sum()
    counts += np.floor(left * shares / shares.sum()).astype(int)
    counts[0] += n_rows - counts.sum()
    codes = np.empty(n_rows, dtype=int)
    codes[np.argsort(own)] = np.repeat(np.arange(n_levels), counts)
    names = np.array([f"level {place}" for place in range(n_levels)], dtype=object)
    return pd.Series(names[codes])
