"""Laws of declared rules: what breaks them is named, and no drawn row does."""

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rows_of_encoders import check_stored, decoded, put_right

from synthgan.exceptions import DataError, ParameterError
from synthgan.preprocessing import TableEncoder
from synthgan.preprocessing.declared import read_rules
from synthgan.preprocessing.rules import Bounds, Combinations, Inequality, Rule, Sum, Unique

N_ROWS = 400
RNG = np.random.default_rng(0)


def frame_of_rules():
    """A table that keeps every rule below, with gaps."""
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.integers(500, size=N_ROWS), unit="D")
    span = pd.to_timedelta(RNG.integers(40, size=N_ROWS), unit="D")
    net, tax = np.round(RNG.lognormal(3, 1, N_ROWS), 2), np.round(RNG.lognormal(1, 1, N_ROWS), 2)
    city = RNG.integers(9, size=N_ROWS)
    frame = pd.DataFrame(
        {
            "start": start,
            "end": start + span,
            "span": span,
            "net": net,
            "tax": tax,
            "gross": np.round(net + tax, 2),
            "low": RNG.integers(50, size=N_ROWS),
            "city": [f"city {i}" for i in city],
            "street": [f"street {i}" for i in (city + RNG.integers(3, size=N_ROWS)) % 9],
            "number": np.round(city + RNG.random(N_ROWS), 1),
            "badge": RNG.permutation(10**6)[:N_ROWS],
        }
    )
    frame["high"] = (frame["low"] + RNG.integers(50, size=N_ROWS)).astype("Int64")
    frame["day"] = pd.Series(frame["start"].dt.date, dtype=object)
    frame["price"] = pd.Series([Decimal(int(n)).scaleb(-2) for n in frame["high"]], dtype=object)
    for place, name in enumerate(("end", "gross", "high")):
        frame[name] = frame[name].mask(np.arange(N_ROWS) % 10 == place)
    return frame


FRAME = frame_of_rules()
RULES = {
    "bounds": Bounds("net", 0, 10**6),
    "bounds of days": Bounds("day", "2020-01-01"),
    "bounds of decimals": Bounds("price", maximum="1.00"),
    "bounds of instants": Bounds("start", "2020-01-01", "2030-01-01"),
    "inequality": Inequality("low", "high"),
    "inequality of instants": Inequality("start", "end"),
    "sum": Sum("gross", ["net", "tax"]),
    "sum with tolerance": Sum("gross", ["tax", "net"], 0.5),
    "sum of spans": Sum("end", ["start", "span"]),
    "combinations": Combinations(["city", "street"]),
    "combinations with a number": Combinations(["city", "number"]),
    "unique": Unique(["badge"]),
    "unique together": Unique(["city", "badge"]),
}


@pytest.fixture(params=RULES)
def rule(request):
    return RULES[request.param]


def test_a_rule_comes_back_from_json(rule):
    again = Rule.from_dict(json.loads(json.dumps(rule.to_dict())))
    assert type(again) is type(rule)
    assert again.to_dict() == rule.to_dict()
    assert str(again) == str(rule)
    assert set(rule.names) <= set(FRAME)
    assert not again.broken(FRAME).any()


def test_rows_that_break_a_rule_or_cannot_are_few_after_mending(rule, tmp_path):
    encoder, back = put_right(FRAME, rules=[rule])
    stored = check_stored(encoder, FRAME, tmp_path)
    np.testing.assert_array_equal(stored.broken(back), encoder.broken(back))
    _, as_drawn = put_right(FRAME)
    if rule.kind in ("sum", "combinations"):
        assert encoder.broken(as_drawn).any()
        assert not encoder.broken(back).any()
    else:
        np.testing.assert_array_equal(encoder.broken(back), encoder.broken(as_drawn))


def test_mending_leaves_given_cells_alone(rule):
    for name in rule.names:
        encoder, back = put_right(FRAME, {name: FRAME[name].dropna().iloc[7]}, rules=[rule])
        if rule.kind == "combinations":
            assert not encoder.broken(back).any()
        for other in rule.names:
            if FRAME[other].dtype.kind in "iufmM":  # no sum is worth a cell beyond what was seen
                assert back[other].dropna().between(FRAME[other].min(), FRAME[other].max()).all()


BROKEN = {
    "bounds": (Bounds("low", 1), FRAME.assign(low=0), "1 <= low"),
    "inequality": (Inequality("low", "high", strict=True), FRAME.assign(high=FRAME["low"]), "low < high"),
    "sum": (Sum("gross", ["net", "tax"]), FRAME.assign(tax=-1.0), "gross = net [+] tax"),
    "unique": (Unique(["badge"]), FRAME.assign(badge=3), "no two rows are alike in 'badge'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_rule_that_the_table_breaks_is_an_error_that_names_rows(name):
    rule, frame, words = BROKEN[name]
    rows = np.flatnonzero(rule.broken(frame))
    assert len(rows) > 8
    with pytest.raises(
        DataError, match=rf"{words} does not hold in {len(rows)} rows .*from 0: {rows[0]}, .* more\."
    ):
        TableEncoder(rules=[rule]).fit(frame)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"kind": "inequalty", "low": "a"}], "Did you mean 'inequality'"),
        ([{"low": "a", "high": "b"}], "kinds 'bounds', .* got None"),
        ([{"kind": "sum", "totl": "a"}], "is made of 'total', 'parts', 'tolerance'; got 'totl'"),
        (["a <= b"], "A rule is one of"),
        ({"kind": "bounds"}, "sequence of rules"),
        ("a <= b", "sequence of rules"),
        (3, "sequence of rules"),
    ],
)
def test_what_is_no_rule_is_refused(rules, message):
    with pytest.raises(ParameterError, match=message):
        read_rules(rules)


