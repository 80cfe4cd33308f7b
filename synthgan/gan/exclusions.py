"""Which codes of two columns never stand together: codes of a table in, and what a cell may still be out.

A grade and another's subgrade, a cancelled flight and a delay: no row has both, though each is frequent. What
is drawn heeds that, whatever the networks say.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthgan.gan.computing import Learned
from synthgan.gan.grouping import counts_of_pairs
from synthgan.layout import EncodedTable, FloatArray, IntArray, Layout, Span

#: Rows that are looked at, fewer where there are many pairs of columns.
_MAX_ROWS, _MIN_ROWS, _MAX_CELLS_OF_PAIRS = 100_000, 2_000, 400_000_000
#: Pairs of codes are excluded that are estimated to have together at most this share of the rows.
_MAX_MISSING = 0.0005
#: Rows that independent columns would have there, at least, for each that these are estimated to have.
_MIN_GAIN = 20
#: What is added to the estimate, in rows: where none was seen may still be some.
_DOUBT = 3
#: Partners that a column heeds at most.
_MAX_PARTNERS = 16


class _Pair(NamedTuple):
    """Two columns, which of their codes stand together, and how many rows chance would have of the others."""

    first: int
    second: int
    allowed: npt.NDArray[np.bool_]
    gain: float


class Contradiction(NamedTuple):
    """What is asked of a row and never stands together.

    Attributes
    ----------
    row
        Its index.
    first, second
        The columns.
    beside
        Which codes of the second column stand beside what is asked of the first, shape ``(n_codes,)``.
    """

    row: int
    first: int
    second: int
    beside: Tensor


class Exclusions(Learned):
    """Pairs of codes that no drawn row has.

    Parameters
    ----------
    layout
        The columns.

    Attributes
    ----------
    pairs
        The columns of each pair, shape ``(n_pairs, 2)``.
    allowed
        Which codes of a pair stand together: its matrix row by row, and one pair after another.
    """

    misfit = "The exclusions do not fit the columns."

    pairs: Tensor
    allowed: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self._keep([])

    def fit(self, table: EncodedTable) -> None:
        """Learn from rows which codes never stand together."""
        n_columns = len(self.layout)
        n_rows = min(_MAX_ROWS, max(_MIN_ROWS, _MAX_CELLS_OF_PAIRS // n_columns**2))
        groups = [_groups(span) for span in self.layout.spans]
        found = []
        for first, second, counts in counts_of_pairs(table, self.layout, n_rows):
            is_excluded = _excluded(counts, (groups[first], groups[second]))
            if is_excluded.any():
                gain = float(_expected(counts)[is_excluded].sum())
                found.append(_Pair(first, second, ~is_excluded, gain))
        n_partners, kept = np.zeros(n_columns, dtype=np.int64), []
        for pair in sorted(found, key=lambda pair: -pair.gain):
            columns = [pair.first, pair.second]
            if n_partners[columns].max() < _MAX_PARTNERS:
                n_partners[columns] += 1
                kept.append(pair)
                # Nothing is excluded that stands together in any row, looked at or not.
                pair.allowed[table.codes[:, pair.first], table.codes[:, pair.second]] = True
        self._keep(kept)

    def concern(self, column: int) -> bool:
        """Whether a column has codes that never stand beside some of another."""
        return any(column in (first, second) for first, second, _ in self._places)

    def possible(self, column: int, codes: Tensor, is_known: Tensor) -> Tensor | None:
        """Return which codes of a column may stand beside the known cells of rows.

        Parameters
        ----------
        column
            Its index.
        codes, is_known
            Of all columns, and which of them are known, shape ``(batch, n_columns)``.

        Returns
        -------
        Tensor or None
            Truth values, shape ``(batch, n_codes)``, all true where all would be false; None if all codes
            may stand in all rows.
        """
        possible = None
        for partner, together in self._partners(column, is_known):
            beside = together[codes[:, partner]] | ~is_known[:, partner, None]
            possible = beside if possible is None else possible & beside
        return None if possible is None else possible | ~possible.any(1, keepdim=True)

    def keep_apart(self, column: int, codes: Tensor, is_known: Tensor) -> Tensor | None:
        """Return which rows have in a column a code that never stands beside one that is known.

        Parameters are those of `possible`; None if there can be none. The shape is ``(batch,)``.
        """
        apart = None
        for partner, together in self._partners(column, is_known):
            own = ~together[codes[:, partner], codes[:, column]] & is_known[:, partner]
            apart = own if apart is None else apart | own
        return apart

    def contradicted(
        self, codes: Tensor, is_known: Tensor, allowed: Mapping[int, Tensor]
    ) -> Contradiction | None:
        """Return what of the first row that can be no row contradicts each other; None if there is none.

        Parameters
        ----------
        codes, is_known
            See `possible`.
        allowed
            Which codes some columns may have, shape ``(n_codes,)``, where they are not known.
        """
        for first, second, together in self._pairs():
            if (of_first := self._constraint(first, codes, is_known, allowed)) is None:
                continue
            if (of_second := self._constraint(second, codes, is_known, allowed)) is None:
                continue
            # Products of truth values: whether any code of the one stands beside one of the other.
            beside = of_first.float() @ together.float() > 0
            apart = (~(beside & of_second).any(1)).nonzero()
            if len(apart):
                row = int(apart[0])
                return Contradiction(row, first, second, beside[row])
        return None

    def _constraint(
        self, column: int, codes: Tensor, is_known: Tensor, allowed: Mapping[int, Tensor]
    ) -> Tensor | None:
        """Return which codes of a column rows may have, ``(batch, n_codes)``; None if all in all rows."""
        known = is_known[:, column]
        if column not in allowed and not known.any():
            return None
        size = int(self.layout.sizes[column])
        otherwise = allowed.get(column, torch.ones(size, dtype=torch.bool, device=codes.device))
        own = torch.nn.functional.one_hot(codes[:, column], size).bool()
        return torch.where(known.unsqueeze(1), own, otherwise)

    def _pairs(self) -> Iterator[tuple[int, int, Tensor]]:
        """Yield each pair of columns, and which of their codes stand together."""
        for first, second, start in self._places:
            shape = self.layout.sizes[[first, second]].tolist()
            yield first, second, self.allowed[start : start + shape[0] * shape[1]].view(shape)

    def _partners(self, column: int, is_known: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield each partner of a column that is known in some row, and which codes stand together.

        The column itself counts as unknown.
        """
        for first, second, together in self._pairs():
            if column in (first, second):
                partner = first if column == second else second
                if is_known[:, partner].any():
                    yield partner, together if column == second else together.T

    def _keep(self, pairs: list[_Pair]) -> None:
        """Keep pairs in place of those that there are."""
        columns = np.array([(pair.first, pair.second) for pair in pairs], dtype=np.int64).reshape(-1, 2)
        allowed = [np.empty(0, dtype=bool), *(pair.allowed.ravel() for pair in pairs)]
        self.hold(pairs=columns, allowed=np.concatenate(allowed))
        self._find_places()

    def _find_places(self) -> None:
        """Note where the matrix of each pair starts."""
        columns = self.pairs.cpu().numpy()
        sizes = self.layout.sizes[columns].prod(1)
        starts = np.cumsum(sizes) - sizes
        self._places = [(*pair, start) for pair, start in zip(columns.tolist(), starts.tolist(), strict=True)]

    def is_sound(self) -> bool:
        """Whether there is a matrix for each pair, of columns that there are."""
        if self.pairs.ndim != 2 or not ((self.pairs >= 0) & (self.pairs < len(self.layout))).all():
            return False
        self._find_places()
        return len(self.allowed) == int(self.layout.sizes[self.pairs.cpu().numpy()].prod(1).sum())


