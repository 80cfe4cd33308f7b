"""Drawing rows: codes of all columns, in as many rounds as asked, chosen among candidates.

In a round the generator is asked once, given all columns known so far, and the columns of the round are drawn
from its answer independently of each other. One column a round is the finest. In fewer rounds the first is a
draft by the latent classes, which asks no network, and one round is that draft alone: the fastest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthgan.gan.balancing import n_candidates, points_of
from synthgan.gan.cells import Cells
from synthgan.gan.computing import reduced_precision
from synthgan.gan.filling import DrawingWeights, Filling
from synthgan.gan.grouping import Rounds, enough_rounds, plan
from synthgan.gan.model import GanModel
from synthgan.layout import EncodedTable, FloatArray, IntArray, Known

Drawn = TypeVar("Drawn")
Item = TypeVar("Item")
#: Rows that are drawn together. One column a round, their columns come in one order, and many orders make for
#: a better mixture: what is wrong with one of them is diluted by the others.
BATCH_SIZE, _BATCH_SIZE_OF_GROUPS, _BATCH_SIZE_OF_DRAFTS = 768, 2048, 8192
#: Candidates for each row that the discriminator chooses.
_N_TO_CORRECT = 3
#: Rows that are balanced together, at most and at least: a few rows can be as they come.
_SECTION, _FEW = 16_384, 64
#: Random orders of columns, of which the best plan is taken.
_N_ORDERS = 4
#: Rows of which it is asked what their known cells say of other columns.
_N_ASKED = 16
#: What is allowed of a column is likely where at least this share of the rows has it.
_LIKELY = 0.5
_SCORED_TOGETHER = 4096


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
        Whether to draw a few candidates for each row and to keep the one that makes rows lie where real rows
        do; or under a condition, for which that is not known, those that the discriminator finds most real,
        if it can tell.
    rng
        Source of all randomness, on the model's device.
    redraw
        Whether each cell is drawn once more given all others; see `synthgan.gan.redrawing`.
    """
    model.eval()
    with _drawing(model):
        n_rounds = _n_rounds(model, known, rounds)
        balances = correct and model.forest.depth > 0 and known.says_nothing and n_rows >= _FEW
        corrects = correct and model.corrects and not balances
        drawer = _Drawer(model, DrawingWeights.of(model), known, n_rounds, redraw, balances, corrects)
    patterns = known.patterns_of(n_rows)
    sections = [patterns[start : start + _SECTION] for start in range(0, n_rows, _SECTION)]
    return EncodedTable.join([drawer.section(section, rng) for section in sections], model.layout)


@dataclass(frozen=True)
class _Drawer:
    """Rows of one model, drawn in one way.

    Parameters
    ----------
    model, weights, known
        See `Filling`.
    n_rounds
        In how many rounds; None for one column a round.
    redraws
        Whether each cell is drawn once more given all others.
    balances, corrects
        Whether rows are chosen among candidates, to lie where real rows do or by the discriminator.
    """

    model: GanModel
    weights: DrawingWeights
    known: Known
    n_rounds: int | None
    redraws: bool
    balances: bool
    corrects: bool

    @property
    def batch_size(self) -> int:
        """Rows that are drawn together."""
        if self.n_rounds is None:
            return BATCH_SIZE
        return _BATCH_SIZE_OF_DRAFTS if self.n_rounds == 1 else _BATCH_SIZE_OF_GROUPS

    def section(self, patterns: IntArray, rng: torch.Generator) -> EncodedTable:
        """Draw rows of some patterns, chosen among candidates together."""
        n_each = n_candidates(len(patterns)) if self.balances else _N_TO_CORRECT if self.corrects else 1
        of_candidates = np.tile(patterns, n_each)
        starts = range(0, len(of_candidates), self.batch_size)
        batches = [of_candidates[start : start + self.batch_size] for start in starts]
        *seeds, last = torch.randint(2**62, (len(batches) + 1,), generator=rng, device=rng.device).tolist()
        drawn = list(_on_all_cores(self.batch, batches, seeds))
        table = EncodedTable.join([table for table, _ in drawn], self.model.layout)
        judged, choosing = np.concatenate([judged for _, judged in drawn]), np.random.default_rng(last)
        if self.balances:
            return table.take(self.model.forest.keep(judged, len(patterns), choosing))
        return table.take(_most_real(judged, patterns, n_each, choosing)) if self.corrects else table

    def batch(self, patterns: IntArray, seed: int) -> tuple[EncodedTable, npt.NDArray[Any]]:
        """Draw rows and what they are chosen by: their leaves, or logits of their being real, or nothing."""
        model, rng = self.model, torch.Generator(self.model.device).manual_seed(seed)
        with _drawing(model):
            filling = Filling(model, self.weights, self.known, patterns, rng)
            first, drafted, groups = _order(model, filling, self.n_rounds, rng)
            for column in first:
                filling.draw([column])
            if len(first) > 1:
                filling.resample()
            if drafted:
                filling.draft(drafted)
            for columns in groups:
                filling.draw(columns)
            if self.redraws:
                filling.redraw(_order_of_redrawing(model, _not_given(filling), rng))
            table = filling.table()
            if self.balances:
                return table, model.forest.leaves(points_of(table, model.layout))
            return table, _logits(model, filling.cells).cpu().numpy() if self.corrects else np.empty(0)


@contextmanager
def _drawing(model: GanModel) -> Iterator[None]:
    """Compute without gradients and, but for models of one pass, which need it, without full precision."""
    precision = reduced_precision(model.device) if model.knows_all else nullcontext()
    with torch.inference_mode(), precision:
        yield


