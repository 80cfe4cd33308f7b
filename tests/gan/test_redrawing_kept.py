import copy

import numpy as np
import pytest
import torch
from small_tables import (
    FOUR,
    four_table,
    rng_of,
)
from small_trees import (
    TABLES,
    assert_same_trees,
    grown,
    learned,
    over_tables,
)

from synthgan.gan.balancing import points_of
from synthgan.gan.redrawing import CellTrees
from synthgan.gan.rows import RowSpace

# Trees that come and go


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
    state["asked"][0] = len(state["roots"])


def without_some_places(state):
    state["places"] = state["places"][1:]


def with_an_empty_leaf(state):
    state["counts"][state["child"] == 0] = 0


WRONG = [
    cyclic,
    beyond_the_nodes,
    beyond_the_cells,
    of_no_node,
    of_no_column,
    without_some_places,
    with_an_empty_leaf,
]


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__)
def test_trees_that_do_not_lead_to_cells_are_not_loaded(spoil):
    state = copy.deepcopy(learned("codes").state_dict())
    CellTrees(4).load_state_dict(state)
    spoil(state)
    with pytest.raises(RuntimeError, match="do not lead to cells"):
        CellTrees(4).load_state_dict(state)
