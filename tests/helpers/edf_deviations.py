"""Where what a reader says differs from the truth, in a few words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from edf_readings import Channel, Reading


def deviations(reading: Reading, truth: Reading, tolerance: float = 1e-9) -> list[str]:
    """Say where a reading differs from the truth; values may differ by a share of their range.

    What is volts in a reading is looked at in the unit of the truth.
    """
    said = _of_start(reading, truth)
    if len(reading.channels) != len(truth.channels):
        return [*said, _of_number(len(reading.channels), len(truth.channels))]
    found = [_in_unit(*pair) for pair in zip(_matched(reading.channels, truth.channels), truth.channels, strict=True)]
    for one, true in zip(found, truth.channels, strict=True):
        said += _of_length(one, true) or _of_times(one, true)
        said += _of_unit(one, true)
        said += _of_values(one, true, tolerance)
    said += _of_notes(reading, truth)
    return list(dict.fromkeys(said))


def _matched(found: list[Channel], true: list[Channel]) -> list[Channel]:
    """Bring channels in the order of the truth, by name if these are the same ones, else as they come."""
    by_name = {channel.name: channel for channel in found}
    same = len(by_name) == len(found) and set(by_name) == {channel.name for channel in true}
    return [by_name[channel.name] for channel in true] if same else found


def _others(reading: Reading, truth: Reading) -> list[tuple[str, str]]:
    """Names of channels that are not their labels, and these."""
    pairs = zip(_matched(reading.channels, truth.channels), truth.channels, strict=True)
    return [(one.name, true.name) for one, true in pairs if _joined(one.name) != _joined(true.name)]


def garbled(reading: Reading, truth: Reading) -> list[str]:
    """Tell the labels that are not ASCII, and became something else."""
    return [f"{label} becomes {name}" for name, label in _others(reading, truth) if not label.isascii()]


def renamed(reading: Reading, truth: Reading) -> str:
    """Tell the names that are not the labels."""
    others = [f"`{name}`" for name, _ in _others(reading, truth)]
    return f", as {', '.join(others)}" if others else ""


def _in_unit(one: Channel, true: Channel) -> Channel:
    scale = 1e6 if (one.unit, true.unit) == ("V", "uV") else 1.0
    return replace(one, values=one.values * scale, unit=true.unit if scale != 1 else one.unit)


def _of_unit(one: Channel, true: Channel) -> list[str]:
    micro = one.unit.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    return [] if micro == true.unit else [f"unit {one.unit or 'lost'} for {true.unit}"]


def _of_start(reading: Reading, truth: Reading) -> list[str]:
    first = next((c.times[0] for c in reading.channels if c.times.size), 0.0)
    start = None if reading.start is None else reading.start + seconds(first)
    if start is None or truth.start is None:
        if start is truth.start:
            return []
        return ["no start"] if start is None else [f"makes up the start {_shown(start)}"]
    if abs(start - truth.start) <= np.timedelta64(1, "us"):
        return []
    day, clock = _shown(start).split()
    true_day, true_clock = _shown(truth.start).split()
    if day == true_day:
        return [f"start {clock} for {true_clock}"]
    return [f"date {day} for {true_day}"] if clock == true_clock else [f"start {day} {clock}"]


def _shown(time: np.datetime64) -> str:
    text = str(time).replace("T", " ")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _of_number(found: int, true: int) -> str:
    more = found - true
    return f"{more} channels too many" if more > 0 else f"{-more} of {true} channels lost"


def _of_length(one: Channel, true: Channel) -> list[str]:
    if one.times.size == true.times.size:
        return []
    step, true_step = (each.times[1] - each.times[0] if each.times.size > 1 else 0.0 for each in (one, true))
    if (
        step
        and abs(step - true_step) > 1e-6 * true_step
        and abs(one.times.size * step / true_step - true.times.size) < 1
    ):
        return ["slower channels resampled"]
    more = (one.times.size - true.times.size) * true_step
    return [f"{more:g} s invented" if more > 0 else f"{-more:g} s lost"]


def _of_times(one: Channel, true: Channel) -> list[str]:
    if not one.times.size:
        return []
    off = np.abs((one.times - one.times[0]) - (true.times - true.times[0])).max()
    if off <= 1e-3:
        return []
    steps, found = np.diff(true.times), np.diff(one.times)
    gap = steps.max() > 1.5 * steps.min()
    if not gap and np.ptp(found) < 1e-6:
        return [f"rate off by {max(found[0] / steps[0], steps[0] / found[0]):.3g}x"]
    return [f"gap lost: samples up to {off:g} s off" if gap else f"samples up to {off:g} s off"]


def _of_values(one: Channel, true: Channel, tolerance: float) -> list[str]:
    size = min(one.values.size, true.values.size)
    found, values = one.values[:size], true.values[:size]
    if np.isnan(values).all():
        return [] if np.isnan(found).all() else ["makes up values"]
    if one.values.size != true.values.size and "resampled" in str(_of_length(one, true)):
        return []
    reach = np.ptp(values) or 1.0
    if np.allclose(found, values, rtol=0, atol=tolerance * reach + 1e-12):
        return []
    if np.isnan(found).all():
        return ["values missing"]
    slope, offset = np.polyfit(values, found, 1)
    if not np.allclose(found, slope * values + offset, rtol=0, atol=1e-6 * np.ptp(found) + 1e-12) or not slope:
        return ["wrong values"]
    if slope < 0:
        return ["sign turned"]
    return [
        f"amplitude off by {max(slope, 1 / slope):.3g}x" if abs(slope - 1) > 1e-6 else f"values off by {offset:.3g}"
    ]


def _of_notes(reading: Reading, truth: Reading) -> list[str]:
    first = next((c.times[0] for c in reading.channels if c.times.size), 0.0)
    found = sorted((onset - first, text) for onset, _, text in reading.notes)
    true = sorted((onset, text) for onset, _, text in truth.notes)
    if len(found) != len(true):
        more = len(found) - len(true)
        return [f"{more} annotations too many" if more > 0 else f"{-more} of {len(true)} annotations lost"]
    off = max((abs(a[0] - b[0]) for a, b in zip(found, true, strict=True)), default=0.0)
    said = [f"annotations {off:g} s off the samples"] if off > 1e-3 else []
    garbled = [_joined(text) for _, text in found] != [_joined(text) for _, text in true]
    return [*said, "texts of annotations changed"] if garbled else said


def _joined(text: str) -> str:
    """Text as Luna has all names: in small letters, with lines for blanks."""
    return text.replace(" ", "_").lower()


def seconds(number: float) -> np.timedelta64:
    """Length of time, to the nanosecond."""
    return np.timedelta64(round(number * 1e9), "ns")
