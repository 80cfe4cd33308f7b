import json

import pandas as pd
import pytest
from commands import PENGUINS, contents, done, refused, run

pytestmark = pytest.mark.usefixtures("quick_defaults")
FAST = ["--splits", "2", "--repeats", "1", "--epochs", "1", "--jobs", "1", "--seed", "0"]


@pytest.fixture
def penguins(tmp_path):
    path = tmp_path / "penguins.parquet"
    PENGUINS.iloc[::2].to_parquet(path)
    return str(path)


def test_compare_prints_a_verdict_and_writes_a_report(penguins, tmp_path):
    report, learners = tmp_path / "report.html", ["--learner", "nearest neighbours"]
    result = done("compare", penguins, "--target", "species", "--report", report, *learners, *FAST)
    assert result.stdout.startswith("**SynthGAN")
    assert "against no augmentation" in result.stdout
    assert f"wrote {report}" in result.stderr
    assert "Does augmentation help?" in report.read_text()


def test_compare_goes_on_from_a_folder_and_prints_json(penguins, tmp_path):
    folder = tmp_path / "folds"
    learner = ["--learner", "logistic regression", "--no-examine"]
    options = ["compare", penguins, "--target", "sex", "--json", "-q", "--resume", folder, *learner, *FAST]
    first, again = done(*options), done(*options)
    assert first.stderr == ""
    assert len(list(folder.iterdir())) == 2
    assert json.loads(first.stdout)["verdicts"] == json.loads(again.stdout)["verdicts"]
    learners = {row["learner"] for row in json.loads(first.stdout)["gains"]}
    assert learners == {"all learners", "logistic regression"}


def test_evaluate_compares_two_files(penguins, tmp_path):
    table = pd.read_parquet(penguins)
    paths = [tmp_path / f"part{part}.parquet" for part in range(3)]
    for part, path in enumerate(paths):
        table.iloc[part::3].to_parquet(path)
    report = tmp_path / "report.html"
    options = ["--held-out", paths[2], "--target", "species", "--report", report]
    result = done("evaluate", paths[0], paths[1], *options)
    assert "detection_trees" in result.stdout
    assert "What they give away" in report.read_text()
    assert json.loads(done("evaluate", paths[0], paths[1], "--json").stdout)["privacy"] is None


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ([], 2, "compare needs --target"),
        (["--target", "Species"], 3, "Did you mean 'species'"),
        (["--target", "species", "--metric", "speed"], 2, "metric must be one of"),
        (["--target", "species", "--learner", "forest"], 2, "Did you mean 'random forest'"),
        (["--target", "species", "--report", "/nowhere/report.html"], 4, "does not exist"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(penguins, options, code, told):
    refused(run("compare", penguins, *options), code, told)


def test_files_of_other_columns_are_not_compared(penguins, tmp_path):
    other = tmp_path / "other.parquet"
    PENGUINS.drop(columns="sex").to_parquet(other)
    refused(run("evaluate", penguins, other), 3, "lacks 'sex'")


def test_a_report_takes_no_place_without_force_and_never_that_of_a_table(penguins, tmp_path):
    report, other = tmp_path / "report.html", tmp_path / "other.parquet"
    report.write_text("mine")
    PENGUINS.to_parquet(other)
    before = contents(tmp_path)
    compare, evaluate = ["compare", penguins, "--target", "sex"], ["evaluate", penguins, other]
    for command in (
        [*compare, "--report", report],
        [*evaluate, "--report", report],
        [*compare, "--report", penguins, "--force"],
        [*evaluate, "--report", other, "--force"],
        [*evaluate, "--held-out", other, "--report", other, "--force"],
    ):
        assert run(*command).exit_code == 4
    assert contents(tmp_path) == before


def test_of_a_marked_table_the_drawn_rows_are_compared(penguins, tmp_path):
    table = pd.read_parquet(penguins)
    drawn, marked = tmp_path / "drawn.parquet", tmp_path / "marked.parquet"
    rows = table.sample(frac=0.5, random_state=0)
    rows.to_parquet(drawn)
    pd.concat([table.assign(synthetic=False), rows.assign(synthetic=True)]).to_parquet(marked)
    of_drawn, of_marked = (done("evaluate", penguins, path, "--json", "-q") for path in (drawn, marked))
    assert of_drawn.stdout == of_marked.stdout
