"""learn_to: a parquet file or a folder of them in, a model file out, by one process or several together."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from synthgan.exceptions import CopyingWarning, ParameterError, ResourceError, SynthganError
from synthgan.gan.expectation import Expectation
from synthgan.gan.team import together
from synthgan.learnable import learnable
from synthgan.parquet import ParquetTable
from synthgan.progress import announce
from synthgan.runs.clusters import MAX_RETRIES, cluster
from synthgan.training_file import TrainingFile

#: Rows that are learned at most, so that memory does not grow with their number.
MAX_ROWS = 1_000_000
#: Seconds in which others fail when one has failed.
_SECONDS_TO_FAIL = 5.0


@dataclass(frozen=True)
class Learned:
    """What a model was learned from, and what is to be said of it.

    Attributes
    ----------
    n_columns, n_rows
        That were learned.
    told
        Warnings.
    """

    n_columns: int
    n_rows: int
    told: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """All that is needed to learn a model in any process.

    Attributes
    ----------
    source
        A parquet file or a folder of them.
    output
        The model file.
    training
        Where training is kept as it goes on.
    parameters
        Of `SynthGAN`.
    schema
        A file of kinds and rules.
    drop_unsupported
        Whether columns that cannot be learned are left out.
    anew
        Whether training that is kept already is not gone on with.
    overwrite
        Whether a file that is where the model goes is replaced.
    """

    source: Path
    output: Path
    training: Path
    parameters: Mapping[str, Any]
    schema: str | None = None
    drop_unsupported: bool = False
    anew: bool = False
    overwrite: bool = False

    def learn(self, *, leads: bool = True, verbose: int = 0) -> Learned:
        """Learn the model; only who leads writes anything."""
        from synthgan.synthesizer import SynthGAN

        frame, told, n_rows = self._read()
        if len(frame) < n_rows:
            announce(f"Learning {len(frame):,} of {n_rows:,} rows, chosen at random", verbose=verbose)
        gan = SynthGAN(**self.parameters, **told, verbose=verbose)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CopyingWarning)
            training = TrainingFile(self.training, stays=True, anew=self.anew) if leads else None
            gan.fit(frame, checkpoint=training)
        if training is not None:
            gan.verbose = SynthGAN().verbose  # how much this run says is not the model's
            gan.save(self.output, overwrite=self.overwrite)
            training.remove()
        return Learned(frame.shape[1], len(frame), tuple(str(warning.message) for warning in caught))

    def expected(self) -> Expectation:
        """Return what it would take to learn the model."""
        from synthgan.synthesizer import SynthGAN

        frame, told, _ = self._read()
        return SynthGAN(**self.parameters, **told).expect(frame)

    def _read(self) -> tuple[pd.DataFrame, dict[str, Any], int]:
        """Return the rows that are learned, kinds and rules, and how many rows there are."""
        seed = self.parameters.get("random_state") or 0
        table, n_rows = ParquetTable.some_of(self.source, MAX_ROWS, seed)
        return *learnable(table, self.schema, self.drop_unsupported), n_rows


def learn_to(
    lesson: Lesson, *, engine: str = "local", n_workers: int = 2, verbose: int = 0
) -> Learned | None:
    """Learn a model, here or with others.

    Parameters
    ----------
    lesson
        What is learned.
    engine
        "local" for this process, and with it those that torchrun has begun; "ray" for tasks of a cluster of
        Ray, each of which learns from its share of every batch. All machines must see all files.
    n_workers
        How many tasks.
    verbose
        0 for silence.

    Returns
    -------
    learned
        None in a process that torchrun began and that does not lead.

    Raises
    ------
    ParameterError
        If the engine is not installed, or the cluster has not so many cores.
    ResourceError
        If processes are lost time and again.
    """
    if engine == "ray":
        own = {name: getattr(lesson, name).absolute() for name in ("source", "output", "training")}
        return _learned_by_ray(replace(lesson, **own), n_workers)
    with together() as team:
        learned = lesson.learn(leads=team.leads, verbose=verbose if team.leads else 0)
    return learned if team.leads else None


def _learned_by_ray(lesson: Lesson, n_workers: int) -> Learned:
    """Learn a model with tasks of Ray; if one is lost, all begin again from what was kept."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    with cluster() as ray:
        there = ray.cluster_resources()
        n_gpus, n_cores = int(there.get("GPU", 0)), int(there.get("CPU", 1))
        if n_workers > (n_gpus or n_cores):
            raise ParameterError(
                f"{n_workers} workers cannot train together where there are {n_gpus or n_cores} "
                f"{'GPUs' if n_gpus else 'cores'}; take fewer."
            )
        needs = {"num_gpus": 1, "num_cpus": 0} if n_gpus else {"num_cpus": 1}
        task = ray.remote(**needs, max_retries=0)(_learn_as)
        host = ray.util.get_node_ip_address()
        store = TCPStore(host, 0, is_master=True, wait_for_workers=False)
        for number in range(MAX_RETRIES + 1):
            place = (host, store.port, number)
            running = [task.remote(lesson, rank, n_workers, place) for rank in range(n_workers)]
            try:
                return _first_of(ray, running)
            except _Lost:
                lesson = replace(lesson, anew=False)
            finally:
                for reference in running:
                    ray.cancel(reference, force=True)
    raise ResourceError(
        "Tasks of Ray that trained were lost time and again, perhaps for want of memory. What they learned "
        "is kept, and --resume goes on."
    )


class _Lost(Exception):
    """A process is no more, and those that trained with it cannot go on."""


def _first_of(ray: Any, running: list[Any]) -> Learned:
    """Return what the first task returns; as soon as any has failed, say so."""
    waiting, errors = list(running), list[Exception]()
    while waiting:
        done, waiting = ray.wait(waiting, timeout=_SECONDS_TO_FAIL if errors else None)
        if not done:
            break
        try:
            ray.get(done)
        except ray.exceptions.RayError as error:
            errors.append(error)
    # When one fails, the others lose their connection to it, which torch says as a RuntimeError.
    causes = [getattr(error, "cause", None) for error in errors]
    for cause in sorted(filter(None, causes), key=lambda cause: not isinstance(cause, SynthganError)):
        if not isinstance(cause, RuntimeError):
            raise cause
    if errors:
        raise _Lost from errors[0]
    learned: Learned = ray.get(running[0])
    return learned


def _learn_as(lesson: Lesson, rank: int, size: int, place: tuple[str, int, int]) -> Learned:
    """Learn a model as one of several processes, which find each other at a place."""
    from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

    host, port, number = place
    store = PrefixStore(str(number), TCPStore(host, port, is_master=False))
    os.environ.pop("LOCAL_RANK", None)  # each sees its own GPU alone
    with together(rank, size, store) as team:
        return lesson.learn(leads=team.leads)
