"""Putting signals and features into a collection, and saying what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import pandas as pd
import xarray as xr

from sleepdask.collection.adding import Added, is_node_dated, node_of
from sleepdask.collection.contents import Contents
from sleepdask.collection.frames import column_names
from sleepdask.collection.metadata import (
    CollectionMetadata,
    FeatureMetadata,
    TimeSeriesMetadata,
    check_field,
    check_settable,
)
from sleepdask.collection.state import State
from sleepdask.collection.views import EpochFeatures, Signal
from sleepdask.collection.words import check_key, of_base
from sleepdask.errors import ParameterError
from sleepdask.signals.recording import ANNOTATIONS, recording_id, signal_nodes

Source = Signal | xr.DataTree | xr.Dataset | xr.DataArray | pd.DataFrame | pd.Series


class Filled(Contents):
    """Contents that signals and features are put into."""

    @classmethod
    def from_recording(cls, recording: xr.DataTree, *, by: str = "node", **metadata: Any) -> Self:
        """Collection of the signals of a recording, as `open_recording` gives it; nothing is read.

        Parameters
        ----------
        recording
            Its annotations come with it: `apply_operation` sees the stages among them.
        by
            "node": one signal a node, under its name. "channel": one a channel, under its name, each ``/`` a ``-``.
        **metadata
            Fields of `CollectionMetadata`; `timezone` is that of the recording, `collection_id` too unless given.
        """
        if by not in ("node", "channel"):
            raise ParameterError("signals are nodes or channels", expected="by='node' or by='channel'", found=repr(by))
        zone = str(recording.attrs.get("time_zone", ""))
        for name in metadata:
            check_field(name, CollectionMetadata)
        if "timezone" in metadata:
            raise ParameterError("the time zone is that of the recording", fix="open it with timezone=")
        known = {"collection_id": recording_id(recording), "timezone": zone, **metadata}
        collection = cls(CollectionMetadata(**known))
        nodes = list(signal_nodes(recording).items())
        if by == "channel":
            nodes = [
                (str(label), node.isel(channel=slice(k, k + 1)))
                for _, node in nodes
                for k, label in enumerate(node["channel"].values)
            ]
        notes = recording.children.get(ANNOTATIONS)
        collection._state = replace(
            collection._state,
            attrs={name: value for name, value in recording.attrs.items() if name in ("source", "format")},
            findings=tuple(map(str, recording.attrs.get("findings", []))),
            annotations=None if notes is None else notes.to_dataset(inherit=False),
        )
        file = str(recording.attrs.get("source", ""))
        for key, node in nodes:
            told: dict[str, Any] = {"source_files": (file,)} if file not in ("", "memory") else {}
            collection.add_time_series_signal(key.replace("/", "-"), node, **told)
        return collection

    def add_time_series_signal(
        self, key: str, signal: Source, *, units: Mapping[str, str] | str = "", policy: str = "warn", **metadata: Any
    ) -> Signal:
        """Put a signal in; nothing is computed.

        Parameters
        ----------
        key
            New.
        signal
            A node of a recording, a Dataset with ``signal (channel, time)``, a DataArray along `time`; a hypnogram; a
            table or series of pandas with a DatetimeIndex; or what `Signal.apply_operation` gave. Rows of a table
            are put in order, and a regular clock is only found if its times prove one. Times of what does not
            say where it is (a Dataset) are those of the collection.
        units
            Of what has none: by column, or one for all.
        policy
            "strict", "warn" or "repair": how odd the times of a table may be. Findings tell.
        **metadata
            Fields of `TimeSeriesMetadata`.

        Raises
        ------
        ParameterError
            The key is there already; it is no signal; or its times are of another kind than those of the collection.
        FileFormatError
            The policy refuses its times.
        """
        check_key(key)
        check_settable(metadata, TimeSeriesMetadata)
        if isinstance(signal, Signal):
            return self._add_own(key, signal, metadata)
        with self._lock:
            state = self._state
            state.check_new(key)
            added = node_of(key, signal, zone=state.metadata.timezone, units=units, policy=policy)
            zone = _zone_after(state, added, key)
            if state.dated not in (None, is_node_dated(added.node)):
                raise ParameterError(
                    "times are of another kind than those of the collection",
                    where=key,
                    expected="times with a date" if state.dated else "lengths of time since the start",
                    fix="place what has no date on the recording first",
                )
            state = replace(
                state,
                metadata=replace(state.metadata, timezone=zone),
                sources={**state.sources, key: added.node},
            )
            known = TimeSeriesMetadata(**{"name": key} | metadata)
            findings = tuple(f"{key}: {each.removeprefix(f'{key}: ')}" for each in added.findings)
            self._state = state.with_signals({key: added.node}, {key: known}, findings)
        return Signal(self, key)

    def _add_own(self, key: str, signal: Signal, metadata: Mapping[str, Any]) -> Signal:
        home, node, known = signal.origin
        if home is not self:
            raise ParameterError(
                "this signal is of another collection", where=key, fix="add its .data, which begins a new history here"
            )
        with self._lock:
            self._state.check_new(key)
            known = replace(known, **{"name": key, **metadata})
            self._state = self._state.with_signals({key: node}, {key: known})
        return Signal(self, key)

    def add_signal_with_base_name(self, base_name: str, signal: Source, **metadata: Any) -> str:
        """Put a signal in under the next key of a base name: ``base_0``, ``base_1``; further parameters as above.

        Returns
        -------
        key
            That it got.
        """
        with self._lock:
            taken = of_base(base_name, self._state.keys)
            key = f"{base_name}_{int(taken[-1].rsplit('_', 1)[1]) + 1 if taken else 0}"
            self.add_time_series_signal(key, signal, **metadata)
        return key

    def add_feature(self, key: str, feature: xr.DataTree, **metadata: Any) -> EpochFeatures:
        """Put features in, as `sleepdask.extract` gives them; nothing is computed.

        Parameters
        ----------
        key
            New.
        feature
            Tree with a node a signal.
        **metadata
            Fields of `FeatureMetadata`.
        """
        check_key(key)
        check_settable(metadata, FeatureMetadata)
        if not isinstance(feature, xr.DataTree) or "start" not in feature.coords or not feature.children:
            raise ParameterError("these are no features", where=key, expected="the tree of extract, as a whole")
        known = FeatureMetadata(
            **{"name": key} | metadata,
            epoch_window_length=float(feature.attrs.get("epoch_seconds", 0)),
            epoch_step_size=float(feature.attrs.get("step_seconds", 0)),
            feature_names=column_names(feature),
            source_signal_keys=tuple(map(str, feature.children)),
        )
        with self._lock:
            self._state.check_new(key)
            state = replace(self._state, sources={**self._state.sources, key: feature})
            self._state = state.with_feature(key, feature, known)
        return EpochFeatures(self, key)

    def update_time_series_metadata(self, signal: str | Signal, metadata_spec: Mapping[str, Any]) -> None:
        """Set fields of the metadata of a signal; `ParameterError` for what is no field, or follows from the data."""
        check_settable(metadata_spec, TimeSeriesMetadata)
        key = signal if isinstance(signal, str) else signal.key
        with self._lock:
            known = replace(self._state.signal(key), **metadata_spec)
            self._state = replace(self._state, signals={**self._state.signals, key: known})

    def update_feature_metadata(self, feature: str | EpochFeatures, metadata_spec: Mapping[str, Any]) -> None:
        """Set fields of the metadata of features; `ParameterError` for what is no field, or follows from the data."""
        check_settable(metadata_spec, FeatureMetadata)
        key = feature if isinstance(feature, str) else feature.key
        with self._lock:
            known = replace(self._state.feature(key), **metadata_spec)
            self._state = replace(self._state, sets={**self._state.sets, key: known})

    def update_metadata(self, **metadata: Any) -> None:
        """Set fields of the metadata of the collection; its time zone is that of its signals."""
        for name in metadata:
            check_field(name, CollectionMetadata)
        if "timezone" in metadata and self.state.signals:
            raise ParameterError("the time zone is that of the signals", fix="open them with timezone=")
        self._change(lambda state: replace(state, metadata=replace(state.metadata, **metadata)))

    def set_index_config(self, index_config: list[str]) -> None:
        """Fields of the metadata of signals that become levels of the columns of combined tables."""
        self.update_metadata(index_config=tuple(index_config))

    def set_feature_index_config(self, feature_index_config: list[str]) -> None:
        """Fields of the metadata of features that become levels of the columns of combined features."""
        self.update_metadata(feature_index_config=tuple(feature_index_config))


def _zone_after(state: State, added: Added, key: str) -> str:
    """Zone of the collection once something is added."""
    known = state.metadata.timezone
    if added.zone is None or added.zone == known:
        return known
    if not state.signals and not known:
        return added.zone
    if bool(added.zone) != bool(known):
        local = "local times, and nobody knows where"
        raise ParameterError(
            "times of a signal are of another kind than those of the collection",
            where=key,
            expected=f"instants, as those of {known}" if known else local,
            found=f"instants, as those of {added.zone}" if added.zone else local,
            fix="put its times into the zone first, such as with tz_localize or open_recording(timezone=...)",
        )
    return known
