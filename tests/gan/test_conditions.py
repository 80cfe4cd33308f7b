import pytest
import torch
from scipy.stats import chi2
from small_tables import MIXED, PLACED, cells_of, mixed_table, placed_table, rng_of

from synthgan.gan.conditions import blurred, random_known
from synthgan.gan.rows import RowSpace
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


def test_knowing_nothing_is_four_empty_arrays():
    assert [len(part) for part in vars(Known.nothing()).values()] == [0, 0, 0, 0]


def stands(cells):
    return cells.codes[:, PLACED.placed] + (cells.places + 0.5) / RowSpace(PLACED).n_places


def test_numbers_are_told_a_little_wrong_and_nothing_else():
    cells, space = cells_of(placed_table(2000)), RowSpace(PLACED)
    told = blurred(cells, space, 0.5, rng_of(5))
    is_placed = space.has_place(cells.codes) > 0
    moved = (stands(told) - stands(cells))[is_placed]
    assert 0.1 < moved.abs().mean() < 1.0
    assert moved.abs().max() < 3.0
    assert torch.equal(stands(told)[~is_placed], stands(cells)[~is_placed])
    assert torch.equal(told.codes[:, 1], cells.codes[:, 1])  # a colour
    assert torch.equal(told.relations, cells.relations)


def test_what_is_told_stays_on_its_stretches():
    cells, space = cells_of(placed_table(2000)), RowSpace(PLACED)
    told = blurred(cells, space, 0.5, rng_of(6))
    assert torch.equal(space.has_place(told.codes), space.has_place(cells.codes))
    assert (told.places < space.n_places).all()
    assert (told.codes.dtype, told.places.dtype) == (cells.codes.dtype, cells.places.dtype)


def test_a_table_without_places_is_told_as_it_is():
    cells = cells_of(mixed_table(20))
    assert blurred(cells, RowSpace(MIXED), 0.5, rng_of()) is cells
    placed = cells_of(placed_table(20))
    assert blurred(placed, RowSpace(PLACED), 0.0, rng_of()) is placed
