"""Conditions: a mapping from column to wanted value comes in, what it asks of every drawn row goes out."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import ConditionError, did_you_mean, listing
from synthgan.layout import Known
from synthgan.preprocessing.base import ColumnEncoder
from synthgan.preprocessing.ties import Ties
from synthgan.schema import join_columns


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


def encode_conditions(
    conditions: Mapping[Any, Any], encoders: Sequence[ColumnEncoder], ties: Ties
) -> EncodedConditions:
    """Return what a mapping from column to wanted value asks of a row.

    Raises
    ------
    ConditionError
        If a column does not exist or cannot take the value, or no row can have all of them.
    """
    if not isinstance(conditions, Mapping):
        raise ConditionError(
            f"Conditions are a mapping from column to value, such as {{'sex': 'F'}}; "
            f"got {type(conditions).__name__}."
        )
    names = [encoder.name for encoder in encoders]
    cells: dict[int, pd.Series[Any]] = {}
    for name, value in conditions.items():
        if name not in names:
            raise ConditionError(
                f"The condition names column {name!r}, which the table does not have; it has "
                f"{listing(names)}.{did_you_mean(name, names)}"
            )
        cells[names.index(name)] = _cell(encoders[names.index(name)], value)
    if apart := ties.contradicted(cells, encoders):
        asked = " and ".join(f"{names[i]!r} = {cells[i].iloc[0]}" for i in apart)
        raise ConditionError(f"No row can have {asked}: in the table one of these decides the others.")
    encoded = {index: encoders[index].transform(cell) for index, cell in cells.items()}
    indices = np.array(sorted(cells), dtype=np.int64)
    codes = np.array([encoded[i][0][0] for i in indices], dtype=np.int64)
    inside = np.array([encoded[i][1][0] for i in indices], dtype=np.float32)
    spans = [encoders[i].span for i in indices]
    pairs = zip(spans, inside, strict=True)
    places = np.array([span.places(share) for span, share in pairs], dtype=np.int64)
    return EncodedConditions(Known(indices, codes, inside, places), [cells[i] for i in indices])


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


def read_conditions(texts: Iterable[str], encoders: Sequence[ColumnEncoder]) -> dict[Hashable, Any]:
    """Return the conditions that texts of the form ``COLUMN=VALUE`` state.

    An empty value asks for a missing cell, unless the column has empty text as a level. Columns with other
    names than text are found by how these are written.

    Raises
    ------
    ConditionError
        If a text has no such form, or a column is named twice.
    """
    by_text = {str(encoder.name): encoder for encoder in encoders}
    conditions: dict[Hashable, Any] = {}
    for text in texts:
        places = [place for place, letter in enumerate(text) if letter == "="]
        if not places:
            raise ConditionError(f"The condition {text!r} is not of the form COLUMN=VALUE.")
        place = next((place for place in reversed(places) if text[:place] in by_text), places[0])
        encoder, value = by_text.get(text[:place]), text[place + 1 :]
        name = text[:place] if encoder is None else encoder.name
        if name in conditions:
            raise ConditionError(f"Column {name!r} has two conditions; give it one.")
        is_level = "" in getattr(encoder, "levels_", [])
        conditions[name] = value or ("" if is_level else None)
    return conditions
