"""SynthImputer: a transformer of scikit-learn that fills missing cells from what a `SynthGAN` has learned."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from synthgan.drawing import check_method
from synthgan.forms import unwrap
from synthgan.synthesizer import SynthGAN


class SynthImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill in missing cells in a Pipeline.

    Parameters
    ----------
    generator : SynthGAN, default=None
        An unfitted model, of which a copy is fitted; None for ``SynthGAN(verbose=0)``.
    method : {"expected", "draw"}, default="expected"
        See `SynthGAN.impute`.
    random_state : int, numpy Generator or RandomState, default=0
        Of the fill; an int fills the same rows alike every time.

    Attributes
    ----------
    generator_ : SynthGAN
        The fitted model.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from synthgan import SynthGAN, SynthImputer
    >>> from synthgan.datasets import load_penguins
    >>> table = load_penguins().drop(columns=["island", "sex"])
    >>> imputer = SynthImputer(SynthGAN(epochs=5, verbose=0, random_state=0))
    >>> model = make_pipeline(imputer, DecisionTreeClassifier(max_depth=3, random_state=0))
    >>> model.fit(table.drop(columns="species"), table["species"]).score(
    ...     table.drop(columns="species"), table["species"]) > 0.8
    True
    """

    def __init__(
        self, generator: SynthGAN | None = None, *, method: str = "expected", random_state: Any = 0
    ) -> None:
        self.generator = generator
        self.method = method
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn a table with missing cells; `y` is ignored.

        Raises what `SynthGAN.fit` raises, and ParameterError if `method` is none.
        """
        check_method(self.method)
        generator = clone(SynthGAN(verbose=0) if self.generator is None else self.generator)
        if self.method == "expected":
            generator.set_params(imputation=True)
        self.generator_ = generator.fit(X)
        self.n_features_in_ = self.generator_.n_features_in_
        if hasattr(self.generator_, "feature_names_in_"):
            self.feature_names_in_ = self.generator_.feature_names_in_
        return self

    def transform(self, X: Any) -> Any:
        """Return rows with their missing cells filled in, in the form in which they came.

        Raises ValueError if they have other columns than the fitted ones.
        """
        check_is_fitted(self, "generator_")
        unwrap(X)  # says first what is no table at all
        validate_data(self, X=X, reset=False, skip_check_array=True)
        return self.generator_.impute(X, method=self.method, random_state=self.random_state)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the columns, which stay what they are."""
        check_is_fitted(self, "generator_")
        return np.array([str(name) for name in self.generator_.schema_.names], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags
