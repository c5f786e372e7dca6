"""Processes that are started to be timed, or to have a memory and modules of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.nights import ROOT
from benchmarks.tree import Peak

_LOOK_SECONDS = 0.1


def run_child(
    command: Sequence[str | Path], more: Mapping[str, str] | None = None, accepted: tuple[int, ...] = (0,)
) -> str:
    """Run a process to its end and return what it printed; one that fails raises with its last line."""
    with _started(command, more) as process:
        printed, said = process.communicate()
    return _checked(process.returncode, printed, said, accepted)


def run_watched(command: Sequence[str | Path]) -> tuple[str, Peak]:
    """Run a process to its end; what it printed, and the most memory that it and its children had together."""
    peak = Peak()
    with _started(command) as process:
        while True:
            peak.look(process.pid)
            try:
                printed, said = process.communicate(timeout=_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return _checked(process.returncode, printed, said, (0,)), peak


def run_python(code: str, *arguments: str, more: Mapping[str, str] | None = None) -> str:
    """Run some code in a fresh interpreter and return what it printed."""
    return run_child([sys.executable, "-c", code, *arguments], more)


def run_sleepdask(*arguments: str, accepted: tuple[int, ...] = (0,)) -> str:
    """Run the command line of the package and return what it printed."""
    return run_child([sys.executable, "-m", "sleepdask", *arguments], accepted=accepted)


def _started(command: Sequence[str | Path], more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env=_environment() | dict(more or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _checked(code: int, printed: str, said: str, accepted: tuple[int, ...]) -> str:
    if code not in accepted:
        lines = said.strip().splitlines() or [f"exit code {code}"]
        raise RuntimeError(lines[-1])
    return printed


def _environment() -> dict[str, str]:
    """Environment in which bytecode is kept, as it is for users, whatever holds for this process."""
    kept = {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": _bytecode().name}


@cache
def _bytecode() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="bytecode-")
