"""How alike drawn rows are to real ones, each figure beside its noise floor: tables in, one `Fidelity` out.

The floor is what other real rows score, as many of them: real rows A are compared with drawn rows S and with
real rows B by the same code. A figure is worth reading only beside it.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthgan.evaluation.coverage import coverage
from synthgan.evaluation.detection import detection, train_on
from synthgan.evaluation.estimates import Estimate
from synthgan.evaluation.similarity import column_pairs, column_shapes, comparable
from synthgan.evaluation.statistics import corrected_t
from synthgan.evaluation.tables import check_column, task_of
from synthgan.evaluation.text import plain
from synthgan.exceptions import DataError, ParameterError, did_you_mean, listing

#: Rows of each table in one comparison. More cost time and move no figure by more than its interval.
MAX_ROWS = 20_000
#: Below that trees and correlations say nothing.
MIN_ROWS = 20
#: Below that the floor itself is so uncertain that only gross faults show.
_FEW_ROWS = 200
#: Of each figure, where it is best: "high", or "half" for those that are 0.5 of other real rows.
BETTER = {
    "shape": "high",
    "trend": "high",
    "trend_own_bins": "high",
    "detection_trees": "half",
    "detection_line": "half",
    "alpha_precision": "high",
    "beta_recall": "half",
    "utility": "high",
}


@dataclass(frozen=True, eq=False)
class Fidelity:
    """How alike drawn rows are to real ones.

    Attributes
    ----------
    figures
        One row a figure: ``figure``; ``drawn``, ``drawn_low``, ``drawn_high``, what drawn rows score and the
        interval; ``floor``, ``floor_low``, ``floor_high``, what other real rows score; ``better``, where the
        figure is best, "high" or "half".
    columns
        `column_shapes` as means over the splits, with ``floor``, the similarity of other real rows, and
        ``below``, how far the similarity is below that; the worst column first.
    pairs
        `column_pairs` with shared bins, likewise.
    n_rows
        Rows of each table in one comparison. All figures depend on it.
    n_splits
        Comparisons that were made.
    warnings
        What a reader of the figures must know.
    """

    figures: pd.DataFrame
    columns: pd.DataFrame
    pairs: pd.DataFrame
    n_rows: int
    n_splits: int
    warnings: list[str]

    def estimate(self, figure: str, *, of: str = "drawn") -> Estimate:
        """Return a figure of the drawn rows, or with ``of="floor"`` of other real ones, and its interval.

        Raises
        ------
        ParameterError
            If there is no such figure.
        """
        names = self.figures["figure"].tolist()
        if figure not in names:
            raise ParameterError(
                f"figure must be one of {listing(names)}; got {figure!r}.{did_you_mean(figure, names)}"
            )
        if of not in ("drawn", "floor"):
            raise ParameterError(f"of must be 'drawn' or 'floor'; got {of!r}.")
        row = self.figures.iloc[names.index(figure)]
        return Estimate(float(row[of]), float(row[f"{of}_low"]), float(row[f"{of}_high"]))

    def to_frame(self) -> pd.DataFrame:
        """Return the figures, one row each."""
        return self.figures.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON can hold; what is not defined is None."""
        told: dict[str, Any] = plain(self)
        return told


