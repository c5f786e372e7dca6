"""Whatever lies in a folder: each recording is in one row, each hypnogram in one at most, and the table is sound."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import annotations, edf, text

from sleepdask.study.finding.find import find_recordings
from sleepdask.study.table import read_table

FOLDERS = st.sampled_from(["", "P1/", "p1/", "P2/", "edfs/", "scores/P1/", "=x/", "e\u0301/"])
STEMS = st.sampled_from(
    ["a", "A", "a-PSG", "psg", "a_hyp", "Hypnogram", "SC4001E0", "SC4001EC", "sub-01_eeg", "P1-n1", "x;y"]
)
NAMES = st.builds("{}{}{}".format, FOLDERS, STEMS, st.sampled_from([".edf", ".bdf", ".csv", ".txt", ".EDF"]))
WRITERS: dict[str, Callable[[Path], Path]] = {
    "signals": edf,
    "annotations": annotations,
    "stages": text,
    "broken": lambda path: text(path, ""),
    "events": lambda path: annotations(path, ("Apnea",)),
}


@settings(max_examples=60)
@given(st.dictionaries(NAMES, st.sampled_from(list(WRITERS)), max_size=8))
def test_every_recording_is_accounted_for(files: dict[str, str]) -> None:
    with TemporaryDirectory() as scratch:
        root = Path(scratch).resolve()
        edf(root / "always.edf")
        for name, kind in files.items():
            WRITERS[kind](root / name)
        found = find_recordings(root)
        rows = read_table(found.write(root / "recordings.csv"))
        used = Counter(os.path.realpath(path) for row in rows for path in row.inputs.values())
        assert not [path for path, times in used.items() if times > 1]
        told = " ".join([*found.notes, *map(str, found.findings)])
        for name, kind in files.items():
            path = os.path.realpath(root / name)
            if kind == "signals":
                assert path in {os.path.realpath(each) for row in rows for each in row.paths}
            elif path not in used and kind in ("annotations", "stages"):
                assert name in told or " more" in told
        assert [row.recording_id for row in rows] == [entry.recording_id for entry in found.entries]
