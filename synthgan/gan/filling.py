"""Rows in the making: known cells come in, the other columns are filled in one after another.

The generator's first layer is kept for all rows and only what a new cell adds to it is computed, and of its
last layer only what the wanted column needs.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.gan.cells import Cells
from synthgan.gan.computing import compute_dtype
from synthgan.gan.model import GanModel
from synthgan.gan.redrawing import Redrawn
from synthgan.gan.rows import gumbel
from synthgan.layout import N_RELATION_CODES, EncodedTable, Known


@dataclass(frozen=True)
class DrawingWeights:
    """A generator's weights as drawing needs them: computed once, in the precision that is drawn in.

    Parameters
    ----------
    first, bias
        Of the first layer, for each part of a row vector; shapes ``(width, dim)`` and ``(dim,)``.
    hidden
        What stands between the first and the last layer.
    last, last_bias
        Of the last layer, for each part of its output.
    """

    first: Tensor
    bias: Tensor
    hidden: nn.Module
    last: Tensor
    last_bias: Tensor

    @classmethod
    def of(cls, model: GanModel) -> "DrawingWeights":
        """Return the weights of a model's generator."""
        generator, precision = model.generator, compute_dtype(model.device)
        hidden = copy.deepcopy(generator.hidden)
        for layer in hidden.modules():
            if isinstance(layer, nn.Linear):
                layer.to(precision)
        last = generator.to_row.weights().to(precision)
        return cls(generator.from_known.weights(), generator.bias, hidden, last, generator.to_row.bias)


