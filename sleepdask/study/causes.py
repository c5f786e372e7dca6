"""Errors by cause: messages that differ in names, places and numbers only are one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from sleepdask import errors
from sleepdask.study.outcome import LOST, RecordingOutcome
from sleepdask.viz.style import shortened

MOST_CAUSES, MOST_IDS, MOST_FOUND = 30, 12, 5
LONGEST, LONGEST_READ = 400, 4000
LEFT_OUT = "…"

# Each begins where a word does, so that a long word is looked at once.
_PLACES = re.compile(
    r"""(?<![a-z0-9+.~/\\-])(?:[a-z][a-z0-9+.-]*://|~?/|\.{1,2}/|[a-z]:\\)[^\s;,'"]*[^\s;,'":.)]
    |(?<![^\s;,'"/(=])[^\s;,'"/]+\.(?:edf|bdf|rec|zarr|xml|csv|tsv|txt|json|mat|h5|nc|parquet|hyp|annot)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBERS = re.compile(
    r"""\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?
    |\b0x[0-9a-f]+\b
    |\b(?=[a-f]*\d)[0-9a-f]{8,}(?:-[0-9a-f]{4,12})*\b
    |(?<![\w.])[-+]?\d+(?:[.,:_]\d+)*(?:e[-+]?\d+)?""",
    re.IGNORECASE | re.VERBOSE,
)
_REPEATED = re.compile(rf"{LEFT_OUT}(?:[ ,/-]*{LEFT_OUT})+")
_WHERE = re.compile(rf"^{LEFT_OUT}[:,]\s*|^\[Errno [\d{LEFT_OUT}]+\]\s*|:\s*['\"]?{LEFT_OUT}['\"]?$")

_ADVICE = {
    "WorkerLostError": "its worker died each time, most often for want of memory: run it again with fewer workers, or "
    "with more memory for each",
    "MemoryError": "run it again with fewer workers, or with more memory for each",
    "TooSlowError": "run it again with more time, or on a machine that is less busy",
    "OutputError": "make room where the results go, or allow writing there, and run it again",
    "RemoteFileError": "run it again once the files can be reached",
    "FileNotFoundError": "correct its path in the table, or bring the file there, and run it again",
    "PermissionError": "allow reading its files, and run it again",
}
_LOOK = "the traceback in its file in outcomes/ tells where it happened"
_DIAGNOSE = "sleepdask diagnose tells what is odd about its files, sleepdask info what they hold"


@dataclass(frozen=True)
class Cause:
    """One cause of failures.

    Parameters
    ----------
    error_type
        Class of the error.
    what
        Its message without names and places, and without numbers that differ.
    count, ids
        How many recordings failed so, and the first of them.
    example
        The message of the first.
    found
        What was found in them instead of what was expected, most frequent first, each with the number of
        recordings; and the number of recordings with other findings.
    other_found
        Number of recordings whose finding is not among these.
    fix
        What to do about it.
    """

    error_type: str
    what: str
    count: int
    ids: tuple[str, ...]
    example: str
    found: tuple[tuple[str, int], ...]
    other_found: int
    fix: str


@dataclass(frozen=True)
class Causes:
    """Causes, the most frequent first; `rest` counts by class of error what is beyond them: causes, recordings."""

    listed: tuple[Cause, ...]
    rest: dict[str, tuple[int, int]]


def causes(outcomes: Iterable[RecordingOutcome], most: int = MOST_CAUSES) -> Causes:
    """Group outcomes by cause; each is counted in exactly one.

    Examples
    --------
    >>> failed = [RecordingOutcome(i, "failed", "FileFormatError", f"/data/{i}.edf: is empty") for i in ("a", "b")]
    >>> [(cause.what, cause.count, cause.example) for cause in causes(failed).listed]
    [('is empty', 2, 'a.edf: is empty')]
    """
    groups: dict[tuple[str, str], list[tuple[RecordingOutcome, Parts]]] = defaultdict(list)
    for outcome in outcomes:
        error_type = shortened(outcome.error_type, 80) or ("WorkerLostError" if outcome.status == LOST else "Error")
        parts = parts_of(outcome.message, error_type, known_names(outcome))
        groups[error_type, parts.what].append((outcome, parts))
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    rest: dict[str, tuple[int, int]] = {}
    for (error_type, _), members in ordered[most:]:
        kinds, count = rest.get(error_type, (0, 0))
        rest[error_type] = (kinds + 1, count + len(members))
    return Causes(tuple(_cause(*key, members) for key, members in ordered[:most]), rest)


class Parts(NamedTuple):
    """A message: what is wrong, the same with its numbers, what was found, and what to do; the first three nameless."""

    what: str
    numbered: str
    found: str = ""
    fix: str = ""


def parts_of(message: str, error_type: str, names: Sequence[str] = ()) -> Parts:
    """Split a message as the errors of this package say it; that of another is what is wrong, all of it."""
    if not _is_ours(error_type):
        return Parts(normalised(message, names), normalised(message, names, numbers=True))
    first, *more = without_folders(message).split("; ")
    expected = more.pop(0) if more and more[0].startswith("expected ") else ""
    found = more.pop(0).removeprefix("found ") if more and more[0].startswith("found ") else ""
    what = f"{first}; {expected}" if expected else first
    return Parts(
        normalised(what, names),
        normalised(what, names, numbers=True),
        normalised(found, names),
        shortened("; ".join(more), LONGEST),
    )


def normalised(message: str, names: Sequence[str] = (), *, numbers: bool = False) -> str:
    """Text without names, places and, unless `numbers`, numbers, by which messages of one cause are equal.

    Examples
    --------
    >>> normalised("/data/SC4001.edf: 9 of 10 data records are there")
    '… of … data records are there'
    >>> normalised("C3: no scores after 2024-03-11T23:00:00", ["C3"])
    'no scores after …'
    """
    text = " ".join(message[:LONGEST_READ].split())
    for name in names:
        if name in text:
            text = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", LEFT_OUT, text)
    text = _PLACES.sub(LEFT_OUT, text)
    if not numbers:
        text = _NUMBERS.sub(LEFT_OUT, text)
    return shortened(_WHERE.sub("", _REPEATED.sub(LEFT_OUT, text)), LONGEST)


def known_names(outcome: RecordingOutcome) -> list[str]:
    """Texts that name a recording in its messages, longest first: the names of its files, its id."""
    files = [PurePosixPath(str(each["name"])) for each in outcome.inputs.values() if each.get("name")]
    names = {file.name for file in files}
    # A short word may be one of any message, too.
    names |= {
        name for name in (*(file.stem for file in files), outcome.recording_id) if len(name) > 3 or _has_digit(name)
    }
    return sorted(names - {""}, key=lambda name: (-len(name), name))


def without_folders(message: str) -> str:
    """Message with the names of files instead of their paths, which are of interest on one machine only."""
    message = message[:LONGEST_READ]
    return _PLACES.sub(lambda found: found[0].rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1], message)


def first_ids(ids: Iterable[str], most: int = MOST_IDS) -> tuple[str, ...]:
    """First ids as the page shows them."""
    return tuple(shortened(each, 60) for each, _ in zip(ids, range(most), strict=False))


def _cause(error_type: str, what: str, members: list[tuple[RecordingOutcome, Parts]]) -> Cause:
    outcome, parts = members[0]
    found = Counter(each.found for _, each in members if each.found)
    listed = tuple(sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST_FOUND])
    same = all(each.numbered == parts.numbered for _, each in members)
    return Cause(
        error_type=error_type,
        what=(parts.numbered if same else what) or "(no message)",
        count=len(members),
        ids=first_ids(each.recording_id for each, _ in members),
        example=shortened(without_folders(outcome.message), LONGEST),
        found=listed,
        other_found=found.total() - sum(count for _, count in listed),
        fix=parts.fix or _ADVICE.get(error_type) or (_LOOK if outcome.traceback else _DIAGNOSE),
    )


def _is_ours(error_type: str) -> bool:
    cls = getattr(errors, error_type, None)
    return isinstance(cls, type) and issubclass(cls, errors.SleepdaskError)


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)
