"""What is each part of the generator worth? Every part on and off, on held-out rows.

    python benchmarks/ablation/ablation.py --data path/to/tables

Each run is a line of `benchmarks/results/ablation.jsonl` and is not repeated while the line is there. The
table that is printed has a row for each part that is off (or on, where it is off by default): the AUC of
boosted trees between held-out and drawn rows of each table, and means over tables and seeds.
See `benchmarks/fidelity.py` for how they are computed and how tables are split.
"""

import argparse
import contextlib
import json
import statistics
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

import fidelity

from synthgan.preprocessing import CodingOptions

TABLES = ["adult", "default-credit", "shoppers", "beijing-pm25", "california-housing"]
RESULTS = Path(__file__).parents[1] / "results" / "ablation.jsonl"
FIGURES = ("auc", "utility", "dcr_share", "fit_seconds", "rows_per_second")
#: What each variant changes: parameters of SynthGAN, and names in the package with what stands in for them.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as it is": ({}, {}),
    "no masked reconstruction (one-shot game)": ({"loss": "relativistic"}, {}),
    "discriminator in training": ({"adversarial_weight": 0.1}, {}),
    "independent rows": ({"correct": False}, {}),
    "discriminator instead of balance": ({}, {"synthgan.gan.balancing.Forest.depth_for": lambda n_rows: 0}),
    "3 rounds from latent classes": ({"rounds": 3}, {}),
    "3 rounds without": ({"rounds": 3}, {"synthgan.gan.latent_classes._MAX_CLASSES": 1}),
    "no blur": ({}, {"synthgan.gan.training.blurred": lambda cells, space, blur, rng: cells}),
    "no ordinal basis": ({}, {"synthgan.gan.networks.MIN_ORDERED_CODES": 10**9}),
    "no places": (
        {},
        {"synthgan.synthesizer.CodingOptions": partial(CodingOptions, max_places=1)},
    ),
    "no relations": ({}, {"synthgan.preprocessing.table.find_relations": lambda frame, encoders: ()}),
    "one order of columns for 4,096 rows": ({}, {"synthgan.gan.drawing.BATCH_SIZE": 4096}),
    "no bfloat16": ({}, {"synthgan.gan.computing.computes_bfloat16": lambda device: False}),
}


def main() -> None:
    arguments = _arguments()
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    done = _read(arguments.results)
    for table in arguments.tables:
        for seed in arguments.seeds:
            for name in arguments.variants:
                if (table, seed, name) not in done:
                    result = run(table, seed, name, arguments)
                    done[table, seed, name] = result
                    with arguments.results.open("a") as file:
                        file.write(json.dumps({"variant": name, **result}) + "\n")
    wanted = [(t, s, v) for t in arguments.tables for s in arguments.seeds for v in arguments.variants]
    print(table_of({key: done[key] for key in wanted}, arguments.variants))


def run(table: str, seed: int, name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit and judge one variant."""
    parameters, replaced = VARIANTS[name]
    parameters = {**parameters, "max_time": arguments.max_time}
    with _replacing(replaced):
        settings = argparse.Namespace(data=arguments.data, learned=0.5, parameters=parameters)
        return fidelity.run(table, seed, settings)


@contextlib.contextmanager
def _replacing(replaced: dict[str, Any]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for target, stand_in in replaced.items():
            stack.enter_context(mock.patch(target, stand_in))
        yield


def table_of(results: dict[tuple[str, int, str], dict[str, Any]], variants: list[str]) -> str:
    """Return a markdown table: a row for each variant, the AUC of each table, and the mean of each figure."""
    tables = list(dict.fromkeys(table for table, _, _ in results))
    heads = ["variant", *(f"AUC {table}" for table in tables), *(f"mean {figure}" for figure in FIGURES)]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for variant in variants:
        own = {key: result for key, result in results.items() if key[2] == variant}
        cells = [fidelity.in_words([own[key]["auc"] for key in own if key[0] == table]) for table in tables]
        cells += [f"{statistics.mean(result[figure] for result in own.values()):,.3f}" for figure in FIGURES]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _read(path: Path) -> dict[tuple[str, int, str], dict[str, Any]]:
    lines = path.read_text().splitlines() if path.exists() else []
    results = [json.loads(line) for line in lines]
    return {(result["table"], result["seed"], result["variant"]): result for result in results}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="../shared/data", help="folder of the parquet files")
    parser.add_argument("--tables", nargs="+", default=TABLES, choices=sorted(fidelity.TARGETS))
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--max-time", type=float, default=None, help="seconds a fit may take")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
