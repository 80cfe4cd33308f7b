"""The main job on a real table: learn the penguins, draw more of them, and augment their file."""

import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from synthgan import SynthGAN
from synthgan.cli import main as synthgan
from synthgan.datasets import load_penguins
from synthgan.plotting import plot_marginals

OUTPUT = Path("demo-output")


def main() -> None:
    """Run the demo and write its files to demo-output/."""
    OUTPUT.mkdir(exist_ok=True)
    penguins = load_penguins()
    _title(f"1. A real table: {len(penguins)} Palmer penguins")
    print(penguins.head().to_string())
    print(f"\n{penguins['species'].value_counts().to_string()}")

    _title("2. Learn it and draw from it: SynthGAN().fit(penguins).sample(5)")
    started = time.perf_counter()
    gan = SynthGAN(random_state=0).fit(penguins)
    print(f"fitted in {time.perf_counter() - started:.0f} s")
    print(gan.sample(5).to_string())

    _title('3. Under a condition: sample(5, conditions={"species": "Chinstrap", "sex": "FEMALE"})')
    print(gan.sample(5, conditions={"species": "Chinstrap", "sex": "FEMALE"}).to_string())

    _title("4. Augment a parquet file until the species are balanced")
    augmented = OUTPUT / "penguins-augmented.parquet"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "penguins.parquet"
        penguins.to_parquet(source)
        options = [
            "-o",
            str(augmented),
            "--target",
            "species",
            "--balance",
            "--seed",
            "0",
            "--mark",
            "--force",
        ]
        print(f"$ synthgan augment penguins.parquet {' '.join(options)}", flush=True)
        synthgan(["augment", str(source), *options], standalone_mode=False)
    table = pd.read_parquet(augmented)
    print(pd.crosstab(table["species"], table["synthetic"].map({False: "real", True: "drawn"})).to_string())
    if not table.iloc[: len(penguins)][penguins.columns].equals(penguins):
        sys.exit("the real rows have changed")  # they come first and are never touched

    _title("5. A picture: real and drawn columns side by side")
    picture = OUTPUT / "penguins-real-and-drawn.png"
    plot_marginals(penguins, gan.sample(1_000)).savefig(picture, dpi=110)
    print(f"wrote {augmented} and {picture}")


def _title(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    main()
