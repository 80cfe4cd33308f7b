"""A team: processes that train one model together, each on its share of every batch.

The first process leads: it has the clock, the randomness, the held-out rows and the checkpoint. The others do
its steps with it, and all give their gradients. What connects them is torch's process group.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed

from synthgan.gan.checkpoint import Stateful
from synthgan.gan.model import GanModel

#: How long the others wait for the first, which prepares and ends a training alone.
_PATIENCE = timedelta(days=7)


class Team:
    """Whoever trains: one process alone, as it stands here.

    Parameters
    ----------
    rank
        Which of the processes this one is; 0 leads.
    size
        How many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this process decides."""
        return self.rank == 0

    def agree(self, value: float) -> float:
        """Return the leader's value."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        distributed.broadcast(told, 0)
        return float(told.item())

    def share(self, rows: Tensor) -> Tensor:
        """Return this process's part of the leader's rows, all of which are as long."""
        if self.size == 1:
            return rows
        rows = rows.contiguous()
        distributed.broadcast(rows, 0)
        n_each = len(rows) // self.size
        return rows[self.rank * n_each : (self.rank + 1) * n_each]

    def own(self, rng: torch.Generator) -> torch.Generator:
        """Return randomness for one step, other for each process, all of it the leader's doing."""
        if self.size == 1:
            return rng
        drawn = int(torch.randint(2**52, (1,), generator=rng, device=rng.device).item())
        return torch.Generator(rng.device).manual_seed(int(self.agree(drawn)) * self.size + self.rank)

    def average(self, weights: Iterable[Tensor]) -> None:
        """Give each weight the mean of all processes' gradients."""
        if self.size == 1:
            return
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        together = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(together)
        parts = torch.split(together / self.size, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def same(self, model: GanModel, *parts: Stateful) -> None:
        """Give a model and other parts the state that they have with the leader."""
        if self.size == 1:
            return
        told: list[Any] = [None]
        if self.leads:
            weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
            told = [[weights, *(part.state_dict() for part in parts)]]
        distributed.broadcast_object_list(told, 0, device=torch.device("cpu"))
        if not self.leads:
            weights, *states = told[0]
            model.load_state_dict(weights)
            for part, state in zip(parts, states, strict=True):
                part.load_state_dict(state)


ALONE = Team()
_current: ContextVar[Team] = ContextVar("team", default=ALONE)


def current_team() -> Team:
    """Return the team that this process is in; of itself alone outside `together`."""
    return _current.get()


@contextmanager
def together(rank: int | None = None, size: int | None = None, store: Any = None) -> Iterator[Team]:
    """Train as one of several processes, each of which does the same.

    Parameters
    ----------
    rank, size
        Which of the processes this one is, and how many there are; None as torchrun says it in the
        environment, or one where it does not.
    store
        Where they find each other, as `torch.distributed` has it; None as torchrun says it.
    """
    size = int(os.environ.get("WORLD_SIZE", 1)) if size is None else size
    rank = int(os.environ.get("RANK", 0)) if rank is None else rank
    if size == 1:
        yield ALONE
        return
    backend = "gloo"
    if torch.cuda.is_available():
        backend = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    distributed.init_process_group(backend, rank=rank, world_size=size, store=store, timeout=_PATIENCE)
    token = _current.set(Team(rank, size))
    try:
        yield current_team()
    finally:
        _current.reset(token)
        distributed.destroy_process_group()
