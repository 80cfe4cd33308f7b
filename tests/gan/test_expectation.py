import pytest
from small_trees import layout_of

from synthgan.exceptions import ResourceError
from synthgan.gan import expectation
from synthgan.gan.budget import Budget, plan_budget
from synthgan.gan.expectation import Expectation, check_memory, expect, free_bytes, in_words


def test_more_rows_columns_codes_and_steps_are_expected_to_take_more():
    """Seconds are measured on the machine, which is not always as fast: they are compared far apart."""
    small = expect(layout_of(*[50] * 5), plan_budget(1_000, loss="masked"), 1_000)
    long = expect(layout_of(*[50] * 5), plan_budget(1_000_000, loss="masked"), 1_000_000)
    wide = expect(layout_of(*[50] * 200), plan_budget(1_000, loss="masked"), 1_000)
    deep = expect(layout_of(*[5_000] * 5), plan_budget(1_000, loss="masked"), 1_000)
    for larger in (long, wide, deep):
        assert larger.n_bytes > small.n_bytes
    assert long.seconds > 3 * small.seconds


def test_a_limit_of_time_is_what_is_expected_at_most():
    budget = Budget(10**9, 512, 1e-3, 0.0, (384, 384), 0, max_time=7.0)
    assert expect(layout_of(*[50] * 20), budget, 10_000).seconds == pytest.approx(7.0, abs=0.1)


def test_what_the_machine_has_not_is_refused_with_numbers_and_a_way_out(monkeypatch):
    expected = Expectation(1_000_000, 20, 8 * 2**30, 60.0)
    table = layout_of(*[50] * 20), plan_budget(1_000_000, loss="masked"), 1_000_000
    monkeypatch.setattr(expectation, "expect", lambda *_: expected)
    monkeypatch.setattr(expectation, "_n_bytes", lambda *_: expected.n_bytes)
    monkeypatch.setattr(expectation, "free_bytes", lambda: 2 * 2**30)
    with pytest.raises(ResourceError) as error:
        check_memory(*table)
    assert str(error.value) == (
        "Learning 1,000,000 rows of 20 columns: about 8.0 GiB of memory and 60 s: there are 2.0 GiB free. "
        "Learn fewer columns, or some of the rows: df.sample(125000)."
    )
    for free in (None, 9 * 2**30):
        monkeypatch.setattr(expectation, "free_bytes", lambda free=free: free)
        check_memory(*table)


def test_some_memory_is_free():
    free = free_bytes()
    assert free is None or free > 2**20


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.4, "3 s"), (119, "119 s"), (150, "2 min"), (7200, "120 min")]
)
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words
