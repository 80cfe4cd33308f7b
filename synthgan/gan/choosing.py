"""How rows under a condition are chosen among candidates: where they are to lie, or by the discriminator.

Where the real rows of a level lie is known; see `synthgan.gan.levels`. Of those under any other condition
nothing is kept, so that where they lie is taken from what is known of all rows, or of those of a level that
is part of the condition, and from drawn rows: of the real rows in a node as many are meant as of the drawn.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from synthgan.gan.balancing import Forest, Leaves, n_candidates
from synthgan.gan.model import GanModel
from synthgan.layout import EncodedTable, FloatArray, IntArray, Known, Layout

#: Fewer rows can be as they come, and fewer under a level.
_FEW, _FEW_OF_LEVEL = 64, 8
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
    starts = {
        pattern: _rarest_level(model, known, pattern)
        for pattern in np.flatnonzero(counts >= _FEW_OF_LEVEL).tolist()
    }
    of_levels = {
        pattern: start.forest
        for pattern, start in starts.items()
        if start.column is not None and not known.allowed and known.is_known[pattern].sum() == 1
    }
    others = {p: start for p, start in starts.items() if p not in of_levels and counts[p] >= _FEW}
    return of_levels | _surveyed(model, known, counts, others, survey)


class _Start(NamedTuple):
    """Where rows of a pattern lie as far as is known: those of a level of a column, or all rows."""

    forest: Forest
    column: int | None


def _surveyed(
    model: GanModel,
    known: Known,
    counts: IntArray,
    starts: dict[int, _Start],
    survey: Callable[[int], tuple[EncodedTable, Leaves]],
) -> dict[int, Forest]:
    """Return where rows of some patterns lie, as far as drawn rows of all sorts tell."""
    n_rows = int(counts.sum())
    n_most = min(_MAX_SURVEYED, _N_TIMES * n_rows * n_candidates(n_rows))
    shares = {pattern: _share(model, known, pattern) for pattern in starts}
    shares = {pattern: share for pattern, share in shares.items() if share * n_most >= _TOO_FEW_MEANT}
    if not shares:
        return {}
    enough = [
        max(_N_TIMES_MEANT * counts[pattern], _ENOUGH_MEANT) / share for pattern, share in shares.items()
    ]
    table, leaves = survey(min(n_most, math.ceil(max(enough))))
    found = {}
    for pattern in shares:
        start, is_meant = starts[pattern], _fits(table, known, pattern, model.layout)
        own = np.arange(len(table))
        if start.column is not None:
            level = known.patterns.codes[pattern, start.column]
            own = np.flatnonzero(table.codes[:, start.column] == level)
        of_start = model.forest.leaves_of(leaves[own], start.forest.depth)
        found[pattern] = start.forest.among(of_start, is_meant[own])
    return {pattern: forest for pattern, forest in found.items() if forest is not None}


def _rarest_level(model: GanModel, known: Known, pattern: int) -> _Start:
    """Return where rows of the rarest level lie that is asked for, and its column; else where all lie."""
    codes = known.patterns.codes[pattern]
    asked = [column for column in model.levels.first if known.is_known[pattern, column]]
    for column in sorted(asked, key=lambda column: model.levels.rows_of(column, codes[column])):
        forest = model.levels.of(model.forest, column, codes[column])
        if forest is not None:
            return _Start(forest, column)
    return _Start(model.forest, None)


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


def most_real(logits: FloatArray, patterns: IntArray, n_each: int, rng: np.random.Generator) -> IntArray:
    """Return the indices of candidates drawn in proportion to the density ratio ``D / (1 - D)``.

    Adding Gumbel noise to log-weights and keeping the largest draws without replacement [1]_, here among all
    candidates of rows of one pattern.

    Parameters
    ----------
    logits
        Of candidates' being real, shape ``(n_each * n_rows,)``.
    patterns
        That of each row, shape ``(n_rows,)``; those of the candidates are the same `n_each` times over.
    n_each
        Candidates for each row.
    rng
        Source of the noise.

    References
    ----------
    .. [1] Kool, van Hoof, Welling (2019). Stochastic Beams and Where to Find Them. ICML.
    """
    weighed = logits + rng.gumbel(size=len(logits))
    candidates_of = np.tile(patterns, n_each)
    by_weight = np.lexsort((-weighed, candidates_of))
    _, first, counts = np.unique(candidates_of[by_weight], return_index=True, return_counts=True)
    rank = np.arange(len(by_weight)) - np.repeat(first, counts)
    kept = np.sort(by_weight[rank < np.repeat(counts // n_each, counts)])
    kept = kept[np.argsort(candidates_of[kept], kind="stable")]
    placed = np.empty(len(patterns), dtype=np.int64)
    placed[np.argsort(patterns, kind="stable")] = kept
    return placed
