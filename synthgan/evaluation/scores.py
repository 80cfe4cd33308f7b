"""How good predictions are: labels and predictions in, figures out, as scikit-learn defines them."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn import metrics

from synthgan.evaluation.estimates import FloatArray
from synthgan.exceptions import ParameterError, did_you_mean, listing

Labels = npt.NDArray[np.int64]
#: Bins of probabilities in the calibration error.
_N_BINS = 10


@dataclass(frozen=True)
class Score:
    """A figure of predictions.

    Attributes
    ----------
    name
        In tables.
    label
        In sentences and plots.
    sign
        1 where more is better, -1 where less is.
    rope
        Differences up to this are none in practice, unless the user says otherwise.
    is_relative
        Whether that is a share of the score without augmentation, which has the unit of the target.
    """

    name: str
    label: str
    sign: int = 1
    rope: float = 0.01
    is_relative: bool = False


CLASSIFICATION = (
    Score("auc", "AUC"),
    Score("average_precision", "average precision"),
    Score("log_loss", "log-loss", -1),
    Score("brier", "Brier score", -1),
    Score("calibration_error", "calibration error", -1),
    Score("balanced_accuracy", "balanced accuracy"),
    Score("f1", "F1"),
)
REGRESSION = (
    Score("r2", "R2"),
    Score("rmse", "RMSE", -1, is_relative=True),
    Score("mae", "MAE", -1, is_relative=True),
)
BY_TASK = {"classification": CLASSIFICATION, "regression": REGRESSION}


def score_named(task: str, name: str | None) -> Score:
    """Return the score of a task that has a name, by default the first.

    Raises
    ------
    ParameterError
        If the task has no such score.
    """
    scores = BY_TASK[task]
    names = [score.name for score in scores]
    if name is None:
        return scores[0]
    if name not in names:
        raise ParameterError(
            f"metric must be one of {listing(names)} for {task}; got {name!r}.{did_you_mean(name, names)}"
        )
    return scores[names.index(name)]


@dataclass(frozen=True)
class Thresholds:
    """From which probability on rows are of the second class, for balanced accuracy and for F1."""

    balanced_accuracy: float = 0.5
    f1: float = 0.5

    @classmethod
    def tuned(cls, labels: Labels, chances: FloatArray) -> "Thresholds":
        """Return those that are best on rows that the model has not seen; with one class only, 0.5.

        Labels are 0 or 1, and chances are those of 1.
        """
        if len(np.unique(labels)) < 2:
            return cls()
        order = np.argsort(chances)
        steps, hits = chances[order], labels[order]
        # A cut before row i calls the rows from i on positive; only cuts between different chances exist.
        cuts = np.flatnonzero(np.concatenate([[True], steps[1:] > steps[:-1]]))
        before = np.concatenate([[-np.inf], steps])[cuts]
        found = hits.sum() - np.concatenate([[0], np.cumsum(hits)])[cuts]
        called = len(hits) - cuts
        recall, specificity = found / hits.sum(), 1 - (called - found) / (len(hits) - hits.sum())
        places = (before + steps[cuts]) / 2
        best = [np.argmax(recall + specificity), np.argmax(2 * found / (called + hits.sum()))]
        return cls(float(places[best[0]]), float(places[best[1]]))


def classification_scores(
    labels: Labels, chances: FloatArray, thresholds: Thresholds | None = None
) -> dict[str, float]:
    """Return the scores of probabilities, NaN where they are not defined.

    Parameters
    ----------
    labels
        Classes as whole numbers from 0 on, shape ``(n_rows,)``; of two classes, 1 is the one to find.
    chances
        Probabilities of all classes, shape ``(n_rows, n_classes)``.
    thresholds
        Of two classes, where the second begins; with more the likeliest class is taken.

    Notes
    -----
    Of more than two classes, AUC, average precision and F1 are means over the classes, each against the
    rest. The calibration error [1]_ is that of the chance of class 1, of more classes that of the likeliest.

    References
    ----------
    .. [1] Naeini, Cooper, Hauskrecht (2015). Obtaining Well Calibrated Probabilities Using Bayesian Binning.
       AAAI.
    """
    n_classes = chances.shape[1]
    present = np.bincount(labels, minlength=n_classes) > 0
    one_hot = np.eye(n_classes)[labels]
    is_binary = n_classes == 2
    asked = (one_hot[:, 1], chances[:, 1]) if is_binary else (one_hot, chances)
    scores = dict.fromkeys(("auc", "average_precision"), np.nan)
    if present.all():
        scores["auc"] = metrics.roc_auc_score(*asked, average="macro")
        scores["average_precision"] = metrics.average_precision_score(*asked, average="macro")
    scores["log_loss"] = metrics.log_loss(labels, chances, labels=range(n_classes))
    scores["brier"] = float(np.mean(np.sum((chances - one_hot) ** 2, axis=1))) / (2 if is_binary else 1)
    likeliest = chances.argmax(1)
    if is_binary:
        scores["calibration_error"] = calibration_error(labels == 1, chances[:, 1])
    else:
        scores["calibration_error"] = calibration_error(labels == likeliest, chances.max(1))
    thresholds = thresholds or Thresholds()
    for name, called in (
        ("balanced_accuracy", chances[:, -1] > thresholds.balanced_accuracy if is_binary else likeliest),
        ("f1", chances[:, -1] > thresholds.f1 if is_binary else likeliest),
    ):
        scores[name] = _of_calls(name, labels, called.astype(int), is_binary) if present.all() else np.nan
    return {name: float(score) for name, score in scores.items()}


def _of_calls(name: str, labels: Labels, called: Labels, is_binary: bool) -> float:
    if name == "f1":
        average = "binary" if is_binary else "macro"
        return float(metrics.f1_score(labels, called, average=average, zero_division=0.0))
    with warnings.catch_warnings():  # classes that are called and absent are no error here
        warnings.simplefilter("ignore", UserWarning)
        return float(metrics.balanced_accuracy_score(labels, called))


def calibration_error(is_so: npt.NDArray[np.bool_], chances: FloatArray) -> float:
    """Return the mean distance of stated and true frequencies over bins of equal width, weighted by rows."""
    bins = np.minimum((chances * _N_BINS).astype(int), _N_BINS - 1)
    gaps = np.bincount(bins, chances - is_so, minlength=_N_BINS)
    return float(np.abs(gaps).sum() / len(chances))


def regression_scores(truth: FloatArray, predicted: FloatArray) -> dict[str, float]:
    """Return the scores of predicted numbers; both of shape ``(n_rows,)``."""
    is_defined = len(truth) > 1 and np.ptp(truth) > 0
    return {
        "r2": float(metrics.r2_score(truth, predicted)) if is_defined else np.nan,
        "rmse": float(metrics.root_mean_squared_error(truth, predicted)),
        "mae": float(metrics.mean_absolute_error(truth, predicted)),
    }
