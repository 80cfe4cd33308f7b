"""Saving and loading: a fitted model in, JSON values and arrays out, and back again."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from synthgan.exceptions import ModelFileError
from synthgan.forms import Form
from synthgan.gan.model import Architecture, GanModel
from synthgan.parameters import torch_device
from synthgan.persistence import digest_of, read_model, write_model
from synthgan.preprocessing import TableEncoder
from synthgan.preprocessing.declared import read_rules
from synthgan.preprocessing.rules import Rule


class SavingMixin(BaseEstimator):  # type: ignore[misc]
    """Save and load fitted models, with attributes of the class that it is mixed into."""

    hidden_dims: Sequence[int] | None
    kinds: Mapping[Any, str] | None
    rules: Sequence[Rule | Mapping[str, Any]]
    random_state: Any
    model_: GanModel
    encoder_: TableEncoder
    history_: pd.DataFrame
    _seed: int
    _n_draws: int
    _learned: dict[str, bool]
    _form: Form

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Write the fitted model to one file: tensors and JSON, nothing that is executed on loading.

        Parameters
        ----------
        path
            The file; it is whole or not there at any time.
        overwrite
            Whether a file that is there is replaced.

        Raises
        ------
        OutputRefusedError
            If it may not be written there.
        ResourceError
            If the disk is full.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from synthgan import SynthGAN
        >>> gan = SynthGAN(epochs=1, random_state=0, verbose=0).fit([[1.0, 2.0], [3.0, 4.0]] * 20)
        >>> with TemporaryDirectory() as folder:
        ...     gan.save(Path(folder) / "model.synthgan")
        ...     again = SynthGAN.load(Path(folder) / "model.synthgan")
        >>> again.sample(3).equals(gan.sample(3))
        True
        """
        write_model(path, self._state(), overwrite=overwrite)

    def digest(self) -> str:
        """Return the SHA-256 digest of all that decides which rows the fitted model draws for a seed.

        Examples
        --------
        >>> from synthgan import SynthGAN
        >>> len(SynthGAN(epochs=1, verbose=0).fit([[1.0, 2.0], [3.0, 4.0]] * 20).digest())
        64
        """
        state = self._state()
        how = {name: state["parameters"][name] for name in ("rounds", "redraw", "correct")}
        parts = ("encoder", "architecture", "weights")
        return digest_of({**{name: state[name] for name in parts}, "how": how})

    def _state(self) -> dict[str, Any]:
        """Return the fitted model as JSON values and arrays."""
        check_is_fitted(self, "model_")
        return {
            "parameters": self._parameters(),
            "encoder": self.encoder_.state(),
            "architecture": asdict(self.model_.architecture),
            "weights": {name: tensor.cpu().numpy() for name, tensor in self.model_.state_dict().items()},
            "history": self.history_.astype(object).where(self.history_.notna(), None).to_dict("list"),
            "learned": self._learned,
            "seed": self._seed,
            "n_draws": self._n_draws,
            "form": self._form.to_dict(),
        }

    def _parameters(self) -> dict[str, Any]:
        """Return the parameters as JSON values."""
        parameters: dict[str, Any] = self.get_params()
        del parameters["n_threads"]  # of this machine, not of the model
        if self.hidden_dims is not None:
            parameters["hidden_dims"] = [int(width) for width in self.hidden_dims]
        # Names may be whole numbers, which JSON's may not.
        parameters["kinds"] = [list(item) for item in (self.kinds or {}).items()]
        parameters["rules"] = [rule.to_dict() for rule in read_rules(self.rules)]
        if not isinstance(self.random_state, Integral | None):
            parameters["random_state"] = None  # a generator object is not part of a model file
        return parameters

    def _what_is_learned(self, device: torch.device) -> dict[str, Any]:
        """Return the parameters that decide what is learned from a table and a seed."""
        others = ("random_state", "verbose")
        parameters = {name: value for name, value in self._parameters().items() if name not in others}
        return parameters | {"device": device.type}

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str = "auto") -> Self:
        """Return the fitted model in a file that `save` wrote; it draws what the saved one would draw next.

        Parameters
        ----------
        path : str or path
            The file.
        device : str, default="auto"
            Where to draw: "auto" for a GPU where there is one, or a torch device.

        Raises
        ------
        ModelFileError
            If the file is not a whole synthgan model of a known version.

        Examples
        --------
        >>> from synthgan import ModelFileError, SynthGAN
        >>> try:
        ...     SynthGAN.load("no-such-file.synthgan")
        ... except ModelFileError as error:
        ...     print(error)
        There is no model file 'no-such-file.synthgan'.
        """
        state, place = read_model(path), torch_device(device)
        try:
            return cls()._restore(state, place)
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError, ArithmeticError) as error:
            raise ModelFileError(f"{str(path)!r} is damaged: its parts do not fit together.") from error

    def _restore(self, state: dict[str, Any], device: torch.device) -> Self:
        self.set_params(**state["parameters"])
        if self.hidden_dims is not None:
            self.hidden_dims = tuple(self.hidden_dims)
        self.kinds, self.rules = dict(self.kinds or ()) or None, read_rules(self.rules)
        self.encoder_ = TableEncoder.from_state(state["encoder"])
        shape = state["architecture"]
        _check_sizes(shape, state["weights"])
        sequences = {name: tuple(shape[name]) for name in ("hidden_dims", "known")}
        self.model_ = GanModel(
            self.encoder_.layout_, Architecture(**{**shape, **sequences}), torch.Generator().manual_seed(0)
        )
        weights = {name: torch.from_numpy(array) for name, array in state["weights"].items()}
        self.model_.load_state_dict(weights)
        self.model_.to(device)
        self.history_ = pd.DataFrame(state["history"])
        self._seed, self._n_draws, self._learned = state["seed"], state["n_draws"], dict(state["learned"])
        self._form = Form.from_dict(state["form"])
        self._set_scikit_learn_attributes()
        return self

    def _set_scikit_learn_attributes(self) -> None:
        self.schema_ = self.encoder_.schema_
        self.n_features_in_ = len(self.schema_)
        if all(isinstance(name, str) for name in self.schema_.names) and self._form.has_names:
            self.feature_names_in_ = np.array(self.schema_.names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_


def _check_sizes(shape: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    """Raise ValueError if networks would be larger than the weights that a file has for them."""
    largest = max(length for array in weights.values() for length in (0, *array.shape))
    n_leaves = 2 ** min(shape["tree_depth"], 64)
    longest = max(*shape["hidden_dims"], shape["latent_dim"], shape["n_classes"], n_leaves)
    if longest > largest or len(shape["hidden_dims"]) > len(weights):
        raise ValueError("the networks are larger than their weights")
