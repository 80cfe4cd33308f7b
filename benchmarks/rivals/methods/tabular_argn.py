"""TabularARGN [1]_ of mostlyai-engine, without the protection of rare values, which is about privacy.

References
----------
.. [1] Tiwald, Krchova, Sidorenko, Vargas Vieyra, Scriminaci, Platzer (2025). TabularARGN: A Flexible and
   Efficient Auto-Regressive Framework for Generating High-Fidelity Synthetic Data.
"""

import pandas as pd
from generate import Job, Sampler
from mostlyai.engine import TabularARGN

PACKAGES = ("mostlyai-engine", "torch")


def fit(job: Job) -> Sampler:
    """Learn the table as it is, of which numbers that name levels are text."""
    table = job.table.astype({name: job.plain[name].dtype for name in job.levels})
    for name in job.levels:
        table[name] = job.plain[name].where(job.table[name].notna(), None)
    own = {} if job.seconds is None else {"max_training_time": job.seconds / 60}
    model = TabularARGN(value_protection=False, random_state=job.seed, **own).fit(table)

    def sample(n_rows: int) -> pd.DataFrame:
        rows: pd.DataFrame = model.sample(n_rows)
        return rows

    return sample
