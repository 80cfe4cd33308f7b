"""TVAE, of the authors and the paper of CTGAN, in the same way."""

from ctgan import TVAE
from epochs import fitted_within
from generate import Job, Sampler

PACKAGES = ("ctgan", "torch")


def fit(job: Job) -> tuple[Sampler, float]:
    """Learn the table."""
    return fitted_within(job, lambda epochs: TVAE(epochs=epochs), 300)
