"""What every training loop needs: shuffled batches, averaged weights, a history, and when to stop."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from synthgan.exceptions import TrainingError
from synthgan.gan.budget import Clock
from synthgan.gan.checkpoint import Kept, State
from synthgan.gan.rows import Cells
from synthgan.gan.team import ALONE, Team
from synthgan.progress import Report

Network = TypeVar("Network", bound=nn.Module)

_AVERAGE_EVERY = 4


class Batches(Kept, Iterator[Cells]):
    """So many rows of a table at a time for ever, shuffled, no row twice before the next shuffle.

    In a team each process has its share of them.
    """

    kept = ("order", "start")

    def __init__(self, cells: Cells, size: int, rng: torch.Generator, team: Team = ALONE) -> None:
        self.cells, self.size, self.rng, self.team = cells, min(size, len(cells)), rng, team
        self.order, self.start = torch.empty(0, dtype=torch.int64, device=rng.device), 0

    def __next__(self) -> Cells:
        if self.start + self.size > len(self.order):
            n_rows = len(self.cells)
            self.order, self.start = torch.randperm(n_rows, generator=self.rng, device=self.rng.device), 0
        rows = self.order[self.start : self.start + self.size]
        self.start += self.size
        return self.cells.take(self.team.share(rows))


class AveragedWeights(Kept, Generic[Network]):
    """An exponential moving average of a network's weights: what is kept of a run.

    Parameters
    ----------
    network
        The network in training.
    decay
        Share of the old average that an update keeps, once the run is under way.
    """

    kept = ("steps", "average")

    def __init__(self, network: Network, decay: float = 0.995) -> None:
        self.network, self.decay, self.steps = network, decay, 0
        self.average = copy.deepcopy(network).eval()
        self._averages: list[Tensor] = list(self.average.parameters())
        self._weights: list[Tensor] = list(network.parameters())

    @torch.no_grad()
    def update(self) -> None:
        """Count a step, and at the first few and every fourth move the average towards the weights.

        The first step puts the weights in place of the average, so that a short run is not lost.
        """
        self.steps += 1
        if self.steps < _AVERAGE_EVERY or self.steps % _AVERAGE_EVERY == 0:
            decay = min(self.decay, 1 - 10 / (self.steps + 9))
            torch._foreach_lerp_(self._averages, self._weights, 1 - decay)

    def keep(self) -> None:
        """Put the average in place of the weights."""
        self.network.load_state_dict(self.average.state_dict())

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the average in place of the weights for a while."""
        weights = copy.deepcopy(self.network.state_dict())
        self.keep()
        try:
            yield
        finally:
            self.network.load_state_dict(weights)


@dataclass
class History(Kept):
    """Losses as training goes on, one record a check, passed on to a report."""

    kept = ("records",)

    report: Report
    records: list[dict[str, float]] = field(default_factory=list)

    def add(self, clock: Clock, losses: dict[str, float], *, done: float) -> None:
        """Append a record.

        Raises
        ------
        TrainingError
            If a loss is not finite.
        """
        for name, loss in losses.items():
            if not math.isfinite(loss):
                raise TrainingError(
                    f"The {name} loss became {loss} at step {clock.step}; "
                    "lower learning_rate, for instance to a tenth, and fit again."
                )
        self.records.append({"step": clock.step, **losses})
        self.report(done, losses)


@dataclass
class Patience:
    """Notices when a loss has stopped getting better.

    Parameters
    ----------
    limit
        Checks in a row that may pass without a new best.
    """

    limit: int
    best: float = math.inf
    waited: int = 0

    def improves(self, loss: float) -> bool:
        """Take in the newest loss and say whether it is the best so far."""
        is_best = loss < self.best
        self.best, self.waited = (loss, 0) if is_best else (self.best, self.waited + 1)
        return is_best

    @property
    def is_over(self) -> bool:
        """Whether `limit` checks have brought nothing."""
        return self.waited >= self.limit

    def state_dict(self) -> State:
        """Return the best loss, None before there is one, and how long it has been waited for another."""
        return {"best": self.best if math.isfinite(self.best) else None, "waited": self.waited}

    def load_state_dict(self, state: State) -> None:
        """Go on from such a state."""
        self.best = math.inf if state["best"] is None else state["best"]
        self.waited = state["waited"]


class Optimizers(list[Optimizer]):
    """Optimisers of one run."""

    def state_dict(self) -> State:
        """Return what they know of each weight."""
        return {str(place): optimizer.state_dict()["state"] for place, optimizer in enumerate(self)}

    def load_state_dict(self, state: State) -> None:
        """Go on from such a state."""
        for place, optimizer in enumerate(self):
            known = {int(weight): moments for weight, moments in state[str(place)].items()}
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": known, "param_groups": groups})


def descend(optimizer: Optimizer, loss: Tensor, team: Team = ALONE) -> None:
    """Take one step of an optimiser down the gradient of a loss; of a team's losses, their mean."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    team.average(optimizer.param_groups[0]["params"])
    optimizer.step()
