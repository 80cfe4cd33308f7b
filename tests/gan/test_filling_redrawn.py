import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_tables import (
    JOINT,
    MIXED,
    PAIR,
    PLACED,
    assert_drawn_from,
    assert_same,
    cells_of,
    four_table,
    mixed_table,
    model_of,
    of_one_class,
    pair_table,
    placed_table,
    rng_of,
    sampling_error,
    table_of,
    total_variation,
)
from small_trees import (
    TABLES,
    assert_equal_cells_stand_together,
    filling_of,
    followed_by,
    grown,
    independent,
    layout_of,
    model_with,
    new_filling,
    over_tables,
    pairs_of,
    redrawn_rows,
    stands_of,
)

from synthgan.gan.balancing import points_of
from synthgan.gan.redrawing import Redrawn
from synthgan.gan.rows import RowSpace
from synthgan.layout import Layout, Span

#: What the tests let one sweep of trees be wrong by, in total variation, beside the sampling error.
TOLERANCE = 0.03


# What redrawn rows are like


def test_redrawn_cells_have_the_distribution_that_the_others_give_them():
    n_rows, table = 20_000, pair_table(4000)
    trees = grown(PAIR, table)
    wrong = np.random.default_rng(1).integers([3, 2], size=(n_rows, 2))
    counts = np.zeros(JOINT.shape)
    np.add.at(counts, tuple(table.codes.T.astype(int)), 1)
    for place in (0, 1):
        points = torch.from_numpy(wrong.astype(np.float32))
        drawn = trees.redraw(place, points, rng_of(0)).codes.numpy()
        for given_code in range(JOINT.shape[1 - place]):
            is_given = wrong[:, 1 - place] == given_code
            expected = counts.take(given_code, axis=1 - place)
            expected = is_given.sum() * expected / expected.sum()
            seen = np.bincount(drawn[is_given], minlength=len(expected))
            assert_drawn_from(seen, expected)


@pytest.mark.parametrize("is_ordered", [False, True])
def test_a_function_of_others_plus_noise_keeps_its_noise(is_ordered):
    rng, n_rows, n_codes = np.random.default_rng(0), 6000, 8
    noise = np.array([0.5, 0.25, 0.15, 0.1])

    def rows(n):
        first, second, unrelated = rng.integers(0, 4, size=(3, n))
        return first, second, (first + second + rng.choice(4, size=n, p=noise)) % n_codes, unrelated

    positions = tuple(np.linspace(-1, 1, n_codes).tolist()) if is_ordered else ()
    layout = Layout((Span("a", 4), Span("b", 4), Span("sum", n_codes, positions), Span("c", 4)))
    trees = grown(layout, table_of(np.column_stack(rows(n_rows))))
    first, second, _, unrelated = rows(n_rows)
    points = np.column_stack([first, second, rng.integers(n_codes, size=n_rows), unrelated])
    drawn = trees.redraw(2, torch.from_numpy(points.astype(np.float32)), rng_of(0)).codes.numpy()
    seen = np.bincount((drawn - first - second) % n_codes, minlength=n_codes) / n_rows
    expected = np.append(noise, np.zeros(n_codes - len(noise)))
    assert total_variation(seen, expected) < 2 * sampling_error(expected, n_rows) + TOLERANCE


@pytest.mark.parametrize(("is_right", "order"), [(False, [0, 1, 2, 3]), (True, [2, 0, 3, 1])])
def test_redrawing_keeps_a_right_joint_and_brings_a_wrong_one_to_the_real_one(is_right, order):
    n_rows, real = 8000, pairs_of(four_table(2000).codes)
    of_learned = np.random.default_rng(0).integers(2000, size=n_rows)
    rows = four_table(2000).take(of_learned) if is_right else independent(four_table(n_rows, seed=1))
    redrawn = redrawn_rows(model_with("codes"), rows, order).table()
    before, after = (np.abs(pairs_of(each.codes) - real).sum((1, 2)) / 2 for each in (rows, redrawn))
    assert (after < [sampling_error(pair, n_rows) + TOLERANCE for pair in real]).all()
    assert is_right or after.sum() < before.sum() / 4


@over_tables
def test_redrawing_changes_the_asked_columns_alone(name):
    layout, rows_of = TABLES[name]
    model, table = model_with(name), rows_of(300, 4)
    before = filling_of(model, table).table()
    for place in range(len(layout.coded)):
        column = int(layout.coded[place])
        after = redrawn_rows(model, table, [column]).table()
        is_other = np.arange(len(layout)) != column
        np.testing.assert_array_equal(after.codes[:, is_other], before.codes[:, is_other])
        np.testing.assert_array_equal(after.values, before.values)
        is_other = layout.placed != column
        np.testing.assert_array_equal(after.places[:, is_other], before.places[:, is_other])
        changed = (after.codes[:, column] != before.codes[:, column]).any()
        assert changed == (place in model.trees.columns)
    assert_same(redrawn_rows(model, table, []).table(), before)


