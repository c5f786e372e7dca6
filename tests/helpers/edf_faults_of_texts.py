"""Faults of annotations, labels and units."""

from __future__ import annotations

from edf_fault_files import LIGHTS, NOTES, PLAIN, PLUS, edf, keeper, only, plus, scale
from edf_faults import Fault
from edf_recipes import Signal, annotation_signal

_SECOND_LIST = annotation_signal(b"+4.5\x14Desaturation\x14\0", *[b""] * 5)
_TWO_LISTS = edf(Signal("C4", 10), keeper(), _SECOND_LIST, reserved="EDF+C")

TEXTS = [
    Fault(
        "annotations-only",
        "annotations without signals, records of 0 s: a hypnogram",
        only(b"+0\x14\x14\0+0\x1530\x14Sleep stage W\x14\0+30\x1590\x14Sleep stage 2\x14\0"),
        only(b"", reserved=""),
        notes=((0.0, 30.0, "Sleep stage W"), (30.0, 90.0, "Sleep stage 2")),
        policy="strict",
    ),
    Fault(
        "annotations-several",
        "two signals of annotations",
        _TWO_LISTS,
        _TWO_LISTS,
        notes=(*NOTES, (4.5, None, "Desaturation")),
        policy="strict",
    ),
    Fault(
        "annotations-utf8",
        "annotations in UTF-8",
        plus(more="+2\x14仰卧 é\x14\0".encode()),
        PLUS,
        notes=((2.0, None, "仰卧 é"),),
        policy="strict",
    ),
    Fault(
        "annotations-latin",
        "annotations in Latin-1",
        plus(more=b"+2\x14R\xe9veil\x14\0"),
        PLUS,
        notes=((2.0, None, "Réveil"),),
        policy="strict",
    ),
    Fault(
        "annotations-malformed",
        "an annotation with a comma as decimal sign, among good ones",
        plus(more=LIGHTS + b"+2,5\x14x\x14\0"),
        PLUS,
        notes=NOTES[:1],
        lost="an annotation",
        codes=("malformed-annotations",),
        told="annotations are not written as EDF+ has them",
    ),
    Fault(
        "unit-latin",
        "unit µV in Latin-1",
        scale(unit=b"\xb5V"),
        PLAIN,
        codes=("not-ascii",),
        told="bytes that are not ASCII in 1 labels or units",
    ),
    Fault(
        "unit-utf8",
        "unit µV in UTF-8",
        scale(unit="µV".encode()),
        PLAIN,
        codes=("not-ascii",),
        told="they are UTF-8 where they can be",
    ),
    Fault(
        "unit-greek",
        "unit μV in UTF-8, with the Greek letter",
        scale(unit="μV".encode()),
        PLAIN,
        codes=("not-ascii",),
        told="bytes that are not ASCII",
    ),
    Fault(
        "label-utf8",
        "label in UTF-8",
        edf(Signal("Impédance".encode(), 10)),
        edf(Signal("Impédance", 10)),
        codes=("not-ascii",),
        told="the first in a label",
    ),
    Fault(
        "label-latin",
        "label in Latin-1",
        edf(Signal(b"Imp\xe9dance", 10)),
        edf(Signal("Impédance", 10)),
        codes=("not-ascii",),
        told="the first in a label",
    ),
    Fault(
        "label-twice",
        "a label twice",
        edf(Signal("C3", 10)),
        edf(Signal("C3", 10)),
        names=("C3", "C3 #2"),
        codes=("labels",),
        told="2 signals are labelled 'C3'; the repeats are numbered in file order",
    ),
    Fault(
        "label-empty",
        "a signal without a label",
        edf(Signal("", 10)),
        edf(Signal("", 10)),
        names=("C3", "unnamed"),
        codes=("labels",),
        told="a signal has no label; it is called 'unnamed'",
    ),
    Fault(
        "checksum",
        "a checksum of each record as a signal, `Crc16`",
        edf(Signal("C4", 10), Signal("Crc16", 1, "")),
        edf(Signal("C4", 10), Signal("Crc16", 1, "")),
        policy="strict",
    ),
]
