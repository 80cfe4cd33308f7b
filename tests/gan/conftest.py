import numpy as np
import pytest
import torch
from small_tables import PAIR, ignore, model_of, pair_table, rng_of

from synthgan.gan.budget import Budget
from synthgan.gan.training import train_masked

# The matrices here are tiny: on a busy machine threads would spend their time waiting for each other.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def trained():
    """A model of `pair_table(4000)`, any of whose columns may be known."""
    model = model_of(PAIR, hidden_dims=(32,))
    budget = Budget(600, 256, 1e-2, 0.0, (32,), 0, 0.0)
    train_masked(
        model,
        pair_table(4000),
        pair_table(1000, seed=1),
        budget,
        adversarial_weight=0.0,
        rounds=None,
        rng=rng_of(0),
        report=ignore,
    )
    return model


@pytest.fixture
def untouched_globals():
    """Fail the test when it moves torch's or numpy's global generator."""
    before, numpy_before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    yield
    assert torch.equal(torch.get_rng_state(), before)
    after = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(after[1], numpy_before[1])
    assert after[2:] == numpy_before[2:]
