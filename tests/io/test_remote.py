"""Recordings behind URLs: the bytes that are asked for and no others, the values of local files, errors of our own."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import edfio
import fsspec
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from range_server import Served, range_server

import sleepdask as sd
from sleepdask.errors import RemoteFileError
from sleepdask.features.cache import enable_feature_cache
from sleepdask.io.edf.header import read_header
from sleepdask.io.edf.records import SignalReader
from sleepdask.io.remote.file import RemoteFile, locate
from sleepdask.simulate import simulate_night

HOUR = 3600
MINUTES = 5
CHANNELS = ("EEG C3-M2", "EEG C4-M1", "EOG E1-M2", "EMG Chin")


def plain(*, record: int = 1, seconds: int = HOUR) -> bytes:
    """Plain EDF of four channels at 100 Hz."""
    n, samples = len(CHANNELS), 100 * record
    texts = {"AgAgCl": 80, "uV": 8, "-200": 8, "200": 8, "-32768": 8, "32767": 8, "": 80, str(samples): 8}
    columns = [(16, CHANNELS), *((width, [text] * n) for text, width in texts.items()), (32, [""] * n)]
    main = [("0", 8), ("X", 80), ("X", 80), ("11.03.24", 8), ("22.00.00", 8), (str(256 * (n + 1)), 8), ("", 44),
            (str(seconds // record), 8), (str(record), 8), (str(n), 4)]  # fmt: skip
    head = "".join(text.ljust(width) for text, width in main)
    head += "".join(text.ljust(width) for width, texts in columns for text in texts)
    stored = np.random.default_rng(3).integers(-9000, 9000, n * samples * (seconds // record))
    return head.encode() + stored.astype("<i2").tobytes()


def plus(seconds: int = MINUTES * 60) -> bytes:
    """EDF+C of the same channels, with sleep stages."""
    rng = np.random.default_rng(3)
    signals = [
        edfio.EdfSignal(rng.standard_normal(seconds * 100) * 20, 100, label=label, physical_dimension="uV")
        for label in CHANNELS
    ]
    notes = [edfio.EdfAnnotation(k * 30, 30, "Sleep stage N2") for k in range(seconds // 30)]
    return edfio.Edf(signals, annotations=notes, data_record_duration=1).to_bytes()


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {"plain.edf": plain(), "plus.edf": plus()}


@pytest.fixture
def server(files: dict[str, bytes]) -> Iterator[Served]:
    with range_server(files) as served:
        yield served


@pytest.fixture
def local(files: dict[str, bytes], tmp_path: Path) -> Path:
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    return tmp_path


def layout(raw: bytes) -> tuple[int, int]:
    """Size of the header and of a data record."""
    header, records = int(raw[184:192]), int(raw[236:244])
    return header, (len(raw) - header) // records


def test_opening_plain_edf_reads_the_header_alone(server: Served, files: dict[str, bytes]) -> None:
    night = sd.open_recording(f"{server.url}/plain.edf")
    header, _ = layout(files["plain.edf"])
    assert server.asked == server.sent == header
    assert server.requests == [("/plain.edf", 0, 256), ("/plain.edf", 256, header)]
    assert server.methods == {"GET"}
    assert (night.attrs["recording_id"], night.attrs["source"]) == ("plain", "plain.edf")
    assert night.attrs["findings"] == []


def test_five_minutes_of_a_channel_are_the_bytes_of_their_records(
    server: Served, files: dict[str, bytes], local: Path
) -> None:
    header, record = layout(files["plain.edf"])
    night = sd.open_recording(f"{server.url}/plain.edf", chunks=None)
    signal = night["100Hz/signal"].sel(channel="EEG C4-M1").isel(time=slice(600 * 100, 900 * 100))
    assert server.asked == header
    server.reset()
    values = signal.values
    assert server.requests == [("/plain.edf", header + 600 * record, header + 900 * record)]
    assert server.sent == 300 * record
    here = sd.open_recording(local / "plain.edf", chunks=None)["100Hz/signal"].sel(channel="EEG C4-M1")
    np.testing.assert_array_equal(values, here.isel(time=slice(600 * 100, 900 * 100)).values)


def test_of_long_records_only_the_signal_is_read() -> None:
    raw = plain(record=600)
    header, record = layout(raw)
    with range_server({"long.edf": raw}) as server:
        signal = sd.open_recording(f"{server.url}/long.edf", chunks=None)["100Hz/signal"]
        server.reset()
        signal.isel(channel=2, time=slice(0, 1_800 * 100)).values  # noqa: B018
        quarter = record // 4
        begins = [header + k * record + 2 * quarter for k in range(3)]
        assert sorted(server.requests) == [("/long.edf", at, at + quarter) for at in begins]
        server.reset()
        signal.isel(channel=0, time=slice(150, 175)).values  # noqa: B018
        assert server.requests == [("/long.edf", header + 300, header + 350)]


def test_annotations_are_read_without_the_samples_between_them(
    server: Served, files: dict[str, bytes], local: Path
) -> None:
    url = f"{server.url}/plus.edf"
    night = sd.open_recording(url)
    header, record = layout(files["plus.edf"])
    notes = (record - 4 * 100 * 2) * MINUTES * 60
    assert server.asked == server.sent == header + notes < 0.1 * len(files["plus.edf"])
    here = sd.open_recording(local / "plus.edf")
    xr.testing.assert_identical(night["annotations"].to_dataset(), here["annotations"].to_dataset())


def test_without_annotations_two_records_tell_that_nothing_is_missing(server: Served, files: dict[str, bytes]) -> None:
    night = sd.open_recording(f"{server.url}/plus.edf", annotations=False)
    header, record = layout(files["plus.edf"])
    assert server.asked == header + 2 * (record - 800)
    assert "annotations" not in night.children
    assert night["100Hz"].sizes["time"] == MINUTES * 6000


def test_without_annotations_a_gap_is_still_found(files: dict[str, bytes], tmp_path: Path) -> None:
    header, record = layout(files["plus.edf"])
    raw = bytearray(files["plus.edf"])
    for number in range(100, MINUTES * 60):  # an hour is missing
        at = header + number * record + 800
        stated = f"+{number + 3600}\x14\x14\0".encode()
        raw[at : at + record - 800] = stated.ljust(record - 800, b"\0")
    (tmp_path / "gap.edf").write_bytes(raw)
    both = [sd.open_recording(tmp_path / "gap.edf", annotations=wanted, chunks=None) for wanted in (True, False)]
    with range_server({"gap.edf": bytes(raw)}) as server:
        both.append(sd.open_recording(f"{server.url}/gap.edf", annotations=False, chunks=None))
    times = [night["100Hz"].isel(time=slice(-2, None))["time"].values for night in both]
    assert times[0].tolist() == times[1].tolist() == times[2].tolist()
    assert (times[0][-1] - both[0]["100Hz"]["time"].values[0]) > np.timedelta64(3600 + MINUTES * 60 - 1, "s")
    assert "annotations" not in both[1].children


@pytest.mark.parametrize("backend", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_extract_reads_each_byte_about_once_and_gives_the_same_bits(
    server: Served, files: dict[str, bytes], local: Path, backend: str
) -> None:
    _, record = layout(files["plain.edf"])
    features = [sd.features.Statistics(), sd.features.Hjorth()]
    results = {}
    for place in (str(local), server.url):
        night = sd.open_recording(f"{place}/plain.edf", chunks=None)
        server.reset()
        lazy = sd.extract(night, features, workers=2)
        results[place] = sd.compute(lazy, backend=backend, workers=2, progress=False)
    assert server.sent == server.asked
    assert HOUR * record <= server.asked <= HOUR * record * 1.02
    assert server.asked_twice() <= 0.02 * HOUR * record
    pd.testing.assert_frame_equal(*(sd.to_dataframe(found) for found in results.values()), check_exact=True)


def test_each_node_reads_the_records_it_shares_with_others(tmp_path: Path) -> None:
    psg, _ = simulate_night(hours=0.1).write(tmp_path)
    raw = psg.read_bytes()
    header, record = layout(raw)
    with range_server({"night.edf": raw}) as server:
        night = sd.open_recording(f"{server.url}/night.edf", chunks=None)
        nodes = [name for name in night.children if name.endswith("Hz")]
        server.reset()
        sd.compute(sd.extract(night, [sd.features.Statistics()], workers=2), progress=False)
        assert len(nodes) == 3
        assert server.asked <= len(nodes) * (len(raw) - header)
        server.reset()
        sd.compute(sd.extract(night, [sd.features.Statistics()], channels=["SpO2"], workers=2), progress=False)
        assert len(server.requests) <= 2
        assert server.asked <= 360 * record


def test_the_engine_of_xarray_reads_urls(server: Served, local: Path) -> None:
    url = server.url.replace("http://", "http://jane:secret@") + "/plain.edf?signature=0123"
    for dataset in (
        xr.open_dataset(url, engine="edf"),
        xr.open_datatree(url, engine="edf")["100Hz"].to_dataset(),
    ):
        here = xr.open_dataset(local / "plain.edf", engine="edf")
        xr.testing.assert_identical(dataset.isel(time=slice(2000)), here.isel(time=slice(2000)))
    opened = xr.open_dataset(url, engine="edf")
    assert opened.encoding["source"] == f"{server.url}/plain.edf"
    assert xr.open_datatree(url, engine="edf").encoding["source"] == f"{server.url}/plain.edf"
    assert server.authorizations == {"Basic amFuZTpzZWNyZXQ="}


def test_options_go_to_the_file_system_and_are_never_shown(server: Served) -> None:
    options = {"headers": {"Authorization": "Bearer t0ken"}}
    night = sd.open_recording(f"{server.url}/plain.edf", storage_options=options)
    assert server.authorizations == {"Bearer t0ken"}
    engine = xr.open_dataset(f"{server.url}/plain.edf", engine="edf", storage_options=options)
    assert "t0ken" not in repr(night) + repr(engine) + repr(night.attrs) + str(dict(night["100Hz/signal"].data.dask))
    sd.diagnose(f"{server.url}/plain.edf", storage_options=options)
    assert server.authorizations == {"Bearer t0ken"}


@pytest.mark.parametrize("mode", ["denied", "nothing", "gone", "whole", "breaks", "shifted", "gzip"])
def test_no_error_shows_what_is_secret(server: Served, mode: str) -> None:
    server.mode = mode
    url = server.url.replace("http://", "http://jane:s3cret@") + "/plain.edf?signature=0123#f4agment"
    with pytest.raises(RemoteFileError) as caught:
        sd.open_recording(url, storage_options={"headers": {"X-Key": "t0ken"}})
    shown = "".join([repr(caught.value), str(caught.value), repr(vars(caught.value))])
    assert f"{server.url}/plain.edf" in shown
    assert not [secret for secret in ("jane", "s3cret", "signature", "0123", "t0ken", "f4ag") if secret in shown]
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_server_without_ranges_is_refused_before_it_sends_the_night(server: Served, files: dict[str, bytes]) -> None:
    server.files["large.edf"] = files["plain.edf"] + bytes(64 << 20)
    server.mode = "whole"
    with pytest.raises(RemoteFileError, match="ignores requests for a part of a file"):
        sd.open_recording(f"{server.url}/large.edf")
    assert server.sent < 16 << 20, "what fits into the buffers of the connection"


def test_what_was_lost_on_the_way_is_asked_for_again(server: Served, files: dict[str, bytes]) -> None:
    for mode in ("breaks once", "busy once"):
        server.mode = mode
        server.reset()
        assert len(sd.open_recording(f"{server.url}/plain.edf")["100Hz"]["channel"]) == 4
        assert len(server.requests) == 3


def test_a_server_that_breaks_off_is_an_error(server: Served) -> None:
    night = sd.open_recording(f"{server.url}/plain.edf", chunks=None)
    server.mode = "breaks"
    with pytest.raises(RemoteFileError, match=r"plain\.edf: the server could not be read, in 3 attempts"):
        night["100Hz/signal"].isel(time=slice(10)).values  # noqa: B018


def test_a_server_that_says_nothing_is_an_error(server: Served) -> None:
    server.mode = "silent"
    with pytest.raises(RemoteFileError, match=r"could not be read, in 3 attempts; found .*Timeout") as caught:
        sd.open_recording(f"{server.url}/plain.edf", storage_options={"timeout": aiohttp.ClientTimeout(sock_read=0.2)})
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (RemoteFileError, str(caught.value))


def test_a_server_that_is_not_there_is_an_error() -> None:
    with range_server({}) as server:
        url = f"{server.url}/night.edf"
    with pytest.raises(RemoteFileError, match="could not be read, in 3 attempts; found ClientConnectorError"):
        sd.open_recording(url)


def test_what_is_no_file(server: Served) -> None:
    with pytest.raises(RemoteFileError, match="no such file; found HTTP status 404"):
        sd.open_recording(f"{server.url}/none.edf")
    server.files["empty.edf"] = b""
    with pytest.raises(sd.FileFormatError, match="the file is empty"):
        sd.open_recording(f"{server.url}/empty.edf")
    server.files["short.edf"] = server.files["plain.edf"][:300]
    with pytest.raises(sd.FileFormatError, match="shorter than its header"):
        sd.open_recording(f"{server.url}/short.edf")
    server.files["tiny.edf"] = b"0       X"
    with pytest.raises(sd.FileFormatError, match="shorter than its header"):
        sd.open_recording(f"{server.url}/tiny.edf")


@pytest.mark.parametrize("change", ["content", "size"])
def test_a_file_that_changed_is_refused(server: Served, change: str) -> None:
    night = sd.open_recording(f"{server.url}/plain.edf", chunks=None)
    raw = server.files["plain.edf"]
    server.files["plain.edf"] = raw[:-1] + b"\7" if change == "content" else raw + b"more"
    with pytest.raises(sd.FileFormatError, match="the file changed since it was opened"):
        night["100Hz/signal"].isel(time=slice(10)).values  # noqa: B018


def test_tokens_hold_the_version(server: Served) -> None:
    url = f"{server.url}/plain.edf"

    def name() -> str:
        return str(sd.open_recording(url)["100Hz/signal"].data.name)

    before = name()
    assert name() == before
    server.files["plain.edf"] = server.files["plain.edf"][:-1] + b"\7"
    assert name() != before


def test_a_server_that_tells_no_version_is_a_finding_and_nothing_of_it_is_cached(files: dict[str, bytes]) -> None:
    with range_server(files, validators=False) as server:
        nights = [sd.open_recording(f"{server.url}/plain.edf") for _ in range(2)]
        assert "neither an ETag nor a time of change" in nights[0].attrs["findings"][0]
        assert nights[0]["100Hz/signal"].data.name != nights[1]["100Hz/signal"].data.name
        (diagnosis,) = sd.diagnose(f"{server.url}/plain.edf")
        assert (diagnosis.policy, diagnosis.path.name) == ("warn", "plain.edf")
        with pytest.raises(sd.FileFormatError, match="'strict'"):
            sd.open_recording(f"{server.url}/plain.edf", policy="strict")


def test_readers_travel_and_hold_no_connection(server: Served) -> None:
    url = server.url.replace("http://", "http://jane:s3cret@") + "/plain.edf"
    file = locate(url, {"headers": {"X-Key": "t0ken"}})
    assert isinstance(file, RemoteFile)
    reader = SignalReader.of(file, read_header(file), [0, 1])
    again = pickle.loads(pickle.dumps(reader))
    assert again == reader
    np.testing.assert_array_equal(again.read(slice(None), 5, 50), reader.read(slice(None), 5, 50))
    assert not [secret for secret in ("jane", "s3cret", "t0ken") if secret in repr(reader)]
    assert not [secret for secret in ("jane", "s3cret", "t0ken") if secret in str(reader.__dask_tokenize__())]


def test_hypnograms_behind_urls(server: Served, files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("onset,duration,stage\n0,30,W\n30,30,N2\n")
    server.files["scores.csv"] = (tmp_path / "scores.csv").read_bytes()
    table = sd.read_hypnogram(f"{server.url}/scores.csv")
    xr.testing.assert_identical(table, sd.read_hypnogram(tmp_path / "scores.csv"))
    assert server.asked < 1000
    scored = sd.read_hypnogram(f"{server.url}/plus.edf")
    assert scored.sizes["score"] == 2 * MINUTES
    assert scored.attrs["source"] == "plus.edf"
    assert sd.read_events(f"{server.url}/plus.edf").sizes["annotation"] == 0


@pytest.fixture
def memory(files: dict[str, bytes]) -> Iterator[str]:
    system = fsspec.filesystem("memory")
    system.pipe_file("/nights/plain.edf", files["plain.edf"])
    yield "memory://nights/plain.edf"
    system.rm("/nights", recursive=True)


def test_any_file_system_of_fsspec(memory: str, local: Path, files: dict[str, bytes]) -> None:
    night, here = sd.open_recording(memory), sd.open_recording(local / "plain.edf")
    assert night.attrs == here.attrs
    xr.testing.assert_identical(night["100Hz"].to_dataset(), here["100Hz"].to_dataset())
    fsspec.filesystem("memory").pipe_file("/nights/plain.edf", files["plain.edf"])
    with pytest.raises(sd.FileFormatError, match="changed since it was opened"):
        night["100Hz/signal"].isel(time=slice(10)).values  # noqa: B018
    with pytest.raises(RemoteFileError, match=r"memory://nights/none\.edf: no such file"):
        sd.open_recording("memory://nights/none.edf")
    with pytest.raises(RemoteFileError, match="is a folder"):
        sd.open_recording("memory://nights")


def test_file_urls_are_local_paths(local: Path) -> None:
    assert sd.open_recording(f"file://{local}/plain.edf").attrs["source"] == "plain.edf"
    assert locate("local:///a/b.edf") == "/a/b.edf"


def test_what_is_no_address() -> None:
    with pytest.raises(sd.ParameterError, match="unknown kind of URL"):
        sd.open_recording("gopher2://host/night.edf")
    with pytest.raises(sd.ParameterError, match="file systems within each other"):
        sd.open_recording("zip://night.edf::https://host/nights.zip")
    with pytest.raises(sd.ParameterError, match="storage_options are for URLs"):
        sd.open_recording("night.edf", storage_options={"key": "k"})


def test_a_missing_package_is_named_with_its_cure() -> None:
    code = """
