"""Every error that synthgan raises on purpose; each names the rule, the value and the next step.

::

    SynthganError
    ├── DataError (ValueError)          a table that cannot be learned or written as asked
    │   └── ConditionError              a condition that no row can satisfy
    ├── ParameterError (ValueError)     a hyper-parameter or argument out of its range
    ├── ModelFileError (ValueError)     a file that is not a whole synthgan model
    ├── TrainingError (RuntimeError)    training that went wrong: a loss that is not finite
    ├── OutputRefusedError (OSError)    an output place that must not be written
    └── ResourceError (MemoryError)     more rows or bytes than this machine can hold

    CopyingWarning (UserWarning)        drawn rows come nearer to learned ones than they should
"""

from collections.abc import Hashable, Iterable
from difflib import get_close_matches


class SynthganError(Exception):
    """Base of all errors that synthgan raises on purpose."""


class DataError(SynthganError, ValueError):
    """A table that cannot be learned or written as asked."""


class ConditionError(DataError):
    """A condition that no row of the learned table can satisfy."""


class ParameterError(SynthganError, ValueError):
    """A hyper-parameter or argument out of its range."""


class ModelFileError(SynthganError, ValueError):
    """A file that is not a whole synthgan model."""


class TrainingError(SynthganError, RuntimeError):
    """Training that went wrong, such as a loss that is not finite."""


class OutputRefusedError(SynthganError, OSError):
    """An output place that must not be written."""


class ResourceError(SynthganError, MemoryError):
    """More rows or bytes than this machine can hold."""


class CopyingWarning(UserWarning):
    """Drawn rows come nearer to learned rows than held-out rows do, by more than chance and a tolerance."""


def did_you_mean(wanted: object, available: Iterable[Hashable]) -> str:
    """Return ``" Did you mean 'age'?"`` when something close to `wanted` exists, else ``""``."""
    by_text = {str(name): name for name in available}
    folded = {text.lower(): text for text in by_text}
    close = get_close_matches(str(wanted).lower(), folded, n=1, cutoff=0.6)
    return f" Did you mean {by_text[folded[close[0]]]!r}?" if close else ""


def counted(n: int, one: str, many: str | None = None) -> str:
    """Return a number and what it counts, such as ``"1 row"`` and ``"2,000 rows"``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listing(names: Iterable[object], limit: int = 8) -> str:
    """Return names quoted and joined by commas, shortened after `limit` of them."""
    shown = [repr(name) for name in names]
    more = len(shown) - limit
    return ", ".join(shown[:limit]) + (f" and {more} more" if more > 0 else "")
