"""What a collection derives: epochs, operations on signals and on epochs, and one table of all features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from inspect import signature
from typing import Any

import pandas as pd

from sleepdask.collection import replay
from sleepdask.collection.filling import Filled
from sleepdask.collection.frames import INDEX, column_names, combined_features
from sleepdask.collection.metadata import FeatureMetadata, Parent, check_field
from sleepdask.collection.operations import operation_of
from sleepdask.collection.selecting import columns_meant, keys_meant
from sleepdask.collection.state import State
from sleepdask.collection.views import EpochFeatures, Signal
from sleepdask.collection.words import check_key
from sleepdask.epochs import EpochGrid
from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.hypnogram import intervals
from sleepdask.runners import compute
from sleepdask.signals.recording import span
from sleepdask.times import Duration, Instant, duration_ns, instant_ns

_INPUTS = ("inputs", "signals_to_align")  # what methods call them
_MIXED = ("sensor_type", "sensor_model", "body_position")


class Derived(Filled):
    """Contents, and what is derived from them."""

    @property
    def epoch_grid(self) -> EpochGrid | None:
        """Epochs that features are of; None before `generate_epoch_grid`."""
        return self.state.grid

    @property
    def epoch_grid_index(self) -> pd.Index[Any] | None:
        """Starts of the epochs; None before `generate_epoch_grid`."""
        state = self.state
        if state.grid is None:
            return None
        starts, _ = state.grid.windows()
        if not state.grid.dated:
            return pd.TimedeltaIndex(starts, name=INDEX)
        index = pd.DatetimeIndex(starts, name=INDEX)
        return index if state.zone is None else index.tz_localize("UTC").tz_convert(state.zone.name)

    def generate_epoch_grid(
        self,
        start_time: Instant | None = None,
        end_time: Instant | None = None,
        *,
        window_length: Duration | None = None,
        step_size: Duration | None = None,
        partial: str = "drop",
    ) -> EpochGrid:
        """Lay out epochs: half-open windows ``[start, start + window)``, the same for all features.

        Parameters
        ----------
        start_time, end_time
            Span, as `extract` takes it; default from the first sample of all signals to the end of the last one's
            period.
        window_length, step_size
            Such as ``"30s"``; default what ``metadata.epoch_grid_config`` has, and for the step the window.
        partial
            What becomes of a last epoch that the span does not fill: "drop" it, or "keep" it, with a coverage below 1.

        Returns
        -------
        grid
            Which `epoch_grid` has from now on.

        Raises
        ------
        ParameterError
            There is no signal, no length, or no whole epoch in the span.
        """
        if partial not in ("drop", "keep"):
            raise ParameterError("unknown way with a partial epoch", expected="'drop' or 'keep'", found=repr(partial))
        with self._lock:
            state = self._state
            config = state.metadata.epoch_grid_config
            window_length = config.get("window_length") if window_length is None else window_length
            if window_length is None:
                raise ParameterError(
                    "how long are epochs?", where="generate_epoch_grid", fix='give window_length="30s"'
                )
            step_size = config.get("step_size", window_length) if step_size is None else step_size
            window, step = duration_ns(window_length, "window_length"), duration_ns(step_size, "step_size")
            low, high = _span(state)
            dated = bool(state.dated)
            first = low if start_time is None else _moment(state, start_time, low, "start_time")
            last = high if end_time is None else _moment(state, end_time, first, "end_time")
            if partial == "keep" and last > first and step > 0:
                last = first + (-(-(last - first) // step) - 1) * step + window
            grid = EpochGrid.spanning(first, last, window=window, step=step, dated=dated)
            used = {"window_length": window / 1e9, "step_size": step / 1e9}
            self._state = replace(state, grid=grid, metadata=replace(state.metadata, epoch_grid_config=used))
        return grid

    def apply_multi_signal_operation(
        self,
        operation_name: str,
        input_signal_keys: str | Sequence[str],
        parameters: Mapping[str, Any] | None = None,
        output: str | None = None,
    ) -> EpochFeatures:
        """Describe features of some signals on the epoch grid, and keep them under a key; nothing is computed.

        Parameters
        ----------
        operation_name
            Such as "feature_statistics".
        input_signal_keys
            Keys or base names.
        parameters
            Of the operation.
        output
            New key; default the name of the operation.

        Raises
        ------
        ParameterError
            There is no epoch grid yet; operation, parameter or signal is unknown; or the key is there already.
        """
        operation = operation_of(operation_name, "multi_signal")
        step = operation.step(parameters or {})
        key = check_key(output or operation_name)
        with self._lock:
            state = self._state
            state.check_new(key)
            if state.grid is None:
                raise ParameterError(
                    "features need epochs",
                    where=operation_name,
                    fix='call generate_epoch_grid(window_length="30s") first',
                )
            keys = keys_meant(state, list(_listed(input_signal_keys)), signals_only=True)
            if not keys:
                raise ParameterError("no signal is given", where=operation_name, fix="name some with inputs=")
            tree = replay.features(step, {each: replay.held(state, each) for each in keys}, state.grid, state)
            known = [state.signals[each] for each in keys]
            told = {name: {getattr(each, name) for each in known} for name in _MIXED}
            window = float(tree.attrs.get("epoch_seconds", state.grid.window / 1e9))
            metadata = FeatureMetadata(
                name=key,
                feature_type=operation.gives or "custom",
                epoch_window_length=window,
                epoch_step_size=state.grid.step / 1e9,
                epoch_grid=asdict(state.grid),
                operations=(step,),
                feature_names=column_names(tree),
                source_signal_keys=tuple(keys),
                source_signal_ids=tuple(each.signal_id for each in known),
                derived_from=tuple(
                    Parent(key, len(each.operations) - 1) for key, each in zip(keys, known, strict=True)
                ),
                **{name: values.pop() if len(values) == 1 else "mixed" for name, values in told.items()},
            )
            self._state = state.with_feature(key, tree, metadata)
        return EpochFeatures(self, key)

    def apply_operation(
        self,
        operation_name: str,
        operation_type: str | None = None,
        inputs: str | Sequence[str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        output: str | Sequence[str] | None = None,
        **more: Any,
    ) -> Any:
        """Apply an operation of any kind by its name.

        Parameters
        ----------
        operation_name
            Of the operation.
        operation_type
            "time_series" (also "signal"), "multi_signal" or "collection", to be checked; None: whatever it is.
        inputs
            Keys or base names of signals, or of features for "combine_features" and
            "select_features".
        parameters, **more
            Of the operation.
        output
            New key, or one for each input.

        Returns
        -------
        result
            Features, a signal, a list of signals, or what the method of the collection gives.

        Raises
        ------
        ParameterError
            Something is unknown, or does not fit; or the operation is not there yet.
        """
        given = {**(parameters or {}), **more}
        methods = self._methods()
        if operation_name in methods or operation_type == "collection":
            if operation_name not in methods:
                operation_of(operation_name, operation_type, others=methods)
            if operation_type not in (None, "collection"):
                raise ParameterError(
                    f"operation {operation_name!r} is of another kind",
                    expected="collection",
                    found=repr(operation_type),
                )
            if output is not None:
                raise ParameterError(
                    "this operation has no output of its own", where=operation_name, found=repr(output)
                )
            return _called(operation_name, methods[operation_name], inputs, given)
        operation = operation_of(operation_name, operation_type, others=methods)
        if inputs is None:
            raise ParameterError("no signal is given", where=operation_name, fix="name some with inputs=")
        if operation.kind == "multi_signal":
            if output is not None and not isinstance(output, str):
                raise ParameterError("features have one key", where=operation_name, found=repr(output))
            return self.apply_multi_signal_operation(operation_name, inputs, given, output)
        keys = keys_meant(self.state, list(_listed(inputs)), signals_only=True)
        outputs = [f"{operation_name}_{key}" for key in keys] if output is None else list(_listed(output))
        if isinstance(output, str) and len(keys) > 1:
            outputs = [f"{output}_{k}" for k in range(len(keys))]
        made = self.apply_operation_to_signals(keys, operation_name, given, output_keys=outputs)
        return made[0] if isinstance(inputs, str) and len(made) == 1 else made

    def apply_and_store_operation(
        self, signal_key: str, operation_name: str, parameters: Mapping[str, Any] | None, output_key: str
    ) -> Signal:
        """Apply an operation to a signal, and keep what it gives under a new key; nothing is computed."""
        return self.apply_operation_to_signals([signal_key], operation_name, parameters, output_keys=[output_key])[0]

    def apply_operation_to_signals(
        self,
        signal_keys: Sequence[str],
        operation_name: str,
        parameters: Mapping[str, Any] | None = None,
        inplace: bool = False,  # noqa: FBT001, FBT002
        output_keys: Sequence[str] | None = None,
    ) -> list[Signal]:
        """Apply an operation to several signals; nothing is computed.

        Parameters
        ----------
        signal_keys
            Keys or base names.
        operation_name, parameters
            What to apply.
        inplace
            True: in the place of the signals.
        output_keys
            New keys, one for each signal, if not in place.

        Returns
        -------
        signals
            In their order. If one of them fails, none is kept.
        """
        keys = keys_meant(self.state, list(_listed(signal_keys)), signals_only=True)
        outputs = list(output_keys or [])
        if inplace == bool(outputs) or (not inplace and len(outputs) != len(keys)):
            raise ParameterError(
                "results are kept in place, or each under a key of its own",
                where=operation_name,
                expected="inplace=True, or as many output_keys as signals",
                found=f"{len(keys)} signals, {len(outputs)} output_keys",
            )
        with self._lock:
            before = self._state
            try:
                if inplace:
                    return [self.apply_to(key, operation_name, parameters or {}) for key in keys]
                made = [Signal(self, key).apply_operation(operation_name, **(parameters or {})) for key in keys]
                return [self.add_time_series_signal(key, each) for key, each in zip(outputs, made, strict=True)]
            except BaseException:
                self._state = before
                raise

    def combine_features(
        self, inputs: str | Sequence[str], feature_index_config: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Put features side by side; all that are lazy are computed in one pass.

        Parameters
        ----------
        inputs
            Keys or base names of features.
        feature_index_config
            Fields of their metadata that become levels of the columns; default those of the collection.

        Returns
        -------
        table
            Levels (*fields, feature_set, signal_key, feature); "N/A" where metadata say nothing. Rows are the epochs,
            which must be the same. `get_stored_combined_feature_matrix` gives it again.
        """
        configured = self.state.metadata.feature_index_config
        levels = configured if feature_index_config is None else tuple(feature_index_config)
        for name in levels:
            check_field(name, FeatureMetadata)
        matrix = self._side_by_side(inputs, levels, "combine_features")
        self._change(lambda state: replace(state, matrix=matrix))
        return matrix.copy()

    def select_features(
        self,
        inputs: str | Sequence[str],
        features: str | Sequence[str],
        signals: str | Sequence[str] = "*",
    ) -> pd.DataFrame:
        """Take some columns of features, side by side as `combine_features` puts them.

        Parameters
        ----------
        inputs
            Keys or base names of features.
        features
            Names of columns as their tables have them, such as "hr_mean", or globs, such as "*_mean".
        signals
            Keys of the signals that they are of, or globs; default all.

        Returns
        -------
        table
            Levels (feature_set, signal_key, feature), in the order of the tables. Only what is lazy is computed.

        Raises
        ------
        ParameterError
            A key is unknown, or a name or glob means no column.
        """
        return columns_meant(self._side_by_side(inputs, (), "select_features"), _listed(features), _listed(signals))

    def _side_by_side(self, inputs: str | Sequence[str], levels: Sequence[str], where: str) -> pd.DataFrame:
        """Tables of features in one; all that are lazy are computed in one pass."""
        state = self.state
        keys = keys_meant(state, list(_listed(inputs)))
        for key in keys:
            state.feature(key)
        if not keys:
            raise ParameterError("no features are given", where=where)
        lazy = [key for key in keys if EpochFeatures(self, key).is_lazy]
        if lazy:
            done = compute(*(self.features_at(key) for key in lazy))
            for key, tree in zip(lazy, done if len(lazy) > 1 else [done], strict=True):
                self._keep(key, tree)
        tables = {key: EpochFeatures(self, key).get_data() for key in keys}
        return combined_features(tables, state.sets, levels)

    def get_stored_combined_feature_matrix(self) -> pd.DataFrame | None:
        """Last table of `combine_features`; None if there is none."""
        matrix = self.state.matrix
        return None if matrix is None else matrix.copy()

    def _methods(self) -> dict[str, Callable[..., Any]]:
        """Operations on the collection as a whole."""
        methods = (self.generate_epoch_grid, self.combine_features, self.select_features)
        return {method.__name__: method for method in methods}


