"""What a collection holds: signals and features under keys, read from any thread, and made again when asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import RLock
from typing import Any

import xarray as xr

from sleepdask.collection import replay
from sleepdask.collection.metadata import CollectionMetadata, TimeSeriesMetadata
from sleepdask.collection.selecting import chosen
from sleepdask.collection.state import State
from sleepdask.collection.views import EpochFeatures, Signal
from sleepdask.collection.words import unknown_key
from sleepdask.errors import ParameterError
from sleepdask.runners import compute


class Contents:
    """Signals and features under keys. Readers see one state or the next, never something in between."""

    def __init__(self, metadata: CollectionMetadata | None = None) -> None:
        if not isinstance(metadata, CollectionMetadata | None):
            expected = "a CollectionMetadata; a recording goes to from_recording"
            raise ParameterError("these are no metadata", expected=expected, found=type(metadata).__name__)
        self._lock = RLock()
        self._state = State(metadata=metadata or CollectionMetadata())

    def __getstate__(self) -> dict[str, Any]:
        return {"_state": self._state}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self._state, self._lock = kept["_state"], RLock()

    def __contains__(self, key: object) -> bool:
        return key in self.state.keys

    def __len__(self) -> int:
        return len(self.state.keys)

    def __repr__(self) -> str:
        state = self.state
        return f"<{type(self).__name__}: {len(state.signals)} signals, {len(state.sets)} sets of features>"

    @property
    def state(self) -> State:
        """All that it holds now; it never changes."""
        return self._state

    @property
    def recording(self) -> xr.DataTree:
        """All signals as one recording, one node each: what `sleepdask.extract` and all others take."""
        return self.state.recording.copy()

    @property
    def feature_tree(self) -> xr.DataTree:
        """All features, one node a set, with a node a signal below it."""
        return self.state.features.copy()

    @property
    def time_series_signals(self) -> dict[str, Signal]:
        """All signals by key."""
        return {key: Signal(self, key) for key in self.state.signals}

    @property
    def features(self) -> dict[str, EpochFeatures]:
        """All sets of features by key."""
        return {key: EpochFeatures(self, key) for key in self.state.sets}

    @property
    def metadata(self) -> CollectionMetadata:
        """What is known of the whole."""
        return self.state.metadata

    @property
    def findings(self) -> list[str]:
        """What was odd about what was added, and what failed."""
        return list(self.state.findings)

    def document(self, *, identity: bool = False) -> dict[str, Any]:
        """All metadata as JSON types: what there is, what it came from, and each operation with its parameters.

        What may name people is left out unless `identity` is True.
        """
        state = self.state
        return {
            "collection": state.metadata.document(identity=identity),
            "signals": {key: each.document(identity=identity) for key, each in state.signals.items()},
            "features": {key: each.document() for key, each in state.sets.items()},
            "findings": self.findings,
        }

    def get_time_series_signal(self, key: str) -> Signal:
        """Signal of a key; `ParameterError` if there is none, with the nearest one."""
        self.state.signal(key)
        return Signal(self, key)

    def get_feature(self, key: str) -> EpochFeatures:
        """Features of a key; `ParameterError` if there are none, with the nearest one."""
        self.state.feature(key)
        return EpochFeatures(self, key)

    def get_signal(self, key: str) -> Signal | EpochFeatures:
        """Signal or features of a key; `ParameterError` if there is neither, with the nearest one."""
        if key not in (state := self.state).keys:
            raise unknown_key(key, state.keys, "signal or feature")
        return Signal(self, key) if key in state.signals else EpochFeatures(self, key)

    def get_signals(
        self,
        input_spec: str | list[str] | Mapping[str, Any] | None = None,
        signal_type: Any = None,
        feature_type: str | None = None,
        criteria: Mapping[str, Any] | None = None,
        base_name: str | None = None,
    ) -> list[Signal | EpochFeatures]:
        """Signals and features that are all of what is asked for.

        Parameters
        ----------
        input_spec
            A key, a base name (``hr`` for ``hr_0``, ``hr_1``), a list of these, or a mapping of the other parameters
            and of fields of the metadata.
        signal_type
            Such as "hr" or "ACCELEROMETER".
        feature_type
            Such as "statistical".
        criteria
            Values that fields of the metadata must have.
        base_name
            What keys must begin with.

        Raises
        ------
        ParameterError
            A key is not there, a type or a field is unknown; the nearest one is suggested.
        """
        keys = chosen(self.state, input_spec, signal_type, feature_type, criteria, base_name)
        return [self.get_signal(key) for key in keys]

    def get_signals_from_input_spec(self, input_spec: Any) -> list[Signal | EpochFeatures]:
        """Signals and features that a specification means, as in `get_signals`."""
        return self.get_signals(input_spec)

    def node(self, key: str) -> xr.Dataset:
        """Node of a signal, lazy; made again if it was cleared."""
        return replay.held(self.state, key).copy()

    def known(self, key: str) -> tuple[xr.Dataset, TimeSeriesMetadata]:
        """Node of a signal, and what is known of it at that moment."""
        state = self.state
        return replay.held(state, key), state.signal(key)

    def features_at(self, key: str) -> xr.DataTree:
        """Tree of features, lazy unless computed; made again if it was cleared."""
        state = self.state
        state.feature(key)
        held = state.trees.get(key)
        return replay.feature_again(state, key) if held is None else held.copy()

    def computed(self, key: str) -> xr.DataTree:
        """Tree of features in memory: computed where the configuration says, and kept."""
        lazy = self.features_at(key)
        if not any(variable.chunks for node in lazy.subtree for variable in node.variables.values()):
            return lazy
        done: xr.DataTree = compute(lazy)
        self._keep(key, done)
        return done

    def clear_data(self, key: str) -> None:
        """Forget computed values of features, or the node of a signal: it is made again when it is asked for."""
        self.state.signal(key) if key in self.state.signals else self.state.feature(key)
        self._change(lambda state: state.without(key))

    def regenerate(self, key: str) -> Signal | EpochFeatures:
        """Make a signal or features again from what was added, operation by operation; nothing is computed yet.

        The values are equal to those that were there.
        """
        with self._lock:
            state = self._state
            if key in state.signals:
                node = replay.signal_again(state, key)
                self._state = state.with_signals({key: node}, {key: state.signals[key]})
            else:
                tree = replay.feature_again(state, key)
                self._state = state.with_feature(key, tree, state.feature(key))
        return self.get_signal(key)

    def apply_to(self, key: str, name: str, parameters: Mapping[str, Any]) -> Signal:
        """Apply an operation to a signal in its place."""
        with self._lock:
            made = Signal(self, key).apply_operation(name, **parameters)
            known = self._state.signal(key)
            (step,) = made.metadata.operations
            known = replace(known, operations=(*known.operations, step), signal_type=made.metadata.signal_type)
            self._state = self._state.with_signals({key: made.data}, {key: known})
        return Signal(self, key)

    def _keep(self, key: str, tree: xr.DataTree) -> None:
        """Keep the features of a key in memory."""
        self._change(lambda state: state.with_feature(key, tree, state.feature(key)))

    def _change(self, change: Callable[[State], State]) -> None:
        with self._lock:
            self._state = change(self._state)
