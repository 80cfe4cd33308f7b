"""The smallest GAN that works: learn a two-dimensional Gaussian.

A generator 100 -> 256 -> 2 turns noise into points; a discriminator 2 -> 256 -> 1 says how likely a point is
real. Adam at 0.001 (annealed to zero in the last third), batches of 64. When the game has been played out,
the generated points have the mean and covariance of the data, and the discriminator is left at chance.

The test of this page allows four standard errors of sampling and, beyond them, a tenth of the variance for
the covariance and a twentieth of the standard deviation for the mean. What draws is the average of the
generator's weights over its last steps, as in most GANs today.

Run it with ``python docs/tutorials/gaussian_gan.py``: it prints the moments and writes a picture of real and
generated points.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from synthgan import SynthGAN
from synthgan.plotting import plot_points

MEAN = np.array([1.0, -2.0])
COVARIANCE = np.array([[2.0, 1.2], [1.2, 1.5]])


def main(folder: Path = Path("demo-output")) -> tuple[pd.DataFrame, pd.DataFrame, SynthGAN]:
    """Train, compare, draw the picture; return real points, generated points and the model."""
    points = np.random.default_rng(0).multivariate_normal(MEAN, COVARIANCE, size=5_000)
    real = pd.DataFrame(points, columns=["x", "y"])

    gan = SynthGAN(
        loss="bce",
        latent_dim=100,
        hidden_dims=(256,),
        learning_rate=0.001,
        batch_size=64,
        epochs=100,
        random_state=0,
        verbose=0,
    ).fit(real)
    generated = gan.sample(5_000)

    for name, rows in {"real": real, "generated": generated}.items():
        mean, covariance = rows.mean().round(2).tolist(), rows.cov().round(2).to_numpy().tolist()
        print(f"{name:10s} mean {mean}  covariance {covariance}  D {gan.discriminate(rows).mean():.3f}")

    difference = (generated.cov() - real.cov()).abs().to_numpy().max()
    print(f"largest difference of a covariance: {difference:.2f}; sampling error explains about 0.1")

    folder.mkdir(exist_ok=True)
    picture = folder / "gaussian-gan.png"
    plot_points(real, generated, x="x", y="y").savefig(picture, dpi=110)
    print(f"wrote {picture}")
    return real, generated, gan


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
