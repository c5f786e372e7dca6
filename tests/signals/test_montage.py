"""Derived channels: the values of NumPy, the same bits however signals are cut, nothing read while they are built."""

from __future__ import annotations

import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.signals.montage import derive_channels

MONTAGE = {"C3-M2": ("C3", ("M2",)), "C3-LM": ("C3", ("M1", "M2"))}
RNG = np.random.default_rng(4)
SAMPLES = {name: RNG.normal(0, 40, 700).astype("f4") for name in ("C3", "M1", "M2", "E1")}


def night(units: dict[str, str] | None = None, rate: int = 100, **samples: np.ndarray) -> xr.DataTree:
    """Recording of one node, in uV unless another unit is given for a channel."""
    values = samples or SAMPLES
    nodes = [
        sd.recording_from_arrays({name: each}, rate=rate, unit=(units or {}).get(name, "uV"))[f"{rate}Hz"].to_dataset()
        for name, each in values.items()
    ]
    attrs = {"recording_id": "n1", "findings": ["odd"]}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attrs), f"{rate}Hz": xr.concat(nodes, "channel")})


def values(recording: xr.DataTree, name: str, node: str = "100Hz") -> np.ndarray:
    got = recording[f"{node}/signal"].sel(channel=name).compute(scheduler="sync")
    return np.asarray(got.values)


def told(recording: xr.DataTree) -> list[str]:
    assert recording.attrs["findings"][0] == "odd"
    return list(recording.attrs["findings"][1:])


def test_values_are_those_of_numpy() -> None:
    got = derive_channels(night(), MONTAGE)
    c3, m1, m2 = (SAMPLES[name].astype("f8") for name in ("C3", "M1", "M2"))
    assert got["100Hz/signal"].dtype == np.float32
    assert got["100Hz/channel"].values.tolist() == ["C3", "M1", "M2", "E1", "C3-M2", "C3-LM"]
    assert np.array_equal(values(got, "C3-M2"), (c3 - m2).astype("f4"))
    assert np.array_equal(values(got, "C3-LM"), (c3 - (m1 + m2) / 2).astype("f4"))
    for name, samples in SAMPLES.items():
        assert np.array_equal(values(got, name), samples)
    assert told(got) == []


def test_units_of_one_dimension_are_converted_exactly_into_that_of_the_active_channel() -> None:
    got = derive_channels(night({"M1": "mV", "M2": "V"}), MONTAGE)
    exact = [
        [Fraction(float(c)) - Fraction(float(m)) * 10**6 for c, m in zip(SAMPLES["C3"], SAMPLES["M2"], strict=True)],
        [Fraction(float(c)) - (Fraction(float(a)) * 1000 + Fraction(float(b)) * 10**6) / 2
         for c, a, b in zip(SAMPLES["C3"], SAMPLES["M1"], SAMPLES["M2"], strict=True)],
    ]  # fmt: skip
    for name, want in zip(MONTAGE, exact, strict=True):
        assert np.array_equal(values(got, name), np.array([float(each) for each in want]).astype("f4"))
    assert got["100Hz/unit"].values.tolist() == ["uV", "mV", "V", "uV", "uV", "uV"]


WHOLE = night({"M1": "mV"})
UNCUT = derive_channels(WHOLE, MONTAGE)["100Hz/signal"].values


@given(st.integers(1, 4), st.lists(st.integers(1, 300), max_size=6))
def test_same_bits_for_every_chunking(channel: int, cuts: list[int]) -> None:
    sizes = [*cuts, 2000][: 1 + sum(np.cumsum(cuts) < 700)]
    sizes[-1] = 700 - sum(sizes[:-1])
    cut = WHOLE.chunk({"time": tuple(sizes), "channel": channel})
    got = derive_channels(cut, MONTAGE)["100Hz/signal"]
    assert got.chunks == ((6,), tuple(sizes))
    assert got.compute(scheduler="sync").values.tobytes() == UNCUT.tobytes()


@given(
    st.lists(st.integers(0, 5), min_size=1, unique=True),
    st.one_of(
        st.builds(slice, st.integers(0, 700), st.integers(0, 700), st.integers(1, 9)),
        st.integers(0, 699),
        st.lists(st.integers(0, 699), min_size=1, max_size=5),
    ),
)
def test_uncut_signals_are_read_as_they_are_indexed(rows: list[int], time: slice | int | list[int]) -> None:
    lazy = derive_channels(WHOLE, MONTAGE)["100Hz/signal"]
    assert np.array_equal(lazy.isel(channel=rows, time=time).values, UNCUT[rows][:, time])
    assert np.array_equal(lazy.isel(channel=rows[0], time=time).values, UNCUT[rows[0], time])


