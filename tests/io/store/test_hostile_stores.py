"""Stores that are broken, cut off, forged, or of somebody else: an error of ours, and no wrong number."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

import sleepdask as sd
from sleepdask.io.diagnose import diagnose_file

SIGNAL = Path("12.8Hz/signal")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def inner(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document["codecs"][0]["configuration"]["codecs"]


def ours(document: dict[str, Any]) -> dict[str, Any]:
    return document["attributes"]["sleepdask"]


def grid(size: int) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": [size]}}


ROOT, NODE, ARRAY, TEXTS = "zarr.json", "12.8Hz/zarr.json", f"{SIGNAL}/zarr.json", "12.8Hz/unit/zarr.json"
FORGED: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    (ROOT, lambda d: ours(d).update(version=2), "another version of sleepdask; expected version 1 .* found 2"),
    (ROOT, lambda d: ours(d).update(format="features"), "but no recording of sleepdask; open features with"),
    (ROOT, lambda d: d["attributes"].pop("sleepdask"), "a Zarr store, but no recording of sleepdask"),
    (ROOT, lambda d: d.update(attributes=[]), "the attributes are no dictionary"),
    (ROOT, lambda d: d.update(zarr_format=2), "not the metadata of a Zarr group; expected Zarr version 3"),
    (ROOT, lambda d: d.update(node_type="array"), "not the metadata of a Zarr group"),
    (ROOT, lambda d: ours(d).update(children=["../../other"]), "a node does not say what it holds"),
    (ROOT, lambda d: ours(d).update(children=["/etc"]), "a node does not say what it holds"),
    (ROOT, lambda d: ours(d).update(children=[7]), "a node does not say what it holds"),
    (ROOT, lambda d: ours(d).update(children="12.8Hz"), "a node does not say what it holds"),
    (ROOT, lambda d: ours(d).update(children=["missing"]), "no zarr.json there"),
    (ROOT, lambda d: ours(d).update(name="a/b"), "nodes do not fit together"),
    (ROOT, lambda d: ours(d).update(name=[1]), "nodes do not fit together"),
    (ARRAY, lambda d: d.update(data_type="string"), "samples are no numbers; found string"),
    (NODE, lambda d: d["attributes"].pop("sleepdask"), "a node does not say what it holds"),
    (NODE, lambda d: ours(d).update(variables=["../unit"]), "a node does not say what it holds"),
    (NODE, lambda d: ours(d).update(coords=["nobody"]), "variables do not fit together"),
    (NODE, lambda d: ours(d).pop("clock"), "variables do not fit together|no zarr.json there"),
    (NODE, lambda d: ours(d).update(clock={"runs": []}), "this does not describe a clock"),
    (NODE, lambda d: ours(d)["clock"].update(period_ns=[0, 1]), "period of a clock must be above 0"),
    (NODE, lambda d: ours(d)["clock"]["runs"].pop(), "the clock has another number of samples"),
    (NODE, lambda d: ours(d).update(clock_attrs=5), "a node does not say what it holds"),
    (ARRAY, lambda d: d.update(shape=[2, 4996]), "the clock has another number of samples; expected 4997; found 4996"),
    (ARRAY, lambda d: d.update(shape=[2, -1]), "metadata of an array contradict themselves"),
    (ARRAY, lambda d: d.update(shape=[2.0, 4997]), "metadata of an array contradict themselves"),
    (ARRAY, lambda d: d.update(shape=[2**40, 2**40]), "metadata of an array contradict themselves"),
    (ARRAY, lambda d: d.update(shape=[3, 4997]), "a file of the store is missing|do not fit together"),
    (ARRAY, lambda d: d.update(dimension_names=["time", "time"]), "metadata of an array contradict themselves"),
    (ARRAY, lambda d: d.update(dimension_names=None), "metadata of an array"),
    (ARRAY, lambda d: d.pop("codecs"), "metadata of an array are not complete"),
    (ARRAY, lambda d: d.update(codecs=[]), "metadata of an array are not complete"),
    (ARRAY, lambda d: inner(d).append({"name": "numcodecs.pickle"}), r"a codec that is not read.*'numcodecs\.pickle'"),
    (ARRAY, lambda d: inner(d).append({"name": "numcodecs.lz4"}), "needs a codec that is not read"),
    (ARRAY, lambda d: d.update(data_type="object"), "an array is of a type that is not read; found 'object'"),
    (ARRAY, lambda d: d.update(data_type={"name": "struct"}), "an array is of a type that is not read"),
    (ARRAY, lambda d: d.update(chunk_key_encoding={"name": "v2"}), "metadata of an array contradict themselves"),
    (ARRAY, lambda d: d.update(chunk_grid={"name": "rectilinear"}), "metadata of an array are not complete"),
    (ARRAY, lambda d: d["chunk_grid"]["configuration"].update(chunk_shape=[0, 0]), "metadata of an array contradict"),
    (TEXTS, lambda d: d["attributes"].clear(), "a variable is not of the kind that it says"),
    (TEXTS, lambda d: ours(d).update(kind="datetime64[ns]"), "a variable is not of the kind that it says"),
    (TEXTS, lambda d: d.update(shape=[2**40], chunk_grid=grid(2**40)), "an array is too large"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "message"), FORGED, ids=[str(k) for k in range(len(FORGED))])
def test_forged_metadata(stored: Path, name: str, change: Callable[[dict[str, Any]], object], message: str) -> None:
    edit(stored / name, change)
    with pytest.raises(sd.FileFormatError, match=message):
        sd.open_recording(stored)
    assert diagnose_file(stored).policy == "none"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "5", "\0", '{"attributes": ' + "[" * 100_000])
@pytest.mark.parametrize("name", [ROOT, NODE, ARRAY, TEXTS])
def test_metadata_that_are_none(stored: Path, name: str, text: str) -> None:
    (stored / name).write_text(text)
    with pytest.raises(sd.FileFormatError):
        sd.open_recording(stored)


def test_every_missing_file_is_noticed_when_the_store_is_opened(stored: Path) -> None:
    files = [part for part in stored.rglob("*") if part.is_file()]
    assert len(files) > 40
    for file in files:
        content = file.read_bytes()
        file.unlink()
        with pytest.raises(sd.FileFormatError):
            sd.open_recording(stored)
        file.write_bytes(content)
    sd.open_recording(stored)


def test_every_damaged_file_is_noticed_when_it_is_read(stored: Path) -> None:
    chance = random.Random(1)
    chunks = sorted(file for file in stored.rglob("*") if file.is_file() and "c" in file.relative_to(stored).parts)
    for file in chunks:
        content = file.read_bytes()
        for damaged in (content[:-1], content[: len(content) // 2], b"", *(flipped(content, chance) for _ in range(2))):
            file.write_bytes(damaged)
            with pytest.raises(sd.FileFormatError, match=r"the store is damaged|missing or empty"):
                sd.open_recording(stored).load()
        file.write_bytes(content)
    sd.open_recording(stored).load()


def flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def leaves(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else []
    )
    return [path] * bool(path) + [leaf for key, value in pairs for leaf in leaves(value, (*path, key))]


ODD_VALUES = [
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    1.5,
    "",
    "x",
    "..",
    "float64",
    "int8",
    [],
    [1],
    [2**40],
    {},
    {"name": "bytes"},
]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_metadata_give_an_error_of_ours_or_a_whole_recording(stored: Path, seed: int) -> None:
    chance = random.Random(seed)
    opened = 0
    for _ in range(60):
        path = chance.choice([stored / name for name in (ROOT, NODE, ARRAY, TEXTS, "annotations/onset/zarr.json")])
        content = path.read_text()
        document = json.loads(content)
        *way, last = chance.choice(leaves(document))
        part = document
        for key in way:
            part = part[key]
        part[last] = chance.choice(ODD_VALUES)
        path.write_text(json.dumps(document))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for node in sd.open_recording(stored).subtree:
                    node.to_dataset().load()
        except sd.SleepdaskError:
            pass
        else:
            opened += 1
        finally:
            path.write_text(content)
    assert opened < 40


def test_nodes_that_hold_themselves(stored: Path) -> None:
    shutil.rmtree(stored / "12.8Hz")
    (stored / "12.8Hz").symlink_to(stored, target_is_directory=True)
    with pytest.raises(sd.FileFormatError, match="nodes are nested too deeply"):
        sd.open_recording(stored)


def test_foreign_stores(tmp_path: Path) -> None:
    dataset = xr.Dataset({"signal": (("channel", "time"), np.ones((1, 10)))})
    dataset.to_zarr(tmp_path / "foreign.zarr", consolidated=False)
    dataset.to_zarr(tmp_path / "old.zarr", zarr_format=2, consolidated=False)
    zarr.create_array(tmp_path / "array.zarr", shape=(3,), dtype="f4")
    (tmp_path / "empty.zarr").mkdir()
    (tmp_path / "file.zarr").write_text("not a folder")
    for name, message in {
        "foreign": "a Zarr store, but no recording of sleepdask",
        "old": "no zarr.json there; expected a Zarr group; found a store of Zarr version 2",
        "array": "not the metadata of a Zarr group",
        "empty": "no zarr.json there",
        "file": "the metadata cannot be read",
    }.items():
        with pytest.raises(sd.FileFormatError, match=message):
            sd.open_recording(tmp_path / f"{name}.zarr")
    with pytest.raises(sd.ParameterError, match="no such file"):
        sd.open_recording(tmp_path / "none.zarr")


def test_a_store_is_known_by_its_content_too(stored: Path) -> None:
    moved = stored.rename(stored.with_name("night"))
    assert sd.open_recording(moved).attrs["recording_id"] == "odd"


def test_another_dtype_is_refused(stored: Path) -> None:
    assert sd.open_recording(stored, dtype="float32")["12.8Hz/signal"].dtype == "float32"
    with pytest.raises(sd.ParameterError, match=r"another dtype; expected float64; found float32 in /12\.8Hz"):
        sd.open_recording(stored, dtype="float64")


def test_policies(stored: Path, scored_night: Path) -> None:
    with pytest.raises(sd.FileFormatError, match=r"file: a <b>finding</b>.*expected nothing odd"):
        sd.open_recording(stored, policy="strict")
    with pytest.raises(sd.ParameterError, match="unknown policy"):
        sd.open_recording(stored, policy="lax")
    clean = stored.with_name("clean.zarr")
    sd.save_recording(sd.open_recording(scored_night), clean)
    sd.open_recording(clean, policy="strict")
    assert (diagnose_file(clean).policy, diagnose_file(clean).format) == ("strict", "Zarr")
    told = diagnose_file(stored)
    assert told.policy == "warn"
    assert [finding.message for finding in told.findings] == ["file: a <b>finding</b>; means nothing"]


def test_diagnose_finds_stores_and_does_not_look_into_them(stored: Path, scored_night: Path) -> None:
    folder = stored.parent
    shutil.copy(scored_night, folder / "night.edf")
    (folder / "deep").mkdir()
    shutil.copytree(stored, folder / "deep" / "other.zarr")
    shutil.copy(scored_night, folder / "deep" / "other.zarr" / "inside.edf")
    xr.Dataset({"x": 1}).to_zarr(folder / "features.zarr", consolidated=False)
    (folder / "broken.zarr").mkdir()
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    found = {str(file.path.relative_to(folder)): file.policy for file in sd.diagnose(folder)}
    assert found == {"broken.zarr": "none", "deep/other.zarr": "warn", "night.edf": "strict", "odd.zarr": "warn"}


@pytest.mark.parametrize("told", [5, "one", None, {"a": 1}])
def test_findings_that_are_no_list_are_told_as_one(stored: Path, told: object) -> None:
    edit(stored / ROOT, lambda d: d["attributes"].update(findings=told))
    assert [finding.message for finding in diagnose_file(stored).findings] == [str(told)]
    with pytest.raises(sd.FileFormatError, match="expected nothing odd"):
        sd.open_recording(stored, policy="strict")
