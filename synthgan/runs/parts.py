"""A folder of parts: tables come in, files and a manifest of them go out, and what is whole is known again.

A part is written beside its place and moved in. Then a line of the manifest says how many rows it has and
what its digest is, so that an interrupted run is resumed with nothing lost and nothing doubled.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthgan.exceptions import DataError, OutputRefusedError
from synthgan.io import write_parquet

#: Readers of folders of parquet files leave out what begins so.
MANIFEST = "_manifest.jsonl"
#: The names of all that a run writes: the manifest, parts, the model for workers, and what is not whole yet.
_OWN = re.compile(r"_manifest\.jsonl|part-\d{5,}\.parquet|\.{1,2}part-(\d{5,}|model-).*\.part")


@dataclass(frozen=True)
class Part:
    """A file of the folder: its place, rows, bytes, and the SHA-256 digest of these."""

    index: int
    n_rows: int
    n_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return name_of(self.index)


def name_of(index: int) -> str:
    """Return the name of the file of a chunk."""
    return f"part-{index:05d}.parquet"


def write_part(table: pa.Table, folder: Path, index: int) -> Part:
    """Write a part, whole or not at all."""
    path = folder / name_of(index)
    write_parquet(table, path)
    return Part(index, len(table), path.stat().st_size, _digest(path))


class Parts:
    """The parts of a run that are there, and the manifest that lists them.

    Parameters
    ----------
    folder
        Where they are.
    header
        What the run is of, as JSON values; a resumed run must be of the same.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self.folder, self.header = folder, dict(header)
        self.known: dict[int, Part] = {}

    @property
    def begun(self) -> dict[str, Any]:
        """The header of the run that is there; empty if there is none."""
        path = self.folder / MANIFEST
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        entry = _entry(lines[0]) if lines else None
        return (entry or {}).get("run") or {}

    @contextmanager
    def opened(self, *, resume: bool, force: bool) -> Iterator[None]:
        """Make or reopen the folder for the time of a run, and nobody else's.

        Parameters
        ----------
        resume
            Whether to go on with the run that is there, if there is one.
        force
            Whether a run that is there is otherwise removed.

        Raises
        ------
        DataError
            If the run that is there is another one.
        OutputRefusedError
            If there is one already and nobody said what to do with it, the folder holds other things, or
            another process is at it.
        """
        check_own(self.folder)
        self.folder.mkdir(exist_ok=True)
        with (self.folder / MANIFEST).open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OutputRefusedError(f"Another run is writing to {str(self.folder)!r}.") from error
            file.seek(0)
            lines = file.read().splitlines()
            if lines and resume:
                self._take_up(lines)
            elif lines and not force:
                raise OutputRefusedError(
                    f"The output {str(self.folder)!r} holds a run; go on with it (--resume), or replace it "
                    "(--force)."
                )
            self._file = file
            if not (lines and resume):
                file.truncate(0)
                self._write({"run": self.header})
            else:  # without a last line that whatever stopped the run has cut
                file.truncate((self.folder / MANIFEST).read_bytes().rfind(b"\n") + 1)
            for path in self._strays():
                path.unlink()
            try:
                yield
            finally:
                for path in self._strays():  # of workers that were killed
                    path.unlink()
                if not self.known:  # nothing to go on with
                    (self.folder / MANIFEST).unlink()
                    with suppress(OSError):
                        self.folder.rmdir()

    def add(self, part: Part) -> None:
        """List a part that has been written."""
        self.known[part.index] = part
        self._write(asdict(part))

    def _write(self, entry: Mapping[str, Any]) -> None:
        print(json.dumps(entry), file=self._file, flush=True)
        os.fsync(self._file.fileno())

    def _take_up(self, lines: list[str]) -> None:
        """Know the parts that a manifest lists and that are as it says."""
        entries = [entry for line in lines if (entry := _entry(line)) is not None]
        before = entries[0].get("run") if entries else None
        if before != self.header:
            told = (
                ", ".join(
                    f"{k}: {before.get(k)!r}, not {v!r}" for k, v in self.header.items() if before.get(k) != v
                )
                if isinstance(before, dict)
                else "its manifest cannot be read"
            )
            raise DataError(
                f"The run in {str(self.folder)!r} is another one ({told}). Resume it as it was begun, or "
                "replace it with --force."
            )
        for entry in entries[1:]:
            try:
                part = Part(**entry)
            except TypeError:  # not written by us: that part is drawn again
                continue
            path = self.folder / part.name
            if path.is_file() and path.stat().st_size == part.n_bytes and _digest(path) == part.sha256:
                self.known[part.index] = part

    def _strays(self) -> list[Path]:
        """Return the parts that no manifest lists whole, and what a killed writer left beside them."""
        names = {MANIFEST, *(part.name for part in self.known.values())}
        return [path for path in self.folder.iterdir() if path.name not in names]

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows of each part, in order."""
        for index in sorted(self.known):
            yield pq.read_table(self.folder / name_of(index), page_checksum_verification=True)


def check_own(folder: Path) -> None:
    """Raise OutputRefusedError if a folder holds what no run has written."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputRefusedError(
            f"The output {str(folder)!r} is a file, and parts go to a folder; name another."
        )
    names = sorted(path.name for path in folder.iterdir())
    others = [name for name in names if MANIFEST not in names or not _OWN.fullmatch(name)]
    if others:
        raise OutputRefusedError(
            f"The output {str(folder)!r} holds other things, such as {others[0]!r}; name a folder that is "
            "empty, or does not exist."
        )


def _entry(line: str) -> dict[str, Any] | None:
    """Return what a line of a manifest says; None for the last one, cut by whatever stopped the run."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
