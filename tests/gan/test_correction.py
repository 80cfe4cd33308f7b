import math
import time

import pytest
import torch
from small_tables import (
    JOINT,
    PAIR,
    model_of,
    pair_table,
    rng_of,
    sampling_error,
    shares,
    total_variation,
    weights_of,
)

from synthgan.gan.correction import train_correction
from synthgan.gan.drawing import draw
from synthgan.layout import Known


def uniform_model(seed=0):
    """A model whose drawn rows are uniform: every logit of its generator is 0."""
    model = model_of(PAIR, seed=seed)
    with torch.no_grad():
        for parameter in model.generator.to_row.parameters():
            parameter.zero_()
    return model


UNIFORM = torch.full(JOINT.shape, 1 / JOINT.size).numpy()


def corrected(model, table, validation, seed=0, max_time=None):
    return train_correction(
        model, table, validation, rounds=None, redraw=True, max_time=max_time, rng=rng_of(seed)
    )


def distance_of_draws(model, n_rows, *, correct):
    table = draw(
        model, n_rows, known=Known.nothing(model.layout), rounds=None, correct=correct, rng=rng_of(5)
    )
    return total_variation(shares(table), JOINT)


@pytest.mark.usefixtures("untouched_globals")
def test_a_wrong_generator_is_corrected_towards_the_data():
    n_rows = 10_000
    model = uniform_model()
    loss = corrected(model, pair_table(4000), pair_table(1000, seed=1))
    assert loss < math.log(2)
    assert model.corrects
    plain, better = (distance_of_draws(model, n_rows, correct=correct) for correct in (False, True))
    assert better < plain / 2 - sampling_error(JOINT, n_rows)


def test_the_loss_is_near_that_of_the_true_density_ratio():
    # With p real and q drawn, the best discriminator's loss is log 2 less the Jensen-Shannon divergence.
    model = uniform_model()
    loss = corrected(model, pair_table(8000), pair_table(8000, seed=1))
    middle = (JOINT + UNIFORM) / 2
    divergence = (JOINT * [[math.log(x) for x in row] for row in JOINT / middle]).sum() / 2
    divergence += (UNIFORM * [[math.log(x) for x in row] for row in UNIFORM / middle]).sum() / 2
    # A row's loss has a standard deviation below log 2; 16 000 of them are averaged.
    assert loss == pytest.approx(math.log(2) - divergence, abs=4 * math.log(2) / 16_000**0.5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n_held_out", [1, 10, 200])
def test_a_right_generator_is_left_alone(seed, n_held_out):
    # On a few rows luck looks like skill, unless the margin widens as rows get fewer.
    model = uniform_model(seed)
    table, validation = (
        pair_table(n, seed=s, joint=UNIFORM) for n, s in ((1000, seed), (n_held_out, 50 + seed))
    )
    loss = corrected(model, table, validation, seed)
    assert not model.corrects
    assert loss <= math.log(2)


def test_the_generator_does_not_move():
    model = uniform_model()
    before = weights_of(model.generator)
    corrected(model, pair_table(500), pair_table(200, seed=1))
    assert torch.equal(weights_of(model.generator), before)


def test_same_seed_same_discriminator():
    models = [uniform_model() for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        corrected(model, pair_table(500), pair_table(200, seed=1), seed)
    first, again, other = (weights_of(model.discriminator) for model in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_without_time_nothing_is_learned_and_nothing_is_corrected():
    model = uniform_model()
    before = weights_of(model.discriminator)
    loss = corrected(model, pair_table(500), pair_table(200, seed=1), max_time=1e-9)
    assert loss == math.log(2)
    assert not model.corrects
    assert torch.equal(weights_of(model.discriminator), before)


def test_max_time_is_kept():
    started = time.monotonic()
    corrected(uniform_model(), pair_table(4000), pair_table(2000, seed=1), max_time=0.1)
    assert time.monotonic() - started < 2.0
