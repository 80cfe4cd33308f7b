"""Which columns are known: random ones in training, the user's in drawing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
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


@dataclass(frozen=True)
class Known:
    """The cells that every drawn row starts from.

    Parameters
    ----------
    columns
        Indices of the known columns, shape ``(n_known,)``.
    codes, values
        Their codes and values, shape ``(n_known,)``.
    """

    columns: npt.NDArray[Any]
    codes: npt.NDArray[Any]
    values: npt.NDArray[Any]

    @classmethod
    def nothing(cls) -> "Known":
        """Return the empty condition."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
