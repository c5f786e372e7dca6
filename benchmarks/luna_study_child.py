"""Runs under lunapi's own interpreter, as a script: its process pool over a sample list, and prints JSON."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from time import perf_counter

import lunapi

TABLES = {"PSD": ("PSD", "B_CH_E"), "STATS": ("STATS", "CH_E")}


def main(sample_list: str, work: str) -> None:
    """Do it: the commands that the work is named after."""
    commands = work.split(" and ")
    project = lunapi.proj(verbose=False)
    project.silence(True)
    with redirect_stdout(sys.stderr):
        project.sample_list(sample_list)
        names = project.sample_list()["ID"].tolist()
        began = perf_counter()
        script = "\n".join(["EPOCH", *(f"{command} epoch" for command in commands)])
        result = project.proc_parallel(script, workers=2, progress=False)
        seconds = perf_counter() - began
    there = set.intersection(*(set(result.table(*TABLES[command])["ID"]) for command in commands))
    errors = dict(zip(result.errors["ID"], result.errors["Error"], strict=True))
    said = {name: errors.get(name, "" if name in there else "no rows, and no error") for name in names}
    print(json.dumps({"seconds": seconds, "said": said}))


if __name__ == "__main__":  # its pool starts processes that read this file again
    main(*sys.argv[1:])
