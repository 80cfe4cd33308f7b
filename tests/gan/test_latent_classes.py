import math
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from small_tables import (
    CODES_OF_KINDS,
    FOUR,
    KINDS,
    MIXED,
    PAIR,
    PLACED,
    TEXTBOOK,
    assert_drawn_from,
    cells_of,
    four_table,
    joint_of,
    mixed_table,
    pair_table,
    placed_table,
    rng_of,
    sampling_error,
    table_of,
    textbook_table,
    total_variation,
)

from synthgan.gan import latent_classes
from synthgan.gan.latent_classes import LatentClasses
from synthgan.gan.rows import RowSpace
from synthgan.layout import Layout, Span

#: A layout, rows over it and how many classes they are fitted with.
CASES = {
    "a mixture": (FOUR, four_table(1500), 3),
    "more classes than kinds": (FOUR, four_table(1500), 20),
    "a pair": (PAIR, pair_table(1500), 2),
    "independent columns": (MIXED, mixed_table(800), 6),
    "number lines": (PLACED, placed_table(1500), 8),
    "one class": (FOUR, four_table(700), 1),
    "more classes than rows": (FOUR, four_table(7), 20),
    "one row": (FOUR, four_table(1), 2),
    "a code that no row has": (PAIR, table_of(np.array([[0, 0], [1, 1]] * 40)), 3),
}
#: Where matrix products run in bfloat16, counts of codes are right to about eight bits.
ROUNDING = 2**-8

over_cases = pytest.mark.parametrize("case", CASES)


def with_codes(classes, n_rows, places, weights=None, seed=0):
    """The classes of rows of which codes at some places of a row vector are known."""
    known = torch.zeros(1, classes.code_shares.shape[1])
    known[0, places] = 1
    return classes.draw(known, torch.zeros(n_rows, dtype=torch.long), rng_of(seed), weights)


def fitted(layout, table, n_classes, *, seed=0, max_time=None):
    classes = LatentClasses(layout, n_classes)
    classes.fit(cells_of(table), RowSpace(layout), rng_of(seed), max_time)
    return classes


def fitted_in(monkeypatch, n_passes, *case, **options):
    """Classes after so many passes, whether or not they gain anything."""
    monkeypatch.setattr(latent_classes, "_MAX_PASSES", n_passes)
    monkeypatch.setattr(latent_classes, "_LEAST_GAIN", -math.inf)
    return fitted(*case, **options)


def arrays(classes):
    return classes.shares.double().numpy(), classes.code_shares.double().numpy()


def classes_of(layout, shares, code_shares):
    """Classes of known shares."""
    classes = LatentClasses(layout, len(shares))
    classes.shares.copy_(torch.as_tensor(shares))
    classes.code_shares.copy_(torch.as_tensor(code_shares))
    return classes


def of_kinds():
    return classes_of(FOUR, KINDS, CODES_OF_KINDS.reshape(3, -1))


def log_likelihood(classes, layout, table):
    """The log-likelihood of a whole table, in nats."""
    shares, code_shares = arrays(classes)
    places = RowSpace(layout).code_places(cells_of(table).codes).numpy()
    return logsumexp(np.log(code_shares)[:, places].sum(2).T + np.log(shares), axis=1).sum()


def log_prior(classes, layout, table):
    """What a tenth of a row of overall shares is worth in each class."""
    places = RowSpace(layout).code_places(cells_of(table).codes).flatten()
    overall = torch.bincount(places, minlength=layout.n_codes).double().numpy() / len(table)
    return 0.1 * (np.log(classes.code_shares.double().numpy()) @ overall).sum()


@given(n_rows=st.integers(0, 10**7))
def test_classes_are_at_least_one_at_most_256_and_have_64_rows(n_rows):
    n_classes = LatentClasses.count_for(n_rows)
    assert 1 <= n_classes <= 256
    assert n_classes == 1 or n_rows / n_classes >= 64
    assert n_classes == 256 or n_rows / (n_classes + 1) < 64


