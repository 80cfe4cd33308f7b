"""A parquet table that gets more rows: its own rows, schema and metadata stay as they are.

A file comes in as an Arrow table, which is kept, and as a frame to learn from; drawn rows go in as a frame
and the whole goes out as an Arrow table.
"""

import json
import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa

from synthgan.exceptions import DataError
from synthgan.io import read_parquet

MARK = "synthetic"

_PANDAS = b"pandas"


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
        """Read a file; see `synthgan.io.read_parquet` for the errors."""
        arrow = read_parquet(path)
        plain = arrow.replace_schema_metadata(_without_index(arrow.schema.metadata))
        return cls(arrow, plain.drop_columns(_index_columns(arrow.schema)).to_pandas())

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

    def with_rows(self, drawn: pd.DataFrame, *, mark: bool) -> pa.Table:
        """Return the table with drawn rows after its own.

        Parameters
        ----------
        drawn
            Rows with the columns of `frame`.
        mark
            Whether to add a boolean column that is true for drawn rows.

        Raises
        ------
        DataError
            If the drawn rows do not fit the schema of the file.
        """
        index = set(_index_columns(self.arrow.schema))
        columns = [
            self._new_index(field, len(drawn)) if field.name in index else self._new_cells(field, drawn)
            for field in self.arrow.schema
        ]
        whole = pa.concat_tables([self.arrow, pa.Table.from_arrays(columns, schema=self.arrow.schema)])
        if mark:
            is_drawn = np.repeat([False, True], [len(self.arrow), len(drawn)])
            whole = whole.append_column(pa.field(MARK, pa.bool_()), pa.array(is_drawn))
        return whole

    def _new_cells(self, field: pa.Field, drawn: pd.DataFrame) -> pa.Array:
        try:
            return pa.Array.from_pandas(drawn[field.name], type=field.type)
        except (pa.ArrowException, KeyError) as error:
            raise DataError(
                f"Drawn cells of column {field.name!r} do not fit its type {field.type}."
            ) from error

    def _new_index(self, field: pa.Field, n_rows: int) -> pa.Array:
        """Return index cells for drawn rows: whole numbers go on from the largest, others are missing."""
        if pa.types.is_integer(field.type):
            numbers = self.arrow[field.name].to_pandas()
            first = int(numbers.max()) + 1 if len(numbers) else 0
            return pa.array(range(first, first + n_rows), type=field.type)
        return pa.nulls(n_rows, type=field.type)


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
    described = json.loads((schema.metadata or {}).get(_PANDAS, b"{}"))
    stored = {entry for entry in described.get("index_columns", []) if isinstance(entry, str)}
    return [name for name in schema.names if name in stored]


def _without_index(metadata: dict[bytes, bytes] | None) -> dict[bytes, bytes] | None:
    """Return schema metadata that restores pandas dtypes, but neither an index nor column names."""
    if not metadata or _PANDAS not in metadata:
        return metadata
    described: dict[str, Any] = json.loads(metadata[_PANDAS])
    described.update(index_columns=[], column_indexes=[])
    return {_PANDAS: json.dumps(described).encode()}
