"""Small cohorts of synthetic nights, and what a study made of them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import cloudpickle
import edfio
import numpy as np
import pandas as pd
import pytest

import sleepdask as sd
from sleepdask.features import Feature
from sleepdask.features.base import Output
from sleepdask.features.registry import register
from sleepdask.simulate import Channel, simulate_night
from sleepdask.study import Study

FEATURES = "statistics,hjorth"
EEG = Channel("F3-M2", "eeg", 64, "uV", (-500.0, 500.0))
EOG = Channel("E1-M2", "eog", 64, "uV", (-500.0, 500.0))
FAST = Channel("F3-M2", "eeg", 128, "uV", (-500.0, 500.0))
SPO2 = Channel("SpO2", "spo2", 1, "%", (0.0, 100.0))
HOURS = 0.1  # twelve epochs


@dataclass(frozen=True)
class Cohort:
    """Nights in a folder: files by id, and their hypnograms."""

    folder: Path
    nights: Mapping[str, Path]
    hypnograms: Mapping[str, Path] = field(default_factory=dict)

    def table(self, path: Path, ids: Sequence[str] | None = None, **columns: Mapping[str, Any]) -> Path:
        """Write the table of these recordings, or some, with more columns."""
        names = list(self.nights) if ids is None else ids
        rows = [
            {
                "recording_id": name,
                "path": os.path.relpath(self.nights[name], path.parent),
                "hypnogram": os.path.relpath(self.hypnograms[name], path.parent) if name in self.hypnograms else "",
            }
            | {column: values.get(name, "") for column, values in columns.items()}
            for name in names
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(path, index=False)
        return path

    def copy(self, folder: Path) -> Cohort:
        """Put the same files somewhere else, where a test may change them."""
        folder.mkdir(parents=True, exist_ok=True)
        copied = {path: folder / path.name for path in (*self.nights.values(), *self.hypnograms.values())}
        for path, new in copied.items():
            new.write_bytes(path.read_bytes())
        return Cohort(
            folder,
            {name: copied[path] for name, path in self.nights.items()},
            {name: copied[path] for name, path in self.hypnograms.items()},
        )


def write_cohort(folder: Path) -> Cohort:
    """Four nights: two alike, one with a channel more and no scores, one at another rate."""
    montages = {"007": (EEG, SPO2), "A1": (EEG, EOG, SPO2), "B 2": (FAST, SPO2), "c-3": (EEG, SPO2)}
    nights, hypnograms = {}, {}
    for seed, (name, montage) in enumerate(montages.items()):
        start = datetime(2024, 3, 11 + seed, 22, 47, 30)
        nights[name], hypnograms[name] = simulate_night(HOURS, seed, montage, start).write(folder, stem=f"n{seed}")
    hypnograms.pop("A1").unlink()
    return Cohort(folder, nights, hypnograms)


def write_edf(path: Path, signals: Mapping[str, Any], rate: float = 64, unit: str | Mapping[str, str] = "uV") -> Path:
    """Write an EDF file of samples; digital values are those of 16 bits over the range."""
    made = []
    for label, samples in signals.items():
        low, high = (-500.0, 500.0)
        dimension = unit if isinstance(unit, str) else unit[label]
        made.append(
            edfio.EdfSignal(
                np.asarray(samples), rate, label=label, physical_dimension=dimension, physical_range=(low, high)
            )
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    edfio.Edf(
        made,
        recording=edfio.Recording(startdate=datetime(2024, 3, 11).date()),
        starttime=datetime(2024, 3, 11, 22, 47, 30).time(),
    ).write(path)
    return path


def noise(seed: int = 0, seconds: int = 360, rate: int = 64) -> np.ndarray[Any, Any]:
    """Noise in the range of `write_edf`."""
    return np.random.default_rng(seed).normal(0, 50, seconds * rate)


def study_of(table: Path, output: Path | str, features: Any = FEATURES, **options: Any) -> Study:
    """A study of a table."""
    return Study.from_table(table, output, features=features, **options)


def run_study(table: Path, output: Path | str, features: Any = FEATURES, **options: Any) -> pd.DataFrame:
    """Run a study in the calling thread."""
    return study_of(table, output, features, **options).run(backend="sync")


def analysed(study: Study, **how: Any) -> list[str]:
    """Run a study, and tell which recordings were not done already."""
    return sorted(outcome.recording_id for outcome in study.iterate(**({"backend": "sync"} | how)))


def part(output: Path, recording_id: str) -> Path:
    return output / "features" / f"recording_id={recording_id}" / "part-0.parquet"


def parts(output: Path) -> dict[str, bytes]:
    """Bytes of all tables, by id."""
    found = sorted((output / "features").glob("recording_id=*/part-0.parquet"))
    return {path.parent.name.removeprefix("recording_id="): path.read_bytes() for path in found}


def outcome(output: Path, recording_id: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((output / "outcomes" / f"{recording_id}.json").read_bytes())
    return document


def written(output: Path) -> dict[str, int]:
    """When each table and each outcome was written."""
    found = [*(output / "features").rglob("*.parquet"), *(output / "outcomes").iterdir()]
    return {path.relative_to(output).as_posix(): path.stat().st_mtime_ns for path in found}


def tree(folder: Path) -> dict[str, bytes | None]:
    """All that a folder holds, hidden files included."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def alone(night: Path, features: Any = FEATURES, hypnogram: Path | None = None, **options: Any) -> pd.DataFrame:
    """Flat table of one recording, as nobody would need a study for."""
    scores = None if hypnogram is None else sd.read_hypnogram(hypnogram)
    lazy = sd.extract(sd.open_recording(night), features, hypnogram=scores, **options)
    return sd.to_dataframe(lazy, flat=True, backend="sync")


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the features that are computed in this process, once for each chunk."""
    from sleepdask.features.task import NodeTask

    calls: list[str] = []
    compute = NodeTask._feature

    def count(self: Any, feature: Feature, *rest: Any) -> Any:
        calls.append(feature.name)
        return compute(self, feature, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(NodeTask, "_feature", count)
        yield calls


def planted(name: str, compute: Any) -> Feature:
    """A feature of one output that a test makes up: `compute(samples, starts, stops, sampling)`."""
    from dataclasses import dataclass as frozen

    def outputs(self: Any) -> tuple[Output, ...]:
        return (Output(name, "1", "made up"),)

    def call(self: Any, *arguments: Any) -> Any:
        return compute(*arguments)

    made = type(name, (Feature,), {"name": name, "outputs": property(outputs), "compute": call, "__module__": __name__})
    feature: Feature = register(frozen(frozen=True)(made))()
    return feature


def means(samples: Any, starts: Any, stops: Any, sampling: Any) -> Any:
    """Mean of each epoch, as a feature computes it."""
    return np.array([[[row[a:b].mean()] for a, b in zip(starts, stops, strict=True)] for row in samples], np.float64)


cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests
