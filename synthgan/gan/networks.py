"""Generator and discriminator: row vectors (see `Layout`) in, row vectors or one logit a row out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear

from synthgan.layout import Layout

#: Numbers that the generator hands on to tell the place of a column's cell.
_N_FEATURES = 32
_N_BUMPS = 16
#: With fewer codes than this an order says nothing.
MIN_ORDERED_CODES = 3
#: Scale of the initial weights of codes where columns are to start quietly.
_QUIET = 0.1


class Output(NamedTuple):
    """The output of a generator for a batch of rows.

    Attributes
    ----------
    codes
        A logit for each code, shape ``(batch, n_codes)``.
    values
        A number for each value, shape ``(batch, n_valued)``.
    relations
        A logit for each relation, shape ``(batch, n_relations)``.
    features
        What tells places, shape ``(batch, n_placed * features)``; see `PlaceHead`.
    """

    codes: Tensor
    values: Tensor
    relations: Tensor
    features: Tensor


class CodeWeights(nn.Module):
    """A weight vector for each code of a layout: ``w_c + phi(position_c) @ V_column``.

    ``phi`` is a constant, the position, and triangular bumps spaced evenly over [-1, 1]; codes without a
    position have the free part only.

    Parameters
    ----------
    layout
        The spans whose codes get weights.
    dim
        Length of a weight vector.
    scale
        Of the initial weights, beside the usual one of ``dim ** -0.5``.
    """

    basis: Tensor
    codes: Tensor
    places: Tensor

    def __init__(self, layout: Layout, dim: int, scale: float = 1.0) -> None:
        super().__init__()
        self.free = nn.Parameter(torch.randn(layout.n_codes, dim) * scale * dim**-0.5)
        ordered = [int(i) for i in layout.coded if len(layout.spans[i].positions) >= MIN_ORDERED_CODES]
        longest = max((layout.spans[i].n_codes for i in ordered), default=0)
        basis = np.zeros((len(ordered), longest, _N_BUMPS + 1), dtype=np.float32)
        codes, places = [], []
        for row, i in enumerate(ordered):
            for code, position in enumerate(layout.spans[i].positions):
                if position is not None:
                    basis[row, code] = _bumps(position)
                    codes.append(int(layout.offsets[i]) + code)
                    places.append(row * longest + code)
        self.smooth = nn.Parameter(torch.zeros(len(ordered), _N_BUMPS + 1, dim))
        self.register_buffer("basis", torch.from_numpy(basis), persistent=False)
        self.register_buffer("codes", torch.tensor(codes, dtype=torch.long), persistent=False)
        self.register_buffer("places", torch.tensor(places, dtype=torch.long), persistent=False)

    def forward(self) -> Tensor:
        """Return the weights, shape ``(n_codes, dim)``."""
        if not len(self.codes):
            return self.free
        smooth = torch.bmm(self.basis, self.smooth).flatten(0, 1)  # (n_ordered * longest, dim)
        smooth = smooth.index_select(0, self.places).to(self.free.dtype)
        return self.free.index_add(0, self.codes, smooth)


class RowInput(nn.Module):
    """The first layer on a row vector: ``row @ weights``; unknown columns are zeros in the row."""

    def __init__(self, layout: Layout, dim: int, scale: float = 1.0) -> None:
        super().__init__()
        self.codes = CodeWeights(layout, dim, scale)
        n_values = len(layout.valued)
        self.values = nn.Parameter(torch.randn(n_values, dim) * max(n_values, 1) ** -0.5)
        self.places = nn.Parameter(torch.zeros(len(layout.placed), dim))
        self.relations = nn.Parameter(torch.zeros(len(layout.relations), dim))

    def weights(self) -> Tensor:
        """Return the weights of all parts of a row vector, shape ``(width, dim)``."""
        return torch.cat([self.codes(), self.values, self.places, self.relations])

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows ``(batch, width)`` to ``(batch, dim)``."""
        return rows @ self.weights()


class RowOutput(nn.Module):
    """The last layer: a logit for each code, a number for each value, and what tells places.

    A logit for each relation stands between values and the features that `PlaceHead` reads.
    """

    def __init__(self, layout: Layout, dim: int, scale: float = 1.0) -> None:
        super().__init__()
        self.codes = CodeWeights(layout, dim, scale)
        self.values = nn.Parameter(torch.randn(len(layout.valued), dim) * dim**-0.5)
        self.relations = nn.Parameter(torch.randn(len(layout.relations), dim) * scale * dim**-0.5)
        self.features = nn.Parameter(torch.randn(len(layout.placed) * _N_FEATURES, dim) * dim**-0.5)
        self.sizes = [layout.n_codes, len(layout.valued), len(layout.relations), len(self.features)]
        self.bias = nn.Parameter(torch.zeros(sum(self.sizes)))

    def rows_of_features(self, index: int) -> slice:
        """Return which rows of the weights make the features of one of the columns with places."""
        start = sum(self.sizes[:3]) + index * _N_FEATURES
        return slice(start, start + _N_FEATURES)

    def weights(self) -> Tensor:
        """Return the weights of all parts of the output, shape ``(width of the output, dim)``."""
        return torch.cat([self.codes(), self.values, self.relations, self.features])

    def forward(self, hidden: Tensor) -> Output:
        """Map hidden ``(batch, dim)`` to what is said of the rows."""
        whole = linear(hidden, self.weights(), self.bias)
        return Output(*torch.split(whole, self.sizes, dim=1))


