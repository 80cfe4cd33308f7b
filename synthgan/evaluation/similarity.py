"""How alike two tables are, column by column and pair by pair: real and drawn rows in, similarities out.

Every similarity is 1 where the two tables agree and 0 where they have nothing in common. Other real rows do
not reach 1 either: what these score is the noise floor, and `synthgan.evaluation.fidelity` shows it beside.
"""

from collections.abc import Hashable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import wasserstein_distance

from synthgan.evaluation.estimates import FloatArray
from synthgan.evaluation.tables import MAX_LEVELS, alike, levels_of, numbers_of
from synthgan.exceptions import ParameterError

#: Bins that a number is cut in beside a column of levels.
N_BINS = 10
#: Below this share of the variance of a column, that of some of its rows is computed on its own, exactly.
_LITTLE_VARIANCE = 1e-6
#: Cells of a joint table for each row, up to which counting them all is faster than sorting the rows.
_CELLS_PER_ROW = 4

IntArray = npt.NDArray[np.int64]


def comparable(real: Any, other: Any, *, called: str = "drawn") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables of any form and dtype as frames of floats and text with the same columns.

    A column is of floats, NaN where a cell is missing, if it holds numbers or times in either table, and else
    of text. Arguments and errors are those of `alike`.
    """
    real, other = alike(real, other, called=called)
    mine, theirs = {}, {}
    for name in real:
        mine[name], theirs[name] = _cells(real[name], other[name])
    return pd.DataFrame(mine), pd.DataFrame(theirs)


def _cells(real: "pd.Series[Any]", other: "pd.Series[Any]") -> tuple[Any, Any]:
    """Return two columns as floats, or as text where neither holds numbers."""
    numbers = [numbers_of(column) for column in (real, other)]
    if numbers[0] is None and numbers[1] is None:
        return levels_of(real).astype(object), levels_of(other).astype(object)
    gaps = [np.full(len(column), np.nan) for column in (real, other)]
    mine, theirs = (gap if part is None else part for part, gap in zip(numbers, gaps, strict=True))
    return mine, theirs


def column_shapes(real: Any, drawn: Any) -> pd.DataFrame:
    """Return how alike the single columns of two tables are.

    Parameters
    ----------
    real, drawn
        Tables of the same columns, of any form.

    Returns
    -------
    pandas.DataFrame
        One row a column: ``column``; ``kind``, "number" or "levels"; ``similarity``, from 0 to 1;
        ``wasserstein``, in standard deviations of the real cells (in its own unit where these do not differ,
        NaN for levels and where a table has no cell); ``missing_real`` and ``missing_drawn``, shares of the
        cells.

    Notes
    -----
    Of numbers and times the similarity is 1 less the largest distance of the two distribution functions
    (Kolmogorov and Smirnov), of levels 1 less the total variation, half the sum over levels of how far their
    shares differ. These are KSComplement and TVComplement [1]_. Both leave missing cells out, which is why
    the shares of these stand beside them. Where one table alone has no cell at all the similarity is 0, and
    where neither has, 1; there it is not defined in [1]_.

    References
    ----------
    .. [1] Synthetic Data Metrics, DataCebo. https://docs.sdv.dev/sdmetrics

    Examples
    --------
    >>> real, drawn = pd.DataFrame({"a": ["x", "x", "y", "y"]}), pd.DataFrame({"a": ["x", "y", "y", "y"]})
    >>> float(column_shapes(real, drawn)["similarity"].iloc[0])
    0.75
    """
    real, drawn = comparable(real, drawn)
    rows = [(name, *_shape(real[name], drawn[name])) for name in real]
    names = ["column", "kind", "similarity", "wasserstein", "missing_real", "missing_drawn"]
    return pd.DataFrame(rows, columns=names)


def _shape(real: "pd.Series[Any]", drawn: "pd.Series[Any]") -> tuple[str, float, float, float, float]:
    is_number = real.dtype.kind == "f"
    cells = real.dropna().to_numpy(), drawn.dropna().to_numpy()
    missing = float(real.isna().mean()), float(drawn.isna().mean())
    kind, distance = ("number" if is_number else "levels"), np.nan
    if not len(cells[0]) or not len(cells[1]):
        return kind, float(len(cells[0]) == len(cells[1])), distance, *missing
    if is_number:
        return kind, 1 - _kolmogorov(*cells), _wasserstein(*cells), *missing
    codes, levels = pd.factorize(np.concatenate(cells))
    return kind, _overlap(codes[: len(cells[0])], codes[len(cells[0]) :], len(levels)), distance, *missing


def _kolmogorov(some: FloatArray, others: FloatArray) -> float:
    """Return the largest distance of two empirical distribution functions."""
    some, others = np.sort(some), np.sort(others)
    steps = np.concatenate([some, others])
    shares = (np.searchsorted(cells, steps, side="right") / len(cells) for cells in (some, others))
    return float(np.abs(np.subtract(*shares)).max())


def _wasserstein(real: FloatArray, drawn: FloatArray) -> float:
    """Return the mean distance that mass is moved, in standard deviations of the real cells."""
    largest = max(float(np.abs(cells).max()) for cells in (real, drawn)) or 1.0
    real, drawn = real / largest, drawn / largest
    unit = float(real.std()) if np.ptp(real) else 1 / largest
    return float(wasserstein_distance(real, drawn)) / unit


def column_pairs(real: Any, drawn: Any, *, bins: str = "shared") -> pd.DataFrame:
    """Return how alike two tables are in each pair of columns.

    Parameters
    ----------
    real, drawn
        Tables of the same columns, of any form.
    bins
        Where a number is cut in 10 bins of equal width beside a column of levels: "shared", by the range of
        the real rows, with drawn numbers outside of it in the bin next to them; or "own", by the range that
        each table has itself, as [1]_ has it.

    Returns
    -------
    pandas.DataFrame
        One row a pair: ``first``, ``second``; ``kind``, "numbers", "levels" or "mixed"; ``similarity``, from
        0 to 1.

    Raises
    ------
    ParameterError
        If bins are of another kind.

    Notes
    -----
    Two columns of numbers are compared by Pearson's correlation over the rows that have both, as
    ``1 - |r_real - r_drawn| / 2``. It is 0 where a column does not vary, where [1]_ leaves the pair out. Any
    other pair is compared by its joint table, as 1 less the total variation; a missing cell is a level.

    Own bins mislead: one extreme row moves all bins of its table. Half of the rows of a table can lose more
    than a tenth against the other half, and a sampler gains as much by drawing each extreme once. They are
    here to compare with published figures, and also put the largest number and missing ones in one bin.

    With shared bins all but the `MAX_LEVELS` most frequent levels of the real rows are one more level. With
    own bins all are told apart, as in [1]_, so that columns of names or keys have nothing in common.

    References
    ----------
    .. [1] Synthetic Data Metrics, DataCebo: CorrelationSimilarity, ContingencySimilarity, Column Pair Trends.
       https://docs.sdv.dev/sdmetrics
    """
    if bins not in ("shared", "own"):
        raise ParameterError(f"bins must be 'shared' or 'own'; got {bins!r}.")
    real, drawn = comparable(real, drawn)
    rows = list(_pairs(real, drawn, bins))
    return pd.DataFrame(rows, columns=["first", "second", "kind", "similarity"])


def _pairs(
    real: pd.DataFrame, drawn: pd.DataFrame, bins: str
) -> Iterator[tuple[Hashable, Hashable, str, float]]:
    """Yield each pair of columns, its kind and its similarity."""
    numbers = [name for name in real if real[name].dtype.kind == "f"]
    places = {name: place for place, name in enumerate(numbers)}
    matrices = [_correlations(part[numbers].to_numpy(dtype=float)) for part in (real, drawn)]
    by_numbers = 1 - np.abs(np.subtract(*matrices)) / 2
    codes = {}
    if len(numbers) < real.shape[1]:
        codes = {name: _codes(real[name], drawn[name], bins) for name in real}
    for first, second in combinations(real.columns, 2):
        n_numbers = (first in places) + (second in places)
        if n_numbers == 2:
            yield first, second, "numbers", float(by_numbers[places[first], places[second]])
        else:
            kind = "mixed" if n_numbers else "levels"
            yield first, second, kind, _joint_overlap(codes[first], codes[second])


def _correlations(cells: FloatArray) -> FloatArray:
    """Return Pearson's correlation of all pairs of columns over the rows that have both, 0 for constants."""
    present = ~np.isnan(cells)
    scaled = np.zeros_like(cells)
    for column, here in enumerate(present.T):
        some = cells[here, column]
        if len(some) and np.ptp(some / 2):
            some = some / np.abs(some).max()
            scaled[here, column] = (some - some.mean()) / some.std()
    masks = present.astype(float)
    n_rows = np.maximum(masks.T @ masks, 1)
    means = scaled.T @ masks / n_rows  # of each column over the rows that have the other one
    variances = scaled.T**2 @ masks / n_rows - means**2
    covariances = scaled.T @ scaled / n_rows - means * means.T
    scales = np.sqrt(np.maximum(variances * variances.T, 0))
    found = np.divide(covariances, scales, out=np.zeros_like(scales), where=scales > 0)
    is_little = (np.minimum(variances, variances.T) < _LITTLE_VARIANCE) & ~present.all(axis=0)
    for i, j in np.argwhere(is_little | is_little.T):
        both = present[:, i] & present[:, j]
        found[i, j] = _correlation(scaled[both, i], scaled[both, j])
    bounded: FloatArray = np.clip(found, -1, 1)
    return bounded


