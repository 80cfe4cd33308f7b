"""Groups that columns name only together: which are found, what they say, and rows drawn from them."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_trees import assert_same_trees

from synthgan import SynthGAN
from synthgan.gan.balancing import points_of
from synthgan.gan.groups import NO_GROUPS, Grouping, GroupMeans, Halves, _explained, find_grouping
from synthgan.gan.redrawing import CellTrees
from synthgan.gan.rows import RowSpace
from synthgan.preprocessing import TableEncoder

N_SHOPS, N_WEEKS = 20, 30
NAMES = ["shop", "week", "till", "sold", "heat"]
SHOP, WEEK, TILL, SOLD, HEAT = range(5)


def panel(n_each=6, seed=0, told_by="shop and week", noise=5, n_shops=N_SHOPS, n_weeks=N_WEEKS):
    """Sales, of which the shop and the week say most together and either of them nothing, and noise."""
    rng = np.random.default_rng(seed)
    shop, week = (part.ravel() for part in np.indices((n_shops, n_weeks)).repeat(n_each, axis=2))
    effects = np.random.default_rng(99).normal(size=(n_shops, n_weeks))
    effect = effects[shop, week] if told_by == "shop and week" else effects[0, week]
    if told_by == "shop plus week":
        effect = (effects[0, week] + effects[shop, 0]) / 2**0.5
    if told_by == "nothing":
        effect = rng.permutation(effect)
    sold = 100 + 20 * effect + noise * rng.normal(size=len(shop))
    heat = 20 + 0.2 * (sold - 100) + rng.normal(size=len(shop))
    columns = [shop, week, rng.integers(5, size=len(shop)), sold.round(2), heat.round(1)]
    return pd.DataFrame(dict(zip(NAMES, columns, strict=True))).sample(frac=1, random_state=seed)


def encoded(frame):
    encoder = TableEncoder().fit(frame)
    table = encoder.transform(frame)
    return table, encoder.layout_, points_of(table, encoder.layout_)


@pytest.fixture(scope="module")
def sales():
    return encoded(panel())


@pytest.fixture(scope="module")
def generator():
    frame = panel().reset_index(drop=True)
    return SynthGAN(epochs=3, hidden_dims=(32,), random_state=0, verbose=0).fit(frame)


def test_columns_are_found_that_only_together_name_groups(sales):
    table, layout, _ = sales
    assert find_grouping(table, layout) == Grouping((SHOP, WEEK), (SOLD, HEAT))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(panel(told_by="nothing"), id="groups say nothing"),
        pytest.param(panel(n_each=1), id="too few rows"),
        pytest.param(panel(n_each=2).assign(till=0), id="two rows a group"),
        pytest.param(panel(told_by="week"), id="one column names them"),
        pytest.param(panel(told_by="shop plus week"), id="columns name them one by one"),
        pytest.param(panel(n_each=12).query("shop < 3"), id="few groups"),
        pytest.param(panel()[["sold", "heat"]], id="nothing names them"),
        pytest.param(panel()[["shop", "week"]].astype(str), id="nothing is told"),
    ],
)
def test_nothing_is_found_where_there_are_no_such_groups(frame):
    table, layout, _ = encoded(frame)
    assert find_grouping(table, layout) == NO_GROUPS


def test_columns_that_are_not_to_be_told_may_name_and_time_ends_the_search(sales):
    table, layout, _ = sales
    assert find_grouping(table, layout, untold=[SHOP, HEAT]) == Grouping((SHOP, WEEK), (SOLD,))
    assert find_grouping(table, layout, untold=[SOLD, HEAT]) == NO_GROUPS
    assert find_grouping(table, layout, max_time=0.0) == NO_GROUPS


def test_the_target_names_nothing_but_may_be_told(sales):
    table, layout, _ = sales
    assert find_grouping(table, layout, target=WEEK) == NO_GROUPS
    assert find_grouping(table, layout, target=SOLD) == Grouping((SHOP, WEEK), (SOLD, HEAT))


ROWS = st.lists(st.tuples(st.integers(0, 3), st.floats(-0.5, 0.5), st.booleans()), min_size=2, max_size=30)


@given(rows=ROWS)
def test_what_is_explained_is_explained_by_the_others_of_a_group(rows):
    _, groups = np.unique([group for group, *_ in rows], return_inverse=True)
    ranks = np.array([rank for _, rank, _ in rows])
    others = [np.setdiff1d(np.flatnonzero(groups == group), row) for row, group in enumerate(groups)]
    means = [ranks[own].sum() / (len(own) + 1) for own in others]
    left, whole = np.square(ranks - means).sum(), np.square(ranks).sum()
    if whole > 1e-6:
        assert _explained(groups, ranks) == pytest.approx(1 - left / whole)


@given(rows=ROWS)
def test_no_half_has_a_part_in_what_it_is_told(rows):
    _, groups = np.unique([group for group, *_ in rows], return_inverse=True)
    ranks, is_first = (np.array([row[place] for row in rows]) for place in (1, 2))
    n_taken = len(rows) // 2  # the rest is known, but trees do not grow from it
    sums = np.bincount(groups, ranks)[:, None]
    halves = Halves(groups[:n_taken], ranks[:n_taken, None], np.bincount(groups), sums)
    told = halves.means(np.flatnonzero(is_first[:n_taken]))
    for row in range(n_taken):
        is_own_half = (is_first == is_first[row]) & (np.arange(len(rows)) < n_taken)
        others = ranks[(groups == groups[row]) & ~is_own_half]
        assert told[row, 0] == pytest.approx(others.sum() / (len(others) + 1), abs=1e-6)


def test_means_are_looked_up_by_group_and_are_naught_in_unknown_ones(sales):
    _, layout, points = sales
    some = points[points[:, SHOP] > 0]
    means = GroupMeans(len(NAMES))
    means.learn(Grouping((SHOP, WEEK), (SOLD, HEAT)), some, layout, np.arange(len(some)))
    said = means.of(torch.from_numpy(points)).numpy()
    assert (said[points[:, SHOP] == 0] == 0).all()
    own = pd.DataFrame(said[points[:, SHOP] > 0])
    assert np.corrcoef(own[0], some[:, SOLD])[0, 1] > 0.9  # sales are 20 apart between groups and 5 within
    assert own.groupby([some[:, SHOP], some[:, WEEK]]).nunique().to_numpy().max() == 1


def test_groups_of_one_or_two_rows_are_not_kept(sales):
    _, layout, points = sales
    means, some = GroupMeans(len(NAMES)), points[:300]
    means.learn(Grouping((SHOP, WEEK), (SOLD, HEAT)), some, layout, np.arange(300))
    counts = pd.DataFrame(some).groupby([SHOP, WEEK])[SOLD].transform("size").to_numpy()
    said = means.of(torch.from_numpy(some)).numpy()
    assert 0 < (counts >= 3).sum() < 300
    np.testing.assert_array_equal((said != 0).all(1), counts >= 3)


def test_who_has_learned_nothing_says_nothing(sales):
    *_, points = sales
    assert GroupMeans(len(NAMES)).of(torch.from_numpy(points)).shape == (len(points), 0)


def asked_by(trees, place):
    """What the nodes of a column's trees ask about."""
    starts = [*sorted(trees.roots[trees.roots >= 0].tolist()), len(trees.child)]
    asked = set()
    for root in trees.roots[place].tolist():
        nodes = slice(root, starts[starts.index(root) + 1])
        asked |= set(trees.asked[nodes][trees.child[nodes] > 0].tolist())
    return asked


