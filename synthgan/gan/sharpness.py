"""Which columns the generator knows better than the trees: a model and held-out rows in, fewer trees asked.

Both say how a cell is distributed given all others of its row. Columns of which the generator's answers come
nearer to the cells of held-out rows are not redrawn.
"""

import math
import time

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from synthgan.gan.balancing import points_of
from synthgan.gan.cells import Cells
from synthgan.gan.model import GanModel
from synthgan.layout import EncodedTable

#: Cells that trees draw for each held-out one.
_N_DRAWS = 64
#: Held-out rows at least and at most, and numbers in the row vectors of all columns at most.
_MIN_ROWS, _MAX_ROWS, _MAX_NUMBERS = 50, 2_000, 1_000_000_000
#: Standard errors by which the generator has to be better: where neither is, redrawing does a row good. Of
#: the target it is being right alone that counts.
_STANDARD_ERRORS, _STANDARD_ERRORS_OF_TARGET = 1.0, 0.0


@torch.no_grad()
def leave_to_generator(
    model: GanModel, held_out: EncodedTable, rng: torch.Generator, *, max_time: float | None = None
) -> None:
    """Take from a trained model the trees of those columns that its generator knows better.

    Columns that take part in relations keep theirs: of them the generator says more than codes.

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
    for place in model.trees.columns:
        column = int(model.layout.coded[place])
        if column in related or time.monotonic() > deadline:
            continue
        codes, is_ordered = cells.codes[:, column].long(), bool(model.layout.spans[column].positions)
        expected = _expected(model, cells, column, rng)
        of_trees = torch.zeros_like(expected)
        for _ in range(_N_DRAWS):
            drawn = model.trees.redraw(place, points, rng).codes.unsqueeze(1)
            of_trees.scatter_add_(1, drawn, torch.full_like(drawn, 1 / _N_DRAWS, dtype=expected.dtype))
        worse = _score(of_trees, codes, is_ordered) - _by_chance(of_trees, is_ordered)
        worse = worse - _score(expected, codes, is_ordered)
        is_target = column == model.architecture.target
        needed = _STANDARD_ERRORS_OF_TARGET if is_target else _STANDARD_ERRORS
        if worse.mean() > needed * worse.std() / len(worse) ** 0.5:
            model.trees.drop(place)


def _expected(model: GanModel, cells: Cells, column: int, rng: torch.Generator) -> Tensor:
    """Return how likely the generator takes each code of a column to be, shape ``(batch, n_codes)``."""
    known = torch.ones_like(cells.codes, dtype=torch.bool)
    known[:, column] = False
    output = model.generator(model.known_vectors(cells, known), model.noise(len(cells), rng))
    return model.space.log_probabilities(output.codes)[:, model.layout.slice_of(column)].exp()


def _score(shares: Tensor, codes: Tensor, is_ordered: bool) -> Tensor:
    """Return how far what is expected is from what is, shape ``(batch,)``; less is better.

    The continuous ranked probability score over codes that have an order, else Brier's; both are least in
    the mean for the true distribution [1]_.

    References
    ----------
    .. [1] Gneiting, Raftery (2007). Strictly Proper Scoring Rules, Prediction, and Estimation. JASA 102.
    """
    apart = shares - one_hot(codes, shares.shape[1])
    return (apart.cumsum(1) if is_ordered else apart).square().sum(1)


def _by_chance(shares: Tensor, is_ordered: bool) -> Tensor:
    """Return by how much shares of draws score worse in the mean than what they are drawn from."""
    of_sums = shares.cumsum(1) if is_ordered else shares
    return (of_sums * (1 - of_sums)).sum(1) / (_N_DRAWS - 1)
