"""What tests plant into the processes of a study: the workers load it, and it is a program that runs ``sleepdask``.

What is planted stands in the environment variable ``PLANTED_WORKER`` or ``PLANTED_CLIENT``, as JSON: ``log`` (file that
gets a line for every recording that is computed), ``looks`` (for every one that is looked at), ``seconds`` (that each
takes longer), ``deadly`` (ids of recordings that kill their process), ``deadly_look`` (when they are looked at),
``hungry`` (that eat its memory), ``hold`` (a function that the first who calls it never gets to, unless a second file
comes, and the file that says so).
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

NEVER = 600  # seconds; whoever is held is killed long before
_PIECE = 50 << 20


def plant(**what: Any) -> None:
    """Plant it into this process."""
    if "hold" in what:
        _hold(*what["hold"])
    from sleepdask.study.scan import _Scanner
    from sleepdask.study.task import Analysis

    look, features = _Scanner.__call__, Analysis._features

    def looked(self: _Scanner, entry: Any) -> Any:
        _note(what.get("looks"), entry.recording_id)
        if entry.recording_id in what.get("deadly_look", ()):
            os.kill(os.getpid(), signal.SIGKILL)
        return look(self, entry)

    def planted(self: Analysis, job: Any, *rest: Any) -> Any:
        name = job.entry.recording_id
        _note(what.get("log"), name)
        sleep(what.get("seconds", 0))
        if name in what.get("deadly", ()):
            os.kill(os.getpid(), signal.SIGKILL)
        if name in what.get("hungry", ()):
            _eat()
        return features(self, job, *rest)

    _Scanner.__call__ = looked  # type: ignore[method-assign]
    Analysis._features = planted  # type: ignore[method-assign]


def _note(log: str | None, name: str) -> None:
    if log is not None:
        with Path(log).open("a") as file:  # one write of a line is not torn
            file.write(f"{name} {os.getpid()}\n")


def _hold(where: str, marker: str) -> None:
    module, _, path = where.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    function: Callable[..., Any] = getattr(owner, name)

    def held(*arguments: Any, **keywords: Any) -> Any:
        try:
            Path(marker).touch(exist_ok=False)
        except FileExistsError:
            return function(*arguments, **keywords)
        for _ in range(NEVER * 20):
            sleep(0.05)
            if Path(f"{marker}.go").exists():
                break
        return function(*arguments, **keywords)

    setattr(owner, name, held)


def _eat() -> None:
    held = []
    for _ in range(200):
        held.append(bytearray(os.urandom(1)) * _PIECE)
        sleep(0.05)
    sleep(NEVER)


def dask_setup(_: object) -> None:
    """Called in a worker that loads this."""
    plant(**json.loads(os.environ.get("PLANTED_WORKER", "{}")))


if __name__ == "__main__":
    from sleepdask.cli import main

    plant(**json.loads(os.environ.get("PLANTED_CLIENT", "{}")))
    main(sys.argv[1:])
