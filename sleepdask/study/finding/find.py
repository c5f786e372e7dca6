"""Folders become the table of a study: each recording with its hypnogram, and what a table of participants says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

from sleepdask.errors import OutputError, ParameterError
from sleepdask.findings import Finding
from sleepdask.io.atomic import check_outputs, staged_outputs
from sleepdask.study.finding.found_covariates import covariates_of, own_tables
from sleepdask.study.finding.gathering import FoundFile, Gathered, gather, listed, looked_at
from sleepdask.study.finding.names import is_named_by_folders
from sleepdask.study.finding.pairing import Candidate, Pairs, pair
from sleepdask.study.finding.participants import read_participants
from sleepdask.study.finding.patterns import Pattern
from sleepdask.study.finding.recognising import Night, candidates_of, recognise
from sleepdask.study.table import MARKS, RESERVED, SEPARATOR, Entry, check_ids, path_in_table, table_bytes

_NO_HYPNOGRAMS = ("recording", "summary")


@dataclass(frozen=True)
class FoundRecordings:
    """Recordings of folders.

    Parameters
    ----------
    entries
        Rows of the table, sorted by id.
    notes
        What was left out by rule, or chosen.
    findings
        What was odd, or could not be told.
    """

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the table, whole or not at all, with paths relative to its folder.

        Raises
        ------
        OutputError
            There is such a file and `force` is False, it is a folder or one of the files in the table, or cannot be
            written.
        """
        path = Path(path)
        check_table(path, force=force)
        inputs = {os.path.realpath(name) for entry in self.entries for name in entry.inputs.values()}
        if os.path.realpath(path) in inputs:
            raise OutputError("the table would replace a file that is in it", where=path, fix="name another file")
        table = table_bytes(self.entries, path.absolute().parent)
        with staged_outputs(path.parent, [path.name], force=force) as paths:
            paths[path.name].write_bytes(table)
        return path

    def document(self, folder: str | os.PathLike[str]) -> dict[str, Any]:
        """Itself as JSON types, with paths relative to a folder."""
        return {
            "recordings": [
                {
                    "recording_id": entry.recording_id,
                    "path": SEPARATOR.join(path_in_table(path, folder) for path in entry.paths),
                    "hypnogram": None if entry.hypnogram is None else path_in_table(entry.hypnogram, folder),
                    **entry.marks,
                    **{name: None if _is_nan(value) else value for name, value in entry.covariates.items()},
                }
                for entry in self.entries
            ],
            "summary": {
                "recordings": len(self.entries),
                "hypnograms": sum(entry.hypnogram is not None for entry in self.entries),
                "findings": dict(Counter(finding.code for finding in self.findings)),
            },
            "notes": list(self.notes),
            "findings": [finding.document() for finding in self.findings],
        }


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and isnan(value)


def check_table(path: Path, *, force: bool) -> None:
    """Refuse early what writing the table would refuse late; `OutputError`."""
    if path.is_dir():
        raise OutputError("is a folder", where=path, expected="the table to write", fix="name a file in it")
    check_outputs(path.parent, [path.name], force=force)


