import numpy as np
import pytest
import torch
from small_tables import MIXED, TEXTBOOK, mixed_table, model_of, rng_of, tensors_of

from synthgan.gan.budget import plan_budget
from synthgan.gan.networks import CodeWeights
from synthgan.layout import Layout, Span

N_BUMPS = 16


def shuffle_weights(network):
    """Move every weight off its initial zero, so that no gradient is blocked by one."""
    rng = rng_of(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=rng))


def hand_basis(position):
    """The position, and triangles of half-width 2/15 around 16 centres from -1 to 1."""
    centres = [-1 + 2 * i / (N_BUMPS - 1) for i in range(N_BUMPS)]
    return [position] + [max(0.0, 1 - abs(position - c) / (2 / (N_BUMPS - 1))) for c in centres]


def test_code_weights_start_as_their_free_part():
    weights = CodeWeights(MIXED, 6)
    assert weights.smooth.eq(0).all()
    assert torch.equal(weights(), weights.free)


def test_the_smooth_part_is_the_basis_times_its_weights():
    weights = CodeWeights(MIXED, 6)
    shuffle_weights(weights)
    expected = weights.free.detach().numpy().copy()
    for code, position in enumerate((-1.0, -0.25, 0.5, 1.0)):  # of "size", whose codes start at place 3
        expected[3 + code] += np.array(hand_basis(position)) @ weights.smooth[0].detach().numpy()
    np.testing.assert_allclose(weights().detach().numpy(), expected, atol=1e-5)


def test_bumps_sum_to_one_and_neighbours_share_weight():
    layout = Layout((Span("x", 41, positions=tuple(np.linspace(-1, 1, 41).tolist())),))
    bumps = CodeWeights(layout, 2).basis[0, :, 1:]
    torch.testing.assert_close(bumps.sum(1), torch.ones(41))
    assert ((bumps[:-1] * bumps[1:]).sum(1) > 0).all()


def test_ordered_columns_of_different_lengths_keep_apart():
    spans = (Span("a", 3, positions=(-1.0, 0.0, 1.0)), Span("b", 5, positions=(-1.0, -0.5, 0.0, 0.5, 1.0)))
    both = CodeWeights(Layout(spans), 4)
    shuffle_weights(both)
    places = {0: slice(0, 3), 1: slice(3, 8)}
    for index, place in places.items():
        alone = CodeWeights(Layout(spans[index : index + 1]), 4)
        with torch.no_grad():
            alone.free.copy_(both.free[place])
            alone.smooth.copy_(both.smooth[index : index + 1])
        torch.testing.assert_close(both()[place], alone())


def assert_gradient_reaches_every_parameter(network, output):
    output.square().sum().backward()
    for name, parameter in network.named_parameters():
        if parameter.numel():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("residual", [True, False])
def test_generator_gradient_reaches_every_parameter(residual):
    model = model_of(MIXED, residual=residual, latent_dim=4)
    shuffle_weights(model)
    codes, values = tensors_of(mixed_table(100))
    output = model.generator(model.known_vectors(codes, values), model.noise(100, rng_of()))
    assert output.shape == (100, MIXED.width)
    assert_gradient_reaches_every_parameter(model.generator, output)


@pytest.mark.parametrize("residual", [True, False])
def test_discriminator_gradient_reaches_every_parameter(residual):
    model = model_of(MIXED, residual=residual)
    shuffle_weights(model)
    logits = model.discriminator(model.space.vectors(*tensors_of(mixed_table(100))))
    assert logits.shape == (100,)
    assert_gradient_reaches_every_parameter(model.discriminator, logits)


def test_the_textbook_layout_gives_the_textbook_networks():
    budget = plan_budget(1000, loss="bce")
    model = model_of(
        TEXTBOOK, known=(), hidden_dims=budget.hidden_dims, latent_dim=budget.latent_dim, residual=False
    )
    generator, discriminator = model.generator, model.discriminator
    assert TEXTBOOK.width == 2
    assert generator.from_noise.shape == (100, 256)
    assert generator.to_row.weights().shape == (2, 256)
    assert discriminator.from_row.weights().shape == (2, 256)
    assert discriminator.to_logit.weight.shape == (1, 256)
    # Nothing beside the two layers of each: 100 -> 256 -> 2 and 2 -> 256 -> 1 with their biases.
    assert sum(p.numel() for p in generator.parameters()) == (100 + 1) * 256 + (256 + 1) * 2
    assert sum(p.numel() for p in discriminator.parameters()) == (2 + 1) * 256 + (256 + 1)


def test_the_textbook_generator_is_two_affine_maps_with_relu_between():
    model = model_of(TEXTBOOK, known=(), hidden_dims=(8,), latent_dim=3, residual=False)
    shuffle_weights(model)
    generator, z = model.generator, torch.randn(5, 3, generator=rng_of(2))
    hidden = (z @ generator.from_noise + generator.bias).relu()
    expected = hidden @ generator.to_row.values.T + generator.to_row.bias
    torch.testing.assert_close(generator(torch.zeros(5, 0), z), expected)


def test_a_residual_block_starts_as_the_identity():
    model = model_of(MIXED, hidden_dims=(8,))
    block = model.generator.hidden[0]
    x = torch.randn(4, 8, generator=rng_of(3))
    torch.testing.assert_close(block(x), x + block.steps[-1].bias)


def test_dropout_is_for_training_alone():
    model = model_of(MIXED, dropout=0.5)
    rows = model.space.vectors(*tensors_of(mixed_table(20)))
    model.eval()
    assert torch.equal(model.discriminator(rows), model.discriminator(rows))
    model.train()
    with torch.random.fork_rng():
        assert not torch.equal(model.discriminator(rows), model.discriminator(rows))
