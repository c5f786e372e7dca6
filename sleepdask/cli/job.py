"""The main job: open, extract, compute once, write everything or nothing."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import xarray as xr

from sleepdask.cli.channels import open_named, table_file
from sleepdask.cli.locations import IDENTITY_NOTE
from sleepdask.cli.output import exit_code, report, show
from sleepdask.cli.words import command_words, named_word
from sleepdask.features.base import Feature
from sleepdask.features.extract import extract
from sleepdask.features.plan import ExtractionPlan, plan_extraction
from sleepdask.features.second_pass_text import with_second_pass
from sleepdask.features.spectrogram import has_spectrum, spectrogram
from sleepdask.filters.preprocessing import Preprocessing
from sleepdask.hypnogram import stage_counts
from sleepdask.io.atomic import check_outputs, staged_outputs
from sleepdask.io.beside import Beside, by_role
from sleepdask.io.hypnograms import read_hypnogram
from sleepdask.io.provenance import describe_file, provenance
from sleepdask.io.remote.file import RemoteFile, locate, named
from sleepdask.io.results import FILE_NAMES, PROVENANCE, check_formats, write_features
from sleepdask.io.tables import describe, feature_names, feature_nodes
from sleepdask.parallel.backends import backend_name, graph_workers
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.settings import get_parallel_config
from sleepdask.runners import compute
from sleepdask.signals.recording import BESIDE, FILTERS, signal_nodes
from sleepdask.signals.renaming import numbered

DEFAULT_FEATURES = "statistics,bandpower,hjorth"
OVERVIEW = "overview.png"
RESULTS = (*FILE_NAMES.values(), PROVENANCE, OVERVIEW)  # all that a job in any format may leave in its folder


@dataclass(frozen=True)
class Job:
    """One recording, of one file or several, what to compute of it, and where the results go."""

    path: Path | str | tuple[Path | str, ...]
    output: Path
    features: tuple[Feature, ...]
    hypnogram: Path | str | None = None
    channel_table: str | None = None
    formats: tuple[str, ...] = ("parquet",)
    options: Mapping[str, Any] = field(default_factory=dict)
    config: ParallelConfig = field(default_factory=get_parallel_config)
    policy: str = "warn"
    timezone: str | None = None
    force: bool = False
    keep_identity: bool = False
    layout: Path | None = None
    also: tuple[Beside, ...] = ()
    second_pass: tuple[str, ...] = ()
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    @property
    def paths(self) -> tuple[Path | str, ...]:
        """Files of the recording."""
        return self.path if isinstance(self.path, tuple) else (self.path,)

    @property
    def inputs(self) -> dict[str, Path | RemoteFile]:
        """All that is read, by its role."""
        recording = dict(zip(numbered("recording"), self.paths, strict=False))
        given = (
            recording
            | by_role(self.also)
            | {"hypnogram": self.hypnogram, "layout": self.layout, "channel_table": table_file(self.channel_table)}
        )
        return {role: named(locate(path)) for role, path in given.items() if path is not None}

    @property
    def file_names(self) -> list[str]:
        """All that is written into the folder."""
        return [*(FILE_NAMES[kind] for kind in dict.fromkeys(self.formats)), PROVENANCE, OVERVIEW]

    def opened(self) -> tuple[xr.DataTree, dict[str, Any]]:
        """Recording, left uncut so that `extract` cuts it where its epochs need it; and its options."""
        check_formats(list(self.formats))
        recording = open_named(
            self.paths,
            self.channel_table,
            also=self.also or None,
            policy=self.policy,
            timezone=self.timezone,
            keep_identity=self.keep_identity,
            layout=self.layout,
        )
        recording = self.preprocessing.apply(recording)
        zoned = recording.attrs["time_zone"] and recording.attrs["start"] != "NaT"
        start, zone = (recording, self.timezone) if zoned else (None, None)  # rows in order tell equal hours apart
        hypnogram = None
        if self.hypnogram is not None:
            hypnogram = read_hypnogram(self.hypnogram, start=start, timezone=zone, policy=self.policy)
        chunking = {"workers": graph_workers(self.config), "chunk_size": self.config.chunk_size}
        options = dict(self.options) | {"hypnogram": hypnogram} | chunking
        return recording, options

    def plan(self) -> ExtractionPlan:
        """What would be done."""
        recording, options = self.opened()
        return plan_extraction(recording, self.features, **options)


@dataclass(frozen=True)
class Outcome:
    """A finished job."""

    job: Job
    features: xr.DataTree
    seconds: float

    @property
    def findings(self) -> list[str]:
        """What was odd about the input, and what failed."""
        failures: Counter[tuple[str, str]] = Counter()
        for path, node in feature_nodes(self.features).items():
            failures.update((path, reason) for reason in node["reason"].values[node["status"].values == "failed"])
        failed = [f"{path}: {count} epochs failed: {reason}" for (path, reason), count in failures.items()]
        return [*self.features.attrs["findings"], *failed]

    def document(self) -> dict[str, Any]:
        """Result as plain JSON types."""
        nodes = feature_nodes(self.features)
        return {
            "recording_id": self.features.attrs["recording_id"],
            "output": str(self.job.output),
            "files": self.job.file_names,
            "epochs": self.features.sizes["epoch"],
            "stages": stage_counts(self.features["stage"].values),
            "columns": sum(len(feature_names(node)) * node.sizes["channel"] for node in nodes.values()),
            "status": {name: dict(Counter(node["status"].values.tolist())) for name, node in nodes.items()},
            "notes": [*self.features.attrs["notes"], *([IDENTITY_NOTE] if self.job.keep_identity else [])],
            "findings": self.findings,
            "seconds": round(self.seconds, 3),
        }


def run(job: Job, *, progress: bool | None = None) -> Outcome:
    """Do the job: one computation of everything, then all results or none."""
    began = perf_counter()
    recording, options = job.opened()
    check_outputs(job.output, RESULTS, force=job.force)
    inputs = {role: describe_file(path) for role, path in job.inputs.items()}
    lazy = with_second_pass(extract(recording, job.features, **options), job.second_pass)
    picture = _picture(recording, lazy, options)
    wanted = (lazy,) if picture is None else (lazy, picture)
    computed = compute(*wanted, config=job.config, progress=progress)
    features, picture = (computed, None) if picture is None else computed
    with staged_outputs(job.output, job.file_names, stale=RESULTS, force=job.force) as paths:
        for kind in job.formats:
            write_features(features, paths[FILE_NAMES[kind]], kind)
        paths[PROVENANCE].write_text(
            json.dumps(_provenance(job, inputs, features, recording), indent=1, ensure_ascii=False), "utf-8"
        )
        from sleepdask.viz.overview import overview

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)  # labels in any script
            overview(features, picture).savefig(paths[OVERVIEW], format="png")
    return Outcome(job, features, perf_counter() - began)


def finish(outcome: Outcome, *, quiet: bool, as_json: bool) -> int:
    """Report a finished job and give its exit code."""
    document = outcome.document()
    stages = " ".join(f"{stage} {count}" for stage, count in document["stages"].items() if count)
    epochs = f"{document['epochs']} epochs{f' ({stages})' if stages else ''}"
    text = [
        f"{document['recording_id']}: {epochs}, {document['columns']} columns, {document['seconds']:.1f} s",
        f"{document['output']}/: {', '.join(document['files'])}",
    ]
    show(document, "\n".join(text), as_json=as_json, quiet=quiet)
    report(document["notes"], document["findings"], quiet=quiet)
    return exit_code(document["findings"])


def _picture(recording: xr.DataTree, features: xr.DataTree, options: Mapping[str, Any]) -> xr.DataArray | None:
    """Spectrogram of the first EEG channel, else of the first of the fastest node; None if none has one."""
    segment = min(4.0, features.attrs["epoch_seconds"])
    signals = {name: node for name, node in signal_nodes(recording).items() if has_spectrum(node, segment)}
    nodes = {name: node for name, node in feature_nodes(features).items() if name in signals}
    candidates = [
        (str(kind) != "eeg", BESIDE in signals[name].attrs, str(channel))
        for name, node in nodes.items()
        for channel, kind in zip(node["channel"].values, node["signal_type"].values, strict=True)
    ]
    if not candidates:
        return None
    _, _, channel = min(candidates, key=lambda candidate: candidate[:2])
    return spectrogram(recording, channel, segment=segment, **(dict(options) | {"channels": None}))


def _provenance(job: Job, inputs: Mapping[str, Any], features: xr.DataTree, recording: xr.DataTree) -> dict[str, Any]:
    parameters = dict(job.options) | {
        "features": [{"feature": feature.name, **feature.parameters} for feature in job.features],
        "second_pass": list(job.second_pass),
        "formats": list(job.formats),
        "preprocessing": job.preprocessing.document(),
        "filters": {
            name: node.attrs[FILTERS] for name, node in signal_nodes(recording).items() if FILTERS in node.attrs
        },
        "timezone": job.timezone,
        "channel_table": None if job.channel_table is None else named_word(job.channel_table),
        "backend": backend_name(job.config),
        "workers": graph_workers(job.config),
    }
    identity = {"note": IDENTITY_NOTE, "identity": recording.attrs["identity"]} if job.keep_identity else {}
    return identity | provenance(
        inputs=inputs,
        parameters=parameters,
        table=describe(features),
        command=command_words(),
    )
