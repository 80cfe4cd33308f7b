"""Everything public is there, documented and typed, has an example, and all examples run."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import synthgan

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "python.md").read_text()
PUBLIC = re.findall(r"^   ([\w.]+)$", PAGE, flags=re.MULTILINE)
METHODS = [
    f"SynthGAN.{name}"
    for name, member in inspect.getmembers(synthgan.SynthGAN, inspect.isroutine)
    if not name.startswith("_") and member.__module__.startswith("synthgan.")
]
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "synthgan").rglob("*.py"))
    if ">>> " in path.read_text()
]


def test_promises_are_sorted_and_documented():
    assert synthgan.__all__ == sorted(synthgan.__all__)
    assert sorted(name for name in PUBLIC if "." not in name) == synthgan.__all__


@pytest.mark.parametrize("name", [*PUBLIC, *METHODS])
def test_everything_public_has_an_example(name):
    assert ">>> " in inspect.getdoc(pkgutil.resolve_name(f"synthgan.{name}"))


@pytest.mark.docs
@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_of_a_module_run(module):
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0
    assert results.failed == 0


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'CTGAN'"):
        synthgan.CTGAN  # noqa: B018


def test_every_parameter_of_synthgan_is_documented_with_its_default_and_keyword_only():
    text = inspect.getdoc(synthgan.SynthGAN).split("Attributes")[0]
    documented = re.findall(r"^(\w+) : .*default=(.*)$", text, re.MULTILINE)
    parameters = inspect.signature(synthgan.SynthGAN).parameters.values()
    assert [(p.name, str(p.default)) for p in parameters] == [(n, d.strip('"')) for n, d in documented]
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters)
