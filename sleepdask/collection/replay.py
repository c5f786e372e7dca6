"""Signals and features computed again from what was added: the same steps, in the same order."""

from __future__ import annotations

import xarray as xr

from sleepdask.collection.metadata import Step
from sleepdask.collection.operations.registry import Operation, operation_of
from sleepdask.collection.state import State
from sleepdask.epochs import EpochGrid
from sleepdask.errors import ParameterError
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import ANNOTATIONS, SIGNAL


def applied(step: Step, node: xr.Dataset) -> xr.Dataset:
    """Signal after one step; nothing is computed.

    Raises
    ------
    ParameterError
        The operation is of another version than it was, does not fit the signal, or gives no signal.
    """
    operation = _operation(step, "time_series")
    if SIGNAL not in node.data_vars:
        raise ParameterError("sleep stages have no samples", where=step.operation, expected="a signal")
    made = operation.function(node, **step.parameters)
    if not isinstance(made, xr.Dataset) or set(getattr(made.get(SIGNAL), "dims", ())) != {"channel", "time"}:
        raise ParameterError(
            "an operation has to give a signal", where=step.operation, expected="a Dataset with signal (channel, time)"
        )
    clock_of(made)
    return made


def features(step: Step, signals: dict[str, xr.Dataset], grid: EpochGrid, state: State) -> xr.DataTree:
    """Features after one step, as `sleepdask.extract` gives them; nothing is computed."""
    operation = _operation(step, "multi_signal")
    own = {} if state.annotations is None else {ANNOTATIONS: state.annotations}
    tree = xr.DataTree.from_dict({"/": xr.Dataset(attrs=state.recording_attrs)} | signals | own)
    made = operation.function(tree, grid, **step.parameters)
    if not isinstance(made, xr.DataTree) or "epoch" not in made.coords or not made.children:
        raise ParameterError(
            "an operation has to give features", where=step.operation, expected="a tree as sleepdask.extract gives it"
        )
    return made


def held(state: State, key: str) -> xr.Dataset:
    """Signal of a key as it is in a state, made again if it was cleared."""
    state.signal(key)
    node = state.nodes.get(key)
    return signal_again(state, key) if node is None else node


def sampled(state: State) -> dict[str, xr.Dataset]:
    """Signals that have samples, and are no hypnograms, by key."""
    nodes = {key: held(state, key) for key in state.signals}
    return {key: node for key, node in nodes.items() if SIGNAL in node.data_vars}


def signal_again(state: State, key: str, count: int | None = None) -> xr.Dataset:
    """Signal of a key after the first `count` of its operations (default all), from what was added."""
    metadata = state.signal(key)
    source = state.sources.get(key)
    if isinstance(source, xr.Dataset):
        node = source
    else:
        (parent,) = metadata.derived_from
        node = signal_again(state, parent.key, parent.operation + 1)
    for step in metadata.operations[:count]:
        node = applied(step, node)
    return node


def feature_again(state: State, key: str) -> xr.DataTree:
    """Features of a key, lazy, from what was added."""
    metadata = state.feature(key)
    source = state.sources.get(key)
    if isinstance(source, xr.DataTree):
        return source
    signals = {parent.key: signal_again(state, parent.key, parent.operation + 1) for parent in metadata.derived_from}
    (step,) = metadata.operations
    return features(step, signals, EpochGrid(**metadata.epoch_grid), state)


def _operation(step: Step, kind: str) -> Operation:
    operation = operation_of(step.operation, kind)
    if operation.version != step.version:
        raise ParameterError(
            f"operation {step.operation!r} is not the one that was applied",
            expected=f"version {step.version}",
            found=f"version {operation.version}",
        )
    return operation
