"""The commands that show what a table or a model is, and what a shell needs."""

from typing import Any

import click
from click.shell_completion import get_completion_class

from synthgan.cli.command import Command, InputPath, Outcome, shown
from synthgan.cli.options import SOURCE


@click.command(cls=Command, example="schema adult.parquet -o adult.toml")
@SOURCE
@click.option("-o", "--output", type=click.Path(), help="File to write; without it, the text is printed.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def schema(source: str, output: str | None, force: bool, quiet: bool) -> Outcome:
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
    as_json = schema_json(found, dropped)
    if output is not None and output.lower().endswith(".json"):
        text = as_json
    else:
        text = schema_text(found, propose_rules(frame), dropped)
    if output is None:
        return Outcome(facts=as_json, text=text)
    with io.replacing(output, overwrite=force) as beside:
        beside.write_text(text, encoding="utf-8")
    return Outcome(f"wrote {output}: the kinds of {frame.shape[1]} columns", as_json)


@click.command(cls=Command, example="info adult.model")
@click.argument("path", metavar="MODEL_OR_PARQUET", type=InputPath())
def info(path: str, quiet: bool) -> Outcome:
    """Show the columns of a model or of a parquet file, and of which kind they are."""
    from synthgan import SynthGAN, parquet
    from synthgan.preprocessing import TableEncoder

    facts: dict[str, Any]
    if parquet.is_parquet(path):
        frame = parquet.ParquetTable.read(path).frame
        facts = {"path": shown(path), "what": "table", "rows": len(frame), "columns": frame.shape[1]}
        title = f"{shown(path)}: a table of {len(frame):,} rows and {frame.shape[1]} columns"
        frame, dropped = _split(frame)
        found = TableEncoder().fit(frame).schema_
        lines = [f"{name!r} cannot be learned: {content}" for name, content in dropped.items()]
        facts["cannot_be_learned"] = {str(name): content for name, content in dropped.items()}
    else:
        gan = SynthGAN.load(path)
        found, lines, n_steps = gan.schema_, [], int(gan.history_["step"].max())
        title = f"{shown(path)}: a model of {len(found)} columns, loss {gan.loss!r}, {n_steps:,} steps"
        facts = {
            "path": shown(path),
            "what": "model",
            "columns": len(found),
            "loss": gan.loss,
            "steps": n_steps,
        }
    of_columns = found.to_frame()
    text = "\n".join([title, of_columns.to_string(index=False), *lines])
    return Outcome(facts=facts | {"schema": of_columns.astype(str).to_dict("records")}, text=text)


@click.command(cls=Command, example="completion bash >> ~/.bashrc")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str, quiet: bool) -> Outcome:
    """Print what a shell needs to complete commands and options."""
    found = get_completion_class(shell)
    assert found is not None  # click has all three
    main = click.get_current_context().find_root().command
    script = found(main, {}, "synthgan", "_SYNTHGAN_COMPLETE").source()
    return Outcome(facts={"shell": shell, "script": script}, text=script)


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
