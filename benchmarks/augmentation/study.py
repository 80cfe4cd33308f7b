"""Does augmentation help, and which? Arms and learners over tables and sizes, judged on real rows.

    python benchmarks/augmentation/study.py --data path/to/tables --ctgan path/to/its/python

Each split of a table gives rows to learn, of the size that is asked for, rows to tune the threshold of
balanced accuracy on, and rows to judge by; all of them are real, and no arm sees more than the first. What
comes of an arm on a split is a line of ``results/TABLE.jsonl`` and is not computed again while it is there,
so that the study can be interrupted, and run for several tables at once. `summary.py` makes tables of the
lines.
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import arms
import numpy as np
import pandas as pd
import sklearn
import torch
from learners import LEARNERS
from tasks import SIZES, TABLES, Split, split_of

import synthgan
from synthgan.evaluation.scores import Thresholds, classification_scores

RESULTS = Path(__file__).with_name("results")
FIGURES = ("auc", "log_loss", "balanced_accuracy")


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    arms.Ctgan.python = arguments.ctgan
    RESULTS.mkdir(exist_ok=True)
    for seed in arguments.seeds:
        for size in arguments.sizes:
            for name in arguments.tables:
                path = RESULTS / f"{name}.jsonl"
                done = _done(path)
                wanted = [arm for arm in arguments.arms if (str(size), seed, arm) not in done]
                if wanted:
                    started = time.perf_counter()
                    run(name, size, seed, wanted, Path(arguments.data), path)
                    print(name, size, seed, f"{time.perf_counter() - started:.0f} s", flush=True)


def run(name: str, size: Any, seed: int, wanted: list[str], data: Path, path: Path) -> None:
    """Write the figures of arms on one split, a line each."""
    arms.forget()
    split = split_of(name, size, seed, data)
    X, y = split.learned.drop(columns=split.target), split.learned[split.target]
    for arm in wanted:
        started = time.perf_counter()
        line: dict[str, Any] = {"table": name, "size": str(size), "seed": seed, "arm": arm}
        line |= {"n_learned": len(y), "n_judged": len(split.test), "learners": {}}
        for learner in LEARNERS:
            line["learners"][learner] = figures_of(arm, learner, X, y, seed, split)
        line["seconds"] = round(time.perf_counter() - started, 1)
        line["versions"] = {one.__name__: one.__version__ for one in (synthgan, sklearn, torch, pd)}
        with path.open("a", encoding="utf-8") as file:
            print(json.dumps(line), file=file)


def figures_of(
    arm: str, learner: str, X: pd.DataFrame, y: "pd.Series[Any]", seed: int, split: Split
) -> dict[str, Any]:
    """Return the figures of one arm and learner, and what was decided, where there was a choice."""
    with warnings.catch_warnings():  # networks that stop before they converge, folds without a class
        warnings.simplefilter("ignore")
        try:
            model = arms.ARMS[arm](learner, X, y, seed)
            figures: dict[str, Any] = judged(model, split)
        except Exception as error:  # a class without neighbours: the arm has no figure there
            return {"failed": f"{type(error).__name__}: {error}"[:200]}
    decision = getattr(model, "decision_", None)
    if decision is not None and decision.p_value is not None:
        figures |= {"choice": str(decision.choice), "p_value": round(decision.p_value, 4)}
    return figures


def judged(model: Any, split: Split) -> dict[str, float]:
    """Return the figures of a model."""
    validation, test = (_chances(model, rows, split) for rows in (split.validation, split.test))
    thresholds = None
    if split.n_classes == 2:
        thresholds = Thresholds.tuned(split.validation[split.target].to_numpy(), validation[:, 1])
    scores = classification_scores(split.test[split.target].to_numpy(), test, thresholds)
    return {figure: round(scores[figure], 5) for figure in FIGURES}


def _chances(model: Any, rows: pd.DataFrame, split: Split) -> Any:
    chances = np.zeros((len(rows), split.n_classes))
    chances[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(rows.drop(columns=split.target))
    return chances


def _done(path: Path) -> set[tuple[str, int, str]]:
    if not path.exists():
        return set()
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {(line["size"], line["seed"], line["arm"]) for line in lines}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", default=list(TABLES), help="all by default")
    parser.add_argument("--data", required=True, help="folder of parquet files")
    parser.add_argument("--ctgan", required=True, help="the Python of an environment that has ctgan")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--sizes", nargs="+", default=list(SIZES))
    parser.add_argument("--arms", nargs="+", default=list(arms.ARMS))
    arguments = parser.parse_args()
    arguments.sizes = [int(size) if str(size).isdigit() else size for size in arguments.sizes]
    return arguments


if __name__ == "__main__":
    main()
