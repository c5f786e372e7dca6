"""GENEActiv: bin files, which are text: a header, and pages of 300 samples as hexadecimal numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.blocks import BlockArray, block_stream, sample_stamps
from sleepdask.io.devices.dates import date_ns
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.running import shift_to_utc
from sleepdask.io.file_state import FileState
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import Channel, Parts, Stream
from sleepdask.signals.recording import IDENTITY, annotations_dataset

_FIRST_LINE = b"Device Identity"
_PAGE = b"Recorded Data"
_HEX = re.compile(rb"[0-9A-Fa-f]*")
_PRESSED = bytes(character in b"2367ABEFabef" for character in range(256))  # the last digit of a sample: bit 1
_DIGITS = 12  # of a sample: 12 bits an axis, 10 of light, the button, and one that is not used
_AT_A_TIME = 1 << 22  # bytes
_SECOND, _MILLISECOND = 1_000_000_000, 1_000_000
_SENSOR = "GENEActiv"
_CHANNELS = (
    *(Channel(f"acc_{axis}", "g", "acc", _SENSOR) for axis in "xyz"),
    Channel("light", "lux", "light", _SENSOR),
)
_TEMPERATURE = (Channel("temperature", "degC", "temperature", _SENSOR),)
_IDENTITY = {
    "Device Unique Serial Code": "serial_number",
    "Subject Code": "code",
    "Date of Birth": "birth_date",
    "Sex": "sex",
}


@dataclass
class _Pages:
    """Pages in the order of the file: when each begins (ns), its temperature, where its samples are, how many."""

    start: list[int] = field(default_factory=list)
    temperature: list[float] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    pressed: list[int] = field(default_factory=list)
    hertz: set[str] = field(default_factory=set)
    bad: int = 0


class GeneactivReader(Reader):
    """Acceleration, light, temperature and button of a GENEActiv (bin)."""

    format: ClassVar[str] = "GENEActiv bin"

    def recognises(self, look: Look) -> bool:
        return look.name.endswith(".bin") and look.head.startswith(_FIRST_LINE)

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        file = FileState.now(path)
        header, pages = _scan(file)
        _tell(header, pages, findings)
        if not pages.start:
            raise FileFormatError("it holds no samples", where=path)
        local, counts, places = (np.array(each, np.int64) for each in (pages.start, pages.count, pages.place))
        shift = shift_to_utc(int(local[0]), how.timezone, findings)
        starts, instants = local + (shift or 0), shift is not None
        lengths, decoder = counts * _DIGITS, _decoder(header, path)
        array = BlockArray(file, places, lengths, counts, decoder, len(_CHANNELS), how.dtype or "float32")
        temperature, hertz = np.array([pages.temperature]), _hertz(pages, path)
        streams = [
            block_stream(
                "acc",
                _CHANNELS,
                array,
                starts,
                findings,
                resolution=_MILLISECOND,
                usual=_SECOND / hertz,
                instants=instants,
            ),
            Stream("temperature", _TEMPERATURE, temperature, starts, instants=instants, resolution=_MILLISECOND),
        ]
        notes = None
        if pages.pressed and how.annotations:
            stamps = sample_stamps(starts, counts, float(_SECOND / hertz))[pages.pressed]
            unknown = np.full(len(stamps), np.timedelta64("NaT", "ns"))
            notes = annotations_dataset(stamps.astype("datetime64[ns]"), unknown, ["Button"] * len(stamps))
        identity = {to: header[name] for name, to in _IDENTITY.items() if header.get(name)}
        return recorded(
            Parts(streams, notes, {IDENTITY: identity} if how.keep_identity else {}),
            path,
            how,
            findings,
        )


@dataclass(frozen=True)
class Decoder:
    """Makes samples of pages: three axes in g, by the gain and offset of each, and light in lux."""

    gain: tuple[float, ...]
    offset: tuple[float, ...]
    lux: float

    def __call__(self, raw: bytes, places: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Samples of pages, dims (channel, sample)."""
        spans = zip(places.tolist(), (places + counts * _DIGITS).tolist(), strict=True)
        text = b"".join(raw[a:b] for a, b in spans).decode("ascii")
        b = np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, _DIGITS // 2).T.astype(np.int64)
        axes = np.stack([b[0] << 4 | b[1] >> 4, (b[1] & 15) << 8 | b[2], b[3] << 4 | b[4] >> 4])
        signed = (axes ^ 2048) - 2048
        light = ((b[4] & 15) << 8 | b[5]) >> 2
        gain, offset = (np.array(each)[:, np.newaxis] for each in (self.gain, self.offset))
        return np.concatenate([(signed * 100 - offset) / gain, light[np.newaxis] * self.lux])


