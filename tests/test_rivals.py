"""The benchmark beside others: splits, figures, limits, and what is said of runs that fail."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
MODULES = ("attempts", "cells", "figures", "published", "report", "simulated", "tables", "watched", "bench")


@pytest.fixture(scope="module")
def rivals():
    """The modules of the benchmark, by name."""
    folders = [str(BENCHMARKS / "rivals"), str(BENCHMARKS)]
    sys.path[:0] = folders
    yield {name: __import__(name) for name in MODULES}
    for folder in folders:
        sys.path.remove(folder)
    for name in (*MODULES, "fidelity"):
        sys.modules.pop(name, None)


@pytest.fixture
def data(tmp_path, rivals):
    """A folder with a simulated table under the name of one of the benchmark's."""
    table = rivals["simulated"].simulated(2_000, 6, seed=1)
    table = table.rename(columns={"level5": "income"})
    table["income"] = np.where(table["income"] == "level 0", "low", "high")
    table.to_parquet(tmp_path / "mammography.parquet")
    return tmp_path


@pytest.fixture
def split(rivals, data, monkeypatch):
    tables = rivals["tables"]
    monkeypatch.setitem(tables.TABLES, "mammography", tables.Table(("mammography",), "income"))

    def rows(name):
        found = tables.rows_of("mammography", name, data)
        cells = [rivals["figures"].as_cells(part, found) for part in (found.learned, found.test)]
        return tables.Rows(*cells, found.target, found.levels)

    return rows


@pytest.mark.parametrize(("name", "n_learned"), [("published", 1_800), ("half", 1_000)])
def test_a_split_has_each_row_once(split, data, name, n_learned):
    rows = split(name)
    assert (len(rows.learned), len(rows.test)) == (n_learned, 2_000 - n_learned)
    both = pd.concat([rows.learned, rows.test])["number0"]
    whole = pd.read_parquet(data / "mammography.parquet")["number0"]
    assert sorted(both) == sorted(whole)
    assert rows.levels == ("level1", "level3", "income")


def test_published_rows_are_those_of_the_seed_1234(split, data):
    order = np.arange(2_000)
    np.random.RandomState(1234).shuffle(order)
    whole = pd.read_parquet(data / "mammography.parquet")["number0"].to_numpy()
    assert split("published").learned["number0"].tolist() == whole[order[:1_800]].tolist()


def test_every_level_is_among_the_rows_to_learn(rivals):
    table = pd.DataFrame({"a": ["x"] * 40 + ["rare"], "b": range(41)})
    for shift in range(41):  # wherever the row is, another seed is taken where it would be left out
        rolled = table.iloc[np.roll(np.arange(41), shift)].reset_index(drop=True)
        learned, test = rivals["tables"]._published(rolled, ["a"])
        assert "rare" in set(learned["a"])
        assert len(learned) + len(test) == 41


def test_other_real_rows_cannot_be_told_apart(rivals, split):
    rows = split("half")
    for by_line in (False, True):
        # The standard error of an AUC of 1,000 and 1,000 rows is .013.
        area = rivals["figures"].detection(rows.learned, rows.test, rows.levels, by_line=by_line)
        assert abs(area - 0.5) < 3 * 0.013


def test_columns_drawn_for_themselves_are_told_apart_by_trees(rivals, split):
    rows = split("half")
    alone = pd.DataFrame({name: rows.learned[name].sample(frac=1).to_numpy() for name in rows.learned})
    assert rivals["figures"].detection(rows.test, alone, rows.levels) > 0.7


def test_copies_are_nearer_to_learned_rows(rivals, split):
    rows = split("half")
    figures = rivals["figures"].figures_of(rows.learned, rows, "half", published=False, is_real=False)
    assert figures["dcr_share"] == 1
    assert figures["shape"] == pytest.approx(1)
    real = rivals["figures"].figures_of(rows.test, rows, "half", published=False, is_real=True)
    assert "auc" not in real
    assert real["utility"] > 0.6
    assert real["shape"] > 0.94


def test_levels_are_the_same_text_whatever_their_type(rivals):
    tables, figures = rivals["tables"], rivals["figures"]
    learned = pd.DataFrame({"a": pd.array([1, 2, None], dtype="Int64"), "b": [True, False, True]})
    rows = tables.Rows(learned, learned, "b", ("a", "b"))
    drawn = pd.DataFrame({"a": ["1", 2.0, None], "b": ["True", "False", "True"]})
    pd.testing.assert_frame_equal(figures.as_cells(drawn, rows), figures.as_cells(learned, rows))


