"""What do tables of any kind cost? Each is learned with no argument, in a process of its own.

Prints the rows and columns of each table, the seconds of its fit, the rows a second that are then drawn, and
the most memory that the process ever held, with the libraries and the table itself. A warning, or a drawn
column of another dtype, is told in place of the figures.

    python benchmarks/cost.py path/to/tables/*.parquet --levels 300000
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from synthgan import SynthGAN

_N_DRAWN = 10_000
#: Rows of the generated table.
_N_ROWS = 1_000_000
#: Peaks are told in kilobytes, on macOS in bytes.
_PER_MIB = 2**20 if sys.platform == "darwin" else 2**10


def main() -> None:
    arguments = _arguments()
    if arguments.alone:
        print(json.dumps(cost(arguments.paths[0], arguments.seed)))
        return
    print(f"pandas {pd.__version__}, seed {arguments.seed}\n")
    print("| table | rows | columns | fit_seconds | rows_per_second | peak_mib |\n|---|---|---|---|---|---|")
    for path in arguments.paths:
        _print_cost(path, arguments.seed)
    if arguments.levels:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{arguments.levels}-levels.parquet"
            many_levels(_N_ROWS, arguments.levels, arguments.seed).to_parquet(path)
            _print_cost(path, arguments.seed)


def _print_cost(path: Path, seed: int) -> None:
    """Measure one table in a process of its own, and print its line."""
    command = [sys.executable, "-W", "error", __file__, "--alone", str(path), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        print(f"| {path.stem} | {why[-1]} |", flush=True)
        return
    cells = [f"{figure:,.0f}" for figure in json.loads(done.stdout).values()]
    print(f"| {path.stem} | {' | '.join(cells)} |", flush=True)


def many_levels(n_rows: int, n_levels: int, seed: int) -> pd.DataFrame:
    """Return a table of sales in which each of many products occurs, some far more often than others."""
    rng = np.random.default_rng(seed)
    often = np.minimum(rng.pareto(1.0, size=n_rows - n_levels) * 50, n_levels - 1).astype(np.int64)
    product = rng.permutation(np.concatenate([np.arange(n_levels), often]))
    price = np.round(rng.lognormal(3.0, 1.0, size=n_levels), 2)[product]
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(366, size=n_rows), unit="D")
    return pd.DataFrame(
        {
            "product": np.char.add("P", product.astype(str)),
            "price": price,
            "quantity": rng.poisson(np.clip(30 / price, 0.2, 20)) + 1,
            "day": days,
            "region": rng.choice(["north", "south", "east", "west"], size=n_rows, p=[0.4, 0.3, 0.2, 0.1]),
        }
    )


def cost(path: Path, seed: int) -> dict[str, float]:
    """Return the figures of one table."""
    table = pd.read_parquet(path)
    started = time.perf_counter()
    gan = SynthGAN(random_state=seed, verbose=0).fit(table)
    fitted = time.perf_counter()
    drawn = gan.sample(_N_DRAWN)
    differing = [name for name in table if drawn[name].dtype != table[name].dtype]
    if differing:
        raise SystemExit(f"other dtypes: {differing}")
    return {
        "rows": len(table),
        "columns": table.shape[1],
        "fit_seconds": fitted - started,
        "rows_per_second": _N_DRAWN / (time.perf_counter() - fitted),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PER_MIB,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path, help="parquet files")
    parser.add_argument("--levels", type=int, help="measure a generated table of so many levels too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alone", action="store_true", help="measure the first one in this process")
    return parser.parse_args()


if __name__ == "__main__":
    main()
