"""Recordings of many naming schemes end in one set of columns; what is missing is told, and never fatal."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping
from itertools import cycle, product
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.study.harmonise import Harmonisation

RATE = 100
WANTED = ("C3-M2", "C4-M1", "E1-M2", "EMG chin", "SpO2")
MONTAGE = {"C3-M2": ("C3", "M2"), "C4-M1": ("C4", "M1"), "E1-M2": ("E1", "M2")}
ALIASES = {
    "C3": ["1", "EEG 1", "EEG C3", "EEG C3-REF", "C3-REF", "Central left"],
    "C4": ["2", "EEG 2", "EEG C4", "EEG C4-REF", "C4-REF", "Central right"],
    "E1": ["3", "LOC", "EOG LOC-REF", "EOG 1", "LOC-REF", "Eye left"],
    "M1": ["A1", "EEG A1", "EEG M1-REF", "A1-REF", "Ear left"],
    "M2": ["A2", "EEG A2", "EEG M2-REF", "A2-REF", "Ear right"],
    "EMG chin": ["X1", "EMG Chin1-Chin2", "chin emg raw"],
    "SpO2": ["DC5", "SAO2 Nellcor"],
}
UNITS = {"eeg": "uV", "eog": "uV", "emg": "uV", "SpO2": "%"}
STUDY = Harmonisation.of(aliases=ALIASES, montage=MONTAGE, wanted=WANTED, units=UNITS)


# Steps of 2**-16 V: float32 holds these amounts, and their differences, exactly in V, in mV and in uV.
STEP = 1e6 / 2**16  # uV
RNG = np.random.default_rng(7)
POTENTIALS = {
    name: (RNG.integers(-200, 201, 60 * RATE) * STEP).astype("f4") for name in ("C3", "C4", "E1", "M1", "M2", "chin")
}
SATURATION = np.tile(np.array([97, 96, 95, 98], "f4"), 15)

SITES = {
    "bare": ("C3", "C4", "E1", "M1", "M2"),
    "numbers": ("1", "2", "3", "A1", "A2"),
    "EEG numbers": ("EEG 1", "EEG 2", "EOG 1", "EEG A1", "EEG A2"),
    "EDF": ("EEG C3", "EEG C4", "LOC", "EEG A1", "EEG A2"),
    "common reference": ("EEG C3-REF", "EEG C4-REF", "EOG LOC-REF", "EEG M1-REF", "EEG M2-REF"),
    "short reference": ("C3-REF", "C4-REF", "LOC-REF", "A1-REF", "A2-REF"),
    "words": ("Central left", "Central right", "Eye left", "Ear left", "Ear right"),
    "capitals": ("CENTRAL LEFT", "central  right", "eye LEFT", "EAR left", "Ear Right"),
}
READY = {  # derived by the recorder
    "AASM": ("C3-M2", "C4-M1", "E1-M2"),
    "ears": ("C3-A2", "C4-A1", "E1-A2"),
    "EDF ears": ("EEG C3-A2", "EEG C4-A1", "EOG LOC-A2"),
    "colons": ("C3:M2", "C4:M1", "E1:M2"),
    "glued": ("C3M2", "C4A1", "E1A2"),
}
CHINS, OXIMETERS = (
    cycle(["EMG chin", "X1", "Chin", "EMG Chin1-Chin2", "CHIN EMG RAW"]),
    cycle(["SpO2", "SaO2", "DC5", "sao2 nellcor"]),
)


def schemes() -> Iterator[tuple[str, dict[str, np.ndarray], str, str]]:
    """Name of each naming scheme, its fast signals in uV, its unit, and the label of its oximeter."""
    p = POTENTIALS
    pairs = [(p["C3"], p["M2"]), (p["C4"], p["M1"]), (p["E1"], p["M2"])]
    for (name, labels), unit in product(SITES.items(), ("uV", "mV", "V")):
        values = dict(zip(labels, (p[site] for site in ("C3", "C4", "E1", "M1", "M2")), strict=True))
        yield f"{name} {unit}", {**values, next(CHINS): p["chin"]}, unit, next(OXIMETERS)
    for (name, labels), unit in product(READY.items(), ("uV", "microvolts", "MicroV.")):
        values = dict(zip(labels, (active - other for active, other in pairs), strict=True))
        yield f"{name} {unit}", {next(CHINS): p["chin"], **values, "Pleth": p["chin"]}, unit, next(OXIMETERS)
    yield "mixed", {"EEG C3-A2": p["C3"] - p["M2"], "EEG 2": p["C4"], "Ear left": p["M1"], "LOC": p["E1"],
                    "A2": p["M2"], "X1": p["chin"], "ECG": p["chin"]}, "uV", "OSat"  # fmt: skip


SCHEMES = list(schemes())
SIZES = {"uV": 1.0, "mV": 1e3, "V": 1e6}


def night(name: str, signals: Mapping[str, np.ndarray], unit: str, oximeter: str) -> xr.DataTree:
    scaled = {label: (each / SIZES.get(unit, 1.0)).astype("f4") for label, each in signals.items()}
    fast = sd.recording_from_arrays(scaled, RATE, unit=unit, recording_id=name)
    slow = sd.recording_from_arrays({oximeter: SATURATION}, 1, unit="percent")["1Hz"].to_dataset()
    tree = fast.assign({"1Hz": xr.DataTree(slow)})
    tree.attrs = fast.attrs
    return tree


def sorted_samples(recording: xr.DataTree) -> dict[str, list[float]]:
    nodes = (recording[name] for name in ("100Hz", "1Hz"))
    return {
        str(name): node["signal"].values[row].tolist()
        for node in nodes
        for row, name in enumerate(node["channel"].values)
    }


def test_forty_naming_schemes_become_one_set_of_columns_with_equal_values() -> None:
    assert len(SCHEMES) == 40
    labels = [tuple(night(*scheme)["100Hz/channel"].values) for scheme in SCHEMES]
    assert len({(names, scheme[2]) for names, scheme in zip(labels, SCHEMES, strict=True)}) == 40
    p = {name: samples.astype("f8") for name, samples in POTENTIALS.items()}
    want = {
        "C3-M2": p["C3"] - p["M2"],
        "C4-M1": p["C4"] - p["M1"],
        "E1-M2": p["E1"] - p["M2"],
        "EMG chin": p["chin"],
        "SpO2": SATURATION,
    }
    tables = []
    for scheme in SCHEMES:
        recording, missing, _ = STUDY.apply(night(*scheme))
        assert missing == (), scheme[0]
        got = sorted_samples(recording)
        assert got.keys() == want.keys(), scheme[0]
        for name, samples in want.items():
            assert np.array_equal(got[name], samples), (scheme[0], name)
        units = dict(zip(recording["100Hz/channel"].values, recording["100Hz/unit"].values, strict=True))
        assert units == {"C3-M2": "uV", "C4-M1": "uV", "E1-M2": "uV", "EMG chin": "uV"}
        kinds = dict(zip(recording["100Hz/channel"].values, recording["100Hz/signal_type"].values, strict=True))
        assert kinds == {"C3-M2": "eeg", "C4-M1": "eeg", "E1-M2": "eog", "EMG chin": "emg"}, scheme[0]
        table = sd.to_dataframe(sd.compute(sd.extract(recording, "statistics:aggregations=mean+std"), backend="sync"))
        tables.append(table[sorted(column for column in table.columns if column[0] in want)])
    columns = [(name, value) for name in sorted(want) for value in ("mean", "std")]
    for scheme, table in zip(SCHEMES, tables, strict=True):
        assert list(table.columns) == columns, scheme[0]
        assert table.equals(tables[0]), scheme[0]


def lab(units: dict[str, str] | None = None, rate: int = RATE, **more: np.ndarray) -> xr.DataTree:
    """Recording with C3, M1, M2 and E1 in uV, or in other units."""
    signals = {name: POTENTIALS[name] for name in ("C3", "M1", "M2", "E1")} | more
    each = [
        sd.recording_from_arrays({name: samples}, rate, unit=(units or {}).get(name, "uV"))[f"{rate}Hz"].to_dataset()
        for name, samples in signals.items()
    ]
    attrs = {"recording_id": "n1", "findings": []}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attrs), f"{rate}Hz": xr.concat(each, "channel")})


def names(recording: xr.DataTree) -> list[str]:
    return [str(name) for node in recording.children.values() if "channel" in node for name in node["channel"].values]


def test_without_anything_a_recording_stays_what_it_is() -> None:
    recording, missing, notes = Harmonisation.of().apply(night("n", {"EEG C3-A2": POTENTIALS["C3"]}, "mV", "SaO2"))
    assert names(recording) == ["EEG C3-A2", "SaO2"]
    assert recording["100Hz/unit"].values.tolist() == ["mV"]
    assert (missing, notes) == ((), ())


def test_aliases_win_over_a_file_and_that_over_the_table_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "names.yaml").write_text("Left: {aliases: [EEG C3-A2, X1]}\nRight: {type: eeg, aliases: [X2]}\n")
    signals = dict.fromkeys(("EEG C3-A2", "X1", "X2", "C4-A1"), POTENTIALS["C3"])
    recording = night("n", signals, "uV", "SaO2")
    plain = ["EEG C3-A2", "X1", "X2", "C4-A1", "SaO2"]
    packaged = ["C3-M2", "X1", "X2", "C4-M1", "SpO2"]
    filed = ["Left", "Left #2", "Right", "C4-M1", "SpO2"]
    both = ["Left", "Mine", "Right", "C4-M1", "SpO2"]
    aliases = {"Mine": ["X1"]}
    for options, want in (
        ({}, plain),
        ({"channel_table": "default"}, packaged),
        ({"channel_table": tmp_path / "names.yaml"}, filed),
        ({"channel_table": tmp_path / "names.yaml", "aliases": aliases}, both),
        ({"aliases": aliases}, ["C3-M2", "Mine", "X2", "C4-M1", "SpO2"]),
    ):
        assert names(Harmonisation.of(**options).apply(recording).recording) == want


def test_a_name_among_the_aliases_tells_a_type_that_the_label_does_not() -> None:
    recording = night("n", {"1": POTENTIALS["C3"], "2": POTENTIALS["M2"], "9": POTENTIALS["E1"]}, "mV", "SaO2")
    assert recording["100Hz/signal_type"].values.tolist() == ["unknown"] * 3
    aliases = {"C3": ["1"], "M2": ["2"], "Q": ["9"]}
    got = Harmonisation.of(aliases=aliases, montage={"C3-M2": ("C3", "M2")}, units={"eeg": "uV"}).apply(recording)
    node = got.recording["100Hz"]
    assert node["signal_type"].values.tolist() == ["eeg", "eeg", "unknown", "eeg"]
    assert node["unit"].values.tolist() == ["uV", "uV", "mV", "uV"]
    assert node["signal"].values[3].tolist() == (POTENTIALS["C3"] - POTENTIALS["M2"]).tolist()


def test_what_is_wanted_and_missing_is_told_and_not_fatal() -> None:
    montage = {"C3-M2": ("C3", "M2"), "C4-M1": ("C4", "M1")}
    recording, missing, notes = Harmonisation.of(montage=montage, wanted=["C4-M1", "C3-M2", "EMG*", "E?"]).apply(lab())
    assert names(recording) == ["E1", "C3-M2"]
    assert missing == ("C4-M1", "EMG*")
    assert notes == ("channel C4-M1: there is no C4; it is not derived",)
    everything = Harmonisation.of(montage=montage).apply(lab())
    assert names(everything.recording) == ["C3", "M1", "M2", "E1", "C3-M2"]
    assert everything.missing == ("C4-M1",)


def test_a_name_that_is_there_means_no_other_channel() -> None:
    recording = lab(c3=POTENTIALS["C4"])
    assert names(Harmonisation.of(wanted="C3").apply(recording).recording) == ["C3"]
    assert names(Harmonisation.of(wanted=["C3*", "c3"]).apply(recording).recording) == ["C3", "c3"]
    assert names(Harmonisation.of(wanted="e1").apply(recording).recording) == ["E1"]


def test_a_derived_channel_that_the_recorder_gives_stays_and_is_told() -> None:
    own = POTENTIALS["C4"]
    got = Harmonisation.of(montage={"C3-M2": ("C3", "M2")}, wanted="C3-M2").apply(lab(**{"C3-M2": own}))
    assert got.recording["100Hz/signal"].values.tolist() == [own.tolist()]
    assert got.missing == ()
    assert got.notes == ("channel C3-M2: the recording has a channel of this name; it stays what it is",)


UNCONVERTED = [
    ("g", "no factor converts its unit g into uV"),
    ("furlong", "its unit furlong is not known, and uV is wanted"),
    ("", "it has no unit, and uV is wanted"),
]


@pytest.mark.parametrize(("unit", "why"), UNCONVERTED)
def test_a_channel_whose_unit_cannot_be_converted_is_taken_out(unit: str, why: str) -> None:
    study = Harmonisation.of(wanted=["C3", "E1"], units={"E*": "uV", "eeg": "uV"})
    recording, missing, notes = study.apply(lab({"E1": unit}))
    assert names(recording) == ["C3"]
    assert missing == ("E1",)
    assert notes == (f"channel E1: {why}; it is taken out",)
    everything = Harmonisation.of(units={"E1": "uV"}).apply(lab({"E1": unit}))
    assert names(everything.recording) == ["C3", "M1", "M2"]
    assert (everything.missing, everything.notes) == ((), notes)


def test_a_name_says_more_of_a_unit_than_a_glob_and_that_more_than_a_type() -> None:
    got = Harmonisation.of(units={"eeg": "V", "M*": "mV", "M2": "nV", "eog": "uV", "emg": "mV"}).apply(lab())
    assert got.recording["100Hz/unit"].values.tolist() == ["V", "mV", "nV", "uV"]
    with pytest.raises(
        ParameterError, match=r"n1, channel M1: two units are asked for; found 'M\*': 'mV', '\*1': 'uV'"
    ):
        Harmonisation.of(units={"M*": "mV", "*1": "uV"}).apply(lab())
    assert Harmonisation.of(units={"M*": "mV", "*1": "millivolt"}).apply(lab()).missing == ()


def test_a_unit_without_a_factor_may_be_asked_for() -> None:
    recording = lab({"Temp": "degC", "Temp 2": "degF"}, **{"Temp": POTENTIALS["C3"], "Temp 2": POTENTIALS["C3"]})
    got = Harmonisation.of(units={"temperature": "C"}).apply(recording)
    assert names(got.recording) == ["C3", "M1", "M2", "E1", "Temp"]
    assert got.notes == ("channel Temp 2: no factor converts its unit degF into degC; it is taken out",)


NOTHING_LEFT = [
    ({"wanted": ["C3-M2", "E2"]}, "n1: none of the wanted channels is there; expected some of C3-M2, E2; "
                                  "found C3, M1, M2, E1; did you mean 'M2'"),
    ({"wanted": ["zzz"]}, "none of the wanted channels is there; .*; put its labels among the aliases"),
    ({"wanted": ["C3"], "units": {"C3": "g"}}, "n1: no channel is left; found C3: no factor converts its unit uV"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "message"), NOTHING_LEFT)
def test_nothing_left_is_an_error_that_says_what_is_there(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Harmonisation.of(**options).apply(lab())


def test_a_recording_without_signals_is_refused() -> None:
    with pytest.raises(ParameterError, match="no signals"):
        STUDY.apply(xr.DataTree(xr.Dataset(attrs={"recording_id": "n1"})))


REFUSED = [
    ({"wanted": []}, "no channel is wanted"),
    ({"wanted": ["C3", " "]}, "no channel is wanted"),
    ({"units": {"eeg": "uW"}}, "units of 'eeg': unknown unit; .*did you mean"),
    ({"units": {"eeg": ""}}, "units of 'eeg': unknown unit"),
    ({"units": {"C3": 5}}, "units of 'C3': unknown unit"),
    ({"units": {"eeg": "%"}}, "units of 'eeg': signals of this type have no such unit; expected a unit of voltage"),
    ({"montage": {"C3": ("C3", "M2")}}, "made of itself"),
    ({"aliases": {"A": ["x"], "B": ["X"]}}, "the label 'X' has two names; found 'A' and 'B'"),
    ({"aliases": {"A": ["x"], "B": ["a"]}}, "the label 'a' has two names; found 'A' and 'B'"),
    ({"aliases": {"A": ["x"], "a": ["y"]}}, "a name is there twice"),
    ({"aliases": {"A": "x"}}, "aliases of 'A': no labels; expected a list"),
    ({"aliases": {"A": []}}, "aliases of 'A': no labels"),
    ({"aliases": {"A": [5]}}, "aliases of 'A': no labels"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_makes_no_sense_for_any_recording_is_refused_at_once(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Harmonisation.of(**options)


def test_its_document_is_plain_and_tells_what_its_result_depends_on() -> None:
    document = json.loads(json.dumps(STUDY.document()))
    assert document == STUDY.document()
    assert document["montage"]["C3-M2"] == ["C3", ["M2"]]
    assert document["wanted"] == list(WANTED)
    assert document["names"]["eeg c3-a2"] == "C3-M2"
    turned = Harmonisation.of(aliases=dict(reversed(ALIASES.items())), montage=dict(reversed(MONTAGE.items())),
                              wanted=WANTED, units=dict(reversed(UNITS.items())))  # fmt: skip
    assert json.dumps(turned.document()) == json.dumps(STUDY.document())
    others = [
        Harmonisation.of(aliases=ALIASES | {"C3": ["1"]}, montage=MONTAGE, wanted=WANTED, units=UNITS),
        Harmonisation.of(
            aliases=ALIASES, montage=MONTAGE | {"C3-M2": ("C3", ("M1", "M2"))}, wanted=WANTED, units=UNITS
        ),
        Harmonisation.of(aliases=ALIASES, montage=MONTAGE, wanted=WANTED[1:], units=UNITS),
        Harmonisation.of(aliases=ALIASES, montage=MONTAGE, wanted=WANTED, units=UNITS | {"eeg": "mV"}),
        Harmonisation.of(montage=MONTAGE, wanted=WANTED, units=UNITS),
    ]
    assert len({json.dumps(each.document()) for each in [STUDY, *others]}) == 6
    assert pickle.loads(pickle.dumps(STUDY)) == STUDY


def test_nothing_is_computed_or_read(scored_night: Path, no_compute: None, bytes_read: list[tuple[int, int]]) -> None:
    study = Harmonisation.of("default", {"Left": ["C3"]}, {"D": ("Left", "C4")}, ["D", "SpO2"], {"eeg": "mV"})
    for chunks in ("epochs", None):
        recording = sd.open_recording(scored_night, chunks=chunks)
        before = list(bytes_read)
        got = study.apply(recording)
        assert bytes_read == before
        assert names(got.recording) == ["D", "SpO2"]
        assert got.recording["100Hz/unit"].values.tolist() == ["mV"]
        assert got.recording["annotations"].identical(recording["annotations"])
        assert got.recording.attrs["recording_id"] == "scored"
        assert (got.recording["100Hz/signal"].chunks is None) == (chunks is None)


def test_features_of_a_file_are_those_of_its_samples(scored_night: Path) -> None:
    study = Harmonisation.of(montage={"D": ("C3", "C4")}, wanted="D", units={"eeg": "mV"})
    lazy = study.apply(sd.open_recording(scored_night, chunks=None)).recording
    got = sd.compute(sd.extract(lazy, "statistics"), backend="threads", workers=2)
    c3, c4 = sd.open_recording(scored_night)["100Hz/signal"].values.astype("f8")
    samples = ((c3 - c4).astype("f4").astype("f8") / 1000).astype("f4")[:60_000].reshape(-1, 3000)
    assert np.allclose(got["100Hz/mean"].values[:, 0], samples.mean(axis=1, dtype="f8"), rtol=1e-12)
    assert np.array_equal(got["100Hz/max"].values[:, 0], samples.max(axis=1))
