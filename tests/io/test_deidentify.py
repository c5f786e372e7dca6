"""Clean copies: the same bytes but for what identifies people, read alike by three readers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pyedflib
import pytest
import xarray as xr
from range_server import range_server

import sleepdask as sd
from sleepdask.errors import OutputError
from sleepdask.io.edf.header import read_header

PATIENT = "MCH-0234567 F 16-SEP-1987 Haagse_Harry"
RECORDING = "Startdate 24-APR-1989 EMG561 BK/JOP Sony.MNC.R"
FACTS = slice(8, 168)


def made(
    path: Path, *, plus: bool = True, notes: tuple[str, ...] = ("Arousal", "Lights on by Harry"), n: int = 4
) -> Path:
    """EDF or EDF+ of two signals, with a note in some records."""
    labels = ["C3", "C4"] + ["EDF Annotations"] * plus
    k = len(labels)
    texts: list[tuple[str, int]] = [("0", 8), (PATIENT, 80), (RECORDING, 80), ("24.04.89", 8), ("23.05.00", 8),
             (str(256 * (k + 1)), 8), ("EDF+C" if plus else "", 44), (str(n), 8), ("1", 8), (str(k), 4)]  # fmt: skip
    texts += [(label, 16) for label in labels]
    columns = [
        ("AgAgCl S/N 7A-31", 80), ("uV", 8), ("-100", 8), ("100", 8), ("-32768", 8), ("32767", 8), ("HP:0.1Hz", 80)
    ]  # fmt: skip
    blank = ("AgAgCl S/N 7A-31", "uV", "HP:0.1Hz")  # in a signal of annotations
    texts += [("" if "Ann" in label and text in blank else text, width) for text, width in columns for label in labels]
    texts += [(str(size), 8) for size in (50, 50, 40)[:k]] + [("", 32)] * k
    rng = np.random.default_rng(1)
    data = []
    for number in range(n):
        data.append(rng.integers(-30000, 30000, 100).astype("<i2").tobytes())
        if plus:
            lists = f"+{number}.5\x14\x14\0" if number else "+0.5\x14\x14Recording by Harry\x14\0"
            lists += f"+{number}\x14{notes[number]}\x14\0" if number < len(notes) else ""
            data.append(lists.encode().ljust(80, b"\0"))
    path.write_bytes("".join(text.ljust(width) for text, width in texts).encode() + b"".join(data))
    return path


def same_signals(one: xr.DataTree, other: xr.DataTree) -> None:
    assert list(one.children) == list(other.children)
    for name, node in one.children.items():
        xr.testing.assert_identical(node.to_dataset(), other[name].to_dataset())


@pytest.mark.parametrize("plus", [True, False])
def test_the_copy_differs_in_two_fields_and_the_serial_numbers(plus: bool, tmp_path: Path) -> None:
    path = made(tmp_path / "night.edf", plus=plus)
    copy = sd.deidentify(path, tmp_path / "clean.edf", code="S017")
    raw, clean = path.read_bytes(), copy.output.read_bytes()
    size = 256 * (4 if plus else 3)
    assert clean[8:88].decode().rstrip() == ("S017 X X X" if plus else "S017")
    assert clean[88:168].decode().rstrip() == "Startdate 24-APR-1989 X X X"
    assert (clean[:8], clean[168:256], clean[size:]) == (raw[:8], raw[168:256], raw[size:])
    assert clean[256:size].count(b"AgAgCl S/N #     ") == 2
    assert clean[256:size] == raw[256:size].replace(b"S/N 7A-31", b"S/N #    ")
    assert copy.sha256 == hashlib.sha256(raw[size:]).hexdigest()
    assert (copy.source, copy.size, len(clean)) == ("night.edf", len(raw), len(raw))
    same_signals(sd.open_recording(path), sd.open_recording(copy.output))
    assert any("serial number in" in note for note in copy.notes)
    assert [entry.name for entry in sorted(tmp_path.iterdir())] == ["clean.edf", "night.edf"]


def test_other_readers_read_the_copy(tmp_path: Path) -> None:
    path = made(tmp_path / "night.edf", notes=())
    for remove in (False, True):
        copy = sd.deidentify(
            path, tmp_path / "clean.edf", remove_date=remove, remove_annotations=True, force=True
        ).output
        there, here = edfio.read_edf(path), edfio.read_edf(copy)
        for one, other in zip(there.signals, here.signals, strict=True):
            np.testing.assert_array_equal(one.digital, other.digital)
        assert here.local_patient_identification == "X X X X"
        assert here.local_recording_identification == f"Startdate {'X' if remove else '24-APR-1989'} X X X"
        with pyedflib.EdfReader(str(copy)) as file, pyedflib.EdfReader(str(path)) as original:
            for k in range(2):
                np.testing.assert_array_equal(file.readSignal(k), original.readSignal(k))
            assert not {file.getPatientName(), file.getEquipment(), file.getTechnician(), file.getBirthdate()} - {
                "",
                "X",
            }
            assert file.getStartdatetime().year == (1985 if remove else 1989)


def test_a_date_that_is_removed_is_read_as_none(tmp_path: Path) -> None:
    for plus in (True, False):
        path = made(tmp_path / "night.edf", plus=plus)
        copy = sd.deidentify(path, tmp_path / "clean.edf", remove_date=True, force=True).output
        raw = copy.read_bytes()
        assert raw[88:168].decode().rstrip() == "Startdate X X X X"
        assert raw[168:184] == b"01.01.8523.05.00"
        night = sd.open_recording(copy)
        assert night.attrs["start"] == "NaT"
        assert "stands for a removed one" in night.attrs["findings"][0]
        np.testing.assert_array_equal(night["50Hz/signal"].values, sd.open_recording(path)["50Hz/signal"].values)
        again = sd.deidentify(copy, tmp_path / "again.edf", force=True)
        assert again.output.read_bytes() == raw
    first = made(tmp_path / "first.edf")
    first.write_bytes(first.read_bytes().replace(b"24-APR-1989", b"01-JAN-1985").replace(b"24.04.89", b"01.01.85"))
    assert sd.open_recording(first).attrs["start"].startswith("1985-01-01T23:05"), "a real one of that day"


def test_annotations_go_and_the_times_of_records_stay(tmp_path: Path) -> None:
    path = made(tmp_path / "night.edf")
    copy = sd.deidentify(path, tmp_path / "clean.edf", remove_annotations=True)
    raw, clean = path.read_bytes()[1024:], copy.output.read_bytes()[1024:]
    assert b"Harry" in raw
    assert b"Harry" not in clean
    assert b"Arousal" not in clean
    for k in range(4):
        at = 280 * k
        assert clean[at : at + 200] == raw[at : at + 200]
        assert clean[at + 200 : at + 280] == f"+{k}.5\x14\x14".encode().ljust(80, b"\0")
    night, cleaned = sd.open_recording(path), sd.open_recording(copy.output)
    assert cleaned["annotations"].sizes["annotation"] == 0
    assert night["annotations"].sizes["annotation"] == 3
    xr.testing.assert_identical(night["50Hz"].to_dataset(), cleaned["50Hz"].to_dataset())
    assert not [note for note in copy.notes if "annotations" in note]


def test_what_is_left_is_told(tmp_path: Path) -> None:
    path = made(tmp_path / "Harry.edf")
    notes = " ".join(sd.deidentify(path, tmp_path / "HARRY-clean.edf").notes)
    assert "annotations are kept: their free text may hold names" in notes
    assert "field is also in annotations" in notes
    assert "field is also in the name of the copy" in notes
    assert "other fields of the header" not in notes
    path.write_bytes(path.read_bytes().replace(b"EDF+C     ", b"EDF+CHarry"))
    copy = sd.deidentify(path, tmp_path / "c.edf", remove_annotations=True)
    assert [note for note in copy.notes if "is also in" in note] == [
        "a word of the patient or recording field is also in other fields of the header, and was left there"
    ]
    assert not [word for word in ("Harry", "MCH", "Sony") if word in " ".join(copy.notes)]


def test_sensors_go(tmp_path: Path) -> None:
    path = made(tmp_path / "night.edf")
    copy = sd.deidentify(path, tmp_path / "clean.edf", remove_sensors=True).output
    assert set(sd.open_recording(copy)["50Hz"]["sensor"].values) == {""}
    assert set(sd.open_recording(copy)["50Hz"]["prefilter"].values) == {"HP:0.1Hz"}
    assert b"AgAgCl" not in copy.read_bytes()


def test_bytes_after_the_last_record_are_left_out(tmp_path: Path) -> None:
    path = made(tmp_path / "night.edf")
    whole = path.read_bytes()
    path.write_bytes(whole + b"<patient>Harry</patient>")
    copy = sd.deidentify(path, tmp_path / "clean.edf")
    assert copy.output.read_bytes()[1024:] == whole[1024:]
    assert "24 bytes after the last data record are left out" in copy.notes
    assert len(copy.findings) == 1
    path.write_bytes(whole[:-100])
    cut = sd.deidentify(path, tmp_path / "cut.edf")
    assert cut.output.stat().st_size == 1024 + 3 * 280
    assert "truncated" in cut.findings[0]


def test_what_is_refused_leaves_nothing(tmp_path: Path) -> None:
    path = made(tmp_path / "night.edf")
    before = path.read_bytes()
    (tmp_path / "there.edf").write_bytes(b"mine")
    (tmp_path / "link.edf").symlink_to(path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="already there"):
        sd.deidentify(path, tmp_path / "there.edf")
    for target in (path, tmp_path / "link.edf"):
        with pytest.raises(OutputError, match="would replace the recording itself"):
            sd.deidentify(path, target, force=True)
    with pytest.raises(OutputError, match="is a folder"):
        sd.deidentify(path, tmp_path / "folder", force=True)
    for code in ("", "Jane Doe", "x" * 61, "Zoë"):
        with pytest.raises(sd.ParameterError, match="the code is none"):
            sd.deidentify(path, tmp_path / "new.edf", code=code)
    broken = tmp_path / "broken.edf"
    broken.write_bytes(before[:252] + b"none" + before[256:])
    with pytest.raises(sd.FileFormatError, match="number of signals"):
        sd.deidentify(broken, tmp_path / "new.edf")
    comma = tmp_path / "comma.edf"
    comma.write_bytes(before.replace(b"-100    ", b"-100,0  "))
    with pytest.raises(sd.FileFormatError, match="'strict'"):
        sd.deidentify(comma, tmp_path / "new.edf", policy="strict")
    assert path.read_bytes() == before
    assert (tmp_path / "there.edf").read_bytes() == b"mine"
    assert not (tmp_path / "new.edf").exists()
    assert not list(tmp_path.glob(".*"))
    sd.deidentify(path, tmp_path / "there.edf", force=True)
    same_signals(sd.open_recording(path), sd.open_recording(tmp_path / "there.edf"))


def test_a_disk_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path / "night.edf")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sleepdask.io.deidentify._write", full)
    with pytest.raises(OutputError, match="No space left"):
        sd.deidentify(path, tmp_path / "out" / "clean.edf")
    assert not (tmp_path / "out").exists()


def test_a_copy_that_reads_otherwise_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path / "night.edf")
    from sleepdask.io import deidentify as module

    real = module.clean_header

    def wrong(raw: bytes, *arguments: Any, **options: Any) -> tuple[bytes, list[str]]:
        head, notes = real(raw, *arguments, **options)
        return head.replace(b"-100 ", b"-101 "), notes

    monkeypatch.setattr(module, "clean_header", wrong)
    with pytest.raises(OutputError, match="not read like the recording"):
        sd.deidentify(path, tmp_path / "clean.edf")
    assert [entry.name for entry in tmp_path.iterdir()] == ["night.edf"]


def test_the_night_is_never_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = made(tmp_path / "night.edf", n=30_000)
    tracemalloc.start()
    sd.deidentify(path, tmp_path / "clean.edf")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 8e6
    assert peak < 5e6


def test_a_recording_behind_a_url(tmp_path: Path) -> None:
    path = made(tmp_path / "night.edf")
    with range_server({"night.edf": path.read_bytes()}) as server:
        copy = sd.deidentify(f"{server.url}/night.edf", tmp_path / "url.edf")
    sd.deidentify(path, tmp_path / "clean.edf")
    assert copy.output.read_bytes() == (tmp_path / "clean.edf").read_bytes()


REAL = (
    "resmed-night-a/20260310_000154_EVE.edf", "resmed-night-a/20260310_000159_BRP.edf",
    "resmed-night-a/20260310_000159_PLD.edf", "resmed-night-a/20260310_000159_SAD.edf", "resmed-night-a/STR.edf",
    "nox-a1-psg/subject1.edf", "edf-odd/edfPlusD.edf", "edf-odd/bdfPlusD.bdf", "edf-odd/chtypes_edf.edf",
    "edf-odd/test_utf8_annotations.edf", "edf-odd/test_subsecond.edf", "edf-odd/test_uneven_samp.edf",
    "sleep-edf-short/short_psg.bdf", "sleep-edf-sc4001/SC4001EC-Hypnogram.edf",
)  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_recordings(test_data: Path, name: str, tmp_path: Path) -> None:
    path = test_data / name
    copy = sd.deidentify(path, tmp_path / f"clean{path.suffix}")
    raw, clean = path.read_bytes(), copy.output.read_bytes()
    header = read_header(path)
    assert clean[header.header_bytes :] == raw[header.header_bytes :][: header.n_records * header.record_bytes]
    assert clean[168:256] == raw[168:256]
    for secret in (b"23202344200", b"7A68", b"992901397", b"Female_33yr", b"No_Name", b"Persyst", b"VID="):
        assert secret not in clean[: header.header_bytes]
    night, cleaned = sd.open_recording(path, dtype="float64"), sd.open_recording(copy.output, dtype="float64")
    assert night.attrs["findings"] == cleaned.attrs["findings"]
    same_signals(night, cleaned)
    bare = sd.deidentify(path, tmp_path / f"bare{path.suffix}", remove_annotations=True, remove_sensors=True).output
    stripped = sd.open_recording(bare, dtype="float64")
    for node in night.children:
        if node != "annotations":
            xr.testing.assert_identical(night[node]["signal"].variable, stripped[node]["signal"].variable)
            assert night[node]["time"].identical(stripped[node]["time"])
    if "annotations" in stripped.children:
        assert stripped["annotations"].sizes["annotation"] == 0
