import numpy as np
import pytest
import torch
from small_tables import (
    MIXED,
    PLACED,
    TEXTBOOK,
    cells_of,
    mixed_table,
    model_of,
    placed_table,
    rng_of,
    spread_out,
)

from synthgan.gan.budget import plan_budget
from synthgan.gan.computing import own_global_stream
from synthgan.gan.networks import CodeWeights
from synthgan.layout import Layout, Span

N_BUMPS = 16
over_layouts = pytest.mark.parametrize(
    ("layout", "table_of"), [(MIXED, mixed_table), (PLACED, placed_table)], ids=["mixed", "placed"]
)


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


def code_weights(layout, dim):
    with own_global_stream(rng_of()):
        return CodeWeights(layout, dim)


def test_the_smooth_part_starts_at_naught_and_is_the_basis_times_its_weights():
    weights = code_weights(MIXED, 6)
    assert weights.smooth.eq(0).all()
    assert torch.equal(weights(), weights.free)
    shuffle_weights(weights)
    expected = weights.free.detach().numpy().copy()
    for code, position in enumerate((-1.0, -0.25, 0.5, 1.0)):  # of "size", whose codes start at place 3
        expected[3 + code] += np.array(hand_basis(position)) @ weights.smooth[0].detach().numpy()
    np.testing.assert_allclose(weights().detach().numpy(), expected, atol=1e-5)


def test_bumps_sum_to_one_and_neighbours_share_weight():
    layout = Layout((Span("x", 41, positions=tuple(np.linspace(-1, 1, 41).tolist())),))
    bumps = code_weights(layout, 2).basis[0, :, 1:]
    torch.testing.assert_close(bumps.sum(1), torch.ones(41))
    assert ((bumps[:-1] * bumps[1:]).sum(1) > 0).all()


def test_ordered_columns_of_different_lengths_keep_apart():
    spans = (Span("a", 3, positions=(-1.0, 0.0, 1.0)), Span("b", 5, positions=(-1.0, -0.5, 0.0, 0.5, 1.0)))
    both = code_weights(Layout(spans), 4)
    shuffle_weights(both)
    places = {0: slice(0, 3), 1: slice(3, 8)}
    for index, place in places.items():
        alone = code_weights(Layout(spans[index : index + 1]), 4)
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


@over_layouts
@pytest.mark.parametrize("residual", [True, False])
def test_generator_gradient_reaches_every_parameter(layout, table_of, residual):
    model, cells = model_of(layout, residual=residual, latent_dim=4), cells_of(table_of(100))
    shuffle_weights(model)
    output = model.generator(model.known_vectors(cells), model.noise(100, rng_of()))
    assert output.codes.shape == (100, layout.n_codes)
    assert output.values.shape == (100, len(layout.valued))
    assert output.relations.shape == (100, len(layout.relations))
    places = model.generator.places(output.features, model.space.placed_codes(cells.codes)).softmax(2)
    assert_gradient_reaches_every_parameter(model.generator, torch.cat([*output, places.flatten(1)], dim=1))


@over_layouts
@pytest.mark.parametrize("residual", [True, False])
def test_discriminator_gradient_reaches_every_parameter(layout, table_of, residual):
    model = model_of(layout, residual=residual, known=())
    shuffle_weights(model)
    logits = model.discriminator(model.space.vectors(cells_of(table_of(100))))
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
    torch.testing.assert_close(generator(torch.zeros(5, 0), z).values, expected)


def places_of(layout=PLACED, n_rows=100):
    """A model's logits of the places of rows, and what they were made from."""
    model, cells = spread_out(model_of(layout)), cells_of(placed_table(n_rows))
    codes = model.space.placed_codes(cells.codes)
    features = torch.randn(n_rows, 32 * len(layout.placed), generator=rng_of(4))
    return model.generator.places(features, codes), model.generator.places, features, codes


def test_every_place_of_a_column_may_be_drawn_and_none_beyond():
    logits = places_of()[0]
    for index, column in enumerate(PLACED.placed):
        n_places = PLACED.spans[column].n_places
        assert torch.isfinite(logits[:, index, :n_places]).all()
        assert logits[:, index, n_places:].eq(-torch.inf).all()


def test_the_places_of_one_column_are_told_as_those_of_all():
    logits, head, features, codes = places_of()
    for index in range(len(PLACED.placed)):
        of_column = head.column(index, features[:, 32 * index : 32 * (index + 1)], codes[:, index])
        torch.testing.assert_close(of_column, logits[:, index])


def test_a_residual_block_starts_as_the_identity():
    model = model_of(MIXED, hidden_dims=(8,))
    block = model.generator.hidden[0]
    x = torch.randn(4, 8, generator=rng_of(3))
    torch.testing.assert_close(block(x), x + block.steps[-1].bias)
