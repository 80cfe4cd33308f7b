"""Laws that every encoder keeps on every column."""

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from rows_of_encoders import ask

from synthgan.exceptions import DataError
from synthgan.persistence import read_model, write_model
from synthgan.preprocessing import CodingOptions, ColumnEncoder, TableEncoder, infer_schema
from synthgan.preprocessing.number_line import NumberLineEncoder


def drawn(encoder, codes, values=None):
    return encoder.inverse_transform(codes, values, rng=np.random.default_rng(0))


def present(column):
    """Return the cells that are not missing, as Python objects, which compare without float64."""
    return column[column.notna()].astype(object).tolist()


def on_a_line(column):
    """Return the cells that are not missing as Python numbers, times as ticks."""
    is_counted = column.dtype.kind in "mM" or isinstance(column.dtype, pd.PeriodDtype)
    return column.dropna().astype("int64").tolist() if is_counted else list(map(number, present(column)))


def number(cell):
    """Return an object as a Python number: whole nanoseconds, microseconds or days of what is time."""
    if isinstance(cell, Decimal):
        return Fraction(cell)
    if isinstance(cell, dt.time):
        return number(dt.datetime.combine(dt.date.min, cell))
    if isinstance(cell, pd.Timestamp):
        return cell.as_unit("ns").value
    if isinstance(cell, dt.datetime):
        return number(cell - dt.datetime.min.replace(tzinfo=cell.tzinfo))
    if isinstance(cell, dt.timedelta):  # pandas' own among them
        return cell // dt.timedelta(microseconds=1)
    return cell.toordinal() if isinstance(cell, dt.date) else cell


@pytest.fixture(scope="module", params=["quantile", "standard"])
def encoder(request, column):
    """The fitted encoder of the kind that the column is taken for."""
    (inferred,) = infer_schema(column.to_frame())
    return ColumnEncoder.registry[inferred.kind]().fit(column, CodingOptions(numbers=request.param))


@pytest.fixture(scope="module")
def coded(encoder, column):
    return encoder.transform(column)


def test_the_codes_of_the_span_are_used_and_no_others_and_values_are_finite(encoder, coded):
    codes, values = coded
    assert set(codes) == set(range(encoder.span.n_codes))
    assert np.isfinite(values).all()


def test_positions_grow_with_the_code_from_minus_one_to_one_and_present_cells_have_values(encoder):
    positions = [p for p in encoder.span.positions if p is not None]
    assert len(encoder.span.positions) in (0, encoder.span.n_codes)
    assert positions == sorted(set(positions))
    assert all(-1 <= p <= 1 for p in positions)
    assert set(encoder.span.value_codes) <= set(range(encoder.span.n_codes - encoder.has_missing_))


def test_missing_cells_have_the_last_code_and_no_value(encoder, column, coded):
    codes, values = coded
    missing = column.isna().to_numpy()
    assert encoder.has_missing_ == missing.any()
    assert (codes[missing] == encoder.span.n_codes - 1).all()
    assert (values[missing] == 0).all()


@pytest.mark.parametrize("gives_values", [True, False])
def test_name_dtype_length_and_missing_cells_come_back(encoder, column, coded, gives_values):
    back = drawn(encoder, coded[0], coded[1] if gives_values else None)
    assert back.name == "x"
    assert back.dtype == column.dtype
    assert np.array_equal(back.isna(), column.isna())
    assert [cell is None for cell in back] == [cell is None for cell in column]  # and NaN stays NaN
    assert back.index.equals(pd.RangeIndex(len(column)))


def test_no_rows_and_missing_alone_come_back_in_the_same_dtype(encoder, column):
    for n_rows in (0, 3) if encoder.has_missing_ else (0,):
        back = drawn(encoder, np.full(n_rows, encoder.span.n_codes - 1))
        assert (len(back), back.dtype, back.name) == (n_rows, column.dtype, "x")
        assert back.isna().all()


def test_given_codes_and_values_give_back_the_cells(encoder, column, coded):
    """Levels, and points of the line, exactly; within a piece as closely as float32 values can say."""
    back = drawn(encoder, *coded)
    if encoder.kind in ("categorical", "boolean"):
        assert present(back) == present(column)
    elif isinstance(encoder, NumberLineEncoder):
        codes = coded[0][column.notna()]
        triples = list(zip(codes, on_a_line(column), on_a_line(back), strict=True))
        extents = extent_by_code(encoder, triples)
        assert [t for t in triples if abs(t[2] - t[1]) > slack(extents[t[0]], t[1], column.dtype)] == []


