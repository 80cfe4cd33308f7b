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
from synthgan.gan.groups import NO_GROUPS, Grouping, GroupMeans, _explained, _means_of_others, find_grouping
from synthgan.gan.redrawing import CellTrees
from synthgan.gan.rows import RowSpace
from synthgan.preprocessing import TableEncoder

N_SHOPS, N_WEEKS = 20, 30
NAMES = ["shop", "week", "till", "sold", "heat"]
SHOP, WEEK, TILL, SOLD, HEAT = range(5)


def panel(n_each=6, seed=0, told=True):
    """Sales, of which the shop and the week say most together and either of them nothing, and noise."""
    rng = np.random.default_rng(seed)
    shop, week = (part.ravel() for part in np.indices((N_SHOPS, N_WEEKS)).repeat(n_each, axis=2))
    effect = np.random.default_rng(99).normal(size=(N_SHOPS, N_WEEKS))[shop, week]
    sold = 100 + 20 * (effect if told else rng.permutation(effect)) + 5 * rng.normal(size=len(shop))
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
    _, layout, points = sales
    assert find_grouping(points, layout) == Grouping((SHOP, WEEK), (SOLD, HEAT))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(panel(told=False), id="groups say nothing"),
        pytest.param(panel(n_each=1), id="too few rows"),
        pytest.param(panel(n_each=2).assign(till=0), id="two rows a group"),
        pytest.param(panel().assign(shop=0), id="one column names them"),
        pytest.param(panel().query("shop < 3"), id="few groups"),
        pytest.param(panel()[["sold", "heat"]], id="nothing names them"),
        pytest.param(panel()[["shop", "week"]].astype(str), id="nothing is told"),
    ],
)
def test_nothing_is_found_where_there_are_no_such_groups(frame):
    _, layout, points = encoded(frame)
    assert find_grouping(points, layout) == NO_GROUPS


def test_columns_that_are_excluded_take_no_part_and_time_ends_the_search(sales):
    _, layout, points = sales
    assert find_grouping(points, layout, excluded=[WEEK]) == NO_GROUPS
    assert find_grouping(points, layout, excluded=[HEAT]) == Grouping((SHOP, WEEK), (SOLD,))
    assert find_grouping(points, layout, max_time=0.0) == NO_GROUPS


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.floats(-0.5, 0.5)), min_size=2, max_size=30),
)
def test_a_row_has_no_part_in_the_mean_of_the_others(rows):
    _, groups = np.unique([group for group, _ in rows], return_inverse=True)
    ranks = np.array([[rank] for _, rank in rows])
    sums, counts = np.bincount(groups, ranks[:, 0])[:, None], np.bincount(groups)
    means = _means_of_others(sums[groups], counts[groups], ranks)
    for row, group in enumerate(groups):
        others = [ranks[other, 0] for other in np.flatnonzero(groups == group) if other != row]
        assert means[row, 0] == pytest.approx(sum(others) / (len(others) + 1))
    left, whole = np.square(ranks - means).sum(), np.square(ranks).sum()
    if whole > 1e-6:
        assert _explained(groups, ranks)[0] == pytest.approx(1 - left / whole)


def test_means_are_looked_up_by_group_and_are_naught_in_unknown_ones(sales):
    _, layout, points = sales
    some = points[points[:, SHOP] > 0]
    means = GroupMeans(len(NAMES))
    of_others = means.learn(Grouping((SHOP, WEEK), (SOLD, HEAT)), some, layout)
    assert of_others.shape == (len(some), 2)
    said = means.of(torch.from_numpy(points)).numpy()
    assert (said[points[:, SHOP] == 0] == 0).all()
    # Sales are 20 apart between groups and 5 within: the mean of the others says where a row stands.
    own = said[points[:, SHOP] > 0]
    assert np.corrcoef(own[:, 0], some[:, SOLD])[0, 1] > 0.9
    assert np.corrcoef(of_others[:, 0], some[:, SOLD])[0, 1] > 0.9
    for place in (SHOP, WEEK):
        groups = pd.DataFrame(own).groupby([some[:, SHOP], some[:, WEEK]])
        assert groups.nunique().to_numpy().max() == 1, place


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


def explained_by_groups(frame):
    """The share of the variance of sales that shop and week explain, on the true effects."""
    true = panel(n_each=30).groupby(["shop", "week"])["sold"].mean()
    said = true.loc[pd.MultiIndex.from_frame(frame[["shop", "week"]])].to_numpy()
    return np.corrcoef(said, frame["sold"])[0, 1] ** 2


def test_drawn_rows_stand_where_their_group_does(generator):
    drawn = generator.sample(3_000, random_state=0)
    # Real rows have 16/17 (noise of 5 beside 20), rows that know nothing of groups hardly anything.
    assert explained_by_groups(panel(seed=1)) > 0.9
    assert explained_by_groups(drawn) > 0.8
    heat = drawn["heat"] - 20 - 0.2 * (drawn["sold"] - 100)
    assert heat.std() < 2  # 1 in real rows; 4 where heat does not follow sales


def test_what_is_given_stays_and_groups_follow_it(generator):
    one = generator.sample(300, conditions={"shop": 3, "week": 4}, random_state=0)
    assert (one[["shop", "week"]] == [3, 4]).all(axis=None)
    true = panel().query("shop == 3 and week == 4")["sold"].mean()
    assert abs(one["sold"].mean() - true) < 10  # groups are 20 apart
    sold = panel()["sold"].iloc[0]
    given = generator.sample(50, conditions={"sold": sold}, random_state=0)
    assert (given["sold"] == sold).all()


def test_a_loaded_generator_draws_the_same(generator, tmp_path):
    generator.save(tmp_path / "model")
    again = SynthGAN.load(tmp_path / "model")
    drawn = [each.sample(100, random_state=1) for each in (generator, again)]
    pd.testing.assert_frame_equal(*drawn)
