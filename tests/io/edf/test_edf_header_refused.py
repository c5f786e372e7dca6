"""What the EDF header refuses, and that it says which field, what was expected, what was found, and what to do."""

from __future__ import annotations

import gzip

import pytest

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.edf.header import read_header

_FIELD = "header field '{}' (bytes {} to {})"


@pytest.mark.parametrize(
    ("recipe", "parts"),
    [
        ({"version": b"1"}, [_FIELD.format("version", 0, 7), "is not that of EDF", "found '1'"]),
        (
            {"header_bytes": 256, "declared": 7},
            [_FIELD.format("number of header bytes", 184, 191), "= 512", "found '256'"],
        ),
        ({"n_signals": 0}, [_FIELD.format("number of signals", 252, 255), "is not positive", "found '0'"]),
        ({"n_signals": "1_0"}, ["bytes 252 to 255", "ASCII digits", "found '1_0'"]),
        ({"declared": 0}, [_FIELD.format("number of data records", 236, 243), "no data", "found '0'"]),
        ({"declared": -2}, ["bytes 236 to 243", "no data", "found '-2'"]),
        ({"declared": "1e3"}, ["bytes 236 to 243", "without guessing", "found '1e3'"]),
        (
            {"duration": "0"},
            [_FIELD.format("duration of a data record", 244, 251), "no sampling rate", "found '0'"],
        ),
        ({"duration": "-1"}, ["bytes 244 to 251", "more than 0 seconds", "found '-1'"]),
        ({"duration": "nan"}, ["bytes 244 to 251", "found 'nan'"]),
        ({"duration": "٣"}, ["bytes 244 to 251", "found '٣'"]),
        ({"duration": ""}, ["bytes 244 to 251", "found ''"]),
        (
            {"date": "04/05/89"},
            [_FIELD.format("start date", 168, 175), "which number is the month", "found '04/05/89'"],
        ),
        ({"duration": "1E-9999"}, ["bytes 244 to 251", "found '1E-9999'"]),
        ({"duration": "1E-10"}, ["bytes 244 to 251", "finer than a nanosecond", "found '1E-10'"]),
        ({"date": "25.04.89", "reserved": "EDF+C"}, ["contradicts the start date", "found '25.04.89'"]),
        ({"date": "24.04.90", "reserved": "EDF+C"}, ["contradicts the start date", "found '24.04.90'"]),
        ({"reserved": "EDF+D"}, [_FIELD.format("reserved", 192, 235), "discontinuous", "nothing tells when"]),
        ({"reserved": "EDF+"}, ["bytes 192 to 235", "'EDF+C' or 'EDF+D'", "found 'EDF+'"]),
        ({"cut": 20}, ["holds no whole data record", "at least 8 bytes", "found 4 bytes"]),
        ({"cut": 24}, ["holds no whole data record", "found 0 bytes"]),
        ({"cut": 25}, ["shorter than its header", "at least 512 bytes", "found 511 bytes"]),
        ({"cut": 300}, ["shorter than its header", "at least 256 bytes", "found 236 bytes"]),
        ({"cut": 535}, ["shorter than its header", "found 1 bytes"]),
        ({"cut": 536}, ["the file is empty"]),
        ({"duration": "99999999", "n_records": 100}, ["beyond the year 2262"]),
    ],
)
def test_refused(make_edf, recipe, parts):
    path = make_edf(**recipe)
    with pytest.raises(FileFormatError) as error:
        read_header(path)
    text = str(error.value)
    assert text.startswith(str(path))
    for part in [*parts, "expected"]:
        assert part in text
    assert error.value.fix
    assert "Harry" not in text


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"samples": -4}, ["samples in a data record of signal 2", "is negative", "found '-4'"]),
        ({"samples": "4.0"}, ["samples in a data record of signal 2", "bytes 696 to 703", "found '4.0'"]),
    ],
)
def test_refused_signal(make_edf, signal, change, parts):
    path = make_edf(signal(), signal(**change))
    with pytest.raises(FileFormatError) as error:
        read_header(path)
    for part in [str(path), *parts]:
        assert part in str(error.value)


def test_refused_places(tmp_path, make_edf):
    with pytest.raises(ParameterError, match=r"no\.edf: no such file"):
        read_header(tmp_path / "no.edf")
    with pytest.raises(ParameterError, match="is a folder; expected one file"):
        read_header(tmp_path)
    packed = tmp_path / "packed.edf"
    packed.write_bytes(gzip.compress(make_edf().read_bytes()))
    with pytest.raises(FileFormatError, match="unpack it first"):
        read_header(packed)


def test_other_faults_of_the_disk_are_told(make_edf, monkeypatch):
    def locked(path, mode):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("sleepdask.io.edf.recordfile.FileIO", locked)
    with pytest.raises(ParameterError, match=r"cannot be opened: Permission denied"):
        read_header(make_edf())
