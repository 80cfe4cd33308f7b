"""Tables of any dtype go through a whole fit and come back in their dtypes, or one sentence says why not."""

import warnings

import pandas as pd
from any_frames import FRAMES, check_sentence
from hypothesis import HealthCheck, given, settings

from synthgan import SynthGAN
from synthgan.exceptions import DataError


# Each example is a fit.
@settings(max_examples=settings.default.max_examples // 4, suppress_health_check=list(HealthCheck))
@given(frame=FRAMES)
def test_frames_of_any_dtype_are_fitted_and_drawn(frame):
    repeated = pd.concat([frame] * 3, ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            gan = SynthGAN(epochs=1, hidden_dims=(8,), random_state=0, verbose=0).fit(repeated)
        except DataError as error:
            check_sentence(error, list(frame))
            return
        drawn = gan.sample(30)
    assert len(drawn) == 30
    pd.testing.assert_series_equal(drawn.dtypes, repeated.dtypes)
    for name in frame:
        cells = repeated[name]
        assert cells.isna().any() or not drawn[name].isna().any()
        assert not cells.isna().all() or drawn[name].isna().all()
        if cells.dtype.kind in "iuf" and cells.notna().any():
            assert drawn[name].dropna().between(cells.min(), cells.max()).all()