def _on_all_cores(
    draw_batch: Callable[[IntArray, int], Drawn], batches: list[IntArray], seeds: list[int]
) -> Iterable[Drawn]:
    """Return what is drawn for each batch and seed, in their order, one batch on each core at a time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(draw_batch, batches, seeds))
    finally:
        torch.set_num_threads(threads)


def _n_rounds(model: GanModel, known: Known, rounds: Rounds) -> int | None:
    """Return in how many rounds to draw, or None where that is one for each column."""
    given = known.always.tolist()
    columns = np.setdiff1d(model.layout.coded, given).tolist()
    if rounds is None or not model.knows_all:
        return None
    n_rounds = enough_rounds(columns, model.column_dependence, given) if rounds == "auto" else rounds
    return n_rounds if n_rounds < len(columns) else None


def _not_given(filling: Filling) -> list[int]:
    """Return the columns that are not given in every row."""
    columns: list[int] = (~filling.given.all(0)).nonzero().squeeze(1).tolist()
    return columns


def _order(
    model: GanModel, filling: Filling, n_rounds: int | None, rng: torch.Generator
) -> tuple[Sequence[int], Sequence[int], Sequence[Sequence[int]]]:
    """Return the columns to draw first, one by one, those to draft then, and those to draw in each round.

    First come columns that may lie in some stretches only, the least likely before the others: what is drawn
    before them would have to be drawn with regard to them. The order of all others is random. In fewer rounds
    than columns those stand together that say little of each other.
    Under a condition, and with one column a round, those come first that the known cells say most about: the
    fewer other cells are known, the less a small table misleads the generator.
    """
    present = {int(i) for i in (*model.layout.coded, *model.layout.valued)}
    known = (filling.is_known.all(0)).nonzero().squeeze(1).tolist()
    first = [column for column in _unlikely(model, filling) if column in present.difference(known)]
    columns = _shuffled(sorted(present.difference(known, first)), rng)
    if not model.knows_all:
        return [], [], [first + columns]
    given = sorted({*known, *first})
    if n_rounds is not None:
        return first, *_in_few_rounds(model, columns, given, n_rounds, rng)
    if filling.is_known.any():
        told = dict(zip(model.layout.coded.tolist(), _information(model, filling), strict=True))
        columns.sort(key=lambda column: -told.get(column, 0.0))
    return first, [], [[column] for column in columns]


def _unlikely(model: GanModel, filling: Filling) -> list[int]:
    """Return the columns that are rarely as they are allowed to be, the rarest first."""
    likelihood = {
        column: float(model.classes.shares @ filling.share_allowed([column]))
        for column in filling.allowed
        if model.layout.sizes[column]
    }
    unlikely = [column for column, share in likelihood.items() if share < _LIKELY]
    return sorted(unlikely, key=lambda column: likelihood[column])


def _order_of_redrawing(model: GanModel, columns: list[int], rng: torch.Generator) -> list[int]:
    """Return the columns in random order, and a target of classes once more: it is to follow from what stays.

    A number is not: what follows from it would no longer fit it.
    """
    target = model.architecture.target
    again = [column for column in columns if column == target and not model.layout.spans[column].is_ordered]
    return _shuffled(columns, rng) + again


def _in_few_rounds(
    model: GanModel, columns: list[int], given: list[int], n_rounds: int, rng: torch.Generator
) -> tuple[Sequence[int], Sequence[Sequence[int]]]:
    """Return the columns to draft, and groups to draw; values, which have no codes to draft, come last."""
    valued = [column for column in columns if column in model.layout.value_places]
    coded = [column for column in columns if column not in model.layout.value_places]
    orders = [coded, *(_shuffled(coded, rng) for _ in range(_N_ORDERS - 1))]
    plans = (plan(order, model.column_dependence, n_rounds, given) for order in orders)
    planned = min(plans, key=attrgetter("lost"))
    groups = _shuffled(planned.groups, rng)
    return planned.drafted, [*groups, valued] if valued else groups


def _shuffled(items: Sequence[Item], rng: torch.Generator) -> list[Item]:
    """Return the items in random order."""
    order = torch.randperm(len(items), generator=rng, device=rng.device).tolist()
    return [items[place] for place in order]


def _information(model: GanModel, filling: Filling) -> list[float]:
    """Return the information, in nats, that the known cells give about each coded column, in the mean.

    It is the Kullback-Leibler divergence between what the generator expects given them and given nothing.
    """
    some = slice(_N_ASKED)
    known_rows = model.known_vectors(filling.cells.take(some), filling.is_known[some])
    rows = torch.cat([torch.zeros_like(known_rows[:1]), known_rows])
    output = model.generator(rows, rows.new_zeros(len(rows), model.architecture.latent_dim))
    expected = model.space.log_probabilities(output.codes)
    alone, given = expected[:1], expected[1:]
    information: list[float] = ((given.exp() * (given - alone)) @ model.space.segments).mean(0).tolist()
    return information


def _most_real(logits: FloatArray, patterns: IntArray, n_each: int, rng: np.random.Generator) -> IntArray:
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


def discriminator_logits(model: GanModel, table: EncodedTable) -> FloatArray:
    """Return the discriminator's logit of each row's being real, shape ``(n_rows,)``."""
    model.eval()
    with torch.inference_mode():
        logits: FloatArray = _logits(model, Cells.of(table, model.device)).double().cpu().numpy()
    return logits


def _logits(model: GanModel, cells: Cells) -> Tensor:
    """Return logits of rows, so many at a time, since row vectors are long."""
    starts = range(0, len(cells), _SCORED_TOGETHER)
    parts = (cells.take(slice(start, start + _SCORED_TOGETHER)) for start in starts)
    logits = [model.discriminator(model.space.vectors(part)).float() for part in parts]
    return torch.cat(logits) if logits else torch.empty(0, device=model.device)
