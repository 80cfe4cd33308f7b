"""What a trained model says of rows: how likely their cells are, given the others or one after another."""

import math

import torch
from torch import Tensor

from synthgan.gan.model import GanModel
from synthgan.gan.rows import Cells
from synthgan.layout import EncodedTable, FloatArray

#: Rows that are asked about at a time.
_BATCH_SIZE = 4096


def code_probabilities(model: GanModel, table: EncodedTable, is_known: Tensor, column: int) -> FloatArray:
    """Return what the generator expects of a coded column given the known cells, ``(n_rows, n_codes)``.

    Parameters
    ----------
    model
        A trained model that may know any column.
    table
        The rows.
    is_known
        Which cells count, shape ``(n_rows, n_columns)``; those of the column itself do not.
    column
        Its index.
    """
    model.eval()
    is_known = is_known.clone()
    is_known[:, column] = False
    parts = []
    with torch.inference_mode():
        cells = Cells.of(table, model.device)
        for start in range(0, len(table), _BATCH_SIZE):
            rows = slice(start, start + _BATCH_SIZE)
            known = is_known[rows].to(model.device)
            noise = model.noise(len(known), torch.Generator(model.device).manual_seed(0))
            output = model.generator(model.known_vectors(cells.take(rows), known), noise)
            codes = model.space.log_probabilities(output.codes)[:, model.layout.slice_of(column)]
            parts.append(codes.exp().double().cpu())
    probabilities: FloatArray = torch.cat(parts or [torch.zeros(0, int(model.layout.sizes[column]))]).numpy()
    return probabilities


def log_likelihood(
    model: GanModel, table: EncodedTable, *, n_orders: int, rng: torch.Generator
) -> FloatArray:
    """Return the log-probability of the codes and places of rows, in nats, shape ``(n_rows,)``.

    The generator is asked for one column after another, given those before it, in random orders; the
    probabilities in different orders, each of which is one of whole rows, are averaged [1]_.

    Parameters
    ----------
    model
        A trained model that may know any column.
    table
        The rows.
    n_orders
        How many orders.
    rng
        Source of the orders, on the model's device.

    References
    ----------
    .. [1] Uria, Murray, Larochelle (2014). A Deep and Tractable Density Estimator. ICML.
    """
    model.eval()
    parts = []
    with torch.inference_mode():
        cells = Cells.of(table, model.device)
        orders = [
            torch.randperm(len(model.layout.coded), generator=rng, device=rng.device) for _ in range(n_orders)
        ]
        for start in range(0, len(table), _BATCH_SIZE):
            batch = cells.take(slice(start, start + _BATCH_SIZE))
            each = torch.stack([_in_order(model, batch, order) for order in orders])
            parts.append((each.logsumexp(0) - math.log(n_orders)).cpu())
    log_probabilities: FloatArray = torch.cat(parts or [torch.zeros(0)]).double().numpy()
    return log_probabilities


def _in_order(model: GanModel, cells: Cells, order: Tensor) -> Tensor:
    """Return the log-probability of rows whose coded columns are drawn in an order, shape ``(batch,)``."""
    total = torch.zeros(len(cells), dtype=torch.float64, device=model.device)
    known = torch.zeros(len(cells), len(model.layout), dtype=torch.bool, device=model.device)
    noise = torch.zeros(len(cells), model.architecture.latent_dim, device=model.device)
    for place in order.tolist():
        log_likelihoods, _ = model.reconstruct(cells, known, noise)
        total += log_likelihoods[:, place].double()
        known[:, int(model.layout.coded[place])] = True
    return total
