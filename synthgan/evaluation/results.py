"""Comparison: what came of comparing samplers, as frames, words, files and plots."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthgan.evaluation.arms import NONE
from synthgan.evaluation.estimates import Estimate
from synthgan.evaluation.folds import FoldResult
from synthgan.evaluation.judgement import Evaluation
from synthgan.evaluation.learners import Task
from synthgan.evaluation.scores import BY_TASK, Score
from synthgan.evaluation.text import as_json, as_markdown, plain, written
from synthgan.evaluation.verdict import NOTHING, Judge, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What the mean of all learners is called beside them.
ALL = "all learners"


def records_of(results: list[FoldResult], n_splits: int) -> pd.DataFrame:
    """Return one row for each fold, arm, ratio and learner, with its scores."""
    rows = [
        {
            "repeat": place // n_splits,
            "fold": place,
            "arm": outcome.arm,
            "ratio": np.nan if outcome.ratio is None else outcome.ratio,
            "learner": outcome.learner,
            "n_added": outcome.n_added,
            "arm_seconds": result.seconds.get(outcome.arm, np.nan),
            "learner_seconds": outcome.seconds,
            "failure": outcome.failure,
            "unsuited": outcome.unsuited,
            **outcome.scores,
        }
        for place, result in enumerate(results)
        for outcome in result.outcomes
    ]
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What came of `compare_augmentation`.

    Attributes
    ----------
    records
        One row for each fold, arm, ratio and learner: the scores, and why there are none.
    task
        What was predicted.
    samplers
        Names of the user's samplers.
    ratio
        Drawn rows for each learned one in the verdicts.
    judge
        Score of the verdicts, and what its intervals are corrected by.
    evaluations
        Of samplers that draw rows: these beside real ones, of a split at random.
    n_rows
        Rows of the table that have a target.
    notes
        What a reader should know: rows left out, copies, warnings of samplers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from synthgan import compare_augmentation
    >>> table = load_iris(as_frame=True).frame
    >>> tree = DecisionTreeClassifier(min_samples_leaf=5)
    >>> result = compare_augmentation(table, "target", None, tree, n_splits=2, n_repeats=1, verbose=0)
    >>> result.verdicts  # no sampler, no verdict
    []
    >>> "<!DOCTYPE html>" in result.to_html()
    True
    """

    records: pd.DataFrame
    task: Task
    samplers: list[str]
    ratio: float
    judge: Judge
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    n_rows: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def arms(self) -> list[str]:
        """Names of all arms, baselines first."""
        return list(dict.fromkeys(self.records["arm"]))

    @property
    def scores(self) -> tuple[Score, ...]:
        """All scores of the task."""
        return BY_TASK[self.task.kind]

    @property
    def n_folds(self) -> int:
        """Folds in all repeats."""
        return int(self.records["fold"].nunique())

    @property
    def verdicts(self) -> list[Verdict]:
        """Whether each of the user's samplers helps."""
        scores = {arm: self.scores_of(arm) for arm in self.arms}
        return self.judge.verdicts(scores, self.samplers)

    @property
    def failures(self) -> pd.DataFrame:
        """Arms and learners that failed, in how many folds, and why."""
        failed = self.records[(self.records["failure"] != "") & ~self.records["unsuited"]]
        counts = failed.groupby(["arm", "learner", "failure"], sort=False)["fold"].nunique()
        return counts.rename("folds").reset_index()

    def scores_of(self, arm: str, *, score: str | None = None, ratio: float | None = None) -> pd.DataFrame:
        """Return scores of an arm, one row a fold and one column a learner.

        Parameters
        ----------
        arm
            Its name.
        score
            Name of the score, by default that of the verdicts.
        ratio
            Drawn rows for each learned one, by default those of the verdicts; without meaning for arms that
            decide themselves.
        """
        own = self.records[(self.records["arm"] == arm) & (self.records["learner"] != "")]
        if own["ratio"].notna().any():
            own = own[np.isclose(own["ratio"], self.ratio if ratio is None else ratio)]
        score = self.judge.score.name if score is None else score
        folds = sorted(self.records["fold"].unique())
        if score not in own or own.empty:
            return pd.DataFrame(index=folds)
        return own.pivot(index="fold", columns="learner", values=score).reindex(folds)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each arm, learner and score: its mean, and its gain over no augmentation.

        Gains are counted so that more is better; ``low`` and ``high`` are the ends of their 95 % interval,
        see `repeated_t`, ``cautious_low`` and ``cautious_high`` those of `corrected_t`. The rows of all
        learners are what verdicts are about.
        """
        rows = []
        for score in self.scores:
            judge = replace(self.judge, score=score)
            without = self.scores_of(NONE, score=score.name)
            for arm in self.arms:
                own = self.scores_of(arm, score=score.name)
                for learner in [ALL, *own.columns]:
                    cells = own if learner == ALL else own[[learner]]
                    rows.append(self._row(judge, arm, learner, cells, without))
        return pd.DataFrame(rows)

    def _row(
        self, judge: Judge, arm: str, learner: str, own: pd.DataFrame, without: pd.DataFrame
    ) -> dict[str, Any]:
        is_whole = own.shape == without.shape or learner != ALL
        test = judge.test(own, without) if arm != NONE else None
        gain = NOTHING if test is None else test.difference
        cautious = judge.cautious(own, without) if arm != NONE else NOTHING
        return {
            "score": judge.score.name,
            "arm": arm,
            "learner": learner,
            "learners": 1 if learner != ALL else judge.n_learners(own, without),
            "mean": float(own.to_numpy().mean()) if own.size and is_whole else np.nan,
            "gain": gain.value,
            "low": gain.low,
            "high": gain.high,
            "cautious_low": cautious.low,
            "cautious_high": cautious.high,
            "p_value": np.nan if test is None else test.p_value,
        }

    def doses(self) -> pd.DataFrame:
        """Return the gain of each arm that adds any number of rows, for each ratio: the dose curve."""
        without = self.scores_of(NONE)
        rows = []
        dosed = self.records.dropna(subset=["ratio"])
        for arm, ratio in dosed[["arm", "ratio"]].drop_duplicates().itertuples(index=False):
            test = self.judge.test(self.scores_of(arm, ratio=ratio), without)
            if test is not None:
                gain = test.difference
                rows.append(
                    {"arm": arm, "ratio": ratio, "gain": gain.value, "low": gain.low, "high": gain.high}
                )
        return pd.DataFrame(rows, columns=["arm", "ratio", "gain", "low", "high"])

    def to_dict(self) -> dict[str, Any]:
        """Return verdicts, gains, doses, failures and notes as values that JSON can hold."""
        told = {
            "verdicts": self.verdicts,
            "task": self.task,
            "score": self.judge.score.name,
            "ratio": self.ratio,
            "folds": self.n_folds,
            "rows": self.n_rows,
            "gains": self.to_frame(),
            "doses": self.doses(),
            "failures": self.failures,
            "notes": self.notes,
            "evaluations": {name: one.to_dict() for name, one in self.evaluations.items()},
        }
        return {name: plain(part) for name, part in told.items()}

    def to_json(self, path: Any = None) -> str:
        """Return all figures as JSON, and write them to a file if one is named; missing figures are null."""
        return written(as_json(self.to_dict()), path)

    def to_markdown(self) -> str:
        """Return verdicts, gains, doses, failures and notes as Markdown."""
        score = self.judge.score
        parts = [f"**{verdict}**" for verdict in self.verdicts]
        parts.append(
            f"{self.n_rows:,} rows, {self.n_folds} folds, {self.ratio:g} drawn rows for each learned one; "
            f"{score.label} of real rows that nothing has seen, with 95 % intervals."
        )
        parts.append(as_markdown(self.means()))
        if len(self.doses()):
            parts += ["Gains by the number of rows added for each learned one:", as_markdown(self.doses())]
        if len(self.failures):
            parts += ["What failed:", as_markdown(self.failures)]
        parts += [f"Note: {note}" for note in self.notes]
        parts += [f"## Rows of {name}\n\n{one.to_markdown()}" for name, one in self.evaluations.items()]
        return "\n\n".join(parts) + "\n"

    def means(self) -> pd.DataFrame:
        """Return the score of the verdicts by arm and learner: of none its mean, of others their gain."""
        own = self.to_frame()
        own = own[own["score"] == self.judge.score.name]
        cells = [
            f"{row['mean']:.3f}"
            if row["arm"] == NONE
            else _gain_in_words(row["gain"], row["low"], row["high"])
            for row in own.to_dict("records")
        ]
        table = own.assign(cell=cells).pivot(index="arm", columns="learner", values="cell")
        learners = [ALL, *(name for name in table.columns if name != ALL)]
        return table.reindex(index=self.arms, columns=learners).fillna("").reset_index()

    def to_html(self, path: Any = None, *, title: str = "Does augmentation help?") -> str:
        """Return a report as one HTML page that needs no network, and write it to a file if one is named."""
        from synthgan.evaluation.report import page

        return written(page(self._repr_html_(), title=title), path)

    def plot_gains(self, axes: "Axes | None" = None) -> "Axes":
        """Plot each arm's gain with its interval, over all learners and for each: a forest plot."""
        from synthgan.evaluation.plots import plot_gains

        own = self.to_frame()
        return plot_gains(own[own["score"] == self.judge.score.name], self.judge, axes)

    def plot_doses(self, axes: "Axes | None" = None) -> "Axes":
        """Plot gains over the number of rows that were added for each learned one."""
        from synthgan.evaluation.plots import plot_doses

        return plot_doses(self.doses(), self.judge, axes)

    def __repr__(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        from synthgan.evaluation.report import comparison_body

        return comparison_body(self)


def _gain_in_words(gain: float, low: float, high: float) -> str:
    return "" if np.isnan(gain) else f"{Estimate(gain, low, high):+.3f}"
