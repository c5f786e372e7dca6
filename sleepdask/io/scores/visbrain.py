"""Visbrain text: two lines of head, then each run of a stage with the second at which it ends.

Source: https://visbrain.org/sleep, "Hypnogram".
"""

from __future__ import annotations

from sleepdask.io.scores.base import START, Options, ScoreFormat, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import seconds_ns
from sleepdask.io.scores.vocabularies import word_stage

_DURATION = "*duration_sec"
_TOLERANCE = 60_000_000_000


def _read(file: ScoreFile, options: Options) -> Scores:
    scores = Scores(START)
    total, begin = None, 0
    for number, line in enumerate(file.lines, 1):
        name, _, value = line.strip().replace("\t", " ").rpartition(" ")
        name = name.strip()
        if not line.strip() or (line.startswith("*") and not line.lower().startswith(_DURATION)):
            continue
        end = seconds_ns(value, file, number, "end of a stage")
        if line.startswith("*"):
            total = end
            continue
        if end <= begin:
            raise file.refusal("a stage ends before the one before it", line=number, found=f"{value} s")
        scores.stages.add(begin, end - begin, name, stage=word_stage(name))
        begin = end
    if total is None or abs(total - begin) > _TOLERANCE:
        raise file.refusal(
            "the last stage does not end with the recording, so that its numbers may be no times of ends",
            expected="*Duration_sec" if total is None else f"{total / 1e9:g} s",
            found=f"{begin / 1e9:g} s",
        )
    return scores


def _fits(file: ScoreFile) -> bool:
    return not file.is_xml and any(line.lower().startswith(_DURATION) for line in file.lines[:5])


FORMAT = ScoreFormat("visbrain", "Visbrain text (*Duration_sec, then stages and their ends)", _fits, _read)
