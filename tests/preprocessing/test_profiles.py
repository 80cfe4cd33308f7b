"""Rare levels that are alike come to stand side by side, and nothing else about them changes."""

import numpy as np
import pandas as pd
import pytest
from rows_of_encoders import check_stored, decoded

from synthgan.preprocessing import CodingOptions, TableEncoder

RNG = np.random.default_rng(0)
N_ROWS, N_LEVELS = 20_000, 2000
IDS = RNG.integers(N_LEVELS, size=N_ROWS)
#: A city in one of three countries, told by rows and not by names.
CITIES = pd.DataFrame(
    {
        "city": [f"city {city:04d}" for city in IDS],
        "country": np.array(["A", "B", "C"])[IDS % 3],
        "height": np.round(IDS % 7 + RNG.normal(scale=0.1, size=N_ROWS), 2),
        "noise": RNG.normal(size=N_ROWS),
    }
)


def fitted(frame=CITIES, **options):
    return TableEncoder(CodingOptions(max_levels=100, **options)).fit(frame)


def stands(encoder):
    """Where each level stands: its code plus its place."""
    levels = pd.Series(encoder.levels_, name="city")
    codes, shares = encoder.transform(levels)
    return codes + encoder.span.places(shares) / encoder.span.n_places, levels.str[5:].astype(int)


def test_levels_of_a_place_are_alike():
    city = fitted().encoders_[0]
    assert city.span.n_places > 2
    assert len(city.span.place_codes) == 25
    stand, ids = stands(city)
    is_rare = np.isin(stand.astype(int), city.span.place_codes)
    for of in (ids % 3, ids % 7):
        of_place = pd.Series(of[is_rare]).groupby(stand[is_rare])
        alike = of_place.agg(lambda kinds: kinds.value_counts(normalize=True).max())
        assert np.average(alike, weights=of_place.size()) > 0.6  # by chance a third


def test_drawn_levels_fit_the_row_within_their_places_and_as_a_stored_encoder_draws_them(tmp_path):
    encoder = fitted(CITIES.drop(columns="country"))
    check_stored(encoder, CITIES, tmp_path)
    back = decoded(encoder, encoder.transform(CITIES))
    ids = back["city"].str[5:].astype(int)
    assert np.corrcoef(ids % 7, CITIES["height"])[0, 1] > 0.9
    assert (ids != IDS).mean() > 0.3


def test_levels_counts_and_frequent_codes_are_what_they_were():
    counts = CITIES["city"].value_counts()
    often = pd.DataFrame({"city": ["often"] * 900, "country": "A", "height": 1.0, "noise": 0.0})
    frame = pd.concat([CITIES, often], ignore_index=True)
    city = fitted(frame).encoders_[0]
    assert dict(zip(city.levels_, city.counts_.tolist(), strict=True)) == {**counts.to_dict(), "often": 900}
    back = city.inverse_transform(city.transform(frame["city"])[0], rng=np.random.default_rng(0))
    assert (back == "often").equals(frame["city"] == "often")


@pytest.mark.parametrize(
    "frame",
    [
        CITIES[["city"]],
        CITIES.assign(city=pd.Categorical(CITIES["city"], ordered=True)),
        CITIES[["city"]].assign(constant=1),
    ],
    ids=["alone", "ordered", "beside nothing"],
)
def test_without_profiles_or_with_an_order_of_their_own_levels_stay_where_they_are(frame):
    city = fitted(frame).encoders_[0]
    assert city.span.n_places == 1
    codes = city.transform(pd.Series(sorted(city.levels_), dtype=frame["city"].dtype, name="city"))[0]
    is_shared = np.bincount(codes)[codes] > 1
    assert (np.diff(codes[is_shared]) >= 0).all()


def test_the_textbook_coding_has_no_places():
    assert fitted(numbers="standard").encoders_[0].span.n_places == 1
