"""Pictures of real and drawn rows show what is in the tables."""

import pytest
from quick_models import PENGUINS

from synthgan import DataError
from synthgan.plotting import plot_marginals, plot_points


def test_points_of_rows_that_lack_a_number_are_left_out():
    table = PENGUINS.assign(bill_depth_mm=lambda t: t["bill_depth_mm"].where(t.index % 3 > 0))
    figure = plot_points(table, table.head(10), x="bill_length_mm", y="bill_depth_mm")
    whole = table[["bill_length_mm", "bill_depth_mm"]].dropna()
    assert (figure.axes[0].collections[0].get_offsets() == whole.to_numpy()).all()


def test_points_of_a_column_that_does_not_exist_are_an_error():
    with pytest.raises(DataError, match="'bill' is not a column"):
        plot_points(PENGUINS, PENGUINS, x="bill", y="body_mass_g")


def test_each_column_has_a_panel():
    titles = [axes.get_title() for axes in plot_marginals(PENGUINS, PENGUINS.head(50)).axes]
    assert titles[: PENGUINS.shape[1]] == list(PENGUINS)
