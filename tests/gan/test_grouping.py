import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from scipy.stats import chi2
from small_tables import (
    CODES_OF_KINDS,
    FOUR,
    JOINT,
    KINDS,
    MIXED,
    PAIR,
    PLACED,
    four_table,
    joint_of,
    mixed_table,
    of_one_class,
    pair_table,
    placed_table,
    table_of,
)

from synthgan.gan.grouping import Dependence, enough_rounds, plan
from synthgan.layout import Layout, Span

PAIRS = list(itertools.combinations(range(4), 2))


def two_pairs(n_rows):
    """Return rows in which b repeats a and d repeats c."""
    a, c = np.random.default_rng(0).integers(3, size=(2, n_rows))
    return table_of(np.column_stack([a, a, c, c]))


def matrices_of(dependence):
    return dependence.information, dependence.unexplained


def of_kinds(table):
    """Return the dependence of rows over FOUR where the classes are the kinds that they were drawn from."""
    return Dependence.of(table, FOUR, KINDS, CODES_OF_KINDS.reshape(3, -1))


def information_in(joint):
    """Return the mutual information of two columns, in nats."""
    return (joint * np.log(joint / np.outer(joint.sum(1), joint.sum(0)))).sum()


def joint_of_two(first, second):
    """Return the shares of the codes of two columns over FOUR."""
    others = tuple({0, 1, 2, 3} - {first, second})
    return joint_of(KINDS, CODES_OF_KINDS).sum(others)


@st.composite
def dependences(draw):
    """Return how much columns say of each other, of which classes leave some unsaid."""
    n, rng = draw(st.integers(1, 12)), np.random.default_rng(draw(st.integers(0, 2**32)))
    upper = np.triu(rng.exponential(draw(st.sampled_from([0.005, 0.05, 0.5])), (n, n)), 1)
    unsaid = upper * rng.random((n, n)) ** draw(st.sampled_from([0, 1, 10]))
    return Dependence(*((part + part.T).astype(np.float32) for part in (upper, unsaid)))


def by_weight(dependence):
    """Return the columns in the order in which it is found out how many rounds are enough."""
    weights = dependence.information.sum(1)
    return sorted(range(len(weights)), key=lambda column: (-weights[column], column))


@given(dependence=dependences(), n_rounds=st.integers(1, 14))
def test_a_plan_holds_every_column_once_in_no_more_rounds_than_asked_and_knows_its_loss(dependence, n_rounds):
    n_columns = len(dependence.information)
    columns = np.random.default_rng(n_rounds).permutation(n_columns).tolist()
    planned = plan(columns, dependence, n_rounds)
    members = [planned.drafted, *planned.groups]
    assert sorted(itertools.chain(*members)) == sorted(columns)
    assert 1 <= len([group for group in members if group]) <= n_rounds
    assert all(planned.groups)
    # Lost is what columns of a group say, and what drafted ones leave unsaid.
    lost = sum(dependence.unexplained[pair] for pair in itertools.combinations(planned.drafted, 2))
    for group in planned.groups:
        lost += sum(dependence.information[pair] for pair in itertools.combinations(group, 2))
    assert planned.lost == pytest.approx(lost, rel=1e-4, abs=1e-6)


