"""The command line: each command parses, calls the library, and says on stderr what it did.

`running` learns tables and draws rows, `judging` says what drawn rows are worth, `showing` what a table or a
model is. All are a `command`, and share `options`.
"""

import click

from synthgan import __version__
from synthgan.cli.command import Group
from synthgan.cli.judging import compare, evaluate
from synthgan.cli.running import augment, fit, impute, sample
from synthgan.cli.showing import completion, info, schema

__all__ = ["main"]


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="synthgan")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Augment tables with synthetic rows."""


for each in (augment, compare, completion, evaluate, fit, impute, info, sample, schema):
    main.add_command(each)
