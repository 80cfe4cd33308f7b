"""What is kept of a table that is too large to be held: batches of rows come in, some of the rows go out.

Some are chosen at random, each row as likely as any other. And some are witnesses: those that show what no
other row does, such as the largest number of a column, a level, or a missing cell, so that whoever learns the
columns from them knows all that occurs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.types as arrow

from synthgan.layout import FloatArray, IntArray

#: Levels of a column of which each has a witness; a column with more is none of levels.
_MAX_LEVELS = 2_000
#: Levels that a batch may have, however few rows it has; else not more than half as many.
_FEW = 20


def some_rows(batches: Iterable[pa.Table], n_rows: int, seed: int) -> pa.Table:
    """Return `n_rows` that are chosen at random, and witnesses, in their order; all if there are no more.

    The batches, one at least, have the same columns.
    """
    rng = np.random.default_rng(seed)
    chosen, witnesses = _Rows(), _Rows()
    columns: list[_Column] | None = None
    first = 0
    for batch in batches:
        columns = [_Column() for _ in batch.schema] if columns is None else columns
        chances, places = rng.random(len(batch)), first + np.arange(len(batch))
        chosen.add(batch, places, chances)
        chosen.keep(n_rows, at_once=2 * n_rows)
        shown = [column.shown_by(batch.column(i)) for i, column in enumerate(columns)]
        rows = np.unique(np.concatenate(shown)).astype(np.int64)
        witnesses.add(batch.take(pa.array(rows)), places[rows], chances[rows])
        first += len(batch)
    chosen.keep(n_rows)
    return _Rows.joined(chosen, witnesses)


@dataclass
class _Rows:
    """Rows with their places in the whole table, and the numbers by which they are chosen."""

    tables: list[pa.Table] = field(default_factory=list)
    places: list[IntArray] = field(default_factory=list)
    chances: list[FloatArray] = field(default_factory=list)

    def add(self, table: pa.Table, places: IntArray, chances: FloatArray) -> None:
        """Take in more rows."""
        self.tables.append(table)
        self.places.append(places)
        self.chances.append(chances)

    def keep(self, n_rows: int, at_once: int = 0) -> None:
        """Keep the rows with the least numbers, if there are more than can be held at once."""
        chances = np.concatenate(self.chances)
        if len(chances) <= max(n_rows, at_once):
            return
        kept = np.sort(np.argpartition(chances, n_rows)[:n_rows])
        table = pa.concat_tables(self.tables).take(pa.array(kept)).combine_chunks()
        self.tables, self.places = [table], [np.concatenate(self.places)[kept]]
        self.chances = [chances[kept]]

    @staticmethod
    def joined(*parts: "_Rows") -> pa.Table:
        """Return the rows of several, each once, in the order of the whole table."""
        table = pa.concat_tables([table for part in parts for table in part.tables])
        places = np.concatenate([places for part in parts for places in part.places])
        _, order = np.unique(places, return_index=True)
        return table.take(pa.array(order)).combine_chunks()


@dataclass
class _Column:
    """What rows so far have shown of a column."""

    least: pa.Scalar | None = None
    largest: pa.Scalar | None = None
    has_missing: bool = False
    levels: set[object] | None = field(default_factory=set)

    def shown_by(self, cells: pa.ChunkedArray) -> IntArray:
        """Return the rows of a batch that show what none before them has."""
        rows: list[IntArray] = []
        if cells.null_count and not self.has_missing:
            self.has_missing = True
            rows.append(np.array([compute.index(cells.is_null(), pa.scalar(True)).as_py()]))
        if _has_ends(cells.type):
            rows.append(self._new_ends(cells))
        if self.levels is not None and _has_levels(cells.type):
            rows.append(self._new_levels(cells))
        return np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)

    def _new_ends(self, cells: pa.ChunkedArray) -> IntArray:
        ends = compute.min_max(cells)
        least, largest = ends["min"], ends["max"]
        rows = []
        if least.is_valid and (self.least is None or least.as_py() < self.least.as_py()):
            self.least = least
            rows.append(compute.index(cells, least).as_py())
        if largest.is_valid and (self.largest is None or largest.as_py() > self.largest.as_py()):
            self.largest = largest
            rows.append(compute.index(cells, largest).as_py())
        return np.array([row for row in rows if row >= 0], dtype=np.int64)

    def _new_levels(self, cells: pa.ChunkedArray) -> IntArray:
        assert self.levels is not None
        encoded = cells.combine_chunks()
        if not arrow.is_dictionary(encoded.type):
            encoded = encoded.dictionary_encode()
        indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        found, first = np.unique(indices, return_index=True)
        if len(found) > max(_FEW, len(cells) / 2) or len(found) + len(self.levels) > _MAX_LEVELS:
            self.levels = None
            return np.empty(0, dtype=np.int64)
        names = encoded.dictionary.to_pylist()
        firsts = zip(found, first, strict=True)
        new = [row for code, row in firsts if code >= 0 and names[code] not in self.levels]
        self.levels |= {names[indices[row]] for row in new}
        return np.array(new, dtype=np.int64)


def _has_ends(held: pa.DataType) -> bool:
    is_number = arrow.is_integer(held) or arrow.is_floating(held) or arrow.is_decimal(held)
    return bool((is_number and not arrow.is_float16(held)) or arrow.is_temporal(held))


def _has_levels(held: pa.DataType) -> bool:
    is_text = arrow.is_string(held) or arrow.is_large_string(held) or arrow.is_dictionary(held)
    return bool(is_text or arrow.is_integer(held) or arrow.is_boolean(held))
