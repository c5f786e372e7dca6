"""Compumedics Profusion XML: one stage an epoch, events in seconds after the start of the recording."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from sleepdask.io.scores.base import START, Options, ScoreFormat, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import LONGEST_EPOCH, duration_ns, seconds_ns
from sleepdask.io.scores.vocabularies import PROFUSION


def epoch_length(file: ScoreFile) -> int:
    """Length of an epoch in ns that the XML states."""
    text = file.root.findtext("EpochLength") or ""
    length = seconds_ns(text, file, 0, "EpochLength")
    if not 0 < length <= LONGEST_EPOCH:
        raise file.refusal("EpochLength is no length of an epoch", expected="above 0, at most an hour", found=text)
    return length


def child_text(event: Element, name: str) -> str:
    """Text of a child element, empty if there is none."""
    return (event.findtext(name) or "").strip()


def _read(file: ScoreFile, options: Options) -> Scores:
    epoch = epoch_length(file)
    scores = Scores(START, epoch=epoch)
    for k, element in enumerate(file.root.iterfind("SleepStages/SleepStage")):
        label = (element.text or "").strip()
        scores.stages.add(k * epoch, epoch, label, stage=PROFUSION.get(label))
    for event in file.root.iterfind("ScoredEvents/ScoredEvent"):
        onset = seconds_ns(child_text(event, "Start"), file, 0, "Start of a ScoredEvent")
        length = duration_ns(child_text(event, "Duration"), file, 0)
        scores.events.add(onset, length, child_text(event, "Name"), channel=child_text(event, "Input"))
    return scores


FORMAT = ScoreFormat("profusion", "Profusion XML (CMPStudyConfig)", lambda file: file.has_root("CMPStudyConfig"), _read)
