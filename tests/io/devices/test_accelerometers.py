"""Raw accelerometers: samples and times of real files equal a plain parse, bit by bit and page by page."""

from __future__ import annotations

import pickle
import re
import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import ChangedFileError, FileFormatError
from sleepdask.io.devices.blocks import sample_stamps
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.timestamps import Timestamps

FOLDER = "raw-accel-and-fitbit"
START = datetime(2024, 3, 11, 22, 47, 30)


def packed_time(time: datetime) -> int:
    fields = (
        (time.year - 2000, 26),
        (time.month, 22),
        (time.day, 17),
        (time.hour, 12),
        (time.minute, 6),
        (time.second, 0),
    )
    return sum(value << shift for value, shift in fields)


def cwa_block(samples: np.ndarray, time: datetime, *, axes: int = 3, packing: int = 2, scale: int = 3) -> bytes:
    """Block of 16-bit samples at 100 Hz, or of packed words."""
    head = struct.pack(
        "<2sHHIIIHHBBBBhH", b"AX", 508, 0, 1, 0, packed_time(time), scale << 13 | 300, 250, 0, 200, 74,
        axes << 4 | packing, 0, len(samples),
    )  # fmt: skip
    body = (head + samples.tobytes()).ljust(510, b"\0")
    return body + struct.pack("<H", -sum(struct.unpack("<255H", body)) & 0xFFFF)


def cwa(path: Path, *blocks: bytes) -> Path:
    header = b"MD\xfc\x03\x17" + struct.pack("<HIH", 4711, 26, 0xFFFF)
    path.write_bytes(header.ljust(1024, b"\xff") + b"".join(blocks))
    return path


def three(rng: np.random.Generator, count: int = 80) -> np.ndarray:
    return rng.integers(-32768, 32767, (count, 3)).astype("<i2")


def plain_cwa(raw: bytes) -> tuple[list[float], list[tuple[float, ...]]]:
    """Start of each block in s of its month, and all samples, by the module struct alone."""
    starts, samples = [], []
    for at in range(1024, len(raw), 512):
        block = struct.unpack("<2sHHIIIHHBBBBhH", raw[at : at + 30])
        fraction, time, offset, count = (block[2] & 0x7FFF) << 1, block[5], block[12], block[13]
        seconds = (time >> 17 & 31) * 86400 + (time >> 12 & 31) * 3600 + (time >> 6 & 63) * 60 + (time & 63)
        starts.append(seconds + fraction / 65536 - (offset + (fraction * 100 >> 16)) / 100)
        for (word,) in struct.iter_unpack("<I", raw[at + 30 : at + 30 + 4 * count]):
            bits = [word >> shift & 1023 for shift in (0, 10, 20)]
            samples.append(tuple((b - 1024 if b > 511 else b) * 2 ** (word >> 30) / 256 for b in bits))
    return starts, samples


def test_a_real_cwa_equals_a_plain_parse(test_data: Path) -> None:
    file = test_data / FOLDER / "ax3_testfile.cwa"
    starts, samples = plain_cwa(file.read_bytes())
    night = sd.open_recording(file, chunks=None)
    node = night["acc"]
    np.testing.assert_array_equal(node["signal"].values.T, np.array(samples, np.float32))
    assert node["unit"].values.tolist() == ["g"] * 3
    month = np.datetime64("2019-02-01", "ns") - np.timedelta64(1, "D")
    seconds = (node["time"].values[::120] - month) / np.timedelta64(1, "s")
    assert np.abs(seconds - starts).max() < 0.005  # half a sample
    assert float(clock_of(node.to_dataset()).rate) == pytest.approx(98.86, abs=0.01)  # not the 100 Hz of its header
    assert "its samples come at 98.86" in night.attrs["findings"][0]
    assert night["temperature/signal"].values[0, 0] == 258 * 75 / 256 - 50
    assert night["light/signal"].values[0, 0] == 283


