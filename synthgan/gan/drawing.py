"""Drawing rows: codes of all columns, in as many rounds as asked, corrected by the discriminator.

In a round the generator is asked once, given all columns known so far, and the columns of the round are drawn
from its answer independently of each other. One column a round is the finest; one round is the fastest.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from synthgan.gan.cells import Cells
from synthgan.gan.computing import reduced_precision
from synthgan.gan.filling import DrawingWeights, Filling
from synthgan.gan.grouping import Rounds, enough_rounds, group
from synthgan.gan.model import GanModel
from synthgan.gan.rows import gumbel
from synthgan.layout import EncodedTable, FloatArray, Known

#: Rows that are drawn together, their columns in one order. Many orders make for a better mixture: what is
#: wrong with one of them is diluted by the others.
BATCH_SIZE = 256
#: Candidates drawn for each row that the discriminator's correction keeps.
_POOL_FACTOR = 3
_SCORED_TOGETHER = 4096


def draw(
    model: GanModel,
    n_rows: int,
    *,
    known: Known,
    rounds: Rounds,
    correct: bool,
    rng: torch.Generator,
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
        Whether to draw a pool and to keep the rows that the discriminator finds most real, if it can tell.
    rng
        Source of all randomness, on the model's device.
    """
    model.eval()
    pool = _POOL_FACTOR if correct and model.corrects else 1
    sizes = [min(BATCH_SIZE, n_rows - start) for start in range(0, n_rows, BATCH_SIZE)]
    seeds = torch.randint(2**62, (len(sizes),), generator=rng, device=rng.device).tolist()
    with _drawing(model):
        weights = DrawingWeights.of(model)

    def draw_batch(size: int, seed: int) -> EncodedTable:
        own_rng = torch.Generator(model.device).manual_seed(seed)
        with _drawing(model):
            filling = Filling(model, weights, size * pool, known, own_rng)
            for columns in _groups(model, filling, rounds, own_rng):
                filling.draw(columns)
            return filling.table(_most_real(model, filling.cells, size, own_rng) if pool > 1 else slice(None))

    return EncodedTable.join(list(_on_all_cores(draw_batch, sizes, seeds)), model.layout)


@contextmanager
def _drawing(model: GanModel) -> Iterator[None]:
    """Compute without gradients and, but for models of one pass, which need it, without full precision."""
    precision = reduced_precision(model.device) if model.knows_all else nullcontext()
    with torch.inference_mode(), precision:
        yield


def _on_all_cores(
    draw_batch: Callable[[int, int], EncodedTable], sizes: list[int], seeds: list[int]
) -> Iterable[EncodedTable]:
    """Return what is drawn for each size and seed, in their order, one batch on each core at a time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(draw_batch, sizes, seeds))
    finally:
        torch.set_num_threads(threads)


def _groups(model: GanModel, filling: Filling, rounds: Rounds, rng: torch.Generator) -> Sequence[list[int]]:
    """Return the columns to draw in each round.

    Their order is random. In fewer rounds than columns those stand together that say little of each other.
    Under a condition, and with one column a round, those come first that the known cells say most about: the
    fewer other cells are known, the less a small table misleads the generator.
    """
    present = {int(i) for i in (*model.layout.coded, *model.layout.valued)}
    columns = np.array(sorted(present - filling.known), dtype=np.int64)
    if not len(columns):
        return []
    order = torch.randperm(len(columns), generator=rng, device=rng.device).cpu().numpy()
    columns = columns[order]
    if not model.knows_all:
        return [columns.tolist()]
    if rounds is not None:
        return _independent_groups(model, columns.tolist(), rounds, rng)
    if filling.known:
        told = dict(zip(model.layout.coded.tolist(), _information(model, filling), strict=True))
        columns = np.array(sorted(columns.tolist(), key=lambda column: -told.get(column, 0.0)))
    return [[int(column)] for column in columns]


def _independent_groups(
    model: GanModel, columns: list[int], rounds: int | Literal["auto"], rng: torch.Generator
) -> list[list[int]]:
    """Return groups of columns that say little of each other, in random order."""
    information = model.dependence.cpu().numpy()
    n_rounds = enough_rounds(columns, information) if rounds == "auto" else min(rounds, len(columns))
    groups = group(columns, information, n_rounds)
    order = torch.randperm(len(groups), generator=rng, device=rng.device).tolist()
    return [groups[place] for place in order]


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


def _most_real(model: GanModel, cells: Cells, n_kept: int, rng: torch.Generator) -> Tensor:
    """Return the indices of `n_kept` rows drawn in proportion to the density ratio ``D / (1 - D)``.

    Adding Gumbel noise to log-weights and keeping the largest draws without replacement [1]_.

    References
    ----------
    .. [1] Kool, van Hoof, Welling (2019). Stochastic Beams and Where to Find Them. ICML.
    """
    logits = model.discriminator(model.space.vectors(cells)).float()
    kept: Tensor = (logits + gumbel(logits, rng)).topk(n_kept).indices.sort().values
    return kept


def discriminator_logits(model: GanModel, table: EncodedTable) -> FloatArray:
    """Return the discriminator's logit of each row's being real, shape ``(n_rows,)``."""
    model.eval()
    parts = [np.empty(0)]
    cells = Cells.of(table, model.device)
    with torch.inference_mode():
        for start in range(0, len(table), _SCORED_TOGETHER):
            rows = model.space.vectors(cells.take(slice(start, start + _SCORED_TOGETHER)))
            parts.append(model.discriminator(rows).double().cpu().numpy())
    return np.concatenate(parts)
