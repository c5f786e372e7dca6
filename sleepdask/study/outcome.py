"""What became of one recording of a study: the small JSON file that is the truth of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from sleepdask.errors import FileFormatError

Status = Literal["ok", "partial", "failed", "lost"]
OK: Status = "ok"
PARTIAL: Status = "partial"
FAILED: Status = "failed"
LOST: Status = "lost"
STATUSES = (OK, PARTIAL, FAILED, LOST)


@dataclass(frozen=True)
class RecordingOutcome:
    """What became of one recording.

    Parameters
    ----------
    recording_id
        As in the table.
    status
        "ok"; "partial": some of its channels, or epochs, have no values; "failed": none has, or it could not be
        read; "lost": each worker that ran it died.
    error_type, message, traceback
        Of the error, or in words what is missing; empty if all is well.
    attempts
        How often it was begun, those that a dying worker ended included.
    worker
        Where it ran.
    seconds
        From its begin to its end there.
    peak_memory
        Most memory of the worker's process meanwhile, in bytes.
    bytes_read
        Size of its files.
    epochs, epochs_failed
        Rows of its table, and those in which a feature failed.
    content_key
        Hash of everything that its table depends on.
    feature_keys
        The same for each feature alone.
    layout_key
        Hash of the columns that its table was written with.
    table_size
        Bytes of the file of its table.
    inputs
        Its files by role: name, size, time of change, and hash of the bytes.
    channels, missing_channels, invalid_channels
        Names that have values; that the plan asks for and the recording lacks; that have none, with the reason.
    stages
        Number of epochs of each stage.
    hours
        Length of the span of its epochs.
    coverage
        Mean fraction of the expected samples that are there, by node.
    notes, findings
        What was left out by rule, and what was odd about its files.

    Examples
    --------
    >>> outcome = RecordingOutcome("SC4001", "failed", "FileFormatError", "SC4001.edf: is empty")
    >>> RecordingOutcome.from_json(outcome.to_json()) == outcome
    True
    """

    recording_id: str
    status: Status = "ok"
    error_type: str = ""
    message: str = ""
    traceback: str = ""
    attempts: int = 1
    worker: str = ""
    seconds: float = 0.0
    peak_memory: int = 0
    bytes_read: int = 0
    epochs: int = 0
    epochs_failed: int = 0
    content_key: str = ""
    feature_keys: Mapping[str, str] = field(default_factory=dict)
    layout_key: str = ""
    table_size: int = 0
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    missing_channels: tuple[str, ...] = ()
    invalid_channels: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, int] = field(default_factory=dict)
    hours: float = 0.0
    coverage: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything has values."""
        return self.status == OK

    @property
    def has_features(self) -> bool:
        """Whether there is a table of it."""
        return self.status in (OK, PARTIAL)

    def but(self, **changes: Any) -> RecordingOutcome:
        """Give the same with other fields."""
        return replace(self, **changes)

    def to_json(self) -> bytes:
        """Itself as a JSON document."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, document: bytes, where: object = "") -> RecordingOutcome:
        """Read what `to_json` gave; `FileFormatError` if it is something else."""
        try:
            read = json.loads(document)
            values = {
                each.name: _as(type(getattr(_ANY, each.name)), each.name, read[each.name]) for each in fields(cls)
            }
            for role, state in values["inputs"].items():
                _as(dict, role, state)
            outcome = cls(**values)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FileFormatError("not an outcome", where=where, found=f"{type(error).__name__}: {error}") from error
        if outcome.status not in STATUSES:
            raise FileFormatError("not an outcome", where=where, found=f"the status {outcome.status!r}")
        return outcome


_ANY = RecordingOutcome("")


def _as(kind: type, name: str, value: Any) -> Any:
    """Value of a field as JSON gives it, in the type that it has here; `TypeError` if it is of another."""
    fits = list if kind is tuple else (int, float) if kind is float else kind
    if not isinstance(value, fits) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}")
    return kind(value)
