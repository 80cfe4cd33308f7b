"""What a user has declared of a table: rules and mappings come in, rules that the table keeps go out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError, ParameterError, did_you_mean, listing
from synthgan.preprocessing.rules import Rule


def read_rules(rules: Iterable[Rule | Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Return rules, some of which may be mappings of their fields.

    Raises
    ------
    ParameterError
        If one is neither, or of no known kind.
    """
    if not isinstance(rules, Iterable) or isinstance(rules, str | Mapping):
        raise ParameterError(f"rules must be a sequence of rules; got {rules!r}.")
    read = [Rule.from_dict(rule) if isinstance(rule, Mapping) else rule for rule in rules]
    for rule in read:
        if not isinstance(rule, Rule):
            raise ParameterError(f"A rule is one of {listing(Rule.registry)}; got {rule!r}.")
    return tuple(read)


def check_rules(rules: Iterable[Rule], frame: pd.DataFrame) -> None:
    """Raise DataError for the first rule that a plain table breaks, or has not the columns for."""
    for rule in rules:
        if not _has_names(rule):
            raise DataError(
                f"A rule of kind {rule.kind!r} must name its columns, one by one or in a list of at least "
                f"one; got {rule.to_dict()}."
            )
        for name in rule.names:
            if name not in frame.columns:
                raise DataError(
                    f"The rule {rule} is about column {name!r}, which the table does not have; it has "
                    f"{listing(frame.columns)}.{did_you_mean(name, frame.columns)}"
                )
        try:
            broken = np.flatnonzero(rule.broken(frame))
        except (TypeError, ValueError, ArithmeticError) as error:
            raise DataError(f"The rule {rule} cannot be checked: {error}.") from error
        if len(broken):
            raise DataError(
                f"The rule {rule} does not hold in {len(broken):,} rows of the table, counted from 0: "
                f"{listing(broken.tolist())}. Mend or drop these rows, or leave the rule out."
            )


def _has_names(rule: Rule) -> bool:
    """Return whether a rule, which may be from a file, names columns where it should."""
    lists = [value for name, value in vars(rule).items() if name in ("columns", "parts")]
    if not all(isinstance(names, Sequence) and not isinstance(names, str) and names for names in lists):
        return False
    return all(isinstance(name, str | int) for name in rule.names)
