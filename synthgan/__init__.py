"""synthgan: learn a table with a conditional MLP GAN, draw rows from it, augment files."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from synthgan.exceptions import (
    ConditionError,
    CopyingWarning,
    DataError,
    ModelFileError,
    OutputRefusedError,
    ParameterError,
    ResourceError,
    SynthganError,
    TrainingError,
)
from synthgan.schema import Schema

if TYPE_CHECKING:
    from synthgan.augmentation import AugmentedClassifier, AugmentedRegressor, Augmenter
    from synthgan.evaluation import Comparison, Estimate, Evaluation, compare_augmentation, evaluate
    from synthgan.imputer import SynthImputer
    from synthgan.preprocessing.proposals import propose_rules
    from synthgan.preprocessing.rules import Bounds, Combinations, Inequality, Sum, Unique
    from synthgan.synthesizer import SynthGAN

__version__ = "0.1.0"

__all__ = [
    "AugmentedClassifier",
    "AugmentedRegressor",
    "Augmenter",
    "Bounds",
    "Combinations",
    "Comparison",
    "ConditionError",
    "CopyingWarning",
    "DataError",
    "Estimate",
    "Evaluation",
    "Inequality",
    "ModelFileError",
    "OutputRefusedError",
    "ParameterError",
    "ResourceError",
    "Schema",
    "Sum",
    "SynthGAN",
    "SynthImputer",
    "SynthganError",
    "TrainingError",
    "Unique",
    "compare_augmentation",
    "evaluate",
    "propose_rules",
]

# What these need, torch above all, takes a second to load: they are loaded when they are asked for.
_LAZY = {
    "augmentation": ("AugmentedClassifier", "AugmentedRegressor", "Augmenter"),
    "evaluation": ("Comparison", "Estimate", "Evaluation", "compare_augmentation", "evaluate"),
    "imputer": ("SynthImputer",),
    "preprocessing.proposals": ("propose_rules",),
    "preprocessing.rules": ("Bounds", "Combinations", "Inequality", "Sum", "Unique"),
    "synthesizer": ("SynthGAN",),
}


def __getattr__(name: str) -> Any:
    for module, names in _LAZY.items():
        if name in names:
            return getattr(import_module(f"synthgan.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
