"""Codes and values to row vectors and back: what a layout means in tensors.

Everything that needs to know where the codes of a column lie in a row vector asks a `RowSpace`; nothing here
loops over columns.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.gan.computing import compute_dtype
from synthgan.gan.networks import Output
from synthgan.layout import EncodedTable, Layout

_LOGIT_BOUND = 40.0


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


class RowSpace(nn.Module):
    """The row vectors of a layout.

    Parameters
    ----------
    layout
        The spans.

    Attributes
    ----------
    coded, valued
        Indices of the spans with codes, and with values, in a row vector.
    offsets
        Where the codes of each coded span start, shape ``(n_coded,)``.
    column_of_code
        Index of the span that each code belongs to, shape ``(n_codes,)``.
    segments
        1 where a code belongs to a coded span, shape ``(n_codes, n_coded)``.
    padded
        The place of each code of each coded span, and ``n_codes`` beyond its last, shape
        ``(n_coded, longest)``.
    takes_value
        1 where a code takes the value of a valued span, shape ``(n_codes, n_valued)``.
    placed, n_places
        Indices of the spans that have places, and how many, shape ``(n_placed,)``; `placed_coded` are their
        places among the coded spans.
    takes_place
        1 where a code stands for a stretch that has places, shape ``(n_codes,)``.
    related, partner
        Indices of the two columns of each relation, shape ``(n_relations,)``; `related_place` is that of
        the first among the coded spans.
    relations_of
        The relations of each coded span, and ``n_relations`` beyond its last, shape ``(n_coded, most)``.
    follow
        See `Relation`, shape ``(n_relations, most codes, most places)``; NaN beyond the last.
    partner_place
        Index of each relation's partner among the spans that have places, shape ``(n_relations,)``.
    """

    coded: Tensor
    valued: Tensor
    offsets: Tensor
    column_of_code: Tensor
    segments: Tensor
    padded: Tensor
    takes_value: Tensor
    always_valued: Tensor
    placed: Tensor
    placed_coded: Tensor
    placed_offsets: Tensor
    n_places: Tensor
    takes_place: Tensor
    related: Tensor
    related_place: Tensor
    partner: Tensor
    relations_of: Tensor
    follow: Tensor
    partner_place: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        coded, n_codes = layout.coded, layout.n_codes
        segments = np.zeros((n_codes, len(coded)), dtype=np.float32)
        padded = np.full((len(coded), int(layout.sizes.max(initial=1))), n_codes, dtype=np.int64)
        for column, i in enumerate(coded):
            segments[layout.slice_of(i), column] = 1
            padded[column, : layout.sizes[i]] = np.arange(n_codes)[layout.slice_of(i)]
        takes_value = np.zeros((n_codes, len(layout.valued)), dtype=np.float32)
        for column, i in enumerate(layout.valued):
            if layout.sizes[i]:
                takes_value[layout.offsets[i] + np.array(layout.spans[i].value_codes), column] = 1
        takes_place = np.zeros(n_codes, dtype=np.float32)
        for i in layout.placed:
            takes_place[layout.offsets[i] + np.array(layout.spans[i].place_codes)] = 1
        constants = {
            "coded": coded,
            "valued": layout.valued,
            "offsets": layout.offsets[coded],
            "column_of_code": np.repeat(coded, layout.sizes[coded]),
            "segments": segments,
            "padded": padded,
            "takes_value": takes_value,
            "always_valued": (layout.sizes[layout.valued] == 0).astype(np.float32),
            "placed": layout.placed,
            "placed_coded": np.searchsorted(coded, layout.placed),
            "placed_offsets": layout.offsets[layout.placed],
            "n_places": np.array([layout.spans[i].n_places for i in layout.placed], dtype=np.int64),
            "takes_place": takes_place,
            "related_place": np.searchsorted(coded, [relation.column for relation in layout.relations]),
            "related": np.array([relation.column for relation in layout.relations], dtype=np.int64),
            "partner": np.array([relation.partner for relation in layout.relations], dtype=np.int64),
            "relations_of": _relations_of(layout),
            "follow": _follow(layout),
            "partner_place": np.searchsorted(layout.placed, [other.partner for other in layout.relations]),
        }
        for name, array in constants.items():
            self.register_buffer(name, torch.tensor(array), persistent=False)

    def vectors(self, cells: Cells, known: Tensor | None = None) -> Tensor:
        """Return row vectors with zeros in unknown columns.

        A place is a number from -1 to 1; a relation shows where both its columns are known.

        Parameters
        ----------
        cells
            The rows.
        known
            Truth values, shape ``(batch, n_columns)``; None when all columns are known.

        Returns
        -------
        Tensor
            Shape ``(batch, width)``, in the floating type that autocast computes in, if it is on.
        """
        codes = self.code_places(cells.codes)
        rows = torch.zeros(
            len(cells), self.layout.width, dtype=compute_dtype(codes.device), device=codes.device
        )
        is_known = torch.ones_like(cells.codes, dtype=torch.bool) if known is None else known
        rows.scatter_(1, codes, is_known[:, self.coded].to(rows.dtype))
        start = self.layout.n_codes
        if n_valued := len(self.valued):
            rows[:, start : start + n_valued] = (cells.values * is_known[:, self.valued]).to(rows.dtype)
        start += n_valued
        if n_placed := len(self.placed):
            shares = (2.0 * cells.places + 1) / self.n_places - 1
            shares = shares * self.has_place(cells.codes) * is_known[:, self.placed]
            rows[:, start : start + n_placed] = shares.to(rows.dtype)
        start += n_placed
        if len(self.related):
            are_known = is_known[:, self.related] & is_known[:, self.partner]
            rows[:, start:] = (cells.relations & are_known).to(rows.dtype)
        return rows

    def plain(self, rows: Tensor) -> Tensor:
        """Return row vectors with zeros in place of places and relations."""
        n_plain = self.layout.n_codes + len(self.valued)
        return nn.functional.pad(rows[:, :n_plain], (0, rows.shape[1] - n_plain))

    def code_places(self, codes: Tensor) -> Tensor:
        """Return where the codes ``(batch, n_columns)`` of coded spans lie in a row vector."""
        return codes[:, self.coded].long() + self.offsets

    def placed_codes(self, codes: Tensor) -> Tensor:
        """Return where the codes of the spans with places lie in a row vector, ``(batch, n_placed)``."""
        return codes[:, self.placed].long() + self.placed_offsets

    def has_place(self, codes: Tensor) -> Tensor:
        """Return 1 where a cell of a span with places has one, ``(batch, n_placed)``."""
        return self.takes_place[self.placed_codes(codes)]

    def followed(self, cells: Cells, relations: Tensor | slice = slice(None)) -> Tensor:
        """Return where the partners' cells stand on the lines of relations' columns, NaN where nowhere.

        Shape ``(batch, n_relations)``, or of some of them.
        """
        codes = cells.codes[:, self.partner[relations]].long()
        places = cells.places[:, self.partner_place[relations]].long()
        index = torch.arange(len(self.related), device=codes.device)[relations]
        followed: Tensor = self.follow[index, codes, places]
        return followed

    def spread(self, cells: Tensor) -> Tensor:
        """Return truth values of cells ``(batch, n_columns)`` as those of row vectors ``(batch, width)``.

        Places and relations count as unknown.
        """
        spread = torch.cat([cells[:, self.column_of_code], cells[:, self.valued]], dim=1)
        return nn.functional.pad(spread, (0, self.layout.width - spread.shape[1]))

    def log_likelihood(self, output: Output, cells: Cells, known: Tensor) -> tuple[Tensor, Tensor]:
        """Return how likely the code of each coded column is, and which were told by a relation.

        A column that is to be drawn may take a code of its own or, where the partner of one of its relations
        is known and stands somewhere on its line, equal that partner: the first in the order of the layout.
        Logits are bounded by 40 in absolute value, which lets the normaliser be one matrix product.

        Parameters
        ----------
        output
            What the generator says.
        cells
            The rows.
        known
            Truth values, shape ``(batch, n_columns)``.

        Returns
        -------
        log_likelihood
            Shape ``(batch, n_coded)``.
        is_told
            Truth values, shape ``(batch, n_coded)``: where the column equals a partner.
        """
        logits, total = self._bounded_logits(output.codes)
        own = logits.gather(1, self.code_places(cells.codes))
        if not len(self.related):
            return own - total.log(), torch.zeros_like(own, dtype=torch.bool)
        relations = output.relations.float().clamp(-_LOGIT_BOUND, _LOGIT_BOUND)
        can_tell = known[:, self.partner] & ~self.followed(cells).isnan()
        total = total.index_add(1, self.related_place, relations.exp() * can_tell)
        told_by = self._told_by(cells, can_tell)
        columns = torch.arange(len(self.coded), device=told_by.device)
        chosen = self.relations_of[columns, told_by.clamp(min=0)]
        told = nn.functional.pad(relations, (0, 1)).gather(1, chosen)
        return torch.where(told_by >= 0, told, own) - total.log(), told_by >= 0

    def told_by(self, cells: Cells) -> Tensor:
        """Return which of its relations tells each cell by equality where all others are known.

        Shape ``(batch, n_coded)``; -1 where none does.
        """
        if not len(self.related):
            return torch.full((len(cells), len(self.coded)), -1)
        return self._told_by(cells, ~self.followed(cells).isnan())

    def _told_by(self, cells: Cells, can_tell: Tensor) -> Tensor:
        """Return which of its relations, the first that can and holds, tells each cell; see `told_by`."""
        tells = nn.functional.pad(cells.relations & can_tell, (0, 1))[:, self.relations_of]
        return torch.where(tells.any(2), tells.int().argmax(2), -1)

    @property
    def first_place(self) -> int:
        """Where the places begin in a row vector."""
        return self.layout.n_codes + len(self.valued)

    @property
    def first_relation(self) -> int:
        """Where the relations begin in a row vector."""
        return self.first_place + len(self.placed)

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """Return the log-probability of every code within its column, shape ``(batch, n_codes)``."""
        logits, total = self._bounded_logits(logits)
        return logits - total.log() @ self.segments.T

    def _bounded_logits(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits ``(batch, n_codes)`` and their normalisers ``(batch, n_coded)``."""
        logits = logits.float().clamp(-_LOGIT_BOUND, _LOGIT_BOUND)
        return logits, logits.exp() @ self.segments

    def straight_through(self, output: Output, temperature: float, rng: torch.Generator) -> Tensor:
        """Return row vectors with drawn one-hot codes that pass gradients on to the generator's output.

        Forward the codes are drawn (Gumbel-max) and hard; backward they are the softmax of the perturbed
        logits at `temperature` [1]_. Values count where the drawn code takes one; places and relations are
        left out.

        References
        ----------
        .. [1] Jang, Gu, Poole (2017). Categorical Reparameterization with Gumbel-Softmax. ICLR.
        """
        logits, values = output.codes.float(), output.values.float()
        perturbed = (logits + gumbel(logits, rng)) / temperature
        padded = nn.functional.pad(perturbed, (0, 1), value=-torch.inf)[:, self.padded]
        highest, drawn = padded.max(2)  # (batch, n_coded)
        hard = torch.zeros_like(logits).scatter_(1, drawn + self.offsets, 1.0)
        exponential = (perturbed - highest.detach() @ self.segments.T).exp()
        total = (exponential @ self.segments) @ self.segments.T  # of its own column, for each code
        soft = exponential / total
        one_hot = hard + soft - soft.detach()
        rows = torch.cat([one_hot, values * (one_hot @ self.takes_value + self.always_valued)], dim=1)
        return nn.functional.pad(rows, (0, self.layout.width - rows.shape[1]))


def gumbel(like: Tensor, rng: torch.Generator) -> Tensor:
    """Return standard Gumbel noise of the shape of `like`."""
    return -torch.empty_like(like).exponential_(generator=rng).clamp_(min=1e-30).log()


def _relations_of(layout: Layout) -> np.typing.NDArray[np.int64]:
    lists = [[m for m, relation in enumerate(layout.relations) if relation.column == i] for i in layout.coded]
    padded = np.full((len(lists), max(map(len, lists), default=0)), len(layout.relations), dtype=np.int64)
    for row, relations in enumerate(lists):
        padded[row, : len(relations)] = relations
    return padded


def _follow(layout: Layout) -> np.typing.NDArray[np.float32]:
    shapes = np.array([relation.follow.shape for relation in layout.relations], dtype=np.int64)
    shapes = shapes.reshape(-1, 2)
    padded = np.full((len(shapes), *shapes.max(axis=0, initial=1)), np.nan, dtype=np.float32)
    for row, relation in enumerate(layout.relations):
        n_codes, n_places = relation.follow.shape
        padded[row, :n_codes, :n_places] = relation.follow
    return padded
