"""What drawn rows give away of the rows that were learned: tables come in, figures and a verdict go out.

Whatever is measured is measured again on a positive control: the same rows, of which a known share is
replaced by copies of learned rows. A test that does not see these would see nothing in other rows either.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.evaluation.copies import Pool, copies
from synthgan.evaluation.distances import IntArray, Neighbours, Rows, neighbours, rows_of
from synthgan.evaluation.estimates import Estimate
from synthgan.evaluation.membership import FALSE_ALARMS, attacks
from synthgan.evaluation.tables import alike
from synthgan.evaluation.text import as_markdown, plain
from synthgan.exceptions import DataError, listing

#: Fewer rows of any table say nothing.
MIN_ROWS = 20
#: Rows that are looked at, chosen at random: of each table, and of the drawn ones for copies.
_MAX_LEARNED, _MAX_HELD_OUT, _MAX_DRAWN, _MAX_COPIES = 20_000, 10_000, 20_000, 5_000
#: Share of the control's rows that are copies of learned ones: where copies are looked for, and members.
COPIED, COPIED_FOR_MEMBERS = 0.05, 0.5
#: How often each interval of the six attacks holds what it is about; so all of them do in some 95 %.
_LEVEL_OF_ATTACKS = 0.99
#: Closest pairs of rows that are shown.
_N_PAIRS = 10


def privacy(learned: Any, held_out: Any, drawn: Any, *, random_state: int = 0) -> "Privacy":
    """Look for what drawn rows give away of learned rows.

    Learned and held-out rows must differ in nothing but that the sampler was given the former: split the
    table at random before it is fitted. At most 20,000 learned, 10,000 held-out and 20,000 drawn rows are
    looked at, chosen at random; copies are looked for in 5,000 drawn ones.

    Parameters
    ----------
    learned : table
        Real rows that the sampler was fitted on: a frame of pandas or polars, an Arrow table or an array.
    held_out : table
        Real rows that it has not seen.
    drawn : table
        Rows that it drew.
    random_state : int, default=0
        Makes the figures repeatable.

    Returns
    -------
    Privacy
        What was seen and what not. That nothing is seen does not make rows private.

    Raises
    ------
    DataError
        If the tables do not have the same columns, or one has fewer than 20 rows.

    Examples
    --------
    >>> from synthgan.datasets import load_penguins
    >>> from synthgan.evaluation.privacy import privacy
    >>> penguins = load_penguins().sample(frac=1, random_state=0)
    >>> privacy(penguins[:240], penguins[240:], penguins[:100]).is_copying
    True
    """
    real, others = alike(learned, held_out, called="held-out")
    rows = alike(real, drawn, called="drawn")[1]
    _check_rows(real, others, rows)
    rng = np.random.default_rng(random_state)
    most = (_MAX_LEARNED, min(_MAX_HELD_OUT, len(real)), _MAX_DRAWN)
    chosen = [rng.permutation(len(table))[:n] for table, n in zip((real, others, rows), most, strict=True)]
    tables = rows_of(*(table.iloc[own] for table, own in zip((real, others, rows), chosen, strict=True)))
    found = [*_copies(*tables, rng), *_attacks(*tables, rng)]
    return Privacy(pd.DataFrame(found), _pairs(*tables, chosen[0], chosen[2]))


def _check_rows(*tables: pd.DataFrame) -> None:
    for called, table in zip(("learned", "held-out", "drawn"), tables, strict=True):
        if len(table) < MIN_ROWS:
            raise DataError(
                f"Looking for what drawn rows give away needs at least {MIN_ROWS} {called} rows; got "
                f"{len(table)}. Fewer say nothing."
            )


def _copies(
    learned: Rows, held_out: Rows, drawn: Rows, rng: np.random.Generator
) -> Iterator[dict[str, object]]:
    """Yield the figures about copies."""
    drawn = drawn.take(slice(_MAX_COPIES))
    pool = Pool(learned, held_out, rng)
    near = pool.neighbours(drawn)
    copied = _some(learned, round(COPIED * len(drawn)), rng)
    rest = slice(len(copied), None)
    parts = zip(pool.neighbours(copied), near, strict=True)
    control_near = Neighbours(*(np.concatenate([own, other[rest]]) for own, other in parts))
    own = copies(pool, drawn, near, rng)
    control = copies(pool, copied.then(drawn.take(rest)), control_near, rng)
    yield _figure("exact copies beyond chance", own.exact, 0.0, control.exact)
    yield _figure("near copies beyond chance", own.near, 0.0, control.near)
    yield _figure("closer to learned rows", own.closer, 0.5, control.closer)


def _attacks(
    learned: Rows, held_out: Rows, drawn: Rows, rng: np.random.Generator
) -> Iterator[dict[str, object]]:
    """Yield the figures about attacks."""
    copied = _some(learned, round(COPIED_FOR_MEMBERS * len(drawn)), rng)
    mixed = copied.then(drawn.take(slice(len(copied), None))).take(rng.permutation(len(drawn)))
    reached, on_control = (attacks(learned, held_out, own, rng, _LEVEL_OF_ATTACKS) for own in (drawn, mixed))
    for own, control in zip(reached, on_control, strict=True):
        yield _figure(f"attack by {own.name}: AUC", own.auc, 0.5, control.auc)
        name = f"attack by {own.name}: caught at {FALSE_ALARMS:.0%} false alarms"
        yield _figure(name, own.caught, own.expected, control.caught)


def _some(rows: Rows, n: int, rng: np.random.Generator) -> Rows:
    """Return so many of the rows, different ones if they are enough."""
    return rows.take(rng.choice(len(rows), n, replace=n > len(rows)))


def _figure(name: str, own: Estimate, expected: float, control: Estimate) -> dict[str, object]:
    return {
        "figure": name,
        "value": own.value,
        "low": own.low,
        "high": own.high,
        "level": own.level,
        "expected": expected,
        "seen": own.low > expected,
        "control": control.value,
        "control_seen": control.low > expected,
    }


def _pairs(
    learned: Rows, held_out: Rows, drawn: Rows, learned_numbers: IntArray, drawn_numbers: IntArray
) -> pd.DataFrame:
    """Return the closest pairs of a drawn and a learned row, of equal ones those far from held-out rows."""
    drawn = drawn.take(slice(_MAX_COPIES))
    near, other = (neighbours(drawn.points, real.points) for real in (learned, held_out))
    pairs = pd.DataFrame(
        {
            "drawn": drawn_numbers[: len(drawn)],
            "learned": learned_numbers[near.indices[:, 0]],
            "distance": near.distances[:, 0],
            "held_out_distance": other.distances[:, 0],
        }
    )
    order = np.lexsort((-pairs["held_out_distance"], pairs["distance"]))[:_N_PAIRS]
    return pairs.iloc[order].reset_index(drop=True)


@dataclass(frozen=True, eq=False, repr=False)
class Privacy:
    """What came of `privacy`.

    Attributes
    ----------
    figures
        One row a figure: its value, the ends of its interval and how often such intervals hold; the value
        that is expected if nothing is given away; whether it is `seen` to be more than that; the value for
        the positive control, and whether that is seen. In the control 5 % of the drawn rows are copies of
        learned ones where copies are looked for, and one half where members are attacked.
    nearest
        The closest pairs of a drawn and a learned row: their places in the tables, from 0, their distance,
        and that of the drawn row to the nearest held-out one.
    """

    figures: pd.DataFrame
    nearest: pd.DataFrame

    @property
    def is_copying(self) -> bool:
        """Whether drawn rows are seen to lie closer to learned rows than to held-out ones."""
        return bool(self._seen(of_attacks=False))

    @property
    def tells_members(self) -> bool:
        """Whether an attack is seen to tell learned rows from held-out ones."""
        return bool(self._seen(of_attacks=True))

    def _seen(self, *, of_attacks: bool) -> list[str]:
        """Return the figures that exceed what is expected, with their intervals."""
        is_attack = self.figures["figure"].str.startswith("attack")
        rows = self.figures[self.figures["seen"] & (is_attack == of_attacks)]
        return [
            f"{row.figure} {row.value:.3f} ({row.low:.3f}, {row.high:.3f}) instead of {row.expected:.3g}"
            for row in rows.itertuples()
        ]

    def _how_well(self) -> str:
        """Return in words how far the best attack is from chance."""
        best = self.figures.loc[self.figures["figure"].str.endswith("AUC"), "value"].max()
        return "hardly better than by chance" if best < 0.6 else "at times" if best < 0.8 else "mostly"

    @property
    def verdict(self) -> str:
        """What was seen and what not, in a few sentences."""
        copying, telling = self._seen(of_attacks=False), self._seen(of_attacks=True)
        parts = []
        if copying:
            parts.append(
                f"Drawn rows lie closer to learned rows than to held-out ones: {'; '.join(copying)}."
            )
        if telling:
            parts.append(
                f"Who has the drawn rows can tell who was learned, {self._how_well()}: {'; '.join(telling)}."
            )
        if not parts:
            parts.append(
                "None of these tests sees that drawn rows give learned ones away. They look for copies of "
                "whole rows and for records that drawn rows gather about, not for what single cells or a "
                "stronger attacker would tell; that they see nothing does not make the rows private."
            )
        is_blind = ~self.figures["control_seen"] & ~self.figures["seen"]
        blind = self.figures.loc[is_blind, "figure"].tolist()
        if blind:
            parts.append(
                "Too few rows to tell by these, which do not see the control either: "
                f"{listing(blind, len(blind))}."
            )
        return " ".join(parts)

    def __repr__(self) -> str:
        return f"{self.verdict}\n\n{as_markdown(self.figures)}\n"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a figure."""
        return self.figures

    def to_dict(self) -> dict[str, Any]:
        """Return all as values that JSON can hold."""
        told = {
            "verdict": self.verdict,
            "is_copying": self.is_copying,
            "tells_members": self.tells_members,
            "figures": self.figures,
            "nearest": self.nearest,
        }
        return {name: plain(part) for name, part in told.items()}
