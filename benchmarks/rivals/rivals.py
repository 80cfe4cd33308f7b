"""How do other generators do on the same rows, in the same time, judged in the same way?

    python benchmarks/rivals/rivals.py adult --data path/to/tables \
        --rival tabular_argn:path/to/its/python --rival ctgan_until:path/to/its/python

First synthgan is fitted with its defaults; then each rival gets that many seconds, or `--seconds`, in an
environment of its own: they need other libraries than this project, and none is imported by it. A rival is a
script beside this one. For the figures see `benchmarks/fidelity.py`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

import fidelity

from synthgan import SynthGAN

SCRIPTS = Path(__file__).parent
FIGURES = ("auc", "auc_train", "utility", "dcr_share", "seconds")


def main() -> None:
    arguments = _arguments()
    print(f"| table | generator | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    for name in arguments.tables:
        results: dict[str, list[dict[str, Any]]] = {}
        for seed in arguments.seeds:
            for generator, result in compare(name, seed, arguments).items():
                results.setdefault(generator, []).append(result)
        for generator, own in results.items():
            cells = [fidelity.in_words([result[figure] for result in own]) for figure in FIGURES]
            print(f"| {name} | {generator} | {' | '.join(cells)} |", flush=True)


def compare(name: str, seed: int, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the figures of each generator."""
    train, test = fidelity.load(name, Path(arguments.data), arguments.learned)
    started = time.perf_counter()
    max_time = {"max_time": arguments.seconds} if arguments.seconds else {}
    gan = SynthGAN(target=fidelity.TARGETS[name], random_state=seed, verbose=0, **max_time).fit(train)
    seconds = time.perf_counter() - started
    drawn = {"synthgan": (gan.sample(len(train)), seconds)}
    for rival in arguments.rival:
        script, python = rival.split(":", 1)
        drawn[script] = run_rival(script, python, train, arguments.seconds or seconds, seed)
    results = {}
    for generator, (rows, taken) in drawn.items():
        figures = fidelity.judge(rows, train, test, fidelity.TARGETS[name])
        results[generator] = {**figures, "seconds": taken}
        print(
            json.dumps({"table": name, "seed": seed, "generator": generator} | results[generator]),
            file=sys.stderr,
        )
    return results


def run_rival(
    script: str, python: str, train: pd.DataFrame, seconds: float, seed: int
) -> tuple[pd.DataFrame, float]:
    """Return as many rows as were learned, with their types, and the seconds of the whole run."""
    with tempfile.TemporaryDirectory() as folder:
        learned, drawn = Path(folder, "learned.parquet"), Path(folder, "drawn.parquet")
        train.to_parquet(learned)
        command = [python, SCRIPTS / f"{script}.py", learned, drawn, len(train), seconds, seed]
        started = time.perf_counter()
        subprocess.run([str(part) for part in command], check=True, stdout=sys.stderr)
        seconds_taken = time.perf_counter() - started
        rows = pd.read_parquet(drawn)[list(train)]
        # Some return truth values as words, all of which are true, and whole numbers with places.
        for column, dtype in train.dtypes.items():
            if pd.api.types.is_bool_dtype(dtype):
                rows[column] = rows[column].astype(str).eq("True")
            elif pd.api.types.is_integer_dtype(dtype):
                rows[column] = pd.to_numeric(rows[column]).round()
        return rows.astype({column: train[column].dtype for column in train}), seconds_taken


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", choices=sorted(fidelity.TARGETS))
    parser.add_argument("--data", default="../shared/data", help="folder of the parquet files")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--learned", type=float, default=0.5, help="share of the rows that is learned")
    parser.add_argument("--seconds", type=float, default=None, help="of each fit; else what synthgan takes")
    parser.add_argument("--rival", action="append", default=[], help="script:python of its environment")
    return parser.parse_args()


if __name__ == "__main__":
    main()
