"""MotionWatch of CamNtech: XML with one or more channels of equal epochs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar
from xml.etree.ElementTree import Element, ParseError

import numpy as np
import xarray as xr
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.dates import date_ns
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.running import shift_to_utc
from sleepdask.io.devices.whole import whole_bytes
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import Channel, Parts, Stream
from sleepdask.signals.clock import Clock
from sleepdask.signals.recording import IDENTITY

_SENSOR = "MotionWatch"
_KNOWN = {"motion": ("activity", "activity"), "light": ("light", "light")}  # names in the file: label, type
_COUNTS = {"triaxial-counts": "counts", "counts": "counts"}
_IDENTITY = {"userid": "code", "username": "name", "sex": "sex", "dob": "birth_date", "serialno": "serial_number"}
_LONGEST = 3600  # s of an epoch


class MotionWatchReader(Reader):
    """Activity and light of a MotionWatch (mtn)."""

    format: ClassVar[str] = "MotionWatch mtn"

    def recognises(self, look: Look) -> bool:
        return look.name.endswith(".mtn") and b"<motionfile" in look.head

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        root = _root(path)
        properties = _properties(root)
        start = _start(properties.get("starttime", ""), path)
        channels = list(root.iter("channel"))
        if not channels:
            raise FileFormatError("it holds no samples", where=path, expected="a channel, such as motion")
        if any(channel.get("delete") for channel in channels):
            raise FileFormatError("a channel was deleted later on", where=path, fix="export the file again")
        shift = shift_to_utc(start, how.timezone, findings)
        streams = [_stream(channel, start + (shift or 0), findings, path) for channel in channels]
        kept = {to: properties[name] for name, to in _IDENTITY.items() if properties.get(name)}
        attrs: dict[str, Any] = {IDENTITY: kept} if how.keep_identity else {}
        return recorded(
            Parts([replace(each, instants=shift is not None) for each in _apart(streams)], attrs=attrs),
            path,
            how,
            findings,
        )


def _root(path: Path | RemoteFile) -> Element:
    try:
        root: Element = fromstring(whole_bytes(path), forbid_dtd=True)
    except DefusedXmlException as error:
        raise FileFormatError("the XML defines entities or a document type", where=path) from error
    except (ParseError, LookupError, ValueError) as error:
        raise FileFormatError("the XML is broken", where=path, found=str(error)[:80], fix="export it again") from error
    if root.tag != "motionfile":
        raise FileFormatError(
            "it is no file of a MotionWatch", where=path, expected="<motionfile>", found=root.tag[:40]
        )
    return root


def _properties(root: Element) -> dict[str, str]:
    """Properties of the recording by name; the file is a log of changes, of which the last holds."""
    found: dict[str, str] = {}
    for change in root.iter("change"):
        for each in change.findall("property"):
            name = (each.findtext("name") or "").strip().lstrip("+=").lower()
            found[name] = (each.findtext("content") or "").strip()
    return found


def _start(text: str, path: Path | RemoteFile) -> int:
    """Local start in ns since 1970."""
    try:
        start = date_ns(datetime.strptime(text, "%Y-%m-%d %H:%M:%S"))
    except ValueError:
        start = None
    if start is None:
        expected, found = "a property StartTime such as 2018-05-23 17:30:00", repr(text[:40])
        raise FileFormatError("the start cannot be read", where=path, expected=expected, found=found)
    return start


def _stream(channel: Element, start: int, findings: Findings, path: Path | RemoteFile) -> Stream:
    name = (channel.findtext("name") or "").strip()
    label, kind = _KNOWN.get(name.lower(), (name.lower(), ""))
    unit = (channel.findtext("units") or "").strip()
    data = channel.find("data")
    if data is None or data.get("encoding", "text") != "text":
        raise FileFormatError("the samples of a channel are not text", where=f"{path}, {name}", fix="export it again")
    values = _values(data.text or "", findings, name)
    if (offset := (channel.findtext("offset") or "0").strip()) != "0":
        expected = "0, as what another one counts is not known"
        raise FileFormatError("a channel has an offset", where=f"{path}, {name}", expected=expected, found=offset[:20])
    clock = Clock.regular(start, len(values), _epoch(channel.findtext("epoch"), path, name), 1)
    return Stream(
        label, (Channel(label, _COUNTS.get(unit.lower(), unit), kind, _SENSOR),), values[np.newaxis], clock=clock
    )


def _epoch(text: str | None, path: Path | RemoteFile, name: str) -> int:
    """Length of an epoch in ns."""
    try:
        length = Fraction((text or "").strip())
    except (ValueError, ZeroDivisionError):
        length = Fraction(0)
    if not 0 < length <= _LONGEST:
        expected = f"above 0, at most {_LONGEST} s"
        raise FileFormatError("an epoch has no length", where=f"{path}, {name}", expected=expected, found=repr(text))
    return int(length * 1_000_000_000)


def _values(text: str, findings: Findings, name: str) -> Any:
    """Values of a list with commas, of which the last one may be followed by another comma."""
    cells = [cell.strip() for cell in text.strip().removesuffix(",").split(",")] if text.strip() else []
    values = np.array([_number(cell) for cell in cells], np.float64)
    if bad := int(np.isnan(values).sum()):
        findings.warn("values", f"{bad} values are no numbers", "they are missing", where=name)
    return values


def _number(cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        return float("nan")
    return number if isfinite(number) else float("nan")


def _apart(streams: list[Stream]) -> list[Stream]:
    """Streams with one of each name; channels of the same clock and length become one node."""
    first = streams[0]
    same = [each for each in streams if each.clock == first.clock]
    labels = [channel.label for each in streams for channel in each.channels]
    if len(set(labels)) != len(labels):
        raise FileFormatError("two channels have the same name", found=", ".join(labels))
    joined = Stream(
        first.name,
        tuple(channel for each in same for channel in each.channels),
        np.concatenate([each.values for each in same]),
        clock=first.clock,
    )
    return [joined, *(each for each in streams if each.clock != first.clock)]
