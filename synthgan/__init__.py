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

_AUGMENTATION = ("AugmentedClassifier", "AugmentedRegressor", "Augmenter")
_RULES = ("Bounds", "Combinations", "Inequality", "Sum", "Unique")
_EVALUATION = ("Comparison", "Estimate", "Evaluation", "compare_augmentation", "evaluate")
# What these need, torch above all, takes a second to load: they are loaded when they are asked for.
_LAZY = {
    **dict.fromkeys(_AUGMENTATION, "synthgan.augmentation"),
    **dict.fromkeys(_RULES, "synthgan.preprocessing.rules"),
    **dict.fromkeys(_EVALUATION, "synthgan.evaluation"),
    "SynthGAN": "synthgan.synthesizer",
    "SynthImputer": "synthgan.imputer",
    "propose_rules": "synthgan.preprocessing.proposals",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
