"""What an interrupt or a termination does, for a while, and what a termination is raised as."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

#: What ends a program that does not ask otherwise.
STOPS = (signal.SIGINT, signal.SIGTERM)


class Terminated(BaseException):
    """A termination (SIGTERM), as KeyboardInterrupt is an interrupt; no error, and not caught as one."""


def terminate(*_: object) -> NoReturn:
    """End what is going on in the ordinary way, so that temporary files are removed."""
    raise Terminated


def handler_of(number: int) -> Any:
    """Return what is done about a signal; the default where that was set by other than Python."""
    return signal.getsignal(number) or signal.SIG_DFL


@contextmanager
def handled(handlers: Mapping[int, Any]) -> Iterator[None]:
    """Let signals be handled otherwise, and in the end as they were before; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: handler_of(number) for number in handlers}
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
