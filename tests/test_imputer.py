"""The transformer of scikit-learn: in a Pipeline, cloned, repeatable."""

import numpy as np
import pandas as pd
import pytest
from quick_models import PENGUINS, quick
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from synthgan import SynthImputer

TABLE = PENGUINS.drop(columns=["island", "sex"])
X, Y = TABLE.drop(columns="species"), TABLE["species"]
HOLES = X.mask(np.random.default_rng(0).random(X.shape) < 0.2)


def imputer(**parameters):
    return SynthImputer(quick(), **parameters)


@pytest.mark.parametrize("form", [pd.DataFrame, np.asarray])
def test_it_fills_in_a_pipeline(form):
    model = make_pipeline(imputer(), DecisionTreeClassifier(random_state=0))
    holes = form(HOLES.astype(float))
    assert cross_val_score(model, holes, Y, cv=2).mean() > 0.7


def test_the_same_rows_are_filled_alike_and_those_of_another_table_too():
    fitted = imputer().fit(HOLES.head(200))
    first, again = fitted.transform(HOLES.tail(100)), fitted.transform(HOLES.tail(100))
    pd.testing.assert_frame_equal(first, again)
    assert first.notna().all(axis=None)
    assert fitted.get_feature_names_out().tolist() == list(X)
    assert fitted.n_features_in_ == X.shape[1]
    assert fitted.feature_names_in_.tolist() == list(X)


def test_a_clone_has_the_parameters_and_is_not_fitted():
    twin = clone(imputer(method="draw", random_state=3).fit(HOLES))
    assert (twin.method, twin.random_state, twin.generator.epochs) == ("draw", 3, 1)
    with pytest.raises(NotFittedError):
        twin.transform(HOLES)
    assert SynthImputer().get_params()["generator"] is None
