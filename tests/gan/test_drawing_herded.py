import copy

import numpy as np
import pytest
import torch
from small_models import knows_where_rows_lie
from small_tables import (
    PAIR,
    assert_same,
    drawn,
    model_of,
    pair_table,
    rng_of,
    sampling_error,
    shares,
    total_variation,
)

from synthgan.gan import drawing
from synthgan.gan.balancing import Forest
from synthgan.gan.budget import Budget
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
