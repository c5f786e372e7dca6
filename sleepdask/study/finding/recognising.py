"""Files become recordings: one a file, all of a night on the card of a device, or what a pattern says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sleepdask.errors import ParameterError
from sleepdask.findings import Finding
from sleepdask.study.finding.cards import card_night
from sleepdask.study.finding.gathering import FoundFile, listed
from sleepdask.study.finding.names import night_name, recording_ids, says_scores
from sleepdask.study.finding.pairing import Candidate
from sleepdask.study.finding.patterns import Pattern
from sleepdask.study.table import RESERVED, folded_id

_ID = RESERVED[0]


@dataclass(frozen=True)
class Night:
    """Files of one recording; the place that its name and pairing go by; the fields of a pattern."""

    files: tuple[FoundFile, ...]
    place: PurePosixPath
    fields: dict[str, str] = field(default_factory=dict)
    recording_id: str = ""


@dataclass
class Recognised:
    """Recordings, files that may hold scores of them, and what was told on the way."""

    nights: list[Night] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def leave_out(self, what: str, files: Sequence[FoundFile]) -> None:
        """Tell of files that are neither recordings nor scores."""
        if files:
            self.notes.append(f"{what}: {listed([file.place for file in files])}")


def recognise(files: Sequence[FoundFile], pattern: Pattern | None) -> Recognised:
    """Tell recordings and candidates apart.

    Raises
    ------
    ParameterError
        No recording fits the pattern, one fits it in two ways, or it gives one id to files that it does not join.
    """
    found = Recognised()
    kinds: dict[str, list[FoundFile]] = defaultdict(list)
    for file in files:
        kind = file.look.kind
        kinds["scores" if kind == "unreadable" and says_scores(file.path.name) else kind].append(file)
    found.candidates = [Candidate(file.place, "edf", file.look.trouble) for file in kinds["scores"]]
    found.leave_out("summaries of days, which are no recordings", kinds["summary"])
    signals = sorted(kinds["recording"] + kinds["unreadable"] + kinds["empty"], key=_place)
    if pattern is not None:
        _by_pattern(found, signals, kinds["annotations"], pattern)
    else:
        _by_name(found, signals, kinds["annotations"])
    for file in (file for night in found.nights for file in night.files if file.look.kind in ("unreadable", "empty")):
        message = "it cannot be opened: " + (file.look.trouble or "its header announces no data")
        reading = "it is in the table, and a study will tell of it"
        found.findings.append(Finding("warning", "unreadable", message, reading, str(file.place)))
    return found


def _by_name(found: Recognised, signals: Sequence[FoundFile], annotations: Sequence[FoundFile]) -> None:
    cards: dict[PurePosixPath, list[FoundFile]] = defaultdict(list)
    single, events = [], []
    for file in (*signals, *annotations):
        if (night := card_night(file.place)) is not None:
            cards[night].append(file)
        elif file.look.kind == "annotations":
            events.append(file)
        else:
            single.append(Night((file,), file.place))
    empty = [file for night in cards.values() for file in night if file.look.kind == "empty"]
    found.leave_out("files of cards that announce no data, and are left out of their nights", empty)
    for night, files in cards.items():
        kept = sorted((file for file in files if file.look.kind != "empty"), key=_place)
        if any(file.look.kind != "annotations" for file in kept):
            single.append(Night(tuple(kept), night))
        else:
            events += kept
    found.leave_out("files with annotations, but neither signals nor sleep stages", events)
    names = [night_name(night.place.name) for night in single]
    ids = recording_ids([night.place for night in single], names)
    _tell_repeated(found, single)
    found.nights = [Night(n.files, n.place, {}, each) for n, each in zip(single, ids, strict=True)]


def _tell_repeated(found: Recognised, nights: Sequence[Night]) -> None:
    """Tell of recordings that could be copies of each other, such as a.edf and a.bdf."""
    alike: dict[object, list[Night]] = defaultdict(list)
    for night in nights:
        alike[night.place.parent, folded_id(night_name(night.place.name))].append(night)
    for group in (group for group in alike.values() if len(group) > 1):
        message = f"{listed([night.place for night in group])} have one name but for words of kind"
        reading = "each is a recording of its own; if they are copies of one night, keep one in the table"
        found.findings.append(Finding("warning", "repeats", message, reading))


def _by_pattern(
    found: Recognised, signals: Sequence[FoundFile], annotations: Sequence[FoundFile], pattern: Pattern
) -> None:
    groups: dict[tuple[str, ...], list[FoundFile]] = defaultdict(list)
    others = []
    for file in (*signals, *annotations):
        fields = pattern.fields(str(file.below))
        if fields is None:
            others.append(file)
        else:
            groups[tuple(fields[name] for name in pattern.names)].append(file)
    for values, files in list(groups.items()):
        if all(file.look.kind == "annotations" for file in files):
            others += groups.pop(values)
    if not groups:
        paths = f"paths such as {others[0].below}" if others else "no recordings"
        raise ParameterError("no recording fits", where=f"the pattern {pattern.text!r}", found=paths)
    found.leave_out("left out, as they do not fit the pattern or hold no signals", others)
    each = [dict(zip(pattern.names, values, strict=True)) for values in groups]
    naming = _naming(each, pattern)
    if len(naming) > 1:
        found.notes.append(f"ids are made of {', '.join(naming)}, as several recordings have one {_ID}")
    for fields, files in zip(each, groups.values(), strict=True):
        recording_id = "_".join(fields[name] for name in naming)
        _check_joined(recording_id, files, pattern)
        found.nights.append(Night(tuple(files), files[0].place, fields, recording_id))
    if several := [night.recording_id for night in found.nights if len(night.files) > 1]:
        found.notes.append(f"recordings of several files: {listed(several)}")


def _naming(each: Sequence[Mapping[str, str]], pattern: Pattern) -> list[str]:
    """Fields that make the ids: the id alone where it tells all apart, else also those in which equal ids differ."""
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for fields in each:
        for name, value in fields.items():
            values[fields[_ID], name].add(value)
    differing = {name for (_, name), found in values.items() if len(found) > 1}
    return [_ID, *(name for name in pattern.names if name in differing)]


def _check_joined(recording_id: str, files: Sequence[FoundFile], pattern: Pattern) -> None:
    for file in files[1:]:
        if not pattern.joins or file.root != files[0].root:
            raise ParameterError(
                f"the pattern {pattern.text!r} gives two files one id",
                where=recording_id,
                expected="one file an id, or a * where the files of one recording differ",
                found=f"{files[0].place} and {file.place}",
                fix="put what tells them apart into the pattern",
            )


def candidates_of(files: Iterable[FoundFile]) -> list[Candidate]:
    """Files that are no recordings, as far as their content or name promises scores."""
    looked = [file for file in files if file.look.kind == "scores" or (file.look.kind == "other" and file.look.trouble)]
    each = [Candidate(file.place, file.look.format, file.look.trouble) for file in looked]
    return [candidate for candidate in each if candidate.promises]


def _place(file: FoundFile) -> PurePosixPath:
    return file.place