def extent_by_code(encoder, triples):
    """Return how long the piece of each code is; a standardised value runs over the whole line."""
    groups = {}
    for code, cell, _ in triples:
        groups.setdefault(code, []).append(cell)
    extents = {code: max(cells) - min(cells) for code, cells in groups.items()}
    cells = [cell for _, cell, _ in triples]
    whole = max(cells) - min(cells) if cells else 0
    return {
        code: extent and whole if encoder.span.value_codes else extent for code, extent in extents.items()
    }


def slack(extent, cell, dtype):
    """Return how far from a cell of a piece its decoded cell may be: the 39 steps of a piece in float32."""
    precision = np.finfo(dtype if isinstance(dtype, np.dtype) and dtype.kind == "f" else np.float64)
    if extent == 0:
        return 0
    return 2 * 39 * float(np.finfo(np.float32).eps) * extent + 8 * float(precision.eps) * abs(cell) + 5e-324


def test_drawn_levels_were_seen(encoder, column, coded):
    if encoder.kind in ("categorical", "boolean"):
        assert set(present(drawn(encoder, np.repeat(coded[0], 5)))) <= set(present(column))


def test_drawn_numbers_stay_in_the_range_and_on_the_grid_that_was_seen(encoder, column, coded):
    cells = on_a_line(column)
    if not isinstance(encoder, NumberLineEncoder) or not cells:
        return
    back = drawn(encoder, np.repeat(coded[0], 5))
    drawn_cells = on_a_line(back)
    assert min(cells) <= min(drawn_cells)
    assert max(drawn_cells) <= max(cells)
    if all(isinstance(cell, int) for cell in cells):
        step = math.gcd(*(cell - cells[0] for cell in cells)) or 1
        assert all((cell - cells[0]) % step == 0 for cell in drawn_cells)
    else:
        assert n_decimals(back) <= n_decimals(column) or n_decimals(column) > 12
        assert all(math.copysign(1, cell) > 0 for cell in present(back) if cell == 0)


def n_decimals(floats):
    """Return with how many decimals the floats are written in their own precision."""
    texts = [str(cell) for cell in floats.dropna().to_numpy()]
    return max(-Decimal(text).normalize().as_tuple().exponent for text in texts)


def test_points_are_drawn_as_they_were_seen(encoder, column, coded):
    """A code that one number has stands for that number: 64-bit identifiers are never made up."""
    codes = coded[0][column.notna()]
    seen = pd.Series(on_a_line(column), dtype=object).groupby(codes).agg(set)
    points = {code: cells for code, cells in seen.items() if len(cells) == 1}
    if isinstance(encoder, NumberLineEncoder) and points:
        back = on_a_line(drawn(encoder, list(points)))
        assert [{cell} for cell in back] == list(points.values())


def test_amounts_are_missing_where_cells_are_and_codes_unless_these_lie_on_a_line(encoder, column, coded):
    amounts, is_there = encoder.amounts(column), column.notna().to_numpy()
    assert np.array_equal(~np.isnan(amounts), is_there)
    if not isinstance(encoder, NumberLineEncoder):
        assert np.array_equal(amounts[is_there], coded[0][is_there])


def test_amounts_are_standard_deviations_above_the_mean(encoder, column):
    if not isinstance(encoder, NumberLineEncoder) or not column.notna().any():
        pytest.skip("nothing lies on a line")
    amounts, cells = encoder.amounts(column)[column.notna()], on_a_line(column)
    order = sorted(range(len(cells)), key=cells.__getitem__)
    assert (np.diff(amounts[order]) >= 0).all()
    assert abs(amounts.mean()) < 1e-6
    assert amounts.std() == pytest.approx(1.0 if len(set(cells)) > 1 else 0.0, abs=1e-6)
    if encoder.span.amounts:  # not in the textbook's coding
        codes = encoder.transform(column)[0][column.notna()]
        means = np.array(encoder.span.amounts)[codes]
        assert np.isfinite(means).all()
        assert abs(means.mean()) < 0.5


