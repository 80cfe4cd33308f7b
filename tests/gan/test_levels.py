"""Laws of what is known of single levels: shares are those of their rows, and rare ones are drawn as such."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from small_tables import PAIR, PLACED, known_of, pair_table

from synthgan import SynthGAN
from synthgan.gan.balancing import Forest, points_of
from synthgan.gan.choosing import _Starts
from synthgan.gan.levels import LevelForests, described_columns
from synthgan.layout import Layout, Span


@pytest.fixture(scope="module")
def learned():
    """A table, a forest over it, and its levels."""
    table = pair_table(4000)
    forest, points = Forest(3), points_of(table, PAIR)
    forest.grow(points, np.random.default_rng(0))
    return table, forest, levels_of(table.codes, forest, points)


def levels_of(codes, forest, points):
    levels = LevelForests(PAIR, described_columns(PAIR, 1), forest.depth)
    levels.learn(forest, points, codes, np.random.default_rng(0))
    return levels


def test_a_level_has_the_shares_of_its_rows(learned):
    table, forest, levels = learned
    for column, first in levels.first.items():
        for code in range(PAIR.spans[column].n_codes):
            own = table.codes[:, column] == code
            assert levels.counts[first + code] == np.count_nonzero(own)
            found = levels.of(forest, column, code)
            leaves = forest.leaves_of(forest.leaves(points_of(table, PAIR))[own], found.depth)
            counts = np.bincount(leaves.ravel(), minlength=found.shares.numel()) / len(leaves)
            assert np.allclose(found.shares.numpy().ravel(), counts, atol=1e-5)


@pytest.mark.parametrize(
    ("n_rows", "depth"),
    [(0, 0), (1, 0), (15, 0), (16, 1), (31, 1), (32, 2), (64, 2), (255, 2), (256, 3), (1_000, 3)],
)
def test_few_rows_are_described_coarsely_and_fewer_not_at_all(learned, n_rows, depth):
    table, forest, _ = learned
    codes = table.codes.copy()
    codes[:, 0] = 1
    codes[:n_rows, 0] = 0
    levels = levels_of(codes, forest, points_of(table, PAIR))
    own = levels.shares[levels.first[0]]
    assert levels.depth_of(0, 0) == levels.of(forest, 0, 0).depth == depth
    assert (own[:, : 2**depth].sum(1) - float(depth > 0)).abs().max() < 1e-5
    assert not own[:, 2**depth if depth else 0 :].any()  # nothing else of them is kept


def test_targets_may_have_more_levels_and_numbers_are_not_described():
    assert set(described_columns(PAIR, 1)) == {0, 1}
    placed = {column for column in PLACED.coded if PLACED.spans[column].n_places > 1}
    assert placed
    assert not placed & set(described_columns(PLACED, None))
    many = Layout((Span("few", 16), Span("more", 17), Span("target", 64)))
    assert described_columns(many, 2) == (2, 0)
    wide = Layout(tuple(Span(f"column {number}", 10) for number in range(40)))
    assert described_columns(wide, 30) == (30, *range(24))
    ordered = Layout(
        (Span("size", 3, positions=(-1.0, 0.0, 1.0)), Span("target", 3, positions=(-1.0, 0.0, 1.0)))
    )
    assert described_columns(ordered, 1) == (1,)


@pytest.mark.parametrize(("condition", "column"), [({0: 0}, 0), ({1: 1}, 1), ({0: 2, 1: 0}, 0), ({}, None)])
def test_rows_of_a_level_start_from_where_it_lies_and_those_of_two_from_the_better_known(
    trained, condition, column
):
    known = known_of(PAIR, condition)
    starts = _Starts(trained, known)
    assert starts.column(0) == column
    assert starts.forest(0).depth == (
        trained.forest.depth
        if column is None
        else max(trained.levels.depth_of(one, code) for one, code in condition.items())
    )


def test_rows_of_a_rare_class_are_like_those_of_the_class():
    cases = load_breast_cancer(as_frame=True).frame
    cases = cases[[*cases.columns[:10], "target"]]
    rare = cases.index[cases["target"] == 0]
    table = cases.drop(index=rare[30:]).reset_index(drop=True)
    gan = SynthGAN(target="target", random_state=0, verbose=0).fit(table)
    drawn = gan.sample(500, conditions={"target": 0}, random_state=0).drop(columns="target")
    real = table[table["target"] == 0].drop(columns="target")
    errors = (drawn.mean() - real.mean()) / (real.std() / np.sqrt(len(real)))
    assert errors.abs().mean() < 1.5  # of thirty others of the class it would be about 1.1
    assert (drawn.std() / real.std()).between(0.5, 1.5).all()
