"""The kinds of events: what YASA calls things, what they are called here, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.events.parameters import Parameter, coupling, flag, number, span, thresholds

TIME = "time"  # units of a column of times


@dataclass(frozen=True)
class Column:
    """One column of the table of events, and that of YASA's summary it is made of."""

    name: str
    yasa: str
    units: str
    definition: str


@dataclass(frozen=True)
class Kind:
    """One kind of events, and how YASA finds them.

    ``highest`` gives the highest frequency in Hz that it filters at, by the parameters.
    """

    name: str
    one: str
    function: str
    stages: tuple[str, ...]
    signal_type: str
    parameters: Mapping[str, Parameter]
    columns: tuple[Column, ...]
    highest: Callable[[Mapping[str, Any]], float]
    stage_at: str
    reference: str

    @property
    def density(self) -> str:
        """Name of the feature of an epoch."""
        return f"{self.one}_density"


def kind_of(name: str) -> Kind:
    """Kind of a name; `ParameterError` if there is none."""
    if name in KINDS:
        return KINDS[name]
    raise ParameterError(
        f"unknown kind of events {name!r}", expected=f"one of {', '.join(KINDS)}", fix=did_you_mean(str(name), KINDS)
    )


_START = Column("start", "Start", TIME, "first sample")
_PEAK = Column("peak", "Peak", TIME, "sample of the most prominent peak")
_END = Column("end", "End", TIME, "last sample")
_DURATION = Column("duration", "Duration", "s", "end less start")

SPINDLES = Kind(
    "spindles",
    "spindle",
    "spindles_detect",
    ("N2", "N3"),
    "eeg",
    {
        "freq_sp": span((12, 15), "Hz"),
        "freq_broad": span((1, 30), "Hz"),
        "duration": span((0.5, 2), "s"),
        "min_distance": number(500, 0, 60_000, "ms"),
        "thresh": thresholds(),
        "remove_outliers": flag(),
    },
    (
        _START,
        _PEAK,
        _END,
        _DURATION,
        Column("amplitude", "Amplitude", "uV", "peak to peak, broadband, trend removed"),
        Column("sigma_amplitude", "AmpFiltered", "uV", "peak to peak within freq_sp"),
        Column("rms", "RMS", "uV", "root of the mean square, broadband, trend removed"),
        Column("sigma_power", "AbsPower", "log10(uV^2)", "median log10 of the squared envelope within freq_sp"),
        Column("relative_power", "RelPower", "1", "median share of the power of freq_broad that lies in freq_sp"),
        Column("frequency", "Frequency", "Hz", "median instantaneous frequency within freq_sp"),
        Column("oscillations", "Oscillations", "1", "number of peaks"),
        Column("symmetry", "Symmetry", "1", "place of the peak, from 0 (start) to 1 (end)"),
    ),
    lambda given: max(given["freq_broad"][1], given["freq_sp"][1] + 1.5),
    "start",
    "Lacourse 2019, doi:10.1016/j.jneumeth.2018.08.014; Vallat & Walker 2021, doi:10.7554/eLife.70092",
)

SLOW_WAVES = Kind(
    "slow_waves",
    "slow_wave",
    "sw_detect",
    ("N2", "N3"),
    "eeg",
    {
        "freq_sw": span((0.3, 1.5), "Hz"),
        "dur_neg": span((0.3, 1.5), "s"),
        "dur_pos": span((0.1, 1), "s"),
        "amp_neg": span((40, 200), "uV", open_ended=True, optional=True),
        "amp_pos": span((10, 150), "uV", open_ended=True, optional=True),
        "amp_ptp": span((75, 350), "uV", open_ended=True),
        "coupling": flag(),
        "coupling_params": coupling(),
        "remove_outliers": flag(),
    },
    (
        _START,
        Column("negative_peak", "NegPeak", TIME, "sample of the negative peak"),
        Column("mid_crossing", "MidCrossing", TIME, "sample at which it crosses zero from below"),
        Column("positive_peak", "PosPeak", TIME, "sample of the positive peak"),
        _END,
        _DURATION,
        Column("negative_amplitude", "ValNegPeak", "uV", "value at the negative peak within freq_sw, below 0"),
        Column("positive_amplitude", "ValPosPeak", "uV", "value at the positive peak within freq_sw"),
        Column("amplitude", "PTP", "uV", "positive less negative peak within freq_sw"),
        Column("slope", "Slope", "uV/s", "size of the negative peak over the time from it to the mid crossing"),
        Column("frequency", "Frequency", "Hz", "1 / duration"),
        Column("sigma_peak", "SigmaPeak", TIME, "sample of the largest sigma envelope; only with coupling"),
        Column("sigma_phase", "PhaseAtSigmaPeak", "rad", "phase of the slow wave at it; only with coupling"),
        Column("sigma_coupling", "ndPAC", "1", "normalised direct phase-amplitude coupling; only with coupling"),
    ),
    lambda given: max(
        given["freq_sw"][1] + 0.2, given["coupling_params"]["freq_sp"][1] + 1.5 if given["coupling"] else 0
    ),
    "negative peak",
    "Massimini 2004, doi:10.1523/JNEUROSCI.1318-04.2004; Carrier 2011, doi:10.1111/j.1460-9568.2010.07543.x; "
    "Vallat & Walker 2021, doi:10.7554/eLife.70092",
)

REM = Kind(
    "rem",
    "rem",
    "rem_detect",
    ("R",),
    "eog",
    {
        "amplitude": span((50, 325), "uV"),
        "duration": span((0.3, 1.2), "s"),
        "relative_prominence": number(0.8, 0, 100, ""),
        "freq_rem": span((0.5, 5), "Hz"),
        "remove_outliers": flag(),
    },
    (
        _START,
        Column("peak", "Peak", TIME, "sample at which the negative product of both eyes is largest"),
        _END,
        _DURATION,
        *(
            Column(f"{ours}_{what}", f"{eye}{theirs}", units, definition.format(eye=eye))
            for what, theirs, units, definition in (
                ("amplitude", "AbsValPeak", "uV", "size of {eye} at the peak within freq_rem"),
                ("rise_slope", "AbsRiseSlope", "uV/s", "size of the slope of {eye} from start to peak"),
                ("fall_slope", "AbsFallSlope", "uV/s", "size of the slope of {eye} from peak to end"),
            )
            for ours, eye in (("loc", "LOC"), ("roc", "ROC"))
        ),
    ),
    lambda given: float(given["freq_rem"][1]),
    "start",
    "Agarwal 2005, doi:10.1109/TBME.2005.851512; Yetton 2016, doi:10.1016/j.jneumeth.2015.11.015; "
    "Vallat & Walker 2021, doi:10.7554/eLife.70092",
)

KINDS = {kind.name: kind for kind in (SPINDLES, SLOW_WAVES, REM)}
