"""Each column drawn for itself: a control that knows nothing of how columns hang together."""

import pandas as pd
from generate import Job, Sampler

PACKAGES = ()


def fit(job: Job) -> Sampler:
    """Keep the table."""

    def sample(n_rows: int) -> pd.DataFrame:
        columns = {
            name: job.table[name].sample(n_rows, replace=True, random_state=job.seed * 1_000 + place).array
            for place, name in enumerate(job.table)
        }
        return pd.DataFrame(columns)

    return sample
