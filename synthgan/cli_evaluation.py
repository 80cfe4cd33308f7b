"""The commands that judge: whether augmentation helps a model, and what drawn rows are worth.

Results go to stdout, as Markdown or JSON, and to a report; progress goes to stderr.
"""

from pathlib import Path
from typing import Any

import click

from synthgan.command import QUIET, TRAINING, options, say
from synthgan.exceptions import ParameterError

REPORT = options(
    click.option(
        "--report", type=click.Path(), help="HTML file to write, which needs no network to be read."
    ),
    click.option("--force", is_flag=True, help="Replace the report if it exists."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON instead of Markdown."),
)


@click.command()
@click.argument("source", metavar="REAL.parquet", type=click.Path())
@REPORT
@click.option("--metric", help="Score of the verdict [default: auc, or r2 for a number].")
@click.option("--ratio", type=float, default=1.0, show_default=True, help="Rows added for each learned row.")
@click.option("--splits", "n_splits", type=click.IntRange(2), default=5, show_default=True, help="Folds.")
@click.option(
    "--repeats",
    "n_repeats",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="How often rows are cut into folds.",
)
@click.option("--examine/--no-examine", default=True, help="Compare drawn rows with real ones as well.")
@click.option("--groups", help="Column whose equal cells are never learned and tested at once.")
@click.option("--time", help="Column of times: later rows are tested by what was learned of earlier ones.")
@click.option("--resume", type=click.Path(), help="Folder that keeps finished folds; go on from there.")
@click.option("--jobs", "n_jobs", type=int, default=-1, help="Folds at a time [default: one a processor].")
@TRAINING
@QUIET
def compare(
    source: str,
    report: str | None,
    force: bool,
    as_json: bool,
    schema: str | None,
    drop_unsupported: bool,
    quiet: bool,
    target: str | None,
    metric: str | None,
    ratio: float,
    n_splits: int,
    n_repeats: int,
    examine: bool,
    groups: str | None,
    time: str | None,
    resume: str | None,
    n_jobs: int,
    random_state: int | None,
    **parameters: Any,
) -> None:
    """Find out whether drawn rows help a model that predicts --target, on real rows nothing has seen."""
    from synthgan import SynthGAN, parquet
    from synthgan.evaluation import compare_augmentation
    from synthgan.learnable import learnable

    if target is None:
        raise ParameterError("compare needs --target, the column that the model predicts.")
    if report is not None:
        _check_report(report, force, source)
    frame, told = learnable(parquet.ParquetTable.read(source), schema, drop_unsupported)
    given = {name: value for name, value in parameters.items() if value is not None}
    result = compare_augmentation(
        frame,
        target,
        {"SynthGAN": SynthGAN(target=target, verbose=0, **told, **given)},
        metric=metric,
        ratio=ratio,
        n_splits=n_splits,
        n_repeats=n_repeats,
        examine=examine,
        groups=groups,
        time=time,
        resume=resume,
        n_jobs=n_jobs,
        verbose=0 if quiet else 1,
        random_state=0 if random_state is None else random_state,
    )
    _tell(result, report, as_json, quiet)


@click.command()
@click.argument("real", metavar="REAL.parquet", type=click.Path())
@click.argument("drawn", metavar="SYNTHETIC.parquet", type=click.Path())
@REPORT
@click.option("--target", help="Column that a model will predict.")
@click.option(
    "--held-out", type=click.Path(), help="Parquet file of real rows that the sampler has not seen."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Makes figures repeatable.")
@QUIET
def evaluate(
    real: str,
    drawn: str,
    report: str | None,
    force: bool,
    as_json: bool,
    target: str | None,
    held_out: str | None,
    seed: int,
    quiet: bool,
) -> None:
    """Compare drawn rows with real ones: how alike they are, and what they give away."""
    from synthgan import parquet
    from synthgan.evaluation import evaluate as judged

    if report is not None:
        _check_report(report, force, real, drawn, held_out)
    tables = [parquet.ParquetTable.read(path).frame for path in (real, drawn)]
    others = None if held_out is None else parquet.ParquetTable.read(held_out).frame
    _tell(judged(*tables, target=target, held_out=others, random_state=seed), report, as_json, quiet)


def _check_report(report: str, force: bool, *sources: str | None) -> None:
    """Refuse a report in the place of what is read, whatever is forced."""
    from synthgan import io
    from synthgan.exceptions import OutputRefusedError

    for source in filter(None, sources):
        io.check_output(report, force=force, source=source)
        if Path(report).exists() and Path(source).exists() and Path(report).samefile(source):
            raise OutputRefusedError(f"The report {report!r} is a table that is read; name another file.")


def _tell(result: Any, report: str | None, as_json: bool, quiet: bool) -> None:
    """Print a result, and write its report if one is wanted."""
    if report is not None:
        result.to_html(report)
        say(quiet, f"wrote {report}: open it in a browser")
    click.echo(result.to_json() if as_json else result.to_markdown(), nl=as_json)
