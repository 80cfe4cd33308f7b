import numpy as np
import pytest

from synthgan.layout import EncodedTable, Known, Layout, Relation, Span

SPANS = (Span("a", 3), Span("constant", 1), Span("v", 1, value_codes=(0,)), Span("b", 2, value_codes=(1,)))
LINES = (
    Span("p", 4, place_codes=(0, 2), n_places=8),
    Span("one code", 1, place_codes=(0,), n_places=8),
    Span("q", 2, place_codes=(1,), n_places=4),
    Span("r", 3, place_codes=(0, 1, 2), n_places=1),
)
FOLLOW = np.zeros((4, 8))


def lines():
    """A layout in which two spans of six have places, and three relations."""
    pairs = [(2, 4), (4, 2), (2, 3)]
    return Layout((*SPANS[2:], *LINES), tuple(Relation(*pair, FOLLOW) for pair in pairs))


def test_coded_spans_tile_the_codes_of_a_row_vector():
    layout = Layout(SPANS)
    tiles = [np.arange(layout.n_codes)[layout.slice_of(i)].tolist() for i in range(len(layout))]
    assert tiles == [[0, 1, 2], [], [], [3, 4]]
    assert layout.coded.tolist() == [0, 3]
    assert layout.offsets[layout.coded].tolist() == [0, 3]


def test_width_counts_codes_and_values_and_nothing_for_a_constant():
    layout = Layout(SPANS)
    assert layout.sizes.tolist() == [3, 0, 0, 2]
    assert layout.valued.tolist() == [2, 3]
    assert layout.width == 5 + 2
    assert Layout((Span("constant", 1),)).width == 0


@pytest.mark.parametrize("indices", [[], [0], [3, 1]])
def test_select_keeps_the_spans_that_are_named_in_that_order(indices):
    assert Layout(SPANS).select(indices).spans == tuple(SPANS[i] for i in indices)


def test_places_belong_to_spans_with_several_codes_and_several_places():
    assert lines().placed.tolist() == [2, 4]
    assert lines().place_index == {2: 0, 4: 1}
    assert Layout(SPANS).place_index == {}


def test_width_counts_places_and_relations():
    alone = Layout(lines().spans)
    assert alone.width == alone.n_codes + 2 + 2  # codes, values, places
    assert lines().width == alone.width + 3


def test_relations_of_a_column_are_those_that_tell_it():
    assert [lines().relations_of(column) for column in range(6)] == [[], [], [0, 2], [], [1], []]


def test_a_selection_has_no_relations():
    assert lines().select([2, 4]) == Layout((LINES[0], LINES[2]))


def numbered(n_rows, start=0):
    """A table over `lines()` in which every row holds its own number in each of its arrays."""
    numbers = np.arange(start, start + n_rows)[:, None]
    return EncodedTable(
        numbers.repeat(6, 1).astype(np.uint8),
        numbers.repeat(2, 1).astype(np.float32),
        numbers.repeat(2, 1).astype(np.uint8),
        numbers.repeat(3, 1).astype(bool),
    )


def assert_numbered(table, numbers):
    assert len(table) == len(numbers)
    for array, like in zip(vars(table).values(), vars(EncodedTable.empty(lines())).values(), strict=True):
        expected = np.repeat(np.array(numbers)[:, None], like.shape[1], axis=1)
        np.testing.assert_array_equal(array, expected.astype(like.dtype if like.dtype == bool else int))


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([True, False, True])])
def test_take_keeps_what_belongs_to_a_row_together(rows):
    taken = numbered(3).take(rows)
    assert_numbered(taken, np.arange(3)[rows])
    assert taken.codes.dtype == np.uint8


def test_join_puts_all_arrays_one_after_another():
    assert_numbered(EncodedTable.join([numbered(2), numbered(0), numbered(3, 2)], lines()), np.arange(5))


def test_joining_nothing_gives_no_rows_of_the_layout():
    nothing = EncodedTable.join([], lines())
    assert_numbered(nothing, [])
    assert [array.dtype for array in vars(nothing).values()] == [np.int64, np.float32, np.uint8, bool]


def test_cells_of_given_rows_are_known_or_present():
    spans = (Span("a", 3, has_missing=True), Span("b", 2), Span("c", 2, has_missing=True), Span("none", 1))
    layout, n_rows = Layout(spans), 4
    empty = EncodedTable.empty(layout)
    rows = (np.zeros((n_rows, array.shape[1]), array.dtype) for array in vars(empty).values())
    is_known = np.ones((n_rows, 4), dtype=bool)
    is_known[1, :2] = False
    known = Known.of_rows(EncodedTable(*rows), is_known, layout)
    assert np.array_equal(known.is_known[known.patterns_of(n_rows)], is_known)
    assert set(known.allowed) == known.silent == {0}
    assert known.allowed[0].tolist() == [[1.0], [1.0], [0.0]]
