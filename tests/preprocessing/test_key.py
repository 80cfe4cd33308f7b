from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthgan.exceptions import DataError
from synthgan.preprocessing import TableEncoder, infer_schema
from synthgan.preprocessing.base import CodingOptions
from synthgan.preprocessing.key import KeyEncoder
from synthgan.preprocessing.key_form import Turn

RNG = np.random.default_rng(0)


def kind_of(cells, name="x"):
    return infer_schema(pd.DataFrame({name: cells}))[name].kind


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
    assert kind_of(cells) == "key"
    drawn = draw_as_many(pd.DataFrame({"x": cells}))
    assert drawn.is_unique
    assert not drawn.isin(cells).any()


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
    drawn = encoder.inverse_transform(table, rng=np.random.default_rng(0))
    assert encoder.layout_.spans[0].n_codes == 3
    assert (drawn["x"].str[:2] == drawn["country"]).all()
    assert not drawn["x"].isin(frame["x"]).any()
    renewed = encoder.with_fresh_keys(drawn, np.random.default_rng(1))
    assert (renewed["x"].str[:2] == drawn["country"]).all()


def test_positions_keep_what_was_seen_there():
    texts = [str(UUID(int=int(n), version=4)) for n in RNG.integers(2**62, size=2_000)]
    drawn = draw_as_many(pd.DataFrame({"x": texts}))
    assert all(UUID(text).version == 4 for text in drawn)
    cells = [f"{'C' if i % 2 else ''}{536_366 + i}" for i in range(300)]
    assert draw_as_many(pd.DataFrame({"x": cells})).str.fullmatch(r"C?\d{6}").all()


def test_numbers_in_keys_get_no_zeros_in_front():
    drawn = draw_as_many(pd.DataFrame({"x": [f"user{i}" for i in range(1, 2_000)]}))
    assert drawn.str.fullmatch(r"user[1-9]\d*").all()


def draw_as_many(frame):
    encoder = TableEncoder().fit(frame)
    return encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))["x"]


def test_new_keys_have_the_form_of_the_old_and_are_new_and_different():
    frame = pd.DataFrame({"x": [f"K-{7 * i:05d}a" for i in range(1, 300)]})
    drawn = draw_as_many(frame)
    assert drawn.str.fullmatch(r"K-0\d{4}a").all()
    assert drawn.is_unique
    assert not drawn.isin(frame["x"]).any()


FORMS = {
    "mail": ("{a}.{b}@{c}.org", r"[a-z]+\.[a-z]+@(mail|post)\.org"),
    "web": ("https://shop.example.com/item/{n}?ref={a}", r"https://shop\.example\.com/item/\d+\?ref=[a-z]+"),
    "network": ("10.{m}.{k}.7", r"10\.(1?\d?\d|2[0-4]\d|25[0-5])\.(1?\d?\d|2[0-4]\d|25[0-5])\.7"),
    "telephone": ("+49 (30) {n}", r"\+49 \(30\) \d{5,6}"),
    "file": ("IMG_{n}.jpg", r"IMG_\d{5,6}\.jpg"),
    "card": ("4929 {k4} {m4} {n4}", r"4929 \d{4} \d{4} \d{4}"),
}


@pytest.mark.parametrize(("form", "pattern"), FORMS.values(), ids=FORMS)
def test_keys_with_marks_get_new_ones_with_these_marks(form, pattern):
    a, b = (["".join(RNG.choice(list("abcdefghijklm"), size=5 + i % 3)) for i in range(300)] for _ in "ab")
    numbers = 10_000 + np.arange(300) * 601
    cells = [
        form.format(
            a=a[i], b=b[i], c=("mail", "post")[i % 2], n=numbers[i], m=i % 256, k=i // 2, k4=f"{7 * i:04d}",
            m4=f"{31 * i:04d}", n4=f"{i:04d}",
        )
        for i in range(300)
    ]  # fmt: skip
    frame = pd.DataFrame({"x": cells})
    assert infer_schema(frame)["x"].kind == "key"
    drawn = draw_as_many(frame)
    assert drawn.str.fullmatch(pattern).all(), drawn[~drawn.str.fullmatch(pattern)].iloc[0]
    assert drawn.is_unique
    assert not drawn.isin(cells).any()


def test_marks_that_stand_anywhere_are_letters_among_others():
    letters = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    cells = ["".join(RNG.choice(letters, size=11)) for _ in range(400)]
    drawn = draw_as_many(pd.DataFrame({"x": cells}))
    assert drawn.str.fullmatch(r"[A-Za-z0-9_\-]{11}").all()
    assert drawn.str.contains("[_-]").any()


