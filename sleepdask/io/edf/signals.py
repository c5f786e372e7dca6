"""Headers of the signals of an EDF or BDF file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import isfinite

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.edf.fields import Field
from sleepdask.io.edf.model import SignalHeader
from sleepdask.signals.plausibility import unit_findings
from sleepdask.signals.types import signal_type

BLOCK = 256  # bytes of the main part of the header, and of each signal in it

# Field name and width in bytes; all signals' first fields come first, then all their second ones.
_FIELDS = (
    ("label", 16),
    ("transducer type", 80),
    ("physical dimension", 8),
    ("physical minimum", 8),
    ("physical maximum", 8),
    ("digital minimum", 8),
    ("digital maximum", 8),
    ("prefiltering", 80),
    ("samples in a data record", 8),
    ("reserved", 32),
)


def read_signals(findings: Findings, raw: bytes, sample_bytes: int) -> tuple[SignalHeader, ...]:
    """Read the headers of all signals, whose bytes follow the main part of the header.

    Parameters
    ----------
    findings
        Takes what was odd, and holds the policy.
    raw
        256 bytes a signal.
    sample_bytes
        Size of a stored number.

    Raises
    ------
    FileFormatError
        If the number of samples in a data record cannot be read: nobody knows where any signal is, then.
    """
    number = len(raw) // BLOCK
    columns, begin = [], 0
    for name, width in _FIELDS:
        places = range(begin, begin + number * width, width)
        columns.append([(name, place, raw[place : place + width]) for place in places])
        begin += number * width
    signals: list[SignalHeader] = []
    offset = 0
    for index, row in enumerate(zip(*columns, strict=True), 1):
        label = Field(findings, "label", BLOCK + row[0][1], row[0][2]).text()
        fields = {name: Field(findings, f"{name} of signal {index}", BLOCK + at, part) for name, at, part in row}
        signals.append(_signal(fields, label, offset))
        offset += sample_bytes * signals[-1].samples_per_record
    _note_labels(findings, signals)
    _note_codes(findings, columns[0] + columns[2])
    _note_ranges(findings, signals, 8 * sample_bytes)
    return tuple(signals)


def note_units(findings: Findings, signals: Sequence[SignalHeader], record_ns: int) -> None:
    """Tell of units that may not be what they say; values are left in them."""
    known = [signal for signal in signals if signal.is_ordinary and not signal.uncalibrated]
    rates = [Fraction(signal.samples_per_record * 1_000_000_000, record_ns) for signal in known]
    for finding in unit_findings(
        [signal.label for signal in known],
        [signal_type(signal.label, signal.unit, rate) for signal, rate in zip(known, rates, strict=True)],
        [signal.unit for signal in known],
        [signal.physical_min for signal in known],
        [signal.physical_max for signal in known],
    ):
        findings.warn(finding.code, finding.message, finding.reading, where=finding.where)


def _signal(fields: dict[str, Field], label: str, offset: int) -> SignalHeader:
    signal = SignalHeader(
        label=label,
        transducer=fields["transducer type"].text(),
        unit=fields["physical dimension"].text(),
        physical_min=-1.0,
        physical_max=1.0,
        digital_min=-32768,
        digital_max=32767,
        prefilter=fields["prefiltering"].text(),
        samples_per_record=_samples(fields["samples in a data record"], label),
        byte_offset=offset,
    )
    # Some writers leave the range of annotations blank, and numbers that are no measurement need none.
    return _calibrated(signal, fields) if signal.is_ordinary else signal


def _samples(field: Field, label: str) -> int:
    samples = field.integer()
    if samples < 0:
        raise field.refusal("is negative", "at least 1")
    if samples == 0:
        field.findings.warn("no-samples", f"is 0: {label!r} is announced only", "it is left out", where=field.where)
    return samples


def _calibrated(signal: SignalHeader, fields: dict[str, Field]) -> SignalHeader:
    """Signal with its ranges, or with the reason why nobody can tell its physical values."""
    findings, field = fields["label"].findings, fields["digital maximum"]
    try:
        low, high = (float(fields[f"physical {end}imum"].decimal()) for end in ("min", "max"))
        least, most = (_whole(fields[f"digital {end}imum"]) for end in ("min", "max"))
    except FileFormatError as error:
        if findings.policy == "strict":
            raise
        return _uncalibrated(signal, findings, str(error.args[0]))
    ranged = replace(signal, physical_min=low, physical_max=high, digital_min=least, digital_max=most)
    if low == high:
        return _uncalibrated(ranged, findings, f"physical minimum and maximum are the same ({low:g})")
    if least == most:
        return _uncalibrated(ranged, findings, f"digital minimum and maximum are the same ({least})")
    if not (isfinite(ranged.gain) and isfinite(ranged.offset)):
        return _uncalibrated(ranged, findings, "physical range beyond floating-point numbers")
    if least > most:
        field.note(
            "digital-inverted", f"of {signal.label!r} is below the digital minimum", "the line through both ends holds"
        )
    return ranged


def _uncalibrated(signal: SignalHeader, findings: Findings, reason: str) -> SignalHeader:
    findings.warn("uncalibrated", reason, "all its values are missing", where=f"signal {signal.label!r}")
    return replace(signal, uncalibrated=reason)


def _whole(field: Field) -> int:
    number = field.decimal()
    if number != int(number):
        raise field.refusal("is not a whole number", "one")
    return int(number)


def _note_labels(findings: Findings, signals: Sequence[SignalHeader]) -> None:
    for label, times in Counter(s.label for s in signals if s.is_ordinary).items():
        if times > 1:
            findings.note("labels", f"{times} signals are labelled {label!r}", "the repeats are numbered in file order")
        if not label:
            findings.note("labels", "a signal has no label", "it is called 'unnamed'")


def _note_codes(findings: Findings, texts: Sequence[tuple[str, int, bytes]]) -> None:
    odd = [(name, at) for name, at, raw in texts if not raw.isascii()]
    if odd:
        name, at = odd[0]
        message = f"bytes that are not ASCII in {len(odd)} labels or units, the first in a {name}"
        reading = "they are UTF-8 where they can be, else Latin-1"
        findings.note("not-ascii", message, reading, where=f"bytes {BLOCK + at} on")


def _note_ranges(findings: Findings, signals: Sequence[SignalHeader], bits: int) -> None:
    limit = 1 << (bits - 1)
    for signal in signals:
        low, high = sorted((signal.digital_min, signal.digital_max))
        if low < -limit or high >= limit:
            message = f"declares numbers {low} to {high}, more than {bits} bits can hold"
            findings.note("digital-range", message, "the scale is read as written", where=f"signal {signal.label!r}")
