"""Laws of columns that others determine: what is found, and that every drawn row keeps it."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from asking import ask

from synthgan.exceptions import ConditionError
from synthgan.persistence import read_model, write_model
from synthgan.preprocessing import CodingOptions, TableEncoder

N_ROWS = 600
RNG = np.random.default_rng(0)
CODES = RNG.integers(12, size=N_ROWS)


def objects(cells):
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return pd.Series(array, dtype=object)


#: For each kind a column with a cell for each of twelve codes, and one with fewer.
KINDS = {
    "text": lambda codes: pd.Series([f"level {code}" for code in codes]),
    "category": lambda codes: pd.Series([f"level {code}" for code in codes]).astype("category"),
    "int64": lambda codes: pd.Series(3 * codes - 7),
    "float64": lambda codes: pd.Series(0.1 * codes),
    "Int64 with gaps": lambda codes: pd.Series(codes, dtype="Int64").mask(codes == 3),
    "text with gaps": lambda codes: pd.Series([f"level {code}" for code in codes]).mask(codes == 0),
    "identifiers": lambda codes: pd.Series(np.array([2**60 + 7 * int(code) ** 9 for code in codes])),
    "datetime": lambda codes: pd.Series(pd.Timestamp("2020-01-05") + pd.to_timedelta(codes * 37, unit="D")),
    "date": lambda codes: objects([dt.date(2020, 1, 5) + dt.timedelta(int(code)) for code in codes]),
    "decimal": lambda codes: objects([Decimal(int(code)).scaleb(-2) for code in codes]),
    "arrow": lambda codes: pd.Series(codes, dtype="int64[pyarrow]"),
}


def drawn_apart(frame, encoder, seed=1):
    """Return rows whose columns were drawn independently of each other."""
    table = encoder.transform(frame)
    rng = np.random.default_rng(seed)
    for i in range(table.codes.shape[1]):
        order = rng.permutation(len(table))
        table.codes[:, i] = table.codes[order, i]
    return table


def pairs(frame, *columns):
    return {
        tuple(None if pd.isna(cell) else cell for cell in row)
        for row in frame[list(columns)].astype(object).to_numpy()
    }


@pytest.mark.parametrize("of", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_what_is_determined_is_found_and_kept(source, of, tmp_path):
    frame = pd.DataFrame(
        {"fine": KINDS[source](CODES), "noise": RNG.normal(size=N_ROWS), "coarse": KINDS[of](CODES // 3)}
    )
    encoder = TableEncoder().fit(frame)
    assert [(f.source, f.columns) for f in encoder.ties_.functions] == [(0, [2])]
    write_model(tmp_path / "encoder", encoder.state())
    stored = TableEncoder.from_state(read_model(tmp_path / "encoder"))
    table = drawn_apart(frame, encoder)
    back, again = (e.inverse_transform(table, rng=np.random.default_rng(0)) for e in (encoder, stored))
    pd.testing.assert_frame_equal(again, back)
    pd.testing.assert_series_equal(back.dtypes, frame.dtypes)
    assert pairs(back, "fine", "coarse") <= pairs(frame, "fine", "coarse")
    assert pairs(back, "fine") == pairs(frame, "fine")


def with_holes(frame, *columns, share=0.1, seed=2):
    """Return the frame with cells missing here and there."""
    rng = np.random.default_rng(seed)
    return frame.assign(**{name: frame[name].mask(rng.random(len(frame)) < share) for name in columns})


def whole_pairs(frame, *columns):
    return pairs(frame.dropna(subset=list(columns)), *columns)


@pytest.mark.parametrize("holes", [["coarse"], ["fine"], ["fine", "coarse"], ["fine", "coarse", "name"]])
def test_holes_hide_cells_and_what_is_determined_goes_together_around_them(holes):
    texts = {"fine": KINDS["text"](CODES), "coarse": KINDS["text"](CODES // 3)}
    frame = with_holes(
        pd.DataFrame(texts | {"name": "n" + texts["coarse"], "noise": RNG.integers(5, size=N_ROWS)}), *holes
    )
    encoder = TableEncoder().fit(frame)
    first, *others = ((f.source, f.columns) for f in encoder.ties_.functions)
    assert first == (0, [1, 2])
    assert others == ([(1, [2])] if "fine" in holes else [])  # where the source hides, the others still agree
    back = encoder.inverse_transform(drawn_apart(frame, encoder), rng=np.random.default_rng(0))
    for names in (["fine", "coarse"], ["fine", "name"], ["coarse", "name"]):
        assert whole_pairs(back, *names) <= whole_pairs(frame, *names)
    assert back.isna().sum().to_dict() == frame.isna().sum().to_dict()
    shares = [part["coarse"].value_counts(normalize=True) for part in (back, frame)]
    assert shares[0].sub(shares[1], fill_value=0).abs().max() < 4 * np.sqrt(0.25 / N_ROWS)


@pytest.mark.parametrize("source", ["float64", "datetime", "identifiers"])
def test_a_number_with_holes_decides_where_it_is_known(source):
    frame = pd.DataFrame({"fine": KINDS[source](CODES), "coarse": KINDS["text"](CODES // 3)})
    frame["name"] = "n" + frame["coarse"]
    is_hole = np.random.default_rng(3).random(N_ROWS) < 0.2
    if source == "identifiers":
        frame["fine"] = frame["fine"].astype("Int64")
    frame["fine"] = frame["fine"].mask(is_hole)
    encoder = TableEncoder().fit(frame)
    assert [(f.source, f.columns) for f in encoder.ties_.functions] == [(0, [1, 2]), (1, [2])]
    back = encoder.inverse_transform(drawn_apart(frame, encoder), rng=np.random.default_rng(0))
    assert whole_pairs(back, "fine", "coarse") <= whole_pairs(frame, "fine", "coarse")
    assert pairs(back, "coarse", "name") == pairs(frame, "coarse", "name")
    without = back.loc[back["fine"].isna(), "coarse"].value_counts(normalize=True)
    assert back["fine"].isna().sum() == is_hole.sum()
    assert without.sub(frame["coarse"].value_counts(normalize=True)).abs().max() < 4 * np.sqrt(
        0.25 / is_hole.sum()
    )


def test_cells_that_are_always_missing_beside_a_key_stay_so_beside_holes_elsewhere():
    married = pd.Series(CODES % 3 == 0)
    date = pd.Series(pd.Timestamp("2001-02-03") + pd.to_timedelta(CODES, unit="D")).where(married)
    is_hole = np.random.default_rng(4).random(N_ROWS) < 0.05
    frame = pd.DataFrame({"code": KINDS["text"](CODES), "date": date.mask(is_hole)})
    encoder = TableEncoder().fit(frame)
    assert [(f.source, f.columns) for f in encoder.ties_.functions] == [(0, [1])]
    back = encoder.inverse_transform(drawn_apart(frame, encoder), rng=np.random.default_rng(0))
    assert whole_pairs(back, "code", "date") <= whole_pairs(frame, "code", "date")
    assert set(back.loc[back["date"].notna(), "code"]) == set(frame.loc[frame["date"].notna(), "code"])


def test_a_key_that_only_stands_beside_holes_may_stand_beside_anything():
    """The three rows of one key all have a hole, of which half of the rows have one."""
    codes = np.concatenate([CODES, [12, 12, 12]])
    coarse = pd.Series([f"c{code // 3}" for code in codes])
    coarse = coarse.mask((np.random.default_rng(5).random(len(codes)) < 0.5) | (codes == 12))
    frame = pd.DataFrame({"fine": [f"level {code}" for code in codes], "coarse": coarse})
    encoder = TableEncoder().fit(frame)
    ask(encoder, {"fine": "level 12", "coarse": "c1"})
    ask(encoder, {"fine": "level 1", "coarse": None})
    with pytest.raises(ConditionError, match="No row can have 'fine' = level 1 and 'coarse' = c1"):
        ask(encoder, {"fine": "level 1", "coarse": "c1"})


def test_few_rows_without_a_hole_are_no_evidence():
    coarse = pd.Series(CODES // 6).astype("Int64").mask(np.arange(N_ROWS) >= 30)
    assert TableEncoder().fit(pd.DataFrame({"fine": CODES, "coarse": coarse})).ties_.functions == ()


def test_a_missing_source_is_as_rare_beside_what_is_asked_for():
    frame = with_holes(
        pd.DataFrame({"fine": KINDS["text"](CODES), "coarse": KINDS["text"](CODES // 3)}), "fine"
    )
    encoder = TableEncoder().fit(frame)
    asked = ask(encoder, {"coarse": "level 1"}, N_ROWS)
    back = encoder.inverse_transform(
        drawn_apart(frame, encoder), rng=np.random.default_rng(0), conditions=[asked]
    )
    assert back["fine"].isna().sum() == frame["fine"].isna().sum()
    assert not encoder.ties_.broken(back, encoder.encoders_, asked=True).any()


def test_a_missing_cell_may_decide_one_column_and_not_another():
    is_missing = np.random.default_rng(8).random(N_ROWS) < 0.3
    code, date = (KINDS["text"](codes).mask(is_missing) for codes in (CODES, CODES // 2))
    region = np.where(is_missing, RNG.integers(4, size=N_ROWS), CODES // 3)
    frame = pd.DataFrame({"code": code, "date": date, "region": region})
    encoder = TableEncoder().fit(frame)
    assert encoder.ties_.functions[0].columns == [1, 2]
    back = encoder.inverse_transform(drawn_apart(frame, encoder), rng=np.random.default_rng(0))
    assert back["date"].isna().equals(back["code"].isna())
    assert pairs(back, "code", "region") <= pairs(frame, "code", "region")
    with pytest.raises(ConditionError, match="No row can have 'code' missing and 'date'"):
        ask(encoder, {"code": None, "date": "level 1"})


def test_numbers_beyond_floats_stay_exact_beside_some_that_are_given():
    identifiers = KINDS["identifiers"](CODES)
    frame = pd.DataFrame({"name": KINDS["text"](CODES), "id": identifiers})
    encoder = TableEncoder().fit(frame)
    (function,) = encoder.ties_.functions
    drawn, other = frame.copy(), list(frame)[function.columns[0]]
    drawn[other] = frame[other].sample(frac=1, random_state=0).to_numpy()
    fixed = np.zeros(frame.shape, dtype=bool)
    fixed[::2, function.columns] = True
    back = encoder.ties_.keep(drawn, encoder.encoders_, fixed, np.random.default_rng(0))
    assert pairs(back, "name", "id") <= pairs(frame, "name", "id")


def test_a_nearly_empty_column_takes_no_function_from_others():
    frame = pd.DataFrame({"x": CODES, "y": CODES // 3})
    frame["sparse"] = pd.Series(np.nan, index=frame.index, dtype=object)
    for code in range(12):
        frame.loc[np.flatnonzero(code == CODES)[:2], "sparse"] = f"s{code}"
    encoder = TableEncoder().fit(frame)
    # Enough rows to tell the one, too few to tell the other.
    assert [(f.source, f.columns) for f in encoder.ties_.functions] == [(2, [0]), (0, [1])]
    back = encoder.inverse_transform(drawn_apart(frame, encoder), rng=np.random.default_rng(0))
    assert pairs(back, "x", "y") <= pairs(frame, "x", "y")


@pytest.mark.parametrize("kind", KINDS)
def test_columns_that_determine_each_other_go_together(kind):
    frame = pd.DataFrame({"a": KINDS[kind](CODES), "b": KINDS["text"](CODES), "c": KINDS["int64"](CODES)})
    encoder = TableEncoder().fit(frame)
    (function,) = encoder.ties_.functions
    assert sorted([function.source, *function.columns]) == [0, 1, 2]
    back = encoder.inverse_transform(drawn_apart(frame, encoder), rng=np.random.default_rng(0))
    assert pairs(back, "a", "b", "c") <= pairs(frame, "a", "b", "c")


def test_two_sources_of_one_column_agree_on_it():
    fine, other = CODES, RNG.permutation(12)[3 * (CODES // 3) + RNG.integers(3, size=N_ROWS)]
    shared = pd.Series(CODES // 3)
    frame = pd.DataFrame(
        {"fine": fine, "other": KINDS["text"](other), "shared": shared, "own": KINDS["text"](CODES // 6)}
    )
    encoder = TableEncoder().fit(frame)
    assert {f.source: f.columns for f in encoder.ties_.functions} == {0: [2, 3], 1: [2, 3]}
    back = encoder.inverse_transform(drawn_apart(frame, encoder), rng=np.random.default_rng(0))
    assert pairs(back, "fine", "shared", "own") <= pairs(frame, "fine", "shared", "own")
    assert pairs(back, "other", "shared", "own") <= pairs(frame, "other", "shared", "own")


@pytest.mark.parametrize("given", [{"coarse": 2}, {"fine": 5}, {"coarse": 0, "noise": 0.0}])
def test_conditions_hold_and_what_is_not_given_follows(given):
    noise = RNG.normal(size=N_ROWS)
    noise[0], noise[1], noise[2] = 0.0, -9.0, 9.0
    frame = pd.DataFrame({"fine": CODES, "noise": noise, "coarse": CODES // 3})
    encoder = TableEncoder().fit(frame)
    wanted = ask(encoder, given, N_ROWS)
    back = encoder.inverse_transform(
        drawn_apart(frame, encoder), rng=np.random.default_rng(0), conditions=[wanted]
    )
    assert pairs(back, "fine", "coarse") <= pairs(frame, "fine", "coarse")
    for name, value in given.items():
        assert (back[name] == value).all()
    if "fine" not in given:
        assert set(back["fine"]) == set(CODES[given["coarse"] == CODES // 3])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fine": 5, "coarse": 2}, "No row can have 'fine' = 5 and 'coarse' = 2: in the table one"),
        ({"coarse": 2, "name": "level 1"}, "'coarse' = 2 and 'name' = level 1"),
    ],
)
def test_conditions_that_contradict_each_other_are_refused(given, message):
    frame = pd.DataFrame({"fine": CODES, "coarse": CODES // 3, "name": KINDS["text"](CODES // 3)})
    encoder = TableEncoder().fit(frame)
    ask(encoder, {"fine": 7, "coarse": 2, "name": "level 2"})
    with pytest.raises(ConditionError, match=message):
        ask(encoder, given)


def test_a_rare_level_is_drawn_that_fits_what_it_determines():
    """Rare levels share codes, and beside a code the other column says which of them are meant."""
    cities = RNG.integers(2000, size=20_000)
    frame = pd.DataFrame({"city": [f"c{city}" for city in cities], "state": cities % 10})
    encoder = TableEncoder(CodingOptions(max_levels=100)).fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))
    assert (back["city"].str[1:].astype(int) % 10 == back["state"]).all()
    assert (back["state"] == frame["state"]).mean() > 0.99
    assert back["city"].nunique() > 1500


def test_numbers_between_others_that_say_the_same_stay_as_they_are():
    days = pd.Series(pd.Timestamp("2010-01-01") + pd.to_timedelta(RNG.integers(3650, size=8000), unit="D"))
    frame = pd.DataFrame({"day": days, "half": np.where(days < "2015-01-01", "first", "second")})
    encoder = TableEncoder().fit(frame)
    assert [(f.source, f.columns) for f in encoder.ties_.functions] == [(0, [1])]
    table = encoder.transform(frame)
    back = encoder.inverse_transform(table, rng=np.random.default_rng(0))
    assert ((back["day"] < "2015-01-01") == (back["half"] == "first")).all()
    assert (~back["day"].isin(frame["day"])).sum() > 20


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("one row breaks it", np.where(np.arange(N_ROWS) == 5, 99, CODES // 3)),
        ("a constant", np.zeros(N_ROWS)),
        ("chance", RNG.integers(2, size=N_ROWS)),
    ],
)
def test_what_is_not_determined_is_not_found(name, other):
    frame = pd.DataFrame({"fine": CODES, "other": other})
    assert TableEncoder().fit(frame).ties_.functions == ()


def test_numbers_that_hardly_come_twice_and_keys_determine_nothing():
    frame = pd.DataFrame(
        {
            "number": RNG.normal(size=N_ROWS),
            "key": [f"K{i:04d}" for i in range(N_ROWS)],
            "label": RNG.integers(2, size=N_ROWS),
        }
    )
    assert TableEncoder().fit(frame).ties_.functions == ()


def test_rare_agreement_by_chance_is_not_taken_for_a_function():
    """Of forty cells that come twice each, all may well agree on what nearly every row has."""
    source = np.repeat(np.arange(40), 2)
    label = np.zeros(80, dtype=int)
    label[:2] = 1
    assert TableEncoder().fit(pd.DataFrame({"source": source, "label": label})).ties_.functions == ()
