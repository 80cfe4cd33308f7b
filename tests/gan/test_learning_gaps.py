"""Laws of learning to complete rows: what is learned, from which columns, and what each part is worth."""

import time

import numpy as np
import pytest
import torch
from small_gaps import LINED, SIDE, X, Y, lined_gaps, lined_points, new_round
from small_tables import model_of, rng_of, spread_out, table_of

from synthgan.gan.completing import Prediction
from synthgan.gan.learning_gaps import (
    MIN_TIME,
    Hidden,
    code_weight,
    columns_with_gaps,
    grow,
    learn_gaps,
    line_weights,
    weigh,
)

HOW = {"rounds": 1, "redraw": False, "correct": False}


def encoded(n_rows, seed=0, share_missing=0.2):
    """A table over LINED with missing cells in its last two columns, and where cells stand."""
    points, rng = lined_points(n_rows, seed), np.random.default_rng(seed + 2)
    amounts = np.column_stack([points[:, 0], np.zeros(n_rows), points[:, 1:]])
    amounts[:, 2:][rng.random((n_rows, 2)) < share_missing] = np.nan
    x, y = (np.clip((points[:, place] + 2) / 4, 0, 0.99) for place in (X, Y))
    codes = np.column_stack([5 * x, np.zeros(n_rows), points[:, SIDE], 3 * y]).astype(np.int64)
    codes[:, 2:][np.isnan(amounts[:, 2:])] = np.tile([2, 3], (n_rows, 1))[np.isnan(amounts[:, 2:])]
    return table_of(codes), amounts


def untrained():
    return spread_out(model_of(LINED)).eval()


def learned(share_missing=0.2, n_rows=800, **options):
    model = untrained()
    rows = (*encoded(n_rows, share_missing=share_missing), *encoded(200, 5, share_missing))
    learn_gaps(model, *rows, how=HOW, rng=rng_of(0), **options)
    return model


def test_columns_that_lack_cells_are_learned_in_every_round_and_equal_seeds_learn_the_same():
    completer, again = (learned().completer for _ in range(2))
    for each in completer.rounds:
        assert each.trees.columns == [SIDE, Y]
        assert len(each.slopes) == 1
        assert ((each.weights >= 0) & (each.weights <= 1)).all()
    # What a generator that knows nothing says counts little.
    assert each.weights[Y, 0] < 0.2
    assert each.weights[SIDE, 0] < 0.4
    assert all(torch.equal(own, again.state_dict()[name]) for name, own in completer.state_dict().items())


def test_a_table_without_gaps_teaches_nothing():
    assert not any(each.trees.columns for each in learned(share_missing=0.0).completer.rounds)


def test_where_time_is_short_nothing_is_learned_and_none_is_spent():
    started = time.monotonic()
    model = learned(max_time=MIN_TIME / 2)
    assert time.monotonic() - started < MIN_TIME / 2
    assert not any(each.trees.columns for each in model.completer.rounds)


def test_a_limit_is_kept_to_and_leaves_time_for_every_round():
    started = time.monotonic()
    model = learned(max_time=2 * MIN_TIME)
    assert time.monotonic() - started < 3 * MIN_TIME
    assert all(each.trees.columns for each in model.completer.rounds)


def test_a_column_that_few_of_the_rows_have_that_are_looked_at_is_left_out(monkeypatch):
    monkeypatch.setattr("synthgan.gan.learning_gaps._MAX_ROWS", 110)
    for each in learned(share_missing=0.8).completer.rounds:
        assert each.trees.columns == []


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda table, amounts: None, [SIDE, Y]),
        (lambda table, amounts: amounts[:, 2].fill(0.0), [Y]),
        (lambda table, amounts: amounts[50:, 3].fill(np.nan), [SIDE]),
        (lambda table, amounts: table.codes[:, 2].fill(0), [Y]),
        (lambda table, amounts: np.copyto(table.codes[:, 2], np.arange(400) // 3, "unsafe"), [Y]),
    ],
    ids=["both lack cells", "one is whole", "one is nearly empty", "one is constant", "one has many codes"],
)
def test_a_column_is_learned_that_lacks_some_cells_and_has_enough_different_ones(change, wanted):
    table, amounts = encoded(400)
    change(table, amounts)
    assert columns_with_gaps(untrained(), table, amounts) == wanted


def test_no_column_is_begun_after_the_deadline():
    each, (gaps, _) = new_round(), lined_gaps(200)
    grow(each, gaps, [X, SIDE], n_trees=4, rng=np.random.default_rng(0), deadline=time.monotonic() - 1)
    assert each.trees.columns == []


def knows(points, is_open):
    """A generator that knows every cell."""
    told = {place: points[is_open[:, place], place] for place in (X, Y)}
    return told | {SIDE: np.eye(2)[points[is_open[:, SIDE], SIDE].astype(int)]}


@pytest.mark.parametrize(("told", "is_trusted"), [(None, False), (knows, True)])
def test_who_is_right_is_believed(told, is_trusted):
    each = new_round()
    gaps, _ = lined_gaps(1000)
    grow(each, gaps, [X, SIDE, Y], n_trees=8, rng=np.random.default_rng(0))
    others, points = lined_gaps(1000, seed=4, told=told)
    weigh(each, Hidden(others, points, others.is_open))
    for place in (X, SIDE, Y):
        assert (each.weights[place, 0] > 0.6) == is_trusted


def test_weights_of_a_line_are_those_that_made_the_truth():
    rng = np.random.default_rng(0)
    own, told = Prediction(rng.normal(size=4000), rng.normal(size=4000)), rng.normal(size=4000)
    truth = own.blend(told, (0.3, 0.6)) + 0.1 * rng.normal(size=4000)
    assert line_weights(own, told, truth) == pytest.approx((0.3, 0.6), abs=0.03)


def test_a_few_cells_far_out_do_not_decide():
    rng = np.random.default_rng(0)
    own, told = Prediction(rng.normal(size=400), rng.normal(size=400)), rng.normal(size=400)
    truth = own.blend(told, (0.0, 1.0)) + 0.1 * rng.normal(size=400)
    truth[:2] += 50 * (told - own.base)[:2]
    of_told, of_change = line_weights(own, told, truth)
    assert of_told < 0.35
    assert of_change > 0.8


def test_without_a_difference_weights_are_what_they_are_elsewhere():
    nothing = Prediction(np.zeros(10), np.zeros(10))
    assert line_weights(nothing, np.zeros(10), np.zeros(10)) == pytest.approx((0.2, 0.8))
    even = Prediction(np.full((10, 2), 0.5), np.zeros((10, 2)))
    assert code_weight(even, even.base, np.zeros(10, dtype=int)) == pytest.approx(0.4)


@pytest.mark.parametrize(("is_told", "weight"), [(True, 1.0), (False, 0.0)])
def test_codes_are_weighed_by_how_likely_the_truth_is(is_told, weight):
    truth = np.random.default_rng(0).integers(2, size=200)
    right, wrong = np.eye(2)[truth], np.eye(2)[1 - truth]
    own = Prediction(wrong if is_told else right, np.zeros((200, 2)))
    assert code_weight(own, right if is_told else wrong, truth) == weight
