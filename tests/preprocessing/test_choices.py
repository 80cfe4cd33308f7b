"""Laws of what cells may be, over every kind of column: what is meant is drawn, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import ConditionError
from synthgan.layout import Span
from synthgan.preprocessing import CodingOptions, TableEncoder
from synthgan.preprocessing.choices import Choice, complement, united
from synthgan.preprocessing.number_line import NumberLineEncoder
from synthgan.preprocessing.wishes import present, read_wish, single

N_ROWS = 600


@pytest.fixture(scope="module")
def encoder(column):
    table = TableEncoder(CodingOptions()).fit(column.to_frame())
    return table.encoders_[0]


def drawn(choice, encoder, seed=0, n_rows=N_ROWS):
    """Cells under a choice: codes and places in proportion to what is allowed of them."""
    rng = np.random.default_rng(seed)
    span = encoder.span
    shares = choice.shares(span)
    assert shares.shape == (span.n_codes, span.n_places)
    assert ((shares >= 0) & (shares <= 1 + 1e-9)).all()
    flat = rng.choice(shares.size, size=n_rows, p=shares.ravel() / shares.sum())
    codes, places = np.divmod(flat, span.n_places)
    inside, stretch = choice.within(codes, places, span.n_places, rng)
    if choice.cells is not None:
        return choice.cells.take(stretch).reset_index(drop=True)
    return encoder.inverse_transform(codes, inside, rng=rng)


@pytest.fixture
def cells(encoder, column):
    """Some different cells of the column."""
    cells = column.dropna().drop_duplicates()
    if encoder.kind == "key" or not len(cells):
        pytest.skip("no cell can be asked for")
    return cells.iloc[:: max(1, len(cells) // 6)].iloc[:6].reset_index(drop=True)


def test_a_single_cell_is_drawn_as_it_is(encoder, column, cells):
    for place in range(len(cells)):
        cell = cells.iloc[[place]].reset_index(drop=True)
        choice = single(encoder, cell)
        assert choice.test(drawn(choice, encoder, n_rows=20)).all()
        assert choice.test(column).sum() == (column.dropna() == cell.iloc[0]).sum()


def test_present_cells_are_present_and_any_of_some_is_one_of_them(encoder, column, cells):
    assert drawn(present(encoder), encoder).notna().all()
    cells = cells.iloc[::2]
    choice = united([single(encoder, cells.iloc[[i]]) for i in range(len(cells))], "some")
    own = drawn(choice, encoder)
    assert own.dtype == column.dtype
    assert choice.test(own).all()
    assert np.array_equal(choice.test(column), column.isin(list(cells)).to_numpy(dtype=bool))


def test_all_but_one_cell_is_anything_but_that(encoder, column, cells):
    choice = single(encoder, cells.iloc[[0]])
    others = complement(choice, encoder.missing_code, "others")
    if len(others.stretches):
        own = drawn(others, encoder)
        assert own.notna().all()
        assert others.test(own).mean() > 0.99  # beside it may be rounded to it
    is_other = column.notna().to_numpy() & ~choice.test(column)
    assert np.array_equal(others.test(column), is_other)


@pytest.mark.parametrize("seed", range(4))
def test_ranges_hold_exactly_and_weigh_what_lies_in_them(encoder, column, seed):
    if not isinstance(encoder, NumberLineEncoder) or column.nunique() < 2:
        return
    present_cells = column.dropna().sort_values(ignore_index=True)
    first, last = np.sort(np.random.default_rng(seed).choice(len(present_cells), 2, replace=False))
    low, high = present_cells[first], present_cells[last]
    (choice,) = read_wish(encoder, (low, high)).options
    if not isinstance(choice, Choice):  # both ends are the same
        return
    own = drawn(choice, encoder)
    assert choice.test(own).all()
    assert own.between(low, high).all()
    meant = column.dropna().between(low, high)
    assert np.array_equal(choice.test(column.dropna()), meant.to_numpy(dtype=bool))
    shares = encoder.transform(column.dropna())[0]
    counts = np.bincount(shares, minlength=encoder.span.n_codes)
    weight = (counts * choice.shares(encoder.span).mean(1)).sum() / len(shares)
    # Between two knots, of which a piece has dozens, what lies there is taken to be even.
    assert weight == pytest.approx(meant.mean(), abs=0.1)


def test_open_ends_leave_out_the_end(encoder, column):
    if not isinstance(encoder, NumberLineEncoder) or column.nunique() < 8:
        return
    cells = column.dropna().sort_values(ignore_index=True)
    low, high = encoder.bound(cells.iloc[0]), encoder.bound(cells.iloc[-1])
    stretches, test = encoder.between((low, True), (high, True))
    is_inside = (cells > cells.iloc[0]) & (cells < cells.iloc[-1])
    assert np.array_equal(test(cells), is_inside.to_numpy(dtype=bool))
    own = drawn(Choice("inside", stretches, test), encoder)
    assert test(own).mean() > 0.99


def test_stretches_are_cut_where_others_begin():
    span = Span("x", 4)
    halves = [Choice("", np.array([[0.0, 1.5]]), pd.isna), Choice("", np.array([[1.0, 2.0]]), pd.isna)]
    np.testing.assert_allclose(united(halves, "").shares(span).ravel(), [1, 1, 0, 0])
    rest = complement(Choice("", np.array([[0.5, 1.0], [2.0, 3.0]]), pd.isna), 4, "")
    np.testing.assert_allclose(rest.shares(span).ravel(), [0.5, 1, 0, 1])


def test_points_within_a_place_are_equally_likely():
    choice = Choice("", np.array([[0.1, 0.2], [0.6, 0.9]]), pd.isna)
    codes = np.zeros(4000, dtype=np.int64)
    inside, stretch = choice.within(codes, codes, 1, np.random.default_rng(0))
    assert ((inside[stretch == 0] >= 0.1) & (inside[stretch == 0] <= 0.2)).all()
    assert ((inside[stretch == 1] >= 0.6) & (inside[stretch == 1] <= 0.9)).all()
    assert np.mean(stretch == 0) == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 4000) ** 0.5)


LINE = pd.DataFrame(
    {
        "n": np.r_[np.arange(400), np.arange(1000, 1400)] % 1400,
        "x": np.round(np.random.default_rng(0).normal(size=800), 2),
        "size": pd.Categorical(["S", "M", "L", "XL"] * 200, ["S", "M", "L", "XL"], ordered=True),
        "city": ["Bern", "Basel", None, "Chur"] * 200,
        "sign": ["<=50K", ">50K", "missing", "a and > b"] * 200,
        "day": pd.date_range("2020-01-01", periods=800),
    }
)
ENCODER = TableEncoder().fit(LINE)
ASKED = [
    ("n", ">= 40", LINE["n"] >= 40),
    ("n", ">39.5", LINE["n"] > 39.5),
    ("n", "> 10 and <= 20", (LINE["n"] > 10) & (LINE["n"] <= 20)),
    ("n", "> 10 & < 12", LINE["n"] == 11),
    ("n", "> 10 and > 12 and != 20", (LINE["n"] > 12) & (LINE["n"] != 20)),
    ("n", (None, 7), LINE["n"] <= 7),
    ("n", (5.5, np.inf), LINE["n"] >= 5.5),
    ("n", [3, "> 1390"], (LINE["n"] == 3) | (LINE["n"] > 1390)),
    ("n", range(5), LINE["n"] < 5),
    ("x", "< 0", LINE["x"] < 0),
    ("x", "!= 0.1 and != 0.2", ~LINE["x"].isin([0.1, 0.2])),
    ("size", ">= L", LINE["size"] >= "L"),
    ("size", ("S", "M"), LINE["size"] <= "M"),
    ("city", ["Bern", None], LINE["city"].isin(["Bern"]) | LINE["city"].isna()),
    ("city", "!= Bern", LINE["city"].notna() & (LINE["city"] != "Bern")),
    ("city", "not missing", LINE["city"].notna()),
    ("sign", {"<=50K", ">50K"}, LINE["sign"].isin(["<=50K", ">50K"])),
    ("sign", "!= missing", LINE["sign"] != "missing"),
    ("sign", "!= a and > b", LINE["sign"] != "a and > b"),
    ("sign", "!= <=50K and != >50K", LINE["sign"].isin(["missing", "a and > b"])),
    ("day", "< 2020-03-01", LINE["day"] < "2020-03-01"),
    ("day", ("2020-02-01", "2020-02-03 12:00"), LINE["day"].between("2020-02-01", "2020-02-03")),
]


@pytest.mark.parametrize(
    ("name", "asked", "meant"),
    ASKED,
    # Sets are sorted: workers that share the tests are to call them the same.
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value)[:30],
)
def test_what_is_asked_is_what_is_meant(name, asked, meant):
    encoder = ENCODER.encoders_[list(LINE).index(name)]
    (choice,) = read_wish(encoder, asked).options
    assert np.array_equal(choice.test(LINE[name]), meant.to_numpy(dtype=bool))
    assert choice.test(drawn(choice, encoder)).all()


CELLS = [
    ("sign", ">50K", ">50K"),
    ("sign", "missing", "missing"),
    ("n", "= 7", 7),
    ("city", "missing", None),
    ("n", [8], 8),
    ("n", (9, 9), 9),
]


@pytest.mark.parametrize(("name", "wanted", "cell"), CELLS)
def test_what_can_be_a_cell_is_one(name, wanted, cell):
    (own,) = read_wish(ENCODER.encoders_[list(LINE).index(name)], wanted).options
    assert own.isna().all() if cell is None else own.tolist() == [cell]


REFUSED = [
    ("n", "> 2000", "'n' cannot be '> 2000': it holds values from 0 to 1399"),
    ("n", (500, 900), "none of that lies there"),
    ("n", (9, 3), "none of that lies there"),
    ("n", "> soon", "what it is compared with is no such cell"),
    ("n", (1, 2, 3), r"is a pair \(low, high\)"),
    ("n", "> 8 and < 3", "none of that lies there"),
    ("n", "missing", "'n' cannot be missing: no cell of it was"),
    ("n", "40-60", r"'40-60': it holds values from 0 to 1399. A range is a pair"),
    ("n", [], "one of no values"),
    ("n", {}, "shares of nothing"),
    ("n", {1: 0.5}, "add up to 0.5, not to 1"),
    ("n", {1: "half", 2: 0.5}, "must be a number from 0 to 1; got 'half'"),
    ("n", {1: -0.5, 2: 1.5}, "from 0 to 1; got -0.5"),
    ("city", ">= Bern", "have no order"),
    ("size", "> XL", "none of that lies there"),
    ("city", ["Bern", "Paris"], "'city' cannot be 'Paris'"),
]


@pytest.mark.parametrize(("name", "wanted", "message"), REFUSED)
def test_what_cannot_be_is_refused(name, wanted, message):
    with pytest.raises(ConditionError, match=message):
        read_wish(ENCODER.encoders_[list(LINE).index(name)], wanted)


@pytest.mark.parametrize("n_rows", [0, 1, 7, 1000])
def test_rows_are_shared_out_as_near_as_can_be_and_in_random_order(n_rows):
    wish = read_wish(ENCODER.encoders_[0], {1: 0.3, 2: 0.45, "> 100": 0.25})
    options = wish.assigned(n_rows, np.random.default_rng(0))
    counts = np.bincount(options, minlength=3)
    assert counts.sum() == n_rows
    assert (np.abs(counts - n_rows * np.array([0.3, 0.45, 0.25])) < 1).all()
    assert n_rows < 1000 or len(set(options[:10].tolist())) > 1
