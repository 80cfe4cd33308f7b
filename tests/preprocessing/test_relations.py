import numpy as np
import pandas as pd
import pytest
from rows_of_encoders import ask, check_stored, decoded, round_trip

from synthgan.layout import Layout, Relation, Span
from synthgan.preprocessing import TableEncoder
from synthgan.preprocessing.relations import copy_equal

N_ROWS = 2000


def amounts(seed):
    return np.random.default_rng(seed).lognormal(3, 1, N_ROWS)


def a_share(share, seed=9):
    return np.random.default_rng(seed).random(N_ROWS) < share


def gappy(column):
    return column.mask(np.arange(len(column)) % 7 == 3)


def times(numbers, unit="s"):
    return pd.Series(np.round(1e6 * numbers).astype("datetime64[s]")).astype(f"datetime64[{unit}]")


#: How positive numbers become a column.
FORMS = {
    "integers": lambda numbers: pd.Series(np.round(100 * numbers).astype("int64")),
    "steps of 50": lambda numbers: 50 * pd.Series(np.round(10 * numbers).astype("int64")),
    "Int64": lambda numbers: gappy(pd.Series(np.round(100 * numbers).astype("int64"), dtype="Int64")),
    "floats": pd.Series,
    "float32": lambda numbers: pd.Series(numbers, dtype="float32"),
    "gappy floats": lambda numbers: gappy(pd.Series(numbers)),
    "prices": lambda numbers: pd.Series(np.round(numbers, 2)),
    "times": times,
    "times in Berlin": lambda numbers: times(numbers).dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
    "days": lambda numbers: pd.Series(np.round(100 * numbers).astype("datetime64[D]").astype(object)),
}


def often_equal(form="floats", share=0.15):
    """Two columns, in some rows equal."""
    x, y = FORMS[form](amounts(0)), FORMS[form](amounts(1))
    return pd.DataFrame({"x": x, "y": y.mask(a_share(share), x)})


def pairs(encoder):
    return {(relation.column, relation.partner) for relation in encoder.layout_.relations}


def equal_cells(frame, left="x", right="y"):
    return (frame[left] == frame[right]).to_numpy(dtype=bool, na_value=False)


