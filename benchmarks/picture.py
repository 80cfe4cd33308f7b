"""Draw the picture of the README: real and drawn columns, and what drawn rows are worth to a model.

    python benchmarks/picture.py

The left half is drawn from penguins that are learned here; the right half is the study's, up to 200 rows
(`make bench-augmentation`): gains in AUC over the learner alone, with 95 % intervals over tables and sizes.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from synthgan import SynthGAN
from synthgan.datasets import load_penguins
from synthgan.plotting import COLORS, marginals_in

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks" / "augmentation"))
from summary import AUTO, RESULTS, SMALL, differences  # noqa: E402

COLUMNS = ["species", "sex", "bill_length_mm", "body_mass_g"]
ARMS = {
    AUTO: ("AugmentedClassifier", COLORS["drawn"]),
    "SMOTE": ("SMOTE", "#7f9c6c"),
    "CTGAN": ("CTGAN", "#9a7aa0"),
}


def main() -> None:
    table = load_penguins()
    drawn = SynthGAN(random_state=0, verbose=0).fit(table).sample(1_000)
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.15, 1])
    marginals_in(left.subplots(2, 2).ravel(), table[COLUMNS], drawn[COLUMNS])
    left.suptitle("344 penguins, and 1,000 drawn ones", fontsize=11)
    _plot_gains(right.subplots())
    path = ROOT / "docs" / "images" / "readme.png"
    figure.savefig(path, dpi=100)
    print(f"wrote {path.relative_to(ROOT)}")


def _plot_gains(axes) -> None:
    frame = differences(RESULTS)
    frame = frame[frame["size"].isin(SMALL)]
    learners = list(dict.fromkeys(frame["learner"]))
    for shift, (arm, (name, color)) in zip((0.22, 0, -0.22), ARMS.items(), strict=True):
        means = frame[frame["arm"] == arm].groupby(["learner", "table", "size"])["auc"].mean()
        gains = means.groupby("learner").agg(["mean", "sem"]).reindex(learners)
        places = np.arange(len(learners))[::-1] + shift
        look = {"fmt": "o", "color": color, "capsize": 2, "markersize": 4, "label": name}
        axes.errorbar(gains["mean"], places, xerr=1.96 * gains["sem"], **look)
    axes.axvline(0, color="gray", linewidth=0.8)
    axes.set_yticks(range(len(learners)), learners[::-1])
    axes.set(xlabel="gain in AUC on real rows", title="40 to 200 real rows, eight tables")
    axes.title.set_fontsize(11)
    axes.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)


if __name__ == "__main__":
    main()
