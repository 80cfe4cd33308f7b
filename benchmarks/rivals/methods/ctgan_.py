"""CTGAN [1]_, by its authors, with its defaults; in a given time as many epochs as that allows.

References
----------
.. [1] Xu, Skoularidou, Cuesta-Infante, Veeramachaneni (2019). Modeling Tabular Data using Conditional GAN.
   NeurIPS.
"""

from ctgan import CTGAN
from epochs import fitted_within
from generate import Job, Sampler

PACKAGES = ("ctgan", "torch")


def fit(job: Job) -> tuple[Sampler, float]:
    """Learn the table."""
    return fitted_within(job, lambda epochs: CTGAN(epochs=epochs), 300)
