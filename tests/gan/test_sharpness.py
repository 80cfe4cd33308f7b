import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from small_tables import FOUR, PLACED, cells_of, four_table, model_of, placed_table, rng_of, table_of
from small_trees import layout_of
from torch.nn.functional import one_hot

from synthgan.gan import sharpness
from synthgan.gan.redrawing import LEAF_ROWS
from synthgan.gan.rows import RowSpace
from synthgan.gan.sharpness import fitting_leaves, leave_to_generator
from synthgan.layout import Layout, Span

MASSES = arrays_of.arrays(float, st.just((2, 4)), elements=st.floats(0.01, 1.0))


def model_with_trees(layout, table):
    """An untrained model with the trees of a table."""
    model = model_of(layout)
    model.trees.grow(table, RowSpace(layout), np.random.default_rng(0))
    return model


def shuffled(table):
    """The cells of each column in an order of their own: of no column is anything known."""
    rng = np.random.default_rng(1)
    return table_of(np.stack([rng.permutation(codes) for codes in table.codes.T], axis=1))


def nearly_certain(model, cells, column, rng):
    """What an all-knowing generator expects of cells."""
    size = int(model.layout.sizes[column])
    return 0.9 * one_hot(cells.codes[:, column].long(), size) + 0.1 / size


SCORES = [sharpness._ranked_score, sharpness._brier_score, sharpness._log_score]
over_scores = pytest.mark.parametrize("score", SCORES)


@over_scores
@given(masses=MASSES)
def test_nothing_scores_better_in_the_mean_than_what_codes_are_drawn_from(masses, score):
    true, other = (torch.from_numpy(mass / mass.sum()).repeat(4, 1) for mass in masses)
    codes = torch.arange(4)
    of_true, of_other = (true[0] @ score(shares, codes) for shares in (true, other))
    assert of_true <= of_other + 1e-9


@over_scores
def test_only_the_ranked_score_heeds_an_order(score):
    shares = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    near, far = score(shares, torch.tensor([0, 0])).tolist()
    assert (near < far) is (score is sharpness._ranked_score)
    assert near <= far


def test_what_is_held_impossible_and_comes_true_is_bad_but_finite():
    certain = torch.eye(3)[:1]
    assert 10 < sharpness._log_score(certain, torch.tensor([1])).item() < 100


@pytest.mark.parametrize(
    ("is_ordered", "target", "expected"),
    [(True, None, 0), (True, 2, 0), (False, None, 1), (False, 1, 1), (False, 2, 2)],
)
def test_which_score_decides(is_ordered, target, expected, monkeypatch):
    positions = (0.0, 1.0, 2.0) if is_ordered else ()
    layout = Layout(tuple(Span(name, 3, positions=positions) for name in "abcd"))
    model, used = model_with_trees(layout, four_table(300)), []
    model.architecture = dataclasses.replace(model.architecture, target=target)
    for score in SCORES:

        def noted(shares, codes, score=score):
            used.append(score)
            return score(shares, codes)

        monkeypatch.setattr(sharpness, score.__name__, noted)
    leave_to_generator(model, four_table(100, seed=1), rng_of(0))
    assert used[4:6] == [SCORES[expected]] * 2  # of the third column, by trees and by the generator


def test_a_code_that_no_leaf_shows_is_not_impossible(monkeypatch):
    model, seen = model_with_trees(FOUR, four_table(300)), []
    monkeypatch.setattr(sharpness, "_brier_score", lambda shares, codes: seen.append(shares) or shares[:, 0])
    leave_to_generator(model, four_table(100, seed=1), rng_of(0))
    for of_trees in seen[::2]:
        torch.testing.assert_close(of_trees.sum(1), torch.ones(100))
        assert of_trees.min() >= 0.999 * sharpness._SPREAD / 3


def test_trees_stay_where_the_generator_knows_nothing():
    model = model_with_trees(FOUR, four_table(2000))
    leave_to_generator(model, four_table(500, seed=1), rng_of(0))
    assert model.trees.columns == [0, 1, 2, 3]


def test_trees_that_know_nothing_are_dropped_for_a_generator_that_knows(monkeypatch):
    monkeypatch.setattr(sharpness, "_expected", nearly_certain)
    model = model_with_trees(FOUR, shuffled(four_table(2000)))
    leave_to_generator(model, four_table(500, seed=1), rng_of(0))
    assert model.trees.columns == []


@pytest.mark.parametrize("known", range(4))
def test_each_column_is_judged_by_itself(known, monkeypatch):
    model, asked = model_with_trees(FOUR, four_table(2000)), sharpness._expected

    def expected(model, cells, column, rng):
        return (nearly_certain if column == known else asked)(model, cells, column, rng)

    monkeypatch.setattr(sharpness, "_expected", expected)
    leave_to_generator(model, four_table(500, seed=1), rng_of(0))
    assert model.trees.columns == [column for column in range(4) if column != known]


