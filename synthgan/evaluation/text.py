"""Results as text: frames in, Markdown and values that JSON can hold out; files are written whole."""

import dataclasses
import json
import os
from typing import Any

import numpy as np
import pandas as pd

from synthgan.io import replacing


def as_markdown(frame: pd.DataFrame) -> str:
    """Return a frame as a Markdown table; floats with three decimals, missing cells empty."""
    lines = ["| " + " | ".join(map(_escaped, frame.columns)) + " |", "|" + "---|" * frame.shape[1]]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in frame.itertuples(index=False)]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.3f}"
    return _escaped(value)


def _escaped(value: Any) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def plain(value: Any) -> Any:
    """Return a value, and all that it holds, as JSON has it; what is no finite number is None."""
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.to_dict("records")]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {part.name: plain(getattr(value, part.name)) for part in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(part) for part in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return None if value is None or value is pd.NA else str(value)


def as_json(value: Any) -> str:
    """Return a value as JSON text."""
    return json.dumps(plain(value), indent=1, allow_nan=False)


def written(text: str, path: str | os.PathLike[str] | None) -> str:
    """Return a text, which is written to a file first if one is named; see `replacing`."""
    if path is not None:
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")
    return text
