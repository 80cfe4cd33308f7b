"""Codes and values to row vectors and back: what a layout means in tensors.

Everything that needs to know where the codes of a column lie in a row vector asks a `RowSpace`; nothing here
loops over columns.
"""

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.layout import Layout

_LOGIT_BOUND = 40.0


class RowSpace(nn.Module):
    """The row vectors of a layout.

    Parameters
    ----------
    layout
        The spans.

    Attributes
    ----------
    coded, valued
        Indices of the spans with codes, and with values, in a row vector.
    offsets
        Where the codes of each coded span start, shape ``(n_coded,)``.
    column_of_code
        Index of the span that each code belongs to, shape ``(n_codes,)``.
    segments
        1 where a code belongs to a coded span, shape ``(n_codes, n_coded)``.
    padded
        The place of each code of each coded span, and ``n_codes`` beyond its last, shape
        ``(n_coded, longest)``.
    takes_value
        1 where a code takes the value of a valued span, shape ``(n_codes, n_valued)``.
    """

    coded: Tensor
    valued: Tensor
    offsets: Tensor
    column_of_code: Tensor
    segments: Tensor
    padded: Tensor
    takes_value: Tensor
    always_valued: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        coded, n_codes = layout.coded, layout.n_codes
        segments = np.zeros((n_codes, len(coded)), dtype=np.float32)
        padded = np.full((len(coded), int(layout.sizes.max(initial=1))), n_codes, dtype=np.int64)
        for column, i in enumerate(coded):
            segments[layout.slice_of(i), column] = 1
            padded[column, : layout.sizes[i]] = np.arange(n_codes)[layout.slice_of(i)]
        takes_value = np.zeros((n_codes, len(layout.valued)), dtype=np.float32)
        for column, i in enumerate(layout.valued):
            if layout.sizes[i]:
                takes_value[layout.offsets[i] + np.array(layout.spans[i].value_codes), column] = 1
        constants = {
            "coded": coded,
            "valued": layout.valued,
            "offsets": layout.offsets[coded],
            "column_of_code": np.repeat(coded, layout.sizes[coded]),
            "segments": segments,
            "padded": padded,
            "takes_value": takes_value,
            "always_valued": (layout.sizes[layout.valued] == 0).astype(np.float32),
        }
        for name, array in constants.items():
            self.register_buffer(name, torch.from_numpy(array), persistent=False)

    def vectors(self, codes: Tensor, values: Tensor, known: Tensor | None = None) -> Tensor:
        """Return row vectors with zeros in unknown columns.

        Parameters
        ----------
        codes
            Integers, shape ``(batch, n_columns)``.
        values
            Shape ``(batch, n_valued)``.
        known
            Truth values, shape ``(batch, n_columns)``; None when all columns are known.

        Returns
        -------
        Tensor
            Shape ``(batch, width)``, in the floating type that autocast computes in, if it is on.
        """
        dtype = _compute_dtype(codes.device)
        places = codes[:, self.coded].long() + self.offsets
        one_hot = torch.zeros(len(codes), self.layout.n_codes, dtype=dtype, device=codes.device)
        if known is None:
            one_hot.scatter_(1, places, 1.0)
        else:
            one_hot.scatter_(1, places, known[:, self.coded].to(dtype))
            values = values * known[:, self.valued]
        return torch.cat([one_hot, values.to(dtype)], dim=1) if len(self.valued) else one_hot

    def spread(self, cells: Tensor) -> Tensor:
        """Return truth values of cells ``(batch, n_columns)`` as those of row vectors ``(batch, width)``."""
        return torch.cat([cells[:, self.column_of_code], cells[:, self.valued]], dim=1)

    def log_likelihood(self, output: Tensor, codes: Tensor) -> Tensor:
        """Return the log-probability of each coded column's code, shape ``(batch, n_coded)``.

        Logits are bounded by 40 in absolute value, which lets the normaliser be one matrix product.
        """
        logits, log_total = self._bounded_logits(output)
        return logits.gather(1, codes[:, self.coded].long() + self.offsets) - log_total

    def log_probabilities(self, output: Tensor) -> Tensor:
        """Return the log-probability of every code within its column, shape ``(batch, n_codes)``."""
        logits, log_total = self._bounded_logits(output)
        return logits - log_total @ self.segments.T

    def _bounded_logits(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits ``(batch, n_codes)`` and the logarithms of their normalisers ``(batch, n_coded)``."""
        logits = output[:, : self.layout.n_codes].float().clamp(-_LOGIT_BOUND, _LOGIT_BOUND)
        return logits, (logits.exp() @ self.segments).log()

    def straight_through(self, output: Tensor, temperature: float, rng: torch.Generator) -> Tensor:
        """Return row vectors with drawn one-hot codes that pass gradients on to the generator's output.

        Forward the codes are drawn (Gumbel-max) and hard; backward they are the softmax of the perturbed
        logits at `temperature` [1]_. Values count where the drawn code takes one.

        References
        ----------
        .. [1] Jang, Gu, Poole (2017). Categorical Reparameterization with Gumbel-Softmax. ICLR.
        """
        n_codes = self.layout.n_codes
        logits, values = output[:, :n_codes].float(), output[:, n_codes:].float()
        perturbed = (logits + gumbel(logits, rng)) / temperature
        padded = nn.functional.pad(perturbed, (0, 1), value=-torch.inf)[:, self.padded]
        highest, drawn = padded.max(2)  # (batch, n_coded)
        hard = torch.zeros_like(logits).scatter_(1, drawn + self.offsets, 1.0)
        exponential = (perturbed - highest.detach() @ self.segments.T).exp()
        total = (exponential @ self.segments) @ self.segments.T  # of its own column, for each code
        soft = exponential / total
        one_hot = hard + soft - soft.detach()
        return torch.cat([one_hot, values * (one_hot @ self.takes_value + self.always_valued)], dim=1)


def gumbel(like: Tensor, rng: torch.Generator) -> Tensor:
    """Return standard Gumbel noise of the shape of `like`."""
    return -torch.empty_like(like).exponential_(generator=rng).clamp_(min=1e-30).log()


def _compute_dtype(device: torch.device) -> torch.dtype:
    if torch.is_autocast_enabled(device.type):
        return torch.get_autocast_dtype(device.type)
    return torch.float32
