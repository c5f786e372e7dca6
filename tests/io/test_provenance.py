"""Where a result comes from."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sleepdask as sd
from sleepdask.features import BandPower, Statistics
from sleepdask.io.provenance import describe_file, provenance
from sleepdask.io.tables import describe


@pytest.fixture(scope="module")
def document(scored_night: Path) -> dict[str, Any]:
    features = sd.compute(sd.extract(sd.open_recording(scored_night), [Statistics(("mean", "var")), BandPower()]))
    return provenance(
        inputs={"recording": describe_file(scored_night)},
        parameters={"epoch": "30s", "channels": None},
        table=describe(features),
        command=["sleepdask", "extract", "night.edf"],
    )


def test_it_is_plain_json(document: dict[str, Any]) -> None:
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_inputs_by_content(document: dict[str, Any], scored_night: Path) -> None:
    content = scored_night.read_bytes()
    state = document["inputs"]["recording"]
    assert state["name"] == "scored.edf"
    assert state["size"] == len(content)
    assert state["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_time_of_change_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "night.edf"
    path.write_bytes(b"")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    assert describe_file(path) == {
        "name": "night.edf",
        "size": 0,
        "mtime": "2023-11-14T22:13:20.123456789",
        "sha256": hashlib.sha256().hexdigest(),
    }


def test_the_real_night_is_the_published_one(real_night: Path) -> None:
    state = describe_file(real_night)
    assert state["size"] == 48_338_048
    assert state["sha256"].startswith("2b40a18adf76af69")


def test_versions_and_machine(document: dict[str, Any]) -> None:
    assert document["versions"]["sleepdask"] == sd.__version__
    assert document["versions"]["numpy"] == np.__version__
    assert document["versions"]["python"] == platform.python_version()
    for name in ("numba", "xarray", "dask", "pandas", "pyarrow"):
        assert document["versions"][name] == importlib.metadata.version(name)
    assert platform.machine() in document["platform"]
    assert platform.node() not in json.dumps(document["platform"])
    age = datetime.now(UTC) - datetime.fromisoformat(document["created"])
    assert 0 <= age.total_seconds() < 600


def test_every_column_has_units_and_a_definition(document: dict[str, Any]) -> None:
    columns = document["columns"]
    powers = [output.name for output in BandPower().outputs]
    assert list(columns) == [
        *(f"{channel}/{name}" for channel in ("C3", "C4") for name in ("mean", "var", *powers)),
        "SpO2/mean",
        "SpO2/var",
    ]
    assert columns["C3/var"] == {"units": "uV^2", "definition": "variance, ddof 1", "reference": ""}
    assert columns["SpO2/var"]["units"] == "%^2"
    assert columns["C4/bandpower_delta_relative"]["units"] == "1"
    assert columns["C4/spectral_edge_95"]["units"] == "Hz"
    assert all(column["definition"] for column in columns.values())
    assert "Welch" in columns["C3/bandpower_beta"]["reference"]


def test_units_of_channels_that_share_a_node(write_night: Any) -> None:
    units = {"C3": "uV", "SpO2": "%", "X": "arb unit"}
    night = sd.open_recording(write_night({"C3": 10, "SpO2": 10, "X": 10}, 30, units=units))
    table = describe(sd.compute(sd.extract(night, Statistics(("mean", "var", "skew")))))
    columns = provenance(inputs={}, parameters={}, table=table, command=[])["columns"]
    found = {name: column["units"] for name, column in columns.items()}
    assert (found["C3/var"], found["SpO2/var"], found["X/var"]) == ("uV^2", "%^2", "(arb unit)^2")
    assert (found["C3/mean"], found["X/skew"]) == ("uV", "1")


def test_a_unit_that_holds_the_word_unit(write_night: Any) -> None:
    night = sd.open_recording(write_night({"X": 10}, 30, units={"X": "arb unit"}))
    table = describe(sd.compute(sd.extract(night, Statistics(("mean",)))))
    assert provenance(inputs={}, parameters={}, table=table, command=[])["columns"]["X/mean"]["units"] == "arb unit"


def test_command_and_parameters(document: dict[str, Any]) -> None:
    assert document["command"] == ["sleepdask", "extract", "night.edf"]
    assert document["parameters"] == {"epoch": "30s", "channels": None}
    assert document["table"]["nodes"]["100Hz"]["features"]["mean"]["parameters"]["ddof"] == 1
    assert document["table"]["attributes"]["recording_id"] == "scored"


def test_a_folder_is_described_as_sha256sum_would(tmp_path: Path) -> None:
    store = tmp_path / "night.zarr"
    for name, content in {"zarr.json": b"{}", "a b/c/0": b"1", "a/é": b""}.items():
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_bytes(content)
    told = describe_file(store)
    command = "find * -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum"
    lines = subprocess.run(command, shell=True, cwd=store, capture_output=True, check=True).stdout
    assert told["sha256"] == hashlib.sha256(lines).hexdigest()
    assert (told["name"], told["size"]) == ("night.zarr", 3)
