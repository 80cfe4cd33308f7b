"""What the commands share: how errors end a program, exit codes, and options.

Results go to files, progress and messages to stderr. Exit codes: 0 done, 1 training or internal error,
2 usage, 3 bad input, 4 output refused, 5 out of memory or disk, 130 interrupted, 143 terminated.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

EXIT_CODES: dict[type[BaseException], int] = {
    ParameterError: 2,
    DataError: 3,
    ModelFileError: 3,
    OutputRefusedError: 4,
    ResourceError: 5,
    MemoryError: 5,
    TrainingError: 1,
}

Command = Callable[..., None]


class _Rounds(click.ParamType):  # type: ignore[type-arg]
    """A number of rounds, or "auto"."""

    name = "integer|auto"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str | None:
        return value if value == "auto" else click.INT.convert(value, param, ctx)


class Group(click.Group):
    """Turn errors into one sentence on stderr and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            with _terminating():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as error:
            _stop(str(error) or "interrupted; nothing was written", 130)
        except BrokenPipeError:
            sys.exit(1)
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            code = next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)
            text = " ".join(str(error).split())
            if not isinstance(error, SynthganError):
                text = f"{type(error).__name__}: {text} (synthgan --debug COMMAND shows where)"
            _stop(text, code)


@contextmanager
def _terminating() -> Iterator[None]:
    """Let SIGTERM end the program in the ordinary way, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(message: str, code: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


def options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return a decorator that adds several options, in the order given."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


ROUNDS = click.option("--rounds", type=_Rounds(), help="Rounds to draw a row in, or auto; 1 is the fastest.")
# What is not given is left to SynthGAN, where the defaults are.
TRAINING = options(
    click.option("--target", help="Column that a model will predict."),
    click.option("--max-time", type=float, help="Seconds that training may take."),
    click.option("--epochs", type=int, help="Passes over the rows."),
    ROUNDS,
    click.option("--device", help='"auto", "cpu" or "cuda".'),
    click.option("--seed", "random_state", type=click.IntRange(0, 2**32 - 1), help="Makes runs repeatable."),
    click.option(
        "--schema",
        type=click.Path(),
        help="TOML or JSON file of kinds and rules, such as the command schema writes.",
    ),
    click.option("--drop-unsupported", is_flag=True, help="Leave out columns that cannot be learned."),
)
RESUME = click.option("--resume", is_flag=True, help="Go on with a training that was interrupted.")
ENGINE = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or tasks of a Ray cluster.",
)
OUTPUT = options(
    click.option("-o", "--output", required=True, type=click.Path(), help="File to write."),
    click.option("--force", is_flag=True, help="Replace the file if it exists."),
)
CONDITIONS = options(
    click.option(
        "--condition",
        "conditions",
        multiple=True,
        metavar="COLUMN=VALUE",
        help="What every drawn row has; may be repeated. Other signs are >=, <=, >, < and !=. An empty value "
        "asks for a missing cell, and COLUMN!= for one that is not.",
    ),
    click.option(
        "--conditions-file",
        type=click.Path(),
        help="Parquet file each of whose rows says what is known of one wanted row; empty cells are drawn.",
    ),
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")


@contextmanager
def kept_training(output: str, *, resume: bool, force: bool) -> Iterator[Path]:
    """Yield the file in which training for an output is kept; if it is stopped, say how to go on.

    Raises
    ------
    OutputRefusedError
        If a training is kept already, and nobody said what to do with it.
    """
    path = Path(output).with_name(f".{Path(output).name}.training")
    if path.exists() and not resume:
        if not force:
            raise OutputRefusedError(
                f"A training for {output!r} was interrupted; go on with it (--resume), or begin anew "
                "(--force)."
            )
        path.unlink(missing_ok=True)
    try:
        yield path
    except (KeyboardInterrupt, SystemExit):
        if path.exists():
            click.echo("Training is kept; the same command with --resume goes on with it", err=True)
        raise


def say(quiet: bool, message: str) -> None:
    """Say what was done, unless that is unwanted."""
    if not quiet:
        click.echo(message, err=True)
