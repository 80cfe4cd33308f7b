import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from synthgan.evaluation.estimates import Estimate, bootstrap
from synthgan.evaluation.statistics import corrected_t, correlated_t, holm, repeated_t
from synthgan.exceptions import DataError

differences = st.lists(st.floats(-1, 1), min_size=3, max_size=30).map(np.array)


def test_corrected_t_is_the_formula_by_hand():
    cells = np.array([1.0, 2.0, 3.0, 6.0])  # mean 3, variance 14 / 3
    test = corrected_t(cells, test_over_train=0.25)
    scale = np.sqrt((1 / 4 + 1 / 4) * 14 / 3)
    assert test.difference.value == 3
    assert test.difference.high - 3 == pytest.approx(stats.t.ppf(0.975, 3) * scale)
    assert test.p_value == pytest.approx(2 * stats.t.sf(3 / scale, 3))


@given(cells=differences)
def test_without_shared_rows_or_repeats_the_test_is_that_of_student(cells):
    if np.std(cells) < 1e-6:
        return
    student = stats.ttest_1samp(cells, 0.0)
    for test in (corrected_t(cells, test_over_train=0.0), repeated_t(cells)):
        assert test.p_value == pytest.approx(student.pvalue)
        assert (test.difference.low, test.difference.high) == pytest.approx(student.confidence_interval(0.95))


@given(cells=differences, share=st.floats(0, 1))
def test_an_interval_without_zero_and_a_small_p_value_are_one(cells, share):
    test = corrected_t(cells, test_over_train=share)
    assert (0 in test.difference) == (test.p_value >= 0.05) or abs(test.p_value - 0.05) < 1e-9


@given(cells=differences, share=st.floats(0, 1))
def test_what_one_way_gains_the_other_loses(cells, share):
    ours, theirs = (correlated_t(sign * cells, rope=0.01, test_over_train=share) for sign in (1, -1))
    assert ours.better == pytest.approx(theirs.worse)
    assert ours.same == pytest.approx(theirs.same, abs=1e-9)
    assert ours.worse + ours.same + ours.better == pytest.approx(1)


def test_the_posterior_is_the_confidence_distribution():
    cells = np.array([0.01, 0.03, -0.01, 0.02, 0.02])
    low = corrected_t(cells, test_over_train=0.25, level=0.9).difference.low
    assert correlated_t(cells, rope=low, test_over_train=0.25).better == pytest.approx(0.95)


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_equal_differences_leave_no_doubt(value):
    test = corrected_t([value] * 5, test_over_train=0.25)
    assert test.difference == Estimate(value, value, value)
    assert test.p_value == (value == 0)
    posterior = correlated_t([value] * 5, rope=0.01, test_over_train=0.25)
    assert (posterior.same, posterior.better) == (float(value == 0), float(value > 0))


@pytest.mark.parametrize("cells", [[0.1], [], [0.1, np.nan], [[0.1, 0.2]]])
def test_differences_that_tell_nothing_are_an_error(cells):
    with pytest.raises(DataError):
        corrected_t(cells, test_over_train=0.25)


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_makes_no_value_smaller(p_values):
    adjusted = holm(dict(enumerate(p_values)))
    assert all(adjusted[place] >= p for place, p in enumerate(p_values))
    assert min(adjusted.values()) == pytest.approx(min(1, len(p_values) * min(p_values)))
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff([adjusted[place] for place in order]) >= 0)


def test_holm_as_in_the_paper():
    # Holm (1979), section 4: with four p-values the factors are 4, 3, 2 and 1.
    assert holm({"a": 0.01, "b": 0.02, "c": 0.02, "d": 0.5}) == {"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.5}


def test_the_corrected_interval_holds_zero_as_often_as_it_says():
    # Folds that are correlated as much as the correction takes them to be: of 1,000 intervals 950 hold the
    # truth, give or take three standard errors of a share.
    rng = np.random.default_rng(0)
    n_folds, rho = 10, 0.1 / 1.1
    shared, own = rng.normal(size=(1_000, 1)), rng.normal(size=(1_000, n_folds))
    tables = np.sqrt(rho) * shared + np.sqrt(1 - rho) * own
    held = np.mean([0 in corrected_t(table, test_over_train=0.1).difference for table in tables])
    assert abs(held - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 1_000)


def test_the_bootstrap_of_a_mean_is_as_wide_as_its_standard_error():
    sample = np.random.default_rng(0).normal(size=400)
    estimate = bootstrap(np.mean, sample, rng=np.random.default_rng(1), n_draws=2_000)
    width = 2 * 1.96 * np.std(sample) / np.sqrt(400)
    assert estimate.value == np.mean(sample)
    assert estimate.high - estimate.low == pytest.approx(width, rel=0.1)


def test_repeated_t_is_the_formula_by_hand():
    # Means of repeats 2 and 3; variances within both 2, of the means 1/2, of all four 13/6 - 1/2 = 5/3.
    cells = np.array([[1.0, 3.0], [2.0, 4.0]])
    scale = np.sqrt(max(2 / 2 - 1 / 2 * 1 / 2, 5 / 3 / 4))
    test = repeated_t(cells)
    assert test.difference.value == 2.5
    assert test.difference.high - 2.5 == pytest.approx(stats.t.ppf(0.975, 1) * scale)


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_repeats_that_test_the_same_rows_are_worth_as_much_as_they_are(shared):
    # 1,000 tables of four repeats of five folds. Either all differences are independent of each other, or
    # each repeat is the same rows again: a share of 950 intervals holds 0, give or take three standard errors
    # and the few points by which degrees of freedom are taken for more than they are.
    rng = np.random.default_rng(0)
    rows, noise = rng.normal(size=(1_000, 1, 5)), rng.normal(size=(1_000, 4, 5))
    tables = shared * rows + (1 - shared) * noise + 1e-3 * noise
    held = np.mean([0 in repeated_t(rng.permuted(table, axis=1)).difference for table in tables])
    error = 3 * np.sqrt(0.95 * 0.05 / 1_000)
    assert 0.90 - error < held < 0.99 + error


@pytest.mark.parametrize("n_repeats", [1, 2, 4, 10])
def test_more_repeats_do_not_make_intervals_too_short(n_repeats):
    # 1,000 tables on which part of a difference is that of the tested row, which repeats test again.
    rng = np.random.default_rng(n_repeats)
    rows = rng.normal(size=(1_000, 1, 100)) + 2 * rng.normal(size=(1_000, n_repeats, 100))
    folds = rng.permuted(rows, axis=2).reshape(1_000, n_repeats, 5, 20).mean(axis=3)
    held = np.mean([0 in repeated_t(table).difference for table in folds])
    assert 0.95 - 3 * np.sqrt(0.95 * 0.05 / 1_000) < held
