"""Rules that a user declares: each says which rows of a plain frame break it, and may mend some of them.

A rule holds in every row of the table, or it is an error; then it holds in every drawn row.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pandas.api.types import is_object_dtype

from synthgan.exceptions import ParameterError, did_you_mean, listing
from synthgan.preprocessing.base import BoolArray, ColumnEncoder
from synthgan.preprocessing.number_line import NumberLineEncoder
from synthgan.preprocessing.numerical import fewest_decimals
from synthgan.schema import join_columns, replaced

#: Of the size of a float, what is taken for an error of rounding, by the bytes that it has.
_ROUNDING, _ROUNDING_AT_LEAST = {2: 4e-3, 4: 1e-6}, 1e-9


class Rule(ABC):
    """Something that holds in every row."""

    kind: ClassVar[str]
    registry: ClassVar[dict[str, type["Rule"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in vars(cls):
            Rule.registry[cls.kind] = cls

    @property
    @abstractmethod
    def names(self) -> list[Hashable]:
        """The columns that the rule is about."""

    def broken(self, frame: pd.DataFrame) -> BoolArray:
        """Return which rows of a plain frame break the rule; where cells are missing, none does."""
        is_whole = frame[self.names].notna().all(axis=1).to_numpy()
        is_broken = np.zeros(len(frame), dtype=bool)
        is_broken[is_whole] = self._broken(frame.loc[is_whole, self.names])
        return is_broken

    @abstractmethod
    def _broken(self, rows: pd.DataFrame) -> Any:
        """Return which rows break the rule, of those that have all cells that it is about."""

    def mended(
        self,
        frame: pd.DataFrame,
        fixed: Mapping[Hashable, BoolArray],
        encoders: Mapping[Hashable, ColumnEncoder],
    ) -> pd.DataFrame:
        """Return a plain frame of drawn rows of which fewer break the rule.

        Parameters
        ----------
        frame
            The rows.
        fixed
            For each column which cells must stay as they are.
        encoders
            For each column its encoder, which knows its range.
        """
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as values that JSON can hold; others as text."""
        fields = {name: _as_json(value) for name, value in vars(self).items()}
        return {"kind": self.kind, **fields}

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> "Rule":
        """Return the rule that `to_dict` wrote, or a user in a file."""
        given = dict(state)
        kind = given.pop("kind", None)
        if not isinstance(kind, str) or kind not in Rule.registry:
            raise ParameterError(
                f"A rule is of one of the kinds {listing(Rule.registry)}; got {kind!r}."
                f"{did_you_mean(kind, Rule.registry)}"
            )
        try:
            return Rule.registry[kind](**given)
        except TypeError as error:
            names = [field.name for field in fields(Rule.registry[kind])]  # type: ignore[arg-type]
            raise ParameterError(
                f"A rule of kind {kind!r} is made of {listing(names)}; got {listing(given)}."
            ) from error


@dataclass(frozen=True)
class Bounds(Rule):
    """The cells of a column lie between two values.

    Parameters
    ----------
    column
        Its name.
    minimum, maximum
        The bounds, which belong to what is allowed; None for no bound.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import Bounds
    >>> table = pd.DataFrame({"price": [0.0, -1.0, None]})
    >>> Bounds("price", minimum=0).broken(table).tolist()  # a missing cell breaks no rule
    [False, True, False]
    """

    kind = "bounds"

    column: Hashable
    minimum: Any = None
    maximum: Any = None

    @property
    def names(self) -> list[Hashable]:
        return [self.column]

    def _broken(self, rows: pd.DataFrame) -> Any:
        cells, is_broken = rows[self.column], np.zeros(len(rows), dtype=bool)
        if self.minimum is not None and len(rows):
            is_broken |= (cells < _like(self.minimum, cells)).to_numpy(dtype=bool)
        if self.maximum is not None and len(rows):
            is_broken |= (cells > _like(self.maximum, cells)).to_numpy(dtype=bool)
        return is_broken

    def __str__(self) -> str:
        low = "" if self.minimum is None else f"{self.minimum} <= "
        return f"{low}{self.column}" + ("" if self.maximum is None else f" <= {self.maximum}")


