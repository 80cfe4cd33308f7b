import copy
import functools
import itertools

import numpy as np
import pytest
import torch
from quick_models import PENGUINS
from selections import combinations, only_exhaustive
from small_tables import (
    PAIR,
    PLACED,
    TEXTBOOK,
    assert_drawn_from,
    assert_known,
    assert_same,
    cells_of,
    drawn,
    four_table,
    knows_everything,
    knows_lines,
    knows_nothing,
    knows_one_column,
    knows_where_rows_lie,
    model_of,
    pair_table,
    placed_table,
    rng_of,
    sampling_error,
    shares,
    total_variation,
)
from small_trees import (
    TABLES,
    assert_same_trees,
    filling_of,
    grown,
    model_with,
    over_tables,
    pairs_of,
    redrawn_rows,
)

from synthgan import ParameterError, SynthGAN
from synthgan.gan.computing import n_threads_of
from synthgan.gan.filling import Filling
from synthgan.gan.redrawing import CellTrees
from synthgan.layout import EncodedTable, Layout, Span

#: What the tests let a tiny model be wrong by, in total variation, beside the sampling error of its draws.
TOLERANCE = 0.03
ROUNDS = [None, 1, 2, only_exhaustive(99)]
MODELS = [knows_everything, knows_lines, knows_where_rows_lie, knows_one_column, knows_nothing]
REDRAWING = [pytest.param(functools.partial(model_with, name), id=name) for name in TABLES]


def name_of(parameter):
    return getattr(parameter, "__name__", str(parameter))


over_models = pytest.mark.parametrize("make", MODELS, ids=name_of)
over_rounds = pytest.mark.parametrize("rounds", ROUNDS)


@pytest.mark.parametrize("make", [*MODELS, *REDRAWING], ids=name_of)
@pytest.mark.parametrize(
    ("rounds", "correct"),
    combinations([None, 1, 2, 99], [False, True], always=lambda rounds, correct: correct and rounds != 99),
)
def test_equal_seeds_draw_equal_rows_whatever_the_number_of_threads(make, rounds, correct):
    model, tables = make(), []
    for n_threads in (1, 3):
        with n_threads_of(n_threads):
            tables.append(drawn(model, 1100, rounds=rounds, correct=correct))
            assert torch.get_num_threads() == n_threads
    assert_same(*tables)
    assert not np.array_equal(drawn(model, 1100, seed=1, rounds=rounds).codes, tables[0].codes)


@over_models
@pytest.mark.parametrize(
    ("rounds", "n_rows"),
    combinations([None, 1, 2, 99], [0, 1, 4097], always=lambda rounds, n: rounds == 2 or n == rounds == 1),
)
def test_as_many_rows_as_asked_with_codes_of_their_span(make, rounds, n_rows):
    model = make()
    table, empty = drawn(model, n_rows, rounds=rounds), EncodedTable.empty(model.layout)
    for array, like in zip(vars(table).values(), vars(empty).values(), strict=True):
        assert array.shape == (n_rows, like.shape[1])
        assert array.dtype == like.dtype
    for column, span in enumerate(model.layout.spans):
        codes = table.codes[:, column]
        assert ((codes >= 0) & (codes < span.n_codes)).all()
        if n_rows > 4000:
            assert len(np.unique(codes)) == span.n_codes


@pytest.mark.parametrize("make", [knows_everything, knows_one_column, knows_nothing])
def test_values_are_drawn_only_with_codes_that_take_one(make):
    table = drawn(make(), 500)
    takes = table.codes[:, 3] == 1
    assert 0 < takes.sum() < 500
    assert (table.values[~takes, 0] == 0).all()
    assert (table.values[takes, 0] != 0).all()
    assert (table.values[:, 1] != 0).all()


