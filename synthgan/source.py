"""A parquet file or a folder of them, however large: a path comes in, batches of rows go out.

Nothing but a batch is in memory at a time. Text is read as dictionaries, and how much memory it would take
written out is looked at before it is: a file of a kilobyte may hold rows for hundreds of gigabytes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as pq
import pyarrow.types as arrow

from synthgan.exceptions import DataError, ResourceError
from synthgan.io import check_unique, reading

#: Rows of a batch.
BATCH_ROWS = 65_536
#: Bytes that the text of a batch may take, written out, and a whole table.
MAX_TEXT_BYTES, MAX_BYTES = 2**30, 16 * 2**30
#: What the footer of a file may hold, so that it cannot fill the memory by itself.
_LIMITS = {"thrift_string_size_limit": 100 * 2**20, "thrift_container_size_limit": 1_000_000}


@dataclass(frozen=True)
class ParquetSource:
    """The rows of one or several parquet files with the same columns.

    Attributes
    ----------
    path
        What was named.
    files
        The files, in the order of their names.
    schema
        Their columns; metadata is that of the first file.
    n_rows
        Of all files.
    """

    path: Path
    files: tuple[Path, ...]
    schema: pa.Schema
    n_rows: int

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Self:
        """Look at the footers of a file, or of all in a folder and the folders in it.

        Raises
        ------
        DataError
            If there is no such file, one cannot be read, or two have different columns.
        """
        path = Path(path)
        files: tuple[Path, ...] = (path,)
        if os.path.isdir(path):  # noqa: PTH112 - which a name that is too long is not, either
            files = tuple(file for file in sorted(path.rglob("*.parquet")) if _is_seen(file, path))
        if not files:
            raise DataError(f"{str(path)!r} is a directory; it holds no parquet files.")
        schemas, n_rows = [], 0
        for file in files:
            with reading(file), _opened(file) as opened:
                schemas.append(pq.read_schema(file))  # in which text is text
                n_rows += opened.metadata.num_rows
        for file, schema in zip(files, schemas, strict=True):
            _check_alike(files[0], schemas[0], file, schema)
        return cls(path, files, schemas[0], n_rows)

    def table(self) -> pa.Table:
        """Return all rows; raises what `batches` does, and ResourceError if they are too many."""
        batches, n_bytes = [self.schema.empty_table()], 0
        for batch in self.batches():
            batches.append(batch)
            n_bytes += batch.nbytes
            if n_bytes > MAX_BYTES:
                raise ResourceError(
                    f"{str(self.path)!r} takes more than {MAX_BYTES // 2**30} GiB in memory; give a part of "
                    "it, or learn it with the command fit, which holds some of the rows."
                )
        return pa.concat_tables(batches).combine_chunks()

    def batches(self) -> Iterator[pa.Table]:
        """Yield all rows, so many at a time.

        Raises
        ------
        DataError
            If a file is damaged.
        ResourceError
            If the text of a batch is too large to be written out.
        """
        for file in self.files:
            with reading(file), _opened(file) as opened:
                n_rows = 0
                for batch in opened.iter_batches(batch_size=BATCH_ROWS):
                    yield _written_out(pa.Table.from_batches([batch]), self.schema, file)
                    n_rows += len(batch)
                if n_rows != opened.metadata.num_rows:  # some damages end the reading without a word
                    raise pa.ArrowInvalid(f"{n_rows:,} of {opened.metadata.num_rows:,} rows can be read")


def _is_seen(file: Path, folder: Path) -> bool:
    """Whether a file of a folder is not hidden, as unfinished ones are, nor is a folder that it is in."""
    return not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def _opened(path: Path) -> pq.ParquetFile:
    schema = pq.read_schema(path)
    check_unique(schema.names, path)
    texts = [field.name for field in schema if _is_text(field.type)]
    return pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=texts, **_LIMITS)


def _is_text(held: pa.DataType) -> bool:
    return bool(arrow.is_string(held) or arrow.is_large_string(held) or arrow.is_binary(held))


def _written_out(table: pa.Table, schema: pa.Schema, path: Path) -> pa.Table:
    """Return rows in which text that was read as dictionaries is of the type that the file says."""
    columns = []
    for name, field in zip(table.column_names, schema, strict=True):
        column = table[name]
        if column.type != field.type and arrow.is_dictionary(column.type):
            n_bytes = sum(map(_n_bytes_of_text, column.chunks))
            if n_bytes > MAX_TEXT_BYTES:
                raise ResourceError(
                    f"Column {name!r} of {str(path)!r} holds text of {n_bytes / 2**30:,.0f} GiB in "
                    f"{len(column):,} rows; leave it out, or shorten it."
                )
            column = column.cast(field.type)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)


def _n_bytes_of_text(chunk: pa.DictionaryArray) -> int:
    """Return how many bytes the cells of a dictionary take, written out."""
    lengths = compute.binary_length(chunk.dictionary).fill_null(0).to_numpy(zero_copy_only=False)
    indices = chunk.indices.drop_null().to_numpy(zero_copy_only=False)
    if len(indices) and not 0 <= indices.min() <= indices.max() < len(lengths):
        raise pa.ArrowInvalid("cells point beyond the dictionary of their column")
    return int(lengths.astype(np.int64)[indices].sum())


def _check_alike(first: Path, own: pa.Schema, path: Path, schema: pa.Schema) -> None:
    """Raise DataError if two files have different columns."""
    ours, theirs = ({field.name: str(field.type) for field in each} for each in (own, schema))
    for name in (name for name in [*ours, *theirs] if ours.get(name) != theirs.get(name)):
        raise DataError(
            f"The files clash: {str(first)!r} has {name!r} as {ours.get(name, 'no column')}, and "
            f"{str(path)!r} as {theirs.get(name, 'no column')}. Give files with the same columns."
        )
    if list(ours) != list(theirs):
        raise DataError(
            f"The files clash: {str(path)!r} has the columns of {str(first)!r} in another order; write both "
            "in the same."
        )
