"""Figures that others have published, of the same protocol: never computed here.

Shapes, trends and the score by XGBoost against the learned rows (1 where nobody can tell: 2 (1 - AUC)), and
what XGBoost learns from drawn rows (AUC; of beijing-pm25 the error of the logarithm, where less is better).
All are those of [2]_, which has run the methods of others again with five seeds of training, but for TabDDPM.

References
----------
.. [1] Shi et al. (2025). TabDiff: a Mixed-type Diffusion Model for Tabular Data Generation. ICLR.
.. [2] TabPC (2026). arXiv:2603.23016, and the tables of its repository.
"""

#: The order of the columns below.
TABLES = ("adult", "default-credit", "shoppers", "magic", "beijing-pm25")
#: By figure, method and table.
PUBLISHED: dict[str, dict[str, tuple[float, ...]]] = {
    "xgb_score": {
        "TabSyn": (0.794, 0.402, 0.655, 0.760, 0.527),
        "TabDiff": (0.841, 0.591, 0.736, 0.773, 0.772),
        "TabPC": (0.855, 0.262, 0.894, 0.860, 0.570),
    },
    "shape": {  # of TabDDPM, here and below 1 less the errors in [1]_
        "TabDDPM": (0.9825, 0.9843, 0.9728, 0.9899, 0.9870),
        "TabSyn": (0.992, 0.987, 0.985, 0.990, 0.974),
        "TabDiff": (0.993, 0.988, 0.985, 0.992, 0.990),
        "TabPC": (0.994, 0.995, 0.991, 0.990, 0.994),
    },
    "trend_own_bins": {
        "TabDDPM": (0.9699, 0.9511, 0.9339, 0.9830, 0.9729),
        "TabSyn": (0.980, 0.971, 0.977, 0.992, 0.955),
        "TabDiff": (0.985, 0.973, 0.981, 0.992, 0.974),
        "TabPC": (0.986, 0.950, 0.982, 0.983, 0.978),
    },
    "alpha_precision": {
        "TabSyn": (0.990, 0.989, 0.990, 0.994, 0.982),
        "TabDiff": (0.986, 0.987, 0.985, 0.994, 0.978),
        "TabPC": (0.996, 0.995, 0.992, 0.995, 0.995),
    },
    "beta_recall": {
        "TabSyn": (0.480, 0.460, 0.479, 0.478, 0.522),
        "TabDiff": (0.526, 0.515, 0.511, 0.480, 0.598),
        "TabPC": (0.500, 0.449, 0.500, 0.505, 0.573),
    },
    "mle": {  # of TabDDPM as TabDLM has it
        "TabDDPM": (0.907, 0.758, 0.918, 0.935, 0.592),
        "TabSyn": (0.910, 0.759, 0.914, 0.937, 0.626),
        "TabDiff": (0.913, 0.763, 0.917, 0.936, 0.564),
        "TabPC": (0.916, 0.744, 0.897, 0.932, 0.656),
    },
    "dcr_share_strict": {
        "TabSyn": (0.507, 0.508, 0.507, 0.505, 0.502),
        "TabDiff": (0.549, 0.522, 0.512, 0.501, 0.514),
        "TabPC": (0.543, 0.507, 0.513, 0.530, 0.516),
    },
}
