"""Files of synthetic nights: EDF+ that other readers open, the same bytes for the same seed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import edfio
import numpy as np
import pytest

from sleepdask.errors import OutputError
from sleepdask.simulate import PSG_MONTAGE, Channel, Night, simulate_night

SPO2 = PSG_MONTAGE[-1]


@pytest.fixture(scope="module")
def night() -> Night:
    return simulate_night(hours=0.5, seed=3)


@pytest.fixture(scope="module")
def files(night: Night, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return night.write(tmp_path_factory.mktemp("night"), "n")


def _step(channel: Channel) -> float:
    low, high = channel.physical_range
    return (high - low) / 65535


def test_edfio_reads_back_every_channel_within_one_step(night: Night, files: tuple[Path, Path]) -> None:
    edf = edfio.read_edf(files[0])
    assert edf.data_record_duration == 1
    assert edf.reserved == "EDF+C"
    assert edf.labels == tuple(channel.label for channel in PSG_MONTAGE)
    for channel, signal in zip(PSG_MONTAGE, edf.signals, strict=True):
        assert signal.sampling_frequency == channel.rate
        assert signal.physical_dimension == channel.unit
        np.testing.assert_allclose(signal.data, night.samples(channel), atol=_step(channel), rtol=0)


def test_pyedflib_reads_the_same(night: Night, files: tuple[Path, Path]) -> None:
    pyedflib = pytest.importorskip("pyedflib")
    with pyedflib.EdfReader(str(files[0])) as reader:
        assert reader.getStartdatetime() == night.start
        for index, channel in enumerate(PSG_MONTAGE):
            np.testing.assert_allclose(reader.readSignal(index), night.samples(channel), atol=_step(channel), rtol=0)


def test_hypnogram_annotations_tile_the_night(night: Night, files: tuple[Path, Path]) -> None:
    edf = edfio.read_edf(files[1])
    assert edf.startdate == night.start.date()
    assert edf.starttime == night.start.time()
    epochs: list[str] = []
    for onset, duration, text in edf.annotations:
        assert onset == 30 * len(epochs)
        assert duration is not None
        epochs += [text] * round(duration / 30)
    assert epochs == [f"Sleep stage {stage}" for stage in night.stages]


def test_header_names_nobody_and_no_other_day(files: tuple[Path, Path]) -> None:
    for path in files:
        edf = edfio.read_edf(path)
        assert edf.local_patient_identification == "X X X X"
        assert edf.local_recording_identification == "Startdate 11-MAR-2024 X X X"
        today = dt.date.today()
        header = path.read_bytes()[:256]
        assert today.strftime("%d.%m.%y").encode() not in header
        assert str(today.year).encode() not in header or today.year == 2024


def test_same_seed_same_bytes(files: tuple[Path, Path], tmp_path: Path) -> None:
    again = simulate_night(hours=0.5, seed=3).write(tmp_path, "n")
    for first, second in zip(files, again, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_write_leaves_only_the_two_files_and_replaces_earlier_ones(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    simulate_night(hours=0.5, seed=3, montage=[SPO2]).write(folder)
    paths = simulate_night(hours=1, seed=3, montage=[SPO2]).write(folder)
    assert sorted(folder.iterdir()) == sorted(paths)
    assert [path.name for path in paths] == ["demo-PSG.edf", "demo-Hypnogram.edf"]
    assert [edfio.read_edf(path).num_data_records for path in paths] == [3600, 1]


def test_failed_write_keeps_the_earlier_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = simulate_night(hours=0.5, seed=3, montage=[SPO2])
    before = [path.read_bytes() for path in night.write(tmp_path)]

    def full_disk(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(edfio.Edf, "write", full_disk)
    with pytest.raises(OutputError, match="no space left"):
        simulate_night(hours=1, seed=4, montage=[SPO2]).write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo-Hypnogram.edf", "demo-PSG.edf"]
    assert [(tmp_path / f"demo-{kind}.edf").read_bytes() for kind in ("PSG", "Hypnogram")] == before


def test_folder_that_is_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not a folder"):
        simulate_night(hours=0.5, montage=[SPO2]).write(tmp_path / "file")


def test_samples_beyond_the_physical_range_are_clipped(tmp_path: Path) -> None:
    narrow = Channel("C3-M2", "eeg", 128, "uV", (-20.0, 20.0))
    night = simulate_night(hours=0.1, montage=[narrow])
    samples = night.samples(narrow)
    assert samples.min() == -20
    assert samples.max() == 20
    data = edfio.read_edf(night.write(tmp_path)[0]).signals[0].data
    np.testing.assert_allclose(data, samples, atol=_step(narrow), rtol=0)
