"""Sleep recordings of any length on any number of cores: lazy signals in, features per epoch out.

The few names below are all that most users need; each is imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sleepdask import align, collection, events, features, filters, parallel, quality, simulate, study
    from sleepdask.collection.collection import SignalCollection
    from sleepdask.errors import FileFormatError, OutputError, ParameterError, SleepdaskError
    from sleepdask.features.extract import extract
    from sleepdask.features.spectrogram import spectrogram
    from sleepdask.hypnogram import stage_counts
    from sleepdask.io.deidentify import deidentify
    from sleepdask.io.diagnose import diagnose
    from sleepdask.io.hypnogram_files import write_hypnogram
    from sleepdask.io.hypnograms import read_events, read_hypnogram
    from sleepdask.io.recordings import open_recording
    from sleepdask.io.results import open_features
    from sleepdask.parallel.config import ParallelConfig
    from sleepdask.parallel.settings import parallel_config, set_parallel_config
    from sleepdask.runners import compute, persist, save_recording, to_dataframe
    from sleepdask.signals.channels import canonical_name, load_channel_table
    from sleepdask.signals.combining import combine_recordings
    from sleepdask.signals.conversion import to_unit
    from sleepdask.signals.joining import join_recordings
    from sleepdask.signals.montage import derive_channels
    from sleepdask.signals.recording import recording_from_arrays
    from sleepdask.signals.renaming import channel_names, rename_channels
    from sleepdask.study.study import Study
    from sleepdask.viz.by_stage import features_by_stage, spectra_by_stage
    from sleepdask.viz.overview import overview

__version__ = "0.1.0"

_HOME = {
    "FileFormatError": "sleepdask.errors",
    "OutputError": "sleepdask.errors",
    "ParallelConfig": "sleepdask.parallel.config",
    "ParameterError": "sleepdask.errors",
    "SignalCollection": "sleepdask.collection.collection",
    "SleepdaskError": "sleepdask.errors",
    "Study": "sleepdask.study.study",
    "TableLayout": "sleepdask.io.tabular.layout",
    "canonical_name": "sleepdask.signals.channels",
    "channel_names": "sleepdask.signals.renaming",
    "combine_recordings": "sleepdask.signals.combining",
    "compute": "sleepdask.runners",
    "deidentify": "sleepdask.io.deidentify",
    "derive_channels": "sleepdask.signals.montage",
    "diagnose": "sleepdask.io.diagnose",
    "extract": "sleepdask.features.extract",
    "features_by_stage": "sleepdask.viz.by_stage",
    "join_recordings": "sleepdask.signals.joining",
    "load_channel_table": "sleepdask.signals.channels",
    "open_features": "sleepdask.io.results",
    "open_recording": "sleepdask.io.recordings",
    "overview": "sleepdask.viz.overview",
    "parallel_config": "sleepdask.parallel.settings",
    "persist": "sleepdask.runners",
    "read_events": "sleepdask.io.hypnograms",
    "read_hypnogram": "sleepdask.io.hypnograms",
    "recording_from_arrays": "sleepdask.signals.recording",
    "rename_channels": "sleepdask.signals.renaming",
    "save_recording": "sleepdask.runners",
    "set_parallel_config": "sleepdask.parallel.settings",
    "spectra_by_stage": "sleepdask.viz.by_stage",
    "spectrogram": "sleepdask.features.spectrogram",
    "stage_counts": "sleepdask.hypnogram",
    "to_dataframe": "sleepdask.runners",
    "to_unit": "sleepdask.signals.conversion",
    "write_hypnogram": "sleepdask.io.hypnogram_files",
}
_ROOMS = ("align", "collection", "events", "features", "filters", "parallel", "quality", "simulate", "study")

__all__ = [
    "FileFormatError",
    "OutputError",
    "ParallelConfig",
    "ParameterError",
    "SignalCollection",
    "SleepdaskError",
    "Study",
    "TableLayout",
    "align",
    "canonical_name",
    "channel_names",
    "collection",
    "combine_recordings",
    "compute",
    "deidentify",
    "derive_channels",
    "diagnose",
    "events",
    "extract",
    "features",
    "features_by_stage",
    "filters",
    "join_recordings",
    "load_channel_table",
    "open_features",
    "open_recording",
    "overview",
    "parallel",
    "parallel_config",
    "persist",
    "quality",
    "read_events",
    "read_hypnogram",
    "recording_from_arrays",
    "rename_channels",
    "save_recording",
    "set_parallel_config",
    "simulate",
    "spectra_by_stage",
    "spectrogram",
    "stage_counts",
    "study",
    "to_dataframe",
    "to_unit",
    "write_hypnogram",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"sleepdask.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sleepdask' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
