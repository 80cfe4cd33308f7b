"""Conditions: what a user asks of rows comes in, and what is known of each of them goes out.

Rows are asked for by a mapping from column to what its cells are to be (see `wishes`), the same for all of
them, or by a frame whose rows say each of one wanted row what is known of it.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from synthgan.exceptions import ConditionError, did_you_mean, listing
from synthgan.layout import EncodedTable, IntArray, Known, Layout
from synthgan.preprocessing.base import UNFIT, BoolArray, ColumnEncoder
from synthgan.preprocessing.choices import Choice
from synthgan.preprocessing.key import KeyEncoder
from synthgan.preprocessing.plain import plain_frame
from synthgan.preprocessing.wishes import Wish, cell_of, present, read_wish
from synthgan.schema import join_columns, overwritten


@dataclass(frozen=True)
class Conditions:
    """What is asked of some rows.

    Parameters
    ----------
    rows
        Which rows these are of all that are asked for, shape ``(n_rows,)``.
    is_known
        Which cells are known, shape ``(n_rows, n_columns)``.
    cells
        For columns that are known somewhere the cells, in the column's plain dtype: what is written into the
        drawn rows, so that a condition holds exactly and not only within a code.
    choices
        For columns whose cells may be one thing or another, what.
    known
        What the model is told.
    """

    rows: IntArray
    is_known: BoolArray
    cells: Mapping[int, "pd.Series[Any]"]
    choices: Mapping[int, Choice]
    known: Known

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def says_nothing(self) -> bool:
        """Whether nothing is asked of any row."""
        return self.known.says_nothing

    @property
    def is_asked(self) -> BoolArray:
        """Of which cells more is asked than to be present, shape ``(n_rows, n_columns)``."""
        is_asked = self.is_known.copy()
        is_asked[:, [i for i, choice in self.choices.items() if not choice.is_silent]] = True
        return is_asked

    @property
    def must_be_present(self) -> list[int]:
        """The columns whose cells are to be present without anything else being asked of them."""
        return [i for i, choice in self.choices.items() if choice.is_silent]

    def take(self, places: IntArray) -> Self:
        """Return what is asked of some of the rows, each perhaps several times."""
        cells = {i: cell.take(places).reset_index(drop=True) for i, cell in self.cells.items()}
        known = replace(self.known, pattern_of=self.known.patterns_of(len(self))[places])
        return replace(self, rows=self.rows[places], is_known=self.is_known[places], cells=cells, known=known)

    def as_first(self) -> Self:
        """Return what is asked of the rows as if no others had been asked for."""
        return replace(self, rows=np.arange(len(self)))

    def later(self, n_rows: int) -> Self:
        """Return what is asked of the rows as if others had been asked for before."""
        return replace(self, rows=self.rows + n_rows)

    @staticmethod
    def merged(parts: Sequence["Conditions"]) -> list["Conditions"]:
        """Return the same with all rows together of which nothing but known cells is asked."""
        plain = [part for part in parts if not part.choices]
        if len(plain) < 2:
            return list(parts)
        columns = sorted({i for part in plain for i in part.cells})
        some = {i: next(part.cells[i] for part in plain if i in part.cells).iloc[[0]] for i in columns}
        cells = {
            i: pd.concat(
                [
                    part.cells[i] if i in part.cells else some[i].take(np.zeros(len(part), int))
                    for part in plain
                ],
                ignore_index=True,
            )
            for i in columns
        }
        known = Known.join([(part.known, len(part)) for part in plain])
        rows, is_known = (
            np.concatenate([getattr(part, name) for part in plain]) for name in ("rows", "is_known")
        )
        return [Conditions(rows, is_known, cells, {}, known), *(part for part in parts if part.choices)]

    def write_into(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return as many drawn rows with the known cells in place."""
        if not self.cells:
            return frame
        columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
        for index, cells in self.cells.items():
            known = cells.set_axis(frame.index)
            columns[index] = overwritten(columns[index], known, self.is_known[:, index])
        return join_columns(columns, list(frame.columns))

    def met(self, frame: pd.DataFrame) -> BoolArray:
        """Return which of as many plain rows lie where they were asked to."""
        is_met = np.ones(len(frame), dtype=bool)
        for index, choice in self.choices.items():
            is_met &= choice.test(frame.iloc[:, index])
        return is_met

    def in_words(self, names: Sequence[Hashable]) -> dict[int, str]:
        """Return what is asked of all rows alike, by column."""
        words = {i: f"{names[i]!r} {choice.text}" for i, choice in self.choices.items()}
        for i, cells in self.cells.items():
            if self.is_known[:, i].all() and cells.nunique(dropna=False) == 1:
                words[i] = (
                    f"{names[i]!r} missing" if cells.isna().iloc[0] else f"{names[i]!r} = {cells.iloc[0]}"
                )
        return words


