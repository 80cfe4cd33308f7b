"""Measure the worth of each part of the generator: every part on and off, judged by held-out rows.

    python benchmarks/ablation/ablation.py --data path/to/tables

Each run is a line of `results.jsonl` beside this file and is not repeated while the line is there. The tables
that are printed have a row for each variant (see `variants.py`), and so have those of `decisions.jsonl`, of
the code before parts were removed. Differences are paired with the row "as it is" of the same table and seed:
mean over tables and seeds, its standard error, and the number of pairs; bold where three pairs or more are
beyond two standard errors.
`--page` writes the tables into README.md.
"""

import argparse
import copy
import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import conditions as random_conditions
import fidelity
import imputation
import numpy as np
import pandas as pd
import torch
from variants import AS_IT_IS, CONDITIONED, FITTED, HALVES, IMPUTED, SAMPLED, Variant

from synthgan import SynthGAN

TABLES = ("adult", "default-credit", "shoppers", "beijing-pm25", "california-housing")
RESULTS = Path(__file__).with_name("results.jsonl")
#: Results of the code before parts were removed, with these parts among the variants.
DECISIONS = Path(__file__).with_name("decisions.jsonl")
PAGE = Path(__file__).with_name("README.md")
MARKS = "<!-- {}: begin -->", "<!-- {}: end -->"
#: Share of the training rows that meet a rare condition.
RARE = (0.005, 0.05)
#: Held-out rows that meet a condition, at least and at most, and conditions of each table.
MIN_HELD_OUT, MAX_HELD_OUT, N_CONDITIONS = 100, 500, 5
TIMES = ("fit_seconds", "rows_per_second")
#: Random conditions that are looked at.
_MAX_TRIED = 3_000
#: The row of the table of imputation that is not a variant of the generator.
CHAINED_FORESTS = "chained forests alone (missForest)"

Result = dict[str, Any]
Figures = Iterator[tuple[str, Result]]


@dataclass(frozen=True, eq=False)
class Experiment:
    """A table of the page.

    Parameters
    ----------
    name, title
        In results, and on the page.
    run
        Yields the figures of the wanted variants of one table and seed.
    tables
        Names of the tables.
    n_rows
        Training rows.
    variants
        Rows of the page, `AS_IT_IS` first.
    figures
        Columns of the page; the first is shown for each table as well.
    """

    name: str
    title: str
    run: Callable[["Experiment", str, int, set[str], Path], Figures]
    tables: Sequence[str]
    n_rows: int
    variants: Sequence[str]
    figures: Sequence[str]


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    experiments = [EXPERIMENTS[name] for name in arguments.experiments]
    for experiment in experiments:
        for table in (each for each in experiment.tables if each in (arguments.tables or experiment.tables)):
            for seed in arguments.seeds:
                done = _read(arguments.results)
                wanted = set(arguments.variants or experiment.variants).intersection(experiment.variants)
                missing = {each for each in wanted if (experiment.name, table, seed, each) not in done}
                if not missing or arguments.report:
                    continue
                for variant, figures in experiment.run(experiment, table, seed, missing, arguments.data):
                    result = {"experiment": experiment.name, "table": table, "seed": seed, "variant": variant}
                    line = json.dumps(result | figures)
                    print(line, flush=True)
                    with arguments.results.open("a") as file:
                        file.write(line + "\n")
    of_parts = {"tables": _tables(experiments, arguments.results)}
    if set(experiments) == set(EXPERIMENTS.values()):
        untimed = [
            dataclasses.replace(each, figures=[name for name in each.figures if name not in TIMES])
            for each in experiments  # these runs had other work beside them
        ]
        of_parts["decisions"] = _tables(untimed, DECISIONS)
    print(*of_parts.values(), sep="\n\n")
    for name, tables in of_parts.items() if arguments.page else ():
        begin, end = (mark.format(name) for mark in MARKS)
        before, rest = PAGE.read_text().split(begin)
        PAGE.write_text(f"{before}{begin}\n\n{tables}\n\n{end}{rest.split(end)[1]}")


def run_rows(experiment: Experiment, table: str, seed: int, missing: set[str], data: Path) -> Figures:
    """Yield the figures of rows sampled without a condition."""
    train, test = _split(table, data, experiment.n_rows)
    test = _some(test, experiment.n_rows)
    for fitted in dict.fromkeys((*FITTED, *HALVES)):
        wanted = [fitted, *SAMPLED] if fitted is AS_IT_IS else [fitted]
        wanted = [variant for variant in wanted if variant.name in missing]
        if not wanted:
            continue
        gan, seconds = _fit(fitted, train, table, seed)
        for variant in wanted:
            changed = _changed(gan, variant)
            with fitted.applied(), variant.applied():
                started = time.process_time()
                rows = changed.sample(len(train))
                rows_per_second = len(rows) / (time.process_time() - started)
            yield (
                variant.name,
                {
                    "auc": fidelity.detection(test, rows),
                    "utility": fidelity.utility(rows, test, fidelity.TARGETS[table]),
                    "dcr_share": fidelity.dcr_share(train, test, rows),
                    "fit_seconds": seconds,
                    "rows_per_second": rows_per_second,
                },
            )


