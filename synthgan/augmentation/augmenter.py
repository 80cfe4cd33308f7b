"""Augmenter: X and y in, the same rows and drawn ones after them out; a sampler for imbalanced-learn."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import validate_data

from synthgan.augmentation import strategy
from synthgan.augmentation.choosing import Trial, Use
from synthgan.augmentation.decision import Candidate, Decision
from synthgan.augmentation.given import Given, like_dtypes, read_table
from synthgan.augmentation.options import (
    AUTO_LABELS,
    candidates_of,
    check_options,
    has_choice,
    labels_of,
    stages_of,
    values,
)
from synthgan.augmentation.problem import Part, Problem
from synthgan.augmentation.supply import OF_TEACHER, Addition, Supply, nothing_of
from synthgan.augmentation.teachers import checked_teacher
from synthgan.augmentation.ways import WITHOUT_GENERATOR, Ways, refusal_of
from synthgan.evaluation.learners import TablePoints
from synthgan.evaluation.tables import check_finite
from synthgan.exceptions import DataError, ParameterError, did_you_mean, listing
from synthgan.parameters import check_n_rows, seed_from
from synthgan.progress import reporting
from synthgan.synthesizer import SynthGAN


class Augmenter(BaseOverSampler):  # type: ignore[misc]
    """Add drawn rows to X and y: a sampler for imbalanced-learn's pipelines.

    How many is decided by `sampling_strategy`, which brings classes up to each other, or by `ratio`, which
    adds rows of all kinds. What is drawn and who labels it is for `method` and `labels` to say. Where one of
    these has several values, or is "auto", an inner cross-validation on the given rows picks among them and
    adding nothing, and ``decision_`` says what it found. Learners that are to see drawn rows with weights
    and soft labels take it by way of `AugmentedClassifier` or `AugmentedRegressor`.

    Parameters
    ----------
    synthesizer : object with `fit` and `sample`, default=None
        What learns the rows, target included, of which a copy is fitted; None for ``SynthGAN(verbose=0)``.
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn: which classes are brought up to how many rows, where `ratio` is None. A float
        is the wanted ratio of the smaller to the larger of two classes; "minority", "not minority",
        "not majority", "all", and "auto" for "not majority", say which classes reach the largest one's
        number; a dict or what a callable returns for y has the number of rows of each class. Numbers to
        predict are cut into `bins`, which are classes from 0 on.
    ratio : float, sequence of float or "auto", default=None
        Rows to add for each given one, of classes as frequent as they are drawn. "auto" tries 5, 2, 1, 0.5
        and 0.25.
    method : str or sequence of str, default="generator"
        How rows are drawn:

        - "generator": whole rows of the synthesizer;
        - "jitter": given rows, of which numbers are moved by a quarter of a standard deviation, and one in
          seven levels is drawn anew;
        - "mixed": half of them "generator", half "jitter";
        - "neighbours": SMOTE, between given rows of one class;
        - "redrawn": given rows of which the synthesizer draws half of the cells anew.

        "auto" tries all of them.
    labels : str or sequence of str, default=None
        Whose label a drawn row has; None is "own", or "auto" where `method` is:

        - "own": that which was drawn with the row, or that of the given row which was moved;
        - "condition": rows are drawn given a class, of classes as frequent as they are; "own" for numbers;
        - "teacher": one that is drawn by the chances that the teacher gives;
        - "soft": these chances. Meta-estimators show learners the row with each class and its weight; here
          it is as "teacher", since rows of y hold one class.

        "auto" tries "soft" and "own". Where `sampling_strategy` says how many rows of a class are wanted, all
        are drawn given the class, and a teacher picks among them. Of numbers to predict, "soft" is what the
        teacher predicts, and "teacher" has a residual added.
    teacher : estimator, default=None
        What labels drawn rows, fitted on the given ones. None for the average of a random forest, extremely
        randomised trees, a regularised line, and small boosted trees.
    real_share : float or sequence of float, default=None
        Share of the weight that given rows keep in what meta-estimators train; None lets all rows weigh the
        same, as they do in what `fit_resample` returns, or is "auto" where `ratio` is, which tries 0.1 and
        0.5.
    bins : int, default=10
        Number of bins that `sampling_strategy` balances where y holds numbers to predict.
    task : {"auto", "classification", "regression"}, default="auto"
        Whether y is classes or numbers; "auto" takes fractions for numbers and all else for classes.
    estimator : estimator, default=None
        The learner for which is chosen; None for a line. Meta-estimators put their own here.
    scoring : str or callable, default=None
        What is to be better: a scorer of scikit-learn, or None for the loss of each held-out row, which is
        log-loss of classes and squared error of numbers. Where a teacher labels drawn rows and is not clearly
        worse than the learner, half of what is true of a held-out row is then what the teacher says, who has
        not learned it: that has less noise than labels alone, and more gains are found.
    cv : int, default=5
        Folds of the inner cross-validation.
    n_repeats : int, default=2
        How often it is repeated with other folds.
    level : float, default=0.2
        Rows of a `ratio` are added if so large a gain of the candidate that is taken has at most this chance
        where there is none, by a one-sided paired test, and labels alone do not speak against it. It was
        picked among several, so that rows that do nothing are added more often than that; they cost little,
        where to leave out ones that help costs what they help. Rows of a `sampling_strategy` are added in any
        case, in the way that is best when classes weigh as it has them.
    n_jobs : int, default=None
        Folds at a time; None is one.
    verbose : int, default=0
        0 for silence; otherwise the progress of a comparison goes to stderr.
    random_state : int, numpy Generator or RandomState, default=None
        Makes all of it repeatable.

    Attributes
    ----------
    decision_ : Decision
        What was chosen and why, and a table of all candidates, if there were several.
    sampling_strategy_ : dict
        Rows to add by class, or by bin.
    generator_ : object
        The fitted synthesizer, None where no way needed it.
    n_added_ : int
        Number of drawn rows.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they are all strings.

    See Also
    --------
    AugmentedClassifier, AugmentedRegressor : Train a learner on augmented rows, with weights.

    Examples
    --------
    >>> from synthgan import Augmenter, SynthGAN
    >>> from synthgan.datasets import load_penguins
    >>> table = load_penguins()
    >>> augmenter = Augmenter(SynthGAN(epochs=10, verbose=0), random_state=0)
    >>> X, y = augmenter.fit_resample(table.drop(columns="species"), table["species"])
    >>> y.value_counts().tolist()
    [152, 152, 152]
    >>> augmenter.sampling_strategy_
    {'Chinstrap': 84, 'Gentoo': 28}
    """

    def __init__(
        self,
        synthesizer: Any = None,
        *,
        sampling_strategy: Any = "auto",
        ratio: float | Sequence[float] | str | None = None,
        method: str | Sequence[str] = "generator",
        labels: str | Sequence[str] | None = None,
        teacher: Any = None,
        real_share: float | Sequence[float] | str | None = None,
        bins: int = 10,
        task: str = "auto",
        estimator: Any = None,
        scoring: Any = None,
        cv: int = 5,
        n_repeats: int = 2,
        level: float = 0.2,
        n_jobs: int | None = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.synthesizer = synthesizer
        self.ratio = ratio
        self.method = method
        self.labels = labels
        self.teacher = teacher
        self.real_share = real_share
        self.bins = bins
        self.task = task
        self.estimator = estimator
        self.scoring = scoring
        self.cv = cv
        self.n_repeats = n_repeats
        self.level = level
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Check X and y and find out how many rows of which class would be added; nothing is drawn.

        Raises what `fit_resample` raises for them.
        """
        given, task = self._read(X, y)
        problem = given.problem(task)
        self.sampling_strategy_ = self._wanted(problem)[1] if self.ratio is None else {}
        return self

    def fit_resample(self, X: Any, y: Any, *, X_unlabelled: Any = None) -> tuple[Any, Any]:
        """Return the rows of X and y, unchanged, and drawn ones after them.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            A DataFrame of pandas or polars, a pyarrow Table, an ndarray or a list; it is not changed.
        y : array-like of shape (n_rows,)
            Classes, or numbers to predict.
        X_unlabelled : table of shape (n_more_rows, n_columns), default=None
            Rows without a target. The synthesizer learns them with the rows of X, without any target, and
            jitter moves them as well, so that `labels` must be a teacher's.

        Returns
        -------
        X : table of shape (n_rows + n_added, n_columns)
            In the form of X, with its dtypes and names. Numbered rows go on being numbered; with an index of
            any other kind all rows are numbered anew.
        y : array-like of shape (n_rows + n_added,)
            In the form of y, if that is a frame, a series, a list or an array; of any other form as an array.
            Numbers are rounded where those of y are whole.

        Raises
        ------
        DataError
            If X is no table that can be learned, or y does not fit it.
        ParameterError
            If a parameter is out of its range.
        """
        given, task = self._read(X, y)
        problem = given.problem(task)
        addition = self._addition(given, problem, Use(weighs=False, adapts=False), X_unlabelled)
        return given.rows(addition.features), given.targets(problem.targets(addition.labels))

    def _addition(self, given: Given, problem: Problem, use: Use, X_unlabelled: Any = None) -> Addition:
        """Return the rows to add; set what users want to know of them."""
        seed = seed_from(self.random_state)
        unlabelled = self._unlabelled(problem, X_unlabelled)
        candidates = candidates_of(self.get_params(deep=False), problem, weighs=use.weighs)
        check_n_rows(round((candidates[0].ratio or 0) * len(problem)), problem.frame.shape[1])
        synthesizer = SynthGAN(verbose=0) if self.synthesizer is None else self.synthesizer
        refusal = ""
        if not all(one.method in WITHOUT_GENERATOR for one in candidates):
            refusal = refusal_of(synthesizer, problem.features)
        supply_of = partial(self._supply, synthesizer=synthesizer, refusal=refusal, unlabelled=unlabelled)
        wanted, by_class = self._wanted(problem) if self.ratio is None else ([], {})
        check_n_rows(sum(n for _, n in wanted), problem.frame.shape[1])
        self.decision_ = Decision.untried(candidates[0], "as asked for, not compared with adding nothing")

        def draw(supply: Supply, candidate: Candidate) -> Addition:
            rows = self._drawn(supply, candidate, wanted, len(supply.problem) / len(problem))
            return rows if use.weighs else replace(rows, chances=None, smooth=False)

        if has_choice(self.get_params(deep=False)):
            trial = Trial(
                estimator=self._learner(problem),
                scoring=self.scoring,
                n_splits=self.cv,
                n_repeats=self.n_repeats,
                level=self.level,
                n_jobs=self.n_jobs,
                seed=seed,
                use=use,
                row_weights=None if self.ratio is not None else strategy.weights_of(problem, by_class),
                must_add=self.ratio is None,
            )
            stages = stages_of(candidates)
            with reporting("Comparing ways to augment", verbose=self.verbose) as report:
                self.decision_ = trial.decided(given, problem, supply_of, draw, stages, report)
        supply, chosen = supply_of(problem, seed), self.decision_.choice
        addition = nothing_of(problem) if chosen is None else draw(supply, chosen)
        self.sampling_strategy_ = by_class
        self.generator_ = supply.ways.fitted_generator
        self.n_added_ = len(addition)
        return addition

    def _learner(self, problem: Problem) -> Any:
        """Return the learner for which is chosen."""
        if self.estimator is not None:
            return self.estimator
        line = LogisticRegression(max_iter=2_000) if problem.predicts_classes else Ridge()
        return make_pipeline(TablePoints(), line)

    def _read(self, X: Any, y: Any) -> tuple[Given, str]:
        """Return X and y as they are read; set what scikit-learn wants to know of X."""
        check_options(self.get_params(deep=False))
        given, task = Given.of(X, y, self.task)
        checked_teacher(self.teacher, task)
        validate_data(self, X=X if isinstance(X, np.ndarray | list) else given.frame, skip_check_array=True)
        return given, task

    def _supply(
        self, problem: Problem, seed: int, *, synthesizer: Any, refusal: str, unlabelled: pd.DataFrame | None
    ) -> Supply:
        """Return what draws and labels rows."""
        return Supply(Ways(problem, synthesizer, unlabelled, seed, refusal), self.teacher, seed)

    def _drawn(
        self, supply: Supply, candidate: Candidate, wanted: list[tuple[Part, int]], share: float
    ) -> Addition:
        """Return the rows that a candidate adds to all rows, or to a share of them."""
        problem, how = supply.problem, (candidate.method, candidate.labels)
        if candidate.ratio is None:
            # Of a class that a fold lacks nothing is known to draw.
            parts = [(part, round(share * n)) for part, n in wanted if part.holds(problem.labels).any()]
            return supply.rows_of(*how, parts)
        return supply.rows(*how, round(candidate.ratio * len(problem)))

    def _wanted(self, problem: Problem) -> tuple[list[tuple[Part, int]], dict[Any, int]]:
        """Return the parts that `sampling_strategy` wants rows of with their numbers, and these by class."""
        if problem.predicts_classes:
            wanted, by_class = strategy.wanted_of_classes(problem, self.sampling_strategy)
            return [(problem.of_class(code), n) for code, n in wanted.items()], by_class
        if set(values(labels_of(self.get_params(deep=False)), AUTO_LABELS)) & set(OF_TEACHER):
            raise ParameterError(
                f"Bins of numbers are balanced with labels='own'; got {self.labels!r}, and what a teacher "
                "says may lie in another bin."
            )
        by_bin, edges = strategy.wanted_of_bins(problem.labels, self.bins, self.sampling_strategy)
        parts = [Part(ends, *ends) for ends in pairwise(edges)]
        return [(parts[code], n) for code, n in by_bin.items()], by_bin

    def _unlabelled(self, problem: Problem, X_unlabelled: Any) -> pd.DataFrame | None:
        """Return rows without a target, with the columns of the others."""
        if X_unlabelled is None:
            return None
        labels = labels_of(self.get_params(deep=False))
        if set(values(labels, AUTO_LABELS)) - set(OF_TEACHER) or self.ratio is None:
            raise ParameterError(
                "X_unlabelled needs a ratio, and labels='soft' or 'teacher': a generator that learns rows "
                f"without labels draws none; got ratio={self.ratio!r}, labels={self.labels!r}."
            )
        frame = read_table(X_unlabelled)[0]
        check_finite(frame, "unlabelled")
        missing = [name for name in problem.features.columns if name not in frame.columns]
        if missing:
            raise DataError(
                f"X_unlabelled lacks columns of X: {listing(missing)}."
                f"{did_you_mean(missing[0], frame.columns)}"
            )
        return like_dtypes(frame.reset_index(drop=True), problem.features, called="X_unlabelled")

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> tuple[Any, Any]:
        """Return what `fit_resample` does; imbalanced-learn's name for it."""
        return self.fit_resample(X, y, **params)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def with_estimator(augmenter: Augmenter, estimator: Any, task: str) -> Augmenter:
    """Return a copy of an augmenter that chooses for a learner, unless it has one of its own."""
    if augmenter.task not in ("auto", task):
        raise ParameterError(
            f"task must be 'auto' or {task!r} in an augmenter for {task}; got {augmenter.task!r}."
        )
    own: Augmenter = clone(augmenter)
    if own.estimator is None:
        own.set_params(estimator=clone(estimator))
    own.set_params(task=task)
    return own
