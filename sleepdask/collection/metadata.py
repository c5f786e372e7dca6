"""What is known of signals, of features and of a collection: values that are checked, and JSON when asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from uuid import uuid4

from sleepdask import __version__
from sleepdask.collection.words import known_type
from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.times import duration_ns
from sleepdask.zones import Zone

_PRIVATE_OF_SIGNALS = ("sensor_info",)  # a serial number, say
_PRIVATE = ("subject_id", "session_id", "study_info", "device_info", "notes", "data_acquisition_notes")


@dataclass(frozen=True)
class Step:
    """One operation that was applied, with all that it needs to be applied again.

    Parameters
    ----------
    operation
        Name in the registry.
    parameters
        All of them, defaults too, as JSON types.
    version
        Of the operation.
    package
        Version of sleepdask that applied it.
    """

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    package: str = __version__

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", as_json(self.parameters, self.operation))

    def document(self) -> dict[str, Any]:
        """Itself as JSON types."""
        return {
            "operation": self.operation,
            "parameters": dict(self.parameters),
            "version": self.version,
            "package": self.package,
        }


@dataclass(frozen=True)
class Parent:
    """Where something was derived from: a key, and the number of the last operation that this one had seen by then.

    -1: none, it was as it had been added.
    """

    key: str
    operation: int = -1


@dataclass(frozen=True)
class TimeSeriesMetadata:
    """What is known of one signal of a collection.

    Parameters
    ----------
    signal_id
        Made up, unique.
    name
        For people; default the key.
    signal_type
        A key of `sleepdask.signals.types.TYPES`, "magnitude", "angle", "sleep_stage", or "mixed".
    sample_rate
        Hz; None if samples come at any times.
    units
        By column.
    start_time, end_time
        Of the first sample, and of the end of the last one's period; ISO 8601.
    derived_from
        What it was derived from, here.
    operations
        All that were applied to it, in order.
    temporary
        Whether it is left out of combined tables.
    sensor_type, sensor_model, body_position
        What measured it, and where.
    sensor_info
        Further texts; may name a device, and `document` leaves them out unless asked.
    source_files, merged
        Names of its files, and whether it is several of them in one.
    framework_version
        Version of sleepdask that it was added with.
    """

    signal_id: str = field(default_factory=lambda: uuid4().hex)
    name: str = ""
    signal_type: str = "unknown"
    sample_rate: float | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    start_time: str = ""
    end_time: str = ""
    derived_from: tuple[Parent, ...] = ()
    operations: tuple[Step, ...] = ()
    temporary: bool = False
    sensor_type: str = ""
    sensor_model: str = ""
    body_position: str = ""
    sensor_info: Mapping[str, str] = field(default_factory=dict)
    source_files: tuple[str, ...] = ()
    merged: bool = False
    framework_version: str = __version__

    def __post_init__(self) -> None:
        object.__setattr__(self, "signal_type", known_type(self.signal_type))
        object.__setattr__(self, "source_files", _texts(self.source_files, "source_files"))
        for name in ("units", "sensor_info"):
            object.__setattr__(self, name, _texts_by_name(getattr(self, name), name))
        _check_kinds(self, str, "name", "sensor_type", "sensor_model", "body_position")
        _check_kinds(self, bool, "temporary", "merged")

    def document(self, *, identity: bool = False) -> dict[str, Any]:
        """Itself as JSON types, without what may name a device unless `identity` is True."""
        return {name: value for name, value in _document(self).items() if identity or name not in _PRIVATE_OF_SIGNALS}


FACTS = frozenset(
    {
        *("signal_id", "sample_rate", "units", "start_time", "end_time", "derived_from", "operations"),
        *("feature_id", "epoch_window_length", "epoch_step_size", "epoch_grid", "feature_names"),
        *("source_signal_keys", "source_signal_ids", "framework_version"),
    }
)
"""Fields that follow from the data, which nobody sets."""


@dataclass(frozen=True)
class FeatureMetadata:
    """What is known of one set of features of a collection.

    Parameters
    ----------
    feature_id
        Made up, unique.
    name
        For people; default the key.
    feature_type
        Such as "statistical", "spectral", "categorical_mode", "custom".
    epoch_window_length, epoch_step_size
        In seconds, as used: also where an operation was given a window of its own.
    epoch_grid
        The epochs, exact: fields of `sleepdask.epochs.EpochGrid`, in ns.
    operations
        What computed it.
    feature_names
        Its columns, without the keys of signals.
    source_signal_keys, source_signal_ids
        Signals that it was computed on.
    derived_from
        The same, with what had been done to them by then.
    sensor_type, sensor_model, body_position
        Those of the signals; "mixed" where they differ.
    framework_version
        Version of sleepdask that made it.
    """

    feature_id: str = field(default_factory=lambda: uuid4().hex)
    name: str = ""
    feature_type: str = "custom"
    epoch_window_length: float = 0.0
    epoch_step_size: float = 0.0
    epoch_grid: Mapping[str, Any] = field(default_factory=dict)
    operations: tuple[Step, ...] = ()
    feature_names: tuple[str, ...] = ()
    source_signal_keys: tuple[str, ...] = ()
    source_signal_ids: tuple[str, ...] = ()
    derived_from: tuple[Parent, ...] = ()
    sensor_type: str = ""
    sensor_model: str = ""
    body_position: str = ""
    framework_version: str = __version__

    def __post_init__(self) -> None:
        object.__setattr__(self, "epoch_grid", dict(self.epoch_grid))
        _check_kinds(self, str, "name", "feature_type", "sensor_type", "sensor_model", "body_position")

    def document(self) -> dict[str, Any]:
        """Itself as JSON types."""
        return _document(self)


@dataclass(frozen=True)
class CollectionMetadata:
    """What is known of a collection as a whole.

    Parameters
    ----------
    collection_id
        Name of the recording.
    timezone
        Zone of its clock; empty: times are local, and nobody knows where.
    subject_id, session_id, study_info, device_info, notes, data_acquisition_notes
        May name people; `document` leaves them out unless asked.
    protocol_id
        Of the study.
    start_datetime, end_datetime
        Of the session, as text.
    index_config, feature_index_config
        Fields of the metadata that become levels of the columns of combined tables.
    epoch_grid_config
        ``window_length`` and ``step_size`` of epochs.
    """

    collection_id: str = ""
    subject_id: str = ""
    session_id: str = ""
    start_datetime: str = ""
    end_datetime: str = ""
    timezone: str = ""
    study_info: Mapping[str, Any] = field(default_factory=dict)
    device_info: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""
    protocol_id: str = ""
    data_acquisition_notes: str = ""
    index_config: tuple[str, ...] = ()
    feature_index_config: tuple[str, ...] = ()
    epoch_grid_config: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.timezone:
            object.__setattr__(self, "timezone", Zone.of(self.timezone).name)
        for name in ("study_info", "device_info", "epoch_grid_config"):
            object.__setattr__(self, name, as_json(getattr(self, name), name))
        for name, of in (("index_config", TimeSeriesMetadata), ("feature_index_config", FeatureMetadata)):
            wanted = _texts(getattr(self, name), name)
            for each in wanted:
                check_field(each, of)
            object.__setattr__(self, name, wanted)
        for name in self.epoch_grid_config:
            if name not in (choices := ("window_length", "step_size")):
                fix = did_you_mean(name, choices)
                raise ParameterError(
                    f"unknown setting {name!r}", where="epoch_grid_config", expected=" or ".join(choices), fix=fix
                )
        for name, value in self.epoch_grid_config.items():
            if duration_ns(value, name) <= 0:
                raise ParameterError(f"{name} must be longer than zero", found=repr(value))

    def document(self, *, identity: bool = False) -> dict[str, Any]:
        """Itself as JSON types, without what may name people unless `identity` is True."""
        return {name: value for name, value in _document(self).items() if identity or name not in _PRIVATE}


def check_field(name: str, of: type[TimeSeriesMetadata | FeatureMetadata | CollectionMetadata]) -> None:
    """Raise `ParameterError` unless metadata have a field of this name; the nearest one is suggested."""
    known = [each.name for each in fields(of)]
    if name not in known:
        raise ParameterError(
            f"no field {name!r}",
            where=of.__name__,
            expected=f"one of {', '.join(known)}",
            fix=did_you_mean(name, known),
        )


def check_settable(spec: Mapping[str, Any], of: type[TimeSeriesMetadata | FeatureMetadata]) -> None:
    """Raise `ParameterError` unless all are fields of metadata that somebody may set."""
    for name in spec:
        check_field(name, of)
        if name in FACTS:
            raise ParameterError(f"{name} follows from the data", where=of.__name__, expected="a field that can be set")


def as_json(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Values as JSON types.

    Raises
    ------
    ParameterError
        One of them has no equal in JSON.
    """
    try:
        return dict(json.loads(json.dumps(dict(values), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise ParameterError(
            "a value has no equal in JSON, so that nobody could repeat this",
            where=where,
            expected="texts, numbers, True, False, None, and lists and mappings of these",
            found=repr(dict(values)),
        ) from error


def _document(item: Any) -> dict[str, Any]:
    plain = {each.name: getattr(item, each.name) for each in fields(item)}
    return {name: _plain(value) for name, value in plain.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Step):
        return value.document()
    if isinstance(value, Parent):
        return asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _check_kinds(item: Any, kind: type, *names: str) -> None:
    for name in names:
        if not isinstance(getattr(item, name), kind):
            what = "a text" if kind is str else "True or False"
            found = repr(getattr(item, name))
            raise ParameterError(f"{name} does not fit", where=type(item).__name__, expected=what, found=found)


def _texts(values: Any, name: str) -> tuple[str, ...]:
    each = (values,) if isinstance(values, str) else tuple(values)
    if not all(isinstance(one, str) for one in each):
        raise ParameterError(f"{name} does not fit", expected="texts", found=repr(values))
    return each


def _texts_by_name(values: Any, name: str) -> dict[str, str]:
    if not isinstance(values, Mapping) or not all(isinstance(each, str) for pair in values.items() for each in pair):
        raise ParameterError(f"{name} does not fit", expected="texts by name", found=repr(values))
    return dict(values)