def _correlation(some: FloatArray, others: FloatArray) -> float:
    if not len(some) or not np.ptp(some) or not np.ptp(others):
        return 0.0
    return float(np.corrcoef(some, others)[0, 1])


def _codes(real: "pd.Series[Any]", drawn: "pd.Series[Any]", bins: str) -> tuple[IntArray, IntArray, int]:
    """Return the cells of two columns as the places of one list of bins or levels, and its length."""
    if real.dtype.kind == "f":
        cells = real.to_numpy(), drawn.to_numpy()
        cut = _own_bins if bins == "own" else _bins_of(cells[0])
        return cut(cells[0]), cut(cells[1]), N_BINS + 2
    codes, levels = pd.factorize(pd.concat([real, drawn], ignore_index=True), use_na_sentinel=False)
    codes = codes.astype(np.int64)
    if bins == "shared" and len(levels) > MAX_LEVELS:
        counts = np.bincount(codes[: len(real)], minlength=len(levels))
        counts[pd.isna(levels)] = len(codes)  # missing cells stay apart
        rank = np.argsort(np.argsort(-counts, kind="stable"))
        codes = np.minimum(rank, MAX_LEVELS + int(pd.isna(levels).any()))[codes]
    return codes[: len(real)], codes[len(real) :], int(codes.max()) + 1


