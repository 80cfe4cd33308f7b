import pytest
import torch
from scipy.stats import chi2
from small_tables import PLACED, rng_of

from synthgan.gan.training import random_known
from synthgan.layout import Known

N_ROWS = 40_000


@pytest.mark.parametrize("n_columns", [1, 2, 7])
def test_every_number_of_known_columns_is_equally_likely(n_columns):
    known = random_known(N_ROWS, n_columns, rng_of(1))
    counts = torch.bincount(known.sum(1), minlength=n_columns + 1)
    expected = N_ROWS / (n_columns + 1)
    assert ((counts - expected) ** 2 / expected).sum().item() < chi2.isf(1e-4, n_columns)


def test_every_column_is_equally_often_known():
    counts = random_known(N_ROWS, 5, rng_of(2)).sum(0)
    standard_error = (N_ROWS / 4) ** 0.5
    assert (counts - N_ROWS / 2).abs().max() < 4 * standard_error


def test_the_generator_decides_which_cells_are_known():
    assert torch.equal(random_known(50, 6, rng_of(3)), random_known(50, 6, rng_of(3)))
    assert not torch.equal(random_known(50, 6, rng_of(3)), random_known(50, 6, rng_of(4)))


def test_nothing_is_known_of_any_cell():
    known = Known.nothing(PLACED)
    assert known.says_nothing
    assert len(known.always) == 0
    assert known.patterns.codes.shape == known.is_known.shape == (1, len(PLACED))
