"""EDF+ annotations.

Source: Kemp & Olivan 2003, doi:10.1016/S1388-2457(03)00123-8; texts: https://www.edfplus.info/specs/edftexts.html.
"""

from __future__ import annotations

import numpy as np

from sleepdask.hypnogram import is_stage, stage_of
from sleepdask.io.edf.opening import EdfFile
from sleepdask.io.scores.base import CLOCK, START, Options, ScoreFormat, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.signals.recording import ANNOTATIONS
from sleepdask.times import to_ns

_BEGINNINGS = (b"0       ", b"\xffBIOSEMI")


def _read(file: ScoreFile, options: Options) -> Scores:
    recording = EdfFile.open(file.path).recording()
    if ANNOTATIONS not in recording.children:
        found = recording.attrs["format"]
        raise file.refusal("the file holds no annotations", expected="an EDF+ file", found=found)
    annotations = recording[ANNOTATIONS].to_dataset()
    duration = annotations["duration"].values
    lengths = np.where(np.isnat(duration), 0, duration.astype(np.int64)).tolist()
    onsets = annotations["onset"].values.astype(np.int64).tolist()
    dated = annotations["onset"].dtype.kind == "M"
    scores = Scores(CLOCK, since=to_ns(recording.attrs["start"])) if dated else Scores(START)
    for onset, length, text in zip(onsets, lengths, annotations["text"].values.tolist(), strict=True):
        if is_stage(text):
            scores.stages.add(onset, length, text, stage=stage_of(text))
        else:
            scores.events.add(onset, length, text)
    return scores


FORMAT = ScoreFormat("edf", "EDF+ annotations", lambda file: file.head.startswith(_BEGINNINGS), _read)
