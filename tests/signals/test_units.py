"""Spellings of units, and their exact sizes."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.signals.units import CONFUSING, UNITS, dimension, factor, normal_unit, ratio

SPELLINGS = {
    "uV": [
        "uV",
        "\u00b5V",
        "\u03bcV",
        "\u00c2\u00b5V",
        "\u00ce\u00bcV",
        "microV",
        "MicroVolt",
        "microvolts",
        "u V",
        " uV ",
        "㎶",
        "UV",
        "uv",
    ],
    "mV": ["mV", "milliVolt", "mv", "MILLIVOLT"],
    "V": ["V", "v", "Volt", "volts"],
    "nV": ["nV", "nanovolt"],
    "g": ["g"],
    "mg": ["mg"],
    "m/s^2": ["m/s2", "m/s^2", "m/s²", "m/sÂ²", "m/s**2", "m / s^2"],
    "bpm": ["bpm", "BPM", "Bpm", "beats/min", "beats / min"],
    "1/min": ["1/min", "/min", "breaths/min", "tr/min", "min-1"],
    "Hz": ["Hz", "HZ", "hertz"],
    "ms": ["ms", "msec", "milliseconds"],
    "us": ["us", "µs"],
    "s": ["s", "sec", "Seconds", "sec."],
    "min": ["min", "min.", "minutes"],
    "h": ["h", "hrs", "hours"],
    "%": ["%", "percent", "\uff05"],
    "degC": ["degC", "DegC", "°C", "Â°C", "℃", "deg C", "Deg C", "ºC", "˚C", "Celsius"],
    "deg": ["Deg", "deg", "°", "Â°", "degrees"],
    "degF": ["°F", "degF"],
    "L/s": ["L/s", "l/s", "L/sec"],
    "L/min": ["L/min", "l/min", "LPM"],
    "L": ["L", "l"],
    "mL": ["mL", "ml"],
    "cmH2O": ["cmH2O", "CMH2O", "cmH₂O", "cm H2O"],
    "mmHg": ["mmHg", "MMHG", "mm Hg"],
    "Pa": ["Pa"],
    "hPa": ["hPa"],
    "mbar": ["mbar"],
    "Ohm": ["Ohm", "ohms", "\u03a9", "\u2126", "\u00ce\u00a9", "\u00e2\u201e\u00a6"],
    "kOhm": ["kOhm", "KOhm", "kΩ"],
    "uS": ["uS", "µS"],
    "lx": ["lx", "lux"],
    "dB": ["dB", "db"],
    "": ["", "  "],
}

# exact sizes from the definitions of the units, written out by hand
SIZES = [
    ("V", "uV", 10**6),
    ("uV", "V", Fraction(1, 10**6)),
    ("mV", "uV", 1000),
    ("nV", "mV", Fraction(1, 10**6)),
    ("g", "m/s^2", Fraction(980665, 100000)),
    ("mg", "g", Fraction(1, 1000)),
    ("bpm", "Hz", Fraction(1, 60)),
    ("1/min", "bpm", 1),
    ("h", "ms", 3_600_000),
    ("L/min", "L/s", Fraction(1, 60)),
    ("cmH2O", "Pa", Fraction(980665, 10000)),
    ("mmHg", "Pa", Fraction(133322387415, 10**9)),
    ("kPa", "hPa", 10),
    ("mbar", "hPa", 1),
    ("kOhm", "Ohm", 1000),
]


@pytest.mark.parametrize(("unit", "text"), [(unit, text) for unit, texts in SPELLINGS.items() for text in texts])
def test_spelling(unit: str, text: str) -> None:
    assert normal_unit(text) == unit


@pytest.mark.parametrize(
    "text", ["C", "F", "K", "H", "g/s", "V/s", "mg/L", "MV", "S", "G", "MG", "Mg", "furlong", "�V"]
)
def test_what_is_not_known_or_means_two_things_stays(text: str) -> None:
    assert normal_unit(text) == text
    assert normal_unit(f" {text}  ") == text


def test_c_and_f_are_temperatures_where_the_channel_is() -> None:
    assert [normal_unit(text, "temperature") for text in ("C", "F", "°C", "Deg")] == ["degC", "degF", "degC", "deg"]
    assert normal_unit("C", "eeg") == "C"


@given(st.text(max_size=12))
def test_any_text_is_spelled_once_and_for_all(text: str) -> None:
    once = normal_unit(text)
    assert once == text.strip() or once in {unit.name for unit in UNITS}
    assert normal_unit(once) == once


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize("text", ["µV", "μV", "°C", "m/s²", "kΩ"])
def test_bytes_decoded_the_wrong_way_mean_the_same(text: str, encoding: str) -> None:
    wrong = text.encode("utf-8").decode(encoding)
    assert wrong != text
    assert normal_unit(wrong) == normal_unit(text) != text


def test_names_and_spellings_are_unambiguous() -> None:
    names = [unit.name for unit in UNITS]
    words = [word for unit in UNITS for word in unit.words]
    assert len(set(names)) == len(names)
    assert len(set(words)) == len(words)
    assert words == [word.lower() for word in words]
    assert not set(CONFUSING) & set(names)
    assert all(normal_unit(name) == name for name in names)
    homes = {word: unit.name for unit in UNITS for word in unit.words}
    assert all(homes.get(name, name) == name for name in names)


@pytest.mark.parametrize(("unit", "into", "size"), SIZES)
def test_sizes_are_exact(unit: str, into: str, size: Fraction) -> None:
    assert ratio(unit, into) == size
    assert ratio(into, unit) == 1 / Fraction(size)


def test_only_units_of_one_dimension_have_a_ratio() -> None:
    for one, other in product(UNITS, UNITS):
        exact = ratio(one.name, other.name)
        convertible = one.dimension == other.dimension and one.factor is not None and other.factor is not None
        assert (exact is not None) == convertible
        if exact is not None:  # a product and a quotient in float64 lose nothing of it
            assert max(exact.numerator, exact.denominator) < 2**53


def test_dimension_tells_no_unit_from_one_not_known() -> None:
    assert (dimension(""), dimension("furlong"), dimension("uV")) == ("", None, "voltage")
    assert factor("furlong") is None
    assert factor("degC") is None
