"""Training by masked reconstruction; the entry point is `train_masked`.

In each step random values of each row are masked, and the generator learns their distribution given the
others.
"""

import signal
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

from synthgan.gan.budget import WARM_UP_STEPS, Budget, Clock
from synthgan.gan.checkpoint import Checkpoint, Kept, Stateful
from synthgan.gan.computing import Shards, n_threads_of
from synthgan.gan.copying import Nearness, nearness
from synthgan.gan.drawing import draw
from synthgan.gan.grouping import Rounds
from synthgan.gan.loop import AveragedWeights, Batches, History, Optimizers, Patience
from synthgan.gan.losses import reconstruction_loss
from synthgan.gan.model import GanModel
from synthgan.gan.networks import Generator
from synthgan.gan.rows import Cells
from synthgan.gan.team import ALONE, Team
from synthgan.layout import EncodedTable, Known
from synthgan.signals import STOPS, handled

#: Checks between two tests for memorized rows, and rows that are sampled for each.
_COPIES_EVERY, _N_DRAWN = 5, 500
#: Share of the time that is kept for the last of these tests.
_LAST_TEST_SHARE = 0.04
#: The stage of training that this module is.
_GENERATOR = "generator"


def train_masked(
    model: GanModel,
    table: EncodedTable,
    validation: EncodedTable,
    budget: Budget,
    history: History,
    *,
    rounds: Rounds,
    redraw: bool,
    rng: torch.Generator,
    checkpoint: Checkpoint,
    team: Team = ALONE,
) -> None:
    """Train the generator.

    Parameters
    ----------
    model
        A new model, any of whose columns may be known.
    table, validation
        Rows to train on, and rows that decide when to stop.
    budget
        Length and size of the run.
    history
        Gets one record a check.
    rounds, redraw
        How rows will be sampled, since memorized rows are looked for in such rows.
    rng
        Source of all randomness, on the model's device.
    checkpoint
        Where the run is kept as it goes on.
    team
        Which this process leads.

    Raises
    ------
    TrainingError
        If a loss is not finite.
    """
    clock = Clock(budget.n_steps, budget.max_time and budget.max_time * (1 - _LAST_TEST_SHARE))
    trainer = MaskedTrainer(model, budget, rng, team)
    referee = Referee(model, trainer.averaged, table, validation, rounds, redraw, budget.patience, rng)
    batches = Batches(Cells.of(table, model.device), budget.batch_size, rng, team)
    parts: dict[str, Stateful] = {"clock": clock, "trainer": trainer, "referee": referee, "batches": batches}
    checkpoint.begin(_GENERATOR, model, rng, history=history, **parts)
    team.same(model, clock, trainer)
    model.train()
    with n_threads_of(1), checkpoint.holding_signals():
        while team.agree(clock.progress < 1):
            losses = trainer.step(next(batches), clock)
            clock.step += 1
            if clock.check_is_due():
                losses |= referee.judge(clock)
                history.add(clock, losses, done=clock.progress * (1 - _LAST_TEST_SHARE))
            checkpoint.step_done()
    checkpoint.keep()
    trainer.averaged.keep()
    copied = referee.copied()
    history.add(clock, copied.as_losses(), done=1.0)
    if copied.is_copying:
        copied.warn(len(table) + len(validation))


def follow_masked(model: GanModel, table: EncodedTable, budget: Budget, *, team: Team) -> None:
    """Do the steps of `train_masked` with the process that leads the team, for as long as it goes on."""
    clock, rng = Clock(budget.n_steps), torch.Generator(model.device)
    trainer = MaskedTrainer(model, budget, rng, team)
    batches = Batches(Cells.of(table, model.device), budget.batch_size, rng, team)
    team.same(model, clock, trainer)
    model.train()
    # The leader decides on signals; its end is the end of this process too.
    with n_threads_of(1), handled(dict.fromkeys(STOPS, signal.SIG_IGN)):
        while team.agree(False):
            trainer.step(next(batches), clock)
            clock.step += 1


def random_known(n_rows: int, n_columns: int, rng: torch.Generator) -> Tensor:
    """Return random truth values, shape ``(n_rows, n_columns)``: which cells are known.

    A share is drawn uniformly for each row and each cell is known with that probability, so every number
    of known columns, from none to all, is equally likely.
    """
    device = rng.device
    share = torch.rand(n_rows, 1, generator=rng, device=device)
    return torch.rand(n_rows, n_columns, generator=rng, device=device) < share


