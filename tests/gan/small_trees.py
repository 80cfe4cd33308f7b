"""Trees of small tables, and rows that they redraw, for the tests of all who use them."""

import copy
import functools
import itertools

import numpy as np
import pytest
import torch
from small_tables import (
    FOUR,
    MIXED,
    PLACED,
    cells_of,
    four_table,
    mixed_table,
    model_of,
    placed_table,
    rng_of,
    spread_out,
)

from synthgan.gan.filling import DrawingWeights, Filling
from synthgan.gan.redrawing import CellTrees
from synthgan.gan.rows import Cells, RowSpace
from synthgan.layout import EncodedTable, Known, Layout, Span

#: PLACED, where y follows x and x follows nothing.
ONE_SIDED = Layout(PLACED.spans, PLACED.relations[1:2])


def layout_of(*sizes):
    return Layout(tuple(Span(f"column {i}", size) for i, size in enumerate(sizes)))


def one_sided_table(n_rows, seed=0):
    table = placed_table(n_rows, seed)
    return EncodedTable(table.codes, table.values, table.places, table.relations[:, 1:2])


def grown(layout, table, seed=0, **parameters):
    trees = CellTrees(len(layout.coded))
    trees.grow(table, RowSpace(layout), np.random.default_rng(seed), **parameters)
    return trees


TABLES = {
    "codes": (FOUR, four_table),
    "mixed": (MIXED, mixed_table),
    "places and relations": (PLACED, placed_table),
    "one follows another": (ONE_SIDED, one_sided_table),
}
over_tables = pytest.mark.parametrize("name", TABLES)


@functools.cache
def learned(name):
    """Trees over 2000 rows, which no test changes."""
    layout, table_of_rows = TABLES[name]
    return grown(layout, table_of_rows(2000))


def model_with(name, **shape):
    """An untrained model that has learned trees."""
    model = spread_out(model_of(TABLES[name][0], **shape)).eval()
    model.trees = copy.deepcopy(learned(name))
    return model


def new_filling(model, n_rows, seed=0, known=None):
    """A filling of which nothing is drawn yet."""
    known, patterns = known or Known.nothing(model.layout), np.zeros(n_rows, dtype=int)
    return Filling(model, DrawingWeights.of(model), known, patterns, rng_of(seed))


@torch.inference_mode()
def filling_of(model, table, seed=0):
    """A filling that has come to the rows of a table, none of whose cells was drawn as another."""
    filling, cells = new_filling(model, len(table), seed), cells_of(table)
    filling.cells = Cells(cells.codes.long(), cells.values, cells.places.long(), cells.relations)
    filling.is_known[:] = True
    filling._relate()
    return filling


def followed_by(filling, relation):
    """Where a relation's partner stands on the line of its column, NaN for nowhere."""
    codes = filling.cells.codes[:, relation.partner]
    places = filling.cells.places[:, PLACED.place_index[relation.partner]]
    return torch.from_numpy(relation.follow).float()[codes, places]


def stands_of(filling, column):
    """Where the cells of a column stand on its line, NaN where they have no place."""
    codes, span = filling.cells.codes[:, column], PLACED.spans[column]
    stands = codes + (filling.cells.places[:, PLACED.place_index[column]] + 0.5) / span.n_places
    return torch.where(torch.isin(codes, torch.tensor(span.place_codes)), stands, torch.nan)


def assert_equal_cells_stand_together(filling):
    """Cells that were drawn as one, directly or by way of others, stand together; relations hold for them."""
    for index, relation in enumerate(filling.model.layout.relations):
        is_equal = filling.source[:, relation.column] == filling.source[:, relation.partner]
        distance = (stands_of(filling, relation.column) - followed_by(filling, relation))[is_equal]
        assert (distance.abs() <= 1 / 8 + 1e-6).all()  # half of x's places, which are the widest
        assert torch.equal(filling.cells.relations[:, index], is_equal)


def redrawn_rows(model, table, columns, seed=0):
    """A filling whose columns are redrawn in this order, begun where the rows of a table are."""
    filling = filling_of(model, table, seed)
    with torch.inference_mode():
        filling.redraw(columns)
    return filling


def independent(table, seed=5):
    """The table with the cells of each column in an order of their own, places with their codes."""
    rng, layout = np.random.default_rng(seed), TABLES["places and relations"][0]
    codes, places = table.codes.copy(), table.places.copy()
    for column in range(codes.shape[1]):
        order = rng.permutation(len(table))
        codes[:, column] = codes[order, column]
        if places.shape[1] and column in layout.place_index:
            index = layout.place_index[column]
            places[:, index] = places[order, index]
    return EncodedTable(codes, table.values, places, np.zeros_like(table.relations))


def assert_same_trees(first, second):
    buffers, twins = first.state_dict(), second.state_dict()
    assert list(buffers) == list(twins)
    for name, buffer in buffers.items():
        assert buffer.dtype == twins[name].dtype
        assert torch.equal(buffer, twins[name])


def pairs_of(codes):
    """The shares of the codes of each two columns of FOUR."""
    shares = []
    for first, second in itertools.combinations(range(4), 2):
        counts = np.zeros((3, 3))
        np.add.at(counts, (codes[:, first].astype(int), codes[:, second].astype(int)), 1)
        shares.append(counts / len(codes))
    return np.array(shares)
