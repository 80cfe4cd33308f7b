"""What machines do to commands: full disks, size limits, damaged files. Nothing that was there is lost."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import PENGUINS, contents, refused, run

OLD = b"what was there"
#: Commands that write `out.parquet`, which grows beyond the disk.
WRITERS = {
    "augment": ["augment", "penguins.parquet", "-o", "out.parquet", "--rows", "20000", "--epochs", "1"],
    "fit": ["fit", "penguins.parquet", "-o", "out.parquet", "--epochs", "1"],
    "impute": ["impute", "long.parquet", "-o", "out.parquet", "--model", "model"],
    "sample": ["sample", "model", "-o", "out.parquet", "-n", "80000", "--independent", "--workers", "1"],
    "sample by workers": [
        *["sample", "model", "-o", "out.parquet", "-n", "80000", "--independent"],
        *["--chunk-rows", "40000", "--workers", "2"],
    ],
}
#: Bytes of the disk, or of a file: less than any of them writes, and more than what it is given.
ROOM = 100_000


@pytest.fixture(scope="module")
def given(tmp_path_factory, quick_model):
    """A folder with a table, a long one, and a model."""
    folder = tmp_path_factory.mktemp("given")
    PENGUINS.to_parquet(folder / "penguins.parquet")
    numbers = np.random.default_rng(0).normal(size=(20_000, 2))
    long = PENGUINS.sample(20_000, replace=True, random_state=0, ignore_index=True)
    long["bill_length_mm"] = 40 + numbers[:, 0]
    long.to_parquet(folder / "long.parquet")
    quick_model.save(folder / "model")
    return folder


def command(name, folder, given):
    """Return the command that writes to a folder and reads from another."""
    inputs = {path.name for path in given.iterdir()}
    places = [str(given / word) if word in inputs else word for word in WRITERS[name]]
    places[places.index("out.parquet")] = str(folder / "out.parquet")
    return [*places, "--force"]


def told_and_kept(result, folder, capfd):
    """Check that a command ended with a sentence, and left the folder as it was."""
    assert result.exit_code == 5, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert "could not be written whole" in line
    assert "Traceback" not in capfd.readouterr().err  # of workers, who have standard error to themselves
    assert contents(folder) == {"out.parquet": OLD}


@pytest.mark.parametrize("name", WRITERS)
def test_a_limit_on_file_sizes_is_told_and_leaves_what_was_there(
    name, given, tmp_path, file_size_limit, capfd
):
    (tmp_path / "out.parquet").write_bytes(OLD)
    with file_size_limit(ROOM):
        result = run(*command(name, tmp_path, given))
    told_and_kept(result, tmp_path, capfd)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a few bytes; only those may make one whom the system lets mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    tmpfs = ["-t", "tmpfs", "-o", f"size={ROOM}", "none", folder]
    if mount is None or subprocess.run([mount, *tmpfs], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name != "augment")) for name in WRITERS]
)
def test_a_full_disk_is_told_and_leaves_what_was_there(name, given, small_disk, capfd):
    (small_disk / "out.parquet").write_bytes(OLD)
    told_and_kept(run(*command(name, small_disk, given)), small_disk, capfd)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def bomb(path):
    """A kilobyte of file that is 195 GiB of text."""
    cells = pa.DictionaryArray.from_arrays(np.zeros(200_000, dtype=np.int32), ["x" * 2**20])
    pq.write_table(pa.table({"text": cells}), path, compression="zstd", store_schema=False)


HARMS = {cut: "is not a complete parquet file", flipped: "is not a complete parquet file", bomb: "GiB"}


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("name", ["augment", "fit", "impute"])
def test_damaged_and_hostile_files_are_told_and_leave_what_was_there(name, harm, given, tmp_path):
    source, folder = tmp_path / "source.parquet", tmp_path / "folder"
    pq.write_table(pa.Table.from_pandas(PENGUINS), source, write_page_checksum=True)
    harm(source)
    folder.mkdir()
    (folder / "out.parquet").write_bytes(OLD)
    arguments = command(name, folder, given)
    arguments[1] = str(source)
    refused(run(*arguments), 5 if harm is bomb else 3, HARMS[harm])
    assert contents(folder) == {"out.parquet": OLD}


@pytest.mark.parametrize(
    ("n_columns", "gib"), [(1_000, 0.5), pytest.param(10_000, 8.0, marks=pytest.mark.slow)]
)
def test_many_columns_are_refused_where_memory_is_too_small(n_columns, gib, tmp_path, monkeypatch):
    # What says which code is which column's grows with the square of the columns: 30 GiB for ten thousand.
    numbers = np.random.default_rng(0).normal(size=(60, n_columns)).astype(np.float32)
    pd.DataFrame(numbers).add_prefix("c").to_parquet(tmp_path / "wide.parquet")
    (tmp_path / "model").write_bytes(OLD)
    monkeypatch.setattr("synthgan.gan.expectation.free_bytes", lambda: int(gib * 2**30))
    result = run("fit", tmp_path / "wide.parquet", "-o", tmp_path / "model", "--force")
    takes = f"Learning 60 rows of {n_columns:,} columns: about "
    refused(result, 5, takes, f"there are {gib} GiB free. Learn fewer columns")
    assert (tmp_path / "model").read_bytes() == OLD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "wide.parquet"]
