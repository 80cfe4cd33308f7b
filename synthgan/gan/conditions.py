"""What the generator is told in training: random cells of each row, so that every condition is practised."""

import torch
from torch import Tensor


def random_known(n_rows: int, n_columns: int, rng: torch.Generator) -> Tensor:
    """Return random truth values, shape ``(n_rows, n_columns)``: which cells are known.

    A share is drawn uniformly for each row and each cell is known with that probability, so every number
    of known columns, from none to all, is equally likely.
    """
    device = rng.device
    share = torch.rand(n_rows, 1, generator=rng, device=device)
    return torch.rand(n_rows, n_columns, generator=rng, device=device) < share
