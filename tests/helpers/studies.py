"""Runs of a study as processes of their own, which can be killed; and what is left in its folder."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
import psutil
import pytest
from jobs import PATIENCE, wait_until

from sleepdask.parallel import close_pools

FEATURES = "statistics,hjorth"
GONE_SECONDS = 30  # after which nothing of a killed client is left; on a machine with time it is a second
PLANTED = Path(__file__).with_name("planted.py")
_OF_THE_RUN = ("attempts", "worker", "seconds", "peak_memory")  # all else of an outcome is of the recording


class Runner:
    """``sleepdask study run`` in a session of its own."""

    def __init__(self, table: Path, output: Path, log: Path, *options: str, **planted: dict[str, Any]) -> None:
        self._log = log
        program = [str(PLANTED)] if "client" in planted else ["-m", "sleepdask"]
        words = [
            "study",
            "run",
            str(table),
            "-o",
            str(output),
            "--features",
            FEATURES,
            "--json",
            "--no-report",
            *options,
        ]
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, *program, *words],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                env=os.environ | environment(**planted),
            )

    @property
    def said(self) -> str:
        """All that it printed."""
        return self._log.read_text(errors="replace")

    def wait_for(self, condition: Any, what: str) -> None:
        """Wait for something to happen, or for its end."""
        wait_until(lambda: condition() or self.process.poll() is not None, what)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill it, or interrupt it with its children as a terminal does; nothing of it is left soon after."""
        below = self.below()
        if how == signal.SIGKILL:
            self.process.kill()
        elif self.process.poll() is None:
            os.killpg(self.process.pid, how)
        self.process.wait(PATIENCE)
        left = psutil.wait_procs(below, timeout=GONE_SECONDS)[1]
        for each in left:
            each.kill()
        assert not left

    def below(self) -> list[psutil.Process]:
        """Processes that it started."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def end(self, *codes: int) -> None:
        """Wait for its end, which has to be one of these."""
        try:
            code = self.process.wait(2 * PATIENCE)
        finally:
            if self.process.poll() is None:
                self.kill()
        assert code in codes, self.said


def environment(**planted: dict[str, Any]) -> dict[str, str]:
    """Variables that plant something into a client, or its workers."""
    variables = {f"PLANTED_{who.upper()}": json.dumps(what) for who, what in planted.items()}
    if "worker" in planted:
        variables["DASK_DISTRIBUTED__WORKER__PRELOAD"] = json.dumps([str(PLANTED)])
    return variables


def outcomes(output: Path) -> dict[str, dict[str, Any]]:
    """What became of each recording, without what differs from run to run."""
    found = {}
    for path in sorted((output / "outcomes").glob("*.json")):
        found[path.stem] = {name: v for name, v in json.loads(path.read_bytes()).items() if name not in _OF_THE_RUN}
    return found


def finished(output: Path) -> set[str]:
    """Ids of the recordings that have an outcome."""
    return {path.stem for path in (output / "outcomes").glob("*.json")}


def features(output: Path) -> dict[str, bytes]:
    """All that is in the folder of features."""
    return tree(output / "features")


def tree(folder: Path) -> dict[str, bytes]:
    """All that is in a folder: bytes by name, nothing for a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


@contextmanager
def in_workers(**planted: Any) -> Iterator[None]:
    """Context in which workers that this process starts have something planted."""
    preload = dask.config.set({"distributed.worker.preload": [str(PLANTED)]})
    with preload, pytest.MonkeyPatch.context() as changes:
        changes.setenv("PLANTED_WORKER", json.dumps(planted))
        close_pools()  # what comes next starts its own
        yield
        close_pools()


def computed(log: Path) -> list[tuple[str, int]]:
    """Recordings that workers computed, in the order of their begin, and the process of each."""
    if not log.exists():
        return []
    return [(name, int(pid)) for name, pid in (line.split() for line in log.read_text().splitlines())]


def times_computed(log: Path) -> Counter[str]:
    """How often each recording was begun."""
    return Counter(name for name, _ in computed(log))


def check_whole(output: Path, truth: Path) -> None:
    """Check that a study is as one that nothing happened to, and that nothing else is left in its folder."""
    assert features(output) == features(truth)
    assert outcomes(output) == outcomes(truth)
    assert names(output) == names(truth)
    assert [name for name in names(output) if name.startswith(".")] == []


def names(output: Path) -> list[str]:
    """What a folder holds, hidden files included."""
    return sorted(path.name for path in output.iterdir())


def worker_processes(parent: psutil.Process) -> list[psutil.Process]:
    """Workers below a process of this session, or below the nannies of another."""
    found = []
    for each in parent.children(recursive=True):
        with suppress(psutil.Error, ProcessLookupError):
            own = os.getsid(each.pid) == os.getsid(parent.pid)
            if own and "spawn_main" in " ".join(each.cmdline()):
                found.append(each)
    return found


def kill_one_of(processes: list[psutil.Process], rng: random.Random) -> list[int]:
    """Kill one at random; gives its number, none if there was nobody."""
    if not processes:
        return []
    victim = rng.choice(processes)
    with suppress(psutil.Error):
        victim.kill()
    return [victim.pid]


def check_recomputed(log: Path, killed: Sequence[int]) -> None:
    """Check that no recording was computed again unless its worker was killed meanwhile."""
    begun = computed(log)
    last = {name: k for k, (name, _) in enumerate(begun)}
    assert {pid for k, (name, pid) in enumerate(begun) if k != last[name]} <= set(killed)
    assert len(begun) - len(last) <= len(killed)
