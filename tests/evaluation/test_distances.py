"""Distances of mixed rows: copies are at 0, a mismatch counts like two numbers, no table is favoured."""

import numpy as np
import pandas as pd
import pytest
from small_comparisons import small_table

from synthgan.evaluation import distances
from synthgan.evaluation.distances import neighbours, rows_of


def test_a_copy_is_at_distance_0():
    real = small_table(300, gaps=False)
    learned, _, drawn = rows_of(real[:200], real[200:], real[50:100])
    found = neighbours(drawn.points, learned.points)
    np.testing.assert_array_equal(found.distances, 0.0)
    np.testing.assert_array_equal(found.indices[:, 0], np.arange(50, 100))


@pytest.mark.parametrize("most", [1, 50, 2**23])
def test_neighbours_are_those_of_all_distances(monkeypatch, most):
    monkeypatch.setattr(distances, "_MAX_DISTANCES", most)
    rng = np.random.default_rng(0)
    points, others = rng.normal(size=(30, 4)), rng.normal(size=(40, 4))
    apart = np.sqrt(((points[:, None] - others) ** 2).sum(2))
    found = neighbours(points, others, 3)
    np.testing.assert_array_equal(found.indices, np.argsort(apart, axis=1)[:, :3])
    np.testing.assert_allclose(found.distances, np.sort(apart, axis=1)[:, :3])


def test_more_neighbours_than_there_are_others_are_all():
    assert neighbours(np.zeros((2, 1)), np.arange(3.0)[:, None], 5).indices.tolist() == [[0, 1, 2]] * 2


def test_two_levels_differ_as_much_as_two_numbers_on_average():
    real = small_table(2000, gaps=False)[["x"]]
    points = rows_of(real[:1000], real[1000:], real)[2].points
    apart = ((points[:1000] - points[1000:]) ** 2).sum(1)
    # The squared difference of two normal numbers is 2 times chi-squared of one degree: mean 2, variance 8.
    assert apart.mean() == pytest.approx(2, abs=4 * np.sqrt(8 / 1000))
    levels = rows_of(*([pd.DataFrame({"x": ["a", "b"]})] * 3))[0].points
    assert ((levels[0] - levels[1]) ** 2).sum() == 2


def test_learned_and_held_out_rows_may_change_places():
    real, drawn = small_table(100), small_table(20, seed=1)
    one, other = rows_of(real[:50], real[50:], drawn), rows_of(real[50:], real[:50], drawn)
    np.testing.assert_array_equal(one[0].numbers[:, :2], other[1].numbers[:, :2])
    apart = [neighbours(tables[2].points, tables[0 if first else 1].points).distances
             for first, tables in ((True, one), (False, other))]  # fmt: skip
    np.testing.assert_allclose(*apart, rtol=1e-9)


def test_keys_are_equal_where_all_cells_are():
    real = pd.DataFrame({"x": [1.0, 1.0, np.nan, np.nan], "y": ["a", "b", None, "a"]})
    drawn = pd.DataFrame(
        {"x": pd.array([1, None, None], dtype="Int64"), "y": pd.Categorical(["a", None, "b"])}
    )
    learned_rows, held_out_rows, drawn_rows = rows_of(real[:2], real[2:], drawn)
    real_keys = [*learned_rows.keys, *held_out_rows.keys]
    assert len(set(real_keys)) == 4
    assert drawn_rows.keys[:2].tolist() == [real_keys[0], real_keys[2]]
    assert drawn_rows.keys[2] not in real_keys


def test_a_number_beyond_all_others_is_far_and_finite():
    real = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    learned, _, drawn = rows_of(real[:2], real[2:], pd.DataFrame({"x": [1e300, -np.inf]}))
    found = neighbours(drawn.points, learned.points)
    assert np.isfinite(found.distances).all()
    assert (found.distances > 1e4).all()


@pytest.mark.parametrize("is_arrow", [False, True])
def test_every_kind_of_column_has_distances(column, is_arrow):
    real = (column.convert_dtypes(dtype_backend="pyarrow") if is_arrow else column).to_frame()
    half = (len(real) + 1) // 2
    learned, held_out, drawn = rows_of(real[:half], real[half:], real)
    assert np.isfinite(drawn.points).all()
    np.testing.assert_array_equal(neighbours(drawn.points[:half], learned.points).distances, 0.0)
    assert drawn.keys.tolist() == [*learned.keys, *held_out.keys]


def test_a_column_that_one_table_lacks_cells_of_may_be_of_another_dtype():
    learned = pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]})
    held_out = pd.DataFrame({"x": pd.Series([None, None], dtype=object), "y": [np.nan, np.nan]})
    for rows in rows_of(learned, held_out, learned):
        assert np.isfinite(rows.points).all()
