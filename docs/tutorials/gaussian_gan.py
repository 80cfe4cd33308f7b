"""
The smallest GAN that works
===========================

A generator 100 -> 256 -> 2 turns noise into points; a discriminator 2 -> 256 -> 1 says how likely a point is
real. They learn a Gaussian of two dimensions, and everything can be checked: mean, covariance, and a
discriminator that is left at chance.
"""

# %%
# The data
# --------

import numpy as np
import pandas as pd

from synthgan import SynthGAN
from synthgan.plotting import plot_points

mean = [1.0, -2.0]
covariance = [[2.0, 1.2], [1.2, 1.5]]
points = np.random.default_rng(0).multivariate_normal(mean, covariance, size=5_000)
real = pd.DataFrame(points, columns=["x", "y"])

# %%
# The game
# --------
#
# ``loss="bce"`` is the game of Goodfellow et al. (2014): the discriminator learns by binary cross-entropy to
# tell real from generated points, the generator to be taken for real. Adam at 0.001, annealed to zero in the
# last third; batches of 64. What draws in the end is the average of the generator's weights over its last
# steps, as in most GANs today.

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

# %%
# The outcome
# -----------
#
# Moments, and the mean of what the discriminator says: 0.5 is chance. Two samples of 5,000 points differ in a
# covariance by about 0.1 by chance alone.

for name, rows in {"real": real, "generated": generated}.items():
    moments = f"mean {rows.mean().round(2).tolist()}, covariance {rows.cov().round(2).to_numpy().tolist()}"
    print(f"{name:10s} {moments}, discriminator {gan.discriminate(rows).mean():.3f}")
print(f"largest difference of a covariance: {(generated.cov() - real.cov()).abs().to_numpy().max():.2f}")

# %%
figure = plot_points(real, generated, x="x", y="y")

# %%
# Games like this one are delicate: a larger step, no annealing, or no averaging, and the points wander around
# the Gaussian for ever. :doc:`textbook_gan` plays it on a real table, and says what has changed since.
