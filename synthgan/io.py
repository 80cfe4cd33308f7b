"""Tables in and out of parquet files: nothing is read in part, and nothing is written but whole.

Paths come in and Arrow tables go out, or the other way round; every fault becomes one sentence that names
the path.
"""

import errno
import glob
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthgan.exceptions import DataError, OutputRefusedError, ResourceError, listing

#: How the names of files end that hold tables of other kinds.
_OTHER_TABLES = {".csv", ".tsv", ".xls", ".xlsx"}
#: How the names of files end that are not whole yet.
_UNFINISHED = ".part"


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let every fault in reading a parquet file become one sentence that names it.

    Raises
    ------
    DataError
        If there is no such file, it cannot be read, or it is not a whole parquet file.
    """
    path = Path(path)
    try:
        _check_input(path)
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, DataError | ResourceError | OutputRefusedError):
            raise
        if isinstance(error, OSError) and error.errno:  # of the system, not of Arrow
            raise DataError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
        if path.suffix.lower() in _OTHER_TABLES:
            raise DataError(
                f"{str(path)!r} is not a parquet file; read it with pandas and write one with to_parquet."
            ) from error
        raise DataError(f"{str(path)!r} is not a complete parquet file ({_first_line(error)}).") from error


def write_parquet(table: pa.Table, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
    """Write a table, with page checksums, beside its place and move it there when it is whole."""
    with replacing(path, overwrite=overwrite) as beside:
        pq.write_table(table, beside, compression="zstd", write_page_checksum=True)


def check_output(
    path: str | os.PathLike[str], *, force: bool, source: str | os.PathLike[str] | None = None
) -> None:
    """Raise OutputRefusedError unless output may go to `path`; `source` is the file that is read.

    With `force` an existing file may be replaced, be it the source.
    """
    path = Path(path)
    if path.suffix.lower() in _OTHER_TABLES:
        raise OutputRefusedError(
            f"The output {str(path)!r} would be a parquet file; name it {path.stem + '.parquet'!r}, and have "
            "pandas make another of that."
        )
    if _is_address(path) and not path.parent.exists():
        raise OutputRefusedError(f"{str(path)!r} is an address; write to a file here first, and send that.")
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise OutputRefusedError(
            f"The output {str(path)!r} cannot be written: {_first_line(error)}."
        ) from error
    if path.is_dir():
        raise OutputRefusedError(f"The output {str(path)!r} is a directory; name a file in it.")
    if not path.parent.is_dir():
        raise OutputRefusedError(
            f"The output's directory {str(path.parent)!r} does not exist; make it first."
        )
    if path.exists() and not path.is_file():
        raise OutputRefusedError(f"The output {str(path)!r} is not a regular file; name another place.")
    if force or not os.path.lexists(path):
        return
    if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
        raise OutputRefusedError(
            f"The output {str(path)!r} is the input; name another file, or replace it with --force."
        )
    raise OutputRefusedError(
        f"The output {str(path)!r} exists; name another file, or replace it with --force."
    )


@contextmanager
def replacing(path: str | os.PathLike[str], *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the same directory; move it to `path` on success, remove it on failure.

    Parameters
    ----------
    path
        Where it goes. A symbolic link stays one: what it points to is replaced.
    overwrite
        Whether it takes the place of a file that is there by then.

    Raises
    ------
    ResourceError
        If the disk is full or a quota or size limit is reached.
    OutputRefusedError
        If the directory may not be written, or a file is there that is to stay.
    """
    target = Path(path).resolve()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=_beside(target), suffix=_UNFINISHED)
    except OSError as error:
        raise OutputRefusedError(f"{str(path)!r} cannot be written: {error.strerror}.") from error
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        _give_usual_mode(beside, target)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        if overwrite:
            beside.replace(target)
        else:
            _move_to_new(beside, target)
    except OSError as error:
        if isinstance(error, OutputRefusedError | ResourceError):
            raise
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "; make room there, or write to another disk" if is_full else ""
        raise ResourceError(
            f"{str(path)!r} could not be written whole: {_first_line(error)}{hint}."
        ) from error
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def strays(path: str | os.PathLike[str]) -> list[Path]:
    """Return what processes that were killed left beside a path that they were replacing."""
    target = Path(path).resolve()
    return sorted(target.parent.glob(f"{glob.escape(_beside(target))}*{_UNFINISHED}"))


def _beside(target: Path) -> str:
    """Return how the names of temporary files beside a path begin."""
    return f".{target.name[:80]}."


def _is_address(path: str | os.PathLike[str]) -> bool:
    """Whether a path is an address of something that is elsewhere."""
    return re.match(r"[a-z][a-z0-9+.-]+:/", str(path)) is not None


def _check_input(path: Path) -> None:
    if _is_address(path) and not path.exists():
        raise DataError(f"{str(path)!r} is an address; fetch the file first, and name that.")
    if not path.exists():
        raise DataError(f"There is no file {str(path)!r}.")
    if not path.is_file():
        raise DataError(f"{str(path)!r} is not a regular file; write what it gives to one first.")


def _move_to_new(beside: Path, target: Path) -> None:
    """Give a file a name that no other has."""
    try:
        os.link(beside, target)  # fails if there is one, which a move would replace
    except OSError as error:
        if os.path.lexists(target):
            raise OutputRefusedError(
                f"The output {str(target)!r} has come to be there in the meantime, and stays as it is; move "
                "it away, or replace it with --force."
            ) from error
        beside.replace(target)  # where files have one name only


def _give_usual_mode(beside: Path, target: Path) -> None:
    """Give a temporary file, which only its owner may read, the mode of the target or of a new file."""
    if target.exists():
        beside.chmod(target.stat().st_mode)
    else:
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)


def check_unique(names: list[str], path: Path) -> None:
    """Raise DataError if a file has two columns of one name."""
    if repeated := sorted(name for name, n_times in Counter(names).items() if n_times > 1):
        raise DataError(f"{str(path)!r} has column names that appear more than once: {listing(repeated)}.")


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
