import copy
import dataclasses
import functools
import itertools

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from scipy.stats import chi2
from sklearn.tree import DecisionTreeRegressor
from small_tables import (
    FOUR,
    JOINT,
    MIXED,
    PAIR,
    PLACED,
    cells_of,
    four_table,
    mixed_table,
    model_of,
    pair_table,
    placed_table,
    rng_of,
    sampling_error,
    spread_out,
    table_of,
    total_variation,
)

from synthgan import ParameterError, SynthGAN
from synthgan.datasets import load_penguins
from synthgan.gan import redrawing
from synthgan.gan.balancing import points_of
from synthgan.gan.cells import Cells
from synthgan.gan.drawing import draw
from synthgan.gan.filling import DrawingWeights, Filling
from synthgan.gan.redrawing import CellTrees, Redrawn, _free_columns, _rounded_down, _tree
from synthgan.gan.rows import RowSpace
from synthgan.layout import N_RELATION_CODES, RELATION_EDGES, EncodedTable, Known, Layout, Span

#: PLACED, where y follows x and x follows nothing.
ONE_SIDED = Layout(PLACED.spans, PLACED.relations[1:2])
#: What the tests let one sweep of trees be wrong by, in total variation, beside the sampling error.
TOLERANCE = 0.03


def layout_of(*sizes):
    return Layout(tuple(Span(f"column {i}", size) for i, size in enumerate(sizes)))


def one_sided_table(n_rows, seed=0):
    table = placed_table(n_rows, seed)
    return EncodedTable(table.codes, table.values, table.places, table.relations[:, 1:2])


def grown(layout, table, seed=0, **parameters):
    trees = CellTrees(len(layout.coded))
    trees.grow(table, RowSpace(layout), np.random.default_rng(seed), **parameters)
    return trees


TABLES = {
    "codes": (FOUR, four_table),
    "mixed": (MIXED, mixed_table),
    "places and relations": (PLACED, placed_table),
    "one follows another": (ONE_SIDED, one_sided_table),
}
over_tables = pytest.mark.parametrize("name", TABLES)


@functools.cache
def learned(name):
    """Trees over 2000 rows, which no test changes."""
    layout, table_of_rows = TABLES[name]
    return grown(layout, table_of_rows(2000))


def model_with(name, **shape):
    """An untrained model that has learned trees."""
    model = spread_out(model_of(TABLES[name][0], **shape)).eval()
    model.trees = copy.deepcopy(learned(name))
    return model


@torch.inference_mode()
def filling_of(model, table, seed=0):
    """A filling that has come to the rows of a table, none of whose cells was drawn as another."""
    filling = Filling(model, DrawingWeights.of(model), len(table), Known.nothing(), rng_of(seed))
    cells = cells_of(table)
    filling.cells = Cells(cells.codes.long(), cells.values, cells.places.long(), cells.relations.long())
    filling.known = set(range(len(model.layout)))
    for column in filling.known:
        filling._stand(column)
    filling._relate_known()
    return filling


def redrawn_rows(model, table, columns, seed=0):
    """A filling whose columns are redrawn in this order, begun where the rows of a table are."""
    filling = filling_of(model, table, seed)
    with torch.inference_mode():
        filling.redraw(columns)
    return filling


def independent(table, seed=5):
    """The table with the cells of each column in an order of their own, places with their codes."""
    rng, layout = np.random.default_rng(seed), TABLES["places and relations"][0]
    codes, places = table.codes.copy(), table.places.copy()
    for column in range(codes.shape[1]):
        order = rng.permutation(len(table))
        codes[:, column] = codes[order, column]
        if places.shape[1] and column in layout.place_index:
            index = layout.place_index[column]
            places[:, index] = places[order, index]
    return EncodedTable(codes, table.values, places, np.zeros_like(table.relations))


def assert_same(first, second):
    for array, twin in zip(vars(first).values(), vars(second).values(), strict=True):
        np.testing.assert_array_equal(array, twin)


def assert_same_trees(first, second):
    buffers, twins = first.state_dict(), second.state_dict()
    assert list(buffers) == list(twins)
    for name, buffer in buffers.items():
        assert buffer.dtype == twins[name].dtype
        assert torch.equal(buffer, twins[name])


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
    nodes, order = _tree(points, place, True, np.random.default_rng(seed))
    none = np.zeros(len(points), dtype=int)
    trees = CellTrees(points.shape[1])
    own = nodes | {"codes": order, "places": none, "told_by": none}
    trees._keep([[own] if column == place else [] for column in range(points.shape[1])])
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
        leaves = tree.apply(np.delete(points, place, axis=1))
        asked = np.append(tree.threshold[tree.children_left >= 0], 0.0)
        for rows in (points, tight_points(points, asked)):
            drawn = trees.redraw(place, torch.from_numpy(rows), rng_of(1)).codes.numpy()
            np.testing.assert_array_equal(leaves[drawn], tree.apply(np.delete(rows, place, axis=1)))


