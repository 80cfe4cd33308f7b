"""Drawing rows of a table: a model and an encoder come in, frames of rows that keep all rules go out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from synthgan.exceptions import ConditionError, DataError, listing
from synthgan.gan.drawing import draw
from synthgan.gan.model import GanModel
from synthgan.layout import EncodedTable, IntArray
from synthgan.preprocessing import EncodedConditions, TableEncoder

#: How often rows are drawn anew that break a rule, and how many for each that is lacking.
_MAX_TRIES, _N_FOR_EACH, _MIN_ANEW, _MAX_ANEW = 12, 3, 64, 65_536
#: How often where nothing was declared or asked for.
_FEW_TRIES = 2

#: How many rows, and what each of them has.
Part = tuple[int, EncodedConditions]


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

    def rows(self, parts: Sequence[Part]) -> pd.DataFrame:
        """Return several groups of rows one after another.

        Raises
        ------
        ConditionError
            If the model cannot know a column that is given, no row can have what is given, or so many rows
            break a rule under it that there are too few that do not.
        DataError
            If so many rows break a rule that there are too few that do not.
        """
        self._check_known(parts)
        self._check_possible(parts)
        frame = self._drawn(parts)
        group = np.repeat(np.arange(len(parts)), [n for n, _ in parts])
        lacking = np.flatnonzero(self.encoder.broken(frame))
        asked = any(len(conditions.known.columns) for _, conditions in parts)
        is_strict = asked or bool(self.encoder.ties_.rules)
        n_tries = _MAX_TRIES if is_strict else _FEW_TRIES
        for n_try in range(n_tries):
            if not len(lacking):
                return self.encoder.restored(frame)
            frame = self._with_fresh(frame, lacking, group, parts, n_try)
            lacking = np.flatnonzero(self.encoder.broken(frame))
        if not is_strict:  # what was found is kept as far as can be
            return self.encoder.restored(frame)
        rules = self.encoder.ties_.rules
        broken = [rule for rule in rules if rule.broken(frame)[lacking].any()] or ([] if asked else rules)
        kept = f"the rules {listing(map(str, broken))}" if broken else "what holds in every row of the table"
        kind = ConditionError if asked else DataError
        raise kind(
            f"{len(lacking):,} of {len(frame):,} rows could not be drawn: in {n_tries} tries too few kept "
            f"{kept}{' under the conditions' if asked else ''}. Ask for fewer rows or others."
        )

    def _with_fresh(
        self, frame: pd.DataFrame, lacking: IntArray, group: IntArray, parts: Sequence[Part], n_try: int
    ) -> pd.DataFrame:
        """Return the frame with other rows in place of those that are lacking, as far as there are any.

        Parameters
        ----------
        frame
            Drawn rows.
        lacking
            The indices of those that break a rule.
        group
            For each row which part it belongs to.
        parts
            See `rows`.
        n_try
            How often that was done before. Each time twice as many rows are drawn, since the fewer fit, the
            more it takes. At first only rows come in that lack the same of the cells that rules are about, or
            rules would favour rows that lack some.
        """
        lacks = np.bincount(group[lacking], minlength=len(parts))
        wanted = np.flatnonzero(lacks).tolist()
        sizes = np.clip(_N_FOR_EACH * 2**n_try * lacks, _MIN_ANEW, _MAX_ANEW).tolist()
        fresh = self._drawn([(sizes[index], parts[index][1]) for index in wanted])
        of_group = np.repeat(wanted, [sizes[index] for index in wanted])
        fits = np.flatnonzero(~self.encoder.broken(fresh))
        whole = pd.concat([frame, fresh], ignore_index=True)
        sort = np.concatenate([group, of_group])
        if n_try < _MAX_TRIES // 2:
            ruled = [name for rule in self.encoder.ties_.rules for name in rule.names]
            lacks_cells = pd.DataFrame(whole[[*dict.fromkeys(ruled)]].isna().to_numpy()).assign(group=sort)
            sort = pd.util.hash_pandas_object(lacks_cells, index=False).factorize()[0]
        order = np.arange(len(frame))
        for index in np.unique(sort[lacking]).tolist():
            places = lacking[sort[lacking] == index]
            rows = len(frame) + fits[sort[len(frame) + fits] == index][: len(places)]
            order[places[: len(rows)]] = rows
        return self.encoder.with_fresh_keys(whole.take(order).reset_index(drop=True), self.numpy_rng)

    def _drawn(self, parts: Sequence[Part]) -> pd.DataFrame:
        tables = [draw(self.model, n, known=asked.known, **self.how, rng=self.rng) for n, asked in parts]
        table = EncodedTable.join(tables, self.encoder.layout_)
        return self.encoder.decode(table, rng=self.numpy_rng, conditions=parts)

    def _check_possible(self, parts: Sequence[Part]) -> None:
        """Raise ConditionError when cells are asked for that no row of the table has together."""
        for _, asked in parts:
            pair = self.model.exclusions.contradicted(asked.known.columns, asked.known.codes)
            if pair:
                cells = dict(zip(asked.known.columns.tolist(), asked.cells, strict=True))
                names = self.encoder.schema_.names
                shown = {i: "missing" if cells[i].isna().any() else f"= {cells[i].iloc[0]}" for i in pair}
                words = [f"{names[i]!r} {shown[i]}" for i in sorted(pair)]
                raise ConditionError(f"No row can have {' and '.join(words)}: the table has none like it.")

    def _check_known(self, parts: Sequence[Part]) -> None:
        """Raise ConditionError when a textbook game is asked for a column that it cannot know."""
        for _, asked in parts:
            unknowable = set(asked.known.columns.tolist()) - set(self.model.architecture.known)
            if unknowable:
                names = listing(self.encoder.schema_.names[i] for i in sorted(unknowable))
                raise ConditionError(
                    f"A model of a textbook game takes conditions on its categorical target only, "
                    f"not on {names}; fit with loss='masked' for any condition."
                )
