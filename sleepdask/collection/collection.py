"""`SignalCollection`: signals and features of one recording under keys, with all that was done to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import pandas as pd
import xarray as xr

from sleepdask.collection.aligned import Aligned
from sleepdask.collection.filling import Source
from sleepdask.collection.metadata import FeatureMetadata, TimeSeriesMetadata, check_settable
from sleepdask.collection.views import Signal
from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.findings import Findings
from sleepdask.io.reader import How, Reader
from sleepdask.io.recordings import open_recording
from sleepdask.io.remote.file import locate, named
from sleepdask.signals.recording import signal_nodes

_HOW = ("timezone", "layout", "dtype", "policy")
_SUMMARY = (
    "signal_type",
    "feature_type",
    "sample_rate",
    "start_time",
    "end_time",
    "units",
    "operations",
    "derived_from",
)


class SignalCollection(Aligned):
    """Signals and features of one recording under keys.

    All signals are one `xarray.DataTree` (`recording`), all features another one (`feature_tree`): samples are never
    copied, and nothing is computed before values are asked for. Whoever reads while another thread changes it sees all
    of the change or nothing of it. Each signal and each set of features knows what it was made of, and can be made
    again (`regenerate`).

    Parameters
    ----------
    metadata
        Of the whole.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sleepdask import SignalCollection
    >>> times = pd.date_range("2024-03-11T23:00", periods=100, freq="1s")
    >>> collection = SignalCollection()
    >>> collection.add_time_series_signal("hr", pd.DataFrame({"hr": np.arange(100.0)}, index=times), units="bpm")
    <Signal 'hr': hr, 1 Hz, hr>
    >>> collection.generate_epoch_grid(window_length="30s").count
    3
    >>> features = collection.apply_operation(
    ...     "feature_statistics", inputs=["hr"], parameters={"aggregations": ["mean", "max"]}, output="hr_stats"
    ... )
    >>> features.get_data()["hr"].iloc[0].to_dict()
    {'hr_mean': 14.5, 'hr_max': 29.0}
    """

    def import_signals_from_source(
        self,
        importer_instance: Reader | Callable[[Any], xr.DataTree] | None,
        source: str | os.PathLike[str],
        spec: Mapping[str, Any] | None = None,
    ) -> list[Signal]:
        """Put the signals of a file or folder in; nothing but its headers is read.

        Parameters
        ----------
        importer_instance
            A `Reader`, or a function that opens a path as a recording. None: `open_recording`, which tells by itself
            what it is.
        source
            File, folder or URL.
        spec
            ``base_name`` for the keys (default the names of the nodes); ``timezone``, ``layout``, ``dtype`` and
            ``policy`` of `open_recording`; and fields of `TimeSeriesMetadata`.

        Raises
        ------
        ParameterError
            The specification has something unknown; or see `add_time_series_signal`.
        FileFormatError
            It cannot be read, or is odd beyond what the policy allows.
        """
        told = dict(spec or {})
        base_name = told.pop("base_name", None)
        how = {name: told.pop(name) for name in _HOW if name in told}
        known = {each.name for each in fields(TimeSeriesMetadata)} | {"base_name", *_HOW}
        for name in told:
            if name not in known:
                raise ParameterError(f"unknown {name!r} in the specification", fix=did_you_mean(name, known))
        check_settable(told, TimeSeriesMetadata)
        if importer_instance is None:
            recording = open_recording(source, **how)
        elif isinstance(importer_instance, Reader):
            file = named(locate(source))
            findings = Findings(str(file), how.pop("policy", "warn"))
            recording = importer_instance.read(file, How(**how), findings)
        else:
            if how:
                raise ParameterError(f"a function opens as it does, without {', '.join(how)}", where=str(source))
            recording = importer_instance(source)
        keys = self.add_imported_signals(recording, base_name, **told)
        return [self.get_time_series_signal(key) for key in keys]

    def add_imported_signals(
        self,
        signals: xr.DataTree | Iterable[Source],
        base_name: str | None = None,
        start_index: int = 0,
        **metadata: Any,
    ) -> list[str]:
        """Put several signals in: all of them, or none if one cannot be.

        Parameters
        ----------
        signals
            A recording, or what `add_time_series_signal` takes, each.
        base_name
            Keys are ``base_0``, ``base_1``; None: the names of the nodes of a recording.
        start_index
            Number of the first key.
        **metadata
            Fields of `TimeSeriesMetadata`, for all.

        Returns
        -------
        keys
            In their order.
        """
        each: dict[str, Source]
        findings: list[str] = []
        if isinstance(signals, xr.DataTree):
            each = {name: signals[name] for name in signal_nodes(signals)}
            findings = list(signals.attrs.get("findings", []))
            file = str(signals.attrs.get("source", ""))
            metadata = ({} if file in ("", "memory") else {"source_files": (file,)}) | metadata
        elif base_name is None:
            raise ParameterError("signals without names need a base name", where="add_imported_signals")
        else:
            each = {str(k): signal for k, signal in enumerate(signals)}
        names = list(each) if base_name is None else [f"{base_name}_{start_index + k}" for k in range(len(each))]
        keys = [name.replace("/", "-") for name in names]
        with self._lock:
            before = self._state
            try:
                for key, signal in zip(keys, each.values(), strict=True):
                    self.add_time_series_signal(key, signal, **metadata)
            except BaseException:
                self._state = before
                raise
            self._state = self._state.with_signals({}, {}, tuple(findings))
        return keys

    def summarize_signals(
        self,
        fields_to_include: Sequence[str] | None = None,
        print_summary: bool = True,  # noqa: FBT001, FBT002
    ) -> pd.DataFrame:
        """Table of all signals and features, one row each; nothing is computed.

        Parameters
        ----------
        fields_to_include
            Fields of their metadata; default the usual ones.
        print_summary
            Also print it.
        """
        state = self.state
        known = {each.name for kind in (TimeSeriesMetadata, FeatureMetadata) for each in fields(kind)}
        names = _SUMMARY if fields_to_include is None else tuple(fields_to_include)
        for name in names:
            if name not in known:
                raise ParameterError(f"no field {name!r} of metadata", fix=did_you_mean(name, known))
        rows = {
            key: {"kind": kind} | {name: _shown(getattr(each, name, None)) for name in names}
            for kind, all_of_it in (("signal", state.signals), ("feature", state.sets))
            for key, each in all_of_it.items()
        }
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["kind", *names]).rename_axis("key")
        if print_summary:
            print(table.to_string())
        return table

    def _methods(self) -> dict[str, Callable[..., Any]]:
        return super()._methods() | {"summarize_signals": self.summarize_signals}


def _shown(value: Any) -> Any:
    """Short form of a field, for a cell of a table."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {each}" for name, each in value.items())
    if isinstance(value, tuple):
        return ", ".join(
            str(getattr(each, "operation", each)) if not hasattr(each, "key") else each.key for each in value
        )
    return value
