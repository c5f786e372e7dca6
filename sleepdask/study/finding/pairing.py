"""Which hypnogram belongs to which recording: rules about names, tried in order; what two would fit is nobody's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sleepdask.findings import Finding
from sleepdask.study.finding.names import entities, folders, night_name, says_scores
from sleepdask.study.table import folded_id

_SLEEP_EDF = re.compile(r"(S[CT]\d{4}[A-Z])[A-Z0-9]", re.IGNORECASE)
_DESCRIPTION = re.compile(r"_desc-[A-Za-z0-9+]+")
Rule = Callable[[PurePosixPath], Hashable | None]


@dataclass(frozen=True)
class Candidate:
    """A file that may be somebody's hypnogram.

    Parameters
    ----------
    path
        Relative to the folder that all files are in.
    format
        Of its scores; empty if it is none that is known.
    trouble
        Why it cannot be read.
    """

    path: PurePosixPath
    format: str = ""
    trouble: str = ""

    @property
    def promises(self) -> bool:
        """Whether its content, or if that is of no known kind its name, says that it holds scores."""
        return bool(self.format) or says_scores(self.path.name)


@dataclass
class Pairs:
    """Hypnograms by the numbers of their recordings, and what was told on the way."""

    hypnograms: dict[int, Candidate] = field(default_factory=dict)
    settled: set[PurePosixPath] = field(default_factory=set)
    preferred: list[PurePosixPath] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def settle(
        self, paths: Mapping[int, PurePosixPath], recordings: Sequence[int], candidates: Sequence[Candidate]
    ) -> None:
        """Give the candidates that fit some recordings to the one that they can only belong to, or to none."""
        self.settled |= {each.path for each in candidates}
        chosen = _chosen(candidates)
        if len(recordings) == 1 and chosen is not None:
            self.hypnograms[recordings[0]] = chosen
            if len(candidates) > 1:
                self.preferred.append(chosen.path)
            if chosen.trouble:
                message = f"its hypnogram {chosen.path} cannot be read as it is: {chosen.trouble}"
                where = str(paths[recordings[0]])
                self.findings.append(
                    Finding("warning", "unreadable-hypnogram", message, "it is in the table nevertheless", where)
                )
            return
        several = _listed(each.path for each in candidates)
        if len(recordings) == 1:
            message, where = f"{several} could each be its hypnogram", str(paths[recordings[0]])
            code, reading = (
                "several-hypnograms",
                "it has none in the table; keep one of them, or write it into the table",
            )
        else:
            message, where = f"could be the hypnogram of {_listed(paths[k] for k in recordings)}", several
            code, reading = "several-recordings", "none of them has it in the table; write it there"
        self.findings.append(Finding("warning", code, message, reading, where))


def same_name(path: PurePosixPath) -> Hashable | None:
    """Folders and name are the same without words of kind: ``edfs/n1-psg.edf``, ``scores/n1_hyp.txt``."""
    return _folded(folders(path)), folded_id(night_name(path.name))


def sleep_edf(path: PurePosixPath) -> Hashable | None:
    """Names of Sleep-EDF share seven characters; the eighth tells the scorer: SC4001E0-PSG, SC4001EC-Hypnogram."""
    found = _SLEEP_EDF.fullmatch(night_name(path.name))
    return (_folded(folders(path)), found[1].upper()) if found else None


def bids(path: PurePosixPath) -> Hashable | None:
    """Entities of BIDS are those of the recording, but for the description of a derivative (``_desc-yasa``)."""
    said = entities(path.name)
    return (_folded(folders(path)), _DESCRIPTION.sub("", said)) if said else None


RULES: tuple[Rule, ...] = (same_name, sleep_edf, bids)


def pair(paths: Mapping[int, PurePosixPath], candidates: Sequence[Candidate]) -> Pairs:
    """Find the hypnogram of each recording, given the path of each by number.

    The first rule by which anything fits a recording decides. Of two candidates that fit, NSRR XML goes before
    Profusion XML of the same night; any others are as good, and the recording has none.
    """
    pairs = Pairs()
    left = set(paths)
    for rule in RULES:
        fitting: dict[Hashable, list[Candidate]] = defaultdict(list)
        for each in candidates:
            if each.promises and each.path not in pairs.settled and (key := rule(each.path)) is not None:
                fitting[key].append(each)
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for number in sorted(left):
            if (key := rule(paths[number])) is not None and key in fitting:
                groups[key].append(number)
        for key, recordings in groups.items():
            pairs.settle(paths, recordings, fitting[key])
            left -= set(recordings)
    return pairs


def _chosen(candidates: Sequence[Candidate]) -> Candidate | None:
    if len(candidates) == 1:
        return candidates[0]
    first = [each for each in candidates if each.format == "nsrr"]
    others = {each.format for each in candidates} - {"nsrr"}
    return first[0] if len(first) == 1 and others == {"profusion"} else None


def _folded(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(folded_id, parts))


def _listed(paths: Iterable[PurePosixPath]) -> str:
    return " and ".join(map(str, paths))
