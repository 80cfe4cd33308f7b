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

over_layouts = pytest.mark.parametrize(
    ("layout", "table_of"), [(MIXED, mixed_table), (PLACED, placed_table)], ids=["mixed", "placed"]
)


def shuffle_weights(network):
    """Move every weight off its initial zero, so that no gradient is blocked by one."""
    rng = rng_of(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=rng))


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
