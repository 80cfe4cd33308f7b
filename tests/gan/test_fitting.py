import numpy as np
import pytest
import torch
from small_tables import (
    FOUR,
    MIXED,
    PAIR,
    PLACED,
    TEXTBOOK,
    cells_of,
    four_table,
    mixed_table,
    model_of,
    pair_table,
    placed_table,
    rng_of,
    table_of,
    textbook_table,
    weights_of,
)

from synthgan.gan.balancing import Forest, points_of
from synthgan.gan.budget import Budget
from synthgan.gan.fitting import FitOptions, build_model, survey
from synthgan.gan.grouping import Dependence
from synthgan.gan.latent_classes import LatentClasses
from synthgan.layout import Layout, Span

CONSTANTS = Layout((Span("a", 1), Span("b", 1)))
TABLES = {
    "codes": (FOUR, four_table(400)),
    "codes and values": (MIXED, mixed_table(400)),
    "number lines": (PLACED, placed_table(400)),
    "values alone": (TEXTBOOK, textbook_table(400)),
    "constants": (CONSTANTS, table_of(np.zeros((400, 2)))),
    "two rows": (PAIR, pair_table(2)),
}

over_tables = pytest.mark.parametrize("name", TABLES)


def budget_of(max_time=None):
    return Budget(100, 64, 1e-2, 0.0, (32,), 0, max_time)


def surveyed(name, *, seed=0, max_time=None):
    """A model after a survey, and the budget that is left."""
    layout, table = TABLES[name]
    model = model_of(layout, n_classes=4, tree_depth=2)
    return model, survey(model, table, budget_of(max_time), rng_of(seed))


@over_tables
def test_a_survey_learns_classes_dependence_and_where_rows_lie(name):
    layout, table = TABLES[name]
    model, _ = surveyed(name)
    classes = LatentClasses(layout, 4)
    classes.fit(cells_of(table), model.space, rng_of(0))
    dependence = Dependence.of(table, layout, *(part.double().numpy() for part in classes.buffers()))
    for part, expected in (
        (model.classes.shares, classes.shares),
        (model.classes.code_shares, classes.code_shares),
        (model.information, torch.from_numpy(dependence.information)),
        (model.unexplained, torch.from_numpy(dependence.unexplained)),
    ):
        assert torch.equal(part, expected)
    leaves = model.forest.leaves(points_of(table, layout))
    counts = np.bincount(leaves.ravel(), minlength=model.forest.shares.numel())
    np.testing.assert_allclose(model.forest.shares.flatten(), counts / len(table), atol=1e-6)


@over_tables
def test_all_that_a_survey_learns_is_finite_and_it_leaves_the_networks_alone(name):
    model, _ = surveyed(name)
    assert torch.equal(weights_of(model), weights_of(model_of(TABLES[name][0], n_classes=4, tree_depth=2)))
    for key, value in model.state_dict().items():
        # A node that nothing parts has an infinite threshold.
        assert value.isfinite().all() or (key == "forest.thresholds" and not value.isnan().any())


def test_same_seed_same_survey():
    first, again, other = (surveyed("number lines", seed=seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    for key in ("classes.code_shares", "forest.thresholds"):
        assert not torch.equal(first[key], other[key])


def test_a_survey_takes_its_time_from_the_budget():
    _, left = surveyed("codes", max_time=50.0)
    assert 0 < left.max_time < 50.0
    assert left == budget_of(left.max_time)
    hurried, left = surveyed("codes", max_time=1e-6)
    assert left.max_time == 0.1  # something is left to train in
    assert hurried.trees.columns == []
    classes = LatentClasses(FOUR, 4)
    classes.fit(cells_of(TABLES["codes"][1]), hurried.space, rng_of(0), max_time=0.0)
    assert torch.equal(hurried.classes.code_shares, classes.code_shares)
    _, left = surveyed("codes")
    assert left == budget_of()


@pytest.mark.parametrize("n_rows", [2, 100, 5000])
def test_a_model_has_as_many_classes_and_questions_as_its_rows_allow(n_rows):
    settings = {"n_rows": n_rows, "target": None, "seed": 0, "device": torch.device("cpu")}
    settings["options"] = FitOptions()
    model = build_model(PAIR, budget_of(), loss="masked", **settings)
    assert len(model.classes.shares) == LatentClasses.count_for(n_rows)
    assert model.forest.depth == Forest.depth_for(n_rows)
    game = build_model(PAIR, budget_of(), loss="bce", **settings)
    assert len(game.classes.shares) == 1
    assert game.forest.depth == 0
    without = build_model(
        PAIR, budget_of(), loss="masked", **settings | {"options": FitOptions(correct=False)}
    )
    assert without.forest.depth == 0


def test_columns_that_say_all_of_another_get_no_trees():
    codes = np.random.default_rng(0).integers(3, size=(400, 3))
    table = table_of(np.column_stack([codes, codes[:, 0] // 2]))
    model = model_of(Layout(tuple(Span(name, 3) for name in "abcd")))
    survey(model, table, budget_of(), rng_of(0))
    assert model.trees.columns == [1, 2]


def test_without_refinement_a_survey_grows_no_trees():
    layout, table = TABLES["codes"]
    model = model_of(layout)
    survey(model, table, budget_of(), rng_of(0), refines=False)
    assert model.trees.columns == []
