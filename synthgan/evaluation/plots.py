"""Plots of what evaluators found: frames in, matplotlib axes out."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.evaluation.estimates import FloatArray
from synthgan.evaluation.results import ALL
from synthgan.evaluation.tables import Coding
from synthgan.evaluation.verdict import Judge
from synthgan.plotting import COLORS, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Codes = npt.NDArray[np.int64]
#: Bins of a number, about as many rows in each, and levels of a column that are told apart.
_N_BINS = 8
#: Columns of a heat map, the first ones of a table.
_MAX_COLUMNS = 40
_GREY = "#8a8f98"


def new_axes() -> "Axes":
    """Return axes that a notebook shows."""
    from matplotlib import pyplot

    axes: Axes = pyplot.subplots(layout="constrained")[1]
    return axes


def plot_gains(gains: pd.DataFrame, judge: Judge, axes: "Axes | None" = None) -> "Axes":
    """Plot gains over no augmentation with their intervals, one line an arm: a forest plot.

    Marks are large for all learners and small for each. See `Comparison.to_frame` for the gains.
    """
    axes = new_axes() if axes is None else axes
    gains = gains.dropna(subset=["gain"])
    arms = list(dict.fromkeys(gains["arm"]))[::-1]
    learners = [name for name in dict.fromkeys(gains["learner"]) if name != ALL]
    for place, arm in enumerate(arms):
        own = gains[gains["arm"] == arm].set_index("learner")
        for shift, learner in enumerate(name for name in learners if name in own.index):
            _interval(axes, own.loc[learner], place - 0.16 - 0.11 * shift, _color(shift), 3.5, 0.9)
        if ALL in own.index:
            _interval(axes, own.loc[ALL], place + 0.05, "black", 7, 2)
    for shift, learner in enumerate(learners):
        axes.plot([], [], "o", color=_color(shift), markersize=4, label=literal(learner))
    axes.plot([], [], "D", color="black", markersize=6, label=ALL)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.axvspan(-judge.rope, judge.rope, color=_GREY, alpha=0.15, linewidth=0)
    axes.set_yticks(range(len(arms)), [literal(arm) for arm in arms])
    axes.set_ylim(-0.8, len(arms) - 0.5)
    axes.set_xlabel(f"gain in {judge.score.label} over no augmentation (right is better)")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return axes


def _color(place: int) -> str:
    return f"C{place % 10}"


def _interval(axes: "Axes", row: Any, height: float, color: str, size: float, width: float) -> None:
    axes.plot([row["low"], row["high"]], [height, height], color=color, linewidth=width)
    axes.plot(row["gain"], height, "D" if color == "black" else "o", color=color, markersize=size)


def plot_doses(doses: pd.DataFrame, judge: Judge, axes: "Axes | None" = None) -> "Axes":
    """Plot gains over how many rows were added for each learned one, see `Comparison.doses`."""
    axes = new_axes() if axes is None else axes
    for place, (arm, own) in enumerate(doses.groupby("arm", sort=False)):
        own = own.sort_values("ratio")
        ratios = [0.0, *own["ratio"]]
        axes.plot(ratios, [0.0, *own["gain"]], "o-", color=_color(place), label=literal(arm), markersize=4)
        axes.fill_between(ratios, [0.0, *own["low"]], [0.0, *own["high"]], color=_color(place), alpha=0.12)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="rows added for each learned row", ylabel=f"gain in {judge.score.label}")
    if len(doses):
        axes.legend(frameon=False, fontsize=8)
    return axes


def plot_associations(real: pd.DataFrame, drawn: pd.DataFrame, figure: "Figure | None" = None) -> Any:
    """Plot how strongly the first forty columns hang together, in three panels.

    They show the `associations` in real rows, those in drawn rows, and drawn less real.
    """
    if figure is None:
        from matplotlib import pyplot

        figure = pyplot.figure(figsize=(12, 4.2), layout="constrained")
    some = list(real.columns[:_MAX_COLUMNS])
    here, there = associations(real[some], drawn[some])
    panels = figure.subplots(1, 3)
    names = [literal(name) for name in some]
    matrices = {"real": here, "drawn": there, "drawn less real": there - here}
    for axes, (title, matrix) in zip(panels, matrices.items(), strict=True):
        colors, low, high = ("RdBu_r", -0.5, 0.5) if title == "drawn less real" else ("Blues", 0.0, 1.0)
        image = axes.imshow(matrix, cmap=colors, vmin=low, vmax=high)
        axes.set_title(title, fontsize=10, color=COLORS.get(title, "black"))
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
        axes.set_yticks(range(len(names)), names if title == "real" else [], fontsize=6)
        figure.colorbar(image, ax=axes, shrink=0.7)
    return np.asarray(panels)


def associations(real: pd.DataFrame, drawn: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Return Cramér's V of each pair of columns, in real and in drawn rows, with 1 on the diagonal.

    It is 0 for columns that say nothing of each other and 1 where one says all of the other; corrected for
    what chance gives in few rows [1]_. Numbers are cut where real rows fall into equal parts. A missing
    cell is a value of its own.

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
