"""What goes together in every row of a table: found in a plain frame, and kept in frames of drawn rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.preprocessing import calendar, functions
from synthgan.preprocessing.base import ColumnEncoder
from synthgan.preprocessing.calendar import Calendar
from synthgan.preprocessing.functions import Function


@dataclass(frozen=True)
class Ties:
    """Columns that are parts of others, and columns that determine others.

    Parameters
    ----------
    calendars, functions
        See `synthgan.preprocessing.calendar` and `synthgan.preprocessing.functions`.
    """

    calendars: tuple[Calendar, ...] = ()
    functions: tuple[Function, ...] = ()

    @classmethod
    def find(cls, frame: pd.DataFrame, encoders: Sequence[ColumnEncoder]) -> Self:
        """Return the ties of a plain table, for fitted encoders of its columns."""
        calendars = calendar.find_calendars(frame, encoders)
        settled = {index for other in calendars for index in other.columns}
        return cls(calendars, functions.find_functions(frame, encoders, settled))

    def keep(
        self,
        frame: pd.DataFrame,
        encoders: Sequence[ColumnEncoder],
        fixed: npt.NDArray[np.bool_],
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
        frame = calendar.keep_calendars(frame, self.calendars, encoders, fixed)
        return functions.keep_functions(frame, self.functions, encoders, fixed, rng)

    def contradicted(
        self, cells: Mapping[int, "pd.Series[Any]"], encoders: Sequence[ColumnEncoder]
    ) -> list[int]:
        """Return the columns of which single cells are given that no row can have together, if there are."""
        found = chain(
            (calendar.contradicted(other, cells, encoders) for other in self.calendars),
            (functions.contradicted(other, cells, encoders) for other in self.functions),
        )
        return next(filter(None, found), [])

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
        return of_functions | of_calendars

    def state(self) -> dict[str, Any]:
        """Return what was found: JSON values and arrays."""
        return {
            "calendars": [vars(other) for other in self.calendars],
            "functions": [vars(other) for other in self.functions],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the ties that `state` returned."""
        calendars = tuple(Calendar(**other) for other in state["calendars"])
        return cls(calendars, tuple(Function(**other) for other in state["functions"]))
