"""ForestDiffusion [1]_ (flow), by its authors; in a given time with as many noises a row as that allows.

References
----------
.. [1] Jolicoeur-Martineau, Fatras, Kachman (2024). Generating and Imputing Tabular Data via Diffusion and
   Flow-based Gradient-Boosted Trees. AISTATS.
"""

import time

import numpy as np
import pandas as pd
from ForestDiffusion import ForestDiffusionModel
from generate import Job, Sampler

PACKAGES = ("ForestDiffusion", "xgboost")
#: Its own noises for each row, and levels of noise, each of which has trees of its own.
_N_NOISES, _N_LEVELS, _FEWEST_LEVELS = 100, 50, 10


def fit(job: Job) -> tuple[Sampler, float]:
    """Learn the table, given the target where that is of classes."""
    is_class = job.target in job.levels
    table = job.plain.drop(columns=job.target) if is_class else job.plain
    names = {name: pd.factorize(table[name], sort=True)[1] for name in table if name in job.levels}
    cells = {
        name: pd.factorize(table[name], sort=True)[0].astype(float) if name in names else table[name]
        for name in table
    }
    X = pd.DataFrame(cells).to_numpy(float)
    places = [list(table).index(name) for name in names]
    codes, classes = pd.factorize(job.plain[job.target], sort=True) if is_class else (None, None)
    whole = [
        place
        for place, name in enumerate(table)
        if name not in names and bool((job.table[name].dropna() % 1 == 0).all())
    ]

    def fitted(n_noises: int, n_levels: int) -> tuple[ForestDiffusionModel, float]:
        started = time.perf_counter()
        model = ForestDiffusionModel(
            X,
            label_y=codes,
            n_t=n_levels,
            duplicate_K=n_noises,
            cat_indexes=places,
            int_indexes=whole,
            seed=job.seed,
        )
        return model, time.perf_counter() - started

    n_noises, n_levels = _N_NOISES, _N_LEVELS
    if job.seconds is not None:
        _, of_one = fitted(1, 2)
        of_level = of_one / 2
        n_noises = int(np.clip(job.seconds / of_level / n_levels, 1, _N_NOISES))
        n_levels = int(np.clip(job.seconds / of_level / n_noises, _FEWEST_LEVELS, _N_LEVELS))
    model, seconds = fitted(n_noises, n_levels)

    def sample(n_rows: int) -> pd.DataFrame:
        drawn = model.generate(batch_size=n_rows)
        rows = pd.DataFrame(drawn[:, : len(list(table))], columns=list(table))
        for name, levels in names.items():
            rows[name] = levels.to_numpy()[rows[name].round().astype(int)]
        if classes is not None:
            rows[job.target] = classes.to_numpy()[drawn[:, -1].astype(int)]
        return rows

    return sample, seconds
