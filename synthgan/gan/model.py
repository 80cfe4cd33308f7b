"""The networks with all that is needed to rebuild and to use them; the entry point is `GanModel`."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from synthgan.gan.balancing import Forest
from synthgan.gan.completing import Completer
from synthgan.gan.computing import own_global_stream, reduced_precision
from synthgan.gan.exclusions import Exclusions
from synthgan.gan.grouping import Dependence
from synthgan.gan.latent_classes import LatentClasses
from synthgan.gan.networks import Discriminator, Generator, Output
from synthgan.gan.redrawing import CellTrees
from synthgan.gan.rows import Cells, RowSpace
from synthgan.layout import Layout


@dataclass(frozen=True)
class Architecture:
    """What fixes the shapes of the networks and the order of drawing, beside the layout.

    Parameters
    ----------
    hidden_dims, residual
        See `synthgan.gan.networks.hidden_layers`.
    latent_dim
        Length of the noise vector.
    known
        Indices of the columns that may be known.
    quiet_start
        See `synthgan.gan.networks.Generator`.
    target
        Index of the target, which half of the trees of the forest predict, or None.
    n_classes, tree_depth
        See `synthgan.gan.latent_classes.LatentClasses` and `synthgan.gan.balancing.Forest`.
    """

    hidden_dims: tuple[int, ...]
    latent_dim: int
    residual: bool
    known: tuple[int, ...]
    quiet_start: bool = False
    target: int | None = None
    n_classes: int = 1
    tree_depth: int = 0


class GanModel(nn.Module):
    """A generator over one layout and, for an adversarial loss, a discriminator.

    Parameters
    ----------
    layout
        The columns.
    architecture
        The shapes.
    rng
        Source of the initial weights.

    Attributes
    ----------
    space, known_space
        Row vectors of all columns, and of those that may be known.
    prior
        Shares of the rows by code of the first column that may be known, for models that must know it.
    information, unexplained
        What the columns say of each other; see `synthgan.gan.grouping.Dependence`.
    classes
        What rows in few rounds start from.
    forest
        The leaf frequencies of the training rows.
    trees
        What cells are redrawn from.
    group_trees
        What those cells are drawn from at first that groups tell which several columns name together.
    exclusions
        Which codes never stand together.
    completer
        What completes rows, where the learned table had gaps.
    discriminator
        The second network of an adversarial loss; None for masked reconstruction, which trains none.
    """

    prior: Tensor
    information: Tensor
    unexplained: Tensor

    def __init__(self, layout: Layout, architecture: Architecture, rng: torch.Generator) -> None:
        super().__init__()
        self.layout, self.architecture = layout, architecture
        known_layout = layout if self.knows_all else layout.select(architecture.known)
        self.space, self.known_space = RowSpace(layout), RowSpace(known_layout)
        self.register_buffer("prior", torch.zeros(known_layout.spans[0].n_codes if known_layout.spans else 0))
        for name in ("information", "unexplained"):
            self.register_buffer(name, torch.zeros(len(layout), len(layout)))
        self.classes = LatentClasses(layout, architecture.n_classes)
        self.forest = Forest(architecture.tree_depth)
        self.trees, self.group_trees = (CellTrees(len(layout.coded)) for _ in range(2))
        self.exclusions = Exclusions(layout)
        self.completer = Completer(layout)
        shape: dict[str, Any] = {"hidden_dims": architecture.hidden_dims, "residual": architecture.residual}
        with own_global_stream(rng):  # initial weights
            self.generator = Generator(
                layout,
                known_layout,
                latent_dim=architecture.latent_dim,
                quiet_start=architecture.quiet_start,
                **shape,
            )
            self.discriminator = None if self.knows_all else Discriminator(layout, **shape)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.space.offsets.device

    @property
    def knows_all(self) -> bool:
        """Whether any column may be known, so that a row can be drawn in several rounds."""
        return len(self.architecture.known) == len(self.layout)

    @property
    def column_dependence(self) -> Dependence:
        """What the columns say of each other."""
        return Dependence(self.information.cpu().numpy(), self.unexplained.cpu().numpy())

    def known_vectors(self, cells: Cells, known: Tensor | None = None) -> Tensor:
        """Return the generator's input for rows of which some columns are known.

        Parameters
        ----------
        cells
            All columns of the rows.
        known
            Truth values, shape ``(batch, n_columns)``: which cells count; None for all that may be known.
        """
        if self.knows_all:
            return self.space.vectors(cells, known)
        # What may be known, but not always, are columns of codes alone.
        codes, nothing = cells.codes[:, list(self.architecture.known)], cells.values[:, :0]
        return self.known_space.vectors(Cells(codes, nothing, nothing, nothing))

    def reconstruct(
        self, cells: Cells, known: Tensor, noise: Tensor, *, generator: Generator | None = None
    ) -> tuple[Tensor, Output]:
        """Ask the generator for the unknown cells of rows.

        Parameters
        ----------
        cells
            The rows.
        known
            Truth values, shape ``(batch, n_columns)``.
        noise
            Shape ``(batch, latent_dim)``.
        generator
            To ask instead of the model's own.

        Returns
        -------
        log_likelihood
            Of the coded cells, places included, shape ``(batch, n_coded)``.
        output
            All that the generator says.
        """
        space, generator = self.space, generator or self.generator
        with reduced_precision(self.device):
            output = generator(self.known_vectors(cells, known), noise)
            logits = generator.places(output.features, space.placed_codes(cells.codes))
        # Not in reduced precision: a normaliser is a sum of many small numbers.
        log_likelihood, is_told = space.log_likelihood(output, cells, known)
        if not len(space.placed):
            return log_likelihood, output
        of_place = logits.log_softmax(2).gather(2, cells.places.long().unsqueeze(2)).squeeze(2)
        counts = space.has_place(cells.codes) * ~is_told[:, space.placed_coded]
        return log_likelihood.index_add(1, space.placed_coded, of_place * counts), output

    def noise(self, n_rows: int, rng: torch.Generator) -> Tensor:
        """Return standard normal noise for the generator, shape ``(n_rows, latent_dim)``."""
        return torch.randn(n_rows, self.architecture.latent_dim, generator=rng, device=self.device)