def fidelity(
    real: Any,
    drawn: Any,
    *,
    target: Hashable | None = None,
    held_out: Any = None,
    n_splits: int = 5,
    random_state: int = 0,
) -> Fidelity:
    """Compare drawn rows with real ones, and real ones with each other.

    Parameters
    ----------
    real
        Real rows, those that the sampler has learned: a table of any form.
    drawn
        Rows that it drew, with the same columns.
    target
        A column to predict, for the figure ``utility``; None for no such figure.
    held_out
        Real rows that the sampler has not seen. With them every comparison is with rows that were not
        learned; without them copies of learned rows count as fidelity.
    n_splits
        Comparisons, 2 or more.
    random_state
        Makes the figures repeatable.

    Returns
    -------
    Fidelity
        The figures:

        - ``shape``, mean similarity of the columns, `column_shapes`;
        - ``trend`` and ``trend_own_bins``, mean similarity of the pairs, `column_pairs`; missing for a table
          of one column;
        - ``detection_trees`` and ``detection_line``, AUC, `detection`;
        - ``alpha_precision`` and ``beta_recall``, `coverage`;
        - ``utility``, AUC or R2 on real rows of trees that learned the target from drawn rows, beside those
          that learned it from real rows, `train_on`.

    Raises
    ------
    DataError
        If the tables do not have the same columns, have fewer than 20 rows to compare, or lack the target.
    ParameterError
        If there are fewer than 2 splits, or the seed is not a whole number from 0 on.

    Notes
    -----
    Each split takes three samples of m rows without replacement: A and B of the real rows, which have no row
    in common, and S of the drawn ones. The figure of A and S is held against that of A and B, the floor. m is
    half of the real rows, or as many as were drawn if these are fewer. With held-out rows A is of these and B
    of the learned ones, and m is the size of the smallest table. m is never above `MAX_ROWS`, and figures are
    comparable at the same m alone.

    The intervals are those of the mean over the splits by Student's t. Splits share rows, so that the
    ordinary interval would be too short; it is corrected [1]_ with the share of the rows that two samples
    have in common, as if that were at most a half. So they cover which real rows there happen to be, and
    which rows were drawn as far as more than m were. They do not cover a table of which every split takes all
    rows, and never that the sampler, fitted once more, would draw others: fit it with several seeds for that.

    References
    ----------
    .. [1] Nadeau, Bengio (2003). Inference for the Generalization Error. Machine Learning 52.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"x": rng.normal(size=400), "y": rng.integers(3, size=400)})
    >>> found = fidelity(table[:200], table[200:], n_splits=2)
    >>> found.n_rows
    100
    """
    seed = _checked(n_splits, random_state)
    real, drawn = comparable(real, drawn)
    others = None if held_out is None else comparable(real, held_out, called="held-out")[1]
    if target is not None:
        check_column(real, target)
    task = None if target is None else task_of(real[target])
    n_rows = _n_rows(real, drawn, others)
    splits = []
    for rng in np.random.default_rng(seed).spawn(n_splits):
        asked, *sides = _sample(real, drawn, others, n_rows, rng)
        splits.append([_compared(asked, rows, target, task, rng) for rows in sides])
    figures = _figures(splits, min(0.5, n_rows / len(real if others is None else others)))
    columns = _worst_first(splits, "shapes", ["column", "kind"])
    pairs = _worst_first(splits, "pairs", ["first", "second", "kind"])
    notes = list(_notes(figures, drawn, others, n_rows))
    return Fidelity(figures, columns, pairs, n_rows, n_splits, notes)


