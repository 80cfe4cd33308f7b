"""Drawing rows: codes of all columns, in as many rounds as asked, corrected by the discriminator.

In a round the generator is asked once, given all columns known so far, and the columns of the round are drawn
from its answer independently of each other. One column a round is the finest; one round is the fastest.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from synthgan.gan.model import GanModel, reduced_precision
from synthgan.gan.rows import gumbel
from synthgan.layout import EncodedTable, FloatArray, Known

#: Rows that are drawn together; large enough for full matrix products, small enough for the cache.
_BATCH_SIZE = 4096
#: Candidates drawn for each row that the discriminator's correction keeps.
_POOL_FACTOR = 3


def draw(
    model: GanModel,
    n_rows: int,
    *,
    known: Known,
    rounds: int | None,
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
        Number of rounds; None for one column a round. Models that do not know all columns draw in one.
    correct
        Whether to draw a pool and to keep the rows that the discriminator finds most real, if it can tell.
    rng
        Source of all randomness, on the model's device.
    """
    model.eval()
    pool = _POOL_FACTOR if correct and model.corrects else 1
    parts = []
    # A model of one pass was trained in full precision and is drawn from in it.
    precision = reduced_precision(model.device) if model.knows_all else nullcontext()
    with torch.inference_mode(), precision:
        for start in range(0, n_rows, _BATCH_SIZE):
            wanted = min(_BATCH_SIZE, n_rows - start)
            codes, values = _draw_batch(model, wanted * pool, known, rounds, rng)
            if pool > 1:
                kept = _most_real(model, codes, values, wanted, rng)
                codes, values = codes[kept], values[kept]
            parts.append((codes.cpu().numpy(), values.cpu().numpy()))
    if not parts:
        return EncodedTable(
            np.empty((0, len(model.layout)), dtype=np.int64),
            np.empty((0, len(model.layout.valued)), dtype=np.float32),
        )
    codes_of, values_of = zip(*parts, strict=True)
    return EncodedTable(np.concatenate(codes_of), np.concatenate(values_of))