def grown(sales, **how):
    table, layout, _ = sales
    trees = CellTrees(len(layout.coded))
    trees.grow(table, RowSpace(layout), np.random.default_rng(0), **how)
    return trees


def test_trees_ask_what_groups_say_but_for_those_of_columns_that_name_them(sales):
    trees = grown(sales, grouping=Grouping((SHOP, WEEK), (SOLD, HEAT)))
    of_groups = {len(NAMES), len(NAMES) + 1}
    for place in (SOLD, HEAT, TILL):
        assert asked_by(trees, place) & of_groups
        assert place not in asked_by(trees, place)
    for place in (SHOP, WEEK):
        assert not asked_by(trees, place) & of_groups


def test_in_order_each_column_asks_about_those_before_it(sales):
    trees = grown(sales, grouping=Grouping((SHOP, WEEK), (SOLD, HEAT)), in_order=(SOLD, HEAT))
    assert trees.columns == [SOLD, HEAT]
    assert not asked_by(trees, SOLD) & {SOLD, HEAT}
    assert SOLD in asked_by(trees, HEAT)


def test_groups_are_kept_with_the_trees_and_refused_where_they_do_not_fit(sales):
    trees = grown(sales, grouping=Grouping((SHOP, WEEK), (SOLD, HEAT)))
    again = CellTrees(len(NAMES))
    again.load_state_dict(copy.deepcopy(trees.state_dict()))
    assert_same_trees(trees, again)
    for name, wrong in {
        "naming": torch.tensor([SHOP, 17]),
        "sizes": torch.tensor([0, 3]),
        "told": torch.tensor([SOLD]),
        "numbers": trees.groups.numbers.flip(0),
        "means": trees.groups.means * torch.nan,
    }.items():
        state = copy.deepcopy(trees.state_dict()) | {f"groups.{name}": wrong}
        with pytest.raises(RuntimeError, match=r"do not fit the columns|do not lead to cells"):
            CellTrees(len(NAMES)).load_state_dict(state)


