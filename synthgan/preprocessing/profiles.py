"""Rare levels beside which the other columns look alike come to stand side by side.

Too many levels share codes, and a code that stands for levels of one sort says more of a row than one that
stands for a stretch of the alphabet. Of levels with few rows, what is beside them is mostly chance, and their
names may say more: so the alphabet is a part of each profile.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from synthgan.layout import FloatArray
from synthgan.preprocessing.base import CodingOptions, ColumnEncoder
from synthgan.preprocessing.categorical import CategoricalEncoder

#: Rows that profiles are taken from at most.
_MAX_ROWS = 1_000_000
#: Numbers that stand for a level of another column in a profile, at most, and numbers of a profile.
_MAX_NUMBERS_OF_LEVEL, _MAX_NUMBERS = 8, 96
#: Rows of the table as a whole that each level's own are mixed with.
_PRIOR_ROWS = 1.0


def arrange_levels(frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], options: CodingOptions) -> None:
    """Put levels that share codes in the order of their profiles in the plain table that they are of.

    The encoders of categories with too many levels and no order are changed.
    """
    wide = [e for e in encoders if isinstance(e, CategoricalEncoder) and e.shares_codes and not e.ordered_]
    if not wide or len(encoders) < 2:
        return
    some = frame.sample(_MAX_ROWS, random_state=0) if len(frame) > _MAX_ROWS else frame
    for encoder in wide:
        present = some[encoder.name].notna().to_numpy()
        level = encoder.exact(some[encoder.name][present])
        n_rows = np.bincount(level, minlength=len(encoder.levels_))
        others = [other for other in encoders if other is not encoder]
        sums = [
            np.bincount(level, weights=number[present], minlength=len(n_rows))
            for number in _numbers(some, others)
        ]
        if sums:
            profiles = np.stack(sums, axis=1) / (n_rows + _PRIOR_ROWS)[:, None]
            encoder.arrange(np.column_stack([profiles, _alphabet(encoder)]), options)


def _alphabet(encoder: CategoricalEncoder) -> FloatArray:
    """Return where each level stands in the alphabet: numbers of mean 0 and standard deviation 1."""
    place = np.argsort(np.argsort(np.array(encoder.levels_, dtype=str), kind="stable"))
    numbers: FloatArray = np.sqrt(12) * ((place + 0.5) / len(place) - 0.5)
    return numbers


def _numbers(frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> Iterator[FloatArray]:
    """Yield numbers of mean 0 that say what stands in the other columns of each row."""
    rng = np.random.default_rng(0)
    n_each = max(1, min(_MAX_NUMBERS_OF_LEVEL, _MAX_NUMBERS // len(encoders)))
    if len(encoders) > _MAX_NUMBERS:
        encoders = [encoders[i] for i in rng.permutation(len(encoders))[:_MAX_NUMBERS]]
    for encoder in encoders:
        span, codes = encoder.span, encoder.transform(frame[encoder.name])[0]
        if span.n_codes == 1:
            continue
        if span.is_ordered:
            positions = np.array([0.0 if position is None else position for position in span.positions])
            yield positions[codes] * np.sqrt(3)
            continue
        shares = np.bincount(codes, minlength=span.n_codes) / len(codes)
        for _ in range(min(n_each, span.n_codes - 1)):
            weights = rng.normal(size=span.n_codes)
            weights -= shares @ weights
            scale = float(np.sqrt(shares @ weights**2))
            yield weights[codes] / (scale or 1.0)