def _scan(file: FileState) -> tuple[dict[str, str], _Pages]:
    """Header of the file, and of all pages; samples are looked at only for the button, and not kept."""
    header: dict[str, str] = {}
    pages, samples, held = _Pages(), 0, False
    page: dict[str, str] | None = None
    for place, line in _lines(file):
        text = line.rstrip(b"\r\n")
        if text == _PAGE:
            page = {}
        elif page is None or b":" in text:
            name, _, value = text.decode("latin-1").partition(":")
            (header if page is None else page)[name.strip()] = value.strip(" \0")
        elif text:
            start, temperature = _time(page.get("Page Time", "")), page.get("Temperature", "")
            count = len(text) // _DIGITS
            if start is None or not count or not _HEX.fullmatch(text):
                pages.bad += 1
            else:
                pages.start.append(start)
                pages.temperature.append(_number(temperature))
                pages.place.append(place)
                pages.count.append(count)
                pages.hertz.add(page.get("Measurement Frequency", ""))
                down = text[_DIGITS - 1 : count * _DIGITS : _DIGITS].translate(_PRESSED)
                pages.pressed += [samples + k for k in _rises(down, held=held)]
                held, samples = bool(down[-1]), samples + count
            page = {}
    return header, pages


def _rises(down: bytes, *, held: bool) -> Iterator[int]:
    """Samples at which the button goes down."""
    before = held
    if not before and 1 not in down:
        return
    for k, now in enumerate(down):
        if now and not before:
            yield k
        before = bool(now)


def _lines(file: FileState) -> Iterator[tuple[int, bytes]]:
    """Lines of a file with their places, read a few megabytes at a time."""
    rest, at = b"", 0
    for position in range(0, file.size, _AT_A_TIME):
        rest += file.read(position, _AT_A_TIME)
        *lines, rest = rest.split(b"\n")
        for line in lines:
            yield at, line
            at += len(line) + 1
    yield at, rest


def _tell(header: dict[str, str], pages: _Pages, findings: Findings) -> None:
    if pages.bad:
        findings.warn("pages", f"{pages.bad} pages whose time or samples cannot be read", "they are left out")
    said = header.get("Number of Pages", "")
    if said.isdigit() and int(said) != len(pages.start) + pages.bad:
        message = f"{len(pages.start) + pages.bad} of {int(said):,} pages are there"
        findings.warn("truncated", message, "these are read")


def _time(text: str) -> int | None:
    try:
        return date_ns(datetime.strptime(text, "%Y-%m-%d %H:%M:%S:%f"))
    except ValueError:
        return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _hertz(pages: _Pages, path: Path | RemoteFile) -> Fraction:
    """Rate that the device states, rounded to a tenth."""
    try:
        (text,) = pages.hertz
        hertz = Fraction(text)
        if hertz <= 0:
            raise ValueError(text)
        return hertz
    except (ValueError, ZeroDivisionError) as error:
        found = ", ".join(sorted(pages.hertz))[:60]
        raise FileFormatError(
            "the pages have not one rate", where=path, expected="such as 85.7", found=found
        ) from error


def _decoder(header: dict[str, str], path: Path | RemoteFile) -> Decoder:
    names = [f"{axis} {what}" for what in ("gain", "offset") for axis in "xyz"]
    numbers: list[Any] = [_number(header.get(name, "")) for name in (*names, "Lux", "Volts")]
    if not np.isfinite(numbers).all() or 0 in (*numbers[:3], numbers[-1]):
        raise FileFormatError("the calibration cannot be read", where=path, expected=f"{', '.join(names)}, Lux, Volts")
    return Decoder(tuple(numbers[:3]), tuple(numbers[3:6]), numbers[6] / numbers[7])
