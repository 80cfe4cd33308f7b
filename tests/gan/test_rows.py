from dataclasses import replace

import numpy as np
import pytest
import torch
from small_tables import (
    MIXED,
    PLACED,
    TEXTBOOK,
    assert_drawn_from,
    cells_of,
    mixed_table,
    output_of,
    placed_table,
    random_output,
    rng_of,
    standing_cells,
    table_of,
)

from synthgan.gan.rows import RowSpace
from synthgan.layout import Layout, Span

SPACE, PLACED_SPACE = RowSpace(MIXED), RowSpace(PLACED)
#: The places of MIXED's coded columns (colour, size, weight) in a row vector; its values are at 11 and 12.
PLACES = {0: slice(0, 3), 2: slice(3, 8), 3: slice(8, 11)}
#: Of PLACED (x, colour, y, z) the codes are at 0 to 12, the places at 13, 14 and 15, and the relations after.
FIRST_PLACE, FIRST_RELATION = 13, 16


def random_known(n_rows, layout, seed=1):
    return torch.rand(n_rows, len(layout), generator=rng_of(seed)) < 0.5


def knows(n_rows, *columns):
    known = torch.zeros(n_rows, len(PLACED), dtype=torch.bool)
    known[:, list(columns)] = True
    return known


def test_vectors_are_one_hot_codes_then_values():
    codes = np.array([[2, 0, 4, 1, 0], [0, 0, 0, 2, 0]])
    values = np.array([[0.5, -1.5], [0.0, 2.5]])
    expected = torch.zeros(2, 13)
    expected[0, [2, 3 + 4, 8 + 1]] = 1
    expected[1, [0, 3 + 0, 8 + 2]] = 1
    expected[:, 11:] = torch.from_numpy(values)
    torch.testing.assert_close(SPACE.vectors(cells_of(table_of(codes, values))), expected)


def test_vectors_end_with_the_middles_of_places_and_the_relations_that_hold():
    table = table_of(
        np.array([[0, 2, 2, 0], [3, 0, 0, 1]]),
        places=np.array([[3, 0, 0], [0, 5, 7]]),
        relations=np.array([[0, 1, 1, 0], [1, 0, 0, 1]]),
    )
    expected = torch.zeros(2, PLACED.width)
    expected[0, [0, 4 + 2, 7 + 2, 10 + 0]] = 1
    expected[1, [3, 4 + 0, 7 + 0, 10 + 1]] = 1
    expected[0, FIRST_PLACE : FIRST_PLACE + 2] = torch.tensor([3 / 4, -7 / 8])  # z's code has no place
    expected[1, FIRST_PLACE + 1 : FIRST_PLACE + 3] = torch.tensor([3 / 8, 7 / 8])  # nor has x's here
    expected[:, FIRST_RELATION:] = torch.from_numpy(table.relations)
    torch.testing.assert_close(PLACED_SPACE.vectors(cells_of(table)), expected)


def test_vectors_are_zero_exactly_where_a_cell_is_unknown():
    cells, known = cells_of(mixed_table(200)), random_known(200, MIXED)
    whole, partial = SPACE.vectors(cells), SPACE.vectors(cells, known)
    for column, place in PLACES.items():
        assert torch.equal(partial[:, place], whole[:, place] * known[:, column, None])
    assert torch.equal(partial[:, 11:], cells.values * known[:, [3, 4]])


def test_a_relation_shows_exactly_where_both_its_columns_are_known():
    cells, known = cells_of(placed_table(200)), random_known(200, PLACED)
    whole, partial = PLACED_SPACE.vectors(cells), PLACED_SPACE.vectors(cells, known)
    assert torch.equal(partial[:, FIRST_PLACE:FIRST_RELATION], whole[:, 13:16] * known[:, PLACED.placed])
    for index, relation in enumerate(PLACED.relations):
        both = known[:, relation.column] & known[:, relation.partner]
        assert torch.equal(partial[:, FIRST_RELATION + index], cells.relations[:, index] * both.float())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize(
    ("space", "table"), [(SPACE, mixed_table(20)), (PLACED_SPACE, placed_table(20))], ids=["mixed", "placed"]
)
def test_vectors_do_not_depend_on_the_type_of_the_codes(dtype, space, table):
    cells = cells_of(table)
    parts = {name: getattr(cells, name).to(dtype) for name in ("codes", "places")}
    torch.testing.assert_close(space.vectors(replace(cells, **parts)), space.vectors(cells))


def test_spread_agrees_with_vectors():
    # Codes and values of 1 turn every place of a known column that vectors() fills into a 1.
    known = random_known(50, MIXED, 2)
    reached = torch.zeros(50, MIXED.width)
    for code in range(5):
        codes = np.array([[min(code, span.n_codes - 1) for span in MIXED.spans]] * 50)
        reached = reached.maximum(SPACE.vectors(cells_of(table_of(codes, np.ones((50, 2)))), known))
    assert torch.equal(SPACE.spread(known), reached.bool())


