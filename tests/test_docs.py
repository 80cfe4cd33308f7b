"""Links between pages hold, what pages show runs, and the demo prints what the README says."""

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
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")]
    if not {"generated", "_build"} & set(path.relative_to(ROOT).parts)
)


#: Folders of scripts, by the folder in which the build puts their pages.
SCRIPTS = {"tutorials": "tutorials", "stages": "explanation/stages"}


def names_of(pages):
    return [str(page.relative_to(ROOT)) for page in pages]


def without_code(text):
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors_of(page):
    """Return the anchors that GitHub and the site make of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", without_code(page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=names_of(PAGES))
def test_links_of_a_page_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        if "generated" in place.parts:  # in the build, from a script
            place = ROOT / "docs" / SCRIPTS[place.parent.name] / f"{place.stem}.py"
        assert place.exists(), target
        assert not anchor or anchor in anchors_of(place), target


SITE = [page for page in PAGES if ROOT / "docs" in page.parents and page.name != "index.md"]


@pytest.mark.parametrize("page", SITE, ids=names_of(SITE))
def test_pages_of_the_site_are_in_a_table_of_contents(page):
    index = page.with_name("index.md").read_text()
    (contents,) = re.findall(r"```{toctree}\n:hidden:\n\n(.*?)```", index, flags=re.DOTALL)
    assert page.stem in contents.split()


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


RUN = [page for page in PAGES if ROOT / "docs" in page.parents and "```python" in page.read_text()]


@pytest.mark.docs
@pytest.mark.parametrize("page", RUN, ids=names_of(RUN))
def test_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks(page, "python"):
        exec(block, names)
    if page.name == "augmentation.md":
        assert str(names["model"][-1]) == "DecisionTreeClassifier(max_depth=3)"
    if page.name == "large.md":
        assert len(pd.read_parquet("penguins.parquet")) == 2_000


README = ROOT / "README.md"
LEARNING = {"augment", "compare", "fit", "impute"}


@pytest.mark.docs
def test_python_blocks_of_the_readme_run_each_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in blocks(README, "python"):
        exec(block, {})
    assert (tmp_path / "penguins.synthgan").is_file()


@pytest.mark.docs
def test_command_lines_of_the_readme_run(tmp_path, monkeypatch):
    # What learns does so for a moment: how good that is, is not asked here.
    monkeypatch.chdir(tmp_path)
    load_penguins().iloc[::3].to_parquet("in.parquet")
    lines = re.findall(r"^\$ synthgan (.*)$", README.read_text(), flags=re.MULTILINE)
    assert len(lines) == 10
    for line in lines:
        command, *options = shlex.split(line)
        moment = ["--epochs", "1"] * (command in LEARNING)
        result = CliRunner().invoke(main, [command, *moment, *options])
        assert result.exit_code == 0, result.stderr
    assert len(pd.read_parquet("drawn.parquet")) == 1_000


@pytest.mark.docs
def test_demo_prints_what_the_readme_says(tmp_path):
    (expected,) = blocks(README, "text")
    command = [sys.executable, ROOT / "examples" / "demo.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    printed = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True).splitlines()
    assert set(map(str.rstrip, expected.splitlines())) <= set(map(str.rstrip, printed))
    augmented = pd.read_parquet(tmp_path / "demo-output" / "penguins-augmented.parquet")
    pd.testing.assert_frame_equal(augmented.iloc[:344].drop(columns="synthetic"), load_penguins())
    assert (tmp_path / "demo-output" / "penguins-real-and-drawn.png").stat().st_size > 10_000


def test_readme_is_short():
    assert len(README.read_text().splitlines()) < 200
