"""Has the generator become worse or slower? Fails where it is by more than chance.

    python benchmarks/guard.py            compares with guard.json
    python benchmarks/guard.py --write    writes it, after a change that is meant

A simulated table is learned with fixed seeds for a fixed number of epochs. Of each seed the AUC of XGBoost
between drawn rows and fresh ones of the same law is taken (0.5: nobody can tell), and how fast rows are
drawn, in shares of what the machine's bare matrix products allow in the same moment. It fails if the mean AUC
is above the one that was written by more than three standard errors of their difference, or the best share is
below three quarters of that. Both depend on how many cores there are: write it where it is to run.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from fidelity import detection
from frontier import bare_products, products_of_a_row
from simulated import simulated

from synthgan import SynthGAN

WRITTEN = Path(__file__).with_suffix(".json")
_N_ROWS, _N_COLUMNS, _N_EPOCHS = 4_000, 10, 30
SEEDS = range(4)
#: Draws of each seed; the AUC is their mean, and the fastest counts.
_N_DRAWS = 3
_N_ERRORS, _LEAST_SHARE = 3, 0.75
#: Rounds in which rows are drawn when that is timed; fewer may need no product at all.
_N_ROUNDS = 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write what is found as what is to be expected")
    arguments = parser.parse_args()
    found = measured()
    print(json.dumps(found))
    if arguments.write:
        WRITTEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return
    faults = compared(found, json.loads(WRITTEN.read_text(encoding="utf-8")))
    if faults:
        sys.exit("\n".join([*faults, "If that is meant, run it with --write and say why in the commit."]))


def measured() -> dict[str, list[float]]:
    """Return the AUC and the share of bare products of each seed."""
    learned, fresh = (simulated(_N_ROWS, _N_COLUMNS, seed=seed) for seed in (1, 2))
    areas, shares = [], []
    for seed in SEEDS:
        gan = SynthGAN(epochs=_N_EPOCHS, random_state=seed, verbose=0).fit(learned)
        areas.append(statistics.mean(detection(fresh, gan.sample(_N_ROWS)) for _ in range(_N_DRAWS)))
        shares.append(max(share_of_products(gan) for _ in range(_N_DRAWS)))
    return {"auc": [round(area, 4) for area in areas], "share": [round(share, 4) for share in shares]}


def share_of_products(gan: SynthGAN) -> float:
    """Return how fast rows are drawn, of what products of the hidden layers' sizes allow at that moment."""
    gan.set_params(correct=False, rounds=_N_ROUNDS)
    bare = bare_products(gan.model_.architecture.hidden_dims[0])
    started = time.perf_counter()
    gan.sample(_N_ROWS)
    speed = _N_ROWS / (time.perf_counter() - started)
    return speed * products_of_a_row(gan, _N_ROUNDS) / bare / 1e9


def compared(found: dict[str, list[float]], written: dict[str, list[float]]) -> list[str]:
    """Return what has become worse by more than chance."""
    now, before = (statistics.mean(figures["auc"]) for figures in (found, written))
    error = (sum(statistics.variance(figures["auc"]) for figures in (found, written)) / len(SEEDS)) ** 0.5
    faults = []
    if now - before > _N_ERRORS * error:
        faults.append(f"AUC {now:.3f}, which was {before:.3f}; chance allows {_N_ERRORS * error:.3f} more.")
    share, was = max(found["share"]), max(written["share"])
    if share < _LEAST_SHARE * was:
        faults.append(f"Rows are drawn at {share:.3f} of bare products, and it was {was:.3f}.")
    return faults


if __name__ == "__main__":
    main()
