"""evaluate: how alike drawn rows are to real ones, and what they give away; from tables to figures."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthgan.evaluation.fidelity import Fidelity, fidelity
from synthgan.evaluation.privacy import Privacy, privacy
from synthgan.evaluation.splits import copies_of
from synthgan.evaluation.tables import alike, check_column
from synthgan.evaluation.text import as_json, as_markdown, plain, written
from synthgan.exceptions import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Share of the held-out rows that may have been learned, where rows are seldom alike.
_MOST_LEARNED = 0.5
#: Rows of the worst columns and pairs in short tables.
_N_WORST = 5


def evaluate(
    real: Any,
    drawn: Any,
    *,
    target: Hashable | None = None,
    held_out: Any = None,
    random_state: int = 0,
) -> "Evaluation":
    """Compare drawn rows with real ones.

    Parameters
    ----------
    real : DataFrame, polars frame, Arrow table or array
        Real rows, those that the sampler has learned.
    drawn : table
        Rows that it drew, with the same columns.
    target : hashable, default=None
        The column that a model will predict: what drawn rows teach of it is measured as well.
    held_out : table, default=None
        Real rows that the sampler has not seen, chosen at random: rows of other groups or of later times
        differ from learned ones whatever was copied. With them drawn rows are compared with rows that were
        not learned, and it is looked for copies of those that were.
    random_state : int, default=0
        Makes the figures repeatable.

    Returns
    -------
    Evaluation
        Figures, each beside its noise floor: what equally many real rows get.

    Raises
    ------
    DataError
        If the tables do not have the same columns, or too few rows.

    Examples
    --------
    >>> from synthgan.evaluation import evaluate
    >>> from synthgan.datasets import load_penguins
    >>> penguins = load_penguins()
    >>> evaluation = evaluate(penguins[:172], penguins[172:], target="sex")
    >>> evaluation.fidelity.figures.columns[:3].tolist()
    ['figure', 'drawn', 'drawn_low']
    """
    real_rows, drawn_rows = alike(real, drawn, called="drawn")
    if target is not None:
        check_column(real_rows, target)
    others = None if held_out is None else alike(real_rows, held_out, called="held-out")[1]
    if others is not None:
        _check_not_learned(real_rows, others)
    return Evaluation(
        real_rows,
        drawn_rows,
        fidelity(real_rows, drawn_rows, target=target, held_out=others, random_state=random_state),
        None if others is None else privacy(real_rows, others, drawn_rows, random_state=random_state),
    )


def _check_not_learned(real: pd.DataFrame, held_out: pd.DataFrame) -> None:
    """Raise DataError if most held-out rows are among the real ones, of which hardly any occurs twice."""
    both = pd.concat([real, held_out], ignore_index=True)
    codes = copies_of(both)
    own, others = np.split(codes, [len(real)])
    share, usual = np.isin(others, own).mean(), 1 - len(np.unique(own)) / len(own)
    if share > _MOST_LEARNED and usual < _MOST_LEARNED / 2:
        raise DataError(
            f"{share:.0%} of the held-out rows are among the real ones; held_out must be real rows that the "
            "sampler has not seen. Cut the table in two before fitting."
        )


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What came of `evaluate`.

    Attributes
    ----------
    real, drawn
        The rows.
    fidelity
        How alike they are.
    privacy
        What drawn rows give away of the learned ones; None without held-out rows.

    Examples
    --------
    >>> from synthgan import evaluate
    >>> from synthgan.datasets import load_penguins
    >>> table = load_penguins()
    >>> evaluation = evaluate(table[:172], table[172:])
    >>> evaluation.privacy is None  # there are no held-out rows to compare with
    True
    >>> "shape" in evaluation.to_frame()["figure"].tolist()
    True
    """

    real: pd.DataFrame
    drawn: pd.DataFrame
    fidelity: Fidelity
    privacy: Privacy | None

    def to_frame(self) -> pd.DataFrame:
        """Return one row a figure, beside its noise floor."""
        return self.fidelity.figures

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as values that JSON can hold."""
        told: dict[str, Any] = {
            "rows": {"real": len(self.real), "drawn": len(self.drawn)},
            "fidelity": self.fidelity.to_dict(),
            "privacy": None if self.privacy is None else self.privacy.to_dict(),
        }
        return {name: plain(part) for name, part in told.items()}

    def to_json(self, path: Any = None) -> str:
        """Return all figures as JSON, and write them to a file if one is named."""
        return written(as_json(self.to_dict()), path)

    def to_markdown(self) -> str:
        """Return the figures, the worst columns and pairs, and what is given away, as Markdown."""
        parts = ["### How alike drawn rows are to real ones", as_markdown(self.fidelity.figures)]
        parts += ["Columns that differ most:", as_markdown(self.fidelity.columns.head(_N_WORST))]
        if len(self.fidelity.pairs):
            parts += ["Pairs that differ most:", as_markdown(self.fidelity.pairs.head(_N_WORST))]
        if self.privacy is not None:
            parts += ["### What they give away", self.privacy.verdict, as_markdown(self.privacy.figures)]
        parts += [f"Note: {note}" for note in self.fidelity.warnings]
        return "\n\n".join(parts) + "\n"

    def to_html(self, path: Any = None, *, title: str = "Drawn rows beside real ones") -> str:
        """Return a report as one HTML page that needs no network, and write it to a file if one is named."""
        from synthgan.evaluation.report import page

        return written(page(self._repr_html_(), title=title), path)

    def plot_marginals(self) -> "list[Axes]":
        """Plot each column's distribution in real and drawn rows; return one panel a column."""
        from synthgan.plotting import plot_marginals

        return plot_marginals(self.real, self.drawn).axes[: self.real.shape[1]]

    def plot_associations(self) -> "list[Axes]":
        """Plot how strongly columns hang together: in real rows, in drawn rows, and the difference."""
        from synthgan.evaluation.plots import plot_associations

        return list(plot_associations(self.real, self.drawn))

    def __repr__(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        from synthgan.evaluation.report import evaluation_body

        return evaluation_body(self)
