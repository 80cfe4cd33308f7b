"""Ray as whoever does the work: on this machine, or on all machines of a cluster.

Tasks keep nothing, so that Ray may begin one again wherever it was lost. All machines must see the folders
that tasks read and write under the same path.
"""

import logging
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from synthgan.exceptions import ParameterError, ResourceError
from synthgan.runs.parts import Part
from synthgan.runs.workers import WAITING, Job, on_one_core
from synthgan.signals import handled, handler_of

#: How often a task is begun again whose process or machine was lost.
MAX_RETRIES = 3


@contextmanager
def cluster() -> Iterator[Any]:
    """Yield Ray, connected to the cluster that is running, or to a new one on this machine that ends with it.

    Raises
    ------
    ParameterError
        If Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    try:
        import ray
    except ImportError as error:
        raise ParameterError(
            "The engine 'ray' needs Ray, which is not installed; install 'synthgan[ray]'."
        ) from error
    if ray.is_initialized():  # by whoever called, who ends it as well
        yield ray
        return
    with handled({signal.SIGTERM: handler_of(signal.SIGTERM)}):  # which Ray takes over
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield ray
    finally:
        with handled({signal.SIGTERM: handler_of(signal.SIGTERM)}):
            ray.shutdown()


def drawn_by_ray(job: Job, indices: Iterable[int], n_workers: int | None) -> Iterator[Part]:
    """Yield the parts of chunks as tasks of Ray have drawn them, each on one core or, if there are, one GPU.

    There are `n_workers` tasks at a time, for None as many as the cluster has room for.

    Raises
    ------
    ResourceError
        If tasks are lost time and again.
    """
    waiting = list(indices)[::-1]
    with cluster() as ray:
        there = ray.cluster_resources()
        n_gpus, n_cores = int(there.get("GPU", 0)), int(there.get("CPU", 1))
        needs = {"num_gpus": 1, "num_cpus": 0} if n_gpus else {"num_cpus": 1}
        task = ray.remote(**needs, max_retries=MAX_RETRIES)(_part)
        n_ahead = WAITING * (n_gpus or n_cores) if n_workers is None else n_workers
        running: list[Any] = []
        shared = ray.put(job)
        try:
            while waiting or running:
                while waiting and len(running) < n_ahead:
                    running.append(task.remote(shared, waiting.pop()))
                done, running = ray.wait(running)
                yield ray.get(done[0])
        except (
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.OutOfMemoryError,
        ) as error:
            raise ResourceError(
                "Tasks of Ray were lost time and again, perhaps for want of memory. Take fewer workers or "
                "fewer rows in a chunk, and go on with --resume."
            ) from error
        except ray.exceptions.RayTaskError as error:
            raise (error.cause or error) from error
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _part(job: Job, index: int) -> Part:
    """Draw and write one chunk."""
    on_one_core()
    return job.part(index)
