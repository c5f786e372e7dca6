"""Schedulers and workers of Dask as processes of their own, which are no children of the package."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from jobs import PATIENCE, wait_until

STARTED: list[Started] = []  # and not ended


class Started:
    """A command in a session of its own, its output in a file."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        environ = {name: value for name, value in os.environ.items() if name != "MALLOC_TRIM_THRESHOLD_"}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ, start_new_session=True
            )
        STARTED.append(self)

    def kill(self) -> None:
        """Kill it and all its children."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def end(self) -> None:
        """Ask it to stop, which lets a nanny take its worker along, and insist."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        if self in STARTED:
            STARTED.remove(self)


class Elsewhere:
    """A scheduler and workers on this machine that are not children of the package."""

    def __init__(self, folder: Path, *, scheduler: str = "dask scheduler", worker: str = "dask worker") -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self._worker = worker
        self._workers: list[Started] = []
        self.certificates: Path | None = None
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--idle-timeout", "1 hour"]
        self.scheduler = Started(
            [*_runnable(scheduler), *options, "--scheduler-file", str(self.file)], folder / "scheduler.log"
        )
        wait_until(lambda: self.file.exists() or self.scheduler.process.poll() is not None, "the scheduler file")
        assert self.scheduler.process.poll() is None, self.scheduler.log.read_text()
        self.address = str(wait_until(self._read, "an address in the scheduler file")["address"])

    def _read(self) -> Any:
        try:
            return json.loads(self.file.read_text())
        except ValueError:  # still being written
            return None

    def add_workers(self, count: int = 1, *, nanny: bool = False) -> None:
        """Start workers of one thread each; they join by and by."""
        for _ in range(count):
            options = ["--host", "127.0.0.1", "--nthreads", "1", "--nworkers", "1", "--no-dashboard"]
            options += ["--local-directory", str(self.folder), "--death-timeout", "60"]
            options += [] if nanny else ["--no-nanny"]
            command = self._worker.replace("tls://HOST:8786", self.address)
            command += "" if self.address in command else f" {self.address}"
            log = self.folder / f"worker-{len(self._workers)}.log"
            self._workers.append(Started([*_runnable(command), *options], log))

    def workers(self) -> list[psutil.Process]:
        """Worker processes of nannies."""
        below = [w for n in self._workers for w in psutil.Process(n.process.pid).children(recursive=True)]
        return [each for each in below if "spawn_main" in _command(each)]

    def end(self) -> None:
        for worker in self._workers:
            worker.end()
        self.scheduler.end()


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _runnable(command: str) -> list[str]:
    """Words of a command of Dask, for the interpreter that runs the tests."""
    words = shlex.split(command)
    assert words[0] == "dask"
    return [sys.executable, "-m", "dask", *words[1:]]
