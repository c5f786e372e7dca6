"""ActiGraph: gt3x files, a ZIP with a log of records (ActiGraph, ``GT3X-File-Format``), or with samples alone."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices import gt3x_info
from sleepdask.io.devices.blocks import BlockArray, Decoder
from sleepdask.io.devices.gt3x_info import Info
from sleepdask.io.devices.gt3x_log import ACTIVITY, ACTIVITY2, ACTIVITY3, Log, read_log
from sleepdask.io.devices.gt3x_samples import AXES, Packed, Words
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.running import shift_to_utc
from sleepdask.io.devices.zipped import Archive, Checked, Member, open_zip, whole_member
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import Channel, Parts, Stream
from sleepdask.signals.clock import Clock
from sleepdask.signals.recording import IDENTITY, annotations_dataset

_LOG, _ACTIVITY, _LUX, _CALIBRATION = "log.bin", "activity.bin", "lux.bin", "calibration.json"
_SECOND = 1_000_000_000
_SENSOR = "ActiGraph"
_ACC = tuple(Channel(f"acc_{axis}", "g", "acc", _SENSOR) for axis in "xyz")
_LIGHT = (Channel("light", "lux", "light", _SENSOR),)
_NO_LIGHT = 65535  # a value that was never written
_ASLEEP = "idle sleep mode"
_ACCEL_SCALE = (0, 55)  # address space and identifier
_YXZ, _XYZ = (1, 0, 2), (0, 1, 2)
_OLD_LUX = {"NEO": (1.25, 2500.0), "MRA": (3.25, 6000.0)}  # lux in a part, and the most there is, by serial number
_DARK = 20  # parts that an old device counts in the dark
_FINEST, _SAME = 1 << 16, 1e-3  # parts of a g, and how far two scales may differ
_STORED: dict[int, tuple[Callable[[int], int], Callable[[float], Decoder]]] = {
    ACTIVITY: (Packed.size, partial(Packed, order=_YXZ)),
    ACTIVITY2: (Words.size, Words),
    ACTIVITY3: (Packed.size, partial(Packed, order=_XYZ)),
}
"""Bytes of some samples, and what decodes them, by kind of record."""


class ActigraphReader(Reader):
    """Acceleration and light of an ActiGraph (gt3x)."""

    format: ClassVar[str] = "ActiGraph gt3x"

    def recognises(self, look: Look) -> bool:
        return look.name.endswith(".gt3x")

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        archive = open_zip(path)
        if archive.cut:
            findings.warn("truncated", "the end of the ZIP is missing", "what is there before it is read")
        for name in (gt3x_info.NAME, _ACTIVITY if _ACTIVITY in archive.members else _LOG):
            if name not in archive.members:
                what, found = "it is no recording of an ActiGraph", "one whose end is missing" if archive.cut else None
                raise FileFormatError(what, where=path, expected=f"a ZIP with {name}", found=found)
        _refuse_uncalibrated(archive, path)
        info = Info.of(archive.members[gt3x_info.NAME])
        parts = (_from_log if _LOG in archive.members else _from_samples)(archive, info, how, findings)
        return recorded(
            replace(parts, attrs={IDENTITY: info.identity} if how.keep_identity else {}),
            path,
            how,
            findings,
        )


def _refuse_uncalibrated(archive: Archive, path: Path | RemoteFile) -> None:
    """Refuse samples that their maker's program has not calibrated yet."""
    if _CALIBRATION not in archive.members:
        return
    try:
        told = json.loads(whole_member(archive.members[_CALIBRATION]))
        calibrated = told.get("isCalibrated", True)
    except (ValueError, AttributeError, RecursionError) as error:
        raise FileFormatError(f"{_CALIBRATION} in the ZIP cannot be read", where=path) from error
    if calibrated is not True:
        fix = "save it as a gt3x file with the maker's program, which calibrates them"
        raise FileFormatError("its samples are not calibrated", where=path, fix=fix)


def _from_log(archive: Archive, info: Info, how: How, findings: Findings) -> Parts:
    member, rate = archive.members[_LOG], info.rate
    checked = Checked(member)
    log = read_log(checked, {kind: size(rate) for kind, (size, _) in _STORED.items()}, info.bounds, info.path)
    _tell(log, findings)
    _refuse_unsound(member, checked, findings, parts=log.damaged)
    if log.odd > len(log.seconds):
        expected, found = f"{rate} samples", f"another number in {log.odd:,} of {log.odd + len(log.seconds):,}"
        what = "its seconds have not the samples of its rate"
        raise FileFormatError(what, where=info.path, expected=expected, found=found)
    if not log.seconds.size:
        raise FileFormatError("it holds no samples", where=info.path)
    if len(log.kinds) > 1:
        found = f"records of the kinds {sorted(log.kinds)}"
        raise FileFormatError("its samples are stored in several ways", where=info.path, found=found)
    size, decoder = _STORED[log.kinds.pop()]
    array = BlockArray(
        member,
        log.places,
        np.full(len(log.places), size(rate)),
        np.full(len(log.places), rate),
        decoder(_scale(log, info, findings)),
        AXES,
        how.dtype or "float32",
    )
    utc = _is_utc(log.texts)
    shift = 0 if utc else shift_to_utc(int(log.seconds[0]) * _SECOND, how.timezone, findings)
    late, instants = shift or 0, shift is not None
    edges = [0, *(np.flatnonzero(np.diff(log.seconds) != 1) + 1).tolist(), len(log.seconds)]
    runs = [(int(log.seconds[a]) * _SECOND + late, (b - a) * rate) for a, b in pairwise(edges)]
    streams = [Stream("acc", _ACC, array, clock=Clock.segmented(runs, _SECOND, rate), instants=instants)]
    if log.lux.size:
        lux = np.where(log.lux == _NO_LIGHT, np.nan, log.lux)[np.newaxis]
        stamps = log.lux_seconds * _SECOND + late
        streams.append(Stream("light", _LIGHT, lux, stamps, instants=instants, resolution=_SECOND))
    slept = _slept(log, late, findings)
    return Parts(streams, slept if how.annotations else None)


