"""Artefacts, masks and tables of whole recordings with planted faults."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.features import BandPower, Hjorth, Statistics
from sleepdask.io.tables import describe, flat_table, tree_from_table
from sleepdask.quality import Buckelmueller, Deviation, Thresholds, quality_features, table
from sleepdask.quality.epochs import epochs_within
from sleepdask.simulate import PSG_MONTAGE, simulate_night

EPOCHS, SIZE, RATE = 240, 30 * 256, 256
MONTAGE = tuple(channel for channel in PSG_MONTAGE if channel.label in {"F3-M2", "C3-M2", "O1-M2", "SpO2"})
# What happens in which epochs of which channel; all else is clean.
FLAT, CLIPPED, MOVED, LOST = range(20, 32), range(60, 66), (150, 180, 210), range(220, 240)


@pytest.fixture(scope="module")
def clean() -> dict[str, np.ndarray]:
    night = simulate_night(hours=2, montage=MONTAGE, seed=4)
    return {channel.label: night.samples(channel) for channel in MONTAGE}


def spans(epochs: object) -> list[slice]:
    return [slice(epoch * SIZE, (epoch + 1) * SIZE) for epoch in epochs]


def damaged(clean: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(9)
    signals = {label: x.copy() for label, x in clean.items()}
    x = signals["C3-M2"]
    for span in spans(FLAT):  # 6 s of each
        x[span.start + 700 : span.start + 700 + 6 * RATE] = x[span.start + 700]
    for span in spans(CLIPPED):
        limit = np.quantile(np.abs(x[span]), 0.8)
        x[span] = np.clip(x[span], -limit, limit)
    for span in spans(MOVED):
        x[span] += 300 * rng.standard_normal(40).repeat(SIZE // 40)
    for span in spans(LOST):
        x[span] = np.nan
    x = signals["O1-M2"]  # off: the noise of the amplifier
    x[: 200 * SIZE] = 0.2 * rng.standard_normal(200 * SIZE)
    for span in spans(range(EPOCHS)):
        signals["F3-M2"][span] += 40 * np.sin(2 * np.pi * 50 * np.arange(SIZE) / RATE)
    return signals


def as_recording(signals: dict[str, np.ndarray], *, chunks: int | None = None, unit: str = "uV") -> xr.DataTree:
    eeg = {label: x for label, x in signals.items() if label != "SpO2"}
    recording = sd.recording_from_arrays(eeg, RATE, unit=unit)
    slow = sd.recording_from_arrays({"SpO2": signals["SpO2"]}, 1, unit="%")
    recording = recording.assign({"1Hz": slow["1Hz"]})
    return recording if chunks is None else recording.chunk({"time": chunks})


@pytest.fixture(scope="module")
def night(clean: dict[str, np.ndarray]) -> xr.DataTree:
    return as_recording(damaged(clean))


@pytest.fixture(scope="module")
def features(night: xr.DataTree) -> xr.DataTree:
    wanted = (*quality_features(), *sd.quality.artefact_features("buckelmueller"))
    return sd.compute(sd.extract(night, wanted, min_coverage=0.0), backend="sync")


def found(features: xr.DataTree, name: str, channel: str, limit: float) -> list[int]:
    return np.flatnonzero(features[f"256Hz/{name}"].sel(channel=channel).values > limit).tolist()


def test_planted_faults_are_all_found_and_nothing_else(features: xr.DataTree) -> None:
    assert found(features, "flat_fraction", "C3-M2", 0.05) == [*FLAT]
    np.testing.assert_allclose(features["256Hz/flat_longest"].sel(channel="C3-M2")[[*FLAT]], 6, atol=0.1)
    assert found(features, "clipping_fraction", "C3-M2", 0.05) == [*CLIPPED]
    assert found(features, "amplitude_beyond_limit", "C3-M2", 0.05) == [*MOVED]
    assert found(features, "missing_fraction", "C3-M2", 0.5) == []  # NaN where nothing is there
    assert np.isnan(features["256Hz/std"].sel(channel="C3-M2")[[*LOST]]).all()
    line = features["256Hz/line_noise_50_ratio"]
    assert (line.sel(channel="F3-M2") > 10).all()
    assert (line.sel(channel="O1-M2") < 10).all()


@pytest.mark.parametrize("method", ["std", "buckelmueller"])
def test_artefacts__moves_are_found(features: xr.DataTree, method: str) -> None:
    flags = sd.quality.artefacts(features, method)[f"256Hz/artefact_{method}"].sel(channel="C3-M2").values
    assert flags[[*MOVED]].tolist() == [1, 1, 1]  # recall 1
    assert np.isnan(flags[[*LOST]]).all()
    rest = np.delete(flags, [*MOVED, *LOST])
    assert np.isfinite(rest).all()
    assert rest.mean() < 0.05


def test_artefacts__only_eeg_unless_asked(features: xr.DataTree) -> None:
    judged = sd.quality.artefacts(features)
    assert "artefact_std" not in judged["1Hz"].data_vars
    assert "artefact_std" in sd.quality.artefacts(features, signal_types=None)["1Hz"].data_vars
    assert "artefact_std" not in features["256Hz"].data_vars  # what was given is not changed
    only = sd.quality.artefacts(features, signal_types=("spo2",))
    assert "artefact_std" not in only["256Hz"].data_vars
    with pytest.raises(sd.ParameterError, match="no channel of the types emg"):
        sd.quality.artefacts(features, signal_types=["emg"])


def test_artefacts__says_what_is_lacking(night: xr.DataTree) -> None:
    with pytest.raises(sd.ParameterError, match="artefact_features"):
        sd.quality.artefacts(sd.extract(night, Hjorth()))
    with pytest.raises(sd.ParameterError, match="needs features"):
        sd.quality.artefacts(night)


def test_all_is_lazy(night: xr.DataTree, no_compute: None) -> None:
    lazy = sd.extract(night, (*quality_features(), Hjorth()))
    judged = sd.quality.artefacts(lazy, Deviation(threshold=4))
    masked = sd.quality.mask(judged)
    rows = table(night)
    for one in (judged["256Hz/artefact_std"], masked["256Hz/hjorth_activity"], masked["256Hz/status"], rows["usable"]):
        assert one.chunks is not None
    assert rows["verdict"].chunks is not None


def test_same_bits_lazy_or_not_and_for_any_chunks_and_channels(
    clean: dict[str, np.ndarray], assert_same_bits: Callable[[xr.DataTree, xr.DataTree], None]
) -> None:
    signals = damaged(clean)
    wanted = (*quality_features(), *sd.quality.artefact_features("buckelmueller"))

    def whole(recording: xr.DataTree, **options: object) -> xr.DataTree:
        lazy = sd.extract(recording, wanted, **options)
        return sd.quality.mask(sd.quality.artefacts(sd.quality.artefacts(lazy), "buckelmueller"))

    first = sd.compute(whole(as_recording(signals)), backend="sync")
    chunked = whole(as_recording(signals, chunks=100_003), workers=7, chunk_size=13)
    assert_same_bits(sd.compute(chunked, backend="threads", workers=2), first)
    in_memory = sd.compute(sd.extract(as_recording(signals), wanted), backend="sync")
    eager = sd.quality.mask(sd.quality.artefacts(sd.quality.artefacts(in_memory), "buckelmueller"))
    assert eager["256Hz/std"].chunks is None
    assert_same_bits(eager, first)
    one = sd.compute(whole(as_recording(signals), channels="C3-M2"), backend="sync")
    for name in ("artefact_std", "artefact_buckelmueller", "std"):
        np.testing.assert_array_equal(one[f"256Hz/{name}"][:, 0], first[f"256Hz/{name}"].sel(channel="C3-M2"))
    chunky = in_memory.chunk({"epoch": 17})  # as stored features may be
    assert_same_bits(sd.compute(sd.quality.artefacts(chunky)), sd.quality.artefacts(in_memory))


def test_artefacts__stage_by_stage_with_a_hypnogram(night: xr.DataTree) -> None:
    start = np.datetime64("2000-01-01", "ns")
    hypnogram = xr.Dataset(
        {
            "onset": ("score", start + np.arange(8) * np.timedelta64(900, "s")),
            "duration": ("score", np.full(8, np.timedelta64(900, "s")).astype("timedelta64[ns]")),
            "stage": ("score", np.array(["W", "N2", "N3", "", "R", "N2", "N3", "N2"])),
        },
        attrs={"source": "by hand", "findings": [], "format": "csv"},
    )
    lazy = sd.extract(night, Statistics(("std",), ddof=0), hypnogram=hypnogram)
    judged = sd.compute(sd.quality.artefacts(lazy), backend="sync")
    flags = judged["256Hz/artefact_std"]
    assert "same stage" in flags.attrs["definition"]
    assert np.isnan(flags[90:120]).all()  # not scored
    assert np.isfinite(flags[:90].sel(channel="C3-M2")).all()


def test_artefacts__go_through_tables(features: xr.DataTree, assert_same_bits: Callable[..., None]) -> None:
    judged = sd.quality.artefacts(features)
    flat = sd.to_dataframe(judged, flat=True)
    assert flat["C3-M2/artefact_std"][[*MOVED]].tolist() == [1, 1, 1]
    again = tree_from_table(flat_table(judged), describe(judged))
    assert again["256Hz/artefact_std"].attrs == judged["256Hz/artefact_std"].attrs
    np.testing.assert_array_equal(again["256Hz/artefact_std"], judged["256Hz/artefact_std"])


def test_mask(night: xr.DataTree, features: xr.DataTree) -> None:
    wanted = sd.extract(night, (Hjorth(), BandPower()), min_coverage=0.5)
    judged = sd.quality.artefacts(features)
    masked = sd.compute(sd.quality.mask(wanted, judged), backend="sync")
    plain = sd.compute(wanted, backend="sync")
    bad = judged["256Hz/artefact_std"].values == 1
    for name in ("hjorth_activity", "bandpower_delta"):
        before, after = plain[f"256Hz/{name}"].values, masked[f"256Hz/{name}"].values
        assert np.isnan(after[bad]).all()
        np.testing.assert_array_equal(after[~bad], before[~bad])
        assert masked[f"256Hz/{name}"].attrs == plain[f"256Hz/{name}"].attrs
    status, reason = masked["256Hz/status"].values, masked["256Hz/reason"].values
    assert status[150] == "partial"
    assert reason[150].endswith("C3-M2: artefact (std)")
    told = [("artefact (std)" in text) for text in reason]
    np.testing.assert_array_equal(told, bad.any(axis=1))
    untouched = ~bad.any(axis=1)
    np.testing.assert_array_equal(status[untouched], plain["256Hz/status"].values[untouched])
    np.testing.assert_array_equal(reason[untouched], plain["256Hz/reason"].values[untouched])
    assert masked.attrs["notes"] == [*plain.attrs["notes"], "values of artefact epochs (std) are NaN"]
    np.testing.assert_array_equal(masked["1Hz/hjorth_activity"], plain["1Hz/hjorth_activity"])


def by_hand(flags: list[list[float]], status: list[str], reason: list[str], name: str = "artefact_std") -> xr.DataTree:
    epochs = len(flags)
    node = xr.Dataset(
        {
            "mean": (("epoch", "channel"), np.ones((epochs, 2))),
            name: (("epoch", "channel"), np.array(flags)),
            "coverage": ("epoch", np.ones(epochs)),
            "status": ("epoch", np.array(status, "<U7")),
            "reason": ("epoch", np.array(reason, object)),
        },
        coords={"channel": ["a", "b"]},
    )
    coords = {"start": ("epoch", np.arange(epochs)), "stage": ("epoch", np.array([""] * epochs))}
    return xr.DataTree.from_dict({"/": xr.Dataset(coords=coords), "/1Hz": node})


def test_mask__status_and_reasons() -> None:
    tree = by_hand(
        [[0, 0], [1, 0], [1, 1], [1, np.nan], [1, 1], [0, 1]],
        ["ok", "ok", "ok", "partial", "failed", "missing"],
        ["", "", "", "some samples are missing", "f: broke", "fewer than 50% of the samples"],
    )
    masked = sd.quality.mask(tree)["1Hz"]
    assert masked["status"].values.tolist() == ["ok", "partial", "missing", "partial", "failed", "missing"]
    assert masked["reason"].values.tolist() == [
        "",
        "a: artefact (std)",
        "artefact (std)",
        "some samples are missing; a: artefact (std)",
        "f: broke; artefact (std)",
        "fewer than 50% of the samples; b: artefact (std)",
    ]
    np.testing.assert_array_equal(np.isnan(masked["mean"][:4]), [[0, 0], [1, 0], [1, 1], [1, 0]])
    both = sd.quality.mask(tree, unknown=True)["1Hz"]
    assert both["status"].values[3] == "missing"
    assert both["reason"].values[3] == "some samples are missing; a: artefact (std); b: artefact unknown (std)"


def test_mask__refuses_what_does_not_fit() -> None:
    tree = by_hand([[0, 1]], ["ok"], [""])
    with pytest.raises(sd.ParameterError, match="other epochs"):
        sd.quality.mask(tree, by_hand([[0, 1]] * 2, ["ok"] * 2, [""] * 2))
    with pytest.raises(sd.ParameterError, match="nothing tells artefacts by mine"):
        sd.quality.mask(tree, methods=["std", "mine"])
    with pytest.raises(sd.ParameterError, match="nothing tells artefacts"):
        sd.quality.mask(tree, by_hand([[0, 1]], ["ok"], [""], name="other"))


def test_table__planted_faults(night: xr.DataTree) -> None:
    rows = sd.to_dataframe(table(night), backend="sync")
    assert rows.index.tolist() == ["F3-M2", "C3-M2", "O1-M2", "SpO2"]
    c3 = rows.loc["C3-M2"]
    assert c3["missing"] == pytest.approx(len(LOST) / EPOCHS)
    known = EPOCHS - len(LOST)
    assert c3["flat"] == pytest.approx(len(FLAT) / known)
    assert c3["clipped"] == pytest.approx(len(CLIPPED) / known)
    assert c3["beyond_limit"] == pytest.approx(len(MOVED) / known)
    assert c3["artefact"] == pytest.approx(len(MOVED) / known, abs=0.02)
    bad = len(FLAT) + len(CLIPPED) + len(MOVED) + len(LOST)
    assert 1 - bad / EPOCHS - 0.02 <= c3["usable"] <= 1 - bad / EPOCHS + 1e-9
    assert c3["verdict"] == "fair"
    assert "5 % flat" in c3["reason"]
    assert "8 % missing" in c3["reason"]
    assert rows.loc["F3-M2", "verdict"] == "fair"
    assert "line noise of 50 Hz" in rows.loc["F3-M2", "reason"]
    assert rows.loc["O1-M2", "flat"] == pytest.approx(200 / EPOCHS)
    assert rows.loc["O1-M2", "verdict"] == "bad"
    assert rows.loc["SpO2", "verdict"] == "good"
    assert rows.loc["SpO2", ["flat", "clipped", "artefact", "line_noise_50_share"]].isna().all()


def test_table__clean_night_is_good(clean: dict[str, np.ndarray]) -> None:
    rows = sd.to_dataframe(table(as_recording(clean)), backend="sync")
    assert rows["verdict"].tolist() == ["good"] * 4
    assert (rows["reason"] == "").all()
    assert rows[["flat", "clipped", "beyond_limit"]].fillna(0).to_numpy().max() == 0


def test_table__from_features_is_that_of_the_recording(night: xr.DataTree, features: xr.DataTree) -> None:
    other = sd.to_dataframe(table(sd.quality.artefacts(features)))
    pd.testing.assert_frame_equal(sd.to_dataframe(table(night), backend="sync"), other)
    with pytest.raises(sd.ParameterError, match="none of the features tells quality"):
        table(sd.extract(night, Hjorth()))


def test_table__any_voltage(clean: dict[str, np.ndarray]) -> None:
    eeg = {label: x * 1e-6 for label, x in damaged(clean).items()}
    volts = sd.to_dataframe(table(as_recording(eeg, unit="V"), channels="*-M2"), backend="sync")
    micro = sd.to_dataframe(table(as_recording(damaged(clean)), channels="*-M2"), backend="sync")
    assert volts["unit"].tolist() == ["uV"] * 3
    columns = ["missing", "flat", "beyond_limit", "artefact", "usable", "verdict"]
    pd.testing.assert_frame_equal(volts[columns], micro[columns])


def test_table__own_thresholds_and_methods(night: xr.DataTree) -> None:
    strict = sd.to_dataframe(table(night, thresholds=Thresholds(fair=0.99, poor=0.9)), backend="sync")
    assert strict.loc["C3-M2", "verdict"] == "bad"
    without = sd.to_dataframe(table(night, method=None), backend="sync")
    assert without["artefact"].isna().all()
    local = sd.to_dataframe(table(night, method=Buckelmueller(window=21)), backend="sync")
    assert local.loc["C3-M2", "artefact"] > 0
    with pytest.raises(sd.ParameterError, match="flat"):
        Thresholds(flat=0)


def test_table__constant_and_unjudged_channels() -> None:
    x = {"SpO2": np.full(6000, -1.0), "Position": np.ones(6000), "HR": 60 + np.arange(6000) % 7.0}
    rows = sd.to_dataframe(table(sd.recording_from_arrays(x, 1, unit="")), backend="sync")
    assert rows["signal_type"].tolist() == ["spo2", "position", "hr"]
    assert rows["verdict"].tolist() == ["bad", "present", "good"]
    assert rows.loc["SpO2", "reason"] == "constant all night"


def test_table__definitions_say_the_thresholds(night: xr.DataTree) -> None:
    lazy = table(night, thresholds=Thresholds(flat=0.07))
    assert "0.07" in lazy["flat"].attrs["definition"]
    assert all(lazy[name].attrs["definition"] for name in lazy.data_vars if name != "epochs")
    assert all(lazy[name].attrs["units"] == "1" for name in lazy.data_vars if name not in {"verdict", "reason"})


def test_mask__artefacts_of_shorter_epochs(clean: dict[str, np.ndarray]) -> None:
    signals = damaged(clean)
    begin = 170 * SIZE + 5 * RATE  # the second window of an epoch
    signals["C3-M2"][begin : begin + 5 * RATE] *= 40
    recording = as_recording(signals)
    windows = sd.extract(recording, Statistics(("std",), ddof=0), epoch="5s")
    judged = sd.quality.artefacts(windows, Deviation(threshold=3.5))
    wanted = sd.extract(recording, Hjorth())
    masked = sd.compute(sd.quality.mask(wanted, judged), backend="sync")
    flags = sd.compute(judged, backend="sync")["256Hz/artefact_std"].values.reshape(EPOCHS, 6, 3)
    assert flags[170, :, 1].tolist() == [0, 1, 0, 0, 0, 0]
    bad = (flags == 1).any(axis=1)
    assert bad[170, 1]
    plain = sd.compute(wanted, backend="sync")["256Hz/hjorth_activity"].values
    np.testing.assert_array_equal(masked["256Hz/hjorth_activity"].values, np.where(bad, np.nan, plain))
    half = sd.compute(sd.quality.mask(wanted, judged, share=0.5), backend="sync")["256Hz/hjorth_activity"].values
    assert np.isfinite(half[170, 1])
    assert np.isnan(half[150, 1])
    with pytest.raises(sd.ParameterError, match="other epochs"):
        sd.quality.mask(windows, sd.quality.artefacts(sd.extract(recording, Statistics(("std",)))))
    with pytest.raises(sd.ParameterError, match="share"):
        sd.quality.mask(wanted, judged, share=1)


@pytest.mark.parametrize(("step", "first", "after"), [(5, 5, 13), (10, 3, 7)])
def test_mask__windows_that_reach_into_an_epoch(step: int, first: int, after: int) -> None:
    def tree(starts: np.ndarray, seconds: float) -> xr.DataTree:
        root = xr.Dataset(coords={"start": ("epoch", starts.astype("datetime64[s]").astype("datetime64[ns]"))})
        return xr.DataTree(root.assign_attrs(epoch_seconds=seconds))

    windows = tree(np.arange(0, 200, step), 10.0)
    within = epochs_within(tree(np.array([33, 1000]), 30.0), windows)
    overlap = [k for k, begin in enumerate(range(0, 200, step)) if begin < 63 and begin + 10 > 33]
    assert within == ((overlap[0], overlap[-1] + 1), (len(range(0, 200, step)),) * 2)
    assert (first, after) == within[0]