class ConditionReader:
    """Read what a user asks of rows.

    Parameters
    ----------
    encoders
        Fitted encoders of the columns.
    layout
        What the encoded columns mean.
    """

    def __init__(self, encoders: Sequence[ColumnEncoder], layout: Layout) -> None:
        self.encoders, self.layout = encoders, layout
        self.names = [encoder.name for encoder in encoders]

    def read(self, n_rows: int, asked: Any, rng: np.random.Generator) -> list[Conditions]:
        """Return what is asked of rows, those together of which the same choices are asked.

        Parameters
        ----------
        n_rows
            How many rows.
        asked
            A mapping from column to what is wanted, or a frame with a row for each.
        rng
            Decides which row gets which of several values that are asked for in some share of the rows.

        Raises
        ------
        ConditionError
            If a column does not exist or cannot be so.
        """
        if isinstance(asked, pd.DataFrame):
            return [self._of_frame(n_rows, asked)]
        if not isinstance(asked, Mapping):
            raise ConditionError(
                f"Conditions are a mapping from column to value, such as {{'sex': 'F'}}, or a table whose "
                f"rows state what is known; got {type(asked).__name__}."
            )
        wishes = {self._index(name): read_wish(self._encoder(name), wanted) for name, wanted in asked.items()}
        options = {i: wish.assigned(n_rows, rng) for i, wish in sorted(wishes.items())}
        chosen = np.zeros((n_rows, 0), dtype=np.int64)
        if with_choices := [i for i in options if any(isinstance(o, Choice) for o in wishes[i].options)]:
            chosen = np.column_stack([options[i] for i in with_choices])
        _, group = (
            np.unique(chosen, axis=0, return_inverse=True) if n_rows else (None, np.zeros(0, dtype=int))
        )
        groups = [np.flatnonzero(group == number) for number in np.unique(group)] or [np.arange(0)]
        return [self._of_group(rows, wishes, options) for rows in groups]

    def _index(self, name: Hashable) -> int:
        if name not in self.names:
            raise ConditionError(
                f"The condition names column {name!r}, which the table does not have; it has "
                f"{listing(self.names)}.{did_you_mean(name, self.names)}"
            )
        return self.names.index(name)

    def _encoder(self, name: Hashable) -> ColumnEncoder:
        return self.encoders[self._index(name)]

    def _of_group(
        self, rows: IntArray, wishes: Mapping[int, Wish], options: Mapping[int, IntArray]
    ) -> Conditions:
        """Return what is asked of rows that have the same option wherever one is a choice."""
        cells: dict[int, pd.Series[Any]] = {}
        choices: dict[int, Choice] = {}
        for i, wish in wishes.items():
            own = options[i][rows]
            first = wish.options[own[0]] if len(own) else wish.options[0]
            if isinstance(first, Choice):
                choices[i] = first
            else:
                exact = [option for option in wish.options if not isinstance(option, Choice)]
                place = np.cumsum([not isinstance(option, Choice) for option in wish.options]) - 1
                cells[i] = pd.concat(exact, ignore_index=True).take(place[own]).reset_index(drop=True)
        is_known = np.zeros((len(rows), len(self.encoders)), dtype=bool)
        is_known[:, list(cells)] = True
        return self.conditions(rows, is_known, cells, choices)

    def _of_frame(self, n_rows: int, frame: pd.DataFrame) -> Conditions:
        """Return what the rows of a frame state: a missing cell says nothing."""
        if len(frame) != n_rows:
            raise ConditionError(
                f"The table of conditions has {len(frame):,} rows, and {n_rows:,} are asked for; each of its "
                "rows is one."
            )
        indices = [self._index(name) for name in frame.columns]
        if len(set(indices)) < len(indices):
            raise ConditionError(f"The table of conditions names a column twice: {listing(frame.columns)}.")
        frame = plain_frame(frame)
        is_known = np.zeros((n_rows, len(self.encoders)), dtype=bool)
        cells = {}
        for place, i in enumerate(indices):
            is_known[:, i] = frame.iloc[:, place].notna().to_numpy()
            if is_known[:, i].any():
                cells[i] = self._cells(self.encoders[i], frame.iloc[:, place])
        return self.conditions(np.arange(n_rows), is_known, cells, {})

    def of_facts(self, frame: pd.DataFrame, is_known: BoolArray, *, is_present: bool) -> Conditions:
        """Return what given rows say: cells that the model cannot know say nothing, whatever they hold.

        Parameters
        ----------
        frame
            The rows, plain, with some of the columns.
        is_known
            Which of their cells count, of the shape of the frame.
        is_present
            Whether all cells that are drawn are to be present.
        """
        counts = np.zeros((len(frame), len(self.encoders)), dtype=bool)
        cells: dict[int, pd.Series[Any]] = {}
        choices: dict[int, Choice] = {}
        for place, name in enumerate(frame.columns):
            i, encoder = self._index(name), self._encoder(name)
            can_be_filled = encoder.has_missing_ and encoder.missing_code > 0
            if is_present and can_be_filled and not is_known[:, place].all():
                choices[i] = replace(present(encoder), is_silent=True)
            if not frame.iloc[:, place].notna().any() and not encoder.has_missing_:
                continue
            column = _in_dtype(frame.iloc[:, place].reset_index(drop=True), encoder)
            own = is_known[:, place] & encoder.understands(column)
            own &= column.notna().to_numpy() | frame.iloc[:, place].isna().to_numpy()
            counts[:, i] = own
            if own.any():
                some = column.take(np.where(own, np.arange(len(own)), own.argmax()))
                cells[i] = some.reset_index(drop=True).astype(encoder.dtype)
        return self.conditions(np.arange(len(frame)), counts, cells, choices)

    def can_be(self, frame: pd.DataFrame) -> BoolArray:
        """Return which rows of a plain frame have only cells that can be drawn; keys are always others."""
        can_be = np.ones(len(frame), dtype=bool)
        for encoder in self.encoders:
            if not isinstance(encoder, KeyEncoder):
                column = frame[encoder.name].reset_index(drop=True)
                is_missing = column.isna().to_numpy()
                held = _in_dtype(column, encoder)
                can_be &= np.where(is_missing, encoder.has_missing_, held.notna() & encoder.supports(held))
        return can_be

    def _cells(self, encoder: ColumnEncoder, given: "pd.Series[Any]") -> "pd.Series[Any]":
        """Return known cells in the dtype of the encoder's column, or raise ConditionError."""
        present = given.dropna()
        different = present.drop_duplicates()
        if given.dtype != encoder.dtype:
            by_value = {value: cell_of(encoder, value).iloc[0] for value in different}
            cells = pd.Series([by_value[value] for value in present], index=present.index, dtype=object)
            present = cells.astype(encoder.dtype)
        elif not encoder.supports(different).all():
            cell_of(encoder, different[~encoder.supports(different)].iloc[0])  # says what is wrong
        # Rows of which nothing is known get some cell: a missing one would change the dtype of integers.
        known = given.notna().to_numpy()
        return present.take(np.where(known, np.cumsum(known) - 1, 0)).reset_index(drop=True)

    def conditions(
        self,
        rows: IntArray,
        is_known: BoolArray,
        cells: Mapping[int, "pd.Series[Any]"],
        choices: Mapping[int, Choice],
    ) -> Conditions:
        """Return what is asked of rows, with what the model is told of it; see `Conditions`."""
        codes = np.zeros(is_known.shape, dtype=np.int64)
        inside = np.zeros(is_known.shape, dtype=np.float32)
        for i, column in cells.items():
            known = is_known[:, i]
            codes[known, i], inside[known, i] = self.encoders[i].transform(column[known])
        layout = self.layout
        places = layout.places(inside)
        relations = np.zeros((len(rows), len(layout.relations)), dtype=bool)
        table = EncodedTable(codes, inside[:, layout.valued], places, relations)
        whole = np.column_stack([codes, places, is_known, table.values.view(np.int32)]).astype(np.int64)
        digests = pd.util.hash_pandas_object(pd.DataFrame(whole), index=False).to_numpy()
        _, first, pattern = np.unique(digests, return_index=True, return_inverse=True)
        is_any = len(rows) > 0
        told = Known(table.take(first), is_known[first], pattern) if is_any else Known.nothing(layout)
        allowed = {i: choice.shares(layout.spans[i]) for i, choice in choices.items()}
        silent = frozenset(i for i, choice in choices.items() if choice.is_silent)
        told = replace(told, allowed=allowed, silent=silent)
        return Conditions(rows, is_known, cells, choices, told)


