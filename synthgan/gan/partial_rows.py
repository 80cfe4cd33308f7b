"""Rows in the making: what their cells hold so far, and which may not change.

Some cells are given at the start and stay; the others are written column by column, in each row where the
column is not given.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.gan.model import GanModel
from synthgan.gan.rows import Cells
from synthgan.layout import EncodedTable, IntArray, Known


class PartialRows:
    """A batch of rows, of which some cells are known.

    Parameters
    ----------
    model
        A trained model.
    known
        What is known before the first cell is drawn.
    patterns
        The pattern of each row, shape ``(n_rows,)``; see `Known`.
    rng
        Source of all randomness, on the model's device.

    Attributes
    ----------
    cells
        The cells so far.
    pattern
        That of each row, shape ``(n_rows,)``.
    given, is_known
        Which cells are known since the start, and which by now; shape ``(n_rows, n_columns)``.
    allowed, silent
        See `Known`.
    source
        The column that each cell's number is from: its own, or one that it was drawn as equal to; shape
        ``(n_rows, n_columns)``.
    """

    def __init__(self, model: GanModel, known: Known, patterns: IntArray, rng: torch.Generator) -> None:
        self.model, self.rng = model, rng
        layout, device = model.layout, model.device
        table = known.patterns.take(patterns)
        self.cells = Cells(
            torch.from_numpy(table.codes.astype(np.int64)).to(device),
            torch.from_numpy(table.values).to(device),
            torch.from_numpy(table.places.astype(np.int64)).to(device),
            torch.zeros(len(table), len(layout.relations), dtype=torch.bool, device=device),
        )
        self.pattern = torch.from_numpy(patterns).to(device)
        self.given = torch.from_numpy(known.is_known[patterns]).to(device)
        self.is_known = self.given.clone()
        self.allowed = {
            column: torch.from_numpy(shares.astype(np.float32)).to(device)
            for column, shares in known.allowed.items()
        }
        self.silent = known.silent
        self.source = torch.arange(len(layout), device=device).repeat(len(table), 1)

    def __len__(self) -> int:
        return len(self.cells)

    def known_somewhere(self) -> list[int]:
        """Return the columns that are known in some rows."""
        columns: list[int] = self.is_known.any(0).nonzero().squeeze(1).tolist()
        return columns

    def table(self) -> EncodedTable:
        """Return the rows."""
        cells = self.cells
        tensors = (cells.codes, cells.values, cells.places.byte(), cells.relations)
        return EncodedTable(*(tensor.cpu().numpy() for tensor in tensors))

    @contextmanager
    def _where_free(self, column: int) -> Iterator[None]:
        """Let the cells of a column be written, and put those back that are given."""
        is_given = self.given[:, column]
        if not is_given.any():
            yield
            return
        undo = self._undoing(column)
        yield
        undo(is_given)

    @contextmanager
    def _unless_impossible(self, column: int) -> Iterator[None]:
        """Take back what becomes of the cells of a column that may not be so beside what is known."""
        if column not in self.allowed and not self.model.exclusions.concern(column):
            yield
            return
        undo = self._undoing(column)
        yield
        impossible = self.model.exclusions.keep_apart(column, self.cells.codes, self.is_known)
        if column in self.allowed:
            outside = ~self._is_allowed(column)
            impossible = outside if impossible is None else impossible | outside
        if impossible is not None and impossible.any():
            undo(impossible)

    def _undoing(self, column: int) -> Callable[[Tensor], None]:
        """Return what undoes, in some rows, what becomes of a column from now on."""
        layout, cells, source = self.model.layout, self.cells, self.source.clone()
        parts = [(cells.codes, column)]
        for array, places in ((cells.values, layout.value_places), (cells.places, layout.place_index)):
            parts += [(array, places[column])] if column in places else []
        before = [array[:, index].clone() for array, index in parts]

        def undo(rows: Tensor) -> None:
            self.source[rows] = source[rows]
            for (array, index), old in zip(parts, before, strict=True):
                array[rows, index] = old[rows]

        return undo

    def _possible(self, column: int) -> Tensor | None:
        """Return how much of each code a column may have beside what is known, None for all of all codes.

        The shape is ``(n_rows, n_codes)``. What is allowed counts more than what stands apart.
        """
        possible = self.model.exclusions.possible(column, self.cells.codes, self.is_known)
        if column not in self.allowed:
            return None if possible is None else possible.float()
        allowed = self.allowed[column].mean(1).expand(len(self), -1)
        if possible is None:
            return allowed
        both = possible * allowed
        return torch.where(both.any(1, keepdim=True), both, allowed)

    def codes_allowed(self, columns: Iterable[int]) -> list[tuple[slice, Tensor]]:
        """Return which share of each code of some columns is allowed, where that says something.

        See `LatentClasses.share_allowed`.
        """
        allowed = set(columns).intersection(self.allowed) - self.silent
        return [(self.model.layout.slice_of(i), self.allowed[i].mean(1)) for i in sorted(allowed)]

    def _is_allowed(self, column: int) -> Tensor:
        """Return which cells of a column are allowed, as far as places tell."""
        index = self.model.layout.place_index.get(column)
        places = 0 if index is None else self.cells.places[:, index]
        is_allowed: Tensor = self.allowed[column][self.cells.codes[:, column], places] > 0
        return is_allowed

    def _forbid_places(self, column: int, codes: Tensor, logits: Tensor) -> Tensor:
        """Return logits of places with what is not allowed of the places of codes taken off."""
        if column not in self.allowed:
            return logits
        allowed = self.allowed[column][codes].log()
        return logits + nn.functional.pad(allowed, (0, logits.shape[1] - allowed.shape[1]))

    def _points(self, column: int) -> Tensor:
        """Return where the cells of a column stand; see `synthgan.gan.balancing.points_of`."""
        codes = self.cells.codes[:, column].float()
        index = self.model.layout.place_index.get(column)
        if index is None:
            return codes
        return codes + self.cells.places[:, index] / self.model.layout.spans[column].n_places

    def _move(self, column: int, is_moved: Tensor, stands: Tensor, otherwise: Tensor) -> None:
        """Put some cells of a column at `stands` on its line, or where that is a point, at `otherwise`."""
        span, offset = self.model.layout.spans[column], int(self.model.layout.offsets[column])
        cells, index = self.cells, self.model.layout.place_index[column]
        stands = stands.clamp(span.place_codes[0], span.place_codes[-1] + 0.999)
        stands = torch.where(self.model.space.takes_place[stands.long() + offset] > 0, stands, otherwise)
        codes = stands.long()
        places = ((stands - codes) * span.n_places).long()
        cells.codes[:, column] = torch.where(is_moved, codes, cells.codes[:, column])
        cells.places[:, index] = torch.where(is_moved, places, cells.places[:, index])

    def _obey(self, column: int, relations: list[int], followed: Tensor, told_by: Tensor) -> None:
        """Put the cells of a column that a relation tells where their partners are."""
        which, is_told = told_by.clamp(min=0), told_by >= 0
        stands = followed.gather(1, which.unsqueeze(1)).squeeze(1).nan_to_num()
        self._move(column, is_told, stands, stands)
        partners = self.model.space.partner[relations][which]
        source = self.source.gather(1, partners.unsqueeze(1)).squeeze(1)
        self.source[:, column] = torch.where(is_told, source, column)

    def _disown(self, column: int) -> None:
        """Let cells whose numbers are from this column have them from the first of their own."""
        if not self.model.layout.relations:
            return
        is_from = self.source == column
        is_from[:, column] = False
        heir = is_from.int().argmax(1, keepdim=True)
        self.source = torch.where(is_from, heir, self.source)
        self.source[:, column] = column

    def _relate(self, relations: Tensor | slice = slice(None)) -> None:
        """Say in which rows relations, or all of them, hold: where both cells have their number from one."""
        space = self.model.space
        is_equal = self.source[:, space.related[relations]] == self.source[:, space.partner[relations]]
        self.cells.relations[:, relations] = is_equal
