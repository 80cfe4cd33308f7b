"""Checkpoints: what changes as training goes on comes in, arrays and JSON values go out, and back again.

Training goes through stages. At the end of one, and now and then within the long one, the model, the state of
its randomness and of whatever else changes are handed to whoever writes them; another process takes them up
and goes on as if nothing had happened.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch

from synthgan.gan.model import GanModel
from synthgan.signals import STOPS, handled, handler_of

#: Nested JSON values and tensors or, when they are written, arrays.
State = dict[str, Any]
#: Seconds from one checkpoint to the next.
EVERY = 30.0


@runtime_checkable
class Stateful(Protocol):
    """What changes as training goes on."""

    def state_dict(self) -> State:
        """Return all that decides how it goes on."""

    def load_state_dict(self, state: State) -> None:
        """Go on from such a state."""


class Kept:
    """An object whose state, which changes as training goes on, is in the attributes that `kept` names.

    They are tensors on their device, JSON values, or have a state of their own.
    """

    kept: ClassVar[tuple[str, ...]]

    def state_dict(self) -> State:
        """Return all that decides how it goes on."""
        parts = [getattr(self, name) for name in self.kept]
        states = [part.state_dict() if isinstance(part, Stateful) else part for part in parts]
        return dict(zip(self.kept, states, strict=True))

    def load_state_dict(self, state: State) -> None:
        """Go on from such a state."""
        for name in self.kept:
            part, told = getattr(self, name), state[name]
            if isinstance(part, Stateful):
                part.load_state_dict(told)
            else:
                setattr(self, name, told.to(part.device) if isinstance(part, torch.Tensor) else told)


class Checkpoint:
    """What is kept of a run of training, and when.

    Parameters
    ----------
    write
        Called with all that is kept, as JSON values and arrays; None keeps nothing.
    kept
        What an interrupted run has kept, to go on from; None begins a run.
    every
        Seconds from one time to the next, at least.
    """

    def __init__(
        self,
        write: Callable[[State], None] | None = None,
        kept: State | None = None,
        *,
        every: float | None = None,
    ) -> None:
        self.write, self.kept, self.every = write, kept, EVERY if every is None else every
        self._now: tuple[str, GanModel, torch.Generator, dict[str, Stateful]]
        self._last, self._waiting = 0.0, 0

    @property
    def stage(self) -> str | None:
        """The stage in which the interrupted run was; None where there is none to go on with."""
        return None if self.kept is None else str(self.kept["stage"])

    def begin(self, stage: str, model: GanModel, rng: torch.Generator, **parts: Stateful) -> None:
        """Begin a stage: put model, randomness and parts as they were kept in it, or keep how it begins."""
        self._now = (stage, model, rng, parts)
        if self.kept is None:
            self.keep()
            return
        kept, self.kept = as_tensors(self.kept), None
        model.load_state_dict(kept["model"])
        for name, part in parts.items():
            part.load_state_dict(kept["parts"][name])
        rng.set_state(kept["rng"])  # last: whoever made the parts may have taken from it
        self._last = time.monotonic()

    def keep(self) -> None:
        """Keep the state of the stage that was begun."""
        if self.write is None:
            return
        stage, model, rng, parts = self._now
        state = {
            "stage": stage,
            "model": model.state_dict(),
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "rng": rng.get_state(),
        }
        self.write(as_arrays(state))
        self._last = time.monotonic()

    def step_done(self) -> None:
        """Keep the state if it is time to, or if a signal waits for that, which then comes through."""
        if self._waiting or time.monotonic() - self._last >= self.every:
            self.keep()
        number, self._waiting = self._waiting, 0
        if number:
            signal.raise_signal(number)

    @contextmanager
    def holding_signals(self) -> Iterator[None]:
        """Let an interrupt or a termination wait for the end of a step; a second one does not wait."""
        if self.write is None:
            yield
            return
        before = {number: handler_of(number) for number in STOPS}

        def hold(number: int, _: object) -> None:
            self._waiting = number
            signal.signal(number, before[signal.Signals(number)])

        with handled(dict.fromkeys(STOPS, hold)):
            yield


def as_arrays(value: Any) -> Any:
    """Return nested values with arrays in place of tensors, and names in place of whole numbers as keys."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy().copy()
    if isinstance(value, Mapping):
        return {str(key): as_arrays(item) for key, item in value.items()}
    return [as_arrays(item) for item in value] if isinstance(value, list | tuple) else value


def as_tensors(value: Any) -> Any:
    """Return nested values with tensors in place of arrays."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, Mapping):
        return {key: as_tensors(item) for key, item in value.items()}
    return [as_tensors(item) for item in value] if isinstance(value, list | tuple) else value
