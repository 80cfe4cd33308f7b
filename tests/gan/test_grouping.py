import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_tables import PAIR, pair_table, table_of

from synthgan.gan.grouping import dependence, enough_rounds, group
from synthgan.layout import Layout, Span

FOUR = Layout(tuple(Span(name, 3) for name in "abcd"))


def two_pairs(n_rows):
    """Return rows in which b repeats a and d repeats c."""
    a, c = np.random.default_rng(0).integers(3, size=(2, n_rows))
    return table_of(np.column_stack([a, a, c, c]))


@st.composite
def informations(draw):
    """Return symmetric tables of how much columns say of each other."""
    n = draw(st.integers(1, 12))
    upper = np.triu(np.random.default_rng(draw(st.integers(0, 2**32))).exponential(0.05, (n, n)), 1)
    return (upper + upper.T).astype(np.float32)


@given(information=informations(), n_groups=st.integers(1, 14))
def test_groups_hold_every_column_once_and_are_of_about_equal_size(information, n_groups):
    columns = np.random.default_rng(n_groups).permutation(len(information)).tolist()
    groups = group(columns, information, n_groups)
    assert sorted(column for members in groups for column in members) == sorted(columns)
    assert 1 <= len(groups) <= n_groups
    assert max(map(len, groups)) <= -(-len(columns) // n_groups)


@given(information=informations())
def test_enough_rounds_are_never_more_than_columns_and_one_where_nothing_is_said(information):
    columns = list(range(len(information)))
    assert 1 <= enough_rounds(columns, information) <= len(columns)
    assert enough_rounds(columns, 0 * information) == 1
    everything = np.ones_like(information)
    assert enough_rounds(columns, everything) == len(columns)


def test_columns_that_repeat_each_other_are_drawn_apart():
    information = dependence(two_pairs(3000), FOUR)
    assert enough_rounds(range(4), information) == 2
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(4).tolist()
        assert all(set(members) not in ({0, 1}, {2, 3}) for members in group(order, information, 2))


def test_dependence_is_the_mutual_information():
    """A copy says all there is, log 3 nats; the chance excess that is left of none is below 4 / n."""
    information = dependence(two_pairs(6000), FOUR)
    assert np.array_equal(information, information.T)
    assert information[0, 1] == pytest.approx(np.log(3), abs=0.01)
    assert information[0, 2] < 4 * 4 / 6000
    joint = np.array([[0.40, 0.05], [0.05, 0.20], [0.10, 0.20]])
    apart = np.outer(joint.sum(1), joint.sum(0))
    expected = (joint * np.log(joint / apart)).sum()
    assert dependence(pair_table(20_000), PAIR)[0, 1] == pytest.approx(expected, abs=0.02)
