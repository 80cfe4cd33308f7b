"""What is expected of the cells that are not known: what is known comes in, chances or amounts go out.

Unknown cells are drawn a few times over, and each is then told from all others of its row: by its trees, all
of them, and by the generator, and their mean is taken. Where the learned table had gaps, what was learned of
completing its rows makes that better.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from synthgan.gan.balancing import points_of
from synthgan.gan.completing import Gaps
from synthgan.gan.drawing import draw
from synthgan.gan.model import GanModel
from synthgan.gan.scoring import code_probabilities
from synthgan.layout import EncodedTable, FloatArray, IntArray, Known

#: How often rows are drawn, and the generator, which takes longer, is asked about one draw of so many.
N_DRAWS, _ASKED_EVERY = 12, 3
#: What trees count for beside the generator, as 1.
_WEIGHT_OF_TREES = 2.0


def expected_cells(
    model: GanModel, amounts: FloatArray, known: Known, how: dict[str, Any], rng: torch.Generator
) -> dict[int, tuple[IntArray, FloatArray]]:
    """Return for each coded column the rows in which it is not known, and what is expected there.

    See `synthgan.gan.completing.Gaps.told` for what that is.

    Parameters
    ----------
    model
        A trained model.
    amounts
        Where known cells stand, shape ``(n_rows, n_columns)``; see `synthgan.layout.Span`.
    known
        What is known of the rows.
    how
        See `synthgan.gan.drawing.draw`.
    rng
        Source of all randomness.
    """
    gaps, coded = gaps_of(model, amounts, known, how, rng), model.layout.coded.tolist()
    expected = model.completer.complete(gaps)
    return {coded[i]: (np.flatnonzero(gaps.is_open[:, i]), cells) for i, cells in expected.items()}


def gaps_of(
    model: GanModel,
    amounts: FloatArray,
    known: Known,
    how: dict[str, Any],
    rng: torch.Generator,
    *,
    n_draws: int = N_DRAWS,
) -> Gaps:
    """Return rows whose open cells are filled with what the generator and the trees of redrawing expect.

    Parameters
    ----------
    model, amounts, known, how, rng
        See `expected_cells`.
    n_draws
        How often rows are drawn.
    """
    coded = model.layout.coded
    is_open = ~known.is_known[known.patterns_of(len(amounts))][:, coded]
    rows_of = {place: np.flatnonzero(is_open[:, place]) for place in np.flatnonzero(is_open.any(0)).tolist()}
    some = np.flatnonzero(is_open.any(1))
    index = np.zeros(len(is_open), dtype=np.int64)
    index[some] = np.arange(len(some))
    known = replace(known, pattern_of=known.patterns_of(len(is_open))[some])
    totals: dict[int, Any] = dict.fromkeys(rows_of, 0.0)
    for number in range(n_draws if len(some) else 0):
        table = draw(model, len(some), known=known, **how, rng=rng)
        for place, rows in rows_of.items():
            is_asked = number % _ASKED_EVERY == 0
            totals[place] = totals[place] + _told(model, table.take(index[rows]), place, is_asked=is_asked)
    told = {place: _present(model, place, chances) for place, chances in totals.items()}
    return Gaps.of(amounts[:, coded], is_open, told)


def _told(model: GanModel, rows: EncodedTable, place: int, *, is_asked: bool) -> npt.NDArray[Any]:
    """Return what drawn rows say of a coded column, as counts of codes."""
    layout, column = model.layout, int(model.layout.coded[place])
    size = int(layout.sizes[column])
    told: npt.NDArray[Any] = np.zeros((len(rows), size))
    if place in model.trees.columns:
        points = torch.from_numpy(points_of(rows, layout)).to(model.device)
        with torch.inference_mode():
            told += _WEIGHT_OF_TREES * model.trees.expected(place, points, size).cpu().numpy()
    if layout.relations_of(column):  # what a relation tells is no code of the generator's
        told[np.arange(len(rows)), rows.codes[:, column].astype(np.int64)] += 1
    elif is_asked:
        known = torch.ones(len(rows), len(layout), dtype=torch.bool)
        told += _ASKED_EVERY * code_probabilities(model, rows, known, column)
    return told


def _present(model: GanModel, place: int, chances: FloatArray) -> FloatArray:
    """Return the chances of the codes of present cells, or the mean amount of what lies on a line."""
    span = model.layout.spans[int(model.layout.coded[place])]
    chances = chances[:, : span.n_codes - span.has_missing]
    chances = chances / np.maximum(chances.sum(1, keepdims=True), 1e-12)
    return np.asarray(chances @ np.array(span.amounts) if span.amounts else chances)
