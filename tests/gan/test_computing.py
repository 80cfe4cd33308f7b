import pytest
import torch
from small_tables import rng_of

from synthgan.gan.computing import enough_threads, own_global_stream


@pytest.mark.usefixtures("untouched_globals")
def test_the_own_stream_follows_its_generator_alone():
    def stream(seed):
        with own_global_stream(rng_of(seed)):
            return torch.rand(5)

    torch.rand(3, generator=rng_of(9))
    assert torch.equal(stream(0), stream(0))
    assert not torch.equal(stream(0), stream(1))


def test_the_own_stream_moves_its_generator_on():
    rng = rng_of(0)
    drawn = []
    for _ in range(2):
        with own_global_stream(rng):
            drawn.append(torch.rand(5))
    assert not torch.equal(*drawn)


@pytest.mark.usefixtures("untouched_globals")
def test_the_global_generators_are_put_back_after_an_error():
    with pytest.raises(ZeroDivisionError), own_global_stream(rng_of(0)):
        torch.rand(1).item() / 0


@pytest.fixture
def two_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("hidden_dim", "batch_size", "n_threads"), [(32, 64, 1), (2048, 2048, 2)])
def test_only_large_products_are_shared_among_threads(hidden_dim, batch_size, n_threads):
    with enough_threads(hidden_dim, batch_size):
        assert torch.get_num_threads() == n_threads
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_is_put_back_after_an_error():
    with pytest.raises(ZeroDivisionError), enough_threads(1, 1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2
