"""Faults of what turns stored numbers into physical values."""

from __future__ import annotations

from edf_fault_files import PLAIN, edf, scale
from edf_faults import Fault

SCALES = [
    Fault(
        "comma",
        "comma as decimal sign in the physical range",
        scale(pmin="-100,5", pmax="100,5"),
        scale(pmin="-100.5", pmax="100.5"),
        codes=("decimal-comma", "decimal-comma"),
        told="has a comma as decimal sign: '-100,5'; it is read as the point",
    ),
    Fault(
        "comma-duration",
        "comma as decimal sign in the duration of a record",
        edf(duration="1,0"),
        PLAIN,
        codes=("decimal-comma",),
        told="has a comma as decimal sign: '1,0'",
    ),
    Fault(
        "exponent",
        "physical range with exponents, `-1E2` to `1.5E2`",
        scale(pmin="-1E2", pmax="1.5E2"),
        scale(pmin="-100", pmax="150"),
        policy="strict",
    ),
    Fault(
        "negative-gain",
        "negative gain: physical minimum above the maximum",
        scale(pmin="100", pmax="-100"),
        scale(pmin="100", pmax="-100"),
        policy="strict",
    ),
    Fault(
        "digital-inverted",
        "digital minimum above the maximum",
        scale(dmin="32767", dmax="-32768"),
        scale(dmin="32767", dmax="-32768"),
        codes=("digital-inverted",),
        told="the line through both ends holds",
    ),
    Fault(
        "digital-decimals",
        "digital range with decimals, `-32768.0`",
        scale(dmin="-32768.0", dmax="32767.00"),
        PLAIN,
        policy="strict",
    ),
    Fault(
        "digital-16-bits",
        "digital range of more than 16 bits, `0` to `65535`",
        scale(dmin="0", dmax="65535"),
        scale(dmin="0", dmax="65535"),
        codes=("digital-range",),
        told="more than 16 bits can hold; the scale is read as written",
    ),
    *(
        Fault(name, title, scale(**changes), PLAIN, missing=("C4",), codes=("uncalibrated",), told=told)
        for name, title, changes, told in [
            (
                "physical-same",
                "physical minimum = maximum",
                {"pmin": "7", "pmax": "7.0"},
                "physical minimum and maximum are the same (7)",
            ),
            (
                "physical-zero",
                "physical minimum = maximum = 0",
                {"pmin": "0", "pmax": "0"},
                "physical minimum and maximum are the same (0)",
            ),
            (
                "digital-same",
                "digital minimum = maximum",
                {"dmin": "5", "dmax": "5"},
                "digital minimum and maximum are the same (5)",
            ),
            ("physical-empty", "no physical range", {"pmin": "", "pmax": ""}, "'physical minimum of signal 2'"),
            ("digital-words", "digital minimum `a lot`", {"dmin": "a lot"}, "'digital minimum of signal 2'"),
            ("digital-half", "digital minimum `1.5`", {"dmin": "1.5"}, "is not a whole number"),
            ("physical-nan", "physical minimum `nan`", {"pmin": "nan"}, "is not a number"),
            (
                "physical-huge",
                "physical minimum beyond floating-point numbers, `-1E999`",
                {"pmin": "-1E999"},
                "is not a number",
            ),
            (
                "physical-range-huge",
                "physical range beyond them, `-1E308` to `1E308`",
                {"pmin": "-1E308", "pmax": "1E308"},
                "beyond floating-point numbers",
            ),
        ]
    ),
]