X, OTHER, CLOSE = amounts(0), amounts(1), 10**18 + np.arange(400) * 2477 % 10**6
UNRELATED = {
    "independent": [X, OTHER],
    "nearly equal": [X, X + 1e-3 * OTHER],
    "equal in few rows": [X, np.where(np.arange(N_ROWS) < 29, X, OTHER)],
    "correlated": [X, X * OTHER**0.3],
    "a multiple": [X, 40 * X],
    "of another unit": [X, times(X)],
    "equal ticks of another unit": [times(X), times(X).astype("int64").astype("datetime64[ms]")],
    "as text": [X, pd.Series(X).round().astype(int).astype(str)],
    "that floats cannot tell apart": [CLOSE, CLOSE + 1 + np.arange(400) % 59, 2**63 - 1 - np.arange(400)],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("partner", UNRELATED)
def test_other_columns_have_no_relation(partner):
    frame = pd.DataFrame(dict(enumerate(UNRELATED[partner])))
    assert TableEncoder().fit(frame).layout_.relations == ()


def test_a_column_keeps_its_closest_partners():
    shares = np.linspace(0.1, 0.7, 7)
    x = pd.Series(amounts(0))
    others = {f"y{i}": pd.Series(amounts(i + 1)).mask(a_share(s, 50 + i), x) for i, s in enumerate(shares)}
    relations = TableEncoder().fit(pd.DataFrame({"x": x, **others})).layout_.relations
    assert [relation.partner for relation in relations if relation.column == 0] == [7, 6, 5, 4]
    n_partners = pd.Series([relation.column for relation in relations]).value_counts()
    assert n_partners.max() == 4


@pytest.mark.parametrize("form", FORMS)
def test_columns_that_are_often_equal_are_related_both_ways_and_come_back_equal(form, tmp_path):
    frame = often_equal(form)
    encoder, was_equal = TableEncoder().fit(frame), equal_cells(frame)
    assert pairs(encoder) == {(0, 1), (1, 0)}
    check_stored(encoder, frame, tmp_path)
    back = decoded(encoder, encoder.transform(frame))
    assert equal_cells(back)[was_equal].all()
    assert equal_cells(back)[~was_equal].mean() < 0.005  # by chance
    pd.testing.assert_series_equal(back.dtypes, frame.dtypes)
    pd.testing.assert_frame_equal(back.isna(), frame.isna())


MIXTURES = [("floats", "prices"), ("floats", "float32"), ("prices", "integers"), ("integers", "steps of 50")]


@pytest.mark.parametrize("order", [["x", "y"], ["y", "x"]], ids=["fine first", "coarse first"])
@pytest.mark.parametrize(("fine", "coarse"), MIXTURES)
def test_equal_cells_come_back_equal_where_one_column_is_told_more_exactly(fine, coarse, order):
    x, y = FORMS[fine](amounts(0)), FORMS[coarse](amounts(1))
    frame = pd.DataFrame({"x": x.mask(a_share(0.15), y.astype(x.dtype)), "y": y})
    assert equal_cells(round_trip(frame[order]))[equal_cells(frame)].all()


@pytest.mark.parametrize("order", [["x", "y"], ["y", "x"]], ids=["wide first", "narrow first"])
def test_equal_cells_come_back_equal_at_the_end_of_the_narrower_column(order):
    wide, narrow = 100 * np.random.default_rng(0).random((2, N_ROWS))
    frame = pd.DataFrame({"x": wide, "y": np.where((wide < 50) & a_share(0.4), wide, narrow / 2)})
    for seed in range(10):
        assert equal_cells(round_trip(frame[order], seed))[equal_cells(frame)].all()


@pytest.mark.parametrize("form", ["integers", "floats", "prices", "times"])
def test_a_chain_of_equal_cells_comes_back_equal(form):
    frame = often_equal(form)
    frame["z"] = FORMS[form](amounts(2)).mask(a_share(0.5, 10), frame["y"])
    back = round_trip(frame)
    x_is_y, y_is_z = equal_cells(frame), equal_cells(frame, "y", "z")
    assert (x_is_y & y_is_z).sum() > 50
    assert equal_cells(back)[x_is_y].all()
    assert equal_cells(back, "y", "z")[y_is_z].all()


@pytest.mark.parametrize("asked", [{"x": 20.0}, {"y": 20.0}, {"x": 20.0, "y": 30.0}], ids=str)
def test_cells_that_were_asked_for_stay_and_the_others_equal_them(asked):
    frame = often_equal()
    encoder = TableEncoder().fit(frame)
    table = encoder.transform(frame)
    conditions = [ask(encoder, {}, 500), ask(encoder, asked, N_ROWS - 500)]
    back = encoder.inverse_transform(table, rng=np.random.default_rng(0), conditions=conditions)
    for name, value in asked.items():
        assert back[name][500:].eq(value).all()
    may_differ = len(asked) == 2 and np.arange(N_ROWS) >= 500
    assert (equal_cells(back) | ~equal_cells(frame) | may_differ).all()
    pd.testing.assert_series_equal(back.dtypes, frame.dtypes)


def test_relations_hold_where_cells_are_equal_and_have_a_place():
    frame = often_equal("gappy floats", 0.3)
    frame[a_share(0.2, 5)] = 0.0  # a frequent number is a point of the line
    encoder = TableEncoder().fit(frame)
    table = encoder.transform(frame)
    has_no_place = (frame.isna() | frame.eq(0)).any(axis=1).to_numpy()
    assert pairs(encoder) == {(0, 1), (1, 0)}
    assert (table.relations == (~has_no_place & equal_cells(frame))[:, None]).all()


def test_followed_places_are_where_the_partners_cells_stand():
    frame = often_equal()
    encoder = TableEncoder().fit(frame)
    table = encoder.transform(frame)
    for relation in encoder.layout_.relations:
        codes, place_index = table.codes[:, relation.partner], encoder.layout_.place_index
        followed = relation.follow[codes, table.places[:, place_index[relation.partner]]]
        numbers = frame.iloc[:, relation.partner].to_numpy()
        stands = np.add(*encoder.encoders_[relation.column].axis_.encode(numbers))
        is_somewhere = ~np.isnan(followed)
        # Off by half a place of the partner, which is seldom much wider on the line of the column.
        assert np.median(np.abs(followed - stands)[is_somewhere]) < 0.1
        assert is_somewhere.mean() > 0.95


def copied(frame, relations, rows, fixed=None):
    """The frame with cells equal that hand-written relations, as pairs of columns, say are equal."""
    layout = Layout(
        tuple(Span(name, 2) for name in frame), tuple(Relation(*pair, np.empty((0, 0))) for pair in relations)
    )
    fixed = np.zeros(frame.shape, dtype=bool) if fixed is None else fixed
    encoders = TableEncoder().fit(pd.DataFrame(dict.fromkeys(frame, range(10)))).encoders_
    return copy_equal(frame, np.array(rows, dtype=bool), layout, encoders, fixed)


@pytest.mark.parametrize("relations", [[(1, 0), (2, 1)], [(2, 1), (1, 0)]])
def test_a_cell_is_copied_once_its_partner_is_settled(relations):
    frame = pd.DataFrame({"a": [1, 1], "b": [2, 2], "c": [3, 3]})
    back = copied(frame, relations, [[1, 1], [0, 0]])
    assert back.to_numpy().tolist() == [[1, 1, 1], [1, 2, 3]]
    assert frame.to_numpy().tolist() == [[1, 2, 3]] * 2


@pytest.mark.parametrize(("place", "value"), [(0, 1), (1, 2), (2, 3)])
def test_cells_that_wait_for_each_other_follow_the_one_that_is_fixed(place, value):
    frame = pd.DataFrame({"a": [1], "b": [2], "c": [3]})
    relations = [(0, 1), (1, 0), (1, 2), (2, 1)]
    fixed = np.eye(3, dtype=bool)[[place]]
    assert copied(frame, relations, [[1, 1, 1, 1]], fixed).to_numpy().tolist() == [[value] * 3]
    assert copied(frame, relations, [[1, 1, 1, 1]]).nunique(axis=1).tolist() == [1]
