"""Checks of what a user sets: values come in, and nothing happens or one sentence says what is wrong."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from numbers import Integral, Real
from typing import Any, TypeVar, cast

import numpy as np
import torch
from sklearn.utils import check_random_state

from synthgan.exceptions import ParameterError, ResourceError, did_you_mean
from synthgan.gan.computing import n_threads_of
from synthgan.gan.losses import GAMES

LOSSES = ("masked", *GAMES)
Method = TypeVar("Method", bound=Callable[..., Any])

#: Drawing holds the whole answer in memory, at about this many bytes a cell.
_BYTES_PER_CELL = 24
_MAX_BYTES = 16 * 2**30


def _is_count(value: Any, least: int = 1) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


_is_count_or_zero = partial(_is_count, least=0)


def _is_positive(value: Any) -> bool:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value > 0


def _are_rounds(value: Any) -> bool:
    return _is_count(value) or (isinstance(value, str) and value == "auto")


def _are_counts(value: Any) -> bool:
    is_sequence = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
    return is_sequence and len(value) > 0 and all(_is_count(item) for item in value)


_COUNT = (_is_count, "a whole number of at least 1")
_POSITIVE = (_is_positive, "a number above 0")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "rounds": (_are_rounds, "a whole number of at least 1, 'auto'"),
    "epochs": _COUNT,
    "batch_size": _COUNT,
    "latent_dim": (_is_count_or_zero, "a whole number of at least 0"),
    "learning_rate": _POSITIVE,
    "max_time": _POSITIVE,
    "n_threads": _COUNT,
    "hidden_dims": (_are_counts, "a sequence of whole numbers of at least 1"),
}


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise ParameterError for the first hyper-parameter of SynthGAN out of its range."""
    loss = parameters["loss"]
    if loss not in LOSSES:
        raise ParameterError(
            f"loss must be one of {', '.join(map(repr, LOSSES))}; got {loss!r}.{did_you_mean(loss, LOSSES)}"
        )
    for name, (is_valid, words) in _RULES.items():
        value = parameters[name]
        if value is not None and not is_valid(value):
            raise ParameterError(f"{name} must be {words}, or None; got {value!r}.")
    for name in ("redraw", "correct", "imputation", "verbose"):
        if not isinstance(parameters[name], bool | np.bool_ | Integral):
            raise ParameterError(f"{name} must be True, False or a whole number; got {parameters[name]!r}.")
    if not isinstance(parameters["kinds"], Mapping | None):
        raise ParameterError(f"kinds must be a mapping from column to kind; got {parameters['kinds']!r}.")
    if loss != "masked" and parameters["latent_dim"] == 0:
        raise ParameterError(
            f"latent_dim must be at least 1 with loss={loss!r}: noise is all that it draws from."
        )
    is_residual = loss == "masked" or GAMES[loss].residual
    if parameters["hidden_dims"] is not None and is_residual and len(set(parameters["hidden_dims"])) > 1:
        raise ParameterError(
            f"hidden_dims must all be equal with loss={loss!r}, whose networks have residual blocks; "
            f"got {tuple(parameters['hidden_dims'])}."
        )


def check_n_rows(n: Any, n_columns: int) -> None:
    """Raise ParameterError unless `n` is a number of rows, and ResourceError when they do not fit."""
    if not _is_count_or_zero(n):
        raise ParameterError(f"The number of rows must be a whole number of at least 0; got {n!r}.")
    n_bytes = int(n) * n_columns * _BYTES_PER_CELL
    if n_bytes > _MAX_BYTES:
        raise ResourceError(
            f"{n:,} rows of {n_columns} columns would take about {n_bytes / 2**30:,.0f} GiB of memory, and "
            f"{_MAX_BYTES // 2**30} GiB is the limit; draw at most "
            f"{_MAX_BYTES // (n_columns * _BYTES_PER_CELL):,} rows at a time."
        )


def seed_from(random_state: Any) -> int:
    """Return a seed for a source of randomness; a generator object moves on, an int stays what it is.

    Raises
    ------
    ParameterError
        If it is none of int, numpy Generator, numpy RandomState and None.
    """
    if random_state is None:
        random_state = np.random.default_rng()  # numpy's global generator is the user's
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    try:
        if isinstance(random_state, bool):
            raise ValueError("a truth value is no seed")
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError as error:
        raise ParameterError(
            f"random_state must be an int from 0 to 2**32 - 1, a numpy Generator or RandomState, or None; "
            f"got {random_state!r}."
        ) from error


def torch_device(device: str) -> torch.device:
    """Return the device of that name; "auto" is a GPU where there is one.

    Raises
    ------
    ParameterError
        If there is no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.Generator(device)
        return torch.device(device)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ParameterError(f"device {device!r} is not available here; use 'auto' or 'cpu'.") from error


def on_own_threads(method: Method) -> Method:
    """Return a method of `SynthGAN` that computes on its `n_threads`, where these are set."""

    @wraps(method)
    def computed(gan: Any, *arguments: Any, **options: Any) -> Any:
        if gan.n_threads is None:
            return method(gan, *arguments, **options)
        check_parameters(gan.get_params())
        with n_threads_of(int(gan.n_threads)):
            return method(gan, *arguments, **options)

    return cast("Method", computed)
