"""Headers and annotation lists of any bytes: an error of ours or a valid recording; no crash, no hang, no flood."""

from __future__ import annotations

import random
import re
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edf_mutants import mutant, seeds
from edf_recipes import Recipe, annotation_signal
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import patience

from sleepdask.errors import SleepdaskError
from sleepdask.findings import POLICIES, Findings
from sleepdask.io.diagnose import diagnose_file
from sleepdask.io.edf.annotations import read_track
from sleepdask.io.edf.header import channel_names, read_header
from sleepdask.io.edf.records import SignalReader
from sleepdask.io.recordings import open_recording
from sleepdask.signals.index import clock_of

PATIENCE = 60  # seconds for one mutant
SEEDS = seeds()

# What a file is made to be: "refused", "clean" or "odd", and what was said.
Outcome = tuple[str, list[str] | str]


def opened(path: Path, policy: str) -> Outcome:
    """Open and read a file as a user does; what is valid holds together."""
    try:
        recording = open_recording(path, policy=policy)
    except SleepdaskError as error:
        return refusal(error, path)
    for node in recording.children.values():
        if "signal" in node:
            assert node["signal"].shape == (node.sizes["channel"], node.sizes["time"])
            clock = clock_of(node.to_dataset())
            assert clock.size == node.sizes["time"]
            assert clock.start < clock.end
            times = node["time"].values
            assert (times[1:] >= times[:-1]).all()
            check(node["signal"].values, node["uncalibrated"].values == "" if "uncalibrated" in node.coords else True)
        else:
            assert node["onset"].sizes == node["text"].sizes == node["duration"].sizes
            assert all(node["text"].values)
    found = recording.attrs["findings"]
    return ("odd" if found else "clean"), found


def read(path: Path, policy: str) -> Outcome:
    """Do the part of it that meets the bytes of the file: header, annotations, every sample."""
    findings = Findings(path, policy)
    try:
        header = read_header(path, findings)
        track = read_track(path, header, findings)
    except SleepdaskError as error:
        return refusal(error, path)
    assert len(set(channel_names(header))) == len(header.ordinary)
    assert header.header_bytes + header.n_records * header.record_bytes <= header.file_size
    starts = [stretch.start_ns for stretch in track.stretches]
    assert starts == sorted(starts)
    assert [note.onset_ns for note in track.annotations] == sorted(note.onset_ns for note in track.annotations)
    by_size: dict[int, list[int]] = {}
    for number in header.ordinary:
        by_size.setdefault(header.signals[number].samples_per_record, []).append(number)
    for chosen in by_size.values():
        reader = SignalReader.of(path, header, chosen, "float64")
        alive = np.array([not header.signals[number].uncalibrated for number in chosen])
        check(reader.read(slice(None), 0, reader.shape[1]), alive)
    return ("odd" if findings.found else "clean"), [finding.code for finding in findings.found]


def refusal(error: SleepdaskError, path: Path) -> Outcome:
    assert str(error).startswith(str(path))
    return "refused", str(error.args[0])


def check(samples: np.ndarray, alive: np.ndarray | bool) -> None:
    """Values are numbers, or all missing where nobody knows the scale; only float32 can be too small for them."""
    assert np.isfinite(samples[alive]).all() or samples.dtype == np.float32
    assert np.isnan(samples[~np.broadcast_to(alive, len(samples))]).all()


def attack(
    folder: Path, count: int, seed: int, attempt: Callable[[Path, str], Outcome]
) -> tuple[Counter[str], set[str]]:
    """Outcomes by policy, and all that was said, without its numbers."""
    chance = random.Random(seed)
    path = folder / "mutant.edf"
    outcomes: Counter[str] = Counter()
    said: set[str] = set()
    for number in range(count):
        raw = mutant(chance.choice(SEEDS), chance)
        path.write_bytes(raw)
        policy = chance.choice(POLICIES)
        try:
            with patience(PATIENCE):
                kind, what = attempt(path, policy)
        except BaseException:
            (folder / "crashed.edf").write_bytes(raw)
            print(f"mutant {number} of seed {seed} under {policy}: {folder / 'crashed.edf'}")
            raise
        outcomes[f"{policy} {kind}"] += 1
        said |= {re.sub(r"[\d']+", "", what)} if isinstance(what, str) else set(what)
    return outcomes, said


def test_some_mutants_as_a_user_reads_them(tmp_path):
    outcomes, _ = attack(tmp_path, 400, 1, opened)
    for kind in ("warn clean", "warn odd", "warn refused", "repair odd", "strict clean", "strict refused"):
        assert outcomes[kind] > 5
    assert outcomes["strict odd"] == 0


