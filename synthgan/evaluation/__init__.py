"""Tables in, figures out: what drawn rows are worth and what they give away. Takes rows of any sampler.

Whether they help a model: `comparison` asks (`preparation`, `splits`), runs `folds` (`arms` with
`neighbours`, `learners`, `scores`), judges (`statistics`, `verdict`) and gives `results`. How alike they are
to real ones and what they give away: `judgement` joins `fidelity` (`similarity`, `detection`, `coverage`) and
`privacy` (`copies`, `membership`, `distances`). Both see tables as `tables` has it, give figures as
`estimates`, and are shown by `text`, `plots` and `report`.
"""

from synthgan.evaluation.comparison import compare_augmentation
from synthgan.evaluation.estimates import Estimate
from synthgan.evaluation.judgement import Evaluation, evaluate
from synthgan.evaluation.results import Comparison
from synthgan.evaluation.statistics import corrected_t, correlated_t, holm
from synthgan.evaluation.verdict import Verdict

__all__ = [
    "Comparison",
    "Estimate",
    "Evaluation",
    "Verdict",
    "compare_augmentation",
    "corrected_t",
    "correlated_t",
    "evaluate",
    "holm",
]
