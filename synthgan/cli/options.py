"""Options that several commands have, and what is done with them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from synthgan.cli.command import InputPath, OutputPath, is_spooled
from synthgan.exceptions import (
    DataError,
    ModelFileError,
    OutputRefusedError,
    ParameterError,
    ResourceError,
    TrainingError,
)
from synthgan.signals import Terminated

AnyCommand = Callable[..., Any]
_KEPT = "Training is kept; the same command with --resume goes on with it"


class _Rounds(click.ParamType):  # type: ignore[type-arg]
    """A number of rounds, or "auto"."""

    name = "integer|auto"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str | None:
        return value if value == "auto" else click.INT.convert(value, param, ctx)


def options(*options: Callable[[AnyCommand], AnyCommand]) -> Callable[[AnyCommand], AnyCommand]:
    """Return a decorator that adds several options, in the order given."""

    def add(command: AnyCommand) -> AnyCommand:
        for option in reversed(options):
            command = option(command)
        return command

    return add


SOURCE = click.argument("source", metavar="INPUT.parquet", type=InputPath())
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
DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Say what it would take, in memory and time, and stop."
)
ENGINE = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or tasks of a Ray cluster.",
)
CHUNKS = options(
    ENGINE,
    click.option("--workers", type=click.IntRange(min=1), help="Processes that draw [default: one a core]."),
    click.option(
        "--chunk-rows",
        type=click.IntRange(min=1),
        help="Rows that are drawn and written together [default: 100000].",
    ),
)
OUTPUT = options(
    click.option(
        "-o", "--output", required=True, type=OutputPath(), help="File to write; - is standard output."
    ),
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


def given(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that were given."""
    return {name: value for name, value in parameters.items() if value is not None}


def training_beside(output: str) -> Path:
    """Return the file in which training for an output is kept."""
    return Path(output).with_name(f".{Path(output).name}.training")


@contextmanager
def kept_training(output: str, *, resume: bool, force: bool) -> Iterator[Path]:
    """Yield the file in which training for an output is kept; if the command fails, say how to go on.

    Raises
    ------
    OutputRefusedError
        If a training is kept already, and nobody said what to do with it.
    """
    path = training_beside(output)
    was_kept = path.exists()
    if was_kept and not (resume or force):
        raise OutputRefusedError(
            f"A training for {output!r} was interrupted; go on with it (--resume), or begin anew (--force)."
        )
    try:
        yield path
    except (DataError, ModelFileError, ParameterError, TrainingError):
        if leads() and not was_kept:  # of what was wrong from the start nothing is worth keeping
            path.unlink(missing_ok=True)
        raise
    except (KeyboardInterrupt, Terminated, OutputRefusedError, ResourceError) as error:
        if not path.exists() or is_spooled(output):
            raise
        text = str(error).rstrip(".") or ("terminated" if isinstance(error, Terminated) else "interrupted")
        raise type(error)(f"{text}. {_KEPT}") from error
    except BaseException:
        if leads() and path.exists() and not is_spooled(output):
            click.echo(_KEPT, err=True)
        raise


def leads() -> bool:
    """Whether this process is alone, or the first of those that torchrun has begun."""
    return int(os.environ.get("RANK", 0)) == 0