def _checked(n_splits: int, random_state: int) -> int:
    for name, value, least in (("n_splits", n_splits, 2), ("random_state", random_state, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ParameterError(f"{name} must be a whole number from {least} on; got {value!r}.")
    return int(random_state)


def _n_rows(real: pd.DataFrame, drawn: pd.DataFrame, held_out: pd.DataFrame | None) -> int:
    """Return how many rows of each table are compared at a time."""
    sizes = [len(drawn), len(real) // 2] if held_out is None else [len(drawn), len(real), len(held_out)]
    if min(sizes) < MIN_ROWS:
        having = "no" if held_out is None else f"{len(held_out)}"
        least = 2 * MIN_ROWS if held_out is None else MIN_ROWS
        raise DataError(
            f"Fidelity needs at least {MIN_ROWS} drawn rows and {least} real ones, of which halves are "
            f"compared unless {MIN_ROWS} or more are held out; got {len(drawn)} drawn, {len(real)} real and "
            f"{having} held-out rows."
        )
    return min(*sizes, MAX_ROWS)


def _sample(
    real: pd.DataFrame,
    drawn: pd.DataFrame,
    held_out: pd.DataFrame | None,
    n_rows: int,
    rng: np.random.Generator,
) -> list[pd.DataFrame]:
    """Return rows of one split, equally many of each: real ones, drawn ones, other real ones."""
    order = rng.permutation(len(real))
    chosen = [(drawn, rng.permutation(len(drawn))), (real, order)]
    asked = (real, order[n_rows:]) if held_out is None else (held_out, rng.permutation(len(held_out)))
    return [rows.take(places[:n_rows]).reset_index(drop=True) for rows, places in (asked, *chosen)]


class _Side(NamedTuple):
    """The figures that one split gives of the synthetic rows, or of other real ones."""

    figures: dict[str, float]
    shapes: pd.DataFrame
    pairs: pd.DataFrame


def _compared(
    asked: pd.DataFrame,
    rows: pd.DataFrame,
    target: Hashable | None,
    task: str | None,
    rng: np.random.Generator,
) -> _Side:
    shapes, pairs = column_shapes(asked, rows), column_pairs(asked, rows)
    figures = {"shape": float(shapes["similarity"].mean())}
    if len(pairs):
        figures["trend"] = float(pairs["similarity"].mean())
        figures["trend_own_bins"] = float(column_pairs(asked, rows, bins="own")["similarity"].mean())
    for by in ("trees", "line"):
        figures[f"detection_{by}"] = detection(asked, rows, by=by, rng=rng)
    figures |= coverage(asked, rows, rng=rng)._asdict()
    if target is not None and task is not None:
        figures["utility"] = train_on(rows, asked, target, rng=rng, task=task)
    return _Side(figures, shapes, pairs)


def _figures(splits: list[list[_Side]], shared: float) -> pd.DataFrame:
    """Return one row a figure, with intervals that count the rows that splits share."""
    rows = []
    for name in splits[0][0].figures:
        row: dict[str, Any] = {"figure": name}
        for side, of in enumerate(("drawn", "floor")):
            least = -np.inf if name == "utility" else 0.0  # R2 may be below
            found = _estimate([split[side].figures[name] for split in splits], shared, least)
            row |= {of: found.value, f"{of}_low": found.low, f"{of}_high": found.high}
        rows.append({**row, "better": BETTER[name]})
    return pd.DataFrame(rows)


def _estimate(values: list[float], shared: float, least: float) -> Estimate:
    """Return the mean and its interval, within what the figure can be; NaN if it is NaN in one split."""
    if not np.isfinite(values).all():
        return Estimate(np.nan, np.nan, np.nan)
    if np.ptp(values) <= 1e-12:  # splits of the same rows
        return Estimate(values[0], np.nan, np.nan)
    found = corrected_t(values, test_over_train=shared / (1 - shared)).difference
    return Estimate(found.value, max(found.low, least), min(found.high, 1.0))


def _worst_first(splits: list[list[_Side]], of: str, names: list[str]) -> pd.DataFrame:
    """Return means over the splits, beside the floor, sorted by how far below it they are."""
    drawn, floor = ([getattr(split[side], of) for split in splits] for side in (0, 1))
    means = drawn[0][names].copy()
    for measure in drawn[0].columns.drop(names):
        means[measure] = np.mean([table[measure].to_numpy(dtype=float) for table in drawn], axis=0)
    floors = np.mean([table["similarity"].to_numpy(dtype=float) for table in floor], axis=0)
    place = means.columns.get_loc("similarity") + 1
    means.insert(place, "floor", floors)
    means.insert(place + 1, "below", floors - means["similarity"])
    order = np.argsort(-means["below"].to_numpy(), kind="stable")
    sorted_means: pd.DataFrame = means.take(order).reset_index(drop=True)
    return sorted_means


def _notes(
    figures: pd.DataFrame, drawn: pd.DataFrame, held_out: pd.DataFrame | None, n_rows: int
) -> Iterator[str]:
    """Yield what a reader of the figures must know."""
    if n_rows < _FEW_ROWS:
        yield f"Only {n_rows} rows of each table are compared at a time: small differences cannot show."
    if held_out is None:
        yield "There are no held-out rows, so that copies of learned rows count as fidelity."
    if len(drawn) == n_rows:
        yield f"All splits have the same {n_rows} drawn rows; the intervals do not cover others."
    if held_out is not None and len(held_out) == n_rows:
        yield f"All splits have the same {n_rows} held-out rows; the intervals do not cover others."
    recall, trees = (
        figures[figures["figure"] == name].iloc[0] for name in ("beta_recall", "detection_trees")
    )
    if recall["drawn_low"] > recall["floor_high"]:
        yield "Real rows have drawn rows nearer than other real rows are (beta_recall): some may be copies."
    if trees["drawn_high"] < min(trees["floor_low"], 0.5):
        yield (
            "Drawn rows are harder to tell from real rows than these are from each other (detection_trees): "
            "some may be near-copies."
        )
    undefined = figures.loc[figures["drawn"].isna() | figures["floor"].isna(), "figure"].tolist()
    if undefined:
        yield f"Not defined in every split, and so not at all: {listing(undefined)}."