def _excluded(counts: IntArray, groups: tuple[list[FloatArray], list[FloatArray]]) -> npt.NDArray[np.bool_]:
    """Return which codes of two columns never stand together, given how often each two do.

    Codes are looked at one by one, with all stretches of a number line taken together, and with all that is
    not missing, so that a number that is missing unless a loan is joint is seen however many pieces it has.
    """
    is_excluded = np.zeros(counts.shape, dtype=bool)
    for rows, columns in product(*groups):
        # Products of matrices of few groups: sums of counts, and truth values of groups for each code.
        if (found := _is_excluded(rows.T @ counts @ columns)) is not None:
            is_excluded |= rows @ found @ columns.T > 0
    return is_excluded


def _groups(span: Span) -> list[FloatArray]:
    """Return which codes are in which group, shape ``(n_codes, n_groups)``, for each way to group them.

    Each code is one; all stretches of a number line are one; and all present cells are one.
    """
    singles: FloatArray = np.eye(span.n_codes)
    together = [np.isin(np.arange(span.n_codes), span.place_codes)]
    if not span.place_codes:
        together = [np.array([p is not None for p in span.positions] or [False] * span.n_codes)]
    if span.has_missing:
        together.append(np.arange(span.n_codes) < span.n_codes - 1)
    groups = {tuple(own): own for own in together if np.count_nonzero(own) > 1}
    return [singles, *(np.column_stack([singles[:, ~own], own]) for own in groups.values())]


def _expected(counts: npt.NDArray[Any]) -> FloatArray:
    """Return the counts that independent columns would have."""
    expected: FloatArray = np.outer(counts.sum(1), counts.sum(0)) / max(counts.sum(), 1)
    return expected


def _is_excluded(counts: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
    """Return which pairs of codes that are not seen are not there to be seen, given how often each is seen.

    Those not seen have together about as large a share of the rows as those that are seen once [1]_. None, if
    that is too large, or nothing is unseen.

    References
    ----------
    .. [1] Good (1953). The population frequencies of species and the estimation of population parameters.
       Biometrika 40.
    """
    n_once = np.count_nonzero(counts == 1)
    if n_once > _MAX_MISSING * counts.sum() or counts.all():
        return None
    expected = _expected(counts)
    is_unseen = (counts == 0) & (expected > 0)
    is_sure = expected[is_unseen].sum() >= _MIN_GAIN * (n_once + _DOUBT)
    return is_unseen if is_sure else None
