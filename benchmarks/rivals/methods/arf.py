"""Adversarial random forests [1]_, by their authors, with their defaults; they have no limit on time.

References
----------
.. [1] Watson, Blesch, Kapar, Wright (2023). Adversarial Random Forests for Density Estimation and Generative
   Modeling. AISTATS.
"""

import pandas as pd
from arfpy import arf
from generate import Job, Sampler

PACKAGES = ("arfpy", "scikit-learn")


def fit(job: Job) -> Sampler:
    """Learn the table."""
    table = job.plain.astype(dict.fromkeys(job.levels, "category"))
    forest = arf.arf(table, verbose=False, random_state=job.seed, n_jobs=-1)
    forest.forde()

    def sample(n_rows: int) -> pd.DataFrame:
        rows: pd.DataFrame = forest.forge(n_rows)
        return rows

    return sample