def test_tidied_numbers_are_as_the_learned_ones(rivals):
    learned = {"whole": [1.0, 5.0], "cents": [0.25, 9.99], "any": [np.pi, np.e], "a": ["x", "y"]}
    drawn = {"whole": [0.2, 4.4], "cents": [1.234, 20], "any": [3.0001, np.nan], "a": ["x", "z"]}
    tidy = rivals["figures"].tidied(pd.DataFrame(drawn), pd.DataFrame(learned), ("a",))
    assert tidy["whole"].tolist() == [1, 4]
    assert tidy["cents"].tolist() == [1.23, 9.99]
    assert tidy["any"].iloc[0] == 3.0001
    assert tidy["a"].tolist() == ["x", "z"]


def test_methods_that_take_no_time_run_once(rivals):
    cells = rivals["cells"].grid(["adult"], ["half"], ["synthgan", "ARF"], [15, None], [0])
    timed = [(cell.method, cell.seconds) for cell in cells]
    assert timed == [("synthgan", 15), ("synthgan", None), ("ARF", None)]


@pytest.mark.parametrize(
    ("code", "limits", "why"),
    [
        ("import time; time.sleep(60)", {"max_seconds": 1}, "took more than 1 s"),
        ("x = bytearray(3 * 10**8); import time; time.sleep(60)", {"max_bytes": 2 * 10**8}, "took more than"),
    ],
)
def test_a_run_beyond_its_limits_is_killed(rivals, tmp_path, code, limits, why):
    done = rivals["watched"].watch([sys.executable, "-c", code], **limits, log=tmp_path / "log")
    assert done.stopped.startswith(why)
    assert done.seconds < 20


def test_a_run_that_fails_says_why(rivals, tmp_path):
    code = "raise ValueError('it does not take gaps')"
    done = rivals["watched"].watch([sys.executable, "-c", code], log=tmp_path / "log")
    assert rivals["attempts"].failed(done) == "ended with 1: ValueError: it does not take gaps"


def test_what_came_of_runs_is_shown_and_which_failed(rivals, monkeypatch, capsys, tmp_path):
    results = tmp_path / "results"
    cells, bench, report = (rivals[name] for name in ("cells", "bench", "report"))
    figures = {"auc": 0.6, "auc_train": 0.4, "utility": 0.9, "dcr_share": 0.99}
    whole = {"failed": "", "figures": {"tidied": figures}, "fit_seconds": 0.1, "peak_bytes": 2**30}
    came = {"ARF": {"failed": "took more than 5 s", "figures": {}}, "bootstrap": whole}
    results.mkdir()
    for method, what in came.items():
        cell = cells.Cell("mammography", "half", method, None, 0)
        cell.path_in(results).write_text(json.dumps({**what, **vars(cell)}))
    monkeypatch.setattr(sys, "argv", ["report.py", "--results", str(results), "--plots", str(tmp_path)])
    report.main()
    printed = capsys.readouterr().out
    assert "| ARF | as it is | took more than 5 s |" in printed
    assert "| bootstrap | as it is | 0 | 1.0 | 0.600 | 0.400 | 0.900 | 0.990 | 1 |" in printed
    assert bench._in_short(whole) == "fitted in 0 s, auc 0.600, auc_train 0.400, utility 0.900"


def test_documents_show_what_the_report_prints(rivals):
    report, cells = rivals["report"], rivals["cells"]
    results, root = cells.results_in(cells.RESULTS), Path(__file__).parents[1]
    page = (root / "docs" / "explanation" / "side_by_side.md").read_text(encoding="utf-8")
    assert page == "\n".join(report.page(results, "tidied"))
    of_a_minute = "\n".join(report.at_a_glance(results, "tidied", 60))
    for path in (root / "README.md", root / "docs" / "explanation" / "benchmarks.md"):
        assert of_a_minute in path.read_text(encoding="utf-8")


def test_published_figures_are_of_all_tables(rivals):
    published = rivals["published"]
    for own in published.PUBLISHED.values():
        assert all(len(figures) == len(published.TABLES) for figures in own.values())
    assert set(published.TABLES) == set(rivals["tables"].PUBLISHED)
