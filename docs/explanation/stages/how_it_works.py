"""
How it works
============

A row on its way through: from cells to codes, through the generator, drawn again cell by cell, chosen among
candidates, and back to cells. One picture a stage, of a model that is learned here.
"""

# %%
# The way of a row
# ----------------
#
# .. code-block:: none
#
#    table ── schema ── codes ──▶ generator ──▶ codes ── redrawn ── chosen ──▶ cells
#
# The preprocessing knows frames and no networks, the networks know codes and no frames.

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthgan import SynthGAN
from synthgan.datasets import load_penguins

table = load_penguins()
gan = SynthGAN(random_state=0, verbose=0).fit(table)
blue, orange = "#4878a8", "#e1812c"

# %%
# Cells become codes
# ------------------
#
# A level is a code. A number is two: the piece of the line in which it lies, and its place in that piece.
# Pieces hold about as many rows each, and a number that is very frequent has a piece of its own: a spike at
# zero stays a spike. A missing cell is one more code, so that what is missing together is learned with the
# rest.

lengths = gan.encoder_.encoders_[list(table.columns).index("bill_length_mm")]
edges = lengths.axis_.knots[lengths.axis_.starts[1:-1]]
pieces = Figure(figsize=(8, 2.6), layout="constrained")
axes = pieces.subplots()
axes.hist(table["bill_length_mm"].dropna(), bins=60, color=blue)
axes.vlines(edges, 0, axes.get_ylim()[1], color="gray", linewidth=0.6)
_ = axes.set(xlabel="bill_length_mm", ylabel="rows", title="where pieces begin")

# %%
# The generator learns to fill in
# -------------------------------
#
# It is a multilayer perceptron that is shown a random part of a row and gives a distribution of each hidden
# cell. The loss is the cross-entropy of what was hidden, averaged over the hidden columns: over all parts
# that is a bound on the likelihood of the row (Uria et al., 2014; Hoogeboom et al., 2022). Since any part may
# be shown, any cells may be given later: conditions need no training of their own.
#
# What it thinks of the species of one Chinstrap, the more of the row it sees:

row = table[table["species"] == "Chinstrap"].dropna().head(1)
shown = ["sex", "bill_depth_mm", "bill_length_mm", "island"]
chances = pd.DataFrame(
    {
        f"{'+ ' * (n > 1)}{shown[n - 1]}": gan.predict_proba(row[shown[:n]], "species").iloc[0]
        for n in range(1, len(shown) + 1)
    }
)
filling_in = Figure(figsize=(8, 2.8), layout="constrained")
axes = filling_in.subplots()
for place, (species, shares) in enumerate(chances.iterrows()):
    axes.bar(np.arange(len(shares)) + 0.27 * (place - 1), shares, width=0.25, label=species)
axes.set_xticks(range(chances.shape[1]), chances.columns)
axes.set(ylabel="chance", title="what the generator sees, and what it expects")
_ = axes.legend(frameon=False)

# %%
# Held-out rows say when to stop
# ------------------------------
#
# One row in twenty, or more where rows are few, does not train the network. On a table of 2,000 rows and more
# training ends when these get no likelier. On any table it ends when drawn rows come nearer to the learned
# rows than held-out rows do, which they would if rows were memorised. The weights that draw rows are a moving
# average of those of the last steps.

losses = Figure(figsize=(8, 2.6), layout="constrained")
axes = losses.subplots()
axes.plot(gan.history_["step"], gan.history_["reconstruction"], color=blue, label="learned rows")
axes.plot(gan.history_["step"], gan.history_["validation"], color=orange, label="held-out rows")
axes.set(xlabel="training step", ylabel="loss of a hidden cell, nats")
_ = axes.legend(frameon=False)

# %%
# Rows are drawn in rounds
# ------------------------
#
# Cells that are drawn in the same round do not see each other, so columns that say much of each other belong
# into different rounds. What each pair says of each other is measured once, before training; the groups are
# others for every two thousand rows, in another order.

dependence = gan.model_.column_dependence.information
together = Figure(figsize=(4.8, 4), layout="constrained")
axes = together.subplots()
image = axes.imshow(dependence, cmap="Blues", vmin=0)
axes.set_xticks(range(len(table.columns)), table.columns, rotation=40, ha="right", fontsize=8)
axes.set_yticks(range(len(table.columns)), table.columns, fontsize=8)
axes.set_title("what columns say of each other", fontsize=10)
_ = together.colorbar(image, shrink=0.8)

# %%
# Cells are redrawn, and rows are chosen
# --------------------------------------
#
# *Redrawing.* A generator that learned from a few thousand rows blurs what is sharp. So each cell is drawn
# once more, given all the others of its row: a tree that predicts the column is asked in which leaf the row
# lies, and the cell of a random learned row of that leaf is taken. That is one sweep of Gibbs sampling with
# trees as conditionals.
#
# *Choosing.* Rows that are drawn independently fall in clumps. Of three to eight candidates for each row
# those are kept whose leaves, in a forest grown on the learned rows, are furthest behind their share: kernel
# herding (Chen et al., 2010) with the kernel of a forest.
#
# Both can be switched off in a fitted model, so that one sees what each does:

n_rows = 1_000
drawn = {}
for title, switches in {
    "as the generator draws": {"redraw": False, "correct": False},
    "redrawn": {"redraw": True, "correct": False},
    "redrawn and chosen": {"redraw": True, "correct": True},
}.items():
    drawn[title] = gan.set_params(**switches).sample(n_rows, random_state=0)

stages = Figure(figsize=(9.6, 2.8), layout="constrained")
for axes, (title, rows) in zip(
    stages.subplots(1, 4, sharey=True), {"real": table, **drawn}.items(), strict=True
):
    numbers = rows[["bill_length_mm", "bill_depth_mm"]].dropna()
    color = blue if title == "real" else orange
    axes.scatter(*numbers.to_numpy(dtype=float).T, s=4, alpha=0.5, color=color, linewidths=0)
    axes.set_title(title, fontsize=10)

# %%
# How evenly rows lie, in numbers: the table is cut into cells (species, sex and halves of the masses), and
# each cell's share of the drawn rows is held against its share of the real ones.


def cells(rows):
    """Return the share of the rows in each cell of a coarse grid."""
    heavy = (
        rows["body_mass_g"]
        > table.groupby("species")["body_mass_g"].median().reindex(rows["species"]).to_numpy()
    )
    return pd.crosstab([rows["species"], rows["sex"].fillna("missing")], heavy, normalize=True).stack()


shares = pd.DataFrame({title: cells(rows) for title, rows in {"real": table, **drawn}.items()}).fillna(0)
distances = shares.sub(shares["real"], axis=0).drop(columns="real").abs().sum() / 2
distances.rename("total variation distance").round(3).to_frame()

# %%
# Codes become cells
# ------------------
#
# On the way back a place in a piece becomes a number on the seen grid: whole numbers stay whole, tenths stay
# tenths. What follows from other columns (a code's name, a date's year, cents from euros) is not drawn but
# computed, and rules that were declared are checked and mended. Then dtypes, order and metadata are those of
# the table.

gan.sample(3, random_state=0)

# %%
# What each part is worth, switched off one by one on real tables, has a table of its own: ``make
# bench-ablation``.
#
# References
# ----------
#
# - Uria, Murray, Larochelle (2014). A Deep and Tractable Density Estimator. ICML.
# - Hoogeboom et al. (2022). Autoregressive Diffusion Models. ICLR.
# - Chen, Welling, Smola (2010). Super-Samples from Kernel Herding. UAI.
# - Goodfellow et al. (2014). Generative Adversarial Nets. NeurIPS.
