"""What is odd about the signals of a file, in sentences."""

from __future__ import annotations

from collections import Counter

from sleepdask.io.edf.model import MAX16, MIN16, SignalHeader


def signal_findings(kind: str, signals: tuple[SignalHeader, ...]) -> tuple[str, ...]:
    """Say, one sentence each, what is odd about the signals of a file but can be read without guessing."""
    findings = []
    for label, times in Counter(s.label for s in signals if s.is_ordinary).items():
        if times > 1:
            findings.append(f"{times} signals are labelled {label!r}; the repeats are numbered in file order")
        if not label:
            findings.append("a signal without a label is called 'unnamed'")
    for signal in signals:
        if signal.digital_min < MIN16 or signal.digital_max > MAX16:
            digital = f"{signal.digital_min} to {signal.digital_max}"
            findings.append(f"signal {signal.label!r} declares numbers {digital}, more than 16 bits can hold")
    annotated = any(s.is_annotation for s in signals)
    if kind == "EDF" and annotated:
        findings.append("has an 'EDF Annotations' signal but does not say EDF+; it is read as annotations")
    if kind != "EDF" and not annotated:
        findings.append(f"says {kind} but has no 'EDF Annotations' signal")
    return tuple(findings)
