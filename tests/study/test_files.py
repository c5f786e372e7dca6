"""Files of a study appear whole or not at all, in a folder as in an object store."""

from __future__ import annotations

import errno
import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs import Job, run_together

from sleepdask.errors import OutputError, ParameterError
from sleepdask.study.files import Folder, ObjectStore, StudyFiles, study_files

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(params=["folder", "store", "run"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StudyFiles]:
    """A folder, an object store, and a folder as a run has it."""
    if request.param == "store":
        url = f"memory://{uuid4().hex}/out"
        yield study_files(url)
        fsspec.filesystem("memory").store.clear()
    else:
        files = study_files(tmp_path / "out")
        yield files if request.param == "folder" else files.of_run("1")


ODD = ["a.json", "recording_id=B 2/part-0.parquet", "ä/ß.json", "a+b@c/x", "=1/2", "a#b?c/d%20e", "x" * 100]


def test_what_is_written_is_there(files: StudyFiles) -> None:
    for k, name in enumerate(ODD):
        assert not files.exists(name)
        files.write(name, bytes([k]))
        files.write(name, bytes([k]) * 2)
        assert files.exists(name)
        assert files.read(name) == bytes([k]) * 2
    assert [name for name in files.names("") if not name.startswith(".")] == sorted({n.split("/")[0] for n in ODD})
    assert {name: size for name, size in files.sizes("").items() if not name.startswith(".")} == dict.fromkeys(ODD, 2)
    assert files.sizes("ä") == {"ä/ß.json": 2}
    assert files.names("ä") == ["ß.json"]


def test_what_is_not_there(files: StudyFiles) -> None:
    files.write("a/b", b"1")
    for name in ("x", "a/x", "x/y", "a/b/c"):
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            files.read(name)
        assert not files.exists(name)
        assert files.names(name) == []
        assert files.sizes(name) == {}
    for name in ("x", "a/x", "x/y"):
        files.remove(name)
    assert files.read("a/b") == b"1"


def test_removing(files: StudyFiles) -> None:
    for name in ("a/b", "a/c/d", "e"):
        files.write(name, b"1")
    files.remove("a/c")
    assert files.names("a") == ["b"]
    files.remove("a")
    files.remove("e")
    assert [name for name in files.names("") if not name.startswith(".")] == []
    files.write("a", b"2")  # where a folder was
    assert files.read("a") == b"2"


def test_of_many_who_create_a_file_one_does(files: StudyFiles) -> None:
    start = threading.Barrier(8)

    def create(k: int) -> bool:
        start.wait()
        return files.create("lock", bytes([k]))

    if isinstance(files, ObjectStore):  # whose threads are one process: it has no way to tell two of them apart
        assert files.create("lock", b"0")
        assert not files.create("lock", b"1")
        assert files.read("lock") == b"0"
        return
    done = run_together(*(lambda k=k: create(k) for k in range(8)))
    assert sum(done) == 1
    assert files.read("lock") == bytes([done.index(True)])
    assert not files.create("lock", b"")


def test_they_travel(files: StudyFiles) -> None:
    files.write("a", b"1")
    again = pickle.loads(pickle.dumps(files))
    assert again.read("a") == b"1"
    assert again.location == files.location


def test_a_table_is_read_by_arrow_from_where_they_are(files: StudyFiles) -> None:
    files.write("a/b", b"some bytes")
    filesystem, root = files.arrow()
    with filesystem.open_input_file(f"{root}/a/b") as file:
        assert file.read() == b"some bytes"


def test_a_url_of_a_folder_is_the_folder(tmp_path: Path) -> None:
    files = study_files(f"file://{tmp_path}/out")
    assert isinstance(files, Folder)
    files.write("a", b"1")
    assert (tmp_path / "out" / "a").read_bytes() == b"1"


@pytest.mark.parametrize("location", ["nonsense://x/y", "memory::file://x"])
def test_what_is_no_place_is_refused(location: str) -> None:
    with pytest.raises(ParameterError):
        study_files(location)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ParameterError, match="is a file"):
        study_files(tmp_path / "file")
    below = study_files(tmp_path / "file" / "below")
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        below.write("a", b"1")
    with pytest.raises(OutputError):
        below.create("a", b"1")
    assert below.names("") == []