class PlaceHead(nn.Module):
    """Where in its stretch a cell stands: a second, small network that is also told the cell's code."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        n_placed = len(layout.placed)
        self.n_places = max((span.n_places for span in layout.spans), default=1)
        n_codes = layout.n_codes if n_placed else 0
        self.of_code = nn.Parameter(torch.randn(n_codes, _N_FEATURES) * 0.3)
        self.weights = nn.Parameter(
            torch.randn(n_placed, _N_FEATURES, self.n_places) * 0.1 * _N_FEATURES**-0.5
        )
        self.bias = nn.Parameter(torch.zeros(n_codes, self.n_places))
        counts = torch.tensor([layout.spans[i].n_places for i in layout.placed], dtype=torch.long)
        beyond = torch.arange(self.n_places) >= counts[:, None]
        self.register_buffer("beyond", beyond, persistent=False)

    beyond: Tensor

    def forward(self, features: Tensor, codes: Tensor) -> Tensor:
        """Return the logits of places.

        Parameters
        ----------
        features
            See `Output`, shape ``(batch, n_placed * features)``.
        codes
            Where the codes of the cells lie in a row vector, shape ``(batch, n_placed)``.

        Returns
        -------
        Tensor
            Shape ``(batch, n_placed, n_places)``.
        """
        hidden = torch.relu(features.view(len(features), -1, _N_FEATURES) + embedding(codes, self.of_code))
        logits = torch.bmm(hidden.transpose(0, 1), self.weights.to(hidden.dtype)).transpose(0, 1)
        return (logits + embedding(codes, self.bias)).float().masked_fill(self.beyond, -torch.inf)

    def column(self, index: int, features: Tensor, codes: Tensor) -> Tensor:
        """Return the logits of the places of one column, ``(batch, n_places)``; shapes without n_placed."""
        hidden = torch.relu(features + self.of_code[codes])
        return (hidden @ self.weights[index] + self.bias[codes]).masked_fill(self.beyond[index], -torch.inf)


class ResidualBlock(nn.Module):
    """``x + W2 relu(W1 norm(x))``."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        last = nn.Linear(dim, dim)
        nn.init.zeros_(last.weight)
        self.steps = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, dim), nn.ReLU(), last)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, dim)`` to ``(batch, dim)``."""
        out: Tensor = x + self.steps(x)
        return out


def hidden_layers(hidden_dims: Sequence[int], *, residual: bool) -> nn.Sequential:
    """Return what stands between the first and the last layer, ``hidden_dims[0] -> hidden_dims[-1]``.

    Plain layers are the textbook's, ReLU after each; residual ones need equal widths, one block a width.
    """
    if residual:
        blocks = [ResidualBlock(dim) for dim in hidden_dims]
        return nn.Sequential(*blocks, nn.LayerNorm(hidden_dims[-1]), nn.ReLU())
    layers: list[nn.Module] = [nn.ReLU()]
    for before, after in zip(hidden_dims[:-1], hidden_dims[1:], strict=True):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers)


class Generator(nn.Module):
    """Noise and any known columns in, logits and values of all columns out.

    Parameters
    ----------
    layout
        The columns to generate.
    known
        The layout of the columns that may be known; may have no span.
    hidden_dims, residual
        See `hidden_layers`.
    latent_dim
        Length of the noise vector; 0 for none.
    quiet_start
        Whether columns have no say before they have shown what they are good for: their weights start small
        beside a random bias. Small tables, in which much is chance, are learned better so.
    """

    def __init__(
        self,
        layout: Layout,
        known: Layout,
        *,
        hidden_dims: Sequence[int],
        latent_dim: int,
        residual: bool,
        quiet_start: bool = False,
    ) -> None:
        super().__init__()
        scale = _QUIET if quiet_start else 1.0
        self.from_known = RowInput(known, hidden_dims[0], scale)
        self.from_noise = nn.Parameter(torch.randn(latent_dim, hidden_dims[0]) * max(latent_dim, 1) ** -0.5)
        self.bias = nn.Parameter((1 - scale) * torch.randn(hidden_dims[0]))
        self.hidden = hidden_layers(hidden_dims, residual=residual)
        self.to_row = RowOutput(layout, hidden_dims[-1], scale)
        self.places = PlaceHead(layout)

    def forward(self, known: Tensor, noise: Tensor) -> Output:
        """Say what is likely, given known rows ``(batch, known width)`` and noise ``(batch, latent_dim)``."""
        out: Output = self.to_row(self.hidden(self.first(known, noise)))
        return out

    def first(self, known: Tensor, noise: Tensor) -> Tensor:
        """Map known rows and noise to the first hidden layer, ``(batch, hidden_dims[0])``."""
        out: Tensor = self.from_known(known) + noise @ self.from_noise + self.bias
        return out


class Discriminator(nn.Module):
    """A row vector in, the logit of its being real out.

    Parameters
    ----------
    layout
        The columns that it sees.
    hidden_dims, residual
        See `hidden_layers`.
    """

    def __init__(self, layout: Layout, *, hidden_dims: Sequence[int], residual: bool) -> None:
        super().__init__()
        self.from_row = RowInput(layout, hidden_dims[0])
        self.bias = nn.Parameter(torch.zeros(hidden_dims[0]))
        self.hidden = hidden_layers(hidden_dims, residual=residual)
        self.to_logit = nn.Linear(hidden_dims[-1], 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows ``(batch, width)`` to logits ``(batch,)``."""
        out: Tensor = self.to_logit(self.hidden(self.from_row(rows) + self.bias)).squeeze(-1)
        return out


def _bumps(position: float) -> "np.typing.NDArray[np.float32]":
    """Return the position and the heights there of `_N_BUMPS` triangular bumps over [-1, 1]."""
    centers = np.linspace(-1, 1, _N_BUMPS)
    heights = np.maximum(0.0, 1 - np.abs(position - centers) * (_N_BUMPS - 1) / 2)
    return np.concatenate([[position], heights]).astype(np.float32)
