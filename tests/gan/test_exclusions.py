"""Laws of what never stands together: what is found in rows, and that no drawn row has it."""

import functools

import numpy as np
import pytest
import torch
from selections import combinations
from small_tables import PLACED, assert_known, drawn, knows_lines, placed_table, table_of

from synthgan.gan.exclusions import Exclusions
from synthgan.layout import Layout, Span

N_ROWS = 2000
#: A category, one with a code for what is missing, and a line of four pieces with such a code.
TRIPLE = Layout(
    (
        Span("kind", 3),
        Span("level", 4),
        Span("amount", 5, (-1.0, -0.3, 0.3, 1.0, None), place_codes=(1, 2, 3), n_places=2),
    )
)


def fitted(kind, level, amount):
    exclusions = Exclusions(TRIPLE)
    exclusions.fit(table_of(np.column_stack([kind, level, amount])))
    return exclusions


def columns(n_rows=N_ROWS, seed=0):
    """Three independent columns."""
    rng = np.random.default_rng(seed)
    return [rng.integers(span.n_codes, size=n_rows) for span in TRIPLE.spans]


def together(exclusions, first, second):
    """Return which codes of two columns stand together."""
    codes = torch.zeros(TRIPLE.spans[first].n_codes, 3, dtype=torch.long)
    codes[:, first] = torch.arange(len(codes))
    return exclusions.possible(second, codes, are_known({first}, len(codes)))


def are_known(columns, n_rows):
    """Truth values of which columns are known, the same in all rows."""
    return torch.tensor([[column in columns for column in range(3)]] * n_rows)


@pytest.mark.parametrize("seed", range(5))
def test_of_independent_columns_nothing_is_excluded(seed):
    exclusions = fitted(*columns(seed=seed))
    assert len(exclusions.pairs) == 0
    assert exclusions.possible(0, torch.zeros(3, 3, dtype=torch.long), are_known({1, 2}, 3)) is None
    assert exclusions.keep_apart(0, torch.zeros(3, 3, dtype=torch.long), are_known({1, 2}, 3)) is None
    assert not exclusions.concern(0)


def test_a_function_is_found_in_both_directions():
    _, level, amount = columns()
    kind = np.array([0, 1, 1, 2])[level]
    exclusions = fitted(kind, level, amount)
    assert exclusions.pairs.tolist() == [[0, 1]]
    wanted = torch.tensor([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], dtype=torch.bool)
    assert torch.equal(together(exclusions, 0, 1), wanted)
    assert torch.equal(together(exclusions, 1, 0), wanted.T)


def test_what_is_missing_unless_is_found_though_each_piece_of_the_number_is_rare():
    """The single cells of an amount are too few to tell; that there are any is not."""
    rng = np.random.default_rng(7)
    kind, level, amount = columns(400)
    amount = np.where(kind == 2, rng.integers(4, size=400), 4)
    exclusions = fitted(kind, level, amount)
    assert [0, 2] in exclusions.pairs.tolist()
    possible = together(exclusions, 0, 2)
    assert possible[:2].tolist() == [[False] * 4 + [True]] * 2
    assert possible[2].tolist() == [True] * 4 + [False]


def test_pairs_that_may_well_exist_are_not_excluded():
    """Three in a thousand rows are alone in what they are: what no row is yet is to be expected."""
    level = columns(1000)[1]
    kind = np.array([0, 1, 1, 2])[level]
    assert len(fitted(kind, level, columns(1000)[2]).pairs) == 1
    kind[[np.argmax(level == code) for code in (0, 1, 2)]] = 2
    assert len(fitted(kind, level, columns(1000)[2]).pairs) == 0


def test_codes_that_no_looked_at_row_has_may_stand_anywhere():
    _, level, amount = columns()
    level[level == 3] = 0
    exclusions = fitted(np.array([0, 1, 2])[level], level, amount)
    assert together(exclusions, 0, 1)[:, 3].all()


def test_where_nothing_is_left_everything_is_possible():
    level = columns()[1]
    exclusions = fitted(np.minimum(level, 2), level, np.where(level > 0, 1, 0))
    rows = torch.tensor([[0, 0, 1], [1, 0, 1]])
    possible = exclusions.possible(1, rows, are_known({0, 2}, 2))
    assert possible[0].all()
    assert possible[1].tolist() == [False, True, False, False]
    assert exclusions.keep_apart(1, rows, are_known({0, 2}, 2)).tolist() == [True, True]
    assert exclusions.keep_apart(1, rows, are_known(set(), 2)) is None


def test_stored_exclusions_are_the_same_and_damaged_ones_are_refused():
    _, level, amount = columns()
    exclusions = fitted(level % 3, level, amount)
    state = exclusions.state_dict()
    again = Exclusions(TRIPLE)
    again.load_state_dict(state)
    assert torch.equal(together(again, 0, 1), together(exclusions, 0, 1))
    for damaged in ({"pairs": torch.tensor([[0, 9]])}, {"allowed": state["allowed"][1:]}):
        with pytest.raises(RuntimeError, match="do not fit the columns"):
            Exclusions(TRIPLE).load_state_dict({**state, **damaged})


@functools.cache
def excluding_model():
    """An untrained model that would draw anything, and pairs of codes that it must not."""
    model = knows_lines().eval()
    rng = np.random.default_rng(0)
    whole = placed_table(4000)
    sizes = [span.n_codes for span in PLACED.spans]
    codes = np.stack([rng.integers(size, size=20_000) for size in sizes], axis=1)
    is_wanted = (
        (codes[:, 0] != codes[:, 1])
        & (codes[:, 2] != (codes[:, 3] + 1) % 3)
        & (codes[:, 0] + codes[:, 3] < 5)
    )
    model.exclusions.fit(table_of(codes[is_wanted]))
    model.trees.grow(whole, model.space, rng)
    return model


@pytest.mark.parametrize(
    ("rounds", "redraw"),
    combinations([None, 1, 2, 3], [True, False], always=lambda n, redraw: redraw == (n in (None, 2))),
)
@pytest.mark.parametrize("given", [{}, {1: 2}, {0: 1, 3: 2}], ids=str)
def test_no_drawn_row_has_what_is_excluded(rounds, redraw, given):
    model = excluding_model()
    assert sorted(map(tuple, model.exclusions.pairs.tolist())) == [(0, 1), (0, 3), (2, 3)]
    table = drawn(model, N_ROWS, seed=5, condition=given, rounds=rounds, redraw=redraw)
    x, colour, y, z = table.codes.T
    assert not (x == colour).any()
    assert not (y == (z + 1) % 3).any()
    assert not (x + z >= 5).any()
    assert_known(model.layout, table, given)
    for column in set(range(4)) - set(given):
        assert len(np.unique(table.codes[:, column])) > 1
