"""Who says most of a column given all others: trees with small leaves, with large ones, or the generator.

Rows that none of them has seen decide. The sharpest is not always the best: of two that come equally near to
the cells of such rows, the one that knows less of single rows copies less.
"""

import math
import time
from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from synthgan.gan.balancing import points_of
from synthgan.gan.cells import Cells
from synthgan.gan.groups import NO_GROUPS, Grouping
from synthgan.gan.model import GanModel
from synthgan.gan.redrawing import LEAF_ROWS, CellTrees
from synthgan.gan.rows import RowSpace
from synthgan.layout import EncodedTable, IntArray, Layout, Span

#: Held-out rows at least and at most, and numbers in the row vectors of all columns at most.
_MIN_ROWS, _MAX_ROWS, _MAX_NUMBERS = 50, 2_000, 1_000_000_000
#: Trees of a column with leaves of one size, and the share and the number of the rows that they are tried on.
_N_TRIED, _SHARE_TRIED_ON, _MOST_TRIED_WITH = 3, 0.2, 20_000
#: Standard errors by which smaller leaves, or the generator, have to be better: larger leaves copy less, and
#: redrawing does a row good. Of the target it is being right alone that counts.
_STANDARD_ERRORS, _STANDARD_ERRORS_OF_TARGET = 1.0, 0.0
#: Share of what trees expect that is spread over all codes: what a few leaves do not show is not impossible.
_SPREAD = 0.02


@torch.no_grad()
def fitting_leaves(
    table: EncodedTable,
    space: RowSpace,
    rng: np.random.Generator,
    *,
    target: int | None = None,
    bound: Collection[int] = (),
    grouping: Grouping = NO_GROUPS,
    max_time: float | None = None,
) -> IntArray:
    """Return how many rows the leaves of each coded column's trees should have: one of `LEAF_ROWS` for each.

    A few trees with leaves of each size are grown from most of the rows and judged by the others. The largest
    leaves are taken that are not seen to be worse than the best. Small tables, and columns that are not
    reached in time, get the smallest.

    Parameters
    ----------
    table, space, rng, bound, grouping
        See `CellTrees.grow`.
    target
        Index of the target, or None.
    max_time
        Seconds after which no tree is begun.
    """
    deadline = time.monotonic() + (math.inf if max_time is None else max_time)
    layout = space.layout
    sizes = np.full(len(layout.coded), LEAF_ROWS[0])
    order = rng.permutation(len(table))[:_MOST_TRIED_WITH]
    n_held_out = min(_MAX_ROWS, round(_SHARE_TRIED_ON * len(order)))
    if n_held_out < _MIN_ROWS:
        return sizes
    held_out, learned = table.take(order[:n_held_out]), table.take(order[n_held_out:])
    points = torch.from_numpy(points_of(held_out, layout)).to(space.offsets.device)
    codes = torch.from_numpy(held_out.codes[:, layout.coded].astype(np.int64)).to(space.offsets.device)
    scores: dict[int, list[Tensor]] = {place: [] for place in range(len(sizes))}
    for rows in LEAF_ROWS:
        trees, whole = CellTrees(len(sizes)).to(points.device), np.full(len(sizes), rows)
        time_for_each = max_time and max_time / (len(LEAF_ROWS) + 1)
        how: dict[str, Any] = {"bound": bound, "grouping": grouping, "max_time": time_for_each}
        trees.grow(learned, space, rng, leaf_rows=whole, n_trees=_N_TRIED, **how)
        for place in trees.columns:
            if time.monotonic() < deadline:
                own = _scores_of_trees(trees, place, points, codes[:, place], layout, target)
                scores[place].append(own)
    for place, of_sizes in scores.items():
        if len(of_sizes) == len(LEAF_ROWS):
            best = min(of_sizes, key=lambda score: score.mean().item())
            needed = _errors_needed(int(layout.coded[place]), target)
            is_good = [not _is_worse(score - best, needed) for score in of_sizes]
            sizes[place] = max(rows for rows, good in zip(LEAF_ROWS, is_good, strict=True) if good)
    return sizes


