"""What is minimised: pure functions of tensors, and the adversarial games made of them.

Discriminator outputs are logits: its probability that a row is real is their sigmoid.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

Critic = Callable[[Tensor], Tensor]


def reconstruction_loss(log_likelihood: Tensor, known: Tensor) -> Tensor:
    """Return the negative log-likelihood of unknown columns, averaged within a row, then over rows.

    With a uniformly drawn number of known columns this is, up to the number of columns, the any-order
    autoregressive bound on the likelihood of a row [1]_.

    Parameters
    ----------
    log_likelihood
        Shape ``(batch, n_coded)``.
    known
        Truth values, shape ``(batch, n_coded)``.

    References
    ----------
    .. [1] Hoogeboom et al. (2022). Autoregressive Diffusion Models. ICLR. Equation 3.
    """
    weight = (~known).float()
    per_row = -(log_likelihood * weight).sum(1) / weight.sum(1).clamp(min=1)
    return per_row.mean()


def bce_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return ``-log D(x) - log(1 - D(G(z)))``, the textbook's binary cross-entropy [1]_.

    References
    ----------
    .. [1] Goodfellow et al. (2014). Generative Adversarial Nets. NeurIPS. Equation 1.
    """
    return softplus(-real).mean() + softplus(fake).mean()


def bce_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return ``-log D(G(z))``, the non-saturating form of the same paper's section 3."""
    return softplus(-fake).mean()


def wasserstein_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return ``D(G(z)) - D(x)`` [1]_.

    References
    ----------
    .. [1] Gulrajani et al. (2017). Improved Training of Wasserstein GANs. NeurIPS. Equation 3.
    """
    return fake.mean() - real.mean()


def wasserstein_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return ``-D(G(z))``."""
    return -fake.mean()


def relativistic_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return ``softplus(-(D(x) - D(G(z))))`` over pairs [1]_.

    References
    ----------
    .. [1] Huang et al. (2024). The GAN is dead; long live the GAN! NeurIPS. Equation 2.
    """
    return softplus(fake - real).mean()


def relativistic_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return ``softplus(-(D(G(z)) - D(x)))`` over pairs."""
    return softplus(real - fake).mean()


def _gradient(critic: Critic, rows: Tensor) -> Tensor:
    """Return the gradient of a critic at each row, which has gradients itself."""
    rows = rows.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(rows).sum(), rows, create_graph=True)
    return gradient


def wgan_gp_penalty(critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """Return ``10 (|grad D| - 1)^2`` at random points between real and generated rows."""
    share = torch.rand(len(real), 1, generator=rng, device=real.device)
    length: Tensor = _gradient(critic, share * real + (1 - share) * fake).norm(dim=1)
    return 10 * (length - 1).square().mean()


def r1_r2_penalty(critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """Return half of ``|grad D|^2`` at real rows and as much at generated ones (R1 and R2, gamma = 1)."""
    of_real, of_fake = (_gradient(critic, rows).square().sum(1).mean() for rows in (real, fake))
    return (of_real + of_fake) / 2


@dataclass(frozen=True)
class Game:
    """An adversarial objective.

    Parameters
    ----------
    discriminator_loss, generator_loss
        Functions of the logits of real and of generated rows.
    penalty
        Added to the discriminator's loss every `penalty_every` steps, that many times over.
    discriminator_steps
        Discriminator steps for each generator step.
    betas
        Of the two Adam optimisers.
    residual
        Whether the networks have residual blocks instead of plain layers.
    """

    discriminator_loss: Callable[[Tensor, Tensor], Tensor]
    generator_loss: Callable[[Tensor, Tensor], Tensor]
    penalty: Callable[[Critic, Tensor, Tensor, torch.Generator], Tensor] | None = None
    penalty_every: int = 1
    discriminator_steps: int = 1
    betas: tuple[float, float] = (0.5, 0.999)
    residual: bool = False


GAMES = {
    "bce": Game(bce_discriminator_loss, bce_generator_loss),
    "wgan-gp": Game(
        wasserstein_discriminator_loss,
        wasserstein_generator_loss,
        penalty=wgan_gp_penalty,
        discriminator_steps=3,
        betas=(0.0, 0.9),
    ),
    "relativistic": Game(
        relativistic_discriminator_loss,
        relativistic_generator_loss,
        penalty=r1_r2_penalty,
        penalty_every=4,
        betas=(0.0, 0.99),
        residual=True,
    ),
}