@pytest.mark.parametrize("layout", [FOUR, MIXED, PLACED, TEXTBOOK])
def test_new_classes_know_nothing(layout):
    shares, code_shares = arrays(LatentClasses(layout, 5))
    assert shares == pytest.approx(np.full(5, 1 / 5))
    sizes = layout.sizes[layout.coded]
    np.testing.assert_allclose(code_shares, np.tile(np.repeat(1 / sizes, sizes), (5, 1)), rtol=1e-6)


@over_cases
def test_shares_are_positive_sum_to_1_and_are_together_those_of_the_codes_in_the_table(case):
    layout, table, n_classes = CASES[case]
    shares, code_shares = arrays(fitted(layout, table, n_classes))
    assert (shares > 0).all()
    assert (code_shares > 0).all()
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    of_columns = code_shares @ RowSpace(layout).segments.double().numpy()
    np.testing.assert_allclose(of_columns, 1, atol=ROUNDING)
    for column in layout.coded:
        expected = np.bincount(table.codes[:, column], minlength=layout.sizes[column]) / len(table)
        # What the prior adds is worth a tenth of a row in each class, and has the same shares.
        assert total_variation(shares @ code_shares[:, layout.slice_of(column)], expected) < ROUNDING


@over_cases
def test_no_pass_makes_the_rows_less_likely(case, monkeypatch):
    # But for rounding, which is coarse where a machine can do it in bfloat16.
    monkeypatch.setattr(latent_classes, "reduced_precision", lambda device: nullcontext())
    layout, table, n_classes = CASES[case]
    after = []
    for n_passes in range(1, 13):
        classes = fitted_in(monkeypatch, n_passes, layout, table, n_classes)
        after.append(log_likelihood(classes, layout, table) + log_prior(classes, layout, table))
    assert np.diff(after).min() >= -1e-5 * (len(table) + n_classes)


@over_cases
def test_classes_are_as_good_in_reduced_precision(case, monkeypatch):
    layout, table, n_classes = CASES[case]
    reduced = log_likelihood(fitted(layout, table, n_classes), layout, table)
    monkeypatch.setattr(latent_classes, "reduced_precision", lambda device: nullcontext())
    full = log_likelihood(fitted(layout, table, n_classes), layout, table)
    assert reduced / len(table) == pytest.approx(full / len(table), abs=0.05)


def test_passes_end_where_another_gains_little(monkeypatch):
    case = (FOUR, four_table(1500), 3)
    ended = log_likelihood(fitted(*case), *case[:2])
    after_all = log_likelihood(fitted_in(monkeypatch, 40, *case), *case[:2])
    # Each of the passes that were left out would have gained less than 0.005 nats a row.
    assert ended > log_likelihood(fitted_in(monkeypatch, 1, *case), *case[:2])
    assert after_all - ended < 40 * 0.005 * 1500


@pytest.mark.parametrize("n_classes", [3, 8, 100])
def test_a_mixture_is_recovered_in_distribution(n_classes):
    n_rows = 10_000
    shares, code_shares = arrays(fitted(FOUR, four_table(n_rows), n_classes))
    expected = joint_of(KINDS, CODES_OF_KINDS)
    seen = joint_of(shares, code_shares.reshape(n_classes, 4, 3))
    assert total_variation(seen, expected) < sampling_error(expected, n_rows)


def test_few_classes_explain_less():
    table = four_table(5000)
    one, two, three = (log_likelihood(fitted(FOUR, table, n), FOUR, table) for n in (1, 2, 3))
    assert one < two < three


@pytest.mark.parametrize(
    ("layout", "table"), [(FOUR, four_table(3000)), (MIXED, mixed_table(500)), (PAIR, pair_table(50))]
)
def test_a_single_class_is_the_product_of_the_marginals(layout, table):
    shares, code_shares = arrays(fitted(layout, table, 1))
    assert shares == pytest.approx([1])
    for column in layout.coded:
        expected = np.bincount(table.codes[:, column], minlength=layout.sizes[column]) / len(table)
        np.testing.assert_allclose(code_shares[0, layout.slice_of(column)], expected, rtol=ROUNDING)


