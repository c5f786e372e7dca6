"""Time zones: local times to instants and back, against zoneinfo's own arithmetic and that of pandas."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, reset_tzpath

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sleepdask
from sleepdask.errors import ParameterError
from sleepdask.times import describe_time, instant_ns, shown_time, stored_time, to_ns
from sleepdask.zones import Zone, is_zone, offset_ns, offset_text, zone_of

S = 1_000_000_000
HOUR = 3600 * S
BERLIN = Zone.of("Europe/Berlin")
ODD = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia",
       "America/St_Johns", "Asia/Kathmandu", "Europe/Dublin", "America/Sao_Paulo", "Asia/Tehran", "UTC")  # fmt: skip


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def naive(nanoseconds: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=nanoseconds // 1000)


@cache
def rules_of(name: str) -> ZoneInfo:
    """Rules of the package tzdata, as the machine may have older ones."""
    reset_tzpath(to=())
    rules = ZoneInfo.no_cache(name)
    reset_tzpath()
    return rules


@cache
def changes(name: str) -> list[int]:
    """Instants (s) around which some zones were changed: every hour of some days is enough for a test to find them."""
    rules = rules_of(name)
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=d) for year in (1995, 2011, 2024) for d in range(366)]
    found = [
        b for b in days if b.astimezone(rules).utcoffset() != (b - timedelta(days=1)).astimezone(rules).utcoffset()
    ]
    return [int((day - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) for day in found]


@given(st.data())
def test_instants_are_those_of_zoneinfo(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(ODD))
    near = changes(name) or [1_700_000_000]
    seconds = st.integers(-500_000_000, 4_000_000_000) | st.builds(
        lambda at, off: at + off, st.sampled_from(near), st.integers(-2 * 86_400, 2 * 86_400)
    )
    times = data.draw(st.lists(st.builds(lambda s, part: s * S + part, seconds, st.integers(0, S - 1)), min_size=1))
    zone, rules = Zone.of(name), rules_of(name)
    first, second = zone.utc(times)
    for local, one, other in zip(times, first.tolist(), second.tolist(), strict=True):
        for fold, instant in enumerate((one, other)):
            offset = naive(local).replace(tzinfo=rules, fold=fold).utcoffset()
            assert offset is not None
            assert instant == local - offset // timedelta(seconds=1) * S
    for instant, local in zip(times, zone.local(times).tolist(), strict=True):
        offset = naive(instant).replace(tzinfo=UTC).astimezone(rules).utcoffset()
        assert offset is not None
        assert local == instant + offset // timedelta(seconds=1) * S
    # Where a local time exists, the way there and back is the identity, by both readings.
    exists = first <= second
    assert np.array_equal(zone.local(first)[exists], np.array(times)[exists])
    assert np.array_equal(zone.local(second)[exists], np.array(times)[exists])
    there = np.array([zone.utc(local) for local in zone.local(times).tolist()])
    assert all(instant in both for instant, both in zip(times, there.tolist(), strict=True))


@pytest.mark.parametrize("name", ODD)
def test_a_whole_year_is_that_of_pandas(name: str) -> None:
    local = pd.date_range("2024-01-01", "2025-01-01", freq="10min", unit="ns")
    stamps = local.tz_localize(rules_of(name), ambiguous="NaT", nonexistent="NaT")
    first, second = Zone.of(name).utc(local.to_numpy().astype(np.int64))
    known = ~stamps.isna()
    assert np.array_equal(first == second, known)
    assert np.array_equal(first[known], stamps[known].tz_convert(None).to_numpy().astype(np.int64))
    if (~known).any():
        early = local.tz_localize(rules_of(name), ambiguous=np.ones(len(local), bool), nonexistent="NaT")
        twice = first < second
        assert np.array_equal(first[twice], early[twice].tz_convert(None).to_numpy().astype(np.int64))
    utc = pd.date_range("2024-01-01", "2025-01-01", freq="10min", unit="ns")
    shown = utc.tz_localize("UTC").tz_convert(rules_of(name)).tz_localize(None).to_numpy().astype(np.int64)
    assert np.array_equal(Zone.of(name).local(utc.to_numpy().astype(np.int64)), shown)


def test_shapes_are_kept() -> None:
    times = np.arange(6).reshape(2, 3) * HOUR
    assert BERLIN.local(times).tolist() == (times + HOUR).tolist()
    assert BERLIN.local(0).shape == ()
    assert BERLIN.local(np.zeros(0, np.int64)).shape == (0,)


@pytest.mark.parametrize("time", [2**63 - 1, -(2**63)])
def test_no_time_wraps_around(time: int) -> None:
    for convert in (BERLIN.local, BERLIN.utc):
        with pytest.raises(ParameterError, match="too early or too late"):
            convert(time)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("Berlin", "did you mean 'Europe/Berlin'"),
        ("europe/berlin", "did you mean 'Europe/Berlin'"),
        ("Europe/Berlin ", "did you mean 'Europe/Berlin'"),
        ("localtime", ""),
        ("posixrules", ""),
        ("right/Europe/Berlin", ""),
        ("/etc/localtime", ""),
        ("../../etc/localtime", ""),
        ("", ""),
        ("+02:00", "write it behind the zone of the recorder, such as 'Europe/Berlin+02:00'"),
        ("Europe/Berlin+2", ""),
        ("Europe/Berlin+99:00", ""),
        (3, ""),
        (["UTC"], ""),
    ],
)
def test_unknown_zones(name: str, fix: str) -> None:
    with pytest.raises(ParameterError, match="unknown time zone; expected a name of the IANA") as caught:
        Zone.of(name)
    assert fix in str(caught.value)
    assert not is_zone(name)


def test_a_clock_that_was_not_changed() -> None:
    stayed = Zone.of("Europe/Berlin+02:00")
    for text in ("2024-10-27T02:30", "2024-03-31T02:30", "2024-12-01"):
        first, second = stayed.utc(ns(text))
        assert first == second == ns(text) - 2 * HOUR
        assert stayed.doubt(ns(text)) is None
    assert stayed.plain == BERLIN
    assert stayed.local(ns("2024-12-01")) == ns("2024-12-01T01:00")


@pytest.mark.parametrize("text", ["+00:00", "-03:30", "+05:45", "+13:00", "-00:53:28"])
def test_offsets(text: str) -> None:
    assert offset_text(offset_ns(text)) == text
    assert offset_ns("Z") == 0


def test_stretches_of_a_night() -> None:
    low, high = ns("2024-10-26T20:00:00.5"), ns("2024-10-27T06:10")
    assert BERLIN.stretches(low, high) == [(low, ns("2024-10-27T01:00")), (ns("2024-10-27T01:00"), high)]
    assert BERLIN.stretches(high, high + HOUR // 7) == [(high, high + HOUR // 7)]
    assert len(BERLIN.stretches(ns("2024-01-01"), ns("2025-01-01"))) == 3
    assert BERLIN.stretches(ns("2024-10-27T00:59:59.999"), ns("2024-10-27T01:00:01"))[1][0] == ns("2024-10-27T01:00")


def test_texts() -> None:
    once, twice = ns("2024-10-26T20:00"), ns("2024-10-27T01:30")
    assert describe_time(once, zone=BERLIN) == "2024-10-26T22:00:00+02:00"
    assert stored_time(once, BERLIN) == "2024-10-26T20:00:00.000000000Z"
    assert stored_time(once) == "2024-10-26T20:00:00.000000000"
    assert shown_time(once, BERLIN) == "2024-10-26 22:00:00 Europe/Berlin"
    assert shown_time(twice, BERLIN) == "2024-10-27 02:30:00+01:00 Europe/Berlin"
    assert (BERLIN.abbreviation(once), BERLIN.abbreviation(twice)) == ("CEST", "CET")


def test_lights_off_and_on_over_the_change() -> None:
    for day, hours in (("2024-10-26", 8.5), ("2024-03-30", 6.5), ("2024-06-01", 7.5)):
        off = instant_ns("23:30", to_ns(f"{day}T20:00", zone=BERLIN), "lights_off", BERLIN)
        on = instant_ns("07:00", off, "lights_on", BERLIN)
        assert (on - off) / HOUR == hours
        assert BERLIN.text(off) == str(np.datetime64(f"{day}T23:30:00")) + BERLIN.text(off)[-6:]


@given(st.sampled_from(ODD), st.integers(0, 2 * 10**9), st.integers(0, 86_399))
def test_the_next_time_of_day_is_what_a_search_finds(name: str, after: int, of_day: int) -> None:
    zone, rules = Zone.of(name), rules_of(name)
    text = str(timedelta(seconds=of_day))
    local = [
        naive(after * S).replace(tzinfo=UTC).astimezone(rules).replace(tzinfo=None) + timedelta(days=d) for d in (0, 1)
    ]
    wanted = [day.replace(hour=0, minute=0, second=0) + timedelta(seconds=of_day) for day in local]
    readings = [{int(moment.replace(tzinfo=rules, fold=fold).timestamp()) for fold in (0, 1)} for moment in wanted]
    plain = [next(iter(both)) for both in readings if len(both) == 1]
    if len(plain) < 2:  # doubt: other tests
        return
    assert instant_ns(text, after * S, zone=zone) == min(t for t in plain if t >= after) * S


@pytest.mark.parametrize(
    "text", ["2024-10-27T02:30", "02:30", datetime(2024, 10, 27, 2, 30), pd.Timestamp("2024-10-27 02:30")]
)
def test_a_typed_time_that_came_twice_is_refused(text: object) -> None:
    with pytest.raises(
        ParameterError, match="lights_off comes twice in Europe/Berlin, where the clock was put back"
    ) as e:
        instant_ns(text, ns("2024-10-26T20:00"), "lights_off", BERLIN)
    assert "'2024-10-27T02:30:00+02:00' or '2024-10-27T02:30:00+01:00'" in str(e.value)


@pytest.mark.parametrize("text", ["2024-03-31T02:30", "02:30"])
def test_a_typed_time_that_never_was_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="end never was in Europe/Berlin, where the clock was put forward"):
        instant_ns(text, ns("2024-03-30T20:00"), "end", BERLIN)
    assert instant_ns("02:30", ns("2024-03-31T03:00"), "end", BERLIN) == ns("2024-04-01T00:30")


def test_only_the_second_of_two_equal_times_lies_after() -> None:
    assert instant_ns("02:30", ns("2024-10-27T00:40"), zone=BERLIN) == ns("2024-10-27T01:30")
    assert instant_ns("02:30", ns("2024-10-27T01:31"), zone=BERLIN) == ns("2024-10-28T01:30")


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2024-10-27T02:30+01:00", "2024-10-27T01:30"),
        ("2024-10-27T02:30:00.5 +02:00", "2024-10-27T00:30:00.5"),
        ("2024-10-27T02:30Z", "2024-10-27T02:30"),
        ("02:30+01:00", "2024-10-27T01:30"),
        ("02:30Z", "2024-10-27T02:30"),
        ("2024-10-27", "2024-10-26T22:00"),
        (datetime(2024, 10, 27, 4, 0), "2024-10-27T03:00"),
        (datetime(2024, 10, 27, 4, 0, tzinfo=UTC), "2024-10-27T04:00"),
        (pd.Timestamp("2024-10-27 04:00", tz="Asia/Kolkata"), "2024-10-26T22:30"),
        (np.datetime64("2024-10-27T02:30"), "2024-10-27T02:30"),
    ],
)
def test_typed_times(value: object, utc: str) -> None:
    assert instant_ns(value, ns("2024-10-26T20:00"), zone=BERLIN) == ns(utc)


@pytest.mark.parametrize(
    "value", [None, "", "bedtime", "25:00", "NaT", pd.NaT, 5, "2024-10-27T02:30+99:00", "9999-01-01Z"]
)
def test_no_times(value: object) -> None:
    with pytest.raises(ParameterError, match=r"start is not a local time; .* of Europe/Berlin, or with its offset"):
        instant_ns(value, 0, "start", BERLIN)


def test_a_named_zone_needs_times_in_it() -> None:
    assert zone_of({}) is None
    assert zone_of({"time_zone": ""}) is None
    for start in ("2024-10-26T20:00:00.000000000Z", "NaT"):
        assert zone_of({"time_zone": "Europe/Berlin", "start": start}) == BERLIN
    with pytest.raises(ParameterError, match="times are local, although a time zone is named"):
        zone_of({"time_zone": "Europe/Berlin", "start": "2024-10-26T20:00:00.000000000"})


def test_nothing_asks_the_machine_for_its_zone() -> None:
    """The ways to do so in the standard library, NumPy and pandas; `.astimezone()` of Zone has a zone."""
    forbidden = re.compile(
        r"tzlocal|localtime|mktime|tzset|time\.(altzone|timezone|daylight)|\.astimezone\(\)|\.timestamp\(\)"
        r"|utcfromtimestamp|datetime\.(now|today)\(\)|fromtimestamp\(\w+\)|date\.today|tz=None|TZPATH"
    )
    for path in Path(sleepdask.__file__).parent.rglob("*.py"):
        source = path.read_text("utf-8")
        code = ast.unparse(ast.parse(source))  # without comments
        assert not forbidden.search(code), path
        if path.name != "zones.py":
            assert "zoneinfo" not in code, path
