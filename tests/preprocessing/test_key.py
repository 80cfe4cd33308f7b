import re
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rows_of_encoders import decoded, round_trip

from synthgan.exceptions import DataError
from synthgan.preprocessing import TableEncoder, infer_schema
from synthgan.preprocessing.base import CodingOptions
from synthgan.preprocessing.key import KeyEncoder
from synthgan.preprocessing.key_form import Turn

RNG = np.random.default_rng(0)


def kind_of(cells, name="x"):
    return infer_schema(pd.DataFrame({name: cells}))[name].kind


def new_keys(cells):
    """As many keys as there are cells, which are taken for keys: all different, and none of the cells."""
    assert kind_of(cells) == "key"
    frame = pd.DataFrame({"x": cells})
    drawn = round_trip(frame)["x"]
    assert drawn.isna().equals(frame["x"].isna())
    assert drawn.dropna().is_unique
    assert not drawn.dropna().isin(frame["x"]).any()
    return drawn


def test_text_that_differs_in_nearly_every_row_is_a_key():
    keys = [f"K{i:04d}" for i in range(150)]
    assert kind_of(keys) == "key"
    assert kind_of([*keys, keys[0]]) == "key"
    for cells in (keys[:99], [*keys, *[None] * 200], [*keys, *keys[:4]]):
        assert kind_of(cells) == "categorical"


def random_text(letters, length, n=300):
    return ["".join(RNG.choice(list(letters), size=length)) for _ in range(n)]


@pytest.mark.parametrize(
    "cells",
    [
        random_text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/", 22),
        [f"user:{i}" for i in range(300)],
        [f"DE{i % 97:02d} 5001 0517 {i * 7919 % 10_000:04d} 3249 {i % 10:02d}" for i in range(300)],
        [f"2001:db8::{i:x}" for i in range(300)],
        [f"HTTPS://x.de/{i}" for i in range(300)],
        [f"0171/{100991 + 13 * i}" for i in range(300)],
        [f"auth0|{text}" for text in random_text("0123456789abcdef", 24)],
        [f"urn:uuid:{UUID(int=int(n), version=4)}" for n in RNG.integers(2**62, size=300)],
        [f"978-3-16-{148410 + i}-{i % 10}" for i in range(300)],
        [f"10.0.{i // 250}.{i % 250}:80" for i in range(300)],
        [f"{i:03d}-809-3051 x{598 + i}" for i in range(300)],
        [f"B-QW {5559 + i}" for i in range(300)],
        [f"/home/user/data/{text}.csv" for text in random_text("abcdef", 6)],
        [f"{text}.example.com/" for text in random_text("abcdef", 6)],
        [f"ORD {i:06d}" for i in range(300)],
        [str(number) for number in RNG.permutation(10**6)[:300]],
    ],
    ids=lambda cells: cells[1],
)
def test_text_of_a_form_that_says_nothing_is_a_key(cells):
    new_keys(cells)


DAYS = pd.date_range("2021-01-01", periods=200)


@pytest.mark.parametrize(
    "cells",
    [
        [str(day) for day in DAYS.date],
        [f"{i / 4:.2f}" for i in range(200)],
        ["".join(letters) for letters in zip("abcdefghij" * 20, *["klmnopqrst" * 20] * 2, strict=True)],
        [f"{i}:30" for i in range(200)],
        [day.strftime("%d/%m/%y") for day in DAYS],
        [str(day) for day in pd.date_range("2021-01-01", periods=200, freq="h")],
        [f"{i / 4:.2f}kg" for i in range(200)],
        [day.strftime("%Y%m%d") for day in DAYS],
        [day.strftime("%Y%m%d%H%M%S") for day in DAYS],
        [day.strftime("%d-%b-%Y") for day in DAYS],
        [day.strftime("%d%b%Y") for day in DAYS],
        [f"{1990 + i // 4}Q{i % 4 + 1}" for i in range(200)],
        [f"{1990 + i // 52}-W{i % 52 + 1:02d}" for i in range(200)],
        [f"{1.5 * i:.3e}" for i in range(200)],
        [f"{i} km" for i in range(200)],
        [f"${i + 2},{7 * i % 1000:03d}.44" for i in range(200)],
        [f"EUR {7 * i}.{i % 100:02d}" for i in range(200)],
        [f"{i + 1}.{7 * i % 1000:03d},{i % 100:02d}" for i in range(200)],
        [f"{i / 3:.4f},{-i / 7:.4f}" for i in range(200)],
        [f"{i / 7:.3f} kilograms" for i in range(200)],
        [f"{sort}{i:02d}.{j}" for sort in "ABCI" for i in range(10, 30) for j in range(3)],
    ],
    ids=lambda cells: cells[1],
)
def test_text_that_says_something_is_no_key(cells):
    assert kind_of(cells) == "categorical"


