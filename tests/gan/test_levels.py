"""Laws of what is known of single levels: shares are those of their rows, and rare ones are drawn as such."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from small_tables import PAIR, PLACED, pair_table

from synthgan import SynthGAN
from synthgan.gan.balancing import Forest, points_of
from synthgan.gan.levels import LevelForests, described_columns


@pytest.fixture(scope="module")
def learned():
    """A table, a forest over it, and its levels."""
    table = pair_table(4000)
    forest = Forest(3)
    points = points_of(table, PAIR)
    forest.grow(points, np.random.default_rng(0))
    levels = LevelForests(PAIR, described_columns(PAIR, 1, 3), 3)
    levels.learn(forest.leaves(points), table.codes)
    return table, forest, levels


def test_levels_share_out_the_rows_of_each_leaf(learned):
    table, forest, levels = learned
    for column, first in levels.first.items():
        n_codes = PAIR.spans[column].n_codes
        counts = np.bincount(table.codes[:, column], minlength=n_codes)
        assert [levels.rows_of(column, code) for code in range(n_codes)] == counts.tolist()
        weights = torch.from_numpy(counts / counts.sum()).float()[:, None, None]
        whole = (levels.shares[first : first + n_codes] * weights).sum(0)
        assert torch.allclose(whole, forest.shares, atol=1e-5)


def test_the_forest_of_a_level_has_its_shares_in_larger_leaves(learned):
    table, forest, levels = learned
    own = levels.of(forest, 0, 0)
    leaves = forest.leaves_of(forest.leaves(points_of(table, PAIR))[table.codes[:, 0] == 0], own.depth)
    counts = np.bincount(leaves.ravel(), minlength=own.shares.numel()) / len(leaves)
    assert np.allclose(own.shares.numpy().ravel(), counts, atol=1e-5)


@pytest.mark.parametrize(("n_rows", "depth"), [(0, None), (15, None), (16, 1), (31, 1), (32, 2), (10_000, 3)])
def test_few_rows_are_described_coarsely_and_fewer_not_at_all(learned, n_rows, depth):
    _, forest, levels = learned
    few = LevelForests(PAIR, tuple(levels.first), 3)
    few.load_state_dict(levels.state_dict())
    few.counts[few.first[0]] = n_rows
    found = few.of(forest, 0, 0)
    assert (found and found.depth) == depth


def test_the_target_is_described_first_and_numbers_are_not():
    assert described_columns(PAIR, 1, 3) == (1, 0)
    assert described_columns(PAIR, None, 0) == ()
    placed = {column for column in PLACED.coded if PLACED.spans[column].n_places > 1}
    assert placed
    assert not placed & set(described_columns(PLACED, None, 3))


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
