"""How long and how large: steps, widths and regularisation from rows and the user's wishes.

The rules are for tables from twenty to some millions of rows on a small machine; everything a user gives
takes precedence.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from synthgan.gan.losses import GAMES

#: Share of a run, at its end, in which the learning rate falls to zero.
_ANNEALED_SHARE = 0.3
#: Steps in which the learning rate rises at the beginning. No run is annealed before their end.
WARM_UP_STEPS = 50
#: Steps of a run. More would teach little that trees do not say better when cells are redrawn; where they are
#: not, so many times as many, but at most so many.
_FEWEST_STEPS, _MOST_STEPS = 400, 2_000
_TIMES_ALONE, _MOST_STEPS_ALONE = 4, 2_700
#: Steps of a run on a small table for each of its rows, at least and at most: more make held-out rows no
#: likelier and bring drawn rows near to learned ones; see `benchmarks/small_tables.py`.
_STEPS_A_ROW, _FEWEST_STEPS_OF_SMALL, _MOST_STEPS_OF_SMALL = 0.8, 200, 1_000
#: Checks without a new best after which a run is annealed. The held-out rows of a small table are too few to
#: end a run: there, patience lasts as long as the run.
_PATIENCE = 12
#: How often in a run losses are recorded and progress is reported.
N_CHECKS = 25


@dataclass(frozen=True)
class Budget:
    """Everything that sets the length and the size of a training run.

    Parameters
    ----------
    n_steps
        Generator steps.
    batch_size
        Rows a step.
    learning_rate, weight_decay
        Of AdamW.
    hidden_dims
        Width of each hidden layer or residual block, generator and discriminator alike.
    latent_dim
        Length of the noise vector.
    max_time
        Seconds after which the run is over, or None.
    quiet_start
        See `synthgan.gan.networks.Generator`.
    patience
        Checks in a row without a new best on held-out rows after which the run is annealed. They are counted
        once the warm-up is over.
    """

    n_steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    hidden_dims: tuple[int, ...]
    latent_dim: int
    max_time: float | None = None
    quiet_start: bool = False
    patience: int = N_CHECKS


def plan_budget(
    n_rows: int,
    *,
    loss: str,
    redraws: bool = True,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    hidden_dims: Sequence[int] | None = None,
    latent_dim: int | None = None,
    max_time: float | None = None,
) -> Budget:
    """Return the budget for a table; what is None follows its size.

    Small tables get short runs, narrow networks, a quiet start and strong weight decay, larger ones wider
    networks.
    Reconstruction alone has no use for noise, so it gets none.

    Parameters
    ----------
    n_rows
        Of the table.
    loss, epochs, batch_size, learning_rate, hidden_dims, latent_dim, max_time
        See `synthgan.SynthGAN`.
    redraws
        Whether cells are redrawn from trees, which makes good what a short run leaves undone.
    """
    is_game = loss in GAMES
    small, medium = n_rows < 2_000, 2_000 <= n_rows < 10_000
    batch = min(batch_size or (256 if is_game else 128 if small else 512), n_rows)
    steps_per_epoch = -(-n_rows // batch)
    if epochs is not None:
        n_steps = epochs * steps_per_epoch
    elif is_game:
        n_steps = 3_000
    elif small:
        n_steps = round(min(_MOST_STEPS_OF_SMALL, max(_FEWEST_STEPS_OF_SMALL, _STEPS_A_ROW * n_rows)))
    else:
        n_steps = round(min(_MOST_STEPS, max(_FEWEST_STEPS, 3 * n_rows**0.5)))
        n_steps = n_steps if redraws else min(_MOST_STEPS_ALONE, _TIMES_ALONE * n_steps)
    width = 256 if is_game else 128 if small else 256 if medium else 384
    return Budget(
        n_steps=n_steps,
        batch_size=batch,
        learning_rate=learning_rate or (1e-3 if is_game else 2e-3),
        weight_decay=0.0 if is_game else 1.0 if small else 0.01,
        hidden_dims=tuple(hidden_dims or ((width,) if loss == "bce" else (width, width))),
        latent_dim=latent_dim if latent_dim is not None else (100 if is_game else 0),
        max_time=max_time,
        quiet_start=small and not is_game,
        # The few held-out rows of a small table cannot tell when a short run has learned enough.
        patience=N_CHECKS if small and n_steps <= _MOST_STEPS_OF_SMALL else _PATIENCE,
    )


@dataclass
class Clock:
    """How far a run is: the larger of its share of steps and its share of time.

    A run that is bound by its steps advances the same way every time; one that is bound by `max_time` does
    not.

    Parameters
    ----------
    n_steps
        Steps of the whole run.
    max_time
        Seconds of the whole run, or None.
    """

    n_steps: int
    max_time: float | None = None
    step: int = 0
    started: float = field(default_factory=time.monotonic)
    checks: int = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def progress(self) -> float:
        """Share of the run that is done, from 0 to 1."""
        by_time = self.elapsed / self.max_time if self.max_time else 0.0
        return min(1.0, max(self.step / self.n_steps, by_time))

    def state_dict(self) -> dict[str, Any]:
        """Return how far the run is."""
        names = ("n_steps", "max_time", "step", "checks", "elapsed")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from such a state; the time between the two does not count."""
        self.n_steps, self.max_time = state["n_steps"], state["max_time"]
        self.step, self.checks = state["step"], state["checks"]
        self.started = time.monotonic() - state["elapsed"]

    def check_is_due(self) -> bool:
        """Whether another of the run's checks has come due; those that are missed are left out."""
        due = int(self.progress * N_CHECKS)
        is_due = due > self.checks
        self.checks = due
        return is_due

    def anneal_now(self) -> None:
        """Shorten the run so that its last, annealed part begins with the next step."""
        self.n_steps = min(self.n_steps, round(self.step / (1 - _ANNEALED_SHARE)) + 1)

    @property
    def is_annealing(self) -> bool:
        """Whether the learning rate is on its way down."""
        return self.progress > 1 - _ANNEALED_SHARE

    def learning_rate_factor(self) -> float:
        """Return the factor on the learning rate: a short warm-up, a plateau, a linear way to zero."""
        return min(1.0, (self.step + 1) / WARM_UP_STEPS, (1 - self.progress) / _ANNEALED_SHARE)
