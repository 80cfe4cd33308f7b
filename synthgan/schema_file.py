"""Schema files: what a user says of a table's columns and rules, as TOML or JSON, for the command line.

::

    [kinds]
    zip = "categorical"
    notes = "drop"

    [[rules]]
    kind = "inequality"
    low = "start"
    high = "end"
"""

import json
import os
import tomllib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from synthgan.exceptions import DataError, did_you_mean, listing
from synthgan.schema import Schema

_PARTS = {"kinds": dict, "rules": list}


@dataclass(frozen=True)
class SchemaFile:
    """A schema file: the kind of columns by name, and the fields of each rule with its kind."""

    kinds: dict[Hashable, str] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Return what a file says, which is JSON if its name ends so, else TOML.

        Raises
        ------
        DataError
            If it cannot be read, or says something else.
        """
        shown = repr(str(path))
        try:
            text = Path(path).read_text(encoding="utf-8")
            given = json.loads(text) if Path(path).suffix.lower() == ".json" else tomllib.loads(text)
        except OSError as error:
            raise DataError(f"The schema file {shown} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise DataError(f"The schema file {shown} is no TOML or JSON: {error}.") from error
        if not isinstance(given, dict):
            raise DataError(
                f"The schema file {shown} must hold {listing(_PARTS)}; it holds a {type(given).__name__}."
            )
        for name, part in given.items():
            if name not in _PARTS:
                raise DataError(
                    f"The schema file {shown} holds {name!r}; it may hold {listing(_PARTS)}."
                    f"{did_you_mean(name, _PARTS)}"
                )
            is_sound = isinstance(part, _PARTS[name])
            if not is_sound or (name == "rules" and not all(isinstance(rule, dict) for rule in part)):
                raise DataError(f"In the schema file {shown}, {name!r} is not as [kinds] or [[rules]] are.")
        return cls(**given)

    def for_columns(self, names: Iterable[Hashable]) -> Self:
        """Return the same for a table whose column names may be other than text."""
        by_text = {str(name): name for name in names}
        kinds = {by_text.get(str(name), name): kind for name, kind in self.kinds.items()}
        return type(self)(kinds, self.rules)


def schema_json(schema: Schema, dropped: Mapping[Hashable, str]) -> str:
    """Return a schema file as JSON, which has no room for reasons; see `schema_text`."""
    kinds = {str(column.name): column.kind for column in schema} | {str(name): "drop" for name in dropped}
    return json.dumps({"kinds": kinds, "rules": []}, indent=2, ensure_ascii=False) + "\n"


def schema_text(schema: Schema, proposals: Sequence[Any], dropped: Mapping[Hashable, str]) -> str:
    """Return a schema file that says what was found anyway, and proposes rules in comments.

    Parameters
    ----------
    schema
        That of a table.
    proposals
        See `synthgan.preprocessing.proposals.Proposal`.
    dropped
        What columns hold that cannot be learned, by name.
    """
    lines = ['# Change a kind, or write "drop" to leave a column out. What is not here is found.', "[kinds]"]
    lines += [
        f"{_quoted(str(column.name))} = {_quoted(column.kind)}  # {_one_line(column.reason)}"
        for column in schema
    ]
    lines += [f'{_quoted(str(name))} = "drop"  # {_one_line(held)}' for name, held in dropped.items()]
    if proposals:
        lines += ["", "# No row breaks these rules. Uncomment those that are to hold in every drawn row."]
    for proposal in proposals:
        lines += ["", f"# {proposal.support:,} rows; {proposal.reason}", "# [[rules]]"]
        fields = {name: value for name, value in proposal.rule.to_dict().items() if value is not None}
        lines += [f"# {name} = {_quoted(value)}" for name, value in fields.items()]
    return "\n".join(lines) + "\n"


def _one_line(words: str) -> str:
    """Return words without what ends a comment of TOML, or may not be in one."""
    return "".join(letter if letter.isprintable() else " " for letter in words)


def _quoted(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_quoted, value))}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
