"""What was chosen and why: what came of each candidate comes in, a `Decision` with its reason goes out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Candidate:
    """A way of augmenting.

    Attributes
    ----------
    method
        How rows are drawn; one of `ways.METHODS`.
    labels
        Whose labels they get; one of `supply.LABELS`.
    ratio
        Drawn rows for each real one; None where a sampling strategy decides.
    real_share
        Share of the weight that real rows keep, or None: every row weighs the same.
    """

    method: str
    labels: str
    ratio: float | None
    real_share: float | None

    def __str__(self) -> str:
        amount = "rows by sampling_strategy" if self.ratio is None else f"{self.ratio:g} rows for each"
        share = "" if self.real_share is None else f", real rows keep {self.real_share:.0%} of the weight"
        return f"{amount}, method {self.method!r}, labels {self.labels!r}{share}"


@dataclass(frozen=True)
class Outcome:
    """What came of a candidate that was tried.

    Attributes
    ----------
    gain
        Mean gain over adding nothing, on rows that were held out.
    p_value
        One-sided: how likely so large a gain is where there is none.
    failed
        Why there is neither, or "".
    """

    gain: float = np.nan
    p_value: float = np.nan
    failed: str = ""


@dataclass(frozen=True)
class Decision:
    """What was chosen, and why.

    Attributes
    ----------
    choice
        The candidate, or None: nothing is added.
    reason
        In a sentence or two.
    p_value
        One-sided, of the candidate that is taken, by itself: how likely so large a gain is where there is
        none. It is the first that no other betters by a standard error of their difference. None where
        nothing was compared.
    table
        One row a candidate: what it is, its mean ``gain`` on rows that were held out (fall of the loss, half
        of it by what a teacher says where that has a say, or rise of the score), its ``p_value``, and why it
        ``failed``, if it did. Empty where nothing was compared.
    """

    choice: Candidate | None
    reason: str
    p_value: float | None = None
    table: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __str__(self) -> str:
        return self.reason

    @classmethod
    def untried(cls, choice: Candidate | None, why: str) -> Self:
        """Return a decision that rests on no comparison."""
        told = "Adds nothing" if choice is None else f"Adds {choice}"
        return cls(choice, f"{told}: {why}.")

    @classmethod
    def of(
        cls,
        outcomes: Mapping[Candidate, Outcome],
        best: Candidate | None,
        *,
        level: float,
        must_add: bool,
        measured: str,
    ) -> Self:
        """Return the best candidate if its gain is real, or if rows are to be added in any case.

        Parameters
        ----------
        outcomes
            What came of each candidate, in the order of their trial.
        best
            The first that no other betters by a standard error; None if all failed.
        level
            Up to which chance of a gain that is none a gain counts as real.
        must_add
            Whether rows are added in any case.
        measured
            What a gain is a gain in.
        """
        table = pd.DataFrame([asdict(one) | asdict(outcome) for one, outcome in outcomes.items()])
        if best is None:
            why = next((outcome.failed for outcome in outcomes.values()), "there was none")
            return cls(None, f"Adds nothing: no candidate could be tried: {why.rstrip('.')}.", table=table)
        found = outcomes[best]
        adds = must_add or found.p_value <= level
        gains = f"gains {found.gain:.3g} in {measured}, p = {found.p_value:.2g} at level {level:g}"
        if len(outcomes) > 1:
            gains += (
                f"; of {len(outcomes)} candidates it is the first that no other betters by a standard error"
            )
        told = f"Adds {best}; this" if adds else f"Adds nothing: {best},"
        return cls(best if adds else None, f"{told} {gains}.", found.p_value, table)
