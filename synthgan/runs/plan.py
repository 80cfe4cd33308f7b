"""What a long draw consists of: a number of rows and a seed come in, chunks go out, each drawn by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from synthgan.exceptions import ParameterError
from synthgan.preprocessing import TableEncoder
from synthgan.preprocessing.key_form import Turn
from synthgan.preprocessing.rules import Unique

if TYPE_CHECKING:
    from synthgan.synthesizer import SynthGAN

#: Rows of a chunk: enough that what is done once a chunk takes no time, and few enough for any memory.
CHUNK_ROWS = 100_000
#: Rows from which the types of columns are told that a frame of pandas leaves open.
_N_TYPED = 1_000


@dataclass(frozen=True)
class Chunk:
    """Rows that are drawn together: their place among the chunks, the first row, and how many."""

    index: int
    first_row: int
    n_rows: int


@dataclass(frozen=True)
class Plan:
    """Which rows are drawn, in which chunks.

    Attributes
    ----------
    n_rows
        Of all chunks.
    seed
        Of all randomness, from 0 on.
    chunk_rows
        Rows of each chunk but the last.
    asked
        What is asked of every row, as in `SynthGAN.sample`, or a table of what is known of each; or groups,
        a tuple of numbers of rows and what is asked of these.

    Examples
    --------
    >>> from synthgan.runs import Plan
    >>> [chunk.n_rows for chunk in Plan(n_rows=250, seed=0, chunk_rows=100)]
    [100, 100, 50]
    >>> len(Plan(n_rows=0, seed=0))
    1
    """

    n_rows: int
    seed: int
    chunk_rows: int = CHUNK_ROWS
    asked: Any = None

    def __len__(self) -> int:
        return max(1, -(-self.n_rows // self.chunk_rows))

    def __iter__(self) -> Iterator[Chunk]:
        return map(self.chunk, range(len(self)))

    def chunk(self, index: int) -> Chunk:
        """Return one of the chunks."""
        first = index * self.chunk_rows
        return Chunk(index, first, min(self.chunk_rows, self.n_rows - first))

    def draw(self, gan: "SynthGAN", chunk: Chunk) -> pd.DataFrame:
        """Return the rows of a chunk: the same whoever draws it, and whatever was drawn before."""
        return gan.sample_parts(
            self._groups_of(chunk),
            random_state=np.random.SeedSequence([self.seed, chunk.index]),
            turn=Turn(chunk.index, len(self), chunk.first_row),
        )

    @property
    def groups(self) -> tuple[tuple[int, Any], ...]:
        """Numbers of rows, and what is asked of them."""
        if isinstance(self.asked, tuple):
            return self.asked
        return ((self.n_rows, {} if self.asked is None else self.asked),)

    def _groups_of(self, chunk: Chunk) -> list[tuple[int, Any]]:
        """Return the parts of groups that a chunk has."""
        found, first = [], 0
        for n_rows, asked in self.groups:
            start = max(chunk.first_row, first) - first
            stop = min(chunk.first_row + chunk.n_rows, first + n_rows) - first
            if isinstance(asked, pd.DataFrame):
                asked = asked.iloc[start:stop].reset_index(drop=True)
            if start < stop:
                found.append((stop - start, asked))
            first += n_rows
        return found

    def check(self, encoder: TableEncoder) -> None:
        """Look whether the plan can be drawn, before anything is.

        Raises
        ------
        ConditionError
            If no row can have what is asked.
        ParameterError
            If a rule is about all rows, which no chunk knows.
        """
        for n_rows, asked in self.groups:
            is_table = isinstance(asked, pd.DataFrame)
            encoder.ask(n_rows if is_table else min(n_rows, self.chunk_rows), asked, np.random.default_rng(0))
        unique = [rule for rule in encoder.ties_.rules if isinstance(rule, Unique)]
        if unique and len(self) > 1:
            raise ParameterError(
                f"The rule that {unique[0]} cannot be kept across chunks of {self.chunk_rows:,} rows; draw "
                "at most as many, or raise the rows of a chunk."
            )

    def schema(self, gan: "SynthGAN") -> pa.Schema:
        """Return the Arrow schema of all chunks: one may lack what tells the type of a column."""
        few = Plan(min(_N_TYPED, self.n_rows), self.seed)
        schema = pa.Schema.from_pandas(few.draw(gan, few.chunk(0)), preserve_index=False)
        for place, field in enumerate(schema):
            if pa.types.is_null(field.type):
                schema = schema.set(place, field.with_type(pa.string()))
            elif pa.types.is_decimal(field.type):
                schema = schema.set(place, field.with_type(pa.decimal128(38, field.type.scale)))
        return schema
