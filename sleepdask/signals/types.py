"""Signal types: what a channel measures, told from its label."""

from __future__ import annotations

import re

UNKNOWN = "unknown"

# First match wins. Leads of EEG are those of the 10-20 system, with or without a reference.
RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (signal_type, re.compile(pattern, re.IGNORECASE))
    for signal_type, pattern in (
        ("eog", r"\b(eog|loc|roc|e[12])\b"),
        ("ecg", r"\b(ecg|ekg)"),
        ("emg", r"\b(emg|chin|tib|leg|submental)"),
        ("eeg", r"\beeg\b|^(fp|af|fc|ft|cp|tp|po|f|c|p|o|t)(z|\d{1,2})\b"),
        ("spo2", r"\b(spo2|sao2|osat)"),
        ("ppg", r"\b(ppg|pleth)"),
        ("hr", r"\b(hr|heart ?rate|pulse ?rate|pulse)\b"),
        ("rr", r"\brr\b"),
        ("acc", r"\b(acc|accel)"),
        ("snore", r"\bsnor"),
        ("resp", r"\b(resp|flow|airflow|nasal|cannula|thor|chest|abd|rip|effort)"),
        ("temperature", r"\btemp"),
        ("position", r"\b(pos|position|body)\b"),
        ("marker", r"\b(event|marker|status|trigger)\b"),
    )
)


def signal_type(label: str) -> str:
    """Type of a channel, or ``"unknown"``; nothing is guessed beyond the rule table.

    Examples
    --------
    >>> [signal_type(label) for label in ("EEG Fpz-Cz", "C3-M2", "EMG submental", "Resp oro-nasal", "X1")]
    ['eeg', 'eeg', 'emg', 'resp', 'unknown']
    """
    return next((name for name, pattern in RULES if pattern.search(label)), UNKNOWN)
