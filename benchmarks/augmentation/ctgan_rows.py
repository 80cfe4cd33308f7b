"""Fit CTGAN on parquet files that lines of the input name, and draw rows: in an environment of its own."""

import sys

import pandas as pd
import torch
from ctgan import CTGAN

torch.set_num_threads(1)
for line in sys.stdin:
    learned, drawn, n_rows, seed = line.rstrip("\n").split("\t")
    table = pd.read_parquet(learned)
    # It takes no missing numbers, and has to be told what is no quantity.
    numbers = [name for name in table.select_dtypes("number") if table[name].nunique() > 10]
    table[numbers] = table[numbers].astype(float).fillna(table[numbers].median())
    discrete = [name for name in table if name not in numbers]
    gaps = [name for name in discrete if table[name].isna().any()]
    for name in gaps:
        table[name] = table[name].astype(object).where(table[name].notna(), "missing")
    torch.manual_seed(int(seed))
    model = CTGAN(verbose=False)
    model.fit(table, discrete)
    rows = model.sample(int(n_rows))
    for name in gaps:
        rows[name] = rows[name].where(rows[name] != "missing", None)
    rows.to_parquet(drawn)
    print("drawn", flush=True)
