"""A parquet table that gets more rows: its own rows, schema and metadata stay as they are.

A file comes in as an Arrow table, which is kept, and as a frame to learn from; drawn rows go in as a frame
and the whole goes out as an Arrow table.
"""

import json
import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as compute

from synthgan.exceptions import DataError
from synthgan.sketch import some_rows
from synthgan.source import ParquetSource

MARK = "synthetic"

_PANDAS = b"pandas"
_NULLABLE = {
    pa.type_for_alias(f"{sign}int{bits}"): pd.api.types.pandas_dtype(f"{sign.upper()}Int{bits}")
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}


@dataclass
class ParquetTable:
    """The content of a parquet file.

    Parameters
    ----------
    arrow
        All columns as they were read.
    frame
        What can be learned: the columns but those that pandas wrote as an index.
    """

    arrow: pa.Table
    frame: pd.DataFrame

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file, or a folder of files with the same columns.

        Raises
        ------
        DataError, ResourceError
            As `ParquetSource`, or if the whole is too large for the memory.
        """
        return cls.of(ParquetSource.of(path).table())

    @classmethod
    def some_of(cls, path: str | os.PathLike[str], n_rows: int, seed: int) -> tuple[Self, int]:
        """Read a file or folder of any size, of which so many rows are kept; return how many it has as well.

        See `some_rows` for which they are, and `read` for the errors.
        """
        source = ParquetSource.of(path)
        if source.n_rows <= n_rows:
            return cls.of(source.table()), source.n_rows
        return cls.of(some_rows(source.batches(), n_rows, seed)), source.n_rows

    @classmethod
    def of(cls, arrow: pa.Table) -> Self:
        """Return an Arrow table as one that is to be learned, or to get more rows."""
        plain = arrow.replace_schema_metadata(_without_index(arrow.schema.metadata))
        plain = plain.drop_columns(_index_columns(arrow.schema))
        frame = plain.to_pandas()
        for field in plain.schema:  # whole numbers with missing cells would come as floats and lose digits
            if pa.types.is_integer(field.type) and frame[field.name].dtype.kind == "f":
                frame[field.name] = plain[field.name].to_pandas(types_mapper=_NULLABLE.get)
        return cls(arrow, frame)

    def drop(self, columns: Sequence[Hashable]) -> None:
        """Leave columns out of the table."""
        self.arrow = self.arrow.drop_columns(list(columns))
        self.frame = self.frame.drop(columns=list(columns))

    def check_mark(self) -> None:
        """Raise DataError when the table has a column of the provenance column's name already."""
        if MARK in self.arrow.column_names:
            raise DataError(
                f"The table has a column {MARK!r} already, and --mark would add one; rename it first."
            )

    def extended(
        self, batches: Iterable[pa.Table], drawn: Iterable[pd.DataFrame], *, mark: bool
    ) -> Iterator[pa.Table]:
        """Yield rows of the file that this table is of, batch by batch, and drawn rows after them.

        Parameters
        ----------
        batches
            All rows of the file; columns that this table has not are left out.
        drawn
            Rows with the columns of `frame`.
        mark
            Whether to add a boolean column that is true for drawn rows.

        Raises
        ------
        DataError
            If the drawn rows do not fit the schema of the file.
        """
        schema = self.arrow.schema
        index = dict.fromkeys(_index_columns(schema), -1)  # the largest number of each so far
        for batch in batches:
            own = batch.select(schema.names).cast(schema)
            for name in index:
                if pa.types.is_integer(schema.field(name).type) and len(own) > own[name].null_count:
                    index[name] = max(index[name], compute.max(own[name]).as_py())
            yield _marked(own, False) if mark else own
        n_rows = 0
        for frame in drawn:
            columns = [
                _new_index(field, index[field.name] + 1 + n_rows, len(frame))
                if field.name in index
                else self._new_cells(field, frame)
                for field in schema
            ]
            own = pa.Table.from_arrays(columns, schema=schema)
            yield _marked(own, True) if mark else own
            n_rows += len(frame)

    def with_cells(self, frame: pd.DataFrame) -> pa.Table:
        """Return the table with other cells in as many rows; columns that these do not have stay as they are.

        Raises DataError if the cells do not fit the schema of the file.
        """
        index = set(_index_columns(self.arrow.schema))
        columns = [
            self._new_cells(field, frame)
            if field.name in frame and field.name not in index
            else self.arrow[field.name]
            for field in self.arrow.schema
        ]
        return pa.Table.from_arrays(columns, schema=self.arrow.schema)

    def _new_cells(self, field: pa.Field, drawn: pd.DataFrame) -> pa.Array:
        try:
            return pa.Array.from_pandas(drawn[field.name], type=field.type)
        except (pa.ArrowException, KeyError) as error:
            raise DataError(
                f"Drawn cells of column {field.name!r} do not fit its type {field.type}."
            ) from error


def _new_index(field: pa.Field, first: int, n_rows: int) -> pa.Array:
    """Return index cells for drawn rows: whole numbers go on from the largest, others are missing."""
    if pa.types.is_integer(field.type):
        with suppress(pa.ArrowInvalid, OverflowError):  # a type that is too narrow to go on
            return pa.array(range(first, first + n_rows), type=field.type)
    return pa.nulls(n_rows, type=field.type)


def _marked(table: pa.Table, is_drawn: bool) -> pa.Table:
    """Return rows with a column that says whether they were drawn."""
    marks = pa.array(np.full(len(table), is_drawn))
    marked = table.append_column(pa.field(MARK, pa.bool_()), marks)
    return marked.replace_schema_metadata(_with_text_names(marked.schema.metadata))


def marked_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the drawn rows of a frame that has them marked, without the mark; any other frame as it is."""
    if MARK not in frame.columns or not pd.api.types.is_bool_dtype(frame[MARK].dtype):
        return frame
    return frame.loc[frame[MARK].to_numpy(dtype=bool)].drop(columns=MARK).reset_index(drop=True)


def table_from_frame(frame: pd.DataFrame) -> pa.Table:
    """Return a frame of drawn rows as an Arrow table without an index column."""
    return pa.Table.from_pandas(frame, preserve_index=False)


def is_parquet(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as parquet files do."""
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(4) == b"PAR1"


def _index_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that pandas wrote as an index."""
    described = _described(schema.metadata)
    stored = {entry for entry in described.get("index_columns") or [] if isinstance(entry, str)}
    return [name for name in schema.names if name in stored]


def _without_index(metadata: dict[bytes, bytes] | None) -> dict[bytes, bytes] | None:
    """Return schema metadata that restores pandas dtypes, but neither an index nor column names."""
    described = _described(metadata)
    if not described:
        return None
    return {_PANDAS: json.dumps({**described, "index_columns": [], "column_indexes": []}).encode()}


def _with_text_names(metadata: dict[bytes, bytes] | None) -> dict[bytes, bytes] | None:
    """Return schema metadata under which pandas reads column names as text, whatever they were."""
    described = _described(metadata)
    kinds = {index.get("pandas_type") for index in described.get("column_indexes") or []}
    if not metadata or kinds <= {"unicode"}:
        return metadata
    return {**metadata, _PANDAS: json.dumps({**described, "column_indexes": []}).encode()}


def _described(metadata: dict[bytes, bytes] | None) -> dict[str, Any]:
    """Return what pandas wrote about a table; nothing where that cannot be read."""
    with suppress(ValueError):
        described = json.loads((metadata or {}).get(_PANDAS, b"{}"))
        if isinstance(described, dict) and isinstance(described.get("columns"), list):
            return described
    return {}
