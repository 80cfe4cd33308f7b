"""What do tables of any kind cost? Each is learned with no argument, in a process of its own.

Prints the rows and columns of each table, the seconds of its fit, the rows a second that are then drawn, and
the most memory that the process ever held, with the libraries and the table itself.

    python benchmarks/cost.py path/to/tables/*.parquet
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from synthgan import SynthGAN

_N_DRAWN = 10_000
#: Peaks are told in kilobytes, on macOS in bytes.
_PER_MIB = 2**20 if sys.platform == "darwin" else 2**10


def main() -> None:
    arguments = _arguments()
    if arguments.alone:
        print(json.dumps(cost(arguments.paths[0])))
        return
    print("| table | rows | columns | fit_seconds | rows_per_second | peak_mib |\n|---|---|---|---|---|---|")
    for path in arguments.paths:
        command = [sys.executable, "-W", "ignore", __file__, "--alone", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            why = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
            print(f"| {path.stem} | {why[-1]} |", flush=True)
            continue
        cells = [f"{figure:,.0f}" for figure in json.loads(done.stdout).values()]
        print(f"| {path.stem} | {' | '.join(cells)} |", flush=True)


def cost(path: Path) -> dict[str, float]:
    """Return the figures of one table."""
    table = pd.read_parquet(path)
    started = time.perf_counter()
    gan = SynthGAN(random_state=0, verbose=0).fit(table)
    fitted = time.perf_counter()
    gan.sample(_N_DRAWN)
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
    parser.add_argument("--alone", action="store_true", help="measure the first one in this process")
    return parser.parse_args()


if __name__ == "__main__":
    main()
