"""Everything public has an example, and all examples run."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import synthgan

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "python.md").read_text()
PUBLIC = re.findall(r"^   ([\w.]+)$", PAGE, flags=re.MULTILINE)
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "synthgan").rglob("*.py"))
    if ">>> " in path.read_text()
]


def thing_of(name):
    *folders, own = name.split(".")
    return getattr(importlib.import_module(".".join(["synthgan", *folders])), own)


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_has_an_example(name):
    assert ">>> " in inspect.getdoc(thing_of(name))


METHODS = [
    name
    for name, member in inspect.getmembers(synthgan.SynthGAN, inspect.isroutine)
    if not name.startswith("_") and member.__module__.startswith("synthgan.")
]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_of_synthgan_has_an_example(name):
    assert ">>> " in inspect.getdoc(getattr(synthgan.SynthGAN, name))


@pytest.mark.docs
@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_of_a_module_run(module):
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0
    assert results.failed == 0
