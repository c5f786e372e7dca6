"""Scores with local times on recordings with a time zone: nights of 25 and 23 hours, and what cannot be told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.cli import main
from sleepdask.findings import Findings
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.zoned import in_order
from sleepdask.zones import Zone

ZONE = "Europe/Berlin"
AUTUMN = ("2024-10-26T22:00", 11 * 120)  # 22:00 to 08:00, the clock put back in between
SPRING = ("2024-03-30T22:00", 9 * 120)  # 22:00 to 08:00, put forward
WINTER = ("2024-01-10T22:00", 10 * 120)
NIGHTS = {"autumn": AUTUMN, "spring": SPRING, "winter": WINTER}


def stages_of(count: int) -> list[str]:
    """Stages that no shift by an hour maps onto themselves."""
    return np.random.default_rng(3).choice(["W", "N1", "N2", "N3", "R"], count).tolist()


def local_times(night: tuple[str, int]) -> pd.DatetimeIndex:
    """What a clock on the wall showed at the begin of each epoch, and the end of the last."""
    return pd.date_range(night[0], periods=night[1] + 1, freq="30s", tz=ZONE)


def remlogic(night: tuple[str, int]) -> str:
    names = {"W": "SLEEP-S0", "N1": "SLEEP-S1", "N2": "SLEEP-S2", "N3": "SLEEP-S3", "R": "SLEEP-REM"}
    head = "RemLogic Event Export\r\nSleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\r\n"
    lines = []
    for time, stage in zip(local_times(night), stages_of(night[1]), strict=False):
        lines.append(f"S0\tUnknown Position\t{time:%H:%M:%S}\t{names[stage]}\t30\tC4-A1\r\n")
        if time.minute % 20 == 0 and time.second == 0:
            lines.append(f"S0\tUnknown Position\t{time:%H:%M}:11\tAPNEA-OBSTRUCTIVE\t12\tFlow\r\n")
    return head + "".join(lines)


def noxturnal(night: tuple[str, int]) -> str:
    names = {"W": "Wake", "N1": "N1", "N2": "N2", "N3": "N3", "R": "REM"}
    made = [
        f"{time:%m/%d/%Y %I:%M:%S %p},{names[stage]},30\n"
        for time, stage in zip(local_times(night), stages_of(night[1]), strict=False)
    ]
    return "Start Time,Event,Duration\n[],[],[]\n" + "".join(made)


def table(night: tuple[str, int]) -> str:
    made = [
        f"{time:%Y-%m-%d %H:%M:%S},30,{stage}\n"
        for time, stage in zip(local_times(night), stages_of(night[1]), strict=False)
    ]
    return "onset,duration,stage\n" + "".join(made)


def onsets_only(night: tuple[str, int]) -> str:
    made = [f"{time:%H:%M:%S},{s}\n" for time, s in zip(local_times(night), stages_of(night[1]), strict=False)]
    return "onset,stage\n" + "".join(made[:-1]) + made[-1]


def ends(night: tuple[str, int]) -> str:
    times = local_times(night)
    made = [
        f"{begin:%Y-%m-%d %H:%M:%S},{end:%Y-%m-%d %H:%M:%S},{stage}\n"
        for begin, end, stage in zip(times[:-1], times[1:], stages_of(night[1]), strict=True)
    ]
    return "start,end,stage\n" + "".join(made)


def with_offsets(night: tuple[str, int]) -> str:
    made = [f"{t.isoformat()},30,{stage}\n" for t, stage in zip(local_times(night), stages_of(night[1]), strict=False)]
    return "onset,duration,stage\n" + "".join(made)


CLOCK_TIMES = {"remlogic": remlogic, "noxturnal": noxturnal, "table": table, "ends": ends, "offsets": with_offsets}


def recording(night: tuple[str, int], timezone: str | None = ZONE) -> xr.DataTree:
    return sd.recording_from_arrays({"C3": np.zeros(night[1] * 30)}, 1, start=night[0], timezone=timezone)


def staged(night: xr.DataTree, hypnogram: xr.Dataset | None) -> list[str]:
    return [str(stage) for stage in sd.extract(night, "hjorth", hypnogram=hypnogram)["stage"].values]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def to_file(text: str, name: str = "scores.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return to_file


@pytest.mark.parametrize("night", list(NIGHTS))
@pytest.mark.parametrize("format_name", list(CLOCK_TIMES))
def test_each_epoch_gets_its_stage(format_name: str, night: str, write: Callable[..., Path]) -> None:
    made = NIGHTS[night]
    psg = recording(made)
    hypnogram = sd.read_hypnogram(write(CLOCK_TIMES[format_name](made)), start=psg)
    assert hypnogram.attrs["time_zone"] == ZONE
    assert hypnogram.attrs["findings"] == []
    assert set(np.diff(hypnogram["onset"].values).tolist()) == {30_000_000_000}
    assert set(hypnogram["duration"].values.tolist()) == {30_000_000_000}
    assert staged(psg, hypnogram) == stages_of(made[1])


@pytest.mark.parametrize("format_name", ["noxturnal", "table", "ends", "offsets"])
def test_a_zone_is_enough_where_the_file_has_dates(format_name: str, write: Callable[..., Path]) -> None:
    hypnogram = sd.read_hypnogram(write(CLOCK_TIMES[format_name](AUTUMN)), timezone=ZONE)
    assert staged(recording(AUTUMN), hypnogram) == stages_of(AUTUMN[1])


@pytest.mark.parametrize(("night", "naive_hit"), [(AUTUMN, False), (SPRING, False), (WINTER, True)])
def test_read_as_naive_they_would_be_an_hour_off(
    night: tuple[str, int], naive_hit: bool, write: Callable[..., Path]
) -> None:
    hypnogram = sd.read_hypnogram(write(table(night)))
    assert (staged(recording(night, None), hypnogram) == stages_of(night[1])) is naive_hit


def test_rows_without_durations(write: Callable[..., Path]) -> None:
    for night in NIGHTS.values():
        hypnogram = sd.read_hypnogram(write(onsets_only(night)), start=recording(night))
        assert staged(recording(night), hypnogram)[:-1] == stages_of(night[1])[:-1]


def test_notes_tell_what_was_done(write: Callable[..., Path]) -> None:
    psg = recording(AUTUMN)
    notes = sd.read_hypnogram(write(remlogic(AUTUMN)), start=psg).attrs["notes"]
    assert notes == [
        "scores without a date begin at 2024-10-26T22:00:00, nearest to the recording's start",
        "times in an hour that came twice, as the clock was put back, are told apart by the order of the rows",
    ]


def test_events_are_told_apart_by_the_rows_around_them(write: Callable[..., Path]) -> None:
    path = write(remlogic(AUTUMN))
    events = sd.read_events(path, start=recording(AUTUMN))
    assert events.attrs["time_zone"] == ZONE
    assert np.diff(events["onset"].values).tolist() == [20 * 60 * 10**9] * (11 * 3 - 1)


@pytest.mark.parametrize("night", list(NIGHTS))
def test_edf_has_one_start(night: str, write: Callable[..., Path], tmp_path: Path) -> None:
    made = NIGHTS[night]
    psg = recording(made)
    hypnogram = sd.read_hypnogram(write(table(made)), start=psg)
    path = tmp_path / "scores.edf"
    sd.write_hypnogram(hypnogram, path)
    naive = sd.read_hypnogram(path)
    assert str(naive["onset"].values[0]) == f"{made[0]}:00.000000000"
    for read in (naive, sd.read_hypnogram(path, timezone=ZONE), sd.read_hypnogram(path, start=psg)):
        assert staged(psg, read) == stages_of(made[1])
    assert staged(recording(made, None), naive) == stages_of(made[1])


@pytest.mark.parametrize("night", list(NIGHTS))
def test_scores_that_count_from_the_start(night: str, write: Callable[..., Path]) -> None:
    made = NIGHTS[night]
    path = write("\n".join(stages_of(made[1])), "list.txt")
    typed = made[0]
    psg = recording(made)
    for read in (
        sd.read_hypnogram(path),
        sd.read_hypnogram(path, start=psg),
        sd.read_hypnogram(path, start=typed),
        sd.read_hypnogram(path, start=typed, timezone=ZONE),
        sd.read_hypnogram(path, start=psg, lights_off="22:00"),
    ):
        assert staged(psg, read) == stages_of(made[1])


@pytest.mark.parametrize("suffix", ["csv", "tsv", "edf"])
@pytest.mark.parametrize("night", list(NIGHTS))
def test_written_and_read_back(night: str, suffix: str, write: Callable[..., Path], tmp_path: Path) -> None:
    made = NIGHTS[night]
    psg = recording(made)
    hypnogram = sd.read_hypnogram(write(ends(made)), start=psg)
    path = tmp_path / f"again.{suffix}"
    sd.write_hypnogram(hypnogram, path, start=psg)
    back = sd.read_hypnogram(path, start=psg)
    for name in ("onset", "duration", "stage"):
        assert np.array_equal(back[name].values, hypnogram[name].values), name
    if suffix == "csv":
        assert "2024-" in path.read_text()
        assert sd.read_hypnogram(path).attrs["time_zone"] == "UTC"
        assert np.array_equal(sd.read_hypnogram(path)["onset"].values, hypnogram["onset"].values)


def test_placed_late(write: Callable[..., Path]) -> None:
    """Read without a zone, then met by a recording with one: right, or refused."""
    spring, winter, autumn = (sd.read_hypnogram(write(table(night))) for night in (SPRING, WINTER, AUTUMN))
    assert "time_zone" not in spring.attrs
    assert staged(recording(SPRING), spring) == stages_of(SPRING[1])
    assert staged(recording(WINTER), winter) == stages_of(WINTER[1])
    notes = sd.extract(recording(WINTER), "hjorth", hypnogram=winter).attrs["notes"]
    assert "hypnogram: local times are taken as of Europe/Berlin" in notes
    with pytest.raises(
        sd.ParameterError, match=r"scores\.csv: a score comes twice in Europe/Berlin.*start= the recording"
    ):
        staged(recording(AUTUMN), autumn)
    times = sd.read_hypnogram(write(remlogic(SPRING)))
    assert times.attrs["relative_to"] == "midnight"
    assert staged(recording(SPRING), times) == stages_of(SPRING[1])


def test_two_zones_are_both_honoured(write: Callable[..., Path]) -> None:
    tokyo = local_times(AUTUMN).tz_convert("Asia/Tokyo")
    made = [f"{t:%Y-%m-%d %H:%M:%S},30,{s}\n" for t, s in zip(tokyo, stages_of(AUTUMN[1]), strict=False)]
    path = write("onset,duration,stage\n" + "".join(made))
    hypnogram = sd.read_hypnogram(path, timezone="Asia/Tokyo")
    assert hypnogram.attrs["time_zone"] == "Asia/Tokyo"
    assert staged(recording(AUTUMN), hypnogram) == stages_of(AUTUMN[1])
    assert staged(
        recording(AUTUMN), sd.read_hypnogram(path, start=recording(AUTUMN), timezone="Asia/Tokyo")
    ) == stages_of(AUTUMN[1])


def test_a_zone_on_one_side_only_is_refused(write: Callable[..., Path]) -> None:
    hypnogram = sd.read_hypnogram(write(table(WINTER)), timezone=ZONE)
    with pytest.raises(sd.ParameterError, match=r"the scores have a time zone, but the recording has none.*timezone="):
        staged(recording(WINTER, None), hypnogram)
    naive = sd.read_hypnogram(write(table(WINTER)))
    with pytest.raises(sd.ParameterError, match="the scores have no time zone, but the recording has one"):
        sd.write_hypnogram(naive, write("").with_name("x.tsv"), start=recording(WINTER))


def unchanged(night: tuple[str, int]) -> str:
    """A program whose clock was not changed: seconds after its start, written as dates."""
    times = pd.date_range(night[0], periods=night[1], freq="30s")
    made = [f"{t:%Y-%m-%d %H:%M:%S},30,{s}\n" for t, s in zip(times, stages_of(night[1]), strict=True)]
    return "onset,duration,stage\n" + "".join(made)


@pytest.mark.parametrize(
    ("night", "said", "offset"), [(AUTUMN, "comes twice", "+02:00"), (SPRING, "never was", "+01:00")]
)
def test_a_clock_that_was_not_changed_is_seen(
    night: tuple[str, int], said: str, offset: str, write: Callable[..., Path]
) -> None:
    path = write(unchanged(night))
    with pytest.raises(sd.FileFormatError, match=f"a time {said} in Europe/Berlin") as refused:
        sd.read_hypnogram(path, timezone=ZONE)
    assert f"timezone='Europe/Berlin{offset}'" in str(refused.value)
    told = sd.read_hypnogram(path, timezone=f"{ZONE}{offset}")
    assert told.attrs["time_zone"] == ZONE
    assert staged(recording(night), told) == stages_of(night[1])
    guessed = sd.read_hypnogram(path, timezone=ZONE, policy="repair")
    assert staged(recording(night), guessed) == stages_of(night[1])
    assert any(f"its clock is taken to have stayed at {offset}" in finding for finding in guessed.attrs["findings"])


def test_a_pause_can_leave_open_which_hour_it_is(write: Callable[..., Path]) -> None:
    head = "onset,duration,stage\n2024-10-27 01:50:00,30,W\n"
    open_ = head + "2024-10-27 02:20:00,30,N2\n2024-10-27 03:10:00,30,N2\n"
    with pytest.raises(sd.FileFormatError, match="order of the rows does not tell which"):
        sd.read_hypnogram(write(open_), timezone=ZONE)
    told = head + "2024-10-27 02:20:00,30,N2\n2024-10-27 02:10:00,30,N2\n2024-10-27 03:10:00,30,N2\n"
    onsets = sd.read_hypnogram(write(told), timezone=ZONE)["onset"].values
    assert [str(t)[11:16] for t in onsets] == ["23:50", "00:20", "01:10", "02:10"]


@pytest.mark.parametrize(
    ("first", "last"), [("02:10", "02:50"), ("02:40", "03:20"), ("01:20", "02:40"), ("02:50", "02:20")]
)
def test_files_that_begin_or_end_in_the_hour(first: str, last: str, write: Callable[..., Path]) -> None:
    """Through both hours, whatever part of them the file has; within one only, it is refused."""
    begin = pd.Timestamp(f"2024-10-27 {first}").tz_localize(ZONE, ambiguous=True)
    end = pd.Timestamp(f"2024-10-27 {last}").tz_localize(ZONE, ambiguous=False)
    times = pd.date_range(begin, end, freq="30s")
    made = [f"{t:%Y-%m-%d %H:%M:%S},30,N2\n" for t in times]
    onset = sd.read_hypnogram(write("onset,duration,stage\n" + "".join(made)), timezone=ZONE)["onset"].values
    assert np.array_equal(onset, times.tz_convert(None).to_numpy())


def test_a_file_within_one_of_the_hours_is_refused(write: Callable[..., Path]) -> None:
    path = write("onset,duration,stage\n2024-10-27 02:00:00,30,W\n2024-10-27 02:00:30,30,W\n")
    with pytest.raises(sd.FileFormatError, match="order of the rows does not tell which"):
        sd.read_hypnogram(path, timezone=ZONE)
    assert str(sd.read_hypnogram(path, timezone=f"{ZONE}+01:00")["onset"].values[0])[11:16] == "01:00"


@st.composite
def true_rows(draw: st.DrawFn) -> list[tuple[int, int, bool]]:
    """Onset (s, UTC), duration and kind of rows in order of time: stages touch or pause, events lie about."""
    lengths = st.sampled_from([30, 30, 30, 60, 300, 1800, 5400])
    pauses = st.sampled_from([0, 0, 0, 0, 30, 600, 1800, 4000])
    t = 1_729_983_600 + draw(st.integers(0, 2 * 3600))  # 01:00 to 03:00, summer time
    rows = []
    for length, pause in draw(st.lists(st.tuples(lengths, pauses), min_size=1, max_size=40)):
        rows.append((t, length, True))
        t += length + pause
    begin, end = rows[0][0], t
    events = draw(st.lists(st.tuples(st.integers(begin, end), st.integers(1, 7200)), max_size=5))
    return sorted(rows + [(onset, length, False) for onset, length in events])


@given(true_rows())
def test_rows_are_right_or_refused(rows: list[tuple[int, int, bool]]) -> None:
    """Whatever the order of rows allows: never the wrong hour."""
    onset, length, is_stage = (np.array(column) for column in zip(*rows, strict=True))
    utc = onset * 10**9
    zone = Zone.of(ZONE)
    file = ScoreFile(__file__, Findings(__file__), zone)
    try:
        found, _ = in_order(zone.local(utc), length * 10**9, is_stage, zone, file.findings)
    except sd.FileFormatError:
        return
    assert np.array_equal(found, utc)


def test_rows_that_are_not_in_order_of_time_tell_nothing(write: Callable[..., Path]) -> None:
    """Events after all stages: that the clock was put back cannot be seen among them."""
    made = table(AUTUMN).replace("stage", "trial_type") + "2024-10-27 02:20:00,10,Arousal\n"
    with pytest.raises(sd.FileFormatError, match="order of the rows does not tell which"):
        sd.read_hypnogram(write(made), timezone=ZONE)


def test_times_of_day_need_a_date_for_a_zone(write: Callable[..., Path]) -> None:
    with pytest.raises(
        sd.ParameterError, match="times of day without a date cannot be put into a time zone; say start="
    ):
        sd.read_hypnogram(write(remlogic(AUTUMN)), timezone=ZONE)
    typed = sd.read_hypnogram(write(remlogic(AUTUMN)), timezone=ZONE, start="2024-10-26 22:00")
    assert staged(recording(AUTUMN), typed) == stages_of(AUTUMN[1])


def test_offsets_from_utc_are_all_or_none(write: Callable[..., Path]) -> None:
    with pytest.raises(sd.FileFormatError, match="all of them with their offset from UTC or none"):
        sd.read_hypnogram(write("onset,duration,stage\n2024-01-01T22:00:00+01:00,30,W\n2024-01-01T22:00:30,30,W\n"))


def test_a_date_in_the_file_that_is_not_that_of_the_start(write: Callable[..., Path]) -> None:
    head = "Recording Date:\t30/03/2023\r\n"
    hypnogram = sd.read_hypnogram(write(head + remlogic(SPRING)), start=recording(SPRING))
    assert staged(recording(SPRING), hypnogram) == stages_of(SPRING[1])
    assert (
        "the recording date in the file is not that of the given start; the start is taken"
        in hypnogram.attrs["findings"]
    )


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def test_the_verb(write: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write(table(AUTUMN))
    assert run("hypnogram", path, "--timezone", ZONE, "-o", tmp_path / "out.csv") == 0
    assert "2024-10-26 22:00:00 to 2024-10-27 08:00:00 Europe/Berlin, 11 h\n" in capsys.readouterr().out
    written = re.findall(r"^(2024-10-27T02:00:00.*),30,", (tmp_path / "out.csv").read_text(), re.MULTILINE)
    assert written == ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"]
    assert run("hypnogram", path, "--timezone", "Europe/Berlim") == 2
    assert "did you mean 'Europe/Berlin'?" in capsys.readouterr().err
