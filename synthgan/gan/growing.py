"""Growing lines and trees: rows that are filled in for the time being come in, what predicts them goes out.

Half of the trees of a column are told as well which cells were filled in, and so may be wrong.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from sklearn.linear_model import Ridge

from synthgan.gan.completing import CompletingRound, Gaps
from synthgan.gan.trees import Tree, nodes_of
from synthgan.layout import FloatArray, IntArray

#: Rows in a leaf at least, of trees for a line and for codes, and more for columns of many codes.
_LEAF_ROWS_OF_LINE, _LEAF_ROWS, _CODES_PER_LEAF_ROW = 3, 2, 16
#: Share of the columns that a question about a line is chosen from, and how many at most.
_SHARE_ASKED, _MAX_ASKED = 0.8, 32
#: Weight of the squares of a line's slopes, in rows.
_RIDGE = 3.0


def grow(
    each: CompletingRound,
    gaps: Gaps,
    columns: Sequence[int],
    *,
    n_trees: int,
    rng: np.random.Generator,
    deadline: float = math.inf,
) -> None:
    """Learn lines and trees of some columns from rows that have them, whatever was filled in beside these.

    Parameters
    ----------
    each
        The round that is to know them.
    gaps
        The rows.
    columns
        Places among the coded ones.
    n_trees
        Of each column.
    rng
        Source of all randomness.
    deadline
        When no further column is begun.
    """
    design = each.design(gaps.points)
    starts = np.cumsum([0, *(each.parts_of(place) for place in range(gaps.points.shape[1]))])
    trees: list[list[Tree]] = [[] for _ in range(gaps.points.shape[1])]
    lines: dict[int, tuple[FloatArray, float]] = {}
    for place in rng.permutation(columns).tolist():
        if time.monotonic() > deadline:
            break
        rows = np.flatnonzero(~gaps.is_open[:, place])
        goal, on_line = gaps.points[rows, place], np.zeros(len(rows))
        if each.is_on_line(place):
            others = design[rows]
            others[:, starts[place] : starts[place + 1]] = 0.0
            line = Ridge(_RIDGE, solver="cholesky").fit(others, goal)
            on_line = line.predict(others)
            lines[place] = line.coef_, float(line.intercept_)
        asked, goal = gaps.asked(place, rows, on_line), goal - on_line
        plain = asked[:, : gaps.points.shape[1] + 1]
        for n, own in ((n_trees // 2, plain), (n_trees - n_trees // 2, asked)):
            trees[place] += _trees(own, goal, each.is_on_line(place), n, each.n_codes(place), rng)
    each.trees.keep(trees)
    slopes = [lines[place][0] for place in sorted(lines)]
    intercepts = [lines[place][1] for place in sorted(lines)]
    each.keep_lines(np.array(slopes).reshape(len(lines), design.shape[1]), np.array(intercepts))


def _trees(
    asked: npt.NDArray[np.float32],
    goal: FloatArray,
    is_on_line: bool,
    n_trees: int,
    n_codes: int,
    rng: np.random.Generator,
) -> list[Tree]:
    """Return new trees, of a line as in random forests, of codes extremely random ones."""
    how: dict[str, Any] = {"random_state": int(rng.integers(2**31)), "n_jobs": torch.get_num_threads()}
    if is_on_line:
        max_features = max(1, min(_MAX_ASKED, round(_SHARE_ASKED * asked.shape[1])))
        forest = RandomForestRegressor(
            n_trees, max_features=max_features, min_samples_leaf=_LEAF_ROWS_OF_LINE, **how
        ).fit(asked, goal)
        return [_of_line(own.tree_) for own in forest.estimators_]
    leaf_rows = max(_LEAF_ROWS, n_codes // _CODES_PER_LEAF_ROW)
    forest = ExtraTreesClassifier(
        n_trees, max_features=min(_MAX_ASKED, asked.shape[1]), min_samples_leaf=leaf_rows, **how
    ).fit(asked, goal.astype(np.int64))
    return [_of_codes(own.tree_, forest.classes_) for own in forest.estimators_]


def _of_line(tree: Any) -> Tree:
    """Return a tree whose leaves say how far cells are above a line."""
    nodes, number = nodes_of(tree)
    is_leaf, mean = nodes["child"] == 0, np.empty(len(number))
    mean[number] = tree.value[:, 0, 0]
    cells = {"codes": np.zeros(np.count_nonzero(is_leaf)), "means": mean[is_leaf]}
    counts = is_leaf.astype(np.int64)
    return nodes | cells | {"counts": counts, "first": np.cumsum(counts) - counts}


def _of_codes(tree: Any, codes: IntArray) -> Tree:
    """Return a tree whose leaves say the shares of codes."""
    nodes, number = nodes_of(tree)
    shares = np.empty((len(number), len(codes)))
    shares[number] = tree.value[:, 0] / tree.value[:, 0].sum(1, keepdims=True)
    shares[nodes["child"] > 0] = 0.0
    counts = np.count_nonzero(shares, axis=1)
    _, index = np.nonzero(shares)
    cells = {"codes": codes[index], "means": shares[shares > 0]}
    return nodes | cells | {"counts": counts, "first": np.cumsum(counts) - counts}
