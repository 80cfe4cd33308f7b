"""draw_to: rows of a model into a parquet file or a folder of parts, in bounded memory."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from synthgan.exceptions import OutputRefusedError, ParameterError, ResourceError, counted
from synthgan.gan.expectation import in_words
from synthgan.io import check_output, replacing, strays
from synthgan.parquet import table_from_frame
from synthgan.progress import reporting
from synthgan.runs.clusters import drawn_by_ray
from synthgan.runs.parts import Part, Parts, check_own
from synthgan.runs.plan import Chunk, Plan
from synthgan.runs.workers import Job, drawn_by_workers, drawn_here, n_cores
from synthgan.signals import Terminated

if TYPE_CHECKING:
    from synthgan.synthesizer import SynthGAN

#: What a file is called in which parquet is kept; any other output is a folder of parts.
SUFFIXES = (".parquet", ".pq")
#: Bytes that a cell takes at least, as a rule: a code of few bits, compressed.
_LEAST_BYTES_OF_CELL = 0.1
#: Rows that are drawn to see how long it takes.
_N_TRIED = 5_000
#: Who may draw.
ENGINES = ("local", "ray")


def draw_to(
    output: str | os.PathLike[str],
    gan: "SynthGAN",
    plan: Plan,
    *,
    n_workers: int | None = None,
    engine: str = "local",
    resume: bool = False,
    force: bool = False,
    verbose: int = 0,
) -> int:
    """Draw the rows of a plan into a file or a folder; return how many there are.

    Parameters
    ----------
    output
        A parquet file if its name ends so; otherwise a folder of parts and a manifest of them.
    gan
        A fitted model.
    plan
        What is drawn.
    n_workers
        Processes that draw, None for one a core. The rows are the same whatever their number.
    engine
        "local" for processes of this machine, or "ray" for tasks of the cluster of Ray that is running, or of
        a new one on this machine. All machines must see the output's folder.
    resume
        Whether to go on with a run that was interrupted.
    force
        Whether what is there is replaced.
    verbose
        0 for silence.

    Raises
    ------
    DataError
        If the run that is to be resumed is another one.
    OutputRefusedError
        If the output may not be written.
    ParameterError
        If there is no such engine, or it is not installed.
    ResourceError
        If the disk is full, or workers are lost time and again.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from synthgan import SynthGAN
    >>> from synthgan.datasets import load_penguins
    >>> from synthgan.runs import Plan, draw_to
    >>> gan = SynthGAN(epochs=1, verbose=0).fit(load_penguins())
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "drawn.parquet"
    ...     _ = draw_to(path, gan, Plan(n_rows=50, seed=0), n_workers=1)
    ...     len(pd.read_parquet(path))
    50
    """
    output = Path(output)
    how: dict[str, Any] = {"n_workers": n_workers, "engine": engine, "resume": resume}
    plan.check(gan.encoder_)
    folder = folder_beside(output)
    if is_file(output):
        check_output(output, force=force)
        with drawn(gan, plan, folder, **how, force=force, verbose=verbose) as parts:
            write_tables(parts.tables(), output, overwrite=force)
        shutil.rmtree(folder)
        return plan.n_rows
    check_own(output)
    replaces = output.exists() and (folder.exists() if resume else force)
    if not replaces:
        with drawn(gan, plan, output, **how, force=force, verbose=verbose):
            return plan.n_rows
    # What is there stays until the new rows are all drawn.
    with drawn(gan, plan, folder, **how, force=force, verbose=verbose) as parts:
        n_rows = sum(part.n_rows for part in parts.known.values())
    shutil.rmtree(output)
    folder.rename(output)
    return n_rows


@contextmanager
def drawn(
    gan: "SynthGAN",
    plan: Plan,
    folder: Path,
    *,
    schema: pa.Schema | None = None,
    n_workers: int | None,
    engine: str,
    resume: bool,
    force: bool,
    verbose: int,
) -> Iterator[Parts]:
    """Draw the rows of a plan into a folder, and yield its parts.

    Parameters
    ----------
    schema
        Arrow's types of the columns; None for those that the rows have.
    gan, plan, folder, n_workers, engine, resume, force, verbose
        As for `draw_to`, which raises the same.
    """
    if engine not in ENGINES:
        raise ParameterError(f"engine must be one of {', '.join(map(repr, ENGINES))}; got {engine!r}.")
    check_room(folder, plan.n_rows, len(gan.schema_))
    parts = Parts(folder, _header(gan, plan))
    with parts.opened(resume=resume, force=force):
        try:
            _draw_parts(gan, plan, parts, schema or plan.schema(gan), n_workers, engine, verbose)
            yield parts
        except (KeyboardInterrupt, Terminated, OutputRefusedError, ResourceError) as error:
            if not parts.known:
                raise
            kept = f"{len(parts.known):,} of {counted(len(plan), 'chunk')} are kept, and --resume goes on"
            text = str(error) or ("terminated;" if isinstance(error, Terminated) else "interrupted;")
            raise type(error)(f"{text} {kept}") from error


@dataclass(frozen=True)
class ExpectedDraw:
    """What a draw is expected to take; time and size are rough.

    Attributes
    ----------
    n_rows, n_chunks, n_workers
        As they would be drawn.
    seconds
        Of time.
    n_bytes
        Of the file.
    """

    n_rows: int
    n_chunks: int
    n_workers: int
    seconds: float
    n_bytes: int

    def __str__(self) -> str:
        where = f"{counted(self.n_chunks, 'chunk')} by {counted(self.n_workers, 'process', 'processes')}"
        size = (
            f"{self.n_bytes / 2**20:,.1f} MiB" if self.n_bytes > 2**20 else f"{self.n_bytes / 2**10:,.0f} KiB"
        )
        return f"{counted(self.n_rows, 'row')} in {where}: about {size} in {in_words(self.seconds)}"


def expect_draw(gan: "SynthGAN", plan: Plan, *, n_workers: int | None = None) -> ExpectedDraw:
    """Return what it would take to draw a plan, after drawing some of its rows.

    Raises
    ------
    ConditionError
        If no row can have what is asked.
    ParameterError
        If a rule is about all rows, which no chunk knows.
    """
    plan.check(gan.encoder_)
    n_workers = min(n_workers or n_cores(), len(plan))
    few = Chunk(0, 0, min(_N_TRIED, plan.chunk(0).n_rows))
    started = time.monotonic()
    table = table_from_frame(plan.draw(gan, few))
    seconds, buffer = time.monotonic() - started, BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    times = plan.n_rows / max(few.n_rows, 1)
    seconds *= times * min(n_cores(), torch.get_num_threads()) / n_workers  # they were drawn on all cores
    return ExpectedDraw(plan.n_rows, len(plan), n_workers, seconds, round(times * buffer.tell()))


def check_room(output: str | os.PathLike[str], n_rows: int, n_columns: int) -> None:
    """Raise ResourceError if rows cannot be on the disk of an output, however well they are compressed."""
    needed = n_rows * n_columns * _LEAST_BYTES_OF_CELL
    free = shutil.disk_usage(Path(output).resolve().parent).free
    if needed > free:
        raise ResourceError(
            f"{n_rows:,} rows of {n_columns} columns take {needed / 2**30:,.0f} GiB at least, and there are "
            f"{free / 2**30:,.0f} GiB on the disk of {str(output)!r}; draw fewer, or write to another disk."
        )


def is_file(output: str | os.PathLike[str]) -> bool:
    """Whether an output is a file by its name, and no folder."""
    return Path(output).suffix.lower() in SUFFIXES


def seed_of(output: str | os.PathLike[str]) -> int | None:
    """Return the seed of a run that was begun, or None."""
    beside = folder_beside(output)
    folder = beside if is_file(output) or beside.exists() else Path(output)
    return Parts(folder, {}).begun.get("seed")


def folder_beside(output: str | os.PathLike[str]) -> Path:
    """Return where the parts of a file are until they are all there."""
    return Path(output).with_name(f".{Path(output).name}.parts")


def _draw_parts(
    gan: "SynthGAN",
    plan: Plan,
    parts: Parts,
    schema: pa.Schema,
    n_workers: int | None,
    engine: str,
    verbose: int,
) -> None:
    """Draw the chunks that are not there."""
    waiting = [chunk.index for chunk in plan if chunk.index not in parts.known]
    if not waiting:
        return
    # By its digest: a process that has drawn for another run keeps that run's model.
    model = parts.folder.resolve() / f".part-model-{gan.digest()[:16]}.part"
    job = Job(model, plan, schema, parts.folder.resolve())
    with reporting("Drawing", verbose=verbose) as report:
        try:
            for part in _drawn(job, gan, waiting, n_workers, engine):
                parts.add(part)
                report(len(parts.known) / len(plan), {})
            if len(parts.known) < len(plan):
                raise RuntimeError(f"only {len(parts.known):,} of {len(plan):,} chunks were drawn")
        finally:
            with suppress(FileNotFoundError):
                model.unlink()


def _drawn(
    job: Job, gan: "SynthGAN", waiting: list[int], n_workers: int | None, engine: str
) -> Iterator[Part]:
    """Yield parts as they are drawn by whoever is to."""
    n_here = min(n_workers or n_cores(), len(waiting))
    if engine == "local" and (n_here == 1 or gan.model_.device.type != "cpu"):
        return drawn_here(job, gan, waiting)
    gan.save(job.model)
    if engine == "ray":
        return drawn_by_ray(job, waiting, n_workers)
    return drawn_by_workers(job, waiting, n_here)


def write_tables(tables: Iterable[pa.Table], output: Path, *, overwrite: bool) -> None:
    """Write tables of the same columns to one file, a row group each."""
    for stray in strays(output):  # of a run that was killed here
        stray.unlink()
    with replacing(output, overwrite=overwrite) as beside:
        writer = None
        try:
            for table in tables:
                if writer is None:
                    writer = pq.ParquetWriter(
                        beside, table.schema, compression="zstd", write_page_checksum=True
                    )
                writer.write_table(table, row_group_size=max(1, len(table)))
        finally:
            if writer is not None:
                writer.close()


def _header(gan: "SynthGAN", plan: Plan) -> dict[str, Any]:
    """Return what a run is of: the same header means the same rows."""
    return {
        "synthgan": version("synthgan"),
        "model": gan.digest(),
        "rows": plan.n_rows,
        "seed": plan.seed,
        "chunk_rows": plan.chunk_rows,
        "asked": repr([(n_rows, _in_short(asked)) for n_rows, asked in plan.groups]),
    }


def _in_short(asked: Any) -> Any:
    """Return what is asked, of a table its digest."""
    if not isinstance(asked, pd.DataFrame):
        return asked
    return hashlib.sha256(asked.to_csv(index=False).encode()).hexdigest()
