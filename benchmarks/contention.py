"""How long is a fit, alone and beside other work? And against another version of the package?

    python benchmarks/contention.py adult --data path/to/tables
    python benchmarks/contention.py adult --data path/to/tables --before path/to/another/checkout

Each fit of the default model, and a sample of as many rows as are printed, runs in a process of its own:
first alone, then beside one busy process a core. With `--before`, the package of another checkout does the
same in turn. Prints the seconds of each run, and the ratios in the mean.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fidelity

N_SAMPLED = 20_000
BUSY = "while True: pass"


def main() -> None:
    arguments = _arguments()
    if arguments.once:
        print(json.dumps(seconds_of(arguments.table, arguments.data, arguments.seed)))
        return
    checkouts = {"this": Path(__file__).parents[1]} | (
        {"before": arguments.before} if arguments.before else {}
    )
    print(f"{os.cpu_count()} cores, {arguments.table}, {N_SAMPLED:,} rows sampled\n")
    print(
        "| seed | version | fit alone, s | fit beside others, s | sample alone, s | sample beside others, s |"
    )
    print("|---|---|---|---|---|---|")
    seconds: dict[str, list[list[float]]] = {name: [] for name in checkouts}
    for seed in arguments.seeds:
        for name, checkout in checkouts.items():
            alone = _run(checkout, arguments, seed)
            with others_busy(os.cpu_count() or 1):
                beside = _run(checkout, arguments, seed)
            own = [time for pair in zip(alone, beside, strict=True) for time in pair]
            seconds[name].append(own)
            print(f"| {seed} | {name} | {' | '.join(f'{each:.1f}' for each in own)} |", flush=True)
    means = {
        name: [statistics.mean(own) for own in zip(*runs, strict=True)] for name, runs in seconds.items()
    }
    fit, fit_beside, sample, sample_beside = means["this"]
    print(f"\nbeside others: fit {fit_beside / fit:.2f} times, sample {sample_beside / sample:.2f} times")
    if "before" in means:
        print(f"fit alone: {fit / means['before'][0]:.2f} times as long as before")


def seconds_of(table: str, data: Path, seed: int) -> tuple[float, float]:
    """Return the seconds of a default fit and of a sample, on whatever version of the package is found."""
    from synthgan import SynthGAN

    train, _ = fidelity.load(table, data)
    started = time.perf_counter()
    gan = SynthGAN(target=fidelity.TARGETS[table], random_state=seed, verbose=0).fit(train)
    fitted = time.perf_counter()
    gan.sample(N_SAMPLED)
    return fitted - started, time.perf_counter() - fitted


@contextlib.contextmanager
def others_busy(n: int) -> Iterator[None]:
    """Let so many processes compute without end for a while."""
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(n)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def _run(checkout: Path, arguments: argparse.Namespace, seed: int) -> list[float]:
    """Return the seconds of one run in a process of its own, on the package of a checkout."""
    command = [sys.executable, __file__, arguments.table, "--data", arguments.data.resolve(), "--once"]
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve())}
    done = subprocess.run(
        [*map(str, command), "--seed", str(seed)], env=environment, capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout.splitlines()[-1]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=fidelity.TARGETS)
    parser.add_argument(
        "--data", default=Path("../shared/data"), type=Path, help="folder of the parquet files"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--before", type=Path, help="another checkout, whose package is timed in turn")
    parser.add_argument("--once", action="store_true", help="a single run, as JSON")
    parser.add_argument("--seed", type=int, default=0, help="of that run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
