"""Copies of rows: symmetry gives 0 where nothing is copied, and every copy counts once."""

import numpy as np
import pytest
from small_comparisons import mixed_table

from synthgan.evaluation.copies import Pool, copies, exact_copies, excess, near_copies, share_closer
from synthgan.evaluation.distances import Neighbours, Rows, rows_of

N_LEARNED, N_HELD_OUT, N_DRAWN = 240, 60, 240


def tables(seed, copied=0, noise=0.0):
    """Learned, held-out and drawn rows of one law; so many of the drawn ones are copies of learned ones."""
    rng = np.random.default_rng(seed)
    learned, held_out, drawn = (mixed_table(n, rng, 5, 3, "abc") for n in (N_LEARNED, N_HELD_OUT, N_DRAWN))
    drawn.iloc[:copied] = learned.iloc[:copied]
    drawn.iloc[:copied, :5] += noise * rng.normal(size=(copied, 5))
    return learned, held_out, drawn


def found_in(frames, seed=0):
    learned, held_out, drawn = rows_of(*frames)
    rng = np.random.default_rng(seed)
    pool = Pool(learned, held_out, rng)
    return copies(pool, drawn, pool.neighbours(drawn), rng)


def test_a_copy_belongs_to_all_real_rows_that_it_equals():
    assert exact_copies(np.array([7, 7, 3, 1]), np.array([7, 3, 3, 0])).tolist() == [0.5, 0.5, 2.0, 0.0]


def test_a_near_copy_is_four_times_nearer_to_one_row_than_to_the_next():
    distances = np.array([[0.9, 4.0], [1.1, 4.0], [0.0, 0.1], [0.0, 0.0]])
    found = Neighbours(np.array([[1, 0], [1, 0], [2, 0], [0, 1]]), distances)
    assert near_copies(found, 4).tolist() == [0.0, 1.0, 1.0, 0.0]


def test_excess_is_the_copies_of_learned_rows_less_their_share_of_those_of_held_out_ones():
    is_held_out = np.arange(10) >= 8
    n_copies = np.array([1, 1, 1, 1, 1, 1, 0, 0, 1, 0.0])
    # Six copies of learned rows; the one of two held-out rows would be four of eight.
    assert excess(n_copies, is_held_out, 100).value == pytest.approx((6 - 4) / 100)
    assert 0 in excess(n_copies, is_held_out, 100)
    assert excess(np.zeros(10), is_held_out, 100).value == 0


def test_excess_is_symmetric_over_all_names():
    n_copies = np.array([5.0, 0, 1, 0, 0, 2])
    values = [excess(n_copies, np.arange(6) == row, 10).value for row in range(6)]
    assert np.mean(values) == pytest.approx(0)


def test_copies_that_heap_on_one_row_prove_less_than_copies_of_many():
    is_held_out = np.arange(100) >= 80
    many, one = np.where(np.arange(100) < 40, 1.0, 0.0), np.where(np.arange(100) == 0, 40.0, 0.0)
    assert excess(many, is_held_out, 400).low > 0 > excess(one, is_held_out, 400).low


def test_closer_is_one_half_over_all_names():
    """Every choice of held-out rows among six, for one drawn row that sees all or only some of them."""
    rng = np.random.default_rng(0)
    for n_seen in (6, 3):
        found = Neighbours(np.arange(n_seen)[None], np.arange(n_seen, dtype=float)[None])
        names = [np.isin(np.arange(6), (i, j)) for i in range(6) for j in range(i)]
        values = [share_closer(found, is_held_out, rng).value for is_held_out in names]
        assert np.mean(values) == pytest.approx(0.5)


def test_closer_is_the_mean_over_choices_of_as_many_learned_rows():
    # The nearest is learned, the next held out: of four learned rows one is compared, the nearest in 1 of 4.
    found = Neighbours(np.arange(5)[None], np.arange(5.0)[None])
    is_held_out = np.array([False, True, False, False, False])
    assert share_closer(found, is_held_out, np.random.default_rng(0)).value == pytest.approx(1 / 4)


def test_equally_near_rows_are_chosen_among_by_chance():
    rows = Rows(np.zeros((50, 1)), np.zeros((50, 1)), np.zeros(50, dtype=np.int64))
    firsts = []
    for seed in range(40):
        pool = Pool(rows, rows, np.random.default_rng(seed))
        firsts.append(pool.is_held_out[pool.neighbours(rows.take(slice(1))).indices[0, 0]])
    # 40 tosses of a coin: 20 and four standard deviations of 3.2.
    assert 7 < sum(firsts) < 33


def test_intervals_hold_what_chance_gives():
    found = [found_in(tables(seed)) for seed in range(40)]
    # Intervals of 95 %: 7 or more of 40 miss in one of 300 cases.
    assert sum(0 not in one.near for one in found) < 7
    assert sum(0.5 not in one.closer for one in found) < 7
    shares = np.array([one.closer.value for one in found])
    assert shares.mean() == pytest.approx(0.5, abs=4 * shares.std() / np.sqrt(40))
    assert all(one.exact.value == 0 for one in found)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_one_row_copied_in_twenty_is_seen(noise):
    for seed in range(5):
        found = found_in(tables(seed, copied=24, noise=noise))
        # Few of 240 drawn rows are near copies by chance; the excess is off by those.
        assert found.near.value == pytest.approx(24 / N_DRAWN, abs=0.03)
        assert found.near.low > 0
        assert found.exact.value == pytest.approx(0.0 if noise else 24 / N_DRAWN)
        assert (found.exact.low > 0) == (noise == 0)


def test_copies_of_held_out_rows_count_against():
    learned, held_out, drawn = tables(0, copied=60)
    found = found_in((held_out, learned[:60], drawn))
    assert found.exact.value == pytest.approx(-60 / N_DRAWN)
    assert found.near.high < 0


def test_rows_that_lie_close_to_learned_ones_are_closer_without_being_copies():
    learned, held_out, drawn = tables(0, copied=N_DRAWN, noise=0.6)
    found = found_in((learned, held_out, drawn))
    assert found.closer.low > 0.5
    assert found.exact.value == 0