class MaskedTrainer(Kept):
    """The steps of a run, and what they keep from one to the next, but for the network's weights."""

    kept = ("averaged", "optimizers")

    def __init__(self, model: GanModel, budget: Budget, rng: torch.Generator, team: Team = ALONE) -> None:
        self.model, self.budget, self.rng, self.team = model, budget, rng, team
        self.averaged = AveragedWeights(model.generator)
        self.weights = list(model.generator.parameters())
        self.optimizer = AdamW(self.weights, weight_decay=budget.weight_decay, fused=True)
        self.optimizers = Optimizers([self.optimizer])
        self.shards = Shards.of(budget.hidden_dims[0] * budget.batch_size, model.device)

    def step(self, cells: Cells, clock: Clock) -> dict[str, float]:
        """Lower the loss of masked values; return it."""
        factor, rng = self.team.agree(clock.learning_rate_factor()), self.team.own(self.rng)
        self.optimizer.param_groups[0]["lr"] = self.budget.learning_rate * factor
        known = random_known(len(cells), len(self.model.layout), rng)
        noise = self.model.noise(len(cells), rng)
        shards = self.shards.rows(len(cells))
        parts = self.shards.map(lambda rows: self._gradients(cells, known, noise, rows), shards)
        (_, total), *others = parts
        for _, gradients in others:
            torch._foreach_add_(total, gradients)
        for weight, gradient in zip(self.weights, total, strict=True):
            weight.grad = gradient
        self.team.average(self.weights)
        self.optimizer.step()
        self.averaged.update()
        return {"reconstruction": sum(loss for loss, _ in parts)}

    def _gradients(
        self, cells: Cells, known: Tensor, noise: Tensor, rows: slice
    ) -> tuple[float, tuple[Tensor, ...]]:
        """Return the part of the loss of a batch that some of its rows have, and its gradients."""
        own = known[rows]
        log_likelihood, _ = self.model.reconstruct(cells.take(rows), own, noise[rows])
        loss = reconstruction_loss(log_likelihood, own[:, self.model.space.coded]) * (len(own) / len(known))
        return loss.item(), torch.autograd.grad(loss, self.weights, materialize_grads=True)


class Referee(Kept):
    """Ends a run when held-out rows gain nothing more from it, or when rows begin to be copied."""

    kept = ("held_out", "patience", "n_checks")

    def __init__(
        self,
        model: GanModel,
        averaged: AveragedWeights[Generator],
        table: EncodedTable,
        validation: EncodedTable,
        rounds: Rounds,
        redraw: bool,
        patience: int,
        rng: torch.Generator,
    ) -> None:
        self.model, self.averaged, self.rng = model, averaged, rng
        self.rounds, self.redraw = rounds, redraw
        self.table, self.validation = table, validation
        self.held_out, self.patience, self.n_checks = HeldOut(model, validation, rng), Patience(patience), 0

    def judge(self, clock: Clock) -> dict[str, float]:
        """Return losses on held-out rows; let the run anneal if it is over."""
        losses = {"validation": self.held_out.loss(self.averaged)}
        # Before the end of the warm-up, and at the first check, the loss of a few held-out rows is luck.
        is_warm = clock.step > WARM_UP_STEPS
        may_end = is_warm and self.n_checks > 0
        self.n_checks += 1
        is_over = is_warm and not self.patience.improves(losses["validation"]) and self.patience.is_over
        if clock.checks % _COPIES_EVERY == 0 and not clock.is_annealing:
            with self.averaged.in_place():
                copied = self.copied()
            losses |= copied.as_losses()
            is_over = is_over or copied.is_copying
        if is_over and may_end and not clock.is_annealing:
            clock.anneal_now()
        return losses

    def copied(self) -> Nearness:
        """Return how near rows that are drawn now come to those trained on, beside held-out ones."""
        how: dict[str, Any] = {"rounds": self.rounds, "redraw": self.redraw, "correct": False}
        drawn = draw(self.model, _N_DRAWN, known=Known.nothing(self.model.layout), **how, rng=self.rng)
        self.model.train()
        return nearness(drawn, self.table, self.validation, self.model.layout)


class HeldOut(Kept):
    """The reconstruction loss on rows that are not trained on, always with the same cells hidden."""

    kept = ("known", "noise")

    def __init__(self, model: GanModel, validation: EncodedTable, rng: torch.Generator) -> None:
        self.model = model
        self.cells = Cells.of(validation, model.device)
        self.known = random_known(len(validation), len(model.layout), rng)
        self.noise = model.noise(len(validation), rng)

    @torch.no_grad()
    def loss(self, averaged: AveragedWeights[Generator]) -> float:
        """Return the loss of the averaged generator."""
        log_likelihood, _ = self.model.reconstruct(
            self.cells, self.known, self.noise, generator=averaged.average
        )
        return reconstruction_loss(log_likelihood, self.known[:, self.model.space.coded]).item()
