"""The cells of the benchmark: a table, a split, a method, a time and a seed; and what came of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Method:
    """A way to draw rows.

    Attributes
    ----------
    module
        The module that fits it; "" for the rows that were not learned.
    environment
        Where it is installed; "" for that of this project.
    takes_time
        Whether it can be told how long to train. Others run once, as they are.
    is_control
        Whether it is there to show what the figures of a bad or a perfect method are.
    """

    module: str
    environment: str = ""
    takes_time: bool = True
    is_control: bool = False


METHODS = {
    "synthgan": Method("synthgan_"),
    "TabularARGN": Method("tabular_argn", "tabular_argn"),
    "CTGAN": Method("ctgan_", "ctgan"),
    "TVAE": Method("tvae_", "ctgan"),
    "ForestDiffusion": Method("forest_diffusion", "forest_diffusion"),
    "ARF": Method("arf", "arf", takes_time=False),
    "Gaussian copula": Method("gaussian_copula", "copulas", takes_time=False),
    "SMOTE-NC": Method("smote_nc", takes_time=False),
    "other real rows": Method("", takes_time=False, is_control=True),
    "independent columns": Method("independent", takes_time=False, is_control=True),
    "bootstrap": Method("bootstrap", takes_time=False, is_control=True),
}


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes
    ----------
    table, split, method
        By name.
    seconds
        How long training may go on; None for the method's own default.
    seed
        Of all randomness.
    """

    table: str
    split: str
    method: str
    seconds: int | None
    seed: int

    def path_in(self, folder: Path) -> Path:
        """Return where what came of it is kept."""
        words = (self.table, self.split, self.method, self.seconds or "default", self.seed)
        return folder / ("_".join(str(word).replace(" ", "-") for word in words) + ".json")

    def __str__(self) -> str:
        time = "own default" if self.seconds is None else f"{self.seconds} s"
        return f"{self.table} ({self.split}), {self.method}, {time}, seed {self.seed}"


def grid(
    tables: Sequence[str],
    splits: Sequence[str],
    methods: Sequence[str],
    times: Sequence[int | None],
    seeds: Sequence[int],
) -> Iterator[Cell]:
    """Yield all cells of a grid that mean something, those of the first seed first."""
    for seed, seconds, split, table, method in product(seeds, times, splits, tables, methods):
        if METHODS[method].takes_time or seconds is None:
            yield Cell(table, split, method, seconds, seed)


def results_in(folder: Path) -> list[dict[str, Any]]:
    """Return what came of all cells that were run."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
