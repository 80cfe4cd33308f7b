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


def fitted(rows: pd.DataFrame, epochs: int) -> tuple[CTGAN, float]:
    """Return a model trained so long, and the seconds it took."""
    started = time.perf_counter()
    model = CTGAN(epochs=epochs)
    model.fit(rows, discrete)
    return model, time.perf_counter() - started


# One epoch and four tell what preparing and what an epoch takes; the very first run is slower than others.
fitted(table.head(1_000), 1)
(_, of_one), (_, of_four) = fitted(table, 1), fitted(table, 4)
of_epoch = max((of_four - of_one) / 3, of_one / 20)
model, _ = fitted(table, max(1, min(300, round((float(seconds) - of_one) / of_epoch))))
model.sample(int(n_rows)).to_parquet(drawn)
