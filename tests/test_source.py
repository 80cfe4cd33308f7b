"""Files of any size, read in batches, and the rows that are kept of them."""

import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgan import sketch as sketch_module
from synthgan import source as source_module
from synthgan.exceptions import DataError, ResourceError
from synthgan.parquet import ParquetTable
from synthgan.sketch import some_rows
from synthgan.source import ParquetSource


def rows_of(n, seed=0):
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "row": np.arange(n),
            "number": rng.normal(size=n),
            "level": pa.array(rng.choice(["a", "b", "c"], n)),
            "dictionary": pa.array(rng.choice(["x", "y"], n)).dictionary_encode(),
            "gap": pa.array(np.where(np.arange(n) == n // 2, None, "there").tolist()),
            "day": pa.array(rng.integers(0, 10**4, n).astype("int32"), type=pa.date32()),
        }
    )


@pytest.fixture
def folder(tmp_path):
    """Three files of a thousand rows each, with row groups that batches do not fit."""
    for place in range(3):
        table = rows_of(3_000).slice(1_000 * place, 1_000)
        pq.write_table(table, tmp_path / f"{place}.parquet", row_group_size=333)
    return tmp_path


@pytest.fixture
def few_rows(monkeypatch):
    """Batches of a hundred rows."""
    monkeypatch.setattr(source_module, "BATCH_ROWS", 100)


def test_batches_are_all_rows_in_order(folder, few_rows):
    source = ParquetSource.of(folder)
    batches = list(source.batches())
    assert source.n_rows == 3_000
    assert max(map(len, batches)) <= 100
    assert pa.concat_tables(batches).combine_chunks().equals(rows_of(3_000).combine_chunks())


def test_a_kilobyte_that_is_gigabytes_written_out_is_refused(tmp_path):
    path = tmp_path / "bomb.parquet"
    text = pa.DictionaryArray.from_arrays(np.zeros(200_000, dtype=np.int32), [b"x" * 2**20])
    table = pa.table({"t": text.cast(pa.dictionary(pa.int32(), pa.string()))})
    pq.write_table(table, path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 10_000
    tracemalloc.start()
    with pytest.raises(ResourceError, match=r"Column 't' of .* holds text of 64 GiB in 65,536 rows"):
        ParquetTable.read(path)
    assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    tracemalloc.stop()


def test_more_than_memory_holds_is_refused(folder, few_rows, monkeypatch):
    monkeypatch.setattr(source_module, "MAX_BYTES", 10_000)
    with pytest.raises(ResourceError, match="takes more than 0 GiB in memory"):
        ParquetTable.read(folder)


def test_a_damaged_file_among_others_is_named(folder, few_rows):
    path = folder / "1.parquet"
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3] ^= 0xFF
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"1\.parquet' is not a complete parquet file"):
        ParquetSource.of(folder)


def test_rows_are_as_likely_to_be_kept_as_any_others(folder, few_rows):
    counts = np.zeros(3_000)
    for seed in range(40):
        kept = some_rows(ParquetSource.of(folder).batches(), 300, seed)["row"].to_numpy()
        assert (np.diff(kept) > 0).all()
        assert 300 <= len(kept) < 400
        counts[kept] += 1
    chosen = np.where(counts == 40, 0, counts).reshape(10, 300)  # witnesses are always kept
    n_free = (counts != 40).reshape(10, 300).sum(1)
    expected = 40 * n_free / 10
    assert (np.abs(chosen.sum(1) - expected) < 5 * np.sqrt(expected)).all()


def test_what_no_other_row_shows_is_kept(folder, few_rows):
    kept = some_rows(ParquetSource.of(folder).batches(), 10, 0).to_pandas()
    whole = rows_of(3_000).to_pandas()
    for name in ("number", "day", "row"):
        assert kept[name].agg(["min", "max"]).equals(whole[name].agg(["min", "max"]))
    assert kept["gap"].isna().sum() == 1
    assert set(kept["level"]) == {"a", "b", "c"}
    assert set(kept["dictionary"]) == {"x", "y"}


def test_columns_of_too_many_levels_have_no_witnesses(folder, few_rows, monkeypatch):
    monkeypatch.setattr(sketch_module, "_MAX_LEVELS", 50)
    kept = some_rows(ParquetSource.of(folder).batches(), 10, 0)
    assert len(kept) < 200


@pytest.mark.parametrize("n_rows", [3_000, 5_000])
def test_all_rows_are_kept_where_they_are_no_more(folder, few_rows, n_rows):
    table, n_all = ParquetTable.some_of(folder, n_rows, 0)
    assert n_all == 3_000
    pd.testing.assert_frame_equal(table.frame, ParquetTable.read(folder).frame)


def test_the_same_seed_keeps_the_same_rows(folder, few_rows):
    first, again, other = (ParquetTable.some_of(folder, 100, seed)[0].arrow for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)
