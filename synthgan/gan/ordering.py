"""In which order the cells of rows are filled in: what is known comes in, columns and rounds go out."""

from collections.abc import Sequence
from operator import attrgetter
from typing import TypeVar

import numpy as np
import torch

from synthgan.gan.filling import Filling
from synthgan.gan.grouping import Rounds, enough_rounds, plan
from synthgan.gan.model import GanModel
from synthgan.layout import Known

Item = TypeVar("Item")
#: Random orders of columns, of which the best plan is taken.
_N_ORDERS = 4
#: Rows of which it is asked what their known cells say of other columns.
_N_ASKED = 16
#: What is allowed of a column is all but everything where at least this share of the rows has it.
_ALL_BUT_EVERYTHING = 0.99


def n_rounds(model: GanModel, known: Known, rounds: Rounds) -> int | None:
    """Return in how many rounds to draw, or None where that is one for each column."""
    given = known.always.tolist()
    columns = np.setdiff1d(model.layout.coded, given).tolist()
    if rounds is None or not model.knows_all:
        return None
    enough = enough_rounds(columns, model.column_dependence, given) if rounds == "auto" else rounds
    return enough if enough < len(columns) else None


def order_of(
    model: GanModel, filling: Filling, n_rounds: int | None, rng: torch.Generator
) -> tuple[Sequence[int], Sequence[int], Sequence[Sequence[int]]]:
    """Return the columns to draw first, one by one, those to draft then, and those to draw in each round.

    First come columns that may lie in some stretches only, the least likely before the others, since what is
    drawn before them would have to be drawn with regard to them. The order of all others is random. In fewer
    rounds than columns those stand together that say little of each other. Under a condition, and with one
    column a round, those come first that the known cells say most about: the fewer other cells are known, the
    less a small table misleads the generator.
    """
    present = {int(i) for i in (*model.layout.coded, *model.layout.valued)}
    known = (filling.is_known.all(0)).nonzero().squeeze(1).tolist()
    first = [column for column in _unlikely(model, filling) if column in present.difference(known)]
    columns = _shuffled(sorted(present.difference(known, first)), rng)
    if not model.knows_all:
        return [], [], [first + columns]
    given = sorted({*known, *first})
    if n_rounds is not None:
        return first, *_in_few_rounds(model, columns, given, n_rounds, rng)
    if filling.is_known.any():
        told = dict(zip(model.layout.coded.tolist(), _information(model, filling), strict=True))
        columns.sort(key=lambda column: -told.get(column, 0.0))
    return first, [], [[column] for column in columns]


def _unlikely(model: GanModel, filling: Filling) -> list[int]:
    """Return the columns that are rarely as they are allowed to be, the rarest first."""
    likelihood = {
        column: float(model.classes.shares @ model.classes.share_allowed(filling.codes_allowed([column])))
        for column in set(filling.allowed) - filling.silent
        if model.layout.sizes[column]
    }
    unlikely = [column for column, share in likelihood.items() if share < _ALL_BUT_EVERYTHING]
    return sorted(unlikely, key=lambda column: (likelihood[column], column))


def order_of_redrawing(filling: Filling, rng: torch.Generator) -> list[int]:
    """Return the columns of which some values are not given, in random order."""
    columns: list[int] = (~filling.given.all(0)).nonzero().squeeze(1).tolist()
    return _shuffled(columns, rng)


def _in_few_rounds(
    model: GanModel, columns: list[int], given: list[int], n_rounds: int, rng: torch.Generator
) -> tuple[Sequence[int], Sequence[Sequence[int]]]:
    """Return the columns to draft, and groups to draw; values, which have no codes to draft, come last."""
    valued = [column for column in columns if column in model.layout.value_places]
    coded = [column for column in columns if column not in model.layout.value_places]
    orders = [coded, *(_shuffled(coded, rng) for _ in range(_N_ORDERS - 1))]
    plans = (plan(order, model.column_dependence, n_rounds, given) for order in orders)
    planned = min(plans, key=attrgetter("lost"))
    groups = _shuffled(planned.groups, rng)
    return planned.drafted, [*groups, valued] if valued else groups


def _shuffled(items: Sequence[Item], rng: torch.Generator) -> list[Item]:
    """Return the items in random order."""
    order = torch.randperm(len(items), generator=rng, device=rng.device).tolist()
    return [items[place] for place in order]


def _information(model: GanModel, filling: Filling) -> list[float]:
    """Return the information, in nats, that the known cells give about each coded column, in the mean.

    It is the Kullback-Leibler divergence between what the generator expects given them and given nothing.
    """
    some = slice(_N_ASKED)
    known_rows = model.known_vectors(filling.cells.take(some), filling.is_known[some])
    rows = torch.cat([torch.zeros_like(known_rows[:1]), known_rows])
    output = model.generator(rows, rows.new_zeros(len(rows), model.architecture.latent_dim))
    expected = model.space.log_probabilities(output.codes)
    alone, given = expected[:1], expected[1:]
    information: list[float] = ((given.exp() * (given - alone)) @ model.space.segments).mean(0).tolist()
    return information