def test_trees_of_numbers_ask_something(regressors):
    for name in set(POINTS) - {"nothing but constants", "a predicted constant"}:
        tree_of_rows(POINTS[name], POINTS[name].shape[1] - 1)
        assert regressors[-1].tree_.node_count > 5


@over_points
def test_each_row_is_in_one_leaf_of_a_tree(name):
    points = POINTS[name]
    nodes, order = _tree(points, 1, True, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(order), np.arange(len(points)))
    is_leaf = nodes["child"] == 0
    assert nodes["counts"].sum() == len(points)
    assert (nodes["counts"][is_leaf] >= redrawing._MIN_ROWS).all()
    assert (nodes["counts"][~is_leaf] == 0).all()
    covered = [
        np.arange(nodes["first"][i], nodes["first"][i] + nodes["counts"][i]) for i in range(len(is_leaf))
    ]
    np.testing.assert_array_equal(np.sort(np.concatenate(covered)), np.arange(len(points)))


@over_points
def test_a_tree_does_not_ask_about_what_it_predicts(name):
    points = POINTS[name]
    for place in range(min(3, points.shape[1])):
        nodes, _ = _tree(points, place, True, np.random.default_rng(0))
        asked = nodes["asked"][nodes["child"] > 0]
        assert not (asked == place).any()
        assert ((asked >= 0) & (asked < points.shape[1])).all()


def test_a_tree_is_grown_from_half_of_the_rows_and_holds_all(regressors):
    points = POINTS["numbers"]
    _, order = _tree(points, 0, True, np.random.default_rng(0))
    assert regressors[-1].tree_.n_node_samples[0] == len(points) // 2
    assert len(order) == len(points)


def test_all_cells_of_a_leaf_are_drawn_equally_often():
    points, n_rows = POINTS["codes"], 40_000
    trees = tree_of_rows(points, 0)
    drawn = trees.redraw(0, torch.from_numpy(points[:1]).repeat(n_rows, 1), rng_of(0)).codes
    counts = drawn.bincount(minlength=len(points)).numpy()
    n_in_leaf = np.count_nonzero(counts)
    assert n_in_leaf in trees.counts.tolist()
    expected = n_rows / n_in_leaf
    assert ((counts[counts > 0] - expected) ** 2 / expected).sum() < chi2.isf(1e-4, n_in_leaf - 1)


def test_all_trees_of_a_column_are_asked_equally_often_and_for_all_of_their_cells():
    n_rows, n_trees, n_cells = 30_000, 6, 4
    trees, none = CellTrees(1), np.zeros(n_cells)
    root = {name: np.zeros(1) for name in ("child", "asked", "thresholds", "first")}
    root["counts"] = np.array([n_cells])
    codes = np.arange(n_trees * n_cells).reshape(n_trees, n_cells)
    trees._keep([[{**root, "codes": own, "places": none, "told_by": none} for own in codes]])
    drawn = trees.redraw(0, torch.zeros(n_rows, 1), rng_of(0)).codes
    expected = n_rows / codes.size
    statistic = ((drawn.bincount(minlength=codes.size).numpy() - expected) ** 2 / expected).sum()
    assert statistic < chi2.isf(1e-4, codes.size - 1)


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
    rounded = _rounded_down(np.array([threshold]))
    assert rounded.dtype == np.float32
    assert (x > rounded[0]) == (np.float64(x) > threshold)
    assert np.float64(rounded[0]) <= threshold < np.float64(np.nextafter(rounded[0], np.float32(np.inf)))


# The trees of a table


@over_tables
def test_trees_hold_the_cells_of_all_rows_once_each(name):
    layout, rows_of = TABLES[name]
    table, trees = rows_of(2000), learned(name)
    told_by = RowSpace(layout).told_by(cells_of(table)).numpy()
    held = np.column_stack([trees.codes, trees.places, trees.told_by])
    assert len(trees.columns) > 1
    n_trees = trees.roots.shape[1]
    assert len(held) == len(trees.columns) * n_trees * len(table)
    for number, (place, _) in enumerate(itertools.product(trees.columns, range(n_trees))):
        column = int(layout.coded[place])
        index = layout.place_index.get(column)
        places = np.zeros(len(table)) if index is None else table.places[:, index]
        rows = np.column_stack([table.codes[:, column], places, told_by[:, place]])
        own = held[number * len(table) : (number + 1) * len(table)]
        np.testing.assert_array_equal(own[np.lexsort(own.T)], rows[np.lexsort(rows.T)])


