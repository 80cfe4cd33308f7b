"""Pictures of real and drawn rows side by side: frames in, matplotlib figures out."""

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from synthgan.exceptions import DataError, did_you_mean, listing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Of real and of drawn rows, in every plot.
COLORS = {"real": "#4878a8", "drawn": "#e1812c"}
_MAX_LEVELS = 12
#: Letters of a name that a plot shows.
_MAX_LETTERS = 40


def plot_marginals(real: pd.DataFrame, drawn: pd.DataFrame) -> "Figure":
    """Plot each column's distribution in real and in drawn rows.

    Parameters
    ----------
    real, drawn : DataFrame
        Tables with the same columns, of any numbers of rows.

    Returns
    -------
    Figure
        One panel a column: histograms with common bins, or bars of the most frequent levels.

    Examples
    --------
    >>> from synthgan.datasets import load_penguins
    >>> from synthgan.plotting import plot_marginals
    >>> table = load_penguins()
    >>> figure = plot_marginals(table[:172], table[172:])
    >>> figure.axes[0].get_title()
    'species'
    """
    from matplotlib.figure import Figure

    n_columns = min(4, real.shape[1])
    n_rows = -(-real.shape[1] // n_columns)
    figure = Figure(figsize=(3.2 * n_columns, 2.6 * n_rows), layout="constrained")
    marginals_in(figure.subplots(n_rows, n_columns, squeeze=False).ravel(), real, drawn)
    return figure


def marginals_in(panels: "Iterable[Axes]", real: pd.DataFrame, drawn: pd.DataFrame) -> None:
    """Plot each column's distribution in a panel of its own; panels that are left over show nothing."""
    panels = list(panels)
    for name, axes in zip(real.columns, panels, strict=False):
        _plot_marginal(axes, real[name], drawn[name])
        axes.set_title(literal(name), fontsize=10)
    for axes in panels[real.shape[1] :]:
        axes.set_axis_off()
    panels[0].legend(frameon=False, fontsize=9)


def plot_points(real: pd.DataFrame, drawn: pd.DataFrame, *, x: Hashable, y: Hashable) -> "Figure":
    """Plot real and drawn rows as points of two numeric columns.

    Parameters
    ----------
    real, drawn : DataFrame
        Tables with the columns `x` and `y`; rows that lack one of them have no point.
    x, y : hashable
        The columns on the two axes.

    Returns
    -------
    Figure
        Two panels that share their axes, real on the left.

    Raises
    ------
    DataError
        If a column does not exist.

    Examples
    --------
    >>> from synthgan.datasets import load_penguins
    >>> from synthgan.plotting import plot_points
    >>> table = load_penguins()
    >>> figure = plot_points(table[:172], table[172:], x="bill_length_mm", y="body_mass_g")
    >>> figure.axes[0].get_title()
    'real (172 rows)'
    """
    from matplotlib.figure import Figure

    for name in (x, y):
        if name not in real.columns:
            hint = did_you_mean(name, real.columns)
            raise DataError(f"{name!r} is not a column; the table has {listing(real.columns)}.{hint}")
    figure = Figure(figsize=(8, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (title, rows) in zip(panels, {"real": real, "drawn": drawn}.items(), strict=True):
        placed = rows.dropna(subset=[x, y])
        axes.scatter(
            _numbers(placed[x]), _numbers(placed[y]), s=6, alpha=0.4, color=COLORS[title], linewidths=0
        )
        axes.set(title=f"{title} ({len(rows):,} rows)", xlabel=literal(x))
    panels[0].set_ylabel(literal(y))
    return figure


def literal(name: object) -> str:
    """Return a name as text that matplotlib shows as it is, without taking dollars for formulas."""
    text = str(name)
    return (text if len(text) <= _MAX_LETTERS else f"{text[: _MAX_LETTERS - 1]}…").replace("$", r"\$")


def _plot_marginal(axes: "Axes", real: "pd.Series[Any]", drawn: "pd.Series[Any]") -> None:
    columns = {"real": real, "drawn": drawn}
    if is_numeric_dtype(real.dtype) and not is_bool_dtype(real.dtype):
        numbers = {title: _numbers(column) for title, column in columns.items()}
        edges = np.histogram_bin_edges(np.concatenate(list(numbers.values())), bins=24)
        for title, values in numbers.items():
            axes.hist(values, bins=list(edges), density=True, alpha=0.55, color=COLORS[title], label=title)
        axes.set_yticks([])
        return
    levels = real.value_counts(dropna=False).index[:_MAX_LEVELS]
    for shift, (title, column) in zip((-0.2, 0.2), columns.items(), strict=True):
        shares = column.value_counts(normalize=True, dropna=False).reindex(levels, fill_value=0.0)
        axes.bar(np.arange(len(levels)) + shift, shares, width=0.4, color=COLORS[title], label=title)
    names = ["missing" if pd.isna(level) else literal(level) for level in levels]
    axes.set_xticks(range(len(levels)), names, rotation=30, ha="right", fontsize=8)


def _numbers(column: "pd.Series[Any]") -> "np.ndarray[Any, np.dtype[np.float64]]":
    return column.dropna().to_numpy(dtype=np.float64)
