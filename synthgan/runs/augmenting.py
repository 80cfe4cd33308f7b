"""augment_to: the rows of a file and drawn rows after them, in bounded memory, into another file."""

import os
import shutil
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from synthgan.io import check_output
from synthgan.parquet import ParquetTable
from synthgan.runs.drawing import drawn, folder_beside, write_tables
from synthgan.runs.plan import Plan
from synthgan.source import ParquetSource

if TYPE_CHECKING:
    from synthgan.synthesizer import SynthGAN


def augment_to(
    output: str | os.PathLike[str],
    source: ParquetSource,
    table: ParquetTable,
    gan: "SynthGAN",
    plan: Plan,
    *,
    mark: bool = False,
    n_workers: int | None = None,
    engine: str = "local",
    resume: bool = False,
    force: bool = False,
    verbose: int = 0,
) -> None:
    """Write the rows of a source, unchanged, and drawn rows after them.

    Parameters
    ----------
    output
        The file to write.
    source
        The file, or the folder of files, whose rows come first.
    table
        Some or all of its rows, with the columns that the output is to have.
    gan, plan
        A fitted model, and which rows are drawn of it.
    mark
        Whether a column says which rows were drawn.
    n_workers, engine, resume, force, verbose
        As for `synthgan.runs.draw_to`, which raises the same.
    """
    output, folder = Path(output), folder_beside(output)
    check_output(output, force=force)
    plan.check(gan.encoder_)
    types = pa.schema([table.arrow.schema.field(name) for name in gan.schema_.names])
    how: dict[str, Any] = {"n_workers": n_workers, "engine": engine, "resume": resume}
    with drawn(gan, plan, folder, schema=types, **how, force=force, verbose=verbose) as parts:
        frames = (part.to_pandas() for part in parts.tables())
        write_tables(table.extended(source.batches(), frames, mark=mark), output, overwrite=force)
    shutil.rmtree(folder)


def counts_of(source: ParquetSource, column: Hashable) -> pd.Series:
    """Return how many rows of a source have each cell of a column that is not missing."""
    counts = [
        ParquetTable.of(batch.select([column])).frame[column].value_counts() for batch in source.batches()
    ]
    return pd.concat(counts).groupby(level=0, observed=True).sum()
