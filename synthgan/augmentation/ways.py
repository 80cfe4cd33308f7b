"""Ways of drawing rows: a problem comes in, and as many rows as are asked for go out, each way by its name.

Labels come along as each way has them: a generator draws them with the rest of a row, jitter keeps that of
the real row. Whether they are believed is another question; see `supply`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthgan.augmentation.problem import Part, Problem
from synthgan.evaluation.arms import as_levels, own_copy
from synthgan.evaluation.neighbours import between_neighbours
from synthgan.evaluation.tables import alike, cells_like, class_names, levels_of, numbers_of, spread_of
from synthgan.exceptions import DataError, ParameterError, listing
from synthgan.forms import unwrap
from synthgan.preprocessing import infer_schema
from synthgan.preprocessing.inference import DROP, UnsupportedColumnsError
from synthgan.synthesizer import SynthGAN

#: Standard deviations by which jitter moves a number, and share of levels that it draws anew.
NOISE, REDRAWN = 0.25, 0.15
#: Of the cells of a real row, the share that stays when a part of it is redrawn.
KEPT = 0.5
#: Sets of cells that stay, of which each row that is redrawn has one.
_N_PATTERNS = 8
#: Draws of a generator that takes no conditions, of which rows of a class are picked, before it is given up.
_MAX_DRAWS = 20
#: Rows that it is asked for at most, for each that is lacking.
_MOST_ASKED = 50.0
#: Ends of what a float can be.
_FINITE = (np.finfo(float).min, np.finfo(float).max)
#: Rows of a class that are wanted for each of those that a generator without conditions is asked for.
_POOL = 2.0


@dataclass(frozen=True)
class Ways:
    """Real rows, and all ways of drawing more.

    Attributes
    ----------
    problem
        The rows, of which nothing but these is looked at.
    synthesizer
        What learns them, if a way asks for it: an object with `fit` and `sample`.
    unlabelled
        Rows without a target that it learns as well, or None. It then learns no labels at all.
    seed
        Of its copy.
    refusal
        Why it cannot learn them, or "".
    """

    problem: Problem
    synthesizer: Any
    unlabelled: pd.DataFrame | None
    seed: int
    refusal: str = ""

    @cached_property
    def generator(self) -> Any:
        """The fitted synthesizer."""
        if self.refusal:
            raise DataError(self.refusal)
        own = own_copy(self.synthesizer, self.seed)
        table = self.problem.frame
        if self.unlabelled is not None:
            table = pd.concat([self.problem.features, self.unlabelled], ignore_index=True)
            if isinstance(own, SynthGAN) and own.target == self.problem.target:
                own.set_params(target=None)
        elif isinstance(own, SynthGAN):
            own.set_params(**_told_of(own, self.problem))
        returned = own.fit(table.copy())  # a stranger's may write into it
        return returned if hasattr(returned, "sample") and not isinstance(returned, pd.DataFrame) else own

    @property
    def fitted_generator(self) -> Any:
        """The fitted synthesizer, or None if no way has needed it."""
        return self.__dict__.get("generator")

    def drawn(self, method: str, n: int, rng: np.random.Generator, part: Part | None = None) -> pd.DataFrame:
        """Return rows with their target, which is of a class or range if one is given.

        The method is one of `METHODS`, and `rng` the source of all randomness but the generator's own.
        """
        rows = METHODS[method](self, n, rng, part)
        return rows[list(self.problem.frame.columns)].reset_index(drop=True)

    def real(self, n: int, rng: np.random.Generator, part: Part | None) -> pd.DataFrame:
        """Return real rows, each as often as the others but for one."""
        rows, labels = self.problem.frame, self.problem.labels
        own = np.arange(len(rows)) if part is None else np.flatnonzero(part.holds(labels))
        if self.unlabelled is not None and part is None:
            # Their labels are nobody's to believe: a teacher's take their place.
            own = np.arange(len(self.problem) + len(self.unlabelled))
            target = rows[self.problem.target].iloc[rng.integers(len(rows), size=len(self.unlabelled))]
            rows = pd.concat([rows, _with_target(self.unlabelled, target)], ignore_index=True)
        return rows.iloc[np.resize(rng.permutation(own), n)].reset_index(drop=True)

    def generated(self, n: int, rng: np.random.Generator, part: Part | None) -> pd.DataFrame:
        """Return rows of the generator."""
        seed = int(rng.integers(2**31))
        if self.unlabelled is not None:
            return _with_target(self._sample(n, seed, None), self.real(n, rng, None)[self.problem.target])
        if part is not None and _takes(self.generator.sample, "conditions"):
            return self._sample(n, seed, {self.problem.target: part.condition})
        return self._known(n, seed, part)

    def _sample(self, n: int, seed: int, conditions: dict[Any, Any] | None) -> pd.DataFrame:
        """Return rows of the generator as a frame with the dtypes of the real ones."""
        sample, whose = self.generator.sample, type(self.generator).__name__
        how: dict[str, Any] = {"random_state": seed} if _takes(sample, "random_state") else {}
        if conditions is not None:
            how["conditions"] = conditions
        real = self.problem.frame if self.unlabelled is None else self.problem.features
        if not n:
            return real.iloc[:0].copy()
        rows = sample(n, **how)
        if isinstance(rows, tuple):
            raise DataError(
                f"{whose}.sample returned a tuple; it must return the rows as one table with the columns "
                "that it was fitted on, target included."
            )
        if isinstance(rows, np.ndarray):
            rows = pd.DataFrame(rows, columns=real.columns)
        try:
            frame = unwrap(rows)[0]
        except DataError as error:
            told = f"{whose}.sample must return rows as a table; got {type(rows).__name__}."
            raise DataError(told) from error
        frame = alike(real, as_levels(real, frame), called="drawn")[1]
        if len(frame) < n:
            raise DataError(f"{whose} was asked for {n} rows and drew {len(frame)}.")
        return pd.DataFrame({name: _in_dtype_of(real[name], frame[name]) for name in real}).iloc[:n]

    def _known(self, n: int, seed: int, part: Part | None) -> pd.DataFrame:
        """Return rows whose target is of a part, or at least one that real rows may have."""
        found: list[pd.DataFrame] = []
        n_found, n_asked = 0, n
        for place in range(_MAX_DRAWS):
            rows = self._sample(n_asked, seed + place, None)
            labels = self.labels(rows)
            fits = labels >= 0 if self.problem.predicts_classes else ~np.isnan(labels)
            fits &= True if part is None else part.holds(labels)
            found.append(rows[fits])
            n_found += int(fits.sum())
            if n_found >= n:
                return pd.concat(found, ignore_index=True).iloc[:n]
            n_asked = int(_POOL * (n - n_found) * min(len(rows) / max(fits.sum(), 1), _MOST_ASKED))
        what = "" if part is None else f" whose target is {part.condition!r}"
        if part is None and not n_found:
            what = f" with a target that y has, and others such as {rows[self.problem.target].iloc[0]!r},"
        raise DataError(
            f"{type(self.generator).__name__} drew {n_found} of {n} rows{what} in {_MAX_DRAWS} draws. Use a "
            "synthesizer whose sample takes conditions, or another method."
        )

    def labels(self, rows: pd.DataFrame) -> npt.NDArray[Any]:
        """Return the targets of drawn rows: numbers, or codes of classes, -1 where real rows have no such."""
        column = rows[self.problem.target]
        if not self.problem.predicts_classes:
            return column.to_numpy(dtype=float, na_value=np.nan)
        names = pd.Index(class_names(column))
        return np.asarray(pd.Index(self.problem.task.classes).get_indexer(names))


def jittered(rows: pd.DataFrame, real: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows whose cells have been moved a little.

    Numbers move by a quarter of the standard deviation that real rows have; of levels, and of numbers of
    which there are two, some are drawn anew from the real ones. Both have the same columns, without a target.
    """
    columns = {}
    for name in rows.columns:
        numbers, known = numbers_of(rows[name]), numbers_of(real[name])
        if numbers is None or known is None or len(np.unique(known[~np.isnan(known)])) <= 2:
            is_new = rng.random(len(rows)) < REDRAWN
            other = rng.integers(len(real), size=len(rows))
            columns[name] = rows[name].where(~is_new, real[name].iloc[other].set_axis(rows.index))
            continue
        moved = numbers + NOISE * spread_of(known) * rng.standard_normal(len(rows))
        moved = np.clip(moved, *_FINITE)
        columns[name] = cells_like(real[name], pd.Series(moved)).set_axis(rows.index)
    return pd.DataFrame(columns, index=rows.index)


