import math

import pytest
import torch
from small_tables import rng_of

from synthgan.gan import losses
from synthgan.gan.losses import GAMES

REAL, FAKE = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([-0.3, 0.7, 1.1])


def softplus(x):
    return math.log1p(math.exp(x))


def mean(numbers):
    return sum(numbers) / len(numbers)


PAIRS = list(zip(REAL.tolist(), FAKE.tolist(), strict=True))
FORMULAS = {
    losses.bce_discriminator_loss: mean([softplus(-r) for r, _ in PAIRS])
    + mean([softplus(f) for _, f in PAIRS]),
    losses.bce_generator_loss: mean([softplus(-f) for _, f in PAIRS]),
    losses.wasserstein_discriminator_loss: mean([f for _, f in PAIRS]) - mean([r for r, _ in PAIRS]),
    losses.wasserstein_generator_loss: -mean([f for _, f in PAIRS]),
    losses.relativistic_discriminator_loss: mean([softplus(f - r) for r, f in PAIRS]),
    losses.relativistic_generator_loss: mean([softplus(r - f) for r, f in PAIRS]),
}


@pytest.mark.parametrize("loss", FORMULAS, ids=lambda loss: loss.__name__)
def test_each_loss_equals_its_formula(loss):
    assert loss(REAL, FAKE).item() == pytest.approx(FORMULAS[loss], abs=1e-6)


def test_every_loss_of_every_game_has_a_formula():
    in_games = {f for game in GAMES.values() for f in (game.discriminator_loss, game.generator_loss)}
    assert in_games == set(FORMULAS)


def rows(seed):
    return torch.randn(20, 4, generator=rng_of(seed))


def linear(*weights):
    w = torch.tensor(weights)
    return lambda x: x @ w


@pytest.mark.parametrize(
    ("critic", "length"),
    [
        (linear(0.6, 0.0, -0.8, 0.0), 1.0),
        (linear(3.0, 0.0, 0.0, 4.0), 5.0),
        (linear(0.0, 0.0, 0.0, 0.0), 0.0),
    ],
)
def test_penalties_of_a_linear_critic_follow_its_gradient(critic, length):
    real, fake = rows(0), rows(1)
    one_centred = losses.wgan_gp_penalty(critic, real, fake, rng_of()).item()
    assert one_centred == pytest.approx(10 * (length - 1) ** 2, abs=1e-4)
    assert losses.r1_r2_penalty(critic, real, fake, rng_of()).item() == pytest.approx(length**2, abs=1e-5)


def test_squared_gradients_are_averaged_over_rows_real_and_generated_alike():
    # The gradient of |x|^2 is 2x.
    critic = lambda x: x.square().sum(1)  # noqa: E731
    real, fake = rows(0), rows(1)
    expected = sum(4 * x.square().sum(1).mean().item() for x in (real, fake)) / 2
    assert losses.r1_r2_penalty(critic, real, fake, rng_of()).item() == pytest.approx(expected, rel=1e-5)


def test_the_gradient_penalty_looks_between_real_and_generated_rows():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum(1)

    real, fake = torch.zeros(500, 2), torch.ones(500, 2)
    losses.wgan_gp_penalty(critic, real, fake, rng_of())
    share = seen[0][:, 0]
    assert torch.equal(share, seen[0][:, 1])  # one share a row: points on the line between the two
    assert 0 <= share.min() < 0.05
    assert 0.95 < share.max() <= 1


@pytest.mark.parametrize("penalty", [losses.wgan_gp_penalty, losses.r1_r2_penalty])
def test_penalties_move_the_critic(penalty):
    weight = torch.tensor([2.0, 1.0, -1.0, 0.5], requires_grad=True)
    penalty(lambda x: (x @ weight).tanh(), rows(0), rows(1), rng_of()).backward()
    assert torch.isfinite(weight.grad).all()
    assert weight.grad.abs().min() > 0


def test_reconstruction_is_the_mean_over_unknown_cells_of_a_row_then_over_rows():
    log_likelihood = torch.tensor([[-1.0, -2.0, -4.0], [-3.0, -5.0, -7.0], [-8.0, -9.0, -10.0]])
    known = torch.tensor([[False, True, False], [True, True, False], [True, True, True]])
    expected = ((1.0 + 4.0) / 2 + 7.0 + 0.0) / 3
    assert losses.reconstruction_loss(log_likelihood, known).item() == pytest.approx(expected)


def test_reconstruction_ignores_known_cells():
    log_likelihood = -torch.rand(50, 4, generator=rng_of(2))
    known = torch.rand(50, 4, generator=rng_of(3)) < 0.5
    changed = torch.where(known, log_likelihood - 100, log_likelihood)
    assert torch.equal(
        losses.reconstruction_loss(log_likelihood, known), losses.reconstruction_loss(changed, known)
    )
