"""Tables in, figures out: what drawn rows are worth and what they give away. Takes rows of any sampler."""

from synthgan.evaluation.comparison import compare_augmentation
from synthgan.evaluation.estimates import Estimate
from synthgan.evaluation.judgement import Evaluation, evaluate
from synthgan.evaluation.results import Comparison
from synthgan.evaluation.statistics import corrected_t, correlated_t, friedman_nemenyi, holm, wilcoxon_holm
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
    "friedman_nemenyi",
    "holm",
    "wilcoxon_holm",
]