@over_tables
def test_redrawn_cells_are_cells_of_the_table(name):
    layout, rows_of = TABLES[name]
    table, trees = rows_of(2000), learned(name)
    told_by = RowSpace(layout).told_by(cells_of(table)).numpy()
    points = torch.from_numpy(points_of(independent(rows_of(3000, 1)), layout))
    for place in trees.columns:
        column = int(layout.coded[place])
        index = layout.place_index.get(column)
        places = np.zeros(len(table), dtype=int) if index is None else table.places[:, index]
        there = set(
            zip(table.codes[:, column].tolist(), places.tolist(), told_by[:, place].tolist(), strict=True)
        )
        drawn = [part.tolist() for part in trees.redraw(place, points, rng_of(0))]
        assert set(zip(*drawn, strict=True)) <= there


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
    table, threads = rows_of(600), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        first, other = grown(layout, table), grown(layout, table, seed=1)
        torch.set_num_threads(4)
        assert_same_trees(grown(layout, table), first)
    finally:
        torch.set_num_threads(threads)
    assert first.codes.shape == other.codes.shape
    assert not torch.equal(first.codes, other.codes)


@pytest.mark.usefixtures("untouched_globals")
def test_growing_and_redrawing_leave_the_global_generators_alone():
    trees = grown(FOUR, four_table(300))
    trees.redraw(0, torch.zeros(10, 4), rng_of(0))


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


@pytest.mark.parametrize(("n_rows", "columns"), [(0, []), (1, []), (99, []), (100, [0, 1, 2, 3])])
def test_tables_of_fewer_than_a_hundred_rows_teach_nothing(n_rows, columns):
    assert grown(FOUR, four_table(n_rows)).columns == columns


def test_without_time_there_are_no_trees():
    trees = grown(FOUR, four_table(300), max_time=0)
    assert trees.columns == []
    assert_same_trees(trees, CellTrees(4))