class Filling:
    """A batch of rows, of which some columns are known.

    Parameters
    ----------
    model
        A trained model.
    weights
        Those of its generator.
    n_rows
        How many rows.
    known
        The cells that every row has.
    rng
        Source of all randomness, on the model's device.

    Attributes
    ----------
    cells
        The cells so far.
    known
        The columns that are known so far.
    source
        The column that each cell's number is from: its own, or one that it was drawn as equal to; shape
        ``(n_rows, n_columns)``.
    """

    def __init__(
        self, model: GanModel, weights: DrawingWeights, n_rows: int, known: Known, rng: torch.Generator
    ) -> None:
        self.model, self.weights, self.rng = model, weights, rng
        layout, device = model.layout, model.device
        self.cells = Cells(
            torch.zeros(n_rows, len(layout), dtype=torch.long, device=device),
            torch.zeros(n_rows, len(layout.valued), device=device),
            torch.zeros(n_rows, len(layout.placed), dtype=torch.long, device=device),
            torch.zeros(n_rows, len(layout.relations), dtype=torch.long, device=device),
        )
        self.source = torch.arange(len(layout), device=device).repeat(n_rows, 1)
        self.stands = torch.full((n_rows, len(layout)), torch.nan, device=device)
        self.known = set(known.columns.tolist())
        self._set_known(known)
        if not model.knows_all:
            self._draw_prior()
        self._relate_known()
        self.hidden: Tensor | None = None

    def _set_known(self, known: Known) -> None:
        layout, cells, device = self.model.layout, self.cells, self.model.device
        cells.codes[:, known.columns] = torch.from_numpy(known.codes.astype(np.int64)).to(device)
        for whole, given, held in (
            (layout.valued, known.values, cells.values),
            (layout.placed, known.places, cells.places),
        ):
            is_held = np.isin(known.columns, whole)
            places = np.searchsorted(whole, known.columns[is_held])
            held[:, places] = torch.from_numpy(given[is_held]).to(device, held.dtype)
        for column in self.known:
            self._stand(column)

    def _draw_prior(self) -> None:
        """Fill in the column that the model must know, where the user does not give it."""
        for column in set(self.model.architecture.known) - self.known:
            shares = self.model.prior
            drawn = torch.multinomial(shares, len(self.cells), replacement=True, generator=self.rng)
            self.cells.codes[:, column] = drawn
            self.known.add(column)

    @property
    def is_known(self) -> Tensor:
        """Truth values, shape ``(n_columns,)``."""
        is_known = torch.zeros(len(self.model.layout), dtype=torch.bool, device=self.model.device)
        is_known[list(self.known)] = True
        return is_known

    def draft(self, columns: Sequence[int]) -> None:
        """Fill in some columns of codes from the latent classes, given the cells that every row has."""
        layout, classes = self.model.layout, self.model.classes
        given = [int(i) for i in layout.coded if int(i) in self.known]
        known = self.cells.codes[0, given] + torch.from_numpy(layout.offsets[given]).to(self.rng.device)
        drawn = classes.draw(len(self.cells), known, self.rng)
        for column in columns:
            possible = self._possible(column)
            codes = classes.draw_codes(drawn, layout.slice_of(column), self.rng, possible)
            self.cells.codes[:, column] = codes
            self._spread_places(column)
            self.known.add(column)
        self._relate_known()

    def _spread_places(self, column: int) -> None:
        """Put the cells of a column anywhere in the stretches that their codes stand for."""
        layout, space = self.model.layout, self.model.space
        if column not in layout.place_index:
            return
        codes = self.cells.codes[:, column] + int(layout.offsets[column])
        n_places = layout.spans[column].n_places
        places = torch.randint(n_places, (len(codes),), generator=self.rng, device=codes.device)
        self.cells.places[:, layout.place_index[column]] = places * (space.takes_place[codes] > 0)
        self._stand(column)

    def _first(self) -> Tensor:
        """Return the first layer, to which what is known at the start is added when it is first asked for."""
        if self.hidden is None:
            model = self.model
            self.hidden = self.weights.bias.repeat(len(self.cells), 1)
            if model.architecture.latent_dim:
                noise = model.noise(len(self.cells), self.rng)
                self.hidden += (noise @ model.generator.from_noise).float()
            if self.known:
                known_rows = model.known_vectors(self.cells, self.is_known.expand_as(self.cells.codes))
                self.hidden += (known_rows @ self.weights.first).float()
        return self.hidden

    def table(self) -> EncodedTable:
        """Return the rows."""
        cells = self.cells
        tensors = (cells.codes, cells.values, cells.places.byte(), cells.relations.byte())
        return EncodedTable(*(tensor.cpu().numpy() for tensor in tensors))

    def draw(self, columns: Sequence[int]) -> None:
        """Fill in some columns, independently of each other given all that is known."""
        top = self.weights.hidden(self._first()).to(self.weights.last.dtype)
        partners = frozenset(self.known)
        for column in columns:
            self._draw_code(column, top, partners)
            self._draw_value(column, top)
            self.known.add(column)
            if self.model.knows_all and self.model.layout.sizes[column]:
                self._remember(column)

    def _draw_code(self, column: int, top: Tensor, partners: frozenset[int]) -> None:
        """Draw the code and the place of a column, or take them from a relation with a known partner."""
        layout, bias = self.model.layout, self.weights.last_bias
        if not layout.sizes[column]:
            return
        rows = layout.slice_of(column)
        logits = (top @ self.weights.last[rows].T).float() + bias[rows]
        if (possible := self._possible(column)) is not None:
            logits = logits.masked_fill(~possible, -torch.inf)
        self.cells.codes[:, column] = (logits + gumbel(logits, self.rng)).argmax(1)
        self._draw_place(column, top)
        relations = [m for m in layout.relations_of(column) if layout.relations[m].partner in partners]
        if not relations:
            return
        followed = self.model.space.followed(self.cells, torch.tensor(relations, device=top.device))
        of_relations = self.model.space.rows_of_relations(relations)
        told = (top @ self.weights.last[of_relations].T).float() + bias[of_relations]
        is_nowhere = followed.isnan().repeat_interleave(N_RELATION_CODES, dim=1)
        logits = torch.cat([logits, told.masked_fill(is_nowhere, -torch.inf)], dim=1)
        choice = (logits + gumbel(logits, self.rng)).argmax(1)
        told_by = (choice - int(layout.sizes[column])).clamp(min=-1)
        with self._unless_apart(column):
            self._obey(column, relations, followed, told_by)

    def _possible(self, column: int) -> Tensor | None:
        """Return which codes of a column may stand beside what is known; None for all."""
        return self.model.exclusions.possible(column, self.cells.codes, self.known)

    @contextmanager
    def _unless_apart(self, column: int) -> Iterator[None]:
        """Take back what becomes of the cells of a column that never stand so beside what is known."""
        if not self.model.exclusions.concern(column):
            yield
            return
        cells, index = self.cells, self.model.layout.place_index.get(column)
        codes, source = cells.codes[:, column].clone(), self.source.clone()
        places = None if index is None else cells.places[:, index].clone()
        yield
        apart = self.model.exclusions.keep_apart(column, cells.codes, self.known - {column})
        if apart is None or not apart.any():
            return
        cells.codes[apart, column], self.source[apart] = codes[apart], source[apart]
        if places is not None:
            cells.places[apart, index] = places[apart]
            self._stand(column)

    def _draw_place(self, column: int, top: Tensor) -> None:
        """Draw where in the stretch that its code stands for each cell of a column is."""
        model = self.model
        index = model.layout.place_index.get(column)
        if index is None:
            return
        rows = model.generator.to_row.rows_of_features(index)
        features = (top @ self.weights.last[rows].T).float() + self.weights.last_bias[rows]
        codes = self.cells.codes[:, column] + int(model.layout.offsets[column])
        logits = model.generator.places.column(index, features, codes)
        places = (logits + gumbel(logits, self.rng)).argmax(1)
        self.cells.places[:, index] = torch.where(model.space.takes_place[codes] > 0, places, 0)
        self._stand(column)

    def _obey(self, column: int, relations: list[int], followed: Tensor, told_by: Tensor) -> None:
        """Put the cells of a column that a relation tells where it tells them to be."""
        which = told_by.clamp(min=0) // N_RELATION_CODES
        code = told_by.clamp(min=0) % N_RELATION_CODES  # 0: equal
        edges = self.model.space.relation_edges
        spread = torch.rand(len(told_by), generator=self.rng, device=told_by.device)
        low, high = edges[(code - 1).clamp(min=0)], edges[code]
        distance = torch.where(code > 0, low + spread * (high - low), 0.0)
        start = followed.gather(1, which.unsqueeze(1)).squeeze(1).nan_to_num()
        is_told = told_by >= 0
        # No relation tells a point: what would come to stand on one stays where its partner is.
        self._move(column, is_told, start + distance, start)
        partners = self.model.space.partner[relations][which]
        is_equal = is_told & (code == 0)
        source = self.source.gather(1, partners.unsqueeze(1)).squeeze(1)
        self.source[:, column] = torch.where(is_equal, source, column)
        self._stand(column)

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

    def _draw_value(self, column: int, top: Tensor) -> None:
        """Read the value of a column, where its code takes one."""
        layout, codes = self.model.layout, self.cells.codes
        if column not in layout.value_places:
            return
        index = layout.value_places[column]
        row = layout.n_codes + index
        takes = torch.tensor(layout.spans[column].value_codes, device=codes.device)
        # Not a matrix product: in bfloat16 few numbers could be told apart.
        value = (top.float() * self.weights.last[row]).sum(1) + self.weights.last_bias[row]
        self.cells.values[:, index] = torch.where(torch.isin(codes[:, column], takes), value, 0.0)

    def _remember(self, column: int) -> None:
        """Add a column that has been filled in to the first layer."""
        layout, space, hidden = self.model.layout, self.model.space, self._first()
        codes = self.cells.codes[:, column] + int(layout.offsets[column])
        hidden += self.weights.first[codes]
        if column in layout.place_index:
            index = layout.place_index[column]
            shares = (2 * self.cells.places[:, index] + 1) / layout.spans[column].n_places - 1
            row = self.weights.first[space.first_place + index]
            hidden += (shares * space.takes_place[codes]).unsqueeze(1) * row
        new = [
            m
            for m, relation in enumerate(layout.relations)
            if column in (relation.column, relation.partner)
            and self.known >= {relation.column, relation.partner}
        ]
        if new:
            relations = torch.tensor(new, device=codes.device)
            self._relate(relations)
            drawn = self.cells.relations[:, relations]
            rows = space.first_relation + relations * N_RELATION_CODES + (drawn - 1).clamp(min=0)
            added = self.weights.first[rows] * (drawn > 0).unsqueeze(2)
            hidden += added.sum(1)

    def redraw(self, columns: Sequence[int]) -> None:
        """Draw the cells of some columns once more, one column after another, from the model's trees."""
        layout, trees = self.model.layout, self.model.trees
        places = {int(layout.coded[place]): place for place in trees.columns}
        if not places:
            return
        points = torch.stack([self._points(int(column)) for column in layout.coded], dim=1)
        for column in columns:
            if column in places:
                redrawn = trees.redraw(places[column], points, self.rng)
                with self._unless_apart(column):
                    self._disown(column)
                    self._redraw_column(column, redrawn)
                points[:, places[column]] = self._points(column)
        self._relate_known()

    def _redraw_column(self, column: int, redrawn: Redrawn) -> None:
        """Put what trees say in place of a column's cells, or what a relation says where they say that."""
        layout = self.model.layout
        self.cells.codes[:, column] = redrawn.codes
        if column not in layout.place_index:
            return
        self.cells.places[:, layout.place_index[column]] = redrawn.places
        stands = redrawn.codes + (redrawn.places + 0.5) / layout.spans[column].n_places
        self._move(column, redrawn.shifts != 0, stands + redrawn.shifts, stands)
        self._stand(column)
        if relations := layout.relations_of(column):
            followed = self.model.space.followed(
                self.cells, torch.tensor(relations, device=redrawn.codes.device)
            )
            teller = redrawn.told_by.clamp(min=0) // N_RELATION_CODES
            is_nowhere = followed.gather(1, teller.unsqueeze(1)).squeeze(1).isnan()
            self._obey(column, relations, followed, redrawn.told_by.masked_fill(is_nowhere, -1))

    def _points(self, column: int) -> Tensor:
        """Return where the cells of a column stand; see `synthgan.gan.balancing.points_of`."""
        codes = self.cells.codes[:, column].float()
        index = self.model.layout.place_index.get(column)
        if index is None:
            return codes
        return codes + self.cells.places[:, index] / self.model.layout.spans[column].n_places

    def _disown(self, column: int) -> None:
        """Let cells whose numbers are from this column have them from the first of their own."""
        if not self.model.layout.relations:
            return
        is_from = self.source == column
        is_from[:, column] = False
        heir = is_from.int().argmax(1, keepdim=True)
        self.source = torch.where(is_from, heir, self.source)
        self.source[:, column] = column

    def _stand(self, column: int) -> None:
        """Note where the cells of a column stand on its number line, NaN where they have no place."""
        layout, space = self.model.layout, self.model.space
        if column not in layout.place_index:
            return
        codes = self.cells.codes[:, column]
        places = self.cells.places[:, layout.place_index[column]]
        stands = codes + (places + 0.5) / layout.spans[column].n_places
        has_place = space.takes_place[codes + int(layout.offsets[column])] > 0
        self.stands[:, column] = torch.where(has_place, stands, torch.nan)

    def _relate_known(self) -> None:
        """Find the codes of all relations both of whose columns are known."""
        space, is_known = self.model.space, self.is_known
        self._relate((is_known[space.related] & is_known[space.partner]).nonzero().squeeze(1))

    def _relate(self, relations: Tensor) -> None:
        """Find the codes of relations both of whose columns are known."""
        if not len(relations):
            return
        space = self.model.space
        edges = space.relation_edges
        distance = self.stands[:, space.related[relations]] - space.followed(self.cells, relations)
        codes = torch.bucketize(distance, edges, right=True) + 1
        codes = torch.where(distance.abs() < edges[-1], codes, 0)
        # Equality is drawn, not found.
        is_equal = self.source[:, space.related[relations]] == self.source[:, space.partner[relations]]
        self.cells.relations[:, relations] = torch.where(is_equal, 1, codes)