def test_mutants_reach_every_part_of_the_reader(tmp_path):
    """Most are read to the last sample, and nearly all that can be said is said to one of them."""
    outcomes, said = attack(tmp_path, 4000, 2, read)
    readable = sum(number for kind, number in outcomes.items() if kind.startswith(("warn", "repair")))
    refused = outcomes["warn refused"] + outcomes["repair refused"]
    assert refused < readable / 2
    codes = [
        "malformed-annotations",
        "trailing-bytes",
        "uncalibrated",
        "header-bytes",
        "no-time",
        "overlap",
        "date-elsewhere",
        "two-dates",
        "annotations-in-edf",
        "truncated",
        "no-record-time",
        "no-annotations",
        "not-ascii",
        "no-continuity",
        "time-separator",
        "records-denied",
        "guesses",
        "labels",
        "gaps",
        "date-separator",
        "digital-range",
        "first-record",
        "no-record-times",
        "decimal-comma",
        "records-unknown",
        "digital-inverted",
        "no-date",
        "no-samples",
    ]
    assert not set(codes) - said
    assert len(said - set(codes)) > 15  # refusals


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
def test_a_hundred_thousand_mutants(tmp_path, seed):
    outcomes, _ = attack(tmp_path, 10_000, seed, read)
    assert outcomes.total() == 10_000
    assert attack(tmp_path, 500, -seed, opened)[0].total() == 500


@settings(max_examples=100)
@given(raw=st.binary(min_size=60, max_size=60))
def test_any_annotation_bytes(make_edf, signal, annotations, raw):
    for kind in ("EDF+C", "EDF+D"):
        path = make_edf(signal(), annotations(raw), n_records=1, reserved=kind)
        assert opened(path, "repair")[0] in ("clean", "odd", "refused")
        assert diagnose_file(path).policy in (*POLICIES, "none")


@settings(max_examples=100)
@given(raw=st.binary(max_size=900))
def test_any_bytes_after_a_version(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.edf"
    for version in (b"0       ", b"\xffBIOSEMI"):
        path.write_bytes(version + raw)
        assert opened(path, "repair")[0] in ("clean", "odd", "refused")


# Bytes of memory, beside what the file's own bytes justify: a Python object for each of the shortest annotations.
_ALWAYS, _EACH = 256 << 10, 100


def peak(path: Path) -> int:
    """Most memory that reading a file takes."""
    tracemalloc.start()
    try:
        opened(path, "repair")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def is_bounded(path: Path) -> bool:
    """Whether it takes memory in proportion to the file; looked at again, as another thread may take some too."""
    return any(peak(path) < _ALWAYS + _EACH * path.stat().st_size for _ in range(3))


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """Import all that is imported once: it does not count."""
    path = tmp_path_factory.mktemp("warm") / "seed.edf"
    for raw in SEEDS:
        path.write_bytes(raw)
        opened(path, "repair")


@pytest.mark.usefixtures("warm")
def test_memory_is_bounded_by_the_file(tmp_path):
    chance = random.Random(12)
    path = tmp_path / "mutant.edf"
    for _ in range(100):
        path.write_bytes(mutant(chance.choice(SEEDS), chance))
        assert is_bounded(path)


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    "lists",
    [
        b"+0\x14x\x14\0" * 20_000,
        b"+0\x14" + b"x\x14" * 60_000 + b"\0",
        b"+1\x14" + b"y" * 20_000 + b"\x14\0" + b"+0\x14x\x14\0" * 5_000,
        b"\0" * 120_000,
        b"+" * 120_000,
        b"+" + b"1" * 120_000,
        b"+1." + b"1" * 120_000 + b"\x14x\x14\0",
        b"+0\x14\x14\x14\x14" * 20_000,
        b"+0\x14" + b"x" * 120_000,
    ],
    ids=["many", "texts", "long", "zeros", "pluses", "digits", "decimals", "unended", "text"],
)
def test_lists_that_ask_for_much_memory_or_time(tmp_path, lists):
    recipe = Recipe([annotation_signal(b"+0\x14\x14\0" + lists, samples=len(lists) // 2 + 5)], n_records=1)
    path = recipe.write(tmp_path / "lists.edf")
    with patience(PATIENCE):
        assert is_bounded(path)


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    "recipe",
    [
        {"n_signals": "9999"},
        {"declared": "99999999"},
        {"duration": "99999999"},
        {"duration": ".0000001"},
        {"header_bytes": "99999999"},
    ],
    ids=str,
)
def test_headers_that_ask_for_much_memory(make_edf, recipe):
    path = make_edf(**recipe)
    assert is_bounded(path)


@pytest.mark.usefixtures("warm")
def test_samples_that_ask_for_much_memory(make_edf, signal):
    path = make_edf(signal(), signal(samples=4), declared=1)
    raw = bytearray(path.read_bytes())
    at = 256 + 2 * (16 + 80 + 5 * 8 + 80) + 8
    raw[at : at + 8] = b"99999999"
    path.write_bytes(raw)
    assert opened(path, "repair") == ("refused", "the file holds no whole data record")
    assert is_bounded(path)
