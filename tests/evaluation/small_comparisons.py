"""A table, samplers and learners that are compared in a moment."""

from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from synthgan.evaluation import compare_augmentation
from synthgan.evaluation.learners import Task

YES_NO = Task("y", "classification", ("no", "yes"))
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


def mixed_table(n_rows, rng, n_numbers=4, n_levels=4, levels="abcd"):
    """Return a table of normal numbers and of levels; rng is a generator or a seed."""
    rng = np.random.default_rng(rng)
    return pd.DataFrame(
        {
            **{f"number{i}": rng.normal(size=n_rows) for i in range(n_numbers)},
            **{f"level{i}": rng.choice(list(levels), n_rows) for i in range(n_levels)},
        }
    )


def linked_table(n_rows, seed):
    """A number, another that follows it, a level that follows both, one that follows nothing, a class."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_rows)
    y = x + 0.3 * rng.normal(size=n_rows)
    size = np.select([y < -0.5, y < 0.5], ["S", "M"], "L")
    label = np.where(x * np.where(size == "M", -1, 1) + 0.2 * rng.normal(size=n_rows) > 0, "yes", "no")
    town = pd.Series(rng.choice(["Bern", "Basel", None], n_rows), dtype=object)
    return pd.DataFrame({"x": x, "y": y, "size": size, "town": town, "label": label})


def permuted(frame):
    """Return a table of the same columns, each in an order of its own."""
    rng = np.random.default_rng(9)
    return pd.DataFrame({name: frame[name].to_numpy()[rng.permutation(len(frame))] for name in frame})


class Resampling:
    """Draws learned rows with replacement, and changes them if told how."""

    def __init__(self, change=None):
        self.change = change

    def fit(self, table):
        self.table = table
        return self

    def sample(self, n):
        rows = self.table.sample(n, replace=True, random_state=0).reset_index(drop=True)
        return rows if self.change is None else self.change(rows)


#: Draws too few rows.
FAILING = Resampling(lambda rows: rows.iloc[: len(rows) // 2])


class Remembering(Resampling):
    """Keeps every row that any copy of it was ever fitted on."""

    seen: ClassVar[list] = []

    def fit(self, table):
        self.seen.append(table)
        return super().fit(table)


def compared(frame=None, samplers=None, target="y", **options):
    """Return what comes of comparing samplers, by default of a sampler that redraws the rows of a table."""
    frame = small_table() if frame is None else frame
    samplers = {"mine": Resampling()} if samplers is None else samplers
    return compare_augmentation(frame, target, samplers, **QUICK | options)
