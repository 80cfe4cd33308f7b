import copy
import itertools

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

from synthgan.gan import redrawing
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


@over_tables
def test_trees_that_are_dropped_leave_nothing_behind_and_others_as_they_were(name):
    layout, rows_of = TABLES[name]
    trees, points = learned(name), torch.from_numpy(points_of(rows_of(400, seed=1), layout))
    columns = trees.columns
    for dropped in (columns[:1], columns[1:], columns, []):
        fewer = copy.deepcopy(trees)
        fewer.drop(dropped)
        kept = [column for column in columns if column not in dropped]
        assert fewer.columns == kept
        starts = [*trees.roots[columns].flatten().sort().values.tolist(), len(trees.child)]
        sizes = dict(zip(starts, np.diff(starts), strict=False))
        assert len(fewer.child) == sum(sizes[root] for root in trees.roots[kept].flatten().tolist())
        assert len(fewer.codes) == len(trees.codes) * len(kept) // len(columns)
        for column in kept:
            for cells, twins in zip(
                fewer.redraw(column, points, rng_of(3)), trees.redraw(column, points, rng_of(3)), strict=True
            ):
                assert torch.equal(cells, twins)


def test_without_any_trees_is_as_never_grown():
    trees = grown(FOUR, four_table(300))
    trees.drop([0, 1, 2, 3])
    assert_same_trees(trees, CellTrees(4))


def test_trees_that_time_has_repeated_are_kept_once(monkeypatch):
    threads, clock = torch.get_num_threads(), itertools.count()
    monkeypatch.setattr(redrawing.time, "monotonic", lambda: next(clock))
    try:
        torch.set_num_threads(1)
        trees = grown(FOUR, four_table(300), max_time=6)  # two of the first two columns, one of the others
    finally:
        torch.set_num_threads(threads)
    fewer = copy.deepcopy(trees)
    fewer.drop([1])
    assert fewer.columns == [0, 2, 3]
    assert len(fewer.codes) == 4 * 300
    for column in fewer.columns:
        points = torch.from_numpy(points_of(four_table(200, seed=1), FOUR))
        for kind in range(3):
            shares, twins = (each.expected(column, points, 3)[:, kind] for each in (fewer, trees))
            torch.testing.assert_close(shares, twins)


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
