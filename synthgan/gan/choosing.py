"""Where rows under a condition are to lie, by which they are chosen among candidates; see `find_forests`.

The leaf frequencies under a condition are those of all training rows, each times the proportion of synthetic
rows in the leaf that meet the condition.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from synthgan.gan.balancing import Forest, Leaves, n_candidates
from synthgan.gan.model import GanModel
from synthgan.layout import EncodedTable, IntArray, Known, Layout

#: Fewer rows are not herded.
_FEW = 64
#: Rows of all sorts that are drawn to see which of them are meant: so many times the candidates, and at most;
#: no more than it takes for so many times the rows, or so many, to be meant; if these are too few, none.
_N_TIMES, _MAX_SURVEYED, _N_TIMES_MEANT, _ENOUGH_MEANT, _TOO_FEW_MEANT = 5, 49_152, 2, 4_096, 64


def find_forests(
    model: GanModel, known: Known, n_rows: int, survey: Callable[[int], tuple[EncodedTable, Leaves]]
) -> dict[int, Forest]:
    """Return where rows of each pattern are to lie, of which enough are drawn and enough can be known.

    Parameters
    ----------
    model
        A trained model.
    known
        What is known of the rows.
    n_rows
        How many there are.
    survey
        Draws so many rows of all sorts, and returns them with their leaves.
    """
    if not model.forest.depth or not model.knows_all:
        return {}
    if known.says_nothing:
        return {0: model.forest} if n_rows >= _FEW else {}
    counts = np.bincount(known.patterns_of(n_rows), minlength=len(known.is_known))
    patterns = np.flatnonzero(counts >= _FEW).tolist()
    return _surveyed(model, known, counts, patterns, survey)


def _surveyed(
    model: GanModel,
    known: Known,
    counts: IntArray,
    patterns: list[int],
    survey: Callable[[int], tuple[EncodedTable, Leaves]],
) -> dict[int, Forest]:
    """Return where rows of some patterns lie, as far as drawn rows of all sorts tell."""
    n_rows = int(counts.sum())
    n_most = min(_MAX_SURVEYED, _N_TIMES * n_rows * n_candidates(n_rows))
    shares = {pattern: _share(model, known, pattern) for pattern in patterns}
    shares = {pattern: share for pattern, share in shares.items() if share * n_most >= _TOO_FEW_MEANT}
    if not shares:
        return {}
    enough = [
        max(_N_TIMES_MEANT * counts[pattern], _ENOUGH_MEANT) / share for pattern, share in shares.items()
    ]
    table, leaves = survey(min(n_most, math.ceil(max(enough))))
    found = {
        pattern: model.forest.among(leaves, _fits(table, known, pattern, model.layout)) for pattern in shares
    }
    return {pattern: forest for pattern, forest in found.items() if forest is not None}


def _share(model: GanModel, known: Known, pattern: int) -> float:
    """Return about which share of all rows have what is known of a pattern, as the latent classes see it."""
    layout, classes = model.layout, model.classes
    columns = np.flatnonzero(known.is_known[pattern] & (layout.sizes > 0))
    codes = torch.zeros(1, layout.n_codes, device=model.device)
    codes[0, layout.offsets[columns] + known.patterns.codes[pattern, columns]] = 1
    allowed = [
        (layout.slice_of(column), torch.from_numpy(shares.mean(1)).to(codes))
        for column, shares in known.allowed.items()
        if not known.is_known[pattern, column] and layout.sizes[column]
    ]
    share = float((classes.log_joint(codes).exp() * classes.share_allowed(allowed)).sum())
    spans = [(layout.spans[column], known.patterns.codes[pattern, column]) for column in columns.tolist()]
    return share / math.prod(span.n_places for span, code in spans if code in span.place_codes)


def _fits(table: EncodedTable, known: Known, pattern: int, layout: Layout) -> npt.NDArray[np.bool_]:
    """Return which rows have what is known of a pattern."""
    fits = np.ones(len(table), dtype=bool)
    for column in np.flatnonzero(known.is_known[pattern]).tolist():
        fits &= table.codes[:, column] == known.patterns.codes[pattern, column]
        if column in layout.place_index:
            index = layout.place_index[column]
            fits &= table.places[:, index] == known.patterns.places[pattern, index]
    for column, shares in known.allowed.items():
        if not known.is_known[pattern, column]:
            codes = table.codes[:, column].astype(np.int64)
            is_placed = column in layout.place_index
            places = table.places[:, layout.place_index[column]] if is_placed else np.zeros_like(codes)
            fits &= shares[codes, places] > 0.5
    return fits
