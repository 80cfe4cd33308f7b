"""Small layouts, tables with a known joint, models and distances that the tests of `synthgan.gan` share."""

import copy
import functools

import numpy as np
import torch
from scipy.stats import chi2

from synthgan.gan.budget import Budget
from synthgan.gan.checkpoint import Checkpoint
from synthgan.gan.drawing import draw
from synthgan.gan.fitting import survey
from synthgan.gan.grouping import Dependence
from synthgan.gan.loop import History
from synthgan.gan.model import Architecture, GanModel
from synthgan.gan.networks import Output
from synthgan.gan.rows import Cells, RowSpace
from synthgan.gan.training import train_masked
from synthgan.layout import EncodedTable, Known, Layout, Relation, Span

#: One span of every sort: unordered, constant, ordered with missing, partly valued, always valued.
MIXED = Layout(
    (
        Span("colour", 3),
        Span("constant", 1),
        Span("size", 5, positions=(-1.0, -0.25, 0.5, 1.0, None)),
        Span("weight", 3, value_codes=(1,)),
        Span("height", 1, value_codes=(0,)),
    )
)
#: Two numbers with nothing but values, as in a textbook's first GAN.
TEXTBOOK = Layout((Span("x", 1, value_codes=(0,)), Span("y", 1, value_codes=(0,))))
PAIR = Layout((Span("x", 3), Span("y", 2)))
#: P(x, y) of the tables over PAIR: dependent, and no cell is rare.
JOINT = np.array([[0.40, 0.05], [0.05, 0.20], [0.10, 0.20]])


#: Where each code's stretch of the number line starts, all of length 1; NaN for a code that has no place.
LINES = {
    "x": np.array([0.0, 1.0, 2.0, np.nan]),
    "y": np.array([0.0, np.nan, 1.0]),
    "z": np.array([np.nan, 1.0, 2.0]),
}
N_PLACES = {"x": 4, "y": 8, "z": 8}


