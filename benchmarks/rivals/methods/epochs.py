"""How many epochs a model of the package ctgan can be trained in a time."""

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from generate import Job, Sampler

_N_WARM = 1_000


def fitted_within(job: Job, new: Callable[[int], Any], default: int) -> tuple[Sampler, float]:
    """Return what draws from a model that was trained for the job's seconds, and how long that took.

    Parameters
    ----------
    job
        What is learned.
    new
        Makes a model of so many epochs.
    default
        How many it has of itself.
    """
    torch.manual_seed(job.seed)

    def fit(table: pd.DataFrame, epochs: int) -> tuple[Any, float]:
        started, model = time.perf_counter(), new(epochs)
        model.fit(table, job.levels)
        return model, time.perf_counter() - started

    epochs = default
    if job.seconds is not None:
        # One epoch and four tell what preparing and what an epoch takes; the first run is slower than others.
        fit(job.plain.head(_N_WARM), 1)
        (_, of_one), (_, of_four) = fit(job.plain, 1), fit(job.plain, 4)
        of_epoch = max((of_four - of_one) / 3, of_one / 20)
        epochs = max(1, round((job.seconds - of_one) / of_epoch) + 1)
    model, seconds = fit(job.plain, epochs)

    def sample(n_rows: int) -> pd.DataFrame:
        rows: pd.DataFrame = model.sample(n_rows)
        return rows

    return sample, seconds