def test_columns_with_relations_keep_their_trees(monkeypatch):
    monkeypatch.setattr(sharpness, "_expected", nearly_certain)
    model = model_with_trees(PLACED, placed_table(1000))
    related = {column for each in PLACED.relations for column in (each.column, each.partner)}
    assert related
    before = set(model.trees.columns)
    leave_to_generator(model, placed_table(300, seed=1), rng_of(0))
    kept = {int(PLACED.coded[place]) for place in model.trees.columns}
    assert kept == related & {int(PLACED.coded[place]) for place in before}


def test_what_the_generator_expects_is_what_it_says_when_all_other_cells_are_known():
    model, table = model_of(FOUR).eval(), four_table(20)
    cells = cells_of(table)
    for column in range(4):
        expected = sharpness._expected(model, cells, column, rng_of(0))
        torch.testing.assert_close(expected.sum(1), torch.ones(20))
        known = torch.ones(20, 4, dtype=torch.bool)
        known[:, column] = False
        log_likelihood, _ = model.reconstruct(cells, known, model.noise(20, rng_of(0)))
        own = expected.gather(1, cells.codes[:, [column]].long()).squeeze(1).log()
        torch.testing.assert_close(own, log_likelihood[:, column].float(), atol=0.05, rtol=0.05)
        changed = table_of(np.where(np.arange(4) == column, 0, table.codes))
        again = sharpness._expected(model, cells_of(changed), column, rng_of(0))
        torch.testing.assert_close(again, expected)


def test_when_time_is_over_trees_stay(monkeypatch):
    monkeypatch.setattr(sharpness, "_expected", nearly_certain)
    model = model_with_trees(FOUR, shuffled(four_table(2000)))
    leave_to_generator(model, four_table(500, seed=1), rng_of(0), max_time=-1.0)
    assert model.trees.columns == [0, 1, 2, 3]


@pytest.mark.parametrize(("in_doubt", "left"), [(0.0, True), (1.0, False)])
def test_the_target_is_left_to_the_generator_if_that_is_better_at_all(in_doubt, left, monkeypatch):
    model = model_with_trees(FOUR, four_table(2000))
    model.architecture = dataclasses.replace(model.architecture, target=2)
    monkeypatch.setattr(sharpness, "_STANDARD_ERRORS", 1e9)
    monkeypatch.setattr(sharpness, "_STANDARD_ERRORS_OF_TARGET", 1e9 * in_doubt)
    monkeypatch.setattr(sharpness, "_expected", nearly_certain)
    leave_to_generator(model, four_table(500, seed=1), rng_of(0))
    assert model.trees.columns == ([0, 1, 3] if left else [0, 1, 2, 3])


# How large leaves are


def lines(n_rows, seed=0):
    """Three numbers of forty codes: the second follows the first closely, the third nothing."""
    rng = np.random.default_rng(seed)
    first = rng.integers(40, size=n_rows)
    return table_of(np.column_stack([first, 39 - first, rng.integers(40, size=n_rows)]))


LINES = Layout(tuple(Span(name, 40, positions=tuple(np.linspace(-1, 1, 40))) for name in "abc"))


def chosen(table, **parameters):
    return fitting_leaves(table, RowSpace(LINES), np.random.default_rng(0), **parameters).tolist()


def test_leaves_are_small_where_that_tells_more_and_else_large():
    assert chosen(lines(1000)) == [LEAF_ROWS[0], LEAF_ROWS[0], LEAF_ROWS[-1]]


def test_of_the_target_those_leaves_are_taken_that_tell_most(monkeypatch):
    for errors, expected in ((1e9, LEAF_ROWS[-1]), (0.0, LEAF_ROWS[0])):
        monkeypatch.setattr(sharpness, "_STANDARD_ERRORS", 1e9)
        monkeypatch.setattr(sharpness, "_STANDARD_ERRORS_OF_TARGET", errors)
        assert chosen(lines(1000), target=1) == [LEAF_ROWS[-1], expected, LEAF_ROWS[-1]]


@pytest.mark.parametrize(("n_rows", "max_time"), [(240, None), (1000, 1e-9)])
def test_without_rows_or_time_to_tell_leaves_are_small(n_rows, max_time):
    assert chosen(lines(n_rows), max_time=max_time) == [LEAF_ROWS[0]] * 3


def test_trees_are_judged_by_rows_that_they_have_not_seen(monkeypatch):
    learned, judged, grow = [], [], sharpness.CellTrees.grow
    expected = sharpness.CellTrees.expected

    def noted(trees, table, *arguments, **parameters):
        learned.append(table.codes)
        return grow(trees, table, *arguments, **parameters)

    def asked(trees, place, points, n_codes):
        judged.append(points.numpy())
        return expected(trees, place, points, n_codes)

    monkeypatch.setattr(sharpness.CellTrees, "grow", noted)
    monkeypatch.setattr(sharpness.CellTrees, "expected", asked)
    rows = np.column_stack(np.divmod(np.random.default_rng(1).permutation(1000), 40))
    fitting_leaves(table_of(rows), RowSpace(layout_of(25, 40)), np.random.default_rng(0))
    assert len(learned) == len(LEAF_ROWS)
    for codes, points in zip(learned, judged[::2], strict=True):
        assert len(points) == 200
        assert {*map(tuple, codes.tolist()), *map(tuple, points.tolist())} == set(map(tuple, rows.tolist()))
        assert len(codes) + len(points) == 1000
