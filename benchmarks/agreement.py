"""Do our figures agree with those of the packages that defined them? The largest difference of each.

It is run by the python of an environment of its own, which has SDMetrics beside what the evaluation needs,
and no torch. SDMetrics pins an older pandas, so that this also tries the evaluation with that:

    python3 -m venv .rivals/sdmetrics
    .rivals/sdmetrics/bin/pip install sdmetrics imbalanced-learn scipy pyarrow jinja2 matplotlib
    .rivals/sdmetrics/bin/python benchmarks/agreement.py --data path/to/tables

Half of the rows of each table are compared with the other half, and with permuted columns.
It ends with an error if a difference is above `TOLERANCE`. To compare more, write a function that yields
`Difference` and add it to `COMPARISONS`.
"""

import argparse
import importlib.metadata
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).parents[1]))

from synthgan.evaluation.arms import Oversampling, Smote
from synthgan.evaluation.learners import Task, fitted, predicted
from synthgan.evaluation.scores import classification_scores
from synthgan.evaluation.similarity import column_pairs, column_shapes, comparable
from synthgan.evaluation.tables import Coding, class_names

#: Differences up to this are rounding.
TOLERANCE = 1e-6
TABLES = ["adult-train", "german-credit", "shoppers", "beijing-pm25", "penguins", "lending-club-loans"]
#: Packages that are compared with, or that the figures depend on.
VERSIONS = ["sdmetrics", "imbalanced-learn", "scikit-learn", "scipy", "pandas", "numpy"]
#: Rows of each half, at most; SDMetrics takes a second for each pair of long columns.
MAX_ROWS = 5_000
SEED = 0


@dataclass(frozen=True)
class Difference:
    """How far our figures are from others of the same definition.

    Attributes
    ----------
    figure
        What was compared.
    largest
        The largest difference.
    n_compared, n_left_out
        Figures compared, and figures that the other package does not define.
    reason
        Why these were left out.
    """

    figure: str
    largest: float
    n_compared: int
    n_left_out: int = 0
    reason: str = ""


Comparison = Callable[[pd.DataFrame, pd.DataFrame], Iterator[Difference]]


def compared(figure: str, ours: pd.Series, theirs: pd.Series, reason: str) -> Difference:
    """Return the difference of two columns of figures; theirs are NaN where they define none."""
    is_there = theirs.notna()
    # Ours must be there wherever theirs is: a gap of ours counts as infinitely far.
    apart = (ours - theirs)[is_there].abs().fillna(np.inf)
    left_out = int((~is_there).sum())
    return Difference(figure, apart.max(), int(is_there.sum()), left_out, reason if left_out else "")


def against_sdmetrics(real: pd.DataFrame, drawn: pd.DataFrame) -> Iterator[Difference]:
    """Yield how far similarities of columns and pairs are from those in SDMetrics' quality report.

    Its two properties are asked, not the report, which by now leaves out pairs that are little associated.
    TVComplement adds 1e-6 rows for each level that only drawn rows have; that is all the difference there is.
    """
    from sdmetrics.reports.single_table._properties import ColumnPairTrends, ColumnShapes

    # It cannot cut nullable integers in bins, so it is given the same cells as floats and text.
    real, drawn = comparable(real, drawn)
    sdtypes = {True: "numerical", False: "categorical"}
    metadata = {"columns": {name: {"sdtype": sdtypes[real[name].dtype.kind == "f"]} for name in real}}
    theirs = ColumnShapes(), ColumnPairTrends()
    theirs[1].num_rows_subsample = None
    with warnings.catch_warnings():  # of correlations with constants
        warnings.simplefilter("ignore")
        for part in theirs:
            part.get_score(real, drawn, metadata)
    details = theirs[0].details.set_index("Column")["Score"]
    shapes = column_shapes(real, drawn).set_index("column")
    for kind, name in (("number", "KSComplement"), ("levels", "TVComplement")):
        ours = shapes.loc[shapes["kind"] == kind, "similarity"]
        yield compared(name, ours, details[ours.index], "a table has no cell in the column")
    details = theirs[1].details.set_index(["Column 1", "Column 2"])["Score"]
    pairs = column_pairs(real, drawn, bins="own").set_index(["first", "second"])
    for kind, name, reason in (
        (
            "numbers",
            "CorrelationSimilarity",
            "a column does not vary: ours is 0, theirs undefined",
        ),
        ("levels", "ContingencySimilarity", ""),
        ("mixed", "ContingencySimilarity, number in bins", ""),
    ):
        ours = pairs.loc[pairs["kind"] == kind, "similarity"]
        yield compared(name, ours, details[ours.index], reason)


