"""What learning a table is going to take: its layout and a budget come in, bytes and seconds go out.

Both are rough: they are to say whether it is minutes or hours, and whether the memory is there at all.
"""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from synthgan.exceptions import ResourceError
from synthgan.gan.budget import Budget
from synthgan.gan.computing import N_SHARDS, n_threads_of
from synthgan.layout import Layout

#: Bytes of each cell of the table, at most at a time: its code, place and share, on the way and as tensors.
_BYTES_PER_CELL = 24
#: Bytes of each row while a column of text is read.
_BYTES_PER_ROW = 100
#: Bytes of each weight: itself, its gradient, two moments, an average and a copy to draw with.
_BYTES_PER_WEIGHT = 24
#: Bytes of each part of a row vector in a batch, with what is kept for gradients.
_BYTES_PER_PART = 40
#: Bytes of what says of each code whether it is a column's, and of what each column says of each other.
_BYTES_PER_SEGMENT, _BYTES_PER_PAIR = 12, 32
#: Bytes of trees and latent classes, at most, and of all that does not depend on the table.
_BYTES_OF_SURVEY, _BYTES_AT_LEAST = 400 * 2**20, 300 * 2**20
#: Floating-point operations of a step for each weight and row: forwards and backwards.
_PRODUCTS_PER_WEIGHT = 6
#: How much longer a step takes than its matrix products, and seconds of trees for each column and row.
_TIMES_PRODUCTS, _SECONDS_PER_CELL, _MAX_ROWS_OF_TREES = 2.0, 3e-5, 20_000
#: Rows and columns of the matrices whose product is timed, and seconds for which it is.
_SIZE_TIMED, _SECONDS_TIMED = 512, 0.05
#: Seconds in which it is found what two columns say of each other.
_SECONDS_PER_PAIR = 8e-5


@dataclass(frozen=True)
class Expectation:
    """What learning a table is expected to take.

    Parameters
    ----------
    n_rows, n_columns
        Of the table.
    n_bytes
        Of memory, beside the table itself.
    seconds
        Of time.
    """

    n_rows: int
    n_columns: int
    n_bytes: int
    seconds: float

    def __str__(self) -> str:
        table = f"{self.n_rows:,} rows of {self.n_columns:,} columns"
        return f"{table}: about {self.n_bytes / 2**30:.1f} GiB of memory and {in_words(self.seconds)}"


def in_words(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 1:
        return "less than 1 s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def expect(layout: Layout, budget: Budget, n_rows: int) -> Expectation:
    """Return what learning so many rows of a layout is going to take on this machine."""
    products = budget.n_steps * budget.batch_size * _n_weights(layout, budget) / 2 * _PRODUCTS_PER_WEIGHT
    n_cells = min(n_rows, _MAX_ROWS_OF_TREES) * len(layout.coded)
    seconds = _TIMES_PRODUCTS * products / _products_per_second() + _SECONDS_PER_CELL * n_cells
    of_pairs = _SECONDS_PER_PAIR * len(layout.coded) ** 2 / 2  # whatever the time that training may take
    n_bytes = _n_bytes(layout, budget, n_rows)
    return Expectation(n_rows, len(layout), n_bytes, min(seconds, budget.max_time or np.inf) + of_pairs)


def _n_weights(layout: Layout, budget: Budget) -> int:
    """Return about how many weights the two networks of a game have, of which a masked model has one."""
    inner = sum(2 * dim * dim for dim in budget.hidden_dims)
    return 2 * (2 * layout.width * budget.hidden_dims[0] + inner)


def _n_bytes(layout: Layout, budget: Budget, n_rows: int) -> int:
    """Return how much memory is needed beside the table."""
    return (
        _BYTES_AT_LEAST
        + n_rows * (_BYTES_PER_CELL * len(layout) + _BYTES_PER_ROW)
        + _n_weights(layout, budget) * _BYTES_PER_WEIGHT
        + budget.batch_size * layout.width * _BYTES_PER_PART
        + min(_BYTES_OF_SURVEY, n_rows * len(layout) * 400)
        + layout.n_codes * len(layout.coded) * _BYTES_PER_SEGMENT
        + len(layout) ** 2 * _BYTES_PER_PAIR
    )


def check_memory(layout: Layout, budget: Budget, n_rows: int) -> None:
    """Raise ResourceError when the machine has not the memory that is expected to be needed."""
    free = free_bytes()
    if free is not None and _n_bytes(layout, budget, n_rows) > free:
        expected = expect(layout, budget, n_rows)
        raise ResourceError(
            f"Learning {expected}: there are {free / 2**30:.1f} GiB free. Learn fewer columns, or some of "
            f"the rows: df.sample({int(expected.n_rows * free / expected.n_bytes / 2)})."
        )


def free_bytes() -> int | None:
    """Return how much memory is free, within the limits of a container, or None where that is not known."""
    free = []
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free.append(int(lines["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError, ValueError):
        if "SC_AVPHYS_PAGES" in os.sysconf_names:
            free.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):  # no such group, or no limit
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        free.append(int(limit) - int(used))
    return min(free, default=None)


def _products_per_second() -> float:
    """Return how many floating-point operations a second the threads of a fit do now, beside other processes.

    Wall time is measured, for long enough that the scheduler gives other processes their turns.
    """
    left, n_times = torch.ones(_SIZE_TIMED, _SIZE_TIMED), 0
    with n_threads_of(1):
        left @ left  # the first takes longer
        started = time.perf_counter()
        while time.perf_counter() - started < _SECONDS_TIMED:
            left @ left
            n_times += 1
        seconds = time.perf_counter() - started
    return min(N_SHARDS, torch.get_num_threads()) * n_times * 2 * _SIZE_TIMED**3 / seconds
