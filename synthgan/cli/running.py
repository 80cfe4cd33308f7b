"""The commands that learn tables and draw rows, from parquet files into parquet files."""

import secrets
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthgan.cli.command import Command, InputPath, Outcome, OutputPath, n_threads, shown
from synthgan.cli.options import (
    CHUNKS,
    CONDITIONS,
    DRY_RUN,
    ENGINE,
    OUTPUT,
    RESUME,
    ROUNDS,
    SOURCE,
    TRAINING,
    given,
    kept_training,
    training_beside,
)
from synthgan.exceptions import CopyingWarning, ParameterError

if TYPE_CHECKING:
    from synthgan import SynthGAN
    from synthgan.augmentation.amounts import Amount
    from synthgan.runs import Plan
    from synthgan.source import ParquetSource
    from synthgan.training_file import TrainingFile


@click.command(cls=Command, example="augment adult.parquet -o larger.parquet --target income --balance")
@SOURCE
@OUTPUT
@click.option("--rows", type=click.IntRange(min=0), help="Add this many rows.")
@click.option("--ratio", type=float, help="Add this many times the rows there are [default: 1].")
@click.option("--balance", is_flag=True, help="Add rows until all classes of the target are as frequent.")
@CONDITIONS
@click.option("--mark", is_flag=True, help='Add a column "synthetic" that is true for drawn rows.')
@TRAINING
@CHUNKS
@RESUME
@DRY_RUN
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
    engine: str,
    workers: int | None,
    chunk_rows: int | None,
    resume: bool,
    dry_run: bool,
    quiet: bool,
    **parameters: Any,
) -> Outcome:
    """Write a table's rows, unchanged, and drawn rows after them.

    The table is a parquet file or a folder of them. Of more than a million rows that many are learned, chosen
    at random, and memory does not grow with either sort of rows.
    """
    from synthgan import io, parquet, runs
    from synthgan.augmentation import amounts
    from synthgan.learnable import learnable
    from synthgan.source import ParquetSource
    from synthgan.training_file import TrainingFile

    amount = amounts.Amount(rows, ratio, balance)
    io.check_output(output, force=force, source=source)
    rows_of = ParquetSource.of(source)
    table, n_real = parquet.ParquetTable.some_of(source, runs.MAX_ROWS, parameters["random_state"] or 0)
    frame, told = learnable(table, schema, drop_unsupported)
    if mark:
        table.check_mark()
    wishes: dict[str, Any] = {"conditions": conditions, "path": conditions_file, "chunk_rows": chunk_rows}
    plan = _plan_to_add(amount, rows_of, n_real, frame, told, parameters["target"], **wishes)
    n_drawn = plan.n_rows
    runs.check_room(output, n_drawn, frame.shape[1])
    facts = {"output": shown(output), "real_rows": n_real, "drawn_rows": n_drawn}
    if dry_run:
        return _would(facts, f"add {n_drawn:,} rows", frame, parameters | told)
    how: dict[str, Any] = {
        "mark": mark,
        "resume": resume,
        "engine": engine,
        "force": force,
        "verbose": 0 if quiet else 1,
    }
    with kept_training(output, resume=resume, force=force) as path:
        training = TrainingFile(path, stays=True, anew=not resume)
        gan = _fit(frame, training, quiet, parameters | told)
        plan = replace(plan, seed=training.seed or 0)
        runs.augment_to(output, rows_of, table, gan, plan, **how, n_workers=workers or n_threads())
        training.remove()
    return Outcome(f"wrote {shown(output)}: {n_real:,} real rows, then {n_drawn:,} drawn ones", facts)


