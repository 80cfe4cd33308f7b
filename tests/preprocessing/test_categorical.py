import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from synthgan.preprocessing import CodingOptions
from synthgan.preprocessing.categorical import CategoricalEncoder

# The number of levels first: lists of any length are mostly short, and long ones share codes.
COUNTS = st.integers(1, 60).flatmap(lambda n: st.lists(st.integers(1, 40), min_size=n, max_size=n))


def fitted(counts, max_levels):
    """Return a column in which level i has counts[i] rows, and its encoder."""
    column = pd.Series(np.repeat([f"level {i:02d}" for i in range(len(counts))], counts), name="x")
    return column, CategoricalEncoder().fit(column, CodingOptions(max_levels=max_levels))


@given(counts=COUNTS, max_levels=st.integers(4, 70))
def test_every_level_has_one_code_and_comes_back(counts, max_levels):
    column, encoder = fitted(counts, max_levels)
    codes, values = encoder.transform(column)
    assert pd.Series(codes).groupby(column).nunique().eq(1).all()
    assert set(codes) == set(range(encoder.span.n_codes))
    assert ((values >= 0) & (values <= 1)).all()
    back = encoder.inverse_transform(codes, values, rng=np.random.default_rng(0))
    pd.testing.assert_series_equal(back, column)


@given(counts=COUNTS, max_levels=st.integers(4, 70))
def test_only_rare_levels_share_codes_and_only_when_there_are_too_many(counts, max_levels):
    column, encoder = fitted(counts, max_levels)
    n_levels_of_code = column.groupby(encoder.transform(column)[0]).nunique()
    assert encoder.span.n_codes <= max_levels
    if len(counts) <= max_levels:
        assert encoder.span.n_codes == len(counts)
    else:
        codes = encoder.transform(column.drop_duplicates())[0]
        is_shared = n_levels_of_code.to_numpy()[codes] > 1
        assert is_shared.any()
        assert np.array(counts)[is_shared].max() <= np.sort(counts)[-round(0.75 * max_levels)]


@given(counts=COUNTS, max_levels=st.integers(4, 20))
def test_evenly_spread_values_give_each_level_of_a_code_its_share(counts, max_levels):
    """n places, one in the middle of each nth, hit a level of k rows out of n exactly k times."""
    column, encoder = fitted(counts, max_levels)
    codes = encoder.transform(column)[0]
    place = pd.Series(codes).groupby(codes).cumcount().to_numpy()
    n = np.bincount(codes)[codes]
    back = encoder.inverse_transform(codes, (place + 0.5) / n, rng=np.random.default_rng(0))
    pd.testing.assert_series_equal(back.value_counts().sort_index(), column.value_counts().sort_index())


def test_shared_codes_keep_the_share_of_every_level():
    """Levels in shared codes are drawn by their counts: within five standard errors of each count."""
    rng = np.random.default_rng(0)
    levels = [f"level {i:04d}" for i in (rng.pareto(0.6, 30_000) * 20).astype(int) % 3000]
    column = pd.Series(levels)
    encoder = CategoricalEncoder().fit(column, CodingOptions())
    assert encoder.span.n_codes == 250
    codes, _ = encoder.transform(column)
    back = encoder.inverse_transform(codes, rng=np.random.default_rng(1))
    before = column.value_counts()
    after = back.value_counts().reindex(before.index, fill_value=0)
    assert set(back) <= set(levels)
    assert ((after - before).abs() <= 5 * np.sqrt(before)).all()
    assert (after - before).abs().sum() > 0  # the level within a shared code is drawn