def _called(name: str, method: Callable[..., Any], inputs: str | Sequence[str] | None, given: Mapping[str, Any]) -> Any:
    """Result of a method of the collection, all parameters of which are known."""
    known = list(signature(method).parameters)
    if inputs is not None:
        given = {**given, next((each for each in _INPUTS if each in known), "inputs"): list(_listed(inputs))}
    for each in given:
        if each not in known:
            expected = f"one of {', '.join(known)}" if known else "none"
            fix = did_you_mean(each, known)
            raise ParameterError(f"unknown parameter {each!r}", where=name, expected=expected, fix=fix)
    return method(**given)


def _listed(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _span(state: State) -> tuple[int, int]:
    """Earliest start and latest end over all signals, in ns; over the scores if there is nothing else."""
    if sampled := replay.sampled(state):
        return span(sampled)
    edges = [intervals(replay.held(state, key)) for key in state.signals]
    if not edges:
        raise ParameterError("epochs need a signal", where="collection", fix="add one first")
    return min(int(onset[0]) for onset, _, _ in edges), max(int(end[-1]) for _, end, _ in edges)


def _moment(state: State, value: Instant, after: int, name: str) -> int:
    if not state.dated:
        return duration_ns(value, f"the signals have no date, and {name}")
    return instant_ns(value, after, name, state.zone)
