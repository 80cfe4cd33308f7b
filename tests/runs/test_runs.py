"""Long draws in chunks: the same rows whoever draws them, and however often they were interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from quick_models import PENGUINS, quick
from selections import combinations

from synthgan import DataError, OutputRefusedError, ParameterError, ResourceError
from synthgan.runs import Plan, draw_to
from synthgan.runs import drawing as drawing_module
from synthgan.runs.parts import MANIFEST, Parts, name_of


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_plan_has_all_rows_once(plan):
    chunks = list(plan)
    assert [chunk.n_rows for chunk in chunks] == [300, 300, 300, 150]
    assert [chunk.first_row for chunk in chunks] == [0, 300, 600, 900]
    assert [chunk.n_rows for chunk in Plan(0, 1)] == [0]


def test_parts_hold_what_was_asked_for(whole, gan):
    frame = pd.concat([pd.read_parquet(path) for path in sorted(whole.glob("*.parquet"))])
    assert len(frame) == 1_050
    assert frame["tag"].is_unique
    assert frame["number"].is_unique
    assert (frame.dtypes == gan.schema_.empty_frame().dtypes).all()
    lines = [json.loads(line) for line in (whole / MANIFEST).read_text().splitlines()]
    assert [line["n_rows"] for line in lines[1:]] == [300, 300, 300, 150]
    assert lines[0]["run"]["seed"] == 3


def test_a_chunk_is_a_function_of_the_model_the_seed_and_its_place(gan, whole_model, plan):
    for model in (gan, whole_model):
        first, again = plan.draw(model, plan.chunk(1)), plan.draw(model, plan.chunk(1))
        pd.testing.assert_frame_equal(first, again)
        for other in (plan.draw(model, plan.chunk(2)), Plan(1_050, 4, 300).draw(model, plan.chunk(1))):
            assert not other[list(PENGUINS)].equals(first[list(PENGUINS)])


def test_any_number_of_workers_draws_the_same_bytes(gan, whole, tmp_path, plan, contents):
    draw_to(tmp_path / "two", gan, plan, n_workers=2)
    assert contents(tmp_path / "two") == contents(whole)


def test_a_file_has_the_rows_of_the_parts_and_leaves_none(gan, whole, tmp_path, plan):
    draw_to(tmp_path / "rows.parquet", gan, plan, n_workers=1)
    assert names_in(tmp_path) == ["rows.parquet"]
    parts = [pd.read_parquet(path) for path in sorted(whole.glob("*.parquet"))]
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "rows.parquet"), pd.concat(parts, ignore_index=True)
    )
    assert pq.ParquetFile(tmp_path / "rows.parquet").num_row_groups == 4


@pytest.mark.parametrize(
    ("name", "n_done"),
    combinations(["folder", "file.parquet"], [0, 1, 3], always=lambda name, n: n == 1 or name == "folder"),
)
def test_an_interrupted_run_goes_on_where_it_was(
    gan, whole, tmp_path, monkeypatch, name, n_done, plan, contents
):
    def interrupted(job, gan, indices):
        for index in list(indices)[:n_done]:
            yield job.part(index, gan)
        raise KeyboardInterrupt

    output = tmp_path / name
    monkeypatch.setattr(drawing_module, "drawn_here", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_to(output, gan, plan, n_workers=1)
    monkeypatch.undo()
    assert name == "folder" or not output.exists()
    draw_to(output, gan, plan, n_workers=1, resume=True)
    if name == "folder":
        assert contents(output) == contents(whole)
    else:
        draw_to(tmp_path / "other.parquet", gan, plan, n_workers=1)
        assert output.read_bytes() == (tmp_path / "other.parquet").read_bytes()
        assert names_in(tmp_path) == ["file.parquet", "other.parquet"]


def damaged(folder):
    path = folder / name_of(1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(folder):
    (folder / name_of(2)).write_bytes(b"PAR1")


def unlisted(folder):
    lines = (folder / MANIFEST).read_text().splitlines()
    (folder / MANIFEST).write_text("\n".join(lines[:3]) + '\n{"index": 2, "n_ro')
    (folder / ".part-00003.parquet.x.part").write_bytes(b"half")


@pytest.mark.parametrize("harm", [damaged, cut, unlisted])
def test_what_is_not_whole_is_drawn_again(gan, whole, tmp_path, harm, plan, contents):
    draw_to(tmp_path / "run", gan, plan, n_workers=1)
    harm(tmp_path / "run")
    draw_to(tmp_path / "run", gan, plan, n_workers=1, resume=True)
    assert contents(tmp_path / "run") == contents(whole)


def test_another_run_is_not_gone_on_with(gan, tmp_path, plan, contents):
    draw_to(tmp_path / "run", gan, plan, n_workers=1)
    before = contents(tmp_path / "run")
    with pytest.raises(DataError, match="seed: 3, not 4"):
        draw_to(tmp_path / "run", gan, Plan(1_050, 4, 300), n_workers=1, resume=True)
    with pytest.raises(OutputRefusedError, match="holds a run; go on with it"):
        draw_to(tmp_path / "run", gan, plan, n_workers=1)
    assert contents(tmp_path / "run") == before
    draw_to(tmp_path / "run", gan, Plan(300, 4, 300), n_workers=1, force=True)
    assert list(contents(tmp_path / "run")) == [name_of(0)]


def test_nothing_but_parts_is_ever_removed(gan, tmp_path, plan):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputRefusedError, match=r"holds other things, such as 'notes.txt'"):
        draw_to(tmp_path, gan, plan, n_workers=1, force=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert names_in(tmp_path) == ["notes.txt"]


def test_two_runs_do_not_write_to_one_folder(gan, tmp_path, plan):
    parts = Parts(tmp_path / "run", {})
    with (
        parts.opened(resume=False, force=False),
        pytest.raises(OutputRefusedError, match="Another run is writing"),
    ):
        draw_to(tmp_path / "run", gan, plan, n_workers=1, resume=True)


def test_what_is_asked_holds_in_every_chunk(gan, tmp_path):
    known = pd.DataFrame({"species": (["Adelie"] * 2 + ["Gentoo"]) * 200})
    draw_to(tmp_path / "known.parquet", gan, Plan(600, 0, 250, known), n_workers=1)
    drawn = pd.read_parquet(tmp_path / "known.parquet")
    assert drawn["species"].tolist() == known["species"].tolist()


def test_a_rule_about_all_rows_is_refused(tmp_path):
    rules = [{"kind": "unique", "columns": ["body_mass_g"]}]
    gan = quick(rules=rules).fit(PENGUINS[["species", "body_mass_g"]].drop_duplicates("body_mass_g").dropna())
    with pytest.raises(ParameterError, match="cannot be kept across chunks"):
        draw_to(tmp_path / "run", gan, Plan(40, 0, 20))


def test_an_engine_must_be_known(gan, tmp_path, plan):
    with pytest.raises(ParameterError, match="engine must be one of 'local', 'ray'; got 'dask'"):
        draw_to(tmp_path / "run", gan, plan, engine="dask")


KILLED = """
from pathlib import Path
from synthgan import SynthGAN
from synthgan.runs import Plan, draw_to
if __name__ == "__main__":
    draw_to({output!r}, SynthGAN.load({model!r}), Plan(1_050, seed=3, chunk_rows=50), n_workers=2)
