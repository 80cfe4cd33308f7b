import copy

import numpy as np
import pytest
import torch
from small_tables import (
    PAIR,
    PLACED,
    assert_same,
    drawn,
    known_of,
    knows_nothing,
    knows_where_rows_lie,
    model_of,
    pair_table,
    rng_of,
    sampling_error,
    shares,
    total_variation,
)

from synthgan.gan import drawing
from synthgan.gan.balancing import Forest, points_of
from synthgan.gan.budget import Budget
from synthgan.gan.drawing import find_forests
from synthgan.gan.fitting import survey


def without_forest(model):
    """The same model, which does not know where real rows lie."""
    twin = copy.deepcopy(model)
    twin.forest = Forest(0)
    return twin


@pytest.mark.parametrize("rounds", [None, 1])
def test_balanced_rows_lie_nearer_to_the_learned_ones_than_others(trained, rounds):
    n_rows, expected = 600, shares(pair_table(4000))
    plain, balanced = (
        [
            total_variation(
                shares(drawn(trained, n_rows, seed=seed, rounds=rounds, correct=correct)), expected
            )
            for seed in range(6)
        ]
        for correct in (False, True)
    )
    assert max(balanced) < min(plain)
    # Each of six cells is a few rows off at most, where chance would put it about ten off.
    assert max(balanced) < sampling_error(expected, n_rows) / 4


def test_balancing_makes_up_for_a_generator_that_is_wrong():
    n_rows, expected = 1000, shares(pair_table(4000))
    model = model_of(PAIR, tree_depth=5)
    with torch.no_grad():
        for parameter in model.generator.to_row.parameters():
            parameter.zero_()  # all codes are equally likely
    survey(model, pair_table(4000), Budget(1, 1, 0.1, 0.0, (32,), 0), rng_of(0))
    plain, better = (
        total_variation(shares(drawn(model, n_rows, correct=correct, redraw=False)), expected)
        for correct in (False, True)
    )
    assert better < plain / 2 - sampling_error(expected, n_rows)


def test_rows_are_herded_only_when_that_is_asked():
    model = knows_where_rows_lie()
    assert not np.array_equal(drawn(model, 200, correct=True).codes, drawn(model, 200).codes)
    assert_same(drawn(model, 200), drawn(without_forest(model), 200))


@pytest.mark.parametrize("correct", [False, True])
@pytest.mark.parametrize("n_rows", [0, 1, 99, 100, 101, 350])
@pytest.mark.parametrize("rounds", [None, 1, 2])
def test_rows_of_several_sections_are_as_many_as_asked(n_rows, correct, rounds, monkeypatch):
    monkeypatch.setattr(drawing, "_SECTION", 100)
    model = knows_where_rows_lie()
    table = drawn(model, n_rows, rounds=rounds, correct=correct)
    assert {len(part) for part in vars(table).values()} == {n_rows}
    if n_rows > 100:
        assert_same(table.take(np.arange(100)), drawn(model, 100, rounds=rounds, correct=correct))
        first, second = table.codes[:50], table.codes[100:150]
        assert n_rows < 150 or not np.array_equal(first, second)


def test_each_section_is_balanced_by_itself(trained, monkeypatch):
    n_rows, expected = 300, shares(pair_table(4000))
    monkeypatch.setattr(drawing, "_SECTION", n_rows)
    table = drawn(trained, 4 * n_rows, rounds=1, correct=True)
    for start in range(0, len(table), n_rows):
        section = shares(table.take(np.arange(start, start + n_rows)))
        assert total_variation(section, expected) < sampling_error(expected, n_rows) / 3


# Under a condition


def conditional_shares(table, column, code):
    """Shares of the codes of the other column of a pair beside one code."""
    own = table.codes[table.codes[:, column] == code, 1 - column]
    return np.bincount(own, minlength=PAIR.spans[1 - column].n_codes) / max(len(own), 1)


@pytest.mark.parametrize(("column", "code"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)])
def test_under_a_condition_rows_lie_as_real_ones_more_evenly_than_by_chance(trained, column, code):
    expected, how = conditional_shares(pair_table(4000), column, code), {"condition": {column: code}}
    plain, balanced = (
        sum(
            total_variation(
                conditional_shares(drawn(trained, 400, seed=seed, correct=correct, **how), column, code),
                expected,
            )
            for seed in range(4)
        )
        for correct in (False, True)
    )
    assert balanced < plain


def survey_of(model, n_drawn):
    """What draws rows of all sorts, and notes how many were asked for."""

    def survey(n_rows):
        n_drawn.append(n_rows)
        table = drawn(model, n_rows)
        return table, model.forest.leaves(points_of(table, model.layout))

    return survey


def test_nothing_is_surveyed_where_nothing_can_be_told():
    model, asked = knows_where_rows_lie(), []
    survey = survey_of(model, asked)
    assert find_forests(model, known_of(PLACED), 2000, survey) == {0: model.forest}
    assert find_forests(model, known_of(PLACED, {0: 1}), 20, survey) == {}
    assert find_forests(knows_nothing(), known_of(knows_nothing().layout), 2000, survey) == {}
    each_another = known_of(PLACED, *({1: i % 3} for i in range(90)), pattern_of=np.arange(90))
    assert find_forests(model, each_another, 90, survey) == {}
    assert asked == []


def test_a_forest_is_found_for_each_pattern_that_is_asked_for_often():
    model, asked = knows_where_rows_lie(), []
    known = known_of(PLACED, {1: 0}, {1: 1}, {1: 2}, pattern_of=np.repeat([0, 1, 2], [900, 900, 10]))
    forests = find_forests(model, known, 1810, survey_of(model, asked))
    assert set(forests) == {0, 1}
    assert len(asked) == 1
    for forest in forests.values():
        assert 0 < forest.depth <= model.forest.depth
        np.testing.assert_allclose(forest.shares.sum(1), 1, atol=1e-5)


def test_the_forest_of_all_rows_is_that_of_none_left_out():
    model = knows_where_rows_lie()
    table, leaves = survey_of(model, [])(4000)
    forest = model.forest.among(leaves, np.ones(len(table), dtype=bool))
    cut = model.forest.cut(forest.depth)
    is_reached = np.bincount(
        model.forest.leaves_of(leaves, forest.depth).ravel(), minlength=cut.shares.numel()
    )
    own, whole = forest.shares.numpy().ravel(), cut.shares.numpy().ravel()
    assert (own[is_reached == 0] == 0).all()
    np.testing.assert_allclose(own[is_reached > 0], whole[is_reached > 0], atol=0.02)
    assert model.forest.among(leaves, np.zeros(len(table), dtype=bool)) is None


def test_leaves_of_a_cut_forest_are_those_above():
    model = knows_where_rows_lie()
    points = points_of(drawn(model, 500), PLACED)
    for depth in range(1, model.forest.depth):
        cut = model.forest.cut(depth)
        leaves = model.forest.leaves_of(model.forest.leaves(points), depth)
        assert np.array_equal(cut.leaves(points), leaves)
