"""SMOTE-NC [1]_ of imbalanced-learn: of each class as many rows more as there are, which are what is drawn.

Of a target that is a number, tenths of its distribution are the classes.

References
----------
.. [1] Chawla, Bowyer, Hall, Kegelmeyer (2002). SMOTE: Synthetic Minority Over-sampling Technique. JAIR 16.
"""

import numpy as np
import pandas as pd
from generate import Job, Sampler
from imblearn.over_sampling import SMOTE, SMOTENC

PACKAGES = ("imbalanced-learn", "scikit-learn")
#: Rows that are neighbours, and parts that a number is cut in.
_N_NEIGHBOURS, _N_PARTS = 5, 10


def fit(job: Job) -> Sampler:
    """Keep the table; neighbours are looked for when rows are drawn."""
    is_class = job.target in job.levels
    parts = job.plain[job.target]
    if not is_class:
        parts = pd.qcut(parts, _N_PARTS, labels=False, duplicates="drop").astype(str)
    X = job.plain.drop(columns=job.target) if is_class else job.plain
    places = [place for place, name in enumerate(X) if name in job.levels]

    def sample(n_rows: int) -> pd.DataFrame:
        counts = parts.value_counts()
        wanted = {name: n + int(np.ceil(n_rows * n / len(parts))) for name, n in counts.items()}
        few = max(1, min(_N_NEIGHBOURS, int(counts.min()) - 1))
        own = {"sampling_strategy": wanted, "k_neighbors": few, "random_state": job.seed}
        sampler = SMOTENC(categorical_features=places, **own) if places else SMOTE(**own)
        rows, classes = sampler.fit_resample(X, parts)
        if is_class:
            rows = rows.assign(**{job.target: classes})
        drawn = rows.iloc[len(X) :].sample(n_rows, random_state=job.seed)
        return pd.DataFrame(drawn)

    return sample
