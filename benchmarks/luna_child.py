"""Runs under lunapi's own interpreter, as a script: times one command on one file and prints JSON."""

from __future__ import annotations

import json
import sys
from time import perf_counter

import lunapi

path, command, lowest_rate = sys.argv[1:]
project = lunapi.proj()
project.silence(True)
night = project.inst("night")
night.attach_edf(path)
headers = night.headers()
signals = ",".join(headers.loc[headers["SR"] >= float(lowest_rate), "CH"])
night.eval("EPOCH")
began = perf_counter()
night.eval(f"{command} sig={signals}")
seconds = perf_counter() - began
# Without its table, nothing was evaluated.
rows = (
    len(night.table(command.split()[0], "CH_E")) if command.startswith("STATS") else len(night.table("PSD", "B_CH_E"))
)
if not rows:
    sys.exit("no rows came out")
print(json.dumps({"seconds": seconds, "rows": rows}))