"""


def test_a_script_without_a_guard_is_not_run_again_by_workers(gan, plan, whole, contents, tmp_path):
    gan.save(tmp_path / "model")
    script = tmp_path / "script.py"
    unguarded = KILLED.replace('if __name__ == "__main__":\n    ', 'print("once")\n').replace(
        "Plan(1_050, seed=3, chunk_rows=50)", repr(plan)
    )
    script.write_text(unguarded.format(output=str(tmp_path / "run"), model=str(tmp_path / "model")))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "once\n"
    assert contents(tmp_path / "run") == contents(whole)


ASKED = """
from enum import Enum
from synthgan import SynthGAN
from synthgan.runs import Plan, draw_to
class Side(str, Enum):
    LEFT = "Adelie"
if __name__ == "__main__":
    asked = {{"species": Side.LEFT}}
    draw_to({output!r}, SynthGAN.load({model!r}), Plan(60, 3, 30, asked), n_workers=2)
"""


@pytest.mark.slow
def test_a_condition_may_be_of_a_class_of_the_script(gan, tmp_path):
    gan.save(tmp_path / "model")
    script = tmp_path / "script.py"
    script.write_text(ASKED.format(output=str(tmp_path / "run"), model=str(tmp_path / "model")))
    subprocess.run([sys.executable, str(script)], check=True)
    assert set(pd.read_parquet(tmp_path / "run")["species"]) == {"Adelie"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_is_resumed_with_the_same_bytes(gan, tmp_path, number, contents):
    plan, output = Plan(1_050, seed=3, chunk_rows=50), tmp_path / "run"
    gan.save(tmp_path / "model")
    script = tmp_path / "script.py"
    script.write_text(KILLED.format(output=str(output), model=str(tmp_path / "model")))
    process = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    while len(list(output.glob("part-*.parquet"))) < 4 and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, number)
    process.wait()
    assert 4 <= len(list(output.glob("part-*.parquet"))) < 21
    draw_to(output, gan, plan, n_workers=1, resume=True)
    draw_to(tmp_path / "other", gan, plan, n_workers=1)
    assert contents(output) == contents(tmp_path / "other")


def test_a_disk_that_fills_up_says_what_is_kept(gan, plan, contents, whole, tmp_path, file_size_limit):
    limit = 1.5 * max(len(content) for content in contents(whole).values())
    with file_size_limit(int(limit)), pytest.raises(ResourceError, match="4 of 4 chunks are kept, and --res"):
        draw_to(tmp_path / "rows.parquet", gan, plan, n_workers=1)
    assert names_in(tmp_path) == [".rows.parquet.parts"]
    draw_to(tmp_path / "rows.parquet", gan, plan, n_workers=1, resume=True)
    assert names_in(tmp_path) == ["rows.parquet"]


def test_a_worker_that_is_killed_loses_no_rows(gan, plan, whole, contents, tmp_path, monkeypatch):
    add = Parts.add

    def add_and_kill(self, part):
        add(self, part)
        if len(self.known) == 1:
            (victim, *_) = children_of("forkserver", os.getpid())
            os.kill(victim, signal.SIGKILL)
            time.sleep(0.3)  # so that the next chunk is given to a pool that is broken

    monkeypatch.setattr(Parts, "add", add_and_kill)
    long = replace(plan, chunk_rows=50)
    draw_to(tmp_path / "killed", gan, long, n_workers=2)
    monkeypatch.undo()
    draw_to(tmp_path / "straight", gan, long, n_workers=1)
    assert contents(tmp_path / "killed") == contents(tmp_path / "straight")
    assert all(name.startswith(("part-", MANIFEST)) for name in names_in(tmp_path / "killed"))


def children_of(word, ancestor):
    """Return the processes whose command has a word and whose parent's parent is another process."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if word in (place / "cmdline").read_text():
                parents[int(place.name)] = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:  # has ended meanwhile
            continue
    return [process for process, parent in parents.items() if parents.get(parent) == ancestor]


