"""Files of an ActiGraph, written by the published description of the format."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int64]
START = datetime(2024, 3, 11, 22, 47, 30)
SERIAL, PERSON = "MOS2D16180099", "Petra Miller"


def seconds(time: datetime = START) -> int:
    return int((time - datetime(1970, 1, 1)).total_seconds())


def ticks(time: datetime) -> int:
    return 621_355_968_000_000_000 + 10_000_000 * seconds(time)


def record(kind: int, time: int, held: bytes) -> bytes:
    body = struct.pack("<BBIH", 0x1E, kind, time, len(held)) + held
    return body + bytes([~int(np.bitwise_xor.reduce(np.frombuffer(body, np.uint8))) & 0xFF])


def words(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()


def packed(samples: Samples, order: str = "yxz") -> bytes:
    """Samples of x, y, z as half bytes, one after the other."""
    digits = "".join(f"{int(row['xyz'.index(axis)]) & 0xFFF:03x}" for row in samples for axis in order)
    return bytes.fromhex(digits + "0" * (len(digits) % 2))


def scale_record(time: int, scale: float) -> bytes:
    """PARAMETERS record with ACCEL_SCALE and one of another name."""
    mantissa, exponent = np.frexp(scale)
    code = (int(mantissa * (1 << 23)) & 0xFFFFFF) | (int(exponent) & 0xFF) << 24
    return record(21, time, struct.pack("<HHIHHI", 0, 55, code, 1, 10, 30))


def info(rate: object = 30, **changes: object) -> str:
    """Text of ``info.txt``; a change to None takes a line out."""
    lines: dict[str, object] = {
        "Serial Number": SERIAL,
        "Device Type": "wGT3XBT",
        "Firmware": "1.9.2",
        "Battery Voltage": "4,18",
        "Sample Rate": rate,
        "Start Date": ticks(START),
        "Stop Date": 0,
        "Last Sample Time": ticks(datetime(2024, 3, 25)),
        "TimeZone": "-05:00:00",
        "Download Date": ticks(datetime(2024, 3, 26)),
        "Acceleration Scale": "256.0",
        "Acceleration Min": "-8.0",
        "Acceleration Max": "8.0",
        "Subject Name": PERSON,
        "Sex": "Female",
        "Age": 47,
    } | {name.replace("_", " "): value for name, value in changes.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)


def gt3x(log: bytes | None, text: str | None = None, *, method: int = zipfile.ZIP_DEFLATED, **more: bytes) -> bytes:
    """A ZIP with a log and others; names of these with ``_`` for the point."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as file:
        file.writestr("info.txt", info() if text is None else text)
        for name, content in more.items():
            file.writestr(name.replace("_", "."), content)
        if log is not None:
            file.writestr("log.bin", log)
    return raw.getvalue()


def log_of(samples: Samples, *, kind: int = 26, rate: int = 30, times: list[int] | None = None) -> bytes:
    """Records of whole seconds of samples, with metadata before them and light between them."""
    start = seconds()
    times = list(range(start, start + len(samples) // rate)) if times is None else times
    told = json.dumps({"MetadataType": "Bio", "SubjectName": PERSON, "DOB": "2/29/1976"})
    log = record(6, start, told.encode()) + scale_record(start, 256)
    for k, time in enumerate(times):
        part = samples[k * rate : (k + 1) * rate]
        log += record(kind, time, words(part) if kind == 26 else packed(part, "yxz" if kind == 0 else "xyz"))
        log += record(5, time, struct.pack("<H", 100 + k)) + record(2, time, struct.pack("<H", 4180))
    return log


def random_samples(count: int, *, seed: int = 3, bits: int = 12) -> Samples:
    return np.random.default_rng(seed).integers(-(1 << bits - 1), 1 << bits - 1, (count, 3))