@dataclass(frozen=True)
class Inequality(Rule):
    """The cells of one column are never above those of another.

    Parameters
    ----------
    low, high
        Names of the columns.
    strict
        Whether they are never equal either.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import Inequality
    >>> table = pd.DataFrame({"start": [1, 3, 2], "end": [2, 2, 2]})
    >>> Inequality("start", "end").broken(table).tolist()
    [False, True, False]
    >>> Inequality("start", "end", strict=True).broken(table).tolist()
    [False, True, True]
    """

    kind = "inequality"

    low: Hashable
    high: Hashable
    strict: bool = False

    @property
    def names(self) -> list[Hashable]:
        return [self.low, self.high]

    def _broken(self, rows: pd.DataFrame) -> Any:
        low, high = rows[self.low], rows[self.high]
        return ~(low < high if self.strict else low <= high).to_numpy(dtype=bool)

    def __str__(self) -> str:
        return f"{self.low} {'<' if self.strict else '<='} {self.high}"


@dataclass(frozen=True)
class Sum(Rule):
    """The cells of a column are the sum of those of others.

    Parameters
    ----------
    total
        Name of the column: of numbers, decimals, spans or points in time.
    parts
        Names of the others, of numbers, decimals or spans of time.
    tolerance
        How far the sum may be off, more than by rounding.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import Sum
    >>> table = pd.DataFrame({"net": [100.0, 50.0], "tax": [19.0, 9.5], "total": [119.0, 60.0]})
    >>> Sum("total", ["net", "tax"], tolerance=0.01).broken(table).tolist()
    [False, True]
    """

    kind = "sum"

    total: Hashable
    parts: Sequence[Hashable]
    tolerance: Any = 0

    @property
    def names(self) -> list[Hashable]:
        return [self.total, *self.parts]

    def _broken(self, rows: pd.DataFrame) -> Any:
        if not len(rows):
            return False
        off = _wide(rows[self.total]) - _sum(rows, self.parts)
        nothing = off - off  # of its type, be it a number or a span of time
        slack: Any = nothing
        if self.tolerance:
            slack = nothing + _like(self.tolerance, off)
        if off.dtype.kind == "f":
            dtypes: list[Any] = [rows[name].dtype for name in self.names]
            sizes = [dtype.itemsize for dtype in dtypes if dtype.kind == "f"]
            rounding = max(_ROUNDING.get(size, _ROUNDING_AT_LEAST) for size in sizes)
            slack = slack + rounding * rows[self.names].astype(np.float64).abs().max(axis=1)
        return ((off > slack) | (nothing - off > slack)).to_numpy(dtype=bool)

    def mended(
        self,
        frame: pd.DataFrame,
        fixed: Mapping[Hashable, BoolArray],
        encoders: Mapping[Hashable, ColumnEncoder],
    ) -> pd.DataFrame:
        """Return the frame with the total put right, or else a part, where that stays in the seen range."""
        for name in self.names:
            where = self.broken(frame) & ~fixed[name]
            if not where.any():
                continue
            rows = frame[where]
            others = (_wide(rows[part]) for part in self.parts if part != name)
            rest = reduce(operator.sub, others, _wide(rows[self.total]))
            wanted = _sum(rows, self.parts) if name == self.total else rest
            frame = _with(frame, name, wanted, where, encoders[name])
        return frame

    def __str__(self) -> str:
        return f"{self.total} = {' + '.join(map(str, self.parts))}"


@dataclass(frozen=True)
class _OfColumns(Rule):
    """A rule about some columns alike."""

    columns: Sequence[Hashable]

    @property
    def names(self) -> list[Hashable]:
        return list(self.columns)