# Whole or not at all


def left(folder: Path) -> list[str]:
    """Files in a folder, hidden ones included."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("point", ["open", "write", "fsync", "replace"])
def test_a_write_that_fails_anywhere_leaves_what_was_there(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Folder(tmp_path)
    files.write("a/b", b"before")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class FullFile:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> FullFile:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        write = staticmethod(full)

    opened = Path.open
    with monkeypatch.context() as patch:
        if point == "fsync":
            patch.setattr(os, "fsync", full)
        elif point == "write":
            patch.setattr(Path, "open", lambda path, *mode: FullFile(opened(path, *mode)))
        else:
            patch.setattr(Path, point, full)
        with pytest.raises(OutputError, match=r"a/b: cannot be written: No space left on device; .* make room"):
            files.write("a/b", b"after")
        with pytest.raises(OutputError):
            files.write("a/new", b"after")
    assert files.read("a/b") == b"before"
    assert left(tmp_path) == ["a/b"]


def test_a_process_that_dies_before_the_last_step_leaves_nothing_that_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    files = Folder(tmp_path)
    files.write("a/b", b"before")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", die)
        patch.setattr(Path, "unlink", die)  # nobody cleans up
        with pytest.raises(Killed):
            files.write("a/b", b"after")
    assert files.read("a/b") == b"before"
    assert files.names("a") == ["b"]
    assert [name for name in left(tmp_path) if not name.startswith(".unfinished/")] == ["a/b"]
    files.end_runs()
    assert left(tmp_path) == ["a/b"]


def test_readers_never_see_half_a_file(files: StudyFiles) -> None:
    sizes = [1, 300_000, 7, 2_000_000]
    done = threading.Event()
    files.write("a", b"")

    def read() -> int:
        seen = 0
        while not done.is_set():
            data = files.read("a")
            assert not data or (len(data) in sizes and data == data[:1] * len(data))
            seen += 1
        return seen

    readers = [Job(read) for _ in range(2)]
    for k in range(60):
        files.write("a", bytes([k]) * sizes[k % 4], lasting=k % 5 == 0)
    done.set()
    assert all(reader.end() for reader in readers)


def test_what_a_run_left_behind_writes_nothing(tmp_path: Path) -> None:
    files = Folder(tmp_path)
    old = files.of_run("1")
    old.write("a", b"old")
    files.end_runs()
    new = files.of_run("2")
    for late in (lambda: old.write("a", b"late"), lambda: old.create("b", b"late")):
        with pytest.raises(OutputError, match="another one has taken over"):
            late()
    old.remove("a")
    assert (new.read("a"), new.exists("b")) == (b"old", False)
    new.write("a", b"new")
    assert new.read("a") == b"new"


def test_an_object_store_that_fails_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    class HttpError(Exception):
        """As the libraries of some stores have them, which know no OSError."""

    def fail(*_: Any, **__: Any) -> None:
        raise HttpError("403, forbidden")

    files = study_files(f"memory://{uuid4().hex}")
    for name in ("pipe_file", "rm"):
        monkeypatch.setattr(files._fs, name, fail)
    for change in (lambda: files.write("a", b""), lambda: files.create("a", b""), lambda: files.remove("a")):
        with pytest.raises(OutputError, match="cannot be written: 403, forbidden"):
            change()


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1)


@settings(max_examples=60)
@given(name=NAMES.filter(lambda name: name not in (".", "..") and len(name.encode()) < 150), data=st.binary())
def test_names_of_any_kind(name: str, data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    files = Folder(tmp_path_factory.mktemp("names"))
    files.write(f"x/{name}", data)
    assert files.read(f"x/{name}") == data
    assert files.names("x") == [name]
    assert files.sizes("x") == {f"x/{name}": len(data)}
    files.remove(f"x/{name}")
    assert files.names("x") == []