import sys
sys.modules["aiohttp"] = None
import sleepdask as sd
try:
    sd.open_recording("https://jane:s3cret@host/night.edf")
except sd.ParameterError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "https://host/night.edf: reading https:// needs a package that is not installed" in done.stdout
    assert "pip install 'fsspec[http]'" in done.stdout


def test_local_files_need_no_file_system_of_fsspec(local: Path) -> None:
    code = f"""
import sys, sleepdask as sd
night = sd.open_recording({str(local / "plus.edf")!r}, chunks=None)
night["100Hz/signal"].isel(time=slice(10)).values
sd.diagnose({str(local / "plus.edf")!r})
print({{"fsspec", "aiohttp"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_engine_serves_no_features_of_a_file_that_was_replaced() -> None:
    enable_feature_cache()
    system, name = fsspec.filesystem("memory"), "/replaced.edf"
    raw = bytearray(plain(seconds=120))
    system.pipe(name, bytes(raw))
    tree = xr.open_datatree(f"memory:/{name}", engine="edf", chunks={})
    before = sd.compute(sd.extract(tree, "statistics"), backend="sync")
    raw[-4000:] = bytes(4000)
    system.pipe(name, bytes(raw))
    again = xr.open_datatree(f"memory:/{name}", engine="edf", chunks={})
    after = sd.compute(sd.extract(again, "statistics"), backend="sync")
    want = sd.compute(sd.extract(sd.open_recording(f"memory:/{name}"), "statistics"), backend="sync")
    for path in want.children:
        np.testing.assert_array_equal(after[path]["mean"], want[path]["mean"])
    assert any(not after[path]["mean"].equals(before[path]["mean"]) for path in want.children)
