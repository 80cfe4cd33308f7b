"""The commands that judge: whether augmentation helps a model, and what drawn rows are worth.

Results go to stdout, as Markdown or JSON, and to a report; progress goes to stderr.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from synthgan.cli.command import Command, InputPath, Outcome, n_threads
from synthgan.cli.options import DRY_RUN, TRAINING, given, options
from synthgan.exceptions import ParameterError

REPORT = options(
    click.option(
        "--report", type=click.Path(), help="HTML file to write, which needs no network to be read."
    ),
    click.option("--force", is_flag=True, help="Replace the report if it exists."),
)


@click.command(cls=Command, example="compare adult.parquet --target income --report report.html")
@click.argument("source", metavar="REAL.parquet", type=InputPath())
@REPORT
@click.option(
    "--learner",
    "learners",
    multiple=True,
    help='A model to train: "logistic regression" (of a number "ridge regression"), "nearest neighbours", '
    '"random forest" or "gradient boosting"; may be repeated [default: all four].',
)
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
@click.option("--jobs", "n_jobs", type=int, help="Folds at a time [default: one a processor].")
@TRAINING
@DRY_RUN
def compare(
    source: str,
    report: str | None,
    force: bool,
    schema: str | None,
    drop_unsupported: bool,
    quiet: bool,
    target: str | None,
    learners: tuple[str, ...],
    metric: str | None,
    ratio: float,
    n_splits: int,
    n_repeats: int,
    examine: bool,
    groups: str | None,
    time: str | None,
    resume: str | None,
    n_jobs: int | None,
    random_state: int | None,
    dry_run: bool,
    **parameters: Any,
) -> Outcome:
    """Find out whether drawn rows help a model that predicts --target, on real rows nothing has seen."""
    from synthgan import SynthGAN, parquet
    from synthgan.evaluation import compare_augmentation
    from synthgan.learnable import learnable

    if target is None:
        raise ParameterError("compare needs --target, the column that the model predicts.")
    if report is not None:
        _check_report(report, force, source)
    frame, told = learnable(parquet.ParquetTable.read(source), schema, drop_unsupported)
    gan = SynthGAN(target=target, verbose=0, **told, **given(parameters))
    if dry_run:
        expected, n_fits = gan.expect(frame), n_splits * n_repeats + examine
        facts = {"fits": n_fits, **asdict(expected)}
        return Outcome(f"would learn {n_fits} times up to {expected} each; nothing was written", facts)
    result = compare_augmentation(
        frame,
        target,
        {"SynthGAN": gan},
        list(learners) or None,
        metric=metric,
        ratio=ratio,
        n_splits=n_splits,
        n_repeats=n_repeats,
        examine=examine,
        groups=groups,
        time=time,
        resume=resume,
        n_jobs=(n_threads() or -1) if n_jobs is None else n_jobs,
        verbose=0 if quiet else 1,
        random_state=0 if random_state is None else random_state,
    )
    return _outcome(result, report)


@click.command(cls=Command, example="evaluate adult.parquet drawn.parquet --target income")
@click.argument("real", metavar="REAL.parquet", type=InputPath())
@click.argument("drawn", metavar="SYNTHETIC.parquet", type=click.Path())
@REPORT
@click.option("--target", help="Column that a model will predict.")
@click.option(
    "--held-out", type=click.Path(), help="Parquet file of real rows that the sampler has not seen."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Makes figures repeatable.")
def evaluate(
    real: str,
    drawn: str,
    report: str | None,
    force: bool,
    target: str | None,
    held_out: str | None,
    seed: int,
    quiet: bool,
) -> Outcome:
    """Compare drawn rows with real ones: how alike they are, and what they give away.

    Of a table that augment has marked, the rows that are drawn are compared.
    """
    from synthgan import parquet
    from synthgan.evaluation import evaluate as judged

    if report is not None:
        _check_report(report, force, real, drawn, held_out)
    tables = [parquet.ParquetTable.read(path).frame for path in (real, drawn)]
    if parquet.MARK not in tables[0].columns:
        tables[1] = parquet.marked_rows(tables[1])
    others = None if held_out is None else parquet.ParquetTable.read(held_out).frame
    return _outcome(judged(*tables, target=target, held_out=others, random_state=seed), report)


def _check_report(report: str, force: bool, *sources: str | None) -> None:
    """Refuse a report in the place of what is read, whatever is forced."""
    from synthgan import io
    from synthgan.exceptions import OutputRefusedError

    for source in filter(None, sources):
        io.check_output(report, force=force, source=source)
        if Path(report).exists() and Path(source).exists() and Path(report).samefile(source):
            raise OutputRefusedError(f"The report {report!r} is a table that is read; name another file.")


def _outcome(result: Any, report: str | None) -> Outcome:
    """Return what to say and to print of a result, and write its report if one is wanted."""
    if report is not None:
        result.to_html(report)
    said = "" if report is None else f"wrote {report}: open it in a browser"
    return Outcome(said, result.to_json(), result.to_markdown())
