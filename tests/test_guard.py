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


@pytest.mark.parametrize(("shift", "faults"), [(0.02, ["AUC 0.55"]), (0, []), (-0.02, [])])
def test_rows_that_are_easier_to_tell_than_those_written_down_fail(guard, written, shift, faults):
    other = {**written, "auc": [area + shift for area in written["auc"]]}
    assert [fault[:8] for fault in guard.compared(other, written)] == faults


@pytest.mark.parametrize(("times", "n_faults"), [(0.74, 1), (0.76, 0), (1.5, 0)])
def test_a_quarter_of_the_speed_may_be_lost(guard, written, times, n_faults):
    other = {**written, "share": [share * times for share in written["share"]]}
    assert len(guard.compared(other, written)) == n_faults
