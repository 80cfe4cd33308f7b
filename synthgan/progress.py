"""How far training is: a bar with the time left on a terminal, plain lines elsewhere, or nothing."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Called with the share of the work that is done and the newest losses.
Report = Callable[[float, dict[str, float]], None]
#: Shares of the work after which a plain line is due.
_LINE_EVERY = 0.2


@contextmanager
def reporting(title: str, *, verbose: int) -> Iterator[Report]:
    """Yield what takes the share of the work that is done and the newest losses; silent unless `verbose`."""
    if not verbose:
        yield lambda done, losses: None
    elif sys.stderr.isatty():
        with _bar(title) as report:
            yield report
    else:
        yield _Lines(title)


def announce(text: str, *, verbose: int) -> None:
    """Say something before the work begins, unless `verbose` is 0."""
    if verbose:
        print(text, file=sys.stderr, flush=True)


def _in_words(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items())


class _Lines:
    """One line on stderr for every fifth of the work."""

    def __init__(self, title: str) -> None:
        self.title, self.started, self.due = title, time.monotonic(), _LINE_EVERY

    def __call__(self, done: float, losses: dict[str, float]) -> None:
        if done < self.due - 1e-9:
            return
        self.due = min(1.0, done + _LINE_EVERY) if done < 1 else float("inf")
        elapsed = time.monotonic() - self.started
        left = f", about {elapsed / done - elapsed:.0f} s left" if done < 1 else ""
        told = f" ({_in_words(losses)})" if losses else ""
        print(f"{self.title}: {done:4.0%} after {elapsed:.0f} s{left}{told}", file=sys.stderr, flush=True)


@contextmanager
def _bar(title: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=1.0, losses="")

        def report(done: float, losses: dict[str, float]) -> None:
            progress.update(task, completed=done, losses=_in_words(losses))

        yield report
