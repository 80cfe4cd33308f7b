import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_tables import MIXED, PLACED, assert_drawn_from, mixed_table, placed_table

from synthgan.gan import balancing
from synthgan.gan.balancing import Forest, n_candidates, points_of


def _points():
    """Points of every sort, and the depth of the trees that are grown over them."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(500, 4))
    yield "numbers", numbers, 3
    yield "ties", rng.integers(3, size=(400, 3)), 4
    yield "a heavy point", np.where(rng.random((400, 2)) < 0.5, 0.0, rng.exponential(size=(400, 2))), 3
    yield "a constant among numbers", np.column_stack([np.full(500, 2.0), numbers[:, 0]]), 3
    yield "nothing but constants", np.ones((200, 3)), 2
    yield "repeated columns", numbers[:, [0, 0, 0]], 3
    yield "rare codes", rng.random((600, 2)) < 0.05, 3
    yield "fewer rows than leaves", numbers[:5], 4
    yield "one row", numbers[:1], 2
    yield "no questions", numbers, 0
    yield "places", points_of(placed_table(500), PLACED), 3


POINTS = {name: (points.astype(np.float32), depth) for name, points, depth in _points()}
over_points = pytest.mark.parametrize("name", POINTS)


@functools.cache
def grown(name):
    """A forest over the points, which no test changes."""
    return grown_over(*POINTS[name])


def grown_over(points, depth, seed=0, **parameters):
    forest = Forest(depth)
    forest.grow(points, np.random.default_rng(seed), **parameters)
    return forest


def questions(forest):
    return forest.columns.numpy(), forest.thresholds.numpy()


def counts_of(forest, points):
    """Rows in each leaf, shape ``(n_trees, n_leaves)``."""
    counts = np.bincount(forest.leaves(points).ravel(), minlength=forest.shares.numel())
    return counts.reshape(forest.shares.shape)


@given(n_rows=st.integers(0, 10**7))
def test_a_leaf_holds_64_rows_or_up_to_twice_as_many(n_rows):
    depth = Forest.depth_for(n_rows)
    assert (depth == 0) == (n_rows < 128)
    if depth:
        assert 64 <= min(n_rows, 50_000) / 2**depth < 128


@over_points
def test_a_row_is_in_the_leaf_that_its_answers_lead_to(name):
    forest, (points, depth) = grown(name), POINTS[name]
    leaves = forest.leaves(points[:20])
    assert leaves.shape == (min(20, len(points)), len(forest.shares))
    columns, thresholds = questions(forest)
    for row, point in enumerate(points[:20]):
        for tree in range(0, len(columns), 7):
            node = 0  # of all nodes, level by level
            for _ in range(depth):
                node = 2 * node + 1 + int(point[columns[tree, node]] > thresholds[tree, node])
            assert leaves[row, tree] == tree * 2**depth + node - (2**depth - 1)


@over_points
def test_a_row_is_in_one_leaf_of_each_tree_whatever_the_others_are(name):
    forest, (points, depth) = grown(name), POINTS[name]
    leaves, order = forest.leaves(points), np.random.default_rng(1).permutation(len(points))
    np.testing.assert_array_equal(leaves // 2**depth, np.tile(np.arange(leaves.shape[1]), (len(points), 1)))
    np.testing.assert_array_equal(forest.leaves(points[order[:3]]), leaves[order[:3]])


@over_points
def test_shares_are_those_of_the_rows_in_each_tree(name):
    forest, (points, _) = grown(name), POINTS[name]
    shares = forest.shares.numpy()
    np.testing.assert_allclose(shares, counts_of(forest, points) / len(points), atol=1e-7)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)


@over_points
def test_a_split_is_of_a_column_that_there_is_and_leaves_rows_enough_on_either_side(name):
    forest, (points, depth) = grown(name), POINTS[name]
    columns, thresholds = questions(forest)
    assert columns.shape == thresholds.shape == (len(forest.shares), 2**depth - 1)
    assert ((columns >= 0) & (columns < points.shape[1])).all()
    below = counts_of(forest, points)  # rows below the nodes of a level
    for level in reversed(range(depth)):
        left, right = below[:, ::2], below[:, 1::2]
        below = left + right
        splits = np.isfinite(thresholds[:, 2**level - 1 : 2 ** (level + 1) - 1])
        assert (np.minimum(left, right)[splits] >= 16).all()
        assert (right[~splits] == 0).all()


def test_numbers_are_almost_always_split_and_in_all_columns():
    points = np.random.default_rng(2).normal(size=(4000, 4)).astype(np.float32)
    columns, thresholds = questions(grown_over(points, 3))
    assert np.isfinite(thresholds).mean() > 0.95
    assert_drawn_from(np.bincount(columns[:, 0], minlength=4), len(columns) / 4)


def test_constants_are_never_split():
    for name, constant in (("nothing but constants", [0, 1, 2]), ("a constant among numbers", [0])):
        columns, thresholds = questions(grown(name))
        assert np.isinf(thresholds[np.isin(columns, constant)]).all()
    assert (grown("nothing but constants").shares[:, 0] == 1).all()


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("lower", [-1.0, 0.0, 3.0])
def test_one_of_two_codes_however_rare_is_always_told_from_the_other(lower, share):
    points = np.where(np.arange(2000) < 2000 * share, lower, lower + 1).astype(np.float32)[:, None]
    shares = grown_over(points, 1).shares.numpy()
    np.testing.assert_allclose(shares, np.tile([share, 1 - share], (len(shares), 1)), atol=1e-6)


def test_a_heavy_value_goes_to_the_side_where_the_question_tells_more():
    points = np.repeat([0, 1, 2], [250, 450, 300]).astype(np.float32)[:, None]
    left = grown_over(points, 1).shares.numpy()[:, 0].round(3)
    assert set(left.tolist()) == {np.float32(0.7).item()}  # the other part would be 25 : 75


def signs_and_noise(n_rows=2000, n_noises=5):
    """A column that mostly tells the sign of another beside columns of noise."""
    rng = np.random.default_rng(3)
    numbers = rng.normal(size=n_rows)
    told = numbers + rng.normal(0, 0.5, n_rows) > 0
    return np.column_stack([told, numbers, *rng.normal(size=(n_noises, n_rows))]).astype(np.float32)


def test_questions_are_about_what_tells_of_the_target_and_the_last_about_itself():
    columns, thresholds = questions(grown_over(signs_and_noise(), 2, target=0))
    # Half of the trees predict the sign, and ten random questions about six columns miss the number with
    # chance 0.16. Trees that asked anything else alike would ask about it in one of six cases.
    least = (1 - (5 / 6) ** 10) / 2
    error = (1 / 4 / len(columns)) ** 0.5
    assert (columns[:, 0] == 1).mean() > least - 3 * error > 1 / 6 + error
    asks_itself = ((columns[:, 1:] == 0) & np.isfinite(thresholds[:, 1:])).all(1)
    assert asks_itself.mean() > 1 / 2 - 3 * error


def test_trees_part_rows_where_columns_hang_together():
    points = signs_and_noise(4000)
    shuffled = points.copy()
    shuffled[:, 0] = np.random.default_rng(0).permutation(points[:, 0])
    for target in (None, 0):
        forest = grown_over(points, 4, target=target)
        apart = farness(forest, shuffled[:1000])
        assert apart > 2 * farness(forest, points[np.random.default_rng(1).permutation(4000)[:1000]])


def test_ordered_cells_are_predicted_by_rank_and_other_codes_in_random_order():
    cells = np.random.default_rng(4).integers(3, size=300).astype(np.float32)
    goals = [balancing.goal_of(cells, False, np.random.default_rng(seed)) for seed in range(60)]
    orders = {tuple(np.argsort([goal[cells == code][0] for code in range(3)]).tolist()) for goal in goals}
    assert len(orders) == 6
    for goal in (*goals, balancing.goal_of(cells, True, np.random.default_rng(0))):
        assert [len(set(goal[cells == code].tolist())) for code in range(3)] == [1, 1, 1]
    assert (np.diff(goal[np.argsort(cells)]) >= 0).all()


@over_points
def test_same_seed_same_forest_and_as_much_by_way_of_its_state(name):
    points, depth = POINTS[name]
    again, copied, other = grown_over(points, depth), Forest(depth), grown_over(points, depth, seed=1)
    copied.load_state_dict(grown(name).state_dict())
    for key, value in grown(name).state_dict().items():
        assert torch.equal(again.state_dict()[key], value)
    np.testing.assert_array_equal(copied.leaves(points), grown(name).leaves(points))
    assert name != "numbers" or not torch.equal(other.thresholds, again.thresholds)


def test_no_more_rows_are_learned_from_than_change_the_trees(monkeypatch):
    monkeypatch.setattr(balancing, "_MAX_ROWS", 100)
    shares = grown_over(POINTS["numbers"][0], 2).shares.numpy()
    np.testing.assert_allclose(100 * shares, (100 * shares).round(), atol=1e-4)


def test_the_points_of_a_table_are_its_codes_and_what_of_them_is_before_its_places():
    table = placed_table(300)
    points = points_of(table, PLACED)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(np.floor(points), table.codes)
    for column, index in PLACED.place_index.items():
        n_places = PLACED.spans[column].n_places
        np.testing.assert_allclose((points[:, column] % 1) * n_places, table.places[:, index], atol=1e-5)
    np.testing.assert_array_equal(points[:, 1], table.codes[:, 1])  # a colour
    mixed = mixed_table(20)
    np.testing.assert_array_equal(points_of(mixed, MIXED), mixed.codes[:, MIXED.coded])


#: Candidates for each row that is kept.
N_EACH = 3


def kept(forest, points, seed=0):
    return forest.keep(forest.leaves(points), len(points) // N_EACH, np.random.default_rng(seed))


@settings(max_examples=30)
@given(name=st.sampled_from(list(POINTS)), n_kept=st.integers(0, 40), seed=st.integers(0, 2**32))
def test_as_many_different_rows_are_kept_as_asked_and_each_soon_after_it_was_drawn(name, n_kept, seed):
    points, _ = POINTS[name]
    drawn = np.random.default_rng(seed).choice(points, size=n_kept * N_EACH)
    indices = kept(grown(name), drawn, seed)
    assert indices.shape == (n_kept,)
    assert len(set(indices.tolist())) == n_kept
    first = N_EACH * np.clip(np.arange(n_kept), 0, max(0, n_kept - 16))
    assert ((first <= indices) & (indices < np.minimum(first + 16 * N_EACH, len(drawn)))).all()
    np.testing.assert_array_equal(kept(grown(name), drawn, seed), indices)


def test_another_seed_keeps_other_rows():
    drawn = np.random.default_rng(1).choice(POINTS["numbers"][0], size=90)
    assert len({tuple(kept(grown("numbers"), drawn, seed)) for seed in range(8)}) > 2


def farness(forest, points):
    """The squared distance of counts in leaves from what is due, as a share of what it is by chance."""
    shares = forest.shares.numpy()
    due = len(points) * shares
    return ((counts_of(forest, points) - due) ** 2).sum() / (due * (1 - shares)).sum()


@pytest.mark.parametrize("name", ["numbers", "ties", "a heavy point", "places"])
def test_kept_rows_lie_nearer_to_where_real_rows_lie_than_drawn_ones(name):
    forest, (points, _) = grown(name), POINTS[name]
    plain, balanced = [], []
    for seed in range(8):
        drawn = np.random.default_rng(seed).choice(points, size=150 * N_EACH)
        plain.append(farness(forest, drawn[::N_EACH]))
        balanced.append(farness(forest, drawn[kept(forest, drawn, seed)]))
    errors = [np.std(part, ddof=1) / len(part) ** 0.5 for part in (plain, balanced)]
    assert np.mean(plain) == pytest.approx(1, abs=4 * errors[0])
    assert np.mean(balanced) < 1 / 2 - 4 * errors[1]


def test_what_candidates_have_too_few_of_is_made_up_for():
    n_rows, real = 400, (np.arange(1000) % 2).astype(np.float32)[:, None]
    forest = grown_over(real, 1)
    drawn = (np.random.default_rng(0).random((n_rows * N_EACH, 1)) < 0.35).astype(np.float32)
    # Of three candidates one at least is a 1 with chance 0.73. Whenever ones are behind, one is taken: how
    # far they are behind goes up by 1/2 with chance 0.27 and else down, so it is above 15 with chance 1e-12.
    assert abs(drawn[kept(forest, drawn)].sum() - n_rows / 2) < 15


def test_candidates_that_are_alike_to_the_forest_are_kept_equally_often():
    # In each tree the three are in leaves of their own, with equal shares.
    forest, n_seeds = Forest(2), 1500
    forest.shares.fill_(1 / 4)
    leaves = (np.arange(len(forest.shares)) * 4 + np.arange(3)[:, None]).astype(np.int32)
    first = [forest.keep(leaves, 1, np.random.default_rng(seed))[0] for seed in range(n_seeds)]
    assert_drawn_from(np.bincount(first, minlength=3), n_seeds / 3)


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_the_first_rows_are_not_more_of_one_kind_than_the_last(share):
    real = (np.arange(1000) < 1000 * share).astype(np.float32)[:, None]
    forest, n_seeds, n_rows = grown_over(real, 1), 300, 30
    rows = []
    for seed in range(n_seeds):
        drawn = np.random.default_rng(seed).choice(real, size=n_rows * N_EACH)
        rows.append(drawn[kept(forest, drawn, n_seeds + seed), 0])
    so_far, due = np.cumsum(rows, axis=1), share * np.arange(1, n_rows + 1)
    # Rows take turns, so how many there are so far is within a row of what is due, in the mean.
    margins = 1 + 4 * so_far.std(0) / n_seeds**0.5
    assert (np.abs(so_far.mean(0) - due) < margins).all()


@given(n_rows=st.integers(0, 10**6), of_all=st.booleans())
def test_fewer_rows_have_more_candidates_each(n_rows, of_all):
    n_each = n_candidates(n_rows, of_all=of_all)
    assert 3 <= n_each <= (8 if of_all else 16)
    assert n_each >= n_candidates(n_rows + 1, of_all=of_all)
    assert n_rows * n_each <= max(49_152, 3 * n_rows)


def test_rows_of_which_some_are_meant_have_more_candidates_where_they_are_few():
    assert n_candidates(100, of_all=False) == 2 * n_candidates(100, of_all=True)
