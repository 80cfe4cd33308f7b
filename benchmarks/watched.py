"""A command under watch: how long it runs and how much memory it and its children hold, within limits."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two looks at memory, and characters that are kept of what a command says.
_LOOK_EVERY, _MOST_SAID = 0.2, 2_000


@dataclass(frozen=True)
class Watched:
    """How a command ended.

    Attributes
    ----------
    seconds
        From its begin to its end.
    peak
        The most bytes that its processes held together, shared pages counted once.
    code
        Its exit code; below 0 a signal ended it.
    stopped
        Why it was stopped, if it was.
    said
        The end of what it said on stderr, if that was asked for.
    """

    seconds: float
    peak: int
    code: int
    stopped: str = ""
    said: str = ""


def watch(
    command: Sequence[object],
    *,
    max_seconds: float | None = None,
    max_bytes: int | None = None,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Watched:
    """Run a command to its end, or to a limit, at which it and all its processes are killed.

    Parameters
    ----------
    command
        The program and its arguments.
    max_seconds, max_bytes
        Limits; None for none.
    log
        Where what it says goes; None as it is.
    environment
        Variables beside those of this process.
    """
    output = None if log is None else log.open("w+", encoding="utf-8", errors="replace")
    started, peak, stopped = time.perf_counter(), 0, ""
    process = begin(command, output=output, environment=environment)
    try:
        while process.poll() is None:
            peak = max(peak, held_by(process.pid))
            seconds = time.perf_counter() - started
            if max_seconds is not None and seconds > max_seconds:
                stopped = f"took more than {max_seconds:,.0f} s"
            elif max_bytes is not None and peak > max_bytes:
                stopped = f"took more than {max_bytes / 2**30:.0f} GiB"
            if stopped:
                break
            time.sleep(_LOOK_EVERY)
    finally:
        end(process)
    said = ""
    if output is not None:
        output.seek(0)
        said = output.read()[-_MOST_SAID:]
        output.close()
    return Watched(time.perf_counter() - started, peak, process.returncode, stopped, said)


def begin(
    command: Sequence[object], *, output: object = None, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Begin a command in a session of its own."""
    return subprocess.Popen(
        [str(part) for part in command],
        start_new_session=True,
        stdout=output,  # type: ignore[arg-type]
        stderr=output,  # type: ignore[arg-type]
        env={**os.environ, **(environment or {})},
    )


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill all processes of a session, and wait for the first."""
    with suppress(ProcessLookupError):  # all have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def held_by(session: int) -> int:
    """Return the bytes that the processes of a session hold together, shared pages counted once."""
    held = 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(place.name)) == session:
                lines = (place / "smaps_rollup").read_text().splitlines()
                held += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except OSError:  # has ended meanwhile
            continue
    return held
