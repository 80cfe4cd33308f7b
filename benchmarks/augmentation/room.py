"""How much room do drawn rows need? Gains in AUC by what becomes of leaves, and by labels.

    python benchmarks/augmentation/room.py german-credit adult-train --data path/to/tables

Rows of jitter, five for each real one, are labelled by a teacher's chances (`soft`, a tenth of the weight to
real rows) or keep the label of the row that was moved (`own`, half of it). With f times as many rows a
learner sees them as it is (`none`), or with its leaves grown by the root of f or by f.
`synthgan.augmentation.room` has the root for leaves where labels are soft, and f elsewhere.
"""

import argparse
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from learners import piped
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier
from tasks import TABLES, Split, split_of

from synthgan import SynthGAN
from synthgan.augmentation.given import Given
from synthgan.augmentation.lesson import taught
from synthgan.augmentation.supply import Supply
from synthgan.augmentation.teachers import default_teacher
from synthgan.augmentation.ways import Ways

LEARNERS: dict[str, Any] = {
    "tree": DecisionTreeClassifier(),
    "tree, leaves of 5": DecisionTreeClassifier(min_samples_leaf=5),
    "tree, leaves of 15": DecisionTreeClassifier(min_samples_leaf=15),
    "tree, splits of 20": DecisionTreeClassifier(min_samples_split=20),
    "forest, leaves of 2": RandomForestClassifier(50, min_samples_leaf=2),
    "forest, leaves of 5": RandomForestClassifier(50, min_samples_leaf=5),
    "histogram boosting": HistGradientBoostingClassifier(),
}
SIZES = (50, 150, 500)
#: Share of the weight that real rows keep, by labels.
SHARES = {"soft": 0.1, "own": 0.5}
RATIO = 5
#: Whether the learner makes room, and whether it takes labels for smooth: then leaves grow by the root.
ROOMS = {"none": (False, False), "root of f": (True, True), "f": (True, False)}


def main() -> None:
    arguments = _arguments()
    warnings.simplefilter("ignore")  # folds of a class that has few rows
    print(f"| learner | labels | rows | {' | '.join(ROOMS)} |\n|---|---|---|{'---|' * len(ROOMS)}")
    for size in arguments.sizes:
        gains: dict[tuple[str, str], list[list[float]]] = {}
        for name in arguments.tables:
            for seed in arguments.seeds:
                split = split_of(name, size, seed, Path(arguments.data))
                for key, found in run(split, seed).items():
                    gains.setdefault(key, []).append(found)
        for (learner, labels), found in gains.items():
            by_room = np.array(found).T
            errors = by_room.std(1, ddof=1) / np.sqrt(by_room.shape[1])
            cells = [
                f"{gain:+.3f} ({error:.3f})" for gain, error in zip(by_room.mean(1), errors, strict=True)
            ]
            print(f"| {learner} | {labels} | {size} | {' | '.join(cells)} |", flush=True)


def run(split: Split, seed: int) -> dict[tuple[str, str], list[float]]:
    """Return the gains of each learner and each kind of labels, one for each room."""
    X, y = split.learned.drop(columns=split.target), split.learned[split.target]
    given, task = Given.of(X, y)
    problem = given.problem(task)
    supply = Supply(Ways(problem, SynthGAN(verbose=0), None, seed), default_teacher(task), seed)
    gains = {}
    for labels, share in SHARES.items():
        addition = supply.rows("jitter", labels, RATIO * len(y))
        for name, learner in LEARNERS.items():
            own = piped(clone(learner).set_params(random_state=seed))
            alone = _auc(own.fit(X, y), split)
            gains[name, labels] = [
                _auc(
                    taught(
                        own, given, problem, replace(addition, smooth=smooth), real_share=share, adapt=adapt
                    ),
                    split,
                )
                - alone
                for adapt, smooth in ROOMS.values()
            ]
    return gains


def _auc(model: Any, split: Split) -> float:
    chances = model.predict_proba(split.test.drop(columns=split.target))
    return float(roc_auc_score(split.test[split.target], chances[:, 1]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    two_classes = [name for name in TABLES if name != "student-dropout"]
    parser.add_argument("tables", nargs="*", default=two_classes, help="all of two classes by default")
    parser.add_argument("--data", required=True, help="folder of parquet files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    return parser.parse_args()


if __name__ == "__main__":
    main()
