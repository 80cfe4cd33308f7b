"""Commands in the process of the tests, and what they say when they refuse."""

from click.testing import CliRunner

from synthgan.cli import main
from synthgan.datasets import load_penguins

PENGUINS = load_penguins()
#: Options of commands that learn, so that they do in a moment.
QUICK = ["--epochs", "1", "--seed", "0"]


def run(*arguments, **options):
    """Run a command; paths and numbers are taken as they are."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


def done(*arguments, **options):
    """Run a command, check that it ended well, and return what it said."""
    result = run(*arguments, **options)
    assert result.exit_code == 0, result.stderr
    return result


def refused(result, code, *words):
    """Check that a command ended with a code and one sentence, and return the sentence."""
    assert result.exit_code == code, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line
    return line


def contents(folder, names="*"):
    """Return what the files in a folder hold, by name, and None for each folder in it."""
    return {path.name: None if path.is_dir() else path.read_bytes() for path in folder.glob(names)}
