import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor
from small_tables import (
    FOUR,
    MIXED,
    PLACED,
    assert_drawn_from,
    cells_of,
    four_table,
    placed_table,
    rng_of,
    sampling_error,
    table_of,
    total_variation,
)
from small_trees import (
    TABLES,
    assert_same_trees,
    grown,
    independent,
    layout_of,
    learned,
    over_tables,
)

from synthgan.gan import redrawing
from synthgan.gan.balancing import points_of
from synthgan.gan.computing import n_threads_of
from synthgan.gan.redrawing import _LEAF_ROWS, CellTrees, _tree
from synthgan.gan.rows import RowSpace
from synthgan.gan.trees import rounded_down
from synthgan.layout import Layout, Span

# One tree over points


def _points():
    """Points of every sort."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(400, 3)).astype(np.float32)
    yield "numbers", numbers
    yield "codes", rng.integers(5, size=(400, 4))
    # Halfway between two of these there is no float32.
    yield "neighbours among float32", 4 + 2.0**-21 * rng.integers(40, size=(400, 3))
    yield "negative neighbours", -5 - 2.0**-21 * rng.integers(40, size=(400, 3))
    yield "a constant among numbers", np.column_stack([np.full(400, 2.0), numbers])
    yield "a predicted constant", np.column_stack([numbers, np.zeros(400)])
    yield "nothing but constants", np.ones((120, 3))
    yield "repeated columns", numbers[:, [0, 0, 1]]
    yield "more columns than are asked", rng.normal(size=(200, 40))
    yield "places", points_of(placed_table(400), PLACED)


POINTS = {name: points.astype(np.float32) for name, points in _points()}
over_points = pytest.mark.parametrize("name", POINTS)


@pytest.fixture
def regressors(monkeypatch):
    """The regressors of the trees that a test grows, in their order."""
    made = []

    class Noted(DecisionTreeRegressor):
        def fit(self, *arguments):
            made.append(self)
            return super().fit(*arguments)

    monkeypatch.setattr(redrawing, "DecisionTreeRegressor", Noted)
    return made


def tree_of_rows(points, place, seed=0):
    """One tree that predicts a column, whose cells have the numbers of their rows for codes."""
    nodes, order = _tree(points, place, [place], True, np.random.default_rng(seed))
    none = np.zeros(len(points), dtype=int)
    trees = CellTrees(points.shape[1])
    own = nodes | {"codes": order, "places": none, "told_by": none, "rooms": none}
    trees.keep([[own] if column == place else [] for column in range(points.shape[1])])
    return trees


def tight_points(points, thresholds, seed=0):
    """Rows with cells exactly at thresholds, and at the float32 on either side of them."""
    rng = np.random.default_rng(seed)
    at = rng.choice(thresholds, size=(500, points.shape[1])).astype(np.float32)
    sides = np.array([np.nextafter(at, np.float32(-np.inf)), at, np.nextafter(at, np.float32(np.inf))])
    cells = np.take_along_axis(sides, rng.integers(3, size=(1, *at.shape)), axis=0)[0]
    known = rng.choice(points, size=500)
    return np.where(rng.random(at.shape) < 0.6, cells, known)


@over_points
def test_cells_are_of_rows_in_the_leaf_that_the_grown_tree_leads_to(name, regressors):
    points = POINTS[name]
    for place in (0, points.shape[1] - 1):
        trees = tree_of_rows(points, place)
        tree = regressors[-1].tree_
        assert tree.node_count > 5 or place == 0 or name in ("nothing but constants", "a predicted constant")
        leaves = tree.apply(np.delete(points, place, axis=1))
        asked = np.append(tree.threshold[tree.children_left >= 0], 0.0)
        for rows in (points, tight_points(points, asked)):
            drawn = trees.redraw(place, torch.from_numpy(rows), rng_of(1)).codes.numpy()
            np.testing.assert_array_equal(leaves[drawn], tree.apply(np.delete(rows, place, axis=1)))


@over_points
def test_a_tree_is_grown_from_half_of_the_rows_and_has_each_row_in_one_leaf(name, regressors):
    points = POINTS[name]
    nodes, order = _tree(points, 1, [1], True, np.random.default_rng(0))
    assert regressors[-1].tree_.n_node_samples[0] == len(points) // 2
    np.testing.assert_array_equal(np.sort(order), np.arange(len(points)))
    is_leaf = nodes["child"] == 0
    assert nodes["counts"].sum() == len(points)
    assert (nodes["counts"][is_leaf] >= _LEAF_ROWS).all()
    assert (nodes["counts"][~is_leaf] == 0).all()
    covered = [
        np.arange(nodes["first"][i], nodes["first"][i] + nodes["counts"][i]) for i in range(len(is_leaf))
    ]
    np.testing.assert_array_equal(np.sort(np.concatenate(covered)), np.arange(len(points)))


@over_points
def test_a_tree_does_not_ask_about_what_it_predicts(name):
    points = POINTS[name]
    for place in range(min(3, points.shape[1])):
        nodes, _ = _tree(points, place, [place], True, np.random.default_rng(0))
        asked = nodes["asked"][nodes["child"] > 0]
        assert not (asked == place).any()
        assert ((asked >= 0) & (asked < points.shape[1])).all()


def test_all_cells_of_a_leaf_are_drawn_equally_often():
    points, n_rows = POINTS["codes"], 40_000
    trees = tree_of_rows(points, 0)
    drawn = trees.redraw(0, torch.from_numpy(points[:1]).repeat(n_rows, 1), rng_of(0)).codes
    counts = drawn.bincount(minlength=len(points)).numpy()
    n_in_leaf = np.count_nonzero(counts)
    assert n_in_leaf in trees.counts.tolist()
    assert_drawn_from(counts[counts > 0], n_rows / n_in_leaf)


def test_all_trees_of_a_column_are_asked_equally_often_and_for_all_of_their_cells():
    n_rows, n_trees, n_cells = 30_000, 6, 4
    trees, none = CellTrees(1), np.zeros(n_cells)
    root = {name: np.zeros(1) for name in ("child", "asked", "thresholds", "first")}
    root["counts"] = np.array([n_cells])
    codes = np.arange(n_trees * n_cells).reshape(n_trees, n_cells)
    trees.keep([[{**root, "codes": own, "places": none, "told_by": none, "rooms": none} for own in codes]])
    drawn = trees.redraw(0, torch.zeros(n_rows, 1), rng_of(0)).codes
    assert_drawn_from(drawn.bincount(minlength=codes.size), n_rows / codes.size)


def test_numbers_move_anywhere_towards_their_neighbours_in_the_leaf_and_no_further():
    trees, stands, rooms = CellTrees(1), np.array([1, 2, 4, 7]), np.array([1, 2, 3, 0])
    none, root = np.zeros(4), {name: np.zeros(1) for name in ("child", "asked", "thresholds", "first")}
    tree = {**root, "counts": np.array([4]), "codes": stands, "places": none, "told_by": none, "rooms": rooms}
    trees.keep([[tree]])
    drawn = trees.redraw(0, torch.zeros(60_000, 1), rng_of(0))
    moved = drawn.codes + drawn.shifts
    for stand, back, further in zip(stands, [0, 1, 2, 3], rooms, strict=True):
        own = moved[drawn.codes == stand] - stand
        assert own.min() >= -back
        assert own.max() <= further
        for room, side in ((back, -own[own < 0]), (further, own[own > 0])):
            if room:  # evenly spread, in half of the cases
                assert len(side) / len(own) == pytest.approx(0.5, abs=0.02)
                assert side.mean().item() == pytest.approx(room / 2, rel=0.04)


@over_tables
def test_there_is_no_room_between_leaves_nor_beside_what_is_not_on_a_stretch(name):
    layout, _ = TABLES[name]
    trees = learned(name)
    codes, rooms = trees.codes, trees.rooms.float()
    last = (trees.first + trees.counts - 1)[trees.counts > 0].long()
    assert not rooms[last].any()
    assert (rooms >= 0).all()
    n_each = len(codes) // len(trees.columns)
    for number, place in enumerate(trees.columns):
        span, own = layout.spans[layout.coded[place]], slice(number * n_each, (number + 1) * n_each)
        is_free = torch.isin(codes[own], torch.tensor(span.place_codes, dtype=torch.int32))
        is_free &= trees.told_by[own] < 0
        assert not rooms[own][~is_free].any()
        assert rooms[own].any() == bool(span.place_codes)
        stands = codes[own] + trees.places[own] / span.n_places
        has_room = rooms[own] > 0
        torch.testing.assert_close(
            rooms[own][has_room], stands.diff(append=stands[-1:])[has_room], rtol=2e-3, atol=1e-3
        )


@settings(max_examples=300)
@given(
    x=st.floats(-(2.0**100), 2.0**100, width=32),
    steps=st.sampled_from([-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0]),
    far=st.none() | st.floats(-(2.0**100), 2.0**100),
)
def test_no_float32_changes_sides_where_thresholds_are_rounded(x, steps, far):
    x = np.float32(x)
    beyond = np.float64(np.nextafter(x, np.float32(np.inf)))
    threshold = np.float64(x) + steps * (beyond - np.float64(x)) if far is None else np.float64(far)
    rounded = rounded_down(np.array([threshold]))
    assert rounded.dtype == np.float32
    assert (x > rounded[0]) == (np.float64(x) > threshold)
    assert np.float64(rounded[0]) <= threshold < np.float64(np.nextafter(rounded[0], np.float32(np.inf)))


# The trees of a table


def cells_of_column(layout, table, place):
    """The codes and places of a coded column, and which relation tells them, shape ``(n_rows, 3)``."""
    column, told_by = int(layout.coded[place]), RowSpace(layout).told_by(cells_of(table)).numpy()
    index = layout.place_index.get(column)
    places = np.zeros(len(table), dtype=int) if index is None else table.places[:, index]
    return np.column_stack([table.codes[:, column], places, told_by[:, place]])


@over_tables
def test_trees_hold_the_cells_of_all_rows_once_each(name):
    layout, rows_of = TABLES[name]
    table, trees = rows_of(2000), learned(name)
    held = np.column_stack([trees.codes, trees.places, trees.told_by])
    assert len(trees.columns) > 1
    n_trees = trees.roots.shape[1]
    assert len(held) == len(trees.columns) * n_trees * len(table)
    for number, (place, _) in enumerate(itertools.product(trees.columns, range(n_trees))):
        rows = cells_of_column(layout, table, place)
        own = held[number * len(table) : (number + 1) * len(table)]
        np.testing.assert_array_equal(own[np.lexsort(own.T)], rows[np.lexsort(rows.T)])


@over_tables
def test_redrawn_cells_are_cells_of_the_table(name):
    layout, rows_of = TABLES[name]
    table, trees = rows_of(2000), learned(name)
    points = torch.from_numpy(points_of(independent(rows_of(3000, 1)), layout))
    for place in trees.columns:
        drawn = torch.stack(trees.redraw(place, points, rng_of(0))[:3], dim=1)
        there = cells_of_column(layout, table, place)
        assert set(map(tuple, drawn.tolist())) <= set(map(tuple, there.tolist()))


@over_tables
def test_the_columns_own_points_are_not_looked_at(name):
    layout, rows_of = TABLES[name]
    trees, points = learned(name), torch.from_numpy(points_of(rows_of(500, 1), layout))
    for place in trees.columns:
        others = points.clone()
        others[:, place] = torch.nan
        for drawn, again in zip(
            trees.redraw(place, points, rng_of(0)), trees.redraw(place, others, rng_of(0)), strict=True
        ):
            assert torch.equal(drawn, again)


@over_tables
def test_same_seed_same_trees_whatever_the_number_of_threads(name):
    layout, rows_of = TABLES[name]
    table = rows_of(600)
    with n_threads_of(1):
        first, other = grown(layout, table), grown(layout, table, seed=1)
    with n_threads_of(4):
        assert_same_trees(grown(layout, table), first)
    assert first.codes.shape == other.codes.shape
    assert not torch.equal(first.codes, other.codes)


@pytest.mark.parametrize(("n_rows", "columns"), [(0, []), (1, []), (99, []), (100, [0, 1, 2, 3])])
def test_tables_of_fewer_than_a_hundred_rows_teach_nothing(n_rows, columns):
    assert grown(FOUR, four_table(n_rows)).columns == columns


@pytest.mark.parametrize("n_done", [0, 1, 3, 4, 6, 9, 24])
def test_where_time_runs_out_the_trees_that_there_are_serve_all_the_same(n_done, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(redrawing.time, "monotonic", lambda: next(clock))  # a second for each look at it
    with n_threads_of(1):
        trees = grown(FOUR, four_table(300), max_time=n_done)
    assert trees.columns == list(range(min(n_done, 4)))
    assert len(trees.codes) == 300 * n_done
    assert trees.roots[trees.columns].ge(0).all()
    for place in trees.columns:
        assert len(trees.roots[place].unique()) == len(range(place, n_done, 4))
        assert len(trees.redraw(place, torch.zeros(50, 4), rng_of(0)).codes) == 50


@pytest.mark.parametrize("n_columns", [2, 3, 60, 101, 160])
def test_a_column_has_some_trees_and_all_columns_not_too_many(n_columns):
    codes = np.random.default_rng(0).integers(3, size=(120, n_columns))
    trees = grown(layout_of(*[3] * n_columns), table_of(codes))
    assert trees.columns == list(range(n_columns))
    n_trees = trees.roots.shape[1]
    assert n_trees == max(2, min(8, 300 // n_columns))
    assert len(trees.roots.unique()) == n_columns * n_trees


@pytest.mark.parametrize(
    ("limit", "n_most", "n_rows"),
    [("_MAX_ROWS", 150, 150), ("_MAX_CELLS", 6_400, 200), ("_MAX_CELLS", 10, 100)],
)
def test_of_long_and_wide_tables_fewer_rows_are_learned_but_a_hundred(limit, n_most, n_rows, monkeypatch):
    monkeypatch.setattr(redrawing, limit, n_most)
    trees = grown(FOUR, four_table(1000))
    assert trees.roots.numel() == 32
    assert len(trees.codes) == 32 * n_rows


@over_tables
def test_the_order_of_cells_in_a_leaf_says_nothing_of_their_rows(name):
    trees = learned(name)
    for leaf in range(len(trees.counts)):
        codes = trees.codes[trees.first[leaf] : trees.first[leaf] + trees.counts[leaf]]
        assert (codes.diff() >= 0).all()


# Columns without trees


@pytest.mark.parametrize("bound", [[], [1], [0, 2], [0, 1, 2, 3]])
def test_bound_columns_have_no_trees_but_are_asked_about(bound):
    trees = grown(FOUR, four_table(500), bound=bound)
    assert trees.columns == [column for column in range(4) if column not in bound]
    if len(bound) < 4:
        assert set(trees.asked[trees.child > 0].tolist()) == {0, 1, 2, 3}


def test_a_column_that_is_alone_has_no_trees():
    layout = Layout((Span("a", 3), Span("constant", 1)))
    codes = np.column_stack([np.arange(200) % 3, np.zeros(200)])
    assert grown(layout, table_of(codes)).columns == []


def test_columns_with_values_and_constants_have_no_trees():
    trees = learned("mixed")
    assert MIXED.coded[trees.columns].tolist() == [0, 2]  # neither the constant nor a weight nor a height


# With which share codes are redrawn


@over_tables
@pytest.mark.parametrize("n_walked", [1, 10**6])
def test_what_is_expected_is_how_often_codes_are_redrawn(name, n_walked, monkeypatch):
    monkeypatch.setattr("synthgan.gan.trees._WALKED_AT_A_TIME", n_walked)
    layout, rows_of = TABLES[name]
    trees, n_draws = learned(name), 4000
    points = torch.from_numpy(points_of(rows_of(5, seed=2), layout))
    for place in trees.columns:
        n_codes = int(layout.sizes[layout.coded[place]])
        expected = trees.expected(place, points, n_codes)
        torch.testing.assert_close(expected.sum(1), torch.ones(5))
        drawn_codes = trees.redraw(place, points.repeat(n_draws, 1), rng_of(0)).codes.view(n_draws, 5)
        for row in range(5):
            shares, own = drawn_codes[:, row].bincount(minlength=n_codes) / n_draws, expected[row].numpy()
            assert total_variation(shares.numpy(), own) < 3 * sampling_error(own, n_draws)
            assert not (shares.numpy() > 0)[own == 0].any()
