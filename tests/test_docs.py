"""Links between pages hold, and what pages show runs."""

import re
from pathlib import Path

import pandas as pd
import pytest

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


def run_blocks_of(page):
    """Run the Python blocks of a page one after another, and return the names that they leave."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL):
        exec(block, names)
    return names


RUN = [page for page in PAGES if ROOT / "docs" in page.parents and "```python" in page.read_text()]


@pytest.mark.docs
@pytest.mark.parametrize("page", RUN, ids=names_of(RUN))
def test_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run_blocks_of(page)
    if page.name == "augmentation.md":
        assert str(names["model"][-1]) == "DecisionTreeClassifier(max_depth=3)"
    if page.name == "large.md":
        assert len(pd.read_parquet("penguins.parquet")) == 2_000
