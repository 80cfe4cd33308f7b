"""Laws of trees as tensors: they lead where those of scikit-learn lead, however many are stored together."""

import copy

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from small_tables import FOUR, four_table, rng_of
from small_trees import TABLES, assert_same_trees, grown, learned, over_tables

import synthgan.gan.trees as trees_module
from synthgan.gan.balancing import points_of
from synthgan.gan.completing import CompletingTrees
from synthgan.gan.redrawing import CellTrees
from synthgan.gan.rows import RowSpace
from synthgan.gan.trees import nodes_of

N_ROWS, N_COLUMNS = 300, 3
#: Places of the columns that have trees, and how many each.
GROWN = {0: 2, 2: 1}


def random_points(seed):
    return np.random.default_rng(seed).normal(size=(N_ROWS, 2 * N_COLUMNS + 1)).astype(np.float32)


def grown_trees(kind):
    points = random_points(0)
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
    trees, points = stored(kind), random_points(1)
    assert trees.columns == list(GROWN)
    for place, own in grown_trees(kind).items():
        for root, tree in zip(trees.roots[place], own, strict=False):
            leaf = trees.leaves(root.repeat(N_ROWS), torch.from_numpy(points))
            np.testing.assert_array_equal(trees.means[trees.first[leaf]].numpy(), tree.apply(points))


@pytest.mark.parametrize("n_together", [1, N_ROWS, 10**6])
def test_trees_say_the_same_however_many_are_walked_together(n_together, monkeypatch):
    trees, points = stored(DecisionTreeRegressor), torch.from_numpy(random_points(1))
    monkeypatch.setattr(trees_module, "_WALKED_AT_A_TIME", n_together)
    for place, own in grown_trees(DecisionTreeRegressor).items():
        walked = torch.cat(list(trees.walk(place, points)))
        assert len(walked) == len(trees.roots[place])
        means = np.mean([tree.apply(points.numpy()) for tree in np.resize(own, len(walked))], axis=0)
        np.testing.assert_allclose(trees.predicted(place, points, 1)[:, 0], means, rtol=1e-6)


@over_tables
@pytest.mark.parametrize("other", ["nothing", "other trees"])
def test_a_copy_by_way_of_its_state_is_the_same_trees(name, other):
    layout, rows_of = TABLES[name]
    trees = learned(name)
    copied = CellTrees(len(layout.coded)) if other == "nothing" else grown(layout, rows_of(150, 3), seed=2)
    copied.load_state_dict(copy.deepcopy(trees.state_dict()))
    assert_same_trees(copied, trees)
    assert copied.columns == trees.columns
    points = torch.from_numpy(points_of(rows_of(300, 1), layout))
    for place in trees.columns:
        drawn, again = (each.redraw(place, points, rng_of(0)) for each in (trees, copied))
        assert all(map(torch.equal, drawn, again))


def test_a_state_of_no_trees_empties_others():
    trees = grown(FOUR, four_table(200))
    trees.load_state_dict(CellTrees(4).state_dict())
    assert_same_trees(trees, CellTrees(4))


def test_growing_again_forgets_the_first_trees():
    trees = grown(FOUR, four_table(900, seed=3), seed=5)
    trees.grow(four_table(200), RowSpace(FOUR), np.random.default_rng(0))
    assert_same_trees(trees, grown(FOUR, four_table(200)))


def test_trees_stay_on_the_device_where_they_were():
    trees = CellTrees(4).to("meta")
    trees.grow(four_table(200), RowSpace(FOUR), np.random.default_rng(0))
    assert {buffer.device.type for buffer in trees.buffers()} == {"meta"}


# What a file may hold


def cyclic(state):
    state["child"][0] = 0 * state["child"][0] + 1
    state["child"][1] = 1


def beyond_the_nodes(state):
    state["child"][0] = len(state["child"])


def beyond_the_cells(state):
    state["first"][:] = len(state["codes"])


def of_no_node(state):
    state["roots"][0, 0] = len(state["child"])


def of_no_column(state):
    n_columns = len(state["roots"])
    state["asked"][0] = n_columns if "rooms" in state else 2 * n_columns + 1


def without_some_cells(state):
    name = "means" if "means" in state else "places"
    state[name] = state[name][1:]


def with_an_empty_leaf(state):
    state["counts"][state["child"] == 0] = 0


def of_no_number(state):
    state["means" if "means" in state else "rooms"].fill_(np.nan)


WRONG = [cyclic, beyond_the_nodes, beyond_the_cells, of_no_node]
WRONG += [of_no_column, without_some_cells, with_an_empty_leaf, of_no_number]


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("kind", [CellTrees, CompletingTrees])
def test_what_is_stored_comes_back_and_trees_that_do_not_lead_to_cells_are_refused(kind, spoil):
    trees = learned("codes") if kind is CellTrees else stored(DecisionTreeRegressor)
    state, again = copy.deepcopy(trees.state_dict()), kind(len(trees.roots))
    again.load_state_dict(state)
    assert_same_trees(again, trees)
    spoil(state)
    with pytest.raises(RuntimeError, match="do not lead to cells"):
        kind(len(trees.roots)).load_state_dict(state)
