"""Alpha-precision and beta-recall by hand, and what they are of copies, of other real rows, of far ones."""

import numpy as np
import pandas as pd
import pytest
from small_comparisons import mixed_table

from synthgan.evaluation.coverage import coverage
from synthgan.exceptions import DataError

STEPS = np.linspace(0, 1, 30)


def rng(seed=0):
    return np.random.default_rng(seed)


def frame_of(n_rows, seed):
    return mixed_table(n_rows, seed, n_numbers=3, n_levels=1, levels=["Bern", "Basel", None])


def of_numbers(real, drawn):
    return coverage(pd.DataFrame({"x": real}), pd.DataFrame({"x": drawn}), rng=rng())


def test_a_small_table_by_hand():
    found = of_numbers([0.0, 1.0, 3.0], [0.4, 10.0, 10.0])
    # Nearest real rows are 1, 1 and 2 away, the nearest drawn row is 0.4 everywhere: two of three are near.
    assert found.beta_recall == pytest.approx(1 - np.abs(STEPS - 2 / 3).sum() / STEPS.sum())
    # Real rows are 4/3, 1/3 and 5/3 from their mean 4/3, the first drawn row 14/15 and the others beyond.
    within = np.quantile([1 / 3, 4 / 3, 5 / 3], STEPS) >= 14 / 15
    assert found.alpha_precision == pytest.approx(1 - np.abs(STEPS - within / 3).sum() / STEPS.sum())


def test_copies_are_perfect():
    rows = frame_of(500, 0)
    found = coverage(rows, rows.sample(frac=1, random_state=0), rng=rng())
    # Shares of 500 rows are within 1 / 500 of the steps, which are 1/2 on average.
    assert found.alpha_precision == pytest.approx(1, abs=2 * 2 / 500)
    assert found.beta_recall == pytest.approx(1, abs=2 * 2 / 500)


@pytest.mark.parametrize(("n_real", "n_drawn", "margin"), [(2000, 2000, 0.05), (3000, 1000, 0.08)])
def test_as_many_other_real_rows_have_a_recall_of_a_half(n_real, n_drawn, margin):
    # The share of n near rows has a standard error of about sqrt(1 / 4 / n), of 2000 rows 0.011. With all of
    # the real rows, three times as many as the 1000 drawn ones, the recall would be a quarter.
    found = coverage(frame_of(n_real, 0), frame_of(n_drawn, 1), rng=rng())
    assert found.beta_recall == pytest.approx(0.5, abs=margin)
    assert found.alpha_precision > 0.95


def test_half_copies_are_between():
    real, drawn = frame_of(1000, 0), frame_of(1000, 1)
    drawn.iloc[:500] = real.iloc[:500]
    assert 0.6 < coverage(real, drawn, rng=rng()).beta_recall < 0.9


def test_far_rows_are_worth_nothing():
    found = coverage(frame_of(200, 0), frame_of(200, 1).assign(number0=1e6), rng=rng())
    assert found == pytest.approx((0, 0))


def test_rows_in_the_centre_are_not_precise():
    # All of them within every radius is as far from right as none within any.
    assert of_numbers([-2.0, -1.0, 1.0, 2.0] * 5, [0.0] * 20).alpha_precision == pytest.approx(0)


def test_rows_that_equal_several_real_ones_are_near():
    # The nearest other real row is at distance 0, and so is the nearest drawn one, but for rounding.
    real = np.repeat(np.arange(100) / 7, 2)
    assert of_numbers(real, real[::-1]).beta_recall == pytest.approx(1, abs=2 * 2 / 100)


def test_the_unit_of_a_column_does_not_matter():
    real, drawn = frame_of(300, 0), frame_of(300, 1)
    found = coverage(real, drawn, rng=rng())
    scaled = coverage(
        real.assign(number0=1e9 * real["number0"] + 5),
        drawn.assign(number0=1e9 * drawn["number0"] + 5),
        rng=rng(),
    )
    assert scaled == pytest.approx(found, abs=0.005)


def test_no_more_rows_are_looked_at_than_asked():
    real, drawn = frame_of(300, 0), frame_of(300, 1)
    assert coverage(real, drawn, rng=rng(), max_rows=300) == coverage(real, drawn, rng=rng())
    assert coverage(real, real, rng=rng(), max_rows=2) != coverage(real, real, rng=rng(), max_rows=300)


def test_every_kind_of_column_has_a_place(column):
    frame = pd.DataFrame({"x": column})
    if len(frame) < 2:
        with pytest.raises(DataError, match="at least two rows"):
            coverage(frame, frame, rng=rng())
    else:
        found = coverage(frame, frame, rng=rng(), max_rows=200)
        assert all(0 <= figure <= 1 for figure in found)
