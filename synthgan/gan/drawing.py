"""Drawing rows: codes of all columns, in as many rounds as asked, chosen among candidates.

In a round the generator is asked once, given all columns known so far, and the columns of the round are drawn
from its answer independently of each other. One column a round is the finest. In fewer rounds the first is a
draft by the latent classes, which asks no network, and one round is that draft alone: the fastest.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from synthgan.gan.balancing import Forest, Leaves, n_candidates, points_of
from synthgan.gan.computing import n_threads_of, reduced_precision
from synthgan.gan.filling import DrawingWeights, Filling
from synthgan.gan.grouping import Rounds
from synthgan.gan.model import GanModel
from synthgan.gan.ordering import n_rounds, order_of, order_of_redrawing
from synthgan.layout import EncodedTable, IntArray, Known, Layout

#: Rows that are drawn together. One column a round, their columns come in one order, and many orders make for
#: a better mixture: what is wrong with one of them is diluted by the others.
BATCH_SIZE, _BATCH_SIZE_OF_GROUPS, _BATCH_SIZE_OF_DRAFTS = 768, 2048, 8192
#: Rows that are balanced together, at most, and the fewest under one condition that are.
_SECTION, _FEWEST = 16_384, 64
#: Rows of all sorts that are drawn to see which of them are meant: so many times the candidates, and at most;
#: no more than it takes for so many times the rows, or so many, to be meant; if these are too few, none.
_N_TIMES, _MAX_SURVEYED, _N_TIMES_MEANT, _ENOUGH_MEANT, _TOO_FEW_MEANT = 5, 49_152, 2, 4_096, 64


def draw(
    model: GanModel,
    n_rows: int,
    *,
    known: Known,
    rounds: Rounds,
    correct: bool,
    rng: torch.Generator,
    redraw: bool = True,
) -> EncodedTable:
    """Draw rows.

    Parameters
    ----------
    model
        A trained model.
    n_rows
        How many.
    known
        What is known of the rows.
    rounds
        See `Rounds`. Models that do not know all columns draw in one.
    correct
        Whether to sample a few candidates for each row and to keep those whose leaf frequencies come nearest
        to those of the training rows.
    rng
        Source of all randomness, on the model's device.
    redraw
        Whether each cell is drawn once more given all others; see `synthgan.gan.redrawing`.
    """
    model.eval()
    with _drawing(model):
        in_rounds = n_rounds(model, known, rounds)
        drawer = _Drawer(model, DrawingWeights.of(model), known, in_rounds, redraw)
        forests = find_forests(model, known, n_rows, partial(drawer.survey, rng=rng)) if correct else {}
    return drawer.rows(known.patterns_of(n_rows), forests, rng)


@dataclass(frozen=True)
class _Drawer:
    """Rows of one model, drawn in one way."""

    model: GanModel
    weights: DrawingWeights
    known: Known
    #: In how many rounds; None for one column a round.
    n_rounds: int | None
    #: Whether each cell is drawn once more given all others.
    redraws: bool
    #: Whether leaves are looked up, by which rows are chosen that lie where real rows do.
    balances: bool = False

    @property
    def batch_size(self) -> int:
        """Rows that are drawn together."""
        if self.n_rounds is None:
            return BATCH_SIZE
        return _BATCH_SIZE_OF_DRAFTS if self.n_rounds == 1 else _BATCH_SIZE_OF_GROUPS

    def survey(self, n_rows: int, rng: torch.Generator) -> tuple[EncodedTable, Leaves]:
        """Draw rows of all sorts, whatever is known, and return them and their leaves."""
        plain = replace(self, known=Known.nothing(self.model.layout), balances=True)
        return plain.candidates(np.zeros(n_rows, dtype=np.int64), rng)

    def rows(self, patterns: IntArray, forests: dict[int, Forest], rng: torch.Generator) -> EncodedTable:
        """Draw rows, those of a pattern together that are to lie where a forest says."""
        by_forest = np.where(np.isin(patterns, list(forests)), patterns, -1)
        drawn, places = [], []
        for pattern in np.unique(by_forest).tolist():
            own = np.flatnonzero(by_forest == pattern)
            for start in range(0, len(own), _SECTION):
                places.append(own[start : start + _SECTION])
                drawn.append(self.section(patterns[places[-1]], forests.get(pattern), rng))
        table = EncodedTable.join(drawn, self.model.layout)
        return table.take(np.argsort(np.concatenate(places), kind="stable")) if places else table

    def section(self, patterns: IntArray, forest: Forest | None, rng: torch.Generator) -> EncodedTable:
        """Draw rows of some patterns, chosen among candidates together."""
        seed = torch.randint(2**62, (1,), generator=rng, device=rng.device).item()
        choosing = np.random.default_rng(int(seed))
        if forest is not None:
            n_each = n_candidates(len(patterns), of_all=self.known.says_nothing)
            table, leaves = replace(self, balances=True).candidates(np.tile(patterns, n_each), rng)
            leaves = self.model.forest.leaves_of(leaves, forest.depth)
            return table.take(forest.keep(leaves, len(patterns), choosing))
        table, _ = self.candidates(patterns, rng)
        return table

    def candidates(self, patterns: IntArray, rng: torch.Generator) -> tuple[EncodedTable, Leaves]:
        """Sample rows of some patterns, and return them and their leaves; see `batch`."""
        starts = range(0, len(patterns), self.batch_size)
        batches = [patterns[start : start + self.batch_size] for start in starts]
        seeds = torch.randint(2**62, (len(batches),), generator=rng, device=rng.device).tolist()
        threads = torch.get_num_threads()
        with n_threads_of(1), ThreadPoolExecutor(threads) as pool:  # one batch on each core at a time
            drawn = list(pool.map(self.batch, batches, seeds))
        table = EncodedTable.join([table for table, _ in drawn], self.model.layout)
        return table, np.concatenate([leaves for _, leaves in drawn] or [np.empty((0, 0), dtype=np.int32)])

    def batch(self, patterns: IntArray, seed: int) -> tuple[EncodedTable, Leaves]:
        """Sample rows, and return them and their leaves, or no leaves where none are looked up."""
        model, rng = self.model, torch.Generator(self.model.device).manual_seed(seed)
        with _drawing(model):
            filling = Filling(model, self.weights, self.known, patterns, rng)
            first, drafted, groups = order_of(model, filling, self.n_rounds, rng)
            for column in first:
                filling.draw([column])
            if len(first) > 1:
                filling.resample()
            if drafted:
                filling.draft(drafted)
            for columns in groups:
                filling.draw(columns)
            if self.redraws:
                filling.redraw(order_of_redrawing(filling, rng))
            table = filling.table()
            if self.balances:
                return table, model.forest.leaves(points_of(table, model.layout))
            return table, np.empty((0, 0), dtype=np.int32)


def find_forests(
    model: GanModel, known: Known, n_rows: int, survey: Callable[[int], tuple[EncodedTable, Leaves]]
) -> dict[int, Forest]:
    """Return where rows of each pattern are to lie, of which enough are drawn and enough can be known.

    The leaf frequencies under a condition are those of all training rows, each times the proportion of
    synthetic rows in the leaf that meet the condition.

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
        return {0: model.forest} if n_rows >= _FEWEST else {}
    counts = np.bincount(known.patterns_of(n_rows), minlength=len(known.is_known))
    n_most = min(_MAX_SURVEYED, _N_TIMES * n_rows * n_candidates(n_rows))
    patterns = np.flatnonzero(counts >= _FEWEST).tolist()
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


@contextmanager
def _drawing(model: GanModel) -> Iterator[None]:
    """Compute without gradients and, but for models of one pass, which need it, without full precision."""
    precision = reduced_precision(model.device) if model.knows_all else nullcontext()
    with torch.inference_mode(), precision:
        yield
