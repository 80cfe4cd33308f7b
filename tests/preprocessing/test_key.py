from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import DataError
from synthgan.preprocessing import TableEncoder, infer_schema

RNG = np.random.default_rng(0)


def test_one_text_that_differs_in_every_row_is_a_key_only_where_that_says_something():
    keys = [f"K{i:04d}" for i in range(150)]
    assert infer_schema(pd.DataFrame({"x": keys}))["x"].kind == "key"
    for column in (keys[:99], [*keys, *[None] * 200], [*keys, keys[0]], [key + "!" for key in keys]):
        assert infer_schema(pd.DataFrame({"x": column}))["x"].kind == "categorical"


@pytest.mark.parametrize(
    "column",
    [
        [str(day) for day in pd.date_range("2021-01-01", periods=200).date],
        [f"{i / 4:.2f}" for i in range(200)],
        ["".join(letters) for letters in zip("abcdefghij" * 20, *["klmnopqrst" * 20] * 2, strict=True)],
        [f"{i}:30" for i in range(200)],
        [day.strftime("%d/%m/%y") for day in pd.date_range("2021-01-01", periods=200)],
        [str(day) for day in pd.date_range("2021-01-01", periods=200, freq="h")],
        [f"{i / 4:.2f}kg" for i in range(200)],
    ],
    ids=["dates", "prices", "words", "times", "days first", "instants", "units"],
)
def test_text_that_says_something_is_no_key(column):
    assert infer_schema(pd.DataFrame({"x": column}))["x"].kind == "categorical"


def draw_as_many(frame):
    encoder = TableEncoder().fit(frame)
    return encoder.inverse_transform(encoder.transform(frame), rng=np.random.default_rng(0))["x"]


def test_new_keys_have_the_form_of_the_old_and_are_new_and_different():
    frame = pd.DataFrame({"x": [f"K-{i:05d}a" for i in range(0, 90_000, 300)]})
    drawn = draw_as_many(frame)
    assert drawn.str.fullmatch(r"K-\d\d\d00a").all()
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
