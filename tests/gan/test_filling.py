import functools
import itertools

import numpy as np
import pytest
import torch
from selections import combinations
from small_tables import PLACED, assert_drawn_from, assert_known, known_of, model_of, rng_of, spread_out
from small_trees import assert_equal_cells_stand_together, new_filling

N_ROWS = 2000
#: Columns that are drafted, and drawn in each round after that.
WAYS = [
    *(((), order) for order in [((0,), (1,), (2,), (3,)), ((3,), (2,), (1,), (0,)), ((2, 0), (1, 3))]),
    ((), ((0, 1, 2, 3),)),
    ((0, 1, 2, 3), ()),
    ((0, 2), ((1,), (3,))),
    ((2, 3), ((0, 1),)),
    ((1,), ((3, 2), (0,))),
]
#: Of columns that are known at the start their codes and places.
CONDITIONS = {(): [], (0,): [(1, 3)], (2,): [(1, 0)], (0, 2): [(1, 2), (2, 5)], (1, 3): [(2, 0), (1, 7)]}

DRAFTS = [way for way in WAYS if way[0]]


def over(ways):
    """Parametrise a test over ways and conditions."""
    some = combinations(
        ways, CONDITIONS, always=lambda way, known: way in (WAYS[2], WAYS[5]) or known == (0, 2)
    )
    return pytest.mark.parametrize(("way", "columns"), some, ids=str)


def condition(columns):
    cells = zip(columns, CONDITIONS[columns], strict=True)
    return {column: (code, 0.0, place) for column, (code, place) in cells}


def talkative_model():
    """An untrained model in which every relation is often drawn, and with classes that differ."""
    model = spread_out(model_of(PLACED, n_classes=3)).eval()
    model.classes.shares.copy_(torch.tensor([0.5, 0.3, 0.2]))
    shares = torch.rand(model.classes.code_shares.shape, generator=rng_of(4)) + 0.1
    model.classes.code_shares.copy_(shares / (shares @ model.space.segments @ model.space.segments.T))
    with torch.no_grad():
        model.generator.to_row.bias[PLACED.n_codes :][: len(PLACED.relations)] += 1.5
    return model


@torch.inference_mode()
def rounds_of(way, columns=()):
    """Yield a filling before the first round, a draft perhaps, and after each."""
    model, (drafted, order) = talkative_model(), way
    filling = new_filling(model, N_ROWS, 3, known_of(PLACED, condition(columns)))
    if drafted:
        filling.draft([column for column in drafted if column not in columns])
    yield filling
    for group in order:
        filling.draw([column for column in group if column not in columns])
        yield filling


@functools.cache
def filled(way, columns=()):
    """A filling after its last round, which no test changes."""
    *_, filling = rounds_of(way, columns)
    return filling


def first_layer_afresh(filling):
    """What the generator's first layer makes of the cells so far."""
    model = filling.model
    rows = model.known_vectors(filling.cells, filling.is_known)
    return model.generator.first(rows, rows.new_zeros(N_ROWS, 0))


@over(WAYS)
def test_the_first_layer_that_is_kept_is_that_of_the_cells_so_far(way, columns):
    rounds = rounds_of(way, columns)
    assert next(rounds).hidden is None
    for filling in rounds:
        torch.testing.assert_close(filling.hidden, first_layer_afresh(filling), atol=1e-4, rtol=1e-4)


@over(WAYS)
def test_known_cells_hold_and_all_others_are_filled_in(way, columns):
    filling = filled(way, columns)
    assert filling.is_known.all()
    assert_known(PLACED, filling.table(), condition(columns))


@over(WAYS)
def test_places_lie_in_their_span_and_are_0_where_a_code_has_none(way, columns):
    cells = filled(way, columns).cells
    for column, index in PLACED.place_index.items():
        span, places = PLACED.spans[column], cells.places[:, index]
        assert ((places >= 0) & (places < span.n_places)).all()
        has_place = torch.isin(cells.codes[:, column], torch.tensor(span.place_codes))
        assert places[~has_place].eq(0).all()
        if column not in columns:
            assert len(places[has_place].unique()) == span.n_places
            assert len(cells.codes[:, column].unique()) == span.n_codes


@over(WAYS)
def test_cells_drawn_as_equal_stand_where_their_partners_stand(way, columns):
    assert_equal_cells_stand_together(filled(way, columns))


