"""The learners of the study, each behind one coding of columns, and what is tried when they are tuned."""

from typing import Any

from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from synthgan.evaluation.learners import TablePoints

#: Each with settings that suit some hundred rows, and those that are tried when it is tuned.
LEARNERS: dict[str, tuple[Any, dict[str, list[Any]]]] = {
    "logistic regression": (LogisticRegression(max_iter=2_000), {"C": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]}),
    "k-NN": (KNeighborsClassifier(7), {"n_neighbors": [3, 5, 7, 11, 17, 25]}),
    "MLP": (
        MLPClassifier((32,), max_iter=200),
        {"alpha": [1e-4, 1.0], "max_iter": [30, 200]},
    ),
    "decision tree": (DecisionTreeClassifier(min_samples_leaf=5), {"min_samples_leaf": [2, 5, 10, 15, 20]}),
    "random forest": (
        RandomForestClassifier(100, min_samples_leaf=2),
        {"min_samples_leaf": [1, 2, 5], "max_features": ["sqrt", 0.5]},
    ),
    "gradient boosting": (
        GradientBoostingClassifier(n_estimators=50),
        {"n_estimators": [20, 50, 100], "max_depth": [1, 3]},
    ),
}


def piped(learner: Any) -> Pipeline:
    """Return a learner of tables."""
    return Pipeline([("points", TablePoints()), ("learner", learner)])
