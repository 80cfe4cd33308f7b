"""The command line on parquet files: what it writes, what it says, and how it ends."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import PENGUINS, refused, run
from quick_models import quick

from synthgan.schema_file import SchemaFile

QUICK = ["--epochs", "1", "--seed", "0"]
pytestmark = pytest.mark.usefixtures("quick_defaults")


def test_augment_writes_real_rows_unchanged_and_drawn_ones_after(source, tmp_path):
    output = tmp_path / "out.parquet"
    result = run("augment", source, "-o", output, "--rows", 20, *QUICK)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert "344 real rows, then 20 drawn ones" in result.stderr
    assert pq.read_schema(output).equals(pq.read_schema(source), check_metadata=True)
    pd.testing.assert_frame_equal(pd.read_parquet(output).iloc[:344], PENGUINS)
    assert len(pd.read_parquet(output)) == 364
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "penguins.parquet"]


def test_augment_adds_as_many_rows_as_there_are_unless_told(source, tmp_path):
    assert run("augment", source, "-o", tmp_path / "a", *QUICK).exit_code == 0
    assert run("augment", source, "-o", tmp_path / "b", "--ratio", 0.25, *QUICK).exit_code == 0
    assert len(pd.read_parquet(tmp_path / "a")) == 688
    assert len(pd.read_parquet(tmp_path / "b")) == 430


def test_augment_balances_marks_and_holds_conditions(source, tmp_path):
    options = [
        "--target",
        "species",
        "--balance",
        "--mark",
        "--condition",
        "sex=MALE",
        "--condition",
        "island=",
    ]
    output = tmp_path / "out.parquet"
    with_missing = PENGUINS.assign(island=PENGUINS["island"].where(PENGUINS.index > 0))
    with_missing.to_parquet(source)
    result = run("augment", source, "-o", output, *options, *QUICK)
    assert result.exit_code == 0, result.stderr
    table = pd.read_parquet(output)
    assert table["species"].value_counts().nunique() == 1
    drawn = table[table["synthetic"]]
    assert drawn["sex"].eq("MALE").all()
    assert drawn["island"].isna().all()
    assert not table.iloc[:344]["synthetic"].any()


def test_same_seed_same_bytes(source, tmp_path):
    for name in ("a", "b"):
        assert run("augment", source, "-o", tmp_path / name, *QUICK).exit_code == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.fixture
def model(quick_model, tmp_path):
    quick_model.save(tmp_path / "model")
    return tmp_path / "model"


def test_fit_sample_and_info(source, tmp_path):
    model = tmp_path / "model"
    assert run("fit", source, "-o", model, "--target", "species", *QUICK).exit_code == 0
    condition = ["--condition", "species=Gentoo", "--condition", "body_mass_g=5000"]
    for name in ("a.parquet", "b.parquet"):
        result = run("sample", model, "-o", tmp_path / name, "-n", 30, "--seed", 1, *condition)
        assert result.exit_code == 0, result.stderr
    drawn = pd.read_parquet(tmp_path / "a.parquet")
    assert drawn["species"].eq("Gentoo").all()
    assert drawn["body_mass_g"].eq(5000).all()
    pd.testing.assert_series_equal(drawn.dtypes, PENGUINS.dtypes)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert "a model of 7 columns" in run("info", model).stdout
    shown = run("info", source).stdout
    assert "344 rows and 7 columns" in shown
    assert "categorical" in shown


def test_a_draw_goes_on_in_a_folder_of_parts(model, tmp_path):
    folder = tmp_path / "parts"
    how = ["-n", 50, "--chunk-rows", 20, "--workers", 1]
    assert run("sample", model, "-o", folder, *how).exit_code == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(pd.read_parquet(folder)) == 50
    (folder / "part-00001.parquet").unlink()
    refused(run("sample", model, "-o", folder, *how), 4, "holds a run; go on with it")
    refused(run("sample", model, "-o", folder, *how, "--resume", "-n", 60), 3, "rows: 50, not 60")
    assert run("sample", model, "-o", folder, *how, "--resume").exit_code == 0
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: after[name] for name in after if name[0] == "p"} == {
        name: before[name] for name in before if name[0] == "p"
    }


def test_a_model_draws_in_as_many_rounds_as_asked(whole_model, tmp_path):
    model = tmp_path / "model"
    whole_model.save(model)
    ways = {"default": [], "one a column": ["--rounds", 99], "one": ["--rounds", 1]}
    ways |= {"plain": ["--independent"], "drawn once": ["--no-redraw"]}
    for name, way in ways.items():
        result = run("sample", model, "-o", tmp_path / name, "-n", 200, "--seed", 1, *way)
        assert result.exit_code == 0, result.stderr
        assert len(pd.read_parquet(tmp_path / name)) == 200
    for name in set(ways) - {"one a column"}:  # by default a small table may be drawn in one round
        assert not pd.read_parquet(tmp_path / "one a column").equals(pd.read_parquet(tmp_path / name))
    refused(run("sample", model, "-o", tmp_path / "x", "-n", 3, "--rounds", 0), 2, "rounds")


def test_a_model_that_copies_is_warned_of_in_one_line(source, tmp_path, monkeypatch):
    monkeypatch.setattr("synthgan.gan.copying._MOST_COPIED", -1.0)
    result = run("fit", source, "-o", tmp_path / "model", *QUICK)
    assert result.exit_code == 0
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert "344 rows are too few" in line


def test_existing_output_is_kept_without_force(source, tmp_path):
    output = tmp_path / "out.parquet"
    output.write_text("precious")
    refused(run("augment", source, "-o", output, *QUICK), 4, "exists", "--force")
    assert output.read_text() == "precious"
    assert run("augment", source, "-o", output, "--force", "--rows", 1, *QUICK).exit_code == 0
    assert len(pd.read_parquet(output)) == 345


def test_input_is_not_its_own_output_without_force(source):
    before = source.read_bytes()
    refused(run("augment", source, "-o", source, *QUICK), 4, "is the input")
    assert source.read_bytes() == before


def test_output_directory_is_refused(source, tmp_path):
    refused(run("augment", source, "-o", tmp_path, *QUICK), 4, "directory")
    refused(run("augment", source, "-o", tmp_path / "no" / "out", *QUICK), 4, "does not exist")


def test_failure_leaves_no_file(source, tmp_path):
    output = tmp_path / "out.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pq, "write_table", _interrupted_write)
        result = run("augment", source, "-o", output, "--rows", 3, "-q", *QUICK)
    assert result.exit_code == 5
    assert "could not be written whole" in result.stderr
    assert "Training is kept; the same command with --resume goes on" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.parquet.training", "penguins.parquet"]
    assert run("augment", source, "-o", output, "--rows", 3, "-q", "--resume", *QUICK).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "penguins.parquet"]


def _interrupted_write(table, path, **options):
    path.write_bytes(b"PAR1 and some more")
    raise OSError("no space left on device")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--condition", "species=Dodo"], 3, "Dodo"),
        (["--condition", "specie=Gentoo"], 3, "Did you mean 'species'"),
        (["--condition", "body_mass_g"], 3, "COLUMN=VALUE"),
        (["--condition", "sex=MALE", "--condition", "sex=FEMALE"], 3, "two conditions"),
        (["--rows", 10**12], 5, "GiB"),
        (["--balance", "--target", "species", "--condition", "species=Gentoo"], 2, "cannot be a condition"),
        (["--balance", "--target", "bill_length_mm"], 3, "needs classes"),
    ],
)
def test_what_is_asked_is_checked_before_training(source, tmp_path, options, code, words):
    # Training would take a hundred thousand epochs, so an answer within the test's time comes before it.
    result = run("augment", source, "-o", tmp_path / "out", "--epochs", 100_000, *options)
    refused(result, code, words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a complete"),
        (b"PAR1", "not a complete"),
        (b"a,b\n1,2\n", "not a complete"),
        (None, "no file"),
    ],
)
def test_input_that_is_not_parquet_is_refused(tmp_path, content, words):
    path = tmp_path / "in.parquet"
    if content is not None:
        path.write_bytes(content)
    refused(run("augment", path, "-o", tmp_path / "out"), 3, words, "in.parquet")


def test_empty_directory_is_refused(tmp_path):
    refused(run("info", tmp_path), 3)
    refused(run("augment", tmp_path, "-o", tmp_path / "out"), 3, "no parquet files")


def test_target_is_checked_before_training(source, tmp_path):
    output = tmp_path / "out"
    refused(run("augment", source, "-o", output, "--target", "specis"), 3, "Did you mean 'species'")
    PENGUINS.assign(species="Adelie").to_parquet(source)
    refused(run("augment", source, "-o", output, "--target", "species"), 3, "'Adelie' only")
    PENGUINS.assign(species=pd.Series([None] * 344, dtype="str")).to_parquet(source)
    refused(run("augment", source, "-o", output, "--target", "species"), 3, "no value")


def test_class_with_one_row_is_warned_of(source, tmp_path):
    PENGUINS.iloc[[0, *range(152, 344)]].to_parquet(source)
    result = run("augment", source, "-o", tmp_path / "out", "--target", "species", "--rows", 5, *QUICK)
    assert result.exit_code == 0
    assert "warning: class 'Adelie'" in result.stderr


def test_what_cannot_be_learned_is_named_and_left_out_on_request(source, tmp_path):
    PENGUINS.assign(trips=[[1, 2]] * 344).to_parquet(source)
    output = tmp_path / "out"
    refused(run("augment", source, "-o", output, *QUICK), 3, "'trips'", "--drop-unsupported")
    result = run("augment", source, "-o", output, "--drop-unsupported", "--rows", 3, *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "not learned, since it cannot be: 'trips'" in result.stderr
    assert list(pd.read_parquet(output).columns) == list(PENGUINS.columns)


def test_table_without_rows_is_refused(source, tmp_path):
    PENGUINS.iloc[:0].to_parquet(source)
    refused(run("augment", source, "-o", tmp_path / "out"), 3, "0 rows")


def test_usage_errors_end_with_two(source, tmp_path):
    output = tmp_path / "out"
    assert run("augment", source).exit_code == 2
    assert run("augment", source, "-o", output, "--rows", -1).exit_code == 2
    assert (
        run("augment", source, "-o", output, "--rows", 3, "--balance", "--target", "species").exit_code == 2
    )
    assert run("augment", source, "-o", output, "--balance").exit_code == 2
    assert run("augment", source, "-o", output, "--max-time", -3).exit_code == 2


def test_model_that_is_not_one_is_refused(source, tmp_path):
    refused(run("sample", source, "-o", tmp_path / "out", "-n", 3), 3, "not a synthgan model")


def test_model_of_an_array_is_drawn_from(tmp_path):
    quick().fit(np.zeros((5, 2))).save(tmp_path / "model")
    assert run("sample", tmp_path / "model", "-o", tmp_path / "out", "-n", 3).exit_code == 0
    assert pd.read_parquet(tmp_path / "out").columns.tolist() == ["x0", "x1"]


def test_dates_of_a_parquet_file_are_drawn(source, tmp_path):
    days = pd.date_range("2020-01-01", periods=344).date
    PENGUINS.assign(day=days).to_parquet(source)
    assert run("augment", source, "-o", tmp_path / "out", "--rows", 9, *QUICK).exit_code == 0
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
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.training", "penguins.parquet"]


def test_schema_writes_a_file_that_augment_takes(source, tmp_path):
    path, output = tmp_path / "penguins.toml", tmp_path / "out.parquet"
    result = run("schema", source, "-o", path)
    assert (result.exit_code, result.stdout) == (0, "")
    printed = run("schema", source)
    assert printed.stdout == path.read_text()
    assert '"sex" = "categorical"' in printed.stdout
    refused(run("schema", source, "-o", path), 4, "exists")
    rule = '\n[[rules]]\nkind = "inequality"\nlow = "bill_depth_mm"\nhigh = "bill_length_mm"\n'
    text = path.read_text().replace('"island" = "categorical"', '"island" = "drop"')
    path.write_text(text.replace('"body_mass_g" = "numerical"', '"body_mass_g" = "categorical"') + rule)
    done = run("augment", source, "-o", output, "--rows", 50, "--schema", path, *QUICK)
    assert done.exit_code == 0, done.stderr
    table = pd.read_parquet(output)
    assert list(table) == list(PENGUINS.drop(columns="island"))
    assert not (table["bill_depth_mm"] > table["bill_length_mm"]).any()
    model = tmp_path / "model"
    assert run("fit", source, "-o", model, "--schema", path, *QUICK).exit_code == 0
    assert "asked for" in run("info", model).stdout


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
    frame = pd.DataFrame(
        {"size": np.arange(120) % 7, "note": [f"What was said at {i} of it" for i in range(120)]}
    )
    frame.to_parquet(source)
    assert run("schema", source, "-o", path).exit_code == 0
    assert SchemaFile.read(path).kinds == {"size": "numerical", "note": "drop"}
    assert "'note' cannot be learned: free text" in run("info", source).output
    output = str(tmp_path / "out.parquet")
    assert run("augment", source, "-o", output, "--schema", path, "--epochs", "1").exit_code == 0
    assert list(pd.read_parquet(output)) == ["size"]
