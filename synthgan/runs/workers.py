"""Who draws the chunks of a plan: a job comes in, and parts go out as they are done.

A chunk is drawn by a function of the job and its index that keeps nothing but the loaded model, so that any
process can draw any chunk, and draw it again if another one was lost.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pyarrow as pa

from synthgan.exceptions import DataError, ResourceError
from synthgan.runs.parts import Part, write_part
from synthgan.runs.plan import Plan

if TYPE_CHECKING:
    from synthgan.synthesizer import SynthGAN

#: Chunks that wait for each worker, so that none is idle.
WAITING = 2
#: How often workers are started anew after one was lost.
_MAX_RESTARTS = 3
#: Seconds between two looks of a worker at whether its parent is still there.
_LOOK_EVERY = 0.5
#: Held while the script that is running is put aside.
_putting_aside = threading.Lock()


@dataclass(frozen=True)
class Job:
    """All that is needed to draw any chunk in any process.

    Attributes
    ----------
    model
        A model file.
    plan, schema
        What is drawn, and as which Arrow types.
    folder
        Where the parts go.
    """

    model: Path
    plan: Plan
    schema: pa.Schema
    folder: Path

    def part(self, index: int, gan: "SynthGAN | None" = None) -> Part:
        """Draw and write one chunk."""
        gan = _loaded(self.model) if gan is None else gan
        frame = self.plan.draw(gan, self.plan.chunk(index))
        try:
            table = pa.Table.from_pandas(frame, schema=self.schema, preserve_index=False)
        except pa.ArrowException as error:
            raise DataError(f"Drawn cells do not fit the types of the file: {error}.") from error
        return write_part(table, self.folder, index)


#: That of this process, if it is a worker.
_job: Job | None = None


@lru_cache(maxsize=1)
def _loaded(model: Path) -> "SynthGAN":
    from synthgan.synthesizer import SynthGAN

    return SynthGAN.load(model)


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def drawn_here(job: Job, gan: "SynthGAN", indices: Iterable[int]) -> Iterator[Part]:
    """Yield the parts of chunks that this process draws, on all its cores."""
    for index in indices:
        yield job.part(index, gan)


def drawn_by_workers(job: Job, indices: Iterable[int], n_workers: int) -> Iterator[Part]:
    """Yield the parts of chunks as processes have drawn them, each on one core.

    Raises
    ------
    ResourceError
        If workers are lost time and again.
    """
    waiting = list(indices)[::-1]
    needs_main = b"__main__" in pickle.dumps(job)  # it holds something of a class of the script
    for _ in range(_MAX_RESTARTS + 1):
        running: dict[Future[Part], int] = {}
        # Forked from a process that has loaded what is needed, so that it is in memory once, and has computed
        # nothing, which torch would not survive.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["synthgan.synthesizer", "synthgan.runs.plan"])
        pool = ProcessPoolExecutor(
            n_workers, mp_context=context, initializer=_begin, initargs=(job, os.getpid())
        )
        try:
            while waiting or running:
                while waiting and len(running) < WAITING * n_workers:
                    with nullcontext() if needs_main else _without_main():
                        future = pool.submit(_part, waiting[-1])  # which fails if a worker was lost
                    running[future] = waiting.pop()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    part = future.result()
                    del running[future]
                    yield part
            return
        except BrokenProcessPool:
            waiting += sorted(running.values(), reverse=True)
        finally:
            _end(pool)
    raise ResourceError(
        "Processes that drew rows were ended time and again, perhaps for want of memory. Take fewer workers "
        "or fewer rows in a chunk, and go on with --resume."
    )


@contextmanager
def _without_main() -> Iterator[None]:
    """Start workers without the script that is running.

    Python has each new process import it, which would run a script again that has no
    ``if __name__ == "__main__":``.
    """
    with _putting_aside:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def on_one_core() -> None:
    """Let this process compute on one core."""
    import torch

    torch.set_num_threads(1)


def _begin(job: Job, parent: int) -> None:
    """Let a worker compute on one core, leave an interrupt to its parent, and end when that has ended."""
    global _job
    _job = job
    on_one_core()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    """End this process as soon as another one is no more, even if that was killed."""
    while True:
        time.sleep(_LOOK_EVERY)
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os._exit(1)


def _part(index: int) -> Part:
    """Draw and write a chunk of the worker's job, which is given to it once."""
    assert _job is not None
    return _job.part(index)


def _end(pool: ProcessPoolExecutor) -> None:
    """End all workers at once: what they have not finished is drawn again."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()
