"""What of a table is learned: a table and the user's schema file come in, a frame, kinds and rules go out."""

from typing import Any

import pandas as pd

from synthgan.parquet import ParquetTable
from synthgan.preprocessing import infer_schema
from synthgan.preprocessing.inference import DROP, UnsupportedColumnsError
from synthgan.progress import announce
from synthgan.schema_file import SchemaFile


def learnable(
    table: ParquetTable, schema: str | None, drop_unsupported: bool
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the frame of a table, and the kinds and rules of a schema file.

    Columns that are to be dropped are left out of the table; those that cannot be learned if that is asked,
    else they are an error.
    """
    told = (SchemaFile() if schema is None else SchemaFile.read(schema)).for_columns(table.frame.columns)
    try:
        infer_schema(table.frame, told.kinds)
    except UnsupportedColumnsError as error:
        if not drop_unsupported or len(error.columns) == table.frame.shape[1]:
            raise
        table.drop(error.columns)
        names = ", ".join(repr(name) for name in error.columns)
        announce(f"warning: not learned, since it cannot be: {names}", verbose=1)
    table.drop([name for name, kind in told.kinds.items() if kind == DROP])
    kinds = {name: kind for name, kind in told.kinds.items() if kind != DROP}
    return table.frame, {"kinds": kinds, "rules": told.rules}
