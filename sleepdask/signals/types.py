"""Signal types: what a channel measures, told from its label, and from its unit and rate where labels are shared.

The tables below are all there is: nothing is guessed beyond them. Labels are those of the EDF+ standard texts
(edfplus.info), of the 10-10 system, and of recorders in the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import inf

from sleepdask.signals.units import dimension, normal_unit

UNKNOWN = "unknown"
ANY: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignalType:
    """A signal type: what it means, and the dimensions its unit may have (`ANY`: all)."""

    meaning: str
    dimensions: tuple[str, ...]


_BREATH = ("voltage", "pressure", "flow", "volume", "resistance", "fraction", "temperature")

TYPES: dict[str, SignalType] = {
    "eeg": SignalType("electroencephalogram", ("voltage",)),
    "eog": SignalType("electrooculogram", ("voltage",)),
    "emg": SignalType("electromyogram: chin, legs, arms", ("voltage",)),
    "ecg": SignalType("electrocardiogram", ("voltage",)),
    "erg": SignalType("electroretinogram", ("voltage",)),
    "meg": SignalType("magnetoencephalogram", ANY),
    "ppg": SignalType("pulse wave of light (photoplethysmogram)", ("voltage", "fraction")),
    "hr": SignalType("heart or pulse rate", ("frequency",)),
    "rr": SignalType("interval between heart beats", ("time",)),
    "spo2": SignalType("oxygen saturation", ("fraction",)),
    "co2": SignalType("carbon dioxide, breathed out or through the skin", ("pressure", "fraction")),
    "resp": SignalType("breathing: airflow, nasal pressure, thorax, abdomen, effort", _BREATH),
    "resp_rate": SignalType("breathing rate", ("frequency",)),
    "pressure": SignalType("pressure in the mask or the breathing device", ("pressure",)),
    "leak": SignalType("leak of the mask", ("flow",)),
    "ventilation": SignalType("tidal volume, minute ventilation", ("volume", "flow")),
    "flow_limitation": SignalType("index of flow limitation", ANY),
    "snore": SignalType("snoring", ANY),
    "sound": SignalType("sound", ANY),
    "acc": SignalType("acceleration", ("acceleration",)),
    "activity": SignalType("amount of movement", ANY),
    "position": SignalType("position of the body", ANY),
    "temperature": SignalType("temperature", ("temperature", "angle")),  # "deg" alone may be either
    "light": SignalType("light in the room", ANY),
    "impedance": SignalType("impedance of an electrode", ("resistance",)),
    "battery": SignalType("charge or voltage of a battery", ("voltage", "fraction")),
    "marker": SignalType("events, triggers", ANY),
    "status": SignalType("state of a sensor as a code", ANY),
    UNKNOWN: SignalType("not told by label, unit and rate", ANY),
}


@dataclass(frozen=True)
class Rule:
    """One row: a type, the labels it is told from, and what unit and rate must be where the label is not enough.

    Parameters
    ----------
    signal_type
        The type.
    label
        Regular expression, searched in the label in upper and lower case alike; "_" counts as a blank.
    units
        Dimensions of which the unit must be one, "" being no unit. None: one that does not contradict the type.
        A unit that is not known contradicts nothing.
    rates
        Half-open range in Hz in which the rate must be known to lie; None: any, or not known.
    """

    signal_type: str
    label: re.Pattern[str]
    units: tuple[str, ...] | None = None
    rates: tuple[float, float] | None = None

    def holds(self, label: str, measured: str | None, rate: float | None) -> bool:
        """Whether it fits a label, the dimension of its unit, and its rate."""
        if self.rates is not None and (rate is None or not self.rates[0] <= rate < self.rates[1]):
            return False
        if self.units is not None:
            if measured not in self.units:
                return False
        elif contradicts(self.signal_type, measured):
            return False
        return self.label.search(label) is not None


def contradicts(signal_type: str, measured: str | None) -> bool:
    """Whether a type cannot have a unit of this dimension; none (""), and one not known (None), say nothing."""
    allowed = TYPES[signal_type].dimensions
    return bool(measured and allowed and measured not in allowed)


# Electrodes of the 10-10 system, with the older names T3 to T6.
_LEAD = (
    "(?:fp[z12]|af[z1-9]|af10|f[z1-9]|f10|fc[z1-6]|ft[789]|ft10|c[z1-6]|t[3-9]|t10|tp[789]|tp10"
    "|cp[z1-6]|p[z1-9]|p10|po[z1-9]|po10|o[z129]|o10|[in]z)"
)
_EAR = r"(?:[am][12])"
_REFERENCE = rf"(?:{_LEAD}|\(?{_EAR}(?:[+ ]?{_EAR})?\)?(?:/2)?|ref\d?|le|avg?|ar|car)"
_EEG_LEADS = rf"^{_LEAD}(?:[-:/ .]?{_REFERENCE})?(?: #\d+)?$"
_EYE = rf"\b(?:e[12]|[lr]oc)(?:{_EAR})?\b"
_PULSE = r"^(?:pulse?|pr)(?:\.\d+m?s)?$"
_HOURLY, _SLOW, _FAST = 1 / 3600, 4.0, 20.0


def _rule(
    signal_type: str, label: str, *, units: tuple[str, ...] | None = None, rates: tuple[float, float] | None = None
) -> Rule:
    return Rule(signal_type, re.compile(label, re.IGNORECASE), units, rates)


# First match wins.
RULES: tuple[Rule, ...] = (
    _rule(UNKNOWN, "", rates=(0, _HOURLY)),  # summaries of days
    _rule("impedance", r"\bimp\b|\bimp.{1,2}dan", rates=(0, _SLOW)),
    _rule("impedance", "", units=("resistance",), rates=(0, _SLOW)),
    _rule("resp", r"\b(resp|thor|chest).*\bimp|\bimp.*\b(resp|thor|chest)", rates=(_SLOW, inf)),
    _rule(UNKNOWN, r"\bimp\b|\bimp.{1,2}dan"),
    _rule("battery", r"\bbatt"),
    _rule("status", r"\box(imeter)? ?stat|\bspo2 (status|quality)\b"),
    _rule("marker", r"\b(events?|markers?|triggers?)\b|^status$|evt\b"),
    _rule("acc", r"\bacc(el(ero\w*)?|eleration)?\b"),
    _rule("acc", r"\b[xyz][- ]?axis\b|\baxis [xyz]\b|^(acc )?[xyz]$", units=("acceleration",)),
    _rule("temperature", r"^(?!.*(nasal|oral|flow)).*\btemp(?!or|la)"),  # a thermistor at the nose shows breathing
    _rule("erg", r"\berg\b"),
    _rule("meg", r"\bmeg\b"),
    _rule("eog", rf"\b[lr]?eog|{_EYE}"),
    _rule("ecg", r"\b(ecg|ekg)"),
    _rule("emg", r"emg|\b[lrc]?chin\d*\b|\bsubment|\bmentalis|\b[lr]?(tib(ial\w*)?|legs?\d?)\b"),
    _rule("emg", r"\bplm ?[lr]?\b", units=("voltage",)),
    _rule("eeg", r"\beeg(?![a-z])"),
    _rule(UNKNOWN, _EEG_LEADS, rates=(0, 8)),  # too slow for an EEG: O2 is oxygen too
    _rule("eeg", _EEG_LEADS),
    _rule("eeg", rf"^{_EAR}[-:/ ]?{_EAR}?$", units=("voltage",)),  # A1 may be any first channel
    _rule("hr", r"\b(spo2|sao2)[- ]?(bpm|pr|hr|pulse)\b", units=("frequency",)),
    _rule(UNKNOWN, r"\b(spo2|sao2)[- ]?(bpm|pr|hr|pulse)\b"),
    _rule("spo2", r"\b(spo2|sao2|osat|sat|saturation)\b|\bo2 ?sat"),
    _rule("co2", r"\b(et|tc|p|pet|ptc)?co2\b|\bcapno"),
    _rule("ppg", r"\bppg|\bpleth|\bpulse ?wave|\bbvp\b"),
    _rule("hr", r"\bh\.?r\b|\bheart ?rate|\bpulse? ?rate"),
    _rule("hr", _PULSE, units=("frequency",)),
    _rule("hr", r"^pulse?(\.\d+m?s)?$", units=("",), rates=(0, _SLOW)),
    _rule("ppg", r"^pulse?(\.\d+m?s)?$", units=("",), rates=(_FAST, inf)),
    _rule("rr", r"\br-r\b|\brri\b|\bibi\b|\b(rr|nn)[- ]?int"),
    _rule("rr", r"^rr$", units=("time",)),  # without a unit it may be the breathing rate
    _rule("resp_rate", r"^rr$", units=("frequency",)),
    _rule("resp_rate", r"\bresp\w*\.? ?(rate|freq)|\bbreath\w* ?rate"),
    _rule("snore", r"\bsnor"),
    _rule("sound", r"\bsound\b|\baudio\b|\bmic(rophone)?\b"),
    _rule("light", r"\blight\b|\blux\b|\billumin"),
    _rule("leak", r"\bleak"),
    _rule("flow_limitation", r"\bflow ?lim"),
    _rule("ventilation", r"\btid(al)? ?vol|\bmin(ute)? ?vent"),
    _rule("resp", r"\b(resp(?!on[sd])|flow|air ?flow|new air|nasal|oro-?nasal|pnasal|naspres|cannula|thermist)"),
    _rule("resp", r"\b(thor|tho\b|chest|abd|rip\b|effort|belt)"),
    _rule("pressure", r"\b(mask|epr|cpap|b?pap|therapy|treatment) ?press|^press\.\d+m?s$|\b[ei]pap\b"),
    _rule("activity", r"\bactivity\b|\bactigra|\bmovement\b|\bmotion\b"),
    _rule("position", r"\bpos(ition)?\b|\bpos ?angle\b|\bposture\b|^body$"),
)


def signal_type(label: str, unit: str = "", rate: float | Fraction | None = None) -> str:
    """Type of a channel, or ``"unknown"``; nothing is guessed beyond the rule table.

    Parameters
    ----------
    label
        Name of the channel.
    unit
        Its unit in any spelling. One that contradicts the label makes the type unknown.
    rate
        Its sampling rate in Hz, if known.

    Returns
    -------
    signal_type
        A key of `TYPES`.

    Examples
    --------
    >>> [signal_type(label) for label in ("EEG Fpz-Cz", "C3-M2", "EMG submental", "Resp oro-nasal", "X1")]
    ['eeg', 'eeg', 'emg', 'resp', 'unknown']
    >>> signal_type("Pulse", "bpm", 1), signal_type("Pulse", "", 75), signal_type("Pulse"), signal_type("SpO2", "mV")
    ('hr', 'ppg', 'unknown', 'unknown')
    """
    text = " ".join(label.replace("_", " ").split())
    measured = dimension(normal_unit(unit))
    hertz = None if rate is None else float(rate)
    return next((rule.signal_type for rule in RULES if rule.holds(text, measured, hertz)), UNKNOWN)
