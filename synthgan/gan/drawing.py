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
        The cells that every row has.
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
        balances = correct and model.forest.depth > 0 and not len(known.columns) and n_rows >= _FEW
        corrects = correct and model.corrects and not balances
        drawer = _Drawer(model, DrawingWeights.of(model), known, n_rounds, redraw, balances, corrects)
    sections = [min(_SECTION, n_rows - start) for start in range(0, n_rows, _SECTION)]
    return EncodedTable.join([drawer.section(size, rng) for size in sections], model.layout)


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

    def section(self, n_rows: int, rng: torch.Generator) -> EncodedTable:
        """Draw rows, chosen among candidates together."""
        n_each = n_candidates(n_rows) if self.balances else _N_TO_CORRECT if self.corrects else 1
        starts = range(0, n_rows * n_each, self.batch_size)
        sizes = [min(self.batch_size, n_rows * n_each - start) for start in starts]
        *seeds, last = torch.randint(2**62, (len(sizes) + 1,), generator=rng, device=rng.device).tolist()
        batches = list(_on_all_cores(self.batch, sizes, seeds))
        table = EncodedTable.join([table for table, _ in batches], self.model.layout)
        judged, choosing = np.concatenate([judged for _, judged in batches]), np.random.default_rng(last)
        if self.balances:
            return table.take(self.model.forest.keep(judged, n_rows, choosing))
        return table.take(_most_real(judged, n_rows, choosing)) if self.corrects else table

    def batch(self, n_rows: int, seed: int) -> tuple[EncodedTable, npt.NDArray[Any]]:
        """Draw rows and what they are chosen by: their leaves, or logits of their being real, or nothing."""
        model, rng = self.model, torch.Generator(self.model.device).manual_seed(seed)
        with _drawing(model):
            filling = Filling(model, self.weights, n_rows, self.known, rng)
            drafted, groups = _order(model, filling, self.n_rounds, rng)
            if drafted:
                filling.draft(drafted)
            for columns in groups:
                filling.draw(columns)
            if self.redraws:
                filling.redraw(_order_of_redrawing(model, filling.known - set(self.known.columns), rng))
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
    draw_batch: Callable[[int, int], Drawn], sizes: list[int], seeds: list[int]
) -> Iterable[Drawn]:
    """Return what is drawn for each size and seed, in their order, one batch on each core at a time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(draw_batch, sizes, seeds))
    finally:
        torch.set_num_threads(threads)


def _n_rounds(model: GanModel, known: Known, rounds: Rounds) -> int | None:
    """Return in how many rounds to draw, or None where that is one for each column."""
    columns = np.setdiff1d(model.layout.coded, known.columns).tolist()
    if rounds is None or not model.knows_all:
        return None
    given = known.columns.tolist()
    n_rounds = enough_rounds(columns, model.column_dependence, given) if rounds == "auto" else rounds
    return n_rounds if n_rounds < len(columns) else None


def _order(
    model: GanModel, filling: Filling, n_rounds: int | None, rng: torch.Generator
) -> tuple[Sequence[int], Sequence[Sequence[int]]]:
    """Return the columns to draft, and those to draw in each round.

    Their order is random. In fewer rounds than columns those stand together that say little of each other.
    Under a condition, and with one column a round, those come first that the known cells say most about: the
    fewer other cells are known, the less a small table misleads the generator.
    """
    present = {int(i) for i in (*model.layout.coded, *model.layout.valued)}
    columns = _shuffled(sorted(present - filling.known), rng)
    if not model.knows_all:
        return [], [columns]
    if n_rounds is not None:
        return _in_few_rounds(model, columns, sorted(filling.known), n_rounds, rng)
    if filling.known:
        told = dict(zip(model.layout.coded.tolist(), _information(model, filling), strict=True))
        columns.sort(key=lambda column: -told.get(column, 0.0))
    return [], [[column] for column in columns]


def _order_of_redrawing(model: GanModel, columns: set[int], rng: torch.Generator) -> list[int]:
    """Return the columns in random order, and a target of classes once more: it is to follow from what stays.

    A number is not: what follows from it would no longer fit it.
    """
    target = model.architecture.target
    again = [column for column in columns if column == target and not model.layout.spans[column].is_ordered]
    return _shuffled(sorted(columns), rng) + again


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
    """Return the information, in nats, that the known cells give about each coded column.

    It is the Kullback-Leibler divergence between what the generator expects given them and given nothing.
    """
    known_row = model.known_vectors(filling.cells.take(slice(1)), filling.is_known.unsqueeze(0))
    rows = torch.cat([known_row, torch.zeros_like(known_row)])
    output = model.generator(rows, rows.new_zeros(2, model.architecture.latent_dim))
    given, alone = model.space.log_probabilities(output.codes)
    information: list[float] = ((given.exp() * (given - alone)) @ model.space.segments).tolist()
    return information


def _most_real(logits: FloatArray, n_kept: int, rng: np.random.Generator) -> IntArray:
    """Return the indices of `n_kept` rows drawn in proportion to the density ratio ``D / (1 - D)``.

    Adding Gumbel noise to log-weights and keeping the largest draws without replacement [1]_.

    References
    ----------
    .. [1] Kool, van Hoof, Welling (2019). Stochastic Beams and Where to Find Them. ICML.
    """
    weighed = logits + rng.gumbel(size=len(logits))
    return np.sort(np.argsort(weighed)[len(logits) - n_kept :])


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
