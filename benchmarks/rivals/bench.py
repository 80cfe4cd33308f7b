"""Side by side: what do other generators make of the same rows in the same time, judged in the same way?

    python benchmarks/rivals/bench.py --data path/to/tables --environments .rivals

Each run is a process of its own, within limits of time and memory, in the environment of its method; none of
them is imported by this project. What comes of it is a file in `results`: configuration, versions, machine,
seconds, memory and figures, or why there are none. It is not run again while that is there, so that the
benchmark can be interrupted. `report.py` makes tables and plots of the files.
"""

import argparse
import json
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from attempts import HERE, Attempt, Limits, failed, surroundings, watch, write
from cells import METHODS, RESULTS, Cell, grid
from tables import SPLITS, TABLES, rows_of


def main() -> None:
    arguments = _arguments()
    arguments.results.mkdir(exist_ok=True)
    for cell in grid(
        arguments.tables, arguments.splits, arguments.methods, arguments.seconds, arguments.seeds
    ):
        path = cell.path_in(arguments.results)
        if path.exists() and not arguments.again:
            continue
        if missing := _missing(cell, arguments.data):
            print(f"{cell}: there is no {missing}", flush=True)
            continue
        result = run(cell, arguments.data, arguments.environments, arguments.most_seconds)
        if arguments.again:
            print(json.dumps(result["figures"]))
        else:
            write(path, result)
        print(f"{cell}: {_in_short(result)}", flush=True)


def run(cell: Cell, data: Path, environments: Path, most_seconds: int) -> dict[str, Any]:
    """Return what comes of a cell, which may take so many seconds beside twice its own."""
    rows, limits = rows_of(cell.table, cell.split, data), Limits(2 * (cell.seconds or 0) + most_seconds)
    result = {
        **asdict(cell),
        "n_learned": len(rows.learned),
        **surroundings(limits),
        "failed": "",
        "figures": {},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if METHODS[cell.method].module:
            what = (cell.method, rows.learned, rows.target, rows.levels, len(rows.learned))
            attempt = Attempt(*what, seconds=cell.seconds, seed=cell.seed)
            result |= attempt.report(folder, environments, limits)
        else:
            rows.test.to_parquet(folder / "drawn.parquet")
        return result if result["failed"] else result | judged(cell, data, folder)


def judged(cell: Cell, data: Path, folder: Path) -> dict[str, Any]:
    """Return the figures of drawn rows, which a process of its own computes, or why there are none."""
    split, figures = folder / "split.json", folder / "figures.json"
    told = {"table": cell.table, "split": cell.split, "data": str(data)}
    split.write_text(json.dumps(told | {"is_real": not METHODS[cell.method].module}))
    command = [sys.executable, HERE / "figures.py", split, folder / "drawn.parquet", figures]
    done = watch(command, log=folder / "log-of-figures")
    if why := failed(done):
        return {"failed": f"could not be judged: {why}"}
    return {"figures": json.loads(figures.read_text(encoding="utf-8"))}


def _missing(cell: Cell, data: Path) -> str:
    """Return the file that a cell lacks."""
    files = [data / f"{file}.parquet" for file in TABLES[cell.table].files]
    return next((str(file) for file in files if not file.exists()), "")


def _in_short(result: dict[str, Any]) -> str:
    if result["failed"]:
        return str(result["failed"])
    figures = result["figures"]["tidied"]
    words = (f"{name} {figures[name]:.3f}" for name in ("auc", "auc_train", "utility") if name in figures)
    return f"fitted in {result.get('fit_seconds', 0):.0f} s, {', '.join(words)}"


def _time(text: str) -> int | None:
    return None if text == "default" else int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the parquet files")
    parser.add_argument("--environments", type=Path, default=Path(".rivals"), help="folder of those")
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=list(SPLITS))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seconds", nargs="+", type=_time, default=[15, 60, 300, None], help='or "default"')
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--most-seconds", type=int, default=1_800, help="beside twice those of training")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the files")
    parser.add_argument(
        "--again",
        action="store_true",
        help="run cells again and print their figures, to see whether they hold",
    )
    return parser.parse_args()


if __name__ == "__main__":
    # Whoever ends the benchmark ends the run that is going on: left behind, it would slow down the next one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    main()