@over_tables
def test_cells_stand_for_redrawing_where_they_stand_for_growing(name):
    layout, rows_of = TABLES[name]
    filling = filling_of(model_with(name), rows_of(300))
    points = torch.stack([filling._points(int(column)) for column in layout.coded], dim=1)
    np.testing.assert_array_equal(points.numpy(), points_of(rows_of(300), layout))


def test_a_column_is_redrawn_given_those_that_were_redrawn_before_it():
    # The second is nearly the first, and the third the second: once the second is redrawn the third follows.
    rng = np.random.default_rng(0)
    layout, first = layout_of(4, 4, 4), rng.integers(4, size=3000)
    second = np.where(rng.random(3000) < 0.05, rng.integers(4, size=3000), first)
    third = np.where(rng.random(3000) < 0.05, rng.integers(4, size=3000), second)
    model = model_of(layout).eval()
    model.trees = grown(layout, table_of(np.column_stack([first, second, third])))
    begun = table_of(np.column_stack([np.full(500, 3), np.zeros(500), np.zeros(500)]))
    filling = redrawn_rows(model, begun, [1, 2])
    before, after = filling.cells.codes[:, 1], filling.cells.codes[:, 2]
    assert (before > 0).any()
    assert (before == after).double().mean() > 0.85


# Relations


def random_cells(n_rows, seed):
    """Cells over PLACED with relations that may say anything."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(span.n_codes, size=n_rows) for span in PLACED.spans])
    places = np.column_stack([rng.integers(PLACED.spans[i].n_places, size=n_rows) for i in PLACED.placed])
    relations = rng.random((n_rows, len(PLACED.relations))) < 0.5
    return cells_of(table_of(codes, places=places, relations=relations))


def slowly_told_by(cells, row, column):
    """Which of a column's relations tells a cell: the first that holds and whose partner stands somewhere."""
    for place, index in enumerate(PLACED.relations_of(column)):
        relation = PLACED.relations[index]
        partner_place = cells.places[row, PLACED.place_index[relation.partner]]
        stands = relation.follow[cells.codes[row, relation.partner], partner_place]
        if cells.relations[row, index] and not np.isnan(stands):
            return place
    return -1


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_cells_are_told_by_the_first_relation_that_can(seed):
    cells = random_cells(40, seed)
    told_by = RowSpace(PLACED).told_by(cells)
    for row, column in itertools.product(range(40), range(len(PLACED))):
        assert told_by[row, column] == slowly_told_by(cells, row, column)


def test_without_relations_nothing_is_told():
    told_by = RowSpace(MIXED).told_by(cells_of(mixed_table(7)))
    assert told_by.shape == (7, len(MIXED.coded))
    assert (told_by == -1).all()


@st.composite
def sources(draw):
    """Sources of one row's cells: those of one group have the number of one of them."""
    groups = draw(st.lists(st.integers(0, 3), min_size=4, max_size=4))
    heads = {
        group: draw(st.sampled_from([i for i in range(4) if groups[i] == group])) for group in set(groups)
    }
    return [heads[group] for group in groups]


@given(rows=st.lists(sources(), min_size=1, max_size=20), column=st.integers(0, 3))
def test_cells_that_were_equal_stay_equal_without_the_one_that_is_redrawn(rows, column):
    filling = filling_of(model_of(PLACED), placed_table(len(rows)))
    before = torch.tensor(rows)
    filling.source = before.clone()
    filling._disown(column)
    after = filling.source
    assert after[:, column].eq(column).all()
    others = [i for i in range(4) if i != column]
    assert not after[:, others].eq(column).any()
    for first, second in itertools.combinations(others, 2):
        assert torch.equal(before[:, first] == before[:, second], after[:, first] == after[:, second])
    assert torch.equal(after.gather(1, after), after)  # what a number is from is the first to have it
    untouched = before[:, others] != column
    assert torch.equal(after[:, others][untouched], before[:, others][untouched])


def assert_consistent(filling):
    """Cells drawn as one stand together, and relations hold for them alone."""
    assert torch.equal(filling.source.gather(1, filling.source), filling.source)
    for column, index in PLACED.place_index.items():
        span, codes = PLACED.spans[column], filling.cells.codes[:, column]
        places = filling.cells.places[:, index]
        assert ((places >= 0) & (places < span.n_places)).all()
        assert places[~torch.isin(codes, torch.tensor(span.place_codes))].eq(0).all()
    assert_equal_cells_stand_together(filling)


def drawn_filling(model, n_rows):
    """A filling that the generator has filled in, in which cells were drawn as others."""
    with torch.no_grad():
        start = PLACED.n_codes
        model.generator.to_row.bias[start : start + len(model.layout.relations)] += 1.5
    with torch.inference_mode():
        filling = new_filling(model, n_rows, 2)
        for column in range(4):
            filling.draw([column])
    return filling


