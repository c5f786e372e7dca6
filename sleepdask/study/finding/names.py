"""What names of files say: the name of the night without the words that tell what kind of file it is, and ids."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from sleepdask.study.table import folded_id, is_safe_id

SCORE_SUFFIXES = (".xml", ".txt", ".csv", ".tsv", ".hyp", ".annot")
RECORDING_SUFFIXES = (".edf.gz", ".bdf.gz", ".edf", ".bdf", ".rec")
_SUFFIXES = (*RECORDING_SUFFIXES, ".zarr", *SCORE_SUFFIXES)
SCORE_WORDS = frozenset(
    (
        "hypnogram", "hypnograms", "hypno", "hyp", "stage", "stages", "staging", "sleepstage", "sleepstages",
        "score", "scores", "scored", "scoring", "event", "events", "annotation", "annotations", "annot",
        "profusion", "nsrr",
    )
)  # fmt: skip
RECORDING_WORDS = frozenset(
    (
        "psg", "polysomnography", "polysomnogram", "eeg", "edf", "edfs", "bdf", "rec", "recording",
        "recordings", "signal", "signals", "raw", "xml",
    )
)  # fmt: skip
FOLDER_WORDS = frozenset(("data", "rawdata", "sourcedata", "derivatives"))
_ROLES = SCORE_WORDS | RECORDING_WORDS
_SLEEP = "sleep"  # is a word of kind before one of scores only: sleep_stages, but task-sleep
_SEPARATORS = re.compile(r"([_\-. ]+)")
_BIDS = re.compile(r"(sub-[A-Za-z0-9+]+(?:_[A-Za-z]+-[A-Za-z0-9+]+)*)(?:_[A-Za-z0-9]+)?")
_DERIVATIVES = "derivatives"


def stem(name: str) -> str:
    """Name of a file without a suffix of recordings or scores."""
    suffix = next((each for each in _SUFFIXES if name.lower().endswith(each) and len(name) > len(each)), "")
    return name[: len(name) - len(suffix)]


def entities(name: str) -> str:
    """What a BIDS name says of its file, such as ``sub-01_ses-1_task-sleep``; empty if it is no such name."""
    found = _BIDS.fullmatch(stem(name))
    return found[1] if found else ""


def night_name(name: str) -> str:
    """Name of a file without its suffix and the words that tell its kind; empty if it has no others.

    Examples
    --------
    >>> night_name("SC4001E0-PSG.edf"), night_name("shhs1-200001-nsrr.xml"), night_name("psg.edf")
    ('SC4001E0', 'shhs1-200001', '')
    >>> night_name("sub-01_ses-1_task-sleep_eeg.edf")
    'sub-01_ses-1_task-sleep'
    """
    return entities(name) or _without_words(stem(name))


def says_scores(name: str) -> bool:
    """Whether a word in the name of a file promises scores."""
    return bool(SCORE_WORDS & {word.casefold() for word in _SEPARATORS.split(stem(name))}) or name.endswith(".hyp")


def folders(path: PurePosixPath) -> tuple[str, ...]:
    """Folders of a path, without those whose names only tell a kind of file, or a BIDS derivative."""
    parts = path.parts[:-1]
    return tuple(part for before, part in zip(("", *parts), parts, strict=False) if not _tells_kind(before, part))


def _tells_kind(before: str, part: str) -> bool:
    made_by_program = before.casefold() == _DERIVATIVES and not part.startswith("sub-")
    return made_by_program or part.casefold() in FOLDER_WORDS or not _without_words(part)


def _without_words(text: str) -> str:
    """Take away words of kind, each with the separator before it."""
    pieces = _SEPARATORS.split(text)
    words, separators = pieces[::2], ["", *pieces[1::2]]
    kept = [
        separator + word
        for k, (separator, word) in enumerate(zip(separators, words, strict=True))
        if not _is_role(words, k)
    ]
    return "".join(kept).strip("_-. ")


def _is_role(words: Sequence[str], k: int) -> bool:
    word, after = words[k].casefold(), words[k + 1].casefold() if k + 1 < len(words) else ""
    return word in _ROLES or (word == _SLEEP and after in SCORE_WORDS)


def recording_ids(paths: Sequence[PurePosixPath], names: Sequence[str]) -> list[str]:
    """Id of each recording: the name of its night, with no more of its path than tells it from the others.

    Parameters
    ----------
    paths
        Relative to the folder that all are in.
    names
        Of the nights; empty where a file is named by words of kind alone: the folder names it then.

    Returns
    -------
    ids
        Safe by `check_ids`, and no two alike. One depends on other recordings only where these have the same name:
        in one folder the whole names of the files tell them apart, in several what differs of the folders.
    """
    wanted = [_safe(name or _named_by_folder(path)) for path, name in zip(paths, names, strict=True)]
    places = [(path.parent, folded_id(name)) for path, name in zip(paths, wanted, strict=True)]
    for group in _repeated(dict(enumerate(places))):
        stems = [_safe(stem(paths[k].name)) for k in group]
        whole = len({folded_id(each) for each in stems}) < len(stems)
        for k, each in zip(group, stems, strict=True):
            wanted[k] = _safe(paths[k].name) if whole else each
    for group in _repeated({k: folded_id(name) for k, name in enumerate(wanted)}):
        for k, prefix in zip(group, _differing([paths[k].parts[:-1] for k in group]), strict=True):
            wanted[k] = _safe("_".join([*prefix, wanted[k]]))
    for group in _repeated({k: folded_id(name) for k, name in enumerate(wanted)}):
        for k in group:
            wanted[k] = _with_digest(wanted[k], str(paths[k]))
    return wanted


def is_named_by_folders(recording_id: str, path: PurePosixPath) -> bool:
    """Whether an id that `recording_ids` gave holds the name of a folder."""
    return folded_id(recording_id) not in {
        folded_id(_safe(own)) for own in (night_name(path.name) or path.name, stem(path.name), path.name)
    }


def _repeated(values: Mapping[int, object]) -> Iterable[list[int]]:
    groups: dict[object, list[int]] = defaultdict(list)
    for k, value in values.items():
        groups[value].append(k)
    return [group for group in groups.values() if len(group) > 1]


def _named_by_folder(path: PurePosixPath) -> str:
    near = next((name for part in reversed(path.parts[:-1]) if (name := _without_words(part))), "")
    return near or stem(path.name)


def _differing(each: Sequence[tuple[str, ...]]) -> list[list[str]]:
    """Fewest last folders of each that tell them apart, without those in which all are alike."""
    depth = next((d for d in range(1, max(map(len, each)) + 1) if len({parts[-d:] for parts in each}) == len(each)), 0)
    depth = depth or max(map(len, each))
    tails = [("",) * (depth - len(parts)) + parts[len(parts) - min(depth, len(parts)) :] for parts in each]
    same = [len(set(column)) == 1 for column in zip(*tails, strict=True)]
    return [[part for part, alike in zip(tail, same, strict=True) if part and not alike] for tail in tails]


def _safe(text: str) -> str:
    """Text that is safe as an id."""
    text = unicodedata.normalize("NFC", text)
    safe = re.sub(r"[^\w .+@-]+", "_", text)
    safe = re.sub(r"^[^\w]+|[. ]+$", "", safe) or "recording"
    return safe if is_safe_id(safe) else _with_digest(safe, text)


def _with_digest(text: str, source: str) -> str:
    while len(text.encode()) > 100:
        text = text[:-1]
    return f"{text.rstrip('. ')}-{hashlib.sha256(source.encode(errors='surrogateescape')).hexdigest()[:8]}"
