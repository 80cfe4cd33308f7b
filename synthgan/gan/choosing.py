"""Where rows under a condition are to lie, by which they are chosen among candidates; see `find_forests`.

Where the real rows of a level lie is known; see `synthgan.gan.levels`. Of those under any other condition
nothing is kept, so that where they lie is taken from what is known of all rows, or of those of a level that
is part of the condition, and from drawn rows: of the real rows in a node as many are meant as of the drawn.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from synthgan.gan.balancing import Forest, Leaves, n_candidates
from synthgan.gan.model import GanModel
from synthgan.layout import EncodedTable, IntArray, Known, Layout

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
    starts = _Starts(model, known)
    is_alone = (counts >= _FEW_OF_LEVEL) & (known.is_known.sum(1) == 1) & (not known.allowed)
    alone: list[int] = np.flatnonzero(is_alone).tolist()
    of_levels = {pattern: starts.forest(pattern) for pattern in alone if starts.column(pattern) is not None}
    others = [p for p in np.flatnonzero(counts >= _FEW).tolist() if p not in of_levels]
    return of_levels | _surveyed(starts, counts, others, survey)


class _Starts:
    """Where rows of a pattern lie as far as is known: those of a level that is asked for, or all rows.

    Of several levels that are asked for it is the one of which most is known.
    """

    def __init__(self, model: GanModel, known: Known) -> None:
        self.model, self.known = model, known
        self._forests: dict[tuple[int, int], Forest] = {}

    def column(self, pattern: int) -> int | None:
        """Return the column of the level, None where it is all rows."""
        codes, levels = self.known.patterns.codes[pattern], self.model.levels
        asked = [column for column in levels.first if self.known.is_known[pattern, column]]
        best = max(asked, key=lambda column: levels.depth_of(column, codes[column]), default=None)
        return best if best is not None and levels.depth_of(best, codes[best]) else None

    def forest(self, pattern: int) -> Forest:
        """Return where they lie."""
        column = self.column(pattern)
        if column is None:
            return self.model.forest
        level = column, int(self.known.patterns.codes[pattern, column])
        if level not in self._forests:
            self._forests[level] = self.model.levels.of(self.model.forest, *level)
        return self._forests[level]


def _surveyed(
    starts: _Starts,
    counts: IntArray,
    patterns: list[int],
    survey: Callable[[int], tuple[EncodedTable, Leaves]],
) -> dict[int, Forest]:
    """Return where rows of some patterns lie, as far as drawn rows of all sorts tell."""
    model, known, n_rows = starts.model, starts.known, int(counts.sum())
    n_most = min(_MAX_SURVEYED, _N_TIMES * n_rows * n_candidates(n_rows))
    shares = {pattern: _share(model, known, pattern) for pattern in patterns}
    shares = {pattern: share for pattern, share in shares.items() if share * n_most >= _TOO_FEW_MEANT}
    if not shares:
        return {}
    enough = [
        max(_N_TIMES_MEANT * counts[pattern], _ENOUGH_MEANT) / share for pattern, share in shares.items()
    ]
    table, leaves = survey(min(n_most, math.ceil(max(enough))))
    found = {}
    for pattern in shares:
        column, forest = starts.column(pattern), starts.forest(pattern)
        own = np.arange(len(table))
        if column is not None:
            own = np.flatnonzero(table.codes[:, column] == known.patterns.codes[pattern, column])
        is_meant = _fits(table, known, pattern, model.layout)[own]
        found[pattern] = forest.among(model.forest.leaves_of(leaves[own], forest.depth), is_meant)
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
