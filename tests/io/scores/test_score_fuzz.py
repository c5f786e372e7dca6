"""Files of scores that are nearly right: an error of ours or a valid hypnogram; no crash, no hang, no flood."""

from __future__ import annotations

import random
import re
import tracemalloc
from collections import Counter
from pathlib import Path

import edf_mutants
import numpy as np
import pytest
from patience import patience

import sleepdask as sd

PATIENCE = 60  # seconds for one mutant
STAGES = ["W", "N1", "N2", "N3", "R"]

REMLOGIC = "Time [hh:mm:ss]\tEvent\tDuration[s]\n" + "".join(
    f"23:{k // 2:02}:{30 * (k % 2):02}\tSLEEP-S{k % 4}\t30\n" for k in range(12)
)
PROFUSION = (
    "<CMPStudyConfig><EpochLength>30</EpochLength><ScoredEvents><ScoredEvent><Name>Hypopnea</Name><Start>3.5</Start>"
    "<Duration>10</Duration><Input>NASAL</Input></ScoredEvent></ScoredEvents><SleepStages>"
    + "".join(f"<SleepStage>{k % 5}</SleepStage>" for k in range(12))
    + "</SleepStages></CMPStudyConfig>"
)
NSRR = (
    "<PSGAnnotation><EpochLength>30</EpochLength><ScoredEvents><ScoredEvent><EventType/><EventConcept>Recording Start "
    "Time</EventConcept><Start>0</Start><Duration>540</Duration><ClockTime>00.00.00 21.59.59</ClockTime></ScoredEvent>"
    + "".join(
        f"<ScoredEvent><EventType>Stages|Stages</EventType>"
        f"<EventConcept>Stage {k % 3 + 1} sleep|{k % 3 + 1}</EventConcept>"
        f"<Start>{30 * k}.0</Start><Duration>30.0</Duration></ScoredEvent>"
        for k in range(8)
    )
    + "</ScoredEvents></PSGAnnotation>"
)
TABLE = "onset,duration,stage\n" + "".join(f"{30 * k},30,{STAGES[k % 5]}\n" for k in range(12))
DATED = "onset;duration;stage\n" + "".join(f"2024-03-11T23:{k:02}:00;60;{STAGES[k % 5]}\n" for k in range(12))
EPOCHS = "epoch\tstage\n" + "".join(f"{k}\t{STAGES[k % 5]}\n" for k in range(12))
BIDS = "onset\tduration\ttrial_type\n" + "".join(f"{30 * k}\t30\tSleep stage {STAGES[k % 5]}\n" for k in range(12))
LIST = "# per 30 s\n" + "".join(f"{k % 4}\n" for k in range(20))
ELAN = "time_base 30\nsampling_period 1/1024\nepoch_nb 8\nepoch_list\n" + "".join(f"{k % 5}\n" for k in range(8))
VISBRAIN = "*Duration_sec 360\n*Datafile\tx.edf\nWake\t60\nN1\t120\nN2\t240\nREM\t360\n"

TEXTS = [REMLOGIC, PROFUSION, NSRR, TABLE, DATED, EPOCHS, BIDS, LIST, ELAN, VISBRAIN]
ANNOTATED = [edf_mutants.seeds()[k] for k in (1, 2, 5, 7)]
WORDS = [
    "0", "1", "4", "5", "7", "9", "-1", "30", "30.0", "29.5", "0.5", "1e3", "1e400", "nan", "inf", "-30", "99999999",
    "9" * 30, "23:59:59", "00:00:00", "24:00:00", "12:00:00 PM", "2024-02-30", "2024-03-11T23:00:00", "1,5", "=1", "\0",
    "2024-03-11 23:00:00Z", "W", "N2", "R", "wake", "REM", "MT", "?", "Sleep stage 4", "SLEEP-REM", "", " ", "é", "<x>",
    "\ufeff", "&amp;", "Stages|Stages", "onset", "duration", "stage", "epoch_list", "*Duration_sec", "APNEA", "Arousal",
]  # fmt: skip
_WORD = re.compile(r"[^\s,;<>\t]+")