def run_conditions(experiment: Experiment, table: str, seed: int, missing: set[str], data: Path) -> Figures:
    """Yield the figures of rows sampled under rare conditions, in the mean over the conditions."""
    train, test = _split(table, data, experiment.n_rows)
    asked = list(_rare_conditions(experiment.name, train, test, seed))
    gan, _ = _fit(AS_IT_IS, train, table, seed)
    for variant in (each for each in CONDITIONED if each.name in missing):
        changed = _changed(gan, variant)
        figures = []
        for number, (condition, real) in enumerate(asked):
            with variant.applied():
                rows = changed.sample(len(real), conditions=condition, random_state=seed * 100 + number)
            figures.append(
                {
                    "auc": fidelity.detection(real, rows),
                    "shape_error": _shape_error(real, rows),
                    "dcr_share": fidelity.dcr_share(train, test, rows),
                }
            )
        mean = {name: statistics.mean(each[name] for each in figures) for name in experiment.figures}
        yield variant.name, mean | {"conditions": [str(condition) for condition, _ in asked]}


def run_imputation(experiment: Experiment, table: str, seed: int, missing: set[str], data: Path) -> Figures:
    """Yield how near expected values come to those that were removed."""
    whole = imputation.load(table, data).sample(experiment.n_rows, random_state=seed).reset_index(drop=True)
    removed = np.random.default_rng(seed).random(whole.shape) < imputation.REMOVED
    given = whole.mask(removed)
    removed &= whole.notna().to_numpy()
    for variant in (each for each in IMPUTED if each.name in missing):
        with variant.applied():
            gan, seconds = _fit(variant, given, None, seed, imputation=True)
            filled = gan.impute(given, method="expected", random_state=seed)
        yield variant.name, imputation.judge(whole, filled, removed) | {"fit_seconds": seconds}
    if CHAINED_FORESTS in missing:
        started = time.process_time()
        filled = imputation.chained_forests(given, seed)
        seconds = time.process_time() - started
        yield CHAINED_FORESTS, imputation.judge(whole, filled, removed) | {"fit_seconds": seconds}


def _fit(
    variant: Variant, train: pd.DataFrame, table: str | None, seed: int, **parameters: Any
) -> tuple[SynthGAN, float]:
    """Return the fitted variant, and the seconds of the processor that fitting took."""
    target = None if table is None else fidelity.TARGETS[table]
    gan = SynthGAN(target=target, random_state=seed, verbose=0, **variant.parameters, **parameters)
    with variant.applied():
        started = time.process_time()
        gan.fit(train)
        return gan, time.process_time() - started


def _changed(gan: SynthGAN, variant: Variant) -> SynthGAN:
    """Return a copy of a fitted model that samples as the variant does."""
    changed = copy.copy(gan)
    changed.model_ = variant.changed(gan.model_)
    return changed.set_params(**variant.parameters)


def _split(table: str, data: Path, n_rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training rows, and all held-out rows."""
    train, test = fidelity.load(table, data)
    return _some(train, n_rows), test


def _some(part: pd.DataFrame, n_rows: int) -> pd.DataFrame:
    return part.sample(min(n_rows, len(part)), random_state=0).reset_index(drop=True)


def _rare_conditions(
    kind: str, train: pd.DataFrame, test: pd.DataFrame, seed: int
) -> Iterator[tuple[dict[Any, Any], pd.DataFrame]]:
    """Yield different rare conditions and the held-out rows that meet them, fewer where there are no more."""
    rng, seen = np.random.default_rng(seed), set[str]()
    for _ in range(_MAX_TRIED):
        if kind == "levels":
            levels = [name for name in test if not pd.api.types.is_numeric_dtype(test[name].dtype)]
            name = str(rng.choice(levels))
            condition = {name: rng.choice(test[name].dropna().unique())}
        else:
            condition = random_conditions.random_condition(test, list(test.columns), rng)
        share = random_conditions.are_met(train, condition).mean()
        if str(condition) in seen or not RARE[0] <= share <= RARE[1]:
            continue
        real = test[random_conditions.are_met(test, condition)]
        if len(real) >= MIN_HELD_OUT:
            yield condition, _some(real, MAX_HELD_OUT)
            seen.add(str(condition))
        if len(seen) == N_CONDITIONS:
            return


def _shape_error(real: pd.DataFrame, rows: pd.DataFrame) -> float:
    """Return the mean distance of the columns' distributions: total variation, of numbers in ten bins."""
    errors = []
    for name in real:
        own, other = real[name], rows[name]
        if pd.api.types.is_numeric_dtype(own.dtype) and own.nunique() > 10:
            edges = np.unique(own.dropna().quantile(np.linspace(0, 1, 11)[1:-1]).to_numpy(float))
            own, other = (
                pd.Series(np.searchsorted(edges, part.astype("Float64").to_numpy(float, na_value=np.nan)))
                for part in (own, other)
            )
        shares = [part.value_counts(normalize=True, dropna=False) for part in (own, other)]
        errors.append(float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2))
    return statistics.mean(errors)


