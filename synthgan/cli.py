"""The command line: each command parses, calls the library, and says on stderr what it did."""

import secrets
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from synthgan import __version__
from synthgan.cli_evaluation import compare, evaluate
from synthgan.command import (
    CONDITIONS,
    ENGINE,
    OUTPUT,
    QUIET,
    RESUME,
    ROUNDS,
    TRAINING,
    Group,
    kept_training,
    say,
)
from synthgan.exceptions import CopyingWarning, ParameterError


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="synthgan")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Augment tables with synthetic rows."""


@main.command()
@click.argument("source", metavar="INPUT.parquet", type=click.Path())
@OUTPUT
@click.option("--rows", type=click.IntRange(min=0), help="Add this many rows.")
@click.option("--ratio", type=float, help="Add this many times the rows there are [default: 1].")
@click.option("--balance", is_flag=True, help="Add rows until all classes of the target are as frequent.")
@CONDITIONS
@click.option("--mark", is_flag=True, help='Add a column "synthetic" that is true for drawn rows.')
@TRAINING
@RESUME
@QUIET
def augment(
    source: str,
    output: str,
    force: bool,
    rows: int | None,
    ratio: float | None,
    balance: bool,
    conditions: Sequence[str],
    conditions_file: str | None,
    mark: bool,
    schema: str | None,
    drop_unsupported: bool,
    resume: bool,
    quiet: bool,
    **parameters: Any,
) -> None:
    """Write a table's rows, unchanged, and drawn rows after them."""
    import numpy as np

    from synthgan import io, parquet
    from synthgan.augmentation import amounts
    from synthgan.learnable import learnable
    from synthgan.parameters import check_n_rows
    from synthgan.preprocessing import TableEncoder
    from synthgan.preprocessing.rules import read_rules

    amount = amounts.Amount(rows, ratio, balance)
    io.check_output(output, force=force, source=source)
    table = parquet.ParquetTable.read(source)
    frame, told = learnable(table, schema, drop_unsupported)
    if mark:
        table.check_mark()
    target = parameters["target"]
    if target is not None:
        for warning in amounts.check_target(frame, target):
            click.echo(f"warning: {warning}", err=True)
    # What is asked is checked on the table, before the training that it would otherwise waste.
    encoder = TableEncoder(kinds=told["kinds"], rules=read_rules(told["rules"])).fit(frame)
    asked = _asked(encoder, conditions, conditions_file)
    parts = amounts.plan_rows(frame, amount, target=target, conditions=asked)
    check_n_rows(sum(n for n, _ in parts), frame.shape[1])
    for n, wanted in parts:
        encoder.ask(n, wanted, np.random.default_rng(0))
    with kept_training(output, resume=resume, force=force) as training:
        gan = _fit(frame, training, quiet, parameters | told)
    drawn = gan.sample_parts(parts)
    io.write_parquet(table.with_rows(drawn, mark=mark), output)
    say(quiet, f"wrote {output}: {len(frame):,} real rows, then {len(drawn):,} drawn ones")


@main.command()
@click.argument("source", metavar="INPUT.parquet", type=click.Path())
@OUTPUT
@TRAINING
@RESUME
@ENGINE
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Tasks of Ray.")
@QUIET
def fit(
    source: str,
    output: str,
    force: bool,
    schema: str | None,
    drop_unsupported: bool,
    resume: bool,
    engine: str,
    workers: int,
    quiet: bool,
    **parameters: Any,
) -> None:
    """Learn a table, in a parquet file or a folder of them, and write the model to a file.

    Of more than a million rows that many are learned, chosen at random, and those that show what no other
    does: memory does not grow with their number. Processes that torchrun has begun learn together.
    """
    from synthgan import io, runs

    given = {name: value for name, value in parameters.items() if value is not None}
    with kept_training(output, resume=resume, force=force) as training:
        io.check_output(output, force=force, source=source)
        lesson = runs.Lesson(
            Path(source).absolute(),
            Path(output).absolute(),
            training.absolute(),
            given,
            schema,
            drop_unsupported,
        )
        learned = runs.learn_to(lesson, engine=engine, n_workers=workers, verbose=0 if quiet else 1)
    if learned is None:
        return
    for warning in learned.told:
        click.echo(f"warning: {warning}", err=True)
    say(quiet, f"wrote {output}: a model of {learned.n_columns} columns from {learned.n_rows:,} rows")


