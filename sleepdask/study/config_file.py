"""``study.yaml``: settings as people write them, each taken for what it has to be, with its line where it is not."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from sleepdask.errors import SleepdaskError
from sleepdask.features import Feature, create, parse_features
from sleepdask.signals.channels import alias_names
from sleepdask.signals.montage import check_montage
from sleepdask.signals.yaml_file import YamlFile, is_empty
from sleepdask.study.harmonise import PACKAGED, check_unit
from sleepdask.study.settings import RUN, SETTINGS, check_run, check_setting

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_SWITCHES = {"true": True, "false": False}
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp",
                                                  "merge", "value")}  # fmt: skip

Reader = Callable[[YamlFile, yaml.Node, str], Any]


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Settings in a file, by name and checked; those left empty are left out.

    Raises
    ------
    FileFormatError
        It is no such file, a key is unknown or there twice, or a value is of another kind.
    ParameterError
        A value makes no sense.
    """
    file = YamlFile.read(path, "study configuration", "epoch: 30s")
    _check_nodes(file)
    values: dict[str, Any] = {}
    for name, node in file.entries(file.root, "a mapping of settings", SETTINGS).items():
        if not is_empty(node):
            read: Reader = _READERS.get(name, _text)
            with _at(file, node, name):
                values[name] = check_setting(name, read(file, node, name))
    return values


def _check_nodes(file: YamlFile) -> None:
    """Refuse what makes a file mean more than is written: anchors, and tags that ask for objects."""
    seen: set[int] = set()
    nodes = [] if file.root is None else [file.root]
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            raise file.refusal(node, "an anchor is used", "plain values", "write the value again where it is needed")
        if node.tag not in _TAGS:
            raise file.refusal(node, "a tag is used", "plain values", "leave it out", node.tag)
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            nodes += [each for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value


@contextmanager
def _at(file: YamlFile, node: yaml.Node, key: str) -> Iterator[None]:
    """Say in errors where the value is written that caused them; who raises them knows no file."""
    try:
        yield
    except SleepdaskError as error:
        if not error.where.startswith(str(file.path)):
            place = error.where if error.where.startswith(key) else f"{key}: {error.where}" if error.where else key
            error.where = f"{file.line(node)}, {place}"
        raise


def _text(file: YamlFile, node: yaml.Node, key: str) -> str:
    return file.text(node, f"a text for {key}")


def _texts(file: YamlFile, node: yaml.Node, key: str) -> list[str]:
    if not isinstance(node, yaml.SequenceNode):
        raise file.refusal(node, f"{key} is no list", "a list of texts", f"write '{key}: [...]'")
    return [_text(file, each, key) for each in node.value]


def _text_or_texts(file: YamlFile, node: yaml.Node, key: str) -> str | list[str]:
    return _texts(file, node, key) if isinstance(node, yaml.SequenceNode) else _text(file, node, key)


def _number(file: YamlFile, node: yaml.Node, key: str) -> float:
    text = _text(file, node, key)
    if not _NUMBER.fullmatch(text):
        raise file.refusal(node, f"{key} is no number", "a number", f"write '{key}: 0.5'", repr(text))
    return float(text)


def _whole(file: YamlFile, node: yaml.Node, key: str) -> int:
    text = _text(file, node, key)
    if not _WHOLE.fullmatch(text):
        raise file.refusal(node, f"{key} is no whole number", "a whole number", f"write '{key}: 2'", repr(text))
    return int(text)


def _switch(file: YamlFile, node: yaml.Node, key: str) -> bool:
    text = _text(file, node, key)
    if text not in _SWITCHES:
        raise file.refusal(node, f"{key} is a switch", "true or false", f"write '{key}: true'", repr(text))
    return _SWITCHES[text]


def _path(file: YamlFile, node: yaml.Node, key: str) -> str:
    """Path relative to the file."""
    _text(file, node, key)
    return str(file.path.absolute().parent / str(node.value).strip())


def _channel_table(file: YamlFile, node: yaml.Node, key: str) -> str:
    return PACKAGED if _text(file, node, key) == PACKAGED else _path(file, node, key)


def _scheduler(file: YamlFile, node: yaml.Node, key: str) -> str:
    """Address, or path of a scheduler file relative to this one."""
    path = _path(file, node, key)
    return path if path.endswith(".json") or Path(path).is_file() else _text(file, node, key)


def _security(file: YamlFile, node: yaml.Node, key: str) -> str | bool:
    return True if _text(file, node, key) == "true" else _path(file, node, key)


def _features(file: YamlFile, node: yaml.Node, key: str) -> list[Feature]:
    """Features of one line of text, or of a list of texts and of mappings from a name to parameters."""
    features: list[Feature] = []
    for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        with _at(file, each, key):
            if isinstance(each, yaml.MappingNode):
                features += [
                    create(name, {k: _plain(file, v, k) for k, v in file.entries(given, "parameters").items()})
                    for name, given in file.entries(each, "a name and its parameters").items()
                ]
            else:
                features += parse_features(_text(file, each, key))
    return features


def _plain(file: YamlFile, node: yaml.Node, key: str) -> Any:
    """Value of a parameter: texts stay texts, which the feature turns into what it needs."""
    if is_empty(node):
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_plain(file, each, key) for each in node.value]
    if isinstance(node, yaml.MappingNode):
        return {name: _plain(file, each, name) for name, each in file.entries(node, "a mapping").items()}
    return _text(file, node, key)


def _aliases(file: YamlFile, node: yaml.Node, key: str) -> dict[str, list[str]]:
    aliases = {}
    for name, each in file.entries(node, f"{key}: a mapping from names to lists of labels").items():
        aliases[name] = _texts(file, each, name)
        with _at(file, each, key):
            alias_names({name: aliases[name]})
    return aliases


def _montage(file: YamlFile, node: yaml.Node, key: str) -> dict[str, Any]:
    montage = {}
    for name, parts in file.entries(node, f"{key}: a mapping from names to parts").items():
        if not isinstance(parts, yaml.SequenceNode) or len(parts.value) != 2:
            expected = "an active channel and its reference, or a list of references"
            raise file.refusal(parts, f"{name} is no derivation", expected, "write 'C3-M2: [C3, M2]'")
        active, references = parts.value
        montage[name] = _text(file, active, name), _text_or_texts(file, references, name)
        with _at(file, parts, key):
            check_montage({name: montage[name]})
    return montage


def _units(file: YamlFile, node: yaml.Node, key: str) -> dict[str, str]:
    units = {}
    for name, each in file.entries(node, f"{key}: a mapping from types or names to units").items():
        with _at(file, each, key):
            units[name] = check_unit(name, _text(file, each, name))
    return units


def _run(file: YamlFile, node: yaml.Node, key: str) -> dict[str, Any]:
    run: dict[str, Any] = {}
    for name, each in file.entries(node, f"{key}: a mapping of settings", RUN).items():
        if not is_empty(each):
            read: Reader = _RUN_READERS.get(name, _text)
            with _at(file, each, f"{key}: {name}"):
                run |= check_run({name: read(file, each, name)})
    return run


_RUN_READERS: dict[str, Reader] = {
    **dict.fromkeys(("workers", "retries", "chunk_size"), _whole),
    "scheduler": _scheduler,
    "security": _security,
    "require_tls": _switch,
}
_READERS: dict[str, Reader] = {
    "features": _features,
    "min_coverage": _number,
    "channels": _text_or_texts,
    "channel_table": _channel_table,
    "layout": _path,
    "aliases": _aliases,
    "montage": _montage,
    "units": _units,
    "arrays": _switch,
    "run": _run,
}
