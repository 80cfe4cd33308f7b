import time

import numpy as np
import pytest
import torch
from small_tables import PAIR, PLACED, model_of, pair_table, placed_table, rng_of, train

from synthgan.gan.balancing import Forest
from synthgan.gan.budget import Budget
from synthgan.gan.fitting import survey
from synthgan.gan.latent_classes import LatentClasses

# The matrices here are tiny: on a busy machine threads would spend their time waiting for each other.
torch.set_num_threads(1)


def trained_on(layout, table_of, n_steps):
    """A model of 4000 rows, any of whose columns may be known."""
    table, budget = table_of(4000), Budget(n_steps, 256, 1e-2, 0.0, (32,), 0)
    sizes = {
        "n_classes": LatentClasses.count_for(len(table)),
        "tree_depth": Forest.depth_for(len(table)),
    }
    model = model_of(layout, hidden_dims=(32,), **sizes)
    survey(model, table, budget, rng_of(1))
    train(model, budget, table, table_of(1000, seed=1))
    return model


@pytest.fixture(scope="session")
def trained():
    """A model of `pair_table(4000)`."""
    return trained_on(PAIR, pair_table, 600)


@pytest.fixture(scope="session")
def trained_on_lines():
    """A model of `placed_table(4000)`."""
    return trained_on(PLACED, placed_table, 400)


@pytest.fixture(autouse=True)
def untouched_globals():
    """Fail every test that moves torch's or numpy's global generator."""
    before, numpy_before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    yield
    assert torch.equal(torch.get_rng_state(), before)
    after = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(after[1], numpy_before[1])
    assert after[2:] == numpy_before[2:]


@pytest.fixture
def hurried(monkeypatch):
    """Let time fly: every look at the clock takes a tenth of a second. Return the real one."""
    looks, real_time = [0], time.monotonic

    def later():
        looks[0] += 1
        return real_time() + looks[0] / 10

    monkeypatch.setattr(time, "monotonic", later)
    return real_time
