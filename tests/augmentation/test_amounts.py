"""How many rows of what are added."""

import numpy as np
import pandas as pd
import pytest

from synthgan import DataError, ParameterError, SynthGAN
from synthgan.augmentation.amounts import Amount, check_target, plan_rows
from synthgan.datasets import load_penguins

PENGUINS = load_penguins()


@pytest.fixture(scope="module")
def fitted():
    return SynthGAN(epochs=2, random_state=0, verbose=0).fit(PENGUINS)


def draw_rows(gan, frame, amount, **wishes):
    return gan.sample_parts(plan_rows(frame, amount, **wishes))


@pytest.mark.parametrize("wish", [{}, {"rows": 7}, {"rows": 0}, {"ratio": 0.5}, {"ratio": 0}], ids=str)
def test_amount_of_rows(fitted, wish):
    drawn = draw_rows(fitted, PENGUINS, Amount(**wish))
    assert len(drawn) == wish.get("rows", 344 * wish.get("ratio", 1))
    pd.testing.assert_series_equal(drawn.dtypes, PENGUINS.dtypes)


@pytest.mark.parametrize("conditions", [{}, {"sex": "MALE"}], ids=str)
def test_balancing_makes_all_classes_as_frequent_as_the_largest(fitted, conditions):
    drawn = draw_rows(fitted, PENGUINS, Amount(balance=True), target="species", conditions=conditions)
    counts = pd.concat([PENGUINS, drawn])["species"].value_counts()
    assert counts.to_dict() == dict.fromkeys(["Adelie", "Chinstrap", "Gentoo"], 152)
    assert all((drawn[name] == value).all() for name, value in conditions.items())
    pd.testing.assert_series_equal(drawn.dtypes, PENGUINS.dtypes)


def test_balancing_a_balanced_table_adds_nothing(fitted):
    balanced = PENGUINS.groupby("species").head(60)
    assert len(draw_rows(fitted, balanced, Amount(balance=True), target="species")) == 0


TWO = [{"rows": 3, "ratio": 1.0}, {"rows": 3, "balance": True}]
NEGATIVE = [{"rows": -1}, {"ratio": -0.5}, {"ratio": float("nan")}]


@pytest.mark.parametrize("wish", TWO + NEGATIVE, ids=str)
def test_two_amounts_and_negative_ones_are_refused(wish):
    with pytest.raises(ParameterError, match="Give one of" if wish in TWO else "at least 0"):
        Amount(**wish)


def test_balancing_needs_classes(fitted):
    table = pd.DataFrame({"y": np.arange(500)})
    with pytest.raises(DataError, match="needs classes"):
        draw_rows(fitted, table, Amount(balance=True), target="y")
    with pytest.raises(ParameterError, match="needs a target"):
        draw_rows(fitted, PENGUINS, Amount(balance=True))
    with pytest.raises(ParameterError, match="cannot be a condition"):
        draw_rows(fitted, PENGUINS, Amount(balance=True), target="species", conditions={"species": "Adelie"})


def test_target_that_teaches_nothing_is_refused():
    with pytest.raises(DataError, match="Did you mean 'species'"):
        check_target(PENGUINS, "specie")
    with pytest.raises(DataError, match="the value 1 only"):
        check_target(PENGUINS.assign(y=1), "y")
    with pytest.raises(DataError, match="no value in any row"):
        check_target(PENGUINS.assign(y=None), "y")


def test_rare_classes_are_warned_of():
    table = PENGUINS.assign(y=["once", *["often"] * 343])
    (warning,) = check_target(table, "y")
    assert "'once' of 'y' has 1 row;" in warning
    assert check_target(PENGUINS, "species") == []
