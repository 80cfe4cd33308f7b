"""The summary: copies are seen, their absence is not called privacy, and blind tests say that they are."""

import numpy as np
import pandas as pd
import pytest
from small_comparisons import mixed_table

from synthgan.evaluation.privacy import MIN_ROWS, privacy
from synthgan.exceptions import DataError


@pytest.fixture(scope="module")
def fresh():
    return privacy(mixed_table(300, 0), mixed_table(200, 1), mixed_table(300, 2))


@pytest.fixture(scope="module")
def copied():
    learned, drawn = mixed_table(300, 0), mixed_table(300, 2)
    drawn.iloc[100:200] = learned.iloc[:100]
    return privacy(learned, mixed_table(200, 1), drawn)


def test_nothing_is_seen_where_nothing_is_copied(fresh):
    assert not fresh.is_copying
    assert not fresh.tells_members
    assert "None of these tests" in fresh.verdict
    assert "does not make the rows private" in fresh.verdict


def test_copies_are_seen_and_named(copied):
    assert copied.is_copying
    assert copied.tells_members
    figures = copied.figures.set_index("figure")
    assert figures.loc["exact copies beyond chance", "value"] == pytest.approx(1 / 3)
    assert "exact copies beyond chance 0.333" in copied.verdict
    assert "None of these tests" not in copied.verdict
    assert copied.verdict in repr(copied)
    assert copied.to_dict()["is_copying"] is True
    pd.testing.assert_frame_equal(copied.to_frame(), copied.figures)


def test_the_closest_pairs_are_the_copies(copied):
    pairs = copied.nearest
    assert len(pairs) == 10
    assert (pairs["distance"] == 0).all()
    assert (pairs["drawn"] - pairs["learned"] == 100).all()
    assert (pairs["held_out_distance"] > 0).all()
    assert pairs["held_out_distance"].is_monotonic_decreasing


def test_the_control_is_seen_where_rows_are_many_enough(fresh):
    figures = fresh.figures.set_index("figure")
    assert figures.loc["exact copies beyond chance", "control"] == pytest.approx(0.05)
    for name in ("exact copies beyond chance", "near copies beyond chance", "attack by nearest row: AUC"):
        assert figures.loc[name, "control_seen"]


def test_few_rows_are_said_to_be_too_few():
    found = privacy(mixed_table(MIN_ROWS, 0), mixed_table(MIN_ROWS, 1), mixed_table(MIN_ROWS, 2))
    assert not found.is_copying
    # One copy in twenty rows is nothing that could be told from chance.
    assert not found.figures.set_index("figure").loc["near copies beyond chance", "control_seen"]
    assert "Too few rows to tell" in found.verdict
    assert "near copies beyond chance" in found.verdict


@pytest.mark.parametrize("short", ["learned", "held-out", "drawn"])
def test_too_few_rows_are_refused(short):
    tables = [mixed_table(MIN_ROWS - (called == short), 0) for called in ("learned", "held-out", "drawn")]
    with pytest.raises(DataError, match=f"at least {MIN_ROWS} {short} rows; got {MIN_ROWS - 1}"):
        privacy(*tables)


def test_other_columns_are_refused():
    with pytest.raises(DataError, match="drawn rows must have the columns"):
        privacy(mixed_table(30, 0), mixed_table(30, 1), mixed_table(30, 2).drop(columns="level0"))


def test_the_order_and_the_index_of_drawn_rows_count_for_nothing():
    tables = [mixed_table(40, seed) for seed in range(3)]
    other = tables[2].set_axis(range(7, 47))[tables[2].columns[::-1]]
    pd.testing.assert_frame_equal(privacy(*tables).figures, privacy(*tables[:2], other).figures)


@pytest.mark.parametrize(
    "cells",
    [[None] * 40, [1] * 40, ["a"] * 40, [True, False] * 20, [1.5, None] * 20],
    ids=["missing", "constant", "one level", "truth", "gaps"],
)
def test_a_table_of_one_poor_column_gives_nothing_away(cells):
    table = pd.DataFrame({"x": cells})
    found = privacy(table, table, table)
    assert not found.is_copying
    assert np.isfinite(found.figures[["value", "low", "high"]].to_numpy(dtype=float)).all()
