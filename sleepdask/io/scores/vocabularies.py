"""What the labels of each program mean in AASM stages; `UNSCORED` is known to mean that there is none.

Rechtschaffen & Kales stages 3 and 4 are N3, and movement time has no AASM stage: Iber et al. 2007, The AASM Manual.
Keys are lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sleepdask.errors import ParameterError
from sleepdask.hypnogram import UNSCORED, stage_of
from sleepdask.io.scores.file import ScoreFile

# Words and letters as people and most programs write them.
WORDS = {
    "w": "W", "wake": "W", "awake": "W", "wk": "W", "s0": "W", "stage 0": "W", "stage w": "W",
    "n1": "N1", "s1": "N1", "nrem1": "N1", "nrem 1": "N1", "stage 1": "N1", "stage n1": "N1",
    "n2": "N2", "s2": "N2", "nrem2": "N2", "nrem 2": "N2", "stage 2": "N2", "stage n2": "N2",
    "n3": "N3", "s3": "N3", "nrem3": "N3", "nrem 3": "N3", "stage 3": "N3", "stage n3": "N3",
    "n4": "N3", "s4": "N3", "nrem4": "N3", "nrem 4": "N3", "stage 4": "N3",
    "r": "R", "rem": "R", "stage r": "R", "stage rem": "R",
    "?": UNSCORED, "uns": UNSCORED, "unscored": UNSCORED, "unknown": UNSCORED, "undefined": UNSCORED,
    "art": UNSCORED, "artefact": UNSCORED, "artifact": UNSCORED,
    "mt": UNSCORED, "movement": UNSCORED, "movement time": UNSCORED,
}  # fmt: skip
# Words that name an event as well: beside other events they are none of the stages.
_EVENTS_TOO = {"?", "unknown", "undefined", "art", "artefact", "artifact", "movement"}
NOTHING = {"": UNSCORED, "n/a": UNSCORED, "nan": UNSCORED, "none": UNSCORED}

# Integers: YASA (https://yasa-sleep.org) and most AASM lists, and lists after Rechtschaffen & Kales such as Elan's.
_BOTH = {"-2": UNSCORED, "-1": UNSCORED, "0": "W", "1": "N1", "2": "N2", "3": "N3", "9": UNSCORED}
INTEGERS = {
    "aasm": _BOTH | {"4": "R"},
    "r&k": _BOTH | {"4": "N3", "5": "R", "6": UNSCORED},
}

# Compumedics Profusion, as the tools of the National Sleep Research Resource (https://sleepdata.org) read it.
PROFUSION = {
    "0": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "5": "R", "6": UNSCORED, "9": UNSCORED,
}  # fmt: skip
NSRR = {
    "wake|0": "W", "stage 1 sleep|1": "N1", "stage 2 sleep|2": "N2", "stage 3 sleep|3": "N3",
    "stage 4 sleep|4": "N3", "rem sleep|5": "R", "movement|6": UNSCORED, "unscored|9": UNSCORED,
}  # fmt: skip
REMLOGIC = {
    "w": "W", "n1": "N1", "n2": "N2", "n3": "N3", "r": "R", "rem": "R", "unscored": UNSCORED,
    "sleep-s0": "W", "sleep-s1": "N1", "sleep-s2": "N2", "sleep-s3": "N3", "sleep-s4": "N3", "sleep-rem": "R",
    "sleep-mt": UNSCORED, "sleep-unscored": UNSCORED,
}  # fmt: skip
# Noxturnal names its events in the language of the program: names of its own, English, French.
NOXTURNAL = {
    "sleep-wake": "W", "sleep-n1": "N1", "sleep-n2": "N2", "sleep-n3": "N3", "sleep-rem": "R",
    "sleep-unscored": UNSCORED,
    "wake": "W", "n1": "N1", "n2": "N2", "n3": "N3", "rem": "R", "unscored": UNSCORED,
    "éveil": "W",
}  # fmt: skip

_INTEGER = re.compile(r"[+-]?\d{1,3}(\.0*)?(e[+-]?0+)?", re.IGNORECASE)
_STATED = re.compile(r"(-?\d)\s*[:=]\s*([A-Za-z][A-Za-z0-9]*)")


def integer_of(label: str) -> str | None:
    """Integer that a label is, also one written as 2.0 or 2.000e+00; None for a word."""
    return str(int(float(label))) if _INTEGER.fullmatch(label) else None


def word_stage(label: str) -> str | None:
    """AASM stage of a word in any of the vocabularies of words; None if none knows it."""
    key = " ".join(label.lower().replace("_", " ").split())
    known = WORDS.get(key, REMLOGIC.get(key, NSRR.get(key)))
    return stage_of(label) if known is None else known


def event_stage(label: str) -> str | None:
    """AASM stage of a word among events of all kinds; None if it names another event, or could."""
    return None if label.strip().lower() in _EVENTS_TOO else word_stage(label)


def vendor_stage(label: str, table: Mapping[str, str]) -> tuple[bool, str | None]:
    """Whether an event of a program is a score, by its table or its name such as SLEEP-S1, and of which stage."""
    key = label.lower()
    return key in table or key.startswith("sleep-"), table.get(key)


def column_stages(
    labels: Iterable[str], file: ScoreFile, vocabulary: str | None, said: str = ""
) -> dict[str, str | None]:
    """AASM stage of each label of a column or list of stages, whether words or integers.

    Parameters
    ----------
    labels
        The different labels.
    vocabulary
        ``"aasm"`` (4 is REM) or ``"r&k"`` (4 is a deep stage, 5 REM), for integers; None: what the labels prove.
    said
        Comments of the file, which may say what its integers mean, as YASA's do.

    Raises
    ------
    FileFormatError
        There is a 4 and no 5, so that 4 could be REM or stage 4, and nothing says which.
    """
    integers = {label: integer for label in labels if (integer := integer_of(label)) is not None}
    table = INTEGERS[_vocabulary(set(integers.values()), file, vocabulary, said)]
    words = {label: NOTHING.get(label.lower(), word_stage(label)) for label in labels if label not in integers}
    return words | {label: table.get(integer) for label, integer in integers.items()}


def check_vocabulary(vocabulary: str | None) -> None:
    """Refuse a name that is no vocabulary of integers, as a `ParameterError`."""
    if vocabulary is not None and vocabulary not in INTEGERS:
        raise ParameterError("unknown vocabulary", expected=" or ".join(INTEGERS), found=repr(vocabulary))


def _vocabulary(integers: set[str], file: ScoreFile, vocabulary: str | None, said: str) -> str:
    if vocabulary is None:
        vocabulary = _stated_vocabulary(said, file)
    if vocabulary is None and "4" in integers and "5" not in integers:
        raise file.refusal(
            "the integer 4 could be REM (AASM) or stage 4 (Rechtschaffen & Kales)",
            expected="a 5 beside it, or a comment that says what 4 means",
            fix="say vocabulary='aasm' or vocabulary='r&k'",
        )
    return vocabulary or ("r&k" if "5" in integers else "aasm")


def _stated_vocabulary(said: str, file: ScoreFile) -> str | None:
    """Vocabulary of a comment such as ``0: Wake, 1: N1, 2: N2, 3: N3, 4: REM``; None if there is none."""
    stated = {number: word_stage(word) for number, word in _STATED.findall(said)}
    stated = {number: stage for number, stage in stated.items() if stage is not None}
    if not stated:
        return None
    fitting = [name for name, table in INTEGERS.items() if _agrees(stated, table)]
    if not fitting:
        raise file.refusal("the integers mean what no vocabulary says", expected=" or ".join(INTEGERS))
    return fitting[0] if len(fitting) == 1 else None


def _agrees(stated: Mapping[str, str | None], table: Mapping[str, str]) -> bool:
    return all(table.get(number) == stage for number, stage in stated.items())