@click.command(cls=Command, example="fit adult.parquet -o adult.model --target income")
@SOURCE
@OUTPUT
@TRAINING
@RESUME
@DRY_RUN
@ENGINE
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Tasks of Ray.")
@click.option(
    "--imputation",
    is_flag=True,
    help="Learn also how gaps are best filled, for impute --method expected; takes longer.",
)
def fit(
    source: str,
    output: str,
    force: bool,
    schema: str | None,
    drop_unsupported: bool,
    resume: bool,
    dry_run: bool,
    engine: str,
    workers: int,
    quiet: bool,
    **parameters: Any,
) -> Outcome:
    """Learn a table, in a parquet file or a folder of them, and write the model to a file.

    Of more than a million rows that many are learned, chosen at random, and those that show what no other
    does: memory does not grow with their number. Processes that torchrun has begun learn together.
    """
    from synthgan import io, runs

    verbose = 0 if quiet else 1
    io.check_output(output, force=force, source=source)
    paths = (Path(source), Path(output), training_beside(output))
    lesson = runs.Lesson(
        *paths, given(parameters), schema, drop_unsupported, anew=not resume, overwrite=force
    )
    if dry_run:
        expected = lesson.expected()
        return Outcome(f"would learn {expected}; nothing was written", asdict(expected))
    with kept_training(output, resume=resume, force=force):
        learned = runs.learn_to(lesson, engine=engine, n_workers=workers, verbose=verbose)
    if learned is None:
        return Outcome()
    for warning in learned.told:
        click.echo(f"warning: {warning}", err=True)
    told = f"a model of {learned.n_columns} columns from {learned.n_rows:,} rows"
    return Outcome(f"wrote {shown(output)}: {told}", {"output": shown(output), **asdict(learned)})


@click.command(cls=Command, example="impute adult.parquet -o filled.parquet")
@SOURCE
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
@DRY_RUN
def impute(
    source: str,
    output: str,
    force: bool,
    method: str,
    model: str | None,
    schema: str | None,
    drop_unsupported: bool,
    resume: bool,
    dry_run: bool,
    quiet: bool,
    **parameters: Any,
) -> Outcome:
    """Write a table with its missing cells filled in from what is learned of it, or of another."""
    from synthgan import SynthGAN, io, parquet
    from synthgan.learnable import learnable
    from synthgan.training_file import TrainingFile

    io.check_output(output, force=force, source=source)
    table = parquet.ParquetTable.read(source)
    frame, told = learnable(replace(table), schema, drop_unsupported)
    n_missing = int(frame.isna().to_numpy().sum())
    facts = {"output": shown(output), "rows": len(frame), "missing_cells": n_missing}
    if dry_run and model is None:
        return _would(facts, f"fill in {n_missing:,} cells", frame, parameters | told)
    if dry_run:
        return Outcome(f"would fill in {n_missing:,} cells; nothing was written", facts)
    with kept_training(output, resume=resume, force=force) as path:
        training = TrainingFile(path, stays=True, anew=not resume)
        is_new = model is None
        parameters["imputation"] = method == "expected"
        gan = _fit(frame, training, quiet, parameters | told) if is_new else SynthGAN.load(str(model))
        filled = gan.impute(frame, method=method, random_state=parameters["random_state"])
        io.write_parquet(table.with_cells(filled), output, overwrite=force)
        training.remove()
    n_filled = n_missing - int(filled.isna().to_numpy().sum())
    left = [str(name) for name in table.frame if filled.get(name, table.frame[name]).isna().any()]
    names = ", ".join(map(repr, left))
    kept = f"; some of {names} stay missing, of which the model knows nothing" if left else ""
    return Outcome(
        f"wrote {shown(output)}: {len(frame):,} rows, of whose cells {n_filled:,} were filled in{kept}",
        facts | {"filled_cells": n_filled, "left_in": left},
    )


