import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_tables import cells_of, ignore, mixed_table, placed_table, rng_of, table_of

from synthgan.exceptions import TrainingError
from synthgan.gan.budget import Clock
from synthgan.gan.loop import AveragedWeights, Batches, History, Patience, descend
from synthgan.layout import EncodedTable


def batches_of(n_rows, size, seed=0):
    """Batches of rows that carry their own number, in code, value and place, and in a relation if odd."""
    numbers = np.arange(n_rows)[:, None]
    return Batches(cells_of(table_of(numbers, numbers, numbers, numbers % 2)), size, rng_of(seed))


@pytest.mark.parametrize(("n_rows", "batch_size"), [(12, 3), (12, 12), (12, 1), (12, 50)])
def test_an_epoch_covers_each_row_once(n_rows, batch_size):
    batches = batches_of(n_rows, batch_size)
    n_batches = max(1, n_rows // batch_size)
    for _ in range(3):
        epoch = torch.cat([cells.codes[:, 0] for cells in itertools.islice(batches, n_batches)])
        assert sorted(epoch.tolist()) == list(range(n_rows))


def test_no_row_comes_twice_before_the_next_shuffle():
    batches = batches_of(11, 4)
    for _ in range(5):
        epoch = torch.cat([cells.codes[:, 0] for cells in itertools.islice(batches, 2)])
        assert len(set(epoch.tolist())) == 8


def test_what_belongs_to_a_row_stays_together():
    for cells in itertools.islice(batches_of(20, 6), 9):
        for part in (cells.values, cells.places):
            assert torch.equal(part.long(), cells.codes.long())
        assert torch.equal(cells.relations, cells.codes % 2 == 1)


def test_each_epoch_is_shuffled_by_the_generator():
    def epochs(seed):
        batches = batches_of(30, 30, seed)
        return [cells.codes[:, 0].tolist() for cells in itertools.islice(batches, 2)]

    assert epochs(0) == epochs(0) != epochs(1)
    assert epochs(0)[0] != epochs(0)[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64])
def test_codes_of_every_width_keep_their_number(dtype):
    top = min(np.iinfo(dtype).max, 60_000)
    table = replace(table_of(np.zeros((2, 1))), codes=np.array([[0], [top]], dtype=dtype))
    cells = next(Batches(cells_of(table), 2, rng_of()))
    assert sorted(cells.codes[:, 0].long().tolist()) == [0, top]


@pytest.mark.parametrize("table", [mixed_table(10), placed_table(10)], ids=["mixed", "placed"])
def test_rows_do_not_need_contiguous_arrays(table):
    turned = EncodedTable(*(np.asfortranarray(array)[::-1] for array in vars(table).values()))
    for part, array in zip(vars(cells_of(turned)).values(), vars(table).values(), strict=True):
        assert part.tolist() == array[::-1].tolist()


def linear():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Linear(3, 2)


def test_the_average_converges_to_weights_that_stand_still():
    network = linear()
    averaged = AveragedWeights(network)
    with torch.no_grad():
        network.weight.add_(1.0)
    distances = []
    for _ in range(4000):
        averaged.update()
        distances.append((averaged.average.weight - network.weight).abs().max().item())
    assert all(a >= b for a, b in zip(distances[:-1], distances[1:], strict=True))
    assert distances[-1] < 0.01


def test_the_average_smooths_weights_that_jump():
    network = linear()
    averaged, start = AveragedWeights(network), network.bias.detach().clone()
    for step in range(4000):
        with torch.no_grad():
            network.bias.copy_(start + (1.0 if step % 8 < 4 else -1.0))
        averaged.update()
    assert (averaged.average.bias - start).abs().max() < 0.1


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_what_a_short_run_learned_is_kept(n_steps):
    network = linear()
    averaged, start = AveragedWeights(network), network.weight.detach().clone()
    for _ in range(n_steps):
        with torch.no_grad():
            network.weight.add_(1.0)
        averaged.update()
    averaged.keep()
    assert (network.weight - start).min() > 0.5


def test_keeping_puts_the_average_in_place_of_the_weights():
    network = linear()
    averaged = AveragedWeights(network)
    for _ in range(40):
        with torch.no_grad():
            network.weight.add_(0.1)
        averaged.update()
    assert not torch.equal(network.weight, averaged.average.weight)
    averaged.keep()
    assert torch.equal(network.weight, averaged.average.weight)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_history_refuses_a_loss_that_is_not_finite(loss):
    clock = Clock(10)
    clock.step = 7
    with pytest.raises(TrainingError, match=r"critic loss became -?(nan|inf) at step 7; lower learning_rate"):
        History(ignore).add(clock, {"generator": 1.0, "critic": loss}, done=0.1)


def test_history_keeps_and_reports_every_record():
    reports = []
    history, clock = History(lambda done, losses: reports.append((done, losses))), Clock(10)
    for step in (1, 2):
        clock.step = step
        history.add(clock, {"loss": 1.0 / step}, done=step / 10)
    assert [(record["step"], record["loss"]) for record in history.records] == [(1, 1.0), (2, 0.5)]
    assert reports == [(0.1, {"loss": 1.0}), (0.2, {"loss": 0.5})]


def test_patience_ends_after_its_limit_without_a_new_best():
    patience = Patience(2)
    told = [(patience.improves(loss), patience.is_over) for loss in (3.0, 2.0, 2.0, 1.0, 1.5, math.nan)]
    assert told == [
        (True, False),
        (True, False),
        (False, False),
        (True, False),
        (False, False),
        (False, True),
    ]
    assert patience.best == 1.0


def test_descending_lowers_a_loss_and_forgets_older_gradients():
    x = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.1)
    for _ in range(2):
        descend(optimizer, x.square().sum())
    assert x.item() == pytest.approx(0.8 * 0.8)
