"""XML of the National Sleep Research Resource: stages and events in seconds after the start of the recording.

Source: https://github.com/nsrr/edf-editor-translator/wiki.
"""

from __future__ import annotations

from sleepdask.io.scores.base import START, Options, ScoreFormat, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import duration_ns, seconds_ns
from sleepdask.io.scores.profusion import child_text, epoch_length
from sleepdask.io.scores.vocabularies import NSRR

_START = "recording start time"  # tells how long the recording is; its clock time has no date


def _read(file: ScoreFile, options: Options) -> Scores:
    scores = Scores(START, epoch=epoch_length(file) if file.root.find("EpochLength") is not None else None)
    for event in file.root.iterfind("ScoredEvents/ScoredEvent"):
        concept = child_text(event, "EventConcept")
        if concept.lower() == _START:
            continue
        onset = seconds_ns(child_text(event, "Start"), file, 0, f"Start of {concept[:40]!r}")
        length = duration_ns(child_text(event, "Duration"), file, 0)
        if child_text(event, "EventType").lower().startswith("stages"):
            scores.stages.add(onset, length, concept, stage=NSRR.get(concept.lower()))
        else:
            scores.events.add(onset, length, concept.partition("|")[0], channel=child_text(event, "SignalLocation"))
    return scores


FORMAT = ScoreFormat("nsrr", "NSRR XML (PSGAnnotation)", lambda file: file.has_root("PSGAnnotation"), _read)
