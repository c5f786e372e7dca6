"""One small sound file of each device, by name."""

from __future__ import annotations

import json
import struct

from gt3x_files import gt3x, log_of, random_samples

_LEVELS = {"levels": {"data": [{"dateTime": "2024-03-11T23:00:00.000", "level": "deep", "seconds": 90}]}}
_HEART = [{"dateTime": f"03/11/24 23:00:{s:02}", "value": {"bpm": 60 + s, "confidence": 2}} for s in (5, 10, 25, 30)]
_STEPS = [{"dateTime": f"03/11/24 23:{m:02}:00", "value": str(m)} for m in range(12)]
_ROWS = 'start,duration,value\n2024-03-11T22:00:00+01:00,"[60,60]","[61,62]"\n2024-03-11T22:10:00+01:00,[60],[63]\n'
_COUNTS = "\r\n".join(["name", "11-Mar-2024", "22:47", " 4 ", "42", "V664055", "M", "5", "0 M", "173", "12", ""])
_MOTION = (
    '<?xml version="1.0" encoding="UTF-8"?><motionfile><log2><change><property><name>=StartTime</name>'
    "<content>2024-03-11 22:47:30</content></property></change><change><channel><name>motion</name>"
    "<units>Counts</units><epoch>30</epoch><offset>0</offset>"
    '<data encoding="text">1,2,3,</data></channel></change></log2></motionfile>'
)


def _block(second: int) -> bytes:
    time = 24 << 26 | 3 << 22 | 11 << 17 | 22 << 12 | 47 << 6 | second
    head = struct.pack("<2sHHIIIHHBBBBhH", b"AX", 508, 0, 1, 0, time, 300, 250, 0, 200, 74, 0x30, 0, 100)
    body = (head + bytes(range(200)) * 2).ljust(510, b"\0")
    return body + struct.pack("<H", -sum(struct.unpack("<255H", body)) & 0xFFFF)


def _pages() -> str:
    names = "".join(
        f"{axis} gain:25875\n{axis} offset:{offset}\n" for axis, offset in zip("xyz", (439, -662, 0), strict=True)
    )
    text = f"Device Identity\nDevice Unique Serial Code:4711\n{names}Volts:300\nLux:800\n\nNumber of Pages:3\n"
    for k in range(3):
        text += f"Recorded Data\nSequence Number:{k}\nPage Time:2024-03-11 22:47:3{k}:000\nTemperature:21.5\n"
        text += f"Measurement Frequency:10.0\n{'0C4FFDF3D004' * 10}\n"
    return text


FILES: dict[str, bytes] = {
    "raw_sleep-monitor_hr.csv": _ROWS.encode(),
    "raw_sleep-monitor_sleep-state.csv": _ROWS.replace("61,62", "0,1").replace("63", "2").encode(),
    "heart_rate-2024-03-11.json": json.dumps(_HEART).encode(),
    "steps-2024-03-11.json": json.dumps(_STEPS).encode(),
    "sleep-2024-03-11.json": json.dumps([_LEVELS]).encode(),
    "night.awd": _COUNTS.encode(),
    "night.mtn": _MOTION.encode(),
    "night.cwa": b"MD\xfc\x03".ljust(1024, b"\xff") + b"".join(map(_block, range(4))),
    "night.bin": _pages().encode(),
    "night.gt3x": gt3x(log_of(random_samples(300))),
    "old.gt3x": gt3x(None, activity_bin=bytes(range(250))),
}
