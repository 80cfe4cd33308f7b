"""A parquet table that gets more rows keeps its own rows, schema and metadata."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from quick_models import PENGUINS

from synthgan import DataError
from synthgan.parquet import ParquetTable, is_parquet, table_from_frame


@pytest.fixture
def write(tmp_path):
    def write_table(table):
        path = tmp_path / "table.parquet"
        if isinstance(table, pd.DataFrame):
            table.to_parquet(path)
        else:
            pq.write_table(table, path)
        return ParquetTable.read(path)

    return write_table


def with_rows(table, drawn, *, mark=False):
    """Return a table with drawn rows after its own."""
    return pa.concat_tables(table.extended([table.arrow], [drawn], mark=mark))


def test_own_rows_schema_and_metadata_stay(write):
    table = write(PENGUINS)
    whole = with_rows(table, PENGUINS.iloc[:5])
    assert whole.schema.equals(table.arrow.schema, check_metadata=True)
    assert whole.slice(0, 344).equals(table.arrow)
    assert whole.slice(344).equals(table.arrow.slice(0, 5))
    pd.testing.assert_frame_equal(whole.to_pandas().iloc[:344], PENGUINS)


def test_field_types_nullability_and_metadata_stay(write):
    schema = pa.schema(
        [
            pa.field("i", pa.int16(), nullable=False, metadata={"unit": "m"}),
            pa.field("s", pa.dictionary(pa.int8(), pa.string())),
            pa.field("t", pa.timestamp("ms", tz="Asia/Tokyo")),
            pa.field("f", pa.float32()),
        ],
        metadata={"made by": "a test"},
    )
    rows = {"i": [1, 2], "s": ["a", None], "t": [0, 1], "f": [0.5, None]}
    table = write(pa.table(rows, schema=schema))
    whole = with_rows(table, table.frame)
    assert whole.schema.equals(table.arrow.schema, check_metadata=True)
    assert whole.schema.field("i").metadata == table.arrow.schema.field("i").metadata
    assert whole.slice(2).equals(whole.slice(0, 2))


def test_mark_is_true_for_drawn_rows_only(write):
    whole = with_rows(write(PENGUINS), PENGUINS.iloc[:5], mark=True)
    assert whole.column_names == [*PENGUINS.columns, "synthetic"]
    assert whole["synthetic"].to_pylist() == [False] * 344 + [True] * 5


def test_mark_never_replaces_a_column(write):
    with pytest.raises(DataError, match="'synthetic' already"):
        write(PENGUINS.assign(synthetic=1)).check_mark()


def test_number_index_goes_on_and_others_are_missing(write):
    numbered = PENGUINS.set_axis(pd.Index(np.arange(344) * 2, name="no"))
    table = write(numbered)
    assert "no" not in table.frame.columns
    whole = with_rows(table, table.frame.iloc[:2]).to_pandas()
    assert whole.index.tolist()[-3:] == [686, 687, 688]
    named = write(PENGUINS.set_axis(pd.Index([f"p{i}" for i in range(344)], name="no")))
    whole = with_rows(named, named.frame.iloc[:2]).to_pandas()
    assert whole.index.isna().tolist() == [False] * 344 + [True, True]


def test_dropped_columns_leave_the_table(write):
    table = write(PENGUINS)
    table.drop(["island"])
    assert "island" not in with_rows(table, table.frame).column_names


def test_cells_that_do_not_fit_are_an_error(write):
    table = write(PENGUINS)
    with pytest.raises(DataError, match="'bill_length_mm' do not fit"):
        with_rows(table, PENGUINS.assign(bill_length_mm="long"))


def test_parquet_is_told_by_its_first_bytes(tmp_path):
    PENGUINS.to_parquet(tmp_path / "a")
    (tmp_path / "b.parquet").write_text("x,y\n1,2\n")
    assert is_parquet(tmp_path / "a")
    assert not is_parquet(tmp_path / "b.parquet")
    assert not is_parquet(tmp_path / "c")


def test_frame_becomes_a_table_without_an_index():
    assert table_from_frame(PENGUINS.iloc[::2]).column_names == list(PENGUINS.columns)


def test_marked_file_with_integer_names_can_be_read_by_pandas(write, tmp_path):
    table = write(pd.DataFrame(np.zeros((3, 2))))
    pq.write_table(with_rows(table, table.frame, mark=True), tmp_path / "marked.parquet")
    assert pd.read_parquet(tmp_path / "marked.parquet").columns.tolist() == ["0", "1", "synthetic"]


def test_whole_numbers_with_missing_cells_keep_their_digits(write):
    numbers = [2**60 + 1, None, 2**63 - 1, 1]
    table = write(pa.table({"n": pa.array(numbers, type=pa.int64())}))
    assert table.frame["n"].tolist() == [2**60 + 1, pd.NA, 2**63 - 1, 1]
    assert with_rows(table, table.frame)["n"].to_pylist() == numbers * 2


def test_index_that_cannot_go_on_is_missing(write):
    table = write(pd.DataFrame({"a": [1, 2]}, index=pd.Index([126, 127], dtype="int8", name="i")))
    assert with_rows(table, table.frame)["i"].to_pylist() == [126, 127, None, None]


@pytest.mark.parametrize("metadata", ["{", "[]", '{"index_columns": null}'])
def test_metadata_that_pandas_could_not_have_written_is_left_alone(write, metadata):
    table = write(pa.table({"a": [1, 2]}).replace_schema_metadata({"pandas": metadata}))
    whole = with_rows(table, table.frame, mark=True)
    assert whole["a"].to_pylist() == [1, 2, 1, 2]
