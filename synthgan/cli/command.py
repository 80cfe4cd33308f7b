"""What a command is: how it is run, what it says, and how errors end a program.

A command returns an `Outcome`; it is said on stderr in a sentence, or printed on stdout as JSON. Exit codes:
0 done, 1 training or internal error, 2 usage, 3 bad input, 4 output refused, 5 out of memory or disk,
130 interrupted, 143 terminated.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import click

from synthgan.exceptions import (
    DataError,
    ModelFileError,
    OutputRefusedError,
    ParameterError,
    ResourceError,
    SynthganError,
    TrainingError,
)
from synthgan.signals import Terminated, handled, terminate

EXIT_CODES: dict[type[BaseException], int] = {
    ParameterError: 2,
    DataError: 3,
    ModelFileError: 3,
    OutputRefusedError: 4,
    ResourceError: 5,
    MemoryError: 5,
    TrainingError: 1,
}
#: Where a context keeps what all commands have in common.
_JSON, _THREADS = "synthgan.json", "synthgan.threads"
_SPOOLED, _NAMES = "synthgan.spooled", "synthgan.names"


@dataclass(frozen=True)
class Outcome:
    """What a command has done, or would do.

    Attributes
    ----------
    sentence
        What is said on stderr; empty for nothing.
    facts
        The same for machines, as JSON values or as JSON itself.
    text
        What is printed on stdout where no JSON is wanted.
    """

    sentence: str = ""
    facts: dict[str, Any] | str = field(default_factory=dict)
    text: str | None = None

    def tell(self, *, as_json: bool, quiet: bool) -> None:
        """Say and print it."""
        if self.sentence and not quiet:
            click.echo(self.sentence, err=True)
        if as_json:
            text = self.facts if isinstance(self.facts, str) else json.dumps(self.facts, ensure_ascii=False)
            click.echo(text)
        elif self.text is not None:
            click.echo(self.text, nl=not self.text.endswith("\n"))


class Command(click.Command):
    """A command with what all have in common: an example, silence, JSON, and how many cores it may use."""

    def __init__(self, *arguments: Any, example: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.epilog = f"\b\nExample:\n  synthgan {example}"
        self.params += [
            click.Option(["-q", "--quiet"], is_flag=True, help="Say nothing but errors."),
            click.Option(["--json", "as_json"], is_flag=True, help="Print what was done as one JSON object."),
            click.Option(["--threads"], type=click.IntRange(min=1), help="Cores to use [default: all]."),
        ]

    def invoke(self, ctx: click.Context) -> None:
        """Run the command, and say what it has done."""
        as_json, n_threads = ctx.params.pop("as_json"), ctx.params.pop("threads")
        meta = ctx.meta
        spooled = meta.get(_SPOOLED)
        # A reader of the file that goes to standard output is not to find an error in its place.
        meta[_JSON], meta[_THREADS] = as_json and not spooled, n_threads
        if spooled and as_json:
            raise ParameterError("Standard output is either for the file (-o -) or for --json.")
        with _on_cores(n_threads):
            outcome: Outcome = super().invoke(ctx)
        if spooled and spooled.exists():
            with spooled.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
        outcome.tell(as_json=as_json, quiet=ctx.params["quiet"])


class Group(click.Group):
    """Turn errors into one sentence on stderr and an exit code."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            with handled({signal.SIGTERM: terminate}):
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as error:
            _stop(ctx, str(error) or "interrupted; nothing was written", 130)
        except Terminated as error:
            _stop(ctx, str(error) or "terminated; nothing was written", 143)
        except BrokenPipeError:
            sys.exit(1)
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            code = next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)
            text = " ".join(str(error).split())
            if not isinstance(error, SynthganError):
                text = f"{type(error).__name__}: {text} (synthgan --debug COMMAND shows where)"
            _stop(ctx, text, code)


class InputPath(click.Path):
    """A file to read; "-" is standard input, which is kept in a temporary file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a path."""
        if value != "-" or ctx is None:
            return super().convert(value, param, ctx)
        path = _temporary(ctx) / "standard-input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        ctx.meta.setdefault(_NAMES, {})[str(path)] = "standard input"
        return str(path)


class OutputPath(click.Path):
    """A file to write; "-" is standard output, which gets a file that is whole."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a path."""
        if value != "-" or ctx is None:
            return super().convert(value, param, ctx)
        if _is_terminal():
            raise click.UsageError("A file is not for a terminal; redirect standard output, or name a file.")
        path = _temporary(ctx) / "standard-output.parquet"
        ctx.meta[_SPOOLED] = path
        ctx.meta.setdefault(_NAMES, {})[str(path)] = "standard output"
        return str(path)


def n_threads() -> int | None:
    """Return how many cores the running command may use, None for all."""
    found: int | None = click.get_current_context().meta.get(_THREADS)
    return found


def shown(path: str) -> str:
    """Return what a file is called."""
    names: dict[str, str] = click.get_current_context().meta.get(_NAMES, {})
    return names.get(path, path)


def is_spooled(output: str) -> bool:
    """Whether an output is a temporary file for standard output."""
    return click.get_current_context().meta.get(_SPOOLED) == Path(output)


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _temporary(ctx: click.Context) -> Path:
    return Path(ctx.with_resource(tempfile.TemporaryDirectory()))


@contextmanager
def _on_cores(n_threads: int | None) -> Iterator[None]:
    """Let torch compute on so many cores for a while."""
    if n_threads is None:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = str(n_threads)  # for processes that are begun
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _stop(ctx: click.Context, message: str, code: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    if ctx.meta.get(_JSON):
        click.echo(json.dumps({"error": message, "exit_code": code}, ensure_ascii=False))
    sys.exit(code)
