import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import torch
from small_tables import rng_of
from threadpoolctl import ThreadpoolController

from synthgan.gan.computing import Shards, n_threads_of, own_global_stream


def test_the_own_stream_follows_its_generator_alone_and_moves_it_on():
    def streams(seed):
        rng, drawn = rng_of(seed), []
        for _ in range(2):
            with own_global_stream(rng):
                drawn.append(torch.rand(5))
        return torch.stack(drawn)

    first, again, other = (streams(seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(*first)


def test_the_global_generators_are_put_back_after_an_error():
    with pytest.raises(ZeroDivisionError), own_global_stream(rng_of(0)):
        torch.rand(1).item() / 0


def test_the_number_of_threads_is_put_back_after_an_error():
    threads = torch.get_num_threads()
    with n_threads_of(threads + 1):
        assert torch.get_num_threads() == threads + 1
    with pytest.raises(ZeroDivisionError), n_threads_of(threads + 1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == threads


def test_limits_that_overlap_in_threads_are_all_lifted():
    threads, begun, ended = torch.get_num_threads(), Event(), Event()

    def limit():
        with n_threads_of(threads + 2):
            begun.set()
            ended.wait(10)

    with ThreadPoolExecutor(1) as pool:
        with n_threads_of(threads + 1):
            other = pool.submit(limit)
            begun.wait(10)
        ended.set()
        other.result()
        assert pool.submit(torch.get_num_threads).result() == threads
    assert torch.get_num_threads() == threads


def test_a_limit_within_one_of_another_library_lasts_no_longer():
    def n_of_products():
        return re.findall(r"(?:mkl|omp)_get_max_threads\(\) : \d+", torch.__config__.parallel_info())

    with n_threads_of(torch.get_num_threads() + 1):
        before = n_of_products()
        with ThreadpoolController().limit(limits=1, user_api="openmp"), n_threads_of(1):
            torch.ones(2, 2) @ torch.ones(2, 2)
        assert n_of_products() == before


@pytest.mark.parametrize(("size", "n_shards"), [(2**12, 1), (2**20, 2)])
@pytest.mark.parametrize("n_rows", [1, 2, 5, 512])
def test_shards_have_each_row_once(size, n_shards, n_rows):
    shards = Shards.of(size, torch.device("cpu"))
    parts = shards.map(lambda rows: list(range(n_rows))[rows], shards.rows(n_rows))
    assert len(parts) == min(n_shards, n_rows)
    assert list(itertools.chain(*parts)) == list(range(n_rows))
