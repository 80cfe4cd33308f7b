"""Drawing rows of a table: a model and an encoder come in, frames of rows that are as asked go out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from synthgan.exceptions import ConditionError, DataError, SynthganError, listing
from synthgan.gan.drawing import draw
from synthgan.gan.expecting import expected_cells
from synthgan.gan.model import GanModel
from synthgan.layout import EncodedTable, IntArray
from synthgan.preprocessing import Conditions, TableEncoder

#: How often rows are drawn anew that are not as they are to be, and how many for each that is lacking.
_MAX_TRIES, _N_FOR_EACH, _MIN_ANEW, _MAX_ANEW = 12, 3, 64, 65_536
#: How often where nothing was declared or asked for.
_FEW_TRIES = 2
#: Seconds after which no more is tried, and how many times as long as the first draw, if any of it was right.
_MAX_SECONDS, _MAX_TIMES_FIRST = 5.0, 4.0
#: A rule is to blame that is broken in more than this share of the rows in which another one is.
_MOSTLY = 0.5
#: Levels that are named in an error.
_N_NAMED = 5


@dataclass(frozen=True)
class Sampler:
    """Draw rows in one way.

    Parameters
    ----------
    model, encoder
        A trained model, and the encoder of its table.
    how
        See `synthgan.gan.drawing.draw`.
    rng, numpy_rng
        Sources of all randomness.
    """

    model: GanModel
    encoder: TableEncoder
    how: dict[str, Any]
    rng: torch.Generator
    numpy_rng: np.random.Generator

    @classmethod
    def seeded(
        cls, model: GanModel, encoder: TableEncoder, how: dict[str, Any], seeds: np.random.SeedSequence
    ) -> Self:
        """Return a sampler with generators of its own."""
        torch_seed, numpy_seed = (int(word) for word in seeds.generate_state(2, dtype=np.uint64))
        rng = torch.Generator(model.device).manual_seed(torch_seed)
        return cls(model, encoder, how, rng, np.random.default_rng(numpy_seed))

    def rows(self, parts: Sequence[tuple[int, Any]]) -> pd.DataFrame:
        """Return several groups of rows one after another.

        Parameters
        ----------
        parts
            Of each group how many rows, and what is asked of them; see `ConditionReader.read`.

        Raises
        ------
        ConditionError
            If the model cannot know a column that is given, no row can have what is asked, or so many rows
            break a rule under it that there are too few that do not.
        DataError
            If so many rows break a rule that there are too few that do not.
        """
        asked, n_rows = [], 0
        for n, wanted in parts:
            found = self.encoder.ask(n, wanted, self.numpy_rng)
            asked += [conditions.later(n_rows) for conditions in found]
            n_rows += n
        return self.fulfilled(Conditions.merged(asked or self.encoder.ask(0, {}, self.numpy_rng)))

    def fulfilled(self, asked: Sequence[Conditions], *, strict: bool = True) -> pd.DataFrame:
        """Return rows that are as they are asked to be, in the order in which they were asked for.

        Parameters
        ----------
        asked
            What is asked of the rows, each of them once.
        strict
            Whether it is an error if some rows cannot be so. They are else left as they come nearest.
        """
        self._check_known(asked)
        if strict:
            self._check_possible(asked)
        state = _Drawn.of(self, asked)
        is_asked = not all(conditions.says_nothing for conditions in asked)
        must_be = strict and (is_asked or bool(self.encoder.ties_.rules))
        n_tries = _MAX_TRIES if must_be or self.encoder.ties_.rules else _FEW_TRIES
        for n_try in range(n_tries):
            if not state.lacking.any() or time.monotonic() > state.until:
                break
            state = state.with_fresh(n_try)
        if must_be and state.lacking.any():
            raise self._too_few(state, is_asked)
        order = np.argsort(np.concatenate([conditions.rows for conditions in asked]), kind="stable")
        return self.encoder.restored(state.frame.take(order).reset_index(drop=True))

    def drawn(self, asked: Sequence[Conditions]) -> pd.DataFrame:
        """Return plain rows of which the known cells are as they are asked to be, and others perhaps not."""
        tables = [
            draw(self.model, len(conditions), known=conditions.known, **self.how, rng=self.rng)
            for conditions in asked
        ]
        table = EncodedTable.join(tables, self.encoder.layout_)
        return self.encoder.decode(table, rng=self.numpy_rng, conditions=asked)

    def expected(self, asked: Conditions) -> pd.DataFrame:
        """Return what is expected of rows, or where that breaks a rule, rows as they are drawn."""
        self._check_known([asked])
        how = {**self.how, "correct": False}
        amounts = self.encoder.amounts_known(asked)
        told = expected_cells(self.model, amounts, asked.known, how, self.rng)
        plain = self.encoder.expected(self.drawn([asked]), told, asked, self.numpy_rng)
        broken = np.flatnonzero(self.encoder.broken(plain, asked=True))
        frame = self.encoder.restored(plain)
        if not len(broken):
            return frame
        order = np.arange(len(frame))
        order[broken] = len(frame) + np.arange(len(broken))
        instead = self.fulfilled([asked.take(broken).as_first()], strict=False)
        return pd.concat([frame, instead], ignore_index=True).take(order).reset_index(drop=True)

    def _too_few(self, state: "_Drawn", is_asked: bool) -> SynthganError:
        """Return the error that says why some rows could not be drawn."""
        lacking, rules = state.lacking, self.encoder.ties_.rules
        counts = [int(np.count_nonzero(rule.broken(state.frame)[lacking])) for rule in rules]
        most = max(counts, default=0)
        broken = [rule for rule, n_rows in zip(rules, counts, strict=True) if n_rows > _MOSTLY * most]
        broken = broken or ([] if is_asked else list(rules))
        kept = f"the rules {listing(map(str, broken))}" if broken else "what holds in every row of the table"
        text = f"{lacking.sum():,} of {len(lacking):,} rows could not be drawn: too few of many kept {kept}"
        if not is_asked:
            return DataError(f"{text}. Ask for fewer rows or others.")
        part_of = np.repeat(np.arange(len(state.asked)), list(map(len, state.asked)))
        words = state.asked[part_of[lacking][0]].in_words(self.encoder.schema_.names)
        under = f" with {' and '.join(words.values())}" if words else ""
        return ConditionError(f"{text} under the conditions{under}. Ask for less in one row, or for others.")

    def _check_possible(self, asked: Sequence[Conditions]) -> None:
        """Raise ConditionError when cells are asked for that no row of the table has together."""
        device, exclusions = self.model.device, self.model.exclusions
        for conditions in asked:
            known = conditions.known
            codes = torch.from_numpy(known.patterns.codes.astype(np.int64)).to(device)
            is_known = torch.from_numpy(known.is_known).to(device)
            allowed = {i: torch.from_numpy(shares.any(1)).to(device) for i, shares in known.allowed.items()}
            if found := exclusions.contradicted(codes, is_known, allowed):
                row = np.flatnonzero(known.patterns_of(len(conditions)) == found.row)[:1]
                words = conditions.take(row).in_words(self.encoder.schema_.names)
                near = self._nearest(words[found.first], found.second, found.beside.cpu().numpy())
                both = f"{words[found.first]} and {words[found.second]}"
                raise ConditionError(f"No row can have {both}: the table has none like it. {near}")

    def _nearest(self, given: str, column: int, codes: npt.NDArray[np.bool_]) -> str:
        """Return in words which cells of a column stand beside something, given which codes do."""
        encoder, possible = self.encoder.encoders_[column], np.flatnonzero(codes)
        cells = encoder.inverse_transform(possible, np.full(len(possible), 0.5), rng=self.numpy_rng)
        is_present = cells.notna().to_numpy()
        words = [listing(cells[is_present], _N_NAMED)] if is_present.any() else []
        words += ["missing"] if not is_present.all() else []
        return f"Beside {given}, {encoder.name!r} is such as {' or '.join(words)}."

    def _check_known(self, asked: Sequence[Conditions]) -> None:
        """Raise ConditionError when a textbook game is asked for a column that it cannot know."""
        for conditions in asked:
            known = set(np.flatnonzero(conditions.is_known.any(0)).tolist())
            unknowable = known - set(self.model.architecture.known)
            unknowable |= set() if self.model.knows_all else set(conditions.choices)
            if unknowable:
                names = listing(self.encoder.schema_.names[i] for i in sorted(unknowable))
                raise ConditionError(
                    f"A model of a textbook game takes values of its categorical target as conditions only, "
                    f"not {names}; fit with loss='masked' for any condition."
                )


@dataclass(frozen=True)
class _Drawn:
    """Plain rows that have been drawn, and which of them are `lacking`: not yet as they are to be.

    They are in the order of what is asked. No more is tried after `until`; `rate` is in rows a second.
    """

    sampler: Sampler
    asked: Sequence[Conditions]
    frame: pd.DataFrame
    lacking: npt.NDArray[np.bool_]
    until: float
    rate: float

    @classmethod
    def of(cls, sampler: Sampler, asked: Sequence[Conditions]) -> Self:
        """Return rows as they are drawn first."""
        started = time.monotonic()
        frame = sampler.drawn(asked)
        spent = time.monotonic() - started
        lacking = cls._lacking(sampler, frame, asked)
        may_last = 0.0 if lacking.all() else _MAX_TIMES_FIRST * spent
        until = started + max(_MAX_SECONDS, may_last)
        return cls(sampler, asked, frame, lacking, until, len(frame) / spent)

    @staticmethod
    def _lacking(sampler: Sampler, frame: pd.DataFrame, asked: Sequence[Conditions]) -> npt.NDArray[np.bool_]:
        """Return which rows break a rule, or are not as they were asked to be."""
        starts = np.cumsum([0, *map(len, asked)])
        is_asked = not all(conditions.says_nothing for conditions in asked)
        lacking = sampler.encoder.broken(frame, asked=is_asked)
        for conditions, start in zip(asked, starts[:-1], strict=True):
            rows = slice(start, start + len(conditions))
            lacking[rows] |= ~conditions.met(frame.iloc[rows])
        return lacking

    def with_fresh(self, n_try: int) -> "_Drawn":
        """Return the rows with others in place of those that are lacking, as far as there are any.

        At each try twice as many rows are drawn, since the fewer fit, the more it takes. At first only rows
        come in that lack the same of the cells that rules are about, or rules would favour rows that lack
        some.
        """
        started, encoder = time.monotonic(), self.sampler.encoder
        starts, room = np.cumsum([0, *map(len, self.asked)]), int(self.rate * (self.until - started))
        most = min(_MAX_ANEW, room // len(self.asked))
        anew, parts = [], []
        for part, conditions in enumerate(self.asked):
            rows = np.flatnonzero(self.lacking[starts[part] : starts[part + 1]])
            n_rows = int(np.clip(_N_FOR_EACH * 2**n_try * len(rows), _MIN_ANEW, max(_MIN_ANEW, most)))
            if len(rows):
                anew.append(conditions.take(np.resize(rows, n_rows)))
                parts.append(part)
        fresh = self.sampler.drawn(anew)
        fits = np.flatnonzero(~self._lacking(self.sampler, fresh, anew))
        whole = pd.concat([self.frame, fresh], ignore_index=True)
        sort = np.concatenate([_patterns(range(len(self.asked)), self.asked), _patterns(parts, anew)])
        if n_try < _MAX_TRIES // 2:
            ruled = [name for rule in encoder.ties_.rules for name in rule.names]
            lacks_cells = pd.DataFrame(whole[[*dict.fromkeys(ruled)]].isna().to_numpy()).assign(sort=sort)
            sort = pd.util.hash_pandas_object(lacks_cells, index=False).to_numpy()
        order = np.arange(len(self.frame))
        wanting = np.flatnonzero(self.lacking)
        taken, given = _matched(sort[wanting], sort[len(order) :][fits])
        order[wanting[taken]] = len(order) + fits[given]
        frame = encoder.with_fresh_keys(whole.take(order).reset_index(drop=True), self.sampler.numpy_rng)
        lacking = self._lacking(self.sampler, frame, self.asked)
        rate = max(self.rate, len(fresh) / (time.monotonic() - started))
        return replace(self, frame=frame, lacking=lacking, rate=rate)


def _patterns(parts: Sequence[int], asked: Sequence[Conditions]) -> npt.NDArray[np.uint64]:
    """Return a number for each row that is that of rows of which the same is asked, given their parts."""
    numbers = [
        (np.uint64(part) << np.uint64(32)) + conditions.known.patterns_of(len(conditions)).astype(np.uint64)
        for part, conditions in zip(parts, asked, strict=True)
    ]
    return np.concatenate(numbers)


def _matched(wanted: npt.NDArray[Any], offered: npt.NDArray[Any]) -> tuple[IntArray, IntArray]:
    """Return pairs of indices of equal numbers, each index once, as many as there are."""
    first, second = (
        pd.DataFrame({"number": numbers, "index": np.arange(len(numbers))}) for numbers in (wanted, offered)
    )
    for frame in (first, second):
        frame["count"] = frame.groupby("number").cumcount()
    pairs = first.merge(second, on=["number", "count"])
    return pairs["index_x"].to_numpy(), pairs["index_y"].to_numpy()
