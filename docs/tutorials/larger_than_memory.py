"""
Larger than memory, and Ray
===========================

A table that is a folder of files, millions of rows to draw, and a machine that may be switched off in
between. The sizes here are small so that the page builds in seconds; the commands are the same.
"""

# %%
# Learn a folder
# --------------
#
# Files are read one by one and in batches. Of more than a million rows, a million are learned that are chosen
# at random, and with them the rows that show what no other does.

from contextlib import chdir
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd
import pyarrow.dataset as ds

from synthgan import SynthGAN
from synthgan.cli import main as synthgan
from synthgan.datasets import load_penguins
from synthgan.runs import Plan, draw_to

folder = Path(mkdtemp())
(folder / "parts").mkdir()
for number in range(3):
    load_penguins().to_parquet(folder / "parts" / f"{number}.parquet")

with chdir(folder):
    synthgan(["fit", "parts", "-o", "model.synthgan", "--seed", "0"], standalone_mode=False)

# %%
# What will it take?
# ------------------
#
# ``--dry-run`` says it before anything is done; ``--json`` says it to a program.

with chdir(folder):
    asked = "sample model.synthgan -n 20000000 -o drawn.parquet --dry-run"
    synthgan(asked.split(), standalone_mode=False)

# %%
# Draw in chunks
# --------------
#
# Each chunk is a function of the model, the seed and its place: the same seed gives the same bytes with any
# number of processes, and after any interruption.

gan = SynthGAN.load(folder / "model.synthgan")
plan = Plan(n_rows=20_000, seed=5, chunk_rows=5_000)
draw_to(folder / "drawn", gan, plan, n_workers=2)
print((folder / "drawn" / "_manifest.jsonl").read_text())

# %%
# Lose a part, as a full disk or a pulled plug would, and go on: what is lacking is drawn again, and nothing
# else.

before = ds.dataset(folder / "drawn", exclude_invalid_files=True).to_table()
next((folder / "drawn").glob("*.parquet")).unlink()
draw_to(folder / "drawn", gan, plan, n_workers=2, resume=True)
after = ds.dataset(folder / "drawn", exclude_invalid_files=True).to_table()
assert after.equals(before)
print(f"{after.num_rows:,} rows, equal to those before")

# %%
# On a cluster
# ------------
#
# With ``pip install 'synthgan[ray]'`` the chunks are tasks of a Ray cluster: the one that is running, or one
# that is begun on this machine. The bytes are the same once more.
#
# .. code-block:: console
#
#    $ synthgan sample model.synthgan -n 20000000 -o drawn --seed 5 --engine ray --workers 64
#
# In Python it is one more argument:
#
# .. code-block:: python
#
#    draw_to("drawn", gan, plan, n_workers=64, engine="ray")
#
# Several machines can learn one table together, ``synthgan fit ... --engine ray --workers 4``, each from its
# share of every batch. It pays where steps are large: learn a sample first, and see whether more rows change
# what :doc:`does_it_help` says.

pd.read_parquet(folder / "drawn").head()
