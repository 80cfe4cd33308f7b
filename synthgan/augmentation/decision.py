"""What was chosen and why: what came of each candidate comes in, a `Decision` with its reason goes out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError


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
        amount = (
            "rows by sampling_strategy" if self.ratio is None else f"{self.ratio:g} rows for each given one"
        )
        share = "" if self.real_share is None else f", given rows keep {self.real_share:.0%} of the weight"
        return f"{amount} (method {self.method!r}, labels {self.labels!r}{share})"


@dataclass(frozen=True)
class Outcome:
    """What came of a candidate that was tried.

    Attributes
    ----------
    gain
        Mean gain over adding nothing, on rows that were held out.
    p_value
        One-sided: how likely so large a gain is where there is none.
    gain_by_labels
        The gain if what is true of a held-out row is its label alone, where a teacher has a say in `gain`.
    failed
        Why there is neither, or "".
    """

    gain: float = np.nan
    p_value: float = np.nan
    gain_by_labels: float = np.nan
    failed: str = ""

    def is_real(self, level: float) -> bool:
        """Whether the gain is no chance, and labels alone do not speak against it."""
        return self.p_value <= level and (bool(np.isnan(self.gain_by_labels)) or self.gain_by_labels > 0)


@dataclass(frozen=True)
class Measure:
    """The measure of a gain: its name, such as "Ridge's squared error", and whether less is better."""

    name: str
    is_loss: bool

    def told(self, outcome: Outcome) -> str:
        """Return an outcome in words."""
        verb = "falls" if (outcome.gain > 0) == self.is_loss else "rises"
        told = f"{self.name} {verb} by {abs(outcome.gain):.3g}"
        if not np.isnan(outcome.gain_by_labels):
            alone = "falls" if outcome.gain_by_labels > 0 else "rises"  # scores have no teacher
            told += f", judged half by the teacher (by labels alone it {alone} by "
            told += f"{abs(outcome.gain_by_labels):.3g})"
        return f"{told}, p = {outcome.p_value:.2g}"


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
        of it by what a teacher says where that has a say, or rise of the score), its ``p_value``, its
        ``gain_by_labels`` alone where a teacher has a say, and why it ``failed``, if it did. Empty where
        nothing was compared.
    """

    choice: Candidate | None
    reason: str
    p_value: float | None = None
    table: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

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
        measure: Measure,
    ) -> Self:
        """Return the best candidate if its gain is real at a level, or if rows must be added in any case.

        Outcomes are in the order of their trial, and the best is the first that no other betters by a
        standard error; None if all failed.

        Raises
        ------
        DataError
            If rows are to be added in any case, and all candidates failed.
        """
        table = pd.DataFrame([asdict(one) | asdict(outcome) for one, outcome in outcomes.items()])
        if best is None:
            why = next((outcome.failed for outcome in outcomes.values()), "there was none")
            told = f"no candidate could be tried: {why.rstrip('.')}."
            if must_add:
                raise DataError(f"Rows were to be added, and {told}")
            return cls(None, f"Adds nothing: {told}", table=table)
        found = outcomes[best]
        adds = must_add or found.is_real(level)
        told = f"{measure.told(found)} (level {level:g})"
        reason = f"Adds {best}: {told}." if adds else f"Adds nothing: with {best} {told}."
        n_failed = int((table["failed"] != "").sum())
        if len(outcomes) - n_failed > 1:
            reason += f" Of {len(outcomes) - n_failed} candidates no other is better by a standard error."
        if n_failed:
            reason += f" {n_failed} failed; decision_.table says why."
        return cls(best if adds else None, reason, found.p_value, table)
