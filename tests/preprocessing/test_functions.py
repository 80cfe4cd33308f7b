"""Laws of columns that others determine: what is found, and that every drawn row keeps it."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from rows_of_encoders import ask, breaks, check_stored, decoded, put_right, round_trip

from synthgan.exceptions import ConditionError
from synthgan.preprocessing import CodingOptions, TableEncoder

N_ROWS = 600
RNG = np.random.default_rng(0)
CODES = RNG.integers(12, size=N_ROWS)


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
    "date": lambda codes: pd.Series([dt.date(2020, 1, 5 + int(code)) for code in codes], dtype=object),
    "decimal": lambda codes: pd.Series([Decimal(int(code)).scaleb(-2) for code in codes], dtype=object),
    "arrow": lambda codes: pd.Series(codes, dtype="int64[pyarrow]"),
}


def found(encoder):
    """The sources, and the columns that each determines."""
    return [(function.source, function.columns) for function in encoder.ties_.functions]


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
    encoder, back = put_right(frame)
    assert found(encoder) == [(0, [2])]
    check_stored(encoder, frame, tmp_path)
    assert pairs(back, "fine", "coarse") <= pairs(frame, "fine", "coarse")
    assert pairs(back, "fine") == pairs(frame, "fine")


def with_holes(frame, *columns):
    """Return the frame with cells missing here and there."""
    rng = np.random.default_rng(2)
    return frame.assign(**{name: frame[name].mask(rng.random(len(frame)) < 0.1) for name in columns})


def whole_pairs(frame, *columns):
    return pairs(frame.dropna(subset=list(columns)), *columns)


@pytest.mark.parametrize("holes", [["coarse"], ["fine"], ["fine", "coarse"], ["fine", "coarse", "name"]])
def test_holes_hide_cells_and_what_is_determined_goes_together_around_them(holes):
    texts = {"fine": KINDS["text"](CODES), "coarse": KINDS["text"](CODES // 3)}
    frame = with_holes(
        pd.DataFrame(texts | {"name": "n" + texts["coarse"], "noise": RNG.integers(5, size=N_ROWS)}), *holes
    )
    encoder, back = put_right(frame)
    # Where the source hides, the others still agree.
    assert found(encoder) == [(0, [1, 2]), *([(1, [2])] if "fine" in holes else [])]
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
    encoder, back = put_right(frame)
    assert found(encoder) == [(0, [1, 2]), (1, [2])]
    assert whole_pairs(back, "fine", "coarse") <= whole_pairs(frame, "fine", "coarse")
    assert pairs(back, "coarse", "name") == pairs(frame, "coarse", "name")
    without = back.loc[back["fine"].isna(), "coarse"].value_counts(normalize=True)
    assert back["fine"].isna().sum() == is_hole.sum()
    assert without.sub(frame["coarse"].value_counts(normalize=True)).abs().max() < 4 * np.sqrt(
        0.25 / is_hole.sum()
    )


def test_cells_that_are_always_missing_beside_a_key_stay_so_beside_holes_elsewhere():
    date = pd.Series(pd.Timestamp("2001-02-03") + pd.to_timedelta(CODES, unit="D")).where(CODES % 3 == 0)
    is_hole = np.random.default_rng(4).random(N_ROWS) < 0.05
    frame = pd.DataFrame({"code": KINDS["text"](CODES), "date": date.mask(is_hole)})
    encoder, back = put_right(frame)
    assert found(encoder) == [(0, [1])]
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


def test_a_missing_source_is_as_rare_beside_what_is_asked_for():
    frame = with_holes(
        pd.DataFrame({"fine": KINDS["text"](CODES), "coarse": KINDS["text"](CODES // 3)}), "fine"
    )
    encoder, back = put_right(frame, {"coarse": "level 1"})
    assert back["fine"].isna().sum() == frame["fine"].isna().sum()
    assert not breaks(encoder, back)


def test_a_missing_cell_may_decide_one_column_and_not_another():
    is_missing = np.random.default_rng(8).random(N_ROWS) < 0.3
    code, date = (KINDS["text"](codes).mask(is_missing) for codes in (CODES, CODES // 2))
    region = np.where(is_missing, RNG.integers(4, size=N_ROWS), CODES // 3)
    frame = pd.DataFrame({"code": code, "date": date, "region": region})
    encoder, back = put_right(frame)
    assert encoder.ties_.functions[0].columns == [1, 2]
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
    encoder, back = put_right(frame)
    # Enough rows to tell the one, too few to tell the other.
    assert found(encoder) == [(2, [0]), (0, [1])]
    assert pairs(back, "x", "y") <= pairs(frame, "x", "y")


@pytest.mark.parametrize("kind", KINDS)
def test_columns_that_determine_each_other_go_together(kind):
    frame = pd.DataFrame({"a": KINDS[kind](CODES), "b": KINDS["text"](CODES), "c": KINDS["int64"](CODES)})
    encoder, back = put_right(frame)
    ((source, columns),) = found(encoder)
    assert sorted([source, *columns]) == [0, 1, 2]
    assert pairs(back, "a", "b", "c") <= pairs(frame, "a", "b", "c")


def test_two_sources_of_one_column_agree_on_it():
    fine, other = CODES, RNG.permutation(12)[3 * (CODES // 3) + RNG.integers(3, size=N_ROWS)]
    shared = pd.Series(CODES // 3)
    frame = pd.DataFrame(
        {"fine": fine, "other": KINDS["text"](other), "shared": shared, "own": KINDS["text"](CODES // 6)}
    )
    encoder, back = put_right(frame)
    assert sorted(found(encoder)) == [(0, [2, 3]), (1, [2, 3])]
    assert pairs(back, "fine", "shared", "own") <= pairs(frame, "fine", "shared", "own")
    assert pairs(back, "other", "shared", "own") <= pairs(frame, "other", "shared", "own")


@pytest.mark.parametrize("given", [{"coarse": 2}, {"fine": 5}, {"coarse": 0, "noise": 0.0}])
def test_conditions_hold_and_what_is_not_given_follows(given):
    noise = RNG.normal(size=N_ROWS)
    noise[0], noise[1], noise[2] = 0.0, -9.0, 9.0
    frame = pd.DataFrame({"fine": CODES, "noise": noise, "coarse": CODES // 3})
    _, back = put_right(frame, given)
    assert pairs(back, "fine", "coarse") <= pairs(frame, "fine", "coarse")
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
    back = round_trip(frame, options=CodingOptions(max_levels=100))
    assert (back["city"].str[1:].astype(int) % 10 == back["state"]).all()
    assert (back["state"] == frame["state"]).mean() > 0.99
    assert back["city"].nunique() > 1500


def test_numbers_between_others_that_say_the_same_stay_as_they_are():
    days = pd.Series(pd.Timestamp("2010-01-01") + pd.to_timedelta(RNG.integers(3650, size=8000), unit="D"))
    frame = pd.DataFrame({"day": days, "half": np.where(days < "2015-01-01", "first", "second")})
    encoder = TableEncoder().fit(frame)
    assert found(encoder) == [(0, [1])]
    back = decoded(encoder, encoder.transform(frame))
    assert ((back["day"] < "2015-01-01") == (back["half"] == "first")).all()
    assert (~back["day"].isin(frame["day"])).sum() > 20


COARSE, CHANCE = pd.Series(CODES // 6).astype("Int64"), RNG.integers(2, size=N_ROWS)
UNDETERMINED = {
    "one row breaks it": {"fine": CODES, "other": np.where(np.arange(N_ROWS) == 5, 99, CODES // 3)},
    "a constant": {"fine": CODES, "other": np.zeros(N_ROWS)},
    "chance": {"fine": CODES, "other": CHANCE},
    "few rows without a hole": {"fine": CODES, "other": COARSE.mask(np.arange(N_ROWS) >= 30)},
    "numbers that hardly come twice, and keys": {
        "number": RNG.normal(size=N_ROWS),
        "key": [f"K{i:04d}" for i in range(N_ROWS)],
        "label": CHANCE,
    },
    # Of forty cells that come twice each, all may well agree on what nearly every row has.
    "rare agreement": {"source": np.repeat(np.arange(40), 2), "label": (np.arange(80) < 2).astype(int)},
}


@pytest.mark.parametrize("name", UNDETERMINED)
def test_what_is_not_determined_is_not_found(name):
    assert found(TableEncoder().fit(pd.DataFrame(UNDETERMINED[name]))) == []
