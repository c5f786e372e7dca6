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


def run_child(
    command: Sequence[str | Path], more: Mapping[str, str] | None = None, accepted: tuple[int, ...] = (0,)
) -> str:
    """Run a process to its end and return what it printed; one that fails raises with its last line."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=_environment() | dict(more or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in accepted:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(lines[-1])
    return done.stdout


def run_python(code: str, *arguments: str, more: Mapping[str, str] | None = None) -> str:
    """Run some code in a fresh interpreter and return what it printed."""
    return run_child([sys.executable, "-c", code, *arguments], more)


def run_sleepdask(*arguments: str, accepted: tuple[int, ...] = (0,)) -> str:
    """Run the command line of the package and return what it printed."""
    return run_child([sys.executable, "-m", "sleepdask", *arguments], accepted=accepted)


def _environment() -> dict[str, str]:
    """Environment in which bytecode is kept, as it is for users, whatever holds for this process."""
    kept = {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": _bytecode().name}


@cache
def _bytecode() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="bytecode-")
