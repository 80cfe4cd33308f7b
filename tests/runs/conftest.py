"""A small model, and what is drawn of it without interruption."""

import numpy as np
import pytest
from quick_models import PENGUINS, quick

from synthgan.runs import Plan, draw_to
from synthgan.runs.parts import MANIFEST


@pytest.fixture(scope="session")
def plan():
    """Four chunks."""
    return Plan(1_050, seed=3, chunk_rows=300)


@pytest.fixture(scope="session")
def gan():
    """A small model of a table that has keys of both sorts, numbers, levels and gaps."""
    table = PENGUINS.copy()
    table["tag"] = [f"P-{i:03d}" for i in range(len(table))]
    table["number"] = np.arange(len(table)) + 1
    return quick().fit(table)


@pytest.fixture(scope="session")
def whole(gan, plan, tmp_path_factory):
    """The folder of a run that was not interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert draw_to(folder, gan, plan, n_workers=1) == 1_050
    return folder


@pytest.fixture(scope="session")
def contents():
    """What the parts in a folder hold, by name."""

    def of(folder):
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != MANIFEST}

    return of


@pytest.fixture(scope="session")
def two_workers():
    """A cluster of Ray with two cores on this machine."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    yield
    ray.shutdown()
