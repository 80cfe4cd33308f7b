"""Attacks on membership: nothing is told where there is nothing to tell, and copies tell everything."""

import numpy as np
import pytest

from synthgan.evaluation.distances import Rows
from synthgan.evaluation.estimates import Estimate
from synthgan.evaluation.membership import attacks, auc, density_ratio, judged, share_caught

NAMES = ["nearest row", "density", "trees"]


def rows(n_rows, rng):
    points = rng.normal(size=(n_rows, 6))
    return Rows(points, points, rng.integers(2**60, size=n_rows))


def test_auc_counts_pairs():
    # Of six pairs four are in order and one is a tie.
    assert auc(np.array([3.0, 1.0]), np.array([0.0, 1.0, 2.0])) == pytest.approx(4.5 / 6)
    assert auc(np.zeros(3), np.zeros(4)) == 0.5


@pytest.mark.parametrize(("n_others", "n_above"), [(20, 0), (99, 0), (199, 1), (999, 9)])
def test_false_alarms_are_as_many_as_said(n_others, n_above):
    others = np.arange(n_others, dtype=float)
    limit = n_others - 1 - n_above
    assert share_caught(np.array([limit - 0.5, limit, limit + 0.5, 1e9]), others) == 0.5


def test_density_ratio_is_higher_where_drawn_rows_are_nearer():
    ratio = density_ratio(np.array([-1.0, -1.0, -3.0, 0.0, 0.0]), np.array([-1.0, -3.0, -1.0, -1.0, 0.0]))
    assert ratio.tolist() == [0.5, 0.75, 0.25, 1.0, 0.5]


def test_scores_of_one_law_tell_nothing():
    rng = np.random.default_rng(0)
    judgements = [judged("any", rng.random(200), rng.random(100), rng) for _ in range(40)]
    # Intervals of 95 %: 7 or more of 40 miss in one of 300 cases.
    assert sum(0.5 not in one.auc for one in judgements) < 7
    assert sum(0.5 not in one.null for one in judgements) < 7
    assert sum(one.expected not in one.caught for one in judgements) < 7
    assert judgements[0].expected == pytest.approx(1 / 101)


def test_scores_that_part_members_from_others_tell_all():
    one = judged("any", np.arange(200.0) + 1000, np.arange(150.0), np.random.default_rng(0))
    assert one.auc == Estimate(1.0, 1.0, 1.0)
    assert one.caught.value == 1.0
    assert one.caught.low > 0.9


def test_attacks_tell_nothing_of_rows_that_nobody_learned():
    rng = np.random.default_rng(0)
    found = attacks(rows(300, rng), rows(200, rng), rows(300, rng), rng, level=0.999)
    assert [one.name for one in found] == NAMES
    for one in found:
        assert 0.5 in one.auc
        assert 0.5 in one.null
        assert one.expected in one.caught


def test_distances_tell_half_of_the_members_where_half_are_copied():
    rng = np.random.default_rng(0)
    learned, held_out, fresh = rows(300, rng), rows(200, rng), rows(150, rng)
    found = {one.name: one for one in attacks(learned, held_out, learned.take(slice(150)).then(fresh), rng)}
    for name in NAMES[:2]:
        # Copied ones are found at once, the others are a toss of a coin.
        assert found[name].auc.value == pytest.approx(0.75, abs=0.08)
        assert found[name].auc.low > 0.6
        assert found[name].caught.value == pytest.approx(0.5, abs=0.05)
        assert found[name].caught.low > 0.4
        assert 0.5 in found[name].null


def test_trees_tell_members_where_all_are_copied_many_times():
    rng = np.random.default_rng(0)
    learned, held_out = rows(100, rng), rows(200, rng)
    found = {one.name: one for one in attacks(learned, held_out, learned.take(np.arange(1000) % 100), rng)}
    assert found["trees"].auc.low > 0.6
