"""A whole table to codes and values, and back.

A frame comes in, each column goes through the encoder of its kind, and an `EncodedTable` with its `Layout`
goes out; the way back gives a frame of the same columns, order and dtypes.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.exceptions import ConditionError, DataError, did_you_mean, listing
from synthgan.layout import EncodedTable, IntArray, Known, Layout, Relation
from synthgan.preprocessing import calendar, functions
from synthgan.preprocessing.base import CodingOptions, ColumnEncoder
from synthgan.preprocessing.calendar import Calendar, find_calendars, keep_calendars
from synthgan.preprocessing.functions import Function, find_functions, keep_functions
from synthgan.preprocessing.plain import plain_frame, restore
from synthgan.preprocessing.relations import copy_equal, encode_relations, find_relations
from synthgan.schema import Column, Schema, check_frame, dtype_from_json, dtype_to_json, join_columns


def infer_schema(frame: pd.DataFrame) -> Schema:
    """Return the schema of a frame: for each column the kind whose encoder accepts it.

    Raises
    ------
    DataError
        If the frame has no rows or columns, names that cannot be told apart, or columns of no known kind.
    """
    check_frame(frame)
    return _schema_of(frame, plain_frame(frame))


def _schema_of(frame: pd.DataFrame, plain: pd.DataFrame) -> Schema:
    """Return the schema of a frame whose columns are given in plain dtypes as well."""
    by_priority = sorted(ColumnEncoder.registry.values(), key=lambda encoder: -encoder.priority)
    columns, unsupported = [], []
    for name in frame.columns:
        reasons = ((encoder, encoder.accepts(plain[name])) for encoder in by_priority)
        found = next(((encoder.kind, reason) for encoder, reason in reasons if reason), None)
        if found is None:
            unsupported.append(name)
        else:
            columns.append(Column(name, frame[name].dtype, *found))
    if unsupported:
        raise UnsupportedColumnsError(unsupported, frame)
    return Schema(tuple(columns))


class UnsupportedColumnsError(DataError):
    """Columns of kinds that cannot be learned.

    Attributes
    ----------
    columns
        Their names.
    """

    def __init__(self, columns: Sequence[Hashable], frame: pd.DataFrame) -> None:
        self.columns = columns
        content = {name: pd.api.types.infer_dtype(frame[name], skipna=True) for name in columns}
        held = ", ".join(f"{name!r} ({frame[name].dtype}: {kind})" for name, kind in content.items())
        super().__init__(
            f"These columns hold what cannot be learned (nested, binary, complex or mixed cells, several "
            f"time zones, or integers more than 64 bits apart): {held}. Turn "
            f"them into numbers, text or dates, or leave them out with "
            f"df.drop(columns={list(columns)!r}) or --drop-unsupported."
        )


class TableEncoder:
    """Encode a table column by column.

    Parameters
    ----------
    options
        How finely columns are coded.

    Attributes
    ----------
    schema_
        Names, dtypes and kinds of the columns.
    encoders_
        One fitted encoder a column.
    functions_, calendars_
        Which columns determine others, and have their parts in them.
    layout_
        What the encoded columns mean.
    """

    schema_: Schema
    encoders_: list[ColumnEncoder]
    functions_: tuple[Function, ...]
    calendars_: tuple[Calendar, ...]
    layout_: Layout

    def __init__(self, options: CodingOptions | None = None) -> None:
        self.options = options or CodingOptions()

    def fit(self, frame: pd.DataFrame) -> Self:
        """Learn the columns of a frame and return self."""
        check_frame(frame)
        plain = plain_frame(frame)
        schema = _schema_of(frame, plain)
        kinds = ColumnEncoder.registry
        encoders = [kinds[column.kind]().fit(plain[column.name], self.options) for column in schema]
        calendars = find_calendars(plain, encoders)
        functions = find_functions(plain, encoders, {i for other in calendars for i in other.columns})
        return self._assemble(schema, encoders, find_relations(plain, encoders), functions, calendars)

    def _assemble(
        self,
        schema: Schema,
        encoders: list[ColumnEncoder],
        relations: tuple[Relation, ...],
        functions: tuple[Function, ...],
        calendars: tuple[Calendar, ...],
    ) -> Self:
        self.schema_, self.encoders_ = schema, encoders
        self.functions_, self.calendars_ = functions, calendars
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
        conditions: Sequence[tuple[int, "EncodedConditions"]] = (),
    ) -> pd.DataFrame:
        """Return the frame that codes and values stand for.

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
        frame = keep_calendars(frame, self.calendars_, self.encoders_, fixed)
        return self._restored(keep_functions(frame, self.functions_, self.encoders_, fixed, rng))

    def _restored(self, frame: pd.DataFrame) -> pd.DataFrame:
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

    def encode_conditions(self, conditions: Mapping[Any, Any]) -> "EncodedConditions":
        """Return what a mapping from column to wanted value asks of a row.

        Raises
        ------
        ConditionError
            If a column does not exist or cannot take the value.
        """
        if not isinstance(conditions, Mapping):
            raise ConditionError(
                f"Conditions are a mapping from column to value, such as {{'sex': 'F'}}; "
                f"got {type(conditions).__name__}."
            )
        cells: dict[int, pd.Series[Any]] = {}
        for name, value in conditions.items():
            if name not in self.schema_.names:
                raise ConditionError(
                    f"The condition names column {name!r}, which the table does not have; it has "
                    f"{listing(self.schema_.names)}.{did_you_mean(name, self.schema_.names)}"
                )
            index = self.schema_.names.index(name)
            cells[index] = _cell(self.encoders_[index], value)
        self._check_together(cells)
        encoded = {index: self.encoders_[index].transform(cell) for index, cell in cells.items()}
        indices = np.array(sorted(cells), dtype=np.int64)
        codes = np.array([encoded[i][0][0] for i in indices], dtype=np.int64)
        inside = np.array([encoded[i][1][0] for i in indices], dtype=np.float32)
        spans = [self.layout_.spans[i] for i in indices]
        pairs = zip(spans, inside, strict=True)
        places = np.array([span.places(share) for span, share in pairs], dtype=np.int64)
        return EncodedConditions(Known(indices, codes, inside, places), [cells[i] for i in indices])

    def _check_together(self, cells: Mapping[int, "pd.Series[Any]"]) -> None:
        """Raise ConditionError when cells are asked for that never stand together."""
        of_functions = (functions.contradicted(other, cells, self.encoders_) for other in self.functions_)
        of_calendars = (calendar.contradicted(other, cells, self.encoders_) for other in self.calendars_)
        for columns in chain(of_functions, of_calendars):
            if columns:
                asked = " and ".join(f"{self.schema_.names[i]!r} = {cells[i].iloc[0]}" for i in columns)
                raise ConditionError(
                    f"No row can have {asked}: in the table one of these decides the others."
                )

    def read_conditions(self, texts: Iterable[str]) -> dict[Hashable, Any]:
        """Return the conditions that texts of the form ``COLUMN=VALUE`` state.

        An empty value asks for a missing cell, unless the column has empty text as a level. Columns with
        other names than text are found by how these are written.

        Raises
        ------
        ConditionError
            If a text has no such form, or a column is named twice.
        """
        by_text = {str(name): name for name in self.schema_.names}
        conditions: dict[Hashable, Any] = {}
        for text in texts:
            places = [place for place, letter in enumerate(text) if letter == "="]
            if not places:
                raise ConditionError(f"The condition {text!r} is not of the form COLUMN=VALUE.")
            place = next((place for place in reversed(places) if text[:place] in by_text), places[0])
            name, value = by_text.get(text[:place], text[:place]), text[place + 1 :]
            if name in conditions:
                raise ConditionError(f"Column {name!r} has two conditions; give it one.")
            conditions[name] = value or self._empty_value(name)
        return conditions

    def _empty_value(self, name: Hashable) -> str | None:
        if name not in self.schema_.names:
            return None
        encoder = self.encoders_[self.schema_.names.index(name)]
        return "" if "" in getattr(encoder, "levels_", []) else None

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
            "functions": [vars(function) for function in self.functions_],
            "calendars": [vars(calendar) for calendar in self.calendars_],
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
        functions = tuple(Function(**learned) for learned in state["functions"])
        calendars = tuple(Calendar(**learned) for learned in state["calendars"])
        return cls()._assemble(schema, encoders, relations, functions, calendars)


@dataclass(frozen=True)
class EncodedConditions:
    """The cells that every drawn row must have.

    Parameters
    ----------
    known
        Their columns, codes and values.
    cells
        For each column a Series of length one in its own dtype: what is written into the drawn rows, so
        that a condition holds exactly and not only within a code.
    """

    known: Known
    cells: list["pd.Series[Any]"]

    def write_into(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with the known cells in place."""
        if not self.cells:
            return frame
        columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
        for index, cell in zip(self.known.columns, self.cells, strict=True):
            columns[index] = cell.take(np.zeros(len(frame), dtype=np.int64)).set_axis(frame.index)
        return join_columns(columns, list(frame.columns))


def _cell(encoder: ColumnEncoder, value: Any) -> "pd.Series[Any]":
    """Return `value` as one cell of the encoder's column, or raise ConditionError."""
    try:
        cell = encoder.cast(value)
        supported = encoder.contains(cell.iloc[0])
    except (ValueError, TypeError, ArithmeticError, NotImplementedError):
        supported = False
    if not supported:
        near = did_you_mean(value, getattr(encoder, "levels_", []))
        raise ConditionError(
            f"Column {encoder.name!r} cannot be {value!r}: it holds {encoder.support()}.{near}"
        )
    return cell
