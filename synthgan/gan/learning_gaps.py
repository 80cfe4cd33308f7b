"""Learning to complete rows: a table with gaps and a trained generator come in, lines, trees, weights go out.

Columns that lack cells in some rows are learned from the rows that have them; half of the trees of a column
are told as well which of the others were filled in, and so may be wrong. How much the generator, the line and
the trees of a column count for is found by hiding cells of rows that none of them has seen.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from sklearn.linear_model import Ridge

from synthgan.gan.completing import N_SWEEPS, CompletingRound, Flags, Gaps, Prediction
from synthgan.gan.expecting import N_DRAWS, gaps_of
from synthgan.gan.model import GanModel
from synthgan.gan.trees import Tree, nodes_of
from synthgan.layout import EncodedTable, FloatArray, IntArray, Known

#: Trees of a column in each round, and of all columns where these are many, but at least so many of each.
_N_TREES, _MAX_TREES, _MIN_TREES = (8, 24), 400, 4
#: Rows that are learned from at most, and cells of all trees; and rows with a column, at least, to learn it.
_MAX_ROWS, _MAX_CELLS, _MIN_ROWS = 20_000, 8_000_000, 100
#: Rows of each code in the mean, at least, for trees to tell codes.
_MIN_ROWS_OF_CODE = 4
#: Held-out rows at most, and among how many copies of these the cells that are hidden are shared out.
_MAX_JUDGED, _N_COPIES = 400, 10
#: How often rows are drawn, to start with, that are learned from, and fewer and more rows by which it is
#: measured how long that takes, where there is a limit.
_N_DRAWS_TO_LEARN, _N_TIMED = 3, (32, 256)
#: Seconds below which nothing is learned, and the share of the time in which rows are drawn to learn from. As
#: much is for those to judge by, and for growing trees, which takes so long for each row, column and tree.
MIN_TIME, _SHARE_OF_TIME, _SECONDS_OF_TREE = 3.0, 0.25, 1.5e-6
#: Rows in a leaf at least, of trees for a line and for codes, and more for columns of many codes.
_LEAF_ROWS_OF_LINE, _LEAF_ROWS, _CODES_PER_LEAF_ROW = 3, 2, 16
#: Share of the columns that a question about a line is chosen from, and how many at most.
_SHARE_ASKED, _MAX_ASKED = 0.8, 32
#: Weight of the squares of a line's slopes, in rows.
_RIDGE = 3.0
#: Weights of what the generator says, and of what trees add, where held-out rows do not tell, and how far off
#: these may well be: the mean and the standard deviation of a normal prior.
_PRIOR, _PRIOR_SPREAD = (0.2, 0.8), 0.25
#: The same weight of the generator for codes, and what a nat is worth beside it.
_PRIOR_OF_CODES, _PRIOR_NATS = 0.4, 10.0
#: Errors that are larger than so many times their root mean square count less, as is found in so many steps.
_TOLERANCE, _N_FITS = 2.0, 10
#: Share of chances that is spread over all codes before their logarithm is taken.
_SPREAD = 0.02


@dataclass(frozen=True)
class Hidden:
    """Rows some of whose cells were hidden, and what these are.

    Parameters
    ----------
    gaps
        The rows.
    truth
        Where all their cells stand, shape ``(n_rows, n_coded)``.
    is_hidden
        Which of them were hidden.
    """

    gaps: Gaps
    truth: FloatArray
    is_hidden: Flags


def learn_gaps(
    model: GanModel,
    table: EncodedTable,
    amounts: FloatArray,
    held_out: EncodedTable,
    held_out_amounts: FloatArray,
    *,
    how: dict[str, Any],
    rng: torch.Generator,
    max_time: float | None = None,
) -> None:
    """Learn to complete rows from a table in which cells are missing; one without teaches nothing.

    Parameters
    ----------
    model
        A trained model.
    table, amounts
        Rows to learn from, and where their cells stand, NaN where they are missing; see
        `synthgan.layout.Span`.
    held_out, held_out_amounts
        The same of rows to judge by.
    how
        See `synthgan.gan.drawing.draw`.
    rng
        Source of all randomness, on the model's device.
    max_time
        Seconds that this may take.
    """
    started, seed = time.monotonic(), int(torch.randint(2**62, (1,), generator=rng, device=rng.device).item())
    own_rng = np.random.default_rng(seed)
    n_columns = len(columns_with_gaps(model, table, amounts))
    if not n_columns or (max_time is not None and max_time < MIN_TIME):
        return
    n_trees = [max(_MIN_TREES, min(n, _MAX_TREES // n_columns)) for n in _N_TREES]
    n_rows = min(_MAX_ROWS, max(_MIN_ROWS, _MAX_CELLS // (max(n_trees) * n_columns)))
    n_judged = _MAX_JUDGED * _N_COPIES
    if max_time is not None:
        of_draw, of_row = _pace(model, table, amounts, how, rng)
        time_for_each = _SHARE_OF_TIME * max_time
        n_drawn, n_told = (
            int(max(0.0, time_for_each / n_draws - of_draw) / of_row)
            for n_draws in (_N_DRAWS_TO_LEARN, N_DRAWS)
        )
        n_grown_from = int(time_for_each / (_SECONDS_OF_TREE * n_columns * sum(n_trees)))
        n_rows, n_judged = min(n_rows, n_grown_from, n_drawn), min(n_judged, n_told)
    some = own_rng.permutation(len(table))[:n_rows]
    rows, amounts = table.take(some), amounts[some]
    columns = columns_with_gaps(model, rows, amounts)
    if not columns or not n_judged:
        return
    gaps = _gaps(model, rows, amounts, how, rng, n_draws=_N_DRAWS_TO_LEARN)
    hidden = _hide(model, held_out, held_out_amounts, columns, n_judged, how, rng, own_rng)
    end = math.inf if max_time is None else started + max_time
    for number, each in enumerate(model.completer.rounds):
        time_left, share = end - time.monotonic(), n_trees[number] / sum(n_trees[number:])
        deadline = end - (1 - share) * time_left if math.isfinite(end) else end
        grow(each, gaps, columns, n_trees=n_trees[number], rng=own_rng, deadline=deadline)
        weigh(each, hidden)
        for _ in range(N_SWEEPS):
            each.fill(gaps)
            each.fill(hidden.gaps)


def columns_with_gaps(model: GanModel, table: EncodedTable, amounts: FloatArray) -> list[int]:
    """Return the places of the coded columns that lack cells and have enough others to be learned."""
    found = []
    for place, column in enumerate(model.layout.coded.tolist()):
        is_present = ~np.isnan(amounts[:, column])
        n_present, n_codes = np.count_nonzero(is_present), len(np.unique(table.codes[is_present, column]))
        is_told = model.layout.spans[column].amounts or n_codes * _MIN_ROWS_OF_CODE <= n_present
        if _MIN_ROWS <= n_present < len(table) and n_codes > 1 and is_told:
            found.append(place)
    return found


def _gaps(
    model: GanModel,
    rows: EncodedTable,
    amounts: FloatArray,
    how: dict[str, Any],
    rng: torch.Generator,
    *,
    n_draws: int = N_DRAWS,
) -> Gaps:
    """Return rows filled in where amounts are NaN; see `gaps_of`."""
    known = Known.of_rows(rows, ~np.isnan(amounts), model.layout)
    return gaps_of(model, amounts, known, how, rng, n_draws=n_draws)


def _pace(
    model: GanModel, table: EncodedTable, amounts: FloatArray, how: dict[str, Any], rng: torch.Generator
) -> tuple[float, float]:
    """Return how many seconds it takes to draw rows that lack cells once, and how many more for each row."""
    lacking = np.flatnonzero(np.isnan(amounts[:, model.layout.coded]).any(1))
    spent = []
    for n_rows in _N_TIMED:
        rows, started = np.resize(lacking, n_rows), time.monotonic()
        _gaps(model, table.take(rows), amounts[rows], how, rng, n_draws=_N_DRAWS_TO_LEARN)
        spent.append((time.monotonic() - started) / _N_DRAWS_TO_LEARN)
    of_row = max(1e-9, (spent[1] - spent[0]) / (_N_TIMED[1] - _N_TIMED[0]))
    return max(0.0, spent[0] - _N_TIMED[0] * of_row), of_row


def _hide(
    model: GanModel,
    table: EncodedTable,
    amounts: FloatArray,
    columns: Sequence[int],
    n_rows: int,
    how: dict[str, Any],
    rng: torch.Generator,
    own_rng: np.random.Generator,
) -> Hidden:
    """Return copies of rows in each of which other cells of some columns are hidden."""
    table, amounts = table.take(np.arange(len(table))[:_MAX_JUDGED]), amounts[:_MAX_JUDGED]
    copy_of = own_rng.integers(_N_COPIES, size=amounts.shape)
    may_be = np.isin(np.arange(amounts.shape[1]), model.layout.coded[list(columns)]) & ~np.isnan(amounts)
    is_hidden = np.concatenate([may_be & (copy_of == number) for number in range(_N_COPIES)])
    rows = np.tile(np.arange(len(table)), _N_COPIES)
    some = own_rng.permutation(np.flatnonzero(is_hidden.any(1)))[:n_rows]
    rows, is_hidden = rows[some], is_hidden[some]
    gaps = _gaps(model, table.take(rows), np.where(is_hidden, np.nan, amounts[rows]), how, rng)
    coded = model.layout.coded
    return Hidden(gaps, amounts[np.ix_(rows, coded)], is_hidden[:, coded])


def grow(
    each: CompletingRound,
    gaps: Gaps,
    columns: Sequence[int],
    *,
    n_trees: int,
    rng: np.random.Generator,
    deadline: float = math.inf,
) -> None:
    """Learn lines and trees of some columns from rows that have them, whatever was filled in beside these.

    Parameters
    ----------
    each
        The round that is to know them.
    gaps
        The rows.
    columns
        Places among the coded ones.
    n_trees
        Of each column.
    rng
        Source of all randomness.
    deadline
        When no further column is begun.
    """
    design = each.design(gaps.points)
    starts = np.cumsum([0, *(each.parts_of(place) for place in range(gaps.points.shape[1]))])
    trees: list[list[Tree]] = [[] for _ in range(gaps.points.shape[1])]
    lines: dict[int, tuple[FloatArray, float]] = {}
    for place in rng.permutation(columns).tolist():
        if time.monotonic() > deadline:
            break
        rows = np.flatnonzero(~gaps.is_open[:, place])
        goal, on_line = gaps.points[rows, place], np.zeros(len(rows))
        if each.is_on_line(place):
            others = design[rows]
            others[:, starts[place] : starts[place + 1]] = 0.0
            line = Ridge(_RIDGE, solver="cholesky").fit(others, goal)
            on_line = line.predict(others)
            lines[place] = line.coef_, float(line.intercept_)
        asked, goal = gaps.asked(place, rows, on_line), goal - on_line
        plain = asked[:, : gaps.points.shape[1] + 1]
        for n, own in ((n_trees // 2, plain), (n_trees - n_trees // 2, asked)):
            trees[place] += _trees(own, goal, each.is_on_line(place), n, each.n_codes(place), rng)
    each.trees.keep(trees)
    slopes = [lines[place][0] for place in sorted(lines)]
    intercepts = [lines[place][1] for place in sorted(lines)]
    each.keep_lines(np.array(slopes).reshape(len(lines), design.shape[1]), np.array(intercepts))


def _trees(
    asked: npt.NDArray[np.float32],
    goal: FloatArray,
    is_on_line: bool,
    n_trees: int,
    n_codes: int,
    rng: np.random.Generator,
) -> list[Tree]:
    """Return new trees, of a line as in random forests, of codes extremely random ones."""
    how: dict[str, Any] = {"random_state": int(rng.integers(2**31)), "n_jobs": torch.get_num_threads()}
    if is_on_line:
        max_features = max(1, min(_MAX_ASKED, round(_SHARE_ASKED * asked.shape[1])))
        forest = RandomForestRegressor(
            n_trees, max_features=max_features, min_samples_leaf=_LEAF_ROWS_OF_LINE, **how
        ).fit(asked, goal)
        return [_tree_of(own.tree_) for own in forest.estimators_]
    leaf_rows = max(_LEAF_ROWS, n_codes // _CODES_PER_LEAF_ROW)
    forest = ExtraTreesClassifier(
        n_trees, max_features=min(_MAX_ASKED, asked.shape[1]), min_samples_leaf=leaf_rows, **how
    ).fit(asked, goal.astype(np.int64))
    return [_tree_of(own.tree_, forest.classes_) for own in forest.estimators_]


def _tree_of(tree: Any, codes: IntArray | None = None) -> Tree:
    """Return a tree whose leaves say the shares of codes, or without these how far above a line cells are."""
    nodes, number = nodes_of(tree)
    values = np.empty((len(number), tree.value.shape[2]))
    values[number] = tree.value[:, 0]
    is_said = np.broadcast_to((nodes["child"] == 0)[:, None], values.shape)
    if codes is not None:
        values /= values.sum(1, keepdims=True)
        is_said = is_said & (values > 0)
    counts, (_, index) = np.count_nonzero(is_said, axis=1), np.nonzero(is_said)
    cells = {"codes": index if codes is None else codes[index], "means": values[is_said]}
    return nodes | cells | {"counts": counts, "first": np.cumsum(counts) - counts}


@torch.no_grad()
def weigh(each: CompletingRound, hidden: Hidden) -> None:
    """Find what generator, line and trees of each column are worth, by how near they come to hidden cells."""
    for place in each.trees.columns:
        rows = np.flatnonzero(hidden.gaps.is_open[:, place])
        is_own = hidden.is_hidden[rows, place]
        of_told, of_change = _PRIOR if each.is_on_line(place) else (_PRIOR_OF_CODES, 0.0)
        if is_own.any():
            found = each.predict(hidden.gaps, place)
            own = Prediction(found.base[is_own], found.change[is_own])
            told, truth = hidden.gaps.told[place][is_own], hidden.truth[rows[is_own], place]
            if each.is_on_line(place):
                of_told, of_change = line_weights(own, told, truth)
            else:
                of_told = code_weight(own, told, truth.astype(np.int64))
        each.weights[place] = torch.tensor([of_told, of_change])


def line_weights(own: Prediction, told: FloatArray, truth: FloatArray) -> tuple[float, float]:
    """Return the weights of cells on a line that come nearest to the truth; see `Prediction`.

    They are the likeliest given a normal prior, and errors that are normal but for large ones, which count
    less [1]_: a few cells far out would decide alone.

    References
    ----------
    .. [1] Huber (1964). Robust Estimation of a Location Parameter. Annals of Mathematical Statistics 35.
    """
    parts, goal = np.column_stack([told - own.base, own.change]), truth - own.base
    prior = np.array(_PRIOR)
    weights = prior
    for _ in range(_N_FITS):
        errors = np.abs(goal - parts @ weights)
        scale = _TOLERANCE * np.sqrt(np.square(errors).mean())
        counts = np.minimum(1.0, scale / np.maximum(errors, 1e-9))
        ridge = (counts * np.square(errors)).mean() / _PRIOR_SPREAD**2 + 1e-9
        weighted = parts * counts[:, None]
        moments = weighted.T @ parts + ridge * np.eye(2)
        weights = np.clip(np.linalg.solve(moments, weighted.T @ goal + ridge * prior), 0.0, 1.0)
    return float(weights[0]), float(weights[1])


def code_weight(own: Prediction, told: FloatArray, truth: IntArray) -> float:
    """Return the weight of what the generator says of codes under which the truth is the likeliest."""
    weights = np.linspace(0.0, 1.0, 11)
    nats = []
    for weight in weights:
        chances = own.blend(told, (float(weight), 0.0))
        of_truth = (1 - _SPREAD) * chances[np.arange(len(truth)), truth] + _SPREAD / chances.shape[1]
        nats.append(-np.log(of_truth).sum() + _PRIOR_NATS * (weight - _PRIOR_OF_CODES) ** 2)
    return float(weights[int(np.argmin(nats))])
