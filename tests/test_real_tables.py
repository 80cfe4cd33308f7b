"""Every real table at hand is learned without an argument and drawn from, under a condition too.

UCI Adult is learned so well that its drawn rows are hard to tell from real ones.
"""

import runpy
from argparse import Namespace
from pathlib import Path

import pandas as pd
import pytest

from synthgan import SynthGAN

ROOT = Path(__file__).parents[1]
FOLDER = ROOT.parent / "shared" / "data"
TABLES = sorted(path.stem for path in FOLDER.glob("*.parquet"))
QUICK = ["abalone", "german-credit", "shoppers"]
N_QUICK = 2_000

pytestmark = pytest.mark.skipif(not TABLES, reason="the tables are not part of the project")


def rarest(table):
    """Return the rarest value of the column that holds it, among columns of few values."""
    candidates = [table[name].value_counts() for name in table.columns if table[name].nunique() <= 50]
    counts = min((counts[counts > 0] for counts in candidates), key=lambda counts: counts.min())
    return counts.index.name, counts.idxmin()


def check(table, **parameters):
    generator = SynthGAN(random_state=0, verbose=0, **parameters).fit(table)
    drawn = generator.sample(1_000)
    pd.testing.assert_series_equal(drawn.dtypes, table.dtypes)
    assert len(drawn) == 1_000
    for name in table.columns:
        present, seen = drawn[name].dropna(), table[name].dropna()
        if pd.api.types.is_numeric_dtype(table[name].dtype):
            assert present.between(seen.min(), seen.max()).all(), name
        assert drawn[name].isna().any() <= table[name].isna().any(), name
    column, value = rarest(table)
    conditioned = generator.sample(1_000, conditions={column: value})
    assert len(conditioned) == 1_000
    assert (conditioned[column] == value).all()
    pd.testing.assert_series_equal(conditioned.dtypes, table.dtypes)


@pytest.mark.parametrize("name", QUICK)
def test_some_rows_of_a_table_are_learned_and_drawn(name):
    check(pd.read_parquet(FOLDER / f"{name}.parquet").head(N_QUICK), epochs=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_table_is_learned_with_no_argument(name):
    check(pd.read_parquet(FOLDER / f"{name}.parquet"))


@pytest.mark.slow
def test_drawn_rows_of_adult_are_hard_to_tell_from_real_ones_and_teach_nearly_as_much():
    benchmark = runpy.run_path(str(ROOT / "benchmarks" / "fidelity.py"))
    result = benchmark["run"]("adult", 0, Namespace(data=FOLDER, learned=0.5, parameters={}))
    assert result["auc"] < 0.54
    assert result["utility"] > 0.91
    assert result["fit_seconds"] < 120
