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
    """Base of all errors that synthgan raises on purpose.

    Examples
    --------
    >>> from synthgan import SynthGAN, SynthganError
    >>> try:
    ...     SynthGAN(epochs=0).fit([[1.0], [2.0]])
    ... except SynthganError as error:
    ...     print(type(error).__name__)
    ParameterError
    """


class DataError(SynthganError, ValueError):
    """A table that cannot be learned or written as asked.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import DataError, SynthGAN
    >>> try:
    ...     SynthGAN().fit(pd.DataFrame({"age": []}))
    ... except DataError as error:
    ...     print(error)
    The table has 0 rows; there is nothing to learn from.
    """


class ConditionError(DataError):
    """A condition that no row of the learned table can satisfy.

    Examples
    --------
    >>> from synthgan import ConditionError, SynthGAN
    >>> from synthgan.datasets import load_penguins
    >>> gan = SynthGAN(epochs=1, random_state=0, verbose=0).fit(load_penguins())
    >>> try:
    ...     gan.sample(1, conditions={"island": "Dreem"})  # doctest: +ELLIPSIS
    ... except ConditionError as error:
    ...     print(error)
    Column 'island' cannot be 'Dreem': it holds the levels 'Biscoe', ... Did you mean 'Dream'?
    """


class ParameterError(SynthganError, ValueError):
    """A hyper-parameter or argument out of its range.

    Examples
    --------
    >>> from synthgan import ParameterError, SynthGAN
    >>> try:
    ...     SynthGAN(loss="wgan").fit([[1.0], [2.0]])
    ... except ParameterError as error:
    ...     print(error)
    loss must be one of 'masked', 'bce', 'wgan-gp', 'relativistic'; got 'wgan'. Did you mean 'wgan-gp'?
    """


class ModelFileError(SynthganError, ValueError):
    """A file that is not a whole synthgan model.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from synthgan import ModelFileError, SynthGAN
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "no-model"
    ...     _ = path.write_text("hello")
    ...     try:
    ...         SynthGAN.load(path)
    ...     except ModelFileError as error:
    ...         print("refused")
    refused
    """


class TrainingError(SynthganError, RuntimeError):
    """Training that went wrong, such as a loss that is not finite.

    Examples
    --------
    >>> from synthgan import TrainingError
    >>> issubclass(TrainingError, RuntimeError)
    True
    """


class OutputRefusedError(SynthganError, OSError):
    """An output place that must not be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from synthgan import OutputRefusedError, SynthGAN
    >>> gan = SynthGAN(epochs=1, verbose=0).fit([[1.0], [2.0]] * 20)
    >>> with TemporaryDirectory() as folder:
    ...     gan.save(Path(folder) / "model.synthgan")
    ...     try:
    ...         gan.save(Path(folder) / "model.synthgan", overwrite=False)
    ...     except OutputRefusedError as error:
    ...         print("left as it was")
    left as it was
    """


class ResourceError(SynthganError, MemoryError):
    """More rows or bytes than this machine can hold.

    Examples
    --------
    >>> from synthgan import ResourceError, SynthGAN
    >>> gan = SynthGAN(epochs=1, verbose=0).fit([[1.0], [2.0]] * 20)
    >>> try:
    ...     gan.sample(10**15)
    ... except ResourceError as error:
    ...     print("too many rows for this machine")
    too many rows for this machine
    """


class CopyingWarning(UserWarning):
    """Drawn rows come nearer to learned rows than held-out rows do, by more than chance and a tolerance.

    Examples
    --------
    >>> import warnings
    >>> from synthgan import CopyingWarning
    >>> warnings.simplefilter("error", CopyingWarning)  # where copies must not happen unseen
    >>> warnings.simplefilter("default", CopyingWarning)
    """


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
