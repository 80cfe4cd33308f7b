"""The command line on parquet files: what it writes, what it says, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import PENGUINS, QUICK, contents, done, refused, run
from quick_models import quick

from synthgan.schema_file import SchemaFile

pytestmark = pytest.mark.usefixtures("quick_defaults")


def test_augment_writes_real_rows_unchanged_and_the_same_drawn_ones_after(source, tmp_path):
    output = tmp_path / "out.parquet"
    result = done("augment", source, "-o", output, "--rows", 20, *QUICK)
    done("augment", source, "-o", tmp_path / "again", "--rows", 20, *QUICK)
    assert output.read_bytes() == (tmp_path / "again").read_bytes()
    assert result.stdout == ""
    assert "344 real rows, then 20 drawn ones" in result.stderr
    assert pq.read_schema(output).equals(pq.read_schema(source), check_metadata=True)
    pd.testing.assert_frame_equal(pd.read_parquet(output).iloc[:344], PENGUINS)
    assert len(pd.read_parquet(output)) == 364
    assert sorted(contents(tmp_path)) == ["again", "out.parquet", "penguins.parquet"]


def test_augment_adds_as_many_rows_as_there_are_unless_told(source, tmp_path):
    for options, n_rows in (([], 688), (["--ratio", 0.25], 430)):
        done("augment", source, "-o", tmp_path / "out", "--force", *options, *QUICK)
        assert len(pd.read_parquet(tmp_path / "out")) == n_rows


def test_augment_balances_marks_and_holds_conditions(source, tmp_path):
    options = ["--target", "species", "--balance", "--mark", "--condition", "sex=MALE"]
    PENGUINS.assign(island=PENGUINS["island"].where(PENGUINS.index > 0)).to_parquet(source)
    done("augment", source, "-o", tmp_path / "out", *options, "--condition", "island=", *QUICK)
    table = pd.read_parquet(tmp_path / "out")
    assert table["species"].value_counts().nunique() == 1
    drawn = table[table["synthetic"]]
    assert drawn["sex"].eq("MALE").all()
    assert drawn["island"].isna().all()
    assert not table.iloc[:344]["synthetic"].any()


def test_fit_sample_and_info(source, tmp_path):
    model = tmp_path / "model"
    done("fit", source, "-o", model, "--target", "species", *QUICK)
    condition = ["--condition", "species=Gentoo", "--condition", "body_mass_g=5000"]
    for name in ("a.parquet", "b.parquet"):
        done("sample", model, "-o", tmp_path / name, "-n", 30, "--seed", 1, *condition)
    drawn = pd.read_parquet(tmp_path / "a.parquet")
    assert drawn["species"].eq("Gentoo").all()
    assert drawn["body_mass_g"].eq(5000).all()
    pd.testing.assert_series_equal(drawn.dtypes, PENGUINS.dtypes)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert "a model of 7 columns" in done("info", model).stdout
    shown = done("info", source).stdout
    assert "344 rows and 7 columns" in shown
    assert "categorical" in shown


def test_a_draw_goes_on_in_a_folder_of_parts(model, tmp_path):
    folder = tmp_path / "parts"
    how = ["-n", 50, "--chunk-rows", 20, "--workers", 1]
    done("sample", model, "-o", folder, *how)
    before = contents(folder, "p*")
    assert len(pd.read_parquet(folder)) == 50
    (folder / "part-00001.parquet").unlink()
    refused(run("sample", model, "-o", folder, *how), 4, "holds a run; go on with it")
    refused(run("sample", model, "-o", folder, *how, "--resume", "-n", 60), 3, "rows: 50, not 60")
    done("sample", model, "-o", folder, *how, "--resume")
    assert contents(folder, "p*") == before


def test_a_model_draws_in_as_many_rounds_as_asked(model, tmp_path):
    ways = {"default": [], "one a column": ["--rounds", 99], "one": ["--rounds", 1]}
    ways |= {"plain": ["--independent"], "drawn once": ["--no-redraw"]}
    for name, way in ways.items():
        done("sample", model, "-o", tmp_path / name, "-n", 200, "--seed", 1, *way)
        assert len(pd.read_parquet(tmp_path / name)) == 200
    for name in set(ways) - {"one a column"}:  # by default a small table may be drawn in one round
        assert not pd.read_parquet(tmp_path / "one a column").equals(pd.read_parquet(tmp_path / name))
    refused(run("sample", model, "-o", tmp_path / "x", "-n", 3, "--rounds", 0), 2, "rounds")


def test_a_model_that_copies_is_warned_of_in_one_line(source, tmp_path, monkeypatch):
    monkeypatch.setattr("synthgan.gan.copying._MOST_COPIED", -1.0)
    result = done("fit", source, "-o", tmp_path / "model", *QUICK)
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert "344 rows are too few" in line


def test_existing_output_is_kept_without_force(source, tmp_path):
    output = tmp_path / "out.parquet"
    output.write_text("precious")
    refused(run("augment", source, "-o", output, *QUICK), 4, "exists", "--force")
    assert output.read_text() == "precious"
    done("augment", source, "-o", output, "--force", "--rows", 1, *QUICK)
    assert len(pd.read_parquet(output)) == 345


def test_failure_leaves_no_file(source, tmp_path):
    output = tmp_path / "out.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pq, "write_table", _interrupted_write)
        result = run("augment", source, "-o", output, "--rows", 3, "-q", *QUICK)
    assert result.exit_code == 5
    assert "could not be written whole" in result.stderr
    assert "Training is kept; the same command with --resume goes on" in result.stderr
    assert sorted(contents(tmp_path)) == [".out.parquet.training", "penguins.parquet"]
    done("augment", source, "-o", output, "--rows", 3, "-q", "--resume", *QUICK)
    assert sorted(contents(tmp_path)) == ["out.parquet", "penguins.parquet"]


def _interrupted_write(table, path, **options):
    path.write_bytes(b"PAR1 and some more")
    raise OSError("no space left on device")


#: Files that are no tables of classes, by name.
ODD = {
    "empty": b"",
    "begun": b"PAR1",
    "text": b"a,b\n1,2\n",
    "no-rows": PENGUINS.iloc[:0],
    "one-class": PENGUINS.assign(species="Adelie"),
    "no-class": PENGUINS.assign(species=pd.Series([None] * 344, dtype="str")),
}


@pytest.mark.parametrize(
    ("names", "options", "code", "words"),
    [
        ("penguins penguins", "", 4, ["is the input"]),
        ("penguins .", "", 4, ["directory"]),
        ("penguins no/out", "", 4, ["does not exist"]),
        ("empty out", "", 3, ["not a complete", "empty"]),
        ("begun out", "", 3, ["not a complete", "begun"]),
        ("text out", "", 3, ["not a complete", "text"]),
        ("nothing out", "", 3, ["no file", "nothing"]),
        ("folder out", "", 3, ["no parquet files"]),
        ("no-rows out", "", 3, ["0 rows"]),
        ("one-class out", "--target species", 3, ["'Adelie' only"]),
        ("no-class out", "--target species", 3, ["no value"]),
        ("penguins out", "--target specis", 3, ["Did you mean 'species'"]),
        ("penguins out", "--condition species=Dodo", 3, ["Dodo"]),
        ("penguins out", "--condition specie=Gentoo", 3, ["Did you mean 'species'"]),
        ("penguins out", "--condition body_mass_g", 3, ["COLUMN=VALUE"]),
        ("penguins out", "--condition sex=MALE --condition sex=FEMALE", 3, ["two conditions"]),
        ("penguins out", "--rows 1000000000000", 5, ["GiB"]),
        (
            "penguins out",
            "--balance --target species --condition species=Gentoo",
            2,
            ["cannot be a condition"],
        ),
        ("penguins out", "--balance --target bill_length_mm", 3, ["needs classes"]),
    ],
)
def test_what_is_asked_is_checked_before_training(tmp_path, monkeypatch, names, options, code, words):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for name, content in {"penguins": PENGUINS, **ODD}.items():
        content.to_parquet(name) if isinstance(content, pd.DataFrame) else Path(name).write_bytes(content)
    before = contents(tmp_path)
    source, output = names.split()
    # Training would take a hundred thousand epochs, so an answer within the test's time comes before it.
    refused(run("augment", source, "-o", output, "--epochs", 100_000, *options.split()), code, *words)
    assert contents(tmp_path) == before


def test_class_with_one_row_is_warned_of(source, tmp_path):
    PENGUINS.iloc[[0, *range(152, 344)]].to_parquet(source)
    result = done("augment", source, "-o", tmp_path / "out", "--target", "species", "--rows", 5, *QUICK)
    assert "warning: class 'Adelie'" in result.stderr


def test_what_cannot_be_learned_is_named_and_left_out_on_request(source, tmp_path):
    PENGUINS.assign(trips=[[1, 2]] * 344).to_parquet(source)
    output = tmp_path / "out"
    refused(run("augment", source, "-o", output, *QUICK), 3, "'trips'", "--drop-unsupported")
    result = done("augment", source, "-o", output, "--drop-unsupported", "--rows", 3, *QUICK)
    assert "not learned, since it cannot be: 'trips'" in result.stderr
    assert list(pd.read_parquet(output).columns) == list(PENGUINS.columns)


@pytest.mark.parametrize(
    "options",
    ["", "--rows -1", "--rows 3 --balance --target species", "--balance", "--max-time -3"],
)
def test_usage_errors_end_with_two(source, tmp_path, options):
    output = ["-o", tmp_path / "out"] if options else []
    assert run("augment", source, *output, *options.split()).exit_code == 2


def test_what_is_no_model_is_refused(source, tmp_path):
    refused(run("sample", source, "-o", tmp_path / "out", "-n", 3), 3, "not a synthgan model")
    (tmp_path / "folder").mkdir()
    refused(run("info", tmp_path / "folder"), 3)


def test_model_of_an_array_is_drawn_from(tmp_path):
    quick().fit(np.zeros((5, 2))).save(tmp_path / "model")
    done("sample", tmp_path / "model", "-o", tmp_path / "out", "-n", 3)
    assert pd.read_parquet(tmp_path / "out").columns.tolist() == ["x0", "x1"]


def test_dates_of_a_parquet_file_are_drawn(source, tmp_path):
    PENGUINS.assign(day=pd.date_range("2020-01-01", periods=344).date).to_parquet(source)
    done("augment", source, "-o", tmp_path / "out", "--rows", 9, *QUICK)
    table = pq.read_table(tmp_path / "out")
    assert table.schema.field("day").type == pa.date32()
    assert table["day"].null_count == 0


def test_version_and_help():
    assert run("--version").stdout.startswith("synthgan, version ")
    assert {"augment", "fit", "sample", "info"} <= set(run("--help").stdout.split())


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_signals_end_with_their_codes_and_leave_what_is_learned(source, tmp_path, number, code):
    options = ["-o", tmp_path / "out", "--epochs", "100000", "--max-time", "15"]
    command = [sys.executable, "-m", "synthgan", "augment", source, *options]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs ignore it
    )
    assert b"Learning" in process.stderr.readline()
    assert b"Training" in process.stderr.readline()  # under way
    time.sleep(0.2)
    process.send_signal(number)
    told = process.communicate(timeout=60)[1].decode()
    assert process.returncode == code
    word = "interrupted" if number == signal.SIGINT else "terminated"
    assert f"error: {word}. Training is kept" in told
    assert sorted(contents(tmp_path)) == [".out.training", "penguins.parquet"]


def test_schema_writes_a_file_that_augment_takes(source, tmp_path):
    path, output = tmp_path / "penguins.toml", tmp_path / "out.parquet"
    assert done("schema", source, "-o", path).stdout == ""
    assert done("schema", source).stdout == path.read_text()
    assert '"sex" = "categorical"' in path.read_text()
    refused(run("schema", source, "-o", path), 4, "exists")
    rule = '\n[[rules]]\nkind = "inequality"\nlow = "bill_depth_mm"\nhigh = "bill_length_mm"\n'
    text = path.read_text().replace('"island" = "categorical"', '"island" = "drop"')
    path.write_text(text.replace('"body_mass_g" = "numerical"', '"body_mass_g" = "categorical"') + rule)
    done("augment", source, "-o", output, "--rows", 50, "--schema", path, *QUICK)
    table = pd.read_parquet(output)
    assert list(table) == list(PENGUINS.drop(columns="island"))
    assert not (table["bill_depth_mm"] > table["bill_length_mm"]).any()
    model = tmp_path / "model"
    done("fit", source, "-o", model, "--schema", path, *QUICK)
    assert "asked for" in done("info", model).stdout


def test_a_schema_file_that_does_not_fit_is_bad_input(source, tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('[kinds]\nsexx = "categorical"\n')
    fit = ("fit", source, "-o", tmp_path / "model", "--schema", path, *QUICK)
    refused(run(*fit), 3, "'sexx'", "Did you mean 'sex'")
    path.write_text('[[rules]]\nkind = "inequality"\nlow = "bill_length_mm"\nhigh = "bill_depth_mm"\n')
    refused(run(*fit), 3, "bill_length_mm <= bill_depth_mm does not hold in 342 rows")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("name", ["schema.toml", "schema.json"])
def test_schema_and_info_tell_of_columns_that_cannot_be_learned(tmp_path, name):
    source, path = str(tmp_path / "in.parquet"), str(tmp_path / name)
    notes = [f"What was said at {i} of it" for i in range(120)]
    pd.DataFrame({"size": np.arange(120) % 7, "note": notes}).to_parquet(source)
    done("schema", source, "-o", path)
    assert SchemaFile.read(path).kinds == {"size": "numerical", "note": "drop"}
    assert "'note' cannot be learned: free text" in done("info", source).output
    done("augment", source, "-o", tmp_path / "out", "--schema", path, "--epochs", "1")
    assert list(pd.read_parquet(tmp_path / "out")) == ["size"]
