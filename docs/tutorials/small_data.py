"""
Few rows
========

Eighty rows, five learners: which of them gain from drawn rows, and from whose labels? Learned on few rows,
judged on the hundreds that are left, many times over.
"""

# %%
# The experiment
# --------------
#
# Each of ten times, eighty tumours are drawn at random to learn from, and the other 489 judge.
# `AugmentedClassifier` fits a learner on the given rows and drawn ones together. Its default draws by the
# generator and by jitter, and takes ten seconds a fit; jitter alone takes one.

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from synthgan import AugmentedClassifier, Augmenter

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
learners = {
    "line": make_pipeline(StandardScaler(), LogisticRegression()),
    "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(5)),
    "tree": DecisionTreeClassifier(min_samples_leaf=5, random_state=0),
    "boosting": GradientBoostingClassifier(random_state=0),
    "forest": RandomForestClassifier(100, random_state=0),
}
jitter = Augmenter(ratio=5, method="jitter", labels="soft", real_share=0.1)


def auc(learner, rows):
    """Learn some rows, and return the AUC on all others."""
    learned, judged = rows
    learner.fit(X.loc[learned], y.loc[learned])
    return roc_auc_score(y.loc[judged], learner.predict_proba(X.loc[judged])[:, 1])


gains = []
for seed in range(10):
    rows = train_test_split(X.index, train_size=80, stratify=y, random_state=seed)
    for name, learner in learners.items():
        augmented = AugmentedClassifier(learner, jitter, random_state=seed)
        alone = auc(learner, rows)
        gains.append({"learner": name, "alone": alone, "gain": auc(augmented, rows) - alone})
table = pd.DataFrame(gains).groupby("learner", sort=False)["gain"].agg(["mean", "sem"])
table.insert(0, "alone", pd.DataFrame(gains).groupby("learner")["alone"].mean())
table.round(4)

# %%
# Gains and their standard errors, over ten splits:

figure = Figure(figsize=(6, 2.6), layout="constrained")
axes = figure.subplots()
axes.errorbar(
    table["mean"], np.arange(len(table)), xerr=1.96 * table["sem"], fmt="o", color="#e1812c", capsize=3
)
axes.axvline(0, color="gray", linewidth=0.8)
axes.set_yticks(range(len(table)), table.index)
axes.invert_yaxis()
_ = axes.set(xlabel="gain in AUC on real rows, 95 % interval")

# %%
# Why
# ---
#
# The rows themselves say nothing new. What is new is their labels: a *teacher*, the average of two forests, a
# line and boosted trees, fitted on the same eighty rows, says how likely each class is, and a single tree
# that sees these chances at five hundred points learns what the ensemble knows. A forest has an ensemble
# already, and gains next to nothing.
#
# Whether it does so on *your* rows is for the inner comparison to find out, which adds nothing unless that is
# better:

chosen = Augmenter(ratio=(1, 5), method="jitter", labels="soft", real_share=0.1, n_repeats=1)
for name in ("tree", "forest"):
    model = AugmentedClassifier(learners[name], chosen, random_state=0).fit(X[:80], y[:80])
    print(f"{name}: {model.decision_}\n")

# %%
# :doc:`../../guides/augmentation` has a study of eight tables and six learners, and what else an `Augmenter`
# can do.
