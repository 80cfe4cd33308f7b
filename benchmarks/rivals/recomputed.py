"""Do the figures hold when other code computes them? Each of them twice, and how far they are apart.

    python benchmarks/rivals/recomputed.py --data path/to/tables

Rows of three kinds are judged, on halves of each table: those of SynthGAN after a few seconds, learned
rows of which every tenth cell is another row's, and columns dealt independently. What is recomputed shares
no code with `figures.py` but the reading of the tables: another coding of words, XGBoost by its own
interface, folds dealt otherwise, areas counted from ranks (Mann and Whitney), distances in double precision.
It ends with an error if a difference is above what is allowed for that figure.
"""

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from figures import as_cells, detection, nearest_shares, utility
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu
from sklearn.preprocessing import OneHotEncoder
from tables import PUBLISHED, TABLES, Rows, rows_of

sys.path.insert(0, str(Path(__file__).parents[2]))

from synthgan import SynthGAN

#: How far apart two computations may be. Areas are of folds that are dealt otherwise, and trees break ties
#: between columns by their order, so that what is learned from columns without any relation, chance alone, is
#: learned otherwise (standard error .01 each); distances differ where single precision makes a tie of them.
ALLOWED = {"auc": 0.015, "auc_train": 0.015, "utility": 0.03, "dcr_share": 0.002, "dcr_share_strict": 0.002}
#: Of each half, at most, and of those whose nearest rows are looked for.
N_ROWS, N_NEAREST = 6_000, 3_000
SECONDS = 10
#: Levels that are numbers are taken as such.
_NUMBER = r"-?\d+(\.\d+)?(e[+-]?\d+)?"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the parquet files")
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(PUBLISHED))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # few seconds are too few, which is told
    print("| table | rows | figure | by figures.py | recomputed | apart |\n|---|---|---|---|---|---|")
    is_near = True
    for table in arguments.tables:
        rows = first_rows(rows_of(table, "half", arguments.data))
        for kind, drawn in drawn_rows(rows):
            ours, others = benchmark_figures(rows, drawn), recomputed_figures(rows, drawn)
            for name, figure in ours.items():
                apart = abs(figure - others[name])
                is_near &= apart <= ALLOWED[name]
                print(f"| {table} | {kind} | {name} | {figure:.4f} | {others[name]:.4f} | {apart:.4f} |")
    if not is_near:
        sys.exit(f"A difference is above what is allowed: {ALLOWED}.")


def first_rows(rows: Rows) -> Rows:
    """Return the first rows of both halves in random order, as cells."""
    cells = [
        as_cells(part.iloc[:N_ROWS], rows)
        for part in (rows.learned, rows.test.sample(frac=1, random_state=0))
    ]
    return Rows(*cells, rows.target, rows.levels)


