"""Model files: one safetensors file whose header holds JSON; nothing in it is ever executed.

JSON values and arrays come in and a file goes out, or the other way round. The header says that the file is
ours, which version of the format it has, and the SHA-256 digest of everything in it.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from synthgan.exceptions import ModelFileError
from synthgan.io import replacing

#: What a model file says it is.
MODEL = "synthgan-model"
#: What to do about a file that is not of the kind.
_HINTS = {MODEL: "; make one with SynthGAN.save()"}
FORMAT_VERSION = 13

Arrays = dict[str, npt.NDArray[Any]]


def digest_of(state: dict[str, Any]) -> str:
    """Return the SHA-256 digest of nested JSON values and arrays, as a model file would have it."""
    arrays: Arrays = {}
    text = json.dumps(_without_arrays(state, "", arrays), allow_nan=False)
    return _digest({"version": str(FORMAT_VERSION), "state": text}, arrays)


def write_model(
    path: str | os.PathLike[str], state: dict[str, Any], *, kind: str = MODEL, overwrite: bool = True
) -> None:
    """Write nested JSON values and arrays to a file of a kind, beside its place first."""
    arrays: Arrays = {}
    text = json.dumps(_without_arrays(state, "", arrays), allow_nan=False)
    header = {"version": str(FORMAT_VERSION), "state": text}
    header["sha256"] = _digest(header, arrays)
    # One entry, because safetensors writes several in random order: the same model is the same bytes.
    metadata = {kind: json.dumps(header, separators=(",", ":"))}
    with replacing(path, overwrite=overwrite) as beside:
        # Written from here, since safetensors' own writer does not say which error stopped it.
        beside.write_bytes(save(arrays, metadata=metadata))


def read_model(path: str | os.PathLike[str], *, kind: str = MODEL) -> dict[str, Any]:
    """Return what `write_model` wrote to a file of a kind.

    Raises
    ------
    ModelFileError
        If the file is missing, is not a synthgan model, is of another version, or is damaged.
    """
    shown, words = repr(str(path)), kind.replace("-", " ")
    try:
        if not Path(path).is_file():
            raise ModelFileError(f"There is no model file {shown}.")
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if kind not in metadata:
                raise ModelFileError(f"{shown} is not a {words}{_HINTS.get(kind, '')}.")
            header = json.loads(metadata[kind])
            version = int(header["version"])
            if version > FORMAT_VERSION:
                raise ModelFileError(
                    f"{shown} is a {words} of format {version}, and this synthgan reads up to "
                    f"{FORMAT_VERSION}; install a newer synthgan."
                )
            if version < FORMAT_VERSION:
                raise ModelFileError(
                    f"{shown} is a {words} of format {version}, and this synthgan reads {FORMAT_VERSION}; "
                    "fit the model again, or install the synthgan that wrote it."
                )
            arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
        if header.get("sha256") != _digest(header, arrays):
            raise ModelFileError(f"{shown} is damaged: its content does not match its checksum.")
        return dict(_with_arrays(json.loads(header["state"]), arrays))
    except OSError as error:
        raise ModelFileError(f"{shown} cannot be read: {error.strerror}.") from error
    except SafetensorError as error:
        raise ModelFileError(f"{shown} is not a {words}, or not a whole one.") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{shown} is damaged: its header cannot be read.") from error


def _without_arrays(value: Any, path: str, arrays: Arrays) -> Any:
    """Return a copy of `value` in which each array is a reference, and collect the arrays by path."""
    if isinstance(value, np.ndarray):
        name = f"{len(arrays)}{path}"  # counted, because a key may have a slash
        arrays[name] = np.asarray(value, order="C")
        return {"$array": name}
    if isinstance(value, dict):
        return {key: _without_arrays(item, f"{path}/{key}", arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(item, f"{path}/{i}", arrays) for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _with_arrays(value: Any, arrays: Arrays) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$array"}:
            return arrays[value["$array"]]
        return {key: _with_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item, arrays) for item in value]
    return value


def _digest(header: dict[str, str], arrays: Arrays) -> str:
    digest = hashlib.sha256(header["version"].encode() + b" " + header["state"].encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
