"""One run of a study at a time: a file that a run keeps fresh, and a rule for one that it left behind."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep, time
from typing import Any
from uuid import uuid4

from sleepdask.errors import ConcurrencyError
from sleepdask.study.files import StudyFiles

LOCK = ".lock"
_BEAT_SECONDS = 10.0
_STALE_SECONDS = 120.0  # twelve beats missed: longer than any pause of a machine that still works
_DAMAGED: dict[str, Any] = {"token": "", "damaged": True}
_DAMAGED_SECONDS = 3.0  # in which whoever writes a lock has written it, on a drive where it does not appear as a whole
_DAMAGED_LOOKS = 10
_SETTLE_SECONDS = 2.0


@contextmanager
def run_lock(files: StudyFiles) -> Iterator[str]:
    """Context in which no other run may write into the study; gives the token of this one.

    A lock is stale, and taken over, if its process on this machine is gone, if one on another machine has not
    freshened it for two minutes, or if it cannot be read, as after a loss of power.

    Raises
    ------
    ConcurrencyError
        Another run is at work.
    """
    token = uuid4().hex
    _take(files, token)
    done = threading.Event()
    beating = threading.Thread(target=_beat, args=(files, token, done), daemon=True, name="study-lock")
    beating.start()
    try:
        yield token
    finally:
        done.set()
        beating.join()
        with files.alone():
            if holds(files, token):
                files.remove(LOCK)


def holds(files: StudyFiles, token: str) -> bool:
    """Whether the run of this token still has the study, so that what it left running may write."""
    return bool(_read(files).get("token") == token)


def holder(files: StudyFiles) -> dict[str, Any] | None:
    """Who runs the study now: host, pid and since when; None if nobody does."""
    held = _read(files)
    return None if not held or held == _DAMAGED or _is_stale(held) else held


def _take(files: StudyFiles, token: str) -> None:
    with files.alone() as certain:
        if not files.create(LOCK, _content(token)):
            held = _settled(files)
            if held and not _is_stale(held):
                raise ConcurrencyError(
                    "another run of this study is at work",
                    where=files.location,
                    found=f"process {held.get('pid')} on {held.get('host')}",
                    fix="wait for it, or stop it: what it has finished is kept",
                )
            files.write(LOCK, _content(token), lasting=False)
            if not certain:  # another one may take it over at the same moment: the last one has it
                sleep(_SETTLE_SECONDS)
    if not holds(files, token):
        raise ConcurrencyError("another run of this study has begun", where=files.location, fix="wait for it")


def _settled(files: StudyFiles) -> dict[str, Any]:
    """Content of the lock; nothing if it is gone, or cannot be read for longer than it takes to write it."""
    for _ in range(_DAMAGED_LOOKS):
        held = _read(files)
        if held != _DAMAGED:
            return held
        sleep(_DAMAGED_SECONDS / _DAMAGED_LOOKS)
    return {}


def _beat(files: StudyFiles, token: str, done: threading.Event) -> None:
    while not done.wait(_BEAT_SECONDS):
        with suppress(Exception):  # the next one may succeed; a full disk is told by what the run writes
            if not holds(files, token):
                return
            files.write(LOCK, _content(token), lasting=False)


def _content(token: str) -> bytes:
    pid = os.getpid()
    held = {"token": token, "host": socket.gethostname(), "pid": pid, "began": _began(pid), "beat": time()}
    return json.dumps(held).encode()


def _read(files: StudyFiles) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(files.read(LOCK))
    except FileNotFoundError:
        return {}
    except ValueError:
        return _DAMAGED
    return held if isinstance(held, dict) else _DAMAGED


def _is_stale(held: dict[str, Any]) -> bool:
    if held.get("host") == socket.gethostname():
        return not _is_alive(held.get("pid"), held.get("began"))
    try:
        silent = time() - float(held.get("beat", 0))
    except (TypeError, ValueError):
        return True
    return not silent <= _STALE_SECONDS


def _is_alive(pid: Any, began: Any) -> bool:
    try:
        if int(pid) <= 0:  # would be a group of processes
            return False
        os.kill(int(pid), 0)
    except (ProcessLookupError, TypeError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return bool(_began(int(pid)) == began)


def _began(pid: int) -> str:
    """When a process began, as the system counts it: a later one may have the same number.

    Empty where that is not told, and of one that has ended and whose parent has not asked how.
    """
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return "" if state in "ZX" else rest[18]
    except (OSError, IndexError):
        return ""
