import numpy as np
import pytest
from small_tables import MIXED, PLACED, mixed_table, placed_table, table_of

from synthgan.exceptions import CopyingWarning
from synthgan.gan.copying import Nearness, nearness
from synthgan.layout import Layout, Span

N_ROWS = 400
#: Enough columns that two rows are seldom alike.
WIDE = Layout(tuple(Span(f"c{i}", 4, positions=(-1.0, -0.3, 0.3, 1.0)) for i in range(20)))


def wide_table(n_rows, seed):
    return table_of(np.random.default_rng(seed).integers(4, size=(n_rows, 20)))


@pytest.mark.parametrize(
    ("layout", "make"), [(WIDE, wide_table), (PLACED, placed_table), (MIXED, mixed_table)]
)
def test_rows_that_are_nobodys_come_as_near_as_held_out_ones(layout, make):
    learned, held_out, drawn = (make(N_ROWS, seed) for seed in (0, 1, 2))
    found = nearness(drawn, learned, held_out, layout)
    assert found.share == pytest.approx(0.5, abs=found.margin)
    assert found.at_least < 0.5


@pytest.mark.parametrize(
    ("layout", "make", "share", "at_least"),
    [(WIDE, wide_table, 1.0, 0.8), (PLACED, placed_table, 0.7, 0.7)],
    ids=["nearer than all held-out rows", "many rows are alike"],
)
def test_copies_are_noticed(layout, make, share, at_least):
    learned, held_out = make(N_ROWS, 0), make(N_ROWS, 1)
    found = nearness(learned.take(np.arange(100)), learned, held_out, layout)
    assert found.share >= share
    assert found.at_least > at_least


def test_half_copies_are_nearer_than_none_and_further_than_whole_ones():
    learned, held_out, fresh = (wide_table(N_ROWS, seed) for seed in (0, 1, 2))
    halves = table_of(np.concatenate([learned.codes[:, :10], fresh.codes[:, 10:]], axis=1))
    shares = [nearness(rows, learned, held_out, WIDE).share for rows in (fresh, halves, learned)]
    margin = nearness(halves, learned, held_out, WIDE).margin
    assert shares[0] + margin < shares[1] < shares[2] - margin


def test_few_held_out_rows_prove_little():
    learned, drawn = wide_table(N_ROWS, 0), wide_table(N_ROWS, 2)
    margins = [nearness(drawn, learned, wide_table(n, 1), WIDE).margin for n in (1, 10, 400)]
    assert margins[0] > margins[1] > margins[2]
    assert margins[0] > 0.5  # one row proves nothing at all


def test_a_missing_cell_is_far_from_every_number():
    # The code of a missing cell follows that of the highest number and is no neighbour of it.
    layout = Layout((Span("x", 4, positions=(-1.0, 0.0, 1.0, None)),))
    learned = table_of(np.array([[2]]))
    assert nearness(table_of(np.array([[3]])), learned, table_of(np.array([[1]])), layout).share == 0.0
    assert nearness(table_of(np.array([[1]])), learned, table_of(np.array([[0]])), layout).share == 1.0


def test_places_tell_how_near_numbers_are():
    span = Span("x", 2, positions=(-0.5, 0.5), place_codes=(0, 1), n_places=8)
    learned, near, far = (
        table_of(np.array([[code]]), places=np.array([[place]])) for code, place in ((0, 7), (1, 0), (0, 0))
    )
    assert nearness(near, learned, far, Layout((span,))).share == 1.0


def test_only_what_chance_cannot_account_for_is_copying():
    assert not Nearness(0.62, 0.1).is_copying
    assert Nearness(0.75, 0.1).is_copying


def test_the_warning_has_the_figure_and_the_number_of_rows():
    with pytest.warns(CopyingWarning, match=r"in 81% of cases, where 50% would be no copying: 120 rows"):
        Nearness(0.81, 0.1).warn(120)


def test_copies_of_a_large_table_are_noticed():
    learned, held_out = wide_table(30_000, 0), wide_table(1500, 1)
    assert nearness(learned.take(np.arange(29_000, 29_500)), learned, held_out, WIDE).is_copying
