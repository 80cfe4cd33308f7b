import errno
import os
import stat
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgan.exceptions import DataError, OutputRefusedError, ResourceError
from synthgan.io import check_output, replacing, write_parquet
from synthgan.source import ParquetSource

TABLE = pa.table({"a": list(range(40)), "b": [None, "x"] * 20})
BIG = pa.table({"a": np.random.default_rng(0).random(50_000)})


def read_parquet(path):
    return ParquetSource.of(path).table()


@pytest.fixture
def path(tmp_path):
    """A whole parquet file, alone in its directory."""
    write_parquet(TABLE, tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def names_in(directory):
    return sorted(entry.name for entry in directory.iterdir())


def test_a_written_table_is_read_as_it_was(path):
    assert read_parquet(path).equals(TABLE)
    assert read_parquet(str(path)).equals(TABLE)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"a,b\n1,2\n" * 50])
def test_what_is_no_parquet_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "table.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a complete parquet file") as error:
        read_parquet(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_cut_anywhere_is_refused(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="not a complete parquet file"):
            read_parquet(path)


def test_a_flipped_byte_before_the_footer_is_never_read_as_data(path):
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    refused = 0
    for place in range(footer):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            assert read_parquet(path).equals(TABLE), place  # a byte that nothing depends on
        except DataError:
            refused += 1
    assert refused > footer / 2


@pytest.mark.parametrize("flip", [0x01, 0x10, 0x80])
def test_a_flipped_bit_in_the_footer_raises_nothing_but_data_errors(path, flip):
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(footer, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
        try:
            read_parquet(path)
        except DataError as error:
            assert "\n" not in str(error)  # noqa: PT017  (it may also be readable)


@pytest.mark.parametrize("name", ["absent", "absent/absent", "x" * 300, "nul\0"])
def test_an_absent_file_is_named(tmp_path, name):
    with pytest.raises(DataError, match=r"There is no file|File name too long"):
        read_parquet(tmp_path / name)


def test_a_directory_is_read_as_its_files_or_said_to_hold_none(path):
    (path.parent / "more").mkdir()
    write_parquet(TABLE, path.parent / "more" / "z.parquet")
    assert read_parquet(path.parent).equals(pa.concat_tables([TABLE, TABLE]).combine_chunks())
    for file in path.parent.rglob("*.parquet"):
        file.unlink()
    with pytest.raises(DataError, match="is a directory; it holds no parquet files"):
        read_parquet(path.parent)


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a regular file"):
        read_parquet(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(path):
    path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read_parquet(path)


def test_repeated_column_names_are_listed(tmp_path):
    repeated = pa.Table.from_arrays([pa.array([1])] * 3, names=["a", "b", "a"])
    pq.write_table(repeated, tmp_path / "t")
    with pytest.raises(DataError, match=r"more than once: 'a'\.$"):
        read_parquet(tmp_path / "t")


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_write_that_the_kernel_stops_leaves_what_was_there(tmp_path, file_size_limit, old):
    path = tmp_path / "out"
    if old is not None:
        path.write_bytes(old)
    with file_size_limit(100_000), pytest.raises(ResourceError, match="could not be written whole"):
        write_parquet(BIG, path)
    assert names_in(tmp_path) == ([] if old is None else ["out"])
    assert old is None or path.read_bytes() == old


def write_half_and_raise(path, error):
    with replacing(path) as beside:
        beside.write_bytes(b"half")
        raise error


FULL = OSError(errno.ENOSPC, "No space left on device")
OTHERS = [KeyboardInterrupt("x"), ValueError("x"), OutputRefusedError("x"), ResourceError("x")]


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        (FULL, ResourceError, "No space left on device; make room there, or write to another disk"),
        *((error, type(error), "^x$") for error in OTHERS),
    ],
)
def test_a_full_disk_is_said_any_other_error_passes_and_what_was_there_stays(path, error, raised, said):
    before = path.read_bytes()
    with pytest.raises(raised, match=said):
        write_half_and_raise(path, error)
    assert path.read_bytes() == before
    assert names_in(path.parent) == [path.name]


def test_the_old_file_stands_until_the_new_one_is_whole(path):
    before = path.read_bytes()
    with replacing(path) as beside:
        beside.write_bytes(b"new")
        assert path.read_bytes() == before
        assert beside.parent == path.parent
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_has_come_to_be_there_stays_where_none_is_to_be_overwritten(
    tmp_path, has_links, monkeypatch
):
    if not has_links:
        monkeypatch.setattr(os, "link", Mock(side_effect=OSError(errno.EPERM, "Operation not permitted")))
    path = tmp_path / "out"
    write_parquet(TABLE, path, overwrite=False)
    before = path.read_bytes()
    with pytest.raises(OutputRefusedError, match="in the meantime, and stays as it is; move it away"):
        write_parquet(BIG, path, overwrite=False)
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("to", ["target", "sub/target"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_stays_one_and_what_it_points_to_is_replaced(tmp_path, to, exists):
    (tmp_path / "sub").mkdir()
    link, target = tmp_path / "link", tmp_path / to
    link.symlink_to(to)
    if exists:
        target.write_bytes(b"old")
    write_parquet(TABLE, link)
    assert link.is_symlink()
    assert not target.is_symlink()
    assert read_parquet(target).equals(TABLE)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_parquet(TABLE, tmp_path / "out")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o666 & ~umask


def test_a_replaced_file_keeps_its_mode(path):
    path.chmod(0o640)
    write_parquet(TABLE, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_directory_that_is_not_there_cannot_be_written_to(tmp_path):
    with pytest.raises(OutputRefusedError, match="No such file or directory"):
        write_parquet(TABLE, tmp_path / "absent" / "out")


def places(path):
    """Return one place of each sort that is refused, by name; `path` is the input."""
    directory = path.parent
    (directory / "directory").mkdir()
    (directory / "link").symlink_to(path)
    (directory / "dangling").symlink_to("nowhere")
    (directory / "other").write_bytes(b"")
    os.mkfifo(directory / "pipe")
    names = ["directory", "link", "dangling", "other", "pipe", path.name, "absent/out", "x" * 300, "new"]
    return {name: directory / name for name in names}


ALWAYS = {"directory": "is a directory", "pipe": "not a regular file", "absent/out": "does not exist"}
ALWAYS["x" * 300] = "too long"
UNLESS_FORCED = {**dict.fromkeys(["link", "table.parquet"], "is the input"), "other": "exists"}
UNLESS_FORCED["dangling"] = "exists"


@pytest.mark.parametrize("force", [True, False])
def test_what_must_not_be_written_is_refused(path, force):
    refused = ALWAYS if force else {**ALWAYS, **UNLESS_FORCED}
    for name, place in places(path).items():
        if name in refused:
            with pytest.raises(OutputRefusedError, match=refused[name]) as error:
                check_output(place, force=force, source=path)
            assert name.split("/")[0] in str(error.value)
        else:
            check_output(place, force=force, source=path)
    assert read_parquet(path).equals(TABLE)


@pytest.mark.parametrize("name", ["rows.csv", "rows.TSV", "rows.xlsx"])
def test_tables_of_other_kinds_are_told_apart_from_parquet_files(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(OutputRefusedError, match=r"would be a parquet file; name it 'rows.parquet'"):
        check_output(path, force=False)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="is not a parquet file; read it with pandas and"):
        ParquetSource.of(path)


def test_an_output_that_exists_is_refused_though_the_input_does_not(path, tmp_path):
    with pytest.raises(OutputRefusedError, match="exists; name another file"):
        check_output(path, force=False, source=tmp_path / "none.parquet")
