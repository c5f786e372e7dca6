"""EnchantedWave: the session file of an EEG headband, with a summary of the EEG and a sleep stage in each row.

Between a line ``Data Begin:`` with the start and one ``Data Completed:``, or the summary of the sleep, lies a table
with the columns Time, Seconds, SleepStage, SumPower and EegQuality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.hypnogram import UNSCORED
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.rows import Rows, whole_lines
from sleepdask.io.devices.wave_times import Start, row_times, start_of
from sleepdask.io.devices.whole import whole_text
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile, named
from sleepdask.io.scores.vocabularies import NOTHING, word_stage
from sleepdask.io.streams import NAT, Channel, Parts, Stream
from sleepdask.signals.recording import annotations_dataset

_BEGIN = "Data Begin:"
_ENDS = ("Data Completed:", "SleepSummary")
_COLUMNS = ("Time", "Seconds", "SleepStage", "SumPower", "EegQuality")
_SENSOR = "EnchantedWave"
_CHANNELS = {
    "sumpower": Channel("sum_power", "", "unknown", _SENSOR),  # of no unit that is known
    "eegquality": Channel("eeg_quality", "", "status", _SENSOR),
}
_LONG = 1.5  # usual distances of rows from which on a distance is a gap, in which nothing is scored
_MOST_LABELS, _LONGEST_LABEL = 10, 24


@dataclass(frozen=True)
class _Table:
    """The table of a session: column numbers by name in lower case, its rows, and what the line before says."""

    columns: dict[str, int]
    rows: Rows
    start: Start | None


class EnchantedWaveReader(Reader):
    """A session file of an EnchantedWave headband."""

    format: ClassVar[str] = "EnchantedWave"

    def recognises(self, look: Look) -> bool:
        return any(line.strip().startswith(_BEGIN) for line in look.lines)

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        source = named(path).name
        table = _table(path, findings, source)
        times = row_times(table.columns, table.rows, table.start, findings, source)
        channels = {table.columns[name]: channel for name, channel in _CHANNELS.items() if name in table.columns}
        values = [table.rows.numbers(column, channel.label) for column, channel in channels.items()]
        table.rows.tell(findings, "session")
        stream = Stream(
            "session",
            tuple(channels.values()),
            np.array(values).reshape(len(channels), len(table.rows.cells)),
            stamps=times.stamps,
            instants=times.instants,
            resolution=times.resolution,
        )
        stages = table.rows.texts(table.columns["sleepstage"]) if how.annotations else []
        return recorded(
            Parts([stream], _annotations(stages, times.stamps, findings) if stages else None),
            path,
            how,
            findings,
        )


def _table(path: Path | RemoteFile, findings: Findings, source: str) -> _Table:
    """Cut the table out of the file."""
    lines = whole_text(path).splitlines(keepends=True)
    begin = next(k for k, line in enumerate(lines) if line.strip().startswith(_BEGIN))
    header = next((k for k, line in enumerate(lines) if k > begin and "sleepstage" in _cells(line)), None)
    if header is None:
        raise FileFormatError(
            f"no line with the names of the columns follows {_BEGIN!r}", where=source, expected=", ".join(_COLUMNS)
        )
    names = _cells(lines[header])
    if not set(_CHANNELS) & set(names):
        raise FileFormatError("it holds no samples", where=source, expected="SumPower or EegQuality")
    end = next((k for k, line in enumerate(lines) if k > header and line.strip().startswith(_ENDS)), None)
    if end is None:
        findings.warn("no-end", f"the line {_ENDS[0]!r} is missing", "the session may have gone on")
    start = start_of(lines[begin])
    if start is None:
        findings.warn("no-start", f"no time follows {_BEGIN!r}", "times are those of the column Time alone")
    text = "".join(lines[header + 1 : end])
    unknown = [name for name in names if name and name not in {column.lower() for column in _COLUMNS}]
    if unknown:
        findings.note("unknown-column", f"columns that are not known: {', '.join(unknown)}", "they are not read")
    rows = Rows.of(whole_lines(text, findings, "session"), ",", len(names))
    return _Table({name: number for number, name in reversed([*enumerate(names)])}, rows, start)


def _cells(line: str) -> list[str]:
    return [cell.strip().lower() for cell in line.split(",")]


def _annotations(labels: Sequence[str], stamps: NDArray[np.int64], findings: Findings) -> xr.Dataset | None:
    """Stages as annotations, rows of one stage that follow each other as one; each lasts until the next row.

    A word that names no stage of the AASM is left unscored, and told.
    """
    stage_of = {label: NOTHING.get(label.lower(), word_stage(label)) for label in set(labels)}
    _tell_unknown([label for label in labels if stage_of[label] is None], findings)
    known = np.flatnonzero(stamps != NAT)
    times, first = np.unique(stamps[known], return_index=True)
    if times.size < 2:  # a single row does not say how long it is
        return None
    stages = [stage_of[labels[row]] or UNSCORED for row in known[first]]
    usual = int(np.median(np.diff(times)))
    ends = np.append(times[1:], times[-1] + usual)
    ends = np.where(ends - times > _LONG * usual, times + usual, ends)
    new = [k for k in range(times.size) if not k or stages[k] != stages[k - 1] or times[k] != ends[k - 1]]
    lasts = [*(k - 1 for k in new[1:]), times.size - 1]
    return annotations_dataset(times[new], ends[lasts] - times[new], [f"Sleep stage {stages[k] or '?'}" for k in new])


def _tell_unknown(unknown: Sequence[str], findings: Findings) -> None:
    if not unknown:
        return
    words = sorted(set(unknown))
    shown = [repr(word) for word in words if len(word) <= _LONGEST_LABEL][:_MOST_LABELS]
    more = f", and {len(words) - len(shown)} more" if len(shown) < len(words) else ""
    rows = "1 row has a stage that is" if len(unknown) == 1 else f"{len(unknown):,} rows have stages that are"
    said = f"{rows} none of the AASM: {', '.join(shown)}{more}"
    findings.warn("unknown-stage", said, "they are left unscored")
