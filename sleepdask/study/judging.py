"""Whether the features of a recording are whole: its status, in numbers and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from sleepdask.features import task
from sleepdask.hypnogram import stage_counts
from sleepdask.io.tables import feature_names, feature_nodes
from sleepdask.study.outcome import FAILED, OK, PARTIAL, RecordingOutcome

_FAILED_EPOCH = task.STATUSES[task.FAILED]
_ABSENT = "missing_fraction"  # the one feature that has a value because there are no samples
_MOST = 3  # reasons in a message


def judged(
    outcome: RecordingOutcome, features: xr.DataTree, missing: Sequence[str], invalid: Mapping[str, str]
) -> RecordingOutcome:
    """Outcome of a recording whose features were computed.

    A channel is invalid if none of its features has a value in any epoch. One that the study asks for and the recording
    does not have is missing, which is no failure.
    """
    valid, broken = [], dict(invalid)
    failures: Counter[str] = Counter()
    failed = np.zeros(features.sizes["epoch"], bool)
    for node in feature_nodes(features).values():
        has_value = np.zeros(node.sizes["channel"], bool)
        for name in feature_names(node):
            values = node.variables[name].transpose("epoch", "channel").values
            has_value |= (values < 1 if name == _ABSENT else np.isfinite(values)).any(axis=0)
        for k, channel in enumerate(node["channel"].values.tolist()):
            if has_value[k]:
                valid.append(channel)
            else:
                broken[channel] = _reason(node, k)
        bad = node["status"].values == _FAILED_EPOCH
        failures.update(node["reason"].values[bad].tolist())
        failed |= bad
    outcome = outcome.but(
        epochs=features.sizes["epoch"],
        epochs_failed=int(failed.sum()),
        channels=tuple(valid),
        missing_channels=tuple(missing),
        invalid_channels=broken,
        stages={stage: count for stage, count in stage_counts(features["stage"].values).items() if count},
        hours=_hours(features),
        coverage={name: round(float(node["coverage"].mean()), 6) for name, node in feature_nodes(features).items()},
        notes=tuple(features.attrs["notes"]),
        findings=tuple(features.attrs["findings"]),
    )
    if not broken and not failures:
        return outcome.but(status=OK)
    said = [f"{reason}: {', '.join(names)}" for reason, names in _by_reason(broken).items()]
    said += [f"{count} epochs failed: {reason}" for reason, count in failures.most_common(_MOST)]
    kind = "InvalidChannels" if broken else "FailedEpochs"
    if not valid:
        return outcome.but(status=FAILED, error_type=kind, message=f"no channel has a value; {'; '.join(said)}")
    what = f"{len(broken)} of {len(valid) + len(broken)} channels have no value; " if broken else ""
    return outcome.but(status=PARTIAL, error_type=kind, message=what + "; ".join(said))


def _reason(node: xr.Dataset, channel: int) -> str:
    if "uncalibrated" in node.coords and (reason := str(node["uncalibrated"].values[channel])):
        return reason
    reasons = Counter(reason for reason in node["reason"].values.tolist() if reason)
    return reasons.most_common(1)[0][0] if reasons else "no epoch has a value"


def _by_reason(broken: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, reason in broken.items():
        grouped.setdefault(reason, []).append(name)
    return grouped


def _hours(features: xr.DataTree) -> float:
    step, window = features.attrs["step_seconds"], features.attrs["epoch_seconds"]
    return float(round(((features.sizes["epoch"] - 1) * step + window) / 3600, 4))
