"""EDF+ annotations.

Source: Kemp & Olivan 2003, doi:10.1016/S1388-2457(03)00123-8; texts: https://www.edfplus.info/specs/edftexts.html.
"""

from __future__ import annotations

from sleepdask.hypnogram import is_stage, stage_of
from sleepdask.io.edf.annotations import read_track
from sleepdask.io.edf.header import read_header
from sleepdask.io.scores.base import CLOCK, START, Options, ScoreFormat, Scores
from sleepdask.io.scores.file import ScoreFile

_BEGINNINGS = (b"0       ", b"\xffBIOSEMI")


def _read(file: ScoreFile, options: Options) -> Scores:
    header = read_header(file.path, file.findings)
    if not any(signal.is_annotation for signal in header.signals):
        fix = "name the file that holds the scores"
        raise file.refusal("the file holds no annotations", expected="an EDF+ file", found=header.kind, fix=fix)
    scores = Scores(CLOCK, since=header.origin_ns) if header.dated else Scores(START)
    for note in read_track(file.path, header, file.findings).annotations:
        onset, length = header.origin_ns + note.onset_ns, note.duration_ns or 0
        if is_stage(note.text):
            scores.stages.add(onset, length, note.text, stage=stage_of(note.text))
        else:
            scores.events.add(onset, length, note.text)
    return scores


FORMAT = ScoreFormat("edf", "EDF+ annotations", lambda file: file.head.startswith(_BEGINNINGS), _read)
