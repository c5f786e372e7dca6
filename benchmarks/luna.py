"""Luna by way of lunapi, which needs pandas < 3 and is GPL: its own environment, its own process, never imported."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.children import run_child
from benchmarks.timing import Case
from benchmarks.work import POWER

PSD, STATS = "PSD epoch", "STATS epoch"
_CHILD = Path(__file__).with_name("luna_child.py")
_READING = Path(__file__).with_name("luna_reading_child.py")


def make_environment(folder: Path) -> Path:
    """Make a virtual environment with lunapi and return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "lunapi", "pandas<3"], check=True)
    return python


def luna_cases(python: Path, path: Path) -> list[Case]:
    """Time Luna's commands inside its own process."""
    note = "evaluation alone"
    return [
        Case(case_name(PSD), partial(_evaluate, python, path, PSD), warm=False, note=note),
        Case(case_name(STATS), partial(_evaluate, python, path, STATS), most=1, warm=False, note=f"{note}; once"),
    ]


def case_name(command: str) -> str:
    """Name of the row of a command."""
    return f"Luna: {command}"


def _evaluate(python: Path, path: Path, command: str) -> float:
    printed = run_child([python, _CHILD, path.absolute(), command, str(POWER.minimal_rate)])
    return float(json.loads(printed.strip().splitlines()[-1])["seconds"])


def read(python: Path, path: Path, work: str, first: int, length: int) -> dict[str, float]:
    """Open a file and read a part of it: seconds, and the peak of memory in MB."""
    printed = run_child([python, _READING, path, work, str(first), str(length)])
    said: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
    return said
