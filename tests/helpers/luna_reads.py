"""Runs under lunapi's own interpreter, as a script: writes what Luna makes of each file, ``0.npz``, ``1.npz``, ..."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import numpy as np


def reading(path: str) -> dict[str, object]:
    """Samples, their times, and annotations of a file."""
    project = import_module("lunapi").proj()  # no other interpreter has it
    project.silence(True)
    file = project.inst("x")
    if not file.attach_edf(path):
        return {"refused": "does not attach"}
    file.eval("HEADERS")
    head = file.table("HEADERS").iloc[0]
    day, month, year = str(head["START_DATE"]).split(".")[:3]
    century = "19" if int(year) >= 85 else "20"
    year = year if len(year) == 4 else century + year
    clock = str(head["START_TIME"]).replace(".", ":", 2)
    said: dict[str, object] = {"refused": "", "start": f"{year}-{month:0>2}-{day:0>2}T{clock}"}
    channels = file.channels()
    said["names"] = names = channels["Channels"].tolist() if len(channels) else []
    said["units"] = file.table("HEADERS", "CH").set_index("CH")["PDIM"][names].astype(str).tolist() if names else []
    for number, name in enumerate(names):
        table = file.data(name, time=True)[1]
        said[f"times{number}"], said[f"values{number}"] = table[:, 0], table[:, 1]
    found = file.annots()
    rows = file.fetch_fulls_annots(found["Annotations"].tolist()) if len(found) else []
    kept = len(rows) > 0
    said["onsets"] = rows["Start"].to_numpy(float) if kept else []
    said["durations"] = rows["Stop"].to_numpy(float) - said["onsets"] if kept else []
    # A text of its own class, or a common one whose instances are the texts.
    texts = rows["Class"].where(rows["Class"] != "edf_annot", rows["Instance"]) if kept else []
    said["texts"] = [str(text) for text in texts]
    return said


def main(folder: str, paths: list[str]) -> None:
    """Read each file in a process of its own: some end it."""
    import_module("lunapi")  # once: the children have it from here
    for number, path in enumerate(paths):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        try:
            said = reading(path)
        except BaseException as error:
            said = {"refused": f"{type(error).__name__}: {error}"}
        np.savez(Path(folder, f"{number}.npz"), **{name: np.asarray(value) for name, value in said.items()})
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
