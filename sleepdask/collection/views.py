"""What a collection hands out: views of its trees, which hold no samples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from sleepdask.collection.frames import feature_table, signal_table
from sleepdask.collection.metadata import FeatureMetadata, Parent, TimeSeriesMetadata
from sleepdask.collection.operations.registry import operation_of
from sleepdask.collection.replay import applied
from sleepdask.collection.words import STAGE
from sleepdask.runners import compute
from sleepdask.signals.index import clock_of
from sleepdask.signals.timestamps import AnyClock

if TYPE_CHECKING:
    from sleepdask.collection.contents import Contents


class Signal:
    """A signal: a view of its node, which shows what the collection holds when it is asked.

    What `apply_operation` gives belongs to no key yet; `SignalCollection.add_time_series_signal` takes it.
    """

    def __init__(self, home: Contents, key: str, made: tuple[xr.Dataset, TimeSeriesMetadata] | None = None) -> None:
        self._home, self._key, self._made = home, key, made

    def __repr__(self) -> str:
        metadata = self.metadata
        rate = "" if metadata.sample_rate is None else f", {metadata.sample_rate:g} Hz"
        name = repr(self._key) if self._made is None else f"of {self._key!r}"
        return f"<Signal {name}: {metadata.signal_type}{rate}, {', '.join(self.columns)}>"

    @property
    def key(self) -> str:
        """Key in the collection; empty if it has none yet."""
        return self._key if self._made is None else ""

    @property
    def data(self) -> xr.Dataset:
        """Its node, lazy: ``signal (channel, time)``, or scores."""
        return self._home.node(self._key) if self._made is None else self._made[0]

    @property
    def metadata(self) -> TimeSeriesMetadata:
        """What is known of it."""
        return self._home.state.signal(self._key) if self._made is None else self._made[1]

    @property
    def clock(self) -> AnyClock:
        """When each sample was taken; `ParameterError` for scores, which have none."""
        return clock_of(self.data)

    @property
    def columns(self) -> list[str]:
        """Names of its channels."""
        data = self.data
        return [str(name) for name in data["channel"].values] if "channel" in data.coords else [STAGE]

    def get_data(self) -> pd.DataFrame:
        """Compute all samples: one column a channel, one row a sample.

        Returns
        -------
        table
            Its index `timestamp` knows the time zone if the collection does; it is a TimedeltaIndex without a date.
        """
        return signal_table(compute(self.data), self._home.state.zone)

    def apply_operation(self, name: str, inplace: bool = False, **parameters: Any) -> Signal:  # noqa: FBT001, FBT002
        """Apply an operation of the kind "time_series"; nothing is computed.

        Parameters
        ----------
        name
            Of the operation, such as "moving_mean".
        inplace
            True: in the collection, in the place of this signal.
        **parameters
            Of the operation.

        Raises
        ------
        ParameterError
            Operation or parameter is unknown, or does not fit.
        """
        if inplace and self._made is None:
            return self._home.apply_to(self._key, name, parameters)
        operation = operation_of(name, "time_series")
        step = operation.step(parameters)
        node, metadata = self._home.known(self._key) if self._made is None else self._made
        if self._made is None:
            parents: tuple[Parent, ...] = (Parent(self._key, len(metadata.operations) - 1),)
            done: tuple[Any, ...] = (step,)
        else:
            parents, done = metadata.derived_from, (*metadata.operations, step)
        known = replace(
            TimeSeriesMetadata(),
            name=metadata.name,
            signal_type=operation.gives or metadata.signal_type,
            derived_from=parents,
            operations=done,
            sensor_type=metadata.sensor_type,
            sensor_model=metadata.sensor_model,
            body_position=metadata.body_position,
            sensor_info=metadata.sensor_info,
        )
        made = Signal(self._home, self._key, (applied(step, node), known))
        if inplace:
            self._made = made._made
            return self
        return made

    @property
    def origin(self) -> tuple[Contents, xr.Dataset, TimeSeriesMetadata]:
        """Collection that it comes from, its node, and what is known of it."""
        node, metadata = self._home.known(self._key) if self._made is None else self._made
        if self._made is None:
            parent = Parent(self._key, len(metadata.operations) - 1)
            metadata = replace(
                metadata, signal_id=TimeSeriesMetadata().signal_id, derived_from=(parent,), operations=()
            )
        return self._home, node, metadata

    def clear_data(self) -> None:
        """Forget its node: it is made again when it is asked for."""
        if self._made is None:
            self._home.clear_data(self._key)


class EpochFeatures:
    """Features of the epochs of some signals: a view, computed when its values are asked for."""

    def __init__(self, home: Contents, key: str) -> None:
        self._home, self._key = home, key

    def __repr__(self) -> str:
        metadata = self.metadata
        return f"<EpochFeatures {self._key!r}: {metadata.feature_type}, {', '.join(metadata.feature_names)}>"

    @property
    def key(self) -> str:
        """Key in the collection."""
        return self._key

    @property
    def data(self) -> xr.DataTree:
        """Features as `sleepdask.extract` gives them, with coverage, status and reason of each epoch; perhaps lazy."""
        return self._home.features_at(self._key)

    @property
    def metadata(self) -> FeatureMetadata:
        """What is known of them."""
        return self._home.state.feature(self._key)

    @property
    def is_computed(self) -> bool:
        """Whether the values are in memory."""
        return not any(variable.chunks for node in self.data.subtree for variable in node.variables.values())

    @property
    def is_lazy(self) -> bool:
        """Whether they are still to be computed."""
        return not self.is_computed

    def get_data(self) -> pd.DataFrame:
        """Compute them, once: one row an epoch, columns (signal_key, feature).

        Returns
        -------
        table
            Columns are called ``<column>_<aggregation>``. The index `timestamp` has the start of each epoch; it knows
            the time zone if the collection does.
        """
        return feature_table(self._home.computed(self._key), self.metadata, self._home.state.zone)

    @property
    def coverage(self) -> pd.DataFrame:
        """Part of its samples that each epoch has, one column a signal; nothing is computed for it."""
        tree = self.data
        table = {key: tree[key]["coverage"].values for key in self.metadata.source_signal_keys}
        return pd.DataFrame(table, index=feature_table(tree, None, self._home.state.zone).index)

    def clear_data(self) -> None:
        """Forget the values; `get_data` computes them again."""
        self._home.clear_data(self._key)
