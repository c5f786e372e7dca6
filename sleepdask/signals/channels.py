"""Channel tables: one name for the many labels that recorders give to a channel, from YAML that users extend."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from sleepdask.errors import FileFormatError, did_you_mean
from sleepdask.signals.types import TYPES, UNKNOWN

_PACKAGED = Path(__file__).with_name("channels.yaml")
_LARGEST = 1 << 20  # bytes
_NULL = "tag:yaml.org,2002:null"
_KEYS = ("type", "aliases")
_REPEAT = re.compile(r" #\d+$")


@dataclass(frozen=True)
class ChannelTable:
    """Canonical names of channels.

    Parameters
    ----------
    names
        Canonical name of each known label, which is folded as `fold` does; a canonical name is a label of itself.
    types
        Signal type by canonical name, of those that state one.
    """

    names: Mapping[str, str]
    types: Mapping[str, str]

    def name(self, label: str) -> str | None:
        """Canonical name of a label, also of one that got a number as a repeat; None if it is not known."""
        return self.names.get(fold(label)) or self.names.get(fold(_REPEAT.sub("", label)))


def fold(label: str) -> str:
    """Label as it is compared: lower case, runs of blanks as one."""
    return " ".join(label.split()).casefold()


def canonical_name(label: str, table: ChannelTable | None = None) -> str:
    """Name of a channel by a table; a label that it does not know stays as it is.

    Parameters
    ----------
    label
        Label of the channel.
    table
        As `load_channel_table` gives it; default the table of the package.

    Examples
    --------
    >>> canonical_name("EEG C3-A2"), canonical_name("thor res"), canonical_name("EEG(sec)")
    ('C3-M2', 'Thorax', 'EEG(sec)')
    """
    return (load_channel_table() if table is None else table).name(label) or label


def load_channel_table(path: str | os.PathLike[str] | None = None) -> ChannelTable:
    """Read a table of channel names and put it over the one of the package.

    Parameters
    ----------
    path
        A YAML file of ``canonical name: {type: ..., aliases: [...]}``, both optional. Its entries win: a label it
        names gets its name, and a name of the package that it calls an alias goes there with all its labels. None:
        the table of the package alone, `sleepdask/signals/channels.yaml`.

    Returns
    -------
    table
        Names and types.

    Raises
    ------
    FileFormatError
        It is no such file, a type is unknown, or one label has two names; the message tells the line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    ...     print("C4-M1: {aliases: [EEG]}", file=file, flush=True)
    ...     table = load_channel_table(file.name)
    >>> canonical_name("EEG", table), canonical_name("C4-A1", table), table.types["C4-M1"]
    ('C4-M1', 'C4-M1', 'eeg')
    """
    packaged = _packaged()
    if path is None:
        return packaged
    own = _table(Path(path))
    names = {label: own.names.get(fold(name), name) for label, name in packaged.names.items()} | dict(own.names)
    types = {own.names.get(fold(name), name): kind for name, kind in packaged.types.items()} | dict(own.types)
    return ChannelTable(names, types)


@cache
def _packaged() -> ChannelTable:
    return _table(_PACKAGED)


def _table(path: Path) -> ChannelTable:
    names: dict[str, str] = {}
    types: dict[str, str] = {}
    entries = list(_items(_parsed(path), path, "a mapping from names to entries"))
    for key, entry in entries:
        name = _text(key, path, "a name")
        if names.setdefault(fold(name), name) != name or name in types:
            raise _refusal(path, key, f"the name {name!r} is there twice", "one entry a name", "join the two entries")
        types[name] = _type(entry, path)
    for key, entry in entries:
        name = _text(key, path, "a name")
        for alias in _aliases(entry, path):
            label = _text(alias, path, "a label")
            if (other := names.setdefault(fold(label), name)) != name:
                what = f"the label {label!r} has two names"
                raise _refusal(path, alias, what, "one name", "take it out of one", f"{other!r} and {name!r}")
    return ChannelTable(names, {name: kind for name, kind in types.items() if kind})


def _parsed(path: Path) -> yaml.Node | None:
    """Nodes of a YAML file, which know their lines; no object is made of them."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileFormatError("no channel table", where=path, found=error.strerror, fix="check the path") from None
    if len(raw) > _LARGEST:
        raise FileFormatError("too large for a channel table", where=path, expected="at most 1 MiB")
    try:
        root: yaml.Node | None = yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise FileFormatError(
            "not YAML", where=f"{path}, line {line}", found=error.problem, fix="put labels with : or # into quotes"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise FileFormatError("not YAML", where=path, expected="text in UTF-8", found=type(error).__name__) from None
    return root


def _items(node: yaml.Node | None, path: Path, expected: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == _NULL):  # nothing is written
        return
    if not isinstance(node, yaml.MappingNode):
        raise _refusal(path, node, "not a channel table", expected, "write 'C3-M2: {type: eeg, aliases: [C3-A2]}'")
    yield from node.value


def _entry(node: yaml.Node, path: Path) -> dict[str, yaml.Node]:
    """Values of an entry by key; an entry left empty has none."""
    values: dict[str, yaml.Node] = {}
    for key, value in _items(node, path, "type and aliases"):
        name = _text(key, path, "a key")
        if name not in _KEYS:
            raise _refusal(path, key, f"unknown key {name!r}", " or ".join(_KEYS), did_you_mean(name, _KEYS))
        if name in values:
            raise _refusal(path, key, f"{name!r} is there twice", "each key once", "join the two")
        values[name] = value
    return values


def _type(entry: yaml.Node, path: Path) -> str:
    node = _entry(entry, path).get("type")
    if node is None:
        return ""
    kind, choices = _text(node, path, "a signal type"), [name for name in TYPES if name != UNKNOWN]
    if kind not in choices:
        fix = did_you_mean(kind, choices)
        raise _refusal(path, node, "unknown signal type", f"one of {', '.join(choices)}", fix, repr(kind))
    return kind


def _aliases(entry: yaml.Node, path: Path) -> list[yaml.Node]:
    node = _entry(entry, path).get("aliases")
    if node is None:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise _refusal(path, node, "aliases are no list", "a list of labels", "write 'aliases: [C3-A2]'")
    return list(node.value)


def _text(node: yaml.Node, path: Path, expected: str) -> str:
    """Text of a node as it is written: a label such as 1, no or 1-2 needs no quotes."""
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or node.value == "<<":
        raise _refusal(path, node, f"not {expected}", "a text", "write it on one line, in quotes if need be")
    return " ".join(str(node.value).split())


def _refusal(
    path: Path, node: yaml.Node, what: str, expected: str, fix: str, found: str | None = None
) -> FileFormatError:
    line = node.start_mark.line + 1
    return FileFormatError(what, where=f"{path}, line {line}", expected=expected, found=found, fix=fix)
