import copy
import itertools

import numpy as np
import pytest
from quick_models import PENGUINS
from small_tables import (
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


@pytest.mark.parametrize("redraw", ["yes", None, 0.5])
def test_what_is_no_truth_value_is_refused(redraw):
    with pytest.raises(ParameterError, match="redraw must be True, False"):
        SynthGAN(redraw=redraw, verbose=0).fit(PENGUINS)


def test_fitting_grows_trees_from_the_rows_to_train_on_alone(fitted):
    trees = fitted.model_.trees
    n_learned = len(trees.codes) // (len(trees.columns) * trees.roots.shape[1])
    assert 0.9 * len(PENGUINS) < n_learned < len(PENGUINS)
