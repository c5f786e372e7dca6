"""A file of scores as bytes, text, lines or XML, each made once and only when asked for."""

from __future__ import annotations

import os
from functools import cached_property
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.remote.file import RemoteFile, named
from sleepdask.io.source import open_source
from sleepdask.zones import Zone

_PACKED = (b"\x1f\x8b", b"PK\x03\x04")  # gzip; ZIP, which workbooks are too
_LARGEST = 256 << 20  # bytes; a week of 1 s epochs with their times is a tenth of it
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class ScoreFile:
    """A file that is being read, the findings about it, and the zone of its local times, if known."""

    def __init__(self, path: str | os.PathLike[str] | RemoteFile, findings: Findings, zone: Zone | None = None) -> None:
        self.path = named(path)
        self.zone = zone
        self.findings = findings
        with open_source(path) as file:
            self.head = file.read(0, 256)
        if not self.head:
            raise self.refusal("the file is empty")
        if self.head.startswith(_PACKED):
            fix = "unpack it, or export a workbook as CSV"
            raise self.refusal("the file is compressed", expected="text or EDF+", found="gzip or ZIP", fix=fix)

    def refusal(
        self, what: str, *, line: int = 0, expected: object = None, found: object = None, fix: str = ""
    ) -> FileFormatError:
        """Error about the file, and one of its lines (counted from 1)."""
        where = f"{self.path}, line {line}" if line else self.path
        return FileFormatError(what, where=where, expected=expected, found=found, fix=fix)

    @cached_property
    def raw(self) -> bytes:
        """All bytes."""
        with open_source(self.path) as file:
            if file.size > _LARGEST:
                most = f"at most {_LARGEST >> 20} MiB"
                raise self.refusal("the file is too large for scores", expected=most, found=file.size)
            return file.read(0, file.size)

    @cached_property
    def text(self) -> str:
        """All text: UTF-8, UTF-16 with or without its mark, else Windows-1252, which is a finding."""
        raw = self.raw
        encoding = next((name for mark, name in _BYTE_ORDER_MARKS if raw.startswith(mark)), "utf-8")
        if encoding == "utf-8" and (half := len(raw) // 2):
            for name, zeros in (("utf-16-le", raw[1::2]), ("utf-16-be", raw[0::2])):
                encoding = name if zeros.count(0) > half // 2 else encoding
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            if encoding != "utf-8":
                raise self.refusal(f"the text is no valid {encoding}, as its first bytes promise") from error
            text = self._windows_text()
        if "\0" in text:
            raise self.refusal("the text has NUL bytes", fix="export it again")
        return text

    def _windows_text(self) -> str:
        try:
            text = self.raw.decode("cp1252")
        except UnicodeDecodeError as error:
            raise self.refusal("the file is neither text nor EDF+", expected="UTF-8, UTF-16 or Windows-1252") from error
        if any(byte < 32 and byte not in (9, 10, 12, 13) for byte in set(self.raw)):
            raise self.refusal("the file is neither text nor EDF+", found="control characters")
        self.findings.warn("encoding", "the text is not UTF-8", "it is read as Windows-1252")
        return text

    @cached_property
    def lines(self) -> list[str]:
        """All lines, without their ends; ends of lines are those of files only, not every mark of Unicode."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")

    @property
    def is_xml(self) -> bool:
        """Whether the file begins as XML does, in any encoding."""
        return self.head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")

    @cached_property
    def root(self) -> Element:
        """Root of the XML; entities and document types are refused, as they can name files and blow up memory."""
        try:
            root: Element = fromstring(self.raw, forbid_dtd=True)
        except DefusedXmlException as error:
            raise self.refusal("the XML defines entities or a document type, which scores never need") from error
        except (ParseError, LookupError, ValueError) as error:
            raise self.refusal("the XML is broken", found=str(error)[:80], fix="export it again") from error
        return root

    def has_root(self, tag: str) -> bool:
        """Whether the file is XML with that root element."""
        return self.is_xml and self.root.tag.rpartition("}")[2] == tag
