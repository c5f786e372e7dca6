"""BDF: 24-bit samples, read as lazily as those of EDF."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.io.edf.header import read_header
from sleepdask.io.recordings import open_recording

BIOSEMI = b"\xffBIOSEMI"
WIDE = {"dmin": "-8388608", "dmax": "8388607", "pmin": "-8388608", "pmax": "8388607"}


def opened(path, **options):
    return open_recording(path, chunks=None, dtype="float64", **options)


@pytest.fixture(scope="session")
def make_bdf(make_edf):
    def make(*signals, **recipe):
        return make_edf(*signals, **{"version": BIOSEMI, "sample_bytes": 3, "reserved": "24BIT", **recipe})

    return make


def stored(numbers):
    """Bytes of 24-bit numbers, the lowest first."""
    return b"".join(int(number).to_bytes(3, "little", signed=True) for number in numbers)


def test_every_kind_of_number(make_bdf, signal):
    numbers = [0, 1, -1, 255, 256, -256, 65536, -65536, 8388607, -8388608]
    path = make_bdf(signal("X1", samples=10, records=[stored(numbers)], **WIDE), n_records=1)
    header = read_header(path)
    assert (header.kind, header.sample_bytes, header.record_bytes) == ("BDF", 3, 30)
    assert opened(path)["10Hz"]["signal"].values.tolist() == [numbers]
    assert open_recording(path)["10Hz"]["signal"].values.tolist() == [numbers]  # float32 holds 24 bits
    assert opened(path).attrs["findings"] == []


@given(st.lists(st.integers(-(2**23), 2**23 - 1), min_size=24, max_size=24), st.integers(0, 11), st.integers(0, 12))
def test_any_part_of_any_numbers(make_bdf, signal, numbers, start, length):
    records = [stored(numbers[:6]), stored(numbers[6:12])]
    others = [stored(numbers[12:14]), stored(numbers[14:16])]
    path = make_bdf(signal("a", 2, records=others, **WIDE), signal("b", 6, records=records, **WIDE), n_records=2)
    part = opened(path)["6Hz"]["signal"][0, start : start + length]
    assert part.values.tolist() == numbers[:12][start : start + length]


def test_annotations_and_gaps(make_bdf, signal, annotations):
    notes = annotations(b"+0\x14\x14\0+0.5\x14x\x14\0", b"+7\x14\x14\0", samples=20)
    notes.label = "BDF Annotations"
    recording = opened(make_bdf(signal("X1", **WIDE), notes, n_records=2, reserved="BDF+D"))
    assert recording.attrs["format"] == "BDF+D"
    assert recording.attrs["findings"] == []
    assert recording["annotations"]["text"].values.tolist() == ["x"]
    assert recording["4Hz"]["time"].values[4] - recording["4Hz"]["time"].values[0] == np.timedelta64(7, "s")


def test_no_more_than_24_bits_are_in_order(make_bdf, signal):
    (finding,) = opened(make_bdf(signal("X1", dmin="0", dmax="8388608"))).attrs["findings"]
    assert "more than 24 bits can hold" in finding


def test_the_real_night_as_bdf_is_that_of_its_edf(test_data):
    edf, bdf = (opened(test_data / f"sleep-edf-short/short_psg.{kind}") for kind in ("edf", "bdf"))
    for name in edf.children:
        assert bdf[name]["channel"].values.tolist() == edf[name]["channel"].values.tolist()
        ranges = np.ptp(edf[name]["signal"].values, axis=1, keepdims=True)
        assert np.all(np.abs(bdf[name]["signal"].values - edf[name]["signal"].values) <= 1e-3 * ranges + 1e-9)


def test_the_real_hypnogram_as_bdf(test_data):
    edf, bdf = (
        opened(test_data / path)["annotations"]
        for path in ("sleep-edf-sc4001/SC4001EC-Hypnogram.edf", "sleep-edf-short/SC4001EC-Hypnogram.bdf")
    )
    assert bdf["text"].values.tolist() == edf["text"].values.tolist()
    assert np.array_equal(bdf["onset"].values, edf["onset"].values)
