"""Drawing from a fitted model, whole rows and parts of rows: the part of `SynthGAN` that users draw with."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from synthgan.exceptions import ConditionError, DataError, ParameterError, did_you_mean, listing
from synthgan.forms import Form, unwrap
from synthgan.gan.model import GanModel
from synthgan.imputation import Completion
from synthgan.parameters import check_n_rows, check_parameters, on_own_threads, seed_from
from synthgan.preprocessing import KeyEncoder, TableEncoder
from synthgan.preprocessing.key_form import Turn
from synthgan.sampling import Sampler
from synthgan.schema import check_names

IMPUTATIONS = ("draw", "expected")


class DrawingMixin:
    """Draw rows, and fill in parts of given rows, with attributes of the class that it is mixed into."""

    rounds: Any
    redraw: bool
    correct: bool
    imputation: bool
    model_: GanModel
    encoder_: TableEncoder
    _form: Form
    _seed: int
    _n_draws: int
    _learned: dict[str, bool]

    def sample(self, n: int | None = None, *, conditions: Any = None, random_state: Any = None) -> Any:
        """Draw rows.

        Parameters
        ----------
        n : int, default=None
            How many. None is 1 or, where `conditions` is a table, one for each of its rows.
        conditions : mapping or table, default=None
            What every drawn row has, by column:

            - a value, such as ``{"income": ">50K"}``; None or NaN asks for missing cells, as does the text
              ``"missing"``, and ``"not missing"`` for present ones;
            - a comparison, such as ``">= 40"``, ``"!= Private"`` or ``"> 20 and <= 30"``;
            - a pair ``(low, high)``, both included, or None for no end;
            - a list of which any is wanted, as often as the model finds it beside the rest;
            - a mapping from such to the share of the rows, ``{">50K": 0.5, "<=50K": 0.5}``.

            Or a table with some of the columns, each of whose rows says what is known of one wanted row; its
            missing cells are drawn.
        random_state : int, numpy Generator or RandomState, default=None
            An int draws the same rows every time; None goes on with the model's own stream, so that two
            calls give different rows.

        Returns
        -------
        table of shape (n, n_columns)
            As the fitted one: the same library, columns, order, dtypes and metadata, with a new index.

        Raises
        ------
        ConditionError
            If no row can satisfy the conditions.
        ParameterError
            If `n` is not a whole number of at least 0.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> from synthgan.datasets import load_penguins
        >>> gan = SynthGAN(epochs=1, random_state=0, verbose=0).fit(load_penguins())
        >>> gan.sample(2, conditions={"species": "Gentoo", "body_mass_g": ">= 5000"})["species"].tolist()
        ['Gentoo', 'Gentoo']
        >>> gan.sample(0).shape
        (0, 7)
        """
        asked = {} if conditions is None else conditions
        if isinstance(asked, pd.Series):
            asked = asked.to_dict()
        if not isinstance(asked, Mapping):
            asked = _table_of(asked).reset_index(drop=True)
            n = len(asked) if n is None else n
        drawn = self.sample_parts([(1 if n is None else n, asked)], random_state=random_state)
        return self._form.wrap(drawn)

    @on_own_threads
    def sample_parts(
        self, parts: Sequence[tuple[int, Any]], *, random_state: Any = None, turn: Turn | None = None
    ) -> pd.DataFrame:
        """Draw several groups of rows, each under conditions of its own.

        Parameters
        ----------
        parts : sequence of (int, mapping or DataFrame)
            Number of rows and conditions of each group, as in `sample`.
        random_state : int, numpy Generator, RandomState or SeedSequence, default=None
            As in `sample`.
        turn : Turn, default=None
            Which keys may be drawn, where others draw rows of the same table; None for any.

        Returns
        -------
        DataFrame
            The groups one after another; keys are different throughout.

        Raises
        ------
        ConditionError, ParameterError
            As in `sample`.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> from synthgan.datasets import load_penguins
        >>> gan = SynthGAN(epochs=1, random_state=0, verbose=0).fit(load_penguins())
        >>> gan.sample_parts([(2, {"sex": "MALE"}), (1, {"sex": None})])["sex"].isna().tolist()
        [False, False, True]
        """
        sampler = self._sampler(random_state)
        if turn is not None:
            sampler = replace(sampler, encoder=sampler.encoder.for_turn(turn))
        for n, _ in parts:
            check_n_rows(n, len(self.encoder_.schema_))
        return sampler.rows([(int(n), conditions) for n, conditions in parts])

    @on_own_threads
    def impute(
        self, X: Any, *, method: str = "draw", n_draws: int | None = None, random_state: Any = None
    ) -> Any:
        """Fill in the missing cells of rows from what the model has learned, given the cells that are there.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            Rows, in any form that `fit` takes, with some or all columns of the fitted table; other columns
            are left alone. It is not changed.
        method : {"draw", "expected"}, default="draw"
            "draw" keeps the spread: a cell is drawn as it may have been. "expected" comes nearest: the mean
            for what lies on a line, and the likeliest level, given what is there. It needs a model fitted
            with ``imputation=True`` if the training table has missing values.
        n_draws : int, default=None
            For multiple imputation [1]_: how many tables to return.
        random_state : int, numpy Generator or RandomState, default=None
            As in `sample`.

        Returns
        -------
        table, or list of tables
            As `X`, with the same index; a list of `n_draws` if that is given. Cells of a column in which
            the fitted table had none are still missing.

        Raises
        ------
        DataError
            If `X` has none of the fitted columns.
        ParameterError
            If `method` or `n_draws` is out of its range, or "expected" is asked of a model that has learned a
            table with missing values without ``imputation=True``.

        References
        ----------
        .. [1] Rubin (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> from synthgan.datasets import load_penguins
        >>> gan = SynthGAN(epochs=1, random_state=0, verbose=0).fit(load_penguins())
        >>> int(gan.impute(load_penguins()).isna().sum().sum())
        0
        >>> len(gan.impute(load_penguins(), n_draws=3))
        3
        """
        check_method(method)
        is_count = isinstance(n_draws, Integral) and not isinstance(n_draws, bool) and int(n_draws) > 0
        if n_draws is not None and not (method == "draw" and is_count):
            raise ParameterError(
                f"n_draws must be None or, with method='draw', a whole number of at least 1; got {n_draws!r}."
            )
        sampler, (frame, form) = self._sampler(random_state), unwrap(X)
        names = self._fitted_names(frame)
        completion = Completion.of(sampler, frame, frame[names].notna().to_numpy(), names, is_present=True)
        if method == "expected":
            if not self._learned["imputation"]:
                raise ParameterError(
                    "method='expected' needs a model fitted with imputation=True where the training table "
                    "has missing values: fit SynthGAN(imputation=True), or with `synthgan fit --imputation`; "
                    "method='draw' needs no other fit."
                )
            return form.wrap(completion.expected())
        drawn = [form.wrap(completion.drawn()) for _ in range(n_draws or 1)]
        return drawn[0] if n_draws is None else drawn

    @on_own_threads
    def rows_like(self, X: Any, *, keep: float | Sequence[Hashable] = 0.5, random_state: Any = None) -> Any:
        """Draw some of the cells of given rows anew, given the others: rows that are near to those.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            Rows, in any form that `fit` takes, with all columns of the fitted table.
        keep : float or sequence of column names, default=0.5
            Which share of the cells of each row is kept, others in each row; or which columns are. Keys are
            always made anew.
        random_state : int, numpy Generator or RandomState, default=None
            As in `sample`.

        Returns
        -------
        table of shape (n_rows, n_columns)
            As `X`, with the same index.

        Raises
        ------
        DataError
            If `X` lacks columns of the fitted table.
        ParameterError
            If `keep` is neither a share from 0 to 1 nor names of columns.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> from synthgan.datasets import load_penguins
        >>> gan = SynthGAN(epochs=1, random_state=0, verbose=0).fit(load_penguins())
        >>> rows = load_penguins().head(3)
        >>> near = gan.rows_like(rows, keep=["species", "island"])
        >>> near[["species", "island"]].equals(rows[["species", "island"]])
        True
        """
        sampler, (frame, form) = self._sampler(random_state), unwrap(X)
        names = self._fitted_names(frame)
        self.encoder_.check_columns(frame)
        is_kept = self._kept(keep, len(frame), names, sampler.numpy_rng)
        return form.wrap(Completion.of(sampler, frame, is_kept, names, is_present=False).drawn())

    def _kept(
        self, keep: Any, n_rows: int, names: list[Hashable], rng: np.random.Generator
    ) -> npt.NDArray[np.bool_]:
        """Return which cells stay as they are, shape ``(n_rows, n_columns)``."""
        is_key = np.array([isinstance(e, KeyEncoder) for e in self.encoder_.encoders_ if e.name in names])
        if isinstance(keep, Real) and not isinstance(keep, bool) and 0 <= float(keep) <= 1:
            n_kept = round(float(keep) * int(np.count_nonzero(~is_key)))
            chances = np.where(is_key, 2.0, rng.random((n_rows, len(names))))
            return np.asarray(chances.argsort(1).argsort(1) < n_kept)
        if not isinstance(keep, list | tuple) or any(name not in names for name in keep):
            raise ParameterError(
                f"keep must be a share from 0 to 1 or a list of columns, such as {listing(names, 2)}; "
                f"got {keep!r}."
            )
        return np.tile(np.array([name in keep for name in names]) & ~is_key, (n_rows, 1))

    def _fitted_names(self, frame: pd.DataFrame) -> list[Hashable]:
        """Return the columns of a frame that the fitted table has, in its order."""
        check_names(frame)
        names = [name for name in self.encoder_.schema_.names if name in frame.columns]
        if not names:
            raise DataError(
                f"The table has none of the fitted columns {listing(self.encoder_.schema_.names)}; it has "
                f"{listing(frame.columns)}."
            )
        return names

    def _sampler(self, random_state: Any) -> Sampler:
        """Return what draws the rows of one call.

        Raises ParameterError where a part is switched on that the fit has left out.
        """
        check_is_fitted(self, "model_")
        check_parameters(self.get_params())  # type: ignore[attr-defined]
        for name in ("redraw", "correct"):
            if getattr(self, name) and not self._learned[name]:
                raise ParameterError(
                    f"The model was fitted with {name}=False and has not learned what {name}=True needs; set "
                    f"{name}=True and fit again."
                )
        how = {"rounds": self.rounds, "redraw": self.redraw, "correct": self.correct}
        return Sampler.seeded(self.model_, self.encoder_, how, self._seeds(random_state))

    def _learned_parts(self, has_missing: bool) -> dict[str, bool]:
        """Return which of the parts that a parameter switches on the fit has learned.

        A table without missing values has no imputation to learn: nothing of it is left out.
        """
        learned = {name: bool(getattr(self, name)) for name in ("redraw", "correct", "imputation")}
        return learned | {"imputation": learned["imputation"] or not has_missing}

    def _seeds(self, random_state: Any) -> np.random.SeedSequence:
        """Return the seeds of one draw; without a state the model's own stream goes on."""
        if isinstance(random_state, np.random.SeedSequence):
            return random_state
        if random_state is not None:
            return np.random.SeedSequence(seed_from(random_state))
        self._n_draws += 1
        return np.random.SeedSequence([self._seed, self._n_draws - 1])


def _table_of(asked: Any) -> pd.DataFrame:
    """Return a table of conditions as a frame, or raise ConditionError."""
    try:
        if isinstance(asked, list | str):
            raise DataError("no table")
        return unwrap(asked)[0]
    except DataError as error:
        raise ConditionError(
            "Conditions are a mapping from column to what is wanted, such as {'sex': 'F', 'age': '>= 40'}, "
            f"or a table whose rows state what is known; got {type(asked).__name__}."
        ) from error


def check_method(method: Any) -> None:
    """Raise ParameterError unless a way to fill in cells is one."""
    if method not in IMPUTATIONS:
        near = did_you_mean(method, IMPUTATIONS)
        raise ParameterError(f"method must be one of {listing(IMPUTATIONS)}; got {method!r}.{near}")
