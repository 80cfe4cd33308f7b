"""Make tables of the study's results: who gains what, where, and whether that is more than chance.

    python benchmarks/augmentation/summary.py

Each pair of a table and a split is one paired difference to the learner without augmentation. Printed for
each figure: the mean difference of each arm and learner up to 200 rows, with its standard error; for the AUC
the same by size; and the tests. A split is no independent sample of tables, so that two tests are given:
Wilcoxon's signed-rank test over pairs of table and split, as most studies have it, and over the means of
each table and size, which are fewer and more independent. P-values are Holm's, over all that stand in one
table. An arm is averaged over the splits that it ran on, of which the first column has the number.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from synthgan.evaluation.statistics import holm

RESULTS = Path(__file__).with_name("results")
NONE, AUTO = "none", "ratio='auto'"
SIZES = ["20 a class", "50", "100", "200", "500"]
SMALL = SIZES[:4]
#: More is better of the first and the last.
FIGURES = {"auc": 1, "log_loss": -1, "balanced_accuracy": 1}
#: What `ratio="auto"` is to beat, and the least that any learner may gain at any size.
RIVALS = ["SMOTE", "CTGAN", "jitter, teacher"]
LEAST_GAIN = -0.002


def main() -> None:
    arguments = _arguments()
    frame = differences(Path(arguments.results))
    learners, arms = list(dict.fromkeys(frame["learner"])), list(dict.fromkeys(frame["arm"]))
    small = frame[frame["size"].isin(SMALL)]
    splits = small.groupby(["table", "size", "seed"]).ngroups
    print(f"{splits} splits of {small['table'].nunique()} tables up to 200 rows\n")
    for figure in FIGURES:
        print(f"## Gain in {figure.replace('_', ' ')}, up to 200 rows\n")
        print(_table(small, figure, arms, learners))
    print("## AUC by size: ratio='auto'\n")
    lines = [f"| learner | {' | '.join(SIZES)} |", f"|---|{'---|' * len(SIZES)}"]
    for learner in learners:
        own = frame[(frame["arm"] == AUTO) & (frame["learner"] == learner)]
        cells = [_mean(own.loc[own["size"] == size, "auc"]) for size in SIZES]
        lines.append(f"| {learner} | {' | '.join(cells)} |")
    print("\n".join(lines), "\n")
    print("## Tests of the gain in AUC, up to 200 rows\n")
    print(_tests(small, arms, learners))
    print("## ratio='auto' less others, AUC up to 200 rows\n")
    print(_against(small, learners))
    own = frame[frame["arm"] == AUTO].groupby(["learner", "size"])["auc"].mean()
    lowest = own.sort_values().head(3)
    told = [f"{gain:+.4f} ({learner}, {size})" for (learner, size), gain in lowest.items()]
    print(f"Lowest mean gains of ratio='auto', of which {LEAST_GAIN} is allowed: {', '.join(told)}")


def differences(folder: Path) -> pd.DataFrame:
    """Return one row for each table, size, seed, arm and learner: gains over the learner alone."""
    rows: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            own = {key: line[key] for key in ("table", "size", "seed", "arm")}
            for learner, figures in line["learners"].items():
                rows.append(
                    own | {"learner": learner} | {name: figures.get(name, np.nan) for name in FIGURES}
                )
    frame = pd.DataFrame(rows)
    keys = ["table", "size", "seed", "learner"]
    alone = frame[frame["arm"] == NONE].set_index(keys)[list(FIGURES)]
    frame = frame[frame["arm"] != NONE].join(alone.add_suffix("_alone"), on=keys)
    for name, sign in FIGURES.items():
        frame[name] = sign * (frame[name] - frame[f"{name}_alone"])
    return frame


def _table(frame: pd.DataFrame, figure: str, arms: list[str], learners: list[str]) -> str:
    lines = [f"| arm | splits | {' | '.join(learners)} |", f"|---|---|{'---|' * len(learners)}"]
    for arm in arms:
        own = frame[frame["arm"] == arm]
        cells = [_mean(own.loc[own["learner"] == learner, figure]) for learner in learners]
        n_splits = own.dropna(subset=figure).groupby(["table", "size", "seed"]).ngroups
        lines.append(f"| {arm} | {n_splits} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _mean(gains: "pd.Series[float]") -> str:
    gains = gains.dropna()
    if gains.empty:
        return ""
    return f"{gains.mean():+.3f} ({gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0:.3f})"


def _tests(frame: pd.DataFrame, arms: list[str], learners: list[str]) -> str:
    by_split: dict[Any, float] = {}
    by_table: dict[Any, float] = {}
    for arm in arms:
        for learner in learners:
            own = frame[(frame["arm"] == arm) & (frame["learner"] == learner)].dropna(subset="auc")
            means = own.groupby(["table", "size"])["auc"].mean()
            by_split[arm, learner], by_table[arm, learner] = _p_value(own["auc"]), _p_value(means)
    lines = [
        "| arm | learner | p by split | p by table and size | wins, ties, losses |",
        "|---|---|---|---|---|",
    ]
    adjusted = [holm(by_split), holm(by_table)]
    for arm, learner in by_split:
        gains = frame.loc[(frame["arm"] == arm) & (frame["learner"] == learner), "auc"].dropna()
        counts = f"{(gains > 0).sum()}, {(gains == 0).sum()}, {(gains < 0).sum()}"
        ps = [f"{one[arm, learner]:.2g}" for one in adjusted]
        lines.append(f"| {arm} | {learner} | {ps[0]} | {ps[1]} | {counts} |")
    return "\n".join(lines) + "\n"


def _against(frame: pd.DataFrame, learners: list[str]) -> str:
    lines = [f"| less | {' | '.join(learners)} |", f"|---|{'---|' * len(learners)}"]
    keys = ["table", "size", "seed", "learner"]
    own = frame[frame["arm"] == AUTO].set_index(keys)["auc"]
    gaps: dict[Any, pd.Series[float]] = {}
    for rival in RIVALS:
        gap = (own - frame[frame["arm"] == rival].set_index(keys)["auc"]).dropna()
        gaps |= {(rival, learner): part for learner, part in gap.groupby(level="learner")}
    adjusted = holm({key: _p_value(gap) for key, gap in gaps.items()})
    for rival in RIVALS:
        pairs = [(rival, learner) for learner in learners]
        cells = [f"{_mean(gaps[pair])}, p {adjusted[pair]:.2g}" if pair in gaps else "" for pair in pairs]
        lines.append(f"| {rival} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _p_value(gains: "pd.Series[float]") -> float:
    """Return the two-sided p-value of the signed-rank test; 1 where nothing differs."""
    if (gains == 0).all():
        return 1.0
    return float(stats.wilcoxon(gains, zero_method="zsplit").pvalue)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", default=str(RESULTS), help="folder of the study's lines")
    return parser.parse_args()


if __name__ == "__main__":
    main()
