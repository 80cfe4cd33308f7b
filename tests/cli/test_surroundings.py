"""What surrounds the program: pipes, locales, homes, networks, other processes."""

import os
import subprocess
import sys

import commands
import pandas as pd
import pytest
from commands import PENGUINS, refused


@pytest.fixture
def folder(tmp_path):
    """A folder with a table whose names and cells are of many scripts."""
    table = PENGUINS.iloc[::4].rename(columns={"island": "Insel 🏝"}).replace("Adelie", "Adélie")
    table.to_parquet(tmp_path / "penguins.parquet")
    return tmp_path


def run(
    folder, *arguments, command=(sys.executable, "-m", "synthgan"), stdout=subprocess.PIPE, **environment
):
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )


def test_a_reader_that_goes_away_is_no_error_that_is_told(folder):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = run(folder, "schema", "penguins.parquet", stdout=pipe)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_names_are_printed_under_any_locale(folder):
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    result = run(folder, "info", "penguins.parquet", **environment)
    assert result.returncode == 0, result.stderr
    assert b"Insel" in result.stdout
    result = run(folder, "augment", "penguins.parquet", "-o", "out", "--target", "Insel", **environment)
    assert result.returncode == 3
    assert b"Did you mean" in result.stderr


OFFLINE = """
import socket, sys
def refusing(real):
    def refuse(own, *arguments):
        if own.family != socket.AF_UNIX:
            raise AssertionError("the network was asked")
        return real(own, *arguments)
    return refuse
for name in ("connect", "bind", "sendto"):
    setattr(socket.socket, name, refusing(getattr(socket.socket, name)))
from synthgan.cli import main
if __name__ == "__main__":
    for command in sys.argv[1:]:
        main(command.split(), standalone_mode=False)
"""


def test_the_network_is_never_asked_nor_a_home_or_a_place_to_write_but_the_output(folder, tmp_path):
    nowhere = {"HOME": "/nowhere", "XDG_CACHE_HOME": "/nowhere", "MPLCONFIGDIR": str(tmp_path / "mpl")}
    (folder / "offline.py").write_text(OFFLINE)
    steps = [
        "fit penguins.parquet -o model --epochs 1 --seed 0",
        "sample model -o out.parquet -n 40 --chunk-rows 20 --workers 2",
        "evaluate penguins.parquet out.parquet",
    ]
    result = run(folder, *steps, command=[sys.executable, "offline.py"], **nowhere)
    assert result.returncode == 0, result.stderr
    assert b"nowhere" not in result.stderr
    assert len(pd.read_parquet(folder / "out.parquet")) == 40
    assert b"detection_trees" in result.stdout


@pytest.mark.parametrize("address", ["s3://bucket/table.parquet", "https://example.org/table.parquet"])
def test_an_address_is_told_from_a_file(source, address):
    refused(commands.run("fit", address, "-o", "model"), 3, "is an address; fetch the file first")
    written = commands.run("augment", source, "-o", address)
    refused(written, 4, "is an address; write to a file here first")
