"""Filling in rows: known cells come in, the other columns are drawn one after another.

The generator's first layer is kept for all rows and only what a new cell adds to it is computed, and of its
last layer only what the wanted column needs.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from synthgan.gan.computing import compute_dtype
from synthgan.gan.model import GanModel
from synthgan.gan.partial_rows import PartialRows
from synthgan.gan.redrawing import CellTrees, Redrawn
from synthgan.gan.rows import gumbel
from synthgan.layout import IntArray, Known


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


class Filling(PartialRows):
    """Rows whose unknown cells are drawn by a model.

    Parameters
    ----------
    model
        A trained model.
    weights
        Those of its generator.
    known, patterns, rng
        See `PartialRows`.

    Attributes
    ----------
    hidden
        The first layer for what is known so far, shape ``(n_rows, dim)``; None before it is asked for.
    log_weights
        By how much the rows drawn so far are too rare, since a cell that may lie in some stretches only was
        the more likely to do so; shape ``(n_rows,)``.
    """

    def __init__(
        self,
        model: GanModel,
        weights: DrawingWeights,
        known: Known,
        patterns: IntArray,
        rng: torch.Generator,
    ) -> None:
        super().__init__(model, known, patterns, rng)
        self.weights = weights
        self.hidden: Tensor | None = None
        self.log_weights = torch.zeros(len(self), device=model.device)
        # The column that a model must know is drawn, where the user does not give it.
        must_know = [] if model.knows_all else model.architecture.known
        for column in set(must_know).difference(self.known_somewhere()):
            drawn = torch.multinomial(model.prior, len(self), replacement=True, generator=rng)
            self.cells.codes[:, column] = drawn
            self.is_known[:, column] = True

    def draft(self, columns: Sequence[int]) -> None:
        """Fill in some columns of codes from the latent classes, given the cells that are known."""
        layout, classes = self.model.layout, self.model.classes
        drawn = classes.draw(
            *self._known_codes(), self.rng, classes.share_allowed(self.codes_allowed(columns))
        )
        for column in columns:
            possible = self._possible(column)
            with self._where_free(column):
                codes = classes.draw_codes(drawn, layout.slice_of(column), self.rng, possible)
                self.cells.codes[:, column] = codes
                self._spread_places(column)
            self._remember(column)

    def _known_codes(self) -> tuple[Tensor, Tensor]:
        """Return one-hot codes of all that is known, of rows that differ, and which of these each row is."""
        if torch.equal(self.given, self.is_known):
            pattern, row_of = torch.unique(self.pattern, return_inverse=True)
            rows = row_of.new_zeros(len(pattern)).scatter_(0, row_of, torch.arange(len(self)).to(row_of))
        else:
            rows = row_of = torch.arange(len(self), device=self.pattern.device)
        space, codes = self.model.space, self.cells.codes[rows]
        one_hot = torch.zeros(len(rows), space.layout.n_codes, device=codes.device)
        is_known = self.is_known[rows][:, space.coded]
        return one_hot.scatter_(1, space.code_places(codes), is_known.float()), row_of

    def _spread_places(self, column: int) -> None:
        """Put the cells of a column anywhere in the stretches that their codes stand for."""
        layout, space = self.model.layout, self.model.space
        if column not in layout.place_index:
            return
        codes = self.cells.codes[:, column]
        if column in self.allowed:
            places = torch.multinomial(self.allowed[column][codes], 1, generator=self.rng).squeeze(1)
        else:
            n_places = layout.spans[column].n_places
            places = torch.randint(n_places, (len(codes),), generator=self.rng, device=codes.device)
        has_place = space.takes_place[codes + int(layout.offsets[column])] > 0
        self.cells.places[:, layout.place_index[column]] = places * has_place

    def _first(self) -> Tensor:
        """Return the first layer, to which what is known by then is added when it is first asked for."""
        if self.hidden is None:
            model = self.model
            self.hidden = self.weights.bias.repeat(len(self), 1)
            if model.architecture.latent_dim:
                noise = model.noise(len(self), self.rng)
                self.hidden += (noise @ model.generator.from_noise).float()
            if self.is_known.any():
                known_rows = model.known_vectors(self.cells, self.is_known)
                self.hidden += (known_rows @ self.weights.first).float()
        return self.hidden

    def draw(self, columns: Sequence[int]) -> None:
        """Fill in some columns, independently of each other given all that is known."""
        top = self.weights.hidden(self._first()).to(self.weights.last.dtype)
        was_known = self.is_known.clone()
        for column in columns:
            with self._where_free(column):
                self._draw_code(column, top, was_known)
                self._draw_value(column, top)
            self._remember(column)

    def _draw_code(self, column: int, top: Tensor, was_known: Tensor) -> None:
        """Draw the code and the place of a column, or take them from a relation with a known partner."""
        layout, bias = self.model.layout, self.weights.last_bias
        if not layout.sizes[column]:
            return
        rows = layout.slice_of(column)
        logits = (top @ self.weights.last[rows].T).float() + bias[rows]
        if (possible := self._possible(column)) is not None:
            free = logits
            logits = logits + possible.log()
            if self.codes_allowed([column]):
                is_free = ~self.given[:, column]
                self.log_weights += is_free * (logits.logsumexp(1) - free.logsumexp(1))
        self.cells.codes[:, column] = (logits + gumbel(logits, self.rng)).argmax(1)
        self._draw_place(column, top)
        partners = [relation.partner for relation in layout.relations]
        is_active = was_known.any(0).tolist()
        relations = [m for m in layout.relations_of(column) if is_active[partners[m]]]
        if not relations:
            return
        followed = self.model.space.followed(self.cells, torch.tensor(relations, device=top.device))
        followed = followed.masked_fill(~was_known[:, [partners[m] for m in relations]], torch.nan)
        of_relations = [self.model.space.first_place + m for m in relations]
        told = (top @ self.weights.last[of_relations].T).float() + bias[of_relations]
        logits = torch.cat([logits, told.masked_fill(followed.isnan(), -torch.inf)], dim=1)
        choice = (logits + gumbel(logits, self.rng)).argmax(1)
        told_by = (choice - int(layout.sizes[column])).clamp(min=-1)
        with self._unless_impossible(column):
            self._obey(column, relations, followed, told_by)

    def _draw_place(self, column: int, top: Tensor) -> None:
        """Draw where in the stretch that its code stands for each cell of a column is."""
        model = self.model
        index = model.layout.place_index.get(column)
        if index is None:
            return
        rows = model.generator.to_row.rows_of_features(index)
        features = (top @ self.weights.last[rows].T).float() + self.weights.last_bias[rows]
        codes = self.cells.codes[:, column]
        places = codes + int(model.layout.offsets[column])
        logits = model.generator.places.column(index, features, places)
        logits = self._forbid_places(column, codes, logits)
        drawn = (logits + gumbel(logits, self.rng)).argmax(1)
        self.cells.places[:, index] = torch.where(model.space.takes_place[places] > 0, drawn, 0)

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
        """Count a column as known that has been filled in, and add it to the first layer, if there is one."""
        is_new = ~self.is_known[:, column]
        self.is_known[:, column] = True
        model, space = self.model, self.model.space
        layout, hidden = model.layout, self.hidden
        if hidden is None or not model.knows_all or not layout.sizes[column]:
            return
        codes = self.cells.codes[:, column] + int(layout.offsets[column])
        added = self.weights.first[codes]
        if column in layout.place_index:
            index = layout.place_index[column]
            shares = (2 * self.cells.places[:, index] + 1) / layout.spans[column].n_places - 1
            row = self.weights.first[space.first_place + index]
            added = added + (shares * space.takes_place[codes]).unsqueeze(1) * row
        hidden += added if is_new.all() else added * is_new.unsqueeze(1)
        self._remember_relations(column, is_new)

    def _remember_relations(self, column: int, is_new: Tensor) -> None:
        """Add to the first layer the relations of a column with those that are known."""
        layout, space = self.model.layout, self.model.space
        ends = [(m, {other.column, other.partner}) for m, other in enumerate(layout.relations)]
        others = {m: (pair - {column}).pop() for m, pair in ends if column in pair}
        if not others:
            return
        relations = torch.tensor(list(others), device=is_new.device)
        self._relate(relations)
        is_active = self.is_known[:, list(others.values())] & is_new.unsqueeze(1)
        shown = (self.cells.relations[:, relations] & is_active).to(self.weights.first.dtype)
        self._first().add_(shown @ self.weights.first[space.first_relation + relations])

    def resample(self) -> None:
        """Draw anew which rows go on, by the weights that they have come to, among those of each pattern.

        The first of several columns that may lie in some stretches only is drawn without regard to the
        others; rows that these fit better are to be the more frequent [1]_. They are drawn systematically, so
        that no more than needed is lost.

        References
        ----------
        .. [1] Gordon, Salmond, Smith (1993). Novel approach to nonlinear/non-Gaussian Bayesian state
               estimation. IEE Proceedings F 140.
        """
        kept = torch.arange(len(self), device=self.pattern.device)
        for pattern in torch.unique(self.pattern):
            rows = (self.pattern == pattern).nonzero().squeeze(1)
            above = self.log_weights[rows].double().softmax(0).cumsum(0)
            start = torch.rand(1, generator=self.rng, device=rows.device, dtype=torch.float64)
            steps = (start + torch.arange(len(rows), device=rows.device)) / len(rows)
            kept[rows] = rows[torch.searchsorted(above, steps).clamp(max=len(rows) - 1)]
        self.cells, self.source = self.cells.take(kept), self.source[kept]
        self.hidden = None if self.hidden is None else self.hidden[kept]
        self.is_known, self.given = self.is_known[kept], self.given[kept]
        self.log_weights.zero_()

    def redraw(self, columns: Sequence[int]) -> None:
        """Draw the cells of some columns once more, one column after another, from the model's trees.

        What groups tell that several columns name together does not follow from where the generator has left
        a row: of the weather of another day, each column would be bent to fit all the others. It is drawn
        from its group at first, in rows of which nothing of it is given, unless less than any is allowed.
        """
        model, coded = self.model, self.model.layout.coded
        places = set(model.group_trees.columns).intersection(model.trees.columns)
        told = [column for column in coded[sorted(places)].tolist() if column in columns]
        if told and not self.allowed.keys() & set(told):
            self._redraw_from(model.trees, [column for column in columns if column not in told])
            given = self.given
            self.given = given.clone()
            self.given[:, told] = given[:, told].any(1, keepdim=True)
            self._redraw_from(model.group_trees, told)
            self.given = given
            naming = coded[model.group_trees.groups.naming.cpu()]
            columns = [column for column in columns if column not in naming]
        self._redraw_from(model.trees, columns)
        self._relate()

    def _redraw_from(self, trees: CellTrees, columns: Sequence[int]) -> None:
        """Draw the cells of those columns once more that have trees, one column after another."""
        layout = self.model.layout
        places = {int(layout.coded[place]): place for place in trees.columns}
        if not places:
            return
        points = torch.stack([self._points(int(column)) for column in layout.coded], dim=1)
        for column in columns:
            if column in places:
                redrawn = trees.redraw(places[column], points, self.rng, self.allowed.get(column))
                with self._where_free(column), self._unless_impossible(column):
                    self._disown(column)
                    self._redraw_column(column, redrawn)
                points[:, places[column]] = self._points(column)

    def _redraw_column(self, column: int, redrawn: Redrawn) -> None:
        """Put what trees say in place of a column's cells, or a partner's number where they say that."""
        layout = self.model.layout
        self.cells.codes[:, column] = redrawn.codes
        if column not in layout.place_index:
            return
        self.cells.places[:, layout.place_index[column]] = redrawn.places
        stands = redrawn.codes + (redrawn.places + 0.5) / layout.spans[column].n_places
        self._move(column, redrawn.shifts != 0, stands + redrawn.shifts, stands)
        if relations := layout.relations_of(column):
            followed = self.model.space.followed(
                self.cells, torch.tensor(relations, device=redrawn.codes.device)
            )
            teller = redrawn.told_by.clamp(min=0).unsqueeze(1)
            is_nowhere = followed.gather(1, teller).squeeze(1).isnan()
            self._obey(column, relations, followed, redrawn.told_by.masked_fill(is_nowhere, -1))
