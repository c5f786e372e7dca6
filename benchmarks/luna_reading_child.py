"""Runs under lunapi's own interpreter, as a script: opens a file and reads a part of it, and prints JSON."""

from __future__ import annotations

import json
import sys
from time import perf_counter

import lunapi
from peak import peak_above_idle

path, work, first, length = sys.argv[1:]
project = lunapi.proj()
project.silence(True)
seconds = {}


def opened(name: str) -> tuple[object, list[list[str]]]:
    """Attach the file; names of its channels, those of one rate together."""
    night = project.inst(name)
    if not night.attach_edf(path):
        sys.exit("the file does not attach")
    headers = night.headers()
    return night, [group["CH"].tolist() for _, group in headers.groupby("SR", sort=False)]


def read(night: object, groups: list[list[str]], begin: float, end: float) -> list[object]:
    """Read the seconds of all channels, a call for each rate."""
    ticks = [(int(begin * 1e9), int(end * 1e9))]
    return [night.slice(ticks, group) for group in groups]


def do() -> None:
    """Open, then read; the time is that of the part that is asked for."""
    began = perf_counter()
    night, groups = opened("night")
    if work != "open":
        began = perf_counter()
        if work == "one channel":
            kept = night.data(groups[0][:1])
        elif work == "all channels":
            kept = [night.data(group) for group in groups]
        else:
            kept = read(night, groups, float(first), float(first) + float(length))
        assert len(kept)
    seconds["seconds"] = perf_counter() - began


read(*opened("warm"), 0, 1)
print(json.dumps(peak_above_idle(do) | seconds))
