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
        ({"version": b"\xffBIOSEMI"}, ["BDF (24-bit), which is not supported yet", "convert"]),
        ({"header_bytes": 256}, [_FIELD.format("number of header bytes", 184, 191), "= 512", "found '256'"]),
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
        ({"duration": "0,5"}, ["bytes 244 to 251", "with a point and no exponent", "found '0,5'"]),
        ({"duration": "nan"}, ["bytes 244 to 251", "found 'nan'"]),
        ({"duration": "1E1"}, ["bytes 244 to 251", "found '1E1'"]),
        ({"duration": "٣"}, ["bytes 244 to 251", "found '٣'"]),
        ({"duration": ""}, ["bytes 244 to 251", "found ''"]),
        ({"date": "00.00.00"}, [_FIELD.format("start date", 168, 175), "found '00.00.00'", "01.01.85"]),
        ({"date": "XX.XX.XX"}, ["bytes 168 to 175", "found 'XX.XX.XX'"]),
        ({"date": "31.02.89"}, ["bytes 168 to 175", "found '31.02.89'"]),
        ({"date": "24-04-89"}, ["bytes 168 to 175", "dd.mm.yy"]),
        ({"date": "24.04.yy"}, ["leaves the year to the recording field", "found '24.04.yy'"]),
        ({"date": "25.04.89", "reserved": "EDF+C"}, ["contradicts the start date", "found '25.04.89'"]),
        ({"date": "24.04.90", "reserved": "EDF+C"}, ["contradicts the start date", "found '24.04.90'"]),
        (
            {"time": "23:00:00"},
            [_FIELD.format("start time", 176, 183), "hh.mm.ss with points", "found '23:00:00'"],
        ),
        ({"time": "24.00.00"}, ["bytes 176 to 183", "00.00.00 to 23.59.59", "found '24.00.00'"]),
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
        ({"samples": 0}, ["samples in a data record of signal 2", "bytes 696 to 703", "found '0'"]),
        ({"samples": -4}, ["samples in a data record of signal 2", "is not positive", "found '-4'"]),
        ({"dmin": "5", "dmax": "5"}, ["digital maximum of signal 2", "more than 5", "found '5'"]),
        ({"dmin": "5", "dmax": "-5"}, ["digital maximum of signal 2", "more than 5", "found '-5'"]),
        ({"dmin": "1.5"}, ["digital minimum of signal 2", "whole number", "found '1.5'"]),
        ({"pmin": "7", "pmax": "7.0"}, ["physical maximum of signal 2", "other than 7", "found '7.0'"]),
        ({"pmax": "0,5"}, ["physical maximum of signal 2", "with a point", "found '0,5'"]),
        ({"pmin": "inf"}, ["physical minimum of signal 2", "found 'inf'"]),
        ({"pmin": "-1E999"}, ["physical minimum of signal 2", "too large", "found '-1E999'"]),
    ],
)
def test_refused_signal(make_edf, signal, change, parts):
    path = make_edf(signal(), signal(**change))
    with pytest.raises(FileFormatError) as error:
        read_header(path)
    for part in [str(path), *parts]:
        assert part in str(error.value)


def test_refused_first_annotation(make_edf, signal, annotations):
    path = make_edf(signal(), annotations(b"0\x14\x14\0"), n_records=1, reserved="EDF+C")
    with pytest.raises(FileFormatError, match=r"malformed annotation in data record 0 \(byte 776 of the file\)"):
        read_header(path)


def test_refused_places(tmp_path, make_edf):
    with pytest.raises(ParameterError, match=r"no\.edf: no such file"):
        read_header(tmp_path / "no.edf")
    with pytest.raises(ParameterError, match="is a folder; expected one EDF file"):
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


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("bdfPlusD.bdf", "BDF"),
        ("invalid-date.edf", "found '00.00.00'"),
        ("zero-data-records.edf", "no data"),
    ],
)
def test_real_odd_files_are_refused(test_data, name, part):
    with pytest.raises(FileFormatError, match=part):
        read_header(test_data / "edf-odd" / name)
