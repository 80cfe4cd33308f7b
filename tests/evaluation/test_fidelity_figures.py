"""Similarities of columns and pairs by hand, and the laws of figures beside their floor."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_comparisons import linked_table, permuted

from synthgan.evaluation.fidelity import BETTER, MIN_ROWS, fidelity
from synthgan.evaluation.similarity import column_pairs, column_shapes, comparable
from synthgan.exceptions import DataError, ParameterError

GAP = np.nan


def shape(real, drawn):
    return column_shapes(pd.DataFrame({"a": real}), pd.DataFrame({"a": drawn})).iloc[0]


def pair(real, drawn, **options):
    found = column_pairs(pd.DataFrame(real), pd.DataFrame(drawn), **options)
    assert len(found) == 1
    return found.iloc[0]


# --- single columns ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("real", "drawn", "similarity"),
    [
        ([1, 2, 3, 4], [4, 3, 2, 1], 1.0),
        ([1, 2, 3, 4], [1, 2, 3, 10], 0.75),
        ([0.0, 1.0], [2.0, 3.0], 0.0),
        ([1, 1, 2], [1, 2, 2], 2 / 3),
        ([1.0, 2.0, GAP, GAP], [1.0, 2.0], 1.0),
        ([GAP, GAP], [1.0, 2.0], 0.0),
        ([GAP, GAP], [GAP, GAP], 1.0),
        (["x", "x", "y", "y"], ["x", "y", "y", "y"], 0.75),
        (["x", "x", "y", "z"], ["x", "x", "y", "w"], 0.75),
        (["x", None], ["x", "x"], 1.0),
        (["x"], ["y"], 0.0),
        ([True, True, False, False], [True, True, True, True], 0.5),
        (pd.to_datetime(["2020", "2021"]), pd.to_datetime(["2020", "2022"]), 0.5),
    ],
)
def test_similarity_of_a_column_by_hand(real, drawn, similarity):
    assert shape(real, drawn)["similarity"] == pytest.approx(similarity)


def test_numbers_are_compared_by_kolmogorov_and_smirnov():
    rng = np.random.default_rng(0)
    real, drawn = rng.integers(30, size=200), rng.integers(5, 40, size=333)
    assert shape(real, drawn)["similarity"] == pytest.approx(1 - stats.ks_2samp(real, drawn).statistic)


def test_wasserstein_is_in_standard_deviations_of_the_real_cells():
    real = np.random.default_rng(0).normal(size=100)
    assert shape(real, real + 2 * real.std())["wasserstein"] == pytest.approx(2)
    assert shape(1e300 * real, 1e300 * (real + 2 * real.std()))["wasserstein"] == pytest.approx(2)
    assert shape([7, 7], [7, 10])["wasserstein"] == pytest.approx(1.5)
    assert np.isnan(shape(["a"], ["a"])["wasserstein"])
    assert np.isnan(shape([GAP, GAP], [1.0, 2.0])["wasserstein"])


def test_shares_of_missing_cells_stand_beside():
    found = shape([1.0, GAP, GAP, GAP], [1.0, 1.0, 1.0, GAP])
    assert (found["missing_real"], found["missing_drawn"]) == (0.75, 0.25)


def test_dtypes_do_not_matter():
    real, drawn = pd.Series([1, 2, 3, 4]), pd.Series([1, 2, 2, 2])
    expected = shape(real, drawn)
    for dtype in ("float32", "Int64", "int8", "int64[pyarrow]", object):
        pd.testing.assert_series_equal(shape(real, drawn.astype(dtype)), expected)
    times = pd.Series(pd.date_range("2020", periods=6, freq="h"))
    for dtype in ("datetime64[s]", "datetime64[ns]"):
        assert shape(times.astype("datetime64[ms]"), times.astype(dtype))["similarity"] == 1
    texts = pd.Series(["a", "b", None])
    assert shape(texts.astype("category"), texts.astype("string"))["similarity"] == 1


def test_columns_that_cannot_be_compared_are_refused():
    times = pd.Series(pd.date_range("2020", periods=3))
    with pytest.raises(DataError, match="with a zone in one table"):
        shape(times, times.dt.tz_localize("UTC"))
    with pytest.raises(DataError, match="'a' of the real rows holds infinite numbers"):
        shape([1.0, np.inf], [1.0, 2.0])


# --- pairs ------------------------------------------------------------------------------------------


def test_correlations_by_hand():
    line = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0]}
    found = pair(line, {"a": [1.0, 2.0, 3.0], "b": [3.0, 2.0, 1.0]})
    assert (found["kind"], found["similarity"]) == ("numbers", pytest.approx(0))
    # A column that does not vary goes with nothing: its correlation is 0, and not left out.
    assert pair(line, {"a": [1.0, 2.0, 3.0], "b": [0.1, 0.1, 0.1]})["similarity"] == pytest.approx(0.5)
    assert pair({"a": [1, 2], "b": [5, 5]}, {"a": [1, 2], "b": [5, 5]})["similarity"] == 1
    # Nor one that is constant, or absent, wherever the other is present.
    gappy = {"a": [1.0, 2.0, GAP, GAP], "b": [5.0, 5.0, 6.0, 70.0]}
    assert pair(line, gappy)["similarity"] == pytest.approx(0.5)
    assert pair(line, {"a": [1.0, GAP], "b": [GAP, 1.0]})["similarity"] == pytest.approx(0.5)


def test_correlations_are_over_the_rows_that_have_both():
    rng = np.random.default_rng(0)
    tables = []
    for scale in (1.0, 1e200):
        cells = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) * scale + 5 * scale
        tables.append(pd.DataFrame(cells, columns=list("abcd")).mask(rng.random((200, 4)) < 0.2))
    found = column_pairs(*tables)
    for row in found.itertuples():
        own = [
            np.corrcoef(*table[[row.first, row.second]].dropna().to_numpy().T / table.abs().max().max())[0, 1]
            for table in tables
        ]
        assert row.similarity == pytest.approx(1 - abs(own[0] - own[1]) / 2)


def test_joint_tables_by_hand():
    real = {"a": list("xxyy"), "b": list("ppqq")}
    assert pair(real, {"a": list("xxyy"), "b": list("qqpp")})["similarity"] == 0
    assert pair(real, {"a": list("xyxy"), "b": list("ppqq")})["similarity"] == pytest.approx(0.5)
    # A missing cell is a level, and no other.
    assert pair(real, {"a": ["x", "x", None, None], "b": list("ppqq")})["similarity"] == pytest.approx(0.5)
    assert pair({**real, "a": ["x", "x", None, None]}, real)["similarity"] == pytest.approx(0.5)


@pytest.mark.parametrize("bins", ["shared", "own"])
def test_mixed_pairs_by_hand(bins):
    real = {"a": [0.0, 1.0, 9.0, 10.0], "b": list("ppqq")}
    found = pair(real, {"a": [0.0, 9.0, 1.0, 10.0], "b": list("ppqq")}, bins=bins)
    assert (found["kind"], found["similarity"]) == ("mixed", pytest.approx(0.5))
    assert pair(real, real, bins=bins)["similarity"] == 1


def test_shared_bins_put_what_is_beyond_in_the_last_bin():
    rng = np.random.default_rng(0)
    real = {"a": rng.random(50), "b": rng.choice(list("pq"), 50)}
    drawn = {"a": 3 * rng.random(50) - 1, "b": rng.choice(list("pq"), 50)}
    inside = np.clip(drawn["a"], real["a"].min(), real["a"].max())
    assert pair(real, drawn)["similarity"] == pair(real, {**drawn, "a": inside})["similarity"]


def test_one_extreme_row_ruins_own_bins_alone():
    rng = np.random.default_rng(0)
    rows = {"a": rng.random(1000), "b": rng.choice(list("pq"), 1000)}
    extreme = {**rows, "a": np.append(rows["a"][:-1], 1000.0)}
    assert pair(rows, extreme)["similarity"] >= 0.999
    assert pair(rows, extreme, bins="own")["similarity"] < 0.2


def test_levels_beyond_fifty_are_one_with_shared_bins():
    names = [f"n{i:03d}" for i in range(300)]
    real = {"a": names, "b": ["p", "q"] * 150}
    drawn = {"a": [name + "'" for name in names], "b": ["p", "q"] * 150}
    assert pair(real, drawn, bins="own")["similarity"] == 0
    assert pair(real, drawn)["similarity"] == pytest.approx(250 / 300)
    # Missing cells stay apart even where there are few of them.
    assert pair(real, {**real, "a": [*names[:-1], None]})["similarity"] == pytest.approx(299 / 300)


def test_every_column_is_like_itself_in_any_order_of_rows_and_columns(column):
    other = pd.Series(np.arange(len(column)) % 3).map({0: "a", 1: "b", 2: None})
    frame = pd.DataFrame({"x": column, "number": np.arange(len(column)), "level": other})
    shuffled = frame.sample(frac=1, random_state=0)[frame.columns[::-1]]
    assert (column_shapes(frame, shuffled)["similarity"] == 1).all()
    for bins in ("shared", "own"):
        assert column_pairs(frame, shuffled, bins=bins)["similarity"].to_numpy() == pytest.approx(1)
    mine, theirs = comparable(frame, frame)
    pd.testing.assert_frame_equal(mine, theirs)
    assert mine["x"].isna().tolist() == column.isna().tolist()


# --- all figures ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fresh():
    real, drawn, held_out = (linked_table(800, seed) for seed in range(3))
    return fidelity(real, drawn, target="label", held_out=held_out, n_splits=3)


@pytest.fixture(scope="module")
def independent():
    return fidelity(linked_table(800, 0), permuted(linked_table(800, 1)), target="label", n_splits=3)


def test_rows_of_the_same_law_score_what_real_rows_score(fresh):
    assert fresh.figures["figure"].tolist() == list(BETTER)
    assert fresh.figures["better"].tolist() == list(BETTER.values())
    for row in fresh.figures[fresh.figures["figure"] != "trend_own_bins"].itertuples():  # it misleads
        # One standard error of the least certain figures, AUC of 800 rows, is sqrt(1 / 4800) = 0.014.
        assert row.drawn == pytest.approx(row.floor, abs=0.06), row.figure
        if row.better == "half":
            assert row.floor == pytest.approx(0.5, abs=0.06)


def test_independent_columns_look_right_to_all_but_trees_and_pairs(independent):
    rows = independent.figures.set_index("figure")
    assert rows.loc["shape", "drawn"] > rows.loc["shape", "floor"] - 0.02
    assert rows.loc["detection_line", "drawn"] == pytest.approx(0.5, abs=0.06)
    assert rows.loc["detection_trees", "drawn_low"] > max(0.8, rows.loc["detection_trees", "floor_high"])
    assert rows.loc["detection_trees", "drawn"] > 0.9
    assert rows.loc["trend", "drawn_high"] < rows.loc["trend", "floor_low"]
    assert rows.loc["utility", "drawn"] < 0.65 < 0.8 < rows.loc["utility", "floor"]
    worst = independent.pairs.iloc[0]
    assert (worst["first"], worst["second"]) == ("x", "y")
    assert (
        "town" not in independent.pairs.loc[independent.pairs["below"] > 0.1, ["first", "second"]].to_numpy()
    )


def test_the_worst_column_comes_first():
    drawn = linked_table(200, 1)
    drawn["town"] = "Bern"
    found = fidelity(linked_table(400, 0), drawn, n_splits=2)
    assert found.columns["column"].iloc[0] == "town"
    assert (np.diff(found.columns["below"]) <= 0).all()
    gaps = found.columns["floor"] - found.columns["similarity"]
    assert found.columns["below"].to_numpy() == pytest.approx(gaps.to_numpy())
    assert "utility" not in found.figures["figure"].tolist()
    assert any("held-out" in note for note in found.warnings)
    assert any("same 200 drawn rows" in note for note in found.warnings)


def test_copies_score_better_than_real_rows_and_are_pointed_at():
    real = linked_table(400, 0)
    found = fidelity(real, real)
    assert found.estimate("beta_recall").low > found.estimate("beta_recall", of="floor").high
    assert any("copies" in note and "beta_recall" in note for note in found.warnings)


def test_drawn_rows_are_held_against_those_that_were_held_out():
    real, held_out = linked_table(100, 0), linked_table(100, 1)
    held_out["x"] += 100
    found = fidelity(real, real, held_out=held_out, n_splits=2)
    shapes = found.columns.set_index("column")
    assert shapes.loc["x", ["similarity", "floor"]].tolist() == [0.0, 0.0]
    assert found.n_rows == 100
    assert any("same 100 held-out rows" in note for note in found.warnings)


def test_figures_are_repeatable_and_depend_on_the_seed():
    some, other = linked_table(200, 0), linked_table(90, 1)
    first, again, third = (fidelity(some, other, n_splits=2, random_state=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first.figures, again.figures)
    assert not first.figures.equals(third.figures)
    assert first.n_rows == 90


def test_an_estimate_is_a_figure_with_its_interval(fresh):
    estimate, row = fresh.estimate("trend", of="floor"), fresh.figures.set_index("figure").loc["trend"]
    expected = row[["floor", "floor_low", "floor_high"]].tolist()
    assert [estimate.value, estimate.low, estimate.high] == pytest.approx(expected, nan_ok=True)
    pd.testing.assert_frame_equal(fresh.to_frame(), fresh.figures)
    with pytest.raises(ParameterError, match="Did you mean 'trend'"):
        fresh.estimate("trends")
    with pytest.raises(ParameterError, match="'drawn' or 'floor'"):
        fresh.estimate("trend", of="real")


def test_a_figure_that_is_not_defined_is_missing_and_named():
    frame = linked_table(100, 0).assign(label="yes")
    found = fidelity(frame, frame, target="label", n_splits=2)
    assert np.isnan(found.estimate("utility").value)
    assert any("'utility'" in note for note in found.warnings)


def test_a_table_of_one_column_has_no_pairs():
    frame = pd.DataFrame({"only": np.arange(60.0)})
    found = fidelity(frame, frame, n_splits=2)
    assert not len(found.pairs)
    assert "trend" not in found.figures["figure"].tolist()


def test_odd_columns_do_not_matter(table):
    odd = table.assign(nothing=np.nan, same=1, key=[f"k{i}" for i in range(len(table))])
    found = fidelity(odd, odd.assign(nothing=None), n_splits=2)
    assert found.figures[["drawn", "floor"]].notna().all(axis=None)
    assert found.columns.set_index("column").loc["nothing", "similarity"] == 1


def test_errors_name_the_rule():
    frame = linked_table(2 * MIN_ROWS, 0)
    fidelity(frame, frame, n_splits=2)
    with pytest.raises(DataError, match="at least 20 drawn rows and 40 real ones"):
        fidelity(frame[1:], frame)
    with pytest.raises(DataError, match="got 40 drawn, 40 real and 19 held-out"):
        fidelity(frame, frame, held_out=frame[:19])
    with pytest.raises(DataError, match=r"'lable' is not a column.*Did you mean 'label'"):
        fidelity(frame, frame, target="lable")
    with pytest.raises(ParameterError, match="n_splits must be a whole number from 2 on; got 1"):
        fidelity(frame, frame, n_splits=1)
    with pytest.raises(ParameterError, match="random_state"):
        fidelity(frame, frame, random_state=-1)
    with pytest.raises(ParameterError, match="'shared' or 'own'; got 'equal'"):
        column_pairs(frame, frame, bins="equal")
