"""Ray draws what one process draws, also when its workers are killed in the middle."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from synthgan import ResourceError
from synthgan.runs import Plan, clusters, draw_to

#: Requests a cluster; all tests on one but the first are marked as slow.
with_ray = pytest.mark.usefixtures("two_workers")


def workers():
    """The processes that draw a chunk now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::_part"):
                found.append(int(path.parent.name))
        except OSError:  # has ended meanwhile
            continue
    return found


class Killer(threading.Thread):
    """Kills one who draws a chunk as soon as so many parts are written; all of them for ever with None."""

    def __init__(self, folder, n_parts):
        super().__init__(daemon=True)
        self.folder, self.n_parts, self.killed, self.is_over = folder, n_parts, [], False

    def run(self):
        while not self.is_over and (self.n_parts is None or not self.killed):
            time.sleep(0.002)
            is_time = self.n_parts is None or len(list(self.folder.glob("part-*.parquet"))) >= self.n_parts
            for process in workers()[:1] if is_time else []:
                os.kill(process, signal.SIGKILL)
                self.killed.append(process)


@with_ray
def test_ray_draws_the_same_bytes(gan, plan, whole, contents, tmp_path):
    assert draw_to(tmp_path / "run", gan, plan, engine="ray") == 1_050
    assert contents(tmp_path / "run") == contents(whole)


@with_ray
@pytest.mark.slow
def test_a_killed_worker_changes_nothing(gan, contents, tmp_path):
    plan = Plan(4_000, seed=3, chunk_rows=100)
    killer = Killer(tmp_path / "run", 5)
    killer.start()
    assert draw_to(tmp_path / "run", gan, plan, engine="ray", n_workers=2) == 4_000
    killer.join(timeout=10)
    assert killer.killed
    draw_to(tmp_path / "other", gan, plan, n_workers=1)
    assert contents(tmp_path / "run") == contents(tmp_path / "other")


@with_ray
@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_or_without_ray(gan, plan, whole, contents, tmp_path, monkeypatch):
    add, folder = "synthgan.runs.parts.Parts.add", tmp_path / "run"
    monkeypatch.setattr(add, interrupted(1))
    with pytest.raises(KeyboardInterrupt):
        draw_to(folder, gan, plan, engine="ray", n_workers=1)
    monkeypatch.undo()
    draw_to(folder, gan, plan, n_workers=1, resume=True)
    assert contents(folder) == contents(whole)


def interrupted(n_parts):
    from synthgan.runs.parts import Parts

    real = Parts.add

    def add(self, part):
        real(self, part)
        if len(self.known) == n_parts:
            raise KeyboardInterrupt

    return add


@with_ray
@pytest.mark.slow
def test_workers_that_are_lost_for_ever_end_the_run(gan, tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "MAX_RETRIES", 1)
    killer = Killer(tmp_path / "run", None)
    killer.start()
    try:
        with pytest.raises(ResourceError, match="lost time and again"):
            draw_to(tmp_path / "run", gan, Plan(100_000, seed=3, chunk_rows=20_000), engine="ray")
    finally:
        killer.is_over = True
    killer.join(timeout=10)


@with_ray
@pytest.mark.slow
def test_an_error_in_a_task_is_the_error(gan, plan, tmp_path):
    job = clusters.Job(tmp_path / "nothing", plan, plan.schema(gan), tmp_path)
    with pytest.raises(Exception, match="There is no model file"):
        list(clusters.drawn_by_ray(job, [0], 1))


def test_a_user_without_ray_is_told_what_to_install(gan, plan, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(clusters.ParameterError, match=r"install 'synthgan\[ray\]'"):
        draw_to(tmp_path / "run", gan, plan, engine="ray")
    assert not (tmp_path / "run").exists()