def stand(line: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return code plus place of numbers on a line, NaN beyond it."""
    inside = (line <= numbers[..., None]) & (numbers[..., None] < line + 1)
    stands = np.where(inside, np.arange(len(line)) + numbers[..., None] - line, 0.0).sum(-1)
    return np.where(inside.any(-1), stands, np.nan)


def _line_span(name: str) -> Span:
    stretches = tuple(np.flatnonzero(~np.isnan(LINES[name])).tolist())
    positions = tuple(None if np.isnan(start) else float(start - 1) for start in LINES[name])
    return Span(name, len(positions), positions, place_codes=stretches, n_places=N_PLACES[name])


def _relation(spans: tuple[Span, ...], column: int, partner: int) -> Relation:
    own, other = spans[column].name, spans[partner].name
    middles = (np.arange(N_PLACES[other]) + 0.5) / N_PLACES[other]
    return Relation(column, partner, stand(LINES[own], LINES[other][:, None] + middles))


def _placed() -> Layout:
    spans = (_line_span("x"), Span("colour", 3), _line_span("y"), _line_span("z"))
    return Layout(spans, tuple(_relation(spans, *pair) for pair in [(0, 2), (2, 0), (3, 0), (3, 2)]))


#: Four columns of three codes, of which the rows over FOUR below are a mixture of three kinds.
FOUR = Layout(tuple(Span(name, 3) for name in "abcd"))
KINDS = np.array([0.5, 0.3, 0.2])
#: P(code | kind), shape (kind, column, code).
CODES_OF_KINDS = np.array(
    [
        [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.6, 0.2, 0.2], [0.2, 0.2, 0.6]],
        [[0.1, 0.8, 0.1], [0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1]],
        [[0.1, 0.2, 0.7], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1]],
    ]
)


#: Three number lines, x and y related both ways and z to both of them, and a colour.
PLACED = _placed()


def rng_of(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixed_table(n_rows: int, seed: int = 0) -> EncodedTable:
    """Return random rows over MIXED."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(span.n_codes, size=n_rows) for span in MIXED.spans])
    values = rng.normal(size=(n_rows, 2)).astype(np.float32)
    values[codes[:, 3] != 1, 0] = 0
    return table_of(codes, values)


def textbook_table(n_rows: int, seed: int = 0) -> EncodedTable:
    """Return random rows over TEXTBOOK."""
    values = np.random.default_rng(seed).normal(size=(n_rows, 2)).astype(np.float32)
    return table_of(np.zeros((n_rows, 2)), values)


def pair_table(n_rows: int, seed: int = 0, joint: np.ndarray = JOINT) -> EncodedTable:
    """Return rows over PAIR drawn from a joint."""
    cells = np.random.default_rng(seed).choice(joint.size, size=n_rows, p=joint.ravel())
    return table_of(np.column_stack(np.unravel_index(cells, joint.shape)))


def four_table(n_rows: int, seed: int = 0) -> EncodedTable:
    """Return rows over FOUR, each of one of the kinds."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(len(KINDS), size=n_rows, p=KINDS)
    below = CODES_OF_KINDS.cumsum(2)[kinds] < rng.random((n_rows, len(FOUR), 1))
    return table_of(below.sum(2))


def joint_of(shares: np.ndarray, code_shares: np.ndarray) -> np.ndarray:
    """Return the shares of all rows over FOUR under a mixture; `code_shares` as in CODES_OF_KINDS."""
    return np.einsum("k,ka,kb,kc,kd->abcd", shares, *code_shares.swapaxes(0, 1))


def placed_table(n_rows: int, seed: int = 0) -> EncodedTable:
    """Return rows over PLACED with numbers from 0 to 3.3, in a third of which x and y are equal."""
    rng = np.random.default_rng(seed)
    numbers = dict(zip("xyz", rng.uniform(0, 3.3, size=(3, n_rows)), strict=True))
    numbers["y"] = np.where(rng.random(n_rows) < 1 / 3, numbers["x"], numbers["y"])
    stands = {name: stand(line, numbers[name]) for name, line in LINES.items()}
    nowhere = {name: np.flatnonzero(np.isnan(line)) for name, line in LINES.items()}
    codes = {
        name: (np.where(np.isnan(at), nowhere[name], at) // 1).astype(int) for name, at in stands.items()
    }
    places = {name: (np.nan_to_num(at) % 1 * N_PLACES[name]).astype(int) for name, at in stands.items()}
    relations = []
    for relation in PLACED.relations:
        own, other = (PLACED.spans[i].name for i in (relation.column, relation.partner))
        is_nowhere = np.isnan(stands[own] + relation.follow[codes[other], places[other]])
        relations.append((numbers[own] == numbers[other]) & ~is_nowhere)
    colours = rng.integers(3, size=n_rows)
    return table_of(
        np.column_stack([codes["x"], colours, codes["y"], codes["z"]]),
        places=np.column_stack(list(places.values())),
        relations=np.column_stack(relations),
    )


def table_of(
    codes: np.ndarray,
    values: np.ndarray | None = None,
    places: np.ndarray | None = None,
    relations: np.ndarray | None = None,
) -> EncodedTable:
    """Return an encoded table, with none of what is not given."""
    none = np.empty((len(codes), 0))
    arrays = [none if array is None else array for array in (values, places, relations)]
    dtypes = (np.float32, np.uint8, bool)
    return EncodedTable(codes.astype(np.uint8), *map(np.ndarray.astype, arrays, dtypes))


def cells_of(table: EncodedTable) -> Cells:
    return Cells.of(table, torch.device("cpu"))


def standing_cells(n_rows: int) -> Cells:
    """Return rows over PLACED in which every partner stands somewhere on the line that follows it."""
    cells = cells_of(placed_table(20 * n_rows + 20))
    stands = ~RowSpace(PLACED).followed(cells).isnan().any(1)
    return cells.take(stands.nonzero().squeeze(1)[:n_rows])


def output_of(numbers: torch.Tensor, layout: Layout = MIXED) -> Output:
    """Split logits and values of a layout into what a generator says, without what tells places."""
    sizes = [layout.n_codes, len(layout.valued), len(layout.relations), 0]
    return Output(*numbers.split(sizes, dim=1))


def random_output(layout: Layout, n_rows: int, seed: int, scale: float = 1.0) -> Output:
    width = layout.width - len(layout.placed)
    return output_of(scale * torch.randn(n_rows, width, generator=rng_of(seed)), layout)


def model_of(
    layout: Layout,
    *,
    known: tuple[int, ...] | None = None,
    seed: int = 0,
    hidden_dims: tuple[int, ...] = (32, 32),
    latent_dim: int = 0,
    residual: bool = True,
    n_classes: int = 1,
    tree_depth: int = 0,
) -> GanModel:
    """Return an untrained model; `known` None lets any column be known."""
    known = tuple(range(len(layout))) if known is None else known
    architecture = Architecture(
        hidden_dims,
        latent_dim,
        residual,
        known,
        n_classes=n_classes,
        tree_depth=tree_depth,
    )
    return GanModel(layout, architecture, rng_of(seed))


def shares(table: EncodedTable) -> np.ndarray:
    """Return the shares of the cells of PAIR's joint."""
    counts = np.zeros(JOINT.shape)
    np.add.at(counts, (table.codes[:, 0], table.codes[:, 1]), 1)
    return counts / len(table)


def total_variation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).sum() / 2)


