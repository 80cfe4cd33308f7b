"""A Gaussian copula of the package copulas: levels are places on a line, the frequent ones first."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from copulas.multivariate import GaussianMultivariate
from generate import Job, Sampler

PACKAGES = ("copulas",)


def fit(job: Job) -> Sampler:
    """Learn the table; of each column the package chooses the distribution."""
    ends = {name: _ends(job.plain[name]) for name in job.levels}
    rng = np.random.default_rng(job.seed)
    table = job.plain.copy()
    for name, own in ends.items():
        high = table[name].map(own)
        low = table[name].map(own.shift(1, fill_value=0.0))
        table[name] = low.astype(float) + rng.random(len(table)) * (high.astype(float) - low.astype(float))
    model = GaussianMultivariate()
    model.fit(table)

    def sample(n_rows: int) -> pd.DataFrame:
        return _with_levels(model.sample(n_rows), ends)

    return sample


def _ends(column: "pd.Series[str]") -> "pd.Series[float]":
    """Return where on the line from 0 to 1 each level ends."""
    return column.value_counts(normalize=True).cumsum()


def _with_levels(rows: pd.DataFrame, ends: Mapping[str, "pd.Series[float]"]) -> pd.DataFrame:
    for name, own in ends.items():
        place = np.searchsorted(own.to_numpy()[:-1], rows[name].to_numpy(), side="right")
        rows[name] = own.index.to_numpy()[place]
    return rows
