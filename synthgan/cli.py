"""The command line: each command parses, calls the library, and says on stderr what it did.

Results go to files, progress and messages to stderr. Exit codes: 0 done, 1 training or internal error,
2 usage, 3 bad input, 4 output refused, 5 out of memory or disk, 130 interrupted, 143 terminated.
"""

import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from synthgan import __version__
from synthgan.exceptions import (
    CopyingWarning,
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


class _Group(click.Group):
    """Turn errors into one sentence on stderr and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _terminating():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            _stop("interrupted; nothing was written", 130)
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


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return a decorator that adds several options, in the order given."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_rounds = click.option("--rounds", type=_Rounds(), help="Rounds to draw a row in, or auto; 1 is the fastest.")
# What is not given is left to SynthGAN, where the defaults are.
_training = _options(
    click.option("--target", help="Column that a model will predict."),
    click.option("--max-time", type=float, help="Seconds that training may take."),
    click.option("--epochs", type=int, help="Passes over the rows."),
    _rounds,
    click.option("--device", help='"auto", "cpu" or "cuda".'),
    click.option("--seed", "random_state", type=click.IntRange(0, 2**32 - 1), help="Makes runs repeatable."),
    click.option(
        "--schema",
        type=click.Path(),
        help="TOML or JSON file of kinds and rules, such as the command schema writes.",
    ),
    click.option("--drop-unsupported", is_flag=True, help="Leave out columns that cannot be learned."),
)
_output = _options(
    click.option("-o", "--output", required=True, type=click.Path(), help="File to write."),
    click.option("--force", is_flag=True, help="Replace the file if it exists."),
)
_conditions = click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="What every drawn row has; may be repeated. An empty value asks for a missing cell.",
)
_quiet = click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="synthgan")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Augment tables with synthetic rows."""


@main.command()
@click.argument("source", metavar="INPUT.parquet", type=click.Path())
@_output
@click.option("--rows", type=click.IntRange(min=0), help="Add this many rows.")
@click.option("--ratio", type=float, help="Add this many times the rows there are [default: 1].")
@click.option("--balance", is_flag=True, help="Add rows until all classes of the target are as frequent.")
@_conditions
@click.option("--mark", is_flag=True, help='Add a column "synthetic" that is true for drawn rows.')
@_training
@_quiet
def augment(
    source: str,
    output: str,
    force: bool,
    rows: int | None,
    ratio: float | None,
    balance: bool,
    conditions: Sequence[str],
    mark: bool,
    schema: str | None,
    drop_unsupported: bool,
    quiet: bool,
    **parameters: Any,
) -> None:
    """Write a table's rows, unchanged, and drawn rows after them."""
    import numpy as np

    from synthgan import augmentation, io, parquet
    from synthgan.parameters import check_n_rows
    from synthgan.preprocessing import TableEncoder
    from synthgan.preprocessing.rules import read_rules

    amount = augmentation.Amount(rows, ratio, balance)
    io.check_output(output, force=force, source=source)
    table = parquet.ParquetTable.read(source)
    frame, told = _learnable(table, schema, drop_unsupported)
    if mark:
        table.check_mark()
    target = parameters["target"]
    if target is not None:
        for warning in augmentation.check_target(frame, target):
            click.echo(f"warning: {warning}", err=True)
    # What is asked is checked on the table, before the training that it would otherwise waste.
    encoder = TableEncoder(kinds=told["kinds"], rules=read_rules(told["rules"])).fit(frame)
    asked = encoder.read_conditions(conditions)
    parts = augmentation.plan_rows(frame, amount, target=target, conditions=asked)
    check_n_rows(sum(n for n, _ in parts), frame.shape[1])
    for n, wanted in parts:
        encoder.ask(n, wanted, np.random.default_rng(0))
    drawn = _fit(frame, quiet, parameters | told).sample_parts(parts)
    io.write_parquet(table.with_rows(drawn, mark=mark), output)
    _say(quiet, f"wrote {output}: {len(frame):,} real rows, then {len(drawn):,} drawn ones")


@main.command()
@click.argument("source", metavar="INPUT.parquet", type=click.Path())
@_output
@_training
@_quiet
def fit(
    source: str,
    output: str,
    force: bool,
    schema: str | None,
    drop_unsupported: bool,
    quiet: bool,
    **parameters: Any,
) -> None:
    """Learn a table and write the model to a file."""
    from synthgan import io, parquet

    io.check_output(output, force=force, source=source)
    frame, told = _learnable(parquet.ParquetTable.read(source), schema, drop_unsupported)
    _fit(frame, quiet, parameters | told).save(output)
    _say(quiet, f"wrote {output}: a model of {frame.shape[1]} columns from {len(frame):,} rows")


@main.command()
@click.argument("model", type=click.Path())
@_output
@click.option("-n", "--rows", type=click.IntRange(min=0), required=True, help="Rows to draw.")
@_conditions
@_rounds
@click.option("--redraw/--no-redraw", default=None, help="Draw each cell once more given all others.")
@click.option("--independent", is_flag=True, help="Draw each row for itself, several times as fast.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Makes the draw repeatable.")
@_quiet
def sample(
    model: str,
    output: str,
    force: bool,
    rows: int,
    conditions: Sequence[str],
    rounds: int | str | None,
    redraw: bool | None,
    independent: bool,
    seed: int | None,
    quiet: bool,
) -> None:
    """Draw rows from a model file into a parquet file."""
    from synthgan import SynthGAN, io, parquet
    from synthgan.parameters import check_parameters

    io.check_output(output, force=force, source=model)
    gan = SynthGAN.load(model)
    given = {"rounds": rounds, "redraw": redraw}
    given = {name: value for name, value in given.items() if value is not None}
    gan.set_params(**given, correct=gan.correct and not independent)
    check_parameters(gan.get_params())
    asked = gan.encoder_.read_conditions(conditions)
    drawn = gan.sample_parts([(rows, asked)], random_state=seed)
    io.write_parquet(parquet.table_from_frame(drawn), output)
    _say(quiet, f"wrote {output}: {len(drawn):,} drawn rows")


@main.command()
@click.argument("source", metavar="INPUT.parquet", type=click.Path())
@click.option("-o", "--output", type=click.Path(), help="File to write; without it, the text is printed.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def schema(source: str, output: str | None, force: bool) -> None:
    """Write what was found in a table as a file to change: as JSON if its name ends so, else as TOML.

    TOML has proposals for rules as comments. Columns that cannot be learned are to be dropped.
    """
    from synthgan import io, parquet
    from synthgan.preprocessing import TableEncoder
    from synthgan.preprocessing.proposals import propose_rules
    from synthgan.schema_file import schema_json, schema_text

    if output is not None:
        io.check_output(output, force=force, source=source)
    frame, dropped = _split(parquet.ParquetTable.read(source).frame)
    found = TableEncoder().fit(frame).schema_
    if output is not None and output.lower().endswith(".json"):
        text = schema_json(found, dropped)
    else:
        text = schema_text(found, propose_rules(frame), dropped)
    if output is None:
        click.echo(text, nl=False)
        return
    with io.replacing(output) as beside:
        beside.write_text(text, encoding="utf-8")
    click.echo(f"wrote {output}: the kinds of {frame.shape[1]} columns", err=True)


@main.command()
@click.argument("path", metavar="MODEL_OR_PARQUET", type=click.Path())
def info(path: str) -> None:
    """Show the columns of a model or of a parquet file, and of which kind they are."""
    from synthgan import SynthGAN, parquet
    from synthgan.preprocessing import TableEncoder

    if parquet.is_parquet(path):
        frame = parquet.ParquetTable.read(path).frame
        click.echo(f"{path}: a table of {len(frame):,} rows and {frame.shape[1]} columns")
        frame, dropped = _split(frame)
        click.echo(TableEncoder().fit(frame).schema_.to_frame().to_string(index=False))
        for name, content in dropped.items():
            click.echo(f"{name!r} cannot be learned: {content}")
        return
    gan = SynthGAN.load(path)
    click.echo(
        f"{path}: a model of {len(gan.schema_)} columns, loss {gan.loss!r}, "
        f"{int(gan.history_['step'].max()):,} steps"
    )
    click.echo(gan.schema_.to_frame().to_string(index=False))


def _split(frame: Any) -> tuple[Any, dict[Any, str]]:
    """Return the columns of a frame that can be learned, and in words what the others hold."""
    from synthgan.preprocessing import infer_schema
    from synthgan.preprocessing.inference import UnsupportedColumnsError

    try:
        infer_schema(frame)
    except UnsupportedColumnsError as error:
        if len(error.columns) == frame.shape[1]:
            raise
        return frame.drop(columns=list(error.columns)), error.content
    return frame, {}


def _learnable(table: Any, schema: str | None, drop_unsupported: bool) -> tuple[Any, dict[str, Any]]:
    """Return the frame of a table, and the kinds and rules of a schema file.

    Columns that are to be dropped are left out of the table; those that cannot be learned if that is asked,
    else they are an error.
    """
    from synthgan.preprocessing import infer_schema
    from synthgan.preprocessing.inference import DROP, UnsupportedColumnsError
    from synthgan.schema_file import SchemaFile

    told = (SchemaFile() if schema is None else SchemaFile.read(schema)).for_columns(table.frame.columns)
    try:
        infer_schema(table.frame, told.kinds)
    except UnsupportedColumnsError as error:
        if not drop_unsupported or len(error.columns) == table.frame.shape[1]:
            raise
        table.drop(error.columns)
        names = ", ".join(repr(name) for name in error.columns)
        click.echo(f"warning: left out what cannot be learned: {names}", err=True)
    table.drop([name for name, kind in told.kinds.items() if kind == DROP])
    kinds = {name: kind for name, kind in told.kinds.items() if kind != DROP}
    return table.frame, {"kinds": kinds, "rules": told.rules}


def _fit(frame: Any, quiet: bool, parameters: dict[str, Any]) -> Any:
    from synthgan import SynthGAN

    given = {name: value for name, value in parameters.items() if value is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("always", CopyingWarning)
        warnings.showwarning = lambda message, *_, **__: click.echo(f"warning: {message}", err=True)
        return SynthGAN(**given, verbose=0 if quiet else 1).fit(frame)


def _say(quiet: bool, message: str) -> None:
    if not quiet:
        click.echo(message, err=True)
