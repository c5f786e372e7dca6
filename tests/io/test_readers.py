"""Which reader a path gets: ours, in their order, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.findings import Findings
from sleepdask.io import readers
from sleepdask.io.diagnose import diagnose_file
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.readers import GROUP, is_known, reader_of

Bring = Callable[..., None]


class Toy(Reader):
    """Files that begin with TOY."""

    format: ClassVar[str] = "toy"

    def recognises(self, look: Look) -> bool:
        return look.head.startswith(b"TOY")

    def read(self, path: object, how: How, findings: Findings) -> xr.DataTree:
        findings.note("toy", "it is a toy", "nothing")
        recording = sd.recording_from_arrays({"C3": [1.0, 2.0]}, rate=1)
        recording.attrs["findings"] = [str(finding) for finding in findings.found]
        return recording


class Greedy(Toy):
    format: ClassVar[str] = "greedy"

    def recognises(self, look: Look) -> bool:
        return True


class Broken(Toy):
    format: ClassVar[str] = "broken"

    def recognises(self, look: Look) -> bool:
        raise KeyError("oops")


class NoReader:
    pass


def failing() -> Reader:
    raise RuntimeError("no licence")


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bring]:
    """Let installed packages name readers: `bring(name=Class, ...)`."""
    module = ModuleType("a_package_with_readers")
    for each in (Toy, Greedy, Broken, NoReader, failing):
        setattr(module, each.__name__, each)
    monkeypatch.setitem(__import__("sys").modules, module.__name__, module)

    def install(**named: str) -> None:
        points = [EntryPoint(name, f"{module.__name__}:{target}", GROUP) for name, target in named.items()]
        monkeypatch.setattr(readers, "entry_points", lambda group: EntryPoints(points).select(group=group))
        readers._brought.cache_clear()

    yield install
    readers._brought.cache_clear()


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "night.toy"
    path.write_bytes(b"TOY file")
    return path


def test_a_reader_of_another_package_opens_its_files(bring: Bring, toy: Path) -> None:
    assert not is_known(toy)
    bring(toy="Toy")
    assert is_known(toy)
    assert reader_of(toy).format == "toy"
    assert sd.open_recording(toy).attrs["findings"] == ["it is a toy; nothing"]
    diagnosis = diagnose_file(toy)
    assert (diagnosis.format, diagnosis.policy, len(diagnosis.findings)) == ("toy", "warn", 1)
    with pytest.raises(FileFormatError, match="it is a toy"):
        sd.open_recording(toy, policy="strict")


def test_the_first_by_name_that_recognises_it_reads_it_before_ours(bring: Bring, toy: Path, scored_night: Path) -> None:
    bring(zebra="Greedy", ant="Toy")
    assert reader_of(toy).format == "toy"
    assert reader_of(scored_night).format == "greedy"
    bring(ant="Greedy", zebra="Toy")
    assert reader_of(toy).format == "greedy"


def test_one_that_fails_keeps_no_file_from_the_others(bring: Bring, toy: Path, scored_night: Path) -> None:
    bring(a="Broken", b="Toy")
    assert reader_of(scored_night).format == "EDF"
    assert reader_of(toy).format == "toy"
    bring(a="Broken")
    with pytest.raises(
        FileFormatError, match=r"a file that no reader knows; broken \(\S*test_readers\) failed: KeyError"
    ):
        reader_of(toy)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("Missing", "AttributeError"),
        ("NoReader", "TypeError: it is no sleepdask.io.reader.Reader"),
        ("failing", "RuntimeError: no licence"),
    ],
)
def test_one_that_cannot_be_loaded_is_left_out_with_a_warning(
    bring: Bring, toy: Path, target: str, message: str
) -> None:
    bring(a=target, b="Toy")
    with pytest.warns(UserWarning, match=rf"the reader 'a' \(a_package_with_readers:{target}\) cannot be.*{message}"):
        assert reader_of(toy).format == "toy"
    assert reader_of(toy).format == "toy"  # told once


def test_errors_of_ours_and_of_the_disk_pass_through(bring: Bring, tmp_path: Path) -> None:
    bring(a="Toy")
    with pytest.raises(ParameterError, match="no such file"):
        reader_of(tmp_path / "missing.csv")
    assert not is_known(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("name", "found"), [("night.csv", "a table that no reader knows"), ("night.xyz", "a file that no reader knows")]
)
def test_what_nobody_knows(tmp_path: Path, name: str, found: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\0\1\2")
    with pytest.raises(FileFormatError, match=found):
        reader_of(path)
    with pytest.raises(ParameterError, match="is a folder"):
        reader_of(tmp_path)
    assert not is_known(path)
    assert not is_known(tmp_path)


def test_stores_and_edf_files_are_told_by_name_or_content(scored_night: Path, tmp_path: Path) -> None:
    plain = tmp_path / "no_suffix"
    plain.write_bytes(scored_night.read_bytes())
    store = tmp_path / "stored"
    sd.save_recording(sd.open_recording(scored_night), tmp_path / "night.zarr", backend="sync")
    (tmp_path / "night.zarr").rename(store)
    assert [reader_of(path).format for path in (scored_night, plain, store)] == ["EDF", "EDF", "Zarr"]
    assert reader_of(scored_night) is reader_of(plain)
    assert diagnose_file(plain).format == "EDF+C"


# --- a first look


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a;b\r\n1;2", ["a;b", "1;2"]),
        (b"\xef\xbb\xbfZeit\n", ["Zeit"]),
        ("Zeit;Größe\n1".encode("utf-16"), ["Zeit;Größe", "1"]),
        ("Zeit\n1".encode("utf-16-be"), []),
        (b"\xfe\xff" + "Zeit\n1".encode("utf-16-be"), ["Zeit", "1"]),
        (b"a\0b\nc", []),
        (b"caf\xe9\n", ["caf\ufffd"]),
    ],
)
def test_lines_of_a_look(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    path = tmp_path / "Night.CSV"
    path.write_bytes(content)
    look = Look(path)
    assert look.lines == lines
    assert (look.name, look.is_folder, look.files, list(look.others())) == ("night.csv", False, (), [])


def test_a_look_reads_the_beginning_alone(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    path.write_bytes("ä".encode("utf-16-le") * 10_000)
    assert len(Look(path).head) == 4096
    assert sum(map(len, Look(path).lines)) <= 4096


def test_a_look_at_a_folder(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", ".hidden"):
        (tmp_path / name).write_text(name)
    (tmp_path / "inner").mkdir()
    look = Look(tmp_path)
    assert look.is_folder
    assert look.head == b""
    assert look.lines == []
    assert [each.name for each in look.others()] == ["a.csv", "b.csv"]
