"""The configuration of a study: one immutable value, from a file, from Python, and from both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.features.base import Feature
from sleepdask.features.plan import check_features
from sleepdask.features.selection import fitting
from sleepdask.filters.preprocessing import Preprocessing
from sleepdask.io.tabular.layout import TableLayout
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.settings import resolve
from sleepdask.signals.montage import Montage
from sleepdask.study.config_file import read_settings
from sleepdask.study.harmonise import Harmonisation
from sleepdask.study.settings import EXTRACTION, MAX_FAILURES, OPENING, RUN, check_setting
from sleepdask.times import Duration, Instant, duration_ns

DEFAULT_EPOCH = "30s"


@dataclass(frozen=True)
class StudyConfig:
    """What is computed in a study, of which channels, and how it is run. None, or nothing in it: not given.

    Parameters
    ----------
    features
        Features, or a text as ``--features`` takes it.
    epoch, step, start, end, lights_off, lights_on, origin, min_coverage
        As `extract` takes them.
    channels
        Names or globs of the channels of the study.
    filter, notch, reference
        As `Preprocessing` takes them: what is done to the signals before features are computed.
    policy, timezone, dtype, layout
        As `open_recording` takes them.
    channel_table, aliases, montage, units
        As `Harmonisation.of` takes them.
    arrays
        Whether the features of each recording are also written as arrays, ``arrays/<id>.zarr``.
    run
        ``backend``, ``workers``, ``scheduler``, ``security``, ``require_tls``, ``memory_limit``, ``chunk_size``,
        ``retries`` and ``timeout`` of `ParallelConfig`, and ``max_failures``: a number of recordings, or a share such
        as ``"5%"``.

    Raises
    ------
    SleepdaskError
        A setting makes no sense, by itself or with the others.

    Examples
    --------
    >>> config = StudyConfig(features="statistics", epoch="30s", run={"workers": 2})
    >>> config.merged(epoch="20s", workers=None).options, config.run
    ({'epoch': '20s'}, {'workers': 2})
    """

    features: tuple[Feature, ...] | None = None
    epoch: Duration | None = None
    step: Duration | None = None
    start: Instant | None = None
    end: Instant | None = None
    lights_off: Instant | None = None
    lights_on: Instant | None = None
    origin: Instant | None = None
    min_coverage: float | None = None
    channels: tuple[str, ...] | None = None
    filter: str | None = None
    notch: str | None = None
    reference: str | None = None
    policy: str | None = None
    timezone: str | None = None
    dtype: str | None = None
    layout: TableLayout | None = None
    channel_table: str | None = None
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    montage: Montage = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    arrays: bool | None = None
    run: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in fields(self):
            if (value := getattr(self, each.name)) is not None:
                object.__setattr__(self, each.name, check_setting(each.name, value))
        if self.features is not None:
            window = duration_ns(DEFAULT_EPOCH if self.epoch is None else self.epoch, "epoch")
            check_features(fitting(self.features, window)[0], window)

    @property
    def options(self) -> dict[str, Any]:
        """Keywords for `extract`, as far as given."""
        return {name: value for name in EXTRACTION if (value := getattr(self, name)) is not None}

    @property
    def opening(self) -> dict[str, Any]:
        """Keywords for `open_recording`, as far as given."""
        return {name: value for name in OPENING if (value := getattr(self, name)) is not None}

    @property
    def max_failures(self) -> str | None:
        """How many recordings may fail; `allowed_failures` counts them."""
        return self.run.get(MAX_FAILURES)

    def harmonisation(self) -> Harmonisation:
        """How the channels of a recording become those of the study."""
        return Harmonisation.of(self.channel_table, self.aliases, self.montage, self.channels, self.units)

    def preprocessing(self) -> Preprocessing:
        """What is done to the signals of a recording."""
        return Preprocessing(self.filter or "", self.notch or "", self.reference or "")

    def parallel(self) -> ParallelConfig:
        """Where it runs: what holds here, with what is given in its place."""
        return resolve(**{name: value for name, value in self.run.items() if name != MAX_FAILURES})

    def merged(self, **given: Any) -> StudyConfig:
        """Put other values in place of its own.

        Parameters
        ----------
        **given
            Settings, those within `run` by their own names; None, and an empty tuple, mean not given. Who names a
            scheduler, or a backend, means it: that of the file goes then, whichever of the two it is.
        """
        new = _given(given)
        run = {name: new.pop(name) for name in RUN if name in new}
        kept = dict(new.pop("run", self.run))
        for one, other in (("scheduler", "backend"), ("backend", "scheduler")):
            if one in run and other not in run:
                kept.pop(other, None)
        return replace(self, **new, run=kept | run)


def load_study_config(path: str | os.PathLike[str]) -> StudyConfig:
    r"""Read the configuration of a study.

    Parameters
    ----------
    path
        A YAML file of at most 1 MiB with any settings of `StudyConfig`. Texts are what is written: a label ``no`` is
        no False, ``12:30`` no number. Paths are relative to the file.

    Raises
    ------
    FileFormatError
        It is no such file, a key is unknown or there twice, or a value is of another kind; the message tells the line.
    ParameterError
        A value makes no sense; the message tells the line.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("study.yaml").write_text("features: [statistics, {bandpower: {average: median}}]\nepoch: 30s\n")
    >>> config = load_study_config("study.yaml")
    >>> [feature.name for feature in config.features], config.options
    (['statistics', 'bandpower'], {'epoch': '30s'})
    """
    settings = read_settings(path)
    try:
        return StudyConfig(**settings)
    except ParameterError as error:  # of settings that are right one by one
        error.where = ", ".join(part for part in (os.fspath(path), error.where) if part)
        raise


def _given(given: Mapping[str, Any]) -> dict[str, Any]:
    known = [*StudyConfig.__dataclass_fields__, *RUN]
    for name in given:
        if name not in known:
            fix = did_you_mean(name, known)
            raise ParameterError(f"no such setting {name!r}", expected=", ".join(known), fix=fix)
    return {name: value for name, value in given.items() if not (value is None or _is_no_option(value))}


def _is_no_option(value: object) -> bool:
    """Whether a value is what the command line gives for an option that was not; NumPy cannot be asked if it is ()."""
    return isinstance(value, tuple) and not value