def test_files_of_others_that_are_called_as_parts_are_never_removed(gan, plan, tmp_path):
    for name in ("part-0.parquet", "part-00000.parquet"):
        folder = tmp_path / name.replace(".", "")
        folder.mkdir()
        (folder / name).write_bytes(b"mine")
        with pytest.raises(OutputRefusedError, match="holds other things"):
            draw_to(folder, gan, plan, n_workers=1, force=True)
        assert (folder / name).read_bytes() == b"mine"


def test_a_folder_stays_until_what_replaces_it_is_whole(gan, plan, whole, contents, tmp_path, monkeypatch):
    folder, drawn_here = tmp_path / "run", drawing_module.drawn_here
    draw_to(folder, gan, replace(plan, seed=9), n_workers=1)
    before = contents(folder)

    def interrupted(job, gan, indices):
        yield from drawn_here(job, gan, list(indices)[:2])
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing_module, "drawn_here", interrupted)
    with pytest.raises(KeyboardInterrupt, match="2 of 4 chunks are kept"):
        draw_to(folder, gan, plan, n_workers=1, force=True)
    monkeypatch.undo()
    assert contents(folder) == before
    draw_to(folder, gan, plan, n_workers=1, resume=True)
    assert contents(folder) == contents(whole)
    assert names_in(tmp_path) == ["run"]


def test_resuming_forgets_nothing_and_a_line_that_is_none_of_ours_is_no_error(
    gan, plan, whole, contents, tmp_path
):
    folder = tmp_path / "run"
    draw_to(folder, gan, plan, n_workers=1)
    lines = (folder / MANIFEST).read_text().splitlines()
    (folder / MANIFEST).write_text("\n".join([*lines, '{"index": 3, "odd": 1}', '{"cut']))
    draw_to(folder, gan, plan, n_workers=1, resume=True)
    assert (folder / MANIFEST).read_text().splitlines()[: len(lines)] == lines
    assert contents(folder) == contents(whole)


def test_a_forced_run_that_was_interrupted_goes_on_where_it_was(
    gan, plan, whole, contents, tmp_path, monkeypatch
):
    folder, drawn_here, drawn = tmp_path / "run", drawing_module.drawn_here, []

    def noting(job, gan, indices):
        for index in list(indices):
            drawn.append(index)
            yield from drawn_here(job, gan, [index])
            if drawn == [0, 1]:
                raise KeyboardInterrupt

    monkeypatch.setattr(drawing_module, "drawn_here", noting)
    with pytest.raises(KeyboardInterrupt):
        draw_to(folder, gan, plan, n_workers=1, force=True)
    draw_to(folder, gan, plan, n_workers=1, force=True, resume=True)
    assert drawn == [0, 1, 2, 3]
    assert contents(folder) == contents(whole)


@pytest.mark.parametrize("name", ["file", "file.parquet"])
def test_going_on_does_not_replace_what_another_has_written(gan, plan, tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(OutputRefusedError):
        draw_to(tmp_path / name, gan, plan, n_workers=1, resume=True)
    assert (tmp_path / name).read_bytes() == b"mine"
    assert names_in(tmp_path) == [name]


def test_a_plan_of_no_rows_has_the_columns(gan, tmp_path):
    for asked in (None, (), ((0, {"species": "Gentoo"}),)):
        draw_to(tmp_path / "none.parquet", gan, Plan(0, 1, asked=asked), n_workers=1, force=True)
        none = pd.read_parquet(tmp_path / "none.parquet")
        assert len(none) == 0
        assert list(none) == gan.schema_.names
