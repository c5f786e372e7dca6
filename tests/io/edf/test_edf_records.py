"""Samples: right values, only the bytes asked for, the same from every thread, and never garbage."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.edf.header import read_header
from sleepdask.io.edf.records import SignalReader


def decode(path, header, numbers):
    """All samples of some signals, one at a time and in float64."""
    end = header.header_bytes + header.n_records * header.record_bytes
    stored = np.frombuffer(path.read_bytes()[header.header_bytes : end], "<i2").reshape(header.n_records, -1)
    rows = []
    for number in numbers:
        s = header.signals[number]
        begin = s.byte_offset // 2
        rows.append(stored[:, begin : begin + s.samples_per_record].ravel() * s.gain + s.offset)
    return np.array(rows)


@pytest.fixture(scope="module")
def mixed(make_edf, signal):
    """Three fast signals around a slow one, nine records."""
    path = make_edf(
        signal("a", 6, pmin="-192", pmax="191.5"), signal("slow", 1), signal("b", 6, pmin="100", pmax="-100"),
        signal("c", 6, "C", "34", "40", "-2849", "2731"), n_records=9,
    )  # fmt: skip
    return path, read_header(path)


@pytest.fixture
def blocks(monkeypatch):
    """Set how many bytes are decoded at a time, and from which gap on they are skipped."""

    def choose(block, skip):
        monkeypatch.setattr("sleepdask.io.edf.recordfile._BLOCK", block)
        monkeypatch.setattr("sleepdask.io.edf.recordfile._WORTH_SKIPPING", skip)

    return choose


@given(
    rows=st.one_of(
        st.slices(3),
        st.lists(st.integers(-3, 2), max_size=4),
        st.lists(st.integers(-3, 2), max_size=3).map(np.intp),
    ),
    ends=st.tuples(st.integers(0, 54), st.integers(0, 54)).map(sorted),
    dtype=st.sampled_from(["float32", "float64"]),
    block=st.sampled_from([1, 80, 1 << 20]),
    skip=st.sampled_from([0, 1 << 20]),
)
def test_any_part_equals_the_whole(mixed, rows, ends, dtype, block, skip):
    path, header = mixed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sleepdask.io.edf.recordfile._BLOCK", block)
        patch.setattr("sleepdask.io.edf.recordfile._WORTH_SKIPPING", skip)
        found = SignalReader.of(path, header, (0, 2, 3), dtype).read(rows, *ends)
    chosen = np.arange(3)[rows if isinstance(rows, slice) else np.asarray(rows, int)]
    expected = decode(path, header, (0, 2, 3))[chosen, slice(*ends)]
    assert found.shape == expected.shape
    assert found.dtype == dtype
    assert found.flags.c_contiguous
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * 200)


def test_parts_are_bit_equal_however_they_are_cut(mixed, blocks):
    reader = SignalReader.of(*mixed, (0, 2, 3))
    whole = reader.read(slice(None), 0, 54)
    blocks(1, 0)
    parts = [reader.read([row], a, min(a + 5, 54)) for row in range(3) for a in range(0, 54, 5)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1).reshape(3, 54), whole)


def test_shape_token_and_pickle(mixed):
    path, header = mixed
    reader = SignalReader.of(path, header, (0, 2))
    assert reader.shape == (2, 54)
    size, mtime_ns = path.stat().st_size, path.stat().st_mtime_ns
    assert reader.__dask_tokenize__() == (str(path), size, mtime_ns, (0, 2), "float32")
    copy = pickle.loads(pickle.dumps(reader))
    assert copy == reader
    np.testing.assert_array_equal(copy.read(slice(None), 3, 40), reader.read(slice(None), 3, 40))
    assert len(pickle.dumps(reader)) < 1000


def test_relative_path_becomes_absolute(mixed, monkeypatch):
    path, header = mixed
    monkeypatch.chdir(path.parent)
    reader = SignalReader.of(path.name, header, (0,))
    monkeypatch.chdir("/")
    assert reader.read(0, 0, 54).shape == (1, 54)


def test_truncated_file_is_read_as_far_as_it_is_whole(make_edf):
    path = make_edf(n_records=5, cut=3)
    header = read_header(path)
    reader = SignalReader.of(path, header, (0,), "float64")
    assert reader.shape == (1, 16)
    np.testing.assert_array_equal(reader.read(slice(None), 0, 16), decode(path, header, (0,)))


def test_one_hour_reads_one_hour(make_edf, signal, bytes_read):
    path = make_edf(signal("a", 100), signal("b", 100), signal("slow", 1), n_records=960, duration="30")
    header = read_header(path)
    reader = SignalReader.of(path, header, (0, 1))
    bytes_read.clear()
    first, last = 120, 240
    reader.read(slice(None), first * 100, last * 100)
    assert sum(size for _, size in bytes_read) == (last - first) * header.record_bytes
    begin = header.header_bytes + first * header.record_bytes
    assert min(position for position, _ in bytes_read) == begin
    assert max(position + size for position, size in bytes_read) == begin + (last - first) * header.record_bytes


def test_within_a_record_only_the_samples_are_read(make_edf, signal, bytes_read):
    path = make_edf(signal("a", 1000), signal("b", 1000), n_records=2)
    header = read_header(path)
    bytes_read.clear()
    SignalReader.of(path, header, (1,)).read(0, 1010, 1020)
    assert bytes_read == [(header.header_bytes + header.record_bytes + 2000 + 20, 20)]


def test_far_apart_spans_are_read_alone(make_edf, signal, bytes_read):
    path = make_edf(signal("a", 50_000), signal("slow", 2), n_records=4)
    header = read_header(path)
    bytes_read.clear()
    found = SignalReader.of(path, header, (1,), "float64").read(0, 0, 8)
    assert [size for _, size in bytes_read] == [4, 4, 4, 4]
    np.testing.assert_array_equal(found, decode(path, header, (1,)))


def test_nothing_asked_nothing_read(mixed, bytes_read):
    reader = SignalReader.of(*mixed, (0, 2))
    assert reader.read(slice(None), 7, 7).shape == (2, 0)
    assert reader.read([], 0, 54).shape == (0, 54)
    assert bytes_read == []


def test_threads_share_a_reader(mixed, blocks):
    blocks(80, 1 << 20)
    reader = SignalReader.of(*mixed, (0, 2, 3))
    whole = reader.read(slice(None), 0, 54)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda a: reader.read(slice(None), a, a + 20), [a % 34 for a in range(200)]))
    for number, part in enumerate(parts):
        np.testing.assert_array_equal(part, whole[:, number % 34 : number % 34 + 20])


def test_no_handle_stays_open(mixed):
    reader = SignalReader.of(*mixed, (0, 2))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    reader.read(slice(None), 0, 54)
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    assert after == before


def test_changed_file_is_refused(make_edf):
    path = make_edf(n_records=5)
    reader = SignalReader.of(path, read_header(path), (0,))
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(FileFormatError, match=f"changed since it was opened; expected {size} bytes.*found {size - 6} "):
        reader.read(0, 0, 20)


def test_touched_file_is_refused(make_edf):
    path = make_edf(n_records=5)
    reader = SignalReader.of(path, read_header(path), (0,))
    os.utime(path, ns=(0, 0))
    with pytest.raises(FileFormatError, match=r"changed since it was opened.*modification time 0 ns"):
        reader.read(0, 0, 4)


@pytest.mark.parametrize(("skip", "record", "found"), [(1 << 20, 3, "18 bytes"), (0, 3, "2 bytes")])
def test_short_read_is_refused(make_edf, signal, blocks, monkeypatch, skip, record, found):
    """The file shrinks after the check at the beginning of a read."""
    path = make_edf(signal(), signal(), n_records=5)
    reader = SignalReader.of(path, read_header(path), (0,))
    blocks(1 << 20, skip)
    monkeypatch.setattr("sleepdask.io.edf.recordfile.RecordFile._check_unchanged", lambda self, file: None)
    os.truncate(path, 768 + 3 * 16 + 2)
    with pytest.raises(
        FileFormatError, match=f"the file ends in data record {record}.*expected .* bytes.*found"
    ) as error:
        reader.read(0, 4, 20)
    assert str(path) in str(error.value)


def test_removed_file_is_refused(make_edf):
    path = make_edf()
    reader = SignalReader.of(path, read_header(path), (0,))
    path.unlink()
    with pytest.raises(ParameterError, match="no such file"):
        reader.read(0, 0, 4)


def test_wrong_arguments(mixed):
    path, header = mixed
    reader = SignalReader.of(path, header, (0, 2))
    for start, stop in ((-1, 4), (5, 4), (0, 55)):
        with pytest.raises(ParameterError, match="expected 0 <= start <= stop <= 54"):
            reader.read(slice(None), start, stop)
    with pytest.raises(IndexError):
        reader.read([2], 0, 4)
    with pytest.raises(ParameterError, match="make a reader for each rate"):
        SignalReader.of(path, header, (0, 1))
    with pytest.raises(ParameterError, match="expected float32 or float64; found int16"):
        SignalReader.of(path, header, (0,), "int16")
    for signals in ((), (4,), (-1,)):
        with pytest.raises(ParameterError, match="no such ordinary signal"):
            SignalReader.of(path, header, signals)


def test_annotations_are_no_signal(make_edf, signal, annotations):
    path = make_edf(signal(), annotations(b"", b"", b""))
    with pytest.raises(ParameterError, match="no such ordinary signal"):
        SignalReader.of(path, read_header(path), (1,))


@pytest.mark.parametrize("fraction", ["integer", "third"])
def test_agrees_with_edfio_and_pyedflib(tmp_path, fraction):
    edfio, pyedflib = pytest.importorskip("edfio"), pytest.importorskip("pyedflib")
    rng = np.random.default_rng(2)
    rate = 256 if fraction == "integer" else 12.8
    path = tmp_path / "night.edf"
    edfio.Edf([edfio.EdfSignal(rng.normal(3, 50, int(rate * 50)), rate, label=name) for name in "abc"]).write(path)
    header = read_header(path)
    found = SignalReader.of(path, header, header.ordinary, "float64").read(slice(None), 0, int(rate * 50))
    oracle = edfio.read_edf(path)
    with pyedflib.EdfReader(str(path)) as other:
        for row, s in enumerate(oracle.signals):
            np.testing.assert_allclose(found[row], s.data, rtol=0, atol=1e-10)
            np.testing.assert_allclose(found[row], other.readSignal(row), rtol=0, atol=1e-10)


def test_real_file_agrees_with_pyedflib(test_data):
    pyedflib = pytest.importorskip("pyedflib")
    path = test_data / "sleep-edf-sc4001/SC4001E0-PSG.edf"
    header = read_header(path)
    with pyedflib.EdfReader(str(path)) as other:
        for rate, numbers in ((100, (0, 1, 2)), (1, (3, 4, 5, 6))):
            start, size = 30_001 * rate, 3600 * rate
            found = SignalReader.of(path, header, numbers).read(slice(None), start, start + size)
            expected = [other.readSignal(n, start, size) for n in numbers]
            np.testing.assert_allclose(found, expected, rtol=3e-7, atol=3e-4)