def against_scikit_learn(real: pd.DataFrame, drawn: pd.DataFrame) -> Iterator[Difference]:
    """Compare the scores of predictions: a line learns the first column of few classes from drawn rows."""
    target = first_target(real)
    if target is None:
        return
    classes = sorted(set(class_names(real[target])) | set(class_names(drawn[target])))
    task = Task(target, "classification", tuple(classes))
    coding = Coding.of(real.drop(columns=target))
    examples, test = (task.examples(rows, coding) for rows in (drawn, real))
    chances = predicted(fitted(LogisticRegression(max_iter=5_000), examples, seed=0), test, task)
    ours = classification_scores(test.labels, chances)
    is_binary = len(classes) == 2
    asked = chances[:, 1] if is_binary else chances
    called = chances[:, 1] > 0.5 if is_binary else chances.argmax(axis=1)
    theirs = {
        "auc": metrics.roc_auc_score(test.labels, asked, multi_class="ovr"),
        "log_loss": metrics.log_loss(test.labels, chances),
        "brier": metrics.brier_score_loss(test.labels, asked),
        "balanced_accuracy": metrics.balanced_accuracy_score(test.labels, called),
        "f1": metrics.f1_score(test.labels, called, average="binary" if is_binary else "macro"),
    }
    if is_binary:
        theirs["average_precision"] = metrics.average_precision_score(test.labels, asked)
    for name, score in theirs.items():
        yield Difference(f"scikit-learn {name}", abs(ours[name] - score), 1)


def against_imbalanced_learn(real: pd.DataFrame, drawn: pd.DataFrame) -> Iterator[Difference]:
    """Compare the rows of the arms with those of the samplers, where columns are floats."""
    target = first_target(real)
    others = [name for name in real if name != target and real[name].notna().all()]
    floats = [name for name in others if pd.api.types.is_float_dtype(real[name].dtype)]
    if target is None or not floats:
        return
    task = Task(target, "classification", tuple(sorted(set(class_names(real[target])))))
    frame, labels = real[[*floats, target]], task.labels(real)
    if np.bincount(labels).min() > 5:
        (own,) = Smote().trainings(frame, task, [1.0], SEED)
        other, _ = SMOTE(random_state=SEED).fit_resample(real[floats].to_numpy(), labels)
        yield Difference("imbalanced-learn SMOTE", largest_difference(own.frame[floats], other), other.size)
    (own,) = Oversampling().trainings(frame, task, [1.0], SEED)
    other, _ = RandomOverSampler(random_state=SEED).fit_resample(real[floats].to_numpy(), labels)
    yield Difference(
        "imbalanced-learn oversampling", largest_difference(own.frame[floats], other), other.size
    )


def first_target(frame: pd.DataFrame) -> object | None:
    """Return the first column of two to seven classes, each of ten rows or more."""
    for name in frame:
        counts = frame[name].value_counts()
        if frame[name].notna().all() and 2 <= len(counts) <= 7 and counts.min() >= 10:
            return name
    return None


def largest_difference(ours: pd.DataFrame, theirs: np.ndarray) -> float:
    """Return the largest difference of two tables of numbers, infinite where they have other shapes."""
    return float(np.abs(ours.to_numpy() - theirs).max()) if ours.shape == theirs.shape else np.inf


#: What is compared on every table: functions of two halves.
COMPARISONS: list[Comparison] = [against_sdmetrics, against_scikit_learn, against_imbalanced_learn]


def permuted(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the rows with each column in an order of its own."""
    columns = {name: frame[name].take(rng.permutation(len(frame))).reset_index(drop=True) for name in frame}
    return pd.DataFrame(columns)


def differences(table: str, frame: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield one row a comparison of a table."""
    rng = np.random.default_rng(SEED)
    half = min(len(frame) // 2, MAX_ROWS)
    order = rng.permutation(len(frame))
    real = frame.take(order[:half]).reset_index(drop=True)
    other = frame.take(order[half : 2 * half]).reset_index(drop=True)
    for name, drawn in (("other half", other), ("permuted", permuted(other, rng))):
        for compare in COMPARISONS:
            for found in compare(real, drawn):
                if found.n_compared + found.n_left_out:
                    yield {"table": table, "drawn": name, **vars(found)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("tables", nargs="*", default=TABLES, help="names of the tables")
    parser.add_argument("--data", type=Path, required=True, help="folder of parquet files")
    options = parser.parse_args()
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in VERSIONS))
    rows = []
    for table in options.tables:
        rows += differences(table, pd.read_parquet(options.data / f"{table}.parquet"))
    found = pd.DataFrame(rows)
    print(found.to_string(index=False, float_format="{:.1e}".format))
    n_compared = found["n_compared"].sum()
    print(f"{n_compared} figures compared, {found['n_left_out'].sum()} left out")
    if not n_compared or not (found.loc[found["n_compared"] > 0, "largest"] <= TOLERANCE).all():
        sys.exit(f"A difference is above {TOLERANCE:g}.")


if __name__ == "__main__":
    main()
