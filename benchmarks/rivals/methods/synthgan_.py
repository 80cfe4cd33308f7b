"""synthgan, with its defaults."""

import pandas as pd
from generate import Job, Sampler

from synthgan import SynthGAN

PACKAGES = ("synthgan", "torch")


def fit(job: Job) -> Sampler:
    """Learn the table as it is; which columns are of levels it finds out by itself."""
    own = {} if job.seconds is None else {"max_time": job.seconds}
    gan = SynthGAN(target=job.target, random_state=job.seed, verbose=0, **own).fit(job.table)

    def sample(n_rows: int) -> pd.DataFrame:
        rows: pd.DataFrame = gan.sample(n_rows)
        return rows

    return sample