def test_arrow_columns_and_gaps_are_compared_as_others():
    days = [dt.date(2020, 1, 1), dt.date(2020, 1, 2), None]
    frame = pd.DataFrame(
        {
            "a": pd.Series(days * 40, dtype=pd.ArrowDtype(pa.date32())),
            "b": pd.Series(days[1:2] * 120, dtype=pd.ArrowDtype(pa.date32())),
        }
    )
    rules = [Inequality("a", "b"), Bounds("a", "2020-01-01", dt.date(2020, 1, 2))]
    encoder = TableEncoder(rules=rules).fit(frame)
    assert not encoder.broken(frame).any()
    assert encoder.broken(frame.assign(b=frame["a"].where(frame["a"].isna(), days[0]))).sum() == 40


def test_uniqueness_counts_the_rows_of_the_table_and_not_missing_cells():
    frame = pd.DataFrame({"id": pd.Series([None, None, *range(100)], dtype="Int64")})
    encoder = TableEncoder(rules=[Unique(["id"])]).fit(frame)
    drawn = pd.DataFrame({"id": pd.Series([None, None, 7, 500, 500, 501], dtype="Int64")})
    assert encoder.broken(drawn).tolist() == [False, False, True, False, True, False]


def test_combinations_come_as_near_to_what_was_drawn_as_there_are():
    frame = pd.DataFrame({"a": [1, 1, 5, 9] * 30, "b": ["x", "y", "x", "z"] * 30})
    encoder = TableEncoder(rules=[Combinations(["a", "b"])]).fit(frame)
    table = encoder.transform(frame)
    table.codes[:, 1] = table.codes[0, 1]  # x, which 9 does not go with, and 5 does
    back = decoded(encoder, table)
    assert (back["a"][frame["a"] == 5] == 5).all()
    beside_9 = back[frame["a"] == 9]
    assert set(zip(beside_9["a"], beside_9["b"], strict=True)) <= {(9, "z"), (5, "x")}


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint16", "Int8", "uint64", "float32", "float16"])
def test_sums_do_not_wrap_around_and_stay_in_the_range_that_was_seen(dtype):
    a = RNG.integers(0, 64, size=N_ROWS)
    b = RNG.integers(0, 64 - a // 2)
    frame = pd.DataFrame({"a": a, "b": b, "t": a + b})
    if dtype.startswith("float"):
        frame = frame / 4
    frame = frame.astype(dtype)
    encoder, back = put_right(frame, rules=[Sum("t", ["a", "b"])])
    for name in frame:
        assert back[name].between(frame[name].min(), frame[name].max()).all()
    kept = back[~encoder.broken(back)].astype("float64")
    assert len(kept) > 0.8 * N_ROWS
    np.testing.assert_allclose(kept["t"], kept["a"] + kept["b"], rtol=4e-3 if dtype == "float16" else 1e-6)


def test_what_follows_from_a_cell_that_a_rule_has_changed_follows_anew():
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.integers(400, size=2000), unit="D")
    span = pd.to_timedelta(RNG.integers(90, size=2000), unit="D")
    frame = pd.DataFrame({"start": start, "span": span, "end": start + span})
    frame["month"] = frame["end"].dt.month
    frame["season"] = np.array(list("wwsssuuuaaaw"))[frame["month"] - 1]
    encoder, back = put_right(frame, rules=[Sum("end", ["start", "span"])])
    kept = back[~encoder.broken(back)]
    assert len(kept) > 1000
    assert (kept["end"] == kept["start"] + kept["span"]).all()
    assert (kept["end"].dt.month == kept["month"]).all()
    seasons = frame.groupby("month")["season"].first()
    assert (kept["season"] == kept["month"].map(seasons)).all()


NAMELESS = [Inequality(["a"], "b"), Unique([]), Combinations([]), Unique("id"), Bounds(["id"]), Sum("id", 3)]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Inequality("lo", "high"), "lo <= high is about column 'lo'.* Did you mean 'low'"),
        (Inequality("city", "high"), "city <= high cannot be checked"),
        *((rule, f"A rule of kind '{rule.kind}' must name its columns") for rule in NAMELESS),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_a_rule_about_no_columns_or_about_some_that_cannot_be_compared_is_an_error(rule, message):
    with pytest.raises(DataError, match=message):
        TableEncoder(rules=[rule]).fit(FRAME)


def test_values_of_any_sort_come_back_from_a_file(tmp_path):
    spans = pd.Series(np.empty(3), dtype=object)
    spans[:] = [dt.timedelta(1), dt.timedelta(2), None]
    frame = pd.DataFrame({"t": spans.repeat(30).to_numpy(), "n": pd.array([0, 1, None] * 30, dtype="Int64")})
    frame["m"] = frame["n"]
    rules = [Bounds("t", dt.timedelta(0)), Bounds("n", np.int64(0)), Sum("n", ["m"], np.float64(0.5))]
    encoder = TableEncoder(rules=rules).fit(frame)
    stored = check_stored(encoder, frame, tmp_path)
    assert not stored.broken(frame).any()
    nothing = pd.array([None] * 90, dtype="Int64")
    assert not stored.broken(frame.assign(n=nothing, m=nothing)).any()


def test_narrow_integers_beside_floats_are_no_excuse_for_rounding():
    frame = pd.DataFrame({"a": pd.Series([100] * 9, dtype="int16"), "b": [0.5] * 9, "t": [100.5] * 9})
    rule = Sum("t", ["a", "b"])
    assert not rule.broken(frame).any()
    assert rule.broken(frame.assign(t=100.6)).all()
