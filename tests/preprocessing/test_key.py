import numpy as np
import pandas as pd
import pytest

from synthgan.preprocessing import TableEncoder, infer_schema


def test_one_text_that_differs_in_every_row_is_a_key_only_where_that_says_something():
    keys = [f"K{i:04d}" for i in range(150)]
    assert infer_schema(pd.DataFrame({"x": keys}))["x"].kind == "key"
    for column in (keys[:99], [*keys, None], [*keys, keys[0]], [key + " x" for key in keys]):
        assert infer_schema(pd.DataFrame({"x": column}))["x"].kind == "categorical"


@pytest.mark.parametrize(
    "column",
    [
        [str(day) for day in pd.date_range("2021-01-01", periods=200).date],
        [f"{i / 4:.2f}" for i in range(200)],
        ["".join(letters) for letters in zip("abcdefghij" * 20, *["klmnopqrst" * 20] * 2, strict=True)],
        [f"{i}:30" for i in range(200)],
    ],
    ids=["dates", "prices", "words", "times"],
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


@pytest.mark.parametrize("form", ["{:03d}", "u{:03d}", "C{}"])
def test_keys_grow_where_their_form_has_run_out(form):
    frame = pd.DataFrame({"x": [form.format(i) for i in range(1_000)]})
    drawn = draw_as_many(frame)
    assert drawn.is_unique
    assert not drawn.isin(frame["x"]).any()
    assert drawn.str.len().max() <= frame["x"].str.len().max() + 2
