"""What the tutorials about GANs say of the founding examples is so; all tutorials are run by `make docs`."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.docs
TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"


def run(name, until=None):
    """Run a tutorial, or what comes before some words, and return its variables."""
    names, text = {}, (TUTORIALS / name).read_text()
    exec(text if until is None else text[: text.index(until)], names)
    return names


def test_gaussian_gan_learns_mean_and_covariance_and_ends_near_chance():
    names = run("gaussian_gan.py")
    real, generated, gan = names["real"], names["generated"], names["gan"]
    widths = {name: tuple(p.shape) for name, p in gan.model_.named_parameters() if p.numel()}
    assert widths["generator.from_noise"] == (100, 256)
    assert widths["generator.to_row.values"] == (2, 256)
    assert widths["discriminator.from_row.values"] == (2, 256)
    assert widths["discriminator.to_logit.weight"] == (1, 256)

    # Two samples of n rows differ by sampling alone with these standard errors (Gaussian data).
    n, covariance = len(real), real.cov().to_numpy()
    mean_error = np.sqrt(2 * np.diag(covariance) / n)
    variances = np.outer(np.diag(covariance), np.diag(covariance))
    covariance_error = np.sqrt(2 * (variances + covariance**2) / n)
    tolerance = 0.05 * np.sqrt(np.diag(covariance)), 0.10 * np.sqrt(variances)
    assert (np.abs(generated.mean() - real.mean()) < 4 * mean_error + tolerance[0]).all()
    assert (np.abs(generated.cov().to_numpy() - covariance) < 4 * covariance_error + tolerance[1]).all()

    for rows in (real, generated):
        assert abs(gan.discriminate(rows).mean() - 0.5) < 0.02


def test_textbook_gan_learns_the_numeric_columns_of_a_real_table():
    names = run("textbook_gan.py", until="# What has changed since")
    real, generated = names["real"], names["generated"]
    assert list(generated.columns) == list(real.columns)
    assert generated.min().ge(real.min()).all()
    assert generated.max().le(real.max()).all()
    error = real.std() / np.sqrt(len(real))
    assert (abs(generated.mean() - real.mean()) < 4 * error + 0.1 * real.std()).all()
    assert (generated.std() / real.std()).between(0.75, 1.25).all()
    assert np.abs(generated.corr() - real.corr()).to_numpy().max() < 0.25