@dataclass(frozen=True)
class Unique(_OfColumns):
    """No two rows are alike in some columns, nor is a drawn row like one of the table.

    Parameters
    ----------
    columns
        Their names.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import Unique
    >>> Unique(["seat"]).broken(pd.DataFrame({"seat": ["1A", "2B", "1A", None, None]})).tolist()
    [False, False, True, False, False]
    """

    kind = "unique"

    def _broken(self, rows: pd.DataFrame) -> Any:
        return rows.duplicated().to_numpy()

    def __str__(self) -> str:
        return f"no two rows are alike in {listing(self.columns)}"


@dataclass(frozen=True)
class Combinations(_OfColumns):
    """The cells of some columns stand together only as they do in a row of the table.

    Parameters
    ----------
    columns
        Their names.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import Combinations, SynthGAN
    >>> table = pd.DataFrame({"city": ["Rome", "Rome", "Oslo"] * 20, "part": ["west", "east", "north"] * 20})
    >>> gan = SynthGAN(rules=[Combinations(["city", "part"])], epochs=1, random_state=0, verbose=0)
    >>> drawn = gan.fit(table).sample(50)
    >>> {tuple(pair) for pair in drawn.to_numpy()} <= {tuple(pair) for pair in table.to_numpy()}
    True
    """

    kind = "combinations"

    def _broken(self, rows: pd.DataFrame) -> Any:
        return False  # of the table itself it always holds

    def __str__(self) -> str:
        return f"{listing(self.columns)} stand together as in the table"


def _sum(rows: pd.DataFrame, parts: Sequence[Hashable]) -> "pd.Series[Any]":
    return reduce(operator.add, (_wide(rows[part]) for part in parts))


def _wide(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return numbers in a type in which sums and differences of them fit."""
    if column.dtype.kind == "f":
        return column.astype("float64" if isinstance(column.dtype, np.dtype) else "Float64")
    if column.dtype.kind == "u" and getattr(column.dtype, "itemsize", 8) == 8:
        return column.astype(object)  # beyond 63 bits, as Python's
    return column.astype("Int64") if column.dtype.kind in "iu" else column


def _like(value: Any, cells: "pd.Series[Any]") -> Any:
    """Return a value as one of the sort of some cells, of which a file may hold the text."""
    cell = cells.iloc[0]
    if isinstance(cell, Decimal):
        return Decimal(str(value))
    if isinstance(value, date) and not isinstance(value, datetime) and isinstance(cell, datetime):
        return pd.Timestamp(value)
    if not isinstance(value, str):
        return value
    if not is_object_dtype(cells.dtype):
        return pd.Series([value], dtype=object).astype(cells.dtype).iloc[0]
    if isinstance(cell, timedelta):
        return pd.Timedelta(value)
    sort = type(cell)
    return getattr(sort, "fromisoformat", sort)(value)


def _with(
    frame: pd.DataFrame, name: Hashable, wanted: "pd.Series[Any]", where: BoolArray, encoder: ColumnEncoder
) -> pd.DataFrame:
    """Return a frame with other cells in some rows of a column, rounded as the column's own are.

    Those beyond the range that was seen are left as they were drawn.
    """
    column = frame[name]
    if column.dtype.kind == "f" and column.notna().any():
        decimals = fewest_decimals(column.dropna().to_numpy(dtype=np.float64))
        wanted = wanted if decimals is None else wanted.round(decimals)
    if isinstance(encoder, NumberLineEncoder):
        low, high = encoder.ends()
        inside = ((wanted >= low) & (wanted <= high)).to_numpy(dtype=bool)
        wanted, where = wanted[inside], where.copy()
        where[where] = inside
    changed = replaced(column, wanted.astype(column.dtype), where)
    series = [changed if other == name else frame[other] for other in frame]
    return join_columns(series, list(frame.columns))


def _as_json(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_as_json(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)