def test_places_and_relations_are_neither_spread_nor_plain():
    cells, known = cells_of(placed_table(50)), random_known(50, PLACED)
    assert not PLACED_SPACE.spread(known)[:, FIRST_PLACE:].any()
    rows = PLACED_SPACE.vectors(cells)
    plain = PLACED_SPACE.plain(rows)
    assert torch.equal(plain[:, :FIRST_PLACE], rows[:, :FIRST_PLACE])
    assert plain.shape == rows.shape
    assert not plain[:, FIRST_PLACE:].any()


def log_softmax_of_columns(layout, logits, codes):
    """The log-probability of each coded column's code, column by column."""
    of_columns = [
        logits[:, layout.slice_of(i)].log_softmax(1).gather(1, codes[:, [i]].long()) for i in layout.coded
    ]
    return torch.cat(of_columns, dim=1)


@pytest.mark.parametrize("space", [SPACE, PLACED_SPACE], ids=["mixed", "partners that are unknown"])
def test_log_likelihood_is_log_softmax_of_each_column_without_known_partners(space):
    is_mixed, layout = space is SPACE, space.layout
    cells, output = (
        cells_of((mixed_table if is_mixed else placed_table)(100)),
        random_output(layout, 100, 3, 3),
    )
    known = random_known(100, MIXED) if is_mixed else knows(100, 1)
    log_likelihood, is_told = space.log_likelihood(output, cells, known)
    expected = log_softmax_of_columns(layout, output.codes, cells.codes)
    torch.testing.assert_close(log_likelihood, expected, atol=1e-5, rtol=1e-5)
    assert not is_told.any()


def test_probabilities_of_a_columns_codes_sum_to_one():
    output, total = random_output(MIXED, 30, 4, scale=10), torch.zeros(30, 3)
    for code in range(5):
        codes = np.full((30, 5), code)
        codes[:, [0, 3]] = min(code, 2)
        is_code = torch.tensor([code < 3, True, code < 3])
        cells = cells_of(table_of(codes, np.zeros((30, 2))))
        log_likelihood, _ = SPACE.log_likelihood(output, cells, random_known(30, MIXED))
        total += torch.where(is_code, log_likelihood.exp(), 0.0)
    torch.testing.assert_close(total, torch.ones(30, 3))


@pytest.mark.parametrize(
    ("column", "partners"), [(0, (2,)), (2, (0, 1)), (3, (0,)), (3, (2,)), (3, (0, 2)), (3, ())]
)
def test_probabilities_of_own_codes_and_of_relations_with_known_partners_sum_to_one(column, partners):
    output, cells = random_output(PLACED, 30, 5, scale=3), standing_cells(30)
    known, total = knows(30, *partners), torch.zeros(30)

    def add(code, relations, *, told):
        changed = replace(cells, codes=cells.codes.clone(), relations=relations)
        changed.codes[:, column] = code
        log_likelihood, is_told = PLACED_SPACE.log_likelihood(output, changed, known)
        assert is_told[:, column].eq(told).all()
        total.add_(log_likelihood[:, column].exp())

    unrelated = torch.zeros_like(cells.relations)
    for code in range(PLACED.spans[column].n_codes):
        add(code, unrelated, told=False)
    for index in PLACED.relations_of(column):
        if PLACED.relations[index].partner in partners:
            relations = unrelated.clone()
            relations[:, index] = True
            add(0, relations, told=True)
    torch.testing.assert_close(total, torch.ones(30))


def test_a_relation_whose_partner_stands_nowhere_tells_nothing():
    output, cells = random_output(PLACED, 200, 6), cells_of(placed_table(200))
    nowhere = PLACED_SPACE.followed(cells)[:, 1].isnan()
    assert nowhere.any()
    assert not nowhere.all()
    cells = replace(cells, relations=torch.ones_like(cells.relations))
    log_likelihood, is_told = PLACED_SPACE.log_likelihood(output, cells, knows(200, 0))
    expected = log_softmax_of_columns(PLACED, output.codes, cells.codes)
    torch.testing.assert_close(log_likelihood[nowhere, 2], expected[nowhere, 2])
    assert torch.equal(is_told[:, 2], ~nowhere)


def test_a_relation_with_a_known_partner_tells_its_column_alone():
    output, cells = random_output(PLACED, 200, 6), cells_of(placed_table(200))
    log_likelihood, is_told = PLACED_SPACE.log_likelihood(output, cells, knows(200, 0))
    assert torch.equal(is_told[:, 2], cells.relations[:, 1])
    assert torch.equal(is_told[:, 3], cells.relations[:, 2])
    assert not is_told[:, :2].any()
    expected = log_softmax_of_columns(PLACED, output.codes, cells.codes)
    torch.testing.assert_close(log_likelihood[:, :2], expected[:, :2])


