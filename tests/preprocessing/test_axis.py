import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.preprocessing.axis import Axis
from synthgan.preprocessing.base import CodingOptions

MAGNITUDE = 1e150
NUMBERS = st.floats(-MAGNITUDE, MAGNITUDE, allow_subnormal=False) | st.sampled_from([0.0, 1.0, -1.0, 1e9])


@st.composite
def columns(draw):
    """Return up to 400 numbers, some of them often: the sizes first, since lists of any length are short."""
    n_levels, n_rows = draw(st.integers(1, 60)), draw(st.integers(1, 400))
    levels = np.array(draw(st.lists(NUMBERS, min_size=n_levels, max_size=n_levels)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return levels[np.minimum(rng.geometric(2 / n_levels if n_levels > 2 else 0.9, n_rows), n_levels) - 1]


COLUMNS = columns()
OPTIONS = st.builds(
    CodingOptions, numbers=st.sampled_from(["quantile", "standard"]), max_pieces=st.integers(4, 60)
)


def ends(axis):
    """Return the first and the last knot of each piece."""
    return axis.knots[axis.starts[:-1]], axis.knots[axis.starts[1:] - 1]


@given(numbers=COLUMNS, options=OPTIONS)
def test_pieces_part_the_line_in_order_and_have_the_positions_of_their_middle_ranks(numbers, options):
    axis = Axis.fit(numbers, options)
    first, last = ends(axis)
    assert (np.diff(axis.knots) >= 0).all()
    assert (np.diff(axis.starts) > 0).all()
    assert (first <= last).all()
    assert (last[:-1] < first[1:]).all()
    assert (first[0], last[-1]) == (numbers.min(), numbers.max())
    share = np.bincount(axis.encode(numbers)[0], minlength=len(axis)) / len(numbers)
    middles = 2 * (np.cumsum(share) - share / 2) - 1
    np.testing.assert_allclose(axis.positions, middles, atol=1e-12)


@given(numbers=COLUMNS, max_pieces=st.integers(4, 60))
def test_places_grow_from_0_to_1_in_every_piece(numbers, max_pieces):
    axis = Axis.fit(numbers, CodingOptions(max_pieces=max_pieces))
    for piece, (start, end) in enumerate(zip(axis.starts[:-1], axis.starts[1:], strict=True)):
        assert (axis.places[start], axis.places[end - 1]) == (piece, piece + 1)
        assert (np.diff(axis.places[start:end]) >= 0).all()
        moves = np.diff(axis.places[start:end]) + np.diff(axis.knots[start:end])
        assert (moves > 0).all()


@given(numbers=COLUMNS, options=OPTIONS)
def test_every_learned_number_lies_in_its_piece_and_comes_back(numbers, options):
    axis = Axis.fit(numbers, options)
    codes, values = axis.encode(numbers)
    first, last = (end[codes] for end in ends(axis))
    back = axis.decode(codes, values)
    assert ((first <= numbers) & (numbers <= last)).all()
    assert set(codes) == set(range(len(axis)))
    # Between two knots, as far as a quarter of the piece apart in place, float64 loses some digits.
    whole_line = axis.knots[-1] - axis.knots[0]
    exactness = 1e-13 * (whole_line if axis.is_standardised else last - first)
    np.testing.assert_array_less(np.abs(back - numbers), exactness + 1e-15 * np.abs(numbers) + 1e-300)
    is_point = first == last
    np.testing.assert_array_equal(back[is_point], numbers[is_point])


@given(numbers=COLUMNS, options=OPTIONS, others=st.lists(NUMBERS, min_size=2, max_size=50))
def test_encoding_keeps_the_order_of_any_numbers(numbers, options, others):
    axis = Axis.fit(numbers, options)
    # One by one: equal numbers that are encoded together are spread.
    codes, values = np.concatenate([axis.encode(np.array([number])) for number in sorted(others)], axis=1)
    assert ((codes >= 0) & (codes < len(axis))).all()
    assert (np.diff(codes) >= 0).all()
    assert (np.diff(values)[np.diff(codes) == 0] >= 0).all()


@given(numbers=COLUMNS, options=OPTIONS, values=st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_decoding_grows_with_code_and_value_and_stays_in_the_piece(numbers, options, values):
    axis = Axis.fit(numbers, options)
    codes = np.repeat(np.arange(len(axis)), len(values))
    decoded = axis.decode(codes, np.tile(np.sort(values), len(axis)))
    first, last = ends(axis)
    assert (np.diff(decoded) >= 0).all()
    assert ((first[codes] <= decoded) & (decoded <= last[codes])).all()


@pytest.mark.parametrize("n", [50, 1000, 20_000])
def test_a_continuous_column_has_pieces_of_about_equal_mass(n):
    numbers = np.random.default_rng(0).lognormal(size=n)
    axis = Axis.fit(numbers, CodingOptions())
    share = np.bincount(axis.encode(numbers)[0]) / n
    wanted = int(np.clip(np.sqrt(n), 4, 50))
    assert len(axis) == wanted
    assert np.abs(share - 1 / wanted).max() <= 1 / n


def test_few_numbers_are_all_points_and_a_frequent_one_is_always_a_point():
    rng = np.random.default_rng(0)
    dice = Axis.fit(rng.integers(1, 7, 1000).astype(float), CodingOptions())
    assert np.unique(dice.knots).tolist() == [1, 2, 3, 4, 5, 6]
    assert len(dice) == 6
    assert not dice.stretches.any()
    for numbers in ("quantile", "standard"):
        axis = Axis.fit(np.concatenate([np.zeros(300), rng.normal(size=700)]), CodingOptions(numbers=numbers))
        first, last = ends(axis)
        assert first[first == last].tolist() == [0.0]


def test_standardised_values_have_mean_0_and_deviation_1_outside_the_points():
    numbers = np.concatenate([np.zeros(500), np.random.default_rng(0).normal(5, 3, 500)])
    codes, values = Axis.fit(numbers, CodingOptions(numbers="standard")).encode(numbers)
    inside = values[codes != codes[0]]
    assert len(inside) == 500
    assert (values[codes == codes[0]] == 0).all()
    assert inside.mean() == pytest.approx(0, abs=1e-9)
    assert inside.std() == pytest.approx(1)


def test_drawing_uniform_places_gives_back_the_distribution():
    """Kolmogorov's distance at 1.63 / sqrt(n) has one chance in a hundred; the knots add 1 / (40 * 50)."""
    column = np.random.default_rng(0).standard_t(2, size=5000)
    axis = Axis.fit(column, CodingOptions())
    rng = np.random.default_rng(1)
    codes = axis.encode(column)[0]
    drawn = np.sort(axis.decode(codes, rng.random(len(codes))))
    grid = np.quantile(column, np.linspace(0, 1, 999))
    gap = np.searchsorted(drawn, grid) / 5000 - np.searchsorted(np.sort(column), grid) / 5000
    assert np.abs(gap).max() < 1.63 / np.sqrt(5000) + 1 / 2000


def test_no_piece_reaches_over_a_gap_between_two_groups():
    rng = np.random.default_rng(0)
    numbers = np.concatenate([rng.normal(0, 1, 350), rng.normal(20, 1, 50)])
    axis = Axis.fit(numbers, CodingOptions())
    first, last = ends(axis)
    assert not ((first < 10) & (last > 10)).any()
    codes = np.repeat(np.arange(len(axis)), 100)
    drawn = axis.decode(codes, rng.random(len(codes)))
    assert ((drawn < 5) | (drawn > 15)).all()


def test_lonely_numbers_far_out_are_no_group():
    numbers = np.concatenate([np.random.default_rng(0).normal(size=400), [1e3, 1e4, 1e5]])
    axis = Axis.fit(numbers, CodingOptions())
    assert axis.stretches.all()


def test_values_of_several_rows_come_back_with_their_shares():
    """A quarter of the rows hold one of 40 prices; the rest are all different."""
    rng = np.random.default_rng(0)
    prices = rng.choice(np.arange(1, 41) / 4, 2000)
    numbers = np.concatenate([prices, rng.exponential(3, 6000)])
    axis = Axis.fit(numbers, CodingOptions(max_pieces=10))
    codes, _ = axis.encode(numbers)
    drawn = axis.decode(codes, rng.random(len(codes)))
    seen, n_seen = np.unique(prices, return_counts=True)
    n_drawn = np.array([(drawn == price).sum() for price in seen])
    assert np.abs(n_drawn - n_seen).max() < 4 * np.sqrt(n_seen.max())
    assert n_drawn.sum() == pytest.approx(2000, abs=4 * np.sqrt(2000))


def test_equal_numbers_are_spread_over_the_places_that_they_have():
    numbers = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], [10, 30, 20, 30, 10])
    axis = Axis.fit(np.concatenate([numbers, np.linspace(10, 20, 300)]), CodingOptions(max_pieces=4))
    _, places = axis.encode(numbers)
    assert np.allclose(np.sort(places), (np.arange(100) + 0.5) / 100)
