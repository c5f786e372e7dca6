"""Headers and annotation lists of any bytes: an error of ours or a valid recording; no crash, no hang, no flood."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleepdask.errors import SleepdaskError
from sleepdask.findings import POLICIES, Findings
from sleepdask.io.diagnose import diagnose_file
from sleepdask.io.edf.annotations import read_track
from sleepdask.io.edf.header import channel_names, read_header
from sleepdask.io.recordings import open_recording

# What breaks parsers: numbers at the edge of something, other notations, other scripts, nothing.
TOKENS = [
    b"", b"0", b"-0", b"1", b"-1", b"9", b"2147483648", b"99999999", b"-9999999", b"1e308", b"1E-308", b"nan", b"inf",
    b"0x10", b"1_0", b"1,5", b"1.5.1", b"+", b"-", b".", b",", b"\0", b"\0" * 8, b"\xff" * 8, b"\xb5V", "٣".encode(),
    b"EDF+C", b"EDF+D", b"EDF+", b"BDF+D", b"EDF Annotations", b"BDF Annotations", b"Crc16", b"XX.XX.XX", b"31.12.84",
    b"29.02.yy", b"01/02/03", b"23:59:59", b"24.00.00", b"Startdate 31-DEC-9999", b"Startdate 30-FEB-2001 X X X",
    b"+0\x14\x14\0", b"+1\x14\x14\0", b"-1\x14\x14\0", b"+999999999\x14\x14\0", b"+0\x15-1\x14x\x14\0", b"\x14\x14\x14",
]  # fmt: skip
EDGES = sorted({0, 8, 88, 168, 176, 184, 192, 236, 244, 252, 256, 512, 768})


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Change a few places of a file, most of them where fields begin."""
    changed = bytearray(raw)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 8])):
        at = chance.choice(EDGES) if chance.random() < 0.5 else chance.randrange(len(changed))
        at += chance.choice([0, 0, 0, chance.randrange(256)])
        token = chance.choice(TOKENS) if chance.random() < 0.8 else chance.randbytes(chance.randrange(1, 12))
        kept = token.ljust(chance.choice([0, 4, 8]))
        changed[at : at + len(kept)] = kept
    if chance.random() < 0.15:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


def outcome(path, policy: str) -> str:
    """Open and read a file; what is valid holds together."""
    try:
        recording = open_recording(path, policy=policy)
    except SleepdaskError:
        return "refused"
    for node in recording.children.values():
        if "signal" in node:
            assert node["signal"].shape == (node.sizes["channel"], node.sizes["time"])
            time = node["time"][[0, -1]].values
            assert time[0] <= time[1]
            last = node["signal"][:, -3:].values
            alive = node["uncalibrated"].values == "" if "uncalibrated" in node.coords else slice(None)
            assert np.isfinite(last[alive]).all() or last.dtype == np.float32
        else:
            assert node["onset"].sizes == node["text"].sizes
    return "odd" if recording.attrs["findings"] else "clean"


def parsed(path, policy: str) -> str:
    """Do the part of it that meets the bytes of the file."""
    findings = Findings(path, policy)
    try:
        header = read_header(path, findings)
        track = read_track(path, header, findings)
    except SleepdaskError:
        return "refused"
    assert len(set(channel_names(header))) == len(header.ordinary)
    assert header.header_bytes + header.n_records * header.record_bytes <= header.file_size
    starts = [stretch.start_ns for stretch in track.stretches]
    assert starts == sorted(starts)
    return "odd" if findings.found else "clean"


@pytest.fixture(scope="module")
def seeds(make_edf, signal, annotations):
    notes = annotations(b"+0\x14\x14\0+0.5\x1530\x14Sleep stage W\x14\0", b"+1\x14\x14\0", b"+7\x14\x14\0")
    wide = {"version": b"\xffBIOSEMI", "sample_bytes": 3, "reserved": "BDF+C"}
    paths = [
        make_edf(signal(), signal("SpO2", 1, "%")),
        make_edf(signal(), notes, reserved="EDF+D"),
        make_edf(signal(), notes, **wide),
    ]
    return [path.read_bytes() for path in paths]


def attack(seeds, tmp_path, count: int, seed: int, attempt=outcome) -> Counter[str]:
    chance = random.Random(seed)
    path = tmp_path / "mutant.edf"
    found: Counter[str] = Counter()
    for number in range(count):
        raw = mutated(chance.choice(seeds), chance)
        path.write_bytes(raw)
        policy = chance.choice(POLICIES)
        try:
            found[f"{policy} {attempt(path, policy)}"] += 1
        except BaseException:
            (tmp_path / "crashed.edf").write_bytes(raw)
            print(f"mutant {number} of seed {seed} under {policy}: {tmp_path / 'crashed.edf'}")
            raise
    return found


def test_some_mutants(seeds, tmp_path):
    found = attack(seeds, tmp_path, 800, seed=1)
    for kind in ("warn clean", "warn odd", "warn refused", "repair odd", "strict clean", "strict refused"):
        assert found[kind] > 5
    assert found["strict odd"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_hundred_thousand_mutants(seeds, tmp_path, seed):
    assert sum(attack(seeds, tmp_path, 10_000, seed, parsed).values()) == 10_000


@settings(max_examples=100)
@given(raw=st.binary(min_size=60, max_size=60))
def test_any_annotation_bytes(make_edf, signal, annotations, raw):
    for kind in ("EDF+C", "EDF+D"):
        path = make_edf(signal(), annotations(raw), n_records=1, reserved=kind)
        assert outcome(path, "repair") in ("clean", "odd", "refused")
        assert diagnose_file(path).policy in (*POLICIES, "none")


def test_memory_is_bounded_by_the_file(seeds, tmp_path):
    chance = random.Random(12)
    path = tmp_path / "mutant.edf"
    path.write_bytes(seeds[0])
    outcome(path, "warn")  # what is imported once does not count
    tracemalloc.start()
    try:
        for _ in range(100):
            path.write_bytes(mutated(chance.choice(seeds), chance))
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            outcome(path, "repair")
            assert tracemalloc.get_traced_memory()[1] - before < 4 << 20
    finally:
        tracemalloc.stop()