def _jittered(ways: Ways, n: int, rng: np.random.Generator, part: Part | None) -> pd.DataFrame:
    """Return real rows with all but their target moved."""
    rows, target = ways.real(n, rng, part), ways.problem.target
    moved = jittered(rows.drop(columns=target), ways.problem.features, rng)
    return _with_target(moved, rows[target])


def _with_target(features: pd.DataFrame, target: "pd.Series[Any]") -> pd.DataFrame:
    """Return rows with a target in place of any that they have."""
    rows = features.copy(deep=False)
    rows[target.name] = target.set_axis(rows.index)
    return rows


def _between(ways: Ways, n: int, rng: np.random.Generator, part: Part | None) -> pd.DataFrame:
    """Return rows between neighbours of a class; of classes as often as the real rows have them."""
    problem = ways.problem
    if not problem.predicts_classes:
        raise ParameterError("method='neighbours' needs classes; use another one to predict numbers.")
    labels = problem.labels
    counts = np.bincount(labels, minlength=len(problem.classes))
    able = [code for code in np.flatnonzero(counts > 1).tolist() if part is None or part.low == code]
    if not able:
        raise DataError("A class of one row has no neighbours; use another method than 'neighbours'.")
    shares = counts[able] / counts[able].sum()
    places = np.searchsorted(shares.cumsum(), (np.arange(n) + 0.5) / max(n, 1)).clip(max=len(able) - 1)
    n_each = np.bincount(places, minlength=len(able))
    wanted = dict(zip(able, n_each.tolist(), strict=True))
    frame, codes = between_neighbours(problem.features, labels, wanted, int(rng.integers(2**31)))
    frame[problem.target] = pd.Series(problem.classes[codes]).astype(problem.frame[problem.target].dtype)
    return frame.take(rng.permutation(len(frame)))


