"""Units: how files spell them, what they measure, and those of what is computed from a channel.

Spelling alone is put right here, no value is scaled: `sleepdask.signals.conversion` does that when asked. The
table is our own as the units of sleep are few, and mean other things than to physicists: "g" is no gram, "C" no
coulomb, "UV" is a microvolt in capitals.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

PLACEHOLDER = "unit"  # stands for the unit of each channel where the channels of a node differ
_PLAIN = re.compile(r"[^\W\d_]+|[%\N{DEGREE SIGN}]\w*")


@dataclass(frozen=True)
class Unit:
    """One unit.

    Parameters
    ----------
    name
        Canonical spelling.
    dimension
        What it measures; units of one dimension can be converted into each other.
    factor
        Its size, exact, in the unit of its dimension that has the factor 1; None if no factor converts it.
    words
        Other spellings, in upper or lower case alike; "u" stands for every micro sign, "deg" for the degree sign,
        "ohm" for omega, plain digits for raised and lowered ones; blanks do not count.
    """

    name: str
    dimension: str
    factor: Fraction | None
    words: tuple[str, ...] = ()


def _unit(name: str, dimension: str, factor: str | None, words: str = "") -> Unit:
    return Unit(name, dimension, None if factor is None else Fraction(factor), tuple(words.split()))


UNITS: tuple[Unit, ...] = (
    _unit("nV", "voltage", "1e-9", "nanov nanovolt nanovolts"),
    _unit("uV", "voltage", "1e-6", "microv microvolt microvolts"),
    _unit("mV", "voltage", "1e-3", "milliv millivolt millivolts"),
    _unit("V", "voltage", "1", "v volt volts"),
    _unit("mg", "acceleration", "0.00980665", "milli-g"),  # g: standard gravity, exact by definition (CGPM 1901)
    _unit("g", "acceleration", "9.80665"),
    _unit("m/s^2", "acceleration", "1", "m/s2 m/sec2 m/sec^2 m/s/s m.s-2 m*s^-2"),
    _unit("bpm", "frequency", "1/60", "bpm beats/min beat/min beats/minute beatsperminute b/min"),
    _unit("1/min", "frequency", "1/60", "1/min /min min-1 min^-1 rpm tr/min breaths/min breaths/minute br/min"),
    _unit("Hz", "frequency", "1", "hz hertz"),
    _unit("us", "time", "1e-6", "usec microsecond microseconds"),
    _unit("ms", "time", "1e-3", "msec msecs millisec millisecond milliseconds"),
    _unit("s", "time", "1", "sec secs second seconds"),
    _unit("min", "time", "60", "min mins minute minutes"),
    _unit("h", "time", "3600", "hr hrs hour hours"),
    _unit("%", "fraction", "1", "% percent pct"),
    _unit("Pa", "pressure", "1", "pascal"),
    _unit("hPa", "pressure", "100"),
    _unit("kPa", "pressure", "1000"),
    _unit("mbar", "pressure", "100", "millibar"),
    _unit("cmH2O", "pressure", "98.0665", "cmh2o cmh20 cmwater"),  # conventional: water of 1 g/cm^3
    _unit("mmHg", "pressure", "133.322387415", "mmhg"),  # conventional: mercury of 13.5951 g/cm^3
    _unit("mL/s", "flow", "1e-3", "ml/s ml/sec"),
    _unit("L/s", "flow", "1", "l/s l/sec lps"),
    _unit("L/min", "flow", "1/60", "l/min lpm"),
    _unit("mL", "volume", "1e-3", "ml milliliter millilitre"),
    _unit("L", "volume", "1", "l liter litre"),
    _unit("Ohm", "resistance", "1", "ohm ohms"),
    _unit("kOhm", "resistance", "1000", "kohm kohms kiloohm"),
    _unit("uS", "conductance", "1e-6", "microsiemens"),
    _unit("deg", "angle", "1", "deg degree degrees"),
    _unit("degC", "temperature", None, "degc degreec degreesc degcelsius celsius"),
    _unit("degF", "temperature", None, "degf degreef degreesf degfahrenheit fahrenheit"),
    _unit("lx", "illuminance", "1", "lx lux"),
    _unit("dB", "sound level", None, "db decibel"),
)

CONFUSING: dict[str, tuple[str, str]] = {
    "UV": ("uV", "read as microvolt, written in capitals"),
    "Uv": ("uV", "read as microvolt"),
    "uv": ("uV", "read as microvolt"),
    "mv": ("mV", "read as millivolt"),
    "MV": ("MV", "millivolt in capitals or megavolt: left as it is"),
    "Mv": ("Mv", "millivolt or megavolt: left as it is"),
    "S": ("S", "second in capitals or siemens: left as it is"),
    "G": ("G", "gauss or standard gravity: left as it is"),
    "MG": ("MG", "milli-g in capitals or something else: left as it is"),
}
"""Spellings that may mean something else: what they are read as, and why; `unit_findings` tells of them."""

_BY_NAME = {unit.name: unit for unit in UNITS}
_BY_WORD = {word: unit.name for unit in UNITS for word in unit.words}
_OF_TEMPERATURES = {"C": "degC", "F": "degF"}
_SIGNS = str.maketrans(
    {"\N{GREEK SMALL LETTER MU}": "u", "\N{GREEK CAPITAL LETTER OMEGA}": "Ohm", "\N{DEGREE SIGN}": "deg"}
)
_LOOKALIKES = str.maketrans("\N{MASCULINE ORDINAL INDICATOR}\N{RING ABOVE}", "\N{DEGREE SIGN}\N{DEGREE SIGN}")


def normal_unit(text: str, signal_type: str = "") -> str:
    """Canonical spelling of a unit; one that is not known stays as it is.

    Parameters
    ----------
    text
        Physical dimension as a file states it, also where its bytes were decoded the wrong way.
    signal_type
        Type of the channel: "C" and "F" are temperatures on one of type "temperature" only.

    Returns
    -------
    unit
        A name of `UNITS`, or the text without the blanks around it. Values keep their size: "mV" stays "mV".

    Examples
    --------
    >>> [normal_unit(text) for text in ("MicroVolt", "\N{MICRO SIGN}V", "BPM", "m/s\N{SUPERSCRIPT TWO}", "Deg C")]
    ['uV', 'uV', 'bpm', 'm/s^2', 'degC']
    >>> normal_unit("C"), normal_unit("C", "temperature"), normal_unit("furlong")
    ('C', 'degC', 'furlong')
    """
    spelled = spelling(text)
    if spelled in _BY_NAME:
        return spelled
    if spelled in CONFUSING:
        return CONFUSING[spelled][0]
    if signal_type == "temperature" and spelled in _OF_TEMPERATURES:
        return _OF_TEMPERATURES[spelled]
    return _BY_WORD.get(spelled.lower(), text.strip())


def spelling(text: str) -> str:
    """Text of a unit in plain letters: signs spelled out, blanks and a full stop at its end left out."""
    for encoding in ("latin-1", "cp1252"):  # UTF-8 that was taken for one of these
        try:
            text = text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        break
    plain = unicodedata.normalize("NFKC", text.translate(_LOOKALIKES)).translate(_SIGNS)
    return "".join(plain.split()).replace("**", "^").rstrip(".")


def dimension(unit: str) -> str | None:
    """What a canonical unit measures; empty if there is no unit, None if it is not known."""
    if not unit:
        return ""
    return _BY_NAME[unit].dimension if unit in _BY_NAME else None


def factor(unit: str) -> Fraction | None:
    """Exact size of a canonical unit within its dimension; None if it is not known, or no factor converts it."""
    return _BY_NAME[unit].factor if unit in _BY_NAME else None


def ratio(unit: str, into: str) -> Fraction | None:
    """Exact factor from one canonical unit to another; None where there is none.

    Examples
    --------
    >>> ratio("mV", "uV"), ratio("L/min", "L/s"), ratio("V", "g")
    (Fraction(1000, 1), Fraction(1, 60), None)
    """
    size, of = factor(unit), factor(into)
    return size / of if size and of and dimension(unit) == dimension(into) else None


def with_unit(template: str, unit: str) -> str:
    """Put a channel's unit where the template says ``{unit}``, in brackets if it is to be raised.

    Examples
    --------
    >>> with_unit("{unit}^2", "uV"), with_unit("{unit}^2", "L/s"), with_unit("{unit}", ""), with_unit("1", "uV")
    ('uV^2', '(L/s)^2', 'unit', '1')
    """
    shown = unit or PLACEHOLDER
    if "{unit}^" in template and not _PLAIN.fullmatch(shown):
        shown = f"({shown})"
    return template.replace("{unit}", shown)


def of_channel(units: str, unit: str) -> str:
    """Units of one column of a node whose channels may differ in unit.

    Examples
    --------
    >>> of_channel("unit^2", "mV"), of_channel("uV^2", "uV"), of_channel("Hz", "mV"), of_channel("dB re unit^2", "mV")
    ('mV^2', 'uV^2', 'Hz', 'dB re mV^2')
    """
    return with_unit(re.sub(rf"^(dB re |log10\()?{PLACEHOLDER}(?=$|\^|/)", r"\g<1>{unit}", units), unit)
