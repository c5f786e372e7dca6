"""Channel tables: one name for the many labels that recorders give to a channel, from YAML that users extend."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.signals.types import TYPES, UNKNOWN
from sleepdask.signals.yaml_file import YamlFile

_PACKAGED = Path(__file__).with_name("channels.yaml")
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
    return _over(_table(Path(path)), packaged)


def with_aliases(aliases: Mapping[str, Sequence[str]], table: ChannelTable | None = None) -> ChannelTable:
    """Put names of one's own over a table.

    Parameters
    ----------
    aliases
        Labels by canonical name; they mean what they would in a file that `load_channel_table` reads.
    table
        What they are put over; default the table of the package.

    Raises
    ------
    ParameterError
        A name or a label is no text, or one label has two names.

    Examples
    --------
    >>> table = with_aliases({"C3": ["1", "EEG 1"]})
    >>> canonical_name("1", table), canonical_name("EEG C3-A2", table)
    ('C3', 'C3-M2')
    """
    return _over(ChannelTable(alias_names(aliases), {}), _packaged() if table is None else table)


def alias_names(aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Name of each folded label; `ParameterError` as `with_aliases`."""
    names: dict[str, str] = {}
    for name, labels in aliases.items():
        listed = [] if isinstance(labels, str) else list(labels)
        if not listed or not all(isinstance(text, str) and text.strip() for text in (name, *listed)):
            raise ParameterError("no labels", where=f"aliases of {name!r}", expected="a list", found=repr(labels))
        names[fold(name)] = name
    if len(names) < len(aliases):
        raise ParameterError("a name is there twice", where="aliases", found=", ".join(aliases))
    for name, labels in aliases.items():
        for label in labels:
            if (other := names.setdefault(fold(label), name)) != name:
                found = f"{other!r} and {name!r}"
                raise ParameterError(f"the label {label!r} has two names", where="aliases", found=found)
    return names


def _over(own: ChannelTable, base: ChannelTable) -> ChannelTable:
    names = {label: own.names.get(fold(name), name) for label, name in base.names.items()} | dict(own.names)
    types = {own.names.get(fold(name), name): kind for name, kind in base.types.items()} | dict(own.types)
    return ChannelTable(names, types)


@cache
def _packaged() -> ChannelTable:
    return _table(_PACKAGED)


def _table(path: Path) -> ChannelTable:
    file = YamlFile.read(path, "channel table", "C3-M2: {type: eeg, aliases: [C3-A2]}")
    names: dict[str, str] = {}
    types: dict[str, str] = {}
    entries = list(file.items(file.root, "a mapping from names to entries"))
    for key, entry in entries:
        name = file.text(key, "a name")
        if names.setdefault(fold(name), name) != name or name in types:
            raise file.refusal(key, f"the name {name!r} is there twice", "one entry a name", "join the two entries")
        types[name] = _type(entry, file)
    for key, entry in entries:
        name = file.text(key, "a name")
        for alias in _aliases(entry, file):
            label = file.text(alias, "a label")
            if (other := names.setdefault(fold(label), name)) != name:
                what = f"the label {label!r} has two names"
                raise file.refusal(alias, what, "one name", "take it out of one", f"{other!r} and {name!r}")
    return ChannelTable(names, {name: kind for name, kind in types.items() if kind})


def _entry(node: yaml.Node, file: YamlFile) -> dict[str, yaml.Node]:
    """Values of an entry by key; an entry left empty has none."""
    return file.entries(node, "type and aliases", ("type", "aliases"))


def _type(entry: yaml.Node, file: YamlFile) -> str:
    node = _entry(entry, file).get("type")
    if node is None:
        return ""
    kind, choices = file.text(node, "a signal type"), [name for name in TYPES if name != UNKNOWN]
    if kind not in choices:
        fix = did_you_mean(kind, choices)
        raise file.refusal(node, "unknown signal type", f"one of {', '.join(choices)}", fix, repr(kind))
    return kind


def _aliases(entry: yaml.Node, file: YamlFile) -> list[yaml.Node]:
    node = _entry(entry, file).get("aliases")
    if node is None:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise file.refusal(node, "aliases are no list", "a list of labels", "write 'aliases: [C3-A2]'")
    return list(node.value)
