"""A layout of a table as a YAML file: plain texts, lists and mappings of them."""

from __future__ import annotations

import os
from typing import Any

import yaml

from sleepdask.signals.yaml_file import YamlFile, is_empty

_NUMBERS = ("skip",)
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}
_AS_WRITTEN = ("delimiter", "nulls")
_EXAMPLE = "time: Timestamp"


def read_layout(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Fields of a layout, as `TableLayout` takes them.

    Raises
    ------
    FileFormatError
        It cannot be read, is no YAML, or a field is not what it should be; the message tells the line.
    """
    file = YamlFile.read(path, "layout of a table", _EXAMPLE)
    return {name: _field(file, name, node) for name, node in file.entries(file.root, "fields of a layout").items()}


def _field(file: YamlFile, name: str, node: yaml.Node) -> Any:
    if name == "channels" and isinstance(node, yaml.MappingNode):
        return {column: _channel(file, each) for column, each in file.entries(node, "channels").items()}
    if isinstance(node, yaml.SequenceNode):
        return [_text(file, name, each) for each in node.value]
    if is_empty(node):
        return None
    text = _text(file, name, node)
    if name in _NUMBERS:
        if not text.isdecimal():
            raise file.refusal(node, f"{name} is no number", "0 or more", "write digits", repr(text))
        return int(text)
    if name == "quoted":
        if text.lower() not in _FLAGS:
            raise file.refusal(node, f"{name} is neither true nor false", "true or false", "write one", repr(text))
        return _FLAGS[text.lower()]
    return text


def _channel(file: YamlFile, node: yaml.Node) -> Any:
    if is_empty(node):
        return None
    if isinstance(node, yaml.MappingNode):
        return {
            key: None if is_empty(value) else file.text(value, key) for key, value in file.entries(node, "").items()
        }
    return file.text(node, "a unit")


def _text(file: YamlFile, name: str, node: yaml.Node) -> str:
    if name in _AS_WRITTEN and isinstance(node, yaml.ScalarNode):
        return str(node.value)  # a tab, or nothing at all, means something here
    return file.text(node, name)
