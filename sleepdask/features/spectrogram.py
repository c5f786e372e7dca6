"""Power spectra of one channel, epoch by epoch: lazy, over the same graph as all features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values, check_positive
from sleepdask.features.extract import node_values
from sleepdask.features.plan import plan_extraction
from sleepdask.features.welch import REFERENCE, Welch
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of, regular_clock_of
from sleepdask.signals.recording import select_channels, signal_nodes
from sleepdask.signals.units import with_unit


@dataclass(frozen=True)
class Spectrum(Feature):
    """Welch power density of each epoch of signals of one rate, one output a frequency up to `fmax` Hz."""

    name: ClassVar[str] = "spectrum"
    family: ClassVar[str] = "spectral"

    rate: float
    fmax: float
    welch: Welch

    @property
    def frequencies(self) -> Values:
        """Frequencies of the outputs in Hz."""
        every = self.welch.frequencies(self.rate)
        return every[every <= self.fmax]

    @property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(Output(f"power_{f:g}", "{unit}^2/Hz", self.welch.definition, REFERENCE) for f in self.frequencies)

    @property
    def minimal_rate(self) -> float:
        return 2 / self.welch.segment  # one sample has no spectrum

    @property
    def minimal_window(self) -> float:
        return self.welch.segment

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        from sleepdask.features.kernels.welch import power_spectra

        frames = self.welch.frames(self.rate)
        return power_spectra(samples, starts, stops, frames, last=len(self.frequencies))


def has_spectrum(signals: xr.Dataset, segment: float) -> bool:
    """Whether the channels of a node have a spectrum in segments of so many seconds."""
    clock = clock_of(signals)
    return isinstance(clock, Clock) and not Spectrum(float(clock.rate), 1.0, Welch(segment)).lacks(
        clock.rate, fixed=True
    )


def spectrogram(
    recording: xr.DataTree, channel: str, *, segment: float = 4.0, fmax: float = 40.0, **options: Any
) -> xr.DataArray:
    """Describe the spectrum of every epoch of one channel; lazy.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    channel
        Name of the channel.
    segment
        Length of the Welch segments in s (Hann, half overlapping, constant detrend, mean).
    fmax
        Highest frequency in Hz.
    **options
        Grid and coverage as in `extract`: `epoch`, `step`, `start`, `end`, `origin`, ...

    Returns
    -------
    power
        Dims (epoch, frequency), float64, squared units per Hz, with `start` along `epoch`; NaN where an
        epoch has no whole segment.

    Raises
    ------
    ParameterError
        As in `extract`; or samples do not come at a fixed rate, or fewer than two of them in a segment.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.sin(np.arange(30_000))}, rate=100)
    >>> sd.spectrogram(night, "C3").sizes["frequency"]
    161
    """
    check_positive("spectrogram", "fmax", fmax)
    nodes = select_channels(signal_nodes(recording), [channel])
    found = [str(name) for node in nodes.values() for name in node["channel"].values]
    if len(found) > 1:
        raise ParameterError("a spectrogram is of one channel", expected="its name", found=", ".join(found))
    (node,) = nodes.values()
    spectrum = Spectrum(float(regular_clock_of(node).rate), fmax, Welch(segment))
    plan = plan_extraction(recording, spectrum, **(options | {"channels": channel}))
    (planned,) = plan.nodes.values()
    starts, _ = plan.grid.windows()
    return xr.DataArray(
        node_values(planned)[:, :, 0].T,
        dims=("epoch", "frequency"),
        coords={
            "epoch": np.arange(plan.grid.count),
            "start": ("epoch", starts),
            "frequency": ("frequency", spectrum.frequencies, {"units": "Hz"}),
            "channel": found[0],
        },
        name="power",
        attrs={"units": with_unit("{unit}^2/Hz", planned.unit), "definition": spectrum.welch.definition}
        | ({} if plan.zone is None else {"time_zone": plan.zone.name}),
    )