ROW = {0: 2, 1: 0, 2: 4, 3: (1, 1.25, 0), 4: (0, -0.75, 0)}
CONDITIONS = [
    *((knows_everything, {i: ROW[i] for i in columns}) for columns in [(0,), (2, 3), (1, 4), range(5), ()]),
    *((knows_one_column, {0: code}) for code in range(3)),
    (knows_where_rows_lie, {0: (1, 0.0, 3)}),
    (knows_where_rows_lie, {2: (0, 0.0, 5)}),
    (knows_where_rows_lie, {1: 2, 3: (1, 0.0, 7)}),
    (knows_where_rows_lie, {0: 3, 2: 1}),
    (knows_where_rows_lie, {0: (2, 0.0, 1), 2: (2, 0.0, 6)}),
]


@pytest.mark.parametrize(("make", "condition"), CONDITIONS, ids=name_of)
@pytest.mark.parametrize(
    ("rounds", "correct"),
    combinations([None, 1, 2, 99], [False, True], always=lambda rounds, correct: correct == (rounds == 2)),
)
def test_known_cells_hold_in_every_row_and_all_others_vary(make, condition, rounds, correct):
    model = make()
    table = drawn(model, 400, condition=condition, rounds=rounds, correct=correct)
    assert len(table) == 400
    assert_known(model.layout, table, condition)
    for column in set(range(len(model.layout))) - set(condition):
        assert len(np.unique(table.codes[:, column])) == model.layout.spans[column].n_codes


def test_the_one_known_column_follows_its_prior_when_it_is_not_given():
    n_rows = 5000
    counts = np.bincount(drawn(knows_one_column(), n_rows).codes[:, 0], minlength=3)
    assert_drawn_from(counts, n_rows * np.array([0.5, 0.3, 0.2]))


@pytest.mark.parametrize("conditions", [({0: 0}, {0: 2}), ({4: (0, -3.0, 0)}, {4: (0, 3.0, 0)})], ids=str)
def test_a_known_code_or_value_moves_the_other_columns(conditions):
    tables = [drawn(knows_everything(), 4000, condition=condition) for condition in conditions]
    counts = [np.bincount(table.codes[:, 2], minlength=5) / 4000 for table in tables]
    assert total_variation(*counts) > 2 * sampling_error(counts[0], 4000)


@over_rounds
def test_a_layout_of_constants_draws_their_one_code(rounds):
    model = model_of(Layout((Span("a", 1), Span("b", 1))))
    table = drawn(model, 5, rounds=rounds)
    np.testing.assert_array_equal(table.codes, np.zeros((5, 2)))
    assert table.values.shape == (5, 0)


def test_numbers_are_drawn_in_full_precision():
    # bfloat16, in which large products run where the machine can, tells few of a thousand numbers apart.
    model = model_of(TEXTBOOK, known=(), hidden_dims=(32,), latent_dim=10, residual=False)
    values = drawn(model, 1000).values
    assert min(len(np.unique(column)) for column in values.T) > 990


@pytest.mark.parametrize(("rounds", "tolerance"), [(None, TOLERANCE), (1, 0.01)], ids=["all rounds", "one"])
def test_a_trained_model_reproduces_the_joint_in_one_round_by_way_of_classes(trained, rounds, tolerance):
    n_rows = 20_000
    expected = shares(pair_table(4000))  # what it was trained on
    distance = total_variation(shares(drawn(trained, n_rows, rounds=rounds)), expected)
    assert distance < sampling_error(expected, n_rows) + tolerance


def test_one_round_of_a_single_class_draws_columns_independently():
    n_rows, model = 20_000, model_of(PAIR)
    model.classes.fit(cells_of(pair_table(4000)), model.space, rng_of(0))
    expected = shares(pair_table(4000))
    independent = np.outer(expected.sum(1), expected.sum(0))
    table = shares(drawn(model, n_rows, rounds=1))
    assert total_variation(table, independent) < sampling_error(independent, n_rows) + 0.01


def test_one_round_asks_no_network():
    model, other = knows_where_rows_lie(), knows_where_rows_lie()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.neg_()
    assert_same(*(drawn(each, 500, rounds=1, correct=True) for each in (model, other)))


