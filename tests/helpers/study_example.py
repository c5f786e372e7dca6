"""A study as it might be: outcomes, entries, plan and summary of a cohort, made from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sleepdask.features import create
from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.table import Entry

WRITTEN = datetime(2026, 3, 2, 8, 10, tzinfo=UTC)
CHANNELS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "EMG submental", "Resp oro-nasal", "SpO2")
STAGES = ("W", "N1", "N2", "N3", "R")
FEATURES: tuple[dict[str, Any], ...] = (
    {"feature": "bandpower", "version": 1, "parameters": {"preset": "default", "segment": 4.0, "average": "mean"}},
    {"feature": "hjorth", "version": 1, "parameters": {}},
    {"feature": "statistics", "version": 1,
     "parameters": {"aggregations": ["mean", "std", "kurtosis", "missing_fraction"], "ddof": 1}},
)  # fmt: skip
FAILURES = (
    ("FileFormatError", "{id}.edf: is empty; get the file again from where it was recorded"),
    ("FileFormatError", "{id}.edf: data records are missing; expected 2650 of 30 s; found {n}; "
     "get the file again, or read it with the policy 'repair'"),
    ("FileFormatError", "{id}.edf, bytes 168 to 176: is no date; expected dd.mm.yy; found '{label}'; "
     "correct it, or read it with the policy 'repair': the recording has no date"),
    ("ParameterError", "{id}-hypnogram.edf: scores and recording do not overlap; expected a start near "
     "2024-03-11T23:{m:02}:00; found 2023-03-11T23:{m:02}:00; give both the same date"),
    ("PermissionError", "[Errno 13] Permission denied: '{id}.edf'"),
    ("ValueError", "could not broadcast input array from shape ({n},) into shape (3000,)"),
)  # fmt: skip
LEVELS = {"eeg": 60.0, "eog": 90.0, "emg": 8.0, "resp": 300.0, "spo2": 95.0}


@dataclass(frozen=True)
class Example:
    """What a report is made of."""

    outcomes: list[RecordingOutcome]
    entries: list[Entry]
    plan: dict[str, Any]
    summary: pd.DataFrame | None

    def data(self, **options: Any) -> Any:
        from sleepdask.study.reporting.report import report_data

        rng = random.Random(2)
        coverage = {each.recording_id: {"100Hz": min(1.0, rng.gauss(1.01, 0.01)), "1Hz": 1.0} for each in self.outcomes}
        options = {"location": "sleep-cohort", "written": WRITTEN, "coverage": coverage} | options
        return report_data(self.outcomes, self.entries, self.plan, self.summary, **options)


def example(
    recordings: int = 500,
    *,
    pending: int = 0,
    groups: Sequence[str] = ("control", "insomnia"),
    scored: bool = True,
    seed: int = 1,
) -> Example:
    """Make a study of so many recordings, of which the last `pending` are not yet done."""
    rng = random.Random(seed)
    entries = [
        Entry(
            f"SC{4000 + k}",
            (f"/srv/psg/SC{4000 + k}.edf",),
            f"/srv/psg/SC{4000 + k}-hypnogram.edf" if scored else None,
            covariates={"group": groups[k % len(groups)], "age": rng.randint(18, 90)} if groups else {},
        )
        for k in range(recordings)
    ]
    outcomes = [_outcome(entry, rng, scored) for entry in entries[: recordings - pending]]
    done = [each for each in outcomes if each.has_features]
    by = (["stage"] if scored else []) + (["group"] if groups else [])
    return Example(outcomes, entries, plan(), summary(by, groups, len(done), seed) if done else None)


def plan() -> dict[str, Any]:
    """The document ``study.json``."""
    columns: dict[str, dict[str, str]] = {}
    for channel in CHANNELS:
        for each in FEATURES:
            parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in each["parameters"].items()}
            if each["feature"] != "statistics" and not channel.startswith("E"):
                continue
            for output in create(each["feature"], parameters).outputs:
                units = output.units.replace("{unit}", "%" if channel == "SpO2" else "uV")
                columns[f"{channel}/{output.name}"] = {
                    "units": units,
                    "definition": output.definition,
                    "reference": output.reference,
                }
    return {
        "format": 1,
        "title": "Sleep in insomnia, cohort 2",
        "created": "2026-03-01T14:02:11+00:00",
        "command": ["sleepdask", "study", "run", "recordings.csv", "-o", "sleep-cohort", "--features",
                    "bandpower,hjorth,statistics:aggregations=mean+std+kurtosis+missing_fraction", "--workers", "16"],
        "versions": {"python": "3.13.2", "sleepdask": "0.1.0", "numpy": "2.4.1", "numba": "0.63.1",
                     "xarray": "2026.2.0", "dask": "2026.1.1", "pandas": "3.0.1", "pyarrow": "23.0.0"},
        "features": [dict(each) for each in FEATURES],
        "options": {"epoch": "30s", "origin": "hypnogram", "min_coverage": 0.5},
        "policy": "warn",
        "timezone": "Europe/Berlin",
        "dtype": None,
        "harmonisation": {"table": None, "montage": {}, "wanted": list(CHANNELS), "units": {"eeg": "uV"}},
        "columns": columns,
        "schema": dict.fromkeys(columns, "double"),
    }  # fmt: skip


def summary(by: Sequence[str], groups: Sequence[str], recordings: int, seed: int = 1) -> pd.DataFrame:
    """Long table of plausible distributions, as `summarise` gives them."""
    rng = np.random.default_rng(seed)
    rows = []
    places: list[dict[str, Any]] = [{}]
    if "stage" in by:
        places = [{"stage": stage} for stage in (*STAGES, "")]
    if "group" in by:
        places = [{**place, "group": group} for place in places for group in sorted(groups)]
    for column, about in plan()["columns"].items():
        channel, output = column.rsplit("/", 1)
        for place in places:
            rows.append({**place, "column": column} | _numbers(channel, output, about, place, recordings, rng))
    order = [
        *by,
        "column",
        "recordings",
        "epochs",
        "mean",
        "std",
        "std_between",
        "min",
        "q05",
        "q25",
        "q50",
        "q75",
        "q95",
        "max",
    ]
    return pd.DataFrame(rows)[order]


def _outcome(entry: Entry, rng: random.Random, scored: bool) -> RecordingOutcome:
    hours = max(0.4, rng.gauss(8.1, 0.9)) if rng.random() > 0.01 else 21.5
    epochs = int(hours * 120)
    outcome = RecordingOutcome(
        entry.recording_id,
        seconds=rng.lognormvariate(1.6, 0.35) * hours / 8,
        peak_memory=int(rng.gauss(420, 40)) * 2**20,
        bytes_read=int(hours * 5.4e6),
        worker=f"tcp://10.0.0.{rng.randint(11, 14)}:4{rng.randint(1, 4)}000",
        epochs=epochs,
        hours=hours,
        inputs={role: {"name": Path(path).name, "size": 10} for role, path in entry.inputs.items()},
        channels=CHANNELS,
        stages=_stages(epochs, rng) if scored and rng.random() > 0.02 else {"": epochs},
        findings=("header: the version is '0 ', with a tab; read as 0",) if rng.random() < 0.04 else (),
        notes=(f"{rng.randint(1, 29)} s at the end are no whole epoch: left out",) if rng.random() < 0.4 else (),
        attempts=2 if rng.random() < 0.01 else 1,
    )
    chance = rng.random()
    if chance < 0.022:
        kind, message = FAILURES[min(int(rng.expovariate(0.7)), len(FAILURES) - 1)]
        text = message.format(id=entry.recording_id, n=rng.randint(10, 2600), m=rng.randint(0, 59),
                              label=rng.choice(("00.00.00", "XX.XX.XX")))  # fmt: skip
        return outcome.but(status="failed", error_type=kind, message=text, epochs=0, hours=0.0, channels=(), stages={},
                           notes=(), findings=(), seconds=0.2)  # fmt: skip
    if chance < 0.026:
        message = f"{entry.recording_id}: its worker died 3 times"
        return outcome.but(status="lost", error_type="WorkerLostError", message=message, attempts=3, epochs=0,
                           hours=0.0, channels=(), stages={}, notes=(), findings=())  # fmt: skip
    if chance < 0.045:
        name = rng.choice(CHANNELS[3:])
        return outcome.but(status="partial", missing_channels=(name,), message=f"{name} is not there",
                           channels=tuple(each for each in CHANNELS if each != name))  # fmt: skip
    if chance < 0.055:
        name, level = "EMG submental", rng.randint(0, 9)
        reason = f"{entry.recording_id}.edf, {name}: physical minimum and maximum are both {level}"
        return outcome.but(status="partial", invalid_channels={name: reason}, message=f"{name} has no values",
                           channels=tuple(each for each in CHANNELS if each != name),
                           findings=(*outcome.findings, f"{name}: has no scale; its values are missing"))  # fmt: skip
    if chance < 0.06:
        return outcome.but(status="partial", epochs_failed=rng.randint(3, 60), message="epochs failed")
    return outcome


def _stages(epochs: int, rng: random.Random) -> dict[str, int]:
    shares = [max(0.0, rng.gauss(mean, 0.03)) for mean in (0.16, 0.06, 0.42, 0.16, 0.17)]
    counts = {name: round(share / sum(shares) * epochs * 0.98) for name, share in zip(STAGES, shares, strict=True)}
    return counts | {"": max(0, epochs - sum(counts.values()))}


def _numbers(
    channel: str, output: str, about: dict[str, str], place: dict[str, Any], recordings: int, rng: np.random.Generator
) -> dict[str, Any]:
    depth = {"W": 0.0, "N1": 0.3, "N2": 0.7, "N3": 1.0, "R": 0.25}.get(str(place.get("stage")), 0.5)
    shift = 0.06 if place.get("group") == "insomnia" else 0.0
    level = LEVELS.get(channel.split()[0].lower(), 40.0)
    log = about["units"].endswith("^2")
    if log:
        slow = "delta" in output or "theta" in output
        center = math.log(level) + (2.6 * depth if slow else -0.8 * depth) + shift
        low, middle, high = (math.exp(center + z) for z in (-0.55, 0, 0.55))
        first, last = math.exp(center - 1.4), math.exp(center + 1.5)
    else:
        scale = 1.0 if about["units"] == "1" else level / 10
        center = scale * (0.45 + (0.35 if "delta" in output or "complexity" in output else -0.25) * (depth + shift))
        low, middle, high, first, last = (center + scale * z for z in (-0.07, 0, 0.08, -0.16, 0.2))
    wobble = 1 + 0.02 * float(rng.standard_normal())
    q = [wobble * value for value in (first, low, middle, high, last)]
    return {
        "recordings": recordings // 2 if place.get("group") else recordings,
        "epochs": int(recordings * 900 * {"N2": 0.42, "N1": 0.06}.get(str(place.get("stage")), 0.16)),
        "mean": q[2] * 1.05, "std": q[3] - q[1], "std_between": (q[3] - q[1]) / 2, "min": q[0] * 0.2,
        "q05": q[0], "q25": q[1], "q50": q[2], "q75": q[3], "q95": q[4], "max": q[4] * 3,
    }  # fmt: skip