EXPERIMENTS = {
    each.name: each
    for each in (
        Experiment(
            "rows",
            "Rows without a condition: five tables, 3,000 training rows",
            run_rows,
            TABLES,
            3_000,
            [variant.name for variant in (*FITTED, *SAMPLED)],
            ("auc", "utility", "dcr_share", "fit_seconds", "rows_per_second"),
        ),
        Experiment(
            "halves",
            "Parts that take many rows: half of each table",
            run_rows,
            ("default-credit", "shoppers", "beijing-pm25"),
            30_000,
            [variant.name for variant in HALVES],
            ("auc", "utility", "dcr_share", "fit_seconds", "rows_per_second"),
        ),
        Experiment(
            "zeros",
            "Structural zeros, where a grade goes with subgrades: 3,000 training rows",
            run_rows,
            ("lending-club-loans",),
            3_000,
            [AS_IT_IS.name, "no structural zeros"],
            ("auc", "utility", "dcr_share", "fit_seconds", "rows_per_second"),
        ),
        Experiment(
            "conditions",
            "Rows under five rare random conditions a table",
            run_conditions,
            TABLES,
            3_000,
            [variant.name for variant in CONDITIONED],
            ("auc", "shape_error", "dcr_share"),
        ),
        Experiment(
            "levels",
            "Rows of five rare classes a table",
            run_conditions,
            ("adult", "shoppers", "bank-marketing", "lending-club-loans"),
            3_000,
            [variant.name for variant in CONDITIONED],
            ("auc", "shape_error", "dcr_share"),
        ),
        Experiment(
            "imputation",
            "Expected values of a fifth of the entries, removed at random",
            run_imputation,
            ("adult", "shoppers", "california-housing"),
            3_000,
            [*(variant.name for variant in IMPUTED), CHAINED_FORESTS],
            ("rmse", "accuracy", "auc", "fit_seconds"),
        ),
    )
}


def _tables(experiments: Sequence[Experiment], path: Path) -> str:
    """Return the titled tables of the results in a file, which may have variants of parts that are gone."""
    done, parts = _read(path), []
    for each in experiments:
        own = {key: result for key, result in done.items() if key[0] == each.name}
        if not own:
            continue
        variants = dict.fromkeys([*each.variants, *(key[3] for key in own)])
        table = _table(dataclasses.replace(each, variants=list(variants)), own)
        parts.append(f"### {each.title}\n\n{table}")
    return "\n\n".join(parts)


def _table(experiment: Experiment, done: dict[tuple[str, str, int, str], Result]) -> str:
    """Return a markdown table: a row for each variant, paired differences, and seconds."""
    results = {key[1:]: result for key, result in done.items() if key[0] == experiment.name}
    first, *_ = experiment.figures
    heads = ["variant", *(f"{first} {table}" for table in experiment.tables)]
    differing = [name for name in experiment.figures if name not in TIMES]
    others = [name for name in experiment.figures if name not in differing]
    heads += [*(f"{name}, difference" for name in differing), *others]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for variant in experiment.variants:
        own = {key: result for key, result in results.items() if key[2] == variant}
        if not own:
            continue
        of_tables = [
            [result[first] for key, result in own.items() if key[0] == table] for table in experiment.tables
        ]
        cells = [fidelity.in_words(figures) if figures else "" for figures in of_tables]
        for figure in differing:
            pairs = [
                result[figure] - results[table, seed, AS_IT_IS.name][figure]
                for (table, seed, _), result in own.items()
                if (table, seed, AS_IT_IS.name) in results and not np.isnan(result[figure])
            ]
            cells.append(_difference(pairs) if pairs and variant != AS_IT_IS.name else "")
        cells += [f"{statistics.mean(result[name] for result in own.values()):,.1f}" for name in others]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _difference(differences: list[float]) -> str:
    """Return the mean, its error and the number of pairs; bold where three or more are beyond two errors."""
    mean = statistics.mean(differences)
    if len(differences) < 2:
        return f"{mean:+.4f} (1)"
    error = statistics.stdev(differences) / len(differences) ** 0.5
    text = f"{mean:+.4f} ± {error:.4f} ({len(differences)})"
    return f"**{text}**" if len(differences) > 2 and abs(mean) > 2 * error else text


def _read(path: Path) -> dict[tuple[str, str, int, str], Result]:
    """Return the results that there are."""
    lines = path.read_text().splitlines() if path.exists() else []
    results = [json.loads(line) for line in lines]
    return {(each["experiment"], each["table"], each["seed"], each["variant"]): each for each in results}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default=Path("../shared/data"), type=Path, help="folder of the parquet files"
    )
    parser.add_argument("--experiments", nargs="+", default=list(EXPERIMENTS), choices=EXPERIMENTS)
    parser.add_argument("--tables", nargs="+", help="only these; all of an experiment without it")
    parser.add_argument("--variants", nargs="+", help="only these rows; all of an experiment without it")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="print the tables of what is done already")
    parser.add_argument("--page", action="store_true", help="write the tables into README.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
