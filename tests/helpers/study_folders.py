"""Folders of finished studies, written by hand: what the verb `run` leaves, with no recordings behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sleepdask.hypnogram import stage_counts
from sleepdask.study.files import Folder
from sleepdask.study.outcome import RecordingOutcome

NODES = {"100Hz": ("C3-M2", "C4-M1"), "1Hz": ("SpO2",)}
FEATURES = ("bandpower_delta", "mean")
STAGES = ("W", "N1", "N2", "N3", "R", None)


def part_schema(nodes: Mapping[str, Sequence[str]] = NODES, features: Sequence[str] = FEATURES) -> pa.Schema:
    """Columns that all part files of a study have."""
    channels = [channel for node in nodes.values() for channel in node]
    fields = [("epoch", pa.int64()), ("start", pa.timestamp("ns", "UTC")), ("stage", pa.string())]
    fields += [(f"{channel}/{feature}", pa.float64()) for channel in channels for feature in features]
    for node in nodes:
        fields += [(f"{node}/coverage", pa.float64()), (f"{node}/status", pa.string())]
    return pa.schema(fields)


@dataclass(frozen=True)
class Night:
    """One recording of such a study: its rows, its nodes with the channels that it has, and its covariates."""

    recording_id: str
    rows: int = 40
    nodes: Mapping[str, Sequence[str]] = field(default_factory=lambda: NODES)
    covariates: Mapping[str, Any] = field(default_factory=dict)
    status: str = "ok"
    stages: Sequence[str | None] = STAGES
    failing: bool = True

    @property
    def has_features(self) -> bool:
        return self.status in ("ok", "partial")

    def frame(self, schema: pa.Schema) -> pd.DataFrame:
        """Its table: values of both signs over several decades, some of them null."""
        rng = np.random.default_rng(list(self.recording_id.encode()))
        mine = {channel: node for node, channels in self.nodes.items() for channel in channels}
        columns: dict[str, Any] = {
            "epoch": np.arange(self.rows),
            "start": pd.date_range("2024-03-11T22:00", periods=self.rows, freq="30s", tz="UTC", unit="ns"),
            "stage": pd.array(rng.choice(np.array(self.stages, object), self.rows), dtype="str"),
        }
        for each in schema.names[3:]:
            channel, feature = each.rsplit("/", 1)
            if feature == "status":
                odd = rng.random(self.rows) < 0.3 * self.failing
                texts = np.where(odd, rng.choice(["partial", "missing", "failed"], self.rows), "ok").astype(object)
                columns[each] = pd.array(texts if channel in self.nodes else [None] * self.rows, dtype="str")
            elif channel in mine or channel in self.nodes:
                values = rng.choice([-1, 1], self.rows) * np.exp(rng.normal(0, 3, self.rows)) + 1e3 * (
                    feature == "mean"
                )
                columns[each] = np.where(rng.random(self.rows) < 0.1, np.nan, values)
            else:
                columns[each] = np.full(self.rows, np.nan)
        return pd.DataFrame(columns)

    def outcome(self, schema: pa.Schema) -> RecordingOutcome:
        """What became of it."""
        outcome = RecordingOutcome(self.recording_id, self.status)
        if not self.has_features:
            return replace(outcome, error_type="FileFormatError", message="is empty")
        stages = stage_counts(self.frame(schema)["stage"].fillna(""))
        return replace(outcome, epochs=self.rows, stages={name: count for name, count in stages.items() if count})


def write_part(folder: Path, night: Night, schema: pa.Schema) -> Path:
    """Write the table of a recording; which node has which channel is in its metadata."""
    nodes = {name: {"channels": [{"name": each} for each in channels]} for name, channels in night.nodes.items()}
    table = pa.Table.from_pandas(night.frame(schema), schema=schema, preserve_index=False)
    path = folder / "features" / f"recording_id={night.recording_id}" / "part-0.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"sleepdask": json.dumps({"nodes": nodes})}), path)
    return path


def write_study(folder: Path, nights: Sequence[Night], schema: pa.Schema | None = None) -> Path:
    """Write a study; a night of status "" has not been done yet."""
    schema = part_schema() if schema is None else schema
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outcomes").mkdir(exist_ok=True)
    for night in nights:
        if night.has_features:
            write_part(folder, night, schema)
        if night.status:
            (folder / "outcomes" / f"{night.recording_id}.json").write_bytes(night.outcome(schema).to_json())
    rows = [{"recording_id": n.recording_id, "path": f"{n.recording_id}.edf", **n.covariates} for n in nights]
    pd.DataFrame(rows).to_csv(folder / "recordings.csv", index=False)
    document = {"format": 1, "columns": {}, "schema": {each.name: str(each.type) for each in schema}}
    (folder / "study.json").write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    return folder


def whole_table(nights: Sequence[Night], schema: pa.Schema) -> pd.DataFrame:
    """All rows of all nights that have features, values that do not count being NaN: for pandas to group."""
    frames = []
    for night in nights:
        if not night.has_features:
            continue
        frame = night.frame(schema)
        for node, channels in night.nodes.items():
            out = ~frame[f"{node}/status"].isin(["ok", "partial"])
            frame.loc[out, [name for name in frame if name.rsplit("/", 1)[0] in channels]] = np.nan
        frame.insert(0, "recording_id", night.recording_id)
        frames.append(frame.assign(**{name: night.covariates.get(name) for name in night.covariates}))
    return pd.concat(frames, ignore_index=True)


def of(folder: Path, nights: Sequence[Night], schema: pa.Schema | None = None) -> dict[str, Any]:
    """Write a study and give what the functions that read one take."""
    schema = part_schema() if schema is None else schema
    write_study(folder, nights, schema)
    ids = [night.recording_id for night in nights if night.has_features]
    return {"files": Folder(folder), "ids": ids, "schema": schema}
