"""How long is a small table to be learned? Likelihood of held-out rows, and copies, by the length of a run.

    python benchmarks/small_tables.py german-credit adult-train shoppers --data path/to/tables

Each table is learned from so many of its rows for different numbers of steps. Printed in the mean over
tables and seeds: by how many nats the log-probability of other rows is above that after the fewest steps
(`gain`), and how often a drawn row is nearer to one of the learned rows than to one of as many others
(`nearer`, .5: nothing is copied); columns that are drawn one by one have the figure that is inherent in so
few rows. The last line of each size is what `SynthGAN` does when nothing is said.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from synthgan import SynthGAN
from synthgan.evaluation.tables import Coding

SIZES = (20, 50, 100, 200, 500)
STEPS = (20, 60, 140, 220, 400, 1_000)
#: Rows that are drawn, and rows whose likelihood is asked for.
N_DRAWN, N_JUDGED = 500, 300


def main() -> None:
    arguments = _arguments()
    print("| rows | steps | nearer | gain |\n|---|---|---|---|")
    for size in arguments.sizes:
        found: dict[str, list[tuple[float, float]]] = {}
        for name in arguments.tables:
            table = pd.read_parquet(Path(arguments.data) / f"{name}.parquet")
            for seed in arguments.seeds:
                for steps, figures in run(table, size, seed).items():
                    found.setdefault(steps, []).append(figures)
        for steps, figures in found.items():
            nearer = np.mean([one for one, _ in figures])
            gains = [one for _, one in figures if np.isfinite(one)]
            gain = f"{np.mean(gains):+.2f}" if gains else ""
            print(f"| {size} | {steps} | {nearer:.3f} | {gain} |", flush=True)


def run(table: pd.DataFrame, size: int, seed: int) -> dict[str, tuple[float, float]]:
    """Return the figures of runs of each length on one sample of a table."""
    rows = table.sample(2 * size + N_JUDGED, random_state=seed)
    learned, others, judged = rows.iloc[:size], rows.iloc[size : 2 * size], rows.iloc[2 * size :]
    learned = learned.reset_index(drop=True)
    rng = np.random.default_rng(seed)
    singly = {
        name: learned[name].iloc[rng.integers(size, size=N_DRAWN)].reset_index(drop=True) for name in learned
    }
    results = {"none: columns one by one": (nearer(pd.DataFrame(singly), learned, others), np.nan)}
    likelihoods: list[Any] = []
    for steps in (*STEPS, None):
        # A tenth of the rows, at least, is held out, and a batch has 128 rows.
        epochs = None if steps is None else max(1, round(steps / -(-0.9 * size // 128)))
        gan = SynthGAN(epochs=epochs, random_state=seed, verbose=0).fit(learned)
        likelihood = gan.log_prob(judged)
        likelihoods.append(likelihood)
        possible = np.isfinite(likelihoods[0]) & np.isfinite(likelihood)
        gain = (likelihood[possible] - likelihoods[0][possible]).mean() if possible.any() else np.nan
        results[str(steps or "default")] = (nearer(gan.sample(N_DRAWN), learned, others), float(gain))
    return results


def nearer(drawn: pd.DataFrame, learned: pd.DataFrame, others: pd.DataFrame) -> float:
    """Return how often drawn rows are nearer to learned rows than to others; ties count half."""
    coding = Coding.of(learned)
    near = [
        NearestNeighbors(n_neighbors=1).fit(coding.points(rows)).kneighbors(coding.points(drawn))[0]
        for rows in (learned, others)
    ]
    return float((near[0] < near[1]).mean() + (near[0] == near[1]).mean() / 2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", help="names of parquet files")
    parser.add_argument("--data", required=True, help="folder of parquet files")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args()


if __name__ == "__main__":
    main()
