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

#: Held-out rows at least and at most, and numbers in the row vectors of all columns at most.
_MIN_ROWS, _MAX_ROWS, _MAX_NUMBERS = 50, 2_000, 1_000_000_000
#: Standard errors by which the generator has to be better: where neither is, redrawing does a row good. Of
#: the target it is being right alone that counts.
_STANDARD_ERRORS, _STANDARD_ERRORS_OF_TARGET = 1.0, 0.0
#: Share of what trees expect that is spread over all codes: what a few leaves do not show is not impossible.
_SPREAD = 0.02


@torch.no_grad()
def leave_to_generator(
    model: GanModel, held_out: EncodedTable, rng: torch.Generator, *, max_time: float | None = None
) -> None:
    """Take from a trained model the trees of those columns that its generator knows better.

    Of codes that have an order the continuous ranked probability score decides, of others Brier's, and of a
    target without order the logarithm, which needs the fewest rows to tell; all are least in the mean for the
    true distribution [1]_. Columns that take part in relations keep their trees: of them the generator says
    more than codes.

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

    References
    ----------
    .. [1] Gneiting, Raftery (2007). Strictly Proper Scoring Rules, Prediction, and Estimation. JASA 102.
    """
    deadline = time.monotonic() + (math.inf if max_time is None else max_time)
    model.eval()
    n_rows = _MAX_NUMBERS // max(1, len(model.trees.columns) * model.layout.width)
    held_out = held_out.take(np.arange(min(len(held_out), _MAX_ROWS, max(_MIN_ROWS, n_rows))))
    cells = Cells.of(held_out, model.device)
    points = torch.from_numpy(points_of(held_out, model.layout)).to(model.device)
    related = {column for each in model.layout.relations for column in (each.column, each.partner)}
    known_better = set()
    for place in model.trees.columns:
        column = int(model.layout.coded[place])
        if column in related or time.monotonic() > deadline:
            continue
        codes, is_ordered = cells.codes[:, column].long(), model.layout.spans[column].is_ordered
        is_target = column == model.architecture.target
        score = _ranked_score if is_ordered else _log_score if is_target else _brier_score
        of_generator = _expected(model, cells, column, rng)
        of_trees = model.trees.expected(place, points, of_generator.shape[1])
        of_trees = (1 - _SPREAD) * of_trees + _SPREAD / of_trees.shape[1]
        worse = score(of_trees, codes) - score(of_generator, codes)
        needed = _STANDARD_ERRORS_OF_TARGET if is_target else _STANDARD_ERRORS
        if worse.mean() > needed * worse.std() / len(worse) ** 0.5:
            known_better.add(place)
    model.trees.drop(known_better)


def _expected(model: GanModel, cells: Cells, column: int, rng: torch.Generator) -> Tensor:
    """Return how likely the generator takes each code of a column to be, shape ``(batch, n_codes)``."""
    known = torch.ones_like(cells.codes, dtype=torch.bool)
    known[:, column] = False
    output = model.generator(model.known_vectors(cells, known), model.noise(len(cells), rng))
    return model.space.log_probabilities(output.codes)[:, model.layout.slice_of(column)].exp()


# Scores of each row, shape ``(batch,)``, from how likely each code is and which it is; less is better.


def _ranked_score(shares: Tensor, codes: Tensor) -> Tensor:
    return (shares - one_hot(codes, shares.shape[1])).cumsum(1).square().sum(1)


def _brier_score(shares: Tensor, codes: Tensor) -> Tensor:
    return (shares - one_hot(codes, shares.shape[1])).square().sum(1)


def _log_score(shares: Tensor, codes: Tensor) -> Tensor:
    return -shares.gather(1, codes.unsqueeze(1)).squeeze(1).clamp(min=1e-9).log()
