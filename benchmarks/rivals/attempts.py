"""One attempt: rows to learn and a method come in, a report of its run goes out, and drawn rows as a file.

The run is a process of its own, in the environment of the method, within limits of time and memory. One that
fails or goes beyond them is a report that says so.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from cells import METHODS

sys.path.insert(0, str(Path(__file__).parents[1]))

from watched import Watched, watch

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Limits:
    """What a run may take: seconds, and bytes of memory."""

    seconds: int
    bytes: int = 12 * 2**30


@dataclass(frozen=True)
class Attempt:
    """What a method is to do.

    Attributes
    ----------
    method
        By name.
    learned
        The rows to learn.
    target, levels
        The column that a model predicts, and the columns of levels.
    n_rows
        How many are drawn.
    seconds
        How long training may go on; None for the method's own default.
    seed
        Of all randomness.
    """

    method: str
    learned: pd.DataFrame
    target: str
    levels: Sequence[str]
    n_rows: int
    seconds: int | None = None
    seed: int = 0

    def report(self, folder: Path, environments: Path, limits: Limits) -> dict[str, Any]:
        """Run it; return what is to be said of it, and leave ``drawn.parquet`` in a folder."""
        learned, drawn, job = (folder / name for name in ("learned.parquet", "drawn.parquet", "job.json"))
        self.learned.to_parquet(learned)
        told = {name: getattr(self, name) for name in ("target", "n_rows", "seconds", "seed")}
        told |= {"learned": str(learned), "drawn": str(drawn), "levels": list(self.levels)}
        job.write_text(json.dumps(told), encoding="utf-8")
        method = METHODS[self.method]
        python = environments / method.environment / "bin/python" if method.environment else sys.executable
        done = watch(
            [python, HERE / "generate.py", method.module, job],
            max_seconds=limits.seconds,
            max_bytes=limits.bytes,
            log=folder / "log",
        )
        said = {
            "seconds_in_all": round(done.seconds, 1),
            "peak_bytes_in_all": done.peak,
            "failed": failed(done),
        }
        if said["failed"]:
            return said
        report: dict[str, Any] = json.loads(drawn.with_suffix(".json").read_text(encoding="utf-8"))
        return said | report


def failed(done: Watched) -> str:
    """Return why a run gave nothing; empty if it gave something."""
    if done.stopped or not done.code:
        return done.stopped
    lines = done.said.strip().splitlines()
    return f"ended with {done.code}: {lines[-1][:300] if lines else ''}"


def surroundings(limits: Limits) -> dict[str, Any]:
    """Return what a run was done with: limits, machine, and the commit that is checked out."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "limits": vars(limits),
        "machine": {
            "processor": names[0].split(":")[1].strip() if names else platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        },
        "commit": _commit(),
    }


def write(path: Path, result: dict[str, Any]) -> None:
    """Write a result to its file, whole or not at all."""
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def _commit() -> str:
    """Return the commit, marked where files of the package differ from it."""
    own = ["git", "-C", str(HERE)]
    found = subprocess.run([*own, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run(
        [*own, "status", "--porcelain", "--", "../../synthgan"], capture_output=True, check=False
    )
    return found.stdout.strip() + ("+" if changed.stdout else "")
