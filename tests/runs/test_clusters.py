"""Ray draws what one process draws, also when its workers are killed in the middle."""

import pytest

from synthgan import ResourceError
from synthgan.runs import Plan, clusters, draw_to

#: Requests a cluster; all tests on one but the first are marked as slow.
with_ray = pytest.mark.usefixtures("two_workers")


@with_ray
def test_ray_draws_the_same_bytes(gan, plan, whole, contents, tmp_path):
    assert draw_to(tmp_path / "run", gan, plan, engine="ray") == 1_050
    assert contents(tmp_path / "run") == contents(whole)


@with_ray
@pytest.mark.slow
def test_a_killed_worker_changes_nothing(gan, contents, tmp_path, killing):
    plan = Plan(4_000, seed=3, chunk_rows=100)
    with killing("ray::_part", lambda: len(list(tmp_path.glob("run/part-*.parquet"))) >= 5) as killed:
        assert draw_to(tmp_path / "run", gan, plan, engine="ray", n_workers=2) == 4_000
    assert killed
    draw_to(tmp_path / "other", gan, plan, n_workers=1)
    assert contents(tmp_path / "run") == contents(tmp_path / "other")


@with_ray
@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_or_without_ray(
    gan, plan, whole, contents, tmp_path, interrupted_after
):
    with pytest.raises(KeyboardInterrupt), interrupted_after(1):
        draw_to(tmp_path / "run", gan, plan, engine="ray", n_workers=1)
    draw_to(tmp_path / "run", gan, plan, n_workers=1, resume=True)
    assert contents(tmp_path / "run") == contents(whole)


@with_ray
@pytest.mark.slow
def test_workers_that_are_lost_for_ever_end_the_run(gan, tmp_path, monkeypatch, killing):
    monkeypatch.setattr(clusters, "MAX_RETRIES", 1)
    plan = Plan(100_000, seed=3, chunk_rows=20_000)
    all_tasks = killing("ray::_part", lambda: True, for_ever=True)
    with all_tasks, pytest.raises(ResourceError, match="lost time and again"):
        draw_to(tmp_path / "run", gan, plan, engine="ray")


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
