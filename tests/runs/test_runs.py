"""Long draws in chunks: the same rows whoever draws them, and however often they were interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest
from quick_models import PENGUINS, quick
from selections import combinations

from synthgan import DataError, OutputRefusedError, ParameterError, ResourceError
from synthgan.runs import Plan, draw_to
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
    gan, whole, tmp_path, interrupted_after, name, n_done, plan, contents
):
    output = tmp_path / name
    with pytest.raises(KeyboardInterrupt), interrupted_after(n_done):
        draw_to(output, gan, plan, n_workers=1)
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


def foreign(folder):
    with (folder / MANIFEST).open("a") as file:
        file.write('{"index": 3, "odd": 1}\n{"cut')


@pytest.mark.parametrize("harm", [damaged, cut, unlisted, foreign])
def test_what_is_not_whole_is_drawn_again_and_nothing_else_forgotten(
    gan, whole, tmp_path, harm, plan, contents
):
    draw_to(tmp_path / "run", gan, plan, n_workers=1)
    harm(tmp_path / "run")
    lines = (tmp_path / "run" / MANIFEST).read_text().splitlines(keepends=True)
    draw_to(tmp_path / "run", gan, plan, n_workers=1, resume=True)
    assert contents(tmp_path / "run") == contents(whole)
    kept = "".join(line for line in lines if line.endswith("\n"))
    manifest = (tmp_path / "run" / MANIFEST).read_text()
    assert manifest.startswith(kept)
    assert all(map(json.loads, manifest.splitlines()))


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


@pytest.mark.parametrize(
    ("theirs", "output", "how", "says"),
    [
        ("run/notes.txt", "run", "force", "holds other things, such as 'notes.txt'"),
        ("run/part-0.parquet", "run", "force", "holds other things"),
        ("run/part-00000.parquet", "run", "force", "holds other things"),
        ("file", "file", "resume", "is a file, and parts go to a folder"),
        ("file.parquet", "file.parquet", "resume", "exists; name another file"),
    ],
)
def test_what_others_have_written_is_never_removed(gan, plan, tmp_path, theirs, output, how, says):
    path = tmp_path / theirs
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputRefusedError, match=says):
        draw_to(tmp_path / output, gan, plan, n_workers=1, **{how: True})
    assert path.read_bytes() == b"mine"
    assert sorted(tmp_path.rglob("*")) == before


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


def command(script, gan, folder):
    """Return the command that runs a script, which draws with a model into a folder."""
    gan.save(folder / "model")
    (folder / "script.py").write_text(script.format(output=str(folder / "run"), model=str(folder / "model")))
    return [sys.executable, str(folder / "script.py")]


def test_two_workers_draw_the_same_bytes_and_do_not_run_a_script_without_a_guard_again(
    gan, plan, whole, contents, tmp_path
):
    unguarded = KILLED.replace('if __name__ == "__main__":\n    ', 'print("once")\n').replace(
        "Plan(1_050, seed=3, chunk_rows=50)", repr(plan)
    )
    done = subprocess.run(command(unguarded, gan, tmp_path), capture_output=True, text=True, check=True)
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
    subprocess.run(command(ASKED, gan, tmp_path), check=True)
    assert set(pd.read_parquet(tmp_path / "run")["species"]) == {"Adelie"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_is_resumed_with_the_same_bytes(gan, tmp_path, number, contents):
    plan, output = Plan(1_050, seed=3, chunk_rows=50), tmp_path / "run"
    process = subprocess.Popen(command(KILLED, gan, tmp_path), start_new_session=True)
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


def test_a_worker_that_is_killed_loses_no_rows(gan, plan, contents, tmp_path, monkeypatch, processes):
    add = Parts.add

    def add_and_kill(self, part):
        add(self, part)
        if len(self.known) == 1:
            parents = processes("forkserver")
            os.kill(next(one for one, parent in parents.items() if parent in parents), signal.SIGKILL)
            time.sleep(0.3)  # so that the next chunk is given to a pool that is broken

    monkeypatch.setattr(Parts, "add", add_and_kill)
    long = replace(plan, chunk_rows=50)
    draw_to(tmp_path / "killed", gan, long, n_workers=2)
    monkeypatch.undo()
    draw_to(tmp_path / "straight", gan, long, n_workers=1)
    assert contents(tmp_path / "killed") == contents(tmp_path / "straight")
    assert all(name.startswith(("part-", MANIFEST)) for name in names_in(tmp_path / "killed"))


def test_a_folder_stays_until_what_replaces_it_is_whole(
    gan, plan, whole, contents, tmp_path, interrupted_after
):
    folder = tmp_path / "run"
    draw_to(folder, gan, replace(plan, seed=9), n_workers=1)
    before = contents(folder)
    with pytest.raises(KeyboardInterrupt, match="2 of 4 chunks are kept"), interrupted_after(2):
        draw_to(folder, gan, plan, n_workers=1, force=True)
    assert contents(folder) == before
    draw_to(folder, gan, plan, n_workers=1, resume=True)
    assert contents(folder) == contents(whole)
    assert names_in(tmp_path) == ["run"]


def test_a_forced_run_that_was_interrupted_goes_on_where_it_was(
    gan, plan, whole, contents, tmp_path, interrupted_after
):
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt), interrupted_after(2):
        draw_to(folder, gan, plan, n_workers=1, force=True)
    written = [(folder / name_of(index)).stat().st_mtime_ns for index in range(2)]
    draw_to(folder, gan, plan, n_workers=1, force=True, resume=True)
    assert [(folder / name_of(index)).stat().st_mtime_ns for index in range(2)] == written
    assert contents(folder) == contents(whole)


def test_a_plan_of_no_rows_has_the_columns(gan, tmp_path):
    for asked in (None, (), ((0, {"species": "Gentoo"}),)):
        draw_to(tmp_path / "none.parquet", gan, Plan(0, 1, asked=asked), n_workers=1, force=True)
        none = pd.read_parquet(tmp_path / "none.parquet")
        assert len(none) == 0
        assert list(none) == gan.schema_.names
