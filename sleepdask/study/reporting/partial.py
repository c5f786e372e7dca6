"""Why recordings of a study are partial: channels without values, epochs that failed, or what their messages say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sleepdask.study.causes import Causes, causes, first_ids, known_names, normalised
from sleepdask.study.outcome import PARTIAL, RecordingOutcome
from sleepdask.viz.style import shortened

MOST_LACKS = 30


@dataclass(frozen=True)
class Lack:
    """One channel without values for one reason: in how many recordings, and the first of them."""

    channel: str
    reason: str
    count: int
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Partial:
    """Lacking channels, the most frequent first; recordings with failed epochs; and what else their messages say."""

    count: int
    lacks: tuple[Lack, ...]
    other_lacks: int
    recordings_with_failed: int
    epochs_failed: int
    epochs: int
    others: Causes


def partial(outcomes: Iterable[RecordingOutcome]) -> Partial:
    """Gather it from the outcomes that are partial.

    Examples
    --------
    >>> night = RecordingOutcome("a", "partial", missing_channels=("EMG",), invalid_channels={"C4": "is flat"})
    >>> [(lack.channel, lack.reason) for lack in partial([night]).lacks]
    [('C4', 'is flat'), ('EMG', 'not in the recording')]
    """
    members = [each for each in outcomes if each.status == PARTIAL]
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in members:
        names = known_names(each) if each.invalid_channels else []
        for channel, reason in each.invalid_channels.items():
            groups[channel, normalised(reason, [*names, channel]) or "no values"].append(each.recording_id)
        for channel in each.missing_channels:
            groups[channel, "not in the recording"].append(each.recording_id)
    failed = [each for each in members if each.epochs_failed]
    unsaid = [each for each in members if not (each.invalid_channels or each.missing_channels or each.epochs_failed)]
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    lacks = [Lack(shortened(key[0], 60), key[1], len(ids), first_ids(ids)) for key, ids in ordered]
    return Partial(
        count=len(members),
        lacks=tuple(lacks[:MOST_LACKS]),
        other_lacks=len(lacks[MOST_LACKS:]),
        recordings_with_failed=len(failed),
        epochs_failed=sum(each.epochs_failed for each in failed),
        epochs=sum(each.epochs for each in failed),
        others=causes(unsaid),
    )
