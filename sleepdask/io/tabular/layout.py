"""What a table holds that no reader knows: said by whoever has it, checked, and read from a mapping or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, cast

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.io.streams import Channel
from sleepdask.io.tabular.format import TableFormat
from sleepdask.io.tabular.layout_file import read_layout
from sleepdask.io.tabular.times import UNITS, TimeFormat
from sleepdask.signals.recording import ANNOTATIONS
from sleepdask.signals.types import TYPES
from sleepdask.times import to_ns
from sleepdask.zones import Zone

UNKNOWN = "unknown"
_CHANNEL_KEYS = ("label", "unit", "type", "sensor")
_WITH_OFFSET = Zone.of("UTC")  # reads texts with an offset, of whatever zone


@dataclass(frozen=True)
class TableLayout:
    """What the columns of a CSV, TSV or Parquet file hold.

    Parameters
    ----------
    channels
        Columns of samples: a list of their names; or by the name of the column its unit, or a mapping with any of
        ``unit``, ``type`` (one of `sleepdask.signals.types.TYPES`), ``label`` (name of the channel, if it is not that
        of the column) and ``sensor``.
    time
        Column of the times, or columns that make a time together, such as of a date and of a time of day. None:
        `rate` and `start` tell them.
    time_format
        "iso" (ISO 8601); "seconds", "milliseconds", "microseconds" or "nanoseconds" since `time_origin`; or a
        pattern such as ``"%d.%m.%Y %H:%M:%S"``. A date such as 03/04/2024 needs one.
    time_origin
        What numbers count from: a date with time as in ISO 8601, of the device's clock, or of UTC with a Z at its
        end. "unknown": the start of a recording whose date nobody knows. None: 1970 in UTC.
    rate
        Samples a second, such as 25, 12.5 or "1/60". With times it is what the device states; they must be near to it.
    start
        Time of the first row, where no column has times, as `time_origin`. None: nobody knows.
    delimiter
        Between cells. None: the one of comma, semicolon, tab and bar that makes the columns that are needed.
    decimal
        Decimal point, "." or ",".
    skip
        Lines before the one with the names of the columns, or before the first row where `names` are given.
    names
        Of all columns, where the file does not have them.
    nulls
        Texts that mean that a value is missing, such as "--".
    encoding
        Of the text, unless the file begins with the mark of another one.
    quoted
        Whether quotation marks hold cells together.
    node
        Name of the node of the recording.

    Raises
    ------
    ParameterError
        A field is not what it should be, or the fields do not go together.

    Examples
    --------
    >>> layout = TableLayout({"Pulse": {"unit": "bpm", "label": "hr", "type": "hr"}}, time="When", node="watch")
    >>> layout.columns
    ('Pulse',)
    """

    channels: Mapping[str, Any] | Sequence[str]
    time: str | Sequence[str] | None = None
    time_format: str = "iso"
    time_origin: str | None = None
    rate: float | str | Fraction | None = None
    start: str | None = None
    delimiter: str | None = None
    decimal: str = "."
    skip: int = 0
    names: Sequence[str] | None = None
    nulls: Sequence[str] = ("",)
    encoding: str = "utf-8"
    quoted: bool = True
    node: str = "table"

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "channels", tuple(_channels(self.channels)))
        put(self, "time", _texts(self.time, "time"))
        put(self, "names", None if self.names is None else _texts(self.names, "names"))
        put(self, "nulls", _texts(self.nulls, "nulls"))
        put(self, "rate", None if self.rate is None else _rate(self.rate))
        self._check_node()
        if self.time and self.start is not None:
            raise ParameterError("a table with times needs no start", where="layout", fix="leave start away")
        if not self.time and self.rate is None:
            fix = "name the column of the times (time), or say the rate, with start if it is known"
            raise ParameterError("nothing tells the times of the rows", where="layout", fix=fix)
        if not self.time and (self.time_format != "iso" or self.time_origin is not None):
            raise ParameterError("there is no column of times to have a format", where="layout", fix="name it (time)")
        self.text_format(self.delimiter or "\t")
        self.times_format()
        self.moment(self.start, "start")

    def __hash__(self) -> int:
        return hash((self.columns, self.time, self.rate, self.node))

    @classmethod
    def of(cls, layout: TableLayout | Mapping[str, Any] | str | os.PathLike[str]) -> TableLayout:
        """A layout itself, of a mapping, or of a YAML file."""
        if isinstance(layout, TableLayout):
            return layout
        return cls.from_mapping(layout) if isinstance(layout, Mapping) else cls.from_file(layout)

    @classmethod
    def from_mapping(cls, layout: Mapping[str, Any], *, where: object = "layout") -> TableLayout:
        """Layout of its fields by name.

        Raises
        ------
        ParameterError
            A field is unknown, or not what it should be.

        Examples
        --------
        >>> TableLayout.from_mapping({"time": ["Date", "Time"], "channels": {"SpO2": "%"}}).time
        ('Date', 'Time')
        """
        known = [field.name for field in fields(cls)]
        for name in layout:
            if name not in known:
                fix = did_you_mean(str(name), known)
                raise ParameterError(f"unknown field {name!r}", where=where, expected=", ".join(known), fix=fix)
        if "channels" not in layout:
            raise ParameterError("the channels are missing", where=where, expected="columns, with their units")
        return cls(**layout)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> TableLayout:
        r"""Layout of a YAML file of its fields.

        Raises
        ------
        FileFormatError
            It cannot be read, or is no YAML.
        ParameterError
            A field is unknown, or not what it should be.

        Examples
        --------
        >>> from pathlib import Path
        >>> _ = Path("watch.yaml").write_text("time: When\nchannels: {Pulse: bpm}\nnode: watch\n")
        >>> TableLayout.from_file("watch.yaml").node
        'watch'
        """
        return cls.from_mapping(read_layout(path), where=path)

    def document(self) -> dict[str, Any]:
        """Itself as JSON types, what goes without saying left out; `from_mapping` gives it back.

        Examples
        --------
        >>> TableLayout(["Pulse"], rate="1/2").document()
        {'channels': {'Pulse': {'label': 'Pulse'}}, 'rate': '1/2'}
        """
        said = {
            column: {"label": one.label, "unit": one.unit, "type": one.signal_type, "sensor": one.sensor}
            for column, one in self._pairs
        }
        document: dict[str, Any] = {
            "channels": {column: {key: text for key, text in each.items() if text} for column, each in said.items()}
        }
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if value not in (field.default, ()):
                document[field.name] = _plain(value)
        return document

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of samples, in the order of the channels."""
        return tuple(column for column, _ in self._pairs)

    @property
    def outputs(self) -> tuple[Channel, ...]:
        """The channels."""
        return tuple(channel for _, channel in self._pairs)

    @property
    def times(self) -> tuple[str, ...]:
        """Columns of times."""
        return cast("tuple[str, ...]", self.time)

    @property
    def needed(self) -> tuple[str, ...]:
        """All columns that are read."""
        return tuple(dict.fromkeys((*self.times, *self.columns)))

    @property
    def period(self) -> Fraction | None:
        """Ns from one row to the next, if the rate is stated."""
        return None if self.rate is None else 1_000_000_000 / cast("Fraction", self.rate)

    @property
    def undated(self) -> bool:
        """Whether nobody knows the date."""
        return self.time_origin == UNKNOWN if self.time else self.start in (None, UNKNOWN)

    def text_format(self, delimiter: str) -> TableFormat:
        """How a text of this layout is cut."""
        names: Any = self.names
        nulls: Any = self.nulls
        return TableFormat(delimiter, self.skip, names, self.encoding, nulls, self.needed, self.quoted, self.decimal)

    def times_format(self, zone: Zone | None = None) -> TimeFormat:
        """How times are written; with the zone of the device's clock, a local origin of numbers is an instant."""
        if "%" in self.time_format:
            return TimeFormat("strptime", self.time_format)
        if self.time_format not in ("iso", *UNITS):
            expected = f"iso, {', '.join(UNITS)}, or a pattern such as '%d.%m.%Y %H:%M:%S'"
            fix = did_you_mean(self.time_format, ["iso", *UNITS])
            found = repr(self.time_format)
            raise ParameterError("unknown time_format", where="layout", expected=expected, found=found, fix=fix)
        if self.time_origin is not None and self.time_format not in UNITS:
            raise ParameterError(
                "only numbers have an origin", where="layout", found=f"time_format {self.time_format!r}"
            )
        if self.time_format == "iso":
            return TimeFormat()
        origin, instant = self.moment(self.time_origin, "time_origin", zone)
        return TimeFormat(self.time_format, origin=origin or 0, aware=self.time_origin is None or instant)

    def moment(self, text: str | None, name: str, zone: Zone | None = None) -> tuple[int | None, bool]:
        """Time that a field tells in ns, and whether it is an instant; no time if it tells none.

        With the zone of the device's clock, local times become instants.
        """
        if text is None or text == UNKNOWN:
            return None, False
        if not isinstance(text, str):
            text = str(text)
        if _has_offset(text):
            return to_ns(text, name, _WITH_OFFSET), True
        return to_ns(text, name, zone), zone is not None

    @property
    def _pairs(self) -> tuple[tuple[str, Channel], ...]:
        return cast("tuple[tuple[str, Channel], ...]", self.channels)

    def _check_node(self) -> None:
        if not self.node or "/" in self.node or self.node == ANNOTATIONS or self.node.startswith("."):
            raise ParameterError(
                "no name for a node", where="layout", expected="such as 'watch'", found=repr(self.node)
            )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Fraction) else value


