import numpy as np
import pytest

from synthgan.layout import EncodedTable, Layout, Span

SPANS = (Span("a", 3), Span("constant", 1), Span("v", 1, value_codes=(0,)), Span("b", 2, value_codes=(1,)))


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


def test_take_keeps_codes_and_values_of_a_row_together():
    table = EncodedTable(np.arange(6, dtype=np.uint8).reshape(3, 2), np.arange(3, dtype=np.float32)[:, None])
    for rows in (np.array([2, 0]), np.array([True, False, True])):
        taken = table.take(rows)
        assert len(taken) == 2
        assert (taken.codes[:, 0] == 2 * taken.values[:, 0]).all()
        assert taken.codes.dtype == np.uint8
