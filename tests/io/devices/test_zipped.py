"""Files within a ZIP: read here and there, from the nearest of a few places on, and never more than is asked for."""

from __future__ import annotations

import io
import pickle
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gt3x_files import gt3x, info, log_of, random_samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from range_server import range_server

import sleepdask as sd
from sleepdask.errors import ChangedFileError, FileFormatError
from sleepdask.io.devices import zipped
from sleepdask.io.devices.zipped import open_zip

CONTENT = np.random.default_rng(5).integers(0, 40, 300_000).astype(np.uint8).tobytes()
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]


def archive(folder: Path, method: int = zipfile.ZIP_DEFLATED, **contents: bytes) -> Path:
    path = folder / "some.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


@pytest.fixture
def few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small steps, and so few places that they are thinned out."""
    for name, value in {"_CLOSEST": 5000, "_PLACES": 7, "_FED": 700, "_OUT": 1500, "_AT_A_TIME": 4000}.items():
        monkeypatch.setattr(zipped, name, value)


@pytest.mark.parametrize("method", METHODS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_part_equals_that_of_the_content(
    tmp_path: Path, few_places: None, method: int, data: st.DataObject
) -> None:
    zipped._unpacker.cache_clear()
    member = open_zip(archive(tmp_path, method, a=b"other", b=CONTENT)).members["b"]
    for _ in range(4):
        position = data.draw(st.integers(0, len(CONTENT) + 10))
        size = data.draw(st.sampled_from([0, 1, 3000, 40_000, len(CONTENT)]))
        assert member.read(position, size) == CONTENT[position : position + size]
    if method == zipfile.ZIP_DEFLATED:
        assert len(zipped._unpacker(member)._places) <= 8


def test_a_part_is_read_from_the_nearest_place_on(tmp_path: Path, few_places: None) -> None:
    member = open_zip(archive(tmp_path, b=CONTENT)).members["b"]
    assert member.read(0, len(CONTENT)) == CONTENT
    places = [out for out, _, _ in zipped._unpacker(member)._places]
    assert 3 < len(places) <= 8
    assert np.diff([*places, len(CONTENT)]).max() < len(CONTENT) / 3


def test_threads_and_other_processes_read_the_same(tmp_path: Path, few_places: None) -> None:
    member = open_zip(archive(tmp_path, b=CONTENT)).members["b"]
    starts = [k * 997 % len(CONTENT) for k in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda at: member.read(at, 100), starts)) == [CONTENT[at : at + 100] for at in starts]
    zipped._unpacker.cache_clear()  # as in another process
    assert pickle.loads(pickle.dumps(member)).read(123_456, 100) == CONTENT[123_456:123_556]


@pytest.mark.usefixtures("no_compute")
@pytest.mark.parametrize("method", METHODS)
def test_samples_are_read_when_asked_for(tmp_path: Path, method: int) -> None:
    samples = random_samples(300)
    path = tmp_path / "watch.gt3x"
    path.write_bytes(gt3x(log_of(samples), method=method))
    node = sd.open_recording(path, chunks=None)["acc"].to_dataset()
    again = pickle.loads(pickle.dumps(node))
    want = (samples / 256).astype(np.float32).T
    for key in (np.s_[:, :], np.s_[1, 7], np.s_[::2, 75:230:7], np.s_[:, 200:200], np.s_[2, 299]):
        np.testing.assert_array_equal(again["signal"][key].values, want[key])
    path.write_bytes(path.read_bytes() + bytes(5))
    with pytest.raises(ChangedFileError, match="the file changed"):
        _ = again["signal"][:, 3].values


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = tmp_path / "watch.gt3x"
    hours = 2
    path.write_bytes(gt3x(log_of(random_samples(hours * 3600 * 100), rate=100), info(100)))  # 4.3 MB of samples
    sd.open_recording(path)
    zipped._unpacker.cache_clear()
    tracemalloc.start()
    try:
        node = sd.open_recording(path, chunks=None)["acc"].to_dataset()
        kept, peak = tracemalloc.get_traced_memory()
        assert kept < 1_000_000  # 32 bytes a second, and what zlib knows at each place, which is not counted here
        assert peak < 8_000_000
        tracemalloc.reset_peak()
        assert node["signal"][:, 400_000:403_000].values.size == 9000
        assert tracemalloc.get_traced_memory()[1] - kept < 6_000_000
    finally:
        tracemalloc.stop()


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "watch.gt3x"
    path.write_bytes(gt3x(bytes(200 << 20)))
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="it holds no samples"):
            sd.open_recording(path)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def changed(raw: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    at = raw.rindex(mark) + offset
    return raw[:at] + value + raw[at + len(value) :]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: changed(raw, b"PK\1\2", 24, b"\xff" * 4), "too large; found 4,294,967,295 bytes"),
        (
            lambda raw: changed(raw, b"PK\1\2", 42, b"\7\0\0\0"),
            "damaged; found nothing where a file should be",
        ),
        (
            lambda raw: changed(raw, b"PK\1\2", 42, b"\xff" * 4),
            "damaged; found nothing where a file should be",
        ),
    ],
)
def test_a_list_of_members_that_is_wrong(tmp_path: Path, change: Any, message: str) -> None:
    path = archive(tmp_path, a=b"other", b=CONTENT)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FileFormatError, match=message):
        open_zip(path)


def test_a_list_of_members_that_is_too_long(tmp_path: Path) -> None:
    path = archive(tmp_path, **{f"{k:0200}": b"" for k in range(5000)})
    with pytest.raises(FileFormatError, match="the ZIP holds too many files"):
        open_zip(path)


class Pipe(io.BytesIO):
    """Cannot go back, so that sizes are written behind what they are of."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise io.UnsupportedOperation


def test_without_a_list_a_member_without_a_size_is_the_last(tmp_path: Path) -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", b"other")
        file.writestr("b", CONTENT)
    path = tmp_path / "some.zip"
    raw = pipe.getvalue()
    path.write_bytes(raw)
    assert open_zip(path).members["b"].read(0, len(CONTENT) + 1) == CONTENT
    path.write_bytes(raw[: raw.rindex(b"PK\1\2")])
    found = open_zip(path)
    assert found.cut
    assert list(found.members) == ["a"]
    assert found.members["a"].read(0, 99) == b"other"


def test_behind_a_url() -> None:
    samples = random_samples(300)
    with range_server({"watch.gt3x": gt3x(log_of(samples))}) as server:
        night = sd.open_recording(f"{server.url}/watch.gt3x", chunks=None, dtype="float64")
        np.testing.assert_array_equal(night["acc/signal"].values.T, samples / 256)
