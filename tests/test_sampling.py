"""Rules hold in every drawn row, whatever was drawn at first, or it is an error."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pytest

from synthgan import Bounds, Combinations, Inequality, Sum, SynthGAN, Unique
from synthgan.exceptions import ConditionError, DataError, ParameterError

#: Models that have hardly learned anything.
MOMENT = {"epochs": 1, "hidden_dims": (16,), "random_state": 0, "verbose": 0}
RNG = np.random.default_rng(0)
N_ROWS = 600
LOW = RNG.integers(50, size=N_ROWS)
FRAME = pd.DataFrame(
    {
        "low": LOW,
        "high": LOW + RNG.integers(1, 20, size=N_ROWS),
        "net": np.round(RNG.lognormal(3, 1, N_ROWS), 2),
        "tax": np.round(RNG.lognormal(1, 1, N_ROWS), 2),
        "place": RNG.choice(list("abcde"), size=N_ROWS),
        "code": RNG.permutation(5000)[:N_ROWS],
    }
)
FRAME["gross"] = np.round(FRAME["net"] + FRAME["tax"], 2)
FRAME["kind"] = np.where(FRAME["place"] < "c", "left", RNG.choice(["right", "middle"], size=N_ROWS))
RULES = [
    Inequality("low", "high", strict=True),
    Sum("gross", ["net", "tax"]),
    Combinations(["place", "kind"]),
    Unique(["code"]),
    Bounds("net", 0),
]


def fitted(rules):
    return SynthGAN(kinds={"code": "numerical"}, rules=rules, **MOMENT).fit(FRAME)


@pytest.fixture(scope="module")
def gan():
    """A model that has hardly learned anything."""
    return fitted(RULES)


@pytest.mark.parametrize("conditions", [None, {"place": "d"}, {"low": 40}, {"gross": 20.0, "kind": "left"}])
def test_every_rule_holds_in_every_drawn_row(gan, conditions):
    drawn = gan.sample(500, conditions=conditions, random_state=1)
    assert len(drawn) == 500
    pd.testing.assert_series_equal(drawn.dtypes, FRAME.dtypes)
    assert (drawn["low"] < drawn["high"]).all()
    np.testing.assert_allclose(drawn["gross"], drawn["net"] + drawn["tax"])
    assert set(drawn["place"] + drawn["kind"]) <= set(FRAME["place"] + FRAME["kind"])
    assert drawn["code"].is_unique
    assert not drawn["code"].isin(FRAME["code"]).any()
    for name, value in (conditions or {}).items():
        assert (drawn[name] == value).all()


def test_groups_keep_their_sizes_and_conditions(gan):
    drawn = gan.sample_parts([(70, {"place": "a"}), (0, {}), (300, {"place": "e"})], random_state=1)
    assert drawn["place"].tolist() == ["a"] * 70 + ["e"] * 300
    assert drawn["code"].is_unique


def test_the_same_seed_draws_the_same_rows_and_a_stored_model_too(gan, tmp_path):
    pd.testing.assert_frame_equal(gan.sample(300, random_state=3), gan.sample(300, random_state=3))
    gan.save(tmp_path / "model")
    stored = SynthGAN.load(tmp_path / "model")
    assert list(map(str, stored.rules)) == list(map(str, gan.rules))
    pd.testing.assert_frame_equal(stored.sample(300, random_state=3), gan.sample(300, random_state=3))


def test_a_table_of_polars_gets_other_rows_for_those_that_break_a_rule():
    frame = pl.from_pandas(FRAME[["low", "high"]].assign(text=["a", "b"] * 300))
    gan = SynthGAN(rules=[Inequality("low", "high")], **MOMENT).fit(frame)
    drawn = gan.sample(500)
    assert drawn.schema == frame.schema
    assert (drawn["low"] <= drawn["high"]).all()


def test_rules_leave_the_share_of_missing_cells_as_it_was():
    start = RNG.uniform(0, 10, 1_000)
    end = pd.Series(start + 0.1).where(RNG.random(1_000) < 0.8)
    frame = pd.DataFrame({"start": start, "end": end})
    ruled = SynthGAN(rules=[Inequality("start", "end")], **MOMENT).fit(frame)
    free = SynthGAN(**MOMENT).fit(frame)
    shares = [gan.sample(2_000, random_state=0)["end"].isna().mean() for gan in (ruled, free)]
    assert shares[0] == pytest.approx(shares[1], abs=4 * (0.2 * 0.8 / 2_000) ** 0.5)


def test_rules_may_be_mappings():
    gan = fitted([{"kind": "inequality", "low": "low", "high": "high"}])
    assert not Inequality("low", "high").broken(gan.sample(400)).any()


def test_what_no_row_can_keep_is_an_error_after_some_tries(gan):
    """The table has 5000 codes at most: there are not so many rows of which no two are alike."""
    with pytest.raises(DataError, match=r"of 6,000 rows could not be drawn: .*no two rows are alike"):
        copy.copy(gan).set_params(correct=False).sample(6000, random_state=0)


def test_what_is_no_rule_is_refused_by_fit():
    with pytest.raises(ParameterError, match="A rule is one of"):
        fitted(["low <= high"])


@pytest.mark.parametrize("key", [lambda i: i, lambda i: f"{i:03d}"])
def test_keys_are_different_also_where_rows_are_drawn_anew(key):
    start = RNG.uniform(0, 10, 400)
    frame = pd.DataFrame({"id": [key(i) for i in range(400)], "start": start, "end": start + 0.1})
    rules = [Inequality("start", "end"), Unique(["id"])]
    drawn = SynthGAN(rules=rules, **MOMENT).fit(frame).sample(300)
    assert drawn["id"].is_unique
    assert not drawn["id"].isin(frame["id"]).any()


def test_conditions_that_rules_refuse_are_an_error_that_names_the_rules(gan):
    with pytest.raises(ConditionError, match="kept the rules 'low < high' under the conditions"):
        gan.sample(5, conditions={"low": 40, "high": 7})


def test_cells_that_no_row_has_together_are_refused():
    joint = RNG.random(3_000) < 0.3
    frame = pd.DataFrame({"kind": np.where(joint, "joint", "single"), "amount": RNG.normal(size=3_000)})
    frame["partner"] = pd.Series(RNG.normal(size=3_000)).where(joint)
    gan = SynthGAN(**MOMENT).fit(frame)
    with pytest.raises(ConditionError, match="No row can have 'kind' = joint and 'partner' missing"):
        gan.sample(5, conditions={"kind": "joint", "partner": None})
    with pytest.raises(ConditionError, match="No row can have 'kind' = single and 'partner' = 0"):
        gan.sample(5, conditions={"kind": "single", "partner": 0.5})
    assert gan.sample(5, conditions={"kind": "single", "partner": None})["partner"].isna().all()


def test_a_day_that_is_given_agrees_with_all_that_says_it_or_is_refused():
    when = pd.Series(pd.Timestamp("2019-03-07") + pd.to_timedelta(RNG.integers(10**8, size=N_ROWS), unit="s"))
    frame = pd.DataFrame({"when": when, "day": when.dt.normalize(), "text": when.dt.strftime("%Y-%m-%d")})
    frame["key"] = frame["same"] = [f"A{i:05d}" for i in range(N_ROWS)]
    gan = SynthGAN(**MOMENT).fit(frame)
    drawn = gan.sample(50, conditions={"day": frame["day"][3]})
    assert (drawn["day"] == frame["day"][3]).all()
    for rows in (drawn, gan.sample(50, conditions={"text": frame["text"][5]})):
        assert (rows["when"].dt.normalize() == rows["day"]).all()
        assert (rows["when"].dt.strftime("%Y-%m-%d") == rows["text"]).all()
        assert (rows["key"] == rows["same"]).all()
    unseen = pd.date_range("2019-03-08", "2022-01-01").difference(frame["day"])[0]
    with pytest.raises(ConditionError, match="kept what holds in every row of the table under the cond"):
        gan.sample(5, conditions={"day": unseen})
