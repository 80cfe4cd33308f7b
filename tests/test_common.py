"""What scikit-learn and imbalanced-learn ask of estimators and samplers; each exception has its reason."""

import numpy as np
import pandas as pd
import pytest
from imblearn.utils.estimator_checks import estimator_checks_generator
from quick_models import quick
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from synthgan import AugmentedClassifier, AugmentedRegressor, Augmenter, SynthGAN, SynthImputer
from synthgan.forms import unwrap


class Bootstrap(SynthGAN):
    """A synthesizer without a network: it returns training rows again, and fills in values of these."""

    def fit(self, X, y=None, *, checkpoint=None):
        frame, form = unwrap(X)
        self.encoder_, self.rows_ = self._encoder_of(frame), frame
        self._form = form.of_columns(self.encoder_.schema_.names)
        self._set_scikit_learn_attributes()
        return self

    def sample(self, n=None, *, conditions=None, random_state=None):
        rows = self.rows_
        for name, value in (conditions or {}).items():
            rows = rows[rows[name] == value]
        places = np.random.default_rng(random_state).integers(len(rows), size=n)
        return self._form.wrap(rows.iloc[places].reset_index(drop=True))

    def impute(self, X, *, method="draw", n_draws=None, random_state=None):
        frame, form = unwrap(X)
        first = self.rows_.apply(lambda column: column.dropna().iloc[:1].squeeze())
        return form.wrap(frame.fillna(pd.Series(first)))


STUB = Bootstrap(verbose=0, random_state=0)
QUICK = Augmenter(ratio=1, method="jitter")
ESTIMATORS = [
    quick(batch_size=64),
    SynthImputer(STUB),
    Augmenter(STUB, random_state=0),
    AugmentedClassifier(LogisticRegression(), QUICK, random_state=0),
    AugmentedRegressor(Ridge(), QUICK, random_state=0),
]

_PREDICTS_A_COLUMN = "predict_proba is of a column that its user names: these checks name none"
_DRAWS_OTHER_ROWS = "rows that weigh twice are not rows that are there twice to what draws more of them"
EXPECTED = {
    SynthGAN: dict.fromkeys(
        [
            "check_n_features_in_after_fitting",
            "check_estimators_dtypes",
            "check_estimators_pickle",
            "check_methods_sample_order_invariance",
            "check_methods_subset_invariance",
            "check_dict_unchanged",
            "check_fit_idempotent",
            "check_fit2d_predict1d",
        ],
        _PREDICTS_A_COLUMN,
    ),
    AugmentedClassifier: {"check_sample_weight_equivalence_on_dense_data": _DRAWS_OTHER_ROWS},
    AugmentedRegressor: {"check_sample_weight_equivalence_on_dense_data": _DRAWS_OTHER_ROWS},
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda own: EXPECTED.get(type(own), {}))
def test_scikit_learn_accepts(estimator, check):
    check(estimator)


# That fractions are no classes to a sampler is asked of those that know of none but classes.
OF_CLASSES = [Augmenter(STUB, task="classification", random_state=0), ESTIMATORS[3]]
CHECKS = [pair for estimator in OF_CLASSES for pair in estimator_checks_generator(estimator)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "check"), CHECKS, ids=[f"{type(e).__name__}-{check.func.__name__}" for e, check in CHECKS]
)
def test_imbalanced_learn_accepts(estimator, check):
    check(estimator)