def mutant(chance: random.Random) -> bytes:
    """Change a few words, lines or bytes of a good file."""
    if chance.random() < 0.15:
        return edf_mutants.mutant(chance.choice(ANNOTATED), chance)
    text = chance.choice(TEXTS)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 6])):
        kind = chance.random()
        if kind < 0.6 and (words := list(_WORD.finditer(text))):
            word = chance.choice(words)
            text = text[: word.start()] + chance.choice(WORDS) + text[word.end() :]
        elif kind < 0.85:
            lines = text.splitlines(keepends=True) or [""]
            at = chance.randrange(len(lines))
            lines[at:at] = chance.choice([lines[at : at + 3], lines[:1], [chance.choice(WORDS) + "\n"], lines[at:]])
            if chance.random() < 0.5:
                del lines[chance.randrange(len(lines))]
            text = "".join(lines)
        else:
            text = text[: chance.randrange(len(text) + 1)]
    raw = text.encode(chance.choice(["utf-8"] * 8 + ["utf-16", "utf-8-sig"]), "surrogatepass")
    if chance.random() < 0.1:
        at = chance.randrange(len(raw) + 1)
        raw = raw[:at] + chance.randbytes(chance.randrange(1, 6)) + raw[at:]
    return raw


def outcome(path: Path, policy: str) -> str:
    """Read scores and events; what is valid holds together."""
    try:
        scores = sd.read_hypnogram(path, policy=policy)
    except sd.SleepdaskError as error:
        return refusal(error, path)
    assert set(scores["stage"].values.tolist()) <= {*STAGES, ""}
    assert scores.sizes["score"] > 0
    onset = scores["onset"].values.astype(np.int64)
    ends = onset + scores["duration"].values.astype(np.int64)
    assert (ends > onset).all()
    assert (onset[1:] >= ends[:-1]).all()
    assert policy != "strict" or not scores.attrs["findings"]
    return f"{scores.attrs['format']} {'odd' if scores.attrs['findings'] else 'clean'}"


def refusal(error: sd.SleepdaskError, path: Path) -> str:
    assert str(error).startswith(str(path))
    return "refused"


def events(path: Path, policy: str) -> None:
    try:
        found = sd.read_events(path, policy=policy)
    except sd.SleepdaskError as error:
        refusal(error, path)
        return
    onset = found["onset"].values.astype(np.int64)
    assert (onset[1:] >= onset[:-1]).all()
    assert found["text"].sizes == found["channel"].sizes == found["onset"].sizes


def attack(folder: Path, count: int, seed: int) -> Counter[str]:
    chance = random.Random(seed)
    path = folder / "mutant"
    found: Counter[str] = Counter()
    for number in range(count):
        raw = mutant(chance)
        path.write_bytes(raw)
        policy = chance.choice(["strict", "warn", "warn"])
        try:
            with patience(PATIENCE):
                found[outcome(path, policy)] += 1
                events(path, policy)
        except BaseException:
            (folder / "crashed").write_bytes(raw)
            print(f"mutant {number} of seed {seed} under {policy}: {folder / 'crashed'}")
            raise
    return found


def test_mutants_reach_every_format(tmp_path: Path) -> None:
    found = attack(tmp_path, 1500, 1)
    for name in ("edf", "profusion", "nsrr", "remlogic", "visbrain", "bids", "table", "list"):
        assert found[f"{name} clean"] > 2, found
        assert found[f"{name} odd"] > 2, found
    assert found["refused"] < 0.8 * found.total()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 14))
def test_many_mutants(tmp_path: Path, seed: int) -> None:
    assert attack(tmp_path, 10_000, seed).total() == 10_000


def peak(path: Path) -> int:
    """Most memory that reading a file takes."""
    outcome(path, "warn")  # what is imported once does not count
    tracemalloc.start()
    try:
        outcome(path, "warn")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_bounded_by_the_file(tmp_path: Path) -> None:
    chance = random.Random(3)
    path = tmp_path / "mutant"
    for _ in range(100):
        path.write_bytes(mutant(chance))
        assert peak(path) < (1 << 20) + 200 * path.stat().st_size


@pytest.mark.parametrize(
    "text",
    [
        "0\n" * 100_000,
        TABLE + "360,30," + "y" * 100_000 + "\n" + "".join(f"{30 * k},30,W\n" for k in range(13, 5_000)),
        "".join(f"{30 * k},30,W\n" for k in range(5_000)).join(["onset,duration,stage\n", ""]),
        PROFUSION.replace("NASAL", "z" * 100_000),
        "<CMPStudyConfig>" + "<a>" * 20_000,
        "#" * 200_000,
        "," * 200_000,
        "onset,duration,stage\n" + ",".join(["0"] * 50_000),
    ],
    ids=["list", "label", "table", "channel", "deep", "comment", "commas", "columns"],
)
def test_texts_that_ask_for_much_memory_or_time(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scores"
    path.write_text(text)
    with patience(PATIENCE):
        assert peak(path) < (1 << 20) + 200 * path.stat().st_size
