"""What drawn rows are worth: a split of a table and drawn rows come in, published figures go out.

    python figures.py split.json drawn.parquet figures.json

Rows are judged twice: as they were drawn, and tidied, with numbers between the ends of the learned ones and
with as many decimals, which any user would do and some methods leave to them.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import ParameterGrid, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler
from tables import PUBLISHED, Rows, rows_of
from xgboost import XGBClassifier, XGBRegressor

sys.path.insert(0, str(Path(__file__).parents[1]))

from fidelity import nearest_shares

from synthgan.evaluation.coverage import coverage
from synthgan.evaluation.similarity import column_pairs, column_shapes

#: Rows that are looked at for alpha-precision and beta-recall, whose work grows with their square. Beside
#: published figures it is all: of fewer rows fewer are near each other, most so where levels seldom agree.
_N_COVERED = 10_000
#: Decimals above which a number has as many as floats have.
_MOST_DECIMALS = 6
#: Trees among which TabSyn's evaluation chooses, by the ninth part of the drawn rows.
_GRID = ParameterGrid(
    {"n_estimators": [10, 50, 100], "min_child_weight": [1, 10], "max_depth": [5, 10, 20], "gamma": [0, 1]}
)
#: Between what the number that is predicted lies before its logarithm is taken.
_LEAST, _MOST = 1, 20_000


def figures_of(
    drawn: pd.DataFrame, rows: Rows, split: str, *, published: bool, is_real: bool
) -> dict[str, float]:
    """Return all figures of drawn rows.

    Parameters
    ----------
    drawn
        As `as_cells` has them.
    rows
        The split, likewise.
    split
        Which one it is: distances to rows learned and not are compared where there are as many of both.
    published
        Whether others have published figures of that table, so that theirs are computed as well.
    is_real
        Whether they are not drawn at all: the rows that were not learned.
    """
    learned, test = rows.learned, rows.test
    classes = rows.target in rows.levels
    is_beside_published = published and split == "published"
    n_covered = len(learned) if is_beside_published else _N_COVERED
    covered = coverage(learned, drawn, rng=np.random.default_rng(0), max_rows=n_covered)
    figures: dict[str, Any] = {
        "shape": column_shapes(learned, drawn)["similarity"].mean(),
        "trend": column_pairs(learned, drawn, bins="shared")["similarity"].mean(),
        "trend_own_bins": column_pairs(learned, drawn, bins="own")["similarity"].mean(),
        "auc_train": detection(learned, drawn, rows.levels),
        "auc_line_train": detection(learned, drawn, rows.levels, by_line=True),
        "alpha_precision": covered.alpha_precision,
        "beta_recall": covered.beta_recall,
    }
    # Other real rows are as good as any can be. They cannot judge themselves, and what they teach is what
    # those teach that were learned.
    source = learned if is_real else drawn
    figures["utility"] = utility(source, test, rows.target, classes=classes)
    if is_beside_published:
        figures["mle"] = chosen_utility(source, test, rows.target, classes=classes)
    if not is_real:
        figures["auc"] = detection(test, drawn, rows.levels)
    if split == "half" and not is_real:
        closer, ties = nearest_shares(learned, test, drawn)
        figures |= {"dcr_share": closer + ties / 2, "dcr_share_strict": closer}
    return figures


def as_cells(frame: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    """Return rows of any method as text, for levels, and floats."""
    cells = {}
    for name in rows.learned:
        column = frame[name]
        if name in rows.levels:
            cells[name] = column.astype(object).where(column.notna(), None).map(_as_text, na_action="ignore")
            continue
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            column = column.astype("int64").where(column.notna())
        cells[name] = pd.to_numeric(column, errors="coerce").astype("Float64").astype(float)
    return pd.DataFrame(cells)


def _as_text(value: Any) -> str:
    """Return a level as text; whole numbers are written alike whatever their type."""
    try:
        number = float(value)
    except ValueError:
        return str(value)
    return f"{number:g}" if not isinstance(value, bool | np.bool_) else str(bool(value))


def tidied(drawn: pd.DataFrame, learned: pd.DataFrame, levels: tuple[str, ...]) -> pd.DataFrame:
    """Return rows with numbers between the ends of the learned ones and with as many decimals."""
    drawn = drawn.copy()
    for name in drawn:
        if name not in levels:
            known = learned[name].dropna()
            n_decimals = next(
                (n for n in range(_MOST_DECIMALS) if np.allclose(known, known.round(n), rtol=0, atol=1e-9)),
                None,
            )
            drawn[name] = drawn[name].clip(known.min(), known.max())
            if n_decimals is not None:
                drawn[name] = drawn[name].round(n_decimals)
    return drawn


def detection(
    real: pd.DataFrame, drawn: pd.DataFrame, levels: tuple[str, ...], *, by_line: bool = False
) -> float:
    """Return the AUC, 3-fold, of XGBoost or of a line between equally many real and drawn rows."""
    n_rows, rng = min(len(real), len(drawn)), np.random.default_rng(0)
    parts = [part.iloc[rng.permutation(len(part))[:n_rows]] for part in (real, drawn)]
    table = as_numbers(pd.concat(parts, ignore_index=True), levels)
    is_real = np.repeat([1, 0], n_rows)
    model: Any = XGBClassifier(eval_metric="logloss", random_state=0)
    if by_line:
        model = make_pipeline(SimpleImputer(), RobustScaler(), LogisticRegression(max_iter=1_000))
    folds = StratifiedKFold(3, shuffle=True, random_state=1)
    chances = cross_val_predict(model, table, is_real, cv=folds, method="predict_proba")[:, 1]
    return float(
        np.mean([roc_auc_score(is_real[own], chances[own]) for _, own in folds.split(table, is_real)])
    )


def as_numbers(table: pd.DataFrame, levels: tuple[str, ...]) -> pd.DataFrame:
    """Return floats: one column a level where levels are words, their numbers where they are numbers."""
    words = [name for name in levels if pd.to_numeric(table[name], errors="coerce").isna().any()]
    parts = [table.drop(columns=words).apply(pd.to_numeric)]
    parts += [pd.get_dummies(table[name], dtype=float) for name in words]
    return pd.concat(parts, axis=1, ignore_index=True)  # XGBoost takes no names with brackets


def utility(source: pd.DataFrame, test: pd.DataFrame, target: str, *, classes: bool) -> float:
    """Return the score on real rows of XGBoost trained on others: AUC for two classes, else R2."""
    X, y, X_test, y_test = _examples(source, test, target, classes=classes)
    if not classes:
        return float(r2_score(y_test, XGBRegressor(random_state=0).fit(X, y).predict(X_test)))
    if len(np.unique(y)) < 2:
        return 0.5
    return float(roc_auc_score(y_test, XGBClassifier(random_state=0).fit(X, y).predict_proba(X_test)[:, 1]))


def chosen_utility(source: pd.DataFrame, test: pd.DataFrame, target: str, *, classes: bool) -> float:
    """Return the score of the trees that are best on a ninth of the rows, of all trained on the rest.

    For two classes the AUC, for a number the root of the mean squared error of its logarithm, as TabSyn's
    evaluation has them; the ninth is on the scale of the logarithm as well, which there it is not.
    """
    if not classes:
        source, test = (
            part.assign(**{target: np.log(part[target].clip(_LEAST, _MOST))}) for part in (source, test)
        )
    X, y, X_test, y_test = _examples(source, test, target, classes=classes)
    if classes and len(np.unique(y)) < 2:
        return 0.5
    is_held_out = np.random.default_rng(0).permutation(len(X)) < len(X) // 9
    kind = XGBClassifier if classes else XGBRegressor
    models = [kind(**own, random_state=0).fit(X[~is_held_out], y[~is_held_out]) for own in _GRID]

    def score(model: Any, cells: Any, wanted: Any) -> float:
        if classes:
            return float(roc_auc_score(wanted, model.predict_proba(cells)[:, 1]))
        return -float(root_mean_squared_error(wanted, model.predict(cells)))

    best = max(models, key=lambda model: score(model, X[is_held_out], y[is_held_out]))
    return abs(score(best, X_test, y_test))


def _examples(
    source: pd.DataFrame, test: pd.DataFrame, target: str, *, classes: bool
) -> tuple[pd.DataFrame, Any, pd.DataFrame, Any]:
    """Return cells and targets to learn and to judge by, of rows whose target is known."""
    source, test = (part.dropna(subset=[target]) for part in (source, test))
    both = pd.concat([source, test], ignore_index=True)
    y = both.pop(target)
    if classes:
        y = (y == sorted(test[target].unique())[-1]).astype(int)
    levels = tuple(name for name in both if both[name].dtype == object or both[name].dtype.kind not in "fiu")
    table, n = as_numbers(both, levels), len(source)
    return table[:n].reset_index(drop=True), y[:n].to_numpy(), table[n:], y[n:].to_numpy()


def main() -> None:
    job_path, drawn_path, output = map(Path, sys.argv[1:])
    job = json.loads(job_path.read_text(encoding="utf-8"))
    rows = rows_of(job["table"], job["split"], Path(job["data"]))
    drawn = as_cells(pd.read_parquet(drawn_path), rows)
    cells = {"learned": as_cells(rows.learned, rows), "test": as_cells(rows.test, rows)}
    rows = Rows(**cells, target=rows.target, levels=rows.levels)
    own = {"published": job["table"] in PUBLISHED, "is_real": job["is_real"]}
    warnings.simplefilter("ignore")  # a line may not converge, a fold may lack a level
    figures = {"raw": figures_of(drawn, rows, job["split"], **own)}
    tidy = tidied(drawn, rows.learned, rows.levels)
    # Most methods draw tidy rows, of which all figures are known already.
    is_tidy = tidy.equals(drawn)
    figures["tidied"] = figures["raw"] if is_tidy else figures_of(tidy, rows, job["split"], **own)
    output.write_text(json.dumps(figures, default=float), encoding="utf-8")


if __name__ == "__main__":
    main()