def drawn_rows(rows: Rows) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield rows of each kind, with what it is called."""
    rng, learned = np.random.default_rng(1), rows.learned
    gan = SynthGAN(target=rows.target, max_time=SECONDS, random_state=0, verbose=0).fit(learned)
    yield "SynthGAN", as_cells(gan.sample(len(learned)), rows)
    dealt = learned.apply(lambda column: column.take(rng.permutation(len(column))).to_numpy())
    yield "a tenth dealt anew", learned.where(rng.random(learned.shape) > 0.1, dealt)
    yield "independent columns", dealt


def benchmark_figures(rows: Rows, drawn: pd.DataFrame) -> dict[str, float]:
    """Return the figures as the benchmark has them."""
    strict, ties = nearest_shares(rows.learned, rows.test, drawn.iloc[:N_NEAREST])
    return {
        "auc": detection(rows.test, drawn, rows.levels),
        "auc_train": detection(rows.learned, drawn, rows.levels),
        "utility": utility(drawn, rows.test, rows.target, classes=rows.target in rows.levels),
        "dcr_share": strict + ties / 2,
        "dcr_share_strict": strict,
    }


def recomputed_figures(rows: Rows, drawn: pd.DataFrame) -> dict[str, float]:
    """Return the same figures by other code."""
    strict, ties = counted_shares(rows, drawn.iloc[:N_NEAREST])
    return {
        "auc": area_between(rows.test, drawn, rows.levels),
        "auc_train": area_between(rows.learned, drawn, rows.levels),
        "utility": taught(drawn, rows),
        "dcr_share": strict + ties / 2,
        "dcr_share_strict": strict,
    }


def numbered(parts: list[pd.DataFrame], levels: Sequence[str]) -> list[np.ndarray]:
    """Return the parts as numbers and one column a word, of which the first sets the words."""
    both = pd.concat(parts)
    words = [name for name in levels if not both[name].dropna().str.fullmatch(_NUMBER).all()]
    if not words:
        return [part.astype(float).to_numpy() for part in parts]
    coder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(parts[0][words].astype(str))
    return [
        np.hstack([part.drop(columns=words).astype(float), coder.transform(part[words].astype(str))])
        for part in parts
    ]


def area_between(real: pd.DataFrame, drawn: pd.DataFrame, levels: tuple[str, ...]) -> float:
    """Return how often trees find a real row likelier to be real than a drawn one, over three folds."""
    size = min(len(real), len(drawn))
    cells = np.vstack(numbered([real.iloc[:size], drawn.iloc[:size]], levels))
    is_real = np.arange(2 * size) < size
    fold = np.random.default_rng(7).permutation(2 * size) % 3
    areas = []
    for own in range(3):
        chances = chances_of(cells[fold != own], is_real[fold != own], cells[fold == own], "binary:logistic")
        areas.append(area_of(chances, is_real[fold == own]))
    return float(np.mean(areas))


def area_of(chances: np.ndarray, is_first: np.ndarray) -> float:
    """Return the share of pairs of which that of the first kind has the higher chance; ties count half."""
    n_pairs = is_first.sum() * (~is_first).sum()
    return float(mannwhitneyu(chances[is_first], chances[~is_first]).statistic / n_pairs)


def chances_of(cells: np.ndarray, labels: np.ndarray, others: np.ndarray, objective: str) -> np.ndarray:
    """Return what 100 trees, learned from cells, predict of others."""
    learned = xgboost.DMatrix(cells, label=labels.astype(float))
    trees = xgboost.train({"objective": objective, "seed": 0}, learned, num_boost_round=100)
    return trees.predict(xgboost.DMatrix(others))


def taught(drawn: pd.DataFrame, rows: Rows) -> float:
    """Return the score on real rows of trees that learned the target from drawn ones."""
    levels = [name for name in rows.levels if name != rows.target]
    parts = [part[part[rows.target].notna()] for part in (drawn, rows.test)]
    wanted = [part[rows.target].to_numpy() for part in parts]
    cells = numbered([part.drop(columns=rows.target) for part in parts], levels)
    if rows.target in rows.levels:
        highest = max(wanted[1])
        chances = chances_of(cells[0], wanted[0] == highest, cells[1], "binary:logistic")
        return area_of(chances, wanted[1] == highest)
    predicted = chances_of(cells[0], wanted[0], cells[1], "reg:squarederror")
    return float(1 - np.square(wanted[1] - predicted).mean() / np.var(wanted[1]))


def counted_shares(rows: Rows, drawn: pd.DataFrame) -> tuple[float, float]:
    """Return how often a drawn row is nearer to a learned row than to any test row, and as near to both.

    A gap among numbers counts as the lowest learned one, and as 1 more.
    """
    size = min(len(rows.learned), len(rows.test))
    parts = [rows.learned.iloc[:size], rows.test.iloc[:size], drawn]
    numbers = [name for name in drawn if name not in rows.levels]
    low = rows.learned[numbers].min()
    reach = (rows.learned[numbers].max() - low).replace(0, 1)
    scaled = [((part[numbers] - low) / reach).fillna(0).to_numpy() for part in parts]
    both = pd.concat(parts, keys=range(3))
    names = both[list(rows.levels)].apply(lambda column: pd.factorize(column)[0])
    names = names.join(both[numbers].isna(), rsuffix=" gap")
    codes = [names.loc[place].to_numpy(float) for place in range(3)]
    to_learned, to_test = (
        (
            cdist(scaled[2], scaled[place], "cityblock")
            + codes[place].shape[1] * cdist(codes[2], codes[place], "hamming")
        ).min(axis=1)
        for place in (0, 1)
    )
    as_near = np.isclose(to_learned, to_test, rtol=0, atol=1e-9)
    return float(((to_learned < to_test) & ~as_near).mean()), float(as_near.mean())


if __name__ == "__main__":
    main()
