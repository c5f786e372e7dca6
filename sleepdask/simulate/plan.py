"""What a synthetic cohort consists of, before any of its nights is made: seeds, starts, covariates, faults."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.parallel.config import check_count
from sleepdask.simulate.faults import FAULTS
from sleepdask.simulate.streams import stream

GROUPS = ("control", "patient")
SEXES = ("F", "M")

_FIRST_DAY = dt.datetime(2004, 1, 1, 21, 30)
_DAYS = 7300  # on as many different days nights begin; more nights share them
_EVENING_SECONDS = 9000  # after half past nine
_YOUNGEST, _OLDEST = 18, 85


@dataclass(frozen=True)
class Member:
    """One night of a cohort: who and when, and the name of what is wrong with its files, if anything is."""

    recording_id: str
    seed: int
    start: dt.datetime
    group: str
    age: int
    sex: str
    fault: str | None = None


def plan_cohort(nights: int, faulty: int, seed: int) -> list[Member]:
    """Draw the nights of a cohort; the first ones are the same however many follow, their faults left aside.

    Raises
    ------
    ParameterError
        A number is out of range.
    """
    check_count("nights", nights, least=1)
    check_count("faulty", faulty, least=0)
    check_count("seed", seed, least=0)
    if faulty > nights:
        raise ParameterError("more faulty nights than nights", expected=f"at most {nights}", found=faulty)
    faults = _faults(nights, faulty, stream(seed, "faulty nights"))
    seeds = stream(seed, "seeds of nights").integers(2**62, size=nights)
    evenings = stream(seed, "starts of nights").integers(_EVENING_SECONDS, size=nights)
    # One of two neighbours is a patient: both groups are equally large.
    patients = stream(seed, "groups").integers(2, size=(nights + 1) // 2)
    ages = np.clip(np.rint(stream(seed, "ages").normal(50, 15, size=nights)), _YOUNGEST, _OLDEST)
    sexes = stream(seed, "sexes").integers(2, size=nights)
    width = max(3, len(str(nights)))
    return [
        Member(
            recording_id=f"N{k + 1:0{width}}",
            seed=int(seeds[k]),
            start=_FIRST_DAY + dt.timedelta(days=k % _DAYS, seconds=int(evenings[k])),
            group=GROUPS[(k + int(patients[k // 2])) % 2],
            age=int(ages[k]),
            sex=SEXES[sexes[k]],
            fault=faults.get(k),
        )
        for k in range(nights)
    ]


def _faults(nights: int, faulty: int, rng: np.random.Generator) -> dict[int, str]:
    """Give faults to some nights; no kind comes again before all others came."""
    kinds: list[str] = []
    while len(kinds) < faulty:
        kinds += rng.permutation(list(FAULTS)).tolist()
    return dict(zip(rng.permutation(nights)[:faulty].tolist(), kinds, strict=False))
