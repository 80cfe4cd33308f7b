"""A small model, and what is drawn of it without interruption."""

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from quick_models import PENGUINS, quick

from synthgan.runs import Plan, draw_to
from synthgan.runs.parts import MANIFEST, Parts


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


@pytest.fixture
def interrupted_after(monkeypatch):
    """Interrupts what is done as soon as there are so many parts, and another is to be listed."""
    add = Parts.add

    @contextmanager
    def after(n_parts):
        def added(self, part):
            if len(self.known) == n_parts:
                raise KeyboardInterrupt
            add(self, part)

        with monkeypatch.context() as patched:
            patched.setattr(Parts, "add", added)
            yield

    return after


@pytest.fixture(scope="session")
def processes():
    """Those whose command has a word of all processes that come from this one, with the parent of each."""

    def of(word):
        parents, commands = {}, {}
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # has ended meanwhile
                parents[int(place.name)] = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
                commands[int(place.name)] = (place / "cmdline").read_text()

        def is_own(process):
            return process == os.getpid() or (process in parents and is_own(parents[process]))

        return {one: parents[one] for one, command in commands.items() if word in command and is_own(one)}

    return of


@pytest.fixture
def killing(processes):
    """Kills processes whose command has a word as soon as it is time: one of them, or all there ever are."""

    @contextmanager
    def of(word, is_time, *, for_ever=False):
        killed, is_over = [], threading.Event()

        def kill():
            while not is_over.is_set() and (for_ever or not killed):
                time.sleep(0.002)
                for process in list(processes(word))[-1:] if is_time() else []:
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        yield killed
        is_over.set()
        thread.join(timeout=10)

    return of


@pytest.fixture(scope="session")
def two_workers():
    """A cluster of Ray with two cores on this machine."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    yield
    ray.shutdown()
