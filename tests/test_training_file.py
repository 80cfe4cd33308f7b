"""Training that is stopped goes on as if it had not been, or says why it does not."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from selections import combinations

import synthgan.training_file as training_file
from synthgan import SynthGAN
from synthgan.cli import main
from synthgan.datasets import load_penguins
from synthgan.exceptions import DataError, ModelFileError
from synthgan.gan import checkpoint as checkpoints
from synthgan.persistence import read_model

#: What a run may be, and stages in which it can be stopped: the first steps, later ones, or the end.
RUNS = {
    "masked": {"imputation": True},
    "bce": {"loss": "bce", "epochs": 30},
    "wgan-gp": {"loss": "wgan-gp", "epochs": 20},
}


class Killed(BaseException):
    """The process is no more."""


@pytest.fixture(scope="module")
def table():
    """Penguins, some of whose cells are missing."""
    frame = load_penguins()
    frame.loc[::5, "body_mass_g"] = np.nan
    return frame


def gan_of(run, **parameters):
    small = {"hidden_dims": (16,), "random_state": 3, "verbose": 0}
    return SynthGAN(**{**small, **RUNS[run], **parameters})


@pytest.fixture(scope="module")
def uninterrupted(table):
    """What each run comes to."""
    return {run: gan_of(run).fit(table) for run in RUNS}


def kill_at(monkeypatch, n_writes):
    """Keep the state at every step, and end the run after so many of them."""
    write, count = training_file.write_model, []

    def write_or_die(*arguments, **options):
        write(*arguments, **options)
        count.append(1)
        if len(count) == n_writes:
            raise Killed

    monkeypatch.setattr(training_file, "write_model", write_or_die)
    monkeypatch.setattr(checkpoints, "EVERY", 0.0)


#: The others are exhaustive: what the first run keeps at any time, and each of the others at one.
QUICK_STAGES = {("masked", 1), ("masked", 17), ("bce", 2), ("wgan-gp", 17)}
STAGES = combinations(RUNS, [1, 2, 17], always=lambda *stage: stage in QUICK_STAGES)


@pytest.mark.parametrize(("run", "n_writes"), STAGES)
def test_a_run_that_was_killed_comes_to_the_same(run, n_writes, table, uninterrupted, tmp_path, monkeypatch):
    path = tmp_path / "training"
    with monkeypatch.context() as patched:
        kill_at(patched, n_writes)
        with pytest.raises(Killed):
            gan_of(run).fit(table, checkpoint=path)
    assert path.exists()
    resumed = gan_of(run).fit(table, checkpoint=path)
    assert resumed.digest() == uninterrupted[run].digest()
    assert resumed.history_.equals(uninterrupted[run].history_)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_killed_before_gaps_comes_to_the_same(table, uninterrupted, tmp_path, monkeypatch):
    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("synthgan.gan.fitting.learn_gaps", die)
        with pytest.raises(Killed):
            gan_of("masked").fit(table, checkpoint=tmp_path / "training")
    with monkeypatch.context() as patched:  # what comes before is not done again
        patched.setattr("synthgan.gan.fitting.train_masked", die)
        patched.setattr("synthgan.gan.fitting.survey", die)
        resumed = gan_of("masked").fit(table, checkpoint=tmp_path / "training")
    assert resumed.digest() == uninterrupted["masked"].digest()


def test_a_run_that_is_kept_comes_to_the_same(table, uninterrupted, tmp_path):
    kept = gan_of("masked").fit(table, checkpoint=tmp_path / "training")
    assert kept.digest() == uninterrupted["masked"].digest()


def stopped(table, path, monkeypatch, **parameters):
    with monkeypatch.context() as patched:
        kill_at(patched, 2)
        with pytest.raises(Killed):
            gan_of("masked", **parameters).fit(table, checkpoint=path)


def test_without_a_seed_that_of_the_run_is_taken(table, tmp_path, monkeypatch):
    path = tmp_path / "training"
    stopped(table, path, monkeypatch, random_state=None)
    seed = training_file.TrainingFile(path).seed
    assert gan_of("masked", random_state=None).fit(table, checkpoint=path)._seed == seed


def test_another_run_is_not_gone_on_with(table, tmp_path, monkeypatch):
    path = tmp_path / "training"
    stopped(table, path, monkeypatch)
    before = path.read_bytes()
    for told, frame, parameters in (
        ("rows", table.head(300), {}),
        ("table", table.iloc[::-1], {}),
        ("learning_rate: None, not 0.1", table, {"learning_rate": 0.1}),
        ("seed", table, {"random_state": 4}),
    ):
        with pytest.raises(DataError, match=f"is another one .*{told}.*remove that file"):
            gan_of("masked", **parameters).fit(frame, checkpoint=path)
    assert path.read_bytes() == before


def test_a_file_of_another_kind_is_refused_and_kept(table, uninterrupted, tmp_path):
    path = tmp_path / "model"
    uninterrupted["masked"].save(path)
    before = path.read_bytes()
    with pytest.raises(ModelFileError, match="is not a synthgan training"):
        gan_of("masked").fit(table, checkpoint=path)
    assert path.read_bytes() == before


#: Of what is stopped: long enough to be asked in the middle.
N_EPOCHS = 100


@pytest.fixture(scope="module")
def straight(table):
    """The digest of what the command comes to."""
    return gan_of("masked", epochs=N_EPOCHS, hidden_dims=None, random_state=1).fit(table).digest()


SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


def fitting(folder, *options):
    """Begin the command."""
    command = ["fit", "penguins.parquet", "-o", "model", "--seed", "1", "--epochs", str(N_EPOCHS)]
    command += ["--imputation", *options]
    return subprocess.Popen(
        [sys.executable, "-m", "synthgan", *command],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs ignore it
    )


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, *(pytest.param(n, marks=pytest.mark.slow) for n in (signal.SIGINT, signal.SIGTERM))],
    ids=lambda number: number.name,
)
def test_the_command_is_stopped_by_a_signal_and_goes_on(number, table, straight, tmp_path):
    table.to_parquet(tmp_path / "penguins.parquet")
    kept, deadline = tmp_path / ".model.training", time.monotonic() + 60
    process = fitting(tmp_path)
    while not kept.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == SIGNALS[number]
    left = {path.name for path in tmp_path.iterdir() if path.suffix != ".part"}
    assert left == {"penguins.parquet", kept.name}
    if number != signal.SIGKILL:
        assert "Training is kept; the same command with --resume goes on with it" in said
        assert read_model(kept, kind=training_file.KIND)  # whole
    again = CliRunner().invoke(main, ["fit", f"{tmp_path}/penguins.parquet", "-o", f"{tmp_path}/model"])
    assert "go on with it (--resume)" in again.stderr
    assert again.exit_code == 4
    resumed = fitting(tmp_path, "--resume")
    _, said = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, said
    assert {path.name for path in tmp_path.iterdir()} == {"penguins.parquet", "model"}
    assert SynthGAN.load(tmp_path / "model").digest() == straight


@pytest.mark.parametrize("command", ["fit", "augment", "impute"])
def test_going_on_does_not_replace_what_another_has_written(command, table, tmp_path):
    table.to_parquet(tmp_path / "penguins.parquet")
    (tmp_path / "out.parquet").write_bytes(b"mine")
    arguments = [command, tmp_path / "penguins.parquet", "-o", tmp_path / "out.parquet", "--resume"]
    assert CliRunner().invoke(main, [str(argument) for argument in arguments]).exit_code == 4
    assert (tmp_path / "out.parquet").read_bytes() == b"mine"


def test_a_damaged_file_is_not_said_to_be_gone_on_with(table, tmp_path, monkeypatch):
    table.to_parquet(tmp_path / "penguins.parquet")
    kept = tmp_path / ".model.training"
    kept.write_bytes(b"half of one")
    arguments = ["fit", str(tmp_path / "penguins.parquet"), "-o", str(tmp_path / "model"), "--resume"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 3
    assert "Training is kept" not in result.stderr
    assert kept.exists()