def _in_dtype(column: "pd.Series[Any]", encoder: ColumnEncoder) -> "pd.Series[Any]":
    """Return a column in the dtype of an encoder's, or as objects; what that cannot hold is missing."""
    if column.dtype == encoder.dtype:
        return column
    cells: dict[Any, Any] = {}
    for value in column.dropna().drop_duplicates():
        with suppress(*UNFIT):
            cells[value] = encoder.cast(value).iloc[0]
    held = pd.Series([cells.get(value) for value in column], dtype=object)
    with suppress(*UNFIT):  # a missing cell, of which integers have none
        return held.astype(encoder.dtype)
    return held


def read_texts(texts: Iterable[str], encoders: Sequence[ColumnEncoder]) -> dict[Hashable, Any]:
    """Return the conditions that texts of the form ``COLUMN=VALUE`` or ``COLUMN>=VALUE`` state.

    An empty value asks for a missing cell, unless the column has empty text as a level, and ``COLUMN!=`` for
    one that is present. Several comparisons of one column are to hold together. Columns with other names
    than text are found by how these are written.

    Raises
    ------
    ConditionError
        If a text has no such form, or a column is given two values.
    """
    by_text = {str(encoder.name): encoder for encoder in encoders}
    conditions: dict[Hashable, Any] = {}
    comparisons: dict[Hashable, list[str]] = {}
    for text in texts:
        column, sign, value = _parted(text, by_text)
        encoder = by_text.get(column)
        name = column if encoder is None else encoder.name
        if name in conditions or (sign == "=" and name in comparisons):
            raise ConditionError(f"Column {name!r} has two conditions; give it one.")
        if sign == "=":
            is_level = "" in getattr(encoder, "levels_", [])
            conditions[name] = value or ("" if is_level else None)
        else:  # what can be compared is present
            comparisons.setdefault(name, []).extend([f"{sign} {value}"] if value else [])
    joined = {name: " and ".join(parts) or "not missing" for name, parts in comparisons.items()}
    return conditions | joined


_SIGNS = (">=", "<=", "!=", "=", ">", "<")


def _parted(text: str, names: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the column, the sign and the value of a text; the longest name that is known counts."""
    places = [(place, sign) for place in range(len(text)) for sign in _SIGNS if text.startswith(sign, place)]
    if not places:
        raise ConditionError(
            f"The condition {text!r} is not of the form COLUMN=VALUE; other signs are >=, <=, >, < and !=."
        )

    def name_before(place: int) -> str:
        return text[:place] if text[:place] in names else text[:place].strip()

    known = [(place, len(sign)) for place, sign in places if name_before(place) in names]
    place, length = max(known) if known else (places[0][0], len(places[0][1]))
    sign, value = text[place : place + length], text[place + length :]
    return name_before(place), sign, value if sign == "=" else value.strip()
