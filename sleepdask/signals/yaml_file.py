"""YAML that people write: read as nodes, which know their lines, so that every text stays as it was written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from sleepdask.errors import FileFormatError, did_you_mean

_LARGEST = 1 << 20  # bytes
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class YamlFile:
    """Nodes of a YAML file; no object is made of them.

    Parameters
    ----------
    path
        The file.
    kind
        What it should be, for messages, such as "channel table".
    example
        One right line, for messages.
    root
        Its nodes; None if it is empty.
    """

    path: Path
    kind: str
    example: str
    root: yaml.Node | None

    @classmethod
    def read(cls, path: str | os.PathLike[str], kind: str, example: str) -> YamlFile:
        """Read a file of at most 1 MiB.

        Raises
        ------
        FileFormatError
            It cannot be read, is too large, or is no YAML; the message tells the line.
        """
        path = Path(path)
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise FileFormatError(f"no {kind}", where=path, found=error.strerror, fix="check the path") from None
        if len(raw) > _LARGEST:
            raise FileFormatError(f"too large for a {kind}", where=path, expected="at most 1 MiB")
        try:
            root: yaml.Node | None = yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else "?"
            fix = "put labels with : or # into quotes"
            raise FileFormatError("not YAML", where=f"{path}, line {line}", found=error.problem, fix=fix) from None
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            expected, found = "text in UTF-8", type(error).__name__
            raise FileFormatError("not YAML", where=path, expected=expected, found=found) from None
        return cls(path, kind, example, root)

    def items(self, node: yaml.Node | None, expected: str) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Pairs of a mapping; none where nothing is written."""
        if node is None or is_empty(node):
            return
        if not isinstance(node, yaml.MappingNode):
            raise self.refusal(node, f"not a {self.kind}", expected, f"write '{self.example}'")
        yield from node.value

    def entries(self, node: yaml.Node | None, expected: str, keys: Sequence[str] = ()) -> dict[str, yaml.Node]:
        """Values of a mapping by key, none of which is there twice; only some keys may be known."""
        values: dict[str, yaml.Node] = {}
        for key, value in self.items(node, expected):
            name = self.text(key, "a key")
            if keys and name not in keys:
                known = " or ".join(part for part in (", ".join(keys[:-1]), keys[-1]) if part)
                raise self.refusal(key, f"unknown key {name!r}", known, did_you_mean(name, keys))
            if name in values:
                raise self.refusal(key, f"{name!r} is there twice", "each key once", "join the two")
            values[name] = value
        return values

    def text(self, node: yaml.Node, expected: str) -> str:
        """Text of a node as it is written: a label such as 1, no or 1-2 needs no quotes."""
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or node.value == "<<":
            raise self.refusal(node, f"not {expected}", "a text", "write it on one line, in quotes if need be")
        return " ".join(str(node.value).split())

    def refusal(self, node: yaml.Node, what: str, expected: str, fix: str, found: str | None = None) -> FileFormatError:
        """Error about a node, with its line."""
        return FileFormatError(what, where=self.line(node), expected=expected, found=found, fix=fix)

    def line(self, node: yaml.Node) -> str:
        """Where a node is written."""
        return f"{self.path}, line {node.start_mark.line + 1}"


def is_empty(node: yaml.Node) -> bool:
    """Whether nothing is written where a value could be."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL
