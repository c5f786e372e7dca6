"""What can be wrong with the files of a night: each kind damages what was sound, and says what a report should say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from sleepdask.simulate import damage
from sleepdask.simulate.night import Night
from sleepdask.simulate.stages import simulate_stages
from sleepdask.simulate.streams import stream

Status = Literal["failed", "partial"]


@dataclass(frozen=True)
class SoundFiles:
    """Files of a night before anything is wrong with them.

    Parameters
    ----------
    night
        What they hold.
    recording, hypnogram
        Where they are.
    rng
        Chooses what a kind of fault leaves open.
    """

    night: Night
    recording: Path
    hypnogram: Path
    rng: np.random.Generator


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Parameters
    ----------
    name
        Of the kind.
    file
        Which of the files is damaged.
    status
        What becomes of the night in a study: "failed", or "partial" if one channel alone has no values.
    message
        Words that the error, or the reason of the missing values, has in it.
    plant
        Damages the files.
    """

    name: str
    file: Literal["recording", "hypnogram"]
    status: Status
    message: str
    plant: Callable[[SoundFiles], None]


FAULTS: dict[str, Fault] = {}
"""All kinds, by name."""

_WEB_PAGE = b"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Sign in</title></head>
<body><h1>Sign in</h1><p>Your session has expired. Please sign in to download this file.</p></body>
</html>
"""


def _kind(
    name: str, message: str, *, status: Status = "failed", file: Literal["recording", "hypnogram"] = "recording"
) -> Callable[[Callable[[SoundFiles], None]], Callable[[SoundFiles], None]]:
    def register(plant: Callable[[SoundFiles], None]) -> Callable[[SoundFiles], None]:
        FAULTS[name] = Fault(name, file, status, message, plant)
        return plant

    return register


@_kind("missing-file", "no such file")
def _missing(files: SoundFiles) -> None:
    files.recording.unlink()


@_kind("empty-file", "the file is empty")
def _empty(files: SoundFiles) -> None:
    damage.cut(files.recording, 0)


@_kind("not-a-recording", "is not that of EDF or BDF")
def _web_page(files: SoundFiles) -> None:
    files.recording.write_bytes(_WEB_PAGE)


@_kind("header-cut", "the file is shorter than its header")
def _header_cut(files: SoundFiles) -> None:
    signals = len(files.night.montage) + 1  # and their annotations
    damage.cut(files.recording, int(files.rng.integers(1, 256 * (signals + 1))))


@_kind("header-garbled", "is not a number that can be read without guessing")
def _header_garbled(files: SoundFiles) -> None:
    damage.flip_digit(files.recording, files.rng)


@_kind("records-overlap", "begins before the one before it ends")
def _records_overlap(files: SoundFiles) -> None:
    """Let the clock of the recorder be set back by some seconds in the middle third of the night."""
    seconds = len(files.night.stages) * 30  # data records of a second
    record = int(files.rng.integers(seconds // 3, 2 * seconds // 3))
    damage.set_clock_back(files.recording, record, int(files.rng.integers(2, 10)))


@_kind("channel-without-scale", "physical minimum and maximum are the same", status="partial")
def _channel_without_scale(files: SoundFiles) -> None:
    """Take one of the commonest type, so that as a rule others of this type have values."""
    types = [channel.signal_type for channel in files.night.montage]
    common = max(types, key=types.count)
    damage.take_scale(files.recording, int(files.rng.choice([k for k, each in enumerate(types) if each == common])))


@_kind("no-scale", "physical minimum and maximum are the same")
def _no_scale(files: SoundFiles) -> None:
    for signal in range(len(files.night.montage)):
        damage.take_scale(files.recording, signal)


@_kind("hypnogram-of-another-night", "no moment in common", file="hypnogram")
def _hypnogram_of_another_night(files: SoundFiles) -> None:
    night = files.night
    stages = simulate_stages(len(night.stages), stream(night.seed, "another night"))
    later = dt.timedelta(days=int(files.rng.integers(7, 300)))
    Night(stages, night.montage, night.seed, night.start + later).write_hypnogram(files.hypnogram)


@_kind("hypnogram-cut", "the file holds no whole data record", file="hypnogram")
def _hypnogram_cut(files: SoundFiles) -> None:
    """Cut it among its scores, which are all in one data record."""
    header, size = 2 * 256, files.hypnogram.stat().st_size
    damage.cut(files.hypnogram, int(files.rng.integers(header, size)))
