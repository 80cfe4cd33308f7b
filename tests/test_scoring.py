"""What a model says of rows: chances of classes and of whole rows."""

import numpy as np
import pandas as pd
import pytest
from quick_models import PENGUINS, quick
from sklearn.metrics import accuracy_score

from synthgan import DataError, ParameterError, SynthGAN


def test_chances_of_classes_are_chances_and_say_what_the_other_cells_say(good_model):
    chances = good_model.predict_proba(PENGUINS, "species")
    assert list(chances) == ["Adelie", "Chinstrap", "Gentoo"]
    assert chances.index.equals(PENGUINS.index)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (chances >= 0).all(axis=None)
    assert accuracy_score(PENGUINS["species"], chances.idxmax(axis=1)) > 0.9


def test_the_target_itself_is_not_looked_at_and_what_is_missing_may_be(good_model):
    whole = good_model.predict_proba(PENGUINS, "species")
    shuffled = PENGUINS.assign(species=PENGUINS["species"].to_numpy()[::-1])
    for other in (shuffled, PENGUINS.drop(columns="species")):
        pd.testing.assert_frame_equal(good_model.predict_proba(other, "species"), whole)
    blind = good_model.predict_proba(PENGUINS[["species"]].head(1), "species").iloc[0]
    shares = PENGUINS["species"].value_counts(normalize=True)
    assert (blind - shares).abs().max() < 0.15


def test_numbers_of_few_values_and_levels_that_share_codes_are_classes():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"n": rng.integers(4, size=3000), "level": [f"v{i % 700}" for i in range(3000)]})
    gan = quick().fit(table)
    assert list(gan.predict_proba(table.head(9), "n")) == [0, 1, 2, 3]
    chances = gan.predict_proba(table.head(9), "level")
    assert sorted(chances) == sorted(table["level"].unique())
    np.testing.assert_allclose(chances.sum(axis=1), 1)


def test_a_line_has_no_classes(good_model):
    with pytest.raises(DataError, match="'body_mass_g' has no classes"):
        good_model.predict_proba(PENGUINS, "body_mass_g")
    with pytest.raises(DataError, match="Did you mean 'species'"):
        good_model.predict_proba(PENGUINS, "specis")


def test_log_probabilities_are_those_of_the_shares_where_columns_are_independent():
    rng, n_rows = np.random.default_rng(0), 3000
    table = pd.DataFrame(
        {"a": rng.choice(list("xyz"), n_rows, p=[0.6, 0.3, 0.1]), "b": rng.integers(2, size=n_rows)}
    )
    gan = SynthGAN(epochs=20, hidden_dims=(32, 32), random_state=0, verbose=0).fit(table)
    cells = table.drop_duplicates().reset_index(drop=True)
    expected = np.log(cells["a"].map({"x": 0.6, "y": 0.3, "z": 0.1})) + np.log(0.5)
    np.testing.assert_allclose(gan.log_prob(cells), expected, atol=0.2)
    assert np.exp(gan.log_prob(cells)).sum() == pytest.approx(1, abs=1e-3)


def test_rows_are_likelier_than_shuffled_ones_and_impossible_ones_are_so(good_model):
    shuffled = PENGUINS.assign(species=PENGUINS["species"].to_numpy()[::-1])
    real, other = good_model.log_prob(PENGUINS), good_model.log_prob(shuffled)
    assert real.shape == (len(PENGUINS),)
    assert (real <= 0).all()
    assert real.mean() > other.mean()
    assert (good_model.log_prob(PENGUINS.head(3).assign(species="Dodo")) == -np.inf).all()
    np.testing.assert_array_equal(good_model.log_prob(PENGUINS), real)
    with pytest.raises(DataError, match="lacks the columns 'sex'"):
        good_model.log_prob(PENGUINS.drop(columns="sex"))
    with pytest.raises(ParameterError, match="n_orders"):
        good_model.log_prob(PENGUINS, n_orders=0)


def test_a_textbook_game_gives_no_such_scores():
    game = quick(loss="bce").fit(PENGUINS)
    for score in (lambda: game.log_prob(PENGUINS), lambda: game.predict_proba(PENGUINS, "species")):
        with pytest.raises(ParameterError, match="fit with loss='masked'"):
            score()