def plain_bin(text: str) -> tuple[list[datetime], list[list[float]]]:
    """Time of each page, and all samples, by ``int`` alone; calibration of the header."""
    numbers = {
        name: float(value) for name, value in re.findall(r"([xyz] \w+|Volts|Lux):(-?\d+)", text.split("Recorded")[0])
    }
    times, samples = [], []
    for page in text.split("Recorded Data")[1:]:
        lines = page.split()
        times.append(datetime.strptime(re.findall("Page Time:(.*)", page)[0].strip() + "000", "%Y-%m-%d %H:%M:%S:%f"))
        digits = lines[-1]
        for at in range(0, len(digits) // 12 * 12, 12):
            raw = [int(digits[at + k : at + k + 3], 16) for k in (0, 3, 6, 9)]
            axes = [value - 4096 if value > 2047 else value for value in raw[:3]]
            row = [
                (value * 100 - numbers[f"{axis} offset"]) / numbers[f"{axis} gain"]
                for axis, value in zip("xyz", axes, strict=True)
            ]
            samples.append([*row, (raw[3] >> 2) * numbers["Lux"] / numbers["Volts"]])
    return times, samples


def test_a_real_bin_equals_a_plain_parse(test_data: Path) -> None:
    file = test_data / FOLDER / "GENEActiv_testfile.bin"
    times, samples = plain_bin(file.read_text("latin-1"))
    night = sd.open_recording(file, chunks=None, dtype="float64")
    node = night["acc"]
    np.testing.assert_allclose(node["signal"].values.T, samples, rtol=1e-14)
    assert node["unit"].values.tolist() == ["g", "g", "g", "lx"]
    pages = node["time"].values[::300]
    assert np.abs(pages - np.array(times, "datetime64[ns]")).max() < np.timedelta64(1, "ms")
    assert float(clock_of(node.to_dataset()).rate) == pytest.approx(300 / 3.5, rel=1e-6)
    assert night["temperature/signal"].values[0, :3].tolist() == [21.5, 21.5, 21.8]
    assert night.attrs["findings"] == ["17 of 222,048 pages are there; these are read"]


def test_serial_numbers_are_kept_only_if_asked_for(test_data: Path) -> None:
    for name, serial in (("ax3_testfile.cwa", "39434"), ("GENEActiv_testfile.bin", "012967")):
        file = test_data / FOLDER / name
        assert serial not in str(sd.open_recording(file).attrs)
        assert sd.open_recording(file, keep_identity=True).attrs["identity"]["serial_number"] == serial


@pytest.mark.usefixtures("no_compute")
def test_samples_are_read_when_asked_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    parts = [three(rng) for _ in range(5)]
    blocks = [cwa_block(part, START + timedelta(seconds=k)) for k, part in enumerate(parts)]
    file = cwa(tmp_path / "watch.cwa", *blocks)
    node = sd.open_recording(file, chunks=None)["acc"].to_dataset()
    want = (np.concatenate(parts) / 2048).astype(np.float32).T
    again = pickle.loads(pickle.dumps(node))
    for key in (np.s_[:, :], np.s_[1, 7], np.s_[::2, 75:330:7], np.s_[:, 200:200], np.s_[2, 399], np.s_[:, 80:160]):
        np.testing.assert_array_equal(again["signal"][key].values, want[key])
    file.write_bytes(file.read_bytes() + bytes(512))
    with pytest.raises(ChangedFileError, match="the file changed"):
        _ = sd.open_recording(file, chunks=None)["acc/signal"].values, again["signal"][:, 3].values


def test_damaged_blocks_are_gaps(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    parts = [three(rng) for _ in range(6)]
    blocks = [cwa_block(part, START + timedelta(seconds=k)) for k, part in enumerate(parts)]
    broken = bytearray(blocks[2])
    broken[100] ^= 1
    file = cwa(tmp_path / "watch.cwa", *blocks[:2], bytes(broken), *blocks[3:], b"\xff" * 512, blocks[0][:200])
    night = sd.open_recording(file, chunks=None)
    kept = np.concatenate([part for k, part in enumerate(parts) if k != 2])
    np.testing.assert_array_equal(night["acc/signal"].values, (kept / 2048).astype(np.float32).T)
    told = " ".join(night.attrs["findings"])
    assert "1 blocks with a wrong checksum" in told
    assert "200 of 512 bytes" in told
    assert "1 blocks that hold no samples" in told
    assert night["acc/time"].values[160] == np.datetime64(START + timedelta(seconds=3), "ns")


def test_the_clock_runs_on_in_the_night_of_a_change(tmp_path: Path) -> None:
    start = datetime(2024, 3, 31, 1, 59, 50)  # ten seconds before clocks are put forward
    blocks = [cwa_block(three(np.random.default_rng(k)), start + timedelta(seconds=k)) for k in range(50)]
    night = sd.open_recording(cwa(tmp_path / "watch.cwa", *blocks), timezone="Europe/Berlin", chunks=None)
    for name in ("acc", "temperature", "light"):
        times = night[name]["time"].values
        assert abs(times[0] - np.datetime64("2024-03-31T00:59:50", "ns")) < np.timedelta64(1, "s")
        assert np.diff(times).max() < np.timedelta64(2, "s")


@pytest.mark.parametrize("irregular", [False, True])
def test_a_gap_and_a_rate_that_changes(tmp_path: Path, irregular: bool) -> None:
    lengths = ([0.8] * 5 + [0.82 if irregular else 0.8] * 5) * 6  # 80 samples of a device that states 100 Hz
    lengths[29] += 360
    moments = np.cumsum([0, *lengths[:-1]])
    rng = np.random.default_rng(3)
    blocks = []
    for moment in moments:
        raw = bytearray(cwa_block(three(rng), START + timedelta(seconds=int(moment))))
        fraction = round(moment % 1 * 32768)
        raw[4:6] = struct.pack("<H", 0x8000 | fraction)
        raw[26:28] = struct.pack("<h", -((fraction << 1) * 100 >> 16))
        raw[510:] = struct.pack("<H", -sum(struct.unpack("<255H", raw[:510])) & 0xFFFF)
        blocks.append(bytes(raw))
    node = sd.open_recording(cwa(tmp_path / "watch.cwa", *blocks), chunks=None)["acc"].to_dataset()
    clock = clock_of(node)
    assert isinstance(clock, Timestamps if irregular else Clock)
    starts = (node["time"].values[::80] - np.datetime64(START, "ns")) / np.timedelta64(1, "s")
    assert np.abs(starts - moments).max() < (0.0001 if irregular else 0.01)
    assert len(clock.spans[0]) == 2
    assert clock.spans[0][1] - clock.spans[0][0] == pytest.approx(moments[30] * 1e9, rel=1e-4)


def test_of_six_axes_those_of_the_accelerometer_are_read(tmp_path: Path) -> None:
    samples = np.arange(40 * 6).reshape(40, 6).astype("<i2")
    night = sd.open_recording(cwa(tmp_path / "watch.cwa", cwa_block(samples, START, axes=6)), chunks=None)
    np.testing.assert_array_equal(night["acc/signal"].values, samples[:, 3:].T / np.float32(2048))
    assert "it is left out" in night.attrs["findings"][0]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([], "it holds no samples"),
        ([b"\xff" * 512], "it holds no samples"),
        ([cwa_block(np.zeros((1, 3), "<i2"), START, packing=1)], "stored in an unknown way"),
        ([cwa_block(np.zeros((1, 3), "<i2"), START, axes=5)], "stored in an unknown way"),
        ([cwa_block(np.zeros((1, 3), "<i2"), START, scale=k) for k in (3, 4)], "change within the file"),
        ([cwa_block(np.zeros((1, 3), "<i2"), START, packing=k) for k in (0, 2)], "change within the file"),
    ],
)
def test_a_cwa_that_cannot_be_read_is_refused(tmp_path: Path, blocks: list[bytes], message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        sd.open_recording(cwa(tmp_path / "watch.cwa", *blocks))


@pytest.fixture
def short_bin(test_data: Path, tmp_path: Path) -> Callable[[Callable[[bytes], bytes]], Path]:
    """Copy of the real file with a change."""

    def make(change: Callable[[bytes], bytes]) -> Path:
        path = tmp_path / "watch.bin"
        path.write_bytes(change((test_data / FOLDER / "GENEActiv_testfile.bin").read_bytes()))
        return path

    return make


def test_a_page_that_is_damaged_is_a_gap(short_bin: Any) -> None:
    whole = sd.open_recording(short_bin(lambda raw: raw), chunks=None)["acc/signal"].values
    night = sd.open_recording(short_bin(lambda raw: raw.replace(b"07901EF0300", b"07901EFxx00", 1)), chunks=None)
    assert "1 pages whose time or samples" in night.attrs["findings"][0]
    np.testing.assert_array_equal(night["acc/signal"].values, np.delete(whole, np.s_[300:600], 1))
    assert len(clock_of(night["acc"].to_dataset()).spans[0]) == 2


def test_the_button_is_an_annotation(short_bin: Any) -> None:
    def press(raw: bytes) -> bytes:
        at = raw.index(b"Measurement Frequency:85.7\r\n") + len(b"Measurement Frequency:85.7\r\n")
        changed = bytearray(raw)
        for sample in (10, 11, 40):
            changed[at + 12 * sample + 11] = ord("2")
        return bytes(changed)

    night = sd.open_recording(short_bin(press))
    onsets = night["annotations/onset"].values
    times = night["acc/time"].values[[10, 40]]
    assert np.abs(onsets - times).max() < np.timedelta64(1, "ms")
    assert night["annotations/text"].values.tolist() == ["Button", "Button"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw[: raw.index(b"Recorded")], "it holds no samples"),
        (lambda raw: raw.replace(b"x gain:25875", b"x gain:0"), "the calibration cannot be read"),
        (lambda raw: raw.replace(b"Volts:300", b"Volts:"), "the calibration cannot be read"),
        (lambda raw: raw.replace(b"Frequency:85.7\r", b"Frequency:50.0\r", 2), "not one rate"),
    ],
)
def test_a_bin_that_cannot_be_read_is_refused(short_bin: Any, change: Any, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        sd.open_recording(short_bin(change))


@given(
    st.lists(st.integers(1, 120), min_size=1, max_size=20),
    st.floats(0.96, 1.04),
    st.lists(st.integers(0, 18), max_size=3, unique=True),
)
def test_stamps_lie_on_lines_between_the_starts(counts: list[int], speed: float, gaps: list[int]) -> None:
    period, sizes = 10_000_000.0, np.array(counts, np.int64)
    lengths = np.round(sizes * period * speed).astype(np.int64)
    for gap in gaps:
        if gap < len(lengths):
            lengths[gap] += 60_000_000_000
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) + 1_700_000_000_000_000_000
    stamps = sample_stamps(starts, sizes, period)
    firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    assert np.array_equal(stamps[firsts], starts)
    assert (np.diff(stamps) > 0).all()
    inner = np.delete(np.diff(stamps), firsts[1:] - 1)
    assert inner.size == 0 or np.abs(inner / period - 1).max() < 0.051 + 1e-6
