import math

import numpy as np
import pytest
import torch
from small_tables import (
    MIXED,
    PAIR,
    TEXTBOOK,
    assert_same,
    cells_of,
    drawn,
    ignore,
    mixed_table,
    model_of,
    pair_table,
    rng_of,
    sampling_error,
    shares,
    spread_out,
    textbook_table,
    total_variation,
    weights_of,
)

from synthgan.exceptions import TrainingError
from synthgan.gan.budget import Budget, Clock
from synthgan.gan.checkpoint import Checkpoint
from synthgan.gan.games import GamePlayer, discriminator_logits, train_game
from synthgan.gan.loop import History
from synthgan.gan.losses import GAMES

over_games = pytest.mark.parametrize("name", GAMES)
TABLES = {
    "mixed, target known": (MIXED, (0,), mixed_table),
    "mixed, nothing known": (MIXED, (), mixed_table),
    "values alone": (TEXTBOOK, (), textbook_table),
}


def game_model(name, layout=PAIR, known=(), seed=0):
    return model_of(layout, known=known, seed=seed, latent_dim=8, residual=GAMES[name].residual)


def play(model, name, table, n_steps=20, *, learning_rate=2e-3, batch_size=128, max_time=None, seed=0):
    budget = Budget(n_steps, batch_size, learning_rate, 0.0, (32, 32), 8, max_time)
    history = History(ignore)
    train_game(model, GAMES[name], table, budget, history, rng=rng_of(seed), checkpoint=Checkpoint())
    return history.records


@over_games
@pytest.mark.parametrize("case", TABLES)
def test_every_game_moves_both_networks_and_stays_finite(name, case):
    layout, known, table_of = TABLES[case]
    model = game_model(name, layout, known)
    before = weights_of(model.generator), weights_of(model.discriminator)
    records = play(model, name, table_of(300))
    assert [record["step"] for record in records] == list(range(1, 21))
    assert all(math.isfinite(record[loss]) for record in records for loss in ("generator", "discriminator"))
    after = weights_of(model.generator), weights_of(model.discriminator)
    for old, new in zip(before, after, strict=True):
        assert torch.isfinite(new).all()
        assert not torch.equal(old, new)


@over_games
def test_same_seed_same_weights(name):
    models = [game_model(name) for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        play(model, name, pair_table(300), 8, seed=seed)
    first, again, other = (weights_of(model) for model in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@over_games
def test_a_game_brings_draws_closer_to_the_table(name):
    n_rows, joint = 5000, np.array([[0.85, 0.03], [0.03, 0.03], [0.03, 0.03]])
    model = game_model(name)

    before = total_variation(shares(drawn(model, n_rows)), joint)
    play(model, name, pair_table(2000, joint=joint), 300)
    assert total_variation(shares(drawn(model, n_rows)), joint) < before / 2 - sampling_error(joint, n_rows)


@over_games
def test_the_prior_is_the_targets_shares(name):
    table = pair_table(400)
    model = game_model(name, known=(1,))
    play(model, name, table, 2)
    np.testing.assert_allclose(model.prior, np.bincount(table.codes[:, 1]) / 400, rtol=1e-6)


@over_games
def test_generated_rows_share_the_known_columns_of_the_real_ones(name):
    model = game_model(name, MIXED, known=(2,))
    player = GamePlayer(model, GAMES[name], Budget(1, 8, 1e-3, 0.0, (32,), 8), rng_of(0))
    real, fake = player.generate(cells_of(mixed_table(200)))
    of_known = MIXED.slice_of(2)
    assert torch.equal(real[:, of_known], fake[:, of_known])
    assert not torch.equal(real[:, : of_known.start].round(), fake[:, : of_known.start].round())


@over_games
def test_a_learning_rate_beyond_reason_raises(name):
    with pytest.raises(TrainingError, match="lower learning_rate"):
        play(game_model(name, TEXTBOOK), name, textbook_table(100), 60, learning_rate=1e30)


@over_games
def test_max_time_ends_a_game(name, hurried):
    started = hurried()
    play(game_model(name), name, pair_table(100), 10**9, max_time=5.0)
    assert hurried() - started < 5.0


@over_games
@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_each_move_moves_its_own_network_alone(name, part):
    model, cells = game_model(name), cells_of(pair_table(100))
    player = GamePlayer(model, GAMES[name], Budget(1, 8, 1e-3, 0.0, (32,), 8), rng_of(0))
    networks = {"generator": model.generator, "discriminator": model.discriminator}
    before = {own: weights_of(network) for own, network in networks.items()}
    if part == "generator":
        player.generator_step(cells)
    else:
        player.discriminator_step(cells, Clock(1))
    moved = [own for own, network in networks.items() if not torch.equal(before[own], weights_of(network))]
    assert moved == [part]


@over_games
def test_rounds_do_not_matter_to_a_game(name):
    model = game_model(name)
    all_rounds, one, seven = (drawn(model, 100, rounds=rounds) for rounds in (None, 1, 7))
    assert_same(all_rounds, one)
    assert_same(all_rounds, seven)


def test_logits_are_those_of_the_discriminator_row_by_row():
    model, table = spread_out(model_of(MIXED, known=())).eval(), mixed_table(4100)
    expected = model.discriminator(model.space.vectors(cells_of(table))).detach()
    logits = discriminator_logits(model, table)
    assert logits.shape == (4100,)
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    np.testing.assert_allclose(discriminator_logits(model, table.take(np.arange(10))), logits[:10], atol=1e-4)
    assert discriminator_logits(model, table.take(np.arange(0))).shape == (0,)


def test_a_model_of_masked_reconstruction_has_no_discriminator():
    model = model_of(MIXED)
    assert model.discriminator is None
    with pytest.raises(ValueError, match="has no discriminator"):
        discriminator_logits(model, mixed_table(5))