def test_columns_of_one_round_take_nothing_from_each_other():
    own = torch.arange(len(PLACED))
    assert filled(WAYS[3]).source.eq(own).all()
    source = filled(((), ((0, 1), (2, 3)))).source
    assert source[:, :2].eq(own[:2]).all()
    assert set(source[:, 2].tolist()) == {0, 2}
    assert set(source[:, 3].tolist()) == {0, 3}


def test_what_equals_a_copy_equals_its_source():
    filling = filled(((), ((0,), (2,), (3,))))
    is_chain = (filling.source[:, 2] == 0) & (filling.source[:, 3] == 0)
    assert is_chain.any()
    assert filling.cells.relations[is_chain][:, 1:].all()


#: How y can be told once x is known: its code, whether it equals x, and which cells were.
TELLINGS = {
    "equal to x": (0, True, lambda filling: filling.source[:, 2] == 0),
    "without a place": (1, False, lambda filling: filling.cells.codes[:, 2] == 1),
}


@torch.inference_mode()
@pytest.mark.parametrize("telling", TELLINGS)
def test_each_way_to_tell_is_taken_as_often_as_the_likelihood_says(telling):
    code, is_equal, is_taken = TELLINGS[telling]
    filling = filled(((), ((2,),)), (0,))
    model, known = filling.model, torch.tensor([[True, False, False, False]])
    n_taken, cells = is_taken(filling).sum().item(), filling.cells.take(slice(1))
    rows = model.space.vectors(cells, known)
    cells.codes[:, 2], cells.relations[:, 1] = code, is_equal
    log_likelihood, is_told = model.space.log_likelihood(model.generator(rows, rows[:, :0]), cells, known)
    share = log_likelihood[0, 2].exp().item()
    assert is_told[0, 2] == is_equal
    assert n_taken / N_ROWS == pytest.approx(share, abs=4 * (share * (1 - share) / N_ROWS) ** 0.5)


@over(DRAFTS)
def test_drafted_cells_are_anywhere_in_the_stretches_of_their_codes(way, columns):
    drafted, filling = set(way[0]) - set(columns), filled((way[0], ()), columns)
    assert set(filling.known_somewhere()) == drafted | set(columns)
    for column in drafted:
        span, codes = PLACED.spans[column], filling.cells.codes[:, column]
        assert set(codes.tolist()) == set(range(span.n_codes))
        if column in PLACED.place_index:
            places = filling.cells.places[:, PLACED.place_index[column]]
            has_place = torch.isin(codes, torch.tensor(span.place_codes))
            assert places[~has_place].eq(0).all()
            counts, expected = places[has_place].bincount().numpy(), has_place.sum().item() / span.n_places
            assert len(counts) == span.n_places
            assert_drawn_from(counts, expected, 1e-5)


@over(DRAFTS)
def test_drafted_codes_follow_the_mixture_given_the_known_ones(way, columns):
    drafted = [column for column in way[0] if column not in columns]
    filling = filled((way[0], ()), columns)
    weights, code_shares = (part.double().numpy() for part in filling.model.classes.buffers())
    for column, (code, _, _) in condition(columns).items():
        weights = weights * code_shares[:, PLACED.offsets[column] + code]
    weights = weights / weights.sum()
    for first, second in itertools.combinations_with_replacement(drafted, 2):
        of_first, of_second = (code_shares[:, PLACED.slice_of(column)] for column in (first, second))
        expected = N_ROWS * (weights[:, None] * of_first).T @ of_second
        counts = np.zeros(expected.shape)
        np.add.at(counts, tuple(filling.cells.codes[:, [first, second]].T.numpy()), 1)
        if first == second:
            counts, expected = counts.diagonal(), N_ROWS * weights @ of_first
        assert expected.sum() == pytest.approx(N_ROWS)
        assert_drawn_from(counts, expected, 1e-5)


@pytest.mark.parametrize("way", DRAFTS, ids=str)
def test_a_drafted_cell_is_its_own_and_later_ones_may_equal_it(way):
    drafted, own = way[0], torch.arange(len(PLACED))
    assert filled((drafted, ())).source.eq(own).all()
    source = filled(way).source
    assert source[:, list(drafted)].eq(own[list(drafted)]).all()
    if drafted == (0, 2):
        assert set(source[:, 3].tolist()) == {0, 2, 3}


def test_the_table_holds_the_cells():
    filling = filled(WAYS[0])
    table = filling.table()
    for name in ("codes", "values", "places", "relations"):
        np.testing.assert_array_equal(getattr(table, name), getattr(filling.cells, name))
    assert (table.places.dtype, table.relations.dtype) == (np.uint8, bool)