def within(frame):
    """The standard deviation of sales within groups."""
    return frame["sold"].groupby([frame["shop"], frame["week"]]).std().mean()


def explained_by_groups(frame):
    """The share of the variance of sales that shop and week explain, on the true effects."""
    true = panel(n_each=30).groupby(["shop", "week"])["sold"].mean()
    said = true.loc[pd.MultiIndex.from_frame(frame[["shop", "week"]])].to_numpy()
    return np.corrcoef(said, frame["sold"])[0, 1] ** 2


def test_drawn_rows_stand_where_their_group_does(generator):
    drawn = generator.sample(3_000, random_state=0)
    # Real rows have 16/17 (noise of 5 beside 20), rows that know nothing of groups hardly anything.
    assert 0.8 < explained_by_groups(drawn) < 0.98
    heat = drawn["heat"] - 20 - 0.2 * (drawn["sold"] - 100)
    assert 0.8 < heat.std() < 1.5  # 1 in real rows; 4 where heat does not follow sales


def test_rows_of_large_groups_are_as_far_apart_as_real_ones():
    """Told by the mean of all others, a row's own number could be read off, and all would be drawn alike."""
    frame = panel(n_each=100, noise=10, n_shops=10, n_weeks=12)
    generator = SynthGAN(epochs=1, hidden_dims=(32,), random_state=0, verbose=0).fit(frame)
    drawn = generator.sample(3_000, random_state=0)
    assert within(frame) == pytest.approx(10, rel=0.05)
    assert within(drawn) == pytest.approx(10, rel=0.15)


def test_what_is_given_stays_and_groups_follow_it(generator):
    means = panel().groupby(["shop", "week"])["sold"].mean().sort_values()
    (shop, week), most = means.index[540], means.iloc[540]
    assert most > 120  # the mean of all is 100
    one = generator.sample(300, conditions={"shop": shop, "week": week}, random_state=0)
    assert (one[["shop", "week"]] == [shop, week]).all(axis=None)
    assert abs(one["sold"].mean() - most) < 10
    sold = panel()["sold"].iloc[0]
    given = generator.sample(50, conditions={"sold": sold}, random_state=0)
    assert (given["sold"] == sold).all()


def test_rows_beside_given_numbers_are_drawn_from_their_groups(generator):
    frame = panel(seed=1).reset_index(drop=True)
    holes = frame.assign(sold=frame["sold"].where(frame.index % 2 == 0), heat=np.nan)
    filled = generator.impute(holes, random_state=0)
    pd.testing.assert_frame_equal(filled[["shop", "week", "till"]], frame[["shop", "week", "till"]])
    assert explained_by_groups(filled[frame.index % 2 == 1]) > 0.8
    assert (filled["sold"] == frame["sold"])[frame.index % 2 == 0].all()
