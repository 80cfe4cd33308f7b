import itertools
import math

import numpy as np
import pytest
import small_tables
import torch
from small_tables import (
    JOINT,
    MIXED,
    PAIR,
    PLACED,
    assert_drawn_from,
    cells_of,
    mixed_table,
    model_of,
    pair_table,
    placed_table,
    rng_of,
    table_of,
    weights_of,
)

from synthgan.exceptions import CopyingWarning, TrainingError
from synthgan.gan.budget import N_CHECKS, WARM_UP_STEPS, Budget, Clock, plan_budget
from synthgan.gan.computing import Shards, n_threads_of
from synthgan.gan.copying import Nearness
from synthgan.gan.drawing import draw
from synthgan.gan.loop import AveragedWeights
from synthgan.gan.training import HeldOut, MaskedTrainer, Referee, random_known
from synthgan.layout import Layout, Span


def budget_of(n_steps=100, *, learning_rate=1e-2, max_time=None, patience=4):
    return Budget(n_steps, 64, learning_rate, 0.01, (32,), 0, max_time, patience=patience)


def train(model, budget=None, **how):
    rows = {"table": pair_table(500), "validation": pair_table(200, seed=1)}
    return small_tables.train(model, budget or budget_of(), **{**rows, **how})


def test_the_loss_falls():
    records = train(model_of(PAIR))
    losses = [record["validation"] for record in records if "validation" in record]
    assert len(losses) > 5
    assert losses[-1] < losses[0]
    assert losses[-1] < min(losses) + 0.02


def test_the_loss_comes_down_to_the_entropy_of_the_table(trained):
    # Of two columns none, one or both are known, each with chance 1/3, which sums to H(x, y) / 3.
    n_rows = 20_000
    held_out = HeldOut(trained, pair_table(n_rows, seed=8), rng_of(3))
    entropy = -(JOINT * np.log(JOINT)).sum()
    # A row's loss lies between 0 and -log of the rarest code given the other, here 3.
    assert held_out.loss(AveragedWeights(trained.generator)) == pytest.approx(
        entropy / 3, abs=4 * 3 / 2 / n_rows**0.5
    )


