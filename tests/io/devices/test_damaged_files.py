"""Files of devices with bytes changed, taken out or cut off: they open, or are refused with a reason; nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from device_files import FILES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import SleepdaskError


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_sound(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    assert sd.open_recording(path, policy="strict").children
    json.dumps(sd.open_recording(path).attrs)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_is_an_error_of_another_kind(tmp_path: Path, name: str, data: st.DataObject) -> None:
    raw = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        match data.draw(st.sampled_from(["change", "cut", "remove", "repeat", "digit"])):
            case "change":
                raw[at : at + 1] = data.draw(st.binary(min_size=1, max_size=3))
            case "cut":
                del raw[at:]
            case "remove":
                del raw[at : at + data.draw(st.integers(1, 40))]
            case "repeat":
                raw[at:at] = raw[at : at + data.draw(st.integers(1, 200))]
            case "digit":
                raw[at : at + 1] = data.draw(st.sampled_from([b"9", b"0", b"-", b"e", b".", b'"', b"]", b"\n"]))
    path = tmp_path / name
    path.write_bytes(raw)
    with suppress(SleepdaskError):
        for node in sd.open_recording(path).children.values():
            node.to_dataset().load()
