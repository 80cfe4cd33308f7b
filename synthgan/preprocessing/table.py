"""A whole table to codes and values, and back.

A frame comes in, each column goes through the encoder of its kind, and an `EncodedTable` with its `Layout`
goes out; the way back gives a frame of the same columns, order and dtypes.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.exceptions import ConditionError, DataError, did_you_mean, listing
from synthgan.layout import EncodedTable, FloatArray, IntArray, Layout, Relation
from synthgan.preprocessing.base import UNFIT, BoolArray, CodingOptions, ColumnEncoder
from synthgan.preprocessing.conditions import ConditionReader, Conditions, read_texts
from synthgan.preprocessing.formulas import keep_formulas
from synthgan.preprocessing.inference import schema_of
from synthgan.preprocessing.key import KeyEncoder
from synthgan.preprocessing.key_form import Turn
from synthgan.preprocessing.plain import plain_frame, restore
from synthgan.preprocessing.profiles import arrange_levels
from synthgan.preprocessing.relations import copy_equal, encode_relations, find_relations
from synthgan.preprocessing.rules import Rule
from synthgan.preprocessing.ties import Ties
from synthgan.schema import Schema, check_frame, dtype_from_json, dtype_to_json, join_columns, overwritten

#: Of rows of which different cells are known so many are looked at before they are drawn.
_N_CHECKED = 50


class TableEncoder:
    """Encode a table column by column.

    Parameters
    ----------
    options
        How finely columns are coded.
    rules
        What holds in every row.
    kinds
        See `infer_schema`.

    Attributes
    ----------
    schema_
        Names, dtypes and kinds of the columns.
    encoders_
        One fitted encoder a column.
    ties_
        What goes together in every row.
    layout_
        What the encoded columns mean.
    """

    schema_: Schema
    encoders_: list[ColumnEncoder]
    ties_: Ties
    layout_: Layout

    def __init__(
        self,
        options: CodingOptions | None = None,
        rules: Sequence[Rule] = (),
        kinds: Mapping[Any, str] | None = None,
    ) -> None:
        self.options, self.rules, self.kinds = options or CodingOptions(), rules, kinds or {}

    def fit(self, frame: pd.DataFrame) -> Self:
        """Learn the columns of a frame and return self."""
        check_frame(frame)
        plain = plain_frame(frame)
        schema = schema_of(frame, plain, self.kinds)
        plain = plain[schema.names]
        kinds = ColumnEncoder.registry
        encoders = [kinds[column.kind]().fit(plain[column.name], self.options) for column in schema]
        arrange_levels(plain, encoders, self.options)
        ties = Ties.find(plain, encoders, self.rules)
        schema = schema.with_reasons(dict(enumerate(encoder.shape() for encoder in encoders)))
        schema = schema.with_reasons(ties.reasons(schema.names))
        return self._assemble(schema, encoders, find_relations(plain, encoders), ties)

    def _assemble(
        self, schema: Schema, encoders: list[ColumnEncoder], relations: tuple[Relation, ...], ties: Ties
    ) -> Self:
        self.schema_, self.encoders_, self.ties_ = schema, encoders, ties
        self.layout_ = Layout(tuple(encoder.span for encoder in encoders), relations)
        return self

    def transform(self, frame: pd.DataFrame) -> EncodedTable:
        """Return the codes and values of a frame with the fitted columns, in any order."""
        self.check_columns(frame)
        frame = plain_frame(frame[self.schema_.names])
        smallest = np.min_scalar_type(max(span.n_codes for span in self.layout_.spans))
        codes = np.empty((len(frame), len(self.encoders_)), dtype=smallest)
        inside = np.zeros((len(frame), len(self.encoders_)), dtype=np.float32)
        for i, encoder in enumerate(self.encoders_):
            codes[:, i], inside[:, i] = self._encoded(encoder, frame[encoder.name])
        return EncodedTable(
            codes,
            inside[:, self.layout_.valued],
            self.layout_.places(inside),
            encode_relations(frame, self.encoders_, self.layout_),
        )

    def check_columns(self, frame: pd.DataFrame) -> None:
        """Raise DataError when a frame lacks columns of the fitted table."""
        missing = [name for name in self.schema_.names if name not in frame.columns]
        if missing:
            raise DataError(
                f"The table lacks the columns {listing(missing)}; it has {listing(frame.columns)}."
            )

    def _encoded(
        self, encoder: ColumnEncoder, column: "pd.Series[Any]"
    ) -> tuple[IntArray, npt.NDArray[np.float32]]:
        try:
            return encoder.transform(column)
        except UNFIT as error:
            if isinstance(error, DataError):
                raise
            fitted = self.schema_[encoder.name].dtype
            raise DataError(
                f"Column {encoder.name!r} was {fitted} when it was fitted, and is {column.dtype} with cells "
                f"that cannot be that; change it with astype."
            ) from error

    def inverse_transform(
        self, table: EncodedTable, *, rng: np.random.Generator, conditions: Sequence[Conditions] = ()
    ) -> pd.DataFrame:
        """Return the frame that codes and values stand for; see `decode`."""
        return self.restored(self.decode(table, rng=rng, conditions=conditions))

    def decode(
        self, table: EncodedTable, *, rng: np.random.Generator, conditions: Sequence[Conditions] = ()
    ) -> pd.DataFrame:
        """Return the plain frame that codes and values stand for, in which what goes together does.

        Parameters
        ----------
        table
            Drawn rows. Where a relation says that two cells are equal, they are.
        rng
            Source of what the table leaves open: where in its place a cell stands.
        conditions
            What was asked of the rows, those of the first coming first.
        """
        ends = np.cumsum([0, *map(len, conditions)])
        parts = [(slice(*ends[i : i + 2]), asked) for i, asked in enumerate(conditions)]
        series = [self._decoded(table, i, parts, rng) for i in range(len(self.encoders_))]
        frame = join_columns(series, self.schema_.names)
        fixed = np.zeros(frame.shape, dtype=bool)
        if conditions:
            written = [asked.write_into(frame.iloc[rows]) for rows, asked in parts]
            frame = pd.concat(written, ignore_index=True)
            fixed = np.concatenate([asked.is_asked for asked in conditions])
        frame = copy_equal(frame, table.relations, self.layout_, self.encoders_, fixed)
        tied = self.ties_.keep(frame, self.encoders_, fixed, rng)
        present = [(rows, asked.must_be_present) for rows, asked in parts if asked.must_be_present]
        return self._with_present(tied, frame, present)

    def expected(
        self,
        drawn: pd.DataFrame,
        told: Mapping[int, tuple[IntArray, npt.NDArray[Any]]],
        asked: Conditions,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Return plain drawn rows with what is expected in place of cells that nothing is known of.

        Parameters
        ----------
        drawn
            The rows.
        told
            For columns in which rows something is expected, and what; see `ColumnEncoder.expected`.
        asked
            What is known of the rows.
        rng
            Source of what is left open.
        """
        series = [drawn.iloc[:, i] for i in range(drawn.shape[1])]
        for i, (rows, of_rows) in told.items():
            cells = self.encoders_[i].expected(of_rows)
            if cells is not None:
                series[i] = series[i].copy()
                series[i].array[rows] = cells
        frame = join_columns(series, self.schema_.names)
        tied = self.ties_.keep(frame, self.encoders_, asked.is_asked, rng)
        return self._with_present(tied, frame, [(slice(None), asked.must_be_present)])

    def amounts(self, frame: pd.DataFrame) -> FloatArray:
        """Return where the cells of a frame stand, shape ``(n_rows, n_columns)``; see `ColumnEncoder`."""
        frame = plain_frame(frame[self.schema_.names])
        columns = [encoder.amounts(frame[encoder.name]) for encoder in self.encoders_]
        return np.column_stack(columns)

    def amounts_known(self, asked: Conditions) -> FloatArray:
        """Return where known cells stand, NaN for all others, shape ``(n_rows, n_columns)``."""
        amounts = np.full(asked.is_known.shape, np.nan)
        for i, cells in asked.cells.items():
            known = asked.is_known[:, i]
            amounts[known, i] = self.encoders_[i].amounts(cells[known])
        return amounts

    def _with_present(
        self, tied: pd.DataFrame, frame: pd.DataFrame, present: Sequence[tuple[slice, list[int]]]
    ) -> pd.DataFrame:
        """Return rows in which no cell has become missing that was to be present, whatever goes together."""
        series = [tied.iloc[:, i] for i in range(tied.shape[1])]
        for rows, columns in present:
            for i in columns:
                is_own = np.zeros(len(tied), dtype=bool)
                is_own[rows] = True
                is_lost = is_own & series[i].isna().to_numpy() & frame.iloc[:, i].notna().to_numpy()
                if is_lost.any():
                    series[i] = overwritten(series[i], frame.iloc[:, i], is_lost)
        return join_columns(series, self.schema_.names) if present else tied

    def _decoded(
        self, table: EncodedTable, i: int, parts: Sequence[tuple[slice, Conditions]], rng: np.random.Generator
    ) -> "pd.Series[Any]":
        """Return the cells that the codes of a column stand for, each where it was asked to be."""
        encoder, span, layout = self.encoders_[i], self.layout_.spans[i], self.layout_
        codes, places = table.codes[:, i].astype(np.int64), np.zeros(len(table), dtype=np.int64)
        inside: npt.NDArray[Any] | None = None
        if i in layout.value_places:
            inside = table.values[:, layout.value_places[i]]
        elif i in layout.place_index:
            places = table.places[:, layout.place_index[i]].astype(np.int64)
            inside = (places + rng.random(len(table))) / span.n_places
        chosen = [(rows, asked.choices[i]) for rows, asked in parts if i in asked.choices]
        if not chosen:
            return encoder.inverse_transform(codes, inside, rng=rng)
        inside = rng.random(len(table)) if inside is None else inside
        stretch = np.zeros(len(table), dtype=np.int64)
        for rows, choice in chosen:
            inside[rows], stretch[rows] = choice.within(codes[rows], places[rows], span.n_places, rng)
        column = encoder.inverse_transform(codes, inside, rng=rng)
        for rows, choice in chosen:
            if choice.cells is not None:
                is_own = np.zeros(len(table), dtype=bool)
                is_own[rows] = True
                own = choice.cells.take(np.where(is_own, stretch, 0)).set_axis(column.index)
                column = overwritten(column, own, is_own)
        return column

    def for_turn(self, turn: Turn) -> Self:
        """Return the encoder of one of several drawers, whose keys are others than those of the rest."""
        own = copy(self)
        own.encoders_ = [
            encoder.for_turn(turn) if isinstance(encoder, KeyEncoder) else encoder
            for encoder in self.encoders_
        ]
        return own

    def with_fresh_keys(self, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Return plain drawn rows of several draws with keys that are different throughout."""
        series = [frame.iloc[:, i] for i in range(frame.shape[1])]
        for i, encoder in enumerate(self.encoders_):
            if isinstance(encoder, KeyEncoder):
                series[i] = encoder.inverse_transform(encoder.transform(series[i])[0], rng=rng)
        frame = join_columns(series, self.schema_.names)
        return keep_formulas(frame, self.ties_.formulas, self.encoders_, np.zeros(frame.shape, dtype=bool))

    def broken(self, frame: pd.DataFrame, *, asked: bool = False) -> BoolArray:
        """Return which of plain drawn rows break a rule, or what was found to hold in every row.

        Parameters
        ----------
        frame
            The rows.
        asked
            Whether something was asked of them.
        """
        return self.ties_.broken(frame, self.encoders_, asked=asked)

    def restored(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame of plain columns in the dtypes of the schema."""
        if all(frame.dtypes.iloc[i] == column.dtype for i, column in enumerate(self.schema_)):
            return frame
        series = [restore(frame.iloc[:, i], column.dtype) for i, column in enumerate(self.schema_)]
        return join_columns(series, self.schema_.names)

    def index_of_target(self, target: Hashable) -> int:
        """Return the place of a column that is to be predicted.

        Raises
        ------
        DataError
            If it is missing or holds no value in any row.
        """
        names = self.schema_.names
        if target not in names:
            raise DataError(
                f"The target {target!r} is not a column; the table has {listing(names)}."
                f"{did_you_mean(target, names)}"
            )
        encoder = self.encoders_[names.index(target)]
        if encoder.has_missing_ and encoder.span.n_codes == 1:
            raise DataError(f"The target {target!r} has no value in any row; name another target.")
        return names.index(target)

    def classes(self, column: int) -> tuple[list[Any], IntArray, npt.NDArray[np.float64]]:
        """Return the classes of a column, the code of each, and its share of the rows of that code.

        Raises
        ------
        DataError
            If its cells are no classes but lie on a line, or are keys.
        """
        encoder = self.encoders_[column]
        found = encoder.classes()
        if found is None:
            raise DataError(
                f"Column {encoder.name!r} has no classes: it holds {encoder.support()}. Ask for a column of "
                "categories, or for what is expected of it with impute(method='expected')."
            )
        return found

    def ask(self, n_rows: int, asked: Any, rng: np.random.Generator) -> list[Conditions]:
        """Return what is asked of rows; see `ConditionReader.read`.

        Raises
        ------
        ConditionError
            If a column does not exist or cannot be so, or no row can have what goes together.
        """
        found = ConditionReader(self.encoders_, self.layout_).read(n_rows, asked, rng)
        for conditions in found:
            self._check_ties(conditions)
        return found

    def can_be(self, frame: pd.DataFrame) -> BoolArray:
        """Return which rows of a plain frame have only cells that can be drawn; keys are always others."""
        return ConditionReader(self.encoders_, self.layout_).can_be(frame)

    def facts(self, frame: pd.DataFrame, is_known: BoolArray, *, is_present: bool) -> Conditions:
        """Return what given rows say of the rest of them; see `ConditionReader.of_facts`."""
        return ConditionReader(self.encoders_, self.layout_).of_facts(frame, is_known, is_present=is_present)

    def _check_ties(self, conditions: Conditions) -> None:
        """Raise ConditionError when known cells contradict each other, where few rows are different."""
        _, some = np.unique(conditions.known.patterns_of(len(conditions)), return_index=True)
        for row in some[:_N_CHECKED].tolist():
            cells = {
                i: cells.iloc[[row]] for i, cells in conditions.cells.items() if conditions.is_known[row, i]
            }
            if apart := self.ties_.contradicted(cells, self.encoders_):
                words = conditions.take(np.array([row])).in_words(self.schema_.names)
                asked = " and ".join(words[i] for i in apart)
                raise ConditionError(
                    f"No row can have {asked}: in the table one of these decides the others."
                )

    def read_conditions(self, texts: Iterable[str]) -> dict[Hashable, Any]:
        """Return the conditions that texts such as ``COLUMN=VALUE`` state."""
        return read_texts(texts, self.encoders_)

    def state(self) -> dict[str, Any]:
        """Return what was learned: JSON values and arrays."""
        pairs = zip(self.schema_, self.encoders_, strict=True)
        # A plain dtype may depend on the cells: the levels of a dictionary are not part of Arrow's type.
        plain = [dtype_to_json(e.dtype) if e.dtype != column.dtype else None for column, e in pairs]
        return {
            "schema": self.schema_.to_dict(),
            "plain": plain,
            "encoders": [encoder.state() for encoder in self.encoders_],
            "relations": [vars(relation) for relation in self.layout_.relations],
            "ties": self.ties_.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the fitted encoder from what `state` returned."""
        schema = Schema.from_dict(state["schema"])
        encoders = [
            ColumnEncoder.registry[column.kind].from_state(
                column.name, dtype_from_json(plain) if plain else column.dtype, learned
            )
            for column, plain, learned in zip(schema, state["plain"], state["encoders"], strict=True)
        ]
        relations = tuple(Relation(**learned) for learned in state["relations"])
        return cls()._assemble(schema, encoders, relations, Ties.from_state(state["ties"]))
