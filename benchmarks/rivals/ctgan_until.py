"""Fit CTGAN on a parquet file for about so many seconds and draw rows: runs in an environment of its own."""

import sys
import time

import pandas as pd
import torch
from ctgan import CTGAN

learned, drawn, n_rows, seconds, seed = sys.argv[1:]
table = pd.read_parquet(learned)
# It takes no missing numbers, and has to be told what is no quantity.
numbers = [name for name in table.select_dtypes("number") if table[name].nunique() > 10]
table[numbers] = table[numbers].astype(float).fillna(table[numbers].median())
discrete = [name for name in table if name not in numbers]
for name in discrete:
    if table[name].isna().any():
        table[name] = table[name].astype(object).where(table[name].notna(), "missing")
torch.manual_seed(int(seed))


def fitted(epochs: int) -> tuple[CTGAN, float]:
    """Return a model trained so long, and the seconds it took."""
    started = time.perf_counter()
    model = CTGAN(epochs=epochs)
    model.fit(table, discrete)
    return model, time.perf_counter() - started


# One epoch and three tell what preparing and what an epoch takes.
(_, of_one), (_, of_three) = fitted(1), fitted(3)
of_epoch = max((of_three - of_one) / 2, 1e-3)
model, _ = fitted(max(1, min(300, round((float(seconds) - of_one) / of_epoch))))
model.sample(int(n_rows)).to_parquet(drawn)
