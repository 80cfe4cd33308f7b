"""Laws of completing rows: what is known stays, what is filled in depends on the row alone."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from small_gaps import LINED, NOISE, SIDE, X, Y, lined_gaps, new_round

from synthgan.gan.completing import Completer, Gaps, Prediction
from synthgan.gan.learning_gaps import Hidden, grow, weigh

COLUMNS = [X, SIDE, Y]


def learned_round(seed=0):
    each = new_round()
    gaps, points = lined_gaps(1500, seed)
    grow(each, gaps, COLUMNS, n_trees=8, rng=np.random.default_rng(seed))
    weigh(each, Hidden(gaps, points, gaps.is_open))
    return each


@pytest.fixture(scope="module")
def completer():
    whole = Completer(LINED)
    for number, each in enumerate(whole.rounds):
        each.load_state_dict(learned_round(number).state_dict())
    return whole


def taken(gaps, rows):
    """Some rows, as they were before they were filled in further."""
    told = {
        place: expected[np.isin(np.flatnonzero(gaps.is_open[:, place]), rows)]
        for place, expected in gaps.told.items()
    }
    return Gaps.of(gaps.points[rows], gaps.is_open[rows], told)


def test_what_is_known_stays_and_all_else_is_filled(completer):
    gaps, points = lined_gaps(400, seed=5)
    expected = completer.complete(gaps)
    assert np.array_equal(gaps.points[~gaps.is_open], points[~gaps.is_open])
    assert set(expected) == set(COLUMNS)
    for place in COLUMNS:
        filled = gaps.points[gaps.is_open[:, place], place]
        own = expected[place]
        assert np.array_equal(filled, own if own.ndim == 1 else own.argmax(1))
    np.testing.assert_allclose(expected[SIDE].sum(1), 1, atol=1e-6)


def test_rows_are_completed_as_well_as_noise_lets_them(completer):
    gaps, points = lined_gaps(2000, seed=6)
    expected = completer.complete(gaps)
    has_other = ~gaps.is_open[:, X][gaps.is_open[:, Y]]
    errors = (expected[Y] - points[gaps.is_open[:, Y], Y])[has_other]
    assert np.sqrt(np.mean(errors**2)) < 1.3 * NOISE
    right = (expected[SIDE].argmax(1) == points[gaps.is_open[:, SIDE], SIDE]).mean()
    assert right > 0.85


def test_a_row_is_completed_the_same_whatever_others_there_are(completer):
    gaps, _ = lined_gaps(300, seed=7)
    rows = np.arange(0, 300, 3)
    some = taken(gaps, rows)
    completer.complete(gaps)
    completer.complete(some)
    np.testing.assert_allclose(some.points, gaps.points[rows], atol=1e-6)


def test_what_has_learned_nothing_says_what_it_is_told():
    gaps, _ = lined_gaps(50)
    before = gaps.points.copy()
    expected = Completer(LINED).complete(gaps)
    assert all(expected[place] is gaps.told[place] for place in COLUMNS)
    assert np.array_equal(gaps.points, before)


def test_a_completion_comes_back_from_what_a_file_holds(completer):
    again = Completer(LINED)
    again.load_state_dict(completer.state_dict())
    first, second = (lined_gaps(100, seed=8)[0] for _ in range(2))
    completer.complete(first)
    again.complete(second)
    assert np.array_equal(first.points, second.points)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("slopes", lambda own: own * np.nan),
        ("slopes", lambda own: own[:, 1:]),
        ("intercepts", lambda own: own[1:]),
        ("weights", lambda own: own * np.nan),
    ],
)
def test_lines_that_do_not_fit_are_refused(completer, name, wrong):
    state = completer.state_dict()
    state[f"1.{name}"] = wrong(state[f"1.{name}"])
    with pytest.raises(RuntimeError, match="The lines do not fit the columns"):
        Completer(LINED).load_state_dict(state)


def test_cells_that_are_known_to_be_missing_are_no_numbers_and_asked_about_as_zero():
    points, is_open = np.array([[np.nan, 1.0, 2.0]]), np.array([[False, False, True]])
    gaps = Gaps.of(points, is_open, {Y: np.array([0.5])})
    assert gaps.points.tolist() == [[0.0, 1.0, 0.5]]


def test_trees_are_asked_about_all_but_their_own_column():
    gaps, _ = lined_gaps(20)
    rows, on_line = np.arange(20), np.linspace(0, 1, 20)
    asked = gaps.asked(Y, rows, on_line)
    assert asked.shape == (20, 2 * 3 + 1)
    assert not asked[:, [Y, 4 + Y]].any()
    np.testing.assert_allclose(asked[:, 3], on_line, rtol=1e-6)
    np.testing.assert_array_equal(asked[:, 4:6].astype(bool), gaps.is_open[:, :2])


@pytest.mark.parametrize(
    ("weights", "blended"), [((0.0, 0.0), 1.0), ((0.0, 1.0), 3.0), ((1.0, 0.0), 7.0), ((0.5, 0.5), 5.0)]
)
def test_a_blend_goes_from_the_line_over_the_trees_to_what_is_told(weights, blended):
    own = Prediction(np.array([1.0]), np.array([2.0]))
    assert own.blend(np.array([7.0]), weights).tolist() == [blended]


@pytest.mark.parametrize("place", [SIDE, Y])
def test_stored_trees_predict_what_the_forests_of_scikit_learn_do(place, monkeypatch):
    forests = []
    for kind in (RandomForestRegressor, ExtraTreesClassifier):

        def fit(forest, asked, goal, *, own=kind.fit):
            forests.append(forest)
            return own(forest, asked, goal)

        monkeypatch.setattr(kind, "fit", fit)
    each, (gaps, _) = new_round(), lined_gaps(400)
    grow(each, gaps, [place], n_trees=6, rng=np.random.default_rng(0))
    rows, other = np.arange(200), lined_gaps(200, seed=9)[0]
    asked = other.asked(place, rows, np.linspace(-1, 1, 200))
    plain, whole = forests
    if place == SIDE:
        wanted = (plain.predict_proba(asked[:, :4]) + whole.predict_proba(asked)) / 2
    else:
        wanted = (plain.predict(asked[:, :4]) + whole.predict(asked))[:, None] / 2
    predicted = each.trees.predicted(place, torch.from_numpy(asked), wanted.shape[1])
    np.testing.assert_allclose(predicted.numpy(), wanted, atol=1e-5)