@given(dependence=dependences(), n_rounds=st.integers(2, 14))
def test_half_of_the_columns_are_drafted_at_most_and_groups_are_even(dependence, n_rounds):
    columns = list(range(len(dependence.information)))
    planned = plan(columns, dependence, n_rounds)
    even, half = -(-len(columns) // n_rounds), -(-len(columns) // 2)
    sizes = [len(group) for group in planned.groups]
    assert any(
        len(planned.drafted) <= n_drafted
        and max(sizes, default=0) <= -(-(len(columns) - n_drafted) // (n_rounds - 1))
        for n_drafted in (even, half)
    )


@given(dependence=dependences())
def test_one_round_drafts_every_column_and_a_round_for_each_loses_nothing(dependence):
    columns = list(range(len(dependence.information)))
    planned = plan(columns, dependence, 1)
    assert planned.drafted == columns
    assert planned.groups == []
    assert plan(columns, dependence, len(columns)).lost == 0


@given(dependence=dependences())
def test_half_of_the_columns_are_drafted_where_that_loses_less(dependence):
    said, columns = dependence.information, list(range(len(dependence.information)))
    n_rounds = len(columns) // 2 + 1  # a draft of half of the columns, and a round for each other one
    assert plan(columns, Dependence(said, 0 * said), n_rounds).lost == 0
    planned = plan(columns, Dependence(said, 1000 * said + 1000), n_rounds)
    assert len(planned.drafted) <= -(-len(columns) // n_rounds)


@pytest.mark.parametrize("n_rounds", [1, 2, 5])
def test_no_columns_make_an_empty_plan(n_rounds):
    nothing = Dependence(*np.zeros((2, 3, 3), dtype=np.float32))
    planned = plan([], nothing, n_rounds)
    assert (planned.drafted, planned.groups, planned.lost) == ([], [], 0)
    assert enough_rounds([], nothing) == 1


@given(dependence=dependences())
def test_enough_rounds_lose_little_and_one_less_would_not(dependence):
    columns = list(range(len(dependence.information)))
    enough, order = enough_rounds(columns, dependence), by_weight(dependence)
    assert 1 <= enough <= len(columns)
    assert enough == 1 or plan(order, dependence, enough - 1).lost > 0.15
    assert enough == len(columns) or plan(order, dependence, enough).lost <= 0.15


@given(dependence=dependences())
def test_one_round_is_enough_where_classes_leave_nothing_unsaid(dependence):
    columns, said = range(len(dependence.information)), dependence.information
    assert enough_rounds(columns, Dependence(said, 0 * said)) == 1
    everything = np.ones_like(said)
    assert enough_rounds(columns, Dependence(everything, everything)) == len(columns)


@given(dependence=dependences(), data=st.data())
def test_related_columns_are_apart_where_rounds_are_enough(dependence, data):
    n_columns = len(dependence.information)
    pairs = list(itertools.combinations(range(n_columns), 2))
    chosen = data.draw(st.lists(st.sampled_from(pairs), max_size=4)) if pairs else []
    added = np.zeros_like(dependence.information)
    for first, second in chosen:
        added[first, second] = added[second, first] = 1
    dependence = Dependence(*(matrix + added for matrix in matrices_of(dependence)))
    enough = enough_rounds(range(n_columns), dependence)
    if enough < n_columns:
        planned = plan(by_weight(dependence), dependence, enough)
        assert not any({*pair} <= {*group} for group in (planned.drafted, *planned.groups) for pair in chosen)


@given(dependence=dependences())
def test_columns_that_are_asked_about_are_all_that_counts(dependence):
    # The others might as well not be there.
    columns = list(range(0, len(dependence.information), 2))
    alone = Dependence(*(part[np.ix_(columns, columns)] for part in matrices_of(dependence)))
    assert enough_rounds(columns, dependence) <= len(columns)
    planned, of_part = plan(columns, dependence, 2), plan(range(len(columns)), alone, 2)
    assert planned.lost == of_part.lost
    assert planned.drafted == [columns[place] for place in of_part.drafted]


def test_columns_that_repeat_each_other_are_drawn_apart():
    dependence = of_one_class(two_pairs(3000), FOUR)
    assert enough_rounds(range(4), dependence) == 2
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(4).tolist()
        planned = plan(order, dependence, 2)
        assert all({*group} not in ({0, 1}, {2, 3}) for group in (planned.drafted, *planned.groups))


@pytest.mark.parametrize(
    ("layout", "table"), [(FOUR, four_table(500)), (MIXED, mixed_table(300)), (PLACED, placed_table(300))]
)
def test_dependence_is_symmetric_not_negative_and_none_of_a_column_itself(layout, table):
    for matrix in matrices_of(of_one_class(table, layout)):
        assert matrix.shape == (len(layout), len(layout))
        assert matrix.dtype == np.float32
        assert np.array_equal(matrix, matrix.T)
        assert (matrix >= 0).all()
        assert not matrix.diagonal().any()
        assert not np.delete(matrix, layout.coded, axis=0).any()


def test_a_copy_says_all_there_is_and_an_independent_column_nothing():
    """A copy says log 3 nats; the chance excess that is left of none is below 4 / n."""
    dependence = of_one_class(two_pairs(6000), FOUR)
    for matrix in matrices_of(dependence):
        assert matrix[0, 1] == pytest.approx(np.log(3), abs=0.01)
        assert matrix[0, 2] < 4 * 4 / 6000


def test_half_of_independent_pairs_say_nothing_at_all():
    # Less its mean, 4, a chi-square of 4 degrees of freedom is negative with chance 0.59.
    layout = Layout(tuple(Span(number, 3) for number in range(20)))
    table = table_of(np.random.default_rng(0).integers(3, size=(3000, 20)))
    for matrix in matrices_of(of_one_class(table, layout)):
        assert (matrix[np.triu_indices(20, 1)] == 0).mean() == pytest.approx(0.59, abs=4 * 0.5 / 190**0.5)


def test_information_is_that_of_the_joint_and_one_class_explains_none_of_it():
    dependence = of_one_class(pair_table(20_000), PAIR)
    assert dependence.information[0, 1] == pytest.approx(information_in(JOINT), abs=0.02)
    assert dependence.unexplained == pytest.approx(dependence.information, abs=1e-6)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_classes_that_rows_were_drawn_from_explain_what_columns_say_of_each_other(first, second):
    n_rows = 20_000
    dependence, joint = of_kinds(four_table(n_rows)), joint_of_two(first, second)
    # The mean of log-ratios, of about the spread below; and twice n times the divergence is chi-square.
    ratios = np.log(joint / np.outer(joint.sum(1), joint.sum(0)))
    spread = np.sqrt((joint * ratios**2).sum() / n_rows)
    expected = information_in(joint)
    assert dependence.information[first, second] == pytest.approx(expected, abs=4 * spread + 8 / n_rows)
    assert expected > 0.01
    assert dependence.unexplained[first, second] < chi2.isf(1e-5, joint.size - 1) / (2 * n_rows)


def test_what_wrong_classes_claim_is_unexplained_as_well():
    # Of independent columns nothing is left to say, but these classes say that b repeats a.
    codes = np.random.default_rng(0).integers(3, size=(5000, 4))
    copies = np.tile(0.97 * np.eye(3) + 0.01, 4)
    dependence = Dependence.of(table_of(codes), FOUR, np.full(3, 1 / 3), copies)
    off_diagonal = ~np.eye(4, dtype=bool)
    assert (dependence.information[off_diagonal] < 0.01).all()
    assert (dependence.unexplained[off_diagonal] > 1).all()


def test_a_relation_says_more_than_little():
    table, without = placed_table(1000), PLACED.select(range(4))
    more, less = of_one_class(table, PLACED), of_one_class(table, without)
    n_relations = np.zeros((4, 4))
    for relation in PLACED.relations:
        n_relations[relation.column, relation.partner] += 1
        n_relations[relation.partner, relation.column] += 1
    for name in ("information", "unexplained"):
        added = getattr(more, name) - getattr(less, name)
        np.testing.assert_allclose(added[n_relations == 0], 0)
        assert (added[n_relations > 0] > 0.15).all()


def test_what_is_given_counts_for_the_draft_alone():
    # Classes leave all unsaid that the given column says of the first; the generator heeds it.
    unexplained = np.zeros((4, 4), dtype=np.float32)
    unexplained[0, 3] = unexplained[3, 0] = 2.0
    dependence = Dependence(unexplained, unexplained)
    assert enough_rounds([0, 1, 2], dependence) == 1
    assert enough_rounds([0, 1, 2], dependence, given=[3]) == 2
    assert 0 not in plan([0, 1, 2], dependence, 2, given=[3]).drafted


def slowly_bound(codes):
    """The columns that are a function of another, whose codes come twice in the mean, or another of them."""
    bound = set()
    for first, second in itertools.permutations(range(codes.shape[1]), 2):
        told = {}
        is_told = all(told.setdefault(a, b) == b for a, b in codes[:, [first, second]].tolist())
        if is_told and len(codes) >= 2 * len(told):
            bound |= {first, second}
    return bound


@settings(max_examples=200)
@given(
    codes=arrays_of.arrays(np.uint8, st.tuples(st.integers(2, 12), st.just(4)), elements=st.integers(0, 2)),
    copies=st.sampled_from([(), (0,), (0, 2)]),
)
def test_columns_that_are_functions_of_one_another_are_bound(codes, copies):
    codes = np.column_stack([codes, *((codes[:, i] + 1) % 3 // 2 for i in copies)])
    assume(all(len(np.unique(column)) > 1 for column in codes.T))
    layout = Layout(tuple(Span(f"column {i}", 3) for i in range(codes.shape[1])))
    assert of_one_class(table_of(codes), layout).bound == slowly_bound(codes)


def test_a_column_of_which_only_one_code_is_seen_binds_no_other():
    table = four_table(500)
    table.codes[:, 1] = 2
    assert of_one_class(table, FOUR).bound == set()


def test_a_column_of_which_no_code_comes_twice_seems_to_say_all_but_binds_none():
    codes = np.column_stack([np.arange(200), np.random.default_rng(0).integers(3, size=(200, 2))])
    layout = Layout((Span("name", 200), Span("a", 3), Span("b", 3)))
    assert of_one_class(table_of(codes), layout).bound == set()
    twice = table_of(np.concatenate([codes, codes]))
    assert of_one_class(twice, layout).bound == {0, 1, 2}
