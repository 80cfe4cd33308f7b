"""Rules that a table seems to keep: a frame comes in, candidates with their support go out.

None is kept before a user declares it: that no row breaks a rule may be chance.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd

from synthgan.forms import unwrap
from synthgan.layout import FloatArray
from synthgan.preprocessing.number_line import NumberLineEncoder
from synthgan.preprocessing.numerical import NumericalEncoder, fewest_decimals
from synthgan.preprocessing.plain import plain_frame
from synthgan.preprocessing.rules import Bounds, Combinations, Inequality, Rule, Sum, Unique
from synthgan.preprocessing.table import TableEncoder

#: Rows that sums are looked for in, and columns that may be parts of one at most.
_ROWS_TRIED, _MAX_NUMBERS = 200, 60
#: Parts of a sum at most.
_MAX_PARTS = 3
#: Share of the rows, at least, in which independent columns would break an inequality.
_MIN_CHANCE = 0.05
#: How far sums may be off, in units of the last decimal of the coarsest column that has decimals.
_MAX_OFF = 2
#: Rows that a rule is about, at least.
_MIN_ROWS = 30
#: Share of the pairs of levels that two columns may have together, at most, to be proposed.
_MAX_COMBINED = 0.5
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Proposal:
    """A rule that no row breaks.

    Parameters
    ----------
    rule
        The rule.
    support
        How many rows it could have been broken in: those without a missing cell in its columns.
    reason
        What else speaks for it.
    """

    rule: Rule
    support: int
    reason: str


def propose_rules(X: Any) -> list[Proposal]:
    """Return the rules that a table keeps in every row, those with most support first.

    Inequalities between columns of one unit, sums of up to three columns, columns whose cells are all
    different, columns of levels that stand together in few ways, and numbers that are never negative.

    Parameters
    ----------
    X : table
        In any form that `SynthGAN.fit` takes.

    Returns
    -------
    list of Proposal
        Candidates to choose from; ``[proposal.rule for proposal in ...]`` is what ``SynthGAN(rules=...)``
        takes.

    Raises
    ------
    DataError
        If the table cannot be learned.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from synthgan import propose_rules
    >>> start = np.random.default_rng(0).integers(0, 1000, 200)
    >>> table = pd.DataFrame({"start": start, "end": start + np.arange(200) % 7 + 1})
    >>> [proposal.rule for proposal in propose_rules(table)][0]
    Inequality(low='start', high='end', strict=True)
    """
    frame, _ = unwrap(X)
    encoder = TableEncoder().fit(frame)
    plain = plain_frame(frame)
    lines = [e for e in encoder.encoders_ if isinstance(e, NumberLineEncoder) and len(e.axis_) > 1]
    numbers = [e for e in lines if isinstance(e, NumericalEncoder)]
    derived = {other.source: other.columns for other in encoder.ties_.functions}
    names = encoder.schema_.names
    told = {frozenset((names[source], names[i])) for source, columns in derived.items() for i in columns}
    found = [
        *_sums(plain, numbers),
        *_inequalities(plain, lines),
        *_combinations(plain, encoder, told),
        *_uniques(plain, lines),
        *_bounds(plain, numbers),
    ]
    return sorted(found, key=lambda proposal: -proposal.support)


def _sums(frame: pd.DataFrame, numbers: Sequence[NumberLineEncoder]) -> Iterator[Proposal]:
    """Yield sums of two or three columns: tried on a few rows, and then on all."""
    numbers = numbers[:_MAX_NUMBERS]
    columns = {e.name: e.numbers(frame[e.name]) for e in numbers}
    decimals = {name: fewest_decimals(cells[~np.isnan(cells)]) for name, cells in columns.items()}
    slack = {name: _MAX_OFF * 10.0**-count if count else 0.0 for name, count in decimals.items()}
    for total, cells in columns.items():
        rows = np.flatnonzero(~np.isnan(cells) & (cells != 0))[:_ROWS_TRIED]
        if len(rows) < _MIN_ROWS:
            continue
        others = [name for name in columns if name != total and np.nanmin(columns[name]) >= 0]
        some = {name: np.nan_to_num(columns[name][rows], nan=np.inf) for name in others}
        fitting = [
            name for name in others if (some[name] <= cells[rows] + max(slack[name], slack[total])).all()
        ]
        for n_parts in range(2, _MAX_PARTS + 1):
            for parts in combinations(fitting, n_parts):
                most = max(slack[name] for name in (total, *parts))
                if (np.abs(sum(some[part] for part in parts) - cells[rows]) <= most + _ROUNDING).all():
                    yield from _sum(total, parts, columns, most, frame)


def _sum(
    total: Hashable,
    parts: tuple[Hashable, ...],
    columns: Mapping[Hashable, FloatArray],
    slack: float,
    frame: pd.DataFrame,
) -> Iterator[Proposal]:
    """Yield a sum that holds in all rows, if each part is there to add to it."""
    n_more = min(int((columns[part] > 0).sum()) for part in parts)
    whole = np.stack([columns[name] for name in (total, *parts)])
    whole = whole[:, ~np.isnan(whole).any(0)]
    off = np.abs(whole[0] - whole[1:].sum(0)).max(initial=0.0)
    tolerance = slack if off > _ROUNDING * whole[0].max(initial=1.0) else 0
    rule = Sum(total, list(parts), tolerance)
    if n_more >= _MIN_ROWS and not rule.broken(frame).any():
        yield Proposal(rule, whole.shape[1], f"each part is more than 0 in {n_more:,} rows or more")


def _inequalities(frame: pd.DataFrame, lines: Sequence[NumberLineEncoder]) -> Iterator[Proposal]:
    """Yield columns that are never above others, though they would often be if they were independent."""
    numbers = {e.name: e.numbers(frame[e.name]) for e in lines}
    for low, high in permutations(lines, 2):
        if low.unit != high.unit:
            continue
        below, above = numbers[low.name], numbers[high.name]
        present = ~(np.isnan(below) | np.isnan(above))
        if present.sum() < _MIN_ROWS or (below[present] > above[present]).any():
            continue
        below, above = below[present], above[present]
        chance = float(np.searchsorted(np.sort(above), below).mean() / len(above))
        is_equal = below == above
        if chance >= _MIN_CHANCE and not is_equal.all():
            rule = Inequality(low.name, high.name, strict=not is_equal.any())
            yield Proposal(rule, len(below), f"independent columns would break it in {chance:.0%} of rows")


def _combinations(
    frame: pd.DataFrame, encoder: TableEncoder, told: set[frozenset[Hashable]]
) -> Iterator[Proposal]:
    """Yield pairs of columns of levels that are seen together in few ways."""
    levels = [e for e in encoder.encoders_ if e.kind == "categorical" and e.span.n_codes >= 3 and e.is_exact]
    for first, second in combinations(levels, 2):
        if frozenset((first.name, second.name)) in told:
            continue
        pairs = frame[[first.name, second.name]].value_counts(dropna=False)
        n_possible = first.span.n_codes * second.span.n_codes
        if (pairs == 1).sum() == 0 and len(pairs) <= _MAX_COMBINED * n_possible:
            rule = Combinations([first.name, second.name])
            reason = f"{len(pairs):,} of {n_possible:,} pairs are seen, each twice or more"
            yield Proposal(rule, len(frame), reason)


def _uniques(frame: pd.DataFrame, lines: Sequence[NumberLineEncoder]) -> Iterator[Proposal]:
    """Yield columns on a grid, where a cell could come twice, that has room for as many cells again."""
    for own in lines:
        column = frame[own.name].dropna()
        has_others = own.grid_ is not None and own.grid_.n_steps >= 2 * len(column)
        if len(column) >= _MIN_ROWS and column.is_unique and has_others:
            yield Proposal(Unique([own.name]), len(column), "no cell comes twice")


def _bounds(frame: pd.DataFrame, numbers: Sequence[NumberLineEncoder]) -> Iterator[Proposal]:
    for own in numbers:
        cells = own.numbers(frame[own.name])
        present = cells[~np.isnan(cells)]
        if len(present) >= _MIN_ROWS and present.min() >= 0:
            n_zero = int((present == 0).sum())
            yield Proposal(Bounds(own.name, 0), len(present), f"{n_zero:,} cells are 0, none is less")