def _has_offset(text: str) -> bool:
    clock = text.strip().upper().partition("T")[2] or text.strip().upper().partition(" ")[2]
    return clock.endswith("Z") or "+" in clock or "-" in clock


def _channels(given: Mapping[str, Any] | Sequence[Any]) -> list[tuple[str, Channel]]:
    if isinstance(given, str) or not given:
        raise ParameterError("no channels", where="layout", expected="columns, with their units", found=repr(given))
    if not isinstance(given, Mapping):
        if all(isinstance(each, tuple) and len(each) == 2 and isinstance(each[1], Channel) for each in given):
            return list(given)  # made by this class before
        given = dict.fromkeys(_texts(given, "channels"))
    found = [(str(column), _channel(str(column), what)) for column, what in given.items()]
    labels = [channel.label for _, channel in found]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise ParameterError("two channels have the same label", where="layout", found=repr(twice[0]))
    return found


def _channel(column: str, what: Any) -> Channel:
    where = f"layout, channel {column!r}"
    if what is None or isinstance(what, str):
        return Channel(column, what or "")
    if not isinstance(what, Mapping):
        raise ParameterError("not a channel", where=where, expected="its unit, or a mapping", found=repr(what))
    for key in what:
        if key not in _CHANNEL_KEYS:
            expected, fix = ", ".join(_CHANNEL_KEYS), did_you_mean(str(key), _CHANNEL_KEYS)
            raise ParameterError(f"unknown key {key!r}", where=where, expected=expected, fix=fix)
    kind = what.get("type") or ""
    if kind and kind not in TYPES:
        expected, fix = ", ".join(TYPES), did_you_mean(str(kind), list(TYPES))
        raise ParameterError(f"unknown type {kind!r}", where=where, expected=expected, fix=fix)
    return Channel(what.get("label") or column, what.get("unit") or "", kind, what.get("sensor") or "")


def _texts(value: Any, name: str) -> tuple[str, ...]:
    texts = () if value is None else (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(text, str) for text in texts):
        raise ParameterError(f"{name} is not a list of texts", where="layout", found=repr(value))
    return texts


def _rate(value: Any) -> Fraction:
    try:
        rate = value if isinstance(value, Fraction) else Fraction(str(value).replace(" ", ""))
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        expected = "Hz above 0, such as 25, 12.5 or 1/60"
        raise ParameterError("no sampling rate", where="layout", expected=expected, found=repr(value))
    return rate
