"""Rows in, the same rows and drawn ones out: how many, of what, and whether they help.

`augmenter` is the sampler and `estimators` the learners that use it. `problem` reads X and y; `options`,
`strategy` and `amounts` say what is asked; `ways` draw rows and `teachers` label them, both by way of
`supply`; `lesson` and `room` teach a learner with weights; and `choosing` finds out what helps it, by
`losses`, which is a `decision`.
"""

from synthgan.augmentation.augmenter import Augmenter
from synthgan.augmentation.decision import Candidate, Decision
from synthgan.augmentation.estimators import AugmentedClassifier, AugmentedRegressor

__all__ = ["AugmentedClassifier", "AugmentedRegressor", "Augmenter", "Candidate", "Decision"]