def test_same_seed_same_weights():
    models = [model_of(PAIR, latent_dim=2) for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        train(model, budget_of(12), seed=seed)
    first, again, other = (weights_of(model) for model in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_learning_rate_beyond_reason_raises():
    with pytest.raises(TrainingError, match="lower learning_rate"):
        train(model_of(PAIR), budget_of(learning_rate=1e10))


def test_every_report_is_a_record_and_progress_only_grows():
    reports = []
    records = train(model_of(PAIR), report=lambda done, losses: reports.append((done, losses)))
    shares_done = [done for done, _ in reports]
    assert shares_done == sorted(shares_done)
    assert shares_done[-1] == 1.0
    assert [losses for _, losses in reports] == [
        {name: loss for name, loss in record.items() if name != "step"} for record in records
    ]


@pytest.mark.usefixtures("hurried")
def test_max_time_ends_a_run():
    records = train(model_of(PAIR), budget_of(10**9, max_time=30.0))
    assert 0 <= records[-1]["step"] < 300


def test_training_stops_early_when_the_loss_no_longer_falls():
    # A fair coin: there is nothing to learn.
    fair = np.full((3, 2), 1 / 6)
    rows = {"table": pair_table(300, joint=fair), "validation": pair_table(50, seed=2, joint=fair)}
    records = train(model_of(PAIR), budget_of(5000, learning_rate=1e-3), **rows)
    assert records[-1]["step"] < 5000


@pytest.mark.parametrize("n_columns", [1, 2, 7])
def test_every_number_of_known_columns_and_every_column_is_equally_likely(n_columns):
    n_rows = 40_000
    known, again, other = (random_known(n_rows, n_columns, rng_of(seed)) for seed in (1, 1, 2))
    assert_drawn_from(known.sum(1).bincount(minlength=n_columns + 1), n_rows / (n_columns + 1))
    assert (known.sum(0) - n_rows / 2).abs().max() < 4 * (n_rows / 4) ** 0.5
    assert torch.equal(known, again)
    assert not torch.equal(known, other)


over_layouts = pytest.mark.parametrize(
    ("layout", "table_of_rows"), [(MIXED, mixed_table), (PLACED, placed_table)], ids=["mixed", "placed"]
)


@over_layouts
def test_a_step_moves_the_generator(layout, table_of_rows):
    model = model_of(layout, latent_dim=2)
    before = weights_of(model.generator)
    losses = MaskedTrainer(model, budget_of(), rng_of(0)).step(cells_of(table_of_rows(64)), Clock(100))
    assert set(losses) == {"reconstruction"}
    assert not torch.equal(before, weights_of(model.generator))


def test_a_table_of_constants_can_be_learned():
    layout = Layout((Span("a", 1), Span("b", 1)))
    constant = table_of(np.zeros((20, 2)))
    records = train(model_of(layout), budget_of(5), table=constant, validation=constant)
    assert all(math.isfinite(value) for record in records for value in record.values())


def test_held_out_loss_is_the_same_until_the_weights_move():
    model = model_of(PAIR)
    held_out, averaged = HeldOut(model, pair_table(100), rng_of(0)), AveragedWeights(model.generator)
    first = held_out.loss(averaged)
    assert held_out.loss(averaged) == first
    with torch.no_grad():
        averaged.average.to_row.bias.add_(torch.tensor([3.0, 0.0, 0.0, 0.0, 0.0]))
    assert held_out.loss(averaged) != first


def test_the_averaged_weights_are_kept():
    # The last validation loss is theirs; the held-out cells are the first thing that the generator draws.
    model, validation = model_of(PAIR), pair_table(200, seed=1)
    records = train(model, budget_of(30), validation=validation)
    *_, last = (record["validation"] for record in records if "validation" in record)
    kept = HeldOut(model, validation, rng_of(0)).loss(AveragedWeights(model.generator))
    assert kept == pytest.approx(last, abs=1e-6)


def test_copies_end_the_plateau_and_are_warned_of(monkeypatch):
    def steps(share):
        monkeypatch.setattr("synthgan.gan.training.nearness", lambda *_: Nearness(share, 0.1))
        records = train(model_of(PAIR), budget_of(500, patience=25))
        assert records[-1]["copied"] == share
        return records[-1]["step"]

    with pytest.warns(CopyingWarning, match="in 90% of cases"):
        few = steps(0.9)
    assert few < steps(0.5) / 2


def annealed_at(n_rows, losses, monkeypatch, *, share=0.5, clock=None):
    """Return the step at which a run of so many rows begins to anneal, given its losses on held-out rows."""
    told = itertools.chain(losses, itertools.repeat(losses[-1]))
    monkeypatch.setattr(HeldOut, "loss", lambda *_: next(told))
    monkeypatch.setattr(Referee, "copied", lambda _: Nearness(share, 0.0))
    budget, model = plan_budget(n_rows, loss="masked"), model_of(PAIR)
    clock, averaged = clock or Clock(budget.n_steps), AveragedWeights(model.generator)
    tables = pair_table(30), pair_table(10)
    referee = Referee(model, averaged, *tables, None, True, budget.patience, rng_of(0))
    while not clock.is_annealing:
        clock.step += 1
        if clock.check_is_due():
            referee.judge(clock)
    return clock.step, budget.n_steps


@pytest.mark.parametrize("n_rows", [5, 20, 60, 390, 1_000, 1_999, 2_000, 10_000, 1_000_000])
def test_patience_outlasts_the_warm_up_and_on_small_tables_the_run(n_rows, monkeypatch):
    step, n_steps = annealed_at(n_rows, [0.0, 1.0], monkeypatch)  # the first check is the luckiest
    assert step > 2 * WARM_UP_STEPS
    assert n_rows >= 2_000 or step > 0.7 * n_steps
    copying, _ = annealed_at(n_rows, [0.0, 1.0], monkeypatch, share=1.0)
    assert copying > WARM_UP_STEPS


def test_the_first_check_never_ends_a_run(monkeypatch):
    late = Clock(500, step=499 // 5)  # so that the first check is already the fifth
    step, _ = annealed_at(400, [1.0], monkeypatch, share=1.0, clock=late)
    assert step > 100 + 500 / N_CHECKS


def test_measuring_copies_changes_nothing_in_training():
    model = model_of(PAIR)
    before, averaged = weights_of(model), AveragedWeights(model.generator)
    model.train()
    Referee(model, averaged, pair_table(300), pair_table(50, seed=1), None, True, 4, rng_of(3)).copied()
    assert torch.equal(weights_of(model), before)
    assert model.generator.training


@pytest.mark.parametrize("redraw", [False, True])
def test_memorized_rows_are_looked_for_among_rows_as_they_will_be_sampled(redraw, monkeypatch):
    asked = []

    def noted(*arguments, **how):
        asked.append(how["redraw"])
        return draw(*arguments, **how)

    monkeypatch.setattr("synthgan.gan.training.draw", noted)
    train(model_of(PAIR), redraw=redraw)
    assert len(asked) >= 2
    assert set(asked) == {redraw}


@over_layouts
def test_gradients_of_shards_add_up_to_those_of_the_batch(layout, table_of_rows):
    def stepped(n_shards):
        model = model_of(layout)
        trainer = MaskedTrainer(model, budget_of(), rng_of(0))
        trainer.shards = Shards(n_shards)
        loss = trainer.step(cells_of(table_of_rows(65)), Clock(100))
        return loss["reconstruction"], torch.cat([weight.grad.flatten() for weight in trainer.weights])

    (whole, gradient), (sum_of_parts, sum_of_gradients) = stepped(1), stepped(2)
    assert sum_of_parts == pytest.approx(whole, rel=1e-2)  # in bfloat16 where the processor has it
    torch.testing.assert_close(sum_of_gradients, gradient, rtol=0.05, atol=2e-3)


def test_weights_do_not_depend_on_the_number_of_threads():
    def trained_with(n_threads):
        model = model_of(PAIR, hidden_dims=(1024, 1024))
        with n_threads_of(n_threads):
            train(model, Budget(6, 128, 1e-3, 0.0, (1024, 1024), 0))
        return weights_of(model)

    assert torch.equal(trained_with(1), trained_with(2))
