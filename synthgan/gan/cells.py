"""A batch of rows as tensors: what the networks are given, and what the generator says in return."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from synthgan.layout import EncodedTable


@dataclass(frozen=True)
class Cells:
    """The rows of an encoded table as tensors; see `EncodedTable` for what they hold."""

    codes: Tensor
    values: Tensor
    places: Tensor
    relations: Tensor

    @classmethod
    def of(cls, table: EncodedTable, device: torch.device) -> "Cells":
        """Return the rows of a table, on a device."""
        # torch indexes 8-bit codes as they are; 16-bit ones are widened to a type that it knows.
        codes = table.codes if table.codes.dtype == np.uint8 else table.codes.astype(np.int32)
        arrays = (codes, table.values, table.places, table.relations)
        return cls(*(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays))

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Tensor | slice) -> "Cells":
        """Return some of the rows."""
        return Cells(self.codes[rows], self.values[rows], self.places[rows], self.relations[rows])


class Output(NamedTuple):
    """What a generator says of a batch of rows.

    Attributes
    ----------
    codes
        A logit for each code, shape ``(batch, n_codes)``.
    values
        A number for each value, shape ``(batch, n_valued)``.
    relations
        A logit for each relation, shape ``(batch, n_relations)``.
    features
        What tells places, shape ``(batch, n_placed * features)``; see `synthgan.gan.networks.PlaceHead`.
    """

    codes: Tensor
    values: Tensor
    relations: Tensor
    features: Tensor
