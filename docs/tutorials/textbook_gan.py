"""The textbook GAN on the numeric columns of a real table.

A generator and a discriminator, both multilayer perceptrons with ReLU, play the minimax game of Goodfellow et
al. (2014): the discriminator learns by binary cross-entropy to tell penguins from generated ones, and the
generator learns to be taken for real. Each has its own Adam; they take steps in turn.

Run it with ``python docs/tutorials/textbook_gan.py``: it prints both tables' means and standard deviations
and writes a picture of real and generated points.
"""

import sys
from pathlib import Path

import pandas as pd

from synthgan import SynthGAN
from synthgan.datasets import load_penguins
from synthgan.plotting import plot_points


def main(folder: Path = Path("demo-output")) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train, compare, draw the picture; return real and generated rows."""
    real = load_penguins().select_dtypes("number").dropna().reset_index(drop=True)

    # loss="bce" is the textbook game. Numbers are standardised, noise goes in, a row comes out. Short noise
    # suits a small table: with longer noise the game may lose one of the species, known as mode collapse.
    gan = SynthGAN(
        loss="bce", hidden_dims=(128, 128), latent_dim=16, batch_size=64, random_state=0, verbose=0
    ).fit(real)
    generated = gan.sample(1_000)

    moments = {"mean": (real.mean(), generated.mean()), "std": (real.std(), generated.std())}
    table = pd.DataFrame({f"{name} {of}": pair[i] for name, pair in moments.items() for i, of in _OF})
    print(table.round(1).to_string())
    print(
        f"\nmean probability of being real: penguins {gan.discriminate(real).mean():.2f}, "
        f"generated {gan.discriminate(generated).mean():.2f} (0.5: the discriminator cannot tell)"
    )

    folder.mkdir(exist_ok=True)
    picture = folder / "textbook-gan.png"
    plot_points(real, generated, x="bill_length_mm", y="flipper_length_mm").savefig(picture, dpi=110)
    print(f"wrote {picture}")
    return real, generated


_OF = ((0, "real"), (1, "generated"))

if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
