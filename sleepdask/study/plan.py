"""What a study computes of each recording, and the hashes that tell whether it has been computed already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sleepdask.errors import ParameterError
from sleepdask.features.base import Feature
from sleepdask.features.plan import check_features
from sleepdask.features.registry import create
from sleepdask.features.selection import fitting
from sleepdask.filters.preprocessing import Preprocessing
from sleepdask.findings import POLICIES
from sleepdask.io.tabular.layout import TableLayout
from sleepdask.signals.renaming import numbered
from sleepdask.study.harmonise import Harmonisation
from sleepdask.study.table import Entry
from sleepdask.times import duration_ns
from sleepdask.zones import Zone

PLAN = "study.json"
FORMAT = 1  # of part files and outcomes: another one is computed anew
_OPTIONS = ("epoch", "step", "start", "end", "origin", "lights_off", "lights_on", "min_coverage")


@dataclass(frozen=True)
class StudyPlan:
    """What is computed of each recording.

    Parameters
    ----------
    features
        To compute; those that were chosen by group and need longer epochs are left out.
    options
        Of `extract`: epoch, step, start, end, origin, lights_off, lights_on, min_coverage.
    policy, timezone, dtype
        Of `open_recording`.
    harmonisation
        Names, montages, selection and units of channels.
    arrays
        Whether features are also written as arrays (Zarr).
    layout
        What the columns of tables hold that no reader knows.
    preprocessing
        What is done to the signals of the channels.
    """

    features: tuple[Feature, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    policy: str = "warn"
    timezone: str | None = None
    dtype: str | None = None
    harmonisation: Harmonisation = field(default_factory=Harmonisation)
    arrays: bool = False
    layout: TableLayout | None = None
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        for name in self.options:
            if name not in _OPTIONS:
                raise ParameterError(f"no such option {name!r}", expected=", ".join(_OPTIONS))
        if self.policy not in POLICIES:
            raise ParameterError("unknown policy", expected=" or ".join(POLICIES), found=repr(self.policy))
        if self.timezone is not None:
            Zone.of(self.timezone)
        window = round(self.window * 1e9)
        object.__setattr__(self, "features", fitting(self.features, window)[0])
        check_features(self.features, window)

    @property
    def window(self) -> float:
        """Length of an epoch in seconds."""
        return duration_ns(self.options.get("epoch", "30s"), "epoch") / 1e9

    @cached_property
    def names(self) -> dict[str, Feature]:
        """Features by a name of their own: a second one of a kind is numbered."""
        named: dict[str, Feature] = {}
        for feature in self.features:
            named[next(name for name in numbered(feature.name) if name not in named)] = feature
        return named

    def document(self) -> dict[str, Any]:
        """Itself as JSON types; `from_document` gives it back."""
        done = {"preprocessing": self.preprocessing.document()} if self.preprocessing else {}
        return done | {
            "features": [
                {"feature": f.name, "version": f.version, "parameters": _plain(f.parameters)}
                | ({"code": f.code} if f.code else {})
                for f in self.features
            ],
            "options": _plain(self.options),
            "policy": self.policy,
            "timezone": self.timezone,
            "dtype": self.dtype,
            "harmonisation": self.harmonisation.document(),
            "arrays": self.arrays,
            **({} if self.layout is None else {"layout": self.layout.document()}),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> StudyPlan:
        """Make the plan that `document` describes."""
        return cls(
            tuple(create(each["feature"], _frozen(each["parameters"])) for each in document["features"]),
            document["options"],
            document["policy"],
            document["timezone"],
            document["dtype"],
            Harmonisation.from_document(document["harmonisation"]),
            document["arrays"],
            TableLayout.from_mapping(document["layout"]) if "layout" in document else None,
            Preprocessing.from_document(document.get("preprocessing", {})),
        )

    def keys(self, entry: Entry, hashes: Mapping[str, str], units: Mapping[str, str]) -> dict[str, str]:
        """Hash, for each feature by name, of everything that its values depend on; and "" for what all share.

        Parameters
        ----------
        entry
            Of the recording; its covariates do not matter.
        hashes
            Of its files by role.
        units
            Of the channels whose values are converted into the unit that they have in the study.
        """
        features, rest = self._identity
        base = digest([FORMAT, entry.recording_id, dict(hashes), dict(entry.marks), dict(units), rest])
        return {"": base} | {name: digest([base, each]) for name, each in features.items()}

    @cached_property
    def _identity(self) -> tuple[dict[str, Any], dict[str, Any]]:
        document = self.document() | {"options": _meant(self.options)}
        del document["arrays"]  # no value depends on it
        return dict(zip(self.names, document.pop("features"), strict=True)), document


def _meant(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON types by what they mean: "60s" is "1min", and a default is one, said or not."""
    given = {name: value for name, value in options.items() if value is not None}
    epoch = duration_ns(given.get("epoch", "30s"), "epoch")
    step = duration_ns(given["step"], "step") if "step" in given else epoch
    return _plain({"origin": "recording", "min_coverage": 0.5} | given | {"epoch": epoch, "step": step})


def content_key(keys: Mapping[str, str]) -> str:
    """Hash of all that `StudyPlan.keys` gives, in the order of the features, which is that of the columns."""
    return digest(list(keys.values()))


def digest(thing: Any) -> str:
    """Hash of JSON types, the same in every process and on every machine."""
    text = json.dumps(thing, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON types; what has none, such as a time, as its text."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(values), default=str))
    return plain


def _frozen(thing: Any) -> Any:
    """JSON types with tuples for lists, as parameters have them."""
    if isinstance(thing, list):
        return tuple(map(_frozen, thing))
    return {name: _frozen(value) for name, value in thing.items()} if isinstance(thing, dict) else thing
