"""What users draw with: rows under any condition, filled cells, and rows like given ones."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from quick_models import PENGUINS, quick

from synthgan import ConditionError, DataError, ParameterError, SynthGAN

NUMBERS = [name for name in PENGUINS if PENGUINS[name].dtype.kind in "if"]
N_ROWS = 200


@pytest.fixture(scope="module")
def holes():
    """Penguins with a third of the cells removed, and one row in which there are none left."""
    frame = PENGUINS.mask(np.random.default_rng(0).random(PENGUINS.shape) < 0.3)
    frame.iloc[7] = None
    return frame.set_axis(PENGUINS.index * 3 + 5)


def equal_cells(frame, other):
    """Which cells are the same, shape of the frames; missing ones are."""
    return ((frame == other).fillna(False) | (frame.isna() & other.isna())).to_numpy(bool)


class TestConditions:
    def test_a_frame_says_what_is_known_of_each_row(self, good_model, holes):
        asked = holes[["sex", "body_mass_g", "species"]]
        drawn = good_model.sample(conditions=asked, random_state=0)
        assert len(drawn) == len(asked)
        pd.testing.assert_series_equal(drawn.dtypes, PENGUINS.dtypes)
        assert list(drawn.index) == list(range(len(asked)))
        is_given = asked.notna().to_numpy()
        assert equal_cells(drawn[list(asked)], asked.reset_index(drop=True))[is_given].all()
        assert drawn["island"].nunique() == 3

    def test_any_form_of_table_is_a_frame_of_conditions(self, good_model):
        asked = pl.DataFrame({"species": ["Gentoo", None, "Adelie"], "year_of_birth": [1, 2, 3]})
        drawn = good_model.sample(conditions=asked.select("species"), random_state=0)
        assert drawn["species"].tolist()[::2] == ["Gentoo", "Adelie"]
        with pytest.raises(ConditionError, match="'year_of_birth'"):
            good_model.sample(conditions=asked)

    def test_shares_are_as_asked_and_rows_in_random_order(self, good_model):
        shares = {"species": {"Gentoo": 0.7, "Adelie": 0.3}, "body_mass_g": {"< 4000": 0.25, ">= 4000": 0.75}}
        drawn = good_model.sample(N_ROWS, conditions=shares, random_state=0)
        assert drawn["species"].value_counts().to_dict() == {"Gentoo": 140, "Adelie": 60}
        assert (drawn["body_mass_g"] < 4000).sum() == 50
        assert drawn["species"].head(20).nunique() == 2

    def test_columns_that_may_be_several_things_hold_together(self, good_model):
        asked = {
            "species": ["Gentoo", "Chinstrap"],
            "body_mass_g": (3500, 4500),
            "bill_length_mm": "> 46.5",
            "sex": "not missing",
        }
        drawn = good_model.sample(N_ROWS, conditions=asked, random_state=0)
        assert len(drawn) == N_ROWS
        assert drawn["species"].isin(asked["species"]).all()
        assert drawn["body_mass_g"].between(3500, 4500).all()
        assert (drawn["bill_length_mm"] > 46.5).all()
        assert drawn["sex"].notna().all()

    def test_what_stands_under_a_condition_is_what_stands_there_in_the_table(self, good_model):
        heavy = PENGUINS[PENGUINS["body_mass_g"] > 5000]
        drawn = good_model.sample(400, conditions={"body_mass_g": "> 5000"}, random_state=0)
        for name, value in (("species", "Gentoo"), ("sex", "MALE"), ("island", "Biscoe")):
            assert (drawn[name] == value).mean() == pytest.approx((heavy[name] == value).mean(), abs=0.15)

    @pytest.mark.parametrize("asked", [{}, {"species": "Gentoo"}, {"body_mass_g": "> 4000"}])
    def test_no_rows_are_no_rows(self, good_model, asked):
        drawn = good_model.sample(0, conditions=asked)
        pd.testing.assert_series_equal(drawn.dtypes, PENGUINS.dtypes)
        assert len(drawn) == 0

    def test_another_number_of_rows_than_the_frame_has_is_refused(self, good_model, holes):
        with pytest.raises(ConditionError, match="has 344 rows, and 7 are asked for"):
            good_model.sample(7, conditions=holes)

    @pytest.mark.parametrize(
        ("name", "cell", "message"),
        [("species", "Dodo", "'species' cannot be 'Dodo'"), ("body_mass_g", 99_999, "cannot be 99999")],
    )
    def test_a_cell_that_cannot_be_is_refused_wherever_it_stands(self, good_model, name, cell, message):
        asked = pd.DataFrame({name: [None, PENGUINS[name].dropna().iloc[0], cell]})
        with pytest.raises(ConditionError, match=message):
            good_model.sample(conditions=asked)

    def test_an_error_says_what_is_near(self):
        grade = np.random.default_rng(0).choice(list("ABC"), size=900)
        frame = pd.DataFrame({"grade": grade, "x": np.where(grade == "A", 1.5, 0) + np.arange(900) % 7})
        gan = quick().fit(frame)
        with pytest.raises(ConditionError, match=r"No row can have .* Beside 'grade' = B, 'x' is such as 0"):
            gan.sample(5, conditions={"grade": "B", "x": [1.5, 2.5]})
        with pytest.raises(ConditionError, match="none like it"):
            gan.sample(conditions=pd.DataFrame({"grade": ["A", "B"], "x": [1.5, 2.5]}))


class TestImpute:
    @pytest.mark.parametrize("method", ["draw", "expected"])
    def test_what_is_there_stays_and_what_is_missing_is_filled(self, good_model, holes, method):
        before = holes.copy()
        filled = good_model.impute(holes, method=method, random_state=0)
        pd.testing.assert_frame_equal(holes, before)
        assert filled.notna().all(axis=None)
        assert filled.index.equals(holes.index)
        pd.testing.assert_series_equal(filled.dtypes, holes.dtypes)
        is_there = holes.notna().to_numpy()
        assert equal_cells(filled, holes)[is_there].all()
        for name in NUMBERS:
            assert filled[name].between(PENGUINS[name].min(), PENGUINS[name].max()).all()

    def test_what_is_expected_comes_nearer_than_a_draw_and_either_than_a_guess(self, good_model, holes):
        is_lost = holes["body_mass_g"].isna().to_numpy() & PENGUINS["body_mass_g"].notna().to_numpy()
        real = PENGUINS["body_mass_g"].to_numpy(float, na_value=np.nan)[is_lost]
        errors = {}
        for method in ("draw", "expected"):
            filled = good_model.impute(holes, method=method, random_state=0)
            own = filled["body_mass_g"].to_numpy(float)[is_lost]
            errors[method] = np.sqrt(np.mean((own - real) ** 2))
        assert errors["expected"] < errors["draw"]
        assert errors["expected"] < 0.8 * real.std()

    def test_several_draws_differ_in_what_was_missing_alone(self, good_model, holes):
        first, second = good_model.impute(holes, n_draws=2, random_state=0)
        is_same = equal_cells(first, second)
        assert is_same[holes.notna().to_numpy()].all()
        assert not is_same[holes.isna().to_numpy()].all()

    def test_a_whole_table_comes_back_as_a_copy(self, good_model):
        whole = PENGUINS.dropna()
        filled = good_model.impute(whole)
        pd.testing.assert_frame_equal(filled, whole)
        assert filled is not whole

    def test_what_the_model_does_not_know_is_left_as_it_is(self, good_model):
        rows = PENGUINS.head(20).assign(note="kept", species="Dodo", body_mass_g=99_999)
        rows["body_mass_g"] = rows["body_mass_g"].astype("Int64")
        rows.loc[::2, ["sex", "island"]] = None
        filled = good_model.impute(rows, random_state=0)
        assert (filled["species"] == "Dodo").all()
        assert (filled["body_mass_g"] == 99_999).all()
        assert (filled["note"] == "kept").all()
        assert filled[["sex", "island"]].notna().all(axis=None)

    def test_some_of_the_columns_are_enough(self, good_model, holes):
        filled = good_model.impute(holes[["sex", "bill_length_mm"]], random_state=0)
        assert list(filled) == ["sex", "bill_length_mm"]
        assert filled.notna().all(axis=None)
        with pytest.raises(DataError, match="none of the fitted columns"):
            good_model.impute(pd.DataFrame({"x": [1, None]}))

    def test_other_forms_of_tables_come_back_in_their_form(self, good_model, holes):
        filled = good_model.impute(pl.from_pandas(holes), random_state=0)
        assert isinstance(filled, pl.DataFrame)
        assert filled.null_count().sum_horizontal().item() == 0

    def test_a_table_with_gaps_is_completed_from_what_its_columns_say_of_each_other(self, tmp_path):
        rng, n_rows = np.random.default_rng(0), 1200
        bill = rng.lognormal(3, 1, n_rows)  # with a long tail, into which trees alone do not reach
        paid, noise = 0.8 * bill, rng.normal(scale=0.05 * bill.std(), size=n_rows)
        size = np.where(bill > 20, "large", "small")
        table = pd.DataFrame({"bill": bill, "paid": paid + noise, "size": size})
        given = table.mask(rng.random(table.shape) < 0.2)
        gan = SynthGAN(epochs=5, imputation=True, verbose=0, random_state=0).fit(given)
        gan.save(tmp_path / "model.synthgan")
        filled = gan.impute(given, method="expected", random_state=0)
        is_lost = given.isna()
        has_other = {"bill": ~is_lost["paid"], "paid": ~is_lost["bill"], "size": ~is_lost["bill"]}
        for name in ("bill", "paid"):
            lost = is_lost[name] & has_other[name] & (table[name] <= given[name].max())
            errors = filled.loc[lost, name] - table.loc[lost, name]
            assert np.sqrt(np.mean(errors**2)) < 0.15 * table[name].std()
        lost = is_lost["size"] & has_other["size"]
        assert (filled.loc[lost, "size"] == table.loc[lost, "size"]).mean() > 0.95
        again = SynthGAN.load(tmp_path / "model.synthgan").impute(given, method="expected", random_state=0)
        pd.testing.assert_frame_equal(again, filled)

    def test_expected_values_need_a_fit_that_has_learned_them(self, holes):
        gan = quick().fit(holes)
        assert gan.impute(holes).notna().all(axis=None)
        with pytest.raises(ParameterError, match="fit SynthGAN\\(imputation=True\\)"):
            gan.impute(holes, method="expected")
        gan.fit(holes.dropna())  # nothing was left out
        assert gan.impute(holes, method="expected").notna().all(axis=None)

    def test_a_column_that_was_whole_or_empty_when_learned(self):
        table = pd.DataFrame({"a": [1, 2, 3, 4] * 20, "b": list("xyxy") * 20, "none": [None] * 80})
        gan = quick().fit(table)
        filled = gan.impute(pd.DataFrame({"a": [1, None, 3], "b": [None, "y", None], "none": [None] * 3}))
        assert filled[["a", "b"]].notna().all(axis=None)
        assert filled["a"].isin([1, 2, 3, 4]).all()
        assert filled["none"].isna().all()

    def test_what_follows_from_other_cells_follows(self):
        code = np.random.default_rng(0).integers(12, size=600)
        table = pd.DataFrame({"code": code, "name": [f"level {c}" for c in code // 3], "x": code * 1.5})
        gan = quick().fit(table)
        rows = table.head(60).astype({"code": "Int64"})
        rows.loc[:19, "name"], rows.loc[20:39, "code"] = None, None
        for method in ("draw", "expected"):
            filled = gan.impute(rows, method=method, random_state=0)
            assert (filled["name"] == "level " + (filled["code"] // 3).astype(str)).all()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"method": "mean"}, "method must be one of 'draw', 'expected'"),
            ({"n_draws": 0}, "n_draws must be"),
            ({"n_draws": 3, "method": "expected"}, "n_draws must be"),
        ],
    )
    def test_what_cannot_be_is_refused(self, good_model, holes, options, message):
        with pytest.raises(ParameterError, match=message):
            good_model.impute(holes, **options)


class TestRowsLike:
    @pytest.mark.parametrize("keep", [0, 0.5, 1.0])
    def test_a_share_of_the_cells_is_kept_in_every_row(self, good_model, keep):
        drawn = good_model.rows_like(PENGUINS, keep=keep, random_state=0)
        pd.testing.assert_series_equal(drawn.dtypes, PENGUINS.dtypes)
        assert drawn.index.equals(PENGUINS.index)
        n_kept = equal_cells(drawn, PENGUINS).sum(1)
        assert (n_kept >= round(keep * PENGUINS.shape[1])).all()
        assert (n_kept == PENGUINS.shape[1]).all() == (keep == 1)

    def test_columns_that_are_named_are_kept(self, good_model):
        drawn = good_model.rows_like(PENGUINS, keep=["species", "sex"], random_state=0)
        pd.testing.assert_frame_equal(drawn[["species", "sex"]], PENGUINS[["species", "sex"]])
        assert 0 < equal_cells(drawn, PENGUINS).mean() < 1

    def test_rows_lie_the_nearer_the_more_is_kept(self, good_model):
        def distance(keep):
            drawn = good_model.rows_like(PENGUINS, keep=keep, random_state=0)
            return (drawn["body_mass_g"] - PENGUINS["body_mass_g"]).abs().mean()

        assert distance(0.9) < distance(0.5) < distance(0.0)

    def test_keys_are_made_anew(self):
        ids = [f"K-{i:05d}" for i in range(N_ROWS)]
        table = pd.DataFrame({"id": ids, "x": np.random.default_rng(0).normal(size=N_ROWS)})
        gan = quick().fit(table)
        assert gan.schema_["id"].kind == "key"
        drawn = gan.rows_like(table, keep=1.0)
        assert not drawn["id"].isin(table["id"]).any()
        assert drawn["x"].equals(table["x"])

    @pytest.mark.parametrize("keep", [-0.1, 1.5, True, "species", ["nowhere"], float("nan")])
    def test_what_cannot_be_kept_is_refused(self, good_model, keep):
        with pytest.raises(ParameterError, match="keep must be a share"):
            good_model.rows_like(PENGUINS, keep=keep)

    def test_rows_that_lack_columns_are_refused(self, good_model):
        with pytest.raises(DataError, match="lacks the columns 'sex'"):
            good_model.rows_like(PENGUINS.drop(columns="sex"))