def _own_bins(cells: FloatArray) -> IntArray:
    """Return bins between the ends of a column itself; the upper end and missing cells have one together."""
    present = cells[~np.isnan(cells)]
    try:
        edges = np.histogram_bin_edges(present, bins=N_BINS)
    except ValueError:  # large numbers that lie too close for ten bins between them, as floats are
        cells = cells - present.min()
        edges = np.histogram_bin_edges(present - present.min(), bins=N_BINS)
    return np.digitize(cells, edges).astype(np.int64)


def _bins_of(real: FloatArray) -> Any:
    """Return what cuts a column in bins between the ends of the real one, those beyond in the nearest."""
    present = real[~np.isnan(real)] if not np.isnan(real).all() else np.zeros(1)
    low, high = present.min() / 2, present.max() / 2  # halves, since the whole range may overflow
    width = (high - low) or 1.0

    def cut(cells: FloatArray) -> IntArray:
        places = np.floor(np.clip((cells / 2 - low) / width, 0, 1) * N_BINS)
        return np.where(np.isnan(cells), N_BINS, np.minimum(places, N_BINS - 1)).astype(np.int64)

    return cut


def _joint_overlap(first: tuple[IntArray, IntArray, int], second: tuple[IntArray, IntArray, int]) -> float:
    real, drawn = first[0] * second[2] + second[0], first[1] * second[2] + second[1]
    n_cells = first[2] * second[2]
    if n_cells > _CELLS_PER_ROW * (len(real) + len(drawn)):
        codes, cells = pd.factorize(np.concatenate([real, drawn]))
        real, drawn, n_cells = codes[: len(real)], codes[len(real) :], len(cells)
    return _overlap(real, drawn, n_cells)


def _overlap(some: IntArray, others: IntArray, n_codes: int) -> float:
    """Return 1 less the total variation of two columns of codes."""
    shares = (np.bincount(codes, minlength=n_codes) / len(codes) for codes in (some, others))
    return 1 - float(np.abs(np.subtract(*shares)).sum()) / 2
