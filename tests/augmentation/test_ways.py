"""Ways of drawing rows."""

import numpy as np
import pandas as pd
import pytest
from small_problems import QUICK, Copying, amounts, classes, problem_of

from synthgan import DataError, ParameterError
from synthgan.augmentation.problem import Part
from synthgan.augmentation.ways import METHODS, NOISE, REDRAWN, Ways, jittered

RNG = np.random.default_rng


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [0, 1, 7, 90])
def test_every_way_draws_as_many_rows_of_a_class_as_are_asked_for(method, n):
    problem = problem_of(*classes())
    ways = Ways(problem, QUICK, None, 0)
    for code in (0, 1):
        rows = ways.drawn(method, n, RNG(0), problem.of_class(code))
        assert len(rows) == n
        assert (ways.labels(rows) == code).all()
        assert list(rows) == list(problem.frame)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"neighbours"}))
def test_ways_draw_numbers_of_a_range(method):
    problem = problem_of(*amounts(100))
    low, high = np.quantile(problem.labels, [0.5, 0.9])
    rows = Ways(problem, QUICK, None, 0).drawn(method, 20, RNG(0), Part((low, high), low, high))
    assert rows["amount"].between(low, high).all()


def test_jitter_moves_numbers_by_its_share_of_their_spread_and_redraws_its_share_of_levels():
    X, _ = classes(2_000)
    moved = jittered(X, X, RNG(0))
    step = (moved["size"] - X["size"]).std() / X["size"].std()
    assert step == pytest.approx(NOISE, rel=0.1)
    is_new = moved["kind"].astype(str) != X["kind"].astype(str)
    # A level that is drawn anew is the same one again in a third of the cases.
    assert is_new.mean() == pytest.approx(REDRAWN * 2 / 3, abs=0.03)
    assert (moved.dtypes == X.dtypes).all()
    assert moved["gap"].isna().equals(X["gap"].isna())
    assert set(moved["count"]) <= set(X["count"])


def test_a_generator_is_fitted_once_and_only_if_it_is_needed():
    problem = problem_of(*classes())
    Copying.seen.clear()
    ways = Ways(problem, Copying(), None, 0)
    ways.drawn("jitter", 5, RNG(0))
    ways.drawn("neighbours", 5, RNG(0))
    assert Copying.seen == []
    ways.drawn("generator", 5, RNG(0))
    ways.drawn("mixed", 5, RNG(0))
    assert len(Copying.seen) == 1


def test_drawn_targets_that_no_real_row_has_are_drawn_again():
    stray = Copying(lambda rows: rows.assign(answer=rows["answer"].where(rows.index % 2 == 0, "perhaps")))
    rows = Ways(problem_of(*classes()), stray, None, 0).drawn("generator", 40, RNG(0))
    assert set(rows["answer"]) == {"yes", "no"}


def test_what_a_generator_never_draws_is_told():
    problem, one_sided = problem_of(*classes()), Copying(lambda rows: rows.assign(answer="no"))
    with pytest.raises(DataError, match="drew 0 of 5 rows whose target is 'yes' in 20 draws"):
        Ways(problem, one_sided, None, 0).drawn("generator", 5, RNG(0), problem.of_class(1))


def test_numbers_of_another_dtype_come_back_in_the_users():
    problem, floats = problem_of(*classes()), Copying(lambda rows: rows.assign(count=rows["count"] + 0.2))
    rows = Ways(problem, floats, None, 0).drawn("generator", 10, RNG(0))
    assert rows["count"].dtype == np.int32
    assert set(rows["count"]) <= set(problem.frame["count"])


def test_redrawing_a_part_needs_a_synthesizer_that_can():
    problem = problem_of(*classes())
    with pytest.raises(ParameterError, match="needs a synthesizer with rows_like; Copying has none"):
        Ways(problem, Copying(), None, 0).drawn("redrawn", 5, RNG(0))


def test_redrawn_rows_keep_half_of_their_cells_and_their_target():
    problem = problem_of(*classes())
    ways = Ways(problem, QUICK, None, 0)
    real, drawn = ways.real(40, RNG(0), None), ways.drawn("redrawn", 40, RNG(0))
    pd.testing.assert_series_equal(real["answer"], drawn["answer"])
    same = [(real[n].astype(str) == drawn[n].astype(str)).mean() for n in ("size", "day")]
    assert min(same) > 0.3
    assert max(same) < 0.9
