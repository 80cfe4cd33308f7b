"""More rows than memory: what do long runs cost, and are they as good as short ones?

`sample` learns a table, draws many rows of it by the command line into one file, and does so once more with a
kill at a random moment and a `--resume` after it. It prints the most memory that the processes held together
(shared pages counted once), rows a second of the whole command and of the bare drawing of codes by as many
processes, without decoding and writing, and whether the two files are the same bytes.

`fit` draws a folder of parquet files from such a model, learns it by the command line, and in memory from one
frame. It prints the most memory of the first, and of both the AUC of XGBoost between drawn rows and fresh
ones of the folder's sort (0.5: nobody can tell).

    python benchmarks/large.py sample path/to/adult-train.parquet --rows 20000000 --independent
    python benchmarks/large.py fit path/to/adult-train.parquet --rows 10000000
"""

import argparse
import hashlib
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from fidelity import detection, in_words
from watched import begin, end, watch

from synthgan import SynthGAN
from synthgan.runs.workers import n_cores, on_one_core

#: Rows of a chunk, and chunks that each process draws to see how fast codes alone are drawn.
_CHUNK_ROWS, _N_CHUNKS = 100_000, 3
#: Rows of either sort that are told apart, and how often others are drawn.
_N_JUDGED, _N_DRAWS = 20_000, 3


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        model = Path(folder) / "model"
        run_command("fit", arguments.table, "-o", model, "--seed", arguments.seed, "-q")
        measure = measure_sample if arguments.what == "sample" else measure_fit
        measure(model, Path(folder), arguments)


def measure_sample(model: Path, folder: Path, arguments: argparse.Namespace) -> None:
    """Print what it costs to draw many rows."""
    how = ["-n", arguments.rows, "--seed", arguments.seed, "-q", *["--independent"] * arguments.independent]
    straight, resumed = folder / "straight.parquet", folder / "resumed.parquet"
    seconds, peak = run_command("sample", model, "-o", straight, *how)
    bare = rows_a_second(model, arguments.independent)
    whole = arguments.rows / seconds
    print(f"{arguments.rows:,} rows in {seconds:,.0f} s, at most {peak / 2**30:.2f} GiB")
    print(f"{whole:,.0f} rows a second, {whole / bare:.2f} of the {bare:,.0f} of codes alone", flush=True)
    after = np.random.default_rng().uniform(0.05, 0.95) * seconds
    kill_after(after, "sample", model, "-o", resumed, *how)
    run_command("sample", model, "-o", resumed, *how, "--resume")
    same = digest_of(straight) == digest_of(resumed)
    print(f"killed after {after:,.0f} s and resumed: {'the same bytes' if same else 'OTHER BYTES'}")
    left = sorted(path.name for path in folder.iterdir())
    print(f"files: {', '.join(left)}")


def measure_fit(model: Path, folder: Path, arguments: argparse.Namespace) -> None:
    """Print what it costs to learn many rows, and whether they are learned as well as in memory."""
    rows, streamed = folder / "rows", folder / "streamed"
    how = ["--seed", arguments.seed, "-q"]
    run_command("sample", model, "-o", rows, "-n", arguments.rows, "--independent", *how)
    fresh = SynthGAN.load(model).set_params(correct=False).sample(_N_JUDGED, random_state=arguments.seed + 1)
    seconds, peak = run_command("fit", rows, "-o", streamed, *how)
    print(f"{arguments.rows:,} rows learned in {seconds:,.0f} s, at most {peak / 2**30:.2f} GiB", flush=True)
    print(f"AUC {in_words(aucs(SynthGAN.load(streamed), fresh))}", flush=True)
    started = time.perf_counter()
    frame = pd.read_parquet(rows)
    in_memory = SynthGAN(random_state=arguments.seed, verbose=0).fit(frame)
    print(f"in memory in {time.perf_counter() - started:,.0f} s: AUC {in_words(aucs(in_memory, fresh))}")


def aucs(gan: SynthGAN, fresh: pd.DataFrame) -> list[float]:
    """Return how well several draws of a model are told from fresh rows."""
    return [detection(fresh, gan.sample(len(fresh), random_state=seed)) for seed in range(_N_DRAWS)]


def run_command(*arguments: object) -> tuple[float, int]:
    """Run a command to its end; return the seconds it took, and the most bytes its processes held."""
    done = watch(_command(arguments))
    if done.code:
        sys.exit(f"{arguments[0]} ended with {done.code}")
    return done.seconds, done.peak


def kill_after(seconds: float, *arguments: object) -> None:
    """Run a command, and kill it and all its processes in the middle."""
    process = begin(_command(arguments))
    time.sleep(seconds)
    end(process)


def _command(arguments: tuple[object, ...]) -> list[object]:
    return [sys.executable, "-m", "synthgan", *arguments]


def rows_a_second(model: Path, independent: bool) -> float:
    """Return how many rows of codes all cores draw in a second, one process on each."""
    context, n_workers = multiprocessing.get_context("spawn"), n_cores()
    with context.Pool(n_workers, on_one_core) as pool:
        jobs = [(model, independent, seed) for seed in range(n_workers)]
        pool.starmap(seconds_of_codes, jobs)  # all that is done once
        seconds = pool.starmap(seconds_of_codes, jobs)
    return n_workers * _N_CHUNKS * _CHUNK_ROWS / max(seconds)


def seconds_of_codes(model: Path, independent: bool, seed: int) -> float:
    """Return the seconds in which this process draws the codes of some chunks."""
    import torch

    from synthgan.gan.drawing import draw
    from synthgan.layout import Known

    gan = SynthGAN.load(model)
    rng = torch.Generator().manual_seed(seed)
    known = Known.nothing(gan.encoder_.layout_)
    how = {"rounds": gan.rounds, "redraw": gan.redraw, "correct": not independent}
    started = time.perf_counter()
    for _ in range(_N_CHUNKS):
        draw(gan.model_, _CHUNK_ROWS, known=known, **how, rng=rng)
    return time.perf_counter() - started


def digest_of(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["sample", "fit"])
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--independent", action="store_true", help="draw each row for itself")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where there is room for all files [default: TMPDIR]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