@pytest.mark.parametrize("form", ["{:03d}", "u{:03d}", "C{}"])
def test_keys_grow_where_their_form_has_run_out(form):
    frame = pd.DataFrame({"x": [form.format(i) for i in range(1_000)]})
    drawn = draw_as_many(frame)
    assert drawn.is_unique
    assert not drawn.isin(frame["x"]).any()
    assert drawn.str.len().max() <= frame["x"].str.len().max() + 2


OF_TURNS = ["{:03d}", "u{:03d}", "C{}", "{:05d}-{:02d}", "A{0:x}", "{}@{}.org"]


@pytest.mark.parametrize("form", OF_TURNS)
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
    frame = pd.DataFrame({"x": list(cells)})
    assert infer_schema(frame)["x"].kind == kind


@pytest.mark.parametrize("dtype", ["int16", "uint64", "Int32", "int64[pyarrow]", "float64"])
def test_numbered_rows_are_numbered_on(dtype):
    frame = pd.DataFrame({"x": pd.Series(range(1, 301), dtype=dtype)})
    drawn = draw_as_many(frame)
    assert drawn.dtype == frame["x"].dtype
    if dtype != "float64":
        assert drawn.tolist() == list(range(301, 601))


def test_hexadecimal_numbers_stay_hexadecimal():
    frame = pd.DataFrame({"x": [str(UUID(int=int(n), version=4)) for n in RNG.integers(2**62, size=200)]})
    drawn = draw_as_many(frame)
    assert drawn.str.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").all()


def test_numbers_whose_type_has_no_room_for_more_are_no_keys_unless_a_user_says_so():
    frame = pd.DataFrame({"x": pd.Series(range(100), dtype="int8")})
    assert infer_schema(frame)["x"].kind == "numerical"
    encoder = TableEncoder(kinds={"x": "key"}).fit(frame)
    with pytest.raises(DataError, match="'x' is numbered up to 99, and 100 numbers more do not fit int8"):
        encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))


def test_missing_keys_stay_missing():
    cells = [None if i % 5 == 0 else f"K{i:04d}" for i in range(300)]
    frame = pd.DataFrame({"x": cells})
    assert infer_schema(frame)["x"].kind == "key"
    drawn = draw_as_many(frame)
    assert drawn.isna().equals(frame["x"].isna())
    assert drawn.dropna().is_unique
    assert not drawn.dropna().isin(cells).any()


def test_uuids_get_new_uuids():
    cells = [UUID(int=int(n), version=4) for n in RNG.integers(2**62, size=200)]
    frame = pd.DataFrame({"x": pd.Series(cells, dtype=object), "n": 1.5})
    assert infer_schema(frame)["x"].kind == "key"
    drawn = draw_as_many(frame)
    assert all(isinstance(cell, UUID) and cell.version == 4 for cell in drawn)
    assert drawn.is_unique
    assert not set(drawn) & set(cells)


def test_keys_are_taken_as_such_where_a_user_says_so():
    frame = pd.DataFrame({"x": [f"{i} of 50" for i in range(50)]})
    with pytest.raises(DataError, match="'x' cannot be of kind 'key'"):
        infer_schema(frame.assign(x="same"), {"x": "key"})
    encoder = TableEncoder(kinds={"x": "key"}).fit(frame)
    drawn = encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))["x"]
    assert not drawn.isin(frame["x"]).any()


def test_keys_of_arrow_are_keys_too():
    frame = pd.DataFrame(
        {"x": pd.Series([f"u{i}@x.org" for i in range(300)], dtype=pd.ArrowDtype(pa.string()))}
    )
    assert infer_schema(frame)["x"].kind == "key"
    assert draw_as_many(frame).str.fullmatch(r"u\d+@x\.org").all()


@pytest.mark.parametrize(
    ("letters", "length"),
    [
        ("0123456789abcdef", 32),
        ("0123456789abcdef", 8),
        ("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26),
        ("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", 17),
        ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", 22),
    ],
    ids=["hex", "short hex", "Crockford", "vehicles", "base64"],
)
def test_random_text_keeps_its_length_and_letters(letters, length):
    drawn = draw_as_many(pd.DataFrame({"x": random_text(letters, length)}))
    assert (drawn.str.len() == length).all()
    assert set("".join(drawn)) <= set(letters)
