"""What the generator is told in training: random cells of each row, so that every condition is practised.

Numbers are told a little wrong. A generator that hears them exactly learns single rows by heart: between many
numbers one row is soon the only one of its kind.
"""

import dataclasses

import torch
from torch import Tensor

from synthgan.gan.cells import Cells
from synthgan.gan.rows import RowSpace


def random_known(n_rows: int, n_columns: int, rng: torch.Generator) -> Tensor:
    """Return random truth values, shape ``(n_rows, n_columns)``: which cells are known.

    A share is drawn uniformly for each row and each cell is known with that probability, so every number
    of known columns, from none to all, is equally likely.
    """
    device = rng.device
    share = torch.rand(n_rows, 1, generator=rng, device=device)
    return torch.rand(n_rows, n_columns, generator=rng, device=device) < share


def blurred(cells: Cells, space: RowSpace, blur: float, rng: torch.Generator) -> Cells:
    """Return the rows with every number that has a place moved at random along its line.

    The standard deviation is `blur` pieces of the line. Learning from inputs with noise is smoothing the
    learned function, in the direction of the noise [1]_. Points of a line stay, and no number is moved onto
    one or beyond the line's ends.

    References
    ----------
    .. [1] Bishop (1995). Training with Noise is Equivalent to Tikhonov Regularization. Neural Computation 7.
    """
    if not blur or not len(space.placed):
        return cells
    codes = cells.codes[:, space.placed].long()
    stands = codes + (cells.places + 0.5) / space.n_places
    moved = stands + blur * torch.randn(stands.shape, generator=rng, device=stands.device)
    moved = torch.minimum(moved.clamp(min=0.0), space.last_stretch + 0.999)
    new_codes = moved.long()
    may_move = (space.takes_place[codes + space.placed_offsets] > 0) & (
        space.takes_place[new_codes + space.placed_offsets] > 0
    )
    all_codes = cells.codes.clone()
    all_codes[:, space.placed] = torch.where(may_move, new_codes, codes).to(all_codes.dtype)
    places = torch.where(may_move, ((moved - new_codes) * space.n_places).long(), cells.places)
    return dataclasses.replace(cells, codes=all_codes, places=places.to(cells.places.dtype))