@pytest.mark.parametrize("rounds", [2, 3])
def test_fewer_rounds_than_columns_start_from_the_classes_and_go_on_with_the_network(rounds):
    plain = drawn(knows_where_rows_lie(), 500, rounds=rounds)
    other_network, other_classes = knows_where_rows_lie(), knows_where_rows_lie()
    with torch.no_grad():
        for parameter in other_network.generator.parameters():
            parameter.neg_()
        other_classes.classes.code_shares.copy_(other_classes.classes.code_shares.flip(0))
        other_classes.classes.shares.copy_(torch.tensor([0.9, 0.02, 0.02, 0.02, 0.02, 0.02]))
    for model in (other_network, other_classes):
        assert not np.array_equal(drawn(model, 500, rounds=rounds).codes, plain.codes)


@pytest.mark.parametrize("rounds", [None, 4, 99])
def test_with_a_round_for_each_column_classes_do_not_matter(rounds):
    model, other = knows_where_rows_lie(), knows_where_rows_lie()
    other.classes.shares.copy_(torch.tensor([0.9, 0.02, 0.02, 0.02, 0.02, 0.02]))
    assert_same(*(drawn(each, 500, rounds=rounds) for each in (model, other)))


def test_auto_takes_one_round_where_classes_say_all_and_all_rounds_where_nothing_else_does():
    model = knows_where_rows_lie()
    for said, rounds in ((0.0, 1), (1.0, None)):
        model.information.fill_(1.0)
        model.unexplained.fill_(said)
        assert_same(*(drawn(model, 400, rounds=each) for each in ("auto", rounds)))


def test_auto_takes_as_many_rounds_as_are_enough():
    model = knows_where_rows_lie()
    for matrix in (model.information, model.unexplained):
        matrix.zero_()
        matrix[0, 2] = matrix[2, 0] = 1.0  # two columns that must not be drawn together
    assert_same(*(drawn(model, 400, rounds=each) for each in ("auto", 2)))


@over_rounds
@pytest.mark.parametrize("y", [0, 1])
def test_a_trained_model_reproduces_x_given_y(trained, y, rounds):
    n_rows = 10_000
    conditional = shares(pair_table(4000))[:, y]
    conditional /= conditional.sum()
    table = drawn(trained, n_rows, condition={1: y}, rounds=rounds)
    distance = total_variation(shares(table)[:, y], conditional)
    assert distance < sampling_error(conditional, n_rows) + TOLERANCE


@pytest.mark.parametrize("index", range(len(PLACED.relations)))
def test_a_trained_model_reproduces_how_often_columns_are_equal(trained_on_lines, index):
    n_rows, expected = 5000, placed_table(4000).relations[:, index].mean()
    seen = drawn(trained_on_lines, n_rows).relations[:, index].mean()
    assert seen == pytest.approx(expected, abs=4 * (expected / n_rows) ** 0.5 + 0.01)


@pytest.mark.parametrize(("column", "code", "index"), [(0, 1, 1), (2, 0, 0), (2, 2, 0)])
def test_about_a_third_of_the_cells_equal_a_known_partner(trained_on_lines, column, code, index):
    n_rows, learned = 3000, placed_table(4000)
    expected = learned.relations[learned.codes[:, column] == code, index].mean()
    table = drawn(trained_on_lines, n_rows, condition={column: (code, 0.0, 2)})
    margin = 4 * (expected / n_rows) ** 0.5 + TOLERANCE
    assert expected == pytest.approx(1 / 3, abs=0.05)
    assert table.relations[:, index].mean() == pytest.approx(expected, abs=margin)


@pytest.mark.parametrize("index", range(len(PLACED.placed)))
def test_a_trained_model_reproduces_places(trained_on_lines, index):
    # In quarters, since a cell that follows one of x stands in the middle of a quarter.
    n_rows, span = 5000, PLACED.spans[PLACED.placed[index]]
    table = drawn(trained_on_lines, n_rows)
    has_place = np.isin(table.codes[:, PLACED.placed[index]], span.place_codes)
    quarters = table.places[has_place, index] * 4 // span.n_places
    seen, expected = np.bincount(quarters, minlength=4) / len(quarters), np.full(4, 1 / 4)
    assert total_variation(seen, expected) < sampling_error(expected, len(quarters)) + TOLERANCE


