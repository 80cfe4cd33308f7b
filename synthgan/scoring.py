"""What a fitted model says of rows: the part of `SynthGAN` that judges instead of drawing."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted

from synthgan.exceptions import ParameterError
from synthgan.forms import unwrap
from synthgan.gan.games import discriminator_logits
from synthgan.gan.model import GanModel
from synthgan.gan.scoring import code_probabilities, log_likelihood
from synthgan.parameters import on_own_threads, seed_from
from synthgan.preprocessing import TableEncoder
from synthgan.preprocessing.plain import plain_frame


class ScoringMixin:
    """Judge rows by what the networks have learned, with attributes of the class that it is mixed into."""

    target: str | int | None
    model_: GanModel
    encoder_: TableEncoder

    @on_own_threads
    def predict_proba(self, X: Any, target: Hashable | None = None) -> pd.DataFrame:
        """Return how likely each class of a column is, given the other cells of rows.

        It is what the generator expects, which is drawn from before cells are redrawn and rows balanced. A
        model that is trained to predict that one column is as a rule the better judge.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            Rows, in any form that `fit` takes, with some of the fitted columns; the target's own cells are
            not looked at. Missing cells count as missing where the fitted column had such, else as unknown.
        target : str or int, default=None
            The column: of categories, truth values, or numbers of which all values are drawn as they are.
            None for the `target` of the model.

        Returns
        -------
        DataFrame of shape (n_rows, n_classes)
            The probability of each class, given that the cell is not missing; rows add up to 1. Levels that
            share a code have shares of its probability as they have of the learned rows.

        Raises
        ------
        DataError
            If the target is no fitted column or has no classes.
        ParameterError
            If the model is one of a textbook game, which does not know all columns, or there is no target.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> from synthgan.datasets import load_penguins
        >>> gan = SynthGAN(epochs=1, random_state=0, verbose=0).fit(load_penguins())
        >>> chances = gan.predict_proba(load_penguins().head(2), "species")
        >>> chances.columns.tolist()
        ['Adelie', 'Chinstrap', 'Gentoo']
        >>> chances.sum(axis=1).round(6).tolist()
        [1.0, 1.0]
        """
        self._check_knows_all("predict_proba")
        target = self.target if target is None else target
        if target is None:
            raise ParameterError("predict_proba needs a target: the column whose classes are wanted.")
        frame = unwrap(X)[0]
        column = self.encoder_.index_of_target(target)
        classes, owner, shares = self.encoder_.classes(column)
        facts, is_known = self._facts(frame.drop(columns=target, errors="ignore"))
        if self.encoder_.layout_.sizes[column]:
            codes = code_probabilities(self.model_, facts, torch.from_numpy(is_known), column)
        else:  # a constant leaves no trace in a row vector
            codes = np.ones((len(facts), 1))
        chances = codes[:, owner] * shares
        return pd.DataFrame(chances / chances.sum(1, keepdims=True), index=frame.index, columns=classes)

    @on_own_threads
    def log_prob(self, X: Any, *, n_orders: int = 4, random_state: Any = 0) -> npt.NDArray[np.float64]:
        """Return the log-probability of rows under the generator, in nats.

        It is the probability of the codes of a row, and of the places in which its numbers stand, not a
        density: a column of numbers is cut into a few hundred to a few thousand places. It knows of neither
        redrawn cells nor balanced rows, and is good to compare rows of one model, not models.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            Rows, in any form that `fit` takes, with the columns of the fitted table.
        n_orders : int, default=4
            In how many random orders of the columns a row is gone through; the probabilities are averaged.
        random_state : int, numpy Generator, RandomState or None, default=0
            Decides the orders.

        Returns
        -------
        ndarray of shape (n_rows,)
            At most 0; minus infinity for rows with cells that no drawn row has: unseen levels, numbers beyond
            the range that was seen or between those of a grid, missing cells where there were none.

        Raises
        ------
        DataError
            If `X` lacks columns.
        ParameterError
            If the model is one of a textbook game, which does not know all columns.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> from synthgan.datasets import load_penguins
        >>> gan = SynthGAN(epochs=1, random_state=0, verbose=0).fit(load_penguins())
        >>> gan.log_prob(load_penguins().head(2)).shape
        (2,)
        """
        self._check_knows_all("log_prob")
        if not isinstance(n_orders, int) or n_orders < 1:
            raise ParameterError(f"n_orders must be a whole number of at least 1; got {n_orders!r}.")
        frame = unwrap(X)[0]
        self.encoder_.check_columns(frame)
        table, _ = self._facts(frame)
        can_be = self.encoder_.can_be(plain_frame(frame))
        rng = torch.Generator(self.model_.device).manual_seed(seed_from(random_state))
        scores = log_likelihood(self.model_, table, n_orders=n_orders, rng=rng)
        return np.where(can_be, scores, -np.inf)

    @on_own_threads
    def discriminate(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the discriminator's probability that each row is real.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            Rows, in any form that `fit` takes, with the columns of the fitted table.

        Returns
        -------
        ndarray of shape (n_rows,)
            0.5 where real and synthetic rows are equally likely.

        Raises
        ------
        ParameterError
            If the model was fitted with ``loss="masked"``, which trains no discriminator.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> from synthgan.datasets import load_penguins
        >>> gan = SynthGAN(loss="bce", epochs=1, random_state=0, verbose=0).fit(load_penguins())
        >>> chances = gan.discriminate(load_penguins().head(2))
        >>> bool(((chances >= 0) & (chances <= 1)).all())
        True
        """
        check_is_fitted(self, "model_")
        if self.model_.discriminator is None:
            raise ParameterError(
                "loss='masked' trains no discriminator; fit with loss='relativistic' to use discriminate."
            )
        table = self.encoder_.transform(unwrap(X)[0])
        logits = discriminator_logits(self.model_, table)
        chances: npt.NDArray[np.float64] = 1 / (1 + np.exp(-logits))
        return chances

    def _facts(self, frame: pd.DataFrame) -> tuple[Any, npt.NDArray[np.bool_]]:
        """Return rows as a model knows them, and which of their cells it can know."""
        names = [name for name in self.encoder_.schema_.names if name in frame.columns]
        everything = np.ones((len(frame), len(names)), dtype=bool)
        known = self.encoder_.facts(plain_frame(frame[names]), everything, is_present=False).known
        patterns = known.patterns_of(len(frame))
        return known.patterns.take(patterns), known.is_known[patterns]

    def _check_knows_all(self, name: str) -> None:
        check_is_fitted(self, "model_")
        if not self.model_.knows_all:
            raise ParameterError(f"{name} needs a model that may know any column; fit with loss='masked'.")