def _redrawn(ways: Ways, n: int, rng: np.random.Generator, part: Part | None) -> pd.DataFrame:
    """Return real rows of which the generator has drawn a part anew, given the rest and the target."""
    generator, target = ways.generator, ways.problem.target
    if not hasattr(generator, "rows_like"):
        raise ParameterError(
            f"method='redrawn' needs a synthesizer with rows_like; {type(generator).__name__} has none."
        )
    rows = ways.real(n, rng, part)
    names = [name for name in rows.columns if name != target]
    learned = [*names, target] if ways.unlabelled is None else names
    parts = []
    groups = [np.arange(first, n, _N_PATTERNS) for first in range(min(n, _N_PATTERNS))]
    for group in groups:
        order = rng.permutation(len(names))[: round(KEPT * len(names))]
        kept = [names[place] for place in sorted(order.tolist())] + learned[len(names) :]
        seed = int(rng.integers(2**31))
        parts.append(generator.rows_like(rows.iloc[group][learned], keep=kept, random_state=seed))
    drawn = pd.concat(parts).sort_index() if parts else rows[learned]
    return _with_target(drawn, rows[target])


def _mixed(ways: Ways, n: int, rng: np.random.Generator, part: Part | None) -> pd.DataFrame:
    """Return rows of which every second one is a moved real row and the others the generator's."""
    moved = _jittered(ways, n - n // 2, rng, part)
    both = pd.concat([moved, ways.generated(n // 2, rng, part)], ignore_index=True)
    order = np.concatenate([2 * np.arange(len(moved)), 2 * np.arange(n // 2) + 1])
    return both.iloc[np.argsort(order)]


#: Every way of drawing rows, by its name.
METHODS: dict[str, Callable[[Ways, int, np.random.Generator, Part | None], pd.DataFrame]] = {
    "generator": Ways.generated,
    "jitter": _jittered,
    "mixed": _mixed,
    "neighbours": _between,
    "redrawn": _redrawn,
}
#: Those that need no generator.
WITHOUT_GENERATOR = ("jitter", "neighbours")


def refusal_of(synthesizer: Any, features: pd.DataFrame) -> str:
    """Return why a synthesizer cannot draw rows with all of some columns, as far as that is known before.

    In a part of the rows a column may look otherwise, such as levels for free text: what is refused is
    refused for all rows.
    """
    if not isinstance(synthesizer, SynthGAN):
        return ""
    others = "Take them out of X, or draw rows by method='jitter'."
    kinds = {name: kind for name, kind in (synthesizer.kinds or {}).items() if name in features}
    dropped = [name for name in features if kinds.get(name) == DROP]
    if dropped:
        return f"The synthesizer drops columns that drawn rows must have: {listing(dropped)}. {others}"
    try:
        infer_schema(features, kinds)
    except UnsupportedColumnsError as error:
        held = ", ".join(f"{name!r} ({content})" for name, content in error.content.items())
        return f"The synthesizer cannot learn some columns: {held}. {others}"
    return ""


def _told_of(gan: SynthGAN, problem: Problem) -> dict[str, Any]:
    """Return what a model is to be told of a problem, as far as its user has not."""
    told: dict[str, Any] = {} if gan.target is not None else {"target": problem.target}
    kinds, is_whole = gan.kinds or {}, pd.api.types.is_integer_dtype(problem.frame[problem.target].dtype)
    if problem.predicts_classes and is_whole and problem.target not in kinds:
        told["kinds"] = {**kinds, problem.target: "categorical"}
    return told


def _in_dtype_of(real: "pd.Series[Any]", drawn: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return drawn cells in the dtype of real ones."""
    if drawn.dtype == real.dtype:
        return drawn
    if numbers_of(real) is None:
        return cells_like(real, levels_of(drawn))
    return cells_like(real, pd.Series(numbers_of(drawn)))


def _takes(method: Any, parameter: str) -> bool:
    """Whether a method has a parameter of that name."""
    try:
        return parameter in inspect.signature(method).parameters
    except (TypeError, ValueError):
        return False