def test_only_rows_that_are_needed_are_read(write_night, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    from sleepdask.io.edf.records import SignalReader

    recording = sd.open_recording(write_night({"F3": 100, "C3": 100, "M2": 100, "O1": 100}, 60), chunks=None)
    lazy = derive_channels(recording, {"C3-M2": ("C3", "M2")})["100Hz"].to_dataset()
    read, rows = SignalReader.read, []

    def counted(self, signals, start, stop):  # type: ignore[no-untyped-def]
        samples = read(self, signals, start, stop)
        rows.append(len(samples))
        return samples

    monkeypatch.setattr(SignalReader, "read", counted)
    assert lazy["signal"].sel(channel=["C3-M2", "F3"]).isel(channel=[0]).values.shape == (1, 6000)
    assert lazy["signal"].sel(channel="O1").values.shape == (6000,)
    assert rows == [2, 1]


def test_nothing_is_computed_or_read(scored_night: Path, no_compute: None, bytes_read: list[tuple[int, int]]) -> None:
    for chunks in ("epochs", None):
        recording = sd.open_recording(scored_night, chunks=chunks)
        before = list(bytes_read)
        lazy = derive_channels(recording, {"C3-C4": ("C3", "C4"), "X": ("C3", "C9"), "S": ("C3", "SpO2")})
        assert bytes_read == before
        own, new = (tree["100Hz/signal"].chunks for tree in (recording, lazy))
        assert (own is None) == (new is None) == (chunks is None)
        assert own is None or own[1] == new[1]
        assert lazy["1Hz"].identical(recording["1Hz"])
        assert lazy["annotations"].identical(recording["annotations"])
        assert recording["100Hz/channel"].values.tolist() == ["C3", "C4"]


def test_features_are_the_same_for_every_way_of_opening(scored_night: Path) -> None:
    ways = [
        {"chunks": None},
        {"chunks": "epochs"},
        {"chunks": {"time": 1000}},
        {"chunks": {"time": 7777, "channel": 1}},
    ]
    tables = [
        sd.to_dataframe(
            sd.compute(
                sd.extract(derive_channels(sd.open_recording(scored_night, **way), {"D": ("C3", "C4")}), "statistics"),
                backend="threads",
            )
        )
        for way in ways
    ]
    assert all(table.equals(tables[0]) for table in tables[1:])
    samples = sd.open_recording(scored_night)["100Hz/signal"].values.astype("f8")
    want = (samples[0] - samples[1]).astype("f4")[:3000]
    assert tables[0]["D", "mean"].iloc[0] == pytest.approx(want.mean(dtype="f8"), rel=1e-12)


def test_a_chunk_stays_one_task(scored_night: Path) -> None:
    import dask

    counts = []
    for montage in ({}, {"C3-C4": ("C3", "C4"), "C4-C3": ("C4", "C3")}):
        features = sd.extract(
            derive_channels(sd.open_recording(scored_night, chunks=None), montage), "statistics", workers=4
        )
        (array,) = dask.optimize(features["100Hz/mean"].data)
        counts.append(len(dict(array.__dask_graph__())))
    assert counts[0] == counts[1]


def test_another_montage_is_another_feature_in_the_cache(scored_night: Path) -> None:
    sd.features.enable_feature_cache()
    sd.features.clear_feature_cache()
    before = sd.features.get_cache_stats()["hits"]
    for parts in (("C3", "C4"), ("C4", "C3"), ("C3", "C4")):
        recording = derive_channels(sd.open_recording(scored_night, chunks=None), {"D": parts})
        got = sd.compute(sd.extract(recording, "statistics"))["100Hz/mean"].sel(channel="D").values[0]
        samples = sd.open_recording(scored_night)["100Hz/signal"].sel(channel=list(parts)).values[:, :3000].astype("f8")
        assert got == pytest.approx((samples[0] - samples[1]).mean(), rel=1e-4)
    assert sd.features.get_cache_stats()["hits"] == before + 1


def test_a_missing_value_in_a_part_is_one_in_the_difference() -> None:
    nan = np.nan
    got = derive_channels(
        night(
            C3=np.array([1.0, nan, 3.0, np.inf]),
            M1=np.array([1.0, 1.0, nan, 1.0]),
            M2=np.array([0.0, 0.0, 0.0, np.inf]),
        ),
        MONTAGE,
    )
    assert got["100Hz/signal"].dtype == np.float64
    assert np.array_equal(values(got, "C3-M2"), [1.0, nan, 3.0, nan], equal_nan=True)
    assert np.array_equal(values(got, "C3-LM"), [0.5, nan, nan, nan], equal_nan=True)


def test_integers_become_floats() -> None:
    got = derive_channels(night(C3=np.array([5, 7], "i2"), M2=np.array([-32768, 32767], "i2")), {"D": ("C3", "M2")})
    assert got["100Hz/signal"].dtype == np.float64
    assert values(got, "D").tolist() == [32773.0, -32760.0]


def test_what_is_said_of_a_derived_channel() -> None:
    recording = night({"M2": "mV"})
    node = (
        recording["100Hz"]
        .to_dataset()
        .assign_coords(
            sensor=("channel", ["cup", "cup", "cup", "disc"]),
            prefilter=("channel", ["HP:0.3Hz", "HP:0.1Hz", "HP:0.3Hz", ""]),
            label=("channel", ["EEG C3", "A1", "A2", "LOC"]),
            site=("channel", [1.5, 2.5, 3.5, 4.5]),
        )
    )
    recording["100Hz"].dataset = node
    montage = {"C3-M2": ("C3", "M2"), "C3-LM": ("C3", ("M1", "M2")), "E1-M2": ("E1", "M2"), "C3-E1": ("C3", "E1")}
    made = derive_channels(recording, montage)["100Hz"].to_dataset().isel(channel=slice(4, None))
    said = {str(name): c.values.tolist() for name, c in made.coords.items() if c.dims == ("channel",)}
    assert said == {
        "channel": ["C3-M2", "C3-LM", "E1-M2", "C3-E1"],
        "unit": ["uV"] * 4,
        "physical_dimension": ["uV"] * 4,
        "signal_type": ["eeg", "eeg", "eog", "unknown"],
        "sensor": ["cup", "cup", "E1: disc; M2: cup", "C3: cup; E1: disc"],
        "prefilter": ["HP:0.3Hz", "C3: HP:0.3Hz; M1: HP:0.1Hz; M2: HP:0.3Hz", "E1: not stated; M2: HP:0.3Hz",
                      "C3: HP:0.3Hz; E1: not stated"],
        "label": [""] * 4,
        "site": [1.5, 1.5, 4.5, 1.5],
        "derived": ["C3 - M2", "C3 - (M1 + M2) / 2", "E1 - M2", "C3 - E1"],
    }  # fmt: skip


def test_a_part_without_a_scale_is_told_with_the_channel() -> None:
    recording = night()
    recording["100Hz"].dataset = (
        recording["100Hz"].to_dataset().assign_coords(uncalibrated=("channel", ["", "", "flat", ""]))
    )
    made = derive_channels(recording, MONTAGE)["100Hz"]
    assert made["uncalibrated"].values.tolist() == ["", "", "flat", "", "M2: flat", "M2: flat"]


def test_a_name_that_is_there_stays_what_it_is() -> None:
    own = RNG.normal(size=700).astype("f4")
    got = derive_channels(night(**SAMPLES, **{"C3-M2": own}), MONTAGE)
    assert np.array_equal(values(got, "C3-M2"), own)
    assert got["100Hz/channel"].values.tolist() == ["C3", "M1", "M2", "E1", "C3-M2", "C3-LM"]
    assert told(got) == ["channel C3-M2: the recording has a channel of this name; it stays what it is"]
    again = derive_channels(derive_channels(night(), MONTAGE), MONTAGE)
    assert again["100Hz/derived"].values.tolist() == ["", "", "", "", "C3 - M2", "C3 - (M1 + M2) / 2"]


@pytest.mark.parametrize("names", [["F", "D", "E"], ["E", "F", "D"]])
def test_parts_may_be_derived_channels_themselves(names: list[str]) -> None:
    montage = {"D": ("C3", ("M1",)), "E": ("E1", ("M2",)), "F": ("D", ("E",))}
    got = derive_channels(night(), {name: montage[name] for name in names})
    d, e = (values(got, name).astype("f8") for name in "DE")
    assert np.array_equal(values(got, "F"), (d - e).astype("f4"))
    assert np.array_equal(d, (SAMPLES["C3"].astype("f8") - SAMPLES["M1"]).astype("f4"))
    assert told(got) == []


def two_nodes() -> xr.DataTree:
    recording = night({"E1": "g", "M1": ""})
    slow = sd.recording_from_arrays({"M3": np.zeros(350)}, rate=50)["50Hz"].to_dataset()
    return recording.assign({"50Hz": xr.DataTree(slow)})


TOLD = [
    (("C3", "M9"), "there is no M9"),
    (("C9", ("M2", "M9")), "there is no C9, M9"),
    (("C3", ("M2", "M3")), "C3, M2, M3 are on different nodes, which have clocks of their own"),
    (("C3", "E1"), "E1 is in g, C3 in uV, which no factor converts"),
    (("C3", "M1"), "M1 is in no unit, C3 in uV, which no factor converts"),
    (("C3", "Loop"), "there is no Loop"),
]


@pytest.mark.parametrize(("parts", "message"), TOLD)
def test_what_cannot_be_derived_is_absent_and_told(parts: tuple[str, str], message: str) -> None:
    got = derive_channels(
        two_nodes(), {"C3-M2": ("C3", "M2"), "D": parts, "Loop": ("Pool", "M2"), "Pool": ("Loop", "M2")}
    )
    assert got["100Hz/channel"].values.tolist() == ["C3", "M1", "M2", "E1", "C3-M2"]
    assert got["50Hz/channel"].values.tolist() == ["M3"]
    assert f"channel D: {message}; it is not derived" in told(got)
    assert len(told(got)) == 3


REFUSED = [
    ({"D": ("C3",)}, "montage of 'D': not a derivation; expected an active channel and its reference"),
    ({"D": "C3"}, "not a derivation"),
    ({"D": None}, "not a derivation"),
    ({"D": ("C3", ())}, "names of channels are missing"),
    ({"D": ("C3", "")}, "names of channels are missing"),
    ({"D": ("C3", 5)}, "names of channels are missing"),
    ({"D": ("C3", ("M1", None))}, "names of channels are missing"),
    ({"": ("C3", "M1")}, "names of channels are missing"),
    ({"C3": ("C3", "M2")}, "montage of 'C3': a channel cannot be made of itself; .*name of its own"),
    ({"M2": ("C3", "M2")}, "a channel cannot be made of itself"),
    ({"D": ("C3", "C3")}, "a part repeats"),
    ({"D": ("C3", ("M1", "M1"))}, "a part repeats"),
]


@pytest.mark.parametrize(("montage", "message"), REFUSED)
def test_a_montage_that_makes_no_sense_is_refused(montage: dict[str, tuple[str, str]], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        derive_channels(night(), montage)


def test_it_travels_and_is_kept(tmp_path: Path, scored_night: Path) -> None:
    lazy = derive_channels(sd.open_recording(scored_night, chunks=None), {"C3-C4": ("C3", "C4")})
    sent = pickle.loads(pickle.dumps(lazy["100Hz"].to_dataset()))
    assert np.array_equal(sent["signal"].values, lazy["100Hz/signal"].values)
    sd.save_recording(lazy, tmp_path / "night.zarr")
    kept = sd.open_recording(tmp_path / "night.zarr")
    assert np.array_equal(kept["100Hz/signal"].values, lazy["100Hz/signal"].values)
    assert kept["100Hz/derived"].values.tolist() == ["", "", "C3 - C4"]


def test_a_part_that_is_there_twice_is_not_chosen_by_chance() -> None:
    twin = sd.recording_from_arrays({"C3": np.zeros(350)}, rate=50)["50Hz"].to_dataset()
    got = derive_channels(night().assign({"50Hz": xr.DataTree(twin)}), {"C3-M2": ("C3", "M2"), "E1-M2": ("E1", "M2")})
    assert got["100Hz/channel"].values.tolist() == [*SAMPLES, "E1-M2"]
    assert got.attrs["findings"] == ["odd", "channel C3-M2: there is more than one C3; it is not derived"]


def test_gaps_stay_gaps(broken_night: Path) -> None:
    recording = sd.open_recording(broken_night, chunks=None)
    lazy = derive_channels(recording, {"C3-C4": ("C3", "C4")})
    assert lazy["100Hz"].to_dataset().xindexes["time"].equals(recording["100Hz"].to_dataset().xindexes["time"])
    c3, c4 = recording["100Hz/signal"].values.astype("f8")
    assert np.array_equal(values(lazy, "C3-C4"), (c3 - c4).astype("f4"))
