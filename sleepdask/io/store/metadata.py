"""Metadata of Zarr as it lies on the disk: looked at before a library acts on it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sleepdask.errors import FileFormatError
from sleepdask.io.store.variables import NUMBERS, OURS

METADATA = "zarr.json"
VERSION = 1
RECORDING = "recording"
_OTHER = "a Zarr store, but no recording of sleepdask"
_LARGEST = 256 << 20
_CODECS = {"bytes", "blosc", "crc32c", "gzip", "sharding_indexed", "transpose", "vlen-utf8", "zstd"}
_TYPES = {"string", *NUMBERS}
_KEYS = {"name": "default", "configuration": {"separator": "/"}}


def read_metadata(folder: Path, kind: str) -> dict[str, Any]:
    """Metadata of a ``"group"`` or an ``"array"``.

    Raises
    ------
    FileFormatError
        There are none, they are of another version or kind, or need a codec or a type that is not among the known ones;
        none of these runs code that comes with the data.
    """
    path = folder / METADATA
    try:
        if path.stat().st_size > _LARGEST:
            raise FileFormatError("the metadata are too large", where=path, expected=f"at most {_LARGEST:,} bytes")
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        older = any((folder / name).exists() for name in (".zgroup", ".zarray"))
        found = "a store of Zarr version 2" if older else None
        raise FileFormatError(f"no {METADATA} there", where=folder, expected=f"a Zarr {kind}", found=found) from error
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(f"the metadata cannot be read: {error}", where=path) from error
    if not isinstance(document, dict) or document.get("zarr_format") != 3 or document.get("node_type") != kind:
        raise FileFormatError(f"these are not the metadata of a Zarr {kind}", where=path, expected="Zarr version 3")
    if not isinstance(document.get("attributes", {}), dict):
        raise FileFormatError("the attributes are no dictionary", where=path)
    if kind == "array":
        _check_array(document, path)
    return document


def check_recording(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What the root says to this package.

    Raises
    ------
    FileFormatError
        It is no recording, or one of a version that this package does not know.
    """
    told = document.get("attributes", {}).get(OURS)
    if not isinstance(told, dict) or told.get("format") != RECORDING:
        raise FileFormatError(
            _OTHER,
            where=path,
            fix="open features with open_features, anything else with xarray.open_datatree",
        )
    if told.get("version") != VERSION:
        raise FileFormatError(
            "a recording stored by another version of sleepdask",
            where=path,
            expected=f"version {VERSION} of the store",
            found=repr(told.get("version")),
            fix="use that version of sleepdask, or convert the source again",
        )
    return told


def is_other(folder: Path) -> bool:
    """Whether a store says that it is something other than a recording."""
    try:
        check_recording(read_metadata(folder, "group"), folder)
    except FileFormatError as error:
        return bool(error.args[0] == _OTHER)
    return False


def check_files(folder: Path, document: Mapping[str, Any]) -> None:
    """Refuse an array of which a file is missing: Zarr would take its values for the fill value.

    Raises
    ------
    FileFormatError
        One is, or is empty.
    """
    pieces = [range(-(-n // size)) for n, size in zip(document["shape"], shard_shape(document), strict=True)]
    for key in _keys(pieces):
        path = folder / "c" / key
        if not path.is_file() or not path.stat().st_size:
            fix = "copy the store again, or convert the source again"
            raise FileFormatError("a file of the store is missing or empty", where=path, fix=fix)


def shard_shape(document: Mapping[str, Any]) -> tuple[int, ...]:
    """Shape of what is in one file."""
    return tuple(document["chunk_grid"]["configuration"]["chunk_shape"])


def chunk_shape(document: Mapping[str, Any]) -> tuple[int, ...]:
    """Shape of what is compressed together."""
    outer = document["codecs"][0]
    return (
        tuple(outer["configuration"]["chunk_shape"]) if outer["name"] == "sharding_indexed" else shard_shape(document)
    )


def _keys(pieces: list[range]) -> Iterator[str]:
    """Names of files in the order of the array; a generator, as a forged shape could mean more than memory holds."""
    if not pieces:
        yield ""
        return
    for number in pieces[0]:
        for rest in _keys(pieces[1:]):
            yield f"{number}/{rest}".rstrip("/")


def _check_array(document: dict[str, Any], path: Path) -> None:
    try:
        shape, names = document["shape"], document.setdefault("dimension_names", [])  # of a scalar there are none
        grid, shards = document["chunk_grid"]["name"], shard_shape(document)
        chunks = chunk_shape(document)
        unknown = {repr(name) for name in _codecs(document["codecs"])} - {repr(name) for name in _CODECS}
        sound = (
            grid == "regular"
            and document["chunk_key_encoding"] == _KEYS
            and not document.get("storage_transformers")
            and len(shape) == len(names) == len(shards) == len(chunks)
            and all(type(n) is int and n >= 0 for n in shape)
            and all(type(n) is int and n > 0 for n in (*shards, *chunks))
            and math.prod(shape) < 2**60
            and all(isinstance(name, str) for name in names)
            and len(set(names)) == len(names)
        )
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise FileFormatError("the metadata of an array are not complete", where=path, found=repr(error)) from error
    if unknown:
        known = ", ".join(sorted(_CODECS))
        raise FileFormatError(
            "an array needs a codec that is not read", where=path, expected=known, found=", ".join(unknown)
        )
    if repr(document.get("data_type")) not in map(repr, _TYPES):
        raise FileFormatError(
            "an array is of a type that is not read", where=path, found=repr(document.get("data_type"))
        )
    if not sound:
        raise FileFormatError("the metadata of an array contradict themselves", where=path)


def _codecs(codecs: list[dict[str, Any]]) -> Iterator[Any]:
    for codec in codecs:
        yield codec["name"]
        configuration = codec.get("configuration", {})
        for inner in ("codecs", "index_codecs"):
            yield from _codecs(configuration.get(inner, []))
