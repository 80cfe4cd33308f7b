"""Does the evaluator say what is so? Simulated tables of which the answer is known, a hundred of each kind.

Where nothing changes, 95 % intervals should hold zero in about 95 of a hundred tables, and "helps" and
"hurts" should be rare: a sampler that adds nothing; one that draws from the law of the table, where the
target is chance, so that no row teaches anything; and the same where a line has learned all there is. A gain
that is planted, rows of the law of a table that is small, should be found, and labels that are shuffled
should be said to hurt. Drawn rows of which 5 % are copies should be caught, and those without should not.

    python benchmarks/calibration.py --tables 100
"""

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from synthgan.evaluation import compare_augmentation
from synthgan.evaluation.privacy import privacy

LINE = {"line": LogisticRegression()}
BOTH = {**LINE, "tree": DecisionTreeClassifier(min_samples_leaf=10)}
#: Rows that are learned, held out and drawn where copies are looked for, and the share of copies.
N_LEARNED, N_HELD_OUT, COPIED = 800, 200, 0.05


def law(n_rows: int, n_columns: int, signal: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows of a table: half of its columns numbers, the others levels; the target leans on all."""
    numbers = rng.standard_normal((n_rows, n_columns))
    columns: dict[str, Any] = {}
    for place in range(n_columns):
        cells = numbers[:, place]
        columns[f"x{place}"] = cells if place % 2 == 0 else np.where(cells > 0, "high", "low")
    odds = signal * numbers.sum(axis=1) / np.sqrt(n_columns)
    columns["y"] = np.where(rng.random(n_rows) < 1 / (1 + np.exp(-odds)), "yes", "no")
    return pd.DataFrame(columns)


@dataclass
class Redrawn:
    """Draws from the law of the table, other rows for each table that it is fitted on."""

    n_columns: int
    signal: float
    seed: int

    def fit(self, table: pd.DataFrame) -> "Redrawn":
        """Look at nothing but which rows these are."""
        self.fold = int(pd.util.hash_pandas_object(table).sum() % 2**32)
        return self

    def sample(self, n: int) -> pd.DataFrame:
        """Return new rows."""
        return law(n, self.n_columns, self.signal, np.random.default_rng([self.seed, self.fold]))


class Shuffled:
    """Draws learned rows with labels that are shuffled."""

    def fit(self, table: pd.DataFrame) -> "Shuffled":
        """Remember the rows."""
        self.table = table
        return self

    def sample(self, n: int) -> pd.DataFrame:
        """Return rows with the targets of others."""
        rng = np.random.default_rng(len(self.table))
        rows = self.table.iloc[rng.integers(len(self.table), size=n)].reset_index(drop=True)
        return rows.assign(y=rng.permutation(rows["y"].to_numpy()))


class Unchanging:
    """Adds nothing."""

    def fit_resample(self, X: pd.DataFrame, y: "pd.Series[Any]") -> Any:
        """Return the rows."""
        return X, y


@dataclass(frozen=True)
class Scenario:
    """A kind of table, a sampler, and what should be said of it."""

    n_rows: int
    n_columns: int
    signal: float
    sampler: str
    expected: str
    estimators: str = "both"
    ratio: float = 1.0


SCENARIOS = {
    "adds nothing": Scenario(300, 4, 2.0, "unchanging", "no difference shown"),
    "re-drawn, target is chance": Scenario(300, 4, 0.0, "redrawn", "no difference shown"),
    "re-drawn, line has learned all": Scenario(1_000, 2, 2.0, "redrawn", "no difference shown", "line"),
    "planted gain": Scenario(300, 40, 5.0, "redrawn", "helps", "line", 5.0),
    "shuffled labels": Scenario(1_000, 4, 3.0, "shuffled", "hurts", "both", 2.0),
}


def verdict(scenario: Scenario, seed: int) -> dict[str, Any]:
    """Return what is said of one table."""
    rng = np.random.default_rng(seed)
    table = law(scenario.n_rows, scenario.n_columns, scenario.signal, rng)
    samplers: dict[str, Any] = {
        "unchanging": Unchanging(),
        "redrawn": Redrawn(scenario.n_columns, scenario.signal, 1_000 * (seed + 1)),
        "shuffled": Shuffled(),
    }
    result = compare_augmentation(
        table,
        "y",
        {scenario.sampler: samplers[scenario.sampler]},
        BOTH if scenario.estimators == "both" else LINE,
        ratio=scenario.ratio,
        ratios=(),
        examine=False,
        verbose=0,
        random_state=seed,
    )
    said = result.verdicts[0]
    return {"word": said.word, "gain": said.gain.value, "low": said.gain.low, "high": said.gain.high}


def copying(share: float, seed: int) -> bool:
    """Return whether drawn rows, a share of which are copies, are called copies."""
    rng = np.random.default_rng(seed)
    learned, held_out, drawn = (law(n, 8, 2.0, rng) for n in (N_LEARNED, N_HELD_OUT, N_LEARNED))
    n_copies = round(share * len(drawn))
    copies = learned.iloc[rng.choice(len(learned), n_copies, replace=False)]
    drawn = pd.concat([drawn.iloc[n_copies:], copies], ignore_index=True)
    return privacy(learned, held_out, drawn, random_state=seed).is_copying


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument(
        "--scenarios", nargs="+", choices=[*SCENARIOS, "copies"], default=[*SCENARIOS, "copies"]
    )
    parser.add_argument("--jobs", type=int, default=-1)
    arguments = parser.parse_args()
    parallel = Parallel(n_jobs=arguments.jobs)
    lines = [
        "| tables | helps | no difference shown | hurts | interval holds 0 | mean gain |",
        "|---|---|---|---|---|---|",
    ]
    for name in [name for name in arguments.scenarios if name != "copies"]:
        results = parallel(delayed(verdict)(SCENARIOS[name], seed) for seed in range(arguments.tables))
        words = Counter(result["word"] for result in results)
        held = sum(result["low"] <= 0 <= result["high"] for result in results)
        gain = float(np.mean([result["gain"] for result in results]))
        print(json.dumps({"scenario": name, "words": words, "holds 0": held, "mean gain": gain}), flush=True)
        counts = [words[word] for word in ("helps", "no difference shown", "hurts")]
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {held} | {gain:+.4f} |")
    if "copies" in arguments.scenarios:
        for share in (0.0, COPIED):
            caught = sum(parallel(delayed(copying)(share, seed) for seed in range(arguments.tables)))
            lines.append(f"| {share:.0%} copies: caught in {caught} of {arguments.tables} | | | | | |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
