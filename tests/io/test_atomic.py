"""Results appear together and whole, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from sleepdask import OutputError
from sleepdask.io.atomic import check_outputs, staged_outputs

NAMES = ["a.txt", "b.zarr", "c.txt"]


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def write(folder: Path, text: str, *, force: bool = False, fail: BaseException | None = None) -> None:
    with staged_outputs(folder, NAMES, force=force) as paths:
        assert list(paths) == NAMES
        paths["a.txt"].write_text(text)
        (paths["b.zarr"] / "deep").mkdir(parents=True)
        (paths["b.zarr"] / "deep" / text).write_text(text)
        if fail:
            raise fail
        paths["c.txt"].write_text(text)


def results(text: str) -> dict[str, str]:
    return {"a.txt": text, f"b.zarr/deep/{text}": text, "c.txt": text}


def test_all_appear(tmp_path: Path) -> None:
    write(tmp_path / "new" / "out", "one")
    assert contents(tmp_path / "new" / "out") == results("one")


def test_none_is_there_before_the_end(tmp_path: Path) -> None:
    with staged_outputs(tmp_path, ["a.txt"]) as paths:
        paths["a.txt"].write_text("x")
        assert not (tmp_path / "a.txt").exists()
        assert paths["a.txt"].parent == tmp_path  # on the same disk
        assert paths["a.txt"].suffix == ".txt"


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write(tmp_path / "new" / "out", "one", fail=error)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_results_that_were_there(tmp_path: Path) -> None:
    write(tmp_path, "one")
    with pytest.raises(ValueError, match="bad"):
        write(tmp_path, "two", force=True, fail=ValueError("bad"))
    assert contents(tmp_path) == results("one")


def test_a_failure_keeps_a_folder_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="bad"):
        write(tmp_path / "out" / "sub", "one", fail=ValueError("bad"))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert list((tmp_path / "out").iterdir()) == []


def test_force_replaces_files_and_folders(tmp_path: Path) -> None:
    write(tmp_path, "one")
    (tmp_path / "mine.txt").write_text("kept")
    write(tmp_path, "two", force=True)
    assert contents(tmp_path) == results("two") | {"mine.txt": "kept"}


def test_without_force_results_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "one")
    (tmp_path / "a.txt").unlink()
    with pytest.raises(OutputError, match=r"results are already there; found b.zarr, c.txt; use --force"):
        write(tmp_path, "two")
    assert contents(tmp_path) == {name: text for name, text in results("one").items() if name != "a.txt"}


def test_a_dangling_link_counts_as_a_result(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"already there; found a\.txt"):
        check_outputs(tmp_path, NAMES, force=False)
    write(tmp_path, "one", force=True)
    assert not (tmp_path / "a.txt").is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_a_result_that_was_not_written_fails_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(OutputError), staged_outputs(tmp_path / "out", NAMES) as paths:
        paths["a.txt"].write_text("x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", [0, 1, 2, 3])
def test_a_failing_rename_takes_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    write(tmp_path, "one")
    done: list[str] = []
    real = {name: getattr(os, name) for name in ("rename", "replace")}

    def guarded(name: str) -> Any:
        def move(source: Any, target: Any, **options: Any) -> None:
            done.append(name)
            if len(done) == failing + 1:
                raise OSError(errno.EIO, "Input/output error")
            real[name](source, target, **options)

        return move

    for name in real:
        monkeypatch.setattr(os, name, guarded(name))
    with pytest.raises(OutputError, match="results cannot be written: Input/output error"):
        write(tmp_path, "two", force=True)
    monkeypatch.undo()
    assert contents(tmp_path) == results("one")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="results cannot be written: No space left on device") as caught:
        write(tmp_path / "out", "one")
    assert isinstance(caught.value.__cause__, OSError)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_when_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "one")

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write(tmp_path, "two", force=True)
    assert contents(tmp_path) == results("one")


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    for force in (False, True):
        with pytest.raises(OutputError, match="out: the output is a file, not a folder"):
            write(tmp_path / "out", "one", force=force)


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_folder_below_a_file(tmp_path: Path, mode: int) -> None:
    (tmp_path / "file").write_text("a file")
    (tmp_path / "file").chmod(mode)
    with pytest.raises(OutputError, match="the output folder cannot be written"):
        write(tmp_path / "file" / "deep" / "out", "one")
    assert contents(tmp_path) == {"file": "a file"}


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        write(folder / "out", "one")


def test_a_folder_that_refuses_although_its_mode_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(OutputError, match="the output folder cannot be written: Read-only file system"):
        write(tmp_path / "new" / "out", "one")
    assert list(tmp_path.iterdir()) == []
