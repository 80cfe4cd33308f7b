"""Completing rows: what is known of them and what the generator expects comes in, better guesses go out.

A line and a few trees predict each column from all others, filled cells included, as chained forests do [1]_:
the line reaches into the tails, the trees say what it leaves. They are blended with what the generator
expects, as served held-out rows best. That is done in rounds, each of which was learned from rows that the
rounds before it had completed, and meets rows that these have completed.

References
----------
.. [1] Stekhoven, Buehlmann (2012). MissForest: non-parametric missing value imputation for mixed-type data.
       Bioinformatics 28.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthgan.gan.computing import Learned
from synthgan.gan.trees import Trees
from synthgan.layout import FloatArray, IntArray, Layout

#: How many rounds there are, and how often in each one column is filled after another.
N_ROUNDS, N_SWEEPS = 2, 2
#: Codes of a column of which a line knows each by itself, at most; it does not ask columns that have more.
_MAX_CODES = 30
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Gaps:
    """Rows with cells that are to be filled in, and what is in these for the time being.

    Parameters
    ----------
    points
        Where cells stand, their code or amount (see `synthgan.layout.Span`); shape ``(n_rows, n_coded)``.
    is_open
        Which of them are to be filled in.
    told
        What the generator expects of the open cells, for coded columns by place: the chances of the codes of
        present cells, ``(n_open, n_codes)``, or of what lies on a line, amounts, ``(n_open,)``.
    """

    points: FloatArray
    is_open: Flags
    told: dict[int, FloatArray]

    @classmethod
    def of(cls, points: FloatArray, is_open: Flags, told: dict[int, FloatArray]) -> Self:
        """Return rows that are filled in with what the generator expects; see `Gaps`."""
        gaps = cls(np.where(is_open, 0.0, np.nan_to_num(points)), is_open, told)
        for place, expected in told.items():
            gaps.put(place, expected)
        return gaps

    def put(self, place: int, expected: FloatArray) -> None:
        """Fill in the open cells of a column."""
        filled = expected if expected.ndim == 1 else expected.argmax(1)
        self.points[self.is_open[:, place], place] = filled

    def asked(self, place: int, rows: IntArray, on_line: FloatArray) -> npt.NDArray[np.float32]:
        """Return what trees of a column ask about some rows: all others, its line, and which are filled."""
        points, is_open = self.points[rows], self.is_open[rows]
        points[:, place], is_open[:, place] = 0.0, False
        return np.column_stack([points, on_line, is_open]).astype(np.float32)


class Prediction(NamedTuple):
    """What is predicted of cells: the blend of it with what is told is ``base + b change + a (told - base)``.

    Attributes
    ----------
    base
        What the line says, shape ``(n_rows,)``, or the chances that trees see, ``(n_rows, n_codes)``.
    change
        What trees add to the line, of the same shape.
    """

    base: FloatArray
    change: FloatArray

    def blend(self, told: FloatArray, weights: tuple[float, float]) -> FloatArray:
        """Return the blend, given the weights a and b."""
        of_told, of_change = weights
        return self.base + of_change * self.change + of_told * (told - self.base)


class CompletingTrees(Trees):
    """Trees that predict columns from all others, and whether these were filled in.

    Attributes
    ----------
    codes, means
        What a leaf says, shape ``(n_cells,)``: the shares of codes, or by how much cells on a line are above
        what the line says in the mean, under code 0.
    """

    of_cells: ClassVar[Mapping[str, type]] = {"codes": np.int32, "means": np.float32}

    codes: Tensor
    means: Tensor

    @property
    def n_asked(self) -> int:
        """Of how many things nodes may ask; see `Gaps.asked`."""
        return 2 * len(self.roots) + 1

    def predicted(self, place: int, asked: Tensor, n_codes: int) -> Tensor:
        """Return what the trees of a column say in the mean, shape ``(batch, n_codes)``.

        Parameters
        ----------
        place
            The column's among the coded ones; one of `columns`.
        asked
            See `Gaps.asked`, shape ``(batch, n_asked)``.
        n_codes
            Of the column; 1 for what lies on a line.
        """
        total = torch.zeros(len(asked) * n_codes, device=asked.device)
        first_of_row = torch.arange(len(asked), device=asked.device) * n_codes
        for leaves in self.walk(place, asked):
            cells, leaf = self.cells_in(leaves.flatten())
            first = first_of_row.repeat(len(leaves))[leaf]
            total.index_add_(0, first + self.codes[cells], self.means[cells])
        return total.view(len(asked), n_codes) / len(self.roots[place])


class CompletingRound(Learned):
    """One round: what predicts each column that was learned with gaps, and how that is blended.

    Parameters
    ----------
    layout
        The columns.

    Attributes
    ----------
    trees
        Of the columns.
    slopes, intercepts
        The line of each coded column, for each part of `design`; shapes ``(n_lines, width)`` and
        ``(n_lines,)``, for the columns that have one, in order.
    weights
        See `Prediction`, shape ``(n_coded, 2)``.
    """

    misfit = "The lines do not fit the columns."

    slopes: Tensor
    intercepts: Tensor
    weights: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.trees = CompletingTrees(len(layout.coded))
        self.keep_lines(np.empty((0, 0)), np.empty(0))
        self.hold(weights=np.zeros((len(layout.coded), 2), dtype=np.float32))

    def keep_lines(self, slopes: FloatArray, intercepts: FloatArray) -> None:
        """Keep lines in place of those that there are."""
        self.hold(slopes=slopes.astype(np.float32), intercepts=intercepts.astype(np.float32))

    def is_on_line(self, place: int) -> bool:
        """Whether the cells of a coded column lie on a line."""
        return bool(self.layout.spans[int(self.layout.coded[place])].amounts)

    def n_codes(self, place: int) -> int:
        """Return how many codes of present cells a coded column has."""
        span = self.layout.spans[int(self.layout.coded[place])]
        return span.n_codes - span.has_missing

    def parts_of(self, place: int) -> int:
        """Return how many parts of the design are those of a coded column."""
        n_codes = self.n_codes(place)
        return 1 if self.is_on_line(place) else n_codes * (n_codes <= _MAX_CODES)

    def design(self, points: FloatArray) -> FloatArray:
        """Return what lines look at, shape ``(n_rows, width)``: amounts, and codes each by itself."""
        parts = []
        for place in range(len(self.layout.coded)):
            column = points[:, place, None]
            parts.append(column if self.is_on_line(place) else column == np.arange(self.parts_of(place)))
        return np.column_stack(parts).astype(np.float64)

    def predict(self, gaps: Gaps, place: int) -> Prediction:
        """Return what is predicted of the open cells of a column that has trees."""
        rows, is_on_line = np.flatnonzero(gaps.is_open[:, place]), self.is_on_line(place)
        on_line = np.zeros(len(rows))
        if is_on_line:
            line = [other for other in self.trees.columns if self.is_on_line(other)].index(place)
            slopes, intercept = self.slopes[line].cpu().numpy(), float(self.intercepts[line])
            on_line = self.design(gaps.points[rows]) @ slopes.astype(np.float64) + intercept
        asked = torch.from_numpy(gaps.asked(place, rows, on_line)).to(self.slopes.device)
        n_codes = 1 if is_on_line else self.n_codes(place)
        predicted = self.trees.predicted(place, asked, n_codes).double().cpu().numpy()
        if is_on_line:
            return Prediction(on_line, predicted[:, 0])
        return Prediction(predicted, np.zeros_like(predicted))

    @torch.no_grad()
    def fill(self, gaps: Gaps) -> dict[int, FloatArray]:
        """Fill in one column after another, and return what is expected of each; see `Gaps.told`."""
        expected = {}
        for place in self.trees.columns:
            if place in gaps.told:
                of_told, of_change = self.weights[place].tolist()
                expected[place] = self.predict(gaps, place).blend(gaps.told[place], (of_told, of_change))
                gaps.put(place, expected[place])
        return expected

    def is_sound(self) -> bool:
        """Whether the lines and weights are those of the columns."""
        width = sum(self.parts_of(place) for place in range(len(self.layout.coded)))
        numbers = (self.slopes, self.intercepts, self.weights)
        do_fit = self.slopes.shape in {(len(self.intercepts), width), (0, 0)}
        do_fit &= self.weights.shape == (len(self.layout.coded), 2)
        return do_fit and all(own.isfinite().all() for own in numbers)


class Completer(nn.ModuleList):
    """What completes rows, round by round; it says nothing before it is learned.

    Parameters
    ----------
    layout
        The columns.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(CompletingRound(layout) for _ in range(N_ROUNDS))

    @property
    def rounds(self) -> list[CompletingRound]:
        """The rounds in their order."""
        return [each for each in self.children() if isinstance(each, CompletingRound)]

    def complete(self, gaps: Gaps) -> dict[int, FloatArray]:
        """Fill in rows, and return what is expected of the open cells of all columns; see `Gaps.told`."""
        expected = dict(gaps.told)
        for each in self.rounds:
            for _ in range(N_SWEEPS):
                expected |= each.fill(gaps)
        return expected
