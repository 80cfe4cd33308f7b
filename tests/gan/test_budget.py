import time

import pytest

from synthgan.gan.budget import N_CHECKS, Clock, plan_budget
from synthgan.gan.losses import GAMES

LOSSES = ["masked", *GAMES]


@pytest.fixture
def now(monkeypatch):
    """The time, which stands still unless a test moves it."""
    hands = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: hands[0])
    return hands


def factors(clock):
    seen = []
    while clock.progress < 1:
        seen.append(clock.learning_rate_factor())
        clock.step += 1
    return seen


def test_a_clock_without_a_time_limit_counts_steps_alone(now):
    clock = Clock(200, started=0.0)
    for step in range(201):
        clock.step, now[0] = step, 1e6 * step
        assert clock.progress == step / 200


def test_progress_is_the_larger_share_of_steps_and_time(now):
    clock = Clock(100, max_time=10.0, started=0.0)
    clock.step, now[0] = 20, 5.0
    assert clock.progress == 0.5
    clock.step = 70
    assert clock.progress == 0.7
    now[0] = 11.0
    assert clock.progress == 1


def test_the_learning_rate_rises_stays_and_falls_to_zero():
    seen = factors(Clock(1000))
    top = [i for i, factor in enumerate(seen) if factor == 1]
    rise, fall = seen[: top[0] + 1], seen[top[-1] :]
    assert len(seen) == 1000
    assert 0 < seen[0] < 0.05
    assert all(a < b for a, b in zip(rise[:-1], rise[1:], strict=True))
    assert top == list(range(top[0], top[-1] + 1))
    assert len(top) > 500
    assert all(a > b for a, b in zip(fall[:-1], fall[1:], strict=True))
    assert 0 < seen[-1] < 0.01


@pytest.mark.parametrize("step", [1, 70, 333, 700])
def test_annealing_now_leaves_the_annealed_part_and_no_more_and_never_lengthens_a_run(step):
    clock = Clock(1000)
    clock.step = step
    assert not clock.is_annealing
    clock.anneal_now()
    assert clock.n_steps <= 1000
    clock.step += 1
    assert clock.is_annealing
    left = factors(clock)
    assert len(left) <= 0.3 / 0.7 * step + 2
    assert all(a >= b for a, b in zip(left[50:-1], left[51:], strict=True))


@pytest.mark.parametrize("n_steps", [1, 7, N_CHECKS, 30, 999, 1000])
def test_checks_are_spread_over_a_run_and_the_last_is_at_its_end(n_steps):
    clock, due = Clock(n_steps), []
    while clock.progress < 1:
        clock.step += 1
        if clock.check_is_due():
            due.append(clock.step)
    assert len(due) == min(n_steps, N_CHECKS)
    assert due[-1] == n_steps
    gaps = [later - earlier for earlier, later in zip(due[:-1], due[1:], strict=True)]
    assert max(gaps, default=0) <= n_steps // N_CHECKS + 2


def test_checks_follow_time_when_it_is_time_that_ends_the_run(now):
    clock, n_due = Clock(10**9, max_time=10.0, started=0.0), 0
    while clock.progress < 1:
        clock.step += 1
        now[0] += 0.01
        n_due += clock.check_is_due()
    assert n_due == N_CHECKS


WISHES = {
    "batch_size": 32,
    "learning_rate": 0.5,
    "hidden_dims": (5, 5, 5),
    "latent_dim": 3,
    "max_time": 7.0,
}


@pytest.mark.parametrize("n_rows", [100, 5_000, 500_000])
@pytest.mark.parametrize("loss", LOSSES)
def test_what_the_user_gives_takes_precedence(loss, n_rows):
    budget = plan_budget(n_rows, loss=loss, epochs=4, **WISHES)
    assert {name: getattr(budget, name) for name in WISHES} == WISHES
    assert budget.n_steps == 4 * -(-n_rows // 32)


@pytest.mark.parametrize("wish", WISHES)
def test_one_wish_leaves_the_rest_of_the_plan_alone(wish):
    plan, wished = (plan_budget(50_000, loss="masked", **how) for how in ({}, {wish: WISHES[wish]}))
    follows = {"n_steps"} if wish == "batch_size" else set()  # the length of an epoch
    for name in vars(plan):
        if name not in {wish, *follows}:
            assert getattr(plan, name) == getattr(wished, name), name


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_is_never_larger_than_the_table(loss):
    assert plan_budget(10, loss=loss).batch_size == 10
    assert plan_budget(10, loss=loss, batch_size=64).batch_size == 10


def test_larger_tables_get_wider_networks_and_less_regularisation():
    plans = [plan_budget(n, loss="masked") for n in (500, 5_000, 50_000)]
    widths, decays = zip(*((p.hidden_dims[0], p.weight_decay) for p in plans), strict=True)
    assert list(widths) == sorted(set(widths))
    assert list(decays) == sorted(decays, reverse=True)


@pytest.mark.parametrize(
    ("n_rows", "epochs", "may_end"), [(500, None, False), (500, 300, True), (5_000, None, True)]
)
def test_held_out_rows_may_end_all_but_short_runs_of_small_tables(n_rows, epochs, may_end):
    assert (plan_budget(n_rows, loss="masked", epochs=epochs).patience < N_CHECKS) == may_end


def test_larger_tables_get_more_steps_but_not_for_ever():
    steps = [plan_budget(n, loss="masked").n_steps for n in (5_000, 50_000, 500_000, 5_000_000)]
    assert steps == sorted(steps)
    assert steps[0] < steps[1] < steps[2]
    assert steps[2] == steps[3]


@pytest.mark.parametrize("n_rows", [100, 2_000, 20_000, 10_000_000])
def test_what_no_tree_redraws_is_trained_for_longer(n_rows):
    redrawn, alone = (
        plan_budget(n_rows, loss="masked", redraws=redraws).n_steps for redraws in (True, False)
    )
    assert alone == redrawn if n_rows < 2_000 else redrawn < alone <= 4 * redrawn
    given = [plan_budget(n_rows, loss="masked", redraws=redraws, epochs=2) for redraws in (True, False)]
    assert given[0] == given[1]
