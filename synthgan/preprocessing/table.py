"""A whole table to codes and values, and back.

A frame comes in, each column goes through the encoder of its kind, and an `EncodedTable` with its `Layout`
goes out; the way back gives a frame of the same columns, order and dtypes.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_object_dtype

from synthgan.exceptions import DataError, ParameterError, did_you_mean, listing
from synthgan.layout import EncodedTable, IntArray, Layout, Relation
from synthgan.preprocessing.base import CodingOptions, ColumnEncoder
from synthgan.preprocessing.categorical import is_free_text
from synthgan.preprocessing.conditions import EncodedConditions, encode_conditions, read_conditions
from synthgan.preprocessing.key import KeyEncoder, says_something
from synthgan.preprocessing.plain import plain_frame, restore
from synthgan.preprocessing.profiles import arrange_levels
from synthgan.preprocessing.relations import copy_equal, encode_relations, find_relations
from synthgan.preprocessing.rules import Rule
from synthgan.preprocessing.ties import Ties
from synthgan.schema import Column, Schema, check_frame, dtype_from_json, dtype_to_json, join_columns

#: Of cells that cannot be learned so many are shown, and so many letters.
_N_EXAMPLES, _MAX_SHOWN = 2, 160
#: The kind of columns that are left out.
DROP = "drop"


def infer_schema(frame: pd.DataFrame, kinds: Mapping[Any, str] | None = None) -> Schema:
    """Return the schema of a frame: for each column the kind whose encoder accepts it.

    Parameters
    ----------
    frame
        The table.
    kinds
        Of which kind columns are that are not to be looked at; "drop" for those to leave out.

    Raises
    ------
    DataError
        If the frame has no rows or columns, names that cannot be told apart, or columns of no known kind,
        or a column cannot be of the kind that is asked for.
    ParameterError
        If there is no such kind.
    """
    check_frame(frame)
    return _schema_of(frame, plain_frame(frame), kinds or {})


def _schema_of(frame: pd.DataFrame, plain: pd.DataFrame, kinds: Mapping[Any, str]) -> Schema:
    """Return the schema of a frame whose columns are given in plain dtypes as well."""
    _check_kinds(kinds, plain)
    by_priority = sorted(ColumnEncoder.registry.values(), key=lambda encoder: -encoder.priority)
    columns, unsupported = [], []
    for name in frame.columns:
        if name in kinds:
            asked = Column(name, frame[name].dtype, kinds[name], "asked for")
            columns += [asked] if asked.kind != DROP else []
            continue
        found = _kind_of(plain[name], by_priority)
        if found and found[0] == KeyEncoder.kind and says_something(plain[name], plain.drop(columns=name)):
            found = _kind_of(plain[name], [other for other in by_priority if other is not KeyEncoder])
        if found is None:
            unsupported.append(name)
        else:
            columns.append(Column(name, frame[name].dtype, *found))
    if unsupported:
        raise UnsupportedColumnsError(unsupported, plain)
    if not columns:
        raise DataError("No column is left to learn; drop fewer of them.")
    return Schema(tuple(columns))


def _kind_of(column: "pd.Series[Any]", by_priority: Iterable[type[ColumnEncoder]]) -> tuple[str, str] | None:
    """Return the kind of a column and the reason for it, or None if there is no such kind."""
    try:
        reasons = ((encoder.kind, encoder.accepts(column)) for encoder in by_priority)
        return next(((kind, reason) for kind, reason in reasons if reason), None)
    except NotImplementedError:  # pandas knows nothing of some of Arrow's types either
        return None


def _content(column: "pd.Series[Any]") -> str:
    """Return in words what a column holds that cannot be learned."""
    try:
        if is_free_text(column):
            return "free text"
        content = pd.api.types.infer_dtype(column, skipna=True)
        examples = listing(column.dropna().head(_N_EXAMPLES))
        return f"{content}, such as {examples}"[:_MAX_SHOWN] if is_object_dtype(column.dtype) else content
    except NotImplementedError:
        return "unknown to pandas"


def _check_kinds(kinds: Mapping[Any, str], plain: pd.DataFrame) -> None:
    """Raise an error when kinds are asked for that there are not, or that columns cannot be of."""
    known = [*sorted(ColumnEncoder.registry), DROP]
    for name, kind in kinds.items():
        if name not in plain.columns:
            raise DataError(
                f"A kind is asked for column {name!r}, which the table does not have; it has "
                f"{listing(plain.columns)}.{did_you_mean(name, plain.columns)}"
            )
        if kind not in known:
            raise ParameterError(
                f"Column {name!r} is asked to be of kind {kind!r}; kinds are {listing(known, 20)}."
                f"{did_you_mean(kind, known)}"
            )
        if kind != DROP and not ColumnEncoder.registry[kind].suits(plain[name]):
            held = pd.api.types.infer_dtype(plain[name], skipna=True)
            raise DataError(
                f"Column {name!r} cannot be of kind {kind!r}: it holds {held} ({plain[name].dtype})."
            )


class UnsupportedColumnsError(DataError):
    """Columns of kinds that cannot be learned.

    Attributes
    ----------
    columns
        Their names.
    content
        What each holds, in words.
    """

    def __init__(self, columns: Sequence[Hashable], frame: pd.DataFrame) -> None:
        self.columns = columns
        self.content = content = {name: _content(frame[name]) for name in columns}
        held = ", ".join(f"{name!r} ({frame[name].dtype}: {kind})" for name, kind in content.items())
        super().__init__(
            f"These columns hold what cannot be learned (nested, binary, complex or mixed cells, free "
            f"text, several time zones, or integers more than 64 bits apart): {held}. Turn them into "
            f"numbers, levels or dates, or leave them out with kinds={dict.fromkeys(columns, DROP)!r} or "
            f"--drop-unsupported."
        )


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
        schema = _schema_of(frame, plain, self.kinds)
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
        missing = [name for name in self.schema_.names if name not in frame.columns]
        if missing:
            raise DataError(
                f"The table lacks the columns {listing(missing)}; it has {listing(frame.columns)}."
            )
        frame = plain_frame(frame[self.schema_.names])
        smallest = np.min_scalar_type(max(span.n_codes for span in self.layout_.spans))
        codes = np.empty((len(frame), len(self.encoders_)), dtype=smallest)
        inside = np.zeros((len(frame), len(self.encoders_)), dtype=np.float32)
        for i, encoder in enumerate(self.encoders_):
            codes[:, i], inside[:, i] = self._encoded(encoder, frame[encoder.name])
        return EncodedTable(
            codes,
            inside[:, self.layout_.valued],
            self._places(inside),
            encode_relations(frame, self.encoders_, self.layout_),
        )

    def _encoded(
        self, encoder: ColumnEncoder, column: "pd.Series[Any]"
    ) -> tuple[IntArray, npt.NDArray[np.float32]]:
        try:
            return encoder.transform(column)
        except (ValueError, TypeError, ArithmeticError, NotImplementedError) as error:
            if isinstance(error, DataError):
                raise
            fitted = self.schema_[encoder.name].dtype
            raise DataError(
                f"Column {encoder.name!r} was {fitted} when it was fitted, and is {column.dtype} with cells "
                f"that cannot be that; change it with astype."
            ) from error

    def _places(self, inside: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """Return the places of all columns that have them, shape ``(n_rows, n_placed)``."""
        places = np.zeros((len(inside), len(self.layout_.placed)), dtype=np.uint8)
        for place, i in enumerate(self.layout_.placed):
            places[:, place] = self.layout_.spans[i].places(inside[:, i])
        return places

    def inverse_transform(
        self,
        table: EncodedTable,
        *,
        rng: np.random.Generator,
        conditions: Sequence[tuple[int, EncodedConditions]] = (),
    ) -> pd.DataFrame:
        """Return the frame that codes and values stand for; see `decode`."""
        return self.restored(self.decode(table, rng=rng, conditions=conditions))

    def decode(
        self,
        table: EncodedTable,
        *,
        rng: np.random.Generator,
        conditions: Sequence[tuple[int, EncodedConditions]] = (),
    ) -> pd.DataFrame:
        """Return the plain frame that codes and values stand for, in which what goes together does.

        Parameters
        ----------
        table
            Drawn rows. Where a relation says that two cells are equal, they are.
        rng
            Source of what the table leaves open: where in its place a cell stands.
        conditions
            For each group of rows how many they are, and the cells that they must have.
        """
        valued = self.layout_.value_places
        series: list[pd.Series[Any]] = []
        for i, encoder in enumerate(self.encoders_):
            inside: npt.NDArray[Any] | None = table.values[:, valued[i]] if i in valued else None
            if i in self.layout_.place_index:
                shares = table.places[:, self.layout_.place_index[i]] + rng.random(len(table))
                inside = shares / self.layout_.spans[i].n_places
            series.append(encoder.inverse_transform(table.codes[:, i], inside, rng=rng))
        frame = join_columns(series, self.schema_.names)
        fixed = np.zeros(frame.shape, dtype=bool)
        if conditions:
            ends = np.cumsum([0, *(n_rows for n_rows, _ in conditions)])
            parts = []
            for (_, asked), start, end in zip(conditions, ends[:-1], ends[1:], strict=True):
                fixed[start:end, asked.known.columns] = True
                parts.append(asked.write_into(frame.iloc[start:end]))
            frame = pd.concat(parts, ignore_index=True)
        frame = copy_equal(frame, table.relations, self.layout_, self.encoders_, fixed)
        return self.ties_.keep(frame, self.encoders_, fixed, rng)

    def with_fresh_keys(self, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Return plain drawn rows of several draws with keys that are different throughout."""
        series = [frame.iloc[:, i] for i in range(frame.shape[1])]
        for i, encoder in enumerate(self.encoders_):
            if isinstance(encoder, KeyEncoder):
                series[i] = encoder.renewed(series[i], rng)
        frame = join_columns(series, self.schema_.names)
        return self.ties_.keep_formulas(frame, self.encoders_)

    def broken(self, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Return which of plain drawn rows break a rule, or what was found to hold in every row."""
        return self.ties_.broken(frame, self.encoders_)

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

    def encode_conditions(self, conditions: Mapping[Any, Any]) -> EncodedConditions:
        """Return what a mapping from column to wanted value asks of a row."""
        return encode_conditions(conditions, self.encoders_, self.ties_)

    def read_conditions(self, texts: Iterable[str]) -> dict[Hashable, Any]:
        """Return the conditions that texts of the form ``COLUMN=VALUE`` state."""
        return read_conditions(texts, self.encoders_)

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