def expected(encoder, told):
    return pd.Series(encoder.expected(told), dtype=encoder.dtype)


def test_what_is_expected_of_what_is_sure_is_a_cell_like_it(encoder, column, coded):
    is_there = column.notna().to_numpy()
    if isinstance(encoder, NumberLineEncoder) and is_there.any():
        amounts = encoder.amounts(column)[is_there]
        again = encoder.amounts(expected(encoder, amounts))
        np.testing.assert_allclose(again, amounts, atol=1e-6)
    elif encoder.classes() is not None and is_there.any():
        codes = coded[0][is_there]
        found = expected(encoder, np.eye(encoder.missing_code)[codes])
        assert np.array_equal(encoder.transform(found)[0], codes)


def test_what_is_expected_beyond_the_ends_is_the_end(encoder, column):
    if not isinstance(encoder, NumberLineEncoder) or not column.notna().any():
        pytest.skip("nothing lies on a line")
    cells = on_a_line(column)
    found = on_a_line(expected(encoder, np.array([-1e6, 1e6])))
    assert list(map(float, found)) == pytest.approx([float(min(cells)), float(max(cells))])


def test_a_stored_encoder_codes_and_draws_as_before(encoder, column, coded, tmp_path):
    write_model(tmp_path / "encoder", encoder.state())
    stored = type(encoder).from_state("x", column.dtype, read_model(tmp_path / "encoder"))
    assert stored.span == encoder.span
    for before, after in zip(coded, stored.transform(column), strict=True):
        np.testing.assert_array_equal(after, before)
    pd.testing.assert_series_equal(drawn(stored, coded[0]), drawn(encoder, coded[0]))


def test_every_seen_cell_can_be_a_condition(encoder, column):
    if encoder.kind == "key":
        return
    for value in column.drop_duplicates().iloc[:20]:
        cell = encoder.cast(value)
        assert cell.dtype == column.dtype
        assert encoder.contains(cell.iloc[0])
        assert 0 <= encoder.transform(cell)[0][0] < encoder.span.n_codes


def test_missing_is_refused_as_a_cell_and_as_a_condition_where_nothing_was_missing(encoder, column):
    """Whatever the dtype makes of it: bool reads None as False."""
    if not encoder.has_missing_:
        with pytest.raises(DataError, match="'x' has missing cells"):
            encoder.transform(pd.Series([None], dtype=object, name="x"))
        table = TableEncoder().fit(column.to_frame())
        for value in (None, np.nan, pd.NA, pd.NaT):
            with pytest.raises(DataError, match="'x'"):
                ask(table, {"x": value})


def test_second_fit_forgets_the_first(encoder, column):
    other = column.iloc[: max(1, len(column) // 2)]
    if type(encoder).accepts(other) and encoder.kind != "key":
        again = type(encoder)().fit(column, CodingOptions()).fit(other, CodingOptions())
        fresh = type(encoder)().fit(other, CodingOptions())
        codes = np.arange(fresh.span.n_codes)
        assert again.span == fresh.span
        pd.testing.assert_series_equal(drawn(again, codes), drawn(fresh, codes))


def test_typical_columns_are_of_every_kind(typical_columns):
    kinds = {infer_schema(column.to_frame())["x"].kind for column in typical_columns.values()}
    assert kinds == set(ColumnEncoder.registry)


def test_a_new_kind_is_one_new_subclass():
    """Encoders register themselves and the highest priority among those that accept a column gets it."""
    before = dict(ColumnEncoder.registry)
    try:

        class ConstantEncoder(before["categorical"]):
            kind = "constant"
            priority = 9

            @classmethod
            def accepts(cls, column):
                return "one value" if column.nunique(dropna=False) == 1 else None

        frame = pd.DataFrame({"a": ["z"] * 5, "b": list("uvuvu")})
        table = TableEncoder().fit(frame)
        assert [column.kind for column in table.schema_] == ["constant", "categorical"]
        assert isinstance(table.encoders_[0], ConstantEncoder)
        back = table.inverse_transform(table.transform(frame), rng=np.random.default_rng(0))
        pd.testing.assert_frame_equal(back, frame)
    finally:
        ColumnEncoder.registry.clear()
        ColumnEncoder.registry.update(before)
