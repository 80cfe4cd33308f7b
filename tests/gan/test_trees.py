"""Laws of trees as tensors: they lead where those of scikit-learn lead, however many are stored together."""

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import synthgan.gan.trees as trees_module
from synthgan.gan.completing import CompletingTrees
from synthgan.gan.trees import nodes_of

N_ROWS, N_COLUMNS = 300, 3
#: Places of the columns that have trees, and how many each.
GROWN = {0: 2, 2: 1}


def points_of(seed):
    return np.random.default_rng(seed).normal(size=(N_ROWS, 2 * N_COLUMNS + 1)).astype(np.float32)


def grown_trees(kind):
    points = points_of(0)
    goal = (points[:, 0] + points[:, 1] ** 2 > 1).astype(int) + (points[:, 2] > 0)
    return {
        place: [kind(max_features=2, random_state=seed).fit(points, goal) for seed in range(n)]
        for place, n in GROWN.items()
    }


def stored(kind):
    """Trees whose leaves hold one cell each: the leaf's number in the tree of scikit-learn."""
    whole, trees = CompletingTrees(N_COLUMNS), [[] for _ in range(N_COLUMNS)]
    for place, own in grown_trees(kind).items():
        for tree in own:
            nodes, number = nodes_of(tree.tree_)
            counts = np.ones(len(number), dtype=int)
            cells = {"codes": np.zeros(len(number)), "means": np.argsort(number)}
            trees[place].append(nodes | cells | {"counts": counts, "first": np.arange(len(number))})
    whole.keep(trees)
    return whole


@pytest.mark.parametrize("kind", [DecisionTreeRegressor, DecisionTreeClassifier])
def test_rows_come_to_the_leaves_that_scikit_learn_leads_them_to(kind):
    trees, points = stored(kind), points_of(1)
    assert trees.columns == list(GROWN)
    for place, own in grown_trees(kind).items():
        for root, tree in zip(trees.roots[place], own, strict=False):
            leaf = trees.leaves(root.repeat(N_ROWS), torch.from_numpy(points))
            np.testing.assert_array_equal(trees.means[trees.first[leaf]].numpy(), tree.apply(points))


@pytest.mark.parametrize("n_together", [1, N_ROWS, 10**6])
def test_trees_say_the_same_however_many_are_walked_together(n_together, monkeypatch):
    trees, points = stored(DecisionTreeRegressor), torch.from_numpy(points_of(1))
    monkeypatch.setattr(trees_module, "_WALKED_AT_A_TIME", n_together)
    for place, own in grown_trees(DecisionTreeRegressor).items():
        walked = torch.cat(list(trees.walk(place, points)))
        assert len(walked) == len(trees.roots[place])
        means = np.mean([tree.apply(points.numpy()) for tree in np.resize(own, len(walked))], axis=0)
        np.testing.assert_allclose(trees.predicted(place, points, 1)[:, 0], means, rtol=1e-6)


def test_trees_come_back_from_what_a_file_holds():
    trees = stored(DecisionTreeRegressor)
    again = CompletingTrees(N_COLUMNS)
    again.load_state_dict(trees.state_dict())
    for name, value in trees.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


@pytest.mark.parametrize("name", ["child", "first", "counts", "asked", "means"])
def test_trees_that_lead_nowhere_are_refused(name):
    state = stored(DecisionTreeRegressor).state_dict()
    wrong = {"child": 10**6, "first": 10**6, "counts": -1, "asked": 2 * N_COLUMNS + 1, "means": np.nan}
    state[name] = state[name].clone().fill_(wrong[name])
    with pytest.raises(RuntimeError, match="do not lead to cells"):
        CompletingTrees(N_COLUMNS).load_state_dict(state)
