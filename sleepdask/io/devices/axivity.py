"""Axivity AX3 and AX6: CWA files, a header and blocks of 512 bytes (Open Movement, ``Docs/ax3/cwa.h``)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.blocks import BlockArray, block_stream
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.running import shift_to_utc
from sleepdask.io.file_state import FileState
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import open_source
from sleepdask.io.streams import Channel, Parts, Stream
from sleepdask.signals.recording import IDENTITY

_HEADER, _BLOCK = 1024, 512
_AT_A_TIME = 1 << 14  # blocks
_SECOND = 1_000_000_000
_SENSOR = "Axivity"
_ACC = tuple(Channel(f"acc_{axis}", "g", "acc", _SENSOR) for axis in "xyz")
_FIELDS = np.dtype(
    {
        "names": ["mark", "length", "fraction", "time", "light", "temperature", "rate", "format", "offset", "count"],
        "formats": ["S2", "<u2", "<u2", "<u4", "<u2", "<u2", "u1", "u1", "<i2", "<u2"],
        "offsets": [0, 2, 4, 14, 18, 20, 24, 25, 26, 28],
        "itemsize": _BLOCK,
    }
)
_PACKED, _WORDS = 0, 2  # how samples are stored: 32 bits for three axes, or 16 bits an axis


class AxivityReader(Reader):
    """Acceleration, temperature and light of an Axivity AX3 or AX6 (CWA)."""

    format: ClassVar[str] = "Axivity CWA"

    def recognises(self, look: Look) -> bool:
        return look.name.endswith(".cwa") and look.head[:4] == b"MD\xfc\x03"

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        file = FileState.now(path)
        places, blocks = _blocks(file, findings)
        rate, form = _constant(blocks["rate"], path), _constant(blocks["format"], path)
        hertz = Fraction(3200, 1 << (15 - (rate & 15)))
        decoder = Decoder(form >> 4, form & 15, _scale(blocks, form & 15, path))
        counts = blocks["count"].astype(np.int64)
        if (counts > decoder.most).any():
            raise FileFormatError("a block says that it has more samples than fit", where=path, expected=decoder.most)
        if decoder.axes > len(_ACC):
            findings.warn("gyroscope", "there is a gyroscope, of unclear scale", "it is left out", where="acc")
        local = _starts(blocks, hertz, path)
        shift = shift_to_utc(int(local[0]), how.timezone, findings)
        starts, instants = local + (shift or 0), shift is not None
        lengths = np.full(len(places), _BLOCK, np.int64)
        array = BlockArray(file, places, lengths, counts, decoder, len(_ACC), how.dtype or "float32")
        slow = (
            ("temperature", "degC", (blocks["temperature"] & 1023) * 75 / 256 - 50),
            ("light", "", (blocks["light"] & 1023).astype(np.float64)),  # in the units of its sensor
        )
        period = _SECOND / hertz
        streams = [
            block_stream(
                "acc", _ACC, array, starts, findings, resolution=int(period), period=period, instants=instants
            ),
            *(
                Stream(
                    name,
                    (Channel(name, unit, name, _SENSOR),),
                    values[np.newaxis],
                    starts,
                    instants=instants,
                    resolution=int(period),
                )
                for name, unit, values in slow
            ),
        ]
        return recorded(
            Parts(streams, attrs={IDENTITY: _identity(file)} if how.keep_identity else {}),
            path,
            how,
            findings,
        )


@dataclass(frozen=True)
class Decoder:
    """Makes samples in g of blocks.

    Parameters
    ----------
    axes
        3, or 6 with those of a gyroscope first, or 9.
    packing
        How samples are stored.
    scale
        Parts of a g.
    """

    axes: int
    packing: int
    scale: int

    @property
    def most(self) -> int:
        """Samples that fit into a block."""
        return 120 if self.packing == _PACKED else 480 // (2 * self.axes)

    def __call__(self, raw: bytes, places: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Samples of blocks, dims (channel, sample)."""
        data = np.frombuffer(raw, np.uint8).reshape(-1, _BLOCK)[places // _BLOCK, 30:510]
        filled = np.arange(self.most) < counts[:, np.newaxis]
        if self.packing == _PACKED:
            words = np.ascontiguousarray(data).view("<u4").astype(np.int64)
            # Ten bits an axis, and two by which all three are shifted up.
            axes = [((words >> shift & 1023) ^ 512) - 512 << (words >> 30) for shift in (0, 10, 20)]
        else:
            whole = np.ascontiguousarray(data[:, : 2 * self.axes * self.most]).view("<i2")
            samples = whole.reshape(len(data), self.most, self.axes)
            first = 0 if self.axes == len(_ACC) else len(_ACC)
            axes = [samples[:, :, first + k] for k in range(len(_ACC))]
        return np.stack([axis[filled] for axis in axes]) / self.scale


def _blocks(file: FileState, findings: Findings) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Places and headers of the blocks with samples that are whole and whose checksum is right."""
    whole, rest = divmod(max(0, file.size - _HEADER), _BLOCK)
    places, found, wrong, other = [], [], 0, 0
    for first in range(0, whole, _AT_A_TIME):
        raw = file.read(_HEADER + first * _BLOCK, min(_AT_A_TIME, whole - first) * _BLOCK)
        fields = np.frombuffer(raw, _FIELDS)
        is_block = (fields["mark"] == b"AX") & (fields["length"] == _BLOCK - 4)
        sums = np.frombuffer(raw, "<u2").reshape(-1, _BLOCK // 2).sum(axis=1, dtype=np.int64) & 0xFFFF
        good = is_block & (sums == 0)
        wrong, other = wrong + int((is_block & ~good).sum()), other + int((~is_block).sum())
        good &= fields["count"] > 0
        places.append(_HEADER + (np.flatnonzero(good) + first) * _BLOCK)
        found.append(fields[good])
    if rest:
        findings.warn("truncated", f"the last block has {rest} of {_BLOCK} bytes", "it is left out")
    if wrong:
        findings.warn("checksum", f"{wrong} blocks with a wrong checksum", "they are left out: their time is a gap")
    if other:
        findings.warn("blocks", f"{other} blocks that hold no samples", "they are left out")
    if not places or not sum(map(len, places)):
        raise FileFormatError("it holds no samples", where=file.path)
    return np.concatenate(places), np.concatenate(found)


def _constant(values: NDArray[Any], path: Path | RemoteFile) -> int:
    different = np.unique(values)
    if len(different) > 1:
        raise FileFormatError(
            "rate or format change within the file", where=path, found=f"codes {different[:5].tolist()}"
        )
    return int(different[0])


def _scale(blocks: NDArray[Any], packing: int, path: Path | RemoteFile) -> int:
    """Parts of a g that a sample counts in."""
    axes = int(blocks["format"][0]) >> 4
    if packing == _PACKED and axes == len(_ACC):
        return 256
    if packing != _WORDS or axes not in (3, 6, 9):
        found = f"{axes} axes in packing {packing}"
        raise FileFormatError("samples are stored in an unknown way", where=path, found=found)
    return 1 << (8 + _constant(blocks["light"] >> 13, path))


def _starts(blocks: NDArray[Any], hertz: Fraction, path: Path | RemoteFile) -> NDArray[np.int64]:
    """Local time of the first sample of each block, in ns."""
    time = blocks["time"].astype(np.int64)
    month = (time >> 26 & 63) * 12 + (time >> 22 & 15) - 1 + 360  # since 1970
    day, hour, minute, second = time >> 17 & 31, time >> 12 & 31, time >> 6 & 63, time & 63
    if ((time == 0) | (day == 0) | (hour > 23) | (minute > 59) | (second > 59)).any():
        raise FileFormatError("a block has no time", where=path, fix="export it again from the device")
    days = month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
    whole = (days * 86_400 + hour * 3_600 + minute * 60 + second) * _SECOND
    # With a fraction of a second, the number of the sample that it belongs to has been moved back by as much.
    fraction = np.where(blocks["fraction"] & 0x8000, (blocks["fraction"].astype(np.int64) & 0x7FFF) << 1, 0)
    sample = blocks["offset"].astype(np.int64) + (fraction * hertz.numerator // hertz.denominator >> 16)
    ago = sample * (_SECOND * hertz.denominator) // hertz.numerator
    result: NDArray[np.int64] = whole + (fraction * _SECOND >> 16) - ago
    return result


def _identity(file: FileState) -> dict[str, str]:
    with open_source(file.path) as source:
        raw = source.read(0, _HEADER)
    low, high = (int.from_bytes(raw[k : k + 2], "little") for k in (5, 11))
    return {"serial_number": str(low + (0 if high == 0xFFFF else high << 16))}
