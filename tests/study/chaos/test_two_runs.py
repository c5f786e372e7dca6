"""One run of a study at a time, whoever starts when and however the one before it ended."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import ExitStack
from pathlib import Path
from time import time

import pytest
from jobs import PATIENCE, run_together, wait_until
from studies import Runner, check_whole, names

from sleepdask.errors import ConcurrencyError
from sleepdask.study.files import Folder
from sleepdask.study.lock import LOCK, holder, run_lock

GONE = 2**22 + 1  # no process has this number


@pytest.mark.slow
def test_of_two_that_start_together_one_works(few: Path, few_truth: Path, output: Path, tmp_path: Path) -> None:
    marker = tmp_path / "held"
    held = {"hold": ["sleepdask.study.run:Run.write_plan", str(marker)]}
    runs = [Runner(few, output, tmp_path / f"said-{k}.txt", "--backend", "sync", client=held) for k in range(2)]
    wait_until(lambda: any(run.process.poll() is not None for run in runs), "one of them to give up")
    loser, winner = sorted(runs, key=lambda run: run.process.poll() is None)
    loser.end(2)
    assert "another run of this study is at work" in loser.said
    assert f"process {winner.process.pid} on {socket.gethostname()}" in loser.said
    (tmp_path / "held.go").touch()
    winner.end(0, 3)
    check_whole(output, few_truth)


@pytest.mark.slow
@pytest.mark.parametrize("reaped", [True, False])
def test_the_study_of_one_that_was_killed_is_taken_over(
    few: Path, few_truth: Path, output: Path, tmp_path: Path, reaped: bool
) -> None:
    """Also where nobody asks how it ended, as in a container whose first process does not: it is a zombie for ever."""
    marker = tmp_path / "held"
    held = {"hold": ["sleepdask.study.run:compile_outcomes", str(marker)]}
    killed = Runner(few, output, tmp_path / "killed.txt", "--backend", "sync", client=held)
    killed.wait_for(marker.exists, "it to compile")
    killed.process.kill()
    if reaped:
        killed.process.wait(PATIENCE)
    else:
        wait_until(lambda: "State:\tZ" in Path(f"/proc/{killed.process.pid}/status").read_text(), "a zombie")
    assert LOCK in names(output)
    Runner(few, output, tmp_path / "said.txt", "--backend", "sync").end(0, 3)
    killed.process.wait(PATIENCE)
    check_whole(output, few_truth)


def left_behind(output: Path, **changes: object) -> None:
    lock = {"token": "x", "host": socket.gethostname(), "pid": GONE, "began": "1", "beat": time()} | changes
    output.mkdir()
    (output / LOCK).write_text(json.dumps(lock))


@pytest.mark.parametrize("round_", range(20))
def test_of_many_that_take_over_at_once_one_does(output: Path, round_: int) -> None:
    left_behind(output)
    together, over = threading.Barrier(8), threading.Barrier(8)

    def take() -> bool:
        with ExitStack() as stack:
            together.wait(PATIENCE)
            try:
                stack.enter_context(run_lock(Folder(output)))
                return True
            except ConcurrencyError:
                return False
            finally:
                over.wait(PATIENCE)  # nobody leaves before all have tried

    assert sum(run_together(*[take] * 8)) == 1
    assert not (output / LOCK).exists()


def test_another_machine_that_was_silent_for_a_minute_may_be_at_work(output: Path) -> None:
    left_behind(output, host="elsewhere", beat=time() - 60)
    with pytest.raises(ConcurrencyError, match=f"process {GONE} on elsewhere"), run_lock(Folder(output)):
        pass


def test_another_machine_that_was_silent_for_long_is_not(output: Path) -> None:
    left_behind(output, host="elsewhere", beat=time() - 600)
    with run_lock(Folder(output)):
        assert holder(Folder(output)) is not None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", bytes(200)])
def test_a_lock_that_a_loss_of_power_spoiled(output: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.study.lock._DAMAGED_SECONDS", 0.1)
    output.mkdir()
    (output / LOCK).write_bytes(content)
    assert holder(Folder(output)) is None
    with run_lock(Folder(output)):
        assert holder(Folder(output)) is not None
    assert not (output / LOCK).exists()
