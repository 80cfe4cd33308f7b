"""Generators that are fitted in a moment: enough to run, not to be good."""

from synthgan import SynthGAN
from synthgan.datasets import load_penguins

PENGUINS = load_penguins()


def quick(**parameters):
    """Return a generator whose fit and rows take as little time as can be, but for the parameters given."""
    least = {"epochs": 1, "hidden_dims": (8,), "redraw": False, "correct": False}
    return SynthGAN(**{**least, "random_state": 0, "verbose": 0, **parameters})
