import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthgan.preprocessing.grid import Grid

INT64, UINT64 = np.iinfo(np.int64), np.iinfo(np.uint64)


@st.composite
def integer_columns(draw):
    """Return integers of int64 or uint64 on a grid that float64 can count."""
    info, dtype = draw(st.sampled_from([(INT64, np.int64), (UINT64, np.uint64)]))
    step = draw(st.integers(1, 2**60))
    low = draw(st.integers(int(info.min), int(info.max)))
    most = min((int(info.max) - low) // step, 2**53)
    steps = draw(st.lists(st.integers(0, most), min_size=1, max_size=30))
    return np.array([low + k * step for k in steps], dtype=dtype)


@given(integers=integer_columns())
def test_a_grid_that_float64_can_count_is_exact(integers):
    grid = Grid.fit(integers)
    steps = grid.to_steps(integers)
    back = grid.from_steps(steps)
    assert back.tolist() == integers.tolist()
    assert (steps == np.rint(steps)).all()
    assert (np.argsort(steps, kind="stable") == np.argsort(integers, kind="stable")).all()


@given(
    integers=st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=30),
    is_signed=st.booleans(),
    steps=st.lists(st.floats(-1e20, 1e20), max_size=20),
)
def test_a_grid_of_any_width_keeps_to_range_and_grid_and_returns_what_is_pinned(integers, is_signed, steps):
    column = np.array(integers, dtype=np.uint64)
    column = column.view(np.int64) if is_signed else column
    grid = Grid.fit(column)
    numbers = grid.to_steps(column)
    grid.pin(column, np.unique(numbers))
    assert set(grid.from_steps(numbers).tolist()) <= set(column.tolist())
    anywhere = grid.from_steps(np.array(steps, dtype=float)).tolist()
    assert all(grid.low <= integer <= grid.high for integer in anywhere)
    assert all((integer - grid.low) % grid.step == 0 for integer in anywhere)


@given(other=st.integers(int(INT64.min), int(INT64.max)))
def test_what_is_off_the_grid_counts_as_its_nearest_end(other):
    grid = Grid.fit(np.array([2**63 + 10, 2**63 + 20], dtype=np.uint64))
    assert grid.to_steps(np.array([other])).tolist() == [0.0]
    grid = Grid.fit(np.array([-5, 5]))
    assert grid.to_steps(np.array([other])).tolist() == [float(other >= 5)]
    assert grid.to_steps(np.array([np.inf, -np.inf])).tolist() == [1.0, 0.0]
