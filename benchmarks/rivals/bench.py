"""Side by side: what do other generators make of the same rows in the same time, judged in the same way?

    python benchmarks/rivals/bench.py --data path/to/tables --environments .rivals

Each run is a process of its own, within limits of time and memory, in the environment of its method; none of
them is imported by this project. What comes of it is a file in `results`: configuration, versions, machine,
seconds, memory and figures, or why there are none. It is not run again while that is there, so that the
benchmark can be interrupted. `report.py` makes tables and plots of the files.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cells import METHODS, RESULTS, Cell, grid
from tables import SPLITS, TABLES, rows_of

sys.path.insert(0, str(Path(__file__).parents[1]))

from watched import Watched, watch

HERE = Path(__file__).parent
#: Bytes that it may hold.
_MOST_BYTES = 12 * 2**30


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
            _write(path, result)
        print(f"{cell}: {_in_short(result)}", flush=True)


def run(cell: Cell, data: Path, environments: Path, most_seconds: int) -> dict[str, Any]:
    """Return what comes of a cell, which may take so many seconds beside twice its own."""
    method = METHODS[cell.method]
    rows = rows_of(cell.table, cell.split, data)
    limit = 2 * (cell.seconds or 0) + most_seconds
    result: dict[str, Any] = {
        **asdict(cell),
        "n_learned": len(rows.learned),
        "limits": {"seconds": limit, "bytes": _MOST_BYTES},
        "machine": machine(),
        "commit": commit(),
        "failed": "",
        "figures": {},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not method.module:
            rows.test.to_parquet(folder / "drawn.parquet")
            return result | judged(cell, data, folder)
        job = _job(cell, rows, folder)
        python = environments / method.environment / "bin/python" if method.environment else sys.executable
        command = [python, HERE / "generate.py", method.module, job]
        done = watch(command, max_seconds=limit, max_bytes=_MOST_BYTES, log=folder / "log")
        result |= {"seconds_in_all": round(done.seconds, 1), "peak_bytes_in_all": done.peak}
        if failed := _failed(done):
            return result | {"failed": failed}
        report = json.loads((folder / "drawn.json").read_text(encoding="utf-8"))
        return result | report | judged(cell, data, folder)


def judged(cell: Cell, data: Path, folder: Path) -> dict[str, Any]:
    """Return the figures of drawn rows, which a process of its own computes, or why there are none."""
    split, figures = folder / "split.json", folder / "figures.json"
    told = {"table": cell.table, "split": cell.split, "data": str(data)}
    split.write_text(json.dumps(told | {"is_real": not METHODS[cell.method].module}))
    command = [sys.executable, HERE / "figures.py", split, folder / "drawn.parquet", figures]
    done = watch(command, log=folder / "log-of-figures")
    if failed := _failed(done):
        return {"failed": f"could not be judged: {failed}"}
    return {"figures": json.loads(figures.read_text(encoding="utf-8"))}


def machine() -> dict[str, Any]:
    """Return what there is to compute with."""
    n_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0))
    return {
        "processor": names[0].split(":")[1].strip() if names else platform.machine(),
        "cores": cores,
        "bytes": n_bytes,
    }


def commit() -> str:
    """Return the commit that is checked out, marked where files of the package differ from it."""
    own = ["git", "-C", str(HERE)]
    found = subprocess.run([*own, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*own, "status", "--porcelain", "--", "../../synthgan"], capture_output=True)
    return found.stdout.strip() + ("+" if changed.stdout else "")


def _job(cell: Cell, rows: Any, folder: Path) -> Path:
    """Write what a method is to do."""
    learned, drawn, job = folder / "learned.parquet", folder / "drawn.parquet", folder / "job.json"
    rows.learned.to_parquet(learned)
    told = {
        "learned": str(learned),
        "drawn": str(drawn),
        "n_rows": len(rows.learned),
        "seconds": cell.seconds,
        "seed": cell.seed,
        "target": rows.target,
        "levels": list(rows.levels),
    }
    job.write_text(json.dumps(told), encoding="utf-8")
    return job


def _missing(cell: Cell, data: Path) -> str:
    """Return the file that a cell lacks."""
    files = [data / f"{file}.parquet" for file in TABLES[cell.table].files]
    return next((str(file) for file in files if not file.exists()), "")


def _failed(done: Watched) -> str:
    """Return why a run gave nothing."""
    if done.stopped or not done.code:
        return done.stopped
    lines = done.said.strip().splitlines()
    return f"ended with {done.code}: {lines[-1][:300] if lines else ''}"


def _in_short(result: dict[str, Any]) -> str:
    if result["failed"]:
        return str(result["failed"])
    figures = result["figures"]["tidied"]
    words = (f"{name} {figures[name]:.3f}" for name in ("auc", "auc_train", "utility") if name in figures)
    return f"fitted in {result.get('fit_seconds', 0):.0f} s, {', '.join(words)}"


def _write(path: Path, result: dict[str, Any]) -> None:
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


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
    main()
