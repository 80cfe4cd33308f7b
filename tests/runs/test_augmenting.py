"""A file of any size gets more rows: its own come first and unchanged, and memory holds a part at a time."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from synthgan.cli import main
from synthgan.datasets import load_penguins
from synthgan.runs import counts_of
from synthgan.source import ParquetSource

pytestmark = pytest.mark.usefixtures("quick_defaults")
QUICK = ["--epochs", "1", "--seed", "0", "--chunk-rows", "100", "--workers", "1", "-q"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of three files, of whose rows most are not learned."""
    monkeypatch.setattr("synthgan.runs.MAX_ROWS", 150)
    monkeypatch.setattr("synthgan.source.BATCH_ROWS", 64)
    whole = load_penguins().rename_axis("penguin")
    whole["island"] = whole["island"].astype("category")
    (tmp_path / "parts").mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(whole)), 3)):
        whole.iloc[rows].set_index(pd.Index(rows, name="penguin")).to_parquet(
            tmp_path / "parts" / f"{number}.parquet"
        )
    return tmp_path / "parts"


def augment(*arguments):
    return CliRunner().invoke(main, ["augment", *map(str, arguments), *QUICK])


def test_rows_of_all_files_come_first_and_drawn_ones_after(folder, tmp_path):
    output = tmp_path / "out.parquet"
    result = augment(folder, "-o", output, "--balance", "--target", "species", "--mark")
    assert result.exit_code == 0, result.stderr
    table = pd.read_parquet(output)
    own = pd.read_parquet(folder)
    pd.testing.assert_frame_equal(table.iloc[:344].drop(columns="synthetic"), own)
    assert table["synthetic"].tolist() == [False] * 344 + [True] * 112
    assert table["species"].value_counts().tolist() == [152] * 3
    assert table.index.tolist() == list(range(456))
    assert pq.ParquetFile(output).num_row_groups == 8  # 6 batches of real rows, and 2 of drawn ones
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.parquet"]


def test_a_class_is_counted_in_all_rows(folder):
    counts = counts_of(ParquetSource.of(folder), "species")
    assert counts.to_dict() == {"Adelie": 152, "Chinstrap": 68, "Gentoo": 124}
    levels = counts_of(ParquetSource.of(folder), "island")
    assert levels.to_dict() == {"Biscoe": 168, "Dream": 124, "Torgersen": 52}


@pytest.mark.parametrize("n_done", [0, 2])
def test_what_was_interrupted_goes_on_without_learning_again(
    folder, tmp_path, monkeypatch, interrupted_after, n_done
):
    output = tmp_path / "out.parquet"
    with interrupted_after(n_done):
        result = augment(folder, "-o", output, "--rows", 350)
    assert result.exit_code == 130
    assert "Training is kept; the same command with --resume goes on" in result.stderr
    assert not output.exists()
    with monkeypatch.context() as patched:
        patched.setattr("synthgan.gan.fitting.train_masked", None)  # it is not called
        assert augment(folder, "-o", output, "--rows", 350, "--resume").exit_code == 0
    assert augment(folder, "-o", tmp_path / "straight.parquet", "--rows", 350).exit_code == 0
    assert output.read_bytes() == (tmp_path / "straight.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "parts", "straight.parquet"]


def test_rows_that_no_disk_holds_are_refused_before_training(folder, tmp_path):
    result = augment(folder, "-o", tmp_path / "out.parquet", "--rows", 10**13)
    assert result.exit_code == 5
    assert "GiB at least" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts"]
