"""The textbook games: encoded rows in, a model trained by an adversarial objective alone out.

Noise (and the target, where there is one) goes in and a whole row comes out in one pass. Discriminator and
generator take steps in turn, each with an Adam of its own.
"""

import itertools

import torch
from torch import Tensor
from torch.optim import Adam

from synthgan.gan.budget import Budget, Clock
from synthgan.gan.checkpoint import Checkpoint, Kept
from synthgan.gan.computing import n_threads_of
from synthgan.gan.loop import AveragedWeights, Batches, History, Optimizers, descend
from synthgan.gan.losses import Game
from synthgan.gan.model import GanModel
from synthgan.gan.rows import Cells
from synthgan.layout import EncodedTable, FloatArray

_TEMPERATURE = 0.5
#: Rows that the discriminator sees at a time once it is trained, since row vectors are long.
_SCORED_TOGETHER = 4096


def train_game(
    model: GanModel,
    game: Game,
    table: EncodedTable,
    budget: Budget,
    history: History,
    *,
    rng: torch.Generator,
    checkpoint: Checkpoint,
) -> None:
    """Play a game.

    Parameters
    ----------
    model
        A new model; the columns that it may know are given to the generator in every row.
    game
        The objective.
    table
        Rows to train on.
    budget
        Length and size of the run.
    history
        Gets one record a check.
    rng
        Source of all randomness, on the model's device.
    checkpoint
        Where the run is kept as it goes on.

    Raises
    ------
    TrainingError
        If a loss is not finite.
    """
    clock = Clock(budget.n_steps, budget.max_time)
    player = GamePlayer(model, game, budget, rng)
    batches = Batches(Cells.of(table, model.device), budget.batch_size, rng)
    if model.architecture.known:
        target = torch.from_numpy(table.codes[:, model.architecture.known[0]].astype("int64"))
        model.prior.copy_(torch.bincount(target, minlength=len(model.prior)) / len(table))
    checkpoint.begin("game", model, rng, clock=clock, player=player, batches=batches, history=history)
    model.train()
    with n_threads_of(1), checkpoint.holding_signals():
        while clock.progress < 1:
            player.set_learning_rate(budget.learning_rate * clock.learning_rate_factor())
            losses = {}
            for cells in itertools.islice(batches, game.discriminator_steps):
                losses["discriminator"] = player.discriminator_step(cells, clock)
            losses["generator"] = player.generator_step(cells)
            clock.step += 1
            if clock.check_is_due():
                history.add(clock, losses, done=clock.progress)
            checkpoint.step_done()
    checkpoint.keep()
    player.averaged.keep()


class GamePlayer(Kept):
    """The two moves of a game, and what they keep from one to the next, but for the networks."""

    kept = ("averaged", "optimizers")

    def __init__(self, model: GanModel, game: Game, budget: Budget, rng: torch.Generator) -> None:
        if model.discriminator is None:
            raise ValueError("A model of masked reconstruction has no discriminator.")
        self.model, self.discriminator, self.game, self.rng = model, model.discriminator, game, rng
        self.averaged = AveragedWeights(model.generator)
        self.generator_optimizer, self.discriminator_optimizer = (
            Adam(network.parameters(), lr=budget.learning_rate, betas=game.betas, fused=True)
            for network in (model.generator, self.discriminator)
        )
        self.optimizers = Optimizers((self.generator_optimizer, self.discriminator_optimizer))
        known = torch.zeros(1, len(model.layout), dtype=torch.bool, device=model.device)
        known[0, list(model.architecture.known)] = True
        self.is_known = model.space.spread(known)

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the rate of both optimisers."""
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["lr"] = learning_rate

    def generate(self, cells: Cells) -> tuple[Tensor, Tensor]:
        """Return real rows, and generated ones that share their known columns; ``(batch, width)`` each."""
        real = self.model.space.vectors(cells)
        output = self.model.generator(self.model.known_vectors(cells), self.model.noise(len(cells), self.rng))
        generated = self.model.space.straight_through(output, _TEMPERATURE, self.rng)
        return real, torch.where(self.is_known, real, generated)

    def discriminator_step(self, cells: Cells, clock: Clock) -> float:
        """Let the discriminator learn to tell real rows from generated ones; return its loss."""
        critic, game = self.discriminator, self.game
        with torch.no_grad():
            real, fake = self.generate(cells)
        loss = game.discriminator_loss(critic(real), critic(fake))
        total = loss
        if game.penalty is not None and clock.step % game.penalty_every == 0:
            total = loss + game.penalty_every * game.penalty(critic, real, fake, self.rng)
        descend(self.discriminator_optimizer, total)
        return loss.item()

    def generator_step(self, cells: Cells) -> float:
        """Let the generator learn to pass for real; return its loss."""
        critic = self.discriminator
        real, fake = self.generate(cells)
        loss = self.game.generator_loss(critic(real), critic(fake))
        descend(self.generator_optimizer, loss)
        self.averaged.update()
        return loss.item()


def discriminator_logits(model: GanModel, table: EncodedTable) -> FloatArray:
    """Return the logit of each row being real, shape ``(n_rows,)``, of a model that has a discriminator."""
    if model.discriminator is None:
        raise ValueError("A model of masked reconstruction has no discriminator.")
    model.eval()
    cells, starts = Cells.of(table, model.device), range(0, len(table), _SCORED_TOGETHER)
    with torch.inference_mode():
        logits = [
            model.discriminator(model.space.vectors(cells.take(slice(start, start + _SCORED_TOGETHER))))
            for start in starts
        ]
        whole: FloatArray = torch.cat([torch.empty(0, device=model.device), *logits]).double().cpu().numpy()
    return whole
