"""Laws of rows of which something else is known of each: what is known holds, and the rest follows it."""

import dataclasses

import numpy as np
import pytest
from selections import combinations
from small_tables import (
    PAIR,
    PLACED,
    assert_known,
    drawn,
    known_of,
    knows_everything,
    knows_lines,
    knows_where_rows_lie,
    pair_table,
    sampling_error,
    shares,
    total_variation,
)

N_ROWS = 900
#: What is known of three sorts of rows, one of which is all but whole and one empty.
OF_LINES = [{0: (1, 0.0, 3), 2: (0, 0.0, 5)}, {}, {0: (2, 0.0, 1), 1: 2, 3: (1, 0.0, 7)}]
OF_CODES = [{0: 2, 3: (1, 1.25, 0)}, {}, {1: 0, 2: 4, 4: (0, -0.75, 0)}]
MODELS = {"lines": (knows_lines, OF_LINES), "surveyed": (knows_where_rows_lie, OF_LINES)}
MODELS["values"] = (knows_everything, OF_CODES)
PATTERN_OF = np.random.default_rng(0).integers(3, size=N_ROWS)

over_models = pytest.mark.parametrize("name", MODELS)
over_rounds_and_ways = pytest.mark.parametrize(
    ("rounds", "is_whole"),
    combinations([None, 1, 2, 3], [False, True], always=lambda n, is_whole: is_whole == (n in (None, 2))),
)


def rows_of(name, rounds, *, is_whole, allowed=None, pattern_of=PATTERN_OF):
    """Rows of a model; where they are whole with all that is done to them after the networks."""
    make, patterns = MODELS[name]
    model = make()
    known = known_of(model.layout, *patterns, pattern_of=pattern_of, allowed=allowed)
    how = {"rounds": rounds, "correct": is_whole, "redraw": is_whole}
    return model.layout, drawn(model, len(pattern_of), condition=known, **how)


@over_models
@over_rounds_and_ways
def test_what_is_known_of_each_row_holds_and_all_else_varies(name, rounds, is_whole):
    layout, table = rows_of(name, rounds, is_whole=is_whole)
    assert len(table) == N_ROWS
    for number, cells in enumerate(MODELS[name][1]):
        own = table.take(number == PATTERN_OF)
        assert_known(layout, own, cells)
        for column in set(range(len(layout))) - set(cells):
            assert layout.spans[column].n_codes == 1 or len(np.unique(own.codes[:, column])) > 1


def shares_of(layout, column, codes, places=None):
    """Some codes of a column, all of their places or some."""
    span = layout.spans[column]
    shares = np.zeros((span.n_codes, span.n_places))
    for code in codes:
        shares[code, slice(None) if places is None else places] = 1.0
    return shares


@over_rounds_and_ways
@pytest.mark.parametrize("name", ["lines", "surveyed"])
def test_what_is_allowed_holds_where_nothing_is_known(name, rounds, is_whole):
    allowed = {0: shares_of(PLACED, 0, [1, 2], [0, 1]), 1: shares_of(PLACED, 1, [0])}
    layout, table = rows_of(name, rounds, is_whole=is_whole, allowed=allowed)
    is_free = {0: PATTERN_OF == 1, 1: PATTERN_OF < 2}
    for column, possible in allowed.items():
        index = layout.place_index.get(column)
        places = np.zeros(N_ROWS, dtype=int) if index is None else table.places[:, index]
        has_place = np.isin(table.codes[:, column], layout.spans[column].place_codes)
        own = possible[table.codes[:, column], np.where(has_place, places, 0)]
        assert (own[is_free[column]] > 0).all()
    assert (table.codes[PATTERN_OF == 0, 0] == 1).all()


@pytest.mark.parametrize("rounds", [None, 2])
@pytest.mark.parametrize("allowed", [{0: [0, 2]}, {0: [0, 2], 1: [1]}, {1: [0]}], ids=str)
def test_rows_of_what_is_allowed_are_those_among_all(trained, rounds, allowed):
    """The joint shares of pairs of codes, of those pairs that are allowed."""
    n_rows, real = 6000, pair_table(200_000)
    known = known_of(PAIR, allowed={i: shares_of(PAIR, i, codes) for i, codes in allowed.items()})
    table = drawn(trained, n_rows, condition=known, rounds=rounds, redraw=False)
    is_meant = np.all([np.isin(real.codes[:, i], codes) for i, codes in allowed.items()], axis=0)
    expected, seen = shares(real.take(is_meant)), shares(table)
    assert seen[expected == 0].sum() == 0
    # The network, of a few hundred steps, may itself be off by a few hundredths.
    assert total_variation(seen, expected) < sampling_error(expected, n_rows) + 0.05


def test_a_share_of_a_code_weighs_as_much(trained):
    n_rows, share = 6000, np.array([1.0, 0.25, 0.5])
    codes = drawn(trained, n_rows, condition=known_of(PAIR, allowed={0: share[:, None]}), redraw=False).codes
    expected = np.bincount(pair_table(200_000).codes[:, 0], minlength=3) * share
    expected = expected / expected.sum()
    seen = np.bincount(codes[:, 0], minlength=3) / n_rows
    assert total_variation(seen, expected) < sampling_error(expected, n_rows) + 0.03


def test_what_is_silent_says_nothing_of_other_columns(trained):
    """A column is drawn as if the other had not been asked for, unless that came first."""
    n_rows, allowed = 6000, {1: shares_of(PAIR, 1, [0])}
    known = known_of(PAIR, allowed=allowed)
    silent = dataclasses.replace(known, silent=frozenset(allowed))
    heard, unheard = (
        np.bincount(drawn(trained, n_rows, condition=each, rounds=1, redraw=False).codes[:, 0]) / n_rows
        for each in (known, silent)
    )
    expected = np.bincount(pair_table(200_000).codes[:, 0]) / 200_000
    assert total_variation(unheard, expected) < sampling_error(expected, n_rows) + 0.03
    assert total_variation(heard, expected) > 0.1


def test_rows_of_a_pattern_do_not_depend_on_the_order_in_which_they_are_asked_for():
    layout, table = rows_of("surveyed", None, is_whole=True)
    order = np.argsort(PATTERN_OF, kind="stable")
    _, sorted_table = rows_of("surveyed", None, is_whole=True, pattern_of=PATTERN_OF[order])
    assert np.array_equal(table.codes[order][:, layout.coded], sorted_table.codes[:, layout.coded])
