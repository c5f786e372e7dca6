"""Units that are hard to believe."""

from __future__ import annotations

from pathlib import Path

import pytest

from sleepdask.io.edf.header import read_header
from sleepdask.signals.plausibility import PLAUSIBLE, unit_findings
from sleepdask.signals.types import TYPES, signal_type

DOUBTED = [
    ("eeg", "V", 3200, "more than it can be: probably uV"),
    ("eeg", "V", 500, "more than it can be: probably uV"),
    ("eeg", "mV", 3200, "more than it can be: probably uV"),
    ("eog", "uV", 0.00327, "less than it can be: probably V"),
    ("eeg", "uV", 0.5, "less than it can be: probably mV"),
    ("ecg", "V", 2000, "more than it can be: probably uV"),
    ("emg", "V", 1e12, "more than it can be"),
    ("acc", "g", 8000, "more than it can be: probably mg"),
    ("acc", "mg", 8, "less than it can be: probably g"),
    ("spo2", "%", 1, "less than it can be"),
]
BELIEVED = [
    ("eeg", "uV", 3200),
    ("eeg", "V", 0.00327),
    ("eeg", "mV", 262.144),
    ("eeg", "uV", 8711),
    ("emg", "uV", 5),
    ("emg", "V", 1.024),
    ("ecg", "mV", 1.25),
    ("acc", "g", 2),
    ("acc", "m/s^2", 78.5),
    ("spo2", "%", 3276.8),
    ("unknown", "V", 1e9),
    ("resp", "V", 1e9),
    ("eeg", "", 1e9),
    ("eeg", "furlong", 1e9),
    ("eeg", "V", 0),
    ("eeg", "V", float("nan")),
    ("eeg", "V", float("inf")),
]


@pytest.mark.parametrize(("kind", "unit", "largest", "said"), DOUBTED)
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_range_beyond_belief_is_told(kind: str, unit: str, largest: float, said: str, sign: int) -> None:
    (finding,) = unit_findings(["C3"], [kind], [unit], [-largest * sign], [largest * sign / 2])
    assert (finding.severity, finding.code, finding.where) == ("warning", "unit-range", "channel C3")
    assert finding.message == f"{kind.upper()} in {unit} with a range of {largest:g}, {said}"
    assert finding.reading == "unit and values are left as the file states them"


@pytest.mark.parametrize(("kind", "unit", "largest"), BELIEVED)
def test_a_range_that_may_be_is_not(kind: str, unit: str, largest: float) -> None:
    assert unit_findings(["C3"], [kind], [unit], [-largest], [largest]) == []


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("eeg", "UV", "unit 'UV': read as microvolt, written in capitals"),
        ("eeg", "mv ", "unit 'mv': read as millivolt"),
        ("rr", "S", "unit 'S': second in capitals or siemens: left as it is"),
        ("temperature", "Deg", "unit 'Deg': degree Celsius, Fahrenheit or an angle: left as it is"),
    ],
)
def test_a_spelling_with_two_readings_is_told(kind: str, text: str, said: str) -> None:
    (finding,) = unit_findings(["C3"], [kind], [text], [-100], [100])
    assert (finding.code, finding.message) == ("unit-spelling", said)


def test_each_channel_is_judged_for_itself() -> None:
    found = unit_findings(["a", "b", "c"], ["eeg"] * 3, ["V", "uV", "UV"], [-3200, -3200, -0.001], [3200, 3200, 0.001])
    assert [(each.where, each.code) for each in found] == [
        ("channel a", "unit-range"),
        ("channel c", "unit-spelling"),
        ("channel c", "unit-range"),
    ]


def test_the_table_speaks_of_types_and_of_units_they_have() -> None:
    for kind, row in PLAUSIBLE.items():
        assert row.least < row.usual < row.most
        assert unit_findings(["x"], [kind], [row.unit], [0], [row.usual]) == []
        assert kind in TYPES


def test_no_real_recording_is_doubted(test_data: Path) -> None:
    checked = 0
    for path in (
        *test_data.glob("nox*/*.edf"),
        *test_data.glob("sleep-edf-*/*psg.edf"),
        *test_data.glob("resmed*/*.edf"),
    ):
        header = read_header(path)
        heads = [header.signals[number] for number in header.ordinary]
        found = unit_findings(
            [head.label for head in heads],
            [signal_type(head.label, head.unit, head.samples_per_record * 1e9 / header.record_ns) for head in heads],
            [head.unit for head in heads],
            [head.physical_min for head in heads],
            [head.physical_max for head in heads],
        )
        assert found == []
        checked += len(heads)
    assert checked > 100
