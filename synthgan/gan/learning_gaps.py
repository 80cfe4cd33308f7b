"""Learning to complete rows: a table with gaps and a trained generator come in, lines, trees, weights go out.

Columns that lack cells in some rows are learned from the rows that have them. How much the generator, the
line and the trees of a column count for is found by hiding cells of rows that none of them has seen.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

from synthgan.gan.completing import N_SWEEPS, Flags, Gaps
from synthgan.gan.expecting import N_DRAWS, gaps_of
from synthgan.gan.growing import grow
from synthgan.gan.model import GanModel
from synthgan.gan.weighing import Hidden, weigh
from synthgan.layout import EncodedTable, FloatArray, Known

#: Trees of a column in each round, and of all columns where these are many, but at least so many of each.
_N_TREES, _MAX_TREES, _MIN_TREES = (8, 24), 400, 4
#: Rows that are learned from at most, and cells of all trees; and rows with a column, at least, to learn it.
_MAX_ROWS, _MAX_CELLS, _MIN_ROWS = 20_000, 8_000_000, 100
#: Rows of each code in the mean, at least, for trees to tell codes.
_MIN_ROWS_OF_CODE = 4
#: Held-out rows at most, and among how many copies of these the cells that are hidden are shared out.
_MAX_JUDGED, _N_COPIES = 400, 10
#: How often rows are drawn, to start with, that are learned from, and fewer and more rows by which it is
#: measured how long that takes, where there is a limit.
_N_DRAWS_TO_LEARN, _N_TIMED = 3, (32, 256)
#: Seconds below which nothing is learned, and the share of the time in which rows are drawn to learn from. As
#: much is for those to judge by, and for growing trees, which takes so long for each row, column and tree.
MIN_TIME, _SHARE_OF_TIME, _SECONDS_OF_TREE = 3.0, 0.25, 1.5e-6


def learn_gaps(
    model: GanModel,
    table: EncodedTable,
    amounts: FloatArray,
    held_out: EncodedTable,
    held_out_amounts: FloatArray,
    *,
    how: dict[str, Any],
    rng: torch.Generator,
    max_time: float | None = None,
) -> None:
    """Learn to complete rows from a table in which cells are missing; one without teaches nothing.

    Parameters
    ----------
    model
        A trained model.
    table, amounts
        Rows to learn from, and where their cells stand, NaN where they are missing; see
        `synthgan.layout.Span`.
    held_out, held_out_amounts
        The same of rows to judge by.
    how
        See `synthgan.gan.drawing.draw`.
    rng
        Source of all randomness, on the model's device.
    max_time
        Seconds that this may take.
    """
    started, seed = time.monotonic(), int(torch.randint(2**62, (1,), generator=rng, device=rng.device).item())
    own_rng = np.random.default_rng(seed)
    n_columns = len(columns_with_gaps(model, table, amounts))
    if not n_columns or (max_time is not None and max_time < MIN_TIME):
        return
    n_trees = [max(_MIN_TREES, min(n, _MAX_TREES // n_columns)) for n in _N_TREES]
    n_rows = min(_MAX_ROWS, max(_MIN_ROWS, _MAX_CELLS // (max(n_trees) * n_columns)))
    n_judged = _MAX_JUDGED * _N_COPIES
    if max_time is not None:
        pace = _Pace.of(model, table, amounts, how, rng)
        time_for_each = _SHARE_OF_TIME * max_time
        n_grown_from = int(time_for_each / (_SECONDS_OF_TREE * n_columns * sum(n_trees)))
        n_rows = min(n_rows, n_grown_from, pace.rows_in(time_for_each, _N_DRAWS_TO_LEARN))
        n_judged = min(n_judged, pace.rows_in(time_for_each, N_DRAWS))
    some = own_rng.permutation(len(table))[:n_rows]
    rows, amounts = table.take(some), amounts[some]
    columns = columns_with_gaps(model, rows, amounts)
    if not columns or not n_judged:
        return
    gaps = _gaps(model, rows, amounts, np.isnan(amounts), how, rng, n_draws=_N_DRAWS_TO_LEARN)
    hidden = _hide(model, held_out, held_out_amounts, columns, n_judged, how, rng, own_rng)
    end = math.inf if max_time is None else started + max_time
    for number, each in enumerate(model.completer.rounds):
        time_left, share = end - time.monotonic(), n_trees[number] / sum(n_trees[number:])
        deadline = end - (1 - share) * time_left if math.isfinite(end) else end
        grow(each, gaps, columns, n_trees=n_trees[number], rng=own_rng, deadline=deadline)
        weigh(each, hidden)
        for _ in range(N_SWEEPS):
            each.fill(gaps)
            each.fill(hidden.gaps)


def columns_with_gaps(model: GanModel, table: EncodedTable, amounts: FloatArray) -> list[int]:
    """Return the places of the coded columns that lack cells and have enough others to be learned."""
    found = []
    for place, column in enumerate(model.layout.coded.tolist()):
        is_present = ~np.isnan(amounts[:, column])
        n_present, n_codes = np.count_nonzero(is_present), len(np.unique(table.codes[is_present, column]))
        is_told = model.layout.spans[column].amounts or n_codes * _MIN_ROWS_OF_CODE <= n_present
        if _MIN_ROWS <= n_present < len(table) and n_codes > 1 and is_told:
            found.append(place)
    return found


def _gaps(
    model: GanModel,
    rows: EncodedTable,
    amounts: FloatArray,
    is_open: Flags,
    how: dict[str, Any],
    rng: torch.Generator,
    *,
    n_draws: int = N_DRAWS,
) -> Gaps:
    known = Known.of_rows(rows, ~is_open, model.layout)
    return gaps_of(model, amounts, is_open, known, how, rng, n_draws=n_draws)


@dataclass(frozen=True)
class _Pace:
    """How long it takes to draw rows once: so many seconds, and so many more for each row."""

    seconds: float
    of_row: float

    @classmethod
    def of(
        cls,
        model: GanModel,
        table: EncodedTable,
        amounts: FloatArray,
        how: dict[str, Any],
        rng: torch.Generator,
    ) -> Self:
        """Measure it on some rows that lack cells."""
        lacking = np.flatnonzero(np.isnan(amounts[:, model.layout.coded]).any(1))
        spent = []
        for n_rows in _N_TIMED:
            rows, started = np.resize(lacking, n_rows), time.monotonic()
            own = amounts[rows]
            _gaps(model, table.take(rows), own, np.isnan(own), how, rng, n_draws=_N_DRAWS_TO_LEARN)
            spent.append((time.monotonic() - started) / _N_DRAWS_TO_LEARN)
        of_row = max(1e-9, (spent[1] - spent[0]) / (_N_TIMED[1] - _N_TIMED[0]))
        return cls(max(0.0, spent[0] - _N_TIMED[0] * of_row), of_row)

    def rows_in(self, seconds: float, n_draws: int) -> int:
        """Return how many rows can be drawn so often in some time."""
        return int(max(0.0, seconds / n_draws - self.seconds) / self.of_row)


def _hide(
    model: GanModel,
    table: EncodedTable,
    amounts: FloatArray,
    columns: Sequence[int],
    n_rows: int,
    how: dict[str, Any],
    rng: torch.Generator,
    own_rng: np.random.Generator,
) -> Hidden:
    """Return copies of rows in each of which other cells of some columns are hidden."""
    table, amounts = table.take(np.arange(len(table))[:_MAX_JUDGED]), amounts[:_MAX_JUDGED]
    copy_of = own_rng.integers(_N_COPIES, size=amounts.shape)
    may_be = np.isin(np.arange(amounts.shape[1]), model.layout.coded[list(columns)]) & ~np.isnan(amounts)
    is_hidden = np.concatenate([may_be & (copy_of == number) for number in range(_N_COPIES)])
    rows = np.tile(np.arange(len(table)), _N_COPIES)
    some = own_rng.permutation(np.flatnonzero(is_hidden.any(1)))[:n_rows]
    rows, is_hidden = rows[some], is_hidden[some]
    is_open = is_hidden | np.isnan(amounts[rows])
    gaps = _gaps(model, table.take(rows), amounts[rows], is_open, how, rng)
    coded = model.layout.coded
    return Hidden(gaps, amounts[np.ix_(rows, coded)], is_hidden[:, coded])
