"""SynthGAN: a table in, a model of its joint distribution, and new rows out.

The one place where preprocessing and gan meet: a frame is encoded, a model is trained on the codes, and what
the model draws is decoded into a frame of the same columns, order and dtypes.
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from synthgan.drawing import DrawingMixin
from synthgan.exceptions import DataError, ParameterError
from synthgan.forms import unwrap
from synthgan.gan.budget import Budget, plan_budget
from synthgan.gan.expectation import Expectation, check_memory, expect
from synthgan.gan.fitting import FitOptions, build_model, train_model
from synthgan.gan.grouping import Rounds
from synthgan.gan.losses import GAMES
from synthgan.gan.team import Team, current_team
from synthgan.parameters import check_parameters, on_own_threads, seed_from, torch_device
from synthgan.preprocessing import CodingOptions, TableEncoder
from synthgan.preprocessing.declared import read_rules
from synthgan.preprocessing.rules import Rule
from synthgan.progress import announce, reporting
from synthgan.saving import SavingMixin
from synthgan.scoring import ScoringMixin
from synthgan.training_file import TrainingFile, run_of


class SynthGAN(DrawingMixin, ScoringMixin, SavingMixin, BaseEstimator):  # type: ignore[misc]
    """Learn the joint distribution of a table with a conditional MLP GAN, and draw rows from it.

    Any columns may be given and the others are drawn, so one model serves plain sampling and every
    condition. Missing values are part of what is learned.

    Parameters
    ----------
    target : str or int, default=None
        The column that a downstream model will predict. Optional: candidates are chosen for it
        above all and, in a textbook game, it is the column that conditions may name.
    loss : {"masked", "bce", "wgan-gp", "relativistic"}, default="masked"
        The loss. "masked" is the likelihood of masked values given the others; the
        others are adversarial games on the same networks: the textbook's binary cross-entropy [1]_,
        Wasserstein with gradient penalty [2]_, and relativistic pairing with R1 and R2 [3]_.
    rounds : int or "auto", default="auto"
        In how many rounds a row is drawn. "auto" draws together columns that say little of each other; None
        draws one column a round, which takes longer; 1 is the fastest.
    redraw : bool, default=True
        Whether cells of a drawn row are in the end drawn once more, given all others, from trees, in
        random order. Means of groups of rows that several columns name only together, as year, month and
        day name a day, hold in drawn rows only then.
    correct : bool, default=True
        Whether three to eight candidates are drawn for each row (under a condition up to sixteen), and those
        are kept that make rows together lie where the learned ones do, more evenly than independent draws.
    imputation : bool, default=False
        Whether to learn, from a table with missing values, the chained imputation that
        ``impute(method="expected")`` uses. `SynthImputer` and ``synthgan impute`` set it themselves. With a
        `max_time` below 20 seconds there is no time for it, and expected values are the generator's alone.
    epochs : int, default=None
        Passes over the rows; None follows the table.
    batch_size : int, default=None
        Rows in a training step; None follows the table.
    learning_rate : float, default=None
        Of the optimisers; None is 0.002, and 0.001 in a textbook game.
    hidden_dims : sequence of int, default=None
        Width of each hidden layer; equal widths unless ``loss`` is "bce" or "wgan-gp". None follows the
        table.
    latent_dim : int, default=None
        Length of the noise vector. None is 100 with an adversarial loss, and 0 with
        "masked": rows owe their variety to the draw of each code, and reconstruction cannot use noise.
    max_time : float, default=None
        Seconds that training may take; None follows the table. A run that is cut by it is annealed to the
        time it has, and cannot be repeated exactly.
    kinds : mapping, default=None
        Of which kind columns are, by name, that are not to be looked at: one of `Schema`'s kinds, such as
        "categorical" for whole numbers that are codes, or "drop" to leave a column out.
    rules : sequence of Rule, default=()
        What holds in every row of the table, and is to hold in every drawn row: `Bounds`, `Inequality`,
        `Sum`, `Combinations` and `Unique`, or mappings of their fields with their "kind".
    device : str, default="auto"
        "auto" for a GPU where there is one, or a torch device.
    n_threads : int, default=None
        Threads to fit and to sample with at most; None for as many as torch has, which is one a core. It is
        no part of a saved model.
    random_state : int, numpy Generator or RandomState, default=None
        Makes fit and sample repeatable on the same machine and number of threads.
    verbose : int, default=1
        0 for silence.

    Attributes
    ----------
    schema_ : Schema
        Columns, dtypes and kinds of the fitted table.
    history_ : DataFrame
        Losses during training, one row a check. ``copied`` is how often a drawn row comes nearer to a
        learned one than a held-out row does (0.5: nothing is copied), ``copied_at_least`` less chance.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if they are all strings.

    References
    ----------
    .. [1] Goodfellow et al. (2014). Generative Adversarial Nets. NeurIPS.
    .. [2] Gulrajani et al. (2017). Improved Training of Wasserstein GANs. NeurIPS.
    .. [3] Huang et al. (2024). The GAN is dead; long live the GAN! NeurIPS.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import SynthGAN
    >>> table = pd.DataFrame({"size": [1.5, 2.5, None, 3.5] * 25, "kind": ["a", "b", "b", "a"] * 25})
    >>> gan = SynthGAN(epochs=20, random_state=0, verbose=0).fit(table)
    >>> gan.sample(3, conditions={"kind": "a"})["kind"].tolist()
    ['a', 'a', 'a']
    """

    def __init__(
        self,
        *,
        target: str | int | None = None,
        loss: str = "masked",
        rounds: Rounds = "auto",
        redraw: bool = True,
        correct: bool = True,
        imputation: bool = False,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        hidden_dims: Sequence[int] | None = None,
        latent_dim: int | None = None,
        max_time: float | None = None,
        kinds: Mapping[Any, str] | None = None,
        rules: Sequence[Rule | Mapping[str, Any]] = (),
        device: str = "auto",
        n_threads: int | None = None,
        random_state: Any = None,
        verbose: int = 1,
    ) -> None:
        self.target = target
        self.loss = loss
        self.rounds = rounds
        self.redraw = redraw
        self.correct = correct
        self.imputation = imputation
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.hidden_dims = hidden_dims
        self.latent_dim = latent_dim
        self.max_time = max_time
        self.kinds = kinds
        self.rules = rules
        self.device = device
        self.n_threads = n_threads
        self.random_state = random_state
        self.verbose = verbose

    @on_own_threads
    def fit(
        self, X: Any, y: Any = None, *, checkpoint: str | os.PathLike[str] | TrainingFile | None = None
    ) -> Self:
        """Learn a table.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            The table, target included; it is not changed. A DataFrame of pandas or polars, a pyarrow Table,
            whatever else has ``__arrow_c_stream__``, or an ndarray.
        y : None
            Ignored; scikit-learn passes it.
        checkpoint : path, default=None
            File in which training is kept as it goes on, every half a minute, when it is interrupted and when
            it is terminated, and which is removed in the end. If it is there already, training goes on from
            it, and the model is the same as if it had not stopped, but where `max_time` cuts it.

        Raises
        ------
        ParameterError
            If a parameter is out of its range.
        DataError
            If the table cannot be learned, or the training that is kept is another one.
        TrainingError
            If a loss is not finite.
        ResourceError
            If learning would take more memory than there is.

        Warns
        -----
        CopyingWarning
            If drawn rows are nearer to learned ones than held-out rows in more than 60 % of cases.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> from synthgan.datasets import load_penguins
        >>> gan = SynthGAN(target="species", epochs=5, random_state=0, verbose=0)
        >>> gan.fit(load_penguins()).sample(3).shape
        (3, 7)
        """
        started = time.monotonic()
        check_parameters(self.get_params())
        kept = TrainingFile(checkpoint) if isinstance(checkpoint, str | os.PathLike) else checkpoint
        seed, device = seed_from(self.random_state), torch_device(self.device)
        if kept is not None and kept.seed is not None and self.random_state is None:
            seed = kept.seed
        seed = int(self._team().agree(seed))
        frame, form = unwrap(X)
        encoder = self._encoder_of(frame)
        target = None if self.target is None else encoder.index_of_target(self.target)
        of_table = encoder.layout_, self._budget(len(frame), started), len(frame)
        check_memory(*of_table)
        if self.verbose:
            announce(f"Learning {expect(*of_table)}", verbose=self.verbose)
        table, amounts = encoder.transform(frame), encoder.amounts(frame)
        budget = self._budget(len(table), started)
        options = FitOptions(self.rounds, bool(self.redraw), bool(self.correct), bool(self.imputation))
        of_both: dict[str, Any] = {"loss": self.loss, "options": options, "seed": seed}
        of_model: dict[str, Any] = {"n_rows": len(table), "target": target, "device": device}
        model = build_model(encoder.layout_, budget, **of_model, **of_both)
        how: dict[str, Any] = {}
        if kept is not None:
            run = run_of(self._what_is_learned(device), seed, encoder.state(), table, amounts)
            how["checkpoint"] = kept.checkpoint(run)
        with reporting("Training", verbose=self.verbose) as report:
            records = train_model(model, table, amounts, budget, **how, report=report, **of_both)
        if kept is not None:
            kept.finish()
        self.encoder_, self.model_ = encoder, model
        self.history_ = pd.DataFrame.from_records(records)
        self._learned = self._learned_parts(bool(np.isnan(amounts).any()))
        self._seed, self._n_draws, self._form = seed, 0, form.of_columns(encoder.schema_.names)
        self._set_scikit_learn_attributes()
        return self

    @on_own_threads
    def expect(self, X: Any) -> Expectation:
        """Return what it would take to learn a table: memory in bytes and seconds, both of them rough.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            As for `fit`.

        Raises
        ------
        ParameterError
            If a parameter is out of its range.
        DataError
            If the table cannot be learned.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> from synthgan.datasets import load_penguins
        >>> SynthGAN().expect(load_penguins()).n_bytes > 0
        True
        """
        started = time.monotonic()
        check_parameters(self.get_params())
        frame, _ = unwrap(X)
        layout = self._encoder_of(frame).layout_
        return expect(layout, self._budget(len(frame), started), len(frame))

    def _encoder_of(self, frame: pd.DataFrame) -> TableEncoder:
        options = CodingOptions(numbers="standard" if self.loss in GAMES else "quantile")
        encoder = TableEncoder(options, read_rules(self.rules), self.kinds).fit(frame)
        if len(frame) < 2:
            raise DataError("The table has 1 row (n_samples = 1 sample); learning needs at least 2.")
        return encoder

    def _team(self) -> Team:
        """Return the processes that fit together, if this loss can be learned so."""
        team = current_team()
        if team.size > 1 and self.loss in GAMES:
            raise ParameterError(f"loss={self.loss!r} is learned by one process; several learn 'masked'.")
        return team

    def _budget(self, n_rows: int, started: float) -> Budget:
        return plan_budget(
            n_rows,
            loss=self.loss,
            redraws=self.redraw,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            hidden_dims=self.hidden_dims,
            latent_dim=self.latent_dim,
            max_time=self.max_time and max(0.1, self.max_time - (time.monotonic() - started)),
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = False
        return tags