def _draw_batch(
    model: GanModel, n_rows: int, known: Known, rounds: int | None, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return codes ``(n_rows, n_columns)`` and values ``(n_rows, n_valued)``."""
    space, generator, device = model.space, model.generator, model.device
    codes = torch.zeros(n_rows, len(model.layout), dtype=torch.long, device=device)
    values = torch.zeros(n_rows, len(space.valued), device=device)
    codes[:, known.columns] = torch.from_numpy(known.codes).to(device)
    is_valued = np.isin(known.columns, model.layout.valued)
    places = np.searchsorted(model.layout.valued, known.columns[is_valued])
    values[:, places] = torch.from_numpy(known.values[is_valued]).to(device)
    if not model.knows_all:
        _draw_prior(model, codes, known, rng)
    is_known = torch.zeros(len(model.layout), dtype=torch.bool, device=device)
    is_known[known.columns] = True
    known_rows = model.known_vectors(codes, values, is_known.expand_as(codes))
    hidden = generator.first(known_rows, model.noise(n_rows, rng)).float()
    from_weights, to_weights = generator.from_known.weights(), generator.to_row.weights()
    fixed = {*known.columns.tolist(), *(() if model.knows_all else model.architecture.known)}
    for group in _groups(model, fixed, rounds, known_rows[:1], rng):
        top = generator.hidden(hidden)
        for column in group:
            _draw_column(model, column, top, to_weights, codes, values, rng)
            place = model.layout.slice_of(column)
            if model.knows_all and model.layout.sizes[column]:
                hidden += from_weights[place.start + codes[:, column]]
    return codes, values


def _draw_prior(model: GanModel, codes: Tensor, known: Known, rng: torch.Generator) -> None:
    """Fill in the column that the model must know, where the user does not give it."""
    for column in set(model.architecture.known) - set(known.columns.tolist()):
        codes[:, column] = torch.multinomial(model.prior, len(codes), replacement=True, generator=rng)


def _groups(
    model: GanModel, fixed: set[int], rounds: int | None, known_row: Tensor, rng: torch.Generator
) -> Sequence[list[int]]:
    """Return the columns to draw in each round.

    Their order is random. Under a condition, and with one column a round, those come first that the known
    cells say most about: the fewer other cells are known, the less a small table misleads the generator.
    """
    present = {int(i) for i in (*model.layout.coded, *model.layout.valued)}
    columns = np.array(sorted(present - fixed), dtype=np.int64)
    if not len(columns):
        return []
    order = torch.randperm(len(columns), generator=rng, device=rng.device).cpu().numpy()
    columns = columns[order]
    if rounds is None and model.knows_all and fixed:
        told = dict(zip(model.layout.coded.tolist(), _information(model, known_row), strict=True))
        columns = np.array(sorted(columns.tolist(), key=lambda column: -told.get(column, 0.0)))
    n_rounds = min(rounds or len(columns), len(columns)) if model.knows_all else 1
    return [part.tolist() for part in np.array_split(columns, n_rounds)]


def _information(model: GanModel, known_row: Tensor) -> list[float]:
    """Return the information, in nats, that the known cells give about each coded column.

    It is the Kullback-Leibler divergence between what the generator expects given them and given nothing.
    """
    rows = torch.cat([known_row, torch.zeros_like(known_row)])
    output = model.generator(rows, rows.new_zeros(2, model.architecture.latent_dim))
    given, alone = model.space.log_probabilities(output)
    information: list[float] = ((given.exp() * (given - alone)) @ model.space.segments).tolist()
    return information


def _draw_column(
    model: GanModel,
    column: int,
    top: Tensor,
    weights: Tensor,
    codes: Tensor,
    values: Tensor,
    rng: torch.Generator,
) -> None:
    """Draw the codes and values of one column from the generator's last hidden layer, in place."""
    bias = model.generator.to_row.bias
    if model.layout.sizes[column]:
        place = model.layout.slice_of(column)
        logits = (top @ weights[place].T).float() + bias[place]
        codes[:, column] = (logits + gumbel(logits, rng)).argmax(1)
    if model.layout.spans[column].value_codes:
        index = int(np.searchsorted(model.layout.valued, column))
        row = model.layout.n_codes + index
        takes = torch.tensor(model.layout.spans[column].value_codes, device=codes.device)
        # Not a matrix product: in bfloat16 few numbers could be told apart.
        value = (top.float() * weights[row]).sum(1) + bias[row]
        values[:, index] = torch.where(torch.isin(codes[:, column], takes), value, 0.0)


def _most_real(model: GanModel, codes: Tensor, values: Tensor, n_kept: int, rng: torch.Generator) -> Tensor:
    """Return the indices of `n_kept` rows drawn in proportion to the density ratio ``D / (1 - D)``.

    Adding Gumbel noise to log-weights and keeping the largest draws without replacement [1]_.

    References
    ----------
    .. [1] Kool, van Hoof, Welling (2019). Stochastic Beams and Where to Find Them. ICML.
    """
    logits = model.discriminator(model.space.vectors(codes, values)).float()
    kept: Tensor = (logits + gumbel(logits, rng)).topk(n_kept).indices.sort().values
    return kept


def discriminator_logits(model: GanModel, table: EncodedTable) -> FloatArray:
    """Return the discriminator's logit of each row's being real, shape ``(n_rows,)``."""
    model.eval()
    parts = [np.empty(0)]
    with torch.inference_mode():
        for start in range(0, len(table), _BATCH_SIZE):
            batch = table.take(np.arange(start, min(start + _BATCH_SIZE, len(table))))
            codes = torch.from_numpy(batch.codes.astype(np.int64)).to(model.device)
            values = torch.from_numpy(batch.values).to(model.device)
            parts.append(model.discriminator(model.space.vectors(codes, values)).double().cpu().numpy())
    return np.concatenate(parts)