# Redrawn rows


@over_tables
@pytest.mark.parametrize("correct", [False, True])
def test_without_trees_or_where_it_is_not_asked_nothing_is_redrawn(name, correct):
    layout, rows_of = TABLES[name]
    model = model_with(name)
    plain = drawn(model, 300, redraw=False, correct=correct)
    assert not np.array_equal(drawn(model, 300, correct=correct).codes, plain.codes)
    model.trees = grown(layout, rows_of(300), max_time=0)
    assert_same(drawn(model, 300, correct=correct), plain)
    assert_same(redrawn_rows(model, plain, range(len(layout))).table(), filling_of(model, plain).table())


def test_columns_are_redrawn_in_random_order(monkeypatch):
    orders, model = [], model_with("codes")
    monkeypatch.setattr(Filling, "redraw", lambda filling, columns: orders.append(tuple(columns)))
    for seed in range(60):
        drawn(model, 1, condition={1: 2}, seed=seed)
    assert set(orders) == set(itertools.permutations([0, 2, 3]))


def test_redrawing_makes_up_for_a_generator_that_is_wrong():
    n_rows, real = 4000, pairs_of(four_table(2000).codes)
    model = model_with("codes")  # untrained
    plain, better = (pairs_of(drawn(model, n_rows, redraw=redraw).codes) for redraw in (False, True))
    assert total_variation(better, real) < total_variation(plain, real) / 3


def test_under_a_condition_the_others_are_redrawn_given_it():
    n_rows, table = 6000, four_table(2000)
    model = model_with("codes")
    real = np.bincount(table.codes[table.codes[:, 0] == 2, 1], minlength=3)
    plain, better = (
        np.bincount(drawn(model, n_rows, condition={0: 2}, redraw=redraw).codes[:, 1], minlength=3) / n_rows
        for redraw in (False, True)
    )
    real = real / real.sum()
    assert total_variation(better, real) < total_variation(plain, real) / 3


# The public parameter


def test_a_loaded_model_redraws_as_the_saved_one(whole_model, tmp_path):
    assert len(whole_model.model_.trees.columns) > 3
    whole_model.save(tmp_path / "model")
    loaded = SynthGAN.load(tmp_path / "model")
    assert_same_trees(loaded.model_.trees, whole_model.model_.trees)
    assert loaded.sample(50, random_state=1).equals(whole_model.sample(50, random_state=1))
    without = copy.deepcopy(loaded).set_params(redraw=False)
    without.save(tmp_path / "without")
    again = SynthGAN.load(tmp_path / "without")
    assert again.redraw is False
    assert again.sample(50, random_state=1).equals(without.sample(50, random_state=1))


def test_whether_cells_are_redrawn_is_a_parameter_of_drawing(whole_model):
    plain = copy.deepcopy(whole_model).set_params(redraw=False)
    assert not plain.sample(50, random_state=1).equals(whole_model.sample(50, random_state=1))
    plain.model_.trees = CellTrees(len(plain.model_.layout.coded))
    silent = copy.deepcopy(plain).set_params(redraw=True)
    assert silent.sample(50, random_state=1).equals(plain.sample(50, random_state=1))


@pytest.mark.parametrize("redraw", ["yes", None, 0.5])
def test_what_is_no_truth_value_is_refused(redraw):
    with pytest.raises(ParameterError, match="redraw must be True, False"):
        SynthGAN(redraw=redraw, verbose=0).fit(PENGUINS)


def test_fitting_grows_trees_from_the_rows_to_train_on_alone(whole_model):
    trees = whole_model.model_.trees
    n_learned = len(trees.codes) // (len(trees.columns) * trees.roots.shape[1])
    assert 0.9 * len(PENGUINS) < n_learned < len(PENGUINS)