@torch.no_grad()
def leave_to_generator(
    model: GanModel, held_out: EncodedTable, rng: torch.Generator, *, max_time: float | None = None
) -> None:
    """Take from a trained model the trees of those columns that its generator knows better.

    Columns that take part in relations keep their trees: of them the generator says more than codes.

    Parameters
    ----------
    model
        Trees and a trained generator.
    held_out
        Rows that neither has seen.
    rng
        Source of all randomness, on the model's device.
    max_time
        Seconds after which columns keep their trees unseen.
    """
    deadline = time.monotonic() + (math.inf if max_time is None else max_time)
    model.eval()
    n_rows = _MAX_NUMBERS // max(1, len(model.trees.columns) * model.layout.width)
    held_out = held_out.take(np.arange(min(len(held_out), _MAX_ROWS, max(_MIN_ROWS, n_rows))))
    cells = Cells.of(held_out, model.device)
    points = torch.from_numpy(points_of(held_out, model.layout)).to(model.device)
    related = {column for each in model.layout.relations for column in (each.column, each.partner)}
    target, known_better = model.architecture.target, set()
    for place in model.trees.columns:
        column = int(model.layout.coded[place])
        if column in related or time.monotonic() > deadline:
            continue
        codes = cells.codes[:, column].long()
        of_trees = _scores_of_trees(model.trees, place, points, codes, model.layout, target)
        expected = _expected(model, cells, column, rng)
        of_generator = _scores(expected, codes, model.layout.spans[column], is_target=column == target)
        if _is_worse(of_trees - of_generator, _errors_needed(column, target)):
            known_better.add(place)
    model.trees.drop(known_better)


def _errors_needed(column: int, target: int | None) -> float:
    """Return how many standard errors of a difference in score it takes to be seen as one."""
    return _STANDARD_ERRORS_OF_TARGET if column == target else _STANDARD_ERRORS


def _is_worse(differences: Tensor, errors_needed: float) -> bool:
    """Whether scores are higher in the mean by more than so many standard errors."""
    return bool(differences.mean() > errors_needed * differences.std() / len(differences) ** 0.5)


def _scores_of_trees(
    trees: CellTrees, place: int, points: Tensor, codes: Tensor, layout: Layout, target: int | None
) -> Tensor:
    """Return the score of what trees expect of a coded column of each row, shape ``(batch,)``."""
    column = int(layout.coded[place])
    n_codes = int(layout.sizes[column])
    expected = (1 - _SPREAD) * trees.expected(place, points, n_codes) + _SPREAD / n_codes
    return _scores(expected, codes, layout.spans[column], is_target=column == target)


def _expected(model: GanModel, cells: Cells, column: int, rng: torch.Generator) -> Tensor:
    """Return how likely the generator takes each code of a column to be, shape ``(batch, n_codes)``."""
    known = torch.ones_like(cells.codes, dtype=torch.bool)
    known[:, column] = False
    output = model.generator(model.known_vectors(cells, known), model.noise(len(cells), rng))
    return model.space.log_probabilities(output.codes)[:, model.layout.slice_of(column)].exp()


def _scores(shares: Tensor, codes: Tensor, span: Span, *, is_target: bool) -> Tensor:
    """Return how far what is expected of cells is from them, shape ``(batch,)``; less is better.

    Of codes that have an order the continuous ranked probability score says it, of others Brier's, and of a
    target without order the logarithm, which needs the fewest rows to tell; all are least in the mean for the
    true distribution [1]_.

    References
    ----------
    .. [1] Gneiting, Raftery (2007). Strictly Proper Scoring Rules, Prediction, and Estimation. JASA 102.
    """
    if span.is_ordered:
        return _ranked_score(shares, codes)
    return _log_score(shares, codes) if is_target else _brier_score(shares, codes)


def _ranked_score(shares: Tensor, codes: Tensor) -> Tensor:
    return (shares - one_hot(codes, shares.shape[1])).cumsum(1).square().sum(1)


def _brier_score(shares: Tensor, codes: Tensor) -> Tensor:
    return (shares - one_hot(codes, shares.shape[1])).square().sum(1)


def _log_score(shares: Tensor, codes: Tensor) -> Tensor:
    return -shares.gather(1, codes.unsqueeze(1)).squeeze(1).clamp(min=1e-9).log()
