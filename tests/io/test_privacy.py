"""Nothing that names the patient, the staff or the device leaves the header, unless it is asked for."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.cli import main
from sleepdask.errors import SleepdaskError
from sleepdask.findings import POLICIES
from sleepdask.io.edf.identity import read_identity, without_serials

PATIENT = b"PCODE7731 F 16-SEP-1987 Zzquimby_Octavia HOUSE12STREET"
RECORDING = b"Startdate 24-APR-1989 ADMQ5512 TECHWILMA EQSN998877 EXTRAWORDS"
SENSOR = b"AgAgCl S/N: KX55443 60217745"
WORDS = ("PCODE7731", "Zzquimby", "Octavia", "16-SEP-1987", "1987-09-16", "1987", "HOUSE12STREET",
         "ADMQ5512", "TECHWILMA", "EQSN998877", "998877", "EXTRAWORDS", "KX55443", "60217745")  # fmt: skip
PIECES = {word[i : i + 4].lower() for word in WORDS for i in range(len(word) - 3) if not word[i : i + 4].isdigit()}
HEXADECIMAL = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12,}")  # hashes and random ids: may say 1987
PIECES -= {"ords"}  # as in "data records"


def header(*, plus: bool, patient: bytes = PATIENT, recording: bytes = RECORDING, **fields: bytes) -> bytes:
    labels = [b"EEG C3-M2", b"SpO2"] + [b"EDF Annotations"] * plus
    n = len(labels)
    main_fields = {
        "version": (b"0", 8), "patient": (patient, 80), "recording": (recording, 80), "date": (b"24.04.89", 8),
        "time": (b"22.00.00", 8), "bytes": (b"%d" % (256 * (n + 1)), 8), "reserved": (b"EDF+C" * plus, 44),
        "records": (b"120", 8), "duration": (b"1", 8), "signals": (b"%d" % n, 4),
    }  # fmt: skip
    head = b"".join(fields.get(name, text).ljust(width)[:width] for name, (text, width) in main_fields.items())
    columns = [
        (16, labels), (80, [SENSOR] * n), (8, [b"uV", b"%", b""]), (8, [b"-200", b"0", b"-1"]),
        (8, [b"200", b"100", b"1"]), (8, [b"-32768"] * n), (8, [b"32767"] * n),
        (80, [b"HP:0.100000Hz LP:35Hz SN 60217745"] * n), (8, [b"100", b"1", b"20"]), (32, [b""] * n),
    ]  # fmt: skip
    return head + b"".join(text.ljust(width) for width, texts in columns for text in texts[:n])


def records(*, plus: bool) -> bytes:
    rng = np.random.default_rng(0)
    made = []
    for k in range(120):
        samples = rng.integers(-9000, 9000, 101).astype("<i2").tobytes()
        text = f"+{k}\x14\x14\0" + ("+3\x15\x32\x14Arousal\x14\0" if k == 3 else "")
        made.append(samples + (text.encode().ljust(40, b"\0") if plus else b""))
    return b"".join(made)


@pytest.fixture(params=[True, False], ids=["plus", "plain"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "in" / "n1.edf"
    path.parent.mkdir()
    path.write_bytes(header(plus=request.param) + records(plus=request.param))
    return path


def assert_silent(*said: object) -> None:
    everything = "\n".join(one.decode("latin-1") if isinstance(one, bytes) else str(one) for one in said)
    everything = HEXADECIMAL.sub("", everything)
    assert everything
    assert not [word for word in WORDS if word.lower() in everything.lower()]


def test_the_words_would_be_seen(night: Path) -> None:
    with pytest.raises(AssertionError):
        assert_silent(night.read_bytes())


def test_recordings(night: Path) -> None:
    tree = sd.open_recording(night)
    engine = [xr.open_dataset(night, engine="edf", rate=100), xr.open_datatree(night, engine="edf")]
    shown = [repr(one) + one._repr_html_() + repr(one.attrs) for one in [tree, *engine]]
    values = [str(v.values.tolist()) for n in tree.subtree for v in n.variables.values() if v.dtype.kind in "UO"]
    assert_silent(*shown, *values, tree.attrs, repr(sd.diagnose(night)))
    assert tree["100Hz"]["sensor"].values.tolist() == ["AgAgCl S/N: # #"]
    assert tree["100Hz"]["prefilter"].values.tolist() == ["HP:0.100000Hz LP:35Hz SN #"]
    assert "identity" not in tree.attrs


def test_everything_that_verbs_print_log_and_write(
    night: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    out = tmp_path / "out"
    for verb in (
        ["info", night], ["info", night, "--json"], ["diagnose", night], ["diagnose", night.parent, "--json"],
        ["extract", night, "-o", out, "--format", "parquet,csv,zarr,netcdf", "--dry-run"],
        ["extract", night, "-o", out, "--format", "parquet,csv,zarr,netcdf", "--features", "hjorth"],
        ["deidentify", night, "-o", tmp_path / "clean"],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in verb])
        assert stop.value.code in (0, 3)
    written = [
        path.read_bytes() for folder in (out, tmp_path / "clean") for path in folder.rglob("*") if path.is_file()
    ]
    assert len(written) > 10
    assert_silent(*capfd.readouterr(), caplog.text, *written)
    assert (tmp_path / "clean" / "n1.edf").read_bytes() != night.read_bytes()


def broken(*, plus: bool) -> Iterator[bytes]:
    """Headers with a field that cannot be read, or with all of them shifted into each other."""
    data = records(plus=plus)
    for name in ("date", "time", "bytes", "records", "duration", "signals", "reserved", "version"):
        for text in (PATIENT[:8], RECORDING[-8:], b"EQSN9988", b"EDF+Octavia Zzquimby", b"\xff\xfe"):
            yield header(plus=plus, **{name: text}) + data
    whole = header(plus=plus, patient=PATIENT.rjust(80), recording=RECORDING.rjust(80)) + data
    for shift in range(1, 60):
        yield whole[:8] + b" " * shift + whole[8:]  # one of the fields was written too long
        yield whole[:8] + whole[8 + shift :]
        yield whole[:168] + whole[168 - shift :]
        yield whole[shift:]


@pytest.mark.parametrize("plus", [True, False])
def test_no_error_or_finding_quotes_a_name(plus: bool, tmp_path: Path) -> None:
    path = tmp_path / "broken.edf"
    said = []
    for raw in broken(plus=plus):
        path.write_bytes(raw)
        for policy in POLICIES:
            try:
                said += sd.open_recording(path, policy=policy).attrs["findings"]
            except SleepdaskError as error:
                said.append(str(error))
        said += [str(finding) for finding in sd.diagnose(path)[0].findings]
    text = "\n".join(said).lower()
    assert len(said) > 1000
    assert "characters like" in text
    assert not sorted(piece for piece in PIECES if piece in text)


def test_identity_is_kept_on_purpose(tmp_path: Path) -> None:
    path = tmp_path / "n1.edf"
    path.write_bytes(header(plus=True) + records(plus=True))
    tree = sd.open_recording(path, keep_identity=True)
    assert tree.attrs["identity"] == {
        "patient": PATIENT.decode(), "recording": RECORDING.decode(),
        "code": "PCODE7731", "sex": "F", "birthdate": "1987-09-16", "name": "Zzquimby Octavia",
        "patient_more": "HOUSE12STREET",
        "startdate": "1989-04-24", "admin_code": "ADMQ5512", "technician": "TECHWILMA", "equipment": "EQSN998877",
        "recording_more": "EXTRAWORDS",
    }  # fmt: skip
    assert tree["100Hz"]["sensor"].values.tolist() == [SENSOR.decode()]
    assert xr.open_datatree(path, engine="edf", keep_identity=True).attrs["identity"] == tree.attrs["identity"]
    one = xr.open_dataset(path, engine="edf", rate=1, keep_identity=True)
    assert one.attrs["identity"]["sex"] == "F"
    json.dumps(tree.attrs["identity"])
    lazy = sd.extract(tree, [sd.features.Hjorth()])
    assert "Octavia" not in repr(lazy.attrs), "features do not inherit it"


def test_identity_of_plain_edf_has_no_parts(tmp_path: Path) -> None:
    path = tmp_path / "n1.edf"
    path.write_bytes(header(plus=False, patient=b"Zzquimby, Octavia", recording=b"") + records(plus=False))
    assert read_identity(path, plus=False) == {"patient": "Zzquimby, Octavia", "recording": ""}


def test_unknown_parts_are_left_out_and_odd_dates_stay(tmp_path: Path) -> None:
    path = tmp_path / "n1.edf"
    raw = header(plus=True, patient=b"X X 31-FEB-1987 X", recording=b"Startdate X X X X")
    path.write_bytes(raw + records(plus=True))
    assert read_identity(path, plus=True) == {
        "patient": "X X 31-FEB-1987 X",
        "recording": "Startdate X X X X",
        "birthdate": "31-FEB-1987",
    }


def test_verbs_tell_identity_when_asked_and_say_so(
    night: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(*words: object) -> tuple[str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        assert stop.value.code in (0, 3)
        return capfd.readouterr()

    for words in (("info", night, "--keep-identity"), ("info", night, "--keep-identity", "--json")):
        out, err = run(*words)
        assert "Octavia" in out
        assert "note: this output holds what the header says of the patient" in err
    out, err = run("extract", night, "-o", tmp_path / "out", "--features", "hjorth", "--keep-identity", "--json")
    document = json.loads((tmp_path / "out" / "provenance.json").read_text("utf-8"))
    assert document["identity"]["patient"] == PATIENT.decode()
    assert document["note"].startswith("this output holds what the header says of the patient")
    assert document["note"] in json.loads(out)["notes"]
    assert "note: this output holds" in err
    assert b"Octavia" not in (tmp_path / "out" / "features.parquet").read_bytes()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AgAgCl electrode", "AgAgCl electrode"),
        ("Ag-AgCl, 10 mm, 5000 Ohm", "Ag-AgCl, 10 mm, 5000 Ohm"),
        ("HP:0.00001Hz LP:1000.000001Hz N:50Hz", "HP:0.00001Hz LP:1000.000001Hz N:50Hz"),
        ("SRN=23202344200", "SRN=#"),
        ("Nonin 8000J SN B12-7", "Nonin 8000J SN #"),
        ("Serial number: 12", "Serial number: #"),
        ("serial no 0815, s/n 4711", "serial no #, s/n #"),
        ("A1Device:992901397", "A1Device:#"),
        ("XYZ1234567 belt", "# belt"),
        ("S/N: #", "S/N: #"),
        ("serial belt", "serial belt"),
        ("Snore microphone 1", "Snore microphone 1"),
        ("SpO2 sn", "SpO2 sn"),
    ],
)
def test_serial_numbers_in_texts_about_sensors(text: str, shown: str) -> None:
    assert without_serials(text) == shown
    assert without_serials(shown) == shown