def find_recordings(
    *folders: str | os.PathLike[str],
    pattern: str | None = None,
    hypnogram_pattern: str | None = None,
    participants: str | os.PathLike[str] | None = None,
) -> FoundRecordings:
    """Find the recordings of folders, each with its hypnogram, for the table of a study.

    A recording is a file or store with signals, or all files of one night on the card of a ResMed device. Any other
    file whose content is scores may be a hypnogram. Which belongs to which is told by rules about names (`RULES` of
    the module `pairing`), never by their number or order; what could belong to two belongs to none, and is told.

    Parameters
    ----------
    *folders
        Searched at any depth; not behind links to folders, nor what is hidden.
    pattern
        Your own rule: paths below each folder, as `Pattern` describes, such as ``"{recording_id}/night{night}.edf"``.
        Fields but the id become covariates. Files of one id are one recording if the pattern has a ``*``.
    hypnogram_pattern
        The same for hypnograms, with the same fields, in place of the rules.
    participants
        Table whose columns become covariates: TSV or CSV, with a row a ``participant_id`` or ``recording_id``. Default
        the ``participants.tsv`` of each folder, if there is one.

    Returns
    -------
    FoundRecordings
        Rows, notes and findings. What looks like a recording and cannot be opened is a row, and a finding.

    Raises
    ------
    ParameterError
        There is no such folder, no recording in it, or none that fits the pattern; a path fits it in two ways.
    FileFormatError
        The table of participants cannot be read, or an id is not safe as the name of a folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> import sleepdask as sd
    >>> _ = sd.simulate.simulate_night(0.1).write("one", stem="P01")
    >>> [entry] = find_recordings("one").entries
    >>> entry.recording_id, Path(entry.paths[0]).name, Path(entry.hypnogram).name
    ('P01', 'P01-PSG.edf', 'P01-Hypnogram.edf')
    """
    if not folders:
        raise ParameterError("there is no folder to search")
    rule = None if pattern is None else Pattern(pattern)
    scores_rule = None if hypnogram_pattern is None else Pattern(hypnogram_pattern)
    if unknown := sorted(set(scores_rule.names if scores_rule else []) - set(rule.names if rule else RESERVED[:1])):
        fix = "write * for what may differ"
        raise ParameterError(f"{{{unknown[0]}}} is no field of the recordings", where=hypnogram_pattern, fix=fix)
    given = None if participants is None else read_participants(participants)
    files = gather(folders)
    found = recognise(files.recordings, rule)
    if not found.nights:
        expected = "EDF or BDF files with signals, or stores"
        raise ParameterError("no recordings there", where=", ".join(map(str, folders)), expected=expected)
    notes, findings = files.notes + found.notes, files.findings + found.findings
    check_ids([night.recording_id for night in found.nights], "what was found")
    found.candidates += candidates_of(files.others)
    if scores_rule is None:
        pairs = pair({k: night.place for k, night in enumerate(found.nights)}, found.candidates)
        strangers = [each for each in found.candidates if each.format and each.path not in pairs.settled]
    else:
        pairs, strangers = _by_pattern(found.nights, files, scores_rule), []
    notes += _notes(found.nights, pairs, strangers)
    tables = [(given, range(len(files.roots)))] if given else own_tables(files.roots, findings)
    covariates = covariates_of(found.nights, tables, notes, findings)
    place_of = {file.place: file.path for file in (*files.recordings, *files.others)}
    entries = []
    for k, night in enumerate(found.nights):
        hypnogram, columns = pairs.hypnograms.get(k), {name: values[k] for name, values in covariates.items()}
        entries.append(
            Entry(
                night.recording_id,
                tuple(str(file.path) for file in night.files),
                None if hypnogram is None else str(place_of[hypnogram.path]),
                {name: columns[name] for name in MARKS if columns.get(name)},
                {name: value for name, value in columns.items() if name not in MARKS},
            )
        )
    entries.sort(key=lambda entry: entry.recording_id)
    return FoundRecordings(tuple(entries), tuple(notes), tuple(findings + pairs.findings))


def _by_pattern(nights: Sequence[Night], files: Gathered, pattern: Pattern) -> Pairs:
    """Hypnograms that a pattern gives; of recordings whose ids both fit a file, the one with the longer id has it."""
    used = {file.path for night in nights for file in night.files}
    known = [{RESERVED[0]: night.recording_id} | night.fields for night in nights]
    ids = [fields[RESERVED[0]] for fields in known]
    fitting: dict[tuple[int, ...], list[FoundFile]] = {}
    for file in (*files.recordings, *files.others):
        if file.path in used or file.look.kind in _NO_HYPNOGRAMS:
            continue
        path = str(file.below)
        near = [k for k, night in enumerate(nights) if ids[k] in path and night.files[0].root == file.root]
        fits = [k for k in near if pattern.fits(path, {name: known[k][name] for name in pattern.names})]
        if fits:
            longest = max(len(ids[k]) for k in fits)
            fitting.setdefault(tuple(k for k in fits if len(ids[k]) == longest), []).append(file)
    if not fitting:
        raise ParameterError("no file fits", where=f"the pattern {pattern.text!r}", fix="check it, or leave it out")
    pairs = Pairs()
    for whose, each in fitting.items():
        looked = [f if f.look.kind != "other" or f.look.trouble else looked_at([f], scores=True)[0] for f in each]
        candidates = [
            Candidate(file.place, file.look.format, file.look.trouble or _lacking(file.look.kind)) for file in looked
        ]
        pairs.settle({k: night.place for k, night in enumerate(nights)}, whose, candidates)
    return pairs


def _lacking(kind: str) -> str:
    return "" if kind == "scores" else "it holds no sleep stages"


def _notes(nights: Sequence[Night], pairs: Pairs, strangers: Sequence[Candidate]) -> list[str]:
    notes = []
    by_folder = [n.recording_id for n in nights if not n.fields and is_named_by_folders(n.recording_id, n.place)]
    if by_folder:
        notes.append(f"ids that hold names of folders, which should be no names of people: {listed(by_folder)}")
    if pairs.preferred:
        notes.append(f"NSRR XML that is taken, and Profusion XML of the same night not: {listed(pairs.preferred)}")
    if strangers:
        notes.append(f"hypnograms that belong to no recording: {listed([each.path for each in strangers])}")
    return notes
