"""How true and how fast: one fit of a table, drawn in several ways.

Prints for each number of rounds, with rows as they are drawn, redrawn, and redrawn and balanced, the AUC of
XGBoost between held-out and drawn rows, the rows a second (the best of three draws), and which share of the
machine's bare matrix products the generator's hidden layers then do, counting every candidate.

    python benchmarks/frontier.py adult --data path/to/tables --rounds 1 2 3 auto none
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import fidelity
import torch
from torch import nn

from synthgan import SynthGAN
from synthgan.gan.balancing import n_candidates
from synthgan.gan.computing import compute_dtype, reduced_precision
from synthgan.gan.grouping import Rounds, enough_rounds

#: Ways of drawing, from the fastest to the best.
WAYS = {
    "as drawn": {"redraw": False, "correct": False},
    "redrawn": {"redraw": True, "correct": False},
    "redrawn, balanced": {"redraw": True, "correct": True},
}
_N_DRAWS = 3
_PRODUCTS, _BATCH_SIZE = 2000, 256


def main() -> None:
    arguments = _arguments()
    train, test = fidelity.load(arguments.table, Path(arguments.data))
    target = fidelity.TARGETS[arguments.table]
    started = time.perf_counter()
    gan = SynthGAN(target=target, random_state=arguments.seed, verbose=0).fit(train)
    print(f"{arguments.table}, seed {arguments.seed}: fitted in {time.perf_counter() - started:.0f} s")
    width = gan.model_.architecture.hidden_dims[0]
    bare = bare_products(width)
    print(f"bare products of {_BATCH_SIZE} x {width} x {width}: {bare:,.0f} GFLOP/s\n")
    print("| rounds | rows | auc | rows a second | of bare products |\n|---|---|---|---|---|")
    for rounds, words in product(arguments.rounds, WAYS):
        correct = WAYS[words]["correct"]
        gan.set_params(rounds=rounds, **WAYS[words])
        auc, speed = draw(gan, test)
        n_each = n_candidates(len(test)) if correct else 1
        share = speed * n_each * products_of_a_row(gan, rounds) / bare / 1e9
        cells = [rounds or "one a column", words, f"{auc:.3f}", f"{speed:,.0f}", f"{share:.0%}"]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def draw(gan: SynthGAN, test: "fidelity.pd.DataFrame") -> tuple[float, float]:
    """Return the AUC against held-out rows, and the most rows a second."""
    seconds = []
    for _ in range(_N_DRAWS):
        started = time.perf_counter()
        drawn = gan.sample(len(test))
        seconds.append(time.perf_counter() - started)
    return fidelity.detection(test, drawn), len(test) / min(seconds)


def products_of_a_row(gan: SynthGAN, rounds: Rounds) -> float:
    """Return the operations in the hidden layers for a row in so many rounds; drafting takes none."""
    model = gan.model_
    columns = model.layout.coded.tolist()
    if rounds == "auto":
        rounds = enough_rounds(columns, model.column_dependence)
    n_passes = len(columns) if rounds is None or rounds >= len(columns) else rounds - 1
    layers = [layer for layer in model.generator.hidden.modules() if isinstance(layer, nn.Linear)]
    return n_passes * sum(2.0 * layer.weight.numel() for layer in layers)


def bare_products(width: int) -> float:
    """Return the GFLOP/s of products of a batch with a hidden layer's weights, one on each core."""
    with reduced_precision(torch.device("cpu")):
        precision = compute_dtype(torch.device("cpu"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def multiply(_: int) -> None:
        batch, weights = torch.randn(_BATCH_SIZE, width), torch.randn(width, width)
        batch, weights = batch.to(precision), weights.to(precision)
        for _ in range(_PRODUCTS):
            batch @ weights

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(multiply, range(threads)))
        started = time.perf_counter()
        list(pool.map(multiply, range(threads)))
        seconds = time.perf_counter() - started
    torch.set_num_threads(threads)
    return threads * _PRODUCTS * 2.0 * _BATCH_SIZE * width**2 / seconds / 1e9


def _rounds(text: str) -> Rounds:
    return None if text == "none" else "auto" if text == "auto" else int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=sorted(fidelity.TARGETS))
    parser.add_argument("--data", default="../shared/data", help="folder of the parquet files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--rounds",
        nargs="+",
        type=_rounds,
        default=[1, 2, 3, "auto", 6, None],
        help='numbers, "auto", "none"',
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