@click.command(cls=Command, example="sample adult.model -n 3000000 -o drawn.parquet --seed 5")
@click.argument("model", type=InputPath())
@click.option(
    "-o",
    "--output",
    required=True,
    type=OutputPath(),
    help="Parquet file to write, - for standard output or, where the name does not end so, folder of parts.",
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
@DRY_RUN
@CHUNKS
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
    dry_run: bool,
    engine: str,
    workers: int | None,
    chunk_rows: int | None,
    quiet: bool,
) -> Outcome:
    """Draw rows from a model file into a parquet file, or a folder of them.

    Rows are drawn in chunks: memory does not grow with their number, the same seed gives the same rows
    whatever the number of workers, and a draw that was interrupted goes on with --resume.
    """
    from synthgan import SynthGAN, io, runs
    from synthgan.parameters import check_parameters

    if runs.is_file(output):
        io.check_output(output, force=force, source=model)
    gan = SynthGAN.load(model)
    gan.set_params(**given({"rounds": rounds, "redraw": redraw}), correct=gan.correct and not independent)
    check_parameters(gan.get_params())
    asked = _asked(gan.encoder_, conditions, conditions_file)
    if rows is None and conditions_file is None:
        raise ParameterError("How many rows are to be drawn? Give --rows or --conditions-file.")
    if seed is None:  # other rows every time, but for a draw that was begun
        seed = runs.seed_of(output) if resume else None
        seed = secrets.randbits(32) if seed is None else seed
    plan = runs.Plan(len(asked) if rows is None else rows, seed, chunk_rows or runs.CHUNK_ROWS, asked)
    workers = workers or n_threads()
    if dry_run:
        expected = runs.expect_draw(gan, plan, n_workers=workers)
        return Outcome(f"would draw {expected}; nothing was written", asdict(expected))
    how: dict[str, Any] = {"n_workers": workers, "engine": engine, "resume": resume, "force": force}
    n_drawn = runs.draw_to(output, gan, plan, **how, verbose=0 if quiet else 1)
    facts = {"output": shown(output), "rows": n_drawn, "seed": seed, "chunks": len(plan)}
    return Outcome(f"wrote {shown(output)}: {n_drawn:,} drawn rows", facts)


def _plan_to_add(
    amount: "Amount",
    source: "ParquetSource",
    n_rows: int,
    frame: Any,
    told: dict[str, Any],
    target: str | None,
    *,
    conditions: Sequence[str],
    path: str | None,
    chunk_rows: int | None,
) -> "Plan":
    """Return which rows are added to a source of so many, some or all of which are in a frame.

    What is asked is checked on the table, before the training that it would otherwise waste.
    """
    from synthgan import runs
    from synthgan.augmentation import amounts
    from synthgan.preprocessing import TableEncoder
    from synthgan.preprocessing.declared import read_rules

    for warning in () if target is None else amounts.check_target(frame, target):
        click.echo(f"warning: {warning}", err=True)
    encoder = TableEncoder(kinds=told["kinds"], rules=read_rules(told["rules"])).fit(frame)
    asked = _asked(encoder, conditions, path)
    is_part = amount.balance and target is not None and n_rows > len(frame)
    of_whole: dict[str, Any] = {
        "n_rows": n_rows,
        "counts": runs.counts_of(source, target) if is_part else None,
    }
    groups = tuple(amounts.plan_rows(frame, amount, target=target, conditions=asked, **of_whole))
    plan = runs.Plan(sum(n for n, _ in groups), 0, chunk_rows or runs.CHUNK_ROWS, groups)
    plan.check(encoder)
    return plan


def _asked(encoder: Any, texts: Sequence[str], path: str | None) -> Any:
    """Return the conditions that texts state, or a frame of what is known of each wanted row."""
    from synthgan import parquet

    if path is None:
        return encoder.read_conditions(texts)
    if texts:
        raise ParameterError("Give either --condition or --conditions-file, which says it of each row.")
    return parquet.ParquetTable.read(path).frame


def _would(facts: dict[str, Any], what: str, frame: Any, parameters: dict[str, Any]) -> Outcome:
    """Return what a command would do, and what learning a frame would take before that."""
    from synthgan import SynthGAN

    expected = SynthGAN(**given(parameters)).expect(frame)
    return Outcome(f"would learn {expected}, and {what}; nothing was written", facts | asdict(expected))


def _fit(frame: Any, training: "TrainingFile", quiet: bool, parameters: dict[str, Any]) -> "SynthGAN":
    from synthgan import SynthGAN

    with warnings.catch_warnings():
        warnings.simplefilter("always", CopyingWarning)
        warnings.showwarning = lambda message, *_, **__: click.echo(f"warning: {message}", err=True)
        gan: SynthGAN = SynthGAN(**given(parameters), verbose=0 if quiet else 1)
        return gan.fit(frame, checkpoint=training)
