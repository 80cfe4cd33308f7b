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
from synthgan.gan.cells import Cells
from synthgan.layout import EncodedTable
from synthgan.progress import Report

Network = TypeVar("Network", bound=nn.Module)

_AVERAGE_EVERY = 4


class Rows:
    """The rows of an encoded table on a device, in endless shuffled batches."""

    def __init__(self, table: EncodedTable, device: torch.device) -> None:
        self.cells = Cells.of(table, device)

    def __len__(self) -> int:
        return len(self.cells)

    def batches(self, batch_size: int, rng: torch.Generator) -> Iterator[Cells]:
        """Yield `batch_size` rows for ever, no row twice before the next shuffle."""
        size = min(batch_size, len(self))
        while True:
            order = torch.randperm(len(self), generator=rng, device=rng.device)
            for start in range(0, len(self) - size + 1, size):
                yield self.cells.take(order[start : start + size])


class AveragedWeights(Generic[Network]):
    """An exponential moving average of a network's weights: what is kept of a run.

    Parameters
    ----------
    network
        The network in training.
    decay
        Share of the old average that an update keeps, once the run is under way.
    """

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
class History:
    """Losses as training goes on, one record a check, passed on to a report."""

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


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """Take one step of an optimiser down the gradient of a loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