@main.command()
@click.argument("source", metavar="INPUT.parquet", type=click.Path())
@OUTPUT
@click.option(
    "--method",
    type=click.Choice(["draw", "expected"]),
    default="draw",
    show_default=True,
    help="Keep the spread of the cells, or come as near to each as can be.",
)
@click.option("--model", type=click.Path(), help="Model file of such a table, to fill it in from.")
@TRAINING
@RESUME
@QUIET
def impute(
    source: str,
    output: str,
    force: bool,
    method: str,
    model: str | None,
    schema: str | None,
    drop_unsupported: bool,
    resume: bool,
    quiet: bool,
    **parameters: Any,
) -> None:
    """Write a table with its missing cells filled in from what is learned of it, or of another."""
    from synthgan import SynthGAN, io, parquet
    from synthgan.learnable import learnable

    io.check_output(output, force=force, source=source)
    table = parquet.ParquetTable.read(source)
    frame, told = learnable(table, schema, drop_unsupported)
    if model is None:
        with kept_training(output, resume=resume, force=force) as training:
            gan = _fit(frame, training, quiet, parameters | told)
    else:
        gan = SynthGAN.load(model)
    filled = gan.impute(frame, method=method, random_state=parameters["random_state"])
    io.write_parquet(table.with_cells(filled), output)
    n_filled = int(frame.isna().to_numpy().sum() - filled.isna().to_numpy().sum())
    left = [repr(name) for name in filled if filled[name].isna().any()]
    kept = f"; some of {', '.join(left)} stay missing, of which the model knows nothing" if left else ""
    say(quiet, f"wrote {output}: {len(frame):,} rows, of whose cells {n_filled:,} were filled in{kept}")


@main.command()
@click.argument("model", type=click.Path())
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    help="Parquet file to write or, where the name does not end so, folder of parts.",
)
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option(
    "-n", "--rows", type=click.IntRange(min=0), help="Rows to draw [default: those of --conditions-file]."
)
@CONDITIONS
@ROUNDS
@click.option("--redraw/--no-redraw", default=None, help="Draw each cell once more given all others.")
@click.option("--independent", is_flag=True, help="Draw each row for itself, several times as fast.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Makes the draw repeatable.")
@click.option("--resume", is_flag=True, help="Go on with a draw that was interrupted.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes that draw [default: one a core].")
@ENGINE
@click.option(
    "--chunk-rows",
    type=click.IntRange(min=1),
    help="Rows that are drawn and written together [default: 100000].",
)
@QUIET
def sample(
    model: str,
    output: str,
    force: bool,
    rows: int | None,
    conditions: Sequence[str],
    conditions_file: str | None,
    rounds: int | str | None,
    redraw: bool | None,
    independent: bool,
    seed: int | None,
    resume: bool,
    workers: int | None,
    engine: str,
    chunk_rows: int | None,
    quiet: bool,
) -> None:
    """Draw rows from a model file into a parquet file, or a folder of them.

    Rows are drawn in chunks: memory does not grow with their number, the same seed gives the same rows
    whatever the number of workers, and a draw that was interrupted goes on with --resume.
    """
    from synthgan import SynthGAN, io, runs
    from synthgan.parameters import check_parameters

    if runs.is_file(output):
        io.check_output(output, force=force or resume, source=model)
    gan = SynthGAN.load(model)
    given = {"rounds": rounds, "redraw": redraw}
    given = {name: value for name, value in given.items() if value is not None}
    gan.set_params(**given, correct=gan.correct and not independent)
    check_parameters(gan.get_params())
    asked = _asked(gan.encoder_, conditions, conditions_file)
    if rows is None and conditions_file is None:
        raise ParameterError("How many rows are to be drawn? Give --rows or --conditions-file.")
    if seed is None:  # other rows every time, but for a draw that was begun
        seed = runs.seed_of(output) if resume else None
        seed = secrets.randbits(32) if seed is None else seed
    n_rows = len(asked) if rows is None else rows
    plan = runs.Plan(n_rows, seed, chunk_rows or runs.CHUNK_ROWS, asked)
    how: dict[str, Any] = {"n_workers": workers, "engine": engine, "resume": resume, "force": force}
    n_drawn = runs.draw_to(output, gan, plan, **how, verbose=0 if quiet else 1)
    say(quiet, f"wrote {output}: {n_drawn:,} drawn rows")


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


def _asked(encoder: Any, texts: Sequence[str], path: str | None) -> Any:
    """Return the conditions that texts state, or a frame of what is known of each wanted row."""
    from synthgan import parquet

    if path is None:
        return encoder.read_conditions(texts)
    if texts:
        raise ParameterError("Give either --condition or --conditions-file, which says it of each row.")
    return parquet.ParquetTable.read(path).frame


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


def _fit(frame: Any, training: Path, quiet: bool, parameters: dict[str, Any]) -> Any:
    from synthgan import SynthGAN

    given = {name: value for name, value in parameters.items() if value is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("always", CopyingWarning)
        warnings.showwarning = lambda message, *_, **__: click.echo(f"warning: {message}", err=True)
        return SynthGAN(**given, verbose=0 if quiet else 1).fit(frame, checkpoint=training)


main.add_command(compare)
main.add_command(evaluate)
