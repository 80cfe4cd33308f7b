"""What all commands have in common: an example, JSON, dry runs, cores, standard input and output."""

import io
import json
import shlex

import pandas as pd
import pytest
import torch
from commands import QUICK, contents, done, run

from synthgan import SynthGAN
from synthgan.cli import main

pytestmark = pytest.mark.usefixtures("quick_defaults")
OF_EACH = {
    "augment": ["augment", "penguins.parquet", "-o", "out.parquet", "--rows", 5, *QUICK],
    "compare": [
        *["compare", "penguins.parquet", "--target", "species", "--splits", 2, "--repeats", 1, "--jobs", 1],
        *["--no-examine", "--learner", "logistic regression", *QUICK],
    ],
    "completion": ["completion", "zsh"],
    "evaluate": ["evaluate", "penguins.parquet", "penguins.parquet"],
    "fit": ["fit", "penguins.parquet", "-o", "out", *QUICK],
    "impute": ["impute", "penguins.parquet", "-o", "out.parquet", *QUICK],
    "info": ["info", "penguins.parquet"],
    "sample": ["sample", "model", "-o", "out.parquet", "-n", 20, "--workers", 1, "--seed", 1],
    "schema": ["schema", "penguins.parquet"],
}
over_commands = pytest.mark.parametrize("name", sorted(main.commands))


@pytest.fixture
def folder(source, model, monkeypatch):
    """A folder with a table and a model of it, where commands are run."""
    monkeypatch.chdir(source.parent)
    return source.parent


@over_commands
def test_every_command_shows_an_example_that_is_one(name):
    text = run(name, "--help").output
    example = text.split("Example:\n")[1].strip()
    command = shlex.split(example.split(">>")[0].replace("synthgan ", "", 1))
    assert command[0] == name
    for option in ("--quiet", "--json", "--threads"):
        assert option in text
    # It is understood: its files are not there, which is another matter.
    context = main.commands[name].make_context(name, command[1:])
    assert context.params


@over_commands
def test_every_command_prints_one_json_object_and_nothing_else_where_it_is_quiet(name, folder):
    result = done(*OF_EACH[name], "--json", "-q")
    assert isinstance(json.loads(result.stdout), dict)
    assert result.stderr == ""


def test_facts_are_those_of_what_was_written(folder):
    facts = json.loads(run(*OF_EACH["sample"], "--json", "-q").stdout)
    assert facts == {"output": "out.parquet", "rows": 20, "seed": 1, "chunks": 1}
    assert len(pd.read_parquet("out.parquet")) == 20
    facts = json.loads(run(*OF_EACH["augment"], "--json", "-q", "--force").stdout)
    assert facts == {"output": "out.parquet", "real_rows": 344, "drawn_rows": 5}
    facts = json.loads(run(*OF_EACH["info"], "--json").stdout)
    assert (facts["rows"], facts["columns"]) == (344, 7)
    assert facts["schema"][0]["column"] == "species"


def test_errors_are_json_as_well(folder):
    result = run("info", "nothing.parquet", "--json")
    told = json.loads(result.stdout)
    assert told["exit_code"] == result.exit_code == 3
    assert result.stderr == f"error: {told['error']}\n"


def test_how_much_is_said_is_not_the_models(folder):
    done("fit", "penguins.parquet", "-o", "loud", *QUICK)
    done("fit", "penguins.parquet", "-o", "quiet", "-q", *QUICK)
    assert (folder / "loud").read_bytes() == (folder / "quiet").read_bytes()


@pytest.mark.parametrize("name", ["augment", "fit", "impute"])
def test_a_file_that_appears_meanwhile_stays_and_so_does_what_was_learned(name, folder, monkeypatch):
    fit = SynthGAN.fit

    def fit_while_another_writes(gan, frame, **options):
        fitted = fit(gan, frame, **options)
        output.write_bytes(b"mine")
        return fitted

    output = folder / OF_EACH[name][3]
    monkeypatch.setattr(SynthGAN, "fit", fit_while_another_writes)
    result = run(*OF_EACH[name], "-q")
    assert result.exit_code == 4
    assert "in the meantime" in result.stderr or "exists" in result.stderr
    assert "--resume goes on" in result.stderr
    assert output.read_bytes() == b"mine"
    monkeypatch.setattr(SynthGAN, "fit", fit)
    output.unlink()
    done(*OF_EACH[name], "-q", "--resume")
    assert output.read_bytes() != b"mine"
    assert sorted(contents(folder)) == sorted(["model", output.name, "penguins.parquet"])


@pytest.mark.parametrize("name", ["augment", "compare", "fit", "impute", "sample"])
def test_a_dry_run_says_what_it_takes_and_writes_nothing(name, folder):
    before = contents(folder)
    result = done(*OF_EACH[name], "--dry-run", "--json")
    facts = json.loads(result.stdout)
    assert facts["n_rows"] == (20 if name == "sample" else 344)
    assert 0 < facts["seconds"] < 120
    assert facts["n_bytes"] > 0
    assert "would" in result.stderr
    assert "nothing was written" in result.stderr
    assert contents(folder) == before


def test_a_dry_run_refuses_what_the_run_would(folder):
    draw = ["sample", "model", "-n", 5, "--dry-run", "-o"]
    assert run(*draw, "penguins.parquet").exit_code == 4
    assert run(*draw, "out.parquet", "--condition", "species=Dodo").exit_code == 3
    assert run("fit", "nothing", "-o", "out", "--dry-run").exit_code == 3


def test_cores_are_those_asked_for(folder, monkeypatch):
    seen, before = [], torch.get_num_threads()
    fit = SynthGAN.fit
    monkeypatch.setattr(SynthGAN, "fit", lambda *a, **k: seen.append(torch.get_num_threads()) or fit(*a, **k))
    done(*OF_EACH["fit"], "--threads", 3)
    assert seen == [3]
    assert torch.get_num_threads() == before


def test_tables_come_from_standard_input_and_go_to_standard_output(folder):
    given = (folder / "penguins.parquet").read_bytes()
    result = done("augment", "-", "-o", "-", "--rows", 5, "-q", *QUICK, input=given)
    assert len(pd.read_parquet(io.BytesIO(result.stdout_bytes))) == 349
    result = run("sample", "model", "-n", 7, "-o", "-", "--workers", 1)
    assert "wrote standard output: 7 drawn rows" in result.stderr
    assert len(pd.read_parquet(io.BytesIO(result.stdout_bytes))) == 7
    assert "standard input: a table of 344 rows" in run("info", "-", input=given).stdout
    assert sorted(contents(folder)) == ["model", "penguins.parquet"]


def test_standard_output_has_one_thing_and_is_no_terminal(folder, monkeypatch):
    draw = ["sample", "model", "-n", 5, "-o", "-"]
    result = run(*draw, "--json")
    assert (result.exit_code, result.stdout) == (2, "")  # no error where a file is expected
    assert "either for the file (-o -) or for --json" in result.stderr
    monkeypatch.setattr("synthgan.cli.command._is_terminal", lambda: True)
    result = run(*draw)
    assert result.exit_code == 2
    assert "A file is not for a terminal" in result.stderr
    assert sorted(contents(folder)) == ["model", "penguins.parquet"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_what_completes_commands(shell):
    script = run("completion", shell).stdout
    assert "_SYNTHGAN_COMPLETE" in script
    assert "synthgan" in script


def test_commands_and_options_are_completed():
    result = run(env={"_SYNTHGAN_COMPLETE": "bash_complete", "COMP_WORDS": "synthgan sa", "COMP_CWORD": "1"})
    assert "sample" in result.output
