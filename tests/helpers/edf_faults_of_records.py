"""Faults of the times that data records state; and formats that are not at fault."""

from __future__ import annotations

from edf_fault_files import GAP, NOTES, PLAIN, PLUS, bdf, bdf_plus, edf, plus
from edf_faults import Fault
from edf_recipes import Signal

RECORDS = [
    Fault(
        "gap",
        "EDF+D with a gap of 300 s",
        plus(onsets=GAP, reserved="EDF+D"),
        PLUS,
        onsets=GAP,
        notes=NOTES,
        policy="strict",
    ),
    Fault(
        "gap-contiguous",
        "the same gap in a file that says EDF+C",
        plus(onsets=GAP),
        PLUS,
        onsets=GAP,
        notes=NOTES,
        codes=("gaps",),
        told="says EDF+C but its data records state 1 gaps",
    ),
    Fault("no-gap", "EDF+D without any gap", plus(reserved="EDF+D"), PLUS, notes=NOTES, policy="strict"),
    Fault(
        "overlap",
        "a record that begins before the one before it ends",
        plus(onsets=(0, 1, 1.5, 3, 4, 5), reserved="EDF+D"),
        PLUS,
        notes=NOTES,
        policy="repair",
        codes=("overlap",),
        told="data record 2 begins before the one before it ends",
    ),
    Fault(
        "record-without-time",
        "a record of EDF+D that does not state its time",
        plus(onsets=(0, 1, 2, None, 4, 5), reserved="EDF+D"),
        PLUS,
        notes=NOTES,
        policy="repair",
        codes=("no-record-time",),
        told="data record 3 does not state its time",
    ),
    Fault(
        "no-record-times",
        "EDF+D without a signal of annotations",
        edf(reserved="EDF+D"),
        PLAIN,
        policy="repair",
        codes=("no-record-times",),
        told="nothing tells when its data records were taken",
    ),
    Fault(
        "no-continuity",
        "EDF+ that says neither C nor D",
        plus(reserved="EDF+"),
        PLUS,
        notes=NOTES,
        policy="repair",
        codes=("no-continuity",),
        told="does not say whether the recording is contiguous",
    ),
    Fault(
        "no-annotations",
        "EDF+C without a signal of annotations",
        edf(reserved="EDF+C"),
        PLAIN,
        codes=("no-annotations",),
        told="says EDF+C but has no 'EDF Annotations' signal",
    ),
    Fault(
        "annotations-in-edf",
        "plain EDF with a signal of annotations",
        plus(reserved=""),
        PLUS,
        notes=NOTES,
        codes=("annotations-in-edf",),
        told="has a signal of annotations but does not say EDF+",
    ),
]

_MANY = [Signal(f"X{k}", [1, 2, 3, 5, 10, 25, 50, 100, 256, 512][k % 10]) for k in range(138)]
FORMATS = [
    Fault("edf", "EDF, nothing odd", PLAIN, PLAIN, policy="strict"),
    Fault("edf-plus", "EDF+C, nothing odd", PLUS, PLUS, notes=NOTES, policy="strict"),
    Fault("bdf", "BDF (24 bits), nothing odd", bdf(), bdf(), policy="strict", suffix=".bdf"),
    Fault("bdf-plus", "BDF+C, nothing odd", bdf_plus(), bdf_plus(), notes=NOTES, policy="strict", suffix=".bdf"),
    Fault(
        "bdf-gap",
        "BDF+D with a gap of 300 s",
        bdf_plus(GAP, reserved="BDF+D"),
        bdf_plus(),
        onsets=GAP,
        notes=NOTES,
        policy="strict",
        suffix=".bdf",
    ),
    Fault("many", "139 signals at ten rates", edf(*_MANY), edf(*_MANY), policy="strict"),
]
