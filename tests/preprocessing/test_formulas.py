"""Laws of columns that are computed from others: what is found, and that every drawn row keeps it."""

import numpy as np
import pandas as pd
import pytest
from rows_of_encoders import breaks, check_stored, put_right

from synthgan.preprocessing import TableEncoder

RNG = np.random.default_rng(0)
N_ROWS = 800
X = pd.Series(RNG.normal(size=N_ROWS))
PRICE = pd.Series(np.round(RNG.lognormal(3, 1, N_ROWS), 2))
NUMBER = pd.Series(RNG.permutation(100_000)[:N_ROWS])
WHEN = pd.Series(pd.Timestamp("2023-01-01") + pd.to_timedelta(RNG.integers(3 * 10**7, size=N_ROWS), unit="s"))
FORMULAS = {
    "copy": (X, lambda x: x.copy()),
    "copy of whole numbers": (NUMBER, lambda x: x.copy()),
    "double": (X, lambda x: 2 * x),
    "negative": (X, lambda x: -x),
    "line": (X, lambda x: 3.7 * x - 1.25),
    "single precision": (X, lambda x: x.astype("float32")),
    "rounded": (X, lambda x: x.round(2)),
    "rounded down": (PRICE, lambda x: np.floor(x).astype("int64")),
    "rounded up": (PRICE, lambda x: np.ceil(x).astype("int64")),
    "thousands": (NUMBER, lambda x: x // 1000),
    "cents": (PRICE, lambda x: np.rint(100 * x).astype("int64")),
    "with tax": (PRICE, lambda x: (1.19 * x).round(2)),
    "age": (NUMBER, lambda x: 100_024 - x),
    "minutes": (NUMBER * 60, lambda x: x / 60),
    "nullable": (NUMBER.astype("Int32").mask(NUMBER % 7 == 0), lambda x: 3 * x + 1),
    "gaps": (PRICE.mask(NUMBER % 7 == 0), lambda x: 2 * x),
    "two weeks later": (WHEN, lambda x: x + pd.Timedelta(days=14)),
    "another unit": (WHEN, lambda x: x.astype("datetime64[ns]") - pd.Timedelta(hours=3)),
    "zoned": (WHEN.dt.tz_localize("UTC"), lambda x: x + pd.Timedelta(hours=1)),
    "keys": (pd.Series([f"A{i:05d}" for i in range(N_ROWS)]), lambda x: x.copy()),
}


def check_computed(frame, formula):
    """Check that one column is what a formula makes of the other, as near as floats can be."""
    right = formula(frame["x"])
    assert right.isna().equals(frame["y"].isna())
    if right.dtype.kind == "f":
        wanted, tolerance = right.astype(float), 1e-6 if right.dtype == "float32" else 1e-9
        np.testing.assert_allclose(frame["y"].astype(float), wanted, rtol=tolerance, atol=1e-9)
    else:
        assert (frame["y"] == right)[right.notna()].all()


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_column_that_is_computed_is_found_and_kept(name, is_first, tmp_path):
    x, formula = FORMULAS[name]
    names = ["x", "y"] if is_first else ["y", "x"]
    frame = pd.DataFrame({"x": x, "y": formula(x)})[names].assign(noise=RNG.normal(size=N_ROWS))
    encoder, back = put_right(frame)
    assert len(encoder.ties_.formulas) == 1
    check_computed(back, formula)
    check_stored(encoder, frame, tmp_path)


@pytest.mark.parametrize(
    "column",
    [
        X + RNG.normal(size=N_ROWS) * 1e-3,
        X**2,
        X.round(2) + 0.01 * RNG.integers(2, size=N_ROWS),
        (X > 0).astype(int),
        X.where(NUMBER % 50 == 0),
    ],
    ids=["noise", "curve", "rounded either way", "two cells", "mostly missing"],
)
def test_what_is_not_computed_is_not_found(column):
    frame = pd.DataFrame({"x": X, "y": column})
    assert not TableEncoder().fit(frame).ties_.formulas


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("holes", ["x", "y", "xy"])
def test_holes_stay_and_what_is_computed_goes_on_around_them(name, holes):
    x, formula = FORMULAS[name]
    frame = pd.DataFrame({"x": x, "y": formula(x), "noise": RNG.normal(size=N_ROWS)})
    for column in holes:
        if frame[column].dtype == "int64":
            frame[column] = frame[column].astype("Int64")
        frame[column] = frame[column].mask(RNG.random(N_ROWS) < 0.05)
    encoder, back = put_right(frame)
    assert len(encoder.ties_.formulas) + len(encoder.ties_.functions) == 1
    assert back.isna().sum().equals(frame.isna().sum())
    both = back.dropna(subset=["x", "y"])
    assert len(both) > N_ROWS / 2
    check_computed(both, formula)


def test_a_chain_is_computed_from_its_first_column():
    frame = pd.DataFrame({"x": X, "y": 2 * X, "z": 4 * X})
    encoder = TableEncoder().fit(frame)
    assert [(formula.column, formula.source) for formula in encoder.ties_.formulas] == [(1, 0), (2, 0)]
    assert encoder.schema_.to_frame()["reason"][1].endswith("computed from 'x'")


def test_a_hole_that_is_asked_for_leaves_its_source_free():
    due = (WHEN + pd.Timedelta(days=7)).mask(NUMBER % 10 == 0)
    frame = pd.DataFrame({"when": WHEN, "month": WHEN.dt.month, "due": due})
    encoder, back = put_right(frame, {"month": 3, "due": None})
    assert encoder.ties_.formulas[0].has_holes
    assert not breaks(encoder, back)


def test_a_source_follows_from_a_column_that_is_given():
    frame = pd.DataFrame({"price": PRICE, "cents": np.rint(100 * PRICE).astype("int64")})
    _, back = put_right(frame, {"cents": 1234})
    assert (back["price"] == 12.34).all()


def test_keys_that_are_not_equal_are_left_alone():
    n_rows = 300
    numbers = np.arange(1, n_rows + 1)
    frame = pd.DataFrame({"id": numbers, "code": [f"C-{k}" for k in numbers], "x": RNG.normal(size=n_rows)})
    frame["b_id"] = numbers * 10**9
    assert not TableEncoder().fit(frame).ties_.formulas


def test_days_beyond_what_nanoseconds_count_follow_from_each_other():
    days = RNG.integers(10**6, size=N_ROWS).astype("timedelta64[D]")
    start = pd.Series(np.datetime64("1000-01-01", "s") + days)
    frame = pd.DataFrame({"start": start, "end": start + pd.Timedelta(days=7), "x": RNG.normal(size=N_ROWS)})
    encoder, back = put_right(frame)
    assert len(encoder.ties_.formulas) == 1
    assert (back["end"] == back["start"] + pd.Timedelta(days=7)).all()


def test_a_coarse_column_that_is_given_leaves_its_source_where_it_was_drawn():
    frame = pd.DataFrame({"number": NUMBER, "thousands": NUMBER // 1000})
    _, back = put_right(frame, {"thousands": 7})
    assert back["number"].nunique() > N_ROWS / 2