def _tell(log: Log, findings: Findings) -> None:
    left_out = "their time is a gap"
    if log.partial:
        findings.warn("truncated", f"the last record has {log.partial} bytes and no end", "it is left out")
    if log.damaged:
        message = f"{log.damaged} places with records that are damaged, or have a wrong checksum"
        findings.warn("checksum", message, left_out)
    if log.odd:
        findings.warn("seconds", f"{log.odd} seconds with another number of samples than the rate says", left_out)
    if log.stray:
        message = f"{log.stray} seconds that come again, go back, or lie outside the recording"
        findings.warn("order", message, "they are left out")
    if log.others:
        message = f"{log.others} records of heart rates or of further sensors"
        findings.note("others", message, "they are left out")


def _refuse_unsound(member: Member, checked: Checked, findings: Findings, *, parts: int = 0) -> None:
    """Refuse what is not as it was packed; one without its end can only be judged by its parts."""
    sound = checked.sound
    if sound or (sound is None and not parts):
        return
    refusal = FileFormatError(
        "the ZIP is damaged",
        where=member.file.path,
        found=f"{member.name} is not as it was packed",
        fix="copy it again from where it comes from",
    )
    findings.guess("damaged", refusal, "all that looks sound is read")


def _scale(log: Log, info: Info, findings: Findings) -> float:
    """Parts of a g: what the log says, else what the device is known for."""
    said, code = info.scale, log.parameters.get(_ACCEL_SCALE, 0)
    written = math.ldexp((((code & 0xFFFFFF) ^ 0x800000) - 0x800000) / (1 << 23), ((code >> 24) ^ 128) - 128)
    scale = written if code else said
    if scale is None or not 1 <= scale <= _FINEST:
        found = info.serial or "no serial number"
        raise FileFormatError("the scale of its samples is not known", where=info.path, found=scale or found)
    if said is not None and abs(scale / said - 1) > _SAME:
        message = f"the log counts {scale:g} in a g, {gt3x_info.NAME} and the serial number {said:g}"
        findings.warn("scale", message, "that of the log holds")
    return scale


def _is_utc(texts: list[bytes]) -> bool:
    """Whether the times are UTC, as they are where the device was started through the maker's web site."""
    for text in texts:
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(told, dict) and told.get("MetadataType") == "LocalTimeLog" and told.get("UsedUtc") is True:
            return True
    return False


def _slept(log: Log, late: int, findings: Findings) -> xr.Dataset | None:
    """Spans without samples, which the device leaves out while it lies still."""
    if not log.slept:
        return None
    spans: list[tuple[int, int | None]] = []
    asleep = False
    for time, begins in log.slept:
        if begins:
            spans.append((time, None))
        elif asleep and time >= spans[-1][0]:
            spans[-1] = spans[-1][0], time
        asleep = begins
    if not spans:
        return None
    findings.note("sleep", f"{len(spans)} times in {_ASLEEP}, without samples", "these times are gaps")
    onsets = np.array([(begin * _SECOND + late) for begin, _ in spans]).astype("datetime64[ns]")
    lengths = [np.timedelta64("NaT", "ns") if end is None else np.timedelta64(end - begin, "s") for begin, end in spans]
    return annotations_dataset(onsets, lengths, [_ASLEEP] * len(spans))


def _from_samples(archive: Archive, info: Info, how: How, findings: Findings) -> Parts:
    """Of the oldest devices: samples without a time of their own, from the start on."""
    member, rate, start, scale = archive.members[_ACTIVITY], info.rate, info.start, info.scale
    if start is None or scale is None:
        what = "its start" if start is None else "the scale of its samples"
        raise FileFormatError(f"{what} is not known", where=info.path, expected=f"it in {gt3x_info.NAME}")
    checked = Checked(member)
    count = sum(map(len, checked)) * 2 // 9
    _refuse_unsound(member, checked, findings)
    block = 2 * rate  # samples: whole bytes
    counts = np.append(np.full(count // block, block), [count % block] if count % block else []).astype(np.int64)
    places = np.arange(len(counts)) * Packed.size(block)
    lengths = (9 * counts + 1) // 2
    array = BlockArray(member, places, lengths, counts, Packed(scale, _YXZ), AXES, how.dtype or "float32")
    shift = shift_to_utc(start * _SECOND, how.timezone, findings)
    first, instants = start * _SECOND + (shift or 0), shift is not None
    streams = [Stream("acc", _ACC, array, clock=Clock.regular(first, count, _SECOND, rate), instants=instants)]
    if _LUX in archive.members and info.serial in _OLD_LUX:
        by, most = _OLD_LUX[info.serial]
        raw = whole_member(archive.members[_LUX])
        parts = np.frombuffer(raw, "<u2", len(raw) // 2).astype(np.float64)
        lux = np.where(parts == _NO_LIGHT, np.nan, np.where(parts < _DARK, 0, np.minimum(parts * by, most)))
        clock = Clock.regular(first, len(lux), _SECOND)
        streams.append(Stream("light", _LIGHT, lux[np.newaxis], clock=clock, instants=instants))
    return Parts(streams)
