"""Of which kind each column of a table is: a frame comes in, a schema goes out, or what cannot be learned."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from pandas.api.types import is_object_dtype

from synthgan.exceptions import DataError, ParameterError, did_you_mean, listing
from synthgan.preprocessing.base import ColumnEncoder
from synthgan.preprocessing.categorical import is_free_text
from synthgan.preprocessing.key import KeyEncoder, says_something
from synthgan.preprocessing.plain import plain_frame
from synthgan.schema import Column, Schema, check_frame

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
    return schema_of(frame, plain_frame(frame), kinds or {})


def schema_of(frame: pd.DataFrame, plain: pd.DataFrame, kinds: Mapping[Any, str]) -> Schema:
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
