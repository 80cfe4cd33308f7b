"""Rows of a few hundred kinds: a mixture that draws whole rows in one pass; codes in, codes out.

A row is of one of many latent classes, and given its class its columns are independent [1]_. What comes out
of the generator's many rounds is truer, but such a row costs no more than looking its codes up: rows in one
round are these, and few rounds start from them.

References
----------
.. [1] Lazarsfeld, Henry (1968). Latent Structure Analysis. Houghton Mifflin.
"""

import time
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from synthgan.gan.computing import Shards, n_threads_of, reduced_precision
from synthgan.gan.rows import Cells, RowSpace
from synthgan.layout import Layout

#: Rows for each class, and classes at most.
_ROWS_PER_CLASS, _MAX_CLASSES = 64, 256
#: Rows that classes are learned from at most, and at a time.
_MAX_ROWS, _BATCH_SIZE, _MAX_CELLS = 50_000, 2048, 2**25
_MAX_PASSES = 40
#: Gain in log-likelihood a row, in nats, below which another pass is not worth it.
_LEAST_GAIN = 0.005
#: Rows that the table as a whole is worth in each class: the pull of rare codes towards their overall share.
_PRIOR_ROWS = 0.1
_LOG_OF_NOUGHT = -80.0


class LatentClasses(nn.Module):
    """A mixture of products over the codes of a layout.

    Parameters
    ----------
    layout
        The columns.
    n_classes
        How many classes.

    Attributes
    ----------
    shares
        Of the rows, by class; shape ``(n_classes,)``.
    code_shares
        Of the rows of each class, by code within each column; shape ``(n_classes, n_codes)``.
    """

    shares: Tensor
    code_shares: Tensor

    def __init__(self, layout: Layout, n_classes: int) -> None:
        super().__init__()
        self.register_buffer("shares", torch.full((n_classes,), 1 / n_classes))
        sizes = torch.from_numpy(layout.sizes[layout.coded])
        even = (1 / sizes).repeat_interleave(sizes).float()
        self.register_buffer("code_shares", even.repeat(n_classes, 1))

    @staticmethod
    def count_for(n_rows: int) -> int:
        """Return how many classes a table of `n_rows` rows gets."""
        return max(1, min(n_rows // _ROWS_PER_CLASS, _MAX_CLASSES))

    def fit(self, cells: Cells, space: RowSpace, rng: torch.Generator, max_time: float | None = None) -> None:
        """Learn from rows by expectation and maximisation [1]_, in at most so many seconds.

        References
        ----------
        .. [1] Dempster, Laird, Rubin (1977). Maximum Likelihood from Incomplete Data via the EM Algorithm.
           Journal of the Royal Statistical Society B 39.
        """
        started = time.monotonic()
        order = torch.randperm(len(cells), generator=rng, device=rng.device)[:_MAX_ROWS]
        size = max(_MAX_CLASSES, min(_BATCH_SIZE, _MAX_CELLS // max(space.layout.n_codes, 1)))
        batches = [space.code_places(part) for part in torch.split(cells.codes[order], size)]
        overall = torch.zeros(space.layout.n_codes, device=order.device)
        for places in batches:
            overall += torch.bincount(places.flatten(), minlength=len(overall))
        overall = (overall + 1e-6) / len(order)
        first = _one_hot(batches[0][: len(self.shares)], len(overall))
        self.code_shares.copy_(overall)
        self.code_shares[: len(first)] += first
        self.code_shares /= self.code_shares @ space.segments @ space.segments.T  # of its column
        shards, before = Shards.of(size * len(self.shares), order.device), -torch.inf
        with n_threads_of(1):
            for _ in range(_MAX_PASSES):
                log_likelihood = self._pass(batches, overall, space.segments, shards)
                is_late = max_time is not None and time.monotonic() - started > max_time
                if log_likelihood - before < _LEAST_GAIN or is_late:
                    break
                before = log_likelihood

    def _pass(self, batches: list[Tensor], overall: Tensor, segments: Tensor, shards: Shards) -> float:
        """Take one step of expectation and maximisation; return the log-likelihood a row before it."""
        # Against the shares overall, since products in reduced precision are only good for small numbers.
        log_codes = (self.code_shares / overall).log().T.contiguous()
        parts = shards.map(
            lambda part: self._expect(batches[part], log_codes, overall.log()), shards.rows(len(batches))
        )
        counts = torch.stack([own for own, _, _ in parts]).sum(0)
        codes = torch.stack([own for _, own, _ in parts]).sum(0) + _PRIOR_ROWS * overall
        self.code_shares.copy_(codes / (codes @ segments @ segments.T))
        self.shares.copy_((counts + 1e-6) / (counts + 1e-6).sum())
        return sum(own for _, _, own in parts) / sum(map(len, batches))

    def _expect(
        self, batches: list[Tensor], log_codes: Tensor, log_overall: Tensor
    ) -> tuple[Tensor, Tensor, float]:
        """Return expected counts of classes and of codes in each class, and the log-likelihood of rows."""
        log_shares, total = self.shares.log(), 0.0
        counts, codes = torch.zeros_like(self.shares), torch.zeros_like(self.code_shares)
        for places in batches:
            rows = _one_hot(places, len(log_overall))
            with reduced_precision(rows.device):
                joint = (rows @ log_codes).float() + log_shares
                evidence = joint.logsumexp(1, keepdim=True)
                belongs = (joint - evidence).exp()
                codes += (belongs.T @ rows).float()
            counts += belongs.sum(0)
            total += evidence.sum().item() + log_overall[places].sum().item()
        return counts, codes, total

    def draw(
        self, known: Tensor, row_of: Tensor, rng: torch.Generator, weights: Tensor | None = None
    ) -> Tensor:
        """Return the classes of rows of which some codes are known, shape ``(n_rows,)``.

        Parameters
        ----------
        known
            1 for the known codes of each of some rows that differ, shape ``(n_different, n_codes)``.
        row_of
            Which of these each row is, shape ``(n_rows,)``.
        rng
            Source of all randomness.
        weights
            By which the classes are likelier for another reason, shape ``(n_classes,)``; None for none.
        """
        joint = self.log_joint(known)
        joint = joint if weights is None else joint + weights.log().clamp(min=_LOG_OF_NOUGHT)
        return _some_index(joint.softmax(1).cumsum(1)[row_of], rng)

    def log_joint(self, known: Tensor) -> Tensor:
        """Return the log-probability of rows with known codes and of each class, ``(n_rows, n_classes)``.

        Parameters are those of `draw`.
        """
        # A share of naught would make a row without its code impossible in every class.
        joint: Tensor = self.shares.log() + known @ self.code_shares.log().clamp(min=_LOG_OF_NOUGHT).T
        return joint

    def share_allowed(self, allowed: Iterable[tuple[slice, Tensor]]) -> Tensor:
        """Return which share of the rows of each class has only codes that are allowed, ``(n_classes,)``.

        Parameters
        ----------
        allowed
            For columns where their codes lie in a row vector, and which share of each is allowed.
        """
        shares = torch.ones_like(self.shares)
        for codes, own in allowed:
            shares = shares * (self.code_shares[:, codes] @ own)
        return shares

    def draw_codes(
        self, classes: Tensor, codes: slice, rng: torch.Generator, possible: Tensor | None = None
    ) -> Tensor:
        """Return a code of one column for rows of some classes.

        Parameters
        ----------
        classes
            Shape ``(n_rows,)``.
        codes
            Where the codes of the column lie in a row vector.
        rng
            Source of all randomness.
        possible
            Which share of each of them a row may have, shape ``(n_rows, n_codes)``; None for all of all.
        """
        shares = self.code_shares[:, codes]
        above = shares.cumsum(1)[classes] if possible is None else (shares[classes] * possible).cumsum(1)
        return _some_index(above, rng)


def _some_index(above: Tensor, rng: torch.Generator) -> Tensor:
    """Return an index for each row of weights that were added up, the more often the more it weighs."""
    chance = torch.rand(len(above), 1, generator=rng, device=above.device) * above[:, -1:]
    drawn: Tensor = torch.searchsorted(above, chance, right=True).squeeze(1)
    return drawn.clamp(max=above.shape[1] - 1)


def _one_hot(places: Tensor, width: int) -> Tensor:
    return torch.zeros(len(places), width, device=places.device).scatter_(1, places, 1.0)
