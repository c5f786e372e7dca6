"""MotionWatch: channels equal the XML, nothing of the person comes out, broken files are refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import sleepdask as sd
from sleepdask.errors import FileFormatError

PERSON = "<property><name>+UserName</name><content>Miller</content></property>"
START = "<property><name>=StartTime</name><content>2024-03-11 22:47:30</content></property>"
MOTION = "<channel><name>motion</name><units>Triaxial-Counts</units><epoch>30</epoch><offset>0</offset>{data}</channel>"


def channel(values: str = "1,2,3,", **changes: str) -> str:
    text = MOTION.format(data=f'<data encoding="text">{values}</data>')
    for old, new in changes.items():
        text = text.replace(f"<{old}>{text.split(f'<{old}>')[1].split('<')[0]}", f"<{old}>{new}")
    return text


def write(folder: Path, *parts: str, head: str = "") -> Path:
    path = folder / "night.mtn"
    changes = "".join(f"<change>{part}</change>" for part in parts)
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>{head}<motionfile><log2>{changes}</log2></motionfile>')
    return path


def test_the_real_file_equals_its_xml(test_data: Path) -> None:
    file = test_data / "actigraphy" / "test_sample.mtn"
    root = ET.parse(file).getroot()
    start = datetime(2018, 5, 23, 17, 30)
    node = sd.open_recording(file, chunks=None)["activity"]
    assert node["channel"].values.tolist() == ["activity", "light"]
    assert node["unit"].values.tolist() == ["counts", "lx"]
    assert node["signal_type"].values.tolist() == ["activity", "light"]
    for row, each in enumerate(root.iter("channel")):
        want = [float(value) for value in (each.findtext("data") or "").replace("\n", "").split(",") if value]
        np.testing.assert_array_equal(node["signal"].values[row], np.array(want, np.float32))
        times = node["time"].values.astype("datetime64[s]").astype(datetime).tolist()
        assert times == [start + timedelta(seconds=5 * k) for k in range(len(want))]


def test_identity_of_the_real_file_stays_inside(test_data: Path) -> None:
    file = test_data / "actigraphy" / "test_sample.mtn"
    text = str(sd.open_recording(file).to_dict())
    assert "TEST_SAMPLE" not in text
    assert "007565" not in text
    assert "1980-01-01" not in text
    kept = sd.open_recording(file, keep_identity=True).attrs["identity"]
    assert kept == {"code": "TEST_SAMPLE", "sex": "Male", "birth_date": "1980-01-01", "serial_number": "007565"}


def test_channels_of_two_rates_are_two_nodes(tmp_path: Path) -> None:
    file = write(tmp_path, PERSON, START, channel(), channel("4,5", name="Light", units="lux", epoch="60"))
    night = sd.open_recording(file)
    assert list(night.children) == ["activity", "light"]
    assert night["light/time"].values.tolist() == night["activity/time"].values[[0, 2]].tolist()


def test_a_zone_makes_instants(tmp_path: Path) -> None:
    file = write(tmp_path, START, channel(), channel("4,5", name="Light", units="lux", epoch="60"))
    night = sd.open_recording(file, timezone="America/New_York")
    for name in ("activity", "light"):
        assert night[name]["time"].values[0] == np.datetime64("2024-03-12T02:47:30")


def test_values_that_are_no_numbers_are_missing(tmp_path: Path) -> None:
    night = sd.open_recording(write(tmp_path, START, channel("1,x,3,inf,")))
    np.testing.assert_array_equal(night["activity/signal"].values[0], [1, np.nan, 3, np.nan])
    assert "2 values are no numbers" in night.attrs["findings"][0]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([START], "it holds no samples"),
        ([START, channel("")], "it holds no samples"),
        ([channel()], "the start cannot be read"),
        ([START.replace("2024-03-11", "11/03/2024"), channel()], "the start cannot be read"),
        ([START.replace("2024", "9024"), channel()], "the start cannot be read"),
        ([START, channel(epoch="0")], "an epoch has no length"),
        ([START, channel(offset="3")], "a channel has an offset"),
        ([START, channel(), channel()], "two channels have the same name"),
        ([START, channel().replace('"text"', '"base64"')], "not text"),
        ([START, channel(), '<channel delete="yes"/>'], "a channel was deleted"),
        ([START, "<channel>"], "the XML is broken"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, parts: list[str], message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        sd.open_recording(write(tmp_path, *parts))


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE motionfile [<!ENTITY a "1,1,1,"><!ENTITY b "&a;&a;&a;">]>'
    with pytest.raises(FileFormatError, match="defines entities"):
        sd.open_recording(write(tmp_path, START, channel("&b;"), head=bomb))
