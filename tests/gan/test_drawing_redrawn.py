import copy
import itertools

import numpy as np
import pytest
import torch
from quick_models import PENGUINS
from selections import combinations
from small_tables import (
    PLACED,
    assert_same,
    drawn,
    four_table,
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
from synthgan.gan.filling import Filling
from synthgan.gan.redrawing import CellTrees

# Drawing


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
@pytest.mark.parametrize(
    ("rounds", "correct"),
    combinations([None, 1, 2], [False, True], always=lambda rounds, correct: correct == (rounds == 2)),
)
def test_known_cells_hold_in_redrawn_rows(condition, rounds, correct):
    model = model_with("places and relations")
    known = {column: (code, 0.0, place) for column, code, place in condition}
    table = drawn(model, 400, condition=known, rounds=rounds, correct=correct)
    for column, code, place in condition:
        assert (table.codes[:, column] == code).all()
        if column in PLACED.place_index:
            assert (table.places[:, PLACED.place_index[column]] == place).all()
    for column in set(range(4)) - set(known):
        assert len(np.unique(table.codes[:, column])) == PLACED.spans[column].n_codes


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


@pytest.fixture
def fitted(whole_model):
    return whole_model


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
