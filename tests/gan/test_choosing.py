"""Laws of how rows under a condition are chosen among candidates."""

import numpy as np
import pytest
from small_models import knows_nothing, knows_where_rows_lie
from small_tables import PAIR, PLACED, drawn, known_of, pair_table

from synthgan.gan.balancing import points_of
from synthgan.gan.drawing import find_forests

N_ROWS = 2000


def conditional_shares(codes, column, code):
    """Shares of the codes of the other column of a pair beside one code."""
    other = 1 - column
    own = codes[codes[:, column] == code, other].astype(int)
    return np.bincount(own, minlength=PAIR.spans[other].n_codes) / max(len(own), 1)


@pytest.mark.parametrize(("column", "code"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)])
def test_under_a_condition_rows_lie_as_real_ones_more_evenly_than_by_chance(trained, column, code):
    expected = conditional_shares(pair_table(4000).codes, column, code)
    n_rows = 400
    plain, balanced = (
        np.abs(
            np.stack(
                [
                    conditional_shares(
                        drawn(trained, n_rows, seed=seed, condition={column: code}, correct=correct).codes,
                        column,
                        code,
                    )
                    for seed in range(4)
                ]
            )
            - expected
        )
        .sum(1)
        .mean()
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
    assert find_forests(model, known_of(PLACED), N_ROWS, survey) == {0: model.forest}
    assert find_forests(model, known_of(PLACED, {0: 1}), 20, survey) == {}
    assert find_forests(knows_nothing(), known_of(knows_nothing().layout), N_ROWS, survey) == {}
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
