"""What is expected of the cells that are not known: what is known comes in, chances of codes go out.

Unknown cells are drawn a few times over, and each is then told from all others of its row: by its trees, all
of them, and by the generator, and their mean is taken.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from synthgan.gan.balancing import points_of
from synthgan.gan.drawing import draw
from synthgan.gan.model import GanModel
from synthgan.gan.scoring import code_probabilities
from synthgan.layout import EncodedTable, IntArray, Known

#: How often rows are drawn, and how many of these the generator, which takes longer, is asked about.
_N_DRAWS, _N_ASKED = 12, 4
#: What trees count for beside the generator, as 1.
_WEIGHT_OF_TREES = 2.0
Chances = npt.NDArray[np.float32]


def expected_codes(
    model: GanModel, n_rows: int, known: Known, how: dict[str, Any], rng: torch.Generator
) -> dict[int, tuple[IntArray, Chances]]:
    """Return for each coded column the rows in which it is not known, and the chances of its codes there.

    Parameters
    ----------
    model
        A trained model.
    n_rows, known
        How many rows, and what is known of them.
    how
        See `synthgan.gan.drawing.draw`.
    rng
        Source of all randomness.
    """
    is_known = known.is_known[known.patterns_of(n_rows)]
    unknown = {int(i): np.flatnonzero(~is_known[:, i]) for i in model.layout.coded}
    unknown = {i: rows for i, rows in unknown.items() if len(rows)}
    totals: dict[int, Any] = dict.fromkeys(unknown, 0.0)
    for number in range(_N_DRAWS):
        table = draw(model, n_rows, known=known, **how, rng=rng)
        for column, rows in unknown.items():
            totals[column] = totals[column] + _told(model, table.take(rows), column, number)
    return {
        column: (rows, (totals[column] / totals[column].sum(1, keepdims=True)).astype(np.float32))
        for column, rows in unknown.items()
    }


def _told(model: GanModel, rows: EncodedTable, column: int, number: int) -> npt.NDArray[Any]:
    """Return what rows of the draw of this number say of a column, each with its weight."""
    layout, size = model.layout, int(model.layout.sizes[column])
    told: npt.NDArray[Any] = np.zeros((len(rows), size))
    place = int(np.searchsorted(layout.coded, column))
    if place in model.trees.columns:
        points = torch.from_numpy(points_of(rows, layout)).to(model.device)
        with torch.inference_mode():
            told += _WEIGHT_OF_TREES / _N_DRAWS * model.trees.expected(place, points, size).cpu().numpy()
    if layout.relations_of(column):  # what a relation tells is no code of the generator's
        told[np.arange(len(rows)), rows.codes[:, column].astype(np.int64)] += 1 / _N_DRAWS
    elif number < _N_ASKED:
        known = torch.ones(len(rows), len(layout), dtype=torch.bool)
        told += code_probabilities(model, rows, known, column) / _N_ASKED
    return told
