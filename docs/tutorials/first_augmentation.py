"""
A first table, and more of it
=============================

Learn a small real table, look at what was found in it, draw rows, and put them after the real ones in a file.
"""

# %%
# The table
# ---------
#
# 344 penguins: text, numbers, and missing cells. Nothing has to be declared or encoded.

from contextlib import chdir
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd

from synthgan import SynthGAN
from synthgan.datasets import load_penguins
from synthgan.plotting import plot_marginals, plot_points

table = load_penguins()
table.head()

# %%
# Learn it
# --------
#
# ``random_state`` makes the run repeatable; all else follows the table. ``schema_`` says what each column was
# taken for and why. Look at it once for every new table: codes that are whole numbers, such as a postcode,
# are taken for numbers unless ``SynthGAN(kinds={"postcode": "categorical"})`` says otherwise.

gan = SynthGAN(random_state=0, verbose=0).fit(table)
gan.schema_.to_frame()

# %%
# Draw rows
# ---------
#
# They have the columns, order and dtypes of the table.

drawn = gan.sample(1_000)
assert list(drawn.dtypes) == list(table.dtypes)
drawn.head()

# %%
# Are they alike? Each column by itself first:

marginals = plot_marginals(table, drawn)

# %%
# Columns by themselves are the easy half. What matters is what goes together:

points = plot_points(table, drawn, x="bill_length_mm", y="flipper_length_mm")

# %%
# :doc:`Deciding whether it helps <does_it_help>` puts figures to this.
#
# Ask for rows
# ------------
#
# Conditions hold in every row, and the other columns are drawn to go with them: Chinstraps live on Dream
# alone.

rare = gan.sample(500, conditions={"species": "Chinstrap", "body_mass_g": ">= 4000"})
pd.crosstab(rare["species"], rare["island"])

# %%
# Keep the model
# --------------
#
# One file of tensors and JSON, of which nothing is executed on loading. A loaded model draws what the saved
# one would have drawn next.

folder = Path(mkdtemp())
gan.save(folder / "penguins.synthgan")
again = SynthGAN.load(folder / "penguins.synthgan")
assert again.sample(5).equals(gan.sample(5))

# %%
# Augment a file
# --------------
#
# On the command line this is
#
# .. code-block:: console
#
#    $ synthgan augment penguins.parquet -o more.parquet --target species --balance --mark
#
# The real rows come first and are not touched; ``--mark`` adds a column that says which rows were drawn, so
# that they can never be taken for real ones later. Here the command is called from Python:

from synthgan.cli import main as synthgan

table.to_parquet(folder / "penguins.parquet")
with chdir(folder):
    options = "--target species --balance --mark --seed 0"
    synthgan(f"augment penguins.parquet -o more.parquet {options}".split(), standalone_mode=False)

more = pd.read_parquet(folder / "more.parquet")
assert more.iloc[: len(table)][table.columns].equals(table)
pd.crosstab(more["species"], more["synthetic"])

# %%
# Whether a model gets better by these rows is another question: :doc:`does_it_help`.