def sampling_error(p: np.ndarray, n_rows: int) -> float:
    """Return twice the root-mean-square bound on the total variation of `n_rows` draws from `p`."""
    return float(np.sqrt(p * (1 - p) / n_rows).sum())


def assert_drawn_from(counts, expected, chance=1e-4):
    """Counts are no further from what is expected, by Pearson's chi-square, than chance may have it."""
    counts, expected = np.asarray(counts), np.asarray(expected)
    assert ((counts - expected) ** 2 / expected).sum() < chi2.isf(chance, counts.size - 1)


def train(model, budget, table, validation, *, redraw=True, seed=0, report=None):
    """Train a model any of whose columns may be known, and return the history."""
    history = History(report or ignore)
    how = {"rounds": None, "redraw": redraw, "rng": rng_of(seed), "checkpoint": Checkpoint()}
    train_masked(model, table, validation, budget, history, **how)
    return history.records


def ignore(done: float, losses: dict[str, float]) -> None:
    """Take a report of training and do nothing with it."""


def weights_of(model: torch.nn.Module) -> torch.Tensor:
    """Return all weights of a network as one vector, a copy."""
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).clone()


def spread_out(model: GanModel) -> GanModel:
    """Give an untrained model weights that make its columns depend on each other and on the noise."""
    rng = rng_of(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=rng))
    return model


def _code_value_and_place(cell):
    return cell if isinstance(cell, tuple) else (cell, 0.0, 0)


def known_of(layout, *patterns, pattern_of=None, allowed=None):
    """What is known of rows: for each pattern the code of some columns, or code, value and place."""
    nothing, is_known = Known.nothing(layout), np.zeros((max(len(patterns), 1), len(layout)), dtype=bool)
    table = nothing.patterns.take(np.zeros(len(is_known), dtype=int))
    for row, cells in enumerate(patterns):
        for column, cell in cells.items():
            code, value, place = _code_value_and_place(cell)
            is_known[row, column], table.codes[row, column] = True, code
            if column in layout.value_places:
                table.values[row, layout.value_places[column]] = value
            if column in layout.place_index:
                table.places[row, layout.place_index[column]] = place
    return Known(table, is_known, pattern_of, allowed or {})


def assert_known(layout, table, cells):
    """All rows have the cells of a pattern; see `known_of`."""
    for column, cell in cells.items():
        code, value, place = _code_value_and_place(cell)
        assert (table.codes[:, column] == code).all()
        if column in layout.value_places:
            assert (table.values[:, layout.value_places[column]] == np.float32(value)).all()
        if column in layout.place_index:
            assert (table.places[:, layout.place_index[column]] == place).all()


def drawn(model, n_rows, *, seed=0, condition=None, rounds=None, correct=False, redraw=True):
    """Draw rows under a condition: the cells of one pattern, or what is known."""
    known = condition if isinstance(condition, Known) else known_of(model.layout, condition or {})
    how = {"known": known, "rounds": rounds, "correct": correct, "redraw": redraw}
    return draw(model, n_rows, **how, rng=rng_of(seed))


def assert_same(first, second):
    for array, twin in zip(vars(first).values(), vars(second).values(), strict=True):
        np.testing.assert_array_equal(array, twin)


def of_one_class(table, layout):
    """Return a table's dependence where one class, which has its marginals, explains nothing."""
    columns = [np.bincount(table.codes[:, column], minlength=layout.sizes[column]) for column in layout.coded]
    return Dependence.of(table, layout, np.ones(1), np.concatenate(columns)[None] / len(table))


# Models that have not been trained: what they draw is a matter of their seed.


def knows_everything():
    return spread_out(model_of(MIXED))


def knows_lines():
    return spread_out(model_of(PLACED))


@functools.cache
def surveyed():
    model = spread_out(model_of(PLACED, n_classes=6, tree_depth=3))
    survey(model, placed_table(600), Budget(1, 1, 0.1, 0.0, (32,), 0), rng_of(1))
    return model


def knows_where_rows_lie():
    return copy.deepcopy(surveyed())


def knows_one_column():
    model = spread_out(model_of(MIXED, known=(0,), latent_dim=8))
    model.prior.copy_(torch.tensor([0.5, 0.3, 0.2]))
    return model


def knows_nothing():
    return spread_out(model_of(MIXED, known=(), latent_dim=8))
