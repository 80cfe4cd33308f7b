"""The README runs, and the demo prints what the README says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from synthgan.cli import main
from synthgan.datasets import load_penguins

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
LEARNING = {"augment", "compare", "fit", "impute"}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.docs
def test_python_blocks_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert blocks("python")
    for block in blocks("python"):
        exec(block, {})
    assert (tmp_path / "penguins.synthgan").is_file()


@pytest.mark.docs
def test_command_lines_run(tmp_path, monkeypatch):
    # What learns does so for a moment: how good that is, is not asked here.
    monkeypatch.chdir(tmp_path)
    load_penguins().iloc[::3].to_parquet("in.parquet")
    lines = re.findall(r"^\$ synthgan (.*)$", README, flags=re.MULTILINE)
    assert len(lines) == 10
    for line in lines:
        command, *options = shlex.split(line)
        moment = ["--epochs", "1"] * (command in LEARNING)
        result = CliRunner().invoke(main, [command, *moment, *options])
        assert result.exit_code == 0, result.stderr
    assert len(pd.read_parquet("drawn.parquet")) == 1_000


@pytest.mark.docs
def test_demo_prints_what_the_readme_says(tmp_path):
    (expected,) = blocks("text")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    for line in expected.splitlines():
        assert line.rstrip() in printed
    augmented = pd.read_parquet(tmp_path / "demo-output" / "penguins-augmented.parquet")
    pd.testing.assert_frame_equal(augmented.iloc[:344].drop(columns="synthetic"), load_penguins())
    assert (tmp_path / "demo-output" / "penguins-real-and-drawn.png").stat().st_size > 10_000


def test_readme_is_short():
    assert len(README.splitlines()) < 200
