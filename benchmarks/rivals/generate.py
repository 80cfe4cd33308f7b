"""Fit one method on a table and draw rows: run by the Python of an environment that has the method.

    python generate.py METHOD job.json

The job says where rows to learn are and where drawn ones go, how many, for how many seconds training may
go on (null for the method's own default), the seed, the target and which columns are of levels. A report
beside the drawn rows has the seconds of fitting and drawing, the most memory and the versions of packages.
"""

import importlib
import importlib.metadata
import json
import platform
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

#: What a gap in a column of levels is called where a method takes none.
GAP = "(missing)"
Sampler = Callable[[int], pd.DataFrame]


@dataclass(frozen=True)
class Job:
    """What a method is to do.

    Attributes
    ----------
    learned, drawn
        Files of rows to learn and of drawn ones.
    n_rows
        How many are drawn.
    seconds
        How long training may go on; None as the method has it.
    seed
        Of all randomness.
    target
        The column that a model predicts.
    levels
        The columns of levels.
    """

    learned: str
    drawn: str
    n_rows: int
    seconds: float | None
    seed: int
    target: str
    levels: list[str]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The rows to learn, as they are."""
        return pd.read_parquet(self.learned)

    @cached_property
    def plain(self) -> pd.DataFrame:
        """The rows for methods that take text and floats alone: gaps are levels, or medians of numbers."""
        table = self.table.copy()
        for name in table:
            if name in self.levels:
                text = table[name].astype(object).where(table[name].notna(), GAP)
                table[name] = text.map(str)
            else:
                column = table[name]
                if pd.api.types.is_datetime64_any_dtype(column.dtype):
                    column = column.astype("int64").where(column.notna())
                numbers = column.astype("Float64").astype(float)
                table[name] = numbers.fillna(numbers.median())
        return table


def main() -> None:
    method, path = sys.argv[1:]
    job = Job(**json.loads(Path(path).read_text(encoding="utf-8")))
    sys.path.insert(0, str(Path(__file__).parent / "methods"))
    module: Any = importlib.import_module(method)
    random.seed(job.seed)
    np.random.seed(job.seed)  # noqa: NPY002 - most methods take theirs from here
    started = time.perf_counter()
    fitted = module.fit(job)
    seconds = time.perf_counter() - started
    # Some first find out how much they can do in the time, which is not held against them.
    sampler, seconds = fitted if isinstance(fitted, tuple) else (fitted, seconds)
    started = time.perf_counter()
    rows = sampler(job.n_rows)
    report = {
        "fit_seconds": seconds,
        "sample_seconds": time.perf_counter() - started,
        "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "versions": {
            name: importlib.metadata.version(name) for name in (*module.PACKAGES, "pandas", "numpy")
        },
        "python": platform.python_version(),
    }
    rows = rows.reset_index(drop=True)[list(job.table)]
    for name in job.levels:
        rows[name] = rows[name].astype(object).where(rows[name].astype(str) != GAP, None)
    rows.to_parquet(job.drawn)
    Path(job.drawn).with_suffix(".json").write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    sys.modules["generate"] = sys.modules["__main__"]
    main()
