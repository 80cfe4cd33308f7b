"""A table, samplers and learners that are compared in a moment."""

from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

LINE = LogisticRegression()
TREE = DecisionTreeClassifier(min_samples_leaf=5)
QUICK = {"estimators": {"line": LINE}, "n_repeats": 1, "ratios": (), "examine": False, "verbose": 0}


def small_table(n=160, seed=0, gaps=True):
    """Return a table with a number, a whole number, a level, truth and a time, some cells missing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "x": x,
            "count": rng.poisson(5, size=n),
            "city": rng.choice(["Bern", "Basel", "Chur"], size=n),
            "member": rng.random(n) < 0.5,
            "y": np.where(x + rng.normal(size=n) > 0.7, "yes", "no"),
        }
    )
    if gaps:
        frame["x"] = frame["x"].mask(rng.random(n) < 0.1)
        frame["city"] = frame["city"].mask(rng.random(n) < 0.1)
    return frame


class Resampling:
    """Draws learned rows with replacement."""

    def fit(self, table):
        self.table = table
        return self

    def sample(self, n):
        return self.table.sample(n, replace=True, random_state=0).reset_index(drop=True)


class Failing(Resampling):
    """Draws too few rows."""

    def sample(self, n):
        return super().sample(n // 2)


class Remembering(Resampling):
    """Keeps every row that any copy of it was ever fitted on."""

    seen: ClassVar[list] = []

    def fit(self, table):
        self.seen.append(table)
        return super().fit(table)
