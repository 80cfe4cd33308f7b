"""The guard fails where the generator has become worse or slower by more than chance, and only there."""

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def guard(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import guard

    yield guard
    sys.modules.pop("guard")


@pytest.fixture
def written(guard):
    return json.loads(guard.WRITTEN.read_text())


def test_what_was_written_passes(guard, written):
    assert guard.compared(written, written) == []


def test_rows_that_are_easier_to_tell_fail(guard, written):
    worse = {**written, "auc": [area + 0.02 for area in written["auc"]]}
    (fault,) = guard.compared(worse, written)
    assert fault.startswith("AUC 0.55")
    better = {**written, "auc": [area - 0.02 for area in written["auc"]]}
    assert guard.compared(better, written) == []


@pytest.mark.parametrize(("times", "n_faults"), [(0.74, 1), (0.76, 0), (1.5, 0)])
def test_a_quarter_of_the_speed_may_be_lost(guard, written, times, n_faults):
    other = {**written, "share": [share * times for share in written["share"]]}
    assert len(guard.compared(other, written)) == n_faults
