"""How cost grows with rows, columns and levels: seconds of fitting, rows a second, and memory.

    python benchmarks/rivals/scaling.py --environments .rivals
    python benchmarks/rivals/scaling.py --report

Simulated tables grow along one axis at a time, and each method learns them with its own defaults, in a
process of its own within limits. All methods run one after the other on the same table, so that what is told
of them is ratios within one run. What is done is a file in `results-scaling` and is not done again.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from attempts import HERE, Attempt, Limits, surroundings, write
from cells import METHODS, results_in

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated import simulated

RESULTS = HERE / "results-scaling"
#: Along each axis the sizes, and what is the same throughout.
AXES: dict[str, tuple[list[int], dict[str, int]]] = {
    "rows": ([1_000, 10_000, 100_000, 1_000_000, 10_000_000], {"columns": 10, "levels": 8}),
    "columns": ([10, 30, 100, 300, 1_000], {"rows": 10_000, "levels": 8}),
    "levels": ([2, 100, 10_000, 300_000], {"rows": 300_000, "columns": 10}),
}
#: Rows that are drawn, at most.
_MOST_DRAWN = 100_000
PEERS = [name for name, method in METHODS.items() if method.module and not method.is_control]


def main() -> None:
    arguments = _arguments()
    RESULTS.mkdir(exist_ok=True)
    for axis in arguments.axes if not arguments.report else ():
        sizes, fixed = AXES[axis]
        for size in sizes:
            for method in arguments.methods:
                path = RESULTS / f"{axis}_{size}_{method.replace(' ', '-')}.json"
                if not path.exists():
                    result = {"axis": axis, "size": size, "method": method}
                    shape = {**fixed, axis: size}
                    write(path, result | run(method, shape, arguments.environments, arguments.most_seconds))
                    print(path.stem, flush=True)
    print_report(results_in(RESULTS))


def run(method: str, shape: dict[str, int], environments: Path, most_seconds: int) -> dict[str, Any]:
    """Return what it costs a method to learn a table of a shape and to draw from it."""
    table = simulated(shape["rows"], shape["columns"], n_most_levels=shape["levels"])
    levels = [name for name in table if name.startswith("level")]
    limits, n_drawn = Limits(most_seconds), min(len(table), _MOST_DRAWN)
    with tempfile.TemporaryDirectory() as folder:
        attempt = Attempt(method, table, levels[-1], levels, n_drawn)
        report = attempt.report(Path(folder), environments, limits)
    return {**shape, "n_drawn": n_drawn, **surroundings(limits), **report}


def print_report(results: list[dict[str, Any]]) -> None:
    """Print a table for each axis and cost, of which those of others are multiples of ours."""
    for axis, (sizes, fixed) in AXES.items():
        own = {(one["method"], one["size"]): one for one in results if one["axis"] == axis}
        methods = [name for name in PEERS if any(name == method for method, _ in own)]
        if not methods:
            continue
        same = ", ".join(f"{size:,} {name}" for name, size in fixed.items())
        for cost, of in (("seconds of fitting", fitting), ("rows a second", drawing), ("GiB", memory)):
            print(f"\n### {cost[0].upper()}{cost[1:]} by {axis} ({same})\n")
            print(f"| {axis} | {' | '.join(methods)} |\n|---|{'---|' * len(methods)}")
            for size in sizes:
                ours = of(own.get(("synthgan", size)))
                cells = [
                    _cell(own.get((name, size)), of, None if name == "synthgan" else ours) for name in methods
                ]
                print(f"| {size:,} | {' | '.join(cells)} |")


def fitting(result: dict[str, Any] | None) -> float | None:
    """Return the seconds of fitting."""
    return None if result is None or result["failed"] else float(result["fit_seconds"])


def drawing(result: dict[str, Any] | None) -> float | None:
    """Return the rows a second."""
    return None if result is None or result["failed"] else result["n_drawn"] / result["sample_seconds"]


def memory(result: dict[str, Any] | None) -> float | None:
    """Return the most GiB that were held."""
    return None if result is None or result["failed"] else result["peak_bytes_in_all"] / 2**30


def _cell(result: dict[str, Any] | None, of: Any, ours: float | None) -> str:
    if result is None:
        return ""
    figure = of(result)
    if figure is None:
        return str(result["failed"])
    told = f"{figure:,.0f}" if figure >= 10 else f"{figure:.1f}"
    return f"{told} (x {figure / ours:.2g})" if ours else told


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environments", type=Path, default=Path(".rivals"), help="folder of those")
    parser.add_argument("--axes", nargs="+", choices=list(AXES), default=list(AXES))
    parser.add_argument("--methods", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--most-seconds", type=int, default=900, help="of each run")
    parser.add_argument("--report", action="store_true", help="print what there is")
    return parser.parse_args()


if __name__ == "__main__":
    main()
