"""Commands in the process of the tests, and what they say when they refuse."""

from click.testing import CliRunner

from synthgan.cli import main
from synthgan.datasets import load_penguins

PENGUINS = load_penguins()


def run(*arguments, **options):
    """Run a command; paths and numbers are taken as they are."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


def refused(result, code, *words):
    """Check that a command ended with a code and one sentence, and return the sentence."""
    assert result.exit_code == code, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line
    return line
