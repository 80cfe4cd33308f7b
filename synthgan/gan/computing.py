"""How torch computes here: in which precision, on how many threads, from which stream, in what room."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from threading import Lock
from typing import Any, ClassVar, Self, TypeVar

import numpy.typing as npt
import torch
from torch import Tensor, nn

#: Numbers in a hidden layer of a batch, from which on threads share it, and into how many parts it is cut.
_MIN_SHARED_PRODUCT, N_SHARDS = 2**17, 2

Result = TypeVar("Result")


@contextmanager
def own_global_stream(rng: torch.Generator) -> Iterator[None]:
    """Let what only knows torch's global generators (initial weights) draw from `rng`.

    The global generators are put back as they were.
    """
    is_cuda = rng.device.type == "cuda"
    with torch.random.fork_rng(devices=[rng.device] if is_cuda else []):
        seed = int(torch.randint(2**62, (1,), generator=rng, device=rng.device).item())
        # Not torch.manual_seed, which also moves the generators of devices that are not put back.
        torch.default_generator.manual_seed(seed)
        if is_cuda:
            with torch.cuda.device(rng.device):
                torch.cuda.manual_seed(seed)
        yield


class _Limits:
    """How many limits of torch's threads hold in this process now, and how many threads there were before."""

    lock, n, n_threads = Lock(), 0, 0


@contextmanager
def n_threads_of(n: int) -> Iterator[None]:
    """Let torch compute on so many threads for a while.

    Part of the number belongs to the process, part to each thread: where limits overlap in several threads,
    the last that ends puts back the number from before the first.
    """
    n_before = torch.get_num_threads()
    if n == n_before:  # To set it again would outlast a limit of others, such as threadpoolctl's.
        yield
        return
    with _Limits.lock:
        if _Limits.n == 0:
            _Limits.n_threads = n_before
        _Limits.n += 1
        torch.set_num_threads(n)
    try:
        yield
    finally:
        with _Limits.lock:
            _Limits.n -= 1
            torch.set_num_threads(n_before if _Limits.n else _Limits.n_threads)


class Shards:
    """The parts of a batch that threads compute side by side, one thread of torch each.

    Threads that share each matrix product wait for each other a hundred times a step, and where other
    processes want the cores they wait for the scheduler each time. These wait once a step. The number of
    parts does not depend on the number of threads, and so neither does the result.

    Parameters
    ----------
    n
        How many parts.
    """

    def __init__(self, n: int) -> None:
        self.n, self._pool = n, None if n == 1 else ThreadPoolExecutor(min(n, torch.get_num_threads()))

    @classmethod
    def of(cls, size: int, device: torch.device) -> Self:
        """Return the shards of batches with so many numbers in a hidden layer."""
        return cls(N_SHARDS if device.type == "cpu" and size >= _MIN_SHARED_PRODUCT else 1)

    def rows(self, n_rows: int) -> list[slice]:
        """Return the rows of each part of a batch."""
        ends = [n_rows * part // self.n for part in range(self.n + 1)]
        return [slice(start, end) for start, end in pairwise(ends) if end > start]

    def map(self, function: Callable[[slice], Result], parts: Sequence[slice]) -> list[Result]:
        """Return what a function makes of each part."""
        return list(map(function, parts) if self._pool is None else self._pool.map(function, parts))


def reduced_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Return a context in which matrix products run in bfloat16 where the device does that natively."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=computes_bfloat16(device))


def computes_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16, asked of the device itself."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities: Any = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(feature, False) for feature in ("avx512_bf16", "amx_bf16"))


def compute_dtype(device: torch.device) -> torch.dtype:
    """Return the floating type that matrix products run in."""
    if torch.is_autocast_enabled(device.type):
        return torch.get_autocast_dtype(device.type)
    return torch.float32


class Learned(nn.Module):
    """A module whose buffers get their length in fitting, so that a loaded state may have any length.

    Subclasses check a loaded state in `is_sound`; `misfit` is the error where it is not sound.
    """

    misfit: ClassVar[str]

    def is_sound(self) -> bool:
        """Whether the buffers fit each other and the columns."""
        raise NotImplementedError

    def hold(self, **arrays: npt.NDArray[Any]) -> None:
        """Have arrays for buffers in place of those that there are, and where these were."""
        for name, array in arrays.items():
            device = getattr(self, name).device if hasattr(self, name) else None
            self.register_buffer(name, torch.from_numpy(array).to(device))

    def make_room(self, state: Mapping[str, Tensor], prefix: str) -> None:
        """Give the buffers the shapes that they have in a state, which is then loaded into them."""
        for name, buffer in list(self.named_buffers(recurse=False)):
            if prefix + name in state:
                self.register_buffer(name, buffer.new_empty(state[prefix + name].shape))

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *arguments: Any) -> None:
        """Make room for as much as there is, load it, and say so where it is not sound."""
        self.make_room(state, prefix)
        super()._load_from_state_dict(state, prefix, *arguments)
        if not self.is_sound():
            *_, errors = arguments
            errors.append(self.misfit)
