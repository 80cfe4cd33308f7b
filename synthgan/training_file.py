"""A file in which training is kept: what a run is of, and how far it is.

The run of a table, parameters and seed comes in; a checkpoint goes out that writes to the file as training
goes on and, if the file is there already, goes on from it. A model file's format holds it all.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthgan.exceptions import DataError
from synthgan.gan.checkpoint import Checkpoint, State
from synthgan.io import strays
from synthgan.layout import EncodedTable, FloatArray
from synthgan.persistence import digest_of, read_model, write_model

#: What a file says it is.
KIND = "synthgan-training"


class TrainingFile:
    """Where training is kept.

    Parameters
    ----------
    path
        The file; it need not be there.
    stays
        Whether it stays when training is done, so that what comes after can be interrupted as well.
    anew
        Whether a run that is kept there is not gone on with: it is replaced as soon as a new one has begun.
    """

    def __init__(self, path: str | os.PathLike[str], *, stays: bool = False, anew: bool = False) -> None:
        self.path, self.stays = Path(path), stays
        is_kept = self.path.exists() and not anew
        self.content = read_model(self.path, kind=KIND) if is_kept else None
        self.run: Mapping[str, Any] | None = None if self.content is None else self.content["run"]

    @property
    def seed(self) -> int | None:
        """The seed of the run that is kept, or that has been kept last; None where there is none."""
        return None if self.run is None else int(self.run["seed"])

    def checkpoint(self, run: Mapping[str, Any]) -> Checkpoint:
        """Return what keeps a run here, and goes on with the one that is kept.

        `run` says what it is of, see `run_of`. Raises DataError if what is kept is of another.
        """
        before, self.run = self.run, run
        if before is not None and before != run:
            others = (name for name in run if before.get(name) != run[name])
            told = ", ".join(_difference(name, before.get(name), run[name]) for name in others)
            raise DataError(
                f"The training that is kept in {str(self.path)!r} is another one ({told}). Go on with "
                "it as it was begun, or remove that file to begin anew."
            )

        def write(state: State) -> None:
            write_model(self.path, {"run": dict(run), "kept": state}, kind=KIND)

        return Checkpoint(write, None if self.content is None else self.content["kept"])

    def finish(self) -> None:
        """Take in that training is done."""
        if not self.stays:
            self.remove()

    def remove(self) -> None:
        """Remove the file, and what a process that was killed left beside it."""
        for path in (self.path, *strays(self.path)):
            with suppress(FileNotFoundError):
                path.unlink()


def run_of(
    parameters: Mapping[str, Any], seed: int, encoder: State, table: EncodedTable, amounts: FloatArray
) -> dict[str, Any]:
    """Return what a run is of: versions, parameters, the seed, and what the table came to.

    The parameters are those that decide what is learned, as JSON values; `encoder` is the encoder's state.
    """
    return {
        "synthgan": version("synthgan"),
        "torch": version("torch"),
        **parameters,
        "seed": seed,
        "rows": len(table),
        "table": digest_of({"encoder": encoder, "amounts": amounts, **vars(table)}),
    }


def _difference(name: str, before: Any, now: Any) -> str:
    """Return in which way a run is another one; the seed is derived, and nobody knows it by its number."""
    return "another seed" if name == "seed" else f"{name}: {_shown(before)}, not {_shown(now)}"


def _shown(value: Any) -> str:
    """Return a value in a few words; of a digest its beginning is enough."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:12]}...{text[-1]}"
