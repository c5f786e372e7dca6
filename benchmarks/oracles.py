"""What other tools give too: pairs of a feature, filter or search here and a call there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import sleepdask as sd
from benchmarks import oracle_calls as calls
from benchmarks.oracle_calls import HIGH, LOW, NOTCH, Call, Rows
from benchmarks.oracle_pair import ABSOLUTE, COUNT, LUNA, SPREADS, Oracle, computed
from benchmarks.work import EPOCH_SECONDS
from sleepdask.features import Irasa, parse_features
from sleepdask.quality import Buckelmueller, Deviation, artefact_features, artefacts
from sleepdask.quality.night import scores


def _night(x: Rows, rate: float) -> Any:
    return sd.recording_from_arrays({"EEG": np.ravel(x)}, rate=rate, unit="uV")


def _filtered(change: Callable[[Any], Any]) -> Call:
    def values(x: Rows, rate: float) -> Rows:
        [node] = change(_night(x, rate)).children.values()
        return np.asarray(node["signal"].values)

    return values


def _whole(peer: Call) -> Call:
    """Give a peer the epochs as one signal."""
    return lambda x, rate: peer(x.reshape(1, -1), rate)


def _spectra(x: Rows, rate: float) -> Rows:
    starts = np.arange(len(x)) * x.shape[1]
    return Irasa(preset="yasa").spectra(x.reshape(1, -1), starts, starts + x.shape[1], rate)[2][0]


def _deviating(x: Rows, rate: float) -> Rows:
    spread = computed(artefact_features("std"), x.reshape(-1, int(5 * rate)), rate)[:, 0]
    flags = Deviation(offset=1).flags({"std": spread}, np.full(spread.size, "", "<U2"))
    return np.column_stack([flags, scores(np.log(spread + 1), 30)])


def _events(kind: str, columns: list[str]) -> Call:
    def values(x: Rows, rate: float) -> Rows:
        found = sd.to_dataframe(sd.events.detect(_night(x, rate), kind, channels="EEG", stages="all"))
        return found[columns].to_numpy(np.float64)

    return values


def _through_file(look: Callable[[Path], Rows]) -> Call:
    """Write the epochs as a file of 16 bits in steps of 0.1 uV, for tools that read files."""

    def values(x: Rows, rate: float) -> Rows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "night.edf"
            _write(path, x, rate)
            return look(path)

    return values


def _write(path: Path, x: Rows, rate: float) -> None:
    import edfio

    ranges = {"physical_range": (-3276.8, 3276.7), "digital_range": (-32768, 32767)}
    signal = edfio.EdfSignal(np.ravel(x), rate, label="EEG", physical_dimension="uV", **ranges)
    edfio.Edf([signal]).write(path)


def _stored(path: Path) -> tuple[Rows, float]:
    [(name, node)] = sd.open_recording(path, dtype="float64", chunks=None).children.items()
    rate = float(name.removesuffix("Hz"))
    return node["signal"].values.reshape(-1, int(rate * EPOCH_SECONDS)), rate


def _own_luna_bands(path: Path) -> Rows:
    return computed(parse_features("bandpower:preset=luna:edges=:entropy=no"), *_stored(path))


def _own_luna_rule(path: Path) -> Rows:
    x, rate = _stored(path)
    bands = f"delta@1-4+beta@40-{min(60, rate / 2):g}"
    power = computed(parse_features(f"bandpower:preset=luna:bands={bands}:relative=no:edges=:entropy=no"), x, rate)
    columns = [output.name for feature in Buckelmueller().features for output in feature.outputs]
    flags = Buckelmueller().flags(dict(zip(columns, power.T, strict=True)), np.full(len(x), "", "<U2"))
    return np.asarray(flags)[:, np.newaxis]


def _own_luna_artefacts(path: Path) -> Rows:
    features = sd.extract(sd.open_recording(path), artefact_features("buckelmueller"))
    [node] = sd.compute(artefacts(features, Buckelmueller()), backend="sync").children.values()
    return np.asarray(node["artefact_buckelmueller"].values)


_BANDS = tuple(f"bandpower_{name}" for name in calls.BANDS)
_SHARES = tuple(f"{name}_relative" for name in _BANDS)
_LUNA_BANDS = tuple(f"bandpower_{name.lower()}{of}" for of in ("", "_relative") for name in calls.LUNA_BANDS)
_PEAKS = tuple(f"spectral_peak_{band}{of}" for band in ("alpha", "sigma") for of in ("", "_power"))
_SPINDLES = {"duration": "Duration", "amplitude": "Amplitude", "rms": "RMS", "frequency": "Frequency"}
_WAVES = {"duration": "Duration", "negative_amplitude": "ValNegPeak", "amplitude": "PTP", "slope": "Slope"}
_ENDS = "MNE goes on with zeros beyond the ends, here the signal is reflected: 20 s at both are left out"
_STARTS = "SciPy reflects a shorter piece at the ends: 40 s at both are left out; the response ends where 1e-10 is left"

_ITERATION = 1e-8  # where the iteration of YASA's fit ends

STATISTICS = Oracle(
    "statistics", "SciPy", "x.mean(), x.std(ddof=1), np.percentile(x, [25, 50, 75]), stats.skew(x), stats.kurtosis(x)",
    calls.statistics, ("mean", "std", "median", "iqr", "skew", "kurtosis"),
    why="equal samples: skew and kurtosis are NaN in both",
)  # fmt: skip
HJORTH = Oracle(
    "hjorth", "antropy", "antropy.hjorth_params(x)", calls.hjorth, ("hjorth_mobility", "hjorth_complexity"),
)  # fmt: skip
LINE_LENGTH = Oracle("line_length", "NumPy", "np.abs(np.diff(x)).sum()", calls.line_length, ("line_length",))
YASA_BANDS = Oracle(  # for the benchmark alone: the page has one with shares
    "bandpower:preset=yasa", "YASA", "yasa.bandpower(x, rate, relative=False)", calls.yasa_bands, _BANDS[:5],
)  # fmt: skip
MULTITAPER = Oracle(
    "bandpower:method=multitaper:weights=eigenvalue", "MNE",
    'psd_array_multitaper(x, rate, bandwidth=8 / 30, adaptive=False, normalization="full"), summed',
    calls.multitaper, ("bandpower_theta", "bandpower_sigma"),
    why="divided by the energy of MNE's tapers, which it takes to be 1",
)  # fmt: skip
IRASA = Oracle(
    "irasa:preset=yasa", "YASA", "yasa.irasa(x, rate)", calls.irasa, ("irasa_slope", "irasa_r2"),
    epochs=6, least=_ITERATION,
    why="YASA finds the line by iteration, here it is solved",
)  # fmt: skip
PERMUTATION = Oracle(
    "permutation_entropy", "antropy", "antropy.perm_entropy(x, normalize=True)",
    calls.of_antropy("perm_entropy", normalize=True), ("permutation_entropy",),
)  # fmt: skip
SAMPLE = Oracle(
    "sample_entropy", "antropy", "antropy.sample_entropy(x)", calls.of_antropy("sample_entropy"), ("sample_entropy",),
    epochs=10, why="a match is < r, from 5000 samples on antropy takes <= r; no match of m + 1: NaN, there infinite",
)  # fmt: skip
APPROXIMATE = Oracle(
    "approximate_entropy", "antropy", "antropy.app_entropy(x)", calls.of_antropy("app_entropy"),
    ("approximate_entropy",), epochs=4,
)  # fmt: skip
LEMPEL_ZIV = Oracle(
    "lempel_ziv", "antropy", "antropy.lziv_complexity((x > np.median(x)).astype(int), normalize=True)",
    calls.lempel_ziv, ("lempel_ziv",), epochs=10,
)  # fmt: skip
HIGUCHI = Oracle(
    "higuchi_fd", "antropy", "antropy.higuchi_fd(x)", calls.of_antropy("higuchi_fd"), ("higuchi_fd",),
    why="antropy adds 1e-9 to a divisor of its regression",
)  # fmt: skip
PETROSIAN = Oracle(
    "petrosian_fd", "antropy", "antropy.petrosian_fd(x)", calls.of_antropy("petrosian_fd"), ("petrosian_fd",)
)
KATZ = Oracle("katz_fd", "antropy", "antropy.katz_fd(x)", calls.of_antropy("katz_fd"), ("katz_fd",))
DFA = Oracle(
    "dfa", "antropy", "antropy.detrended_fluctuation(x)", calls.of_antropy("detrended_fluctuation"), ("dfa_alpha",),
    why="antropy adds 1e-9 to a divisor of its regression",
)  # fmt: skip
FIR = Oracle(
    f"filters.bandpass(night, {LOW:g}, {HIGH:g})", "MNE", f"mne.filter.filter_data(x, rate, {LOW:g}, {HIGH:g})",
    _whole(calls.mne_fir), compute=_filtered(lambda night: sd.filters.bandpass(night, LOW, HIGH)),
    measure=SPREADS, margin=20, why=_ENDS,
)  # fmt: skip
MNE_IIR = Oracle(
    f'filters.bandpass(night, {LOW:g}, {HIGH:g}, method="iir")', "MNE",
    f'mne.filter.filter_data(x, rate, {LOW:g}, {HIGH:g}, method="iir", iir_params={{"order": 4, ...}})',
    _whole(calls.mne_iir), compute=_filtered(lambda night: sd.filters.bandpass(night, LOW, HIGH, method="iir")),
    measure=SPREADS, margin=40, why=_STARTS.replace("SciPy", "MNE"),
)  # fmt: skip
SCIPY_IIR = Oracle(
    f'filters.bandpass(night, {LOW:g}, {HIGH:g}, method="iir")', "SciPy", "sosfiltfilt(butter(4, ...), x)",
    _whole(calls.scipy_iir), compute=_filtered(lambda night: sd.filters.bandpass(night, LOW, HIGH, method="iir")),
    measure=SPREADS, margin=40, why=_STARTS,
)  # fmt: skip

ORACLES = (
    STATISTICS,
    Oracle("statistics", "NumPy", "x.min(), x.max(), np.ptp(x), x.var(ddof=1), np.sqrt(np.mean(x**2))",
           calls.extremes, ("min", "max", "range", "var", "rms")),
    HJORTH,
    Oracle("hjorth", "NumPy", "x.var()", calls.variance, ("hjorth_activity",)),
    LINE_LENGTH,
    Oracle("line_length", "NumPy", "np.abs(np.diff(x)).mean()", lambda x, rate: calls.steps(x, rate)[:, 1:],
           ("line_length_mean",)),
    Oracle("zero_crossings", "antropy", "antropy.num_zerocross(x - x.mean()) * rate / (len(x) - 1)",
           calls.zero_crossings, ("zero_crossing_rate",),
           why="a sample that equals the mean has the sign before it; antropy counts it as positive"),
    Oracle("bandpower", "SciPy", "welch(x, rate, nperseg=4 * rate), summed over the bins; stats.entropy",
           calls.welch_bands, (*_BANDS, *_SHARES, "spectral_edge_95", "spectral_edge_50", "spectral_entropy")),
    Oracle("bandpower:preset=yasa", "YASA", "yasa.bandpower(x, rate), both relative=False and True",
           calls.yasa_all_bands, (*_BANDS, *_SHARES),
           why="Hamming, median and Simpson's rule are YASA's; the default is Hann, mean and sum"),
    MULTITAPER,
    Oracle("bandpower:preset=luna", LUNA, "EPOCH & PSD epoch", _through_file(calls.luna_bands), _LUNA_BANDS,
           compute=_through_file(_own_luna_bands), why="Tukey windows, means not removed, and bands are Luna's"),
    Oracle("aperiodic", "SciPy", "stats.linregress(log10 f, log10 welch(x, rate, nperseg=4 * rate))",
           calls.aperiodic, ("aperiodic_slope", "aperiodic_offset", "aperiodic_r2"), measure=ABSOLUTE),
    Oracle("spectral_peak", "SciPy", "find_peaks(welch(x, rate, nperseg=4 * rate)), np.polyfit of three bins",
           calls.spectral_peaks, _PEAKS),
    IRASA,
    Oracle("irasa:preset=yasa", "YASA", "yasa.irasa(x, rate): intercept / ln 10, sums of the oscillatory part",
           calls.irasa_powers, ("irasa_offset", *(f"irasa_oscillatory_{band}" for band in calls.IRASA_BANDS)),
           epochs=6, least=_ITERATION),
    Oracle("Irasa(preset=\"yasa\").spectra(...)", "YASA", "yasa.irasa(x, rate, return_fit=False)",
           calls.irasa_spectra, compute=_spectra, epochs=6),
    PERMUTATION,
    SAMPLE,
    APPROXIMATE,
    Oracle("multiscale_entropy", "antropy", "antropy.sample_entropy(means of s samples, tolerance=0.15 * x.std())",
           calls.multiscale, tuple(f"multiscale_entropy_{scale}" for scale in range(1, 6)), epochs=10),
    LEMPEL_ZIV,
    HIGUCHI,
    PETROSIAN,
    KATZ,
    DFA,
    Oracle("amplitude:limit=50", "NumPy", "np.mean(abs(x - np.median(x)) > 50), np.abs(np.diff(x)).max()",
           calls.amplitude, ("amplitude_beyond_limit", "amplitude_largest_jump")),
    Oracle("line_noise:lines=50", "SciPy", "welch(x, rate, nperseg=4 * rate), mean of bins at 50 Hz / of neighbours",
           calls.line_noise, ("line_noise_50_ratio",), real=False, why="`line_noise` needs 102 Hz"),
    Oracle("quality.Deviation(offset=1)", "YASA", 'yasa.art_detect(x, rate, 5, method="std"): verdict and z',
           calls.yasa_artefacts, compute=_deviating, measure=ABSOLUTE,
           why="offset=1 is YASA's log(SD + 1), by default it is log(SD)"),
    Oracle("quality.Buckelmueller()", LUNA, "EPOCH & ARTIFACTS epoch no-mask", _through_file(calls.luna_artefacts),
           compute=_through_file(_own_luna_artefacts), measure=COUNT,
           why="slow band 0.6 to 4.6 Hz, Luna's is 1 to 4 Hz; fast band from 120 Hz sampling on, Luna's always"),
    Oracle("quality.Buckelmueller() of bandpower:preset=luna, 1-4 and 40-60 Hz", LUNA,
           "EPOCH & ARTIFACTS epoch no-mask", _through_file(calls.luna_artefacts),
           compute=_through_file(_own_luna_rule), measure=COUNT),
    FIR,
    MNE_IIR,
    SCIPY_IIR,
    Oracle(f"filters.notch(night, {NOTCH:g}, harmonics=1)", "MNE", f"mne.filter.notch_filter(x, rate, [{NOTCH:g}])",
           _whole(calls.mne_notch), compute=_filtered(lambda night: sd.filters.notch(night, NOTCH, harmonics=1)),
           measure=SPREADS, margin=20, why=_ENDS),
    Oracle(f'filters.notch(night, {NOTCH:g}, harmonics=1, method="iir")', "SciPy",
           f"sosfiltfilt(tf2sos(*iirnotch({NOTCH:g}, 30, rate)), x)", _whole(calls.scipy_notch),
           compute=_filtered(lambda night: sd.filters.notch(night, NOTCH, harmonics=1, method="iir")),
           measure=SPREADS, margin=40, why=_STARTS),
    Oracle("filters.resample(night, rate / 2)", "SciPy", "resample_poly(x, 1, 2)", _whole(calls.scipy_resampled),
           compute=lambda x, rate: _filtered(lambda night: sd.filters.resample(night, rate / 2))(x, rate),
           measure=SPREADS, margin=2, why="SciPy goes on with zeros beyond the ends: 2 s at both are left out"),
    Oracle('events.detect(night, "spindles", stages="all")', "YASA", "yasa.spindles_detect(x, rate)",
           calls.yasa_events("spindles_detect", list(_SPINDLES.values())),
           compute=_events("spindles", list(_SPINDLES)), why="YASA itself searches"),
    Oracle('events.detect(night, "slow_waves", stages="all")', "YASA", "yasa.sw_detect(x, rate)",
           calls.yasa_events("sw_detect", list(_WAVES.values())),
           compute=_events("slow_waves", list(_WAVES)), why="YASA itself searches"),
)  # fmt: skip
