"""What goes together in every row of a table: found in a plain frame, and kept in frames of drawn rows."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.preprocessing import calendar, formulas, functions
from synthgan.preprocessing.base import BoolArray, ColumnEncoder
from synthgan.preprocessing.calendar import Calendar
from synthgan.preprocessing.combinations import Combination
from synthgan.preprocessing.declared import check_rules
from synthgan.preprocessing.formulas import Formula
from synthgan.preprocessing.function_search import find_functions
from synthgan.preprocessing.functions import Function
from synthgan.preprocessing.rules import Combinations, Rule, Unique


@dataclass(frozen=True)
class Ties:
    """Columns that are parts of others, that others determine, or that are computed from others.

    Parameters
    ----------
    calendars, functions, formulas
        See `synthgan.preprocessing.calendar`, `synthgan.preprocessing.functions` and
        `synthgan.preprocessing.formulas`.
    rules
        What the user has declared.
    combinations
        What those of the rules mean that know combinations.
    digests
        For each rule of uniqueness, hashes of the rows of the table, increasing.
    """

    calendars: tuple[Calendar, ...] = ()
    functions: tuple[Function, ...] = ()
    formulas: tuple[Formula, ...] = ()
    rules: tuple[Rule, ...] = ()
    combinations: tuple[Combination, ...] = ()
    digests: tuple[npt.NDArray[np.uint64], ...] = ()

    @classmethod
    def find(cls, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], rules: Sequence[Rule] = ()) -> Self:
        """Return the ties of a plain table, for fitted encoders of its columns and declared rules.

        Raises
        ------
        DataError
            If the table breaks a rule.
        """
        check_rules(rules, frame)
        calendars = calendar.find_calendars(frame, encoders)
        parts = {other.source: other.columns for other in calendars}
        names = [encoder.name for encoder in encoders]
        determined = find_functions(frame, encoders, parts)
        settled = {i for found in calendars for i in (found.source, *found.columns)}
        settled |= {i for function in determined for i in (function.source, *function.columns)}
        return cls(
            calendars,
            determined,
            formulas.find_formulas(frame, encoders, sorted(settled)),
            tuple(rules),
            tuple(
                Combination.learn(frame, encoders, [names.index(name) for name in rule.names])
                for rule in rules
                if isinstance(rule, Combinations)
            ),
            tuple(np.sort(_digests(frame, rule)) for rule in rules if isinstance(rule, Unique)),
        )

    def keep(
        self,
        frame: pd.DataFrame,
        encoders: Sequence[ColumnEncoder],
        fixed: BoolArray,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Return a plain frame of drawn rows in which what goes together does.

        Parameters
        ----------
        frame, encoders
            The rows, and the encoders of their columns.
        fixed
            Truth values, shape ``(n_rows, n_columns)``: the cells that must stay as they are.
        rng
            Source of what is left open.
        """
        frame = self._keep_found(frame, encoders, fixed, rng)
        for combination in self.combinations:
            frame = combination.keep(frame, encoders, fixed, rng)
        if not self.rules:
            return frame
        names: list[Hashable] = [encoder.name for encoder in encoders]
        fixed_cells = {name: fixed[:, i] for i, name in enumerate(names)}
        by_name = dict(zip(names, encoders, strict=True))
        for rule in self.rules:
            frame = rule.mended(frame, fixed_cells, by_name)
        # What follows from cells that rules have changed follows anew; the rules' own cells stay.
        ruled = [names.index(name) for rule in self.rules for name in rule.names]
        fixed = fixed.copy()
        fixed[:, ruled] = True
        return self._keep_found(frame, encoders, fixed, rng)

    def _keep_found(
        self,
        frame: pd.DataFrame,
        encoders: Sequence[ColumnEncoder],
        fixed: BoolArray,
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """Return the frame with what was found kept; see `keep`.

        First what determines points in time, then these with their parts and with what else they determine,
        then all else, which may follow from parts. What is computed comes last, as nothing follows from it;
        where it must stay as it is, its source is settled by it first.
        """
        asked_for = [other for other in self.formulas if fixed[:, other.column].any()]
        frame = formulas.keep_formulas(frame, asked_for, encoders, fixed)
        fixed = fixed.copy()
        for formula in asked_for:
            is_open = formula.is_open(frame.iloc[:, formula.source], frame.iloc[:, formula.column])
            fixed[:, formula.source] |= fixed[:, formula.column] & ~is_open
        instants = {other.source for other in self.calendars}
        settling = [other for other in self.functions if instants & set(other.columns)]
        first = [other for other in self.functions if other.source in instants and other not in settling]
        rest = [other for other in self.functions if other not in settling and other not in first]
        frame = functions.keep_functions(frame, settling, encoders, fixed, rng)
        fixed[:, [index for other in settling for index in (other.source, *other.columns)]] = True
        parts = {index for other in self.calendars for index in other.columns}
        asked = [other for other in rest if other.source in parts and fixed[:, other.columns].any()]
        frame = functions.keep_functions(frame, asked, encoders, fixed, rng)
        for other in asked:  # a season that is given asks for its months
            fixed[:, other.source] |= fixed[:, other.columns].any(1)
        frame = calendar.keep_calendars(frame, self.calendars, encoders, fixed)
        if first:  # which may move points in time
            frame = functions.keep_functions(frame, first, encoders, fixed, rng)
            fixed[:, [other.source for other in first]] = True
            frame = calendar.keep_calendars(frame, self.calendars, encoders, fixed)
        settled = [(other.source, *other.columns) for other in first]
        settled += [(other.source, *other.columns) for other in self.calendars]
        fixed[:, list(chain.from_iterable(settled))] = True
        frame = functions.keep_functions(frame, rest, encoders, fixed, rng)
        return formulas.keep_formulas(frame, self.formulas, encoders, fixed)

    def broken(
        self, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder], *, asked: bool = False
    ) -> BoolArray:
        """Return which rows of a plain frame of drawn rows break a rule, or what was found beside it.

        Functions are looked at beside rules, and where something was asked of the rows: either may part what
        was kept.
        """
        is_broken = np.zeros(len(frame), dtype=bool)
        for rule in self.rules:
            is_broken |= rule.broken(frame)
        asked_for = self.functions if self.rules or asked else ()
        found: list[Any] = [*self.combinations, *self.calendars, *asked_for, *self.formulas]
        for other in found:
            is_broken |= other.broken(frame, encoders)
        unique = (rule for rule in self.rules if isinstance(rule, Unique))
        for rule, digests in zip(unique, self.digests, strict=True):
            is_present = frame[rule.names].notna().all(axis=1).to_numpy()
            is_broken |= is_present & np.isin(_digests(frame, rule), digests)
        return is_broken

    def contradicted(
        self, cells: Mapping[int, "pd.Series[Any]"], encoders: Sequence[ColumnEncoder]
    ) -> list[int]:
        """Return the columns of which single cells are given that no row can have together, if there are."""
        found: list[Any] = [*self.calendars, *self.functions]
        return next(filter(None, (other.contradicted(cells, encoders) for other in found)), [])

    def reasons(self, names: Sequence[Any]) -> dict[int, str]:
        """Return for each column that follows from another in which way, in words."""
        of_functions = {
            index: f"decided by {names[other.source]!r}"
            for other in reversed(self.functions)
            for index in other.columns
        }
        of_calendars = {
            index: f"the {part} of {names[other.source]!r}"
            for other in self.calendars
            for index, part in zip(other.columns, other.parts, strict=True)
        }
        of_formulas = {other.column: f"computed from {names[other.source]!r}" for other in self.formulas}
        return of_functions | of_calendars | of_formulas

    def state(self) -> dict[str, Any]:
        """Return what was found: JSON values and arrays."""
        return {
            "calendars": [vars(other) for other in self.calendars],
            "functions": [vars(other) for other in self.functions],
            "formulas": [vars(other) for other in self.formulas],
            "rules": [rule.to_dict() for rule in self.rules],
            "combinations": [vars(other) for other in self.combinations],
            "digests": list(self.digests),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the ties that `state` returned."""
        return cls(
            tuple(Calendar(**other) for other in state["calendars"]),
            tuple(Function(**other) for other in state["functions"]),
            tuple(Formula(**other) for other in state["formulas"]),
            tuple(Rule.from_dict(other) for other in state["rules"]),
            tuple(Combination(**other) for other in state["combinations"]),
            tuple(state["digests"]),
        )


def _digests(frame: pd.DataFrame, rule: Rule) -> npt.NDArray[np.uint64]:
    """Return a hash of the cells of each row that a rule is about."""
    digests = pd.util.hash_pandas_object(frame[rule.names], index=False)
    return np.asarray(digests, dtype=np.uint64)
