"""
Deciding whether it helps
=========================

More rows are not more information. This is the experiment that decides, on your table and your model: real
rows with and without drawn ones, judged on real rows that nothing has seen.
"""

# %%
# The comparison
# --------------
#
# Diabetes: 442 patients, ten measurements, and a number to predict a year later. Leave the default learners,
# or name your own model; here a tree and a ridge regression. Everything is learned anew in every fold:
# sampler, coding and learner see the learned rows alone.

from pathlib import Path
from tempfile import mkdtemp

from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeRegressor

from synthgan import SynthGAN, compare_augmentation, evaluate

table = load_diabetes(as_frame=True, scaled=False).frame
result = compare_augmentation(
    table,
    "target",
    {"SynthGAN": SynthGAN(target="target", verbose=0)},  # any object with fit(table) and sample(n)
    {"tree": DecisionTreeRegressor(min_samples_leaf=10), "ridge": Ridge()},
    ratio=2.0,  # the verdict is about two drawn rows for each real one
    ratios=(0.5,),
    n_splits=5,
    n_repeats=2,
    n_jobs=2,
    verbose=0,
)

# %%
# The verdict
# -----------
#
# *Helps*, *no difference shown* or *hurts*, with the gain and its interval. It is about one score, one number
# of rows and the mean of the learners, all fixed before anything was seen: pick the best of twenty figures
# afterwards and you find a gain in noise.

print(result.verdicts[0])

# %%
# Each learner by itself, beside the baselines. Duplicates are there because they are what a learner gets from
# more rows that say nothing: if they do as well, it was not the generator.

figure = result.plot_gains().figure

# %%
# Gain over the number of added rows. It is there to look at, not to pick its best point from.

doses = result.plot_doses().figure

# %%
# Are the rows any good?
# ----------------------
#
# A second question, with figures of its own. Half of the rows are learned, the other half stays unseen.

learned, unseen = train_test_split(table, test_size=0.5, random_state=0)
gan = SynthGAN(target="target", random_state=0, verbose=0).fit(learned)
evaluation = evaluate(learned, gan.sample(len(learned)), target="target", held_out=unseen)
evaluation.to_frame()

# %%
# And do they give learned rows away? Copies, and attacks by somebody who has the drawn rows and a record:

print(evaluation.privacy.verdict)

# %%
# Every figure stands beside its *floor*: what as many real rows get. A detection of .55 says little where
# real rows get .52; :doc:`../../explanation/evaluation` goes through them one by one, and
# :doc:`../../explanation/privacy` says what those about copies and membership do not mean.
#
# A report to pass on
# -------------------
#
# One HTML file without network, or JSON for a program. ``synthgan compare`` and ``synthgan evaluate`` write
# the same.

folder = Path(mkdtemp())
result.to_html(folder / "does-it-help.html")
evaluation.to_html(folder / "rows.html")
for path in sorted(folder.iterdir()):
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")
