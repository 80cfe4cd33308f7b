"""
Imbalanced classes
==================

Of 387 tumours 30 are malignant. Is it worth while to draw more of them? The question is asked side by
side with what costs nothing: class weights, plain duplicates, SMOTE.
"""

# %%
# A rare class
# ------------
#
# The breast-cancer table of scikit-learn, with ten of its columns and thirty of its malignant cases.

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from synthgan import AugmentedClassifier, Augmenter, SynthGAN, compare_augmentation

cases = load_breast_cancer(as_frame=True).frame
cases = cases[[*cases.columns[:10], "target"]]
cases["target"] = np.where(cases["target"] == 0, "malignant", "benign")
malignant = cases.index[cases["target"] == "malignant"]
table = cases.drop(index=malignant[30:]).reset_index(drop=True)
table["target"].value_counts()

# %%
# More of the rare class
# ----------------------
#
# If all you want are rows, ask for them. With ``target`` named, rows are chosen by it above all.

gan = SynthGAN(target="target", random_state=0, verbose=0).fit(table)
more = gan.sample(500, conditions={"target": "malignant"})
pd.DataFrame(
    {
        "real": table[table["target"] == "malignant"].mean(numeric_only=True),
        "drawn": more.mean(numeric_only=True),
    }
)

# %%
# In a pipeline
# -------------
#
# `Augmenter` is a sampler as imbalanced-learn has them: in its pipelines it draws while the pipeline is
# fitted, never while it predicts, so that a cross-validation around it is of real rows alone.

X, y = table.drop(columns="target"), table["target"]
balancing = Augmenter(SynthGAN(verbose=0), sampling_strategy="minority", random_state=0)
X_balanced, y_balanced = balancing.fit_resample(X, y)
assert X_balanced.iloc[: len(X)].equals(X)
y_balanced.value_counts()

# %%
# Does it help?
# -------------
#
# Three candidates: as many drawn rows as real ones; `AugmentedClassifier`, which adds rows that a teacher
# labels softly if an inner comparison shows a gain; and beside them, without being asked for, the baselines.
# Two learners. Balanced accuracy is at a threshold that was tuned on real rows: moving the threshold is what
# weights and oversampling mostly do, and costs nothing.

soft = Augmenter(ratio=(1, 5), method="jitter", labels="soft", real_share=0.1, n_repeats=1)
result = compare_augmentation(
    table,
    "target",
    {"SynthGAN": SynthGAN(target="target", verbose=0), "augmented": AugmentedClassifier(augmenter=soft)},
    {
        "tree": DecisionTreeClassifier(min_samples_leaf=5),
        "line": make_pipeline(StandardScaler(), LogisticRegression()),
    },
    metric="balanced_accuracy",
    n_splits=5,
    n_repeats=1,
    ratios=(),
    examine=False,
    verbose=0,
)
result.means()

# %%
# The first row is the score without augmentation, the others are gains over it. The verdict is about the mean
# of the learners, with an interval, beside the best of the baselines:

for verdict in result.verdicts:
    print(verdict, end="\n\n")

# %%
# The forest plot has each learner by itself. Where an interval holds 0, no gain is shown.

figure = result.plot_gains().figure

# %%
# What to take from it
# --------------------
#
# - Do not balance by reflex. Look at the interval, and at the best baseline: if class weights do as well,
#   take them.
# - Probabilities of a model that was trained on balanced rows are those of a balanced world. If you need
#   chances, not decisions, leave classes as frequent as they are.
# - Thirty rows teach a generator what thirty rows say. Drawn ones fill in between them; they do not find new
#   kinds of tumours.