def test_numbers_that_go_together_with_others_are_no_keys_but_where_they_are_called_so():
    money = RNG.permutation(10**6)[:300]
    step = np.arange(300)
    frame = pd.DataFrame({"money": money.astype(str), "tax": money * 0.3, "step": step})
    frame["path"] = step * 0.5 + RNG.normal(size=300)
    kinds = {column.name: column.kind for column in infer_schema(frame)}
    assert kinds == {"money": "categorical", "tax": "numerical", "step": "numerical", "path": "numerical"}
    for name in ("order_id", "No", "row number", "Unnamed: 0", "index"):
        assert infer_schema(frame.rename(columns={"step": name}))[name].kind == "key"


@pytest.mark.parametrize("name", ["customer_id", "id", "orderId", "PK"])
def test_whole_numbers_that_are_called_keys_are(name):
    assert kind_of(1001 + RNG.permutation(300), name) == "key"
    assert kind_of(1001 + RNG.permutation(300), "paid") == "numerical"


def test_what_many_keys_share_is_learned_beside_other_columns():
    country = RNG.choice(["DE", "FR", "US"], size=900, p=[0.5, 0.3, 0.2])
    frame = pd.DataFrame({"x": [f"{c}-{i:06d}" for i, c in enumerate(country)], "country": country})
    encoder = TableEncoder().fit(frame)
    table = encoder.transform(frame)
    drawn = decoded(encoder, table)
    assert encoder.layout_.spans[0].n_codes == 3
    assert (drawn["x"].str[:2] == drawn["country"]).all()
    assert not drawn["x"].isin(frame["x"]).any()
    renewed = encoder.with_fresh_keys(drawn, np.random.default_rng(1))
    assert (renewed["x"].str[:2] == drawn["country"]).all()


def uuids(n_rows):
    return [UUID(int=int(n), version=4) for n in RNG.integers(2**62, size=n_rows)]


