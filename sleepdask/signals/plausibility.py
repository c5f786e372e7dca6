"""Units that are hard to believe: what is odd is told, never corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, log

from sleepdask.findings import Finding
from sleepdask.signals.units import CONFUSING, UNITS, normal_unit, ratio, spelling

_KEPT = "unit and values are left as the file states them"


@dataclass(frozen=True)
class Plausible:
    """Largest absolute value that a channel of a type can hold: the least and the most to expect, and a usual one."""

    unit: str
    least: float
    most: float
    usual: float


# Inputs of amplifiers: 0.33 V for EEG with direct coupling, 1 V for ECG and legs of ambulatory recorders; an envelope
# of EMG may be stored with a range of 5 uV. An accelerometer has to hold gravity, a saturation 100 %.
PLAUSIBLE: dict[str, Plausible] = {
    "eeg": Plausible("uV", 1, 400_000, 1000),
    "eog": Plausible("uV", 1, 400_000, 1000),
    "emg": Plausible("uV", 1, 2_500_000, 1000),
    "ecg": Plausible("uV", 1, 2_500_000, 5000),
    "acc": Plausible("g", 0.5, 400, 4),
    "spo2": Plausible("%", 50, inf, 100),
}


def unit_findings(
    labels: Sequence[str],
    types: Sequence[str],
    units: Sequence[str],
    physical_min: Sequence[float],
    physical_max: Sequence[float],
) -> list[Finding]:
    """Tell of units that may not be what they say; nothing is rescaled.

    Parameters
    ----------
    labels, types
        Name and signal type of each channel.
    units
        Physical dimensions as the file spells them.
    physical_min, physical_max
        Range of values that each channel can hold, in its unit, in any order; what is not finite is passed over.

    Returns
    -------
    findings
        Severity "warning". Code "unit-range": the range is far from what a channel of this type holds, as where volts
        are said and microvolts meant. Code "unit-spelling": the unit may be read in two ways.

    Examples
    --------
    >>> print(*unit_findings(["C3-M2"], ["eeg"], ["V"], [-3200.0], [3200.0]))
    channel C3-M2: EEG in V with a range of 3200, more than it can be: probably uV; unit and values are left as the file
    states them
    """
    found = []
    for label, kind, text, low, high in zip(labels, types, units, physical_min, physical_max, strict=True):
        unit, where = normal_unit(text, kind), f"channel {label}"
        if why := _confusion(text, kind, unit):
            found.append(Finding("warning", "unit-spelling", f"unit {text.strip()!r}: {why}", where=where))
        if why := _doubt(kind, unit, max(abs(low), abs(high))):
            found.append(Finding("warning", "unit-range", why, _KEPT, where))
    return found


def _confusion(text: str, kind: str, unit: str) -> str:
    if kind == "temperature" and unit == "deg":
        return "degree Celsius, Fahrenheit or an angle: left as it is"
    return CONFUSING.get(spelling(text), ("", ""))[1]


def _doubt(kind: str, unit: str, largest: float) -> str:
    """Why a unit is hard to believe; empty if it is not, or nothing is known of it."""
    expected = PLAUSIBLE.get(kind)
    if expected is None or not (isfinite(largest) and largest > 0):
        return ""
    own = ratio(unit, expected.unit)
    if own is None or expected.least <= largest * float(own) <= expected.most:
        return ""
    factors = {each.name: ratio(each.name, expected.unit) for each in UNITS}
    ranges = {name: largest * float(exact) for name, exact in factors.items() if exact is not None}
    likely = [name for name, value in ranges.items() if expected.least <= value <= expected.most]
    nearest = min(likely, key=lambda name: abs(log(ranges[name] / expected.usual)), default="")
    more = "less" if ranges[unit] < expected.least else "more"
    said = f"{kind.upper()} in {unit} with a range of {largest:g}, {more} than it can be"
    return f"{said}: probably {nearest}" if nearest else said
