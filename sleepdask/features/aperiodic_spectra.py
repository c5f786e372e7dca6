"""Aperiodic and oscillatory spectra of one channel, epoch by epoch: lazy, over the same graph as all features."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values
from sleepdask.features.extract import node_values
from sleepdask.features.irasa import REFERENCE, Irasa
from sleepdask.features.plan import plan_extraction
from sleepdask.signals.index import regular_clock_of
from sleepdask.signals.recording import one_channel
from sleepdask.signals.units import with_unit


@dataclass(frozen=True)
class _Spectra(Feature):
    """Aperiodic power density of signals of one rate, one output a frequency, and then the oscillatory one."""

    name: ClassVar[str] = "irasa_spectra"
    family: ClassVar[str] = "spectral"

    rate: float
    irasa: Irasa

    @property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(
            Output(f"{part}_{f:g}", "{unit}^2/Hz", part, REFERENCE)
            for part in ("aperiodic", "oscillatory")
            for f in self.irasa.frequencies(self.rate)
        )

    @property
    def minimal_rate(self) -> float:
        return self.irasa.minimal_rate

    @property
    def minimal_window(self) -> float:
        return self.irasa.minimal_window

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        _, power, aperiodic = self.irasa.spectra(samples, starts, stops, self.rate)
        return np.concatenate([aperiodic, power - aperiodic], axis=-1)


def irasa_spectra(recording: xr.DataTree, channel: str, irasa: Irasa | None = None, **options: Any) -> xr.Dataset:
    """Describe the aperiodic and the oscillatory spectrum of every epoch of one channel; lazy.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    channel
        Name of the channel.
    irasa
        Settings; default those of `Irasa`.
    **options
        Grid and coverage as in `extract`: `epoch`, `step`, `start`, `end`, `origin`, ...

    Returns
    -------
    spectra
        ``aperiodic`` and ``oscillatory``, dims (epoch, frequency), float64, squared units per Hz, with `start` along
        `epoch`, in the range of the fit; their sum is the spectrum of Welch's method. NaN where the features of
        `Irasa` are.

    Raises
    ------
    ParameterError
        As in `extract`; or samples do not come at a fixed rate, or at one that is too low.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.random.default_rng(0).standard_normal(30_000)}, rate=100)
    >>> dict(sd.features.irasa_spectra(night, "C3").sizes)
    {'epoch': 10, 'frequency': 97}
    """
    irasa = Irasa() if irasa is None else irasa
    found, node = one_channel(recording, channel, "spectrum")
    rate = regular_clock_of(node).rate
    if lacking := irasa.lacks(rate, fixed=True):
        raise ParameterError(f"IRASA needs {lacking}", where=found, found=f"{float(rate):g} Hz")
    feature = _Spectra(float(rate), irasa)
    frequencies = irasa.frequencies(feature.rate)
    plan = plan_extraction(recording, feature, **(options | {"channels": channel}))
    (planned,) = plan.nodes.values()
    values = node_values(planned)[:, :, 0].T
    starts, _ = plan.grid.windows()
    coords = {
        "epoch": np.arange(plan.grid.count),
        "start": ("epoch", starts),
        "frequency": ("frequency", frequencies, {"units": "Hz"}),
        "channel": found,
    }
    attrs = {
        "units": with_unit("{unit}^2/Hz", planned.unit),
        "reference": REFERENCE,
        "parameters": json.dumps(irasa.parameters),
    } | ({} if plan.zone is None else {"time_zone": plan.zone.name})
    parts = {"aperiodic": values[:, : frequencies.size], "oscillatory": values[:, frequencies.size :]}
    return xr.Dataset({part: (("epoch", "frequency"), array, attrs) for part, array in parts.items()}, coords=coords)
