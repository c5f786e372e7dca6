"""What a reader makes of a file: one shape for ours and for other packages, which are read as a user would."""

from __future__ import annotations

import os
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sleepdask as sd
from sleepdask.errors import SleepdaskError
from sleepdask.signals.recording import SIGNAL

LUNA_PYTHON = "SLEEPDASK_LUNA_PYTHON"  # interpreter that has lunapi, which needs pandas < 3 and is GPL
_LUNA_CHILD = Path(__file__).with_name("luna_reads.py")


@dataclass
class Channel:
    """Values, the time of each in seconds after `Reading.start`, and the unit that the reader gives."""

    name: str
    values: NDArray[np.float64]
    times: NDArray[np.float64]
    unit: str


@dataclass
class Reading:
    """What a reader says of a file.

    Parameters
    ----------
    refused
        Its error; then there is nothing else.
    start
        Date and time that times and onsets count from, as the reader has it; None where it has none.
    channels, notes
        Signals in their order; onset, duration in seconds (or None) and text of each annotation.
    warned
        What it said.
    """

    refused: str = ""
    start: np.datetime64 | None = None
    channels: list[Channel] = field(default_factory=list)
    notes: list[tuple[float, float | None, str]] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)


def ours(path: Path, policy: str = "warn") -> Reading:
    """Read by this package."""
    try:
        recording = sd.open_recording(path, policy=policy, dtype="float64", chunks=None)
    except SleepdaskError as error:
        return Reading(refused=str(error))
    dated = recording.attrs["start"] != "NaT"
    start = np.datetime64(recording.attrs["start"], "ns") if dated else np.timedelta64(0, "ns")
    channels = []
    for node in (node for node in recording.children.values() if SIGNAL in node):
        times = (node["time"].values - start) / np.timedelta64(1, "s")
        samples = node[SIGNAL].values
        for k, name in enumerate(node["channel"].values.tolist()):
            channels.append(Channel(name, samples[k], times, str(node["unit"].values[k])))
    notes = []
    if "annotations" in recording:
        rows = recording["annotations"]
        onsets = (rows["onset"].values - start) / np.timedelta64(1, "s")
        for onset, duration, text in zip(onsets, rows["duration"].values, rows["text"].values, strict=True):
            length = None if np.isnat(duration) else float(duration / np.timedelta64(1, "s"))
            notes.append((float(onset), length, str(text)))
    return Reading("", start if dated else None, channels, notes, recording.attrs["findings"])


def by_edfio(path: Path) -> Reading:
    """Read by edfio."""
    import edfio

    file = (edfio.read_bdf if path.suffix == ".bdf" else edfio.read_edf)(path)
    ordinary = [s for s in file.signals if not s.label.endswith(" Annotations")]
    channels = [_regular(s.label, s.data, s.sampling_frequency, s.physical_dimension) for s in ordinary]
    notes = [(a.onset, a.duration, a.text) for a in file.annotations if a.text]
    try:
        start = np.datetime64(f"{file.startdate}T{file.starttime}", "ns")
    except Exception as error:  # of an anonymised file, samples can be had
        return Reading("", None, channels, notes, [str(error)])
    return Reading("", start, channels, notes)


def by_pyedflib(path: Path) -> Reading:
    """Read by pyedflib."""
    import pyedflib

    with pyedflib.EdfReader(str(path)) as file:
        start = np.datetime64(file.getStartdatetime(), "ns")
        channels = [
            _regular(label, file.readSignal(k), file.getSampleFrequency(k), file.getPhysicalDimension(k))
            for k, label in enumerate(file.getSignalLabels())
        ]
        found = zip(*file.readAnnotations(), strict=True)
        notes = [(float(o), None if d in (-1, "") else float(d), str(text)) for o, d, text in found]
    return Reading("", start, channels, notes)


def by_mne(path: Path) -> Reading:
    """Read by MNE, which holds volts, and one rate."""
    import mne

    raw = (mne.io.read_raw_bdf if path.suffix == ".bdf" else mne.io.read_raw_edf)(path, verbose="WARNING")
    if not raw.ch_names:  # as MNE says itself then
        return _annotations_by_mne(mne.read_annotations(path))
    start = raw.info["meas_date"]
    samples = zip(raw.ch_names, raw.get_data(), strict=True)
    channels = [_regular(name, row, raw.info["sfreq"], "V") for name, row in samples]
    notes = _annotations_by_mne(raw.annotations).notes
    return Reading("", None if start is None else np.datetime64(start.replace(tzinfo=None), "ns"), channels, notes)


def _annotations_by_mne(annotations: Any) -> Reading:
    notes = [
        (float(onset), float(duration), str(text))
        for onset, duration, text in zip(annotations.onset, annotations.duration, annotations.description, strict=True)
    ]
    start = annotations.orig_time
    return Reading("", None if start is None else np.datetime64(start.replace(tzinfo=None), "ns"), [], notes)


def by_lunapi(paths: Sequence[Path]) -> list[Reading]:
    """Read by Luna, in its own interpreter: all files in one go."""
    readings = []
    with tempfile.TemporaryDirectory() as folder:
        names = [str(path) for path in paths]
        subprocess.run([_luna_python(), _LUNA_CHILD, folder, *names], check=True, capture_output=True, timeout=600)
        for number in range(len(paths)):
            result = Path(folder, f"{number}.npz")
            readings.append(_loaded(result) if result.exists() else Reading(refused="its process ended"))
    return readings


def _loaded(result: Path) -> Reading:
    with np.load(result) as said:
        if str(said["refused"]):
            return Reading(refused=str(said["refused"]))
        names = said["names"].tolist()
        channels = [
            Channel(name, said[f"values{k}"], said[f"times{k}"], str(said["units"][k])) for k, name in enumerate(names)
        ]
        notes = zip(said["onsets"].tolist(), said["durations"].tolist(), said["texts"].tolist(), strict=True)
        try:
            start = np.datetime64(str(said["start"]), "ns")
        except ValueError:
            start = None
        return Reading("", start, channels, list(notes))


def _regular(name: str, values: NDArray[Any], rate: float, unit: str) -> Channel:
    return Channel(name, np.asarray(values, float), np.arange(len(values)) / rate, unit)


_READERS: dict[str, Callable[[Path], Reading]] = {"edfio": by_edfio, "pyedflib": by_pyedflib, "mne": by_mne}
PEERS = (*_READERS, "lunapi")


@cache
def peer_version(peer: str) -> str:
    """Version of another reader; empty if it is not there."""
    if peer != "lunapi":
        try:
            return version(peer) if find_spec(peer) else ""
        except PackageNotFoundError:
            return ""
    if not _luna_python():
        return ""
    asked = "from importlib.metadata import version; print(version('lunapi'))"
    return subprocess.run([_luna_python(), "-c", asked], capture_output=True, text=True, check=True).stdout.strip()


def readings_of(peer: str, paths: Sequence[Path]) -> list[Reading]:
    """What another reader makes of files."""
    return by_lunapi(paths) if peer == "lunapi" else [_attempt(_READERS[peer], path) for path in paths]


def _attempt(read: Callable[[Path], Reading], path: Path) -> Reading:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            reading = read(path)
        except Exception as error:
            return Reading(refused=f"{type(error).__name__}: {error}")
    reading.warned += [str(each.message) for each in caught if not issubclass(each.category, DeprecationWarning)]
    return reading


def _luna_python() -> str:
    return os.environ.get(LUNA_PYTHON, "")