@pytest.mark.parametrize("name", ["places and relations", "one follows another"])
@pytest.mark.parametrize("columns", [[0], [2], [3], [0, 2], [2, 0, 3, 1], [3, 1, 0, 2]], ids=str)
def test_after_redrawing_equal_cells_stand_together_and_relations_are_true(name, columns):
    filling = drawn_filling(model_with(name), 1500)
    assert (filling.source != torch.arange(4)).any()
    assert_consistent(filling)
    before = filling.source.clone()
    with torch.inference_mode():
        filling.redraw(columns)
    assert_consistent(filling)
    others = [i for i in range(4) if i not in columns]
    for first, second in itertools.combinations(others, 2):
        was_equal = before[:, first] == before[:, second]
        assert torch.equal(was_equal, filling.source[:, first] == filling.source[:, second])


@pytest.mark.parametrize("start", ["never equal", "as drawn", "as real rows"])
@pytest.mark.parametrize("columns", [[0, 2], [2, 0], [3, 0, 2, 1], [2, 1, 0, 3]], ids=str)
def test_redrawing_makes_columns_equal_as_often_as_real_ones(start, columns):
    n_rows, model = 3000, model_with("places and relations")
    if start == "as drawn":
        filling = drawn_filling(model, n_rows)
    else:
        table = placed_table(n_rows, seed=3)
        filling = filling_of(model, independent(table) if start == "never equal" else table)
    with torch.inference_mode():
        for _ in range(3):
            filling.redraw(columns)
    table = placed_table(2000)
    for index in (0, 1):
        expected = table.relations[:, index].mean()
        seen = filling.cells.relations[:, index].double().mean().item()
        errors = (expected * (1 - expected) * (1 / n_rows + 1 / len(table))) ** 0.5
        assert expected > 0.2
        assert seen == pytest.approx(expected, abs=4 * errors + TOLERANCE)


@torch.inference_mode()
@pytest.mark.parametrize("told_by", [-1, 0, 1], ids=["follows none", "follows x", "follows y"])
def test_a_told_cell_is_where_its_partner_stands(told_by):
    n_rows, column = 1500, 3
    filling = filling_of(model_of(PLACED), placed_table(n_rows))
    own = (torch.full((n_rows,), number) for number in (2, 5, told_by))
    filling._redraw_column(column, Redrawn(*own, torch.zeros(n_rows)))
    relation = PLACED.relations[PLACED.relations_of(column)[told_by]]
    follow = followed_by(filling, relation)
    can_tell = ~follow.isnan() & (told_by >= 0)
    assert 0 < can_tell.sum() < n_rows or told_by < 0
    cells = filling.cells
    assert cells.codes[~can_tell, column].eq(2).all()
    assert cells.places[~can_tell, PLACED.place_index[column]].eq(5).all()
    assert torch.equal(filling.source[:, column], torch.where(can_tell, relation.partner, column))
    distance = (stands_of(filling, column) - follow)[can_tell]
    assert (distance.abs() <= 0.5 / PLACED.spans[column].n_places + 1e-6).all()


@torch.inference_mode()
@pytest.mark.parametrize(
    ("column", "own", "shifts", "codes", "places"),
    [
        pytest.param(3, (1, 5), [-50.0, 50.0, 0.0], [1, 2, 1], [0, 7, 5], id="off its line"),
        pytest.param(2, (0, 4), [0.6, 1.2, 2.0], [0, 0, 2], [4, 4, 4], id="onto a point within it"),
    ],
)
def test_no_number_moves_where_it_cannot_stand(column, own, shifts, codes, places):
    filling, nothing = filling_of(model_of(PLACED), placed_table(3)), torch.full((3,), -1)
    own_codes, own_places = (torch.full((3,), number) for number in own)
    filling._redraw_column(column, Redrawn(own_codes, own_places, nothing, torch.tensor(shifts)))
    assert filling.cells.codes[:, column].tolist() == codes
    assert filling.cells.places[:, PLACED.place_index[column]].tolist() == places


# Columns that follow from one another


def hierarchy(n_rows, seed=0):
    """Districts, the regions that they are in, and two columns that hang together with both."""
    rng = np.random.default_rng(seed)
    district = rng.integers(6, size=n_rows)
    income = np.minimum(district // 2 + rng.integers(3, size=n_rows), 4)
    vote = (income + rng.integers(2, size=n_rows)) % 3
    return table_of(np.column_stack([district, district // 2, income, vote]))


def test_rows_stay_consistent_where_a_column_is_a_function_of_another():
    layout, table = layout_of(6, 3, 5, 3), hierarchy(1500)
    model = model_of(layout).eval()
    model.trees = grown(layout, table, bound=of_one_class(table, layout).bound)
    assert model.trees.columns == [2, 3]
    begun = hierarchy(800, seed=1)
    redrawn = redrawn_rows(model, begun, [3, 0, 2, 1]).table()
    np.testing.assert_array_equal(redrawn.codes[:, :2], begun.codes[:, :2])
    assert (redrawn.codes[:, 2:] != begun.codes[:, 2:]).any(0).all()
    district, region, income, _ = redrawn.codes.astype(int).T
    assert (district // 2 == region).all()
    assert set(zip(district, income, strict=True)) <= {tuple(row) for row in table.codes[:, [0, 2]].tolist()}
