"""Small tables, generators and learners that the tests of the augmenter share."""

from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from synthgan import AugmentedClassifier, Augmenter, SynthGAN
from synthgan.augmentation.given import Given

QUICK = SynthGAN(epochs=3, hidden_dims=(16,), redraw=False, correct=False, verbose=0)
FOREST = RandomForestClassifier(20, random_state=0)
TWO_WAYS = {"method": ("jitter", "neighbours"), "random_state": 0}
JITTER = {"method": "jitter", "labels": "soft", "real_share": 0.1, "random_state": 0}
#: Where it does not matter what is chosen.
QUICK_JITTER = JITTER | {"teacher": KNeighborsClassifier(5), "n_repeats": 1}


def classes(n=60, *, seed=0, rare=0.25):
    """Return rows with numbers, whole numbers, levels, gaps and times, and classes that depend on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    X = pd.DataFrame(
        {
            "size": x.round(2),
            "count": rng.integers(0, 9, n).astype("int32"),
            "kind": pd.Categorical(rng.choice(list("abc"), n), categories=list("abcd")),
            "town": np.where(rng.random(n) < 0.1, None, rng.choice(["Oslo", "Rome"], n)),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "is_new": rng.random(n) < 0.5,
        }
    )
    chance = 1 / (1 + np.exp(-2 * x - np.log(rare / (1 - rare))))
    y = pd.Series(np.where(rng.random(n) < chance, "yes", "no"), name="answer")
    y.iloc[:3], y.iloc[3:6] = "yes", "no"
    return X, y


def numbers(n=60, *, seed=0):
    """Return rows of numbers and classes as an array and whole numbers."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = (X[:, 0] + rng.normal(size=n) > 0.8).astype(int)
    y[:3], y[3:6] = 1, 0
    return X, y


def amounts(n=60, *, seed=0):
    """Return rows of numbers, and numbers to predict of which large ones are rare."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    return X, pd.Series(np.exp(X["a"] + 0.1 * rng.normal(size=n)), name="amount")


def problem_of(X, y, task="auto"):
    """Return what X and y are read as."""
    given, kind = Given.of(X, y, task)
    return given.problem(kind)


def quick(**options):
    """Return an augmenter whose generator and teacher learn in a moment."""
    return Augmenter(**{"synthesizer": QUICK, "teacher": FOREST, "random_state": 0, **options})


def chosen(augmenter, estimator, X, y):
    """Return what an augmenter decides on, given a learner and rows."""
    return AugmentedClassifier(estimator, augmenter, random_state=0).fit(X, y).decision_


class Copying:
    """A generator that draws learned rows, or what they are changed to, and remembers which it has seen."""

    seen: ClassVar[list] = []

    def __init__(self, changed=lambda rows: rows):
        self.changed = changed

    def fit(self, table):
        self.table = table
        Copying.seen.append(table)
        return self

    def sample(self, n):
        rows = self.table.iloc[np.resize(np.arange(len(self.table)), n)].reset_index(drop=True)
        return self.changed(rows)
