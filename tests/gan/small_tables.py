"""Small layouts, tables with a known joint, and the distances that the tests of `synthgan.gan` share."""

import numpy as np
import torch

from synthgan.gan.model import Architecture, GanModel
from synthgan.layout import EncodedTable, Layout, Span

#: One span of every sort: unordered, constant, ordered with missing, partly valued, always valued.
MIXED = Layout(
    (
        Span("colour", 3),
        Span("constant", 1),
        Span("size", 5, positions=(-1.0, -0.25, 0.5, 1.0, None)),
        Span("weight", 3, value_codes=(1,)),
        Span("height", 1, value_codes=(0,)),
    )
)
#: Two numbers with nothing but values, as in a textbook's first GAN.
TEXTBOOK = Layout((Span("x", 1, value_codes=(0,)), Span("y", 1, value_codes=(0,))))
PAIR = Layout((Span("x", 3), Span("y", 2)))
#: P(x, y) of the tables over PAIR: dependent, and no cell is rare.
JOINT = np.array([[0.40, 0.05], [0.05, 0.20], [0.10, 0.20]])


def rng_of(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixed_table(n_rows: int, seed: int = 0) -> EncodedTable:
    """Return random rows over MIXED."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(span.n_codes, size=n_rows) for span in MIXED.spans])
    values = rng.normal(size=(n_rows, 2)).astype(np.float32)
    values[codes[:, 3] != 1, 0] = 0
    return EncodedTable(codes.astype(np.uint8), values)


def textbook_table(n_rows: int, seed: int = 0) -> EncodedTable:
    """Return random rows over TEXTBOOK."""
    values = np.random.default_rng(seed).normal(size=(n_rows, 2)).astype(np.float32)
    return EncodedTable(np.zeros((n_rows, 2), dtype=np.uint8), values)


def pair_table(n_rows: int, seed: int = 0, joint: np.ndarray = JOINT) -> EncodedTable:
    """Return rows over PAIR drawn from a joint."""
    cells = np.random.default_rng(seed).choice(joint.size, size=n_rows, p=joint.ravel())
    codes = np.column_stack(np.unravel_index(cells, joint.shape)).astype(np.uint8)
    return EncodedTable(codes, np.empty((n_rows, 0), dtype=np.float32))


def tensors_of(table: EncodedTable) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(table.codes), torch.from_numpy(table.values)


def model_of(
    layout: Layout,
    *,
    known: tuple[int, ...] | None = None,
    seed: int = 0,
    hidden_dims: tuple[int, ...] = (32, 32),
    latent_dim: int = 0,
    residual: bool = True,
    dropout: float = 0.0,
) -> GanModel:
    """Return an untrained model; `known` None lets any column be known."""
    known = tuple(range(len(layout))) if known is None else known
    architecture = Architecture(hidden_dims, latent_dim, residual, dropout, known)
    return GanModel(layout, architecture, rng_of(seed))


def shares(table: EncodedTable) -> np.ndarray:
    """Return the shares of the cells of PAIR's joint."""
    counts = np.zeros(JOINT.shape)
    np.add.at(counts, (table.codes[:, 0], table.codes[:, 1]), 1)
    return counts / len(table)


def total_variation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).sum() / 2)


def sampling_error(p: np.ndarray, n_rows: int) -> float:
    """Return twice the root-mean-square bound on the total variation of `n_rows` draws from `p`."""
    return float(np.sqrt(p * (1 - p) / n_rows).sum())


def ignore(done: float, losses: dict[str, float]) -> None:
    """Take a report of training and do nothing with it."""


def weights_of(model: torch.nn.Module) -> torch.Tensor:
    """Return all weights of a network as one vector, a copy."""
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).clone()
