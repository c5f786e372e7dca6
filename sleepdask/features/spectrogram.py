"""Whole power spectra, epoch by epoch: lazy, over the same graph as all features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sleepdask.epochs import EpochGrid
from sleepdask.errors import ParameterError
from sleepdask.features.base import Output, Sampling, Values, check_positive
from sleepdask.features.estimator import Bins, Estimator, Reduction, SpectralFeature
from sleepdask.features.extract import node_values
from sleepdask.features.plan import plan_extraction
from sleepdask.features.spectral_settings import estimator_of
from sleepdask.features.welch import Welch
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of, regular_clock_of
from sleepdask.signals.recording import one_channel, select_channels, signal_nodes
from sleepdask.signals.units import with_unit
from sleepdask.times import Duration, duration_ns


@dataclass(frozen=True)
class Spectrum(SpectralFeature):
    """Power density of each epoch of signals sampled in one way, one output a frequency up to `fmax` Hz."""

    name: ClassVar[str] = "spectrum"

    sampling: Sampling
    fmax: float
    settings: Estimator

    @property
    def estimator(self) -> Estimator:
        return self.settings

    @property
    def frequencies(self) -> Values:
        """Frequencies of the outputs in Hz."""
        every = self.estimator.frequencies(self.sampling)
        return every[every <= self.fmax]

    @property
    def outputs(self) -> tuple[Output, ...]:
        how = self.estimator.definition, self.estimator.reference
        return tuple(Output(f"power_{f:.12g}", "{unit}^2/Hz", *how) for f in self.frequencies)

    @property
    def minimal_rate(self) -> float:
        length = self.estimator.segment or self.estimator.size(self.sampling) / self.sampling.rate
        return self.estimator.least / length

    @property
    def minimal_window(self) -> float:
        return self.estimator.segment or 0.0

    def reduction(self, bins: Bins) -> Reduction:
        """As they are."""
        return Reduction(0, len(self.frequencies), np.copy)


def has_spectrum(signals: xr.Dataset, segment: float) -> bool:
    """Whether the channels of a node have a spectrum in segments of so many seconds."""
    clock = clock_of(signals)
    return isinstance(clock, Clock) and clock.rate * segment >= Welch(segment).least


def spectra(
    recording: xr.DataTree,
    *,
    channels: str | Sequence[str] | None = None,
    method: str = "welch",
    segment: float | None = None,
    fmax: float = 40.0,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> xr.DataTree:
    """Describe the power spectrum of every epoch of every channel; lazy.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    channels
        Names or patterns; all by default.
    method
        "welch" or "multitaper".
    segment
        Length of the segments in s. By default 4 for "welch", and the whole epoch for "multitaper".
    fmax
        Highest frequency in Hz.
    settings
        Further settings of the method, those of `Welch` or `Multitaper`.
    **options
        Grid and coverage as in `extract`: `epoch`, `step`, `start`, `end`, `origin`, ... A step shorter than the
        epoch gives spectra that overlap.

    Returns
    -------
    spectra
        Tree on the shared coordinates ``epoch`` and ``start``. Each node of signals has ``power``, dims (epoch,
        channel, frequency), float64, in squared units per Hz, NaN where an epoch has no whole segment; its
        frequencies are its own. Chunks are those of the extraction, so that a night that is written chunk by chunk
        is never in memory as a whole. A node without a fixed rate, or with too low a one, is left out; the root's
        ``notes`` tell so.

    Raises
    ------
    ParameterError
        As in `extract`; or a setting does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.sin(np.arange(30_000))}, rate=100)
    >>> tree = sd.features.spectra(night, method="multitaper")
    >>> dict(tree["100Hz/power"].sizes)
    {'epoch': 10, 'channel': 1, 'frequency': 1201}
    """
    estimator = estimator_of("spectra", method, {**(settings or {}), "segment": segment})
    check_positive("spectra", "fmax", fmax)
    nodes = signal_nodes(recording)
    if channels is not None:
        nodes = select_channels(nodes, [channels] if isinstance(channels, str) else channels)
    made: dict[str, xr.Dataset] = {}
    notes: list[str] = []
    for name, signals in nodes.items():
        clock = clock_of(signals)
        if not isinstance(clock, Clock):
            notes.append(f"{name}: left out, as a spectrum needs samples at a fixed rate")
            continue
        spectrum = Spectrum(_sampling(clock, options.get("epoch", "30s")), fmax, estimator)
        if lacking := spectrum.lacks(clock.rate, fixed=True):
            notes.append(f"{name}: left out, as its spectrum needs {lacking}")
            continue
        labels = [str(label) for label in signals["channel"].values]
        made[name] = _power(recording, spectrum, labels, options)
    if not made:
        raise ParameterError("no channel has a spectrum", where="spectra", found="; ".join(notes))
    root = next(iter(made.values()))
    shared = xr.Dataset(coords={name: root[name] for name in ("epoch", "start")}, attrs={"notes": notes})
    trees = {name: node.drop_vars(["epoch", "start"]) for name, node in made.items()}
    return xr.DataTree.from_dict({"/": shared, **trees})


def spectrogram(
    recording: xr.DataTree,
    channel: str,
    *,
    method: str = "welch",
    segment: float | None = None,
    fmax: float = 40.0,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> xr.DataArray:
    """Describe the spectrum of every epoch of one channel; lazy.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    channel
        Name of the channel.
    method, segment, fmax, settings
        As in `sleepdask.features.spectra`: by default Welch's method (Hann, half overlapping, constant detrend, mean)
        in segments of 4 s, up to 40 Hz.
    **options
        Grid and coverage as in `extract`: `epoch`, `step`, `start`, `end`, `origin`, ... For a picture that shows
        more than epochs of 30 s do, ``method="multitaper", epoch="4s", step="1s"``.

    Returns
    -------
    power
        Dims (epoch, frequency), float64, squared units per Hz, with `start` along `epoch`; NaN where an
        epoch has no whole segment.

    Raises
    ------
    ParameterError
        As in `extract`; or samples do not come at a fixed rate, or there are too few of them in a segment.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.sin(np.arange(30_000))}, rate=100)
    >>> sd.spectrogram(night, "C3").sizes["frequency"]
    161
    >>> sd.spectrogram(night, "C3", method="multitaper", epoch="4s", step="1s").sizes["epoch"]
    297
    """
    estimator = estimator_of("spectrogram", method, {**(settings or {}), "segment": segment})
    check_positive("spectrogram", "fmax", fmax)
    _, node = one_channel(recording, channel, "spectrogram")
    spectrum = Spectrum(_sampling(regular_clock_of(node), options.get("epoch", "30s")), fmax, estimator)
    return _power(recording, spectrum, [channel], options)["power"][:, 0]


def _sampling(clock: Clock, epoch: Duration) -> Sampling:
    window = duration_ns(epoch, "epoch")
    return Sampling(float(clock.rate), EpochGrid(0, window, window, 1).expected(clock))


def _power(recording: xr.DataTree, spectrum: Spectrum, channels: list[str], options: Mapping[str, Any]) -> xr.Dataset:
    """Spectra of channels of one node, lazy."""
    plan = plan_extraction(recording, spectrum, **(dict(options) | {"channels": channels}))
    (planned,) = plan.nodes.values()
    starts, _ = plan.grid.windows()
    attrs = {"units": with_unit("{unit}^2/Hz", planned.unit), "definition": spectrum.estimator.definition}
    if plan.zone is not None:
        attrs["time_zone"] = plan.zone.name
    power = node_values(planned).transpose(1, 2, 0)
    return xr.Dataset(
        {"power": (("epoch", "channel", "frequency"), power, attrs)},
        coords={
            "epoch": np.arange(plan.grid.count),
            "start": ("epoch", starts),
            "channel": planned.signals["channel"],
            "frequency": ("frequency", spectrum.frequencies, {"units": "Hz"}),
        },
        attrs={"sampling_frequency": spectrum.sampling.rate},
    )
