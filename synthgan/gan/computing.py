"""How torch computes here: in which precision, on how many threads, from which stream, in what room."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

#: Numbers in a hidden layer of a batch, from which on threads share its matrix products.
_MIN_SHARED_PRODUCT = 2**17


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


@contextmanager
def enough_threads(hidden_dim: int, batch_size: int) -> Iterator[None]:
    """Compute on one thread where matrix products are too small to share.

    There a second thread gains nothing, and costs a hundredfold when another process wants its core.
    """
    threads = torch.get_num_threads()
    is_small = hidden_dim * batch_size < _MIN_SHARED_PRODUCT
    torch.set_num_threads(1 if is_small else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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


def make_room(module: nn.Module, names: Iterable[str], state: Mapping[str, Tensor], prefix: str) -> None:
    """Give buffers of a module the shapes that they have in a state, which is then loaded into them."""
    for name in names:
        if prefix + name in state:
            module.register_buffer(name, getattr(module, name).new_empty(state[prefix + name].shape))
