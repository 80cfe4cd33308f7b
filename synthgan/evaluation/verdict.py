"""A comparison in words: scores of all folds in, whether each of the user's samplers helps out."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.evaluation.arms import NONE
from synthgan.evaluation.estimates import LEVEL, Estimate
from synthgan.evaluation.scores import Score
from synthgan.evaluation.statistics import (
    PairedTest,
    Posterior,
    corrected_t,
    correlated_t,
    holm,
    repeated_t,
)

HELPS, HURTS, UNCLEAR, UNKNOWN = "helps", "hurts", "no difference shown", "not judged"


@dataclass(frozen=True)
class Verdict:
    """Whether a sampler helps.

    Attributes
    ----------
    sampler
        Its name.
    word
        "helps", "no difference shown", "hurts", or "not judged".
    gain
        What it adds to the score over no augmentation, mean of the learners; more is better. The interval is
        that of `repeated_t`.
    cautious
        The same with the wider interval of `corrected_t`.
    p_value
        Of no gain, adjusted by Holm's rule for the number of samplers.
    posterior
        How likely the gain is below, within and above what is none in practice.
    best_baseline, over_baseline
        The baseline, other than none, that fares best against the sampler, and the sampler's gain over that.
    text
        All this in a few sentences.
    """

    sampler: str
    word: str
    gain: Estimate
    cautious: Estimate
    p_value: float
    posterior: Posterior
    best_baseline: str
    over_baseline: Estimate
    text: str

    def __str__(self) -> str:
        return self.text


#: Where nothing can be said.
NOTHING = Estimate(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Judge:
    """The score by which samplers are judged, and what is known of the folds.

    Attributes
    ----------
    score
        The score.
    rope
        Differences up to this are none in practice.
    test_over_train
        Test rows over training rows of a fold.
    n_repeats
        How often rows were cut into folds.
    """

    score: Score
    rope: float
    test_over_train: float
    n_repeats: int = 1

    def gains(self, ours: pd.DataFrame, theirs: pd.DataFrame) -> "pd.Series[float]":
        """Return the gain of one arm over another in each fold, mean of the learners that both have.

        Scores have one row a fold and one column a learner. Gains have no rows, if there is no learner that
        both have a score of in every fold.
        """
        gains = self.score.sign * (ours - theirs)
        gains = gains.loc[:, gains.notna().all()]
        return gains.mean(axis=1).dropna()

    def n_learners(self, ours: pd.DataFrame, theirs: pd.DataFrame) -> int:
        """Return how many learners a gain is the mean of."""
        return int((ours - theirs).notna().all().sum())

    def test(self, ours: pd.DataFrame, theirs: pd.DataFrame) -> PairedTest | None:
        """Return the test of the gain of one arm over another, None where there is nothing to test."""
        gains = self.gains(ours, theirs)
        return repeated_t(gains.to_numpy().reshape(self.n_repeats, -1)) if len(gains) > 1 else None

    def cautious(self, ours: pd.DataFrame, theirs: pd.DataFrame) -> Estimate:
        """Return the gain of one arm over another with the interval of `corrected_t`."""
        gains = self.gains(ours, theirs)
        return (
            corrected_t(gains, test_over_train=self.test_over_train).difference if len(gains) > 1 else NOTHING
        )

    def verdicts(self, scores: dict[str, pd.DataFrame], samplers: list[str]) -> list[Verdict]:
        """Return the verdict on each of the user's samplers, given the scores of all arms at one ratio."""
        tests = {name: self.test(scores[name], scores[NONE]) for name in samplers if name in scores}
        adjusted = holm({name: test.p_value for name, test in tests.items() if test is not None})
        baselines = {arm: own for arm, own in scores.items() if arm not in samplers}
        verdicts = []
        for name in samplers:
            test = tests.get(name)
            if test is None:
                verdicts.append(_unjudged(name))
            else:
                verdicts.append(self._verdict(name, test, adjusted[name], scores[name], baselines))
        return verdicts

    def _verdict(
        self,
        name: str,
        test: PairedTest,
        p_value: float,
        own: pd.DataFrame,
        baselines: dict[str, pd.DataFrame],
    ) -> Verdict:
        gain = test.difference
        word = UNCLEAR if p_value >= 1 - LEVEL else HELPS if gain.value > 0 else HURTS
        gains = self.gains(own, baselines[NONE])
        posterior = correlated_t(gains, rope=self.rope, test_over_train=self.test_over_train)
        best, over = self._best_baseline(own, baselines)
        cautious = self.cautious(own, baselines[NONE])
        n_used = self.n_learners(own, baselines[NONE])
        sentences = [self._on_gain(name, word, gain, n_used, own.shape[1])]
        if word == UNCLEAR and 0 not in gain:
            sentences.append(
                "That the interval leaves zero out is no more than several samplers may by chance: "
                f"p = {p_value:.3f} by Holm's rule."
            )
        if word != UNCLEAR and 0 in cautious:
            sentences.append(
                f"The more cautious interval of Nadeau and Bengio leaves it open: {cautious:+.3f}."
            )
        if word == UNCLEAR:
            sentences.append(self._on_chances(posterior))
        if best:
            n_shared = self.n_learners(own, baselines[best])
            sentences.append(_on_baseline(best, over, n_shared if n_shared < n_used else None))
        return Verdict(name, word, gain, cautious, p_value, posterior, best, over, " ".join(sentences))

    def _best_baseline(self, own: pd.DataFrame, baselines: dict[str, pd.DataFrame]) -> tuple[str, Estimate]:
        """Return the baseline, other than none, that fares best against a sampler, and the gain over it.

        Each is compared over the learners that both have: not all of them know weights of classes.
        """
        gains = {arm: self.gains(own, scores) for arm, scores in baselines.items() if arm != NONE}
        means = {arm: float(gain.mean()) for arm, gain in gains.items() if len(gain)}
        if not means:
            return "", NOTHING
        best = min(means, key=lambda arm: means[arm])
        test = self.test(own, baselines[best])
        return (best, test.difference) if test is not None else ("", NOTHING)

    def _on_gain(self, name: str, word: str, gain: Estimate, n_used: int, n_learners: int) -> str:
        said = f"{name}: {word}" if word == UNCLEAR else f"{name} {word}"
        counted = ", counted so that more is better" if self.score.sign < 0 else ""
        of = f"mean of {n_used} learners" if n_used > 1 else "one learner"
        of += f" (the other {n_learners - n_used} failed)" if n_used < n_learners else ""
        return f"{said}: {self.score.label} {gain:+.3f} against no augmentation, {of}{counted}."

    def _on_chances(self, chances: Posterior) -> str:
        return (
            f"That it makes a difference of no more than {self.rope:g} either way has a chance of "
            f"{chances.same:.0%}, a larger gain {chances.better:.0%}, a larger loss {chances.worse:.0%}."
        )


def _on_baseline(best: str, over: Estimate, n_shared: int | None) -> str:
    best += "" if n_shared is None else f" (over the {n_shared} learners that know it)"
    if 0 in over:
        return f"It is not shown to differ from the best of the baselines, {best}: {over:+.3f}."
    word = "better" if over.value > 0 else "worse"
    return f"It is {word} than the best of the baselines, {best}: {over:+.3f}."


def _unjudged(name: str) -> Verdict:
    text = f"{name} could not be judged: no learner has a score with it in every fold."
    return Verdict(
        name, UNKNOWN, NOTHING, NOTHING, np.nan, Posterior(np.nan, np.nan, np.nan), "", NOTHING, text
    )
