"""
Conditions, and filling in holes
================================

Any cells of a row may be given; the others are drawn to go with them. That is what conditions are, and what
filling in is.
"""

# %%
# Conditions
# ----------

import numpy as np
import pandas as pd

from synthgan import ConditionError, SynthGAN
from synthgan.datasets import load_penguins

table = load_penguins()
gan = SynthGAN(random_state=0, verbose=0).fit(table)

# %%
# A value, a comparison, a list, a range; they hold in every row:

rows = gan.sample(
    200,
    conditions={
        "species": ["Adelie", "Gentoo"],
        "body_mass_g": ">= 4000 and < 5000",
        "bill_depth_mm": (15, 19),
    },
)
assert rows["body_mass_g"].between(4000, 4999).all()
rows.describe().loc[["min", "mean", "max"]].round(1)

# %%
# Shares, for a table that is balanced by design:

gan.sample(300, conditions={"sex": {"FEMALE": 0.5, "MALE": 0.5}})["sex"].value_counts()

# %%
# A table of what is known of each wanted row; what is missing in it is drawn:

known = pd.DataFrame({"species": ["Gentoo", "Adelie", "Chinstrap"], "sex": ["MALE", "FEMALE", None]})
gan.sample(conditions=known)

# %%
# What no row can have is an error that says so, not an endless search:

try:
    gan.sample(10, conditions={"species": "Gentoo", "island": "Dreem"})
except ConditionError as error:
    print(error)

# %%
# Filling in
# ----------
#
# Take a fifth of the cells away, and fill them in again. ``method="draw"`` fills each with what it might have
# been, so that the filled table spreads as the whole one does; ``"expected"`` with what comes nearest, which
# is closer cell by cell and narrower as a whole.

whole = table.dropna().reset_index(drop=True)
holes = whole.mask(np.random.default_rng(0).random(whole.shape) < 0.2)
learned = SynthGAN(imputation=True, random_state=0, verbose=0).fit(holes)  # it learns from rows with holes
filled = {method: learned.impute(holes, method=method, random_state=0) for method in ("draw", "expected")}
assert not filled["draw"].isna().any().any()

masses, species = holes["body_mass_g"].isna(), holes["species"].isna()
pd.DataFrame(
    {
        method: {
            "mean error of a mass, g": (rows["body_mass_g"] - whole["body_mass_g"])[masses].abs().mean(),
            "spread of masses, g": rows["body_mass_g"][masses].std(),
            "species that are right": (rows["species"] == whole["species"])[species].mean(),
        }
        for method, rows in {"real": whole, **filled}.items()
    }
).round(2)

# %%
# Cells that are there are never touched. For standard errors that count the holes, draw several tables and
# pool what they say (multiple imputation):

slopes = [
    np.polyfit(each["flipper_length_mm"], each["body_mass_g"], 1)[0]
    for each in learned.impute(holes, n_draws=5, random_state=0)
]
print(
    f"grams a millimetre: {np.mean(slopes):.1f}, from {min(slopes):.1f} to {max(slopes):.1f} in five tables"
)

# %%
# In a pipeline `SynthImputer` does this, fitted anew in every fold. :doc:`../../guides/conditions` and
# :doc:`../../guides/filling` have all that may be asked for.