@over_cases
def test_same_seed_same_classes(case):
    first, again, other = (arrays(fitted(*CASES[case], seed=seed)) for seed in (0, 0, 1))
    for array, twin in zip(first, again, strict=True):
        np.testing.assert_array_equal(array, twin)
    assert case != "a mixture" or not np.array_equal(first[1], other[1])  # it starts from other rows


def test_when_time_is_up_a_pass_is_the_last(monkeypatch):
    case = CASES["a mixture"]
    late, in_time, plain = (fitted(*case, max_time=max_time) for max_time in (0.0, 1e6, None))
    assert torch.equal(in_time.code_shares, plain.code_shares)
    assert torch.equal(late.code_shares, fitted_in(monkeypatch, 1, *case).code_shares)
    assert not torch.equal(late.code_shares, plain.code_shares)


def test_no_more_rows_are_learned_from_than_are_worth_it(monkeypatch):
    monkeypatch.setattr(latent_classes, "_MAX_ROWS", 200)
    _, code_shares = arrays(fitted(PAIR, pair_table(3000), 1))
    n_seen = 200 * code_shares[0, PAIR.slice_of(0)]
    np.testing.assert_allclose(n_seen, n_seen.round(), atol=200 * ROUNDING)


@pytest.mark.parametrize(
    ("layout", "table"),
    [
        (TEXTBOOK, textbook_table(50)),
        (Layout((Span("a", 1), Span("b", 1))), table_of(np.zeros((30, 2)))),
    ],
)
def test_columns_without_codes_have_classes_all_the_same(layout, table):
    classes = fitted(layout, table, 3)
    assert classes.code_shares.shape == (3, 0)
    assert classes.shares.sum() == pytest.approx(1)
    assert len(with_codes(classes, 4, [])) == 4


@pytest.mark.parametrize("codes", [[], [0], [4], [2, 3], [1, 5, 8], [0, 4, 7, 9]])
def test_classes_given_known_codes_follow_the_rule_of_bayes(codes):
    n_rows = 20_000
    drawn = with_codes(of_kinds(), n_rows, codes, seed=2)
    weights = KINDS * CODES_OF_KINDS.reshape(3, -1)[:, codes].prod(1)
    assert_drawn_from(np.bincount(drawn, minlength=3), n_rows * weights / weights.sum())


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("kind", range(3))
def test_codes_have_the_shares_of_their_class(column, kind):
    n_rows = 10_000
    of_kind = torch.full((n_rows,), kind)
    counts = np.bincount(of_kinds().draw_codes(of_kind, FOUR.slice_of(column), rng_of(kind)), minlength=3)
    assert_drawn_from(counts, n_rows * CODES_OF_KINDS[kind, column])


def test_codes_that_a_class_never_has_are_not_drawn():
    code_shares = np.array([[0.0, 0.5, 0.5, 1.0, 0.0], [0.7, 0.0, 0.3, 0.0, 1.0]])
    classes, rng = classes_of(PAIR, [0.5, 0.5], code_shares), rng_of(0)
    drawn = with_codes(classes, 5000, [], seed=1)
    for column in range(2):
        codes = classes.draw_codes(drawn, PAIR.slice_of(column), rng)
        assert (code_shares[:, PAIR.slice_of(column)][drawn, codes] > 0).all()


def test_whole_rows_are_those_of_the_mixture():
    n_rows, rng, classes = 20_000, rng_of(5), of_kinds()
    drawn = with_codes(classes, n_rows, [], seed=6)
    codes = [classes.draw_codes(drawn, FOUR.slice_of(column), rng).numpy() for column in range(4)]
    seen, expected = np.zeros((3,) * 4), joint_of(KINDS, CODES_OF_KINDS)
    np.add.at(seen, tuple(codes), 1 / n_rows)
    assert total_variation(seen, expected) < sampling_error(expected, n_rows)


def test_a_code_that_no_row_has_can_be_known():
    classes, rng = fitted(*CASES["a code that no row has"]), rng_of(0)
    drawn = with_codes(classes, 200, [2])
    codes = classes.draw_codes(drawn, PAIR.slice_of(1), rng)
    assert ((codes == 0) | (codes == 1)).all()