A, B = ([text[: 5 + i % 3] for i, text in enumerate(random_text("abcdefghijklm", 7))] for _ in "ab")
NUMBERS = 10_000 + np.arange(300) * 601
MAILS = [f"u{i}@x.org" for i in range(300)]
BYTE = r"(1?\d?\d|2[0-4]\d|25[0-5])"
RANDOM = {
    "hex": ("0123456789abcdef", 32),
    "short hex": ("0123456789abcdef", 8),
    "Crockford": ("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26),
    "vehicles": ("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", 17),
    "base64": ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", 22),
}
#: Keys, and what all new ones match.
FORMS = {
    "positions": ([f"K-{7 * i:05d}a" for i in range(1, 300)], r"K-0\d{4}a"),
    "a letter or none": ([f"{'C' if i % 2 else ''}{536_366 + i}" for i in range(300)], r"C?\d{6}"),
    "no zeros in front": ([f"user{i}" for i in range(1, 2_000)], r"user[1-9]\d*"),
    "few UUIDs": (list(map(str, uuids(200))), r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "UUIDs": (
        list(map(str, uuids(2_000))),
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    ),
    "mail": (
        [f"{a}.{b}@{('mail', 'post')[i % 2]}.org" for i, (a, b) in enumerate(zip(A, B, strict=True))],
        r"[a-z]+\.[a-z]+@(mail|post)\.org",
    ),
    "web": (
        [f"https://shop.example.com/item/{n}?ref={a}" for n, a in zip(NUMBERS, A, strict=True)],
        r"https://shop\.example\.com/item/\d+\?ref=[a-z]+",
    ),
    "network": ([f"10.{i % 256}.{i // 2}.7" for i in range(300)], rf"10\.{BYTE}\.{BYTE}\.7"),
    "telephone": ([f"+49 (30) {n}" for n in NUMBERS], r"\+49 \(30\) \d{5,6}"),
    "file": ([f"IMG_{n}.jpg" for n in NUMBERS], r"IMG_\d{5,6}\.jpg"),
    "card": ([f"4929 {7 * i:04d} {31 * i:04d} {i:04d}" for i in range(300)], r"4929 \d{4} \d{4} \d{4}"),
    "of Arrow": (pd.Series(MAILS, dtype=pd.ArrowDtype(pa.string())), r"u\d+@x\.org"),
    # Where these have run out, keys grow.
    "digits": ([f"{i:03d}" for i in range(1_000)], r".{1,5}"),
    "a letter and digits": ([f"u{i:03d}" for i in range(1_000)], r".{1,6}"),
    "a letter and numbers": ([f"C{i}" for i in range(1_000)], r".{1,6}"),
} | {name: (random_text(*form), f"[{re.escape(form[0])}]{{{form[1]}}}") for name, form in RANDOM.items()}


@pytest.mark.parametrize(("cells", "pattern"), FORMS.values(), ids=FORMS)
def test_new_keys_have_the_form_of_the_old_and_are_new_and_different(cells, pattern):
    drawn = new_keys(cells)
    assert drawn.str.fullmatch(pattern).all(), drawn[~drawn.str.fullmatch(pattern)].iloc[0]


def test_marks_that_stand_anywhere_are_letters_among_others():
    cells, _ = FORMS["base64"]
    assert new_keys(cells).str.contains("[_-]").any()


@pytest.mark.parametrize("form", ["{:03d}", "u{:03d}", "C{}", "{:05d}-{:02d}", "A{0:x}", "{}@{}.org"])
@pytest.mark.parametrize("n_turns", [2, 7, 300])
def test_no_turn_draws_the_key_of_another(form, n_turns):
    frame = pd.DataFrame({"x": [form.format(i, i % 97) for i in range(600)]})
    encoder = KeyEncoder().fit(frame["x"], CodingOptions())
    codes, rng = encoder.transform(frame["x"])[0][:40], np.random.default_rng(0)
    turns = [Turn(index, n_turns, 40 * index) for index in range(n_turns)]
    drawn = pd.concat([encoder.for_turn(turn).inverse_transform(codes, rng=rng) for turn in turns])
    assert drawn.is_unique
    assert not drawn.isin(frame["x"]).any()


def test_turns_count_on_from_the_rows_before():
    column = pd.Series(range(1, 301))
    encoder = KeyEncoder().fit(column, CodingOptions()).for_turn(Turn(2, 5, 700))
    drawn = encoder.inverse_transform(np.zeros(3, dtype=int), rng=np.random.default_rng(0))
    assert drawn.tolist() == [1001, 1002, 1003]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (range(1, 301), "key"),
        (range(300), "key"),
        (range(300, 0, -1), "numerical"),
        (RNG.permutation(300), "numerical"),
        (range(1850, 2000), "numerical"),
        (range(0, 3000, 10), "numerical"),
        ([*range(1, 300), 1], "numerical"),
        (range(99), "numerical"),
    ],
    ids=["from 1", "from 0", "down", "in no order", "years", "a grid", "twice", "few rows"],
)
def test_whole_numbers_are_keys_where_they_count_the_rows_in_order(cells, kind):
    assert kind_of(list(cells)) == kind


@pytest.mark.parametrize("dtype", ["int16", "uint64", "Int32", "int64[pyarrow]", "float64"])
def test_numbered_rows_are_numbered_on(dtype):
    frame = pd.DataFrame({"x": pd.Series(range(1, 301), dtype=dtype)})
    drawn = round_trip(frame)["x"]
    assert drawn.dtype == frame["x"].dtype
    if dtype != "float64":
        assert drawn.tolist() == list(range(301, 601))


def test_numbers_whose_type_has_no_room_for_more_are_no_keys_unless_a_user_says_so():
    frame = pd.DataFrame({"x": pd.Series(range(100), dtype="int8")})
    assert infer_schema(frame)["x"].kind == "numerical"
    with pytest.raises(DataError, match="'x' is numbered up to 99, and 100 numbers more do not fit int8"):
        round_trip(frame, kinds={"x": "key"})


def test_missing_keys_stay_missing():
    new_keys([None if i % 5 == 0 else f"K{i:04d}" for i in range(300)])


def test_uuids_get_new_uuids():
    assert all(isinstance(cell, UUID) and cell.version == 4 for cell in new_keys(uuids(200)))


def test_keys_are_taken_as_such_where_a_user_says_so():
    frame = pd.DataFrame({"x": [f"{i} of 50" for i in range(50)]})
    with pytest.raises(DataError, match="'x' cannot be of kind 'key'"):
        infer_schema(frame.assign(x="same"), {"x": "key"})
    assert not round_trip(frame, kinds={"x": "key"})["x"].isin(frame["x"]).any()
