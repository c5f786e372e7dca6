"""Files of the Polar Sensor Logger: what their names and their first lines say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from sleepdask.io.reader import Look
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import Channel

MARKER = "marker"
PPI = "ppi"
SENSOR_TIME = "sensor timestamp [ns]"
_SUFFIXES = (".txt", ".csv")
_PHONE_TIMES = ("phone timestamp", "phone data rx timestamp")
_TOLD_ELSEWHERE = (SENSOR_TIME, "timestamp [ms]", "time [ms]", "")  # the second counts from the first row

# The first kind of which a file has a column.
_KINDS = (
    (MARKER, r"(?i:marker.*)"),
    (PPI, r"(?i:pp-interval) \[ms\]"),
    ("ecg", r"(?i:ecg) \[.*\]"),
    ("ppg", r"(?i:channel 0)"),
    ("hr", r"(?i:hr) \[bpm\]"),
    ("acc", r"[Xx] \[m?g\]"),
    ("gyro", r"[Xx] \[dps\]"),
    ("mag", r"[Xx] \[G\]"),
)
# Columns of each kind, their labels ("{}" is what the first group matches), and types that the label does not tell.
_CHANNELS: dict[str, tuple[tuple[str, str, str], ...]] = {
    PPI: (
        (r"pp-interval", "ppi", "rr"),
        (r"error estimate", "ppi_error", ""),
        (r"blocker", "ppi_blocker", "status"),
        (r"(?:skin )?contact", "ppi_contact", "status"),
        (r"(?:skin )?contact supported", "ppi_contact_supported", "status"),
        (r"hr", "ppi_hr", "hr"),
    ),
    "ecg": ((r"ecg", "ecg", "ecg"),),
    "ppg": ((r"channel (\d+)", "ppg_{}", "ppg"), (r"ambient", "ppg_ambient", "light")),
    "hr": ((r"hr", "hr", "hr"), (r"hrv", "hrv", ""), (r"breathing interval", "breathing", "resp_rate")),
    "acc": ((r"([xyz])", "acc_{}", "acc"),),
    "gyro": ((r"([xyz])", "gyro_{}", ""),),
    "mag": ((r"([xyz])", "mag_{}", ""),),
}
_CELL = re.compile(r"(?P<what>.*?)\s*(?:\[(?P<unit>[^\]]*)\])?")
# Polar_Sense_ACC, Polar_H10_1A2B3C4D_20240311_224730_ECG: model, serial number, time of the start, kind.
_NAME = re.compile(
    r"(?P<model>polar(?:[_ -][a-z][a-z0-9]*)*?)(?:[_ -](?P<serial>[0-9a-f]{8}))??(?:[_ -]\d{8}[_ -]?\d{6})?"
    r"[_ -](?:acc|ecg|gyro|hr|mag|magnetometer|marker|ppg|ppi|rr)(?:[_ -].*|\(.*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Device:
    """Sensor that a file name tells of; both empty where it tells of none."""

    model: str = ""
    serial: str = ""


@dataclass(frozen=True)
class PolarFile:
    """What the first line of a file says.

    Parameters
    ----------
    path
        Of the file.
    delimiter
        Between its columns.
    cells
        Names of its columns as they are.
    """

    path: Path | RemoteFile
    delimiter: str
    cells: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Of its signals, "marker", or empty if its columns are of none that is known."""
        return next((kind for kind, told in _KINDS if any(re.fullmatch(told, cell) for cell in self.cells)), "")

    @property
    def device(self) -> Device:
        """The sensor, as the file name tells."""
        match = _NAME.fullmatch(PurePath(self.path.name).stem)
        if match is None:
            return Device()
        return Device(re.sub(r"[_ -]+", " ", match["model"]), (match["serial"] or "").upper())

    @property
    def sensor_column(self) -> int | None:
        """Number of the column of the sensor's own times."""
        lowered = [cell.lower() for cell in self.cells]
        return lowered.index(SENSOR_TIME) if SENSOR_TIME in lowered else None

    def channels(self, sensor: str) -> dict[int, Channel]:
        """Channel of each column that has one, by the number of the column."""
        found: dict[int, Channel] = {}
        taken: set[str] = set()
        for number, cell in enumerate(self.cells[1:], 1):
            match = _CELL.fullmatch(cell)
            assert match is not None
            for pattern, template, signal_type in _CHANNELS.get(self.kind, ()):
                told = re.fullmatch(pattern, match["what"].lower())
                if told is None:
                    continue
                label = template.format(*told.groups())
                if label == "ppi_contact" and label in taken:  # the second of that name says whether it can be told
                    label = "ppi_contact_supported"
                if label not in taken:
                    taken.add(label)
                    found[number] = Channel(label, match["unit"] or "", signal_type, sensor)
        return found

    def unknown(self) -> list[str]:
        """Names of columns that are not read."""
        if self.kind == MARKER:
            return []
        read = self.channels("")
        return [
            cell
            for number, cell in enumerate(self.cells[1:], 1)
            if number not in read and cell.lower() not in _TOLD_ELSEWHERE
        ]


def polar_file(look: Look) -> PolarFile | None:
    """What a file of the logger says in its first line; None if it is no such file."""
    if not look.name.endswith(_SUFFIXES) or not look.lines:
        return None
    line = look.lines[0].removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    for delimiter in ";,":
        cells = tuple(cell.strip() for cell in line.split(delimiter))
        if len(cells) > 1 and cells[0].lower() in _PHONE_TIMES:
            one_less = len(look.lines) > 1 and look.lines[1].count(delimiter) == len(cells) - 2
            return PolarFile(look.path, delimiter, cells[:-1] if not cells[-1] and one_less else cells)
    return None


def polar_files(look: Look) -> list[PolarFile]:
    """Files of the logger at a path: itself, or those of the folder."""
    looks = look.others() if look.is_folder else [look]
    return [file for each in looks if each.name.endswith(_SUFFIXES) and (file := polar_file(each)) is not None]