@pytest.mark.parametrize("n_done", [1, 3, 4, 6, 9, 24])
def test_where_time_runs_out_the_trees_that_there_are_serve_all_the_same(n_done, monkeypatch):
    threads, clock = torch.get_num_threads(), itertools.count()
    monkeypatch.setattr(redrawing.time, "monotonic", lambda: next(clock))  # a second for each look at it
    try:
        torch.set_num_threads(1)
        trees = grown(FOUR, four_table(300), max_time=n_done)
    finally:
        torch.set_num_threads(threads)
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
    assert n_trees == (6 if n_columns <= 50 else max(2, 300 // n_columns))
    assert len(trees.roots.unique()) == n_columns * n_trees


def test_no_more_rows_are_learned_from_than_change_the_trees(monkeypatch):
    monkeypatch.setattr(redrawing, "_MAX_ROWS", 150)
    trees = grown(FOUR, four_table(1000))
    assert len(trees.codes) == 150 * trees.roots.numel()


# Columns that follow from one another


def slowly_free(codes):
    """The columns of which none is a function of another, nor another of them."""
    free = set(range(codes.shape[1]))
    for first, second in itertools.permutations(range(codes.shape[1]), 2):
        told = {}
        if all(told.setdefault(a, b) == b for a, b in codes[:, [first, second]].tolist()):
            free -= {first, second}
    return sorted(free)


@settings(max_examples=200)
@given(
    codes=arrays_of.arrays(np.uint8, st.tuples(st.integers(2, 12), st.just(4)), elements=st.integers(0, 2)),
    copies=st.sampled_from([(), (0,), (0, 2)]),
)
def test_columns_that_are_functions_of_one_another_are_not_free(codes, copies):
    codes = np.column_stack([codes, *((codes[:, i] + 1) % 3 // 2 for i in copies)])
    assume(all(len(np.unique(column)) > 1 for column in codes.T))
    layout = layout_of(*[3] * codes.shape[1])
    assert _free_columns(table_of(codes), layout) == slowly_free(codes)


def test_a_column_of_which_only_one_code_is_seen_binds_no_other():
    table = four_table(500)
    table.codes[:, 1] = 2
    assert set(grown(FOUR, table).columns) >= {0, 2, 3}


@pytest.mark.parametrize("column", [Span("a", 3), Span("a", 3, positions=(-1.0, 0.0, 1.0))])
def test_a_column_that_is_alone_is_fitted_without_harm(column):
    layout = Layout((column, Span("constant", 1)))
    codes = np.column_stack([np.arange(200) % 3, np.zeros(200)])
    trees = grown(layout, table_of(codes))
    if trees.columns:
        counts = trees.redraw(0, torch.zeros(3000, 1), rng_of(0)).codes.bincount(minlength=3)
        assert ((counts - 1000) ** 2 / 1000).sum() < chi2.isf(1e-4, 2)


def test_columns_with_values_and_constants_have_no_trees():
    trees = learned("mixed")
    assert MIXED.coded[trees.columns].tolist() == [0, 2]  # neither the constant nor a weight nor a height


def hierarchy(n_rows, seed=0):
    """Districts, the regions that they are in, and two columns that hang together with both."""
    rng = np.random.default_rng(seed)
    district = rng.integers(6, size=n_rows)
    income = np.minimum(district // 2 + rng.integers(3, size=n_rows), 4)
    vote = (income + rng.integers(2, size=n_rows)) % 3
    return table_of(np.column_stack([district, district // 2, income, vote]))


def test_rows_stay_consistent_where_a_column_is_a_function_of_another():
    layout, table = layout_of(6, 3, 5, 3), hierarchy(1500)
    model = model_of(layout).eval()
    model.trees = grown(layout, table)
    assert model.trees.columns == [2, 3]
    begun = hierarchy(800, seed=1)
    redrawn = redrawn_rows(model, begun, [3, 0, 2, 1]).table()
    np.testing.assert_array_equal(redrawn.codes[:, :2], begun.codes[:, :2])
    assert (redrawn.codes[:, 2:] != begun.codes[:, 2:]).any(0).all()
    district, region, income, _ = redrawn.codes.astype(int).T
    assert (district // 2 == region).all()
    assert set(zip(district, income, strict=True)) <= {tuple(row) for row in table.codes[:, [0, 2]].tolist()}


# What redrawn rows are like


def test_redrawn_cells_have_the_distribution_that_the_others_give_them():
    n_rows, table = 20_000, pair_table(4000)
    trees = grown(PAIR, table)
    wrong = np.random.default_rng(1).integers([3, 2], size=(n_rows, 2))
    counts = np.zeros(JOINT.shape)
    np.add.at(counts, tuple(table.codes.T.astype(int)), 1)
    for place in (0, 1):
        points = torch.from_numpy(wrong.astype(np.float32))
        drawn = trees.redraw(place, points, rng_of(0)).codes.numpy()
        for given_code in range(JOINT.shape[1 - place]):
            is_given = wrong[:, 1 - place] == given_code
            expected = counts.take(given_code, axis=1 - place)
            expected = is_given.sum() * expected / expected.sum()
            seen = np.bincount(drawn[is_given], minlength=len(expected))
            assert ((seen - expected) ** 2 / expected).sum() < chi2.isf(1e-4, len(expected) - 1)


@pytest.mark.parametrize("is_ordered", [False, True])
def test_a_function_of_others_plus_noise_keeps_its_noise(is_ordered):
    rng, n_rows, n_codes = np.random.default_rng(0), 6000, 8
    noise = np.array([0.5, 0.25, 0.15, 0.1])

    def rows(n):
        first, second, unrelated = rng.integers(0, 4, size=(3, n))
        return first, second, (first + second + rng.choice(4, size=n, p=noise)) % n_codes, unrelated

    positions = tuple(np.linspace(-1, 1, n_codes).tolist()) if is_ordered else ()
    layout = Layout((Span("a", 4), Span("b", 4), Span("sum", n_codes, positions), Span("c", 4)))
    trees = grown(layout, table_of(np.column_stack(rows(n_rows))))
    first, second, _, unrelated = rows(n_rows)
    points = np.column_stack([first, second, rng.integers(n_codes, size=n_rows), unrelated])
    drawn = trees.redraw(2, torch.from_numpy(points.astype(np.float32)), rng_of(0)).codes.numpy()
    seen = np.bincount((drawn - first - second) % n_codes, minlength=n_codes) / n_rows
    expected = np.append(noise, np.zeros(n_codes - len(noise)))
    assert total_variation(seen, expected) < 2 * sampling_error(expected, n_rows) + TOLERANCE


def pairs_of(codes):
    """The shares of the codes of each two columns of FOUR."""
    shares = []
    for first, second in itertools.combinations(range(4), 2):
        counts = np.zeros((3, 3))
        np.add.at(counts, (codes[:, first].astype(int), codes[:, second].astype(int)), 1)
        shares.append(counts / len(codes))
    return np.array(shares)


def test_redrawing_brings_a_wrong_joint_nearer_to_the_real_one():
    n_rows, real = 8000, pairs_of(four_table(2000).codes)
    model = model_with("codes")
    wrong = independent(four_table(n_rows, seed=1))
    redrawn = redrawn_rows(model, wrong, [0, 1, 2, 3]).table()
    before, after = (np.abs(pairs_of(rows.codes) - real).sum((1, 2)) / 2 for rows in (wrong, redrawn))
    assert (after < [sampling_error(pair, n_rows) + TOLERANCE for pair in real]).all()
    assert after.sum() < before.sum() / 4


def test_redrawing_keeps_a_right_joint():
    n_rows, real = 8000, pairs_of(four_table(2000).codes)
    rows = four_table(2000).take(np.random.default_rng(0).integers(2000, size=n_rows))
    redrawn = redrawn_rows(model_with("codes"), rows, [2, 0, 3, 1]).table()
    distances = np.abs(pairs_of(redrawn.codes) - real).sum((1, 2)) / 2
    assert (distances < [sampling_error(pair, n_rows) + TOLERANCE for pair in real]).all()


@over_tables
def test_redrawing_changes_the_asked_columns_alone(name):
    layout, rows_of = TABLES[name]
    model, table = model_with(name), rows_of(300, 4)
    before = filling_of(model, table).table()
    for place in range(len(layout.coded)):
        column = int(layout.coded[place])
        after = redrawn_rows(model, table, [column]).table()
        is_other = np.arange(len(layout)) != column
        np.testing.assert_array_equal(after.codes[:, is_other], before.codes[:, is_other])
        np.testing.assert_array_equal(after.values, before.values)
        is_other = layout.placed != column
        np.testing.assert_array_equal(after.places[:, is_other], before.places[:, is_other])
        changed = (after.codes[:, column] != before.codes[:, column]).any()
        assert changed == (place in model.trees.columns)
    assert_same(redrawn_rows(model, table, []).table(), before)


@over_tables
def test_cells_stand_for_redrawing_where_they_stand_for_growing(name):
    layout, rows_of = TABLES[name]
    filling = filling_of(model_with(name), rows_of(300))
    points = torch.stack([filling._points(int(column)) for column in layout.coded], dim=1)
    np.testing.assert_array_equal(points.numpy(), points_of(rows_of(300), layout))


def test_a_column_is_redrawn_given_those_that_were_redrawn_before_it():
    # The second is nearly the first, and the third the second: once the second is redrawn the third follows.
    rng = np.random.default_rng(0)
    layout, first = layout_of(4, 4, 4), rng.integers(4, size=3000)
    second = np.where(rng.random(3000) < 0.05, rng.integers(4, size=3000), first)
    third = np.where(rng.random(3000) < 0.05, rng.integers(4, size=3000), second)
    model = model_of(layout).eval()
    model.trees = grown(layout, table_of(np.column_stack([first, second, third])))
    begun = table_of(np.column_stack([np.full(500, 3), np.zeros(500), np.zeros(500)]))
    filling = redrawn_rows(model, begun, [1, 2])
    before, after = filling.cells.codes[:, 1], filling.cells.codes[:, 2]
    assert (before > 0).any()
    assert (before == after).double().mean() > 0.85


# Relations


def random_cells(n_rows, seed):
    """Cells over PLACED with relations that may say anything."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(span.n_codes, size=n_rows) for span in PLACED.spans])
    places = np.column_stack([rng.integers(PLACED.spans[i].n_places, size=n_rows) for i in PLACED.placed])
    relations = rng.integers(-3, 1 + N_RELATION_CODES, size=(n_rows, len(PLACED.relations))).clip(0)
    return cells_of(table_of(codes, places=places, relations=relations))


def slowly_told_by(cells, row, column):
    """Which code of a column's relations tells a cell: equality first, then the first that says anything."""
    says = []
    for place, index in enumerate(PLACED.relations_of(column)):
        relation = PLACED.relations[index]
        partner_place = cells.places[row, PLACED.place_index[relation.partner]]
        stands = relation.follow[cells.codes[row, relation.partner], partner_place]
        if (code := int(cells.relations[row, index])) and not np.isnan(stands):
            says.append((code != 1, place, place * N_RELATION_CODES + code - 1))
    return min(says)[2] if says else -1


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_cells_are_told_by_equality_before_nearness_and_then_by_the_first_relation(seed):
    cells = random_cells(40, seed)
    told_by = RowSpace(PLACED).told_by(cells)
    for row, column in itertools.product(range(40), range(len(PLACED))):
        assert told_by[row, column] == slowly_told_by(cells, row, column)


def test_without_relations_nothing_is_told():
    told_by = RowSpace(MIXED).told_by(cells_of(mixed_table(7)))
    assert told_by.shape == (7, len(MIXED.coded))
    assert (told_by == -1).all()


@st.composite
def sources(draw):
    """Sources of one row's cells: those of one group have the number of one of them."""
    groups = draw(st.lists(st.integers(0, 3), min_size=4, max_size=4))
    heads = {
        group: draw(st.sampled_from([i for i in range(4) if groups[i] == group])) for group in set(groups)
    }
    return [heads[group] for group in groups]


@given(rows=st.lists(sources(), min_size=1, max_size=20), column=st.integers(0, 3))
def test_cells_that_were_equal_stay_equal_without_the_one_that_is_redrawn(rows, column):
    filling = filling_of(model_of(PLACED), placed_table(len(rows)))
    before = torch.tensor(rows)
    filling.source = before.clone()
    filling._disown(column)
    after = filling.source
    assert after[:, column].eq(column).all()
    others = [i for i in range(4) if i != column]
    assert not after[:, others].eq(column).any()
    for first, second in itertools.combinations(others, 2):
        assert torch.equal(before[:, first] == before[:, second], after[:, first] == after[:, second])
    assert torch.equal(after.gather(1, after), after)  # what a number is from is the first to have it
    untouched = before[:, others] != column
    assert torch.equal(after[:, others][untouched], before[:, others][untouched])


def followed_by(filling, relation):
    """Where a relation's partner stands on the line of its column, NaN for nowhere."""
    codes = filling.cells.codes[:, relation.partner]
    places = filling.cells.places[:, PLACED.place_index[relation.partner]]
    return torch.from_numpy(relation.follow).float()[codes, places]


def stands_of(filling, column):
    codes, span = filling.cells.codes[:, column], PLACED.spans[column]
    stands = codes + (filling.cells.places[:, PLACED.place_index[column]] + 0.5) / span.n_places
    return torch.where(torch.isin(codes, torch.tensor(span.place_codes)), stands, torch.nan)


def assert_consistent(filling):
    """Cells drawn as one stand together, and relations say what the cells are."""
    layout = filling.model.layout
    assert torch.equal(filling.source.gather(1, filling.source), filling.source)
    for column, index in PLACED.place_index.items():
        span, codes = PLACED.spans[column], filling.cells.codes[:, column]
        places = filling.cells.places[:, index]
        assert ((places >= 0) & (places < span.n_places)).all()
        assert places[~torch.isin(codes, torch.tensor(span.place_codes))].eq(0).all()
        torch.testing.assert_close(filling.stands[:, column], stands_of(filling, column), equal_nan=True)
    for index, relation in enumerate(layout.relations):
        is_equal = filling.source[:, relation.column] == filling.source[:, relation.partner]
        distance = stands_of(filling, relation.column) - followed_by(filling, relation)
        assert (distance[is_equal].abs() <= 1 / 8 + 1e-6).all()  # half of x's places, which are the widest
        near = np.searchsorted(np.float32(RELATION_EDGES), distance.numpy(), side="right") + 1
        expected = np.where(np.abs(distance.numpy()) < 1, near, 0)
        expected = np.where(is_equal.numpy(), 1, expected)
        np.testing.assert_array_equal(filling.cells.relations[:, index].numpy(), expected)


def drawn_filling(model, n_rows, order):
    """A filling that the generator has filled in, in which cells were drawn as others."""
    with torch.no_grad():
        start = PLACED.n_codes
        n_relation_codes = N_RELATION_CODES * len(model.layout.relations)
        model.generator.to_row.bias[start : start + n_relation_codes] += 1.5
    with torch.inference_mode():
        filling = Filling(model, DrawingWeights.of(model), n_rows, Known.nothing(), rng_of(2))
        for column in order:
            filling.draw([column])
    return filling


@pytest.mark.parametrize("name", ["places and relations", "one follows another"])
@pytest.mark.parametrize("columns", [[0], [2], [3], [0, 2], [2, 0, 3, 1], [3, 1, 0, 2]], ids=str)
def test_after_redrawing_equal_cells_stand_together_and_relations_are_true(name, columns):
    filling = drawn_filling(model_with(name), 1500, [0, 1, 2, 3])
    assert (filling.source != torch.arange(4)).any()
    assert_consistent(filling)
    before = filling.source.clone()
    with torch.inference_mode():
        filling.redraw(columns)
    assert_consistent(filling)
    others = [i for i in range(4) if i not in columns]
    for first, second in itertools.combinations(others, 2):
        was_equal = before[:, first] == before[:, second]
        assert torch.equal(was_equal, filling.source[:, first] == filling.source[:, second])


@pytest.mark.parametrize("start", ["never equal", "as drawn", "as real rows"])
@pytest.mark.parametrize("columns", [[0, 2], [2, 0], [3, 0, 2, 1], [2, 1, 0, 3]], ids=str)
def test_redrawing_makes_columns_equal_as_often_as_real_ones(start, columns):
    n_rows, model = 3000, model_with("places and relations")
    if start == "as drawn":
        filling = drawn_filling(model, n_rows, [0, 1, 2, 3])
    else:
        table = placed_table(n_rows, seed=3)
        filling = filling_of(model, independent(table) if start == "never equal" else table)
    with torch.inference_mode():
        for _ in range(3):
            filling.redraw(columns)
    table = placed_table(2000)
    for index in (0, 1):
        expected = (table.relations[:, index] == 1).mean()
        seen = filling.cells.relations[:, index].eq(1).double().mean().item()
        errors = (expected * (1 - expected) * (1 / n_rows + 1 / len(table))) ** 0.5
        assert expected > 0.2
        assert seen == pytest.approx(expected, abs=4 * errors + TOLERANCE)


@torch.inference_mode()
@pytest.mark.parametrize("code", [-1, *range(N_RELATION_CODES)])
@pytest.mark.parametrize("place", range(2), ids=["follows x", "follows y"])
def test_a_told_cell_is_where_its_partner_stands_or_as_near_as_told(code, place):
    n_rows, column = 1500, 3
    filling = filling_of(model_of(PLACED), placed_table(n_rows))
    told_by = torch.full((n_rows,), place * N_RELATION_CODES + code if code >= 0 else -1)
    own_codes, own_places = torch.full((n_rows,), 2), torch.full((n_rows,), 5)
    filling._redraw_column(column, Redrawn(own_codes, own_places, told_by))
    relation = PLACED.relations[PLACED.relations_of(column)[place]]
    follow = followed_by(filling, relation)
    can_tell = ~follow.isnan() if code >= 0 else torch.zeros(n_rows, dtype=torch.bool)
    assert 0 < can_tell.sum() < n_rows or code < 0
    cells = filling.cells
    assert cells.codes[~can_tell, column].eq(2).all()
    assert cells.places[~can_tell, PLACED.place_index[column]].eq(5).all()
    is_equal = can_tell if code == 0 else torch.zeros_like(can_tell)
    assert torch.equal(filling.source[:, column], torch.where(is_equal, relation.partner, column))
    low, high = (0.0, 0.0) if code <= 0 else RELATION_EDGES[code - 1 : code + 1]
    half, stands = 0.5 / PLACED.spans[column].n_places + 1e-6, stands_of(filling, column)[can_tell]
    ends = [(follow[can_tell] + distance).clamp(1, 3) for distance in (low, high)]  # those of the line
    assert ((stands >= ends[0] - half) & (stands <= ends[1] + half)).all()


# Drawing


def drawn(model, n_rows, *, condition=None, redraw=True, correct=False, rounds=None, seed=0):
    condition = condition or Known.nothing()
    how = {"known": condition, "rounds": rounds, "correct": correct, "redraw": redraw}
    return draw(model, n_rows, **how, rng=rng_of(seed))


@over_tables
@pytest.mark.parametrize("rounds", [None, 1])
def test_equal_seeds_draw_equal_rows_whatever_the_number_of_threads(name, rounds):
    model, threads, tables = model_with(name), torch.get_num_threads(), []
    try:
        for n_threads in (1, 3):
            torch.set_num_threads(n_threads)
            tables.append(drawn(model, 2100, rounds=rounds))
    finally:
        torch.set_num_threads(threads)
    assert_same(*tables)
    assert not np.array_equal(drawn(model, 2100, rounds=rounds, seed=1).codes, tables[0].codes)


@over_tables
@pytest.mark.parametrize("correct", [False, True])
def test_without_trees_or_where_it_is_not_asked_nothing_is_redrawn(name, correct):
    layout, rows_of = TABLES[name]
    model = model_with(name)
    model.corrects = True
    plain = drawn(model, 300, redraw=False, correct=correct)
    assert not np.array_equal(drawn(model, 300, correct=correct).codes, plain.codes)
    model.trees = grown(layout, rows_of(300), max_time=0)
    assert_same(drawn(model, 300, correct=correct), plain)
    assert_same(redrawn_rows(model, plain, range(len(layout))).table(), filling_of(model, plain).table())


CONDITIONS = [
    [(0, 1, 3)],
    [(2, 0, 5)],
    [(1, 2, 0), (3, 1, 7)],
    [(0, 3, 0), (2, 1, 0)],
    [(0, 2, 1), (2, 2, 6)],
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
@pytest.mark.parametrize("rounds", [None, 1, 2])
@pytest.mark.parametrize("correct", [False, True])
def test_known_cells_hold_in_redrawn_rows(condition, rounds, correct):
    model = model_with("places and relations")
    model.corrects = True
    columns, codes, places = np.array(condition).T
    known = Known(columns, codes, np.zeros(len(columns), dtype=np.float32), places)
    table = drawn(model, 400, condition=known, rounds=rounds, correct=correct)
    for column, code, place in condition:
        assert (table.codes[:, column] == code).all()
        if column in PLACED.place_index:
            assert (table.places[:, PLACED.place_index[column]] == place).all()
    for column in set(range(4)) - set(columns.tolist()):
        assert len(np.unique(table.codes[:, column])) == PLACED.spans[column].n_codes


@pytest.mark.parametrize("target", [None, 0, 2])
def test_columns_are_redrawn_in_random_order_and_the_target_once_more(target, monkeypatch):
    orders, model = [], model_with("codes")
    monkeypatch.setattr(Filling, "redraw", lambda filling, columns: orders.append(tuple(columns)))
    model.architecture = dataclasses.replace(model.architecture, target=target)
    known = Known(np.array([1]), np.array([2]), np.zeros(1, dtype=np.float32), np.zeros(1, dtype=int))
    for seed in range(60):
        drawn(model, 1, condition=known, seed=seed)
    possible = itertools.permutations([0, 2, 3])
    assert set(orders) == {order if target is None else (*order, target) for order in possible}


def test_redrawing_makes_up_for_a_generator_that_is_wrong():
    n_rows, real = 4000, pairs_of(four_table(2000).codes)
    model = model_with("codes")  # untrained
    plain, better = (pairs_of(drawn(model, n_rows, redraw=redraw).codes) for redraw in (False, True))
    assert total_variation(better, real) < total_variation(plain, real) / 3


def test_under_a_condition_the_others_are_redrawn_given_it():
    n_rows, table = 6000, four_table(2000)
    model = model_with("codes")
    known = Known(np.array([0]), np.array([2]), np.zeros(1, dtype=np.float32), np.zeros(1, dtype=int))
    real = np.bincount(table.codes[table.codes[:, 0] == 2, 1], minlength=3)
    plain, better = (
        np.bincount(drawn(model, n_rows, condition=known, redraw=redraw).codes[:, 1], minlength=3) / n_rows
        for redraw in (False, True)
    )
    real = real / real.sum()
    assert total_variation(better, real) < total_variation(plain, real) / 3


# The public parameter

PENGUINS = load_penguins()


@pytest.fixture(scope="module")
def fitted():
    return SynthGAN(epochs=1, random_state=0, verbose=0).fit(PENGUINS)


def test_a_loaded_model_redraws_as_the_saved_one(fitted, tmp_path):
    assert len(fitted.model_.trees.columns) > 3
    fitted.save(tmp_path / "model")
    loaded = SynthGAN.load(tmp_path / "model")
    assert_same_trees(loaded.model_.trees, fitted.model_.trees)
    assert loaded.sample(50, random_state=1).equals(fitted.sample(50, random_state=1))
    without = copy.deepcopy(loaded).set_params(redraw=False)
    without.save(tmp_path / "without")
    again = SynthGAN.load(tmp_path / "without")
    assert again.redraw is False
    assert again.sample(50, random_state=1).equals(without.sample(50, random_state=1))


def test_whether_cells_are_redrawn_is_a_parameter_of_drawing(fitted):
    plain = copy.deepcopy(fitted).set_params(redraw=False)
    assert not plain.sample(50, random_state=1).equals(fitted.sample(50, random_state=1))
    plain.model_.trees = CellTrees(len(plain.model_.layout.coded))
    silent = copy.deepcopy(plain).set_params(redraw=True)
    assert silent.sample(50, random_state=1).equals(plain.sample(50, random_state=1))


def test_conditions_hold_in_the_redrawn_rows_of_a_user(fitted):
    rows = fitted.sample(80, conditions={"species": "Gentoo"}, random_state=2)
    assert (rows["species"] == "Gentoo").all()


@pytest.mark.parametrize("redraw", ["yes", None, 0.5])
def test_what_is_no_truth_value_is_refused(redraw):
    with pytest.raises(ParameterError, match="redraw must be True, False"):
        SynthGAN(redraw=redraw, verbose=0).fit(PENGUINS)


def test_fitting_grows_trees_from_the_rows_to_train_on_alone(fitted):
    trees = fitted.model_.trees
    n_learned = len(trees.codes) // (len(trees.columns) * trees.roots.shape[1])
    assert 0.9 * len(PENGUINS) < n_learned < len(PENGUINS)
