"""What tells that a file is as before, and the hash of its bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from sleepdask.errors import ParameterError
from sleepdask.study import inputs
from sleepdask.study.inputs import hashed, looks_the_same, state_of


def test_a_state_tells_name_size_and_time_but_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "John Smith" / "n.edf"
    path.parent.mkdir()
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 1_234_567_890_123_456_789))
    state = state_of(str(path))
    assert (state["name"], state["size"], state["changed"]) == ("n.edf", 5, "1234567890123456789")
    assert "Smith" not in str(state)
    assert set(state) == {"name", "where", "size", "changed"}


def test_what_makes_a_file_look_different(tmp_path: Path) -> None:
    path = tmp_path / "n.edf"
    path.write_bytes(b"12345")
    state = state_of(str(path))
    assert looks_the_same(state_of(f"{tmp_path}/../{tmp_path.name}/./n.edf"), state)
    link = tmp_path / "link.edf"
    link.symlink_to(path)
    assert looks_the_same(state_of(str(link)), state)

    other = tmp_path / "m.edf"
    other.write_bytes(b"12345")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    assert not looks_the_same(state_of(str(other)), state)
    path.write_bytes(b"123456")
    os.utime(path, ns=(other.stat().st_atime_ns, other.stat().st_mtime_ns))
    assert not looks_the_same(state_of(str(path)), state)
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 1))
    assert not looks_the_same(state_of(str(path)), state)


@settings(max_examples=25)
@given(data=st.binary(max_size=3000))
def test_a_hash_is_that_of_the_bytes(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("files") / "n.edf"
    path.write_bytes(data)
    assert hashed(str(path))["hash"] == f"xxh3_128:{xxhash.xxh3_128_hexdigest(data)}"


def test_a_large_file_is_hashed_piece_by_piece(tmp_path: Path) -> None:
    data = os.urandom(1000) * 5000  # several pieces
    (tmp_path / "n.edf").write_bytes(data)
    assert hashed(str(tmp_path / "n.edf"))["hash"] == f"xxh3_128:{xxhash.xxh3_128_hexdigest(data)}"


def test_a_hash_is_remembered_until_the_file_looks_different(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "n.edf"
    path.write_bytes(b"12345")
    known = hashed(str(path)) | {"hash": "remembered"}
    assert hashed(str(path), known) == known
    os.utime(path, ns=(1, 1))
    assert hashed(str(path), known)["hash"] == f"xxh3_128:{xxhash.xxh3_128_hexdigest(b'12345')}"
    assert hashed(str(path), {})["hash"].startswith("xxh3_128:")
    assert hashed(str(path), state_of(str(path)))["hash"].startswith("xxh3_128:")  # looks the same, but has none


def test_a_folder_is_one_file(tmp_path: Path) -> None:
    store = tmp_path / "n.zarr"
    for name, data in {"zarr.json": b"{}", "a/c/0": b"123", "a/c/1": b"45"}.items():
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_bytes(data)
    state = hashed(str(store))
    assert (state["name"], state["size"]) == ("n.zarr", 7)
    assert hashed(str(store)) == state
    (store / "a" / "c" / "1").rename(store / "a" / "c" / "2")
    assert hashed(str(store))["hash"] != state["hash"]
    (store / "a" / "c" / "2").rename(store / "a" / "c" / "1")
    assert hashed(str(store))["hash"] == state["hash"]
    (store / "a" / "c" / "1").write_bytes(b"46")
    assert hashed(str(store))["hash"] != state["hash"]
    (store / "a" / "c" / "1").unlink()
    assert not looks_the_same(state_of(str(store)), state)


@pytest.mark.parametrize("name", ["missing.edf", "file/below.edf", "nul\0byte.edf", "x" * 300])
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((ParameterError, OSError)) as refusal:
        state_of(str(tmp_path / name))
    assert isinstance(refusal.value, ParameterError) or refusal.value.errno == 36
    assert inputs.looks_the_same({"where": 1, "size": 1, "changed": 1}, {}) is False
