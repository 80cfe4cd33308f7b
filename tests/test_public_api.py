"""What is promised is there, documented and typed."""

import inspect
import re
from pathlib import Path

import pytest

import synthgan

API_PAGE = Path(__file__).parents[1] / "docs" / "reference" / "python.md"


def test_promises_are_sorted_and_documented():
    assert synthgan.__all__ == sorted(synthgan.__all__)
    listed = re.findall(r"^   ([\w.]+)$", API_PAGE.read_text(), flags=re.MULTILINE)
    assert sorted(name for name in listed if "." not in name) == synthgan.__all__


@pytest.mark.parametrize("name", synthgan.__all__)
def test_every_promise_has_a_docstring(name):
    assert inspect.getdoc(getattr(synthgan, name))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'CTGAN'"):
        synthgan.CTGAN  # noqa: B018


def test_every_parameter_of_synthgan_is_documented_and_keyword_only():
    signature = inspect.signature(synthgan.SynthGAN.__init__)
    parameters = [name for name in signature.parameters if name != "self"]
    documented = re.findall(
        r"^(\w+) : ", inspect.getdoc(synthgan.SynthGAN).split("Attributes")[0], re.MULTILINE
    )
    assert documented == parameters
    assert all(signature.parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in parameters)


def test_defaults_in_the_docstring_are_those_of_the_signature():
    text = inspect.getdoc(synthgan.SynthGAN)
    for name, parameter in inspect.signature(synthgan.SynthGAN.__init__).parameters.items():
        if name == "self":
            continue
        (default,) = re.findall(rf"^{name} : .*default=(.*)$", text, flags=re.MULTILINE)
        assert default.strip('"') == str(parameter.default), name