def test_the_first_relation_that_holds_tells():
    output, cells = random_output(PLACED, 3, 7), standing_cells(3)
    of_z = torch.tensor([[True, True], [True, False], [False, True]])  # its equality to x and to y
    cells = replace(cells, relations=torch.cat([torch.zeros_like(of_z), of_z], dim=1))
    logits = torch.cat([output.codes[:, PLACED.slice_of(3)], output.relations[:, 2:]], dim=1)
    expected = output.relations[torch.arange(3), [2, 2, 3]] - logits.logsumexp(1)
    log_likelihood, is_told = PLACED_SPACE.log_likelihood(output, cells, knows(3, 0, 2))
    torch.testing.assert_close(log_likelihood[:, 3], expected)
    assert is_told[:, 3].all()


def straight_through(output, seed=0, space=SPACE, temperature=0.5):
    return space.straight_through(output, temperature, rng_of(seed))


def test_straight_through_draws_one_code_a_column():
    rows = straight_through(random_output(MIXED, 500, 5, scale=2))
    for place in PLACES.values():
        block = rows[:, place]
        assert torch.allclose(block.max(1).values, torch.ones(500))
        assert torch.allclose(block.abs().sum(1), torch.ones(500), atol=1e-5)


def test_straight_through_draws_codes_from_the_softmax():
    n_rows = 40_000
    logits = torch.randn(MIXED.width, generator=rng_of(6))
    counts = straight_through(output_of(logits.expand(n_rows, -1))).round().sum(0)
    for place in PLACES.values():
        assert_drawn_from(counts[place], n_rows * logits[place].softmax(0))


def test_straight_through_draws_the_likelier_of_large_logits():
    logits = torch.zeros(100, MIXED.width)
    logits[:, 0], logits[:, 1], logits[:, 2] = 60.0, 90.0, -90.0
    assert straight_through(output_of(logits))[:, 1].round().eq(1).all()


def test_straight_through_gradient_reaches_every_logit():
    numbers = torch.randn(64, MIXED.width, generator=rng_of(7)).requires_grad_(True)
    weights = torch.randn(MIXED.width, generator=rng_of(8))
    (straight_through(output_of(numbers)) @ weights).sum().backward()
    assert torch.isfinite(numbers.grad).all()
    assert (numbers.grad.abs().sum(0) > 0).all()


def test_straight_through_gradient_is_that_of_the_perturbed_softmax():
    # Backward the drawn row is softmax((logits + noise) / temperature), and the seed fixes the noise.
    layout = Layout((Span("x", 4),))
    logits = torch.randn(10, 4, generator=rng_of(9))
    weights = torch.randn(4, generator=rng_of(10))
    leaf = logits.clone().requires_grad_(True)
    (straight_through(output_of(leaf, layout), space=RowSpace(layout)) @ weights).sum().backward()
    noise = -torch.empty(10, 4).exponential_(generator=rng_of(0)).log()
    twin = logits.clone().requires_grad_(True)
    (((twin + noise) / 0.5).softmax(1) @ weights).sum().backward()
    torch.testing.assert_close(leaf.grad, twin.grad, atol=1e-5, rtol=1e-4)


def test_straight_through_values_count_only_where_the_drawn_code_takes_one():
    output = random_output(MIXED, 400, 11)
    rows = straight_through(output)
    takes = rows[:, 8 + 1].round() == 1
    assert 0 < takes.sum() < 400
    torch.testing.assert_close(rows[takes, 11], output.values[takes, 0])
    assert rows[~takes, 11].eq(0).all()
    torch.testing.assert_close(rows[:, 12], output.values[:, 1])  # always valued


def test_straight_through_leaves_places_and_relations_out():
    rows = straight_through(random_output(PLACED, 30, 13), space=PLACED_SPACE)
    assert rows.shape == (30, PLACED.width)
    assert rows[:, FIRST_PLACE:].eq(0).all()


def test_straight_through_of_values_alone_is_the_output():
    output = random_output(TEXTBOOK, 7, 12)
    torch.testing.assert_close(straight_through(output, space=RowSpace(TEXTBOOK)), output.values)


def test_a_layout_of_constants_has_empty_rows():
    layout = Layout((Span("a", 1), Span("b", 1)))
    space, cells, output = RowSpace(layout), cells_of(table_of(np.zeros((3, 2)))), random_output(layout, 3, 0)
    assert space.vectors(cells).shape == (3, 0)
    assert space.log_likelihood(output, cells, torch.zeros(3, 2, dtype=torch.bool))[0].shape == (3, 0)
    assert space.straight_through(output, 0.5, rng_of()).shape == (3, 0)


def test_each_valued_span_takes_its_value_at_its_value_codes():
    layout = Layout((Span("a", 4, value_codes=(0, 2)), Span("b", 2), Span("c", 2, value_codes=(1,))))
    expected = np.zeros((8, 2), dtype=np.float32)
    expected[[0, 2], 0], expected[7, 1] = 1, 1
    np.testing.assert_array_equal(RowSpace(layout).takes_value.numpy(), expected)
