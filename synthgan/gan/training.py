"""Training by masked reconstruction, with a discriminator beside it: encoded rows in, a trained model out.

In each step random cells of each row are hidden. The generator learns their distribution given the others
and, at some steps, to fill them in so that the discriminator takes the whole row for real. In the end the
discriminator learns to correct rows drawn the way users draw them.
"""

import signal
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

from synthgan.gan.budget import Budget, Clock
from synthgan.gan.cells import Cells
from synthgan.gan.checkpoint import Checkpoint, State, Stateful
from synthgan.gan.conditions import random_known
from synthgan.gan.copying import Nearness, nearness
from synthgan.gan.correction import train_correction
from synthgan.gan.drawing import draw
from synthgan.gan.grouping import Rounds
from synthgan.gan.loop import AveragedWeights, History, Optimizers, Patience, Rows, descend
from synthgan.gan.losses import (
    r1_r2_penalty,
    reconstruction_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from synthgan.gan.model import GanModel
from synthgan.gan.networks import Generator
from synthgan.gan.sharpness import leave_to_generator
from synthgan.gan.team import ALONE, Team
from synthgan.layout import EncodedTable, Known
from synthgan.signals import STOPS, handled

_ADVERSARIAL_EVERY = 4
_TEMPERATURE = 0.5
#: Checks between two looks at whether rows are copied, and rows that are drawn for it.
_COPIES_EVERY, _N_DRAWN = 5, 500
#: Share of the time that is kept for the last look at copies and the discriminator's correction, and seconds
#: that the latter has at least.
_CORRECTION_SHARE, _MIN_CORRECTION_TIME = 0.16, 0.3
#: Share of the time, of what is kept, in which trees and generator are compared.
_CHOOSING_SHARE = 0.04
#: The stage of training that this module is.
_GENERATOR = "generator"


def train_masked(
    model: GanModel,
    table: EncodedTable,
    validation: EncodedTable,
    budget: Budget,
    history: History,
    *,
    adversarial_weight: float,
    rounds: Rounds,
    redraw: bool,
    rng: torch.Generator,
    checkpoint: Checkpoint,
    team: Team = ALONE,
) -> None:
    """Train generator and discriminator.

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
    adversarial_weight
        Weight of the discriminator's judgement in the generator's loss.
    rounds, redraw
        How rows will be drawn: what the discriminator learns to correct, and in which copies are looked for.
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
    clock = Clock(budget.n_steps, budget.max_time and budget.max_time * (1 - _CORRECTION_SHARE))
    trainer = MaskedTrainer(model, budget, adversarial_weight, rng, team)
    referee = Referee(model, trainer.averaged, table, validation, rounds, redraw, budget.patience, rng)
    batches = Rows(table, model.device).batches(budget.batch_size, rng, team)
    parts: dict[str, Stateful] = {"clock": clock, "trainer": trainer, "referee": referee, "batches": batches}
    checkpoint.begin(_GENERATOR, model, rng, history=history, **parts)
    team.same(model, clock, trainer)
    model.train()
    with checkpoint.holding_signals():
        while team.agree(clock.progress < 1):
            losses = trainer.step(next(batches), clock)
            clock.step += 1
            if clock.check_is_due():
                losses |= referee.judge(clock)
                history.add(clock, losses, done=clock.progress * (1 - _CORRECTION_SHARE))
            checkpoint.step_done()
    checkpoint.keep()
    trainer.averaged.keep()
    max_time = clock.max_time and clock.max_time / (1 - _CORRECTION_SHARE)
    leave_to_generator(model, validation, rng, max_time=max_time and max_time * _CHOOSING_SHARE)
    copied = referee.copied()
    time_left = max_time and max(_MIN_CORRECTION_TIME, max_time - clock.elapsed)
    how: dict[str, Any] = {"rounds": rounds, "redraw": redraw}
    loss = train_correction(model, table, validation, **how, max_time=time_left, rng=rng)
    history.add(clock, {"correction": loss} | copied.as_losses(), done=1.0)
    if copied.is_copying:
        copied.warn(len(table) + len(validation))


def follow_masked(
    model: GanModel, table: EncodedTable, budget: Budget, *, adversarial_weight: float, team: Team
) -> None:
    """Do the steps of `train_masked` with the process that leads the team, for as long as it goes on."""
    clock, rng = Clock(budget.n_steps), torch.Generator(model.device)
    trainer = MaskedTrainer(model, budget, adversarial_weight, rng, team)
    batches = Rows(table, model.device).batches(budget.batch_size, rng, team)
    team.same(model, clock, trainer)
    model.train()
    with handled(dict.fromkeys(STOPS, signal.SIG_IGN)):  # the leader's to decide, whose end is this one's too
        while team.agree(False):
            trainer.step(next(batches), clock)
            clock.step += 1


class MaskedTrainer:
    """The steps of a run, and what they keep from one to the next."""

    def __init__(
        self,
        model: GanModel,
        budget: Budget,
        adversarial_weight: float,
        rng: torch.Generator,
        team: Team = ALONE,
    ) -> None:
        self.model, self.budget, self.rng, self.team = model, budget, rng, team
        self.adversarial_weight = adversarial_weight
        self.averaged = AveragedWeights(model.generator)
        self.optimizers = Optimizers(
            AdamW(network.parameters(), weight_decay=budget.weight_decay, fused=True)
            for network in (model.generator, model.discriminator)
        )
        self.losses: dict[str, float] = {}

    def state_dict(self) -> State:
        """Return what is kept from one step to the next, but for the networks."""
        kept = {"averaged": self.averaged.state_dict(), "optimizers": self.optimizers.state_dict()}
        return {**kept, "losses": self.losses}

    def load_state_dict(self, state: State) -> None:
        """Go on from such a state."""
        self.averaged.load_state_dict(state["averaged"])
        self.optimizers.load_state_dict(state["optimizers"])
        self.losses = dict(state["losses"])

    def step(self, cells: Cells, clock: Clock) -> dict[str, float]:
        """Move the generator, and at some steps the discriminator; return the newest losses."""
        factor, rng = self.team.agree(clock.learning_rate_factor()), self.team.own(self.rng)
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["lr"] = self.budget.learning_rate * factor
        known = random_known(len(cells), len(self.model.layout), rng)
        is_adversarial = self.adversarial_weight > 0 and clock.step % _ADVERSARIAL_EVERY == 0
        self.generator_step(cells, known, rng, is_adversarial=is_adversarial)
        self.averaged.update()
        return dict(self.losses)

    def generator_step(
        self, cells: Cells, known: Tensor, rng: torch.Generator, *, is_adversarial: bool
    ) -> None:
        """Lower the loss of hidden cells and, if asked, make the filled-in rows pass for real."""
        model, space = self.model, self.model.space
        log_likelihood, output = model.reconstruct(cells, known, model.noise(len(cells), rng))
        loss = reconstruction_loss(log_likelihood, known[:, space.coded])
        self.losses["reconstruction"] = loss.item()
        if is_adversarial:
            real = space.plain(space.vectors(cells))
            filled_in = space.straight_through(output, _TEMPERATURE, rng)
            fake = torch.where(space.spread(known), real, filled_in)
            self.discriminator_step(real, fake.detach(), rng)
            judgement = relativistic_generator_loss(model.discriminator(real), model.discriminator(fake))
            self.losses["generator"] = judgement.item()
            loss = loss + self.adversarial_weight * judgement
        descend(self.optimizers[0], loss, self.team)

    def discriminator_step(self, real: Tensor, fake: Tensor, rng: torch.Generator) -> None:
        """Tell rows from their filled-in versions, which share the known cells."""
        critic = self.model.discriminator
        loss = relativistic_discriminator_loss(critic(real), critic(fake))
        self.losses["discriminator"] = loss.item()
        descend(self.optimizers[1], loss + r1_r2_penalty(critic, real, fake, rng), self.team)


class Referee:
    """Ends a run when held-out rows gain nothing more from it, or when rows begin to be copied."""

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
        self.held_out, self.patience = HeldOut(model, validation, rng), Patience(patience)

    def state_dict(self) -> State:
        """Return which cells of held-out rows are hidden, and how long better ones have been waited for."""
        return {"held_out": self.held_out.state_dict(), "patience": self.patience.state_dict()}

    def load_state_dict(self, state: State) -> None:
        """Go on from such a state."""
        self.held_out.load_state_dict(state["held_out"])
        self.patience.load_state_dict(state["patience"])

    def judge(self, clock: Clock) -> dict[str, float]:
        """Return losses on held-out rows; let the run anneal if it is over."""
        losses = {"validation": self.held_out.loss(self.averaged)}
        is_over = not self.patience.improves(losses["validation"]) and self.patience.is_over
        if clock.checks % _COPIES_EVERY == 0 and not clock.is_annealing:
            with self.averaged.in_place():
                copied = self.copied()
            losses |= copied.as_losses()
            is_over = is_over or copied.is_copying
        if is_over and not clock.is_annealing:
            clock.anneal_now()
        return losses

    def copied(self) -> Nearness:
        """Return how near rows that are drawn now come to those trained on, beside held-out ones."""
        how: dict[str, Any] = {"rounds": self.rounds, "redraw": self.redraw, "correct": False}
        drawn = draw(self.model, _N_DRAWN, known=Known.nothing(self.model.layout), **how, rng=self.rng)
        self.model.train()
        return nearness(drawn, self.table, self.validation, self.model.layout)


class HeldOut:
    """The reconstruction loss on rows that are not trained on, always with the same cells hidden."""

    def __init__(self, model: GanModel, validation: EncodedTable, rng: torch.Generator) -> None:
        self.model = model
        self.cells = Cells.of(validation, model.device)
        self.known = random_known(len(validation), len(model.layout), rng)
        self.noise = model.noise(len(validation), rng)

    def state_dict(self) -> State:
        """Return which cells are hidden, and the noise."""
        return {"known": self.known, "noise": self.noise}

    def load_state_dict(self, state: State) -> None:
        """Go on from such a state."""
        device = self.model.device
        self.known, self.noise = state["known"].to(device), state["noise"].to(device)

    @torch.no_grad()
    def loss(self, averaged: AveragedWeights[Generator]) -> float:
        """Return the loss of the averaged generator."""
        log_likelihood, _ = self.model.reconstruct(
            self.cells, self.known, self.noise, generator=averaged.average
        )
        return reconstruction_loss(log_likelihood, self.known[:, self.model.space.coded]).item()
