"""What the recordings of a study hold: channels, stages, hours, coverage, and what was odd about their files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from statistics import median

from sleepdask.hypnogram import STAGES, UNSCORED
from sleepdask.study.causes import MOST_IDS, first_ids, known_names, normalised, without_folders
from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.reporting.amounts import Amounts, Bins, amounts, bins
from sleepdask.viz.style import shortened

MOST_CHANNELS, MOST_KINDS, MOST_REASONS, MOST_LEAST = 40, 25, 3, 5
LONGEST_NAME = 60


@dataclass(frozen=True)
class Channel:
    """One channel: in how many recordings it has values, is there without any, is not there; which lack it, and why."""

    name: str
    values: int
    invalid: int
    absent: int
    ids: tuple[str, ...]
    reasons: tuple[tuple[str, int], ...]

    @property
    def lacking(self) -> int:
        """Number of recordings in which it has no values."""
        return self.invalid + self.absent


@dataclass(frozen=True)
class Stage:
    """One stage ("" is not scored): its epochs, the recordings that have it, and its median share of a recording."""

    name: str
    epochs: int
    recordings: int
    median_share: float


@dataclass(frozen=True)
class Kind:
    """One kind of remark about recordings: text, in how many, an example, and the first of them."""

    text: str
    count: int
    example: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Coverage:
    """Share of expected samples that a node has: the mean of its recordings, and those that have least."""

    node: str
    recordings: int
    mean: float
    least: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Quality:
    """All of it; `recordings` have features, and what is said is of them, but remarks are of all that were run."""

    recordings: int
    channels: tuple[Channel, ...]
    other_channels: int
    epochs: int
    epochs_failed: int
    recordings_with_failed: int
    stages: tuple[Stage, ...]
    scored: int
    hours: Amounts
    hours_bins: Bins | None
    shortest: tuple[tuple[str, float], ...]
    coverage: tuple[Coverage, ...]
    findings: tuple[Kind, ...]
    other_findings: int
    notes: tuple[Kind, ...]
    other_notes: int


def quality(outcomes: Sequence[RecordingOutcome], coverage: Mapping[str, Mapping[str, float]] | None = None) -> Quality:
    """Gather it from outcomes, and from the mean coverage of each node of each recording, if that is known."""
    done = [each for each in outcomes if each.has_features]
    channels = channel_table(done)
    findings = kinds(outcomes, lambda outcome: outcome.findings)
    notes = kinds(outcomes, lambda outcome: outcome.notes)
    hours = [each.hours for each in done]
    shortest = sorted((each.hours, each.recording_id) for each in done)[:5] if len(done) > 1 else []
    return Quality(
        recordings=len(done),
        channels=tuple(channels[:MOST_CHANNELS]),
        other_channels=len(channels[MOST_CHANNELS:]),
        epochs=sum(each.epochs for each in done),
        epochs_failed=sum(each.epochs_failed for each in done),
        recordings_with_failed=sum(each.epochs_failed > 0 for each in done),
        stages=stage_table(done),
        scored=sum(_is_scored(each.stages) for each in done),
        hours=amounts(hours),
        hours_bins=bins(hours),
        shortest=tuple((shortened(name, LONGEST_NAME), length) for length, name in shortest),
        coverage=coverage_table(coverage or {}),
        findings=tuple(findings[:MOST_KINDS]),
        other_findings=len(findings[MOST_KINDS:]),
        notes=tuple(notes[:MOST_KINDS]),
        other_notes=len(notes[MOST_KINDS:]),
    )


def channel_table(done: Sequence[RecordingOutcome]) -> list[Channel]:
    """All channels, those that most recordings have first.

    Examples
    --------
    >>> night = RecordingOutcome("a", channels=("C3",), invalid_channels={"C4": "is flat"})
    >>> [(each.name, each.values, each.invalid, each.absent, each.reasons) for each in channel_table([night])]
    [('C3', 1, 0, 0, ()), ('C4', 0, 1, 0, (('is flat', 1),))]
    """
    values, invalid, named = Counter[str](), Counter[str](), set[str]()
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for each in done:
        values.update(set(each.channels))
        invalid.update(set(each.invalid_channels) - set(each.channels))
        named.update(each.missing_channels)
        for name, reason in each.invalid_channels.items():
            reasons[name][normalised(reason, [*known_names(each), name])] += 1
    names = sorted({*values, *invalid, *named}, key=lambda name: (-values[name], -invalid[name], name))
    return [
        Channel(
            name=shortened(name, LONGEST_NAME),
            values=values[name],
            invalid=invalid[name],
            absent=len(done) - values[name] - invalid[name],
            ids=first_ids(each.recording_id for each in done if name not in each.channels)
            if rank < MOST_CHANNELS
            else (),
            reasons=tuple(sorted(reasons[name].items(), key=lambda item: (-item[1], item[0]))[:MOST_REASONS]),
        )
        for rank, name in enumerate(names)
    ]


def stage_table(done: Iterable[RecordingOutcome]) -> tuple[Stage, ...]:
    """Stages in the order of the AASM, then others by name, then what is not scored."""
    epochs, recordings = Counter[str](), Counter[str]()
    shares: dict[str, list[float]] = defaultdict(list)
    scored = [dict(each.stages) for each in done]
    for stages in scored:
        epochs.update(stages)
        recordings.update(name for name, count in stages.items() if count)
    names = [*STAGES, *sorted(set(epochs) - {*STAGES, UNSCORED}), UNSCORED]
    for stages in filter(_is_scored, scored):
        total = sum(count for name, count in stages.items() if name != UNSCORED)
        for name in names:
            shares[name].append(stages.get(name, 0) / total)
    return tuple(
        Stage(shortened(name, 20), epochs[name], recordings[name], median(shares[name]) if shares[name] else 0.0)
        for name in names
        if epochs[name]
    )


def coverage_table(coverage: Mapping[str, Mapping[str, float]]) -> tuple[Coverage, ...]:
    """Coverage of nodes, from that of each recording by node.

    Examples
    --------
    >>> coverage_table({"a": {"100Hz": 1.0}, "b": {"100Hz": 0.5}})
    (Coverage(node='100Hz', recordings=2, mean=0.75, least=(('b', 0.5),)),)
    """
    nodes: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for name, shares in coverage.items():
        for node, share in shares.items():
            nodes[node].append((share, shortened(name, LONGEST_NAME)))
    return tuple(
        Coverage(
            node=shortened(node, LONGEST_NAME),
            recordings=len(shares),
            mean=fsum(share for share, _ in shares) / len(shares),
            least=tuple((name, share) for share, name in sorted(shares)[:MOST_LEAST] if share < 1),
        )
        for node, shares in sorted(nodes.items())
    )


def kinds(
    outcomes: Iterable[RecordingOutcome], texts: Callable[[RecordingOutcome], Iterable[str]], most: int = MOST_IDS
) -> list[Kind]:
    """Group remarks that differ in names, places and numbers only; the most frequent first."""
    groups: dict[str, tuple[str, list[str]]] = {}
    for outcome in outcomes:
        names = known_names(outcome)
        for text in texts(outcome):
            key = normalised(text, names)
            if key not in groups:
                groups[key] = (shortened(without_folders(text), 300), [])
            ids = groups[key][1]
            if not ids or ids[-1] != outcome.recording_id:
                ids.append(outcome.recording_id)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1][1]), item[0]))
    return [Kind(text or example, len(ids), example, first_ids(ids, most)) for text, (example, ids) in ordered]


def _is_scored(stages: Mapping[str, int]) -> bool:
    return any(count for name, count in stages.items() if name != UNSCORED)
