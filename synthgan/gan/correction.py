"""The discriminator as a corrector: real and drawn rows in, a density ratio out.

Trained on rows drawn the way users draw them, the discriminator's logit is the logarithm of how much more
often a row is real than drawn. Where it sees a difference on rows it was not trained on, drawing uses it.
"""

import copy
import math
import time
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student_t
from torch import Tensor
from torch.nn.functional import softplus
from torch.optim import AdamW

from synthgan.gan.cells import Cells
from synthgan.gan.computing import reduced_precision
from synthgan.gan.drawing import draw
from synthgan.gan.grouping import Rounds
from synthgan.gan.loop import Patience, Rows, descend
from synthgan.gan.losses import bce_discriminator_loss
from synthgan.gan.model import GanModel
from synthgan.layout import EncodedTable, Known

#: Cells drawn at most, and at a time; a row of many columns is drawn in many rounds.
_MAX_CELLS = 320_000
_BATCH_OF_CELLS = 30_000
#: Share of the time in which rows are drawn; in the rest the discriminator learns.
_DRAWING_SHARE = 0.5
_MAX_STEPS = 600
#: On fewer held-out rows than these luck looks like skill.
_MIN_HELD_OUT = 10
_BATCH_SIZE = 512
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 0.05
_CHECK_EVERY = 20
_PATIENCE = 5
#: Chance, at most, of calling a coin's held-out loss better than a coin's.
_FALSE_ALARM = 0.001


def train_correction(
    model: GanModel,
    table: EncodedTable,
    validation: EncodedTable,
    *,
    rounds: Rounds,
    redraw: bool,
    max_time: float | None,
    rng: torch.Generator,
) -> float:
    """Train the discriminator on real against drawn rows and return its best held-out loss, in nats.

    Sets ``model.corrects``: whether that loss is below ``log 2``, what a coin has, by more than its
    sampling error. The generator does not move.

    Parameters
    ----------
    model
        A model with a trained generator.
    table, validation
        Real rows to train on, and to hold out.
    rounds, redraw
        How rows are drawn.
    max_time
        Seconds, or None.
    rng
        Source of all randomness, on the model's device.
    """
    started = time.monotonic()
    drawing_time = max_time and max_time * _DRAWING_SHARE
    wanted = min(len(table) + len(validation), _MAX_CELLS // len(model.layout) + 2)
    candidates = _drawn_table(model, wanted, rounds=rounds, redraw=redraw, max_time=drawing_time, rng=rng)
    is_held_out = np.arange(len(candidates)) < min(len(validation), len(candidates) // 2)
    real, drawn = Rows(table, model.device), Rows(candidates.take(~is_held_out), model.device)
    held_out = (Rows(validation, model.device), Rows(candidates.take(is_held_out), model.device))
    critic = model.discriminator
    optimizer = AdamW(critic.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY, fused=True)
    patience, margin, best = Patience(_PATIENCE), 0.0, copy.deepcopy(critic.state_dict())
    batches = zip(real.batches(_BATCH_SIZE, rng), drawn.batches(_BATCH_SIZE, rng), strict=True)
    for step, (real_batch, drawn_batch) in enumerate(batches, start=1):
        critic.train()
        loss = bce_discriminator_loss(_logits(model, real_batch), _logits(model, drawn_batch))
        descend(optimizer, loss)
        if step % _CHECK_EVERY == 0:
            held_out_loss, error = _held_out_loss(model, *held_out)
            if patience.improves(held_out_loss):
                margin, best = error, copy.deepcopy(critic.state_dict())
        is_late = max_time is not None and time.monotonic() - started > max_time
        if patience.is_over or step == _MAX_STEPS or is_late:
            break
    critic.load_state_dict(best)
    model.corrects = len(validation) >= _MIN_HELD_OUT and patience.best + margin < math.log(2)
    return min(patience.best, math.log(2))


def _drawn_table(
    model: GanModel,
    n_rows: int,
    *,
    rounds: Rounds,
    redraw: bool,
    max_time: float | None,
    rng: torch.Generator,
) -> EncodedTable:
    """Return `n_rows` drawn rows, or as many as the time allows but at least one batch."""
    deadline = time.monotonic() + (max_time if max_time is not None else math.inf)
    how: dict[str, Any] = {"rounds": rounds, "redraw": redraw, "correct": False}
    parts: list[EncodedTable] = []
    while (missing := n_rows - sum(map(len, parts))) > 0 and (not parts or time.monotonic() < deadline):
        batch = min(missing, _BATCH_OF_CELLS // len(model.layout) + 2)
        parts.append(draw(model, batch, known=Known.nothing(model.layout), **how, rng=rng))
    return EncodedTable.join(parts, model.layout)


def _logits(model: GanModel, cells: Cells) -> Tensor:
    with reduced_precision(model.device):
        logits: Tensor = model.discriminator(model.space.vectors(cells))
    return logits.float()


@torch.no_grad()
def _held_out_loss(model: GanModel, real: Rows, drawn: Rows) -> tuple[float, float]:
    """Return the mean loss a row, and by how much it may be too low by chance (Student's t)."""
    model.discriminator.eval()
    real_losses = softplus(-_logits(model, real.cells))
    drawn_losses = softplus(_logits(model, drawn.cells))
    losses = torch.cat([real_losses, drawn_losses])
    quantile = float(student_t.isf(_FALSE_ALARM, len(losses) - 1))
    return losses.mean().item(), quantile * losses.std().item() / len(losses) ** 0.5
