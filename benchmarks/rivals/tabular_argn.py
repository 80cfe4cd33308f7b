"""Fit TabularARGN on a parquet file and draw rows: runs in an environment of its own."""

import sys

import pandas as pd
from mostlyai.engine import TabularARGN

learned, drawn, n_rows, seconds, seed = sys.argv[1:]
model = TabularARGN(max_training_time=float(seconds) / 60, value_protection=False, random_state=int(seed))
model.fit(pd.read_parquet(learned)).sample(int(n_rows)).to_parquet(drawn)
